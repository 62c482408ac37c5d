/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "base/code.h"
#include "base/text.h"

static void test_buf_is_sticky(void **state)
{
	struct buf b = BUF_INIT(4);

	buf_puts(&b, "abc");
	assert_int_equal(buf_status(&b), 0);
	buf_puts(&b, "de");
	assert_int_equal(buf_status(&b), -ENOBUFS);
	buf_puts(&b, "f");
	assert_true(bytes_is(buf_bytes(&b), "abc"));
	buf_done(&b);
	assert_int_equal(buf_status(&b), 0);
}

static void test_bufs_status(void **state)
{
	struct buf good = BUF_INIT(4), full = BUF_INIT(0), poor = BUF_INIT(4);

	buf_puts(&full, "a");
	poor.failed = -ENOMEM;
	assert_int_equal(bufs_status((const struct buf *const[]){NULL}), 0);
	assert_int_equal(bufs_status((const struct buf *const[]){&good, &good, NULL}), 0);
	assert_int_equal(bufs_status((const struct buf *const[]){&good, &full, NULL}), -ENOBUFS);
	assert_int_equal(bufs_status((const struct buf *const[]){&poor, &full, &good, NULL}),
			 -ENOMEM);
}

static void test_buf_consume(void **state)
{
	struct buf b = BUF_INIT(100000);

	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	buf_consume(&b, 4);
	assert_true(bytes_starts(buf_bytes(&b), BYTES("2,3,")));
	buf_consume(&b, 1000000);
	assert_int_equal(b.n, 0);
	buf_done(&b);
}

/* buf_done() relies on it: behind what is written nothing lies that was written before. */
static void assert_wiped(const struct buf *b, size_t from)
{
	for (size_t i = b->n; i < from; i++)
		assert_int_equal(b->p[i], 0);
}

static void test_buf_wipes(void **state)
{
	struct buf b = BUF_INIT(20);

	buf_puts(&b, "a secret of nineteen");
	buf_truncate(&b, 15);
	assert_wiped(&b, 20);
	buf_consume(&b, 5);
	assert_true(bytes_is(buf_bytes(&b), "ret of nin"));
	assert_wiped(&b, 20);
	plist_put(&b, BYTES("no room"));
	assert_int_equal(buf_status(&b), -ENOBUFS);
	assert_int_equal(b.n, 10);
	assert_wiped(&b, 20);
	buf_reset(&b);
	assert_wiped(&b, 20);
	buf_done(&b);
}

/* Sizes are of 32 bits. */
static void test_buf_has_a_limit(void **state)
{
	struct buf b = BUF_INIT(UINT32_MAX);

	buf_puts(&b, "abc");
	assert_null(buf_extend(&b, UINT32_MAX - 2));
	assert_int_equal(buf_status(&b), -ENOBUFS);
	assert_true(bytes_is(buf_bytes(&b), "abc"));
	buf_done(&b);
}

/* What does not fit leaves the list whole. */
static void test_plist_full(void **state)
{
	for (size_t max = 0; max < 30; max++) {
		struct buf b = BUF_INIT(max);

		for (int i = 0; i < 4; i++)
			plist_put(&b, BYTES("abc"));
		assert_true(plist_valid(buf_bytes(&b), 4, 3));
		assert_int_equal(b.n, max / 7 * 7 < 28 ? max / 7 * 7 : 28);
		assert_int_equal(buf_status(&b), max < 28 ? -ENOBUFS : 0);
		buf_done(&b);
	}
}

static void test_plist(void **state)
{
	struct buf b = BUF_INIT(1000);
	struct bytes v, list;

	plist_put(&b, BYTES("url"));
	plist_put(&b, BYTES("https://a.example"));
	plist_put(&b, BYTES("empty"));
	plist_put(&b, BYTES(""));
	list = buf_bytes(&b);
	assert_int_equal(plist_count(list), 4);
	assert_true(plist_get(list, "url", &v));
	assert_true(bytes_is(v, "https://a.example"));
	assert_true(plist_get(list, "empty", &v));
	assert_int_equal(v.n, 0);
	assert_false(plist_get(list, "https://a.example", &v));
	assert_true(plist_has(list, BYTES("")));
	assert_true(plist_valid(list, 4, 17));
	assert_false(plist_valid(list, 3, 17));
	assert_false(plist_valid(list, 4, 16));
	for (size_t cut = 1; cut < 8; cut++) {
		size_t n = list.n - cut;
		unsigned char *p = test_exact(bytes_of(list.p, n));
		assert_int_equal(plist_valid(bytes_of(p, n), 4, 17), cut == 4 || cut == 13);
		free(p);
	}
	buf_done(&b);
}

/* What is left of a list of an odd number is no pair. */
static void test_plist_pairs(void **state)
{
	struct buf b = BUF_INIT(1000);
	struct bytes name, value, list;

	plist_put(&b, BYTES("a"));
	plist_put(&b, BYTES("1"));
	plist_put(&b, BYTES("b"));
	list = buf_bytes(&b);
	assert_true(plist_next_pair(&list, &name, &value));
	assert_true(bytes_is(name, "a") && bytes_is(value, "1"));
	assert_false(plist_next_pair(&list, &name, &value));
	assert_false(plist_next_pair(&list, &name, &value));
	buf_done(&b);
}

static void test_plist_take(void **state)
{
	struct buf b = BUF_INIT(1000);
	struct bytes list;

	for (int i = 0; i < 5; i++)
		plist_put(&b, BYTES("item")); /* 8 bytes each, with the length */
	list = buf_bytes(&b);
	assert_int_equal(plist_take(&list, 1, 23).n, 16);
	assert_int_equal(plist_take(&list, 1, 24).n, 24);
	assert_int_equal(list.n, 0);
	list = buf_bytes(&b);
	assert_int_equal(plist_take(&list, 2, 31).n, 16);
	assert_int_equal(plist_take(&list, 2, 100).n, 16);
	assert_int_equal(plist_take(&list, 2, 100).n, 0); /* half a pair stays */
	assert_int_equal(plist_take(&list, 1, 7).n, 0);
	assert_int_equal(list.n, 8);
	buf_done(&b);
}

static void test_b64url_vectors(void **state)
{
	json_t *v = test_json("vectors/crypto/base64url.json"), *c;
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct buf out = BUF_INIT(1000);
		struct bytes enc = json_get_bytes(c, "encoded");
		int r = text_from_b64url(enc, &out);

		if (json_is_true(json_object_get(c, "valid"))) {
			struct buf want = test_hex(json_get_bytes(c, "decoded"));
			struct buf again = BUF_INIT(1000);

			assert_int_equal(r, 0);
			assert_true(bytes_eq(buf_bytes(&out), buf_bytes(&want)));
			text_put_b64url(&again, buf_bytes(&want));
			assert_true(bytes_eq(buf_bytes(&again), enc));
			buf_done(&again);
			buf_done(&want);
		} else {
			assert_int_equal(r, TEXT_E_BAD);
			assert_int_equal(out.n, 0);
		}
		buf_done(&out);
	}
	json_decref(v);
}

/* Every byte as a character: just the 64 of the alphabet are taken. */
static void test_b64url_alphabet(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (unsigned c = 0; c < 256; c++) {
		unsigned char in[4] = {'A', 'A', 'A', (unsigned char)c};
		struct buf out = BUF_INIT(10);
		const char *at = c ? strchr(alphabet, (int)c) : NULL;

		if (at) {
			assert_int_equal(text_from_b64url(bytes_of(in, 4), &out), 0);
			assert_int_equal(out.p[2], at - alphabet);
		} else {
			assert_int_equal(text_from_b64url(bytes_of(in, 4), &out), TEXT_E_BAD);
		}
		buf_done(&out);
	}
}

static void test_b64_padded(void **state)
{
	struct buf b = BUF_INIT(100);

	text_put_b64(&b, BYTES("fo"));
	text_put_b64(&b, BYTES("f"));
	text_put_b64(&b, BYTES("\xff\xef\xbf"));
	assert_true(bytes_is(buf_bytes(&b), "Zm8=Zg==/++/"));
	buf_done(&b);
}

static void test_pct(void **state)
{
	struct buf out = BUF_INIT(64);

	buf_puts(&out, "a");
	assert_int_equal(text_from_pct(BYTES("%20b%c3%A9~%"), &out), TEXT_E_BAD);
	assert_int_equal(text_from_pct(BYTES("b%2"), &out), TEXT_E_BAD);
	assert_int_equal(text_from_pct(BYTES("b%2g"), &out), TEXT_E_BAD);
	/* What was refused left nothing behind. */
	assert_true(bytes_is(buf_bytes(&out), "a"));
	assert_int_equal(text_from_pct(BYTES("%20b%c3%A9~"), &out), 0);
	assert_true(bytes_is(buf_bytes(&out), "a b\xc3\xa9~"));
	buf_done(&out);
}

static void test_u64(void **state)
{
	static const char *const bad[] = {"",
					  "-1",
					  "+1",
					  "01",
					  " 1",
					  "1 ",
					  "0x1",
					  "1a",
					  "18446744073709551616",
					  "99999999999999999999"};
	uint64_t v;

	assert_int_equal(text_to_u64(BYTES("18446744073709551615"), UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(text_to_u64(BYTES("0"), 0, &v), 0);
	assert_int_equal(text_to_u64(BYTES("65536"), 65535, &v), TEXT_E_BAD);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(text_to_u64(bytes_str(bad[i]), UINT64_MAX, &v), TEXT_E_BAD);
}

static void test_time(void **state)
{
	static const struct {
		const char *in;
		int64_t usec; /* -1: refused */
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2000-02-29T23:59:59.5Z", 951868799500000},
		{"2026-11-25T04:10:30.123456+02:00", 1795572630123456},
		{"2026-11-25T02:10:30.1234567Z", 1795572630123456},
		{"9999-12-31T23:59:59Z", 253402300799000000},
		{"2100-02-29T00:00:00Z", -1},
		{"2026-02-30T00:00:00Z", -1},
		{"2026-11-25T24:00:00Z", -1},
		{"2026-11-25T02:10:60Z", -1},
		{"2026-11-25 02:10:30Z", -1},
		{"2026-11-25T02:10:30", -1},
		{"2026-11-25T02:10:30z", -1},
		{"2026-11-25T02:10:30.Z", -1},
		{"2026-11-25T02:10:30+24:00", -1},
		{"1970-01-01T00:00:00+01:00", -1},
		{"1969-12-31T23:59:59Z", -1},
		{"", -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t t = -1;
		int r = text_to_time(bytes_str(cases[i].in), &t);
		assert_int_equal(r, cases[i].usec < 0 ? TEXT_E_BAD : 0);
		assert_true(t == cases[i].usec);
	}
	/* There and back for a day in every month of four centuries. */
	for (int64_t day = 0; day < 146097; day += 29) {
		struct buf b = BUF_INIT(40);
		int64_t t;

		text_put_time(&b, day * 86400000000 + 86399999999);
		assert_int_equal(text_to_time(buf_bytes(&b), &t), 0);
		assert_true(t == day * 86400000000 + 86399999999);
		buf_done(&b);
	}
}

static void test_skip(void **state)
{
	static const struct {
		size_t n;
		const char *rest;
	} cases[] = {{0, "abc"}, {1, "bc"}, {3, ""}, {4, ""}, {SIZE_MAX, ""}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(bytes_is(bytes_skip(BYTES("abc"), cases[i].n), cases[i].rest));
	assert_int_equal(bytes_skip(bytes_of(NULL, 0), 5).n, 0);
}

static void test_utf8(void **state)
{
	static const char *const good[] = {
		"", "a", "é", "€", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"\x80",
					  "\xc0\xaf",
					  "\xc1\x81",
					  "\xe0\x80\x80",
					  "\xed\xa0\x80",
					  "\xf0\x80\x80\x80",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xe2\x82",
					  "a\xff",
					  "\xc3"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(bytes_utf8(bytes_str(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct bytes b = bytes_str(bad[i]);
		unsigned char *p = test_exact(b);
		assert_false(bytes_utf8(bytes_of(p, b.n)));
		free(p);
	}
}

static void test_json_strings(void **state)
{
	struct buf b = BUF_INIT(1000);

	json_put_string(&b, bytes_of("a\"b\\c\n\r\t\0\x7f", 10));
	json_put_string(&b, BYTES("é€\xf0\x9f\x98\x80\xff\xc3"));
	assert_true(bytes_is(buf_bytes(&b), "\"a\\\"b\\\\c\\n\\r\\t\\u0000\\u007f\""
					    "\"\\u00e9\\u20ac\\ud83d\\ude00\\ufffd\\ufffd\""));
	buf_done(&b);
}

static void test_json_limits(void **state)
{
	char err[100] = "";
	json_t *v = NULL;

	assert_int_equal(json_parse(BYTES("{\"a\":[[1]]}"), 3, &v, err, sizeof(err)), 0);
	json_decref(v);
	assert_int_equal(json_parse(BYTES("{\"a\":[[1]]}"), 2, &v, err, sizeof(err)), JSON_E_BAD);
	assert_int_equal(json_parse(BYTES("{\"[[[[\":\"\\\"[[\"}"), 1, &v, NULL, 0), 0);
	json_decref(v);
	assert_int_equal(json_parse(BYTES("{\"tok\":1,\"tok\":2}"), 9, &v, err, sizeof(err)),
			 JSON_E_BAD);
	assert_null(strstr(err, "tok"));
	assert_int_equal(json_parse(BYTES("{\"a\":\"s3cret}"), 9, &v, err, sizeof(err)),
			 JSON_E_BAD);
	assert_null(strstr(err, "s3cret"));
	assert_int_equal(json_parse(BYTES(""), 9, &v, err, sizeof(err)), JSON_E_BAD);
}

static void test_codes(void **state)
{
	assert_string_equal(code_text(CODE_POLICY_DENIED), "policy_denied");
	assert_int_equal(code_status(CODE_AUDIT_UNAVAILABLE), 503);
	for (int i = 0; i < CODE_COUNT; i++)
		assert_true(code_status((enum code)i) >= 200 && code_title((enum code)i)[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_is_sticky),
		cmocka_unit_test(test_bufs_status),
		cmocka_unit_test(test_buf_consume),
		cmocka_unit_test(test_buf_wipes),
		cmocka_unit_test(test_buf_has_a_limit),
		cmocka_unit_test(test_plist),
		cmocka_unit_test(test_plist_full),
		cmocka_unit_test(test_plist_pairs),
		cmocka_unit_test(test_plist_take),
		cmocka_unit_test(test_b64url_vectors),
		cmocka_unit_test(test_b64url_alphabet),
		cmocka_unit_test(test_b64_padded),
		cmocka_unit_test(test_pct),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_json_strings),
		cmocka_unit_test(test_json_limits),
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
