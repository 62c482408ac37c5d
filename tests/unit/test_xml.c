/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "base/xml.h"

/* The tree of exactly the bytes, as JSON. NULL when they are refused. */
static char *dump_bytes(struct bytes xml, size_t depth)
{
	unsigned char *copy = test_exact(xml);
	json_t *v = NULL;
	char *text = NULL;
	int r = xml_parse(bytes_of(copy, xml.n), depth, &v);

	free(copy);
	assert_int_equal(r, v ? 0 : XML_E_BAD);
	if (v)
		text = json_dumps(v, JSON_COMPACT);
	json_decref(v);
	return text;
}

static char *dump(const char *xml, size_t depth)
{
	return dump_bytes(bytes_str(xml), depth);
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
		{"<?xml version='1.0' encoding='utf-8' standalone='yes'?><a/>", "{\"a\":\"\"}"},
		{"\xef\xbb\xbf<a/>", "{\"a\":\"\"}"},
		{"<!-- c --><?pi d?><a><?pi d?>1<!-- c -->2</a><?pi d?>", "{\"a\":\"12\"}"},
		{"<a> </a>", "{\"a\":\" \"}"},
		{"<a>1\r\n2\r3&#13;</a>", "{\"a\":\"1\\n2\\n3\\r\"}"},
		{"<a><b/>\t<x:b>1</x:b>\r\n<c>2</c> <b>3</b></a>",
		 "{\"a\":{\"b\":[\"\",\"1\",\"3\"],\"c\":[\"2\"]}}"},
		/* no object for attributes, nor for comments */
		{"<a k=\"v\"><!-- c --></a>", "{\"a\":\"\"}"},
		/* not ours */
		{"", NULL},
		{"text", NULL},
		{"<a>", NULL},
		{"<a></b>", NULL},
		{"<a/><b/>", NULL},
		{"<a/>x", NULL},
		{"<a/><?xml version=\"1.0\"?>", NULL},
		{"\n<?xml version=\"1.0\"?><a/>", NULL},
		{"<a>text<b/></a>", NULL},
		{"<a><b><c>1</c>text</b></a>", NULL},
		{"<a><b/>&#160;</a>", NULL},
		{"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>", NULL},
		{"<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>", NULL},
		{"<?xml version=\"1.0\" encoding=\"US-ASCII\"?><a/>", NULL},
		{"<x:/>", NULL},
		{"<a><x:/></a>", NULL},
		{"<a k=\"1\" k=\"2\"/>", NULL},
		{"<a k=\"&e;\"/>", NULL},
		{"<a>]]></a>", NULL},
		{"<a>\x01</a>", NULL},
		{"<a>&#xd800;</a>", NULL},
		{"<a>\xed\xa0\x80</a>", NULL},
		{"<a>\xc0\xbc</a>", NULL},
		{"<a>\xef\xbf\xbf</a>", NULL},
		{"<a\xff/>", NULL},
		{"<a>\xe9</a>", NULL},
		{"<!DOCTYPE a><a/>", NULL},
		{"<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>", NULL},
		{"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", NULL},
		{"<!DOCTYPE a SYSTEM \"http://localhost/a.dtd\" [<!ENTITY % e SYSTEM \"x\"> "
		 "%e;]><a/>",
		 NULL},
		{"<a><!DOCTYPE a></a>", NULL},
		{"<!ENTITY e \"x\"><a/>", NULL},
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

/* What holds a NUL, as every document in UTF-16 does. */
static void test_nul(void **state)
{
	static const struct bytes cases[] = {
		BYTES("<a>\0</a>"),
		BYTES("<a/>\0"),
		BYTES("\xff\xfe<\0a\0/\0>\0"),
		BYTES("\xfe\xff\0<\0a\0/\0>"),
		BYTES("\0<\0a\0/\0>"),
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_null(dump_bytes(cases[i], 32));
}

/* DEPTH elements, each within the one before. */
static struct buf nest(size_t depth)
{
	struct buf b = BUF_INIT(10000);

	for (size_t i = 0; i < depth; i++)
		buf_puts(&b, "<a>");
	for (size_t i = 0; i < depth; i++)
		buf_puts(&b, "</a>");
	return b;
}

static void test_depth(void **state)
{
	static const size_t limits[] = {1, 2, 32, XML_DEPTH_MAX};
	struct buf b;
	char *text;

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		b = nest(limits[i]);
		text = dump_bytes(buf_bytes(&b), limits[i]);
		assert_non_null(text);
		free(text);
		assert_null(dump_bytes(buf_bytes(&b), limits[i] - 1));
		buf_done(&b);
	}
	/* There is a limit that the caller cannot lift. */
	b = nest(XML_DEPTH_MAX + 1);
	assert_null(dump_bytes(buf_bytes(&b), SIZE_MAX));
	buf_done(&b);
	assert_null(dump("<a><b><c/></b></a>", 2));
}

/* Answers of Route 53: all is where the look-ups of JSON find it. */
static void test_real(void **state)
{
	struct buf b = test_file("fixtures/route53/lego/listHostedZonesByNameResponse.xml");
	json_t *v = NULL;

	assert_int_equal(xml_parse(buf_bytes(&b), 32, &v), 0);
#define AT(path) json_bytes_at(v, "ListHostedZonesByNameResponse." path)
	assert_true(bytes_is(AT("HostedZones.0.HostedZone.0.Id.0"), "/hostedzone/ABCDEFG"));
	assert_true(bytes_is(AT("HostedZones.0.HostedZone.0.Config.0.PrivateZone.0"), "false"));
	assert_true(bytes_is(AT("NextHostedZoneId.0"), "ZLT12321321124"));
	assert_int_equal(AT("HostedZones.0.HostedZone.1.Id.0").n, 0);
#undef AT
	json_decref(v);
	buf_done(&b);
	b = test_file("fixtures/route53/lego/getChangeResponse.xml");
	assert_int_equal(xml_parse(buf_bytes(&b), 32, &v), 0);
	assert_true(
		bytes_is(json_bytes_at(v, "GetChangeResponse.ChangeInfo.0.Status.0"), "INSYNC"));
	json_decref(v);
	buf_done(&b);
}

/* A whole document, and nothing that is cut short; blanks may be missing at the end. */
static void check_cuts(struct bytes xml)
{
	char *text;

	while (xml.n && strchr(" \r\n", xml.p[xml.n - 1]))
		xml.n--;
	text = dump_bytes(xml, 32);
	assert_non_null(text);
	free(text);
	for (size_t n = 0; n < xml.n; n++)
		assert_null(dump_bytes(bytes_of(xml.p, n), 32));
}

static void test_cuts(void **state)
{
	static const char *const recordings[] = {
		"fixtures/route53/made/sts-assume_role.json",
		"fixtures/route53/made/error-access_denied.json",
		("fixtures/route53/lexicon/test_provider_when_calling_create_record_multiple_times_"
		 "should_create_record_set.json"),
	};
	struct buf b = test_file("fixtures/route53/lego/listHostedZonesByNameResponse.xml");
	json_t *v, *exchange;
	size_t k;

	check_cuts(buf_bytes(&b));
	buf_done(&b);
	check_cuts(BYTES("<?xml version=\"1.0\"?><r k=\"v\"><!-- c --><z><n>&lt;\xc3\xa9</n></z>"
			 "<t><![CDATA[x]]></t></r>"));
	for (size_t i = 0; i < ARRAY_LEN(recordings); i++) {
		v = test_json(recordings[i]);
		json_array_foreach(v, k, exchange)
		{
			check_cuts(json_get_bytes(exchange, "body"));
		}
		assert_true(k > 0);
		json_decref(v);
	}
}

/* A document of N empty elements in one. */
static struct buf elements(size_t n)
{
	struct buf b = BUF_INIT(8u << 20);

	buf_puts(&b, "<a>");
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, "<b/>");
	buf_puts(&b, "</a>");
	return b;
}

static void test_too_many(void **state)
{
	struct buf b = elements(XML_ELEMENTS_MAX - 1);
	json_t *v = NULL;

	assert_int_equal(xml_parse(buf_bytes(&b), 32, &v), 0);
	assert_int_equal(json_array_size(json_at(v, "a.b")), XML_ELEMENTS_MAX - 1);
	json_decref(v);
	buf_done(&b);
	v = NULL;
	b = elements(XML_ELEMENTS_MAX);
	assert_int_equal(xml_parse(buf_bytes(&b), 32, &v), XML_E_BAD);
	assert_null(v);
	buf_done(&b);
}

/* The longest text of all, and a byte more. */
static void test_too_long(void **state)
{
	struct buf b = BUF_INIT(8u << 20);
	json_t *v = NULL;
	size_t n = XML_BYTES_MAX - 7;

	buf_puts(&b, "<a>");
	memset(buf_extend(&b, n), 'x', n);
	buf_puts(&b, "</a>");
	assert_int_equal(xml_parse(buf_bytes(&b), 32, &v), 0);
	assert_int_equal(json_get_bytes(v, "a").n, n);
	json_decref(v);
	v = NULL;
	buf_putc(&b, '\n');
	assert_int_equal(xml_parse(buf_bytes(&b), 32, &v), XML_E_BAD);
	assert_null(v);
	buf_done(&b);
}

static void test_writing(void **state)
{
	static const struct bytes never[] = {
		BYTES("\x01"), BYTES("a\0b"),	      BYTES("\x1f"),	      BYTES("\xff"),
		BYTES("\xc3"), BYTES("\xed\xa0\x80"), BYTES("x\xef\xbf\xbe"), BYTES("\xef\xbf\xbf"),
	};
	struct buf b = BUF_INIT(1000);

	xml_put(&b, BYTES(""));
	assert_int_equal(b.n, 0);
	xml_put(&b, BYTES("a<b>&\"c\" '\xc3\xa9\t\r\n\x7f\xf0\x9f\x98\x80"));
	assert_true(
		bytes_is(buf_bytes(&b),
			 "a&lt;b&gt;&amp;&quot;c&quot; '\xc3\xa9\t&#13;\n\x7f\xf0\x9f\x98\x80"));
	assert_int_equal(buf_status(&b), 0);
	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		buf_reset(&b);
		xml_put(&b, never[i]);
		assert_int_equal(buf_status(&b), -EINVAL);
		assert_int_equal(b.n, 0);
	}
	buf_done(&b);
	/* An earlier failure stays. */
	b = BUF_INIT(1);
	xml_put(&b, BYTES("&"));
	xml_put(&b, BYTES("\x01"));
	assert_int_equal(buf_status(&b), -ENOBUFS);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),	 cmocka_unit_test(test_nul),
		cmocka_unit_test(test_depth),	 cmocka_unit_test(test_real),
		cmocka_unit_test(test_cuts),	 cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_too_long), cmocka_unit_test(test_writing),
	};

	return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
