/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_digitalocean, .zone = "example.com", .zone_id = "example.com"

static const struct script scripts[] = {
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&per_page=100", NULL, 200,
		    "@digitalocean/octodns/digitalocean-domains-page-1.json"},
		   {"GET /domains?page=2&per_page=100", NULL, 200,
		    "@digitalocean/octodns/digitalocean-domains-page-2.json"}},
	 .zones = "unit.tests=unit.tests sub.unit.tests=sub.unit.tests other.com=other.com "
		  "something.farm=something.farm"},
	{"zones: recorded", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&per_page=100", NULL, 200,
		    "@digitalocean/octodns/digitalocean-domains-page-2.json"}},
	 .zones = "other.com=other.com something.farm=something.farm"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&per_page=100", NULL, 401,
		    "{\"id\":\"Unauthorized\",\"message\":\"Unable to authenticate you\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Unable to authenticate"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&per_page=100", NULL, 429,
		    "@digitalocean/made/error-429.json 0", .retry_after = 29}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 29},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&per_page=100", NULL, 200,
		    "{\"id\":\"server_error\",\"message\":\"oops\"}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?page=1&per_page=100", NULL, 200, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /domains?page=1&per_page=100", NULL, 200,
		    "{\"domains\":[],\"links\":{}}"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_digitalocean, .zone = "foxwoodswebsites.com",
	 .zone_id = "foxwoodswebsites.com", .kind = OP_ADD,
	 .fqdn = "delete.testfilt.foxwoodswebsites.com", .value = "challengetoken", .type = RR_TXT,
	 .ttl = 3600,
	 .steps = {{"GET "
		    "/domains/foxwoodswebsites.com/"
		    "records?name=delete.testfilt.foxwoodswebsites.com&page=1&per_page=200",
		    NULL, 200,
		    "@digitalocean/lexicon/"
		    "test_provider_when_calling_delete_record_by_filter_should_remove_record.json "
		    "1"},
		   {"GET "
		    "/domains/foxwoodswebsites.com/"
		    "records?name=delete.testfilt.foxwoodswebsites.com&page=2&per_page=200",
		    NULL, 200,
		    "@digitalocean/lexicon/"
		    "test_provider_when_calling_delete_record_by_filter_should_remove_record.json "
		    "2"},
		   {"POST /domains/foxwoodswebsites.com/records",
		    "{\"type\":\"TXT\",\"name\":\"delete.testfilt\",\"data\":\"challengetoken\","
		    "\"ttl\":3600}",
		    201,
		    "@digitalocean/lexicon/"
		    "test_provider_when_calling_delete_record_by_filter_should_remove_record.json "
		    "3"}},
	 .record_id = "92264290"},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 200,
		    "{\"domain_records\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\","
		    "\"data\":\"one\",\"ttl\":300,\"flags\":null,\"tag\":null}],\"links\":{}}"}},
	 .record_id = "11", .found = true, .unchanged = true},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 200,
		    "{\"domain_records\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\","
		    "\"data\":\"one\",\"ttl\":300,\"flags\":null,\"tag\":null}],\"links\":{}}"},
		   {"POST /domains/example.com/records",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"two\",\"ttl\":60}",
		    201,
		    "{\"domain_record\":{\"id\":22,\"type\":\"TXT\",\"name\":\"_acme-challenge\"}"
		    "}"}},
	 .record_id = "22"},
	{"add: a CAA", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 200, "{\"domain_records\":[],\"links\":{}}"},
		   {"POST /domains/example.com/records",
		    "{\"type\":\"CAA\",\"name\":\"_acme-challenge\",\"flags\":0,\"tag\":\"issue\","
		    "\"data\":\"ca.example.\",\"ttl\":60}",
		    201,
		    "{\"domain_record\":{\"id\":33,\"type\":\"CAA\",\"name\":\"_acme-challenge\"}"
		    "}"}},
	 .record_id = "33"},
	{"add: a CAA exists", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 200,
		    "{\"domain_records\":[{\"id\":33,\"type\":\"CAA\",\"name\":\"_acme-challenge\","
		    "\"data\":\"ca.example\",\"ttl\":300,\"flags\":0,\"tag\":\"issue\"}],\"links\":"
		    "{}}"}},
	 .record_id = "33", .found = true, .unchanged = true},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 200,
		    "{\"domain_records\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\","
		    "\"data\":\"one\",\"ttl\":300,\"flags\":null,\"tag\":null},{\"id\":22,\"type\":"
		    "\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"two\",\"ttl\":300,\"flags\":"
		    "null,\"tag\":null},{\"id\":44,\"type\":\"A\",\"name\":\"_acme-challenge\","
		    "\"data\":\"192.0.2.1\",\"ttl\":300,\"flags\":null,\"tag\":null}],\"links\":{}"
		    "}"},
		   {"DELETE /domains/example.com/records/11", NULL, 204, ""},
		   {"DELETE /domains/example.com/records/22", NULL, 404,
		    "{\"id\":\"not_found\",\"message\":\"The resource you were accessing could not "
		    "be found.\"}"},
		   {"POST /domains/example.com/records",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"new\",\"ttl\":60}",
		    201,
		    "{\"domain_record\":{\"id\":55,\"type\":\"TXT\",\"name\":\"_acme-challenge\"}"
		    "}"}},
	 .record_id = "55",
	 .replaced = "_acme-challenge.example.com. 300 TXT one|_acme-challenge.example.com. 300 "
		     "TXT two"},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 200,
		    "{\"domain_records\":[{\"id\":44,\"type\":\"A\",\"name\":\"_acme-challenge\","
		    "\"data\":\"192.0.2.1\",\"ttl\":300,\"flags\":null,\"tag\":null}],\"links\":{}"
		    "}"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: a CNAME", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "target.example.net", .type = RR_CNAME, .mode = MODE_REPLACE,
	 .steps = {{"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 200, "{\"domain_records\":[],\"links\":{}}"},
		   {"POST /domains/example.com/records",
		    "{\"type\":\"CNAME\",\"name\":\"_acme-challenge\",\"data\":\"target.example."
		    "net.\",\"ttl\":60}",
		    201,
		    "{\"domain_record\":{\"id\":66,\"type\":\"CNAME\",\"name\":\"_acme-challenge\"}"
		    "}"}},
	 .record_id = "66"},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 404, "{\"id\":\"not_found\",\"message\":\"nope\"}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 200, "{\"domain_records\":[],\"links\":{}}"},
		   {"POST /domains/example.com/records",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"one\",\"ttl\":60}",
		    422, "@digitalocean/made/error-422.json 0"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "TTL should be"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 200, "{\"domain_records\":[],\"links\":{}}"},
		   {"POST /domains/example.com/records",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"one\",\"ttl\":60}",
		    502, "<html>"},
		   {"GET "
		    "/domains/example.com/"
		    "records?name=_acme-challenge.example.com&page=1&per_page=200",
		    NULL, 200,
		    "{\"domain_records\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\","
		    "\"data\":\"one\",\"ttl\":300,\"flags\":null,\"tag\":null}],\"links\":{}}"}},
	 .record_id = "11"},
	{"remove: recorded", .provider = &provider_digitalocean, .zone = "foxwoodswebsites.com",
	 .zone_id = "foxwoodswebsites.com", .kind = OP_REMOVE,
	 .fqdn = "delete.testfilt.foxwoodswebsites.com", .value = "challengetoken", .type = RR_TXT,
	 .wanted_id = "92264290",
	 .steps = {{"GET /domains/foxwoodswebsites.com/records/92264290", NULL, 200,
		    "@digitalocean/lexicon/"
		    "test_provider_when_calling_delete_record_by_filter_should_remove_record.json "
		    "3"},
		   {"DELETE /domains/foxwoodswebsites.com/records/92264290", NULL, 204, ""}},
	 .removed = true},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/example.com/records/11", NULL, 404,
		    "{\"id\":\"not_found\",\"message\":\"The resource you were accessing could not "
		    "be found.\"}"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/example.com/records/11", NULL, 200,
		    "{\"domain_record\":{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\","
		    "\"data\":\"one\",\"ttl\":300,\"flags\":null,\"tag\":null}}"},
		   {"DELETE /domains/example.com/records/11", NULL, 204, ""}},
	 .removed = true},
	{"remove: the id names another now", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/example.com/records/11", NULL, 200,
		    "{\"domain_record\":{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\","
		    "\"data\":\"two\",\"ttl\":300,\"flags\":null,\"tag\":null}}"}},
	 .unchanged = true},
	{"remove: gone meanwhile", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domains/example.com/records/11", NULL, 200,
		    "{\"domain_record\":{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\","
		    "\"data\":\"one\",\"ttl\":300,\"flags\":null,\"tag\":null}}"},
		   {"DELETE /domains/example.com/records/11", NULL, 404,
		    "{\"id\":\"not_found\",\"message\":\"The resource you were accessing could not "
		    "be found.\"}"}}},
};

int main(void)
{
	return run_scripts("digitalocean", scripts, ARRAY_LEN(scripts));
}
