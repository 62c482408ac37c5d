/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#define VULTR .provider = &provider_vultr
#define RECORD(kind_, fqdn_, type_, value_)                                                        \
	VULTR, .kind = kind_, .fqdn = fqdn_, .zone = "lexicon-test.eu",                            \
	       .zone_id = "lexicon-test.eu", .type = type_, .value = value_
#define NAME "_acme-challenge.lexicon-test.eu"

#define RECORDS	   "/domains/lexicon-test.eu/records"
#define ZONES	   "GET /domains?per_page=500", NULL
#define LOOK	   "GET " RECORDS "?per_page=500", NULL
#define ADD	   "POST " RECORDS
#define GET(id)	   "GET " RECORDS "/" id, NULL
#define REMOVE(id) "DELETE " RECORDS "/" id, NULL

#define LIST(records) "{\"records\":[" records "],\"meta\":{\"total\":1,\"links\":{\"next\":\"\"}}}"
#define ITEM(id, type, data)                                                                       \
	"{\"id\":\"" id "\",\"type\":\"" type "\",\"name\":\"_acme-challenge\",\"data\":\"" data   \
	"\",\"priority\":0,\"ttl\":300}"
#define TXT(id, text) ITEM(id, "TXT", "\\\"" text "\\\"")
#define DONE(item)    "{\"record\":" item "}"
#define BODY(type, name, data)                                                                     \
	"{\"type\":\"" type "\",\"name\":\"" name "\",\"data\":\"" data                            \
	"\",\"ttl\":120,\"priority\":0}"
#define ERROR(n, text) "{\"error\":\"" text "\",\"status\":" n "}"

#define LEXICON	 "@vultr/lexicon/test_provider_when_calling_"
#define MULTIPLE LEXICON "create_record_multiple_times_should_create_record_set.json "
#define REMOVED	 LEXICON "delete_record_by_identifier_should_remove_record.json "

/*
 * Answers that begin with '@' are recordings (SOURCE); the rest is made in their shape.
 */
static const struct script scripts[] = {
	{"zones: recorded", VULTR, .kind = OP_ZONES, .steps = {{ZONES, 200, MULTIPLE "0"}},
	 .zones = "lexicon-test.eu=lexicon-test.eu sielski.be=sielski.be"},
	{"zones: two pages", VULTR, .kind = OP_ZONES,
	 .steps = {{ZONES, 200,
		    "{\"domains\":[{\"domain\":\"a.example\"}],\"meta\":{\"links\":{\"next\":"
		    "\"bmV4dA==\"}}}"},
		   {"GET /domains?cursor=bmV4dA%3D%3D&per_page=500", NULL, 200,
		    "{\"domains\":[{\"domain\":\"b.example\"}],\"meta\":{\"links\":{\"next\":\"\"}"
		    "}}"}},
	 .zones = "a.example=a.example b.example=b.example"},
	{"zones: the same page for ever", VULTR, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, "{\"domains\":[],\"meta\":{\"links\":{\"next\":\"eA\"}}}"},
		   {"GET /domains?cursor=eA&per_page=500", NULL, 200,
		    "{\"domains\":[],\"meta\":{\"links\":{\"next\":\"eA\"}}}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "does not end"},
	{"zones: wrong key", VULTR, .kind = OP_ZONES,
	 .steps = {{ZONES, 401, ERROR("401", "Invalid API token.")}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Invalid API token"},
	{"zones: address not allowed", VULTR, .kind = OP_ZONES,
	 .steps = {{ZONES, 401, ERROR("401", "Unauthorized IP address: 192.0.2.1")}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Unauthorized IP address"},
	{"zones: slow down", VULTR, .kind = OP_ZONES,
	 .steps = {{ZONES, 429, ERROR("429", "Rate limit"), .retry_after = 2}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 2},
	{"zones: an error inside a 200", VULTR, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, ERROR("500", "oops")}}, .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", VULTR, .kind = OP_FIND_ZONE, .fqdn = "example.com",
	 .steps = {{ZONES, 200, MULTIPLE "0"}}, .error = CODE_ZONE_NOT_FOUND},

	{"add: recorded",
	 RECORD(OP_ADD, "_acme-challenge.createrecordset.lexicon-test.eu", RR_TXT,
		"challengetoken1"),
	 .ttl = 3600,
	 .steps = {{LOOK, 200, MULTIPLE "1"},
		   {ADD,
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge.createrecordset\",\"data\":"
		    "\"\\\"challengetoken1\\\"\",\"ttl\":3600,\"priority\":0}",
		    201, MULTIPLE "2"}},
	 .record_id = "4f8a8f10-7819-4e4d-8916-a0ca3e5a15ff"},
	{"add: exists",
	 RECORD(OP_ADD, "_acme-challenge.createrecordset.lexicon-test.eu", RR_TXT,
		"challengetoken1"),
	 .steps = {{LOOK, 200, MULTIPLE "3"}}, .record_id = "4f8a8f10-7819-4e4d-8916-a0ca3e5a15ff",
	 .found = true, .unchanged = true},
	{"add: a second value", RECORD(OP_ADD, NAME, RR_TXT, "two"),
	 .steps = {{LOOK, 200, LIST(TXT("a1", "one"))},
		   {ADD, BODY("TXT", "_acme-challenge", "\\\"two\\\""), 201,
		    DONE(TXT("b2", "two"))}},
	 .record_id = "b2"},
	{"add: found on the second page", RECORD(OP_ADD, NAME, RR_TXT, "two"),
	 .steps = {{LOOK, 200,
		    "{\"records\":[" TXT("a1", "one") "],\"meta\":{\"links\":{\"next\":\"p2\"}}}"},
		   {"GET " RECORDS "?cursor=p2&per_page=500", NULL, 200, LIST(TXT("b2", "two"))}},
	 .record_id = "b2", .found = true, .unchanged = true},
	{"add: at the apex", RECORD(OP_ADD, "lexicon-test.eu", RR_CAA, "0 issue \"ca.example\""),
	 .steps = {{LOOK, 200, MULTIPLE "1"},
		   {ADD, BODY("CAA", "", "0 issue \\\"ca.example\\\""), 201,
		    "{\"record\":{\"id\":\"c3\"}}"}},
	 .record_id = "c3"},
	{"add: replace", RECORD(OP_ADD, NAME, RR_CNAME, "target.example.net"), .mode = MODE_REPLACE,
	 .steps = {{LOOK, 200, LIST(TXT("a1", "one") "," TXT("b2", "two"))},
		   {REMOVE("a1"), 204, ""},
		   {REMOVE("b2"), 404, ERROR("404", "gone")},
		   {ADD, BODY("CNAME", "_acme-challenge", "target.example.net"), 201,
		    "{\"record\":{\"id\":\"c3\"}}"}},
	 .record_id = "c3", .replaced = NAME ". 300 TXT \"one\"|" NAME ". 300 TXT \"two\""},
	{"add: zone missing", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 404, ERROR("404", "Invalid domain")}}, .error = CODE_ZONE_NOT_FOUND,
	 .unchanged = true},
	{"add: refused", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {ADD, BODY("TXT", "_acme-challenge", "\\\"one\\\""), 400,
		    ERROR("400", "Invalid record")}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "Invalid record"},
	{"add: made though the answer was an error", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {ADD, BODY("TXT", "_acme-challenge", "\\\"one\\\""), 502, "<html>"},
		   {LOOK, 200, LIST(TXT("a1", "one"))}},
	 .record_id = "a1"},

	{"remove: recorded",
	 RECORD(OP_REMOVE, "delete.testid.lexicon-test.eu", RR_TXT, "challengetoken"),
	 .wanted_id = "347aa6bd-bb75-49db-9468-ccb23101025f",
	 .steps = {{GET("347aa6bd-bb75-49db-9468-ccb23101025f"), 200, REMOVED "2"},
		   {REMOVE("347aa6bd-bb75-49db-9468-ccb23101025f"), 204, REMOVED "4"}},
	 .removed = true},
	{"remove: one of two", RECORD(OP_REMOVE, NAME, RR_TXT, "two"), .wanted_id = "b2",
	 .steps = {{GET("b2"), 200, DONE(TXT("b2", "two"))}, {REMOVE("b2"), 204, ""}},
	 .removed = true},
	{"remove: gone", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = "a1",
	 .steps = {{GET("a1"), 404, ERROR("404", "Invalid record")}}, .unchanged = true},
	{"remove: gone meanwhile", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = "a1",
	 .steps = {{GET("a1"), 200, DONE(TXT("a1", "one"))},
		   {REMOVE("a1"), 404, ERROR("404", "Invalid record")}}},
	{"remove: the id names another now", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = "a1", .steps = {{GET("a1"), 200, DONE(TXT("a1", "two"))}}, .unchanged = true},
};

int main(void)
{
	return run_scripts("vultr", scripts, ARRAY_LEN(scripts));
}
