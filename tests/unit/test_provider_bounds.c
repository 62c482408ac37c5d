/* SPDX-License-Identifier: ISC */
/*
 * Whatever a provider answers, whatever ids a caller brings: each request stays at the provider's base, on one of its
 * table's paths, and the courier would send it. Deterministic.
 */
#include "bounds.h"
#include "hostile.h"

#include "dns/message.h"
#include "provider/engine.h"
#include "role/target.h"
#include "sys/crypto.h"

#define ANSWERS	     3000 /* for each provider */
#define REQUESTS_MAX 12	  /* of one operation, mostly; then the answers are lost */
#define SEED	     UINT64_C(0x5eed5eed5eed5eed)

struct round {
	const struct provider *provider;
	struct dice dice;
	struct recordings recordings;
	struct buf credentials, public, zone_id, wanted_id, value;
	unsigned reached[OP_KINDS * PROVIDER_STEPS_MAX];
	unsigned answers, requests;
	unsigned looks; /* of adds that only look: those that found the record */
};

/* ---- what is asked of the provider ---- */

static const struct {
	enum rr_type type;
	const char *value;
} records[] = {
	{RR_TXT, "one"},
	{RR_TXT, "challengetoken"}, /* in many of the recordings */
	{RR_TXT, "a\"b\\c\xc3\xa9"},
	{RR_CAA, "0 issue \"ca.example\""},
	{RR_CNAME, "target.example.net"},
	{RR_NS, "ns1.example.net"},
};

static bool has_groups(const struct provider *p)
{
	for (unsigned i = 0; i < OP_KINDS * PROVIDER_STEPS_MAX; i++) {
		const struct exchange *e = provider_exchange(p, i);
		if (e && strstr(e->path, "{zone/1}"))
			return true;
	}
	return false;
}

/* What the vault hands on: printable as a handle's, one of ours or none (ipc/edges.h: TEXT of PROVIDER_ID_MAX). */
static void put_id(struct round *r, const char *usual, struct buf *out)
{
	buf_reset(out);
	if (dice_is(&r->dice, 70))
		buf_puts(out, usual);
	else if (dice_is(&r->dice, 20))
		buf_printf(out, "%s/%s", hostile_texts[dice_below(&r->dice, 12)],
			   hostile_texts[dice_below(&r->dice, ARRAY_LEN(hostile_texts))]);
	else
		buf_puts(out, hostile_texts[dice_below(&r->dice, ARRAY_LEN(hostile_texts))]);
}

static void begin(struct round *r, struct engine *e, enum op_kind kind)
{
	const struct provider *p = r->provider;
	size_t which = dice_below(&r->dice, ARRAY_LEN(records));

	engine_init(e, p, kind);
	put_id(r,
	       has_groups(p)	    ? "group/example.org"
	       : p->zone_id_is_name ? "example.org"
				    : "Z1",
	       &r->zone_id);
	put_id(r, "id7", &r->wanted_id);
	e->op.fields = buf_bytes(&r->public);
	e->op.now = 1767225600;
	e->op.type = records[which].type;
	e->op.value = bytes_str(records[which].value);
	e->op.mode = dice_is(&r->dice, 50) ? MODE_REPLACE : MODE_COEXIST;
	e->op.look = kind == OP_ADD && dice_is(&r->dice, 30);
	e->op.wanted_id = buf_bytes(&r->wanted_id);
	assert_int_equal(dns_name_parse(&e->op.zone, BYTES("example.org")), 0);
	assert_int_equal(
		dns_name_parse(&e->op.fqdn, dice_is(&r->dice, 20)
						    ? BYTES("example.org")
						    : BYTES("_acme-challenge.example.org")),
		0);
	if (kind == OP_ADD || kind == OP_REMOVE || kind == OP_STATUS)
		buf_put_bytes(&e->op.zone_id, buf_bytes(&r->zone_id));
}

/* ---- requests ---- */

static void wrong(const struct round *r, const struct exchange *x, struct bytes url,
		  const char *what)
{
	fail_msg("%s, %s, request %u: %.*s: %s", r->provider->name, x->name, r->requests,
		 (int)url.n, (const char *)url.p, what);
}

static void check_dns(const struct round *r, const struct engine *e, const struct engine_request *q)
{
	struct dns_name zone;

	if (!q->exchange->changes)
		assert_true(message_is_query(q->body));
	else
		assert_true(update_check(q->body, &e->op.fqdn, &zone) == 0 &&
			    dns_name_eq(&zone, &e->op.zone));
}

/* As the courier does it. What the engine asks the courier must not refuse: it would take the planner for a broken one. */
static void check(struct round *r, const struct engine *e, const struct engine_request *q)
{
	const struct bounds b = {.provider = r->provider,
				 .fields = buf_bytes(&r->credentials),
				 .kind = e->op.kind,
				 .zone_id = buf_bytes(&r->zone_id),
				 .wanted_id = buf_bytes(&r->wanted_id),
				 .zone = &e->op.zone,
				 .fqdn = &e->op.fqdn};
	const struct permit permit = {.zone_id = b.zone_id,
				      .zone = e->op.zone,
				      .fqdn = e->op.fqdn,
				      .type = e->op.type,
				      .all_types =
					      e->op.kind == OP_ADD && e->op.mode == MODE_REPLACE};
	struct buf url = BUF_INIT(64 * 1024), target = BUF_INIT(TARGET_MAX),
		   headers = BUF_INIT(64 * 1024), body = BUF_INIT(PROVIDER_REQUEST_MAX);
	struct signing s = {.method = q->exchange->method, .credentials = b.fields, .now = 1};
	struct url base;
	const char *why;

	assert_int_equal(target_base(r->provider, b.fields, &base), 0);
	if (e->op.look && q->exchange->changes)
		wrong(r, q->exchange, q->args, "it was only to look");
	if (target_build(r->provider, q->exchange, &base, b.fields, q->args, q->query, &permit,
			 &target) != 0)
		wrong(r, q->exchange, q->args, "the courier refuses the arguments");
	if (target_headers(r->provider, q->headers, &headers) != 0)
		wrong(r, q->exchange, q->headers, "the courier refuses the headers");
	buf_puts(&url, base.tls ? "https://" : "http://");
	url_put_authority(&base, &url);
	buf_put_bytes(&url, buf_bytes(&target));
	why = bounds_check(&b, q->exchange->method, buf_bytes(&url));
	if (!why)
		why = bounds_headers(buf_bytes(&headers), r->provider->sends);
	if (!why)
		why = bounds_secrets(&b, q->body);
	buf_put_bytes(&body, q->body);
	s.host = bytes_str(base.host);
	s.target = buf_bytes(&target);
	s.body = q->body;
	if (target_auth(&r->provider->auth, &s, &headers, &body) != 0)
		why = "the credential does not fit";
	if (!why)
		why = bounds_headers(buf_bytes(&headers), NULL);
	if (why)
		wrong(r, q->exchange, buf_bytes(&url), why);
	if (r->provider->dns)
		check_dns(r, e, q);
	r->reached[q->number]++;
	r->requests++;
	buf_done(&url);
	buf_done(&target);
	buf_done(&headers);
	buf_done(&body);
}

/* ---- answers ---- */

static unsigned status_for(struct round *r, const struct exchange *x, unsigned usual)
{
	static const unsigned statuses[] = {200, 201, 204, 400, 401, 404, 409, 412, 422, 429, 500};
	unsigned also = x->also[dice_below(&r->dice, PROVIDER_ALSO)];

	if (dice_is(&r->dice, 80))
		return usual;
	return also && dice_is(&r->dice, 50) ? also
					     : statuses[dice_below(&r->dice, ARRAY_LEN(statuses))];
}

/* What is in no recording. */
static const struct {
	const struct provider *provider;
	const char *body;
} unrecorded[] = {
	{&provider_dnsimple, "{\"data\":{\"user\":{\"id\":1},\"account\":null}}"},
	{&provider_azuredns,
	 "{\"etag\":\"e\",\"properties\":{\"TTL\":60,\"TXTRecords\":[{\"value\":[\"one\"]}],"
	 "\"NSRecords\":[{\"nsdname\":\"ns1.example.net\"}],\"caaRecords\":[]}}"},
	{&provider_ovh, "[123,456]"},
	{&provider_porkbun,
	 "{\"status\":\"SUCCESS\",\"id\":9,\"records\":[{\"id\":\"id7\",\"name\":"
	 "\"_acme-challenge.example.org\",\"type\":\"TXT\",\"content\":\"one\",\"ttl\":\"600\"},{"
	 "\"id\":\"8\",\"name\":\"_acme-challenge.example.org\",\"type\":\"NS\",\"content\":\"x."
	 "example\""
	 ",\"ttl\":\"600\"}]}"},
	{&provider_ovh, "[\"example.org\"]"},
};

/* One that was recorded; of this exchange, where that can be told. */
static const struct recorded *choose(struct round *r, const struct exchange *x)
{
	const char *last = strrchr(x->path, '}'), *tail = last ? last + 1 : x->path;
	const struct recorded *one = NULL;

	for (int tries = 0; r->recordings.n && tries < 10; tries++) {
		one = &r->recordings.list[dice_below(&r->dice, r->recordings.n)];
		if (!one->uri || (strcmp(one->method, x->method) == 0 && strstr(one->uri, tail)))
			break;
	}
	return one;
}

/* A message that answers the question, perhaps with our text, and with a byte or two that are not as they were. */
static void put_message(struct round *r, const struct engine *e, const struct engine_request *q,
			struct buf *out)
{
	struct bytes text = e->op.value;

	buf_put_bytes(out, q->body);
	if (out->n < 12)
		return;
	out->p[2] |= 0x84; /* an answer, of the zone's own server */
	if (!q->exchange->changes && e->op.type == RR_TXT && dice_is(&r->dice, 70)) {
		out->p[7] = 1;
		buf_put(out, "\xc0\x0c\0\x10\0\1\0\0\0\x3c", 10);
		buf_put_be16(out, (uint16_t)(text.n + 1));
		buf_putc(out, (unsigned char)text.n);
		buf_put_bytes(out, text);
	}
	for (size_t n = dice_is(&r->dice, 50) ? dice_below(&r->dice, 4) : 0; n > 0; n--)
		out->p[dice_below(&r->dice, out->n)] = (unsigned char)dice_roll(&r->dice);
	for (size_t n = dice_is(&r->dice, 10) ? dice_below(&r->dice, 600) : 0; n > 0; n--)
		buf_putc(out, (unsigned char)dice_roll(&r->dice));
}

static void put_headers(struct round *r, struct buf *out)
{
	const struct provider *p = r->provider;

	for (size_t i = 0; i < PROVIDER_HEADERS && p->headers[i]; i++) {
		struct buf v = BUF_INIT(8192);

		if (dice_is(&r->dice, 50))
			buf_printf(&v,
				   "<https://evil.example/..?cursor=%s&marker=%s>; rel=\"next\"",
				   hostile_texts[dice_below(&r->dice, ARRAY_LEN(hostile_texts))],
				   hostile_texts[dice_below(&r->dice, ARRAY_LEN(hostile_texts))]);
		else
			buf_puts(&v, hostile_texts[dice_below(&r->dice, ARRAY_LEN(hostile_texts))]);
		plist_put(out, bytes_str(p->headers[i]));
		plist_put(out, buf_bytes(&v));
		buf_done(&v);
	}
}

static void put_body(struct round *r, const struct engine *e, const struct engine_request *q,
		     unsigned *status, struct buf *body)
{
	const struct hostile h = {r->provider, &e->op, &r->dice};
	const struct recorded *one = dice_is(&r->dice, 60) ? choose(r, q->exchange) : NULL;
	static const unsigned changes[] = {0, 2, 8, 20, 60};
	json_t *v;

	*status = one ? one->status : 200;
	if (r->provider->dns) {
		put_message(r, e, q, body);
	} else if (one && !one->tree) {
		buf_put_bytes(body, buf_bytes(&one->body));
	} else {
		json_t *made = one ? json_incref(one->tree) : hostile_made(&h);

		v = hostile_copy(&h, made, changes[dice_below(&r->dice, ARRAY_LEN(changes))]);
		hostile_put(r->provider->xml, v, body);
		json_decref(v);
		json_decref(made);
	}
	*status = status_for(r, q->exchange, *status);
}

static void answer(struct round *r, struct engine *e, const struct engine_request *q)
{
	struct buf body = BUF_INIT(PROVIDER_BODY_MAX), headers = BUF_INIT(64 * 1024);
	struct answer a = {0};

	put_body(r, e, q, &a.status, &body);
	put_headers(r, &headers);
	a.body = buf_bytes(&body);
	a.headers = buf_bytes(&headers);
	assert_int_equal(engine_feed(e, &a), 0);
	r->answers++;
	buf_done(&body);
	buf_done(&headers);
}

static void run_op(struct round *r)
{
	struct engine_request q;
	struct engine e;
	unsigned sent = 0;
	int more;

	begin(r, &e, (enum op_kind)dice_below(&r->dice, OP_KINDS));
	while ((more = engine_next(&e, &q)) == ENGINE_SEND) {
		check(r, &e, &q);
		if (++sent <= REQUESTS_MAX)
			answer(r, &e, &q);
		else
			engine_lost(&e, CODE_PROVIDER_TIMEOUT, true, "lost");
	}
	assert_int_equal(more, ENGINE_DONE);
	if (e.op.look) {
		assert_false(e.op.changed);
		r->looks += e.op.found;
	}
	engine_done(&e);
}

/* What a login gives stands before the credential's own fields. */
static void put_login(const struct login *l, struct buf *out)
{
	for (size_t i = 0; l && i < PROVIDER_LOGIN_TAKES && l->takes[i].path; i++) {
		plist_put(out, bytes_str(l->takes[i].field));
		plist_put(out, BYTES("LoginGaveThis0123456789"));
	}
}

/* It shall look into every corner. */
static const struct exchange *unasked(const struct round *r)
{
	for (unsigned i = 0; i < ARRAY_LEN(r->reached); i++) {
		const struct exchange *x = provider_exchange(r->provider, i);
		if (x && !r->reached[provider_exchange_number(r->provider, x)])
			return x;
	}
	return NULL;
}

static void test_provider(void **state)
{
	const struct provider *p = *state;
	struct round r = {.provider = p,
			  .dice = {SEED},
			  .credentials = BUF_INIT(64 * 1024),
			  .public = BUF_INIT(64 * 1024),
			  .zone_id = BUF_INIT(PROVIDER_ID_MAX),
			  .wanted_id = BUF_INIT(PROVIDER_ID_MAX)};
	bool some = false;

	recordings_load(&r.recordings, p);
	for (size_t i = 0; i < 3 * ARRAY_LEN(unrecorded); i++)
		if (unrecorded[i % ARRAY_LEN(unrecorded)].provider == p)
			recordings_add(&r.recordings, p->xml, 200, NULL, NULL,
				       bytes_str(unrecorded[i % ARRAY_LEN(unrecorded)].body));
	/* With the fields that may be left out, and without; and, where there is such a way, trusted by name. */
	for (int turn = 0; turn < 2 + (p->assume != NULL); turn++, some = true) {
		buf_reset(&r.credentials);
		buf_reset(&r.public);
		put_login(turn < 2 ? p->login : p->assume, &r.credentials);
		assert_true(sample_credentials(p, turn < 2 ? CATEGORY_STATIC : CATEGORY_DELEGATED,
					       some, &r.credentials));
		if (turn == 2) {
			plist_put(&r.credentials, BYTES(CREDENTIALS_EXTERNAL));
			plist_put(&r.credentials, BYTES("external"));
		}
		assert_int_equal(provider_public_fields(p, buf_bytes(&r.credentials), &r.public),
				 0);
		for (r.answers = 0; r.answers < ANSWERS / 2;)
			run_op(&r);
	}
	while ((unasked(&r) || !r.looks) && r.answers < 10 * ANSWERS)
		run_op(&r);
	if (!r.looks)
		fail_msg("%s: no look found a record", p->name);
	if (unasked(&r))
		fail_msg("%s: \"%s\" was never asked", p->name, unasked(&r)->name);
	recordings_done(&r.recordings);
	buf_done(&r.credentials);
	buf_done(&r.public);
	buf_done(&r.zone_id);
	buf_done(&r.wanted_id);
}

/* ---- logins ---- */

static void check_login(const struct provider *p, const struct login *l, enum category way,
			const char *hostile)
{
	struct buf credentials = BUF_INIT(64 * 1024), target = BUF_INIT(TARGET_MAX);
	const struct choice *c = l->bases;
	struct bounds b = {.provider = p, .kind = OP_ZONES};
	struct url base;
	int r;

	/* Before the sample, so that it stands for it. */
	for (const char *at = strstr(l->path, "{="); at && hostile; at = NULL) {
		plist_put(&credentials, bytes_of(at + 2, strcspn(at, "}") - 2));
		plist_put(&credentials, bytes_str(hostile));
	}
	plist_put(&credentials, BYTES("region"));
	plist_put(&credentials, BYTES("us-east-1"));
	assert_true(sample_credentials(p, way, true, &credentials));
	b.fields = buf_bytes(&credentials);
	assert_int_equal(target_login_base(l, b.fields, b.fields, &base), 0);
	assert_true(base.tls);
	for (; c && c->text && !strstr(c->base, base.host); c++)
		;
	assert_true(c ? c->text != NULL : strstr(l->base, base.host) != NULL);
	r = target_login(l, p, &base, b.fields, &target);
	assert_true(hostile ? r == 0 || r == TARGET_E_FIELD : r == 0);
	if (r == 0) {
		const char *why =
			bounds_path(&b, l->path, bytes_skip(buf_bytes(&target), base.path.n));
		if (why)
			fail_msg("%s: %.*s: %s", p->name, (int)target.n, target.p, why);
	}
	buf_done(&credentials);
	buf_done(&target);
}

/* What a customer gives for a login's path stays a segment of it. */
static void test_logins(void **state)
{
	for (size_t i = 0; providers[i]; i++) {
		const struct provider *p = providers[i];
		const struct login *logins[] = {p->login, p->assume,
						p->oauth ? p->oauth->code : NULL,
						p->oauth ? p->oauth->refresh : NULL};

		for (size_t k = 0; k < ARRAY_LEN(logins); k++) {
			enum category way = k == 1 ? CATEGORY_DELEGATED : CATEGORY_STATIC;

			if (!logins[k])
				continue;
			check_login(p, logins[k], way, NULL);
			for (size_t h = 0; h < ARRAY_LEN(hostile_texts); h++)
				check_login(p, logins[k], way, hostile_texts[h]);
		}
	}
}

/* ---- the checker itself ---- */

static const struct field_def some_fields[] = {
	{.name = "key", .secret = true, .max = 100},
	{.name = "server_id", .max = 100},
	{0},
};
static const struct exchange some_read = {.method = "GET", .path = "/zones/{zone}/records"},
			     some_change = {.method = "DELETE",
					    .path = "/s/{=server_id}/{zone}/r/{record}/x"},
			     some_part = {.method = "GET", .path = "/g/{zone/1}/z/{zone/2}:do"};
static const struct provider some = {
	.name = "some",
	.base = "https://api.example.net/v2",
	.fields = some_fields,
	.ops = {[OP_ZONES] = {&some_read, &some_part}, [OP_REMOVE] = {&some_change}},
};

/* It says no where it should. */
static void test_checker(void **state)
{
	static const struct {
		bool ok;
		const char *method, *url;
	} cases[] = {
		{true, "GET", "https://api.example.net/v2/zones/z1/records"},
		{true, "GET", "https://api.example.net/v2/zones/z%3F%23%40/records?a=b&c=%2F.."},
		{true, "GET", "https://api.example.net/v2/g/a/z/b:do"},
		{true, "DELETE", "https://api.example.net/v2/s/local/z1/r/id7/x"},
		{false, "POST", "https://api.example.net/v2/zones/z1/records"},
		{false, "GET", "http://api.example.net/v2/zones/z1/records"},
		{false, "GET", "https://api.example.net.evil.example/v2/zones/z1/records"},
		{false, "GET", "https://api.example.net/v1/zones/z1/records"},
		{false, "GET", "https://api.example.net/v2evil/zones/z1/records"},
		{false, "GET", "https://evil@api.example.net/v2/zones/z1/records"},
		{false, "GET", "https://api.example.net/v2/zones/z1/records/"},
		{false, "GET", "https://api.example.net/v2/zones/z1//records"},
		{false, "GET", "https://api.example.net/v2/zones/../z1/records"},
		{false, "GET", "https://api.example.net/v2/zones/../records"},
		{false, "GET", "https://api.example.net/v2/zones/./records"},
		{false, "GET", "https://api.example.net/v2/zones/.../records"},
		{false, "GET", "https://api.example.net/v2/zones/%2E%2E/records"},
		{false, "GET", "https://api.example.net/v2/zones/..%2Fx/records"},
		{false, "GET", "https://api.example.net/v2/zones/..%5Cx/records"},
		{false, "GET", "https://api.example.net/v2/zones/a%0D%0Ab/records"},
		{false, "GET", "https://api.example.net/v2/zones/a%00/records"},
		{false, "GET", "https://api.example.net/v2/zones/%C3%A9/records"},
		{false, "GET", "https://api.example.net/v2/zones/%3f/records"},
		{false, "GET", "https://api.example.net/v2/zones/%4/records"},
		{false, "GET", "https://api.example.net/v2/zones/a@b/records"},
		{false, "GET", "https://api.example.net/v2/zones//records"},
		{false, "GET", "https://api.example.net/v2/zones/z1/records?"},
		{false, "GET", "https://api.example.net/v2/zones/z1/records?a=b?c"},
		{false, "GET", "https://api.example.net/v2/zones/z1/records?a=b&&c=d"},
		{false, "GET", "https://api.example.net/v2/zones/z1/records?a=b/c"},
		{false, "GET", "https://api.example.net/v2/zones/z1/records#x"},
		{false, "GET", "https://api.example.net/v2/zones/z1/records x"},
		{false, "GET", "https://api.example.net/v2/zones/z1/records\r\nX: y"},
		{false, "GET", "https://api.example.net/v2/zones/s3cret/records"},
		{false, "GET", "https://api.example.net/v2/zones/z1/records?key=s3cret"},
		{false, "GET", "https://api.example.net/v2/g/a/z/b"},
		{false, "DELETE", "https://api.example.net/v2/s/other/z1/r/id7/x"},
		{false, "DELETE", "https://api.example.net/v2/s/local/z2/r/id7/x"},
		{false, "DELETE", "https://api.example.net/v2/s/local/z1/r/id8/x"},
	};
	struct buf fields = BUF_INIT(1000);
	static const char *const names[PROVIDER_HEADERS] = {"If-Match"};

	plist_put(&fields, BYTES("key"));
	plist_put(&fields, BYTES("s3cret"));
	plist_put(&fields, BYTES("server_id"));
	plist_put(&fields, BYTES("local"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct bounds b = {.provider = &some,
					 .fields = buf_bytes(&fields),
					 .kind = cases[i].method[0] == 'D' ? OP_REMOVE : OP_ZONES,
					 .zone_id = BYTES("z1"),
					 .wanted_id = BYTES("id7")};
		const char *why = bounds_check(&b, cases[i].method, bytes_str(cases[i].url));

		if ((why == NULL) != cases[i].ok)
			fail_msg("%s: %s", cases[i].url, why ? why : "passes");
	}
	buf_reset(&fields);
	plist_put(&fields, BYTES("If-Match: a"));
	assert_null(bounds_headers(buf_bytes(&fields), names));
	plist_put(&fields, BYTES("Host: a"));
	assert_non_null(bounds_headers(buf_bytes(&fields), names));
	assert_null(bounds_headers(buf_bytes(&fields), NULL));
	plist_put(&fields, BYTES("A: b\r\nC: d"));
	assert_non_null(bounds_headers(buf_bytes(&fields), NULL));
	buf_done(&fields);
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
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_logins);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_checker);
	return _cmocka_run_group_tests("provider_bounds", tests, n, NULL, NULL);
}
