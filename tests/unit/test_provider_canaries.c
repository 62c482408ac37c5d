/* SPDX-License-Identifier: ISC */
/*
 * Every provider's secrets are canaries, and the provider sends them back, in whatever dress and wherever an answer has room for them. What the courier hands to the
 * planner, and what comes of the operation, holds none of them, nor the first eight bytes of one.
 */
#include "hostile.h"

#include "base/text.h"
#include "provider/engine.h"
#include "role/secrets.h"
#include "role/target.h"
#include "sys/crypto.h"

#define OPERATIONS 250 /* of each way that a provider has */
#define SECRETS	   16

struct canaries {
	const struct provider *provider;
	struct dice dice;
	struct recordings recordings;
	struct buf credentials, own, public, shown;
	struct bytes secrets[SECRETS]; /* those of the credential, and of a login */
	size_t n;
	bool careless;	/* the courier does not scrub: to see that the test sees it */
	unsigned found; /* secrets that came out, while it is careless */
	unsigned status;
};

/* ---- looking for them ---- */

static void put_json(struct buf *out, struct bytes v)
{
	json_t *s = json_stringn((const char *)v.p, v.n);
	char *text = json_dumps(s, JSON_ENCODE_ANY);

	buf_put(out, text + 1, strlen(text) - 2);
	free(text);
	json_decref(s);
}

static void put_base64(struct buf *out, struct bytes v, size_t shift)
{
	struct buf plain = BUF_INIT(8192), coded = BUF_INIT(16384);
	size_t from = shift ? shift + 1 : 0;

	buf_put(&plain, "\0\0", shift);
	buf_put_bytes(&plain, v);
	text_put_b64(&coded, buf_bytes(&plain));
	buf_put(out, coded.p + from, plain.n * 8 / 6 - from);
	buf_done(&plain);
	buf_done(&coded);
}

enum dress { PLAIN, JSON, XML, URL, HEX, BASE64, BASE64_1, BASE64_2, DRESSES };

static void put_dressed(struct buf *out, enum dress dress, struct bytes v)
{
	switch (dress) {
	case PLAIN:
		buf_put_bytes(out, v);
		break;
	case JSON:
		put_json(out, v);
		break;
	case XML:
		xml_put(out, v);
		break;
	case URL:
		text_put_pct(out, v);
		break;
	case HEX:
		text_put_hex(out, v);
		break;
	default:
		put_base64(out, v, (size_t)(dress - BASE64));
	}
}

/* The dress of the first eight bytes of SECRET that stands in TEXT; DRESSES: none. */
static enum dress find(struct bytes text, struct bytes secret)
{
	enum dress d = PLAIN;

	for (; d < DRESSES; d++) {
		struct buf form = BUF_INIT(8192);
		bool found;

		put_dressed(&form, d, bytes_of(secret.p, 8));
		found = bytes_find(text, buf_bytes(&form)) < text.n;
		buf_done(&form);
		if (found)
			break;
	}
	return d;
}

/* DATA: an answer's, where the beginning of a secret may stand by chance. */
static void look(struct canaries *c, const char *where, struct bytes text, bool data)
{
	for (size_t i = 0; i < c->n; i++) {
		enum dress d = find(text, c->secrets[i]);

		c->found += d < DRESSES;
		if (d < DRESSES && !c->careless)
			fail_msg("%s: %s%s, status %u: secret %zu, dress %u: %.*s",
				 c->provider->name, where, data ? " (data)" : "", c->status, i,
				 (unsigned)d, (int)text.n, (const char *)text.p);
	}
}

static void look_json(struct canaries *c, const char *where, const json_t *v)
{
	char *text = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

	if (text)
		look(c, where, bytes_str(text), false);
	free(text);
}

static void look_op(struct canaries *c, const struct op *op)
{
	look(c, "detail", bytes_str(op->detail), false);
	look(c, "zones", buf_bytes(&op->zones), false);
	look(c, "record", buf_bytes(&op->record_id), false);
	look(c, "replaced", buf_bytes(&op->replaced), false);
	look(c, "zone", buf_bytes(&op->zone_id), false);
	look(c, "account", buf_bytes(&op->account), false);
	look(c, "others", buf_bytes(&op->others), false);
	look(c, "cursor", buf_bytes(&op->cursor), false);
	look_json(c, "kept", op->kept);
}

static void look_request(struct canaries *c, const struct engine_request *r)
{
	look(c, "arguments", r->args, false);
	look(c, "query", r->query, false);
	look(c, "headers", r->headers, false);
	look(c, "body", r->body, false);
}

/* ---- answers that repeat them ---- */

/* Of what was sent: a secret, or a header's line; in a text of an error perhaps but the beginning. */
static void put_echo(struct canaries *c, bool whole, struct buf *out)
{
	static const char *const before[] = {"", "invalid key: ", "\"", "<b>", "key=", "{\"a\":\""};
	struct bytes list = buf_bytes(&c->shown), v = c->secrets[dice_below(&c->dice, c->n)], line;

	while (dice_is(&c->dice, 10) && plist_next(&list, &line))
		v = line;
	if (!whole && v.n > 12 && dice_is(&c->dice, 20))
		v.n = 12;
	buf_puts(out, before[dice_below(&c->dice, ARRAY_LEN(before))]);
	put_dressed(out, (enum dress)dice_below(&c->dice, DRESSES), v);
	buf_puts(out, dice_is(&c->dice, 50) ? "" : " is not good");
}

static json_t *echo(struct canaries *c, bool whole)
{
	struct buf text = BUF_INIT(64 * 1024);
	json_t *v;

	put_echo(c, whole, &text);
	v = json_stringn((const char *)text.p, text.n);
	buf_done(&text);
	return v;
}

/* A copy of V, some of its strings replaced. */
static json_t *with_echoes(struct canaries *c, const json_t *v, bool whole)
{
	json_t *out = json_deep_copy(v), *e;
	const char *key;
	size_t i;

	json_array_foreach(v, i, e) json_array_set_new(out, i, with_echoes(c, e, whole));
	if (json_is_object(v))
		json_object_foreach((json_t *)v, key, e)
			json_object_set_new(out, key, with_echoes(c, e, whole));
	if (!json_is_string(v) || !dice_is(&c->dice, 25))
		return out;
	json_decref(out);
	return echo(c, whole);
}

/* Where the provider's errors have their text. */
static json_t *error_answer(struct canaries *c, bool whole)
{
	const struct provider *p = c->provider;
	json_t *root = json_object();

	for (size_t i = 0; i < PROVIDER_MESSAGES && p->messages[i]; i++)
		if (!p->xml || i == 0)
			hostile_set(root, p->messages[i], echo(c, whole));
	if (p->success)
		hostile_set(root, p->success, json_false());
	return root;
}

static void put_body(struct canaries *c, const struct op *op, const struct engine_request *q,
		     bool whole, struct buf *out)
{
	const struct hostile h = {c->provider, op, &c->dice};
	const struct recorded *one = NULL;
	json_t *v, *made;

	if (c->provider->dns) {
		buf_put_bytes(out, q->body);
		put_echo(c, true, out);
		return;
	}
	if (dice_is(&c->dice, 10)) {
		buf_puts(out, "<html><body>");
		put_echo(c, whole, out);
		buf_puts(out, "</body></html>");
		return;
	}
	if (c->recordings.n)
		one = &c->recordings.list[dice_below(&c->dice, c->recordings.n)];
	if (dice_is(&c->dice, 40))
		made = error_answer(c, whole);
	else
		made = one && one->tree && dice_is(&c->dice, 60) ? json_incref(one->tree)
								 : hostile_made(&h);
	v = dice_is(&c->dice, 30) ? json_incref(made) : with_echoes(c, made, whole);
	hostile_put(c->provider->xml, v, out);
	json_decref(v);
	json_decref(made);
}

static void put_headers(struct canaries *c, bool whole, struct buf *out)
{
	for (size_t i = 0; i < PROVIDER_HEADERS && c->provider->headers[i]; i++) {
		struct buf v = BUF_INIT(64 * 1024);

		buf_puts(&v, dice_is(&c->dice, 50) ? "<https://x/?cursor=" : "");
		put_echo(c, whole, &v);
		buf_puts(&v, "&after=a>; rel=\"next\"");
		plist_put(out, bytes_str(c->provider->headers[i]));
		plist_put(out, buf_bytes(&v));
		buf_done(&v);
	}
}

/* ---- the courier's part ---- */

static void sign(struct canaries *c, const struct engine_request *q)
{
	struct buf fields = BUF_INIT(64 * 1024), lines = BUF_INIT(64 * 1024),
		   body = BUF_INIT(PROVIDER_REQUEST_MAX);
	struct signing s = {.method = q->exchange->method,
			    .host = BYTES("api.example"),
			    .target = BYTES("/a?b=c"),
			    .body = q->body,
			    .now = 1767225600};

	buf_put_bytes(&fields, buf_bytes(&c->own));
	buf_put_bytes(&fields, buf_bytes(&c->credentials));
	s.credentials = buf_bytes(&fields);
	buf_put_bytes(&body, q->body);
	assert_int_equal(target_auth(&c->provider->auth, &s, &lines, &body), 0);
	buf_reset(&c->shown);
	secrets_note(c->provider, buf_bytes(&c->own), buf_bytes(&lines), &c->shown);
	buf_done(&fields);
	buf_done(&lines);
	buf_done(&body);
}

/* 0, or SECRETS_E_DATA. */
static int scrub_answer(struct canaries *c, const struct exchange *x, struct buf *headers,
			struct buf *body)
{
	struct buf forms = BUF_INIT(2 * 1024 * 1024);
	int r;

	secrets_forms(c->provider, buf_bytes(&c->credentials), &forms);
	secrets_shown_forms(c->provider, buf_bytes(&c->credentials), buf_bytes(&c->shown), &forms);
	assert_int_equal(buf_status(&forms), 0);
	r = secrets_scrub(buf_bytes(&forms), x, c->status, headers, body);
	buf_done(&forms);
	return r;
}

/* All statuses, one after the other; those that lead on more often. */
static unsigned next_status(struct canaries *c, const struct exchange *x)
{
	static unsigned all = 99;
	unsigned also = x->also[dice_below(&c->dice, PROVIDER_ALSO)];

	if (dice_is(&c->dice, 50))
		return 200;
	if (also && dice_is(&c->dice, 30))
		return also;
	all = all == 599 ? 100 : all + 1;
	return all;
}

static void answer(struct canaries *c, struct engine *e, const struct engine_request *q)
{
	struct buf body = BUF_INIT(PROVIDER_BODY_MAX), headers = BUF_INIT(64 * 1024);
	struct answer a = {0};
	bool whole;
	int r = 0;

	sign(c, q);
	c->status = c->provider->dns ? 200 : next_status(c, q->exchange);
	whole = c->status >= 200 && c->status <= 299;
	put_body(c, &e->op, q, whole, &body);
	put_headers(c, whole, &headers);
	if (!c->careless)
		r = scrub_answer(c, q->exchange, &headers, &body);
	if (r == SECRETS_E_DATA) {
		engine_lost(e, CODE_PROVIDER_REJECTED, true, "the answer holds the credential");
	} else {
		look(c, "an answer", buf_bytes(&body), whole);
		look(c, "its headers", buf_bytes(&headers), whole);
		a.status = c->status;
		a.headers = buf_bytes(&headers);
		a.body = buf_bytes(&body);
		assert_int_equal(engine_feed(e, &a), 0);
	}
	buf_done(&body);
	buf_done(&headers);
}

/* ---- operations ---- */

static void run_op(struct canaries *c)
{
	struct engine_request q;
	struct engine e;
	unsigned sent = 0;

	engine_init(&e, c->provider, (enum op_kind)dice_below(&c->dice, OP_KINDS));
	e.op.fields = buf_bytes(&c->public);
	e.op.now = 1767225600;
	e.op.type = RR_TXT;
	e.op.value = dice_is(&c->dice, 50) ? BYTES("challengetoken") : BYTES("one");
	e.op.mode = dice_is(&c->dice, 50) ? MODE_REPLACE : MODE_COEXIST;
	e.op.wanted_id = BYTES("id7");
	assert_int_equal(dns_name_parse(&e.op.zone, BYTES("example.org")), 0);
	assert_int_equal(dns_name_parse(&e.op.fqdn, BYTES("_acme-challenge.example.org")), 0);
	if (e.op.kind == OP_ADD || e.op.kind == OP_REMOVE)
		buf_puts(&e.op.zone_id, strcmp(c->provider->name, "azuredns") == 0
						? "group/example.org"
						: "example.org");
	while (engine_next(&e, &q) == ENGINE_SEND) {
		look_request(c, &q);
		if (++sent < 10)
			answer(c, &e, &q);
		else
			engine_lost(&e, CODE_PROVIDER_TIMEOUT, true, "lost");
		look_op(c, &e.op);
	}
	look_op(c, &e.op);
	engine_done(&e);
}

/* What a login gives for one of its fields. */
static void put_token(struct canaries *c, const char *field)
{
	struct dice d = {UINT64_C(0x10617) + strlen(field)};
	char token[256];

	sample_canary(2, &d, token, sizeof(token));
	plist_put(&c->own, bytes_str(field));
	plist_put(&c->own, bytes_str(token));
}

static void note_secrets(struct canaries *c, struct bytes pairs)
{
	struct bytes name, value;

	while (plist_next(&pairs, &name) && plist_next(&pairs, &value)) {
		bool secret = true;

		for (const struct field_def *f = c->provider->fields; f->name; f++)
			secret = secret && (!bytes_is(name, f->name) || f->secret);
		assert_true(c->n < SECRETS);
		if (secret)
			c->secrets[c->n++] = value;
	}
}

static void use_way(struct canaries *c, enum category way, const struct login *l)
{
	buf_reset(&c->credentials);
	buf_reset(&c->own);
	buf_reset(&c->public);
	buf_reset(&c->shown);
	c->n = 0;
	assert_true(sample_credentials(c->provider, way, true, &c->credentials));
	for (size_t i = 0; l && i < PROVIDER_LOGIN_TAKES && l->takes[i].path; i++)
		put_token(c, l->takes[i].field);
	assert_int_equal(
		provider_public_fields(c->provider, buf_bytes(&c->credentials), &c->public), 0);
	note_secrets(c, buf_bytes(&c->credentials));
	note_secrets(c, buf_bytes(&c->own));
	assert_true(c->n > 0);
	for (unsigned i = 0; i < OPERATIONS; i++)
		run_op(c);
}

static void run(const struct provider *p, struct canaries *c)
{
	bool careless = c->careless;

	*c = (struct canaries){.provider = p,
			       .dice = {UINT64_C(0xca7a51e5)},
			       .careless = careless,
			       .credentials = BUF_INIT(64 * 1024),
			       .own = BUF_INIT(64 * 1024),
			       .public = BUF_INIT(64 * 1024),
			       .shown = BUF_INIT(64 * 1024)};
	recordings_load(&c->recordings, p);
	use_way(c, CATEGORY_STATIC, p->login);
	if (p->oauth)
		use_way(c, CATEGORY_OAUTH, p->oauth->code);
	if (p->assume)
		use_way(c, CATEGORY_DELEGATED, p->assume);
	recordings_done(&c->recordings);
	buf_done(&c->credentials);
	buf_done(&c->own);
	buf_done(&c->public);
	buf_done(&c->shown);
}

static void test_provider(void **state)
{
	struct canaries c = {0};

	run(*state, &c);
	assert_int_equal(c.found, 0);
}

/* Without the courier's care they come out, at every provider: the test sees what it looks for. */
static void test_careless(void **state)
{
	for (size_t i = 0; providers[i]; i++) {
		struct canaries c = {.careless = true};

		run(providers[i], &c);
		if (c.found < 10)
			fail_msg("%s: nothing was echoed", providers[i]->name);
	}
}

/* Data that holds the secret is no data; an answer to a change may go on, for nothing of it is written back. */
static void test_data(void **state)
{
	static const struct exchange read = {.method = "GET"},
				     change = {.method = "PUT", .changes = true};
	static const struct {
		const struct exchange *exchange;
		unsigned status;
		const char *body, *want;
		int r;
	} cases[] = {
		{&read, 200, "{\"a\":\"b\"}", "{\"a\":\"b\"}", 0},
		{&read, 200, "{\"a\":\"0123456789abcdef\"}", NULL, SECRETS_E_DATA},
		{&read, 200, "{\"a\":\"0123456789abcde\"}", "{\"a\":\"0123456789abcde\"}", 0},
		{&change, 201, "{\"a\":\"0123456789abcdef\"}", "{\"a\":\"****************\"}", 0},
		{&read, 404, "{\"a\":\"0123456789abcdef\"}", "{\"a\":\"****************\"}", 0},
		{&read, 404, "{\"a\":\"01234567\"}", "{\"a\":\"********\"}", 0},
		{&change, 500, "0123456789abc", "*************", 0},
		/* shorter than all that is looked for */
		{&read, 404, "short", "short", 0},
	};
	struct buf pairs = BUF_INIT(1000), forms = BUF_INIT(10000), headers = BUF_INIT(1000);

	plist_put(&pairs, BYTES("api_key"));
	plist_put(&pairs, BYTES("0123456789abcdef"));
	plist_put(&pairs, BYTES("server_id"));
	plist_put(&pairs, BYTES("not-a-secret"));
	plist_put(&pairs, BYTES("token"));
	plist_put(&pairs, BYTES("short"));
	secrets_forms(&provider_powerdns, buf_bytes(&pairs), &forms);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf body = BUF_INIT(1000);

		buf_puts(&body, cases[i].body);
		assert_int_equal(secrets_scrub(buf_bytes(&forms), cases[i].exchange,
					       cases[i].status, &headers, &body),
				 cases[i].r);
		assert_true(!cases[i].want || bytes_is(buf_bytes(&body), cases[i].want));
		buf_done(&body);
	}
	buf_done(&pairs);
	buf_done(&forms);
	buf_done(&headers);
}

int main(void)
{
	struct CMUnitTest tests[64];
	size_t n = 0;

	if (crypto_load() < 0)
		return 1;
	for (; providers[n]; n++)
		tests[n] = (struct CMUnitTest){.name = providers[n]->name,
					       .test_func = test_provider,
					       .initial_state = (void *)(uintptr_t)providers[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_careless);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_data);
	return _cmocka_run_group_tests("provider_canaries", tests, n, NULL, NULL);
}
