/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_ns1, .zone = "example.com", .zone_id = "example.com"

#define SET "GET /zones/example.com/_acme-challenge.example.com/TXT"

static const struct script scripts[] = {
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /zones", NULL, 200,
		    "[{\"zone\":\"a.example\",\"id\":\"1\",\"link\":null},{\"zone\":\"b.example\","
		    "\"id\":\"2\",\"secondary\":{\"enabled\":true},\"link\":null},{\"zone\":\"c."
		    "example\",\"id\":\"3\",\"link\":\"a.example\"}]",
		    .header = {"Link", "<https://api.nsone.net/v1/zones?after=c.example&limit=3>; "
				       "rel=\"next\""}},
		   {"GET /zones?after=c.example", NULL, 200,
		    "[{\"zone\":\"d.example\",\"id\":\"4\"}]"}},
	 .zones = "a.example=a.example d.example=d.example"},
	{"zones: a link without an end", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /zones", NULL, 200, "[]",
		    .header = {"Link", "<https://x?after=a>; rel=\"next\""}},
		   {"GET /zones?after=a", NULL, 200, "[]",
		    .header = {"Link", "<https://x?after=a>; rel=\"next\""}}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "does not end"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /zones", NULL, 401, "@ns1/made/error-401.json 0"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Unauthorized"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /zones", NULL, 429, "@ns1/made/error-429.json 0",
		    .header = {"X-RateLimit-Limit", "100", "X-RateLimit-Period", "250"}}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 3},
	{"zones: slow down, without a limit", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /zones", NULL, 429, "@ns1/made/error-429.json 0",
		    .header = {"X-RateLimit-Limit", "0", "X-RateLimit-Period", "250"}}},
	 .error = CODE_PROVIDER_RATE_LIMITED},
	{"add: the set vanishes", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{SET, NULL, 200,
		    "{\"ttl\":300,\"answers\":[{\"answer\":[\"one\"]}],\"type\":\"TXT\"}"},
		   {"POST /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"answers\":[{\"answer\":[\"one\"]},{\"answer\":[\"two\"]}]}", 404,
		    "{\"message\":\"record not found\"}"},
		   {SET, NULL, 404, "{\"message\":\"record not found\"}"},
		   {"PUT /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"zone\":\"example.com\",\"domain\":\"_acme-challenge.example.com\",\"type\":"
		    "\"TXT\",\"ttl\":60,\"answers\":[{\"answer\":[\"two\"]}]}",
		    200, "{\"answers\":[{\"answer\":[\"two\"]}]}"},
		   {SET, NULL, 200,
		    "{\"ttl\":60,\"answers\":[{\"answer\":[\"two\"]}],\"type\":\"TXT\"}"}}},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /zones", NULL, 200, "{\"message\":\"oops\"}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES, .steps = {{"GET /zones", NULL, 200, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /zones", NULL, 200, "[]"}}, .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_ns1, .zone = "lexicon-example.com",
	 .zone_id = "lexicon-example.com", .kind = OP_ADD,
	 .fqdn = "_acme-challenge.createrecordset.lexicon-example.com", .value = "challengetoken1",
	 .type = RR_TXT, .ttl = 3600,
	 .steps = {{"GET "
		    "/zones/lexicon-example.com/"
		    "_acme-challenge.createrecordset.lexicon-example.com/TXT",
		    NULL, 404,
		    "@ns1/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 1"},
		   {"PUT "
		    "/zones/lexicon-example.com/"
		    "_acme-challenge.createrecordset.lexicon-example.com/TXT",
		    "{\"zone\":\"lexicon-example.com\",\"domain\":\"_acme-challenge."
		    "createrecordset.lexicon-example.com\",\"type\":\"TXT\",\"ttl\":3600,"
		    "\"answers\":[{\"answer\":[\"challengetoken1\"]}]}",
		    200,
		    "@ns1/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 2"},
		   {"GET "
		    "/zones/lexicon-example.com/"
		    "_acme-challenge.createrecordset.lexicon-example.com/TXT",
		    NULL, 200,
		    "@ns1/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 3"}}},
	{"add: a mirror", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"x\"]}],"
		    "\"link\":\"other\",\"filters\":[]}"}},
	 .error = CODE_CONFLICT, .detail = "mirrors", .unchanged = true},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"one\"]}],"
		    "\"link\":null,\"filters\":[]}"}},
	 .found = true, .unchanged = true},
	{"add: the first value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"PUT /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"zone\":\"example.com\",\"domain\":\"_acme-challenge.example.com\",\"type\":"
		    "\"TXT\",\"ttl\":60,\"answers\":[{\"answer\":[\"one\"]}]}",
		    200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":60,\"answers\":[{\"answer\":[\"one\"]}],"
		    "\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"one\"]}],"
		    "\"link\":null,\"filters\":[]}"}}},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"one\"]}],"
		    "\"link\":null,\"filters\":[]}"},
		   {"POST /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"answers\":[{\"answer\":[\"one\"]},{\"answer\":[\"two\"]}]}", 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"one\"]},{"
		    "\"answer\":[\"two\"]}],\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"one\"]},{"
		    "\"answer\":[\"two\"]}],\"link\":null,\"filters\":[]}"}}},
	{"add: a CAA", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/CAA", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"PUT /zones/example.com/_acme-challenge.example.com/CAA",
		    "{\"zone\":\"example.com\",\"domain\":\"_acme-challenge.example.com\",\"type\":"
		    "\"CAA\",\"ttl\":60,\"answers\":[{\"answer\":[\"0\",\"issue\",\"ca.example\"]}]"
		    "}",
		    200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"CAA\",\"ttl\":60,\"answers\":[{\"answer\":[\"0\",\"issue\","
		    "\"ca.example\"]}],\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/CAA", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"CAA\",\"ttl\":300,\"answers\":[{\"answer\":[\"0\",\"issue\","
		    "\"ca.example\"]}],\"link\":null,\"filters\":[]}"}}},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"one\"]},{"
		    "\"answer\":[\"two\"]}],\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/CAA", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/CNAME", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"CNAME\",\"ttl\":300,\"answers\":[{\"answer\":[\"else.example."
		    "net\"]}],\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/NS", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"DELETE /zones/example.com/_acme-challenge.example.com/CNAME", NULL, 200, "{}"},
		   {"POST /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"answers\":[{\"answer\":[\"new\"]}]}", 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"new\"]}],"
		    "\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"new\"]}],"
		    "\"link\":null,\"filters\":[]}"}},
	 .replaced = "_acme-challenge.example.com. 300 TXT one|_acme-challenge.example.com. 300 "
		     "TXT two|_acme-challenge.example.com. 300 CNAME else.example.net"},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/CNAME", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/CAA", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/NS", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/A", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"A\",\"ttl\":300,\"answers\":[{\"answer\":[\"192.0.2.1\"]}],"
		    "\"link\":null,\"filters\":[]}"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: another writer undid it", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"PUT /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"zone\":\"example.com\",\"domain\":\"_acme-challenge.example.com\",\"type\":"
		    "\"TXT\",\"ttl\":60,\"answers\":[{\"answer\":[\"one\"]}]}",
		    200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":60,\"answers\":[{\"answer\":[\"one\"]}],"
		    "\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"two\"]}],"
		    "\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"two\"]}],"
		    "\"link\":null,\"filters\":[]}"},
		   {"POST /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"answers\":[{\"answer\":[\"two\"]},{\"answer\":[\"one\"]}]}", 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"two\"]},{"
		    "\"answer\":[\"one\"]}],\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"two\"]},{"
		    "\"answer\":[\"one\"]}],\"link\":null,\"filters\":[]}"}}},
	{"add: another writer was faster", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"PUT /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"zone\":\"example.com\",\"domain\":\"_acme-challenge.example.com\",\"type\":"
		    "\"TXT\",\"ttl\":60,\"answers\":[{\"answer\":[\"one\"]}]}",
		    400, "{\"message\":\"record already exists\"}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"two\"]}],"
		    "\"link\":null,\"filters\":[]}"},
		   {"POST /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"answers\":[{\"answer\":[\"two\"]},{\"answer\":[\"one\"]}]}", 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"two\"]},{"
		    "\"answer\":[\"one\"]}],\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"two\"]},{"
		    "\"answer\":[\"one\"]}],\"link\":null,\"filters\":[]}"}}},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 404,
		    "{\"message\":\"zone not found\"}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"PUT /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"zone\":\"example.com\",\"domain\":\"_acme-challenge.example.com\",\"type\":"
		    "\"TXT\",\"ttl\":60,\"answers\":[{\"answer\":[\"one\"]}]}",
		    400, "{\"message\":\"ttl is bad\"}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "ttl is bad"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 404,
		    "{\"message\":\"record not found\"}"},
		   {"PUT /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"zone\":\"example.com\",\"domain\":\"_acme-challenge.example.com\",\"type\":"
		    "\"TXT\",\"ttl\":60,\"answers\":[{\"answer\":[\"one\"]}]}",
		    502, "<html>"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"one\"]}],"
		    "\"link\":null,\"filters\":[]}"}}},
	{"remove: recorded", .provider = &provider_ns1, .zone = "lexicon-example.com",
	 .zone_id = "lexicon-example.com", .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.deleterecordinset.lexicon-example.com",
	 .value = "challengetoken1", .type = RR_TXT,
	 .steps = {{"GET "
		    "/zones/lexicon-example.com/"
		    "_acme-challenge.deleterecordinset.lexicon-example.com/TXT",
		    NULL, 200,
		    "@ns1/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 5"},
		   {"POST "
		    "/zones/lexicon-example.com/"
		    "_acme-challenge.deleterecordinset.lexicon-example.com/TXT",
		    "{\"answers\":[{\"answer\":[\"challengetoken2\"],\"id\":"
		    "\"5ab7b733a632f60001419f40\"}]}",
		    200,
		    "@ns1/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 6"},
		   {"GET "
		    "/zones/lexicon-example.com/"
		    "_acme-challenge.deleterecordinset.lexicon-example.com/TXT",
		    NULL, 200,
		    "@ns1/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 6"}},
	 .removed = true},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"two\"]}],"
		    "\"link\":null,\"filters\":[]}"}},
	 .unchanged = true},
	{"remove: gone with its set", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 404,
		    "{\"message\":\"record not found\"}"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"one\"]},{"
		    "\"answer\":[\"two\"]}],\"link\":null,\"filters\":[]}"},
		   {"POST /zones/example.com/_acme-challenge.example.com/TXT",
		    "{\"answers\":[{\"answer\":[\"two\"]}]}", 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"two\"]}],"
		    "\"link\":null,\"filters\":[]}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"two\"]}],"
		    "\"link\":null,\"filters\":[]}"}},
	 .removed = true},
	{"remove: the last one", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200,
		    "{\"id\":\"x\",\"domain\":\"_acme-challenge.example.com\",\"zone\":\"example."
		    "com\",\"type\":\"TXT\",\"ttl\":300,\"answers\":[{\"answer\":[\"one\"]}],"
		    "\"link\":null,\"filters\":[]}"},
		   {"DELETE /zones/example.com/_acme-challenge.example.com/TXT", NULL, 200, "{}"},
		   {"GET /zones/example.com/_acme-challenge.example.com/TXT", NULL, 404,
		    "{\"message\":\"record not found\"}"}},
	 .removed = true},
};

int main(void)
{
	return run_scripts("ns1", scripts, ARRAY_LEN(scripts));
}
