/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "dns/record.h"

/* ---- types, modes, CAA ---- */

static void test_type_and_mode_texts(void **state)
{
	assert_int_equal(rr_type_parse(BYTES("TXT")), RR_TXT);
	assert_int_equal(rr_type_parse(BYTES("NS")), RR_NS);
	assert_int_equal(rr_type_parse(BYTES("txt")), RR_NONE);
	assert_int_equal(rr_type_parse(BYTES("TXT ")), RR_NONE);
	assert_int_equal(rr_type_parse(BYTES("A")), RR_NONE);
	assert_int_equal(rr_type_parse(BYTES("")), RR_NONE);
	assert_string_equal(rr_type_text(RR_NONE), "");
	assert_string_equal(rr_type_text((enum rr_type)99), "");
	for (unsigned t = RR_TXT; t < RR_TYPES; t++)
		assert_int_equal(rr_type_parse(bytes_str(rr_type_text((enum rr_type)t))), t);
	for (unsigned m = 0; m < RECORD_MODES; m++)
		assert_int_equal(
			record_mode_parse(bytes_str(record_mode_text((enum record_mode)m))), m);
	assert_int_equal(record_mode_parse(BYTES("Replace")), RECORD_MODES);
	assert_int_equal(record_mode_parse(BYTES("")), RECORD_MODES);
	assert_string_equal(record_mode_text(RECORD_MODES), "");
}

static const struct {
	const char *in, *canonical; /* NULL: refused */
} caa_cases[] = {
	{"0 issue \"ca.example\"", "0 issue \"ca.example\""},
	{"0 issue ca.example", "0 issue \"ca.example\""},
	{"128  ISSUEWILD\t\"ca.example; account=1\"", "128 issuewild \"ca.example; account=1\""},
	{"255 x1 \"\"", "255 x1 \"\""},
	{"0 issue \";\"", "0 issue \";\""},
	{"0 issue ;", "0 issue \";\""},
	{"0 abcdefghijklmno x", "0 abcdefghijklmno \"x\""},
	{"0 abcdefghijklmnop x", NULL},
	{"256 issue x", NULL},
	{"00 issue x", NULL},
	{"-1 issue x", NULL},
	{"0 is-sue x", NULL},
	{"0 issue", NULL},
	{"0 issue ", NULL},
	{"0", NULL},
	{"", NULL},
	{" 0 issue x", NULL},
	{"0 issue \"", NULL},
	{"0 issue \"x", NULL},
	{"0 issue x\"", NULL},
	{"0 issue \"x\" ", NULL},
	{"0 issue \"x\" \"y\"", NULL},
	{"0 issue x y", NULL},
	{"0 issue \"a\\\"b\"", NULL},
	{"0 issue \"a\\059b\"", NULL},
	{"0 issue \"caf\xc3\xa9\"", NULL},
	{"0 issue \"a\nb\"", NULL},
	{"0 issue \"a\tb\"", NULL},
};

static void test_caa(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(caa_cases); i++) {
		struct bytes in = bytes_str(caa_cases[i].in);
		unsigned char *p = test_exact(in);
		struct buf out = BUF_INIT(RECORD_VALUE_MAX);
		int r = record_value_canonical(RR_CAA, bytes_of(p, in.n), &out);

		if ((r == 0) != (caa_cases[i].canonical != NULL))
			fail_msg("%s", caa_cases[i].in);
		assert_true(r == 0 || r == DNS_E_VALUE);
		assert_true(bytes_is(buf_bytes(&out),
				     caa_cases[i].canonical ? caa_cases[i].canonical : ""));
		if (r == 0)
			assert_true(record_value_matches(RR_CAA, in, buf_bytes(&out)));
		buf_done(&out);
		free(p);
	}
}

static void test_caa_cut_everywhere(void **state)
{
	static const char text[] = "128 issuewild \"ca.example; validationmethods=dns-01\"";
	struct caa caa;

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		unsigned char *p = test_exact(bytes_of(text, cut));
		int r = caa_parse(&caa, bytes_of(p, cut));

		assert_int_equal(r, cut == sizeof(text) - 1 ? 0 : DNS_E_VALUE);
		free(p);
	}
	assert_int_equal(caa.flags, 128);
	assert_string_equal(caa.tag, "issuewild");
}

/* A bare word of the whole length gains quotes, and is then too long. */
static void test_caa_too_long(void **state)
{
	char text[RECORD_VALUE_MAX + 1] = "0 issue ";
	struct buf out = BUF_INIT(RECORD_VALUE_MAX);

	memset(text + 8, 'x', RECORD_VALUE_MAX - 8);
	assert_int_equal(record_value_canonical(RR_CAA, bytes_of(text, RECORD_VALUE_MAX - 1), &out),
			 DNS_E_VALUE);
	assert_int_equal(record_value_canonical(RR_CAA, bytes_of(text, RECORD_VALUE_MAX - 2), &out),
			 0);
	assert_int_equal(out.n, RECORD_VALUE_MAX);
	buf_reset(&out);
	text[8] = text[RECORD_VALUE_MAX - 1] = '"';
	assert_int_equal(record_value_canonical(RR_CAA, bytes_of(text, RECORD_VALUE_MAX), &out), 0);
	assert_int_equal(out.n, RECORD_VALUE_MAX);
	buf_done(&out);
}

/* ---- values ---- */

static void test_values(void **state)
{
	static unsigned char big[RECORD_VALUE_MAX + 1];
	struct buf out = BUF_INIT(RECORD_VALUE_MAX);

	assert_int_equal(record_value_canonical(RR_CNAME, BYTES("_X.Y.acm-validations.AWS."), &out),
			 0);
	assert_true(bytes_is(buf_bytes(&out), "_x.y.acm-validations.aws"));
	assert_int_equal(record_value_canonical(RR_NS, BYTES("ns1"), &out), DNS_E_VALUE);
	assert_int_equal(record_value_canonical(RR_NONE, BYTES("192.0.2.1"), &out), DNS_E_VALUE);
	assert_int_equal(record_value_canonical(RR_TXT, BYTES(""), &out), DNS_E_VALUE);
	assert_int_equal(record_value_canonical(RR_TXT, BYTES("a\0b"), &out), DNS_E_VALUE);
	memset(big, 'x', sizeof(big));
	assert_int_equal(record_value_canonical(RR_TXT, bytes_of(big, sizeof(big)), &out),
			 DNS_E_VALUE);
	assert_true(bytes_is(buf_bytes(&out), "_x.y.acm-validations.aws"));
	buf_reset(&out);
	assert_int_equal(record_value_canonical(RR_TXT, bytes_of(big, RECORD_VALUE_MAX), &out), 0);
	assert_int_equal(out.n, RECORD_VALUE_MAX);
	assert_int_equal(record_value_canonical(RR_TXT, BYTES("x"), &out), -ENOBUFS);
	buf_done(&out);
}

static void test_present_txt(void **state)
{
	static const struct {
		const char *value, *shown;
	} cases[] = {
		{"abc", "\"abc\""},
		{"a \"b\" \\c", "\"a \\\"b\\\" \\\\c\""},
		{"\x01\x7f\xc3\xa9\n", "\"\\001\\127\\195\\169\\010\""},
		{"a;b", "\"a;b\""},
	};
	char big[600] = "";
	struct buf b = BUF_INIT(2000);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_reset(&b);
		record_value_present(RR_TXT, bytes_str(cases[i].value), &b);
		assert_true(bytes_is(buf_bytes(&b), cases[i].shown));
		assert_true(record_value_matches(RR_TXT, buf_bytes(&b), bytes_str(cases[i].value)));
	}
	/* 255 and 255 and 1, each string with its quotes, a space between. */
	memset(big, 'x', 511);
	buf_reset(&b);
	record_value_present(RR_TXT, bytes_of(big, 511), &b);
	assert_int_equal(b.n, 511 + 6 + 2);
	assert_memory_equal(b.p + 254, "xx\" \"xx", 7);
	buf_reset(&b);
	record_value_present(RR_TXT, bytes_of(big, 510), &b);
	assert_int_equal(b.n, 510 + 4 + 1);
	buf_reset(&b);
	record_value_present(RR_NS, BYTES("ns.example.com"), &b);
	assert_true(bytes_is(buf_bytes(&b), "ns.example.com."));
	buf_reset(&b);
	record_value_present(RR_CAA, BYTES("0 issue \"x\""), &b);
	assert_true(bytes_is(buf_bytes(&b), "0 issue \"x\""));
	buf_done(&b);
}

static void test_from_presentation(void **state)
{
	static const struct {
		enum rr_type t;
		const char *content, *value; /* NULL: refused */
	} cases[] = {
		{RR_TXT, "\"abc\"", "abc"},
		{RR_TXT, "abc", "abc"},
		{RR_TXT, "a\\b \"c\"", "a\\b \"c\""},
		{RR_TXT, "\"ab\" \"cd\"", "abcd"},
		{RR_TXT, "\"ab\"\"cd\"\t \"\" ", "abcd"},
		{RR_TXT, "\"a\\\"b\\\\c\\;\"", "a\"b\\c;"},
		{RR_TXT, "\"\\097\\0981\\255\"", "ab1\xff"},
		{RR_TXT, "\"\"", NULL},
		{RR_TXT, "\"", NULL},
		{RR_TXT, "", NULL},
		{RR_TXT, "\"a", NULL},
		{RR_TXT, "\"a\\\"", NULL},
		{RR_TXT, "\"a\\", NULL},
		{RR_TXT, "\"\\300\"", NULL},
		{RR_TXT, "\"\\09\"", NULL},
		{RR_TXT, "\"\\0a1\"", NULL},
		{RR_TXT, "\"a\\000b\"", NULL},
		{RR_TXT, "\"a\" b", NULL},
		{RR_CNAME, "Target.Example.NET.", "target.example.net"},
		{RR_NS, "ns1.example.net", "ns1.example.net"},
		{RR_NS, "ns1.example.net. ", NULL},
		{RR_CNAME, "\"a.example\"", NULL},
		{RR_CAA, "0 Issue ca.example", "0 issue \"ca.example\""},
		{RR_NONE, "192.0.2.1", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes in = bytes_str(cases[i].content);
		unsigned char *p = test_exact(in);
		struct buf out = BUF_INIT(RECORD_VALUE_MAX);
		int r = record_value_from_presentation(cases[i].t, bytes_of(p, in.n), &out);

		if (r != (cases[i].value ? 0 : DNS_E_VALUE))
			fail_msg("%s", cases[i].content);
		assert_true(bytes_is(buf_bytes(&out), cases[i].value ? cases[i].value : ""));
		assert_int_equal(record_value_matches(cases[i].t, in, buf_bytes(&out)), r == 0);
		assert_false(record_value_matches(cases[i].t, in, BYTES("x")));
		buf_done(&out);
		free(p);
	}
}

static void test_from_presentation_cut_everywhere(void **state)
{
	static const char text[] = "\"a\\\"b\\\\\\001\" \"\\255c\"";

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		unsigned char *p = test_exact(bytes_of(text, cut));
		struct buf out = BUF_INIT(100);
		int r = record_value_from_presentation(RR_TXT, bytes_of(p, cut), &out);

		/* Whole where a string has just ended, and with the space behind it. */
		assert_int_equal(r, cut == 12 || cut == 13 || cut == 20 ? 0 : DNS_E_VALUE);
		buf_done(&out);
		free(p);
	}
}

/* Every byte but NUL survives; so do values of every length about the limits of a string. */
static void test_txt_round_trip(void **state)
{
	unsigned char text[RECORD_VALUE_MAX];
	struct buf shown = BUF_INIT(RECORD_VALUE_MAX * 5);

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i % 255 + 1);
	for (size_t n = 1; n <= sizeof(text); n += n < 800 ? 1 : 104) {
		buf_reset(&shown);
		record_value_present(RR_TXT, bytes_of(text, n), &shown);
		assert_true(bytes_printable(buf_bytes(&shown)));
		assert_true(record_value_matches(RR_TXT, buf_bytes(&shown), bytes_of(text, n)));
	}
	assert_int_equal(buf_status(&shown), 0);
	/* One more than a value may have. */
	buf_truncate(&shown, shown.n - 1);
	buf_puts(&shown, "x\"");
	assert_false(record_value_matches(RR_TXT, buf_bytes(&shown), bytes_of(text, sizeof(text))));
	buf_done(&shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_type_and_mode_texts),
		cmocka_unit_test(test_caa),
		cmocka_unit_test(test_caa_cut_everywhere),
		cmocka_unit_test(test_caa_too_long),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_present_txt),
		cmocka_unit_test(test_from_presentation),
		cmocka_unit_test(test_from_presentation_cut_everywhere),
		cmocka_unit_test(test_txt_round_trip),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
