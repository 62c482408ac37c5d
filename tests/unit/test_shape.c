/* SPDX-License-Identifier: ISC */
/* What an answer shows, by a shape. */
#include "test.h"

#include "provider/kit.h"

static void test_rules(void **state)
{
	static const struct {
		struct rule rule;
		const char *zone;
		bool ok;
	} cases[] = {
		{{"status", "active"}, "{\"status\":\"active\"}", true},
		{{"status", "active"}, "{\"status\":\"ACTIVE\"}", false},
		{{"status", "active"}, "{\"status\":\"activated\"}", false},
		{{"status", "active"}, "{}", false},
		{{"status", "active"}, "[]", false},
		{{"status", "a|b"}, "{\"status\":\"b\"}", true},
		{{"status", "a|b"}, "{\"status\":\"a|b\"}", false},
		{{"status", "a|b"}, "{\"status\":\"c\"}", false},
		{{"secondary", "false"}, "{\"secondary\":false}", true},
		{{"secondary", "false"}, "{\"secondary\":true}", false},
		{{"secondary", "false"}, "{}", false},
		{{"secondary", "!true"}, "{}", true},
		{{"secondary", "!true"}, "{\"secondary\":null}", true},
		{{"secondary", "!true"}, "{\"secondary\":true}", false},
		{{"secondary", "!a|b"}, "{\"secondary\":\"b\"}", false},
		{{"secondary", "!a|b"}, "{\"secondary\":\"c\"}", true},
		{{"link", ""}, "{\"link\":null}", true},
		{{"link", ""}, "{}", true},
		{{"link", ""}, "{\"link\":\"x\"}", false},
		{{"link", ""}, "{\"link\":{}}", false},
		{{"pending", "|0"}, "{\"pending\":0}", true},
		{{"pending", "|0"}, "{}", true},
		{{"pending", "|0"}, "{\"pending\":-1}", false},
		{{"a.b.0", "x"}, "{\"a\":{\"b\":[\"x\"]}}", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct shape shape = {.zone_is = {cases[i].rule}};
		const struct provider p = {.shape = &shape};
		const struct op op = {.provider = &p};
		json_t *zone = json_loads(cases[i].zone, 0, NULL);

		print_message("# %s %s %s\n", cases[i].rule.path, cases[i].rule.is, cases[i].zone);
		assert_int_equal(shape_zone_ok(&op, zone), cases[i].ok);
		json_decref(zone);
	}
}

static bool is_odd(const struct op *op, const json_t *zone)
{
	return json_integer_value(json_object_get(zone, "n")) % 2;
}

/* All rules hold, and then the function. */
static void test_rules_together(void **state)
{
	const struct shape shape = {.zone_is = {{"a", "1"}, {"b", "1"}, {"c", "1"}},
				    .zone_ok = is_odd};
	const struct provider p = {.shape = &shape};
	const struct op op = {.provider = &p};
	static const struct {
		const char *zone;
		bool ok;
	} cases[] = {{"{\"a\":1,\"b\":\"1\",\"c\":1,\"n\":3}", true},
		     {"{\"a\":1,\"b\":1,\"c\":1,\"n\":2}", false},
		     {"{\"a\":1,\"b\":1,\"n\":3}", false}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *zone = json_loads(cases[i].zone, 0, NULL);

		assert_int_equal(shape_zone_ok(&op, zone), cases[i].ok);
		json_decref(zone);
	}
}

static struct bytes last_resort(const json_t *v, struct buf *space)
{
	buf_puts(space, "resort");
	return buf_bytes(space);
}

static void test_content(void **state)
{
	static const struct shape plain = {.content = "data"}, whole = {.content = ""},
				  none = {.content_of = last_resort, .content = "data"},
				  parts = {.content = "data", .caa = {"f", "t", "v"}},
				  no_flags = {.content = "data", .caa = {NULL, "t", "v", true}},
				  relative = {.content = "data", .relative = true},
				  deep = {.content = "answer",
					  .caa = {"answer.0", "answer.1", "answer.2"}};
	static const struct {
		const struct shape *shape;
		enum rr_type type;
		const char *json, *content;
	} cases[] = {
		{&plain, RR_TXT, "{\"data\":\"x\"}", "x"},
		{&plain, RR_TXT, "{\"data\":[\"x\",\"y\"]}", "xy"},
		{&plain, RR_TXT, "{\"data\":7}", ""},
		{&plain, RR_TXT, "{}", ""},
		{&plain, RR_CAA, "{\"data\":\"0 issue \\\"a\\\"\"}", "0 issue \"a\""},
		{&whole, RR_TXT, "\"x\"", "x"},
		{&none, RR_TXT, "{\"data\":\"x\"}", "x"},
		{&none, RR_TXT, "{}", "resort"},
		{&parts, RR_CAA, "{\"f\":0,\"t\":\"issue\",\"v\":\"a.example\"}",
		 "0 issue \"a.example\""},
		{&parts, RR_CAA, "{\"f\":\"128\",\"t\":\"issue\",\"v\":\"\\\"a\\\"\"}",
		 "128 issue \"a\""},
		{&parts, RR_CAA, "{\"f\":256,\"t\":\"issue\",\"v\":\"a\"}", ""},
		{&parts, RR_CAA, "{\"f\":0,\"t\":\"\",\"v\":\"a\",\"data\":\"0 issue a\"}",
		 "0 issue a"},
		{&parts, RR_CAA, "{\"data\":\"0 issue a\"}", "0 issue a"},
		{&parts, RR_TXT, "{\"f\":0,\"t\":\"issue\",\"v\":\"a\",\"data\":\"x\"}", "x"},
		{&no_flags, RR_CAA, "{\"t\":\"issue\",\"v\":\"a.example.\"}",
		 "0 issue \"a.example\""},
		{&deep, RR_CAA, "{\"answer\":[\"0\",\"issue\",\"a\"]}", "0 issue \"a\""},
		{&deep, RR_TXT, "{\"answer\":[\"one \",\"two\"]}", "one two"},
		{&relative, RR_CNAME, "{\"data\":\"www\"}", "www.example.org."},
		{&relative, RR_NS, "{\"data\":\"ns.example.net\"}", "ns.example.net.example.org."},
		{&relative, RR_CNAME, "{\"data\":\"ns.example.net.\"}", "ns.example.net."},
		{&relative, RR_CNAME, "{\"data\":\"\"}", "example.org."},
		{&relative, RR_TXT, "{\"data\":\"www\"}", "www"},
		{&plain, RR_CNAME, "{\"data\":\"www\"}", "www"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *v = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		struct buf space = BUF_INIT(4096);

		const struct provider provider = {.shape = cases[i].shape};
		struct op op = {.provider = &provider};

		assert_int_equal(dns_name_parse(&op.zone, BYTES("example.org")), 0);
		print_message("# %s\n", cases[i].json);
		assert_true(
			bytes_is(shape_content(&op, cases[i].type, v, &space), cases[i].content));
		buf_done(&space);
		json_decref(v);
	}
}

static void test_put_caa(void **state)
{
	static const struct shape flat = {.caa = {"f", "t", "v"}},
				  no_flags = {.caa = {NULL, "t", "v", true}},
				  deep = {.caa = {"data.f", "data.t", "data.v"}};
	static const struct {
		const struct shape *shape;
		const char *value, *json; /* NULL: it cannot be said */
	} cases[] = {
		{&flat, "128 issue \"a;b\"", "{\"f\":128,\"t\":\"issue\",\"v\":\"a;b\"}"},
		{&no_flags, "0 issue \"a\"", "{\"t\":\"issue\",\"v\":\"a.\"}"},
		{&no_flags, "0 issue \"\"", "{\"t\":\"issue\",\"v\":\"\"}"},
		{&no_flags, "128 issue \"a\"", NULL},
		{&deep, "0 iodef \"mailto:a\"",
		 "{\"data\":{\"f\":0,\"t\":\"iodef\",\"v\":\"mailto:a\"}}"},
		{&deep, "no CAA", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct provider p = {.shape = cases[i].shape};
		const struct op op = {
			.provider = &p, .type = RR_CAA, .value = bytes_str(cases[i].value)};
		json_t *o = json_object(),
		       *want = cases[i].json ? json_loads(cases[i].json, 0, NULL) : NULL;

		assert_int_equal(shape_put_caa(&op, o), want ? 0 : -1);
		if (want)
			assert_true(json_equal(o, want));
		json_decref(o);
		json_decref(want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_together),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_put_caa),
	};
	return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
