/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#define DNSIMPLE .provider = &provider_dnsimple
#define ACCOUNT	 .fields = {"account_id", "1010"}
#define RECORD(kind_, fqdn_, type_, value_)                                                        \
	DNSIMPLE, ACCOUNT, .kind = kind_, .fqdn = fqdn_, .zone = "example.com",                    \
			   .zone_id = "example.com", .type = type_, .value = value_
#define NAME "_acme-challenge.example.com"

#define RECORDS	   "/1010/zones/example.com/records"
#define LOOK_AT(n) "GET " RECORDS "?name=" n "&page=1&per_page=100", NULL
#define LOOK	   LOOK_AT("_acme-challenge")
#define CREATE	   "POST " RECORDS
#define GET(id)	   "GET " RECORDS "/" id, NULL
#define DELETE(id) "DELETE " RECORDS "/" id, NULL
#define WHOAMI	   "GET /whoami", NULL
#define ACCOUNTS   "GET /accounts", NULL
#define ZONES(n)   "GET /" n "/zones?page=1&per_page=100", NULL

#define LIST(records)                                                                              \
	"{\"data\":[" records "],\"pagination\":{\"current_page\":1,\"per_page\":100,"             \
	"\"total_pages\":1}}"
#define AT(id, name, type, content)                                                                \
	"{\"id\":" id ",\"zone_id\":\"example.com\",\"name\":\"" name "\",\"content\":\"" content  \
	"\",\"ttl\":600,\"type\":\"" type "\",\"system_record\":false}"
#define ITEM(id, type, content) AT(id, "_acme-challenge", type, content)
#define DATA(item)		"{\"data\":" item "}"
#define BODY(name, type, content)                                                                  \
	"{\"type\":\"" type "\",\"name\":\"" name "\",\"content\":\"" content "\",\"ttl\":60}"
#define TXT(content)  BODY("_acme-challenge", "TXT", content)
#define INVALID	      "{\"message\":\"Validation failed\",\"errors\":{\"base\":[\"exists\"]}}"
#define NOT_FOUND     "@dnsimple/dnsimple-go/notfound-record.http"
#define GO(file)      "@dnsimple/dnsimple-go/" file
#define LEXICON	      "@dnsimple/lexicon/test_provider_"
#define REMOVED	      LEXICON "when_calling_delete_record_with_record_set_name_remove_all.json "
#define DUPLICATE     LEXICON "when_calling_create_record_with_duplicate_records_should_be_noop.json "
#define AUTHENTICATED LEXICON "authenticate.json "

/*
 * Answers that begin with '@' are recordings or come from others' test data (SOURCE); the rest is
 * made in their shape.
 */
static const struct script scripts[] = {
	{"zones: recorded", DNSIMPLE, .kind = OP_ZONES,
	 .steps = {{WHOAMI, 200, GO("whoami/success.http")},
		   {ZONES("1"), 200, GO("listZones/success.http")}},
	 .zones = "example-alpha.com=example-alpha.com example-beta.com=example-beta.com"},
	{"zones: a user's token with one account", DNSIMPLE, .kind = OP_ZONES,
	 .steps = {{WHOAMI, 200, GO("whoami/success-user.http")},
		   {ACCOUNTS, 200, AUTHENTICATED "0"},
		   {ZONES("731"), 200, GO("listZones/success.http")}},
	 .zones = "example-alpha.com=example-alpha.com example-beta.com=example-beta.com"},
	{"zones: a user's token with two accounts", DNSIMPLE, .kind = OP_ZONES,
	 .steps = {{WHOAMI, 200, GO("whoami/success-user.http")},
		   {ACCOUNTS, 200, GO("accounts/success-user.http")}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "account_id"},
	{"zones: two pages", DNSIMPLE, ACCOUNT, .kind = OP_ZONES,
	 .steps = {{ZONES("1010"), 200,
		    "{\"data\":[{\"name\":\"a.example\",\"secondary\":false,\"active\":true},"
		    "{\"name\":\"b.example\",\"secondary\":true,\"active\":true}],"
		    "\"pagination\":{\"total_pages\":2}}"},
		   {"GET /1010/zones?page=2&per_page=100", NULL, 200,
		    "{\"data\":[{\"name\":\"c.example\",\"secondary\":false},"
		    "{\"name\":\"d.example\",\"secondary\":false,\"active\":false}],"
		    "\"pagination\":{\"total_pages\":2}}"}},
	 .zones = "a.example=a.example c.example=c.example"},
	{"zones: wrong key", DNSIMPLE, .kind = OP_ZONES,
	 .steps = {{WHOAMI, 401, "{\"message\":\"Authentication failed\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Authentication failed"},
	{"zones: slow down", DNSIMPLE, ACCOUNT, .kind = OP_ZONES, .now = 1790000000,
	 .steps = {{ZONES("1010"), 429, "{\"message\":\"quota exceeded\"}",
		    .header = {"X-RateLimit-Reset", "1790000042"}}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 42},
	{"zones: an error inside a 200", DNSIMPLE, ACCOUNT, .kind = OP_ZONES,
	 .steps = {{ZONES("1010"), 200, "{\"message\":\"oops\"}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: 502 with HTML", DNSIMPLE, .kind = OP_ZONES,
	 .steps = {{WHOAMI, 502, GO("badgateway.http")}}, .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: the longest", DNSIMPLE, ACCOUNT, .kind = OP_FIND_ZONE,
	 .fqdn = "_acme-challenge.www.example-beta.com",
	 .steps = {{ZONES("1010"), 200, GO("listZones/success.http")}},
	 .zones = "example-beta.com=example-beta.com"},
	{"find: none", DNSIMPLE, ACCOUNT, .kind = OP_FIND_ZONE, .fqdn = "a.example.com",
	 .steps = {{ZONES("1010"), 200, GO("listZones/success.http")}},
	 .error = CODE_ZONE_NOT_FOUND},

	{"add: recorded", DNSIMPLE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.deleterecordset.lexicontest.us", .zone = "lexicontest.us",
	 .zone_id = "lexicontest.us", .type = RR_TXT, .value = "challengetoken1", .ttl = 3600,
	 .steps = {{WHOAMI, 200, GO("whoami/success.http")},
		   {"GET /1/zones/lexicontest.us/"
		    "records?name=_acme-challenge.deleterecordset&page=1&per_page=100",
		    NULL, 200, REMOVED "2"},
		   {"POST /1/zones/lexicontest.us/records",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge.deleterecordset\","
		    "\"content\":\"challengetoken1\",\"ttl\":3600}",
		    201, REMOVED "3"}},
	 .record_id = "502892"},
	{"add: exists", DNSIMPLE, ACCOUNT, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.noop.lexicontest.us", .zone = "lexicontest.us",
	 .zone_id = "lexicontest.us", .type = RR_TXT, .value = "challengetoken",
	 .steps = {{"GET /1010/zones/lexicontest.us/"
		    "records?name=_acme-challenge.noop&page=1&per_page=100",
		    NULL, 200, DUPLICATE "2"}},
	 .record_id = "502868", .found = true, .unchanged = true},
	{"add: a duplicate after all", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 400, INVALID},
		   {LOOK, 200, LIST(ITEM("5", "TXT", "one"))}},
	 .record_id = "5", .found = true},
	{"add: refused", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 400, INVALID},
		   {LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 400, INVALID}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "Validation failed"},
	{"add: a second value", DNSIMPLE, ACCOUNT, .kind = OP_ADD, .fqdn = "unit.tests",
	 .zone = "unit.tests", .zone_id = "unit.tests", .type = RR_TXT, .value = "one",
	 .steps = {{"GET /1010/zones/unit.tests/records?name=&page=1&per_page=100", NULL, 200,
		    "@dnsimple/octodns/dnsimple-page-1.json"},
		   {"GET /1010/zones/unit.tests/records?name=&page=2&per_page=100", NULL, 200,
		    "@dnsimple/octodns/dnsimple-page-2.json"},
		   {"POST /1010/zones/unit.tests/records", BODY("", "TXT", "one"), 201,
		    GO("createZoneRecord/created-apex.http")}},
	 .record_id = "1"},
	{"add: CAA at the apex exists", DNSIMPLE, ACCOUNT, .kind = OP_ADD, .fqdn = "unit.tests",
	 .zone = "unit.tests", .zone_id = "unit.tests", .type = RR_CAA,
	 .value = "0 issue \"ca.unit.tests\"",
	 .steps = {{"GET /1010/zones/unit.tests/records?name=&page=1&per_page=100", NULL, 200,
		    "@dnsimple/octodns/dnsimple-page-1.json"},
		   {"GET /1010/zones/unit.tests/records?name=&page=2&per_page=100", NULL, 200,
		    "@dnsimple/octodns/dnsimple-page-2.json"}},
	 .record_id = "12188803", .found = true, .unchanged = true},
	{"add: CAA", RECORD(OP_ADD, NAME, RR_CAA, "0 issue \"ca.example\""),
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE, BODY("_acme-challenge", "CAA", "0 issue \\\"ca.example\\\""), 201,
		    DATA(ITEM("7", "CAA", "0 issue \\\"ca.example\\\""))}},
	 .record_id = "7"},
	{"add: quotes go as presentation", RECORD(OP_ADD, NAME, RR_TXT, "a\"b\\c"),
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE, TXT("\\\"a\\\\\\\"b\\\\\\\\c\\\""), 201, DATA(ITEM("8", "TXT", "?"))}},
	 .record_id = "8"},
	{"add: 502, then it is there", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 502, GO("badgateway.http")},
		   {LOOK, 200, LIST(ITEM("9", "TXT", "one"))}},
	 .record_id = "9"},
	{"add: slow down until the hour is over", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .now = 1449836000,
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE,
		    TXT("one"),
		    429,
		    "@dnsimple/made/error-429.json 0",
		    {"X-RateLimit-Reset", "1449836141"}}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 141, .detail = "quota exceeded"},
	{"add: slow down, with a clock that is off", RECORD(OP_ADD, NAME, RR_TXT, "one"), .now = 1,
	 .steps = {{LOOK,
		    429,
		    "@dnsimple/made/error-429.json 0",
		    {"X-RateLimit-Reset", "1449836141"}}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = PROVIDER_RETRY_MAX, .unchanged = true},
	{"add: scope missing", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 403, "@dnsimple/made/error-403-scope.json 0"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "zones:example.com:write"},
	{"add: zone missing", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 404, GO("notfound-domain.http")}}, .error = CODE_ZONE_NOT_FOUND,
	 .unchanged = true},

	{"add: replace", RECORD(OP_ADD, NAME, RR_CNAME, "target.example.net"), .mode = MODE_REPLACE,
	 .steps = {{LOOK, 200, LIST(ITEM("1", "TXT", "one") "," ITEM("2", "TXT", "two"))},
		   {DELETE("1"), 204, ""},
		   {DELETE("2"), 404, NOT_FOUND},
		   {CREATE, BODY("_acme-challenge", "CNAME", "target.example.net"), 201,
		    DATA(ITEM("3", "CNAME", "target.example.net"))}},
	 .record_id = "3", .replaced = NAME ". 600 TXT one|" NAME ". 600 TXT two"},
	{"replace: ours among others", RECORD(OP_ADD, NAME, RR_NS, "ns1.example.net"),
	 .mode = MODE_REPLACE,
	 .steps = {{LOOK, 200,
		    LIST(ITEM("1", "NS", "ns1.example.net") "," ITEM("2", "NS",
								     "ns2.example.net"))},
		   {DELETE("2"), 204, ""}},
	 .record_id = "1", .found = true, .replaced = NAME ". 600 NS ns2.example.net"},
	{"replace: an address in the way", RECORD(OP_ADD, NAME, RR_CNAME, "target.example.net"),
	 .mode = MODE_REPLACE, .steps = {{LOOK, 200, LIST(ITEM("1", "A", "192.0.2.1"))}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"replace: the zone's own NS stay", DNSIMPLE, ACCOUNT, .kind = OP_ADD,
	 .fqdn = "example.com", .zone = "example.com", .zone_id = "example.com", .type = RR_TXT,
	 .value = "one", .mode = MODE_REPLACE,
	 .steps = {{LOOK_AT(""), 200, GO("listZoneRecords/success.http")},
		   {CREATE, BODY("", "TXT", "one"), 201, GO("createZoneRecord/created-apex.http")}},
	 .record_id = "1"},

	{"remove: one of two", RECORD(OP_REMOVE, NAME, RR_TXT, "two"), .wanted_id = "6",
	 .steps = {{GET("6"), 200, DATA(ITEM("6", "TXT", "\\\"two\\\""))}, {DELETE("6"), 204, ""}},
	 .removed = true},
	{"remove: the value", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = "5",
	 .steps = {{GET("5"), 200, DATA(ITEM("5", "TXT", "\\\"one\\\""))}, {DELETE("5"), 204, ""}},
	 .removed = true},
	{"remove: gone", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = "5",
	 .steps = {{GET("5"), 404, NOT_FOUND}}, .unchanged = true},
	{"remove: gone meanwhile", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = "5",
	 .steps = {{GET("5"), 200, DATA(ITEM("5", "TXT", "one"))}, {DELETE("5"), 404, NOT_FOUND}}},
	{"remove: the id names another record", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = "5", .steps = {{GET("5"), 200, GO("getZoneRecord/success.http")}},
	 .unchanged = true},
	{"remove: the id names another name", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = "5", .steps = {{GET("5"), 200, DATA(AT("5", "", "TXT", "one"))}},
	 .unchanged = true},
	{"remove: the id names another value", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = "5", .steps = {{GET("5"), 200, DATA(ITEM("5", "TXT", "two"))}},
	 .unchanged = true},
};

int main(void)
{
	return run_scripts("dnsimple", scripts, ARRAY_LEN(scripts));
}
