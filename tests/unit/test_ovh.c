/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#include "sys/crypto.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE                                                                                       \
	.provider = &provider_ovh, .zone = "example.com", .zone_id = "example.com",                \
	.fields = {"endpoint", "ovh-eu"}

#define STATUS                                                                                     \
	BASE, .kind = OP_STATUS, .fqdn = "_acme-challenge.example.com", .value = "one",            \
	      .type = RR_TXT, .wanted_id = "11"
#define STATUS_GET "GET /domain/zone/example.com/status", NULL

static const struct script scripts[] = {
	{"zones: recorded", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domain/zone", NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 1"}},
	 .zones = "pacalis.net=pacalis.net"},
	{"zones: no pages, two zones", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domain/zone", NULL, 200, "[\"a.example\",\"b.example\"]"}},
	 .zones = "a.example=a.example b.example=b.example"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domain/zone", NULL, 403,
		    "{\"class\":\"Client::Forbidden\",\"errorCode\":\"INVALID_CREDENTIAL\","
		    "\"message\":\"This credential is not valid\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "not valid"},
	{"zones: the clock is wrong", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domain/zone", NULL, 400,
		    "{\"errorCode\":\"INVALID_SIGNATURE\",\"message\":\"Invalid signature\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domain/zone", NULL, 429, "{\"message\":\"Too many requests\"}",
		    .retry_after = 5}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 5},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /domain/zone", NULL, 200, "{\"message\":\"oops\"}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /domain/zone", NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 1"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_ovh, .fields = {"endpoint", "ovh-eu"},
	 .zone = "pacalis.net", .zone_id = "pacalis.net", .kind = OP_ADD,
	 .fqdn = "_acme-challenge.deleterecordinset.pacalis.net", .value = "challengetoken1",
	 .type = RR_TXT, .ttl = 3600,
	 .steps = {{"GET "
		    "/domain/zone/pacalis.net/record?subDomain=_acme-challenge.deleterecordinset",
		    NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 3"},
		   {"POST /domain/zone/pacalis.net/record",
		    "{\"fieldType\":\"TXT\",\"subDomain\":\"_acme-challenge.deleterecordinset\","
		    "\"target\":\"\\\"challengetoken1\\\"\",\"ttl\":3600}",
		    200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 4"},
		   {"POST /domain/zone/pacalis.net/refresh", NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 5"}},
	 .record_id = "1553659769"},
	{"add: exists", .provider = &provider_ovh, .fields = {"endpoint", "ovh-eu"},
	 .zone = "pacalis.net", .zone_id = "pacalis.net", .kind = OP_ADD,
	 .fqdn = "_acme-challenge.deleterecordinset.pacalis.net", .value = "challengetoken2",
	 .type = RR_TXT,
	 .steps = {{"GET "
		    "/domain/zone/pacalis.net/record?subDomain=_acme-challenge.deleterecordinset",
		    NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 10"},
		   {"GET /domain/zone/pacalis.net/record/1553659769", NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 11"},
		   {"GET /domain/zone/pacalis.net/record/1553659771", NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 12"},
		   {"POST /domain/zone/pacalis.net/refresh", NULL, 200, "null"}},
	 .record_id = "1553659771", .found = true},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{"GET /domain/zone/example.com/record?subDomain=_acme-challenge", NULL, 200,
		    "[11]"},
		   {"GET /domain/zone/example.com/record/11", NULL, 200,
		    "{\"id\":11,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"TXT\",\"target\":\"\\\"one\\\"\",\"ttl\":300}"},
		   {"POST /domain/zone/example.com/record",
		    "{\"fieldType\":\"TXT\",\"subDomain\":\"_acme-challenge\",\"target\":"
		    "\"\\\"two\\\"\",\"ttl\":60}",
		    200,
		    "{\"id\":22,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"TXT\",\"target\":\"\\\"two\\\"\",\"ttl\":300}"},
		   {"POST /domain/zone/example.com/refresh", NULL, 200, "null"}},
	 .record_id = "22"},
	{"add: one is gone meanwhile", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domain/zone/example.com/record?subDomain=_acme-challenge", NULL, 200,
		    "[11]"},
		   {"GET /domain/zone/example.com/record/11", NULL, 404, "{\"message\":\"gone\"}"},
		   {"POST /domain/zone/example.com/record",
		    "{\"fieldType\":\"TXT\",\"subDomain\":\"_acme-challenge\",\"target\":"
		    "\"\\\"one\\\"\",\"ttl\":60}",
		    200,
		    "{\"id\":22,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"TXT\",\"target\":\"\\\"one\\\"\",\"ttl\":300}"},
		   {"POST /domain/zone/example.com/refresh", NULL, 200, "null"}},
	 .record_id = "22"},
	{"add: a CNAME", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "target.example.net", .type = RR_CNAME, .mode = MODE_REPLACE,
	 .steps = {{"GET /domain/zone/example.com/record?subDomain=_acme-challenge", NULL, 200,
		    "[]"},
		   {"POST /domain/zone/example.com/record",
		    "{\"fieldType\":\"CNAME\",\"subDomain\":\"_acme-challenge\",\"target\":"
		    "\"target.example.net.\",\"ttl\":60}",
		    200,
		    "{\"id\":22,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"CNAME\",\"target\":\"target.example.net.\",\"ttl\":300}"},
		   {"POST /domain/zone/example.com/refresh", NULL, 200, "null"}},
	 .record_id = "22"},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"GET /domain/zone/example.com/record?subDomain=_acme-challenge", NULL, 200,
		    "[11,12,13]"},
		   {"GET /domain/zone/example.com/record/11", NULL, 200,
		    "{\"id\":11,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"TXT\",\"target\":\"\\\"one\\\"\",\"ttl\":300}"},
		   {"GET /domain/zone/example.com/record/12", NULL, 200,
		    "{\"id\":12,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"CNAME\",\"target\":\"x.example.\",\"ttl\":300}"},
		   {"GET /domain/zone/example.com/record/13", NULL, 200,
		    "{\"id\":13,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"A\",\"target\":\"192.0.2.1\",\"ttl\":300}"},
		   {"DELETE /domain/zone/example.com/record/11", NULL, 200, "null"},
		   {"DELETE /domain/zone/example.com/record/12", NULL, 404,
		    "{\"message\":\"gone\"}"},
		   {"POST /domain/zone/example.com/record",
		    "{\"fieldType\":\"TXT\",\"subDomain\":\"_acme-challenge\",\"target\":"
		    "\"\\\"new\\\"\",\"ttl\":60}",
		    200,
		    "{\"id\":22,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"TXT\",\"target\":\"\\\"new\\\"\",\"ttl\":300}"},
		   {"POST /domain/zone/example.com/refresh", NULL, 200, "null"}},
	 .record_id = "22",
	 .replaced = "_acme-challenge.example.com. 300 TXT \"one\"|_acme-challenge.example.com. "
		     "300 CNAME x.example."},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domain/zone/example.com/record?subDomain=_acme-challenge", NULL, 404,
		    "{\"message\":\"This service does not exist\"}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domain/zone/example.com/record?subDomain=_acme-challenge", NULL, 200,
		    "[]"},
		   {"POST /domain/zone/example.com/record",
		    "{\"fieldType\":\"TXT\",\"subDomain\":\"_acme-challenge\",\"target\":"
		    "\"\\\"one\\\"\",\"ttl\":60}",
		    400, "{\"message\":\"Invalid target\"}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "Invalid target"},
	{"add: not granted", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domain/zone/example.com/record?subDomain=_acme-challenge", NULL, 200,
		    "[]"},
		   {"POST /domain/zone/example.com/record",
		    "{\"fieldType\":\"TXT\",\"subDomain\":\"_acme-challenge\",\"target\":"
		    "\"\\\"one\\\"\",\"ttl\":60}",
		    403,
		    "{\"errorCode\":\"NOT_GRANTED_CALL\",\"message\":\"This call has not been "
		    "granted\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "not been granted"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /domain/zone/example.com/record?subDomain=_acme-challenge", NULL, 200,
		    "[]"},
		   {"POST /domain/zone/example.com/record",
		    "{\"fieldType\":\"TXT\",\"subDomain\":\"_acme-challenge\",\"target\":"
		    "\"\\\"one\\\"\",\"ttl\":60}",
		    500, "<html>"},
		   {"GET /domain/zone/example.com/record?subDomain=_acme-challenge", NULL, 200,
		    "[11]"},
		   {"GET /domain/zone/example.com/record/11", NULL, 200,
		    "{\"id\":11,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"TXT\",\"target\":\"\\\"one\\\"\",\"ttl\":300}"},
		   {"POST /domain/zone/example.com/refresh", NULL, 200, "null"}},
	 .record_id = "11"},
	{"remove: recorded", .provider = &provider_ovh, .fields = {"endpoint", "ovh-eu"},
	 .zone = "pacalis.net", .zone_id = "pacalis.net", .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.deleterecordinset.pacalis.net", .value = "challengetoken1",
	 .type = RR_TXT, .wanted_id = "1553659769",
	 .steps = {{"GET /domain/zone/pacalis.net/record/1553659769", NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 11"},
		   {"DELETE /domain/zone/pacalis.net/record/1553659769", NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 13"},
		   {"POST /domain/zone/pacalis.net/refresh", NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 14"}},
	 .removed = true},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domain/zone/example.com/record/11", NULL, 404, "{\"message\":\"gone\"}"},
		   {"POST /domain/zone/example.com/refresh", NULL, 200, "null"}}},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domain/zone/example.com/record/11", NULL, 200,
		    "{\"id\":11,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"TXT\",\"target\":\"\\\"one\\\"\",\"ttl\":300}"},
		   {"DELETE /domain/zone/example.com/record/11", NULL, 200, "null"},
		   {"POST /domain/zone/example.com/refresh", NULL, 200, "null"}},
	 .removed = true},
	{"remove: the id names another now", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domain/zone/example.com/record/11", NULL, 200,
		    "{\"id\":11,\"zone\":\"example.com\",\"subDomain\":\"_acme-challenge\","
		    "\"fieldType\":\"TXT\",\"target\":\"\\\"two\\\"\",\"ttl\":300}"},
		   {"POST /domain/zone/example.com/refresh", NULL, 200, "null"}}},
	{"status: recorded", .provider = &provider_ovh, .fields = {"endpoint", "ovh-eu"},
	 .zone = "pacalis.net", .zone_id = "pacalis.net", .kind = OP_STATUS,
	 .fqdn = "_acme-challenge.pacalis.net", .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /domain/zone/pacalis.net/status", NULL, 200,
		    "@ovh/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 2"}}},
	{"status: pending", STATUS,
	 .steps = {{STATUS_GET, 200, "{\"warnings\":null,\"errors\":null,\"isDeployed\":false}"}},
	 .pending = true},
	{"status: the key may not ask", STATUS,
	 .steps = {{STATUS_GET, 403,
		    "{\"errorCode\":\"NOT_GRANTED_CALL\",\"message\":\"This call has not been "
		    "granted\"}"}}},
	{"status: wrong key", STATUS,
	 .steps = {{STATUS_GET, 403,
		    "{\"class\":\"Client::Forbidden\",\"errorCode\":\"INVALID_CREDENTIAL\","
		    "\"message\":\"This credential is not valid\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "not valid"},
	{"status: zone missing", STATUS,
	 .steps = {{STATUS_GET, 404, "{\"message\":\"This service does not exist\"}"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"status: an answer of another form", STATUS, .steps = {{STATUS_GET, 200, "{}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
};

/* SHA-1 of the text, worked out by hand. */
static void test_signature(void **state)
{
	static const char *const list[] = {
		"application_key", "AK", "application_secret", "AS", "consumer_key", "CK", NULL};
	struct buf c = BUF_INIT(200), lines = BUF_INIT(2000), want = BUF_INIT(200);
	struct signing s = {.method = "POST",
			    .host = BYTES("eu.api.ovh.com"),
			    .target = BYTES("/1.0/x?y=1"),
			    .body = BYTES("{}"),
			    .now = 1366560945};

	assert_int_equal(provider_ovh.auth.sign(&s, &lines), SIGN_E_FIELD);
	for (size_t i = 0; list[i]; i++)
		plist_put(&c, bytes_str(list[i]));
	s.credentials = buf_bytes(&c);
	assert_int_equal(provider_ovh.auth.sign(&s, &lines), 0);
	buf_puts(&want, "X-Ovh-Signature: $1$4b84f9fbb6bb6a640563a35ce56b14d5508af4d5");
	assert_true(plist_has(buf_bytes(&lines), buf_bytes(&want)));
	assert_true(plist_has(buf_bytes(&lines), BYTES("X-Ovh-Timestamp: 1366560945")));
	assert_true(plist_has(buf_bytes(&lines), BYTES("X-Ovh-Application: AK")));
	assert_true(plist_has(buf_bytes(&lines), BYTES("X-Ovh-Consumer: CK")));
	buf_done(&c);
	buf_done(&lines);
	buf_done(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_signature)};

	if (crypto_load() < 0)
		return 1;
	return run_scripts_and("ovh", scripts, ARRAY_LEN(scripts), tests, ARRAY_LEN(tests));
}
