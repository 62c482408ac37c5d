/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#define CLOUDFLARE .provider = &provider_cloudflare
#define ZONE_ID	   "457dd20dded351b97830cb528f507819"
#define ID_A	   "00000000000000000000000000000aaa"
#define ID_B	   "00000000000000000000000000000bbb"
#define ID_C	   "00000000000000000000000000000ccc"
#define RECORD(kind_, fqdn_, type_, value_)                                                        \
	CLOUDFLARE, .kind = kind_, .fqdn = fqdn_, .zone = "byemike.org", .zone_id = ZONE_ID,       \
		    .type = type_, .value = value_
#define NAME "_acme-challenge.byemike.org"

#define RECORDS	   "/zones/" ZONE_ID "/dns_records"
#define LOOK_AT(n) "GET " RECORDS "?name=" n "&page=1&per_page=50", NULL
#define LOOK	   LOOK_AT(NAME)
#define CREATE	   "POST " RECORDS
#define BATCH	   "POST " RECORDS "/batch"
#define GET(id)	   "GET " RECORDS "/" id, NULL
#define DELETE(id) "DELETE " RECORDS "/" id, NULL
#define ZONES	   "GET /zones?page=1&per_page=50", NULL

#define ONE_PAGE "\"result_info\":{\"page\":1,\"per_page\":50,\"total_pages\":1}}"
#define LIST(records)                                                                              \
	"{\"success\":true,\"errors\":[],\"result\":[" records "],\"result_info\":{\"page\":1,"    \
	"\"per_page\":50,\"total_pages\":1}}"
#define ITEM(id, type, content)                                                                    \
	"{\"id\":\"" id "\",\"name\":\"" NAME "\",\"type\":\"" type "\",\"content\":\"" content    \
	"\",\"ttl\":120}"
#define RESULT(item)   "{\"success\":true,\"errors\":[],\"result\":" item "}"
#define DONE(id)       RESULT("{\"id\":\"" id "\"}")
#define POSTED(id)     RESULT("{\"posts\":[{\"id\":\"" id "\"}]}")
#define ERROR(n, text) "{\"success\":false,\"errors\":[{\"code\":" n ",\"message\":\"" text "\"}]}"
#define TXT(content)                                                                               \
	"{\"type\":\"TXT\",\"name\":\"" NAME "\",\"content\":\"\\\"" content "\\\"\",\"ttl\":60}"
#define CNAME                                                                                      \
	"{\"type\":\"CNAME\",\"name\":\"" NAME "\",\"content\":\"target.example.net\",\"ttl\":60," \
	"\"proxied\":false}"
#define CAA                                                                                        \
	"{\"type\":\"CAA\",\"name\":\"" NAME "\",\"data\":{\"flags\":0,\"tag\":\"issue\","         \
	"\"value\":\"ca.example\"},\"ttl\":60}"
#define DELETES(ids) "{\"deletes\":[" ids "]"
#define ZONE(id, name, status, type)                                                               \
	"{\"id\":\"" id "\",\"name\":\"" name "\",\"status\":\"" status "\",\"type\":\"" type "\"" \
	"}"

#define LEXICON	  "@cloudflare/lexicon/test_provider_when_calling_"
#define MULTIPLE  LEXICON "create_record_multiple_times_should_create_record_set.json "
#define DUPLICATE LEXICON "create_record_with_duplicate_records_should_be_noop.json "
#define REMOVED	  LEXICON "delete_record_with_record_set_name_remove_all.json "

/*
 * Answers that begin with '@' are recordings or come from others' test data (SOURCE); the rest is
 * made in their shape.
 */
static const struct script scripts[] = {
	{"zones: recorded", CLOUDFLARE, .kind = OP_ZONES, .steps = {{ZONES, 200, MULTIPLE "0"}},
	 .zones = "byemike.org=" ZONE_ID " mikeleave.com=64789f348d16a1ac1c1fd5cd8028476c "
		  "mikeleave.org=542399cd507f4535eb47a9c3392fa199"},
	{"zones: three pages, none active", CLOUDFLARE, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, "@cloudflare/octodns/cloudflare-zones-page-1.json"},
		   {"GET /zones?page=2&per_page=50", NULL, 200,
		    "@cloudflare/octodns/cloudflare-zones-page-1.json"},
		   {"GET /zones?page=3&per_page=50", NULL, 200,
		    "@cloudflare/octodns/cloudflare-zones-page-3.json"}}},
	{"zones: two pages", CLOUDFLARE, .kind = OP_ZONES,
	 .steps = {{ZONES, 200,
		    "{\"success\":true,\"result\":[" ZONE(
			    "a1", "a.example", "active",
			    "full") "," ZONE("b1", "b.example", "active",
					     "partial") "],"
							"\"result_info\":{\"total_pages\":2}}"},
		   {"GET /zones?page=2&per_page=50", NULL, 200,
		    "{\"success\":true,\"result\":[" ZONE(
			    "c1", "C.Example.", "active",
			    "full") "," ZONE("d1", "d.example", "active",
					     "secondary") "],"
							  "\"result_info\":{\"total_pages\":2}}"}},
	 .zones = "a.example=a1 c.example=c1"},
	{"zones: internal ones are passed over", CLOUDFLARE, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, "@cloudflare/octodns/cloudflare-internal-zones-mixed.json"}},
	 .zones = "public.example.com=aa00000000000000000000000000full"},
	{"zones: none", CLOUDFLARE, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, "@cloudflare/made/zones-empty.json 0"}}},
	{"zones: no page count", CLOUDFLARE, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, "{\"success\":true,\"result\":[]}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: wrong key", CLOUDFLARE, .kind = OP_ZONES,
	 .steps = {{ZONES, 403, "@cloudflare/made/error-auth.json 0"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Authentication error"},
	{"zones: malformed token", CLOUDFLARE, .kind = OP_ZONES,
	 .steps = {{ZONES, 400, "@cloudflare/made/error-auth-malformed.json 0"}},
	 .error = CODE_PROVIDER_AUTH_FAILED},
	{"zones: an error inside a 200", CLOUDFLARE, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, "@cloudflare/lego/error.json"}},
	 .error = CODE_PROVIDER_AUTH_FAILED},
	{"zones: another error inside a 200", CLOUDFLARE, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, ERROR("1004", "DNS \\u00e9 failed")}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "DNS ?? failed"},
	{"zones: slow down", CLOUDFLARE, .kind = OP_ZONES,
	 .steps = {{ZONES, 429, ERROR("971", "slow"), .retry_after = 300}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 300},
	{"find: the longest", CLOUDFLARE, .kind = OP_FIND_ZONE, .fqdn = "a.b.byemike.org",
	 .steps = {{ZONES, 200,
		    LIST(ZONE("1", "org", "active", "full") "," ZONE(
			    "2", "byemike.org", "active",
			    "full") "," ZONE("3", "b.byemike.org", "pending",
					     "full") "," ZONE("4", "yemike.org", "active",
							      "full"))}},
	 .zones = "byemike.org=2"},
	{"find: twice", CLOUDFLARE, .kind = OP_FIND_ZONE, .fqdn = "byemike.org",
	 .steps = {{ZONES, 200,
		    LIST(ZONE("1", "byemike.org", "active", "full") "," ZONE("2", "byemike.org",
									     "active", "full"))}},
	 .error = CODE_CONFLICT},
	{"find: twice, but a longer one once", CLOUDFLARE, .kind = OP_FIND_ZONE,
	 .fqdn = "a.byemike.org",
	 .steps = {{ZONES, 200,
		    LIST(ZONE("1", "byemike.org", "active", "full") "," ZONE(
			    "2", "byemike.org", "active", "full") "," ZONE("3", "a.byemike.org",
									   "active", "full"))}},
	 .zones = "a.byemike.org=3"},
	{"find: none", CLOUDFLARE, .kind = OP_FIND_ZONE, .fqdn = "example.com",
	 .steps = {{ZONES, 200, MULTIPLE "0"}}, .error = CODE_ZONE_NOT_FOUND},

	{"add: recorded",
	 RECORD(OP_ADD, "_acme-challenge.createrecordset.byemike.org", RR_TXT, "challengetoken1"),
	 .ttl = 3600,
	 .steps = {{LOOK_AT("_acme-challenge.createrecordset.byemike.org"), 200, REMOVED "6"},
		   {CREATE,
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge.createrecordset.byemike.org\","
		    "\"content\":\"\\\"challengetoken1\\\"\",\"ttl\":3600}",
		    200, MULTIPLE "1"}},
	 .record_id = "3a0721ecad360c54f8892705bc838ed2"},
	{"add: exists",
	 RECORD(OP_ADD, "_acme-challenge.noop.byemike.org", RR_TXT, "challengetoken"),
	 .steps = {{LOOK_AT("_acme-challenge.noop.byemike.org"), 200, DUPLICATE "3"}},
	 .record_id = "ad62b0bd67faa6453de57bdf781cea26", .found = true, .unchanged = true},
	{"add: a duplicate after all",
	 RECORD(OP_ADD, "_acme-challenge.noop.byemike.org", RR_TXT, "challengetoken"),
	 .steps = {{LOOK_AT("_acme-challenge.noop.byemike.org"), 200, REMOVED "6"},
		   {CREATE,
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge.noop.byemike.org\","
		    "\"content\":\"\\\"challengetoken\\\"\",\"ttl\":60}",
		    400, DUPLICATE "1"},
		   {LOOK_AT("_acme-challenge.noop.byemike.org"), 200, DUPLICATE "3"}},
	 .record_id = "ad62b0bd67faa6453de57bdf781cea26", .found = true},
	{"add: a duplicate that cannot be found", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 400, DUPLICATE "1"},
		   {LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 400, DUPLICATE "1"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "identical"},
	{"add: a second value", RECORD(OP_ADD, NAME, RR_TXT, "two"),
	 .steps = {{LOOK, 200,
		    LIST(ITEM(ID_A, "TXT", "\\\"one\\\"") "," ITEM(ID_B, "A", "192.0.2.1"))},
		   {CREATE, TXT("two"), 200, DONE(ID_C)}},
	 .record_id = ID_C},
	{"add: refused", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 400, ERROR("9005", "Content for TXT record is invalid.")}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "Content for TXT"},
	{"add: 520 with HTML, then it is there", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 520, "@cloudflare/made/error-520-html.json 0"},
		   {LOOK, 200, LIST(ITEM(ID_A, "TXT", "one"))}},
	 .record_id = ID_A},
	{"add: 520 twice", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 520, "@cloudflare/made/error-520-html.json 0"},
		   {LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 520, "@cloudflare/made/error-520-html.json 0"}},
	 .error = CODE_PROVIDER_UNAVAILABLE, .detail = "HTTP 520"},
	{"add: zone missing", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 404, ERROR("7003", "Could not route")}}, .error = CODE_ZONE_NOT_FOUND,
	 .unchanged = true},
	{"add: read-only token", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK, 200, LIST("")},
		   {
			   CREATE,
			   TXT("one"),
			   403,
			   ERROR("10000", "no"),
		   }},
	 .error = CODE_PROVIDER_AUTH_FAILED},
	{"add: CAA", RECORD(OP_ADD, NAME, RR_CAA, "0 issue \"ca.example\""),
	 .steps = {{LOOK, 200, LIST("")}, {CREATE, CAA, 200, DONE(ID_A)}}, .record_id = ID_A},
	{"add: CAA exists, as data", CLOUDFLARE, .kind = OP_ADD, .fqdn = "unit.tests",
	 .zone = "unit.tests", .zone_id = ZONE_ID, .type = RR_CAA,
	 .value = "0 issue \"ca.unit.tests\"",
	 .steps = {{LOOK_AT("unit.tests"), 200,
		    "@cloudflare/octodns/cloudflare-dns_records-page-2.json"},
		   {"GET " RECORDS "?name=unit.tests&page=2&per_page=50", NULL, 200, LIST("")}},
	 .record_id = "fc223b34cd5611334422ab3322997667", .found = true, .unchanged = true},

	{"replace: nothing there", RECORD(OP_ADD, NAME, RR_CNAME, "target.example.net"),
	 .mode = MODE_REPLACE, .steps = {{LOOK, 200, LIST("")}, {CREATE, CNAME, 200, DONE(ID_A)}},
	 .record_id = ID_A},
	{"add: replace", RECORD(OP_ADD, NAME, RR_CNAME, "target.example.net"), .mode = MODE_REPLACE,
	 .steps = {{LOOK, 200,
		    LIST(ITEM(ID_A, "TXT", "one") "," ITEM(ID_B, "CAA",
							   "0 issue \\\"ca.example\\\""))},
		   {BATCH,
		    DELETES("{\"id\":\"" ID_A "\"},{\"id\":\"" ID_B "\"}") ",\"posts\":[" CNAME
									   "]}",
		    200, POSTED(ID_C)}},
	 .record_id = ID_C,
	 .replaced = NAME ". 120 TXT one|" NAME ". 120 CAA 0 issue \"ca.example\""},
	{"replace: ours among others", RECORD(OP_ADD, NAME, RR_TXT, "one"), .mode = MODE_REPLACE,
	 .steps = {{LOOK, 200, LIST(ITEM(ID_A, "TXT", "one") "," ITEM(ID_B, "TXT", "two"))},
		   {BATCH, DELETES("{\"id\":\"" ID_B "\"}") "}", 200, RESULT("{\"posts\":[]}")}},
	 .record_id = ID_A, .found = true, .replaced = NAME ". 120 TXT two"},
	{"replace: exists", RECORD(OP_ADD, NAME, RR_TXT, "one"), .mode = MODE_REPLACE,
	 .steps = {{LOOK, 200, LIST(ITEM(ID_A, "TXT", "one") "," ITEM(ID_B, "A", "192.0.2.1"))}},
	 .record_id = ID_A, .found = true, .unchanged = true},
	{"replace: an address in the way", RECORD(OP_ADD, NAME, RR_CNAME, "target.example.net"),
	 .mode = MODE_REPLACE, .steps = {{LOOK, 200, LIST(ITEM(ID_B, "A", "192.0.2.1"))}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"replace: another was faster", RECORD(OP_ADD, NAME, RR_TXT, "one"), .mode = MODE_REPLACE,
	 .steps = {{LOOK, 200, LIST(ITEM(ID_A, "TXT", "two"))},
		   {BATCH, DELETES("{\"id\":\"" ID_A "\"}") ",\"posts\":[" TXT("one") "]}", 404,
		    ERROR("81044", "Record does not exist.")},
		   {LOOK, 200, LIST("")},
		   {CREATE, TXT("one"), 200, DONE(ID_B)}},
	 .record_id = ID_B, .replaced = NAME ". 120 TXT two"},

	{"remove: the value", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = ID_A,
	 .steps = {{GET(ID_A), 200, RESULT(ITEM(ID_A, "TXT", "\\\"one\\\""))},
		   {DELETE(ID_A), 200, REMOVED "4"}},
	 .removed = true},
	{"remove: one of two", RECORD(OP_REMOVE, NAME, RR_TXT, "two"), .wanted_id = ID_B,
	 .steps = {{GET(ID_B), 200, RESULT(ITEM(ID_B, "TXT", "\\\"two\\\""))},
		   {DELETE(ID_B), 200, RESULT("{\"id\":\"" ID_B "\"}")}},
	 .removed = true},
	{"remove: gone", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = ID_A,
	 .steps = {{GET(ID_A), 404, ERROR("81044", "Record does not exist.")}}, .unchanged = true},
	{"remove: gone meanwhile", RECORD(OP_REMOVE, NAME, RR_TXT, "one"), .wanted_id = ID_A,
	 .steps = {{GET(ID_A), 200, RESULT(ITEM(ID_A, "TXT", "one"))},
		   {DELETE(ID_A), 404, ERROR("81044", "Record does not exist.")}}},
	{"remove: the id names another value", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = ID_A, .steps = {{GET(ID_A), 200, RESULT(ITEM(ID_A, "TXT", "two"))}},
	 .unchanged = true},
	{"remove: the id names another type", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = ID_A, .steps = {{GET(ID_A), 200, RESULT(ITEM(ID_A, "SPF", "one"))}},
	 .unchanged = true},
	{"remove: done in spite of a 502", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .wanted_id = ID_A,
	 .steps = {{GET(ID_A), 200, RESULT(ITEM(ID_A, "TXT", "one"))},
		   {DELETE(ID_A), 502, "<html>"},
		   {GET(ID_A), 404, ERROR("81044", "Record does not exist.")}},
	 .removed = true},
};

int main(void)
{
	return run_scripts("cloudflare", scripts, ARRAY_LEN(scripts));
}
