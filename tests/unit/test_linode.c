/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_linode, .zone = "example.com", .zone_id = "z1"

static const struct script scripts[] = {
	{"zones: recorded", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&page_size=100", NULL, 200,
		    "@linode/linodego/TestDomains_List.json 1"}},
	 .zones = "linodego-blue-test.com=3041960 "
		  "example.clone-1713285844751924000-inttestsdk.org=2956594"},
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&page_size=100", NULL, 200,
		    "{\"data\":[{\"id\":1,\"domain\":\"a.example\",\"type\":\"master\",\"status\":"
		    "\"active\"},{\"id\":2,\"domain\":\"b.example\",\"type\":\"slave\",\"status\":"
		    "\"active\"}],\"page\":1,\"pages\":2}"},
		   {"GET /domains?page=2&page_size=100", NULL, 200,
		    "{\"data\":[{\"id\":3,\"domain\":\"c.example\",\"type\":\"master\",\"status\":"
		    "\"active\"},{\"id\":4,\"domain\":\"d.example\",\"type\":\"master\",\"status\":"
		    "\"disabled\"}],\"page\":2,\"pages\":2}"}},
	 .zones = "a.example=1 c.example=3"},
	{"zones: Retry-After on a good answer means nothing", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&page_size=100", NULL, 200,
		    "@linode/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 0",
		    .retry_after = 69}},
	 .zones = "lexicon-test.com=1065421"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&page_size=100", NULL, 401,
		    "@linode/made/error-401.json 0"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Invalid Token"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&page_size=100", NULL, 429,
		    "{\"errors\":[{\"reason\":\"Too many requests\"}]}", .retry_after = 12}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 12},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&page_size=100", NULL, 200,
		    "{\"errors\":[{\"reason\":\"oops\"}]}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&page_size=100", NULL, 200, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /domains?page=1&page_size=100", NULL, 200,
		    "{\"data\":[],\"page\":1,\"pages\":1}"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_linode, .zone = "lexicon-test.com",
	 .zone_id = "1065421", .kind = OP_ADD,
	 .fqdn = "_acme-challenge.createrecordset.lexicon-test.com", .value = "challengetoken1",
	 .type = RR_TXT, .ttl = 121,
	 .steps = {{"GET /domains/1065421/records?page=1&page_size=500", NULL, 200,
		    "@linode/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 1"},
		   {"POST /domains/1065421/records",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge.createrecordset\",\"target\":"
		    "\"challengetoken1\",\"ttl_sec\":300}",
		    200,
		    "@linode/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 2"}},
	 .record_id = "9295238"},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\","
		    "\"target\":\"one\",\"ttl_sec\":300,\"tag\":null}],\"page\":1,\"pages\":1}"}},
	 .record_id = "11", .found = true, .unchanged = true},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		   "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":"
		   "\"one\",\"ttl_sec\":300,\"tag\":null}],\"page\":1,\"pages\":1}"},
		  {"POST /domains/z1/records",
		   "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"two\",\"ttl_sec\":"
		   "120}",
		   200,
		   "{\"id\":22,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"two\"}"}},
	 .record_id = "22"},
	{"add: a CAA", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		    "{\"data\":[],\"page\":1,\"pages\":1}"},
		   {"POST /domains/z1/records",
		    "{\"type\":\"CAA\",\"name\":\"_acme-challenge\",\"tag\":\"issue\",\"target\":"
		    "\"ca.example\",\"ttl_sec\":120}",
		    200,
		    "{\"id\":33,\"type\":\"CAA\",\"name\":\"_acme-challenge\",\"target\":\"0 issue "
		    "\\\"ca.example\\\"\"}"}},
	 .record_id = "33"},
	{"add: replace by a CAA whose flag has no place", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "128 issue \"ca.example\"", .type = RR_CAA,
	 .mode = MODE_REPLACE, .error = CODE_PROVIDER_REJECTED, .detail = "flag",
	 .unchanged = true},
	{"zones: Retry-After in a good answer", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&page_size=100", NULL, 200, "{\"oops\":1}",
		    .retry_after = 99}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"add: a CAA exists", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps =
		 {{"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		   "{\"data\":[{\"id\":33,\"type\":\"CAA\",\"name\":\"_acme-challenge\",\"target\":"
		   "\"ca.example\",\"ttl_sec\":300,\"tag\":\"issue\"}],\"page\":1,\"pages\":1}"}},
	 .record_id = "33", .found = true, .unchanged = true},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps =
		 {{"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		   "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":"
		   "\"one\",\"ttl_sec\":300,\"tag\":null},{\"id\":22,\"type\":\"TXT\",\"name\":\"_"
		   "acme-challenge\",\"target\":\"two\",\"ttl_sec\":300,\"tag\":null},{\"id\":44,"
		   "\"type\":\"A\",\"name\":\"_acme-challenge\",\"target\":\"192.0.2.1\",\"ttl_"
		   "sec\":300,\"tag\":null}],\"page\":1,\"pages\":1}"},
		  {"DELETE /domains/z1/records/11", NULL, 200, "{}"},
		  {"DELETE /domains/z1/records/22", NULL, 404,
		   "{\"errors\":[{\"reason\":\"Not found\"}]}"},
		  {"POST /domains/z1/records",
		   "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"new\",\"ttl_sec\":"
		   "120}",
		   200,
		   "{\"id\":55,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"new\"}"}},
	 .record_id = "55",
	 .replaced = "_acme-challenge.example.com. 300 TXT one|_acme-challenge.example.com. 300 "
		     "TXT two"},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		    "{\"data\":[{\"id\":44,\"type\":\"A\",\"name\":\"_acme-challenge\",\"target\":"
		    "\"192.0.2.1\",\"ttl_sec\":300,\"tag\":null}],\"page\":1,\"pages\":1}"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: a CNAME", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "target.example.net", .type = RR_CNAME, .mode = MODE_REPLACE,
	 .steps = {{"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		    "{\"data\":[],\"page\":1,\"pages\":1}"},
		   {"POST /domains/z1/records",
		    "{\"type\":\"CNAME\",\"name\":\"_acme-challenge\",\"target\":\"target.example."
		    "net\",\"ttl_sec\":120}",
		    200,
		    "{\"id\":66,\"type\":\"CNAME\",\"name\":\"_acme-challenge\",\"target\":"
		    "\"target.example.net\"}"}},
	 .record_id = "66"},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/z1/records?page=1&page_size=500", NULL, 404,
		    "{\"errors\":[{\"reason\":\"Not found\"}]}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		    "{\"data\":[],\"page\":1,\"pages\":1}"},
		   {"POST /domains/z1/records",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"one\",\"ttl_sec\":"
		    "120}",
		    400, "{\"errors\":[{\"reason\":\"invalid name\"}]}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "invalid name"},
	{"add: an alias is in the way", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		    "{\"data\":[],\"page\":1,\"pages\":1}"},
		   {"POST /domains/z1/records",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"one\",\"ttl_sec\":"
		    "120}",
		    400, "@linode/made/error-400.json 0"}},
	 .error = CODE_CONFLICT, .detail = "CNAMES must be unique"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		    "{\"data\":[],\"page\":1,\"pages\":1}"},
		   {"POST /domains/z1/records",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"one\",\"ttl_sec\":"
		    "120}",
		    502, "<html>"},
		   {"GET /domains/z1/records?page=1&page_size=500", NULL, 200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\","
		    "\"target\":\"one\",\"ttl_sec\":300,\"tag\":null}],\"page\":1,\"pages\":1}"}},
	 .record_id = "11"},
	{"remove: recorded", .provider = &provider_linode, .zone = "lexicon-test.com",
	 .zone_id = "1065421", .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.createrecordset.lexicon-test.com", .value = "challengetoken1",
	 .type = RR_TXT, .wanted_id = "9295238",
	 .steps = {{"GET /domains/1065421/records/9295238", NULL, 200,
		    "@linode/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 2"},
		   {"DELETE /domains/1065421/records/9295238", NULL, 200, "{}"}},
	 .removed = true},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/z1/records/11", NULL, 404,
		    "{\"errors\":[{\"reason\":\"Not found\"}]}"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/z1/records/11", NULL, 200,
		    "{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"one\","
		    "\"ttl_sec\":300,\"tag\":null}"},
		   {"DELETE /domains/z1/records/11", NULL, 200, "{}"}},
	 .removed = true},
	{"remove: the id names another now", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/z1/records/11", NULL, 200,
		    "{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"two\","
		    "\"ttl_sec\":300,\"tag\":null}"}},
	 .unchanged = true},
	{"remove: gone meanwhile", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/z1/records/11", NULL, 200,
		    "{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"one\","
		    "\"ttl_sec\":300,\"tag\":null}"},
		   {"DELETE /domains/z1/records/11", NULL, 404,
		    "{\"errors\":[{\"reason\":\"Not found\"}]}"}}},
};

int main(void)
{
	return run_scripts("linode", scripts, ARRAY_LEN(scripts));
}
