/* SPDX-License-Identifier: ISC */
/* Lists in pages: what is asked, and where the list goes on. */
#include "test.h"

#include "provider/kit.h"

static const struct provider someone = {.name = "someone"};

static const struct {
	const char *name;
	struct paging paging;
	const char *json;
	const char *link[2]; /* Link headers */
	size_t n;
	const char *last;
	enum verdict verdict;
	const char *asks; /* after AGAIN: "name=value …" */
} cases[] = {
	{"one answer", {PAGING_NONE, "x", "page"}, "{\"x\":9}", {0}, 5, "", VERDICT_NEXT, NULL},
	{"total",
	 {PAGING_TOTAL, "p.n", "page", "size", 50},
	 "{\"p\":{\"n\":2}}",
	 {0},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "page=2 size=50"},
	{"total, from zero",
	 {PAGING_TOTAL, "n", "page", "rows", 9, true},
	 "{\"n\":2}",
	 {0},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "page=1 rows=9"},
	{"total, at the end",
	 {PAGING_TOTAL, "n", "page"},
	 "{\"n\":1}",
	 {0},
	 5,
	 "",
	 VERDICT_NEXT,
	 NULL},
	{"total of nothing",
	 {PAGING_TOTAL, "n", "page"},
	 "{\"n\":0}",
	 {0},
	 0,
	 "",
	 VERDICT_NEXT,
	 NULL},
	{"total that is not said",
	 {PAGING_TOTAL, "n", "page"},
	 "{}",
	 {0},
	 5,
	 "",
	 VERDICT_ERROR,
	 NULL},
	{"total that is no number",
	 {PAGING_TOTAL, "n", "page"},
	 "{\"n\":\"2\"}",
	 {0},
	 5,
	 "",
	 VERDICT_ERROR,
	 NULL},
	{"total below zero",
	 {PAGING_TOTAL, "n", "page"},
	 "{\"n\":-1}",
	 {0},
	 5,
	 "",
	 VERDICT_ERROR,
	 NULL},
	{"more: a link",
	 {PAGING_MORE, "next", "page"},
	 "{\"next\":\"https://evil.example/?page=7\"}",
	 {0},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "page=2"},
	{"more: true",
	 {PAGING_MORE, "next", "page"},
	 "{\"next\":true}",
	 {0},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "page=2"},
	{"more: a number",
	 {PAGING_MORE, "next", "page"},
	 "{\"next\":2}",
	 {0},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "page=2"},
	{"more: false",
	 {PAGING_MORE, "next", "page"},
	 "{\"next\":false}",
	 {0},
	 5,
	 "",
	 VERDICT_NEXT,
	 NULL},
	{"more: null",
	 {PAGING_MORE, "next", "page"},
	 "{\"next\":null}",
	 {0},
	 5,
	 "",
	 VERDICT_NEXT,
	 NULL},
	{"more: zero",
	 {PAGING_MORE, "next", "page"},
	 "{\"next\":0}",
	 {0},
	 5,
	 "",
	 VERDICT_NEXT,
	 NULL},
	{"more: empty",
	 {PAGING_MORE, "next", "page"},
	 "{\"next\":\"\"}",
	 {0},
	 5,
	 "",
	 VERDICT_NEXT,
	 NULL},
	{"more: absent", {PAGING_MORE, "next", "page"}, "[]", {0}, 5, "", VERDICT_NEXT, NULL},
	{"cursor",
	 {PAGING_CURSOR, "m.next", "cursor", "per", 3},
	 "{\"m\":{\"next\":\"a&b\"}}",
	 {0},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "cursor=a&b per=3"},
	{"cursor: the end",
	 {PAGING_CURSOR, "m.next", "cursor"},
	 "{\"m\":{\"next\":\"\"}}",
	 {0},
	 5,
	 "",
	 VERDICT_NEXT,
	 NULL},
	{"cursor: null",
	 {PAGING_CURSOR, "next", "cursor"},
	 "{\"next\":null}",
	 {0},
	 5,
	 "",
	 VERDICT_NEXT,
	 NULL},
	{"cursor: no text",
	 {PAGING_CURSOR, "next", "cursor"},
	 "{\"next\":{}}",
	 {0},
	 5,
	 "",
	 VERDICT_ERROR,
	 NULL},
	{"URL",
	 {PAGING_URL, "next", "$skipToken"},
	 "{\"next\":\"https://evil.example/x?a=1&%24x=2&$skiptoken=a%3D%26b\"}",
	 {0},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "$skipToken=a=&b"},
	{"URL without a cursor",
	 {PAGING_URL, "next", "token"},
	 "{\"next\":\"https://evil.example/x?tok=1\"}",
	 {0},
	 5,
	 "",
	 VERDICT_ERROR,
	 NULL},
	{"URL without a query",
	 {PAGING_URL, "next", "token"},
	 "{\"next\":\"https://evil.example/\"}",
	 {0},
	 5,
	 "",
	 VERDICT_ERROR,
	 NULL},
	{"URL with an empty cursor",
	 {PAGING_URL, "next", "token"},
	 "{\"next\":\"x?token=\"}",
	 {0},
	 5,
	 "",
	 VERDICT_ERROR,
	 NULL},
	{"URL with a broken cursor",
	 {PAGING_URL, "next", "token"},
	 "{\"next\":\"x?token=%zz\"}",
	 {0},
	 5,
	 "",
	 VERDICT_ERROR,
	 NULL},
	{"URL: the end", {PAGING_URL, "next", "token"}, "{}", {0}, 5, "", VERDICT_NEXT, NULL},
	{"link",
	 {PAGING_LINK, NULL, "after", "limit", 100},
	 "[]",
	 {"<https://api.example/z?limit=9&after=b.example>; rel=\"next\""},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "after=b.example limit=100"},
	{"link, unquoted",
	 {PAGING_LINK, NULL, "after"},
	 "[]",
	 {"</z?after=b>;rel=next"},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "after=b"},
	{"link among others",
	 {PAGING_LINK, NULL, "c"},
	 "[]",
	 {"<x?c=1>; rel=\"first\", <x?c=0>; rel=\"prev\", <x?c=2,3>; rel=\"next\""},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "c=2,3"},
	{"link in the second header",
	 {PAGING_LINK, NULL, "c"},
	 "[]",
	 {"<x?c=1>; rel=\"first\"", "<x?c=2>; rel=\"next\""},
	 5,
	 "",
	 VERDICT_AGAIN,
	 "c=2"},
	{"links, none of them next",
	 {PAGING_LINK, NULL, "c"},
	 "[]",
	 {"<x?c=1>; rel=\"first\", <x?c=0>; rel=\"prev\""},
	 5,
	 "",
	 VERDICT_NEXT,
	 NULL},
	{"no link", {PAGING_LINK, NULL, "c"}, "[]", {0}, 5, "", VERDICT_NEXT, NULL},
	{"link without a cursor",
	 {PAGING_LINK, NULL, "c"},
	 "[]",
	 {"<x?d=1>; rel=\"next\""},
	 5,
	 "",
	 VERDICT_ERROR,
	 NULL},
	{"no links at all", {PAGING_LINK, NULL, "c"}, "[]", {"><;,<<>"}, 5, "", VERDICT_NEXT, NULL},
	{"a full page, by its last",
	 {PAGING_LAST, NULL, "marker", "limit", 2},
	 "[]",
	 {0},
	 2,
	 "b.example",
	 VERDICT_AGAIN,
	 "marker=b.example limit=2"},
	{"a page that is not full",
	 {PAGING_LAST, NULL, "marker", "limit", 2},
	 "[]",
	 {0},
	 1,
	 "b.example",
	 VERDICT_NEXT,
	 NULL},
	{"a full page",
	 {PAGING_FULL, NULL, "page", NULL, 2},
	 "[]",
	 {0},
	 2,
	 "",
	 VERDICT_AGAIN,
	 "page=2"},
	{"an empty page",
	 {PAGING_FULL, NULL, "page", NULL, 2},
	 "[]",
	 {0},
	 0,
	 "",
	 VERDICT_NEXT,
	 NULL},
};

static struct op new_op(void)
{
	return (struct op){.provider = &someone, .page = 1, .cursor = BUF_INIT(4096)};
}

static void check_asked(const struct paging *p, const struct op *op, const char *want)
{
	struct request r = {.query = BUF_INIT(8192)};
	struct buf text = BUF_INIT(8192);
	struct bytes list, key, value;

	paging_ask(p, op, &r);
	list = buf_bytes(&r.query);
	while (plist_next(&list, &key) && plist_next(&list, &value)) {
		if (text.n)
			buf_putc(&text, ' ');
		buf_put_bytes(&text, key);
		buf_putc(&text, '=');
		buf_put_bytes(&text, value);
	}
	assert_true(bytes_is(buf_bytes(&text), want));
	buf_done(&text);
	buf_done(&r.query);
}

static void test_kinds(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct op op = new_op();
		struct buf headers = BUF_INIT(4096);
		struct answer a = {.status = 200, .json = json_loads(cases[i].json, 0, NULL)};

		print_message("# %s\n", cases[i].name);
		for (size_t k = 0; k < 2 && cases[i].link[k]; k++) {
			plist_put(&headers, BYTES("Link"));
			plist_put(&headers, bytes_str(cases[i].link[k]));
		}
		a.headers = buf_bytes(&headers);
		assert_int_equal(paging_next(&cases[i].paging, &op, &a, cases[i].n,
					     bytes_str(cases[i].last)),
				 cases[i].verdict);
		if (cases[i].asks)
			check_asked(&cases[i].paging, &op, cases[i].asks);
		json_decref((json_t *)a.json);
		buf_done(&headers);
		buf_done(&op.cursor);
	}
}

/* A list that leads back to where we are, or that never ends. */
static void test_ends(void **state)
{
	static const struct paging cursor = {PAGING_CURSOR, "c", "c"},
				   total = {PAGING_TOTAL, "c", "c"};
	struct op op = new_op();
	struct answer a = {.status = 200, .json = json_loads("{\"c\":\"x\"}", 0, NULL)};

	assert_int_equal(paging_next(&cursor, &op, &a, 1, BYTES("")), VERDICT_AGAIN);
	assert_int_equal(paging_next(&cursor, &op, &a, 1, BYTES("")), VERDICT_ERROR);
	assert_int_equal(op.error, CODE_PROVIDER_REJECTED);
	json_decref((json_t *)a.json);

	a.json = json_loads("{\"c\":1000000}", 0, NULL);
	op.page = PROVIDER_PAGES_MAX - 1;
	assert_int_equal(paging_next(&total, &op, &a, 1, BYTES("")), VERDICT_AGAIN);
	assert_int_equal(paging_next(&total, &op, &a, 1, BYTES("")), VERDICT_ERROR);
	json_decref((json_t *)a.json);
	buf_done(&op.cursor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_ends),
	};
	return cmocka_run_group_tests_name("paging", tests, NULL, NULL);
}
