/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_namecom, .zone = "example.com", .zone_id = "example.com"

static const struct script scripts[] = {
	{"zones: recorded", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&perPage=1000", NULL, 200,
		    "@namecom/lexicon/"
		    "test_provider_when_calling_delete_record_by_identifier_should_remove_record."
		    "json 0"}},
	 .zones = "aur.im=aur.im mim.pw=mim.pw"},
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&perPage=1000", NULL, 200,
		    "{\"domains\":[{\"domainName\":\"a.example\"}],\"nextPage\":2,\"lastPage\":2}"},
		   {"GET /domains?page=2&perPage=1000", NULL, 200,
		    "{\"domains\":[{\"domainName\":\"b.example\"}],\"lastPage\":2}"}},
	 .zones = "a.example=a.example b.example=b.example"},
	{"zones: none", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&perPage=1000", NULL, 200, "{}"}}},
	{"zones: API access is off (made)", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&perPage=1000", NULL, 403,
		    "@namecom/made/error-403.json 0"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Namesafe"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&perPage=1000", NULL, 401,
		    "{\"message\":\"Unauthenticated\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Unauthenticated"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&perPage=1000", NULL, 429, "{\"message\":\"Rate limit\"}",
		    .retry_after = 3}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 3},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&perPage=1000", NULL, 200, "{\"message\":\"oops\"}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&perPage=1000", NULL, 200, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /domains?page=1&perPage=1000", NULL, 200, "{}"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_namecom, .zone = "mim.pw", .zone_id = "mim.pw",
	 .kind = OP_ADD, .fqdn = "delete.testid.mim.pw", .value = "challengetoken", .type = RR_TXT,
	 .ttl = 3600,
	 .steps = {{"GET /domains/mim.pw/records?page=1&perPage=1000", NULL, 200, "{}"},
		   {"POST /domains/mim.pw/records",
		    "{\"type\":\"TXT\",\"host\":\"delete.testid\",\"answer\":\"challengetoken\","
		    "\"ttl\":3600}",
		    200,
		    "@namecom/lexicon/"
		    "test_provider_when_calling_delete_record_by_identifier_should_remove_record."
		    "json 1"}},
	 .record_id = "178073554"},
	{"add: a duplicate after all", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records?page=1&perPage=1000", NULL, 200, "{}"},
		  {"POST /domains/example.com/records",
		   "{\"type\":\"TXT\",\"host\":\"_acme-challenge\",\"answer\":\"one\",\"ttl\":300}",
		   400,
		   "{\"message\":\"Invalid Argument\",\"details\":\"Parameter Value Error - "
		   "Duplicate Record\"}"},
		  {"GET /domains/example.com/records?page=1&perPage=1000", NULL, 200,
		   "{\"records\":[{\"id\":11,\"host\":\"_acme-challenge\",\"type\":\"TXT\","
		   "\"answer\":\"one\",\"ttl\":300}]}"}},
	 .record_id = "11", .found = true},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records?page=1&perPage=1000", NULL, 200,
		    "{\"records\":[{\"id\":11,\"domainName\":\"example.com\",\"host\":\"_acme-"
		    "challenge\",\"fqdn\":\"_acme-challenge.example.com.\",\"type\":\"TXT\","
		    "\"answer\":\"one\",\"ttl\":300}]}"}},
	 .record_id = "11", .found = true, .unchanged = true},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records?page=1&perPage=1000", NULL, 200,
		   "{\"records\":[{\"id\":11,\"domainName\":\"example.com\",\"host\":\"_acme-"
		   "challenge\",\"fqdn\":\"_acme-challenge.example.com.\",\"type\":\"TXT\","
		   "\"answer\":\"one\",\"ttl\":300}]}"},
		  {"POST /domains/example.com/records",
		   "{\"type\":\"TXT\",\"host\":\"_acme-challenge\",\"answer\":\"two\",\"ttl\":300}",
		   200, "{\"id\":22,\"type\":\"TXT\"}"}},
	 .record_id = "22"},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps =
		 {{"GET /domains/example.com/records?page=1&perPage=1000", NULL, 200,
		   "{\"records\":[{\"id\":11,\"domainName\":\"example.com\",\"host\":\"_acme-"
		   "challenge\",\"fqdn\":\"_acme-challenge.example.com.\",\"type\":\"TXT\","
		   "\"answer\":\"one\",\"ttl\":300},{\"id\":22,\"domainName\":\"example.com\","
		   "\"host\":\"_acme-challenge\",\"fqdn\":\"_acme-challenge.example.com.\","
		   "\"type\":\"TXT\",\"answer\":\"two\",\"ttl\":300},{\"id\":44,\"domainName\":"
		   "\"example.com\",\"host\":\"_acme-challenge\",\"fqdn\":\"_acme-challenge."
		   "example.com.\",\"type\":\"A\",\"answer\":\"192.0.2.1\",\"ttl\":300}]}"},
		  {"DELETE /domains/example.com/records/11", NULL, 200, "{}"},
		  {"DELETE /domains/example.com/records/22", NULL, 404,
		   "@namecom/made/error-404.json 0"},
		  {"POST /domains/example.com/records",
		   "{\"type\":\"TXT\",\"host\":\"_acme-challenge\",\"answer\":\"new\",\"ttl\":300}",
		   200, "{\"id\":55,\"type\":\"TXT\"}"}},
	 .record_id = "55",
	 .replaced = "_acme-challenge.example.com. 300 TXT one|_acme-challenge.example.com. 300 "
		     "TXT two"},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET /domains/example.com/records?page=1&perPage=1000", NULL, 200,
		    "{\"records\":[{\"id\":44,\"domainName\":\"example.com\",\"host\":\"_acme-"
		    "challenge\",\"fqdn\":\"_acme-challenge.example.com.\",\"type\":\"A\","
		    "\"answer\":\"192.0.2.1\",\"ttl\":300}]}"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: a CNAME", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "target.example.net", .type = RR_CNAME, .mode = MODE_REPLACE,
	 .steps = {{"GET /domains/example.com/records?page=1&perPage=1000", NULL, 200, "{}"},
		   {"POST /domains/example.com/records",
		    "{\"type\":\"CNAME\",\"host\":\"_acme-challenge\",\"answer\":\"target.example."
		    "net\",\"ttl\":300}",
		    200, "{\"id\":66,\"type\":\"CNAME\"}"}},
	 .record_id = "66"},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records?page=1&perPage=1000", NULL, 404,
		    "{\"message\":\"Not Found\"}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records?page=1&perPage=1000", NULL, 200, "{}"},
		  {"POST /domains/example.com/records",
		   "{\"type\":\"TXT\",\"host\":\"_acme-challenge\",\"answer\":\"one\",\"ttl\":300}",
		   400,
		   "{\"message\":\"Invalid Argument\",\"details\":\"Parameter Value Error - "
		   "Bad\"}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "Parameter Value Error"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records?page=1&perPage=1000", NULL, 200, "{}"},
		  {"POST /domains/example.com/records",
		   "{\"type\":\"TXT\",\"host\":\"_acme-challenge\",\"answer\":\"one\",\"ttl\":300}",
		   502, "<html>"},
		  {"GET /domains/example.com/records?page=1&perPage=1000", NULL, 200,
		   "{\"records\":[{\"id\":11,\"domainName\":\"example.com\",\"host\":\"_acme-"
		   "challenge\",\"fqdn\":\"_acme-challenge.example.com.\",\"type\":\"TXT\","
		   "\"answer\":\"one\",\"ttl\":300}]}"}},
	 .record_id = "11"},
	{"remove: recorded", .provider = &provider_namecom, .zone = "mim.pw", .zone_id = "mim.pw",
	 .kind = OP_REMOVE, .fqdn = "delete.testid.mim.pw", .value = "challengetoken",
	 .type = RR_TXT, .wanted_id = "178073554",
	 .steps = {{"GET /domains/mim.pw/records/178073554", NULL, 200,
		    "@namecom/lexicon/"
		    "test_provider_when_calling_delete_record_by_identifier_should_remove_record."
		    "json 1"},
		   {"DELETE /domains/mim.pw/records/178073554", NULL, 200,
		    "@namecom/lexicon/"
		    "test_provider_when_calling_delete_record_by_identifier_should_remove_record."
		    "json 3"}},
	 .removed = true},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/example.com/records/11", NULL, 404,
		    "@namecom/made/error-404.json 0"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/example.com/records/11", NULL, 200,
		    "{\"id\":11,\"domainName\":\"example.com\",\"host\":\"_acme-challenge\","
		    "\"fqdn\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"answer\":\"one\","
		    "\"ttl\":300}"},
		   {"DELETE /domains/example.com/records/11", NULL, 200, "{}"}},
	 .removed = true},
	{"remove: the id names another now", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/example.com/records/11", NULL, 200,
		    "{\"id\":11,\"domainName\":\"example.com\",\"host\":\"_acme-challenge\","
		    "\"fqdn\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"answer\":\"two\","
		    "\"ttl\":300}"}},
	 .unchanged = true},
	{"remove: gone meanwhile", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/example.com/records/11", NULL, 200,
		    "{\"id\":11,\"domainName\":\"example.com\",\"host\":\"_acme-challenge\","
		    "\"fqdn\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"answer\":\"one\","
		    "\"ttl\":300}"},
		   {"DELETE /domains/example.com/records/11", NULL, 404,
		    "@namecom/made/error-404.json 0"}}},
};

int main(void)
{
	return run_scripts("namecom", scripts, ARRAY_LEN(scripts));
}
