/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#include "sys/crypto.h"

#define GOOGLE	.provider = &provider_googleclouddns, .fields = {"project", "p1"}
#define ZONE_ID "699036609868956548"
#define RECORD(kind_, fqdn_, type_, value_)                                                        \
	GOOGLE, .kind = kind_, .fqdn = fqdn_, .zone = "fullm3tal.tk", .zone_id = ZONE_ID,          \
		.type = type_, .value = value_
#define NAME "_acme-challenge.fullm3tal.tk"

#define BASE		 "/projects/p1/managedZones"
#define ZONES		 "GET " BASE "?maxResults=100", NULL
#define LOOK_AT(n, type) "GET " BASE "/" ZONE_ID "/rrsets?type=" type "&name=" n ".", NULL
#define LOOK(type)	 LOOK_AT(NAME, type)
#define CHANGE		 "POST " BASE "/" ZONE_ID "/changes"
#define SET(name, type, ttl, data)                                                                 \
	"{\"name\":\"" name ".\",\"type\":\"" type "\",\"ttl\":" ttl ",\"rrdatas\":[" data "]}"
#define LIST(sets)		   "{\"kind\":\"dns#resourceRecordSetsListResponse\",\"rrsets\":[" sets "]}"
#define BODY(deletions, additions) "{\"deletions\":[" deletions "],\"additions\":[" additions "]}"
#define DONE			   "{\"kind\":\"dns#change\",\"id\":\"1\",\"status\":\"pending\"}"
#define Q(text)			   "\"\\\"" text "\\\"\""
#define ERROR(status, reason, text)                                                                \
	"{\"error\":{\"code\":" status ",\"message\":\"" text                                      \
	"\",\"errors\":[{\"reason\":\"" reason "\"}]}}"
#define ZONE(id, name, more) "{\"id\":\"" id "\",\"dnsName\":\"" name "\"" more "}"
#define ZLIST(zones, more)                                                                         \
	"{\"kind\":\"dns#managedZonesListResponse\",\"managedZones\":[" zones "]" more "}"

#define LEXICON	 "@googleclouddns/lexicon/test_provider_when_calling_"
#define MULTIPLE LEXICON "create_record_multiple_times_should_create_record_set.json "
#define ONE	 LEXICON "delete_record_with_record_set_by_content_should_leave_others_untouched.json "
#define MADE	 "@googleclouddns/made/"
#define SETNAME	 "_acme-challenge.createrecordset.fullm3tal.tk"

static const struct script scripts[] = {
	{"zones: recorded", GOOGLE, .kind = OP_ZONES, .steps = {{ZONES, 200, MULTIPLE "1"}},
	 .zones = "fullm3tal.tk=699036609868956548"},
	{"zones: two pages", GOOGLE, .kind = OP_ZONES,
	 .steps = {{ZONES, 200,
		    ZLIST(ZONE("1", "a.example.", ",\"visibility\":\"public\"") "," ZONE(
				  "2", "b.example.", ",\"visibility\":\"private\""),
			  ",\"nextPageToken\":\"t/1\"")},
		   {"GET " BASE "?pageToken=t%2F1&maxResults=100", NULL, 200,
		    ZLIST(ZONE("3", "c.example.", ""), "")}},
	 .zones = "a.example=1 c.example=3"},
	{"zones: none", GOOGLE, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, "{\"kind\":\"dns#managedZonesListResponse\"}"}}},
	{"zones: the one that was named", .provider = &provider_googleclouddns, .kind = OP_ZONES,
	 .fields = {"project", "p1", "managed_zone", "my-zone"},
	 .steps = {{"GET " BASE "/my-zone", NULL, 200, ZONE("7", "a.example.", "")}},
	 .zones = "a.example=7"},
	{"zones: wrong key", GOOGLE, .kind = OP_ZONES,
	 .steps = {{ZONES, 401, ERROR("401", "authError", "Invalid Credentials")}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Invalid Credentials"},
	{"zones: not allowed", GOOGLE, .kind = OP_ZONES,
	 .steps = {{ZONES, 403, ERROR("403", "forbidden", "Forbidden")}},
	 .error = CODE_PROVIDER_AUTH_FAILED},
	{"zones: slow down (made)", GOOGLE, .kind = OP_ZONES,
	 .steps = {{ZONES, 403, MADE "error-403-rate.json 0"}},
	 .error = CODE_PROVIDER_RATE_LIMITED},
	{"zones: slow down, in a 429", GOOGLE, .kind = OP_ZONES,
	 .steps = {{ZONES, 429, ERROR("429", "x", "Quota"), .retry_after = 9}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 9},
	{"zones: an error inside a 200", GOOGLE, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, ERROR("500", "backendError", "oops")}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", GOOGLE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{ZONES, 200, MULTIPLE "1"}}, .error = CODE_ZONE_NOT_FOUND},

	{"add: recorded", RECORD(OP_ADD, SETNAME, RR_TXT, "challengetoken1"), .ttl = 3600,
	 .steps = {{LOOK_AT(SETNAME, "TXT"), 200, MULTIPLE "2"},
		   {CHANGE, BODY("", SET(SETNAME, "TXT", "3600", Q("challengetoken1"))), 200,
		    MULTIPLE "3"}}},
	{"add: exists", RECORD(OP_ADD, SETNAME, RR_TXT, "challengetoken1"),
	 .steps = {{LOOK_AT(SETNAME, "TXT"), 200, MULTIPLE "4"}}, .found = true, .unchanged = true},
	{"add: a second value", RECORD(OP_ADD, SETNAME, RR_TXT, "challengetoken2"),
	 .steps = {{LOOK_AT(SETNAME, "TXT"), 200, MULTIPLE "4"},
		   {CHANGE,
		    BODY(SET(SETNAME, "TXT", "3600", Q("challengetoken1")),
			 SET(SETNAME, "TXT", "3600",
			     Q("challengetoken1") "," Q("challengetoken2"))),
		    200, MULTIPLE "5"}}},
	{"add: lost races (made)", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200, LIST("")},
		   {CHANGE, BODY("", SET(NAME, "TXT", "60", Q("one"))), 409,
		    ERROR("409", "alreadyExists", "exists")},
		   {LOOK("TXT"), 200, LIST(SET(NAME, "TXT", "60", Q("two")))},
		   {CHANGE,
		    BODY(SET(NAME, "TXT", "60", Q("two")),
			 SET(NAME, "TXT", "60", Q("two") "," Q("one"))),
		    412, MADE "error-412-condition.json 0"},
		   {LOOK("TXT"), 200, LIST(SET(NAME, "TXT", "60", Q("three")))},
		   {CHANGE,
		    BODY(SET(NAME, "TXT", "60", Q("three")),
			 SET(NAME, "TXT", "60", Q("three") "," Q("one"))),
		    404, MADE "error-404-deletion.json 0"},
		   {LOOK("TXT"), 200, LIST("")},
		   {CHANGE, BODY("", SET(NAME, "TXT", "60", Q("one"))), 200, DONE}}},
	{"add: made though the answer was an error", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200, LIST("")},
		   {CHANGE, BODY("", SET(NAME, "TXT", "60", Q("one"))), 503, ""},
		   {LOOK("TXT"), 200, LIST(SET(NAME, "TXT", "60", Q("one")))}}},
	{"add: replace", RECORD(OP_ADD, NAME, RR_CNAME, "target.example.net"), .mode = MODE_REPLACE,
	 .steps = {{LOOK("CNAME"), 200, LIST("")},
		   {LOOK("TXT"), 200, LIST(SET(NAME, "TXT", "60", Q("one")))},
		   {LOOK("CAA"), 200, LIST("")},
		   {LOOK("NS"), 200, LIST("")},
		   {LOOK("A"), 200, LIST("")},
		   {LOOK("AAAA"), 200, LIST("")},
		   {LOOK("MX"), 200, LIST("")},
		   {CHANGE,
		    BODY(SET(NAME, "TXT", "60", Q("one")),
			 SET(NAME, "CNAME", "60", "\"target.example.net.\"")),
		    200, DONE}},
	 .replaced = NAME ". 60 TXT \"one\""},
	{"add: a routing policy", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200,
		    LIST("{\"name\":\"" NAME ".\",\"type\":\"TXT\",\"routingPolicy\":{}}")}},
	 .error = CODE_CONFLICT, .detail = "routing policy", .unchanged = true},
	{"add: zone missing (made)", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 404, MADE "error-404-zone.json 0"}}, .error = CODE_ZONE_NOT_FOUND,
	 .unchanged = true},
	{"add: zone missing at the change (made)", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200, LIST("")},
		   {CHANGE, BODY("", SET(NAME, "TXT", "60", Q("one"))), 404,
		    MADE "error-404-zone.json 0"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: refused", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200, LIST("")},
		   {CHANGE, BODY("", SET(NAME, "TXT", "60", Q("one"))), 400,
		    ERROR("400", "cnameResourceRecordSetConflict", "CNAME conflict")}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "CNAME conflict"},

	{"remove: recorded",
	 RECORD(OP_REMOVE, "_acme-challenge.deleterecordinset.fullm3tal.tk", RR_TXT,
		"challengetoken1"),
	 .steps = {{LOOK_AT("_acme-challenge.deleterecordinset.fullm3tal.tk", "TXT"), 200, ONE "4"},
		   {CHANGE,
		    BODY(SET("_acme-challenge.deleterecordinset.fullm3tal.tk", "TXT", "3600",
			     Q("challengetoken1")),
			 ""),
		    200, ONE "7"}},
	 .removed = true},
	{"remove: gone", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200, LIST("")}}, .unchanged = true},
	{"remove: one of two",
	 RECORD(OP_REMOVE, "_acme-challenge.deleterecordinset.fullm3tal.tk", RR_TXT,
		"challengetoken1"),
	 .steps = {{LOOK_AT("_acme-challenge.deleterecordinset.fullm3tal.tk", "TXT"), 200, ONE "6"},
		   {CHANGE,
		    BODY(SET("_acme-challenge.deleterecordinset.fullm3tal.tk", "TXT", "3600",
			     Q("challengetoken1") "," Q("challengetoken2")),
			 SET("_acme-challenge.deleterecordinset.fullm3tal.tk", "TXT", "3600",
			     Q("challengetoken2"))),
		    200, ONE "7"}},
	 .removed = true},
};

/* ---- logins ---- */

static struct buf pairs_of(const char *const *list)
{
	struct buf b = BUF_INIT(8192);

	for (; *list; list++)
		plist_put(&b, bytes_str(*list));
	return b;
}

static void test_binding(void **state)
{
	static const struct {
		const char *email;
		int r;
	} cases[] = {
		{"postern-0123456789abcdef012345@p1.iam.gserviceaccount.com", 0},
		{"postern-0123456789abcdef01234@p1.iam.gserviceaccount.com", PROVIDER_E_FIELD},
		{"postern-1123456789abcdef012345@p1.iam.gserviceaccount.com", PROVIDER_E_FIELD},
		{"dns@p1.iam.gserviceaccount.com", PROVIDER_E_FIELD},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const list[] = {"external_id", "0123456789abcdef0123456789abcdef",
					    "service_account_email", cases[i].email, NULL};
		struct buf c = pairs_of(list);
		const char *field, *why;

		assert_int_equal(provider_googleclouddns.delegated->check(
					 bytes_of(NULL, 0), buf_bytes(&c), &field, &why),
				 cases[i].r);
		buf_done(&c);
	}
}

static void test_login(void **state)
{
	static const char *const list[] = {
		"client_email", "a@b", "private_key_id", "k", "private_key", "not a key", NULL};
	struct buf c = pairs_of(list), body = BUF_INIT(16384);
	const struct login_input in = {.credentials = buf_bytes(&c), .now = 1000};

	assert_int_equal(provider_googleclouddns.login->build(&in, &body), SIGN_E_FIELD);
	buf_reset(&body);
	assert_int_equal(provider_googleclouddns.assume->build(&in, &body), 0);
	assert_true(
		bytes_is(buf_bytes(&body),
			 "{\"scope\":[\"https://www.googleapis.com/auth/ndev.clouddns.readwrite\"],"
			 "\"lifetime\":\"3600s\"}"));
	buf_done(&c);
	buf_done(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_login),
	};

	if (crypto_load() < 0)
		return 1;
	return run_scripts_and("googleclouddns", scripts, ARRAY_LEN(scripts), tests,
			       ARRAY_LEN(tests));
}
