/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "audit/line.h"

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

/* One byte short of the limit, at it, and over it. */
static void test_limit(void **state)
{
	static unsigned char plain[AUDIT_LINE_MAX];
	struct audit_line line = audit_line_empty();
	struct buf b = BUF_INIT(AUDIT_LINE_MAX * 2);
	size_t room;

	line.value = BYTES("x");
	assert_int_equal(audit_line_put(&line, &b), 0);
	room = AUDIT_LINE_MAX - b.n + 1;
	memset(plain, 'x', sizeof(plain));
	for (size_t n = room - 1; n <= room + 1; n++) {
		buf_reset(&b);
		line.value = bytes_of(plain, n);
		assert_int_equal(audit_line_put(&line, &b), n > room ? -EMSGSIZE : 0);
		assert_int_equal(b.n, n > room ? 0 : AUDIT_LINE_MAX - (room - n));
	}
	buf_done(&b);
}

/* A list whose framing is broken, at once or after an item: no caller makes one; still JSON. */
static void test_broken_list(void **state)
{
	static const struct {
		struct bytes list;
		const char *want;
	} cases[] = {
		{BYTES("x"), ",\"replaced\":[],"},
		{BYTES("\0\0\0\1a\0"), ",\"replaced\":[\"a\"],"},
		{BYTES("\0\0\0\0"), ",\"replaced\":[\"\"],"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct audit_line line = audit_line_empty();
		struct buf b = BUF_INIT(AUDIT_LINE_MAX);
		json_t *v;

		line.replaced = cases[i].list;
		assert_int_equal(audit_line_put(&line, &b), 0);
		assert_true(bytes_find(buf_bytes(&b), bytes_str(cases[i].want)) < b.n);
		assert_int_equal(json_parse(buf_bytes(&b), 2, &v, NULL, 0), 0);
		json_decref(v);
		buf_done(&b);
	}
}

/* A buffer without room fails with its own failure, and is as it was. */
static void test_no_room(void **state)
{
	struct audit_line line = audit_line_empty();
	struct buf b = BUF_INIT(100);

	buf_puts(&b, "before");
	assert_int_equal(audit_line_put(&line, &b), -ENOBUFS);
	assert_true(bytes_is(buf_bytes(&b), "before"));
	buf_done(&b);
}

/*
 * RFC 6962 section 2.1: the leaves of the empty string and of one zero byte, as in
 * transparency-dev/merkle testdata/inclusion (commit 417fb0c3, Apache-2.0).
 */
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
		cmocka_unit_test(test_empty),	 cmocka_unit_test(test_full),
		cmocka_unit_test(test_longest),	 cmocka_unit_test(test_limit),
		cmocka_unit_test(test_too_long), cmocka_unit_test(test_broken_list),
		cmocka_unit_test(test_no_room),	 cmocka_unit_test(test_leaf),
	};

	return cmocka_run_group_tests_name("audit_line", tests, NULL, NULL);
}
