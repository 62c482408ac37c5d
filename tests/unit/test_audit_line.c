/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "audit/line.h"
#include "base/text.h"

static void check(const struct audit_line *line, const char *want)
{
	struct buf b = BUF_INIT(AUDIT_LINE_MAX * 2);

	assert_int_equal(audit_line_put(line, &b), 0);
	buf_putc(&b, 0);
	assert_string_equal((const char *)b.p, want);
	buf_done(&b);
}

static void test_empty(void **state)
{
	struct audit_line line = audit_line_empty();

	check(&line, "{\"seq\":0,\"time\":\"1970-01-01T00:00:00.000000Z\",\"event\":null,\"request_"
		     "id\":null,"
		     "\"caller\":null,\"customer\":null,\"integration\":null,\"provider\":null,"
		     "\"zone\":null,"
		     "\"fqdn\":null,\"type\":null,\"value\":null,\"mode\":null,\"profile\":null,"
		     "\"result\":null,"
		     "\"code\":null,\"provider_record_id\":null,\"replaced\":null,\"duration_ms\":"
		     "null}\n");
}

static void test_full(void **state)
{
	struct buf list = BUF_INIT(100);
	struct audit_line line = {.seq = UINT64_MAX,
				  .time = 1795572630123456,
				  .event = BYTES("add_record.outcome"),
				  .request_id = BYTES("r"),
				  .caller = BYTES("c\"\\"),
				  .customer = BYTES("é\n"),
				  .integration = BYTES("00ff"),
				  .provider = BYTES("powerdns"),
				  .zone = BYTES("example.com"),
				  .fqdn = BYTES("_a.example.com"),
				  .type = BYTES("TXT"),
				  .value = bytes_of("\0\xff", 2),
				  .mode = BYTES("replace"),
				  .profile = BYTES("guarded"),
				  .result = BYTES("ok"),
				  .code = BYTES("conflict"),
				  .provider_record_id = BYTES("7"),
				  .duration_ms = 0};

	plist_put(&list, BYTES("a"));
	plist_put(&list, BYTES("\"b\""));
	line.replaced = buf_bytes(&list);
	check(&line,
	      "{\"seq\":18446744073709551615,\"time\":\"2026-11-25T02:10:30.123456Z\","
	      "\"event\":\"add_record.outcome\",\"request_id\":\"r\",\"caller\":\"c\\\"\\\\\","
	      "\"customer\":\"\\u00e9\\n\",\"integration\":\"00ff\",\"provider\":\"powerdns\","
	      "\"zone\":\"example.com\",\"fqdn\":\"_a.example.com\",\"type\":\"TXT\","
	      "\"value\":\"\\u0000\\ufffd\",\"mode\":\"replace\",\"profile\":\"guarded\","
	      "\"result\":\"ok\","
	      "\"code\":\"conflict\",\"provider_record_id\":\"7\",\"replaced\":[\"a\","
	      "\"\\\"b\\\"\"],"
	      "\"duration_ms\":0}\n");
	buf_done(&list);
}

/* The longest that the vault sends: all caps used up, each byte escaped. */
static void test_longest(void **state)
{
	static unsigned char control[AUDIT_VALUE_MAX];
	struct audit_line line = audit_line_empty();
	struct buf b = BUF_INIT(AUDIT_LINE_MAX);

	memset(control, 1, sizeof(control));
	line.event = BYTES("make_integration.outcome");
	line.value = bytes_of(control, sizeof(control));
	line.fqdn = bytes_of(control, 253);
	line.customer = bytes_of(control, 128);
	line.caller = line.request_id =
		BYTES("0123456789012345678901234567890123456789012345678901234567890123");
	assert_int_equal(audit_line_put(&line, &b), 0);
	assert_int_equal(b.p[b.n - 1], '\n');
	buf_done(&b);
}

static void test_too_long(void **state)
{
	static unsigned char control[AUDIT_VALUE_MAX];
	struct audit_line line = audit_line_empty();
	struct buf b = BUF_INIT(AUDIT_LINE_MAX * 2);

	memset(control, 1, sizeof(control));
	line.value = line.fqdn = bytes_of(control, sizeof(control));
	buf_puts(&b, "before");
	assert_int_equal(audit_line_put(&line, &b), -EMSGSIZE);
	assert_true(bytes_is(buf_bytes(&b), "before"));
	buf_done(&b);
}

/* RFC 6962 section 2.1: the leaf of the empty string, and of one zero byte, as in its well-known test trees. */
static void test_leaf(void **state)
{
	static const struct {
		struct bytes in;
		const char *hex;
	} cases[] = {
		{{NULL, 0}, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
		{{(const unsigned char *)"\0", 1},
		 "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf want = test_hex(bytes_str(cases[i].hex));
		unsigned char leaf[32];

		audit_line_leaf(cases[i].in, leaf);
		assert_memory_equal(leaf, want.p, sizeof(leaf));
		buf_done(&want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	cmocka_unit_test(test_full),
		cmocka_unit_test(test_longest), cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_leaf),
	};

	return cmocka_run_group_tests_name("audit_line", tests, NULL, NULL);
}
