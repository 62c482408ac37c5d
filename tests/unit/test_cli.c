/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "cli/args.h"

static void test_split(void **state)
{
	static const struct {
		const char *arg, *key, *value; /* KEY NULL: refused */
		bool raw;
	} cases[] = {
		{"a=b", "a", "b", false},
		{"a=", "a", "", false},
		{"a==b", "a", "=b", false},
		{"record.fqdn=x", "record.fqdn", "x", false},
		{"verify:=false", "verify", "false", true},
		{"zones:=[\"a=b\"]", "zones", "[\"a=b\"]", true},
		{"url=http://a:1/?b:=c", "url", "http://a:1/?b:=c", false},
		{"", NULL, NULL, false},
		{"a", NULL, NULL, false},
		{"=b", NULL, NULL, false},
		{":=1", NULL, NULL, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes arg = bytes_str(cases[i].arg), key, value;
		unsigned char *p = test_exact(arg);
		bool raw;
		int r = args_split(bytes_of(p, arg.n), &key, &value, &raw);

		assert_int_equal(r, cases[i].key ? 0 : ARGS_E_BAD);
		if (r == 0) {
			assert_true(bytes_is(key, cases[i].key));
			assert_true(bytes_is(value, cases[i].value));
			assert_int_equal(raw, cases[i].raw);
		}
		free(p);
	}
}

static void expect_set(json_t *o, const char *key, json_t *v, const char *why)
{
	const char *got = args_set(o, bytes_str(key), v);

	if (why)
		assert_string_equal(got, why);
	else
		assert_null(got);
}

static void test_set(void **state)
{
	char long_key[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	json_t *o = json_object();
	char *text;

	expect_set(o, "provider", json_string("powerdns"), NULL);
	expect_set(o, "credentials.url", json_string("u"), NULL);
	expect_set(o, "credentials.api_key", json_string("k"), NULL);
	expect_set(o, "a.b.c", json_true(), NULL);
	expect_set(o, "provider", json_string("x"), "is given twice");
	expect_set(o, "credentials.url", json_string("x"), "is given twice");
	expect_set(o, "credentials", json_string("x"), "is given twice");
	expect_set(o, "provider.x", json_null(), "stands below something that is no object");
	expect_set(o, "", json_null(), "is no name of a field");
	expect_set(o, ".a", json_null(), "is no name of a field");
	expect_set(o, "a.", json_null(), "is no name of a field");
	expect_set(o, "n..m", json_null(), "is no name of a field");
	expect_set(o, long_key, json_null(), "is no name of a field");
	expect_set(o, "\xff", json_null(), "is not UTF-8");
	expect_set(o, "null", NULL, "out of memory");
	json_object_del(o, "n");
	text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"a\":{\"b\":{\"c\":true}},\"credentials\":{\"api_key\":\"k\","
				  "\"url\":\"u\"},\"provider\":\"powerdns\"}");
	free(text);
	json_decref(o);
}

static void test_time(void **state)
{
	const int64_t now = 1795572630123456;
	static const struct {
		const char *in;
		int64_t usec; /* -1: refused */
	} cases[] = {
		{"0s", 1795572630123456},
		{"90s", 1795572540123456},
		{"15m", 1795571730123456},
		{"2h", 1795565430123456},
		{"3d", 1795313430123456},
		{"1w", 1794967830123456},
		{"1000000w", 0},
		{"1000001w", -1},
		{"2026-11-25T02:10:30Z", 1795572630000000},
		{"2026-11-25T04:10:30+02:00", 1795572630000000},
		{"", -1},
		{"h", -1},
		{"2", -1},
		{"2y", -1},
		{"-2h", -1},
		{"2 h", -1},
		{"02h", -1},
		{"2hh", -1},
		{"2026-11-25", -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes in = bytes_str(cases[i].in);
		unsigned char *p = test_exact(in);
		int64_t t = -1;
		int r = args_time(bytes_of(p, in.n), now, &t);

		assert_int_equal(r, cases[i].usec < 0 ? ARGS_E_BAD : 0);
		assert_true(t == cases[i].usec);
		free(p);
	}
}

static void test_print(void **state)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{"{\"a\":\"b\",\"n\":1,\"t\":true,\"f\":false,\"z\":null}",
		 "a: b\nn: 1\nt: true\nf: false\nz: null\n"},
		{"{\"zones\":[{\"name\":\"a\",\"id\":\"1\"},{\"name\":\"b\",\"id\":\"2\"}]}",
		 "zones:\n  - name: a\n    id: 1\n  - name: b\n    id: 2\n"},
		{"{\"o\":{\"p\":{\"q\":\"r\"}},\"l\":[\"x\",\"y\"]}",
		 "o:\n  p:\n    q: r\nl:\n  - x\n  - y\n"},
		{"{\"l\":[],\"o\":{},\"s\":\"\"}", "l: none\no: none\ns: \"\"\n"},
		{"[[1,2],[{\"a\":[3]}]]", "- - 1\n  - 2\n- - a:\n      - 3\n"},
		{"{\"k\\n\":\"\\u001b[31m\\u00e9\"}", "\"k\\n\": \"\\u001b[31m\\u00e9\"\n"},
		{"\"x\"", "x\n"},
		{"0.5", "0.5\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = BUF_INIT(1000);
		json_t *v;

		assert_int_equal(json_parse(bytes_str(cases[i].json), 9, &v, NULL, 0), 0);
		args_print(&b, v);
		buf_putc(&b, 0);
		assert_int_equal(buf_status(&b), 0);
		assert_string_equal((const char *)b.p, cases[i].text);
		json_decref(v);
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
