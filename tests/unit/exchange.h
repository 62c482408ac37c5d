/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Drives the engine along a script: the requests that a provider must make, to the byte, and the
 * answers it gets. Then again and again with one answer cut short, with another status, or with a
 * bit flipped: whatever comes, there must be an end, and no success that a whole answer did not
 * give.
 */
#include "test.h"

#include "base/text.h"
#include "base/xml.h"
#include "provider/engine.h"
#include "provider/kit.h"

#define SCRIPT_STEPS  12
#define SCRIPT_FIELDS 6
#define TORTURE_CUTS  300 /* of one answer, evenly spread when it is longer */

struct step {
	const char *request; /* "GET /zones?page=1 [If-Match: x]", without the provider's base */
	const char *body;    /* of the request; NULL: none */
	unsigned status;
	const char *answer;    /* or "@dnsimple/lexicon/x.json 3": the body in that fixture */
	const char *header[4]; /* of the answer: name, value, name, value */
	uint32_t retry_after;
	unsigned pause; /* it comes after so many milliseconds at least */
};

struct script {
	const char *name;
	const struct provider *provider;
	enum op_kind kind;
	const char *fqdn, *zone, *zone_id, *value, *wanted_id;
	enum rr_type type;
	enum record_mode mode;
	uint32_t ttl;
	int64_t now;
	const char *fields[SCRIPT_FIELDS]; /* name, value, name, value… */

	struct step steps[SCRIPT_STEPS];
	const char *file; /* a fixture that is the steps, word for word */

	/* What comes of it. */
	enum code error;
	const char *detail;    /* a part of it */
	const char *zones;     /* "example.org=id example.net=id2" */
	const char *record_id; /* NULL: none */
	const char *replaced;  /* lines with | between them; NULL: none */
	bool found, removed, unchanged;
	bool pending; /* OP_STATUS */
	uint32_t wait;
};

/* One answer that is not as in the script. */
struct mutation {
	size_t step;
	struct bytes body;
	unsigned status;
};

static inline struct bytes opt_str(const char *s)
{
	return bytes_str(s ? s : "");
}

/* "@dnsimple/lexicon/x.json 3" or "@dnsimple/dnsimple-go/x.http": the body. buf_done() it. */
static inline struct buf answer_body(const char *spec)
{
	struct buf out = BUF_INIT(16u << 20), file;
	char path[512];
	unsigned index;
	json_t *v;

	if (!spec || *spec != '@') {
		buf_put_bytes(&out, opt_str(spec));
		return out;
	}
	snprintf(path, sizeof(path), "fixtures/%.*s", (int)strcspn(spec + 1, " "), spec + 1);
	if (sscanf(spec, "%*s %u", &index) == 1) {
		v = test_json(path);
		buf_put_bytes(&out, json_get_bytes(json_array_get(v, index), "body"));
		json_decref(v);
		return out;
	}
	file = test_file(path);
	if (bytes_starts(buf_bytes(&file), BYTES("HTTP/"))) {
		const char *end = memmem(file.p, file.n, "\n\n", 2);
		const char *crlf = memmem(file.p, file.n, "\r\n\r\n", 4);
		const char *body = crlf ? crlf + 4 : end + 2;

		assert_true(crlf || end);
		buf_put(&out, body, file.n - (size_t)(body - (const char *)file.p));
	} else {
		buf_put_bytes(&out, buf_bytes(&file));
	}
	buf_done(&file);
	return out;
}

/* The steps of S->file, whose strings live as long as the returned JSON. */
static inline json_t *script_load(struct script *s)
{
	char path[512];
	json_t *all, *e;
	size_t i;

	if (!s->file)
		return NULL;
	snprintf(path, sizeof(path), "fixtures/%s", s->file);
	all = test_json(path);
	assert_true(json_array_size(all) <= SCRIPT_STEPS);
	json_array_foreach(all, i, e)
	{
		const char *uri = json_string_value(json_object_get(e, "uri"));
		const char *path_at = strstr(uri, s->provider->base) + strlen(s->provider->base);
		char *request = NULL;

		assert_true(asprintf(&request, "%s %s",
				     json_string_value(json_object_get(e, "method")), path_at) > 0);
		json_object_set_new(e, "request", json_string(request));
		free(request);
		s->steps[i] = (struct step){
			.request = json_string_value(json_object_get(e, "request")),
			.body = json_string_value(json_object_get(e, "request_body")),
			.status = (unsigned)json_integer_value(json_object_get(e, "status")),
			.answer = json_string_value(json_object_get(e, "body"))};
	}
	return all;
}

static inline void render_query(struct bytes query, struct buf *out)
{
	struct bytes name, v;
	char joint = '?';

	while (plist_next(&query, &name)) {
		assert_true(plist_next(&query, &v));
		buf_putc(out, (unsigned char)joint);
		text_put_pct(out, name);
		buf_putc(out, '=');
		text_put_pct(out, v);
		joint = '&';
	}
}

static inline bool sends(const struct provider *p, struct bytes name)
{
	for (size_t i = 0; i < PROVIDER_HEADERS && p->sends[i]; i++)
		if (bytes_is(name, p->sends[i]))
			return true;
	return false;
}

/*
 * The request as the courier would write it, without base and credential; a header of the provider's own behind it in brackets.
 * Checks what the courier checks.
 */
static inline void render(const struct engine *e, const struct engine_request *r, struct buf *out)
{
	struct bytes args = r->args, query = r->query, headers = r->headers, v, name;

	assert_ptr_equal(provider_exchange(e->op.provider, r->number), r->exchange);
	buf_printf(out, "%s ", r->exchange->method);
	for (const char *at = r->exchange->path; *at;) {
		size_t n = strcspn(at, "{");

		buf_put(out, at, n);
		at += n;
		if (!*at)
			break;
		n = strcspn(at, "}");
		if (at[1] == '=') {
			char field[64];

			snprintf(field, sizeof(field), "%.*s", (int)n - 2, at + 2);
			assert_true(plist_get(e->op.fields, field, &v));
		} else {
			assert_true(plist_next(&args, &v));
		}
		assert_true(op_usable_id(v));
		text_put_pct(out, v);
		at += n + 1;
	}
	assert_int_equal(args.n, 0);
	render_query(query, out);
	while (plist_next(&headers, &name)) {
		assert_true(plist_next(&headers, &v));
		assert_true(sends(e->op.provider, name) && bytes_printable(v));
		buf_printf(out, " [%.*s: %.*s]", (int)name.n, (const char *)name.p, (int)v.n,
			   (const char *)v.p);
	}
	assert_int_equal(buf_status(out), 0);
}

/* FIELDS must outlive the engine. */
static inline void script_begin(const struct script *s, struct engine *e, struct buf *fields)
{
	engine_init(e, s->provider, s->kind);
	for (size_t i = 0; i + 1 < SCRIPT_FIELDS && s->fields[i]; i++)
		plist_put(fields, bytes_str(s->fields[i]));
	if (plist_count(buf_bytes(fields)) % 2)
		plist_put(fields, bytes_str(s->fields[plist_count(buf_bytes(fields))]));
	e->op.fields = buf_bytes(fields);
	e->op.now = s->now;
	e->op.type = s->type;
	e->op.mode = s->mode;
	e->op.ttl = s->ttl;
	e->op.value = opt_str(s->value);
	e->op.wanted_id = opt_str(s->wanted_id);
	buf_put_bytes(&e->op.zone_id, opt_str(s->zone_id));
	if (s->fqdn)
		assert_int_equal(dns_name_parse(&e->op.fqdn, bytes_str(s->fqdn)), 0);
	if (s->zone)
		assert_int_equal(dns_name_parse(&e->op.zone, bytes_str(s->zone)), 0);
}

static inline void feed(struct engine *e, const struct step *st, unsigned status, struct bytes body)
{
	struct buf headers = BUF_INIT(1000);
	unsigned char *exact = test_exact(body);
	struct answer a = {.status = status,
			   .has_retry_after = st && st->retry_after,
			   .retry_after = st ? st->retry_after : 0,
			   .body = bytes_of(exact, body.n)};

	for (size_t i = 0; st && i < ARRAY_LEN(st->header) && st->header[i]; i++) {
		plist_put(&headers, bytes_str(st->header[i]));
	}
	a.headers = buf_bytes(&headers);
	assert_int_equal(engine_feed(e, &a), 0);
	free(exact);
	buf_done(&headers);
}

/* In a mutated run, the step that answers this request; NULL: there is none. */
static inline const struct step *answer_for(const struct script *s, size_t i, struct bytes request)
{
	for (size_t k = 0; k < SCRIPT_STEPS; k++) {
		const struct step *st = &s->steps[(i + k) % SCRIPT_STEPS];
		if (st->request && bytes_is(request, st->request))
			return st;
	}
	return NULL;
}

/*
 * Run to the end. M: NULL, or the one answer that differs. Bodies are in BODIES. Returns the
 * number of requests.
 */
static inline size_t script_run(const struct script *s, struct engine *e, const struct buf *bodies,
				const struct mutation *m)
{
	struct engine_request r;
	size_t i = 0;
	int more;

	while ((more = engine_next(e, &r)) == ENGINE_SEND) {
		struct buf request = BUF_INIT(100000);
		const struct step *st = i < SCRIPT_STEPS ? &s->steps[i] : NULL;

		render(e, &r, &request);
		if (!m) {
			assert_non_null(st && st->request ? st : NULL);
			buf_putc(&request, 0);
			assert_string_equal(request.p, st->request);
			assert_true(r.wait_ms >= st->pause);
			if (!bytes_eq(r.body, opt_str(st->body)))
				fail_msg("body is %.*s\nnot %s", (int)r.body.n, r.body.p, st->body);
		} else if (i > m->step) {
			st = answer_for(s, i, buf_bytes(&request));
		}
		if (m && i == m->step)
			feed(e, st, m->status, m->body);
		else if (st)
			feed(e, st, st->status, buf_bytes(&bodies[st - s->steps]));
		else
			feed(e, NULL, 404, BYTES("{}"));
		buf_done(&request);
		assert_true(++i <= PROVIDER_EXCHANGES);
	}
	assert_int_equal(more, ENGINE_DONE);
	assert_int_equal(engine_next(e, &r), ENGINE_DONE);
	return i;
}

static inline void expect_list(struct bytes list, size_t group, char joint, const char *want)
{
	struct buf text = BUF_INIT(1u << 20);
	struct bytes item;

	for (size_t i = 0; plist_next(&list, &item); i++) {
		if (i)
			buf_putc(&text, (unsigned char)(i % group ? '=' : joint));
		buf_put_bytes(&text, item);
	}
	buf_putc(&text, 0);
	assert_string_equal(text.p, want ? want : "");
	buf_done(&text);
}

static inline void script_expect(const struct script *s, const struct op *op)
{
	if (op->error != s->error)
		fail_msg("%s (%s) instead of %s", code_text(op->error), op->detail,
			 code_text(s->error));
	if (s->detail && !strstr(op->detail, s->detail))
		fail_msg("detail is \"%s\"", op->detail);
	assert_int_equal(op->found, s->found);
	assert_int_equal(op->removed, s->removed);
	if (s->kind == OP_STATUS)
		assert_int_equal(op->pending, s->pending);
	assert_int_equal(op->retry_after, s->wait);
	if (s->record_id || s->kind == OP_ADD)
		assert_true(bytes_eq(buf_bytes(&op->record_id), opt_str(s->record_id)));
	expect_list(buf_bytes(&op->zones), 2, ' ', s->zones);
	expect_list(buf_bytes(&op->replaced), 1, '|', s->replaced);
	assert_int_equal(op->changed, (s->kind == OP_ADD || s->kind == OP_REMOVE) && !s->unchanged);
}

static inline bool is_whole(const struct provider *p, struct bytes body)
{
	json_t *v = NULL;
	bool ok = (p->xml ? xml_parse(body, PROVIDER_JSON_DEPTH, &v)
			  : json_parse(body, PROVIDER_JSON_DEPTH, &v, NULL, 0)) == 0;

	json_decref(v);
	return ok;
}

static inline void run_mutated(const struct script *s, const struct buf *bodies, size_t step,
			       unsigned status, struct bytes body, bool must_fail)
{
	struct mutation m = {.step = step, .body = body, .status = status};
	struct buf fields = BUF_INIT(4096);
	struct engine e;

	script_begin(s, &e, &fields);
	script_run(s, &e, bodies, &m);
	if (must_fail && e.op.error == CODE_OK)
		fail_msg("step %zu cut to %zu bytes passes", step, body.n);
	if (e.op.error == CODE_OK && s->kind == OP_ADD && s->record_id && s->error == CODE_OK)
		assert_true(e.op.record_id.n > 0);
	engine_done(&e);
	buf_done(&fields);
}

static inline void torture_step(const struct script *s, const struct buf *bodies, size_t i)
{
	struct bytes body = buf_bytes(&bodies[i]);
	size_t stride = 1 + body.n / TORTURE_CUTS;
	/* What came of a DELETE the status says. */
	bool good = s->steps[i].status >= 200 && s->steps[i].status <= 299 &&
		    strncmp(s->steps[i].request, "DELETE ", strlen("DELETE ")) != 0;

	for (size_t cut = 0; cut < body.n; cut += stride) {
		struct bytes part = bytes_of(body.p, cut);
		run_mutated(s, bodies, i, s->steps[i].status, part,
			    good && !is_whole(s->provider, part));
	}
	for (unsigned status = 100; status <= 599; status++)
		run_mutated(s, bodies, i, status, body, false);
	for (size_t at = 0; at < body.n; at += stride) {
		unsigned char *flipped = test_exact(body);
		flipped[at] ^= (unsigned char)(1u << (at + i) % 8);
		run_mutated(s, bodies, i, s->steps[i].status, bytes_of(flipped, body.n), false);
		free(flipped);
	}
}

/*
 * An add that only looks: the same requests, up to the first that changes something, which it does not come to. It finds what the whole add would find.
 */
static inline void test_look(const struct script *s, const struct buf *bodies, size_t n)
{
	struct buf fields = BUF_INIT(4096), request = BUF_INIT(100000);
	struct engine_request r;
	struct engine e;
	size_t i = 0;
	int more;

	script_begin(s, &e, &fields);
	e.op.look = true;
	while ((more = engine_next(&e, &r)) == ENGINE_SEND) {
		assert_false(r.exchange->changes);
		buf_reset(&request);
		render(&e, &r, &request);
		assert_true(i < n && bytes_is(buf_bytes(&request), s->steps[i].request));
		feed(&e, &s->steps[i], s->steps[i].status, buf_bytes(&bodies[i]));
		i++;
	}
	assert_int_equal(more, ENGINE_DONE);
	assert_false(e.op.changed || e.op.removed || e.op.replaced.n);
	if (i == n)
		script_expect(s, &e.op);
	else
		assert_int_equal(e.op.error, CODE_OK);
	/* OVHcloud publishes the zone anew, whatever was found. */
	if (i < n && s->mode == MODE_COEXIST)
		assert_true(s->found || !e.op.found);
	engine_done(&e);
	buf_done(&fields);
	buf_done(&request);
}

/*
 * A test of its own for each script: first as it is, then with everything that can go wrong in one
 * answer.
 */
static inline void test_script(void **state)
{
	struct script s = *(const struct script *)*state;
	struct buf bodies[SCRIPT_STEPS], fields = BUF_INIT(4096);
	json_t *file = script_load(&s);
	struct engine e;
	size_t n = 0;

	while (n < SCRIPT_STEPS && s.steps[n].request) {
		bodies[n] = answer_body(s.steps[n].answer);
		n++;
	}
	script_begin(&s, &e, &fields);
	assert_int_equal(script_run(&s, &e, bodies, NULL), n);
	script_expect(&s, &e.op);
	engine_done(&e);
	if (s.kind == OP_ADD)
		test_look(&s, bodies, n);
	for (size_t i = 0; i < n; i++)
		torture_step(&s, bodies, i);
	while (n--)
		buf_done(&bodies[n]);
	buf_done(&fields);
	json_decref(file);
}

/* Run N scripts as N tests, and MORE after them: one group, as TAP has one plan. */
static inline int run_scripts_and(const char *group, const struct script *scripts, size_t n,
				  const struct CMUnitTest *more, size_t n_more)
{
	struct CMUnitTest tests[64];

	if (n + n_more > ARRAY_LEN(tests))
		return 1;
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){.name = scripts[i].name,
					       .test_func = test_script,
					       .initial_state = (void *)(uintptr_t)&scripts[i]};
	for (size_t i = 0; i < n_more; i++)
		tests[n + i] = more[i];
	return _cmocka_run_group_tests(group, tests, n + n_more, NULL, NULL);
}

static inline int run_scripts(const char *group, const struct script *scripts, size_t n)
{
	return run_scripts_and(group, scripts, n, NULL, 0);
}
