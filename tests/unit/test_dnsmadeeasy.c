/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#include "sys/crypto.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_dnsmadeeasy, .zone = "example.com", .zone_id = "z1"

static const struct script scripts[] = {
	{"zones: recorded", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dns/managed/?page=0&rows=100", NULL, 200,
		    "@dnsmadeeasy/octodns/dnsmadeeasy-domains.json"}},
	 .zones = "unit.tests=123123"},
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dns/managed/?page=0&rows=100", NULL, 200,
		    "{\"data\":[{\"id\":1,\"name\":\"a.example\",\"pendingActionId\":0},{\"id\":2,"
		    "\"name\":\"b.example\",\"pendingActionId\":3}],\"page\":0,\"totalPages\":2}"},
		   {"GET /dns/managed/?page=1&rows=100", NULL, 200,
		    "{\"data\":[{\"id\":3,\"name\":\"c.example\"}],\"page\":1,\"totalPages\":2}"}},
	 .zones = "a.example=1 c.example=3"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dns/managed/?page=0&rows=100", NULL, 403,
		    "{\"error\":[\"Invalid api key\"]}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Invalid api key"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dns/managed/?page=0&rows=100", NULL, 400,
		    "@dnsmadeeasy/made/error-400-rate.json 0"}},
	 .error = CODE_PROVIDER_RATE_LIMITED},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dns/managed/?page=0&rows=100", NULL, 200, "{\"error\":[\"oops\"]}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dns/managed/?page=0&rows=100", NULL, 200, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /dns/managed/?page=0&rows=100", NULL, 200,
		    "@dnsmadeeasy/octodns/dnsmadeeasy-no-domains.json"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_dnsmadeeasy, .zone = "capsulecd.com",
	 .zone_id = "878951", .kind = OP_ADD,
	 .fqdn = "_acme-challenge.deleterecordinset.capsulecd.com", .value = "challengetoken1",
	 .type = RR_TXT, .ttl = 3600,
	 .steps = {{"GET "
		    "/dns/managed/878951/"
		    "records?recordName=_acme-challenge.deleterecordinset&page=0&rows=100",
		    NULL, 200, "{\"data\":[],\"page\":0,\"totalPages\":1}"},
		   {"POST /dns/managed/878951/records/",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge.deleterecordinset\",\"value\":"
		    "\"\\\"challengetoken1\\\"\",\"ttl\":3600,\"gtdLocation\":\"DEFAULT\"}",
		    201,
		    "@dnsmadeeasy/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 1"}},
	 .record_id = "10169009"},
	{"add: a duplicate after all", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200, "{\"data\":[],\"page\":0,\"totalPages\":1}"},
		   {"POST /dns/managed/z1/records/",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":\"\\\"one\\\"\","
		    "\"ttl\":60,\"gtdLocation\":\"DEFAULT\"}",
		    400,
		    "{\"error\":[\"Record with this type (TXT), name (x), and value (\\\"one\\\") "
		    "already exists.\"]}"},
		   {"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"one\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"}},
	 .record_id = "11", .found = true},
	{"add: replace beside what a template made", BASE, .kind = OP_ADD, .fqdn = "example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"GET /dns/managed/z1/records?recordName=&page=0&rows=100", NULL, 200,
		    "{\"data\":[{\"id\":1,\"type\":\"MX\",\"name\":\"\",\"value\":\"mail\",\"ttl\":"
		    "300,\"source\":0},{\"id\":2,\"type\":\"NS\",\"name\":\"\",\"value\":\"ns2\","
		    "\"ttl\":300,\"source\":0}],\"page\":0,\"totalPages\":1}"},
		   {"POST /dns/managed/z1/records/",
		    "{\"type\":\"TXT\",\"name\":\"\",\"value\":\"\\\"new\\\"\",\"ttl\":60,"
		    "\"gtdLocation\":\"DEFAULT\"}",
		    201, "{\"id\":3}"}},
	 .record_id = "3"},
	{"remove: what a template makes", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"one\\\"\",\"ttl\":300,\"source\":0}],\"page\":0,\"totalPages\":1}"}},
	 .unchanged = true},
	{"add: exists, as a relative name", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "ns2.example.com", .type = RR_NS,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"NS\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"ns2\",\"ttl\":300,\"source\":1}],\"page\":0,\"totalPages\":1}"}},
	 .record_id = "11", .found = true, .unchanged = true},
	{"add: exists, as the zone's own name", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "example.com", .type = RR_CNAME,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"CNAME\",\"name\":\"_acme-challenge\","
		    "\"value\":\"\",\"ttl\":300,\"source\":1}],\"page\":0,\"totalPages\":1}"}},
	 .record_id = "11", .found = true, .unchanged = true},
	{"add: replace what a template made", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "new", .type = RR_TXT,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"one\\\"\",\"ttl\":300,\"source\":0,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"}},
	 .error = CODE_CONFLICT, .detail = "template", .unchanged = true},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"one\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"}},
	 .record_id = "11", .found = true, .unchanged = true},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"one\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"},
		   {"POST /dns/managed/z1/records/",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":\"\\\"two\\\"\","
		    "\"ttl\":60,\"gtdLocation\":\"DEFAULT\"}",
		    201, "{\"id\":22}"}},
	 .record_id = "22"},
	{"add: a CAA", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200, "{\"data\":[],\"page\":0,\"totalPages\":1}"},
		   {"POST /dns/managed/z1/records/",
		    "{\"type\":\"CAA\",\"name\":\"_acme-challenge\",\"issuerCritical\":0,"
		    "\"caaType\":\"issue\",\"value\":\"ca.example\",\"ttl\":60,\"gtdLocation\":"
		    "\"DEFAULT\"}",
		    201, "{\"id\":33}"}},
	 .record_id = "33"},
	{"add: a CAA exists", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":33,\"type\":\"CAA\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"ca.example\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,"
		    "\"caaType\":\"issue\"}],\"page\":0,\"totalPages\":1}"}},
	 .record_id = "33", .found = true, .unchanged = true},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"one\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"},{\"id\":22,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"two\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"},{\"id\":44,\"type\":\"A\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"192.0.2.1\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"},
		   {"DELETE /dns/managed/z1/records/11", NULL, 200, ""},
		   {"DELETE /dns/managed/z1/records/22", NULL, 404, "<html>"},
		   {"POST /dns/managed/z1/records/",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":\"\\\"new\\\"\","
		    "\"ttl\":60,\"gtdLocation\":\"DEFAULT\"}",
		    201, "{\"id\":55}"}},
	 .record_id = "55",
	 .replaced = "_acme-challenge.example.com. 300 TXT \"one\"|_acme-challenge.example.com. "
		     "300 TXT \"two\""},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":44,\"type\":\"A\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"192.0.2.1\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: a CNAME", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "target.example.net", .type = RR_CNAME, .mode = MODE_REPLACE,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200, "{\"data\":[],\"page\":0,\"totalPages\":1}"},
		   {"POST /dns/managed/z1/records/",
		    "{\"type\":\"CNAME\",\"name\":\"_acme-challenge\",\"value\":\"target.example."
		    "net.\",\"ttl\":60,\"gtdLocation\":\"DEFAULT\"}",
		    201, "{\"id\":66}"}},
	 .record_id = "66"},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    404, "<html>gone</html>"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200, "{\"data\":[],\"page\":0,\"totalPages\":1}"},
		   {"POST /dns/managed/z1/records/",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":\"\\\"one\\\"\","
		    "\"ttl\":60,\"gtdLocation\":\"DEFAULT\"}",
		    400, "{\"error\":[\"Value is bad\"]}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "Value is bad"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200, "{\"data\":[],\"page\":0,\"totalPages\":1}"},
		   {"POST /dns/managed/z1/records/",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":\"\\\"one\\\"\","
		    "\"ttl\":60,\"gtdLocation\":\"DEFAULT\"}",
		    502, "<html>"},
		   {"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"one\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"}},
	 .record_id = "11"},
	{"remove: recorded", .provider = &provider_dnsmadeeasy, .zone = "capsulecd.com",
	 .zone_id = "878951", .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.deleterecordinset.capsulecd.com", .value = "challengetoken1",
	 .type = RR_TXT, .wanted_id = "10169009",
	 .steps = {{"GET "
		    "/dns/managed/878951/"
		    "records?recordName=_acme-challenge.deleterecordinset&page=0&rows=100",
		    NULL, 200,
		    "@dnsmadeeasy/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 3"},
		   {"DELETE /dns/managed/878951/records/10169009", NULL, 200, ""}},
	 .removed = true},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":22,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"two\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"one\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"},{\"id\":22,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"two\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"},
		   {"DELETE /dns/managed/z1/records/11", NULL, 200, ""}},
	 .removed = true},
	{"remove: the value is another's record now", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":99,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"one\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"}},
	 .unchanged = true},
	{"remove: gone meanwhile", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /dns/managed/z1/records?recordName=_acme-challenge&page=0&rows=100", NULL,
		    200,
		    "{\"data\":[{\"id\":11,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":"
		    "\"\\\"one\\\"\",\"ttl\":300,\"source\":1,\"issuerCritical\":0,\"caaType\":"
		    "\"issue\"}],\"page\":0,\"totalPages\":1}"},
		   {"DELETE /dns/managed/z1/records/11", NULL, 404, "<html>"}}},
};

/* The published example (API.md). */
static void test_signature(void **state)
{
	struct buf c = BUF_INIT(200), lines = BUF_INIT(1000);
	struct signing s = {.method = "GET", .now = 1297544344};

	assert_int_equal(provider_dnsmadeeasy.auth.sign(&s, &lines), SIGN_E_FIELD);
	plist_put(&c, BYTES("api_key"));
	plist_put(&c, BYTES("1c1a3c91-4770-4ce7-96f4-54c0eb0e457a"));
	plist_put(&c, BYTES("secret_key"));
	plist_put(&c, BYTES("c9b5625f-9834-4ff8-baba-4ed5f32cae55"));
	s.credentials = buf_bytes(&c);
	assert_int_equal(provider_dnsmadeeasy.auth.sign(&s, &lines), 0);
	assert_true(plist_has(buf_bytes(&lines),
			      BYTES("x-dnsme-requestDate: Sat, 12 Feb 2011 20:59:04 GMT")));
	assert_true(plist_has(buf_bytes(&lines),
			      BYTES("x-dnsme-hmac: b3502e6116a324f3cf4a8ed693d78bcee8d8fe3c")));
	assert_true(plist_has(buf_bytes(&lines),
			      BYTES("x-dnsme-apiKey: 1c1a3c91-4770-4ce7-96f4-54c0eb0e457a")));
	buf_done(&c);
	buf_done(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_signature)};

	if (crypto_load() < 0)
		return 1;
	return run_scripts_and("dnsmadeeasy", scripts, ARRAY_LEN(scripts), tests, ARRAY_LEN(tests));
}
