/* SPDX-License-Identifier: ISC */
/* The table of providers, and the check of credentials against it. */
#include "test.h"

#include "provider/provider.h"
#include "sample.h"

/* ---- the table ---- */

static const struct field_def *field_of(const struct provider *p, const char *name, size_t n)
{
	for (const struct field_def *f = p->fields; f->name; f++)
		if (bytes_is(bytes_of(name, n), f->name))
			return f;
	fail_msg("%s: no field %.*s", p->name, (int)n, name);
	return NULL;
}

static void check_exchange(const struct provider *p, const struct exchange *x)
{
	static const char *const known[] = {"zone",    "zone/1", "zone/2", "record", "other",
					    "account", "name",	 "type",   "next"};

	assert_non_null(x->name);
	assert_non_null(x->parse);
	/* Some read by POST. */
	if (strcmp(x->method, "POST") != 0 && strcmp(x->method, "QUERY") != 0)
		assert_int_equal(x->changes, strcmp(x->method, "GET") != 0);
	assert_true(x->path[0] == '/');
	assert_ptr_equal(provider_exchange(p, (unsigned)provider_exchange_number(p, x)), x);
	for (const char *at = strchr(x->path, '{'); at; at = strchr(at, '{')) {
		size_t n = strcspn(++at, "}"), i = 0;

		assert_true(at[n] == '}' && (at[n + 1] == '/' || !at[n + 1]));
		if (*at == '=') {
			assert_false(field_of(p, at + 1, n - 1)->secret);
			continue;
		}
		while (i < ARRAY_LEN(known) && !bytes_is(bytes_of(at, n), known[i]))
			i++;
		assert_true(i < ARRAY_LEN(known));
	}
	/* The courier holds a change to the zone that was permitted. */
	assert_true(!x->changes || strstr(x->path, "{zone"));
}

static void test_table(void **state)
{
	for (size_t i = 0; providers[i]; i++) {
		const struct provider *p = providers[i];

		assert_ptr_equal(provider_by_name(bytes_str(p->name)), p);
		assert_true(i == 0 || strcmp(providers[i - 1]->name, p->name) < 0);
		if (!p->login && p->auth.kind == AUTH_HEADER)
			assert_true(field_of(p, p->auth.field, strlen(p->auth.field))->secret);
		assert_int_equal(p->self_hosted || p->bases, p->base_field != NULL);
		if (p->base_field)
			field_of(p, p->base_field, strlen(p->base_field));
		if (p->account_field)
			assert_false(
				field_of(p, p->account_field, strlen(p->account_field))->secret);
		for (size_t n = 0; n < OP_KINDS * PROVIDER_STEPS_MAX; n++)
			if (provider_exchange(p, (unsigned)n))
				check_exchange(p, provider_exchange(p, (unsigned)n));
		for (const struct field_def *f = p->fields; f->name; f++) {
			assert_true(f->label && f->help && (f->pattern || f->whole) && f->max > 0);
			assert_false(f->optional && f->preset);
		}
	}
	assert_null(provider_by_name(BYTES("nobody")));
	assert_null(provider_exchange(&provider_powerdns, OP_KINDS * PROVIDER_STEPS_MAX));
	assert_int_equal(provider_exchange_number(&provider_powerdns,
						  provider_exchange(&provider_dnsimple, 0)),
			 -1);
	assert_int_equal(provider_exchange_number(&provider_powerdns, NULL), -1);
}

/* ---- credentials ---- */

#define KEY "K3y-that-is-secret"

static void test_credentials(void **state)
{
	static const struct {
		const char *pairs[8];
		const char *field, *why; /* NULL: taken */
	} cases[] = {
		{{"url", "https://dns.example:8081/sub/", "api_key", KEY}, NULL, NULL},
		{{"api_key", KEY, "url", "http://[::1]:8081", "server_id", "b"}, NULL, NULL},
		{{"url", "https://dns.example"}, "api_key", "is missing"},
		{{"api_key", KEY}, "url", "is missing"},
		{{"url", "", "api_key", KEY}, "url", "is empty"},
		{{"url", "ftp://dns.example", "api_key", KEY}, "url", "form"},
		{{"url", "xhttps://dns.example", "api_key", KEY}, "url", "form"},
		{{"url", "https://dns.example?x", "api_key", KEY}, "url", "form"},
		{{"url", "https://dns.example\n", "api_key", KEY}, "url", "control"},
		{{"url", "https://dns.example", "api_key", KEY "\x7f"}, "api_key", "control"},
		{{"url", "https://dns.example", "api_key", "two words"}, "api_key", "form"},
		{{"url", "https://dns.example", "api_key", KEY, "server_id", ".."},
		 "server_id",
		 "form"},
		{{"url", "https://dns.example", "api_key", KEY, "server_id", "a/b"},
		 "server_id",
		 "form"},
		{{"url", "https://dns.example", "api_key", KEY, "colour", "red"},
		 "credentials",
		 "does not know"},
		{{"url", "https://dns.example", "api_key", KEY, "api_key", KEY},
		 "credentials",
		 "twice"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf in = BUF_INIT(4096), out = BUF_INIT(4096), public = BUF_INIT(4096);
		const char *field = NULL, *why = NULL;
		struct bytes v;
		int r;

		for (size_t k = 0; k < 8 && cases[i].pairs[k]; k++)
			plist_put(&in, bytes_str(cases[i].pairs[k]));
		r = provider_check_credentials(&provider_powerdns, CATEGORY_STATIC, buf_bytes(&in),
					       &out, &field, &why);
		if (cases[i].field) {
			assert_int_equal(r, PROVIDER_E_FIELD);
			assert_string_equal(field, cases[i].field);
			assert_non_null(strstr(why, cases[i].why));
			assert_int_equal(out.n, 0);
		} else {
			assert_int_equal(r, 0);
			assert_null(field);
			assert_true(plist_get(buf_bytes(&out), "server_id", &v));
			assert_true(bytes_is(v, i ? "b" : "localhost"));
			assert_int_equal(provider_public_fields(&provider_powerdns, buf_bytes(&out),
								&public),
					 0);
			assert_int_equal(plist_count(buf_bytes(&public)), 4);
			assert_false(plist_get(buf_bytes(&public), "api_key", &v));
		}
		buf_done(&in);
		buf_done(&out);
		buf_done(&public);
	}
}

static void test_credentials_limits(void **state)
{
	struct buf in = BUF_INIT(4096), out = BUF_INIT(4096), small = BUF_INIT(10);
	const char *field, *why;
	char token[514];

	memset(token, 'a', sizeof(token));
	plist_put(&in, BYTES("api_token"));
	plist_put(&in, bytes_of(token, 512));
	assert_int_equal(provider_check_credentials(&provider_cloudflare, CATEGORY_STATIC,
						    buf_bytes(&in), &small, &field, &why),
			 -ENOBUFS);
	assert_int_equal(provider_check_credentials(&provider_cloudflare, CATEGORY_STATIC,
						    buf_bytes(&in), &out, &field, &why),
			 0);
	assert_true(bytes_eq(buf_bytes(&in), buf_bytes(&out)));

	for (size_t n = 39; n <= 513; n += 513 - 39) {
		buf_reset(&in);
		plist_put(&in, BYTES("api_token"));
		plist_put(&in, bytes_of(token, n));
		assert_int_equal(provider_check_credentials(&provider_cloudflare, CATEGORY_STATIC,
							    buf_bytes(&in), &out, &field, &why),
				 PROVIDER_E_FIELD);
		assert_string_equal(field, "api_token");
	}
	/* A NUL does not end a value. */
	token[41] = 0;
	buf_reset(&in);
	plist_put(&in, BYTES("api_token"));
	plist_put(&in, bytes_of(token, 60));
	assert_int_equal(provider_check_credentials(&provider_cloudflare, CATEGORY_STATIC,
						    buf_bytes(&in), &out, &field, &why),
			 PROVIDER_E_FIELD);
	buf_done(&in);
	buf_done(&out);
	buf_done(&small);
}

/* PAIRS with FIELD's value, which PUT stands before, within or behind. */
static void put_into(struct bytes pairs, const char *field, struct bytes put, size_t where,
		     struct buf *out)
{
	struct bytes name, value;

	while (plist_next(&pairs, &name) && plist_next(&pairs, &value)) {
		struct buf v = BUF_INIT(4096);
		size_t at = bytes_is(name, field) ? where * value.n / 2 : value.n;

		buf_put(&v, value.p, at);
		if (bytes_is(name, field))
			buf_put_bytes(&v, put);
		buf_put_bytes(&v, bytes_skip(value, at));
		plist_put(out, name);
		plist_put(out, buf_bytes(&v));
		buf_done(&v);
	}
}

static void expect_refused(const struct provider *p, enum category way, struct bytes pairs,
			   const char *name)
{
	struct buf out = BUF_INIT(64 * 1024);
	const char *field = NULL, *why;

	if (provider_check_credentials(p, way, pairs, &out, &field, &why) != PROVIDER_E_FIELD ||
	    strcmp(field, name) != 0)
		fail_msg("%s: %s is taken", p->name, name);
	assert_int_equal(out.n, 0);
	buf_done(&out);
}

/* No field of any provider takes what could end a line of a header, or mean something beyond ASCII. */
static void test_injection(void **state)
{
	static const char *const more[] = {"\x7f",	   "\x80",     "\xff",	       "\xc2\x85",
					   "\xe2\x80\xa8", "\xc3\xa9", "\r\nX-Evil: 1"};
	struct buf out = BUF_INIT(64 * 1024);
	const char *field, *why;
	unsigned tried = 0;

	for (size_t i = 0; providers[i]; i++) {
		struct buf pairs = BUF_INIT(64 * 1024), bad = BUF_INIT(64 * 1024);
		struct bytes list, name, value;

		assert_true(sample_credentials(providers[i], CATEGORY_STATIC, true, &pairs));
		buf_reset(&out);
		assert_int_equal(provider_check_credentials(providers[i], CATEGORY_STATIC,
							    buf_bytes(&pairs), &out, &field, &why),
				 0);
		list = buf_bytes(&pairs);
		while (plist_next(&list, &name) && plist_next(&list, &value))
			for (unsigned k = 0; k < 3 * (0x20 + ARRAY_LEN(more)); k++) {
				unsigned char c = (unsigned char)(k / 3);
				char text[64];

				/* A key of several lines is only signed with. */
				if (c == '\n' &&
				    field_of(providers[i], (const char *)name.p, name.n)->multiline)
					continue;
				snprintf(text, sizeof(text), "%.*s", (int)name.n, name.p);
				buf_reset(&bad);
				put_into(buf_bytes(&pairs), text,
					 c < 0x20 ? bytes_of(&c, 1) : bytes_str(more[c - 0x20]),
					 k % 3, &bad);
				expect_refused(providers[i], CATEGORY_STATIC, buf_bytes(&bad),
					       text);
				tried++;
			}
		buf_done(&pairs);
		buf_done(&bad);
	}
	assert_true(tried > 3000);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_credentials_limits),
		cmocka_unit_test(test_injection),
	};

	return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
