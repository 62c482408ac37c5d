/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_desec, .zone = "example.com", .zone_id = "example.com"

static const struct script scripts[] = {
	{"zones: recorded", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains/", NULL, 200, "@desec/lego/domains_responsible.json"}},
	 .zones = "example.com=example.com"},
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains/", NULL, 200, "[{\"name\":\"a.example\",\"minimum_ttl\":3600}]",
		    .header = {"Link",
			       "<https://desec.io/api/v1/domains/?cursor=>; rel=\"first\", "
			       "<https://desec.io/api/v1/domains/?cursor=%3Ab%3D>; rel=\"next\""}},
		   {"GET /domains/?cursor=%3Ab%3D", NULL, 200,
		    "[{\"name\":\"b.example\",\"minimum_ttl\":3600}]"}},
	 .zones = "a.example=a.example b.example=b.example"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains/", NULL, 401, "{\"detail\":\"Invalid token.\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Invalid token"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains/", NULL, 429, "{\"detail\":\"Request was throttled.\"}",
		    .retry_after = 55}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 55},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains/", NULL, 200, "{\"detail\":\"oops\"}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains/", NULL, 200, "<html>"}}, .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /domains/", NULL, 200, "[]"}}, .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_desec, .zone = "desec.lexicon",
	 .zone_id = "desec.lexicon", .kind = OP_ADD,
	 .fqdn = "_acme-challenge.createrecordset.desec.lexicon", .value = "challengetoken1",
	 .type = RR_TXT,
	 .steps = {{"GET "
		    "/domains/desec.lexicon/rrsets/"
		    "?subname=_acme-challenge.createrecordset&type=TXT",
		    NULL, 200,
		    "@desec/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 1"},
		   {"POST /domains/desec.lexicon/rrsets/",
		    "{\"subname\":\"_acme-challenge.createrecordset\",\"type\":\"TXT\",\"ttl\":"
		    "3600,\"records\":[\"\\\"challengetoken1\\\"\"]}",
		    201,
		    "@desec/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 2"},
		   {"GET "
		    "/domains/desec.lexicon/rrsets/"
		    "?subname=_acme-challenge.createrecordset&type=TXT",
		    NULL, 200,
		    "@desec/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 3"}}},
	{"add: at the apex", .provider = &provider_desec, .zone = "example.com",
	 .zone_id = "example.com", .kind = OP_ADD, .fqdn = "example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=&type=CAA", NULL, 200, "[]"},
		   {"POST /domains/example.com/rrsets/",
		    "{\"subname\":\"\",\"type\":\"CAA\",\"ttl\":3600,\"records\":[\"0 issue "
		    "\\\"ca.example\\\"\"]}",
		    201, "{\"records\":[]}"},
		   {"GET /domains/example.com/rrsets/?subname=&type=CAA", NULL, 200,
		    "[{\"subname\":\"\",\"name\":\"example.com.\",\"type\":\"CAA\",\"ttl\":3600,"
		    "\"records\":[\"0 issue \\\"ca.example\\\"\"]}]"}}},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"}},
	 .found = true, .unchanged = true},
	{"add: the first value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[]"},
		   {"POST /domains/example.com/rrsets/",
		    "{\"subname\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":3600,\"records\":["
		    "\"\\\"one\\\"\"]}",
		    201,
		    "{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\"],\"ttl\":3600,\"type\":"
		    "\"TXT\"}"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"}}},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"},
		   {"PATCH /domains/example.com/rrsets/_acme-challenge/TXT/",
		    "{\"records\":[\"\\\"one\\\"\",\"\\\"two\\\"\"]}", 200,
		    "{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\",\"\\\"two\\\"\"],"
		    "\"ttl\":300,\"type\":\"TXT\"}"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\",\"\\\"two\\\"\"],"
		    "\"ttl\":300,\"type\":\"TXT\"}]"}}},
	{"add: a CAA", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=CAA", NULL, 200,
		    "[]"},
		   {"POST /domains/example.com/rrsets/",
		    "{\"subname\":\"_acme-challenge\",\"type\":\"CAA\",\"ttl\":3600,\"records\":["
		    "\"0 issue \\\"ca.example\\\"\"]}",
		    201,
		    "{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"0 issue "
		    "\\\"ca.example\\\"\"],\"ttl\":3600,\"type\":\"CAA\"}"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=CAA", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"0 issue "
		    "\\\"ca.example\\\"\"],\"ttl\":300,\"type\":\"CAA\"}]"}}},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\",\"\\\"two\\\"\"],"
		    "\"ttl\":300,\"type\":\"TXT\"}]"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=CAA", NULL, 200,
		    "[]"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=CNAME", NULL,
		    200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"else.example.net.\"],\"ttl\":300,"
		    "\"type\":\"CNAME\"}]"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=NS", NULL, 200,
		    "[]"},
		   {"PATCH /domains/example.com/rrsets/",
		    "[{\"subname\":\"_acme-challenge\",\"type\":\"CNAME\",\"ttl\":300,\"records\":"
		    "[]},{\"subname\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":300,"
		    "\"records\":[\"\\\"new\\\"\"]}]",
		    200, "[]"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"new\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"}},
	 .replaced = "_acme-challenge.example.com. 300 TXT \"one\"|_acme-challenge.example.com. "
		     "300 TXT \"two\"|_acme-challenge.example.com. 300 CNAME else.example.net."},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=CNAME", NULL,
		    200, "[]"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[]"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=CAA", NULL, 200,
		    "[]"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=NS", NULL, 200,
		    "[]"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=A", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"192.0.2.1\"],\"ttl\":300,\"type\":"
		    "\"A\"}]"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: another writer undid it", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[]"},
		   {"POST /domains/example.com/rrsets/",
		    "{\"subname\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":3600,\"records\":["
		    "\"\\\"one\\\"\"]}",
		    201,
		    "{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\"],\"ttl\":3600,\"type\":"
		    "\"TXT\"}"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"two\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"two\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"},
		   {"PATCH /domains/example.com/rrsets/_acme-challenge/TXT/",
		    "{\"records\":[\"\\\"two\\\"\",\"\\\"one\\\"\"]}", 200,
		    "{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"two\\\"\",\"\\\"one\\\"\"],"
		    "\"ttl\":300,\"type\":\"TXT\"}"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"two\\\"\",\"\\\"one\\\"\"],"
		    "\"ttl\":300,\"type\":\"TXT\"}]"}}},
	{"add: another writer was faster", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[]"},
		   {"POST /domains/example.com/rrsets/",
		    "{\"subname\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":3600,\"records\":["
		    "\"\\\"one\\\"\"]}",
		    400,
		    "{\"non_field_errors\":[\"Another RRset with the same subname and type exists "
		    "for this domain.\"]}"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"two\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"},
		   {"PATCH /domains/example.com/rrsets/_acme-challenge/TXT/",
		    "{\"records\":[\"\\\"two\\\"\",\"\\\"one\\\"\"]}", 200,
		    "{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"two\\\"\",\"\\\"one\\\"\"],"
		    "\"ttl\":300,\"type\":\"TXT\"}"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"two\\\"\",\"\\\"one\\\"\"],"
		    "\"ttl\":300,\"type\":\"TXT\"}]"}}},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 404,
		    "{\"detail\":\"Not found.\"}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[]"},
		   {"POST /domains/example.com/rrsets/",
		    "{\"subname\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":3600,\"records\":["
		    "\"\\\"one\\\"\"]}",
		    400, "{\"ttl\":[\"Ensure this value is greater than or equal to 3600.\"]}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "Ensure this value"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[]"},
		   {"POST /domains/example.com/rrsets/",
		    "{\"subname\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":3600,\"records\":["
		    "\"\\\"one\\\"\"]}",
		    502, "<html>"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"}}},
	{"remove: recorded", .provider = &provider_desec, .zone = "desec.lexicon",
	 .zone_id = "desec.lexicon", .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.deleterecordinset.desec.lexicon", .value = "challengetoken1",
	 .type = RR_TXT,
	 .steps = {{"GET "
		    "/domains/desec.lexicon/rrsets/"
		    "?subname=_acme-challenge.deleterecordinset&type=TXT",
		    NULL, 200,
		    "@desec/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 5"},
		   {"PATCH /domains/desec.lexicon/rrsets/_acme-challenge.deleterecordinset/TXT/",
		    "{\"records\":[\"\\\"challengetoken2\\\"\"]}", 200,
		    "@desec/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 6"},
		   {"GET "
		    "/domains/desec.lexicon/rrsets/"
		    "?subname=_acme-challenge.deleterecordinset&type=TXT",
		    NULL, 200,
		    "@desec/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 7"}},
	 .removed = true},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"two\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"}},
	 .unchanged = true},
	{"remove: gone with its set", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[]"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\",\"\\\"two\\\"\"],"
		    "\"ttl\":300,\"type\":\"TXT\"}]"},
		   {"PATCH /domains/example.com/rrsets/_acme-challenge/TXT/",
		    "{\"records\":[\"\\\"two\\\"\"]}", 200,
		    "{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"two\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}"},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"two\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"}},
	 .removed = true},
	{"remove: the last one", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\",\"name\":\"_acme-"
		    "challenge.example.com.\",\"records\":[\"\\\"one\\\"\"],\"ttl\":300,\"type\":"
		    "\"TXT\"}]"},
		   {"DELETE /domains/example.com/rrsets/_acme-challenge/TXT/", NULL, 204, ""},
		   {"GET /domains/example.com/rrsets/?subname=_acme-challenge&type=TXT", NULL, 200,
		    "[]"}},
	 .removed = true},
};

int main(void)
{
	return run_scripts("desec", scripts, ARRAY_LEN(scripts));
}
