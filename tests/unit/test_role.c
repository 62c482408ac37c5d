/* SPDX-License-Identifier: ISC */
/* The pure parts of the roles: how the courier makes a target, how the front checks fields. */
#include "test.h"

#include "role/front_fields.h"
#include "role/target.h"

/* ---- target ---- */

static const struct field_def fields[] = {
	{.name = "url", .max = 100},
	{.name = "api_key", .secret = true, .max = 100},
	{.name = "server_id", .max = 100},
	{0},
};

static const struct provider self_hosted = {
	.name = "self",
	.self_hosted = true,
	.base = "/api/v1",
	.base_field = "url",
	.fields = fields,
	.auth = {AUTH_HEADER, "X-API-Key", "", "api_key"},
};

static const struct provider fixed = {
	.name = "fixed",
	.base = "https://api.example.net/v2",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "api_key"},
};

static struct buf credentials(const char *url)
{
	struct buf b = BUF_INIT(4096);

	plist_put(&b, BYTES("url"));
	plist_put(&b, bytes_str(url));
	plist_put(&b, BYTES("api_key"));
	plist_put(&b, BYTES("s3cret"));
	plist_put(&b, BYTES("server_id"));
	plist_put(&b, BYTES("localhost"));
	return b;
}

/* ARGS and QUERY: items with '|' between. */
static struct buf split(const char *text)
{
	struct buf b = BUF_INIT(4096);

	while (text && *text) {
		size_t n = strcspn(text, "|");
		plist_put(&b, bytes_of(text, n));
		text += n + (text[n] == '|');
	}
	return b;
}

static int build(const struct provider *p, const char *path, bool changes, const char *args,
		 const char *query, const char *zone, struct buf *out)
{
	const struct exchange e = {.name = "x", .method = "GET", .path = path, .changes = changes};
	struct buf c = credentials("https://pdns.example:8443/prefix/"), a = split(args),
		   q = split(query);
	/* ALL TYPES where the test says "*". */
	struct permit permit = {.zone_id = bytes_str(zone + (*zone == '*')),
				.type = RR_TXT,
				.all_types = *zone == '*'};
	struct url base;
	int r;

	assert_int_equal(dns_name_parse(&permit.zone, BYTES("example.org")), 0);
	assert_int_equal(dns_name_parse(&permit.fqdn, BYTES("_acme-challenge.example.org")), 0);
	assert_int_equal(target_base(p, buf_bytes(&c), &base), 0);
	r = target_build(p, &e, &base, buf_bytes(&c), buf_bytes(&a), buf_bytes(&q), &permit, out);
	buf_done(&c);
	buf_done(&a);
	buf_done(&q);
	return r;
}

static void test_targets(void **state)
{
	static const struct {
		const struct provider *p;
		const char *path;
		bool changes;
		const char *args, *query, *zone;
		int r;
		const char *want;
	} cases[] = {
		{&fixed, "/zones", false, "", "", "", 0, "/v2/zones"},
		{&fixed, "/zones", false, "", "page|1|name|a b&c=d", "", 0,
		 "/v2/zones?page=1&name=a%20b%26c%3Dd"},
		{&fixed, "/zones/{zone}/records/{record}", true, "z1|r1", "", "z1", 0,
		 "/v2/zones/z1/records/r1"},
		{&self_hosted, "/servers/{=server_id}/zones/{zone}", true, "example.org.", "",
		 "example.org.", 0, "/prefix/api/v1/servers/localhost/zones/example.org."},
		/* whatever a value holds, it stays one segment */
		{&fixed, "/zones/{zone}", false, "a?b#c%2e..", "", "", 0,
		 "/v2/zones/a%3Fb%23c%252e.."},
		/* even where a server decodes it before it looks for dots */
		{&fixed, "/zones/{zone}", false, "../../a", "", "", TARGET_E_ARGS, NULL},
		{&fixed, "/zones/{zone}", false, "a/b", "", "", TARGET_E_ARGS, NULL},
		{&fixed, "/zones/{zone}", false, "..\\a", "", "", TARGET_E_ARGS, NULL},
		{&fixed, "/zones/{zone}", false, "...", "", "", TARGET_E_ARGS, NULL},
		{&fixed, "/zones/{zone}", false, "a\r\nb", "", "", TARGET_E_ARGS, NULL},
		{&fixed, "/zones/{zone}", false, "..", "", "", TARGET_E_ARGS, NULL},
		{&fixed, "/zones/{zone}", false, ".", "", "", TARGET_E_ARGS, NULL},
		{&fixed, "/zones/{zone}/x", false, "", "", "", TARGET_E_ARGS, NULL},
		{&fixed, "/zones/{zone}", false, "a|b", "", "", TARGET_E_ARGS, NULL},
		{&fixed, "/zones", false, "a", "", "", TARGET_E_ARGS, NULL},
		{&fixed, "/zones", false, "", "page", "", TARGET_E_ARGS, NULL},
		/* a change, and not of the zone that the intent names */
		{&fixed, "/zones/{zone}", true, "z2", "", "z1", TARGET_E_ZONE, NULL},
		{&fixed, "/zones/{zone}", true, "z1", "", "", TARGET_E_ZONE, NULL},
		{&fixed, "/zones/{zone}", false, "z2", "", "z1", 0, "/v2/zones/z2"},
		/* nor of another name, or of a type that is not ours */
		{&fixed, "/{zone}/{name}/{type}", true, "z1|_acme-challenge|TXT", "", "z1", 0,
		 "/v2/z1/_acme-challenge/TXT"},
		{&fixed, "/{zone}/{name}", true, "z1|_acme-challenge.example.org", "", "z1", 0,
		 "/v2/z1/_acme-challenge.example.org"},
		{&fixed, "/{zone}/{name}", true, "z1|_acme-challenge.example.org.", "", "z1", 0,
		 "/v2/z1/_acme-challenge.example.org."},
		{&fixed, "/{zone}/{name}", true, "z1|www", "", "z1", TARGET_E_ZONE, NULL},
		{&fixed, "/{zone}/{name}", true, "z1|@", "", "z1", TARGET_E_ZONE, NULL},
		{&fixed, "/{zone}/{name}", false, "z1|www", "", "z1", 0, "/v2/z1/www"},
		{&fixed, "/{zone}/{type}", true, "z1|A", "", "z1", TARGET_E_ZONE, NULL},
		{&fixed, "/{zone}/{type}", true, "z1|A", "", "*z1", TARGET_E_ZONE, NULL},
		/* nor of another type than ours, but for a replace */
		{&fixed, "/{zone}/{type}", true, "z1|NS", "", "z1", TARGET_E_ZONE, NULL},
		{&fixed, "/{zone}/{type}", true, "z1|NS", "", "*z1", 0, "/v2/z1/NS"},
		{&fixed, "/{zone/1}/x/{zone/2}", true, "a|b", "", "a/b", 0, "/v2/a/x/b"},
		{&fixed, "/{zone/1}/x/{zone/2}", true, "a|c", "", "a/b", TARGET_E_ZONE, NULL},
		/* a secret never becomes a part of the path */
		{&fixed, "/x/{=api_key}", false, "", "", "", TARGET_E_FIELD, NULL},
		{&fixed, "/x/{=nothing}", false, "", "", "", TARGET_E_FIELD, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(TARGET_MAX);
		int r = build(cases[i].p, cases[i].path, cases[i].changes, cases[i].args,
			      cases[i].query, cases[i].zone, &out);

		if (r != cases[i].r || (r == 0 && !bytes_is(buf_bytes(&out), cases[i].want)))
			fail_msg("case %zu: %d, %.*s", i, r, (int)out.n, (const char *)out.p);
		buf_done(&out);
	}
}

static void test_base(void **state)
{
	static const char *const bad[] = {
		"", "ftp://x", "https://", "https://u:p@h", "https://h/?q", "h"};
	struct url url;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf c = credentials(bad[i]);
		assert_int_equal(target_base(&self_hosted, buf_bytes(&c), &url), TARGET_E_FIELD);
		/* a fixed provider does not ask the credential */
		assert_int_equal(target_base(&fixed, buf_bytes(&c), &url), 0);
		assert_string_equal(url.host, "api.example.net");
		assert_true(url.tls && url.port == 443);
		buf_done(&c);
	}
}

static int auth(const struct auth *how, struct buf *c, struct buf *lines, struct buf *body)
{
	const struct signing s = {.method = "GET", .credentials = buf_bytes(c)};

	return target_auth(how, &s, lines, body);
}

static void test_auth(void **state)
{
	static const struct auth pair = {AUTH_HEADER, "Authorization", "sso-key ", "api_key",
					 "server_id"},
				 basic = {AUTH_BASIC, .field = "server_id", .field2 = "api_key"};
	struct buf c = credentials("https://h"), lines = BUF_INIT(4096), body = BUF_INIT(4096);
	struct bytes list, line;

	assert_int_equal(auth(&fixed.auth, &c, &lines, &body), 0);
	assert_int_equal(auth(&self_hosted.auth, &c, &lines, &body), 0);
	assert_int_equal(auth(&pair, &c, &lines, &body), 0);
	assert_int_equal(auth(&basic, &c, &lines, &body), 0);
	list = buf_bytes(&lines);
	assert_true(plist_next(&list, &line) && bytes_is(line, "Authorization: Bearer s3cret"));
	assert_true(plist_next(&list, &line) && bytes_is(line, "X-API-Key: s3cret"));
	assert_true(plist_next(&list, &line) &&
		    bytes_is(line, "Authorization: sso-key s3cret:localhost"));
	assert_true(plist_next(&list, &line) &&
		    bytes_is(line, "Authorization: Basic bG9jYWxob3N0OnMzY3JldA=="));
	assert_int_equal(list.n + body.n, 0);
	buf_done(&lines);
	buf_done(&c);
	/* nothing that could begin another header */
	plist_put(&c, BYTES("api_key"));
	plist_put(&c, BYTES("a\r\nX: y"));
	assert_int_equal(auth(&fixed.auth, &c, &lines, &body), TARGET_E_FIELD);
	assert_int_equal(auth(&basic, &c, &lines, &body), TARGET_E_FIELD);
	buf_done(&c);
	assert_int_equal(auth(&fixed.auth, &c, &lines, &body), TARGET_E_FIELD);
	assert_int_equal(lines.n, 0);
	/* a user's name must not be able to end itself */
	plist_put(&c, BYTES("server_id"));
	plist_put(&c, BYTES("a:b"));
	plist_put(&c, BYTES("api_key"));
	plist_put(&c, BYTES("c"));
	assert_int_equal(auth(&basic, &c, &lines, &body), TARGET_E_FIELD);
	buf_done(&c);
}

static void test_auth_in_body(void **state)
{
	static const struct auth how = {AUTH_JSON, "k", NULL, "api_key", "server_id", "s"};
	static const char *const cases[][2] = {
		{"", "{\"k\":\"s3cret\",\"s\":\"localhost\"}"},
		{"{}", "{\"k\":\"s3cret\",\"s\":\"localhost\"}"},
		{"{\"a\":1}", "{\"k\":\"s3cret\",\"s\":\"localhost\",\"a\":1}"},
		{"[1]", NULL},
		{"{", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf c = credentials("https://h"), lines = BUF_INIT(100),
			   body = BUF_INIT(4096);

		buf_puts(&body, cases[i][0]);
		assert_int_equal(auth(&how, &c, &lines, &body), cases[i][1] ? 0 : TARGET_E_FIELD);
		assert_true(bytes_is(buf_bytes(&body), cases[i][1] ? cases[i][1] : cases[i][0]));
		assert_int_equal(lines.n, 0);
		buf_done(&c);
		buf_done(&body);
	}
}

static void test_headers(void **state)
{
	static const struct provider p = {.sends = {"If-Match"}};
	struct buf lines = BUF_INIT(4096);
	struct buf good = split("If-Match|\"x\""), bad = split("If-None-Match|*"),
		   broken = split("If-Match|a\nb");

	assert_int_equal(target_headers(&p, buf_bytes(&bad), &lines), TARGET_E_ARGS);
	assert_int_equal(target_headers(&p, buf_bytes(&broken), &lines), TARGET_E_ARGS);
	assert_int_equal(lines.n, 0);
	assert_int_equal(target_headers(&p, buf_bytes(&good), &lines), 0);
	assert_true(plist_has(buf_bytes(&lines), BYTES("If-Match: \"x\"")));
	buf_done(&lines);
	buf_done(&good);
	buf_done(&bad);
	buf_done(&broken);
}

/* ---- fields ---- */

static const struct field_rule rules[] = {
	{"text", FIELD_TEXT, .required = true, .max = 3},
	{"bool", FIELD_BOOL},
	{"number", FIELD_NUMBER, .max = 10},
	{"object", FIELD_OBJECT},
	{"texts", FIELD_TEXTS, .max = 2, .items = 2},
	{NULL},
};

static void test_fields(void **state)
{
	static const struct {
		const char *json, *field; /* NULL: good */
	} cases[] = {
		{"{\"text\":\"abc\"}", NULL},
		{"{\"text\":\"\",\"bool\":false,\"number\":10,\"object\":{\"any\":1},\"texts\":["
		 "\"ab\",\"\"]}",
		 NULL},
		{"{}", "p.text"},
		{"[]", ""},
		{"null", ""},
		{"{\"text\":\"abcd\"}", "p.text"},
		{"{\"text\":null}", "p.text"},
		{"{\"text\":1}", "p.text"},
		{"{\"text\":\"a\",\"bool\":0}", "p.bool"},
		{"{\"text\":\"a\",\"number\":11}", "p.number"},
		{"{\"text\":\"a\",\"number\":-1}", "p.number"},
		{"{\"text\":\"a\",\"number\":1.0}", "p.number"},
		{"{\"text\":\"a\",\"object\":[]}", "p.object"},
		{"{\"text\":\"a\",\"texts\":[\"a\",\"b\",\"c\"]}", "p.texts"},
		{"{\"text\":\"a\",\"texts\":[\"abc\"]}", "p.texts"},
		{"{\"text\":\"a\",\"texts\":[1]}", "p.texts"},
		{"{\"text\":\"a\",\"texts\":\"a\"}", "p.texts"},
		{"{\"text\":\"a\",\"Text\":\"a\"}", "p.Text"},
		{"{\"text\":\"a\",\"x\":null}", "p.x"},
		/* a name that cannot be a field's may be a secret in the wrong place */
		{"{\"text\":\"a\",\"pass word\":1}", "p.?"},
		{"{\"text\":\"a\",\"\":1}", "p.?"},
		{"{\"text\":\"a\","
		 "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}",
		 "p.?"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *o = NULL;
		char field[80];
		const char *why;

		assert_int_equal(json_parse(bytes_str(cases[i].json), 8, &o, NULL, 0), 0);
		why = fields_check(o, rules, "p.", field, sizeof(field));
		assert_int_equal(!why, !cases[i].field);
		if (why)
			assert_string_equal(field, cases[i].field);
		json_decref(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets), cmocka_unit_test(test_base),
		cmocka_unit_test(test_auth),	cmocka_unit_test(test_auth_in_body),
		cmocka_unit_test(test_headers), cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests_name("role", tests, NULL, NULL);
}
