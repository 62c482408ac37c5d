/* SPDX-License-Identifier: ISC */
/* What provider files share. */
#include "test.h"

#include "provider/kit.h"

static void test_ids(void **state)
{
	static const struct {
		const char *json, *id; /* NULL: refused */
	} cases[] = {{"\"a/b?\"", "a/b?"}, {"9007199254740993", "9007199254740993"},
		     {"-1", "-1"},	   {"\"\"", NULL},
		     {"\".\"", NULL},	   {"\"..\"", NULL},
		     {"\"a\\nb\"", NULL},  {"\"\\u00e9\"", NULL},
		     {"1.5", NULL},	   {"null", NULL},
		     {"[1]", NULL}};
	struct buf id = BUF_INIT(PROVIDER_ID_MAX);
	json_t *v;

	buf_puts(&id, "kept");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		v = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		assert_int_equal(op_set_id(&id, v), cases[i].id != NULL);
		json_decref(v);
		if (cases[i].id)
			assert_true(bytes_is(buf_bytes(&id), cases[i].id));
	}
	assert_true(bytes_is(buf_bytes(&id), "-1"));
	assert_false(op_set_id(&id, NULL));
	buf_done(&id);
}

static void test_answer_at(void **state)
{
	struct answer a = {
		.json = json_loads("{\"a\":[{\"b\":1},{\"b\":2}],\"c\":\"x\"}", 0, NULL)};

	assert_int_equal(json_integer_value(answer_at(&a, "a.1.b")), 2);
	assert_ptr_equal(answer_at(&a, ""), a.json);
	assert_null(answer_at(&a, "a.2.b"));
	assert_null(answer_at(&a, "a.x"));
	assert_null(answer_at(&a, "a.01"));
	assert_null(answer_at(&a, "c.x"));
	assert_null(answer_at(&a, "a.0.b.c"));
	json_decref((json_t *)a.json);
	a.json = NULL;
	assert_null(answer_at(&a, "a"));
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool relative, apex, at_name;
	} cases[] = {
		{"a.example.com", false, false, true},
		{"A.Example.com.", false, false, true},
		{"example.com", false, true, true},
		{"a", true, false, true},
		{"A", true, false, true},
		{"", true, true, true},
		{"@", true, true, true},
		{"", true, false, false},
		{"@", true, false, false},
		{"b.example.com", false, false, false},
		{"*.example.com", false, false, false},
		{"a", false, false, false},
	};
	struct op op = {0};
	json_t *v;

	assert_int_equal(dns_name_parse(&op.zone, BYTES("example.com")), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *fqdn = cases[i].apex ? "example.com" : "a.example.com";

		assert_int_equal(dns_name_parse(&op.fqdn, bytes_str(fqdn)), 0);
		v = json_string(cases[i].name);
		assert_int_equal(op_at_name(&op, v, cases[i].relative ? NAME_LABEL : NAME_FULL),
				 cases[i].at_name);
		json_decref(v);
	}
	/* The apex is an empty name, not a missing one. */
	op.fqdn = op.zone;
	assert_false(op_at_name(&op, NULL, NAME_LABEL));
	assert_false(op_at_name(&op, json_null(), NAME_LABEL));
}

static void test_ttl(void **state)
{
	static const struct provider slow = {.name = "slow", .min_ttl = 60};
	struct op op = {.provider = &slow};

	assert_int_equal(op_ttl(&op), PROVIDER_DEFAULT_TTL);
	op.ttl = 1;
	assert_int_equal(op_ttl(&op), 60);
	op.ttl = 3600;
	assert_int_equal(op_ttl(&op), 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_answer_at),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_ttl),
	};

	return cmocka_run_group_tests_name("op", tests, NULL, NULL);
}
