/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_gandi, .zone = "example.com", .zone_id = "example.com"

static const struct script scripts[] = {
	{"zones: recorded", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?per_page=100", NULL, 200, "@gandi/octodns/gandi-domains-1.json"}},
	 .zones = "example.com=example.com test.org=test.org unit.tests=unit.tests"},
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?per_page=100", NULL, 200, "@gandi/octodns/gandi-domains-1.json",
		    .header = {"Link",
			       "<https://api.gandi.net/v5/livedns/domains?per_page=100&page=1>; "
			       "rel=\"first\", <https://evil.example/x?page=2&per_page=100>; "
			       "rel=\"next\""}},
		   {"GET /domains?page=2&per_page=100", NULL, 200,
		    "@gandi/octodns/gandi-domains-2.json"}},
	 .zones = "example.com=example.com test.org=test.org unit.tests=unit.tests "
		  "another.net=another.net example.net=example.net"},
	{"zones: of an organization", .provider = &provider_gandi, .fields = {"sharing_id", "0123"},
	 .kind = OP_ZONES,
	 .steps = {{"GET /domains?sharing_id=0123&per_page=100", NULL, 200, "[]"}}},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?per_page=100", NULL, 401, "@gandi/made/error-401.json 0"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "could not verify"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?per_page=100", NULL, 429, "{\"message\":\"slow\"}",
		    .retry_after = 9}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 9},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?per_page=100", NULL, 200, "{\"message\":\"oops\"}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?per_page=100", NULL, 200, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /domains?per_page=100", NULL, 200, "[]"}}, .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_gandi, .zone = "t18s.fr", .zone_id = "t18s.fr",
	 .kind = OP_ADD, .fqdn = "_acme-challenge.createrecordset.t18s.fr",
	 .value = "challengetoken1", .type = RR_TXT, .ttl = 3600,
	 .steps = {{"GET /domains/t18s.fr/records/_acme-challenge.createrecordset/TXT", NULL, 404,
		    "@gandi/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 1"},
		   {"POST /domains/t18s.fr/records/_acme-challenge.createrecordset/TXT",
		    "{\"rrset_ttl\":3600,\"rrset_values\":[\"\\\"challengetoken1\\\"\"]}", 201,
		    "@gandi/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 2"},
		   {"GET /domains/t18s.fr/records/_acme-challenge.createrecordset/TXT", NULL, 200,
		    "@gandi/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 3"}}},
	{"add: not allowed (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 403,
		    "@gandi/made/error-403.json 0"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .unchanged = true},
	{"add: a relative target is another", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "docs.example.com", .type = RR_CNAME,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/CNAME", NULL, 200,
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"docs.example.com\"]}"},
		   {"PUT /domains/example.com/records/_acme-challenge/CNAME",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"docs.example.com\",\"docs.example.com."
		    "\"]}",
		    400, "{\"errors\":[{\"description\":\"only one CNAME\"}]}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "only one CNAME"},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"one\\\"\"],\"rrset_href\":\"https://x\"}"}},
	 .found = true, .unchanged = true},
	{"add: the first value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"POST /domains/example.com/records/_acme-challenge/TXT",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"\\\"one\\\"\"]}", 201,
		    "{\"message\":\"DNS Record Created\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"one\\\"\"],\"rrset_href\":\"https://x\"}"}}},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"one\\\"\"],\"rrset_href\":\"https://x\"}"},
		   {"PUT /domains/example.com/records/_acme-challenge/TXT",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"\\\"one\\\"\",\"\\\"two\\\"\"]}", 201,
		    "{\"message\":\"DNS Record Created\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"one\\\"\",\"\\\"two\\\"\"],\"rrset_href\":\"https://"
		    "x\"}"}}},
	{"add: a CAA", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/CAA", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"POST /domains/example.com/records/_acme-challenge/CAA",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"0 issue \\\"ca.example\\\"\"]}", 201,
		    "{\"message\":\"DNS Record Created\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/CAA", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"CAA\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"0 issue "
		    "\\\"ca.example\\\"\"],\"rrset_href\":\"https://x\"}"}}},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"one\\\"\",\"\\\"two\\\"\"],\"rrset_href\":\"https://"
		    "x\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/CAA", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/CNAME", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"CNAME\",\"rrset_ttl\":"
		    "300,\"rrset_values\":[\"else.example.net.\"],\"rrset_href\":\"https://x\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/NS", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"DELETE /domains/example.com/records/_acme-challenge/CNAME", NULL, 204, ""},
		   {"PUT /domains/example.com/records/_acme-challenge/TXT",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"\\\"new\\\"\"]}", 201,
		    "{\"message\":\"DNS Record Created\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"new\\\"\"],\"rrset_href\":\"https://x\"}"}},
	 .replaced = "_acme-challenge.example.com. 300 TXT \"one\"|_acme-challenge.example.com. "
		     "300 TXT \"two\"|_acme-challenge.example.com. 300 CNAME else.example.net."},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/CNAME", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/CAA", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/NS", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/A", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"A\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"192.0.2.1\"],\"rrset_href\":\"https://x\"}"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: another writer undid it", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"POST /domains/example.com/records/_acme-challenge/TXT",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"\\\"one\\\"\"]}", 201,
		    "{\"message\":\"DNS Record Created\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"two\\\"\"],\"rrset_href\":\"https://x\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"two\\\"\"],\"rrset_href\":\"https://x\"}"},
		   {"PUT /domains/example.com/records/_acme-challenge/TXT",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"\\\"two\\\"\",\"\\\"one\\\"\"]}", 201,
		    "{\"message\":\"DNS Record Created\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"two\\\"\",\"\\\"one\\\"\"],\"rrset_href\":\"https://"
		    "x\"}"}}},
	{"add: another writer was faster", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"POST /domains/example.com/records/_acme-challenge/TXT",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"\\\"one\\\"\"]}", 409,
		    "{\"message\":\"exists\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"two\\\"\"],\"rrset_href\":\"https://x\"}"},
		   {"PUT /domains/example.com/records/_acme-challenge/TXT",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"\\\"two\\\"\",\"\\\"one\\\"\"]}", 201,
		    "{\"message\":\"DNS Record Created\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"two\\\"\",\"\\\"one\\\"\"],\"rrset_href\":\"https://"
		    "x\"}"}}},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 404,
		    "{\"code\":404,\"message\":\"zone not there\",\"object\":\"HTTPNotFound\"}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"POST /domains/example.com/records/_acme-challenge/TXT",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"\\\"one\\\"\"]}", 400,
		    "{\"status\":\"error\",\"message\":\"TTL is bad\"}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "TTL is bad"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"},
		   {"POST /domains/example.com/records/_acme-challenge/TXT",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"\\\"one\\\"\"]}", 502, "<html>"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"one\\\"\"],\"rrset_href\":\"https://x\"}"}}},
	{"remove: recorded", .provider = &provider_gandi, .zone = "t18s.fr", .zone_id = "t18s.fr",
	 .kind = OP_REMOVE, .fqdn = "_acme-challenge.deleterecordinset.t18s.fr",
	 .value = "challengetoken1", .type = RR_TXT,
	 .steps = {{"GET /domains/t18s.fr/records/_acme-challenge.deleterecordinset/TXT", NULL, 200,
		    "@gandi/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 5"},
		   {"PUT /domains/t18s.fr/records/_acme-challenge.deleterecordinset/TXT",
		    "{\"rrset_ttl\":3600,\"rrset_values\":[\"\\\"challengetoken2\\\"\"]}", 201,
		    "@gandi/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 6"},
		   {"GET /domains/t18s.fr/records/_acme-challenge.deleterecordinset/TXT", NULL, 200,
		    "@gandi/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 7"}},
	 .removed = true},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"two\\\"\"],\"rrset_href\":\"https://x\"}"}},
	 .unchanged = true},
	{"remove: gone with its set", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"one\\\"\",\"\\\"two\\\"\"],\"rrset_href\":\"https://"
		    "x\"}"},
		   {"PUT /domains/example.com/records/_acme-challenge/TXT",
		    "{\"rrset_ttl\":300,\"rrset_values\":[\"\\\"two\\\"\"]}", 201,
		    "{\"message\":\"DNS Record Created\"}"},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"two\\\"\"],\"rrset_href\":\"https://x\"}"}},
	 .removed = true},
	{"remove: the last one", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 200,
		    "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":300,"
		    "\"rrset_values\":[\"\\\"one\\\"\"],\"rrset_href\":\"https://x\"}"},
		   {"DELETE /domains/example.com/records/_acme-challenge/TXT", NULL, 204, ""},
		   {"GET /domains/example.com/records/_acme-challenge/TXT", NULL, 404,
		    "{\"code\":404,\"message\":\"Can't find the DNS "
		    "record\",\"object\":\"dns-record\",\"cause\":\"Not Found\"}"}},
	 .removed = true},
};

int main(void)
{
	return run_scripts("gandi", scripts, ARRAY_LEN(scripts));
}
