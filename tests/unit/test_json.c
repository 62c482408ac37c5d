/* SPDX-License-Identifier: ISC */
/* json_parse() against JSONTestSuite: y_ must be taken, n_ refused, i_ is ours to choose, once and for all. */
#include "test.h"

#include <dirent.h>

#define SUITE "vectors/json/test_parsing"
#define DEPTH 64

/* Well-formed, and still refused. */
static const char *const stricter[] = {
	"y_object_duplicated_key.json", /* two readers could each see another value */
	"y_object_duplicated_key_and_value.json",
	"y_object_escaped_null_in_key.json", /* NUL ends a C string: no text here holds one */
	"y_string_null_escape.json",
};

/* Of the i_ files, those that are taken; the others are not UTF-8, not a number that fits, or too deep. */
static const char *const chosen[] = {
	"i_number_real_underflow.json", /* becomes 0 */
};

static bool listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static bool taken(struct bytes in)
{
	unsigned char *p = test_exact(in);
	char err[80] = "";
	json_t *v = NULL;
	int r = json_parse(bytes_of(p, in.n), DEPTH, &v, err, sizeof(err));

	free(p);
	if (r == 0) {
		assert_non_null(v);
		json_decref(v);
		return true;
	}
	assert_int_equal(r, JSON_E_BAD);
	assert_null(v);
	assert_true(err[0]);
	return false;
}

static void test_suite(void **state)
{
	struct dirent **names;
	int n = scandir(TEST_DATA "/" SUITE, &names, NULL, alphasort);
	size_t count[3] = {0};

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		bool want = name[0] == 'y' ? !listed(stricter, ARRAY_LEN(stricter), name)
					   : listed(chosen, ARRAY_LEN(chosen), name);
		char path[512];

		if (name[0] != '.') {
			snprintf(path, sizeof(path), SUITE "/%s", name);
			struct buf b = test_file(path);
			if (taken(buf_bytes(&b)) != want)
				fail_msg("%s: should be %s", name, want ? "taken" : "refused");
			count[name[0] == 'y' ? 0 : name[0] == 'n' ? 1 : 2]++;
			buf_done(&b);
		}
		free(names[i]);
	}
	free(names);
	assert_int_equal(count[0], 63);
	assert_int_equal(count[1], 125);
	assert_int_equal(count[2], 23);
}

/* Only what is named is there; and all of it is looked at. */
static void test_members(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} cases[] = {
		{"{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"c\":3}"},
		{"[{\"b\":{\"a\":1}},{\"a\":{\"b\":1,\"a\":[2,{\"x\":[]}]}}]",
		 "[{},{\"a\":{\"a\":[2,{}]}}]"},
		{"{\"\\u0061\":\"\\u00e9\",\"\\u0062\":\"\\n\"}", "{\"a\":\"\303\251\"}"},
		{"{\"b\":[1,-2.5e3,true,null,\"x\",{\"a\":{}}],\"c\":\"\"}", "{\"c\":\"\"}"},
		{"7", "7"},
		{"{\"b\":1,\"b\":2,\"d\":99999999999999999999}", "{}"}, /* of others, form alone */
		{"{\"a\":1,\"a\":2}", NULL},
		{"{\"b\":[1,}", NULL},
		{"{\"b\":\"\\ud800\"}", NULL},
		{"{\"b\":\"\\u0000\"}", NULL},
		{"{\"b\":01}", NULL},
		{"{\"b\":1 2}", NULL},
		{"{\"b\" 1}", NULL},
		{"{\"b\":tru}", NULL},
		{"{\"b\":\"\377\"}", NULL},
		{"{\"b\":[[[[[[1]]]]]]}", NULL}, /* too deep, there too */
		{"{\"b\":1}x", NULL},
	};
	static const struct bytes names[] = {BYTES("a"), BYTES("c")};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *v = NULL, *want = NULL;
		int r = json_parse_members(bytes_str(cases[i].in), 6, names, ARRAY_LEN(names), &v);

		if (cases[i].out)
			want = json_loads(cases[i].out, JSON_DECODE_ANY, NULL);
		if (r != (cases[i].out ? 0 : JSON_E_BAD) || (want && !json_equal(v, want)))
			fail_msg("%s", cases[i].in);
		json_decref(v);
		json_decref(want);
	}
}

/* Cut short anywhere, a text in brackets is never whole. */
static void test_cut(void **state)
{
	struct bytes in =
		BYTES("{\"a\":[1,-2.5e3,true,null,\"\\u00e9\\\"\xc3\xa9\"],\"b\":{\"c\":{}}}");

	assert_true(taken(in));
	for (size_t n = 0; n < in.n; n++)
		assert_false(taken(bytes_of(in.p, n)));
}

static void test_whole_text(void **state)
{
	json_t *v;

	assert_int_equal(json_parse(bytes_of(NULL, 0), DEPTH, &v, NULL, 0), JSON_E_BAD);
	assert_true(taken(BYTES(" \t\r\n{}\r\n")));
	assert_false(taken(BYTES("{} {}")));
	assert_false(taken(BYTES("{}\0")));
	assert_false(taken(BYTES("{\"a\":\"\0\"}")));
	assert_false(taken(BYTES("[1\0]")));
	assert_false(taken(BYTES("{\"a\":1\0}")));
	assert_false(taken(BYTES("\xef\xbb\xbf{}")));
	assert_false(taken(BYTES("{\"a\":1,\"\\u0061\":2}")));
}

static void test_depth(void **state)
{
	struct buf b = BUF_INIT(1000);

	for (int i = 0; i < DEPTH; i++)
		buf_putc(&b, '[');
	for (int i = 0; i < DEPTH; i++)
		buf_putc(&b, ']');
	assert_true(taken(buf_bytes(&b)));
	buf_reset(&b);
	for (int i = 0; i <= DEPTH; i++)
		buf_puts(&b, "{\"\":");
	assert_false(taken(buf_bytes(&b)));
	buf_done(&b);
}

/* Brackets and commas in strings are no values. */
static void test_values(void **state)
{
	static const struct {
		const char *text;
		size_t counts;
	} pieces[] = {{"1", 1}, {"{}", 2}, {"[]", 2}, {"\"[{,,\\\",,\"", 1}};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct buf b = BUF_INIT(8 * 1024 * 1024);

		/* The array around them is the first two. */
		for (size_t n = 2; n + pieces[i].counts <= JSON_VALUES_MAX + 1;
		     n += pieces[i].counts)
			buf_printf(&b, "%c%s", n > 2 ? ',' : '[', pieces[i].text);
		buf_putc(&b, ']');
		assert_int_equal(buf_status(&b), 0);
		assert_true(taken(buf_bytes(&b)));
		buf_truncate(&b, b.n - 1);
		buf_puts(&b, ",1,1]");
		assert_false(taken(buf_bytes(&b)));
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suite), cmocka_unit_test(test_members),
		cmocka_unit_test(test_cut),   cmocka_unit_test(test_whole_text),
		cmocka_unit_test(test_depth), cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
