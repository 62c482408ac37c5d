/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#define LUADNS .provider = &provider_luadns
#define RECORD(kind_, fqdn_, type_, value_)                                                        \
	LUADNS, .kind = kind_, .fqdn = fqdn_, .zone = "capsulecd.com", .zone_id = "39105",         \
		.type = type_, .value = value_
#define NAME "_acme-challenge.capsulecd.com"
#define SET  "_acme-challenge.createrecordset.capsulecd.com"

#define RECORDS	   "/zones/39105/records"
#define ZONES	   "GET /zones", NULL
#define LOOK	   "GET " RECORDS, NULL
#define ADD	   "POST " RECORDS
#define REMOVE(id) "DELETE " RECORDS "/" id, NULL

#define ITEM(id, type, content, generated)                                                         \
	"{\"id\":" id ",\"name\":\"" NAME ".\",\"type\":\"" type "\",\"content\":\"" content       \
	"\",\"ttl\":300,\"zone_id\":39105,\"generated\":" generated "}"
#define TXT(id, text)	 ITEM(id, "TXT", text, "false")
#define SCRIPT(id, text) ITEM(id, "TXT", text, "true")
#define BODY(type, name, content, ttl)                                                             \
	"{\"type\":\"" type "\",\"name\":\"" name ".\",\"content\":\"" content "\",\"ttl\":" ttl "}"
#define ERROR(status, text)                                                                        \
	"{\"status\":\"" status "\",\"request_id\":\"r1\",\"message\":\"" text "\"}"

#define LEXICON	 "@luadns/lexicon/test_provider_when_calling_"
#define MULTIPLE LEXICON "create_record_multiple_times_should_create_record_set.json "
#define ONE_OF_TWO                                                                                 \
	LEXICON "delete_record_with_record_set_by_content_should_leave_others_untouched.json "

/* Answers that begin with '@' are recordings (SOURCE); the rest is made in their shape. */
static const struct script scripts[] = {
	{"zones: recorded", LUADNS, .kind = OP_ZONES, .steps = {{ZONES, 200, MULTIPLE "0"}},
	 .zones = "capsulecd.com=39105"},
	{"zones: none", LUADNS, .kind = OP_ZONES, .steps = {{ZONES, 200, "[]"}}, .zones = ""},
	{"zones: wrong key", LUADNS, .kind = OP_ZONES,
	 .steps = {{ZONES, 401, ERROR("Unauthorized", "Invalid credentials.")}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Invalid credentials"},
	{"zones: API access not enabled", LUADNS, .kind = OP_ZONES,
	 .steps = {{ZONES, 403, ERROR("Forbidden", "API access is disabled.")}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "API access is disabled"},
	{"zones: slow down", LUADNS, .kind = OP_ZONES,
	 .steps = {{ZONES, 429, ERROR("Too Many Requests", "Rate limited."), .retry_after = 30}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 30},
	{"zones: an error inside a 200", LUADNS, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, ERROR("Internal Server Error", "oops")}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", LUADNS, .kind = OP_FIND_ZONE, .fqdn = "example.com",
	 .steps = {{ZONES, 200, MULTIPLE "0"}}, .error = CODE_ZONE_NOT_FOUND},

	{"add: recorded", RECORD(OP_ADD, SET, RR_TXT, "challengetoken1"), .ttl = 3600,
	 .steps = {{LOOK, 200, MULTIPLE "1"},
		   {ADD, BODY("TXT", SET, "challengetoken1", "3600"), 200, MULTIPLE "2"}},
	 .record_id = "40753630"},
	{"add: exists", RECORD(OP_ADD, SET, RR_TXT, "challengetoken1"),
	 .steps = {{LOOK, 200, MULTIPLE "3"}}, .record_id = "40753630", .found = true,
	 .unchanged = true},
	{"add: exists, made by the script", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, "[" SCRIPT("1", "one") "]"}}, .record_id = "1", .found = true,
	 .unchanged = true},
	{"add: a second value", RECORD(OP_ADD, SET, RR_TXT, "challengetoken2"), .ttl = 3600,
	 .steps = {{LOOK, 200, MULTIPLE "3"},
		   {ADD, BODY("TXT", SET, "challengetoken2", "3600"), 200, MULTIPLE "4"}},
	 .record_id = "40753631"},
	{"add: at the apex", RECORD(OP_ADD, "capsulecd.com", RR_CAA, "0 issue \"ca.example\""),
	 .steps = {{LOOK, 200, MULTIPLE "1"},
		   {ADD, BODY("CAA", "capsulecd.com", "0 issue \\\"ca.example\\\"", "300"), 200,
		    "{\"id\":3}"}},
	 .record_id = "3"},
	{"add: replace", RECORD(OP_ADD, NAME, RR_CNAME, "target.example.net"), .mode = MODE_REPLACE,
	 .steps = {{LOOK, 200, "[" TXT("1", "one") "," TXT("2", "two") "]"},
		   {REMOVE("1"), 200, TXT("1", "one")},
		   {REMOVE("2"), 404, ERROR("Not Found", "gone")},
		   {ADD, BODY("CNAME", NAME, "target.example.net.", "300"), 200, "{\"id\":3}"}},
	 .record_id = "3", .replaced = NAME ". 300 TXT one|" NAME ". 300 TXT two"},
	{"add: replace what the script makes", RECORD(OP_ADD, NAME, RR_TXT, "new"),
	 .mode = MODE_REPLACE,
	 .steps = {{LOOK, 200, "[" TXT("1", "one") "," SCRIPT("2", "two") "]"}},
	 .error = CODE_CONFLICT, .detail = "a script", .unchanged = true},
	{"add: replace beside what the script makes", RECORD(OP_ADD, NAME, RR_TXT, "new"),
	 .mode = MODE_REPLACE,
	 .steps = {{LOOK, 200, "[" ITEM("1", "A", "192.0.2.1", "true") "]"},
		   {ADD, BODY("TXT", NAME, "new", "300"), 200, TXT("2", "new")}},
	 .record_id = "2"},
	{"add: zone missing", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 404, ERROR("Not Found", "Zone not found.")}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, "[]"},
		   {ADD, BODY("TXT", NAME, "one", "300"), 400,
		    ERROR("Bad Request", "TTL is too low.")}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "TTL is too low"},
	{"add: made though the answer was an error", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, "[]"},
		   {ADD, BODY("TXT", NAME, "one", "300"), 502, "<html>"},
		   {LOOK, 200, "[" TXT("1", "one") "]"}},
	 .record_id = "1"},

	{"remove: recorded",
	 RECORD(OP_REMOVE, "_acme-challenge.deleterecordinset.capsulecd.com", RR_TXT,
		"challengetoken1"),
	 .wanted_id = "40753632",
	 .steps = {{LOOK, 200, ONE_OF_TWO "3"}, {REMOVE("40753632"), 200, ONE_OF_TWO "6"}},
	 .removed = true},
	{"remove: one of two",
	 RECORD(OP_REMOVE, "_acme-challenge.deleterecordinset.capsulecd.com", RR_TXT,
		"challengetoken1"),
	 .wanted_id = "40753632",
	 .steps = {{LOOK, 200, ONE_OF_TWO "5"}, {REMOVE("40753632"), 200, ONE_OF_TWO "6"}},
	 .removed = true},
	{"remove: gone",
	 RECORD(OP_REMOVE, "_acme-challenge.deleterecordinset.capsulecd.com", RR_TXT,
		"challengetoken1"),
	 .wanted_id = "40753632", .steps = {{LOOK, 200, ONE_OF_TWO "7"}}, .unchanged = true},
	{"remove: gone meanwhile", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = "1",
	 .steps = {{LOOK, 200, "[" TXT("1", "one") "]"},
		   {REMOVE("1"), 404, ERROR("Not Found", "Record not found.")}}},
	{"remove: the id names another now", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = "1", .steps = {{LOOK, 200, "[" TXT("1", "two") "]"}}, .unchanged = true},
	{"remove: the script makes it now", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = "1", .steps = {{LOOK, 200, "[" SCRIPT("1", "one") "]"}}, .unchanged = true},
};

int main(void)
{
	return run_scripts("luadns", scripts, ARRAY_LEN(scripts));
}
