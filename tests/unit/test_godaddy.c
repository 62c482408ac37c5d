/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_godaddy, .zone = "example.com", .zone_id = "example.com"

static const struct script scripts[] = {
	{"zones: merely registered", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?statuses=ACTIVE&limit=1000", NULL, 200,
		    "[{\"domain\":\"a.example\",\"status\":\"ACTIVE\",\"nameServers\":[\"NS01."
		    "DOMAINCONTROL.COM\"]},"
		    "{\"domain\":\"b.example\",\"status\":\"ACTIVE\",\"nameServers\":[\"ns.else."
		    "example\"]},"
		    "{\"domain\":\"c.example\",\"status\":\"ACTIVE\",\"nameServers\":null}]"}},
	 .zones = "a.example=a.example c.example=c.example"},
	{"zones: an inactive one", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?statuses=ACTIVE&limit=1000", NULL, 200,
		    "[{\"domain\":\"a.example\",\"status\":\"ACTIVE\"},{\"domain\":\"b.example\","
		    "\"status\":\"CANCELLED\"}]"}},
	 .zones = "a.example=a.example"},
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?statuses=ACTIVE&limit=1000", NULL, 200,
		    "@godaddy/made/full-page.json 0"},
		   {"GET /domains?statuses=ACTIVE&marker=d999.example&limit=1000", NULL, 200,
		    "[{\"domain\":\"e.example\",\"status\":\"ACTIVE\"}]"}},
	 .zones = "d0.example=d0.example d999.example=d999.example e.example=e.example"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?statuses=ACTIVE&limit=1000", NULL, 401,
		    "{\"code\":\"UNABLE_TO_AUTHENTICATE\",\"message\":\"Unauthorized : Could not "
		    "authenticate API key/secret\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Could not authenticate"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?statuses=ACTIVE&limit=1000", NULL, 429,
		    "{\"code\":\"TOO_MANY_REQUESTS\",\"message\":\"slow\",\"retryAfterSec\":17}"}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 17},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?statuses=ACTIVE&limit=1000", NULL, 200,
		    "{\"code\":\"x\",\"message\":\"oops\"}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domains?statuses=ACTIVE&limit=1000", NULL, 200, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /domains?statuses=ACTIVE&limit=1000", NULL, 200, "[]"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: a duplicate after all", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200, "[]"},
		  {"PATCH /domains/example.com/records",
		   "[{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"one\",\"ttl\":600}]",
		   422, "{\"code\":\"DUPLICATE_RECORD\",\"message\":\"dup\"}"},
		  {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"one\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		   "]"}},
	 .found = true},
	{"add: recorded", .provider = &provider_godaddy, .zone = "fullm3tal.online",
	 .zone_id = "fullm3tal.online", .kind = OP_ADD,
	 .fqdn = "_acme-challenge.noop.fullm3tal.online", .value = "challengetoken", .type = RR_TXT,
	 .ttl = 3600,
	 .steps = {{"GET /domains/fullm3tal.online/records/TXT/_acme-challenge.noop", NULL, 200,
		    "@godaddy/lexicon/"
		    "test_provider_when_calling_create_record_with_duplicate_records_should_be_"
		    "noop.json 1"},
		   {"PATCH /domains/fullm3tal.online/records",
		    "[{\"type\":\"TXT\",\"name\":\"_acme-challenge.noop\",\"data\":"
		    "\"challengetoken\",\"ttl\":3600}]",
		    200, ""},
		   {"GET /domains/fullm3tal.online/records/TXT/_acme-challenge.noop", NULL, 200,
		    "@godaddy/lexicon/"
		    "test_provider_when_calling_create_record_with_duplicate_records_should_be_"
		    "noop.json 3"}}},
	{"add: exists", .provider = &provider_godaddy, .zone = "fullm3tal.online",
	 .zone_id = "fullm3tal.online", .kind = OP_ADD,
	 .fqdn = "_acme-challenge.noop.fullm3tal.online", .value = "challengetoken", .type = RR_TXT,
	 .steps = {{"GET /domains/fullm3tal.online/records/TXT/_acme-challenge.noop", NULL, 200,
		    "@godaddy/lexicon/"
		    "test_provider_when_calling_create_record_with_duplicate_records_should_be_"
		    "noop.json 4"}},
	 .found = true, .unchanged = true},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		    "[{\"data\":\"one\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		    "]"}},
	 .found = true, .unchanged = true},
	{"add: the first value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200, "[]"},
		  {"PATCH /domains/example.com/records",
		   "[{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"one\",\"ttl\":600}]",
		   200, ""},
		  {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"one\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		   "]"}}},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"one\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		   "]"},
		  {"PATCH /domains/example.com/records",
		   "[{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"two\",\"ttl\":300}]",
		   200, ""},
		  {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"one\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"},{"
		   "\"data\":\"two\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		   "]"}}},
	{"add: a CAA", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /domains/example.com/records/CAA/_acme-challenge", NULL, 200, "[]"},
		   {"PATCH /domains/example.com/records",
		    "[{\"type\":\"CAA\",\"name\":\"_acme-challenge\",\"data\":\"0 issue "
		    "\\\"ca.example\\\"\",\"ttl\":600}]",
		    200, ""},
		   {"GET /domains/example.com/records/CAA/_acme-challenge", NULL, 200,
		    "[{\"data\":\"0 issue "
		    "\\\"ca.example\\\"\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":"
		    "\"CAA\"}]"}}},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps =
		 {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"one\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"},{"
		   "\"data\":\"two\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}]"},
		  {"GET /domains/example.com/records/CAA/_acme-challenge", NULL, 200, "[]"},
		  {"GET /domains/example.com/records/CNAME/_acme-challenge", NULL, 200,
		   "[{\"data\":\"else.example.net\",\"name\":\"_acme-challenge\",\"ttl\":300,"
		   "\"type\":\"CNAME\"}]"},
		  {"GET /domains/example.com/records/NS/_acme-challenge", NULL, 200, "[]"},
		  {"DELETE /domains/example.com/records/CNAME/_acme-challenge", NULL, 204, ""},
		  {"PUT /domains/example.com/records/TXT/_acme-challenge",
		   "[{\"data\":\"new\",\"ttl\":600}]", 200, ""},
		  {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"new\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		   "]"}},
	 .replaced = "_acme-challenge.example.com. 300 TXT one|_acme-challenge.example.com. 300 "
		     "TXT two|_acme-challenge.example.com. 300 CNAME else.example.net"},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET /domains/example.com/records/CNAME/_acme-challenge", NULL, 200, "[]"},
		   {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200, "[]"},
		   {"GET /domains/example.com/records/CAA/_acme-challenge", NULL, 200, "[]"},
		   {"GET /domains/example.com/records/NS/_acme-challenge", NULL, 200, "[]"},
		   {"GET /domains/example.com/records/A/_acme-challenge", NULL, 200,
		    "[{\"data\":\"192.0.2.1\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":"
		    "\"A\"}]"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: another writer undid it", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200, "[]"},
		  {"PATCH /domains/example.com/records",
		   "[{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"one\",\"ttl\":600}]",
		   200, ""},
		  {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"two\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		   "]"},
		  {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"two\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		   "]"},
		  {"PATCH /domains/example.com/records",
		   "[{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"one\",\"ttl\":300}]",
		   200, ""},
		  {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"two\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"},{"
		   "\"data\":\"one\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		   "]"}}},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 404,
		    "{\"code\":\"UNKNOWN_DOMAIN\",\"message\":\"not there\"}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200, "[]"},
		  {"PATCH /domains/example.com/records",
		   "[{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"one\",\"ttl\":600}]",
		   422, "{\"code\":\"INVALID_BODY\",\"message\":\"bad ttl\"}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "bad ttl"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200, "[]"},
		  {"PATCH /domains/example.com/records",
		   "[{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"one\",\"ttl\":600}]",
		   502, "<html>"},
		  {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"one\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		   "]"}}},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		    "[{\"data\":\"two\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		    "]"}},
	 .unchanged = true},
	{"remove: gone with its set", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200, "[]"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps =
		 {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"one\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"},{"
		   "\"data\":\"two\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}]"},
		  {"PUT /domains/example.com/records/TXT/_acme-challenge",
		   "[{\"data\":\"two\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}]",
		   200, ""},
		  {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		   "[{\"data\":\"two\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		   "]"}},
	 .removed = true},
	{"remove: recorded", .provider = &provider_godaddy, .zone = "fullm3tal.online",
	 .zone_id = "fullm3tal.online", .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.deleterecordinset.fullm3tal.online", .value = "challengetoken1",
	 .type = RR_TXT,
	 .steps =
		 {{"GET /domains/fullm3tal.online/records/TXT/_acme-challenge.deleterecordinset",
		   NULL, 200,
		   "@godaddy/lexicon/"
		   "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		   "leave_others_untouched.json 3"},
		  {"DELETE /domains/fullm3tal.online/records/TXT/_acme-challenge.deleterecordinset",
		   NULL, 204, ""},
		  {"GET /domains/fullm3tal.online/records/TXT/_acme-challenge.deleterecordinset",
		   NULL, 200,
		   "@godaddy/lexicon/"
		   "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		   "leave_others_untouched.json 7"}},
	 .removed = true},
	{"remove: the last one", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200,
		    "[{\"data\":\"one\",\"name\":\"_acme-challenge\",\"ttl\":300,\"type\":\"TXT\"}"
		    "]"},
		   {"DELETE /domains/example.com/records/TXT/_acme-challenge", NULL, 204, ""},
		   {"GET /domains/example.com/records/TXT/_acme-challenge", NULL, 200, "[]"}},
	 .removed = true},
};

int main(void)
{
	return run_scripts("godaddy", scripts, ARRAY_LEN(scripts));
}
