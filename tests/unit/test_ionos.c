/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#define IONOS .provider = &provider_ionos
#define ZONE  "4c9feb47-2a4d-11ec-bda4-0a5864441f49"
#define RECORD(kind_, fqdn_, type_, value_)                                                        \
	IONOS, .kind = kind_, .fqdn = fqdn_, .zone = "example.com", .zone_id = ZONE,               \
	       .type = type_, .value = value_
#define NAME "_acme-challenge.example.com"
#define SET  "_acme-challenge.deleterecordinset.example.com"
#define ID   "delete.testid.example.com"

#define RECORDS	   "/zones/" ZONE "/records"
#define ZONES	   "GET /zones", NULL
#define LOOK(name) "GET /zones/" ZONE "?recordName=" name, NULL
#define ADD	   "POST " RECORDS
#define REMOVE(id) "DELETE " RECORDS "/" id, NULL

#define LIST(records)                                                                              \
	"{\"name\":\"example.com\",\"id\":\"" ZONE "\",\"type\":\"NATIVE\",\"records\":[" records  \
	"]}"
#define ITEM(id, type, content, disabled)                                                          \
	"{\"name\":\"" NAME "\",\"rootName\":\"example.com\",\"type\":\"" type                     \
	"\",\"content\":\"" content "\",\"changeDate\":\"2024-11-28T13:45:44.889Z\",\"ttl\":300,"  \
	"\"disabled\":" disabled ",\"id\":\"" id "\"}"
#define TXT(id, text) ITEM(id, "TXT", "\\\"" text "\\\"", "false")
#define OFF(id, text) ITEM(id, "TXT", "\\\"" text "\\\"", "true")
#define BODY(type, name, content, ttl)                                                             \
	"[{\"type\":\"" type "\",\"name\":\"" name "\",\"content\":\"" content "\",\"ttl\":" ttl   \
	",\"prio\":0,\"disabled\":false}]"
#define ERROR(code, text) "[{\"code\":\"" code "\",\"message\":\"" text "\"}]"
#define GONE		  ERROR("RECORD_NOT_FOUND", "Record does not exist.")
#define NO_ZONE		  ERROR("ZONE_NOT_FOUND", "Zone does not exist.")

#define LEXICON "@ionos/lexicon/test_provider_when_calling_"
#define BY_ID	LEXICON "delete_record_by_identifier_should_remove_record.json "
#define TWICE	LEXICON "create_record_with_duplicate_records_should_be_noop.json "

#define PAIR LEXICON "delete_record_with_record_set_by_content_should_leave_others_untouched.json "

#define ID_OF_ID    "5a5c0daa-a3c4-b806-ead0-a7a0cac4b295"
#define ID_OF_ONE   "435178fa-53f2-8e66-34f4-3cff1a94e89f"
#define ID_OF_FIRST "918bd3bc-d556-dc4f-2cae-612bff02a2af"

/* Answers that begin with '@' are recordings (SOURCE); the rest is made in their shape. */
static const struct script scripts[] = {
	{"zones: recorded", IONOS, .kind = OP_ZONES, .steps = {{ZONES, 200, BY_ID "0"}},
	 .zones = "example.com=" ZONE},
	{"zones: none", IONOS, .kind = OP_ZONES, .steps = {{ZONES, 200, "[]"}}, .zones = ""},
	{"zones: secondary", IONOS, .kind = OP_ZONES,
	 .steps = {{ZONES, 200,
		    "[{\"name\":\"a.example\",\"id\":\"1\",\"type\":\"SLAVE\"},"
		    "{\"name\":\"b.example\",\"id\":\"2\",\"type\":\"NATIVE\"}]"}},
	 .zones = "b.example=2"},
	{"zones: wrong key", IONOS, .kind = OP_ZONES,
	 .steps = {{ZONES, 401, ERROR("UNAUTHORIZED", "Missing or invalid API key.")}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Missing or invalid API key"},
	{"zones: slow down", IONOS, .kind = OP_ZONES,
	 .steps = {{ZONES, 429, ERROR("RATE_LIMIT", "Too many requests."), .retry_after = 30}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 30},
	{"zones: an error inside a 200", IONOS, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, ERROR("INTERNAL_SERVER_ERROR", "oops")}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", IONOS, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{ZONES, 200, BY_ID "0"}}, .error = CODE_ZONE_NOT_FOUND},

	{"add: recorded", RECORD(OP_ADD, ID, RR_TXT, "challengetoken"), .ttl = 3600,
	 .steps = {{LOOK(ID), 200, BY_ID "4"},
		   {ADD, BODY("TXT", ID, "challengetoken", "3600"), 201, BY_ID "1"}},
	 .record_id = ID_OF_ID},
	{"add: exists", RECORD(OP_ADD, ID, RR_TXT, "challengetoken"),
	 .steps = {{LOOK(ID), 200, BY_ID "2"}}, .record_id = ID_OF_ID, .found = true,
	 .unchanged = true},
	{"add: exists, disabled", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK(NAME), 200, LIST(OFF("a1", "one"))}}, .error = CODE_CONFLICT,
	 .detail = "disabled", .unchanged = true},
	{"add: a second value", RECORD(OP_ADD, SET, RR_TXT, "challengetoken1"), .ttl = 3600,
	 .steps = {{LOOK(SET), 200, PAIR "5"},
		   {ADD, BODY("TXT", SET, "challengetoken1", "3600"), 201, PAIR "1"}},
	 .record_id = ID_OF_ONE},
	{"add: at the apex", RECORD(OP_ADD, "example.com", RR_CAA, "0 issue \"ca.example\""),
	 .steps = {{LOOK("example.com"), 200, BY_ID "4"},
		   {ADD, BODY("CAA", "example.com", "0 issue \\\"ca.example\\\"", "60"), 201,
		    "[{\"id\":\"c3\"}]"}},
	 .record_id = "c3"},
	{"add: replace", RECORD(OP_ADD, NAME, RR_CNAME, "target.example.net"), .mode = MODE_REPLACE,
	 .steps = {{LOOK(NAME), 200, LIST(TXT("a1", "one") "," TXT("b2", "two"))},
		   {REMOVE("a1"), 200, ""},
		   {REMOVE("b2"), 404, GONE},
		   {ADD, BODY("CNAME", NAME, "target.example.net", "60"), 201,
		    "[{\"id\":\"c3\"}]"}},
	 .record_id = "c3", .replaced = NAME ". 300 TXT \"one\"|" NAME ". 300 TXT \"two\""},
	{"add: replace beside what is disabled", RECORD(OP_ADD, NAME, RR_TXT, "new"),
	 .mode = MODE_REPLACE,
	 .steps = {{LOOK(NAME), 200, LIST(OFF("a1", "one"))},
		   {ADD, BODY("TXT", NAME, "new", "60"), 201, "[" TXT("b2", "new") "]"}},
	 .record_id = "b2"},
	{"add: zone missing", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK(NAME), 404, NO_ZONE}}, .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK(NAME), 200, LIST("")},
		   {ADD, BODY("TXT", NAME, "one", "60"), 400,
		    "[{\"code\":\"INVALID_RECORD\",\"parameters\":{\"errorRecord\":{}}}]"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "INVALID_RECORD"},
	{"add: an empty array", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK(NAME), 200, LIST("")}, {ADD, BODY("TXT", NAME, "one", "60"), 201, "[]"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"add: made though the answer was an error", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK(NAME), 200, LIST("")},
		   {ADD, BODY("TXT", NAME, "one", "60"), 502, "<html>"},
		   {LOOK(NAME), 200, LIST(TXT("a1", "one"))}},
	 .record_id = "a1"},

	{"remove: recorded", RECORD(OP_REMOVE, ID, RR_TXT, "challengetoken"), .wanted_id = ID_OF_ID,
	 .steps = {{LOOK(ID), 200, BY_ID "2"}, {REMOVE(ID_OF_ID), 200, BY_ID "3"}},
	 .removed = true},
	{"remove: gone", RECORD(OP_REMOVE, ID, RR_TXT, "challengetoken"), .wanted_id = ID_OF_ID,
	 .steps = {{LOOK(ID), 200, BY_ID "4"}}, .unchanged = true},
	{"remove: one of two", RECORD(OP_REMOVE, SET, RR_TXT, "challengetoken1"),
	 .wanted_id = ID_OF_ONE,
	 .steps = {{LOOK(SET), 200, PAIR "3"}, {REMOVE(ID_OF_ONE), 200, PAIR "4"}},
	 .removed = true},
	/* A second create of the same value took the first one's place. */
	{"remove: made again, by another",
	 RECORD(OP_REMOVE, "_acme-challenge.noop.example.com", RR_TXT, "challengetoken"),
	 .wanted_id = ID_OF_FIRST,
	 .steps = {{LOOK("_acme-challenge.noop.example.com"), 200, TWICE "3"}}, .unchanged = true},
	{"remove: disabled meanwhile", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = "a1",
	 .steps = {{LOOK(NAME), 200, LIST(OFF("a1", "one"))}, {REMOVE("a1"), 200, ""}},
	 .removed = true},
	{"remove: gone meanwhile", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = "a1",
	 .steps = {{LOOK(NAME), 200, LIST(TXT("a1", "one"))}, {REMOVE("a1"), 404, GONE}}},
	{"remove: the zone gone meanwhile", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = "a1",
	 .steps = {{LOOK(NAME), 200, LIST(TXT("a1", "one"))}, {REMOVE("a1"), 404, NO_ZONE}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"remove: the id names another now", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = "a1", .steps = {{LOOK(NAME), 200, LIST(TXT("a1", "two"))}},
	 .unchanged = true},
};

int main(void)
{
	return run_scripts("ionos", scripts, ARRAY_LEN(scripts));
}
