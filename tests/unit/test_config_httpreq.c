/* SPDX-License-Identifier: ISC */
/* `httpreq "NAME" { … }`: names of clients, what they stand for, and who may use them. */
#include "config_rig.h"

#define BASE                                                                                       \
	"listen = {\"127.0.0.1:8080\"}\naudit_dir = \"/log\"\ncallers = \"@/callers\"\n"           \
	"root_key \"a\" { file = \"@/a.key\" }\n"

static int set_up_all(void **state)
{
	struct keyring ring = {0};
	struct integration i = {.id = "integration-id-",
				.provider = BYTES("desec"),
				.customer = BYTES("acme"),
				.created = 1};
	struct buf fields = BUF_INIT(100), handle = BUF_INIT(INTEGRATION_HANDLE_MAX);
	int r;

	if (set_up(state) < 0)
		return -1;
	plist_put(&fields, BYTES("token"));
	plist_put(&fields, BYTES("t"));
	i.credentials = buf_bytes(&fields);
	r = keyring_add(&ring, (const unsigned char *)"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			KEY_ACTIVE);
	if (r == 0)
		r = integration_seal(&ring, (const unsigned char *)"a nonce of 24 bytes, twe", &i,
				     &handle);
	put_text("callers", "a uid:1 all\nb uid:2 get_zones\nc uid:3 add_record\n", 0644);
	buf_putc(&handle, '\n');
	put_file("k", handle.p, handle.n, 0600);
	buf_done(&fields);
	buf_done(&handle);
	return r;
}

static int load(const char *sections, struct config **out)
{
	struct buf text = BUF_INIT(1u << 20);
	int r;

	buf_puts(&text, BASE);
	buf_puts(&text, sections);
	buf_putc(&text, 0);
	put_text("conf", (const char *)text.p, 0644);
	buf_done(&text);
	err[0] = 0;
	r = config_load(at("conf"), out, err);
	return r;
}

static void test_good(void **state)
{
	const struct config_httpreq *h;
	struct config *c;

	if (load("httpreq \"web-1.example\" { handle_file = \"@/k\" callers = {\"c\", \"a\"}\n"
		 "customer = \"acme\" zones = {\"B.Example.\", \"a.example\"} }\n"
		 "httpreq \"x\" { callers = {\"b\"} handle_file = \"@/k\" }\n",
		 &c) != 0)
		fail_msg("%s", err);
	assert_int_equal(c->n_httpreq, 2);
	h = &c->httpreq[0];
	assert_string_equal(h->name, "web-1.example");
	assert_string_equal(h->customer, "acme");
	assert_string_equal(h->source, at("k"));
	assert_true(bytes_starts(buf_bytes(&h->handle), BYTES("pti1_")));
	assert_int_equal(bytes_find(buf_bytes(&h->handle), BYTES("\n")), h->handle.n);
	assert_int_equal(plist_count(buf_bytes(&h->zones)), 2);
	assert_true(plist_has(buf_bytes(&h->zones), BYTES("b.example")));
	assert_int_equal(h->callers[0], 1 << 0 | 1 << 2);
	h = &c->httpreq[1];
	assert_string_equal(h->name, "x");
	assert_string_equal(h->customer, "");
	assert_int_equal(h->zones.n, 0);
	assert_int_equal(h->callers[0], 1 << 1);
	config_free(c);
}

#define GOOD "handle_file = \"@/k\" callers = {\"a\"} "

static void test_bad(void **state)
{
	static const struct {
		const char *section, *want;
	} cases[] = {
		{"httpreq \"x\" { callers = {\"a\"} }", "5: httpreq: lacks handle_file"},
		{"httpreq \"x\" { handle_file = \"@/k\" }", "5: httpreq: lacks callers"},
		{"httpreq \"x\" { handle_file = \"@/k\" callers = {} }",
		 "5: httpreq: lacks callers"},
		{"httpreq \"x\" { " GOOD "}\nhttpreq \"y\" { callers = {\"a\"} }",
		 "6: httpreq: lacks handle_file"},
		{"httpreq \"\" { " GOOD "}",
		 "5: httpreq: must be called by 1 to 64 of a-z, 0-9, '.', '_' and '-'"},
		{"httpreq \"a:b\" { " GOOD "}",
		 "5: httpreq: must be called by 1 to 64 of a-z, 0-9, '.', '_' and '-'"},
		{"httpreq \"0123456789012345678901234567890123456789012345678901234567890123x\" "
		 "{ " GOOD "}",
		 "5: httpreq: must be called by 1 to 64 of a-z, 0-9, '.', '_' and '-'"},
		{"httpreq \"x\" { " GOOD "customer = \"\" }",
		 "5: httpreq.customer: must not be empty; leave it out where there is none"},
		{"httpreq \"x\" { " GOOD "zones = {\"*.example\"} }",
		 "5: httpreq.zones: must be domain names"},
		{"httpreq \"x\" { handle_file = \"@/k\" callers = {\"A\"} }",
		 "5: httpreq.callers: must be names of the callers file"},
		{"httpreq \"x\" { handle_file = \"@/k\" callers = {\"a\", \"a\"} }",
		 "5: httpreq.callers: has a name twice"},
		{"httpreq \"x\" { handle_file = \"@/conf\" callers = {\"a\"} }",
		 "5: httpreq.handle_file: must have no permission for group or others (chmod "
		 "600)"},
		{"httpreq \"x\" { handle_file = \"@/a.key\" callers = {\"a\"} }",
		 "5: httpreq.handle_file: does not hold an integration handle, and nothing else"},
		{"httpreq \"x\" { handle_file = \"k\" callers = {\"a\"} }",
		 "5: httpreq.handle_file: names a systemd credential, and there are none"},
		{"httpreq \"x\" { handle_file = \"./k\" callers = {\"a\"} }",
		 "5: httpreq.handle_file: must be an absolute path, the name of a systemd "
		 "credential, or fd:NUMBER"},
	};
	struct config *c;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char want[512];

		snprintf(want, sizeof(want), "@/conf:%s", cases[i].want);
		assert_int_equal(load(cases[i].section, &c), CONFIG_E_BAD);
		expect_error(want);
	}
}

/* Who is not in the callers file any more: he may nothing, and all the others may what they may. */
static void test_unknown(void **state)
{
	const struct config_httpreq *h;
	struct config *c;

	if (load("httpreq \"x\" { handle_file = \"@/k\" callers = {\"no\", \"b\", \"nobody\"} }\n"
		 "httpreq \"y\" { handle_file = \"@/k\" callers = {\"no\"} }\n"
		 "httpreq \"z\" { " GOOD "}\n",
		 &c) != 0)
		fail_msg("%s", err);
	h = c->httpreq;
	assert_int_equal(h[0].callers[0], 1 << 1);
	assert_true(bytes_is(buf_bytes(&h[0].unknown), "no, nobody"));
	assert_int_equal(h[1].callers[0], 0);
	assert_true(bytes_is(buf_bytes(&h[1].unknown), "no"));
	assert_int_equal(h[2].callers[0], 1);
	assert_int_equal(h[2].unknown.n, 0);
	config_free(c);
}

/* One handle, and what is not one. */
static void test_handles(void **state)
{
	struct buf good = BUF_INIT(1u << 16), text = BUF_INIT(1u << 16);
	struct config *c;

	assert_null(config_read_secret_file(at("k"), &good));
	for (unsigned i = 0; i < 6; i++) {
		buf_reset(&text);
		if (i == 0)
			buf_puts(&text, "\n");
		if (i == 1)
			buf_putc(&text, ' ');
		if (i != 5)
			buf_put_bytes(&text, buf_bytes(&good));
		if (i == 2)
			buf_puts(&text, "\n");
		if (i == 3)
			buf_put_bytes(&text, buf_bytes(&good));
		if (i == 4)
			text.p[2] = 'r'; /* a record's */
		if (i == 5)
			for (size_t n = 0; n <= INTEGRATION_HANDLE_MAX; n++)
				buf_putc(&text, 'A');
		put_file("c", text.p, text.n, 0600);
		assert_int_equal(
			load("httpreq \"x\" { handle_file = \"@/c\" callers = {\"a\"} }", &c),
			CONFIG_E_BAD);
		expect_error("@/conf:5: httpreq.handle_file: does not hold an integration handle, "
			     "and nothing else");
	}
	put_file("c", good.p, good.n - 1, 0600); /* the line's end may be missing */
	assert_int_equal(load("httpreq \"x\" { handle_file = \"@/c\" callers = {\"a\"} }", &c), 0);
	config_free(c);
	buf_done(&good);
	buf_done(&text);
}

static void test_many(void **state)
{
	struct buf text = BUF_INIT(1u << 20);
	struct config *c;

	for (unsigned i = 0; i < HTTPREQ_MAX; i++)
		buf_printf(&text, "httpreq \"x%u\" { " GOOD "}\n", i);
	buf_putc(&text, 0);
	assert_int_equal(load((const char *)text.p, &c), 0);
	assert_int_equal(c->n_httpreq, HTTPREQ_MAX);
	config_free(c);
	text.n--;
	buf_puts(&text, "httpreq \"one-more\" { " GOOD "}\n");
	buf_putc(&text, 0);
	assert_int_equal(load((const char *)text.p, &c), CONFIG_E_BAD);
	expect_error("@/conf:261: httpreq: is one name too many");
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	cmocka_unit_test(test_bad),
		cmocka_unit_test(test_unknown), cmocka_unit_test(test_handles),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("config_httpreq", tests, set_up_all, tear_down);
}
