/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "base/xml.h"

static char *dump(const char *xml, size_t depth)
{
	unsigned char *copy = test_exact(bytes_str(xml));
	json_t *v = NULL;
	char *text = NULL;
	int r = xml_parse(bytes_of(copy, strlen(xml)), depth, &v);

	free(copy);
	assert_int_equal(r, v ? 0 : XML_E_BAD);
	if (v)
		text = json_dumps(v, JSON_COMPACT);
	json_decref(v);
	return text;
}

static void test_reading(void **state)
{
	static const char *const cases[][2] = {
		{"<a/>", "{\"a\":\"\"}"},
		{"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>t</a>\n", "{\"a\":\"t\"}"},
		{"<a> <b>1</b>\n<b>2</b><c/></a>", "{\"a\":{\"b\":[\"1\",\"2\"],\"c\":[\"\"]}}"},
		{"<x:a xmlns:x=\"u\" k=\"v\"><x:b>&lt;&amp;&#65;&quot;</x:b></x:a>",
		 "{\"a\":{\"b\":[\"<&A\\\"\"]}}"},
		{"<a><![CDATA[<b>]]></a>", "{\"a\":\"<b>\"}"},
		{"<a><!-- c --><b>1</b></a>", "{\"a\":{\"b\":[\"1\"]}}"},
		{"<a>\xc3\xa9</a>", "{\"a\":\"\xc3\xa9\"}"},
		/* not ours */
		{"", NULL},
		{"text", NULL},
		{"<a>", NULL},
		{"<a></b>", NULL},
		{"<a/><b/>", NULL},
		{"<a/>x", NULL},
		{"<a>text<b/></a>", NULL},
		{"<a>\xe9</a>", NULL},
		{"<!DOCTYPE a><a/>", NULL},
		{"<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>", NULL},
		{"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", NULL},
		{"<a>&e;</a>", NULL},
		{"<a>&#0;</a>", NULL},
		{"<html><body><p>Sorry<br></body></html>", NULL},
		{"{\"json\":1}", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = dump(cases[i][0], 32);

		if (!text != !cases[i][1] || (text && strcmp(text, cases[i][1]) != 0))
			fail_msg("%s gives %s", cases[i][0], text ? text : "nothing");
		free(text);
	}
}

static void test_depth(void **state)
{
	char *text = dump("<a><b><c/></b></a>", 3);

	assert_non_null(text);
	free(text);
	assert_null(dump("<a><b><c/></b></a>", 2));
}

/* Cut anywhere it is none. */
static void test_cuts(void **state)
{
	static const char xml[] = "<?xml version=\"1.0\"?><r><z><n>a.example.</n></z><t>x</t></r>";

	for (size_t n = 0; n + 1 < sizeof(xml); n++) {
		char part[sizeof(xml)];

		memcpy(part, xml, n);
		part[n] = 0;
		assert_null(dump(part, 32));
	}
}

static void test_too_many(void **state)
{
	struct buf b = BUF_INIT(8u << 20);
	json_t *v = NULL;

	buf_puts(&b, "<a>");
	for (size_t i = 0; i < XML_ELEMENTS_MAX; i++)
		buf_puts(&b, "<b/>");
	buf_puts(&b, "</a>");
	assert_int_equal(xml_parse(buf_bytes(&b), 32, &v), XML_E_BAD);
	assert_null(v);
	buf_done(&b);
}

static void test_writing(void **state)
{
	struct buf b = BUF_INIT(1000);

	xml_put(&b, BYTES("a<b>&\"c\" \xc3\xa9\n"));
	assert_true(bytes_is(buf_bytes(&b), "a&lt;b&gt;&amp;&quot;c&quot; \xc3\xa9\n"));
	buf_reset(&b);
	xml_put(&b, BYTES("\x01"));
	assert_int_equal(buf_status(&b), -EINVAL);
	buf_reset(&b);
	xml_put(&b, BYTES("\xff"));
	assert_int_equal(buf_status(&b), -EINVAL);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),	 cmocka_unit_test(test_depth),
		cmocka_unit_test(test_cuts),	 cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_writing),
	};

	return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
