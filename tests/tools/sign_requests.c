/* SPDX-License-Identifier: ISC */
/*
 * The finished requests that the courier would send to Route 53 and STS, for test_sigv4.py. On stdin one JSON object:
 *
 *   now, credentials, gateway, and cases: an array of objects with
 *     kind (login, zones, find, add, remove), fqdn, zone, zone_id, type, value, replace, and the answers (XML) that
 *     the requests get, in order; past the last one the request is lost. Or of kind look, with zone_id and query, an
 *     object: as a planner might ask that.
 *
 * Prints an array of requests: case, method, url, target, headers (lines), body.
 */
#include "base/json.h"
#include "provider/engine.h"
#include "role/target.h"
#include "sys/crypto.h"

#include <stdio.h>
#include <stdlib.h>

#define ARGS_MAX (16 * 1024)

static const struct provider *const provider = &provider_route53;
static struct buf credentials = BUF_INIT(64 * 1024), gateway = BUF_INIT(64 * 1024);
static int64_t now;
static json_t *requests;

static void check(int r, const char *what)
{
	if (r == 0)
		return;
	fprintf(stderr, "sign-requests: %s (%d)\n", what, r);
	exit(2);
}

static void put_pairs(struct buf *out, const json_t *object)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)object, name, v)
	{
		plist_put(out, bytes_str(name));
		plist_put(out, json_bytes(v));
	}
	check(buf_status(out), "credentials");
}

static json_t *text(const struct buf *b)
{
	json_t *v = json_stringn(b->n ? (const char *)b->p : "", b->n);

	check(!v, "a request is not UTF-8");
	return v;
}

/* As the courier does it: sign, then print what is sent. HEADERS holds the lines that are not the credential's. */
static void finish(size_t number, const struct auth *auth, const struct url *base,
		   struct signing *s, struct buf *headers, struct buf *body)
{
	struct buf host = BUF_INIT(URL_HOST_MAX + 16), target = BUF_INIT(TARGET_MAX);
	struct bytes lines, line;
	json_t *list = json_array(), *r;

	url_put_authority(base, &host);
	s->host = buf_bytes(&host);
	s->now = now;
	buf_put_bytes(&target, s->target);
	check(target_auth(auth, s, headers, body), "signing");
	lines = buf_bytes(headers);
	while (plist_next(&lines, &line))
		json_array_append_new(list, json_stringn((const char *)line.p, line.n));
	r = json_pack("{s:I, s:s, s:s++, s:o, s:o, s:o}", "case", (json_int_t)number, "method",
		      s->method, "url", base->tls ? "https" : "http", "://", base->host, "target",
		      text(&target), "headers", list, "body", text(body));
	check(!r || json_array_append_new(requests, r), "out of memory");
	buf_done(&host);
	buf_done(&target);
}

static void put_content_type(struct buf *headers, const char *type)
{
	struct buf line = BUF_INIT(200);

	buf_printf(&line, "Content-Type: %s", type);
	plist_put(headers, buf_bytes(&line));
	buf_done(&line);
}

/* ---- STS ---- */

static void login(size_t number, const json_t *c)
{
	const struct login *l = provider->assume;
	const struct login_input in = {.credentials = buf_bytes(&credentials),
				       .gateway = buf_bytes(&gateway),
				       .now = now,
				       .zone_id = json_get_bytes(c, "zone_id"),
				       .fqdn = json_get_bytes(c, "fqdn")};
	struct buf target = BUF_INIT(TARGET_MAX), headers = BUF_INIT(64 * 1024),
		   body = BUF_INIT(64 * 1024);
	struct signing s = {.method = "POST", .content_type = bytes_str(l->content_type)};
	struct url base;

	check(target_login_base(l, in.credentials, in.gateway, &base), "the login's base");
	check(target_login(l, provider, &base, in.credentials, &target), "the login's path");
	check(l->build(&in, &body), "the login's body");
	put_content_type(&headers, l->content_type);
	s.target = buf_bytes(&target);
	s.body = buf_bytes(&body);
	s.credentials = in.gateway;
	finish(number, &l->auth, &base, &s, &headers, &body);
	buf_done(&target);
	buf_done(&headers);
	buf_done(&body);
}

/* ---- Route 53 ---- */

static void send_one(size_t number, const struct engine_request *r, const struct permit *permit)
{
	struct buf target = BUF_INIT(TARGET_MAX), headers = BUF_INIT(64 * 1024),
		   body = BUF_INIT(PROVIDER_REQUEST_MAX);
	struct signing s = {.method = r->exchange->method, .credentials = buf_bytes(&credentials)};
	struct url base;

	check(target_base(provider, s.credentials, &base), "the base");
	check(target_build(provider, r->exchange, &base, s.credentials, r->args, r->query, permit,
			   &target),
	      "the target");
	check(target_headers(provider, r->headers, &headers), "headers");
	if (r->body.n) {
		put_content_type(&headers, "text/xml");
		s.content_type = BYTES("text/xml");
	}
	buf_put_bytes(&body, r->body);
	s.target = buf_bytes(&target);
	s.body = r->body;
	finish(number, &provider->auth, &base, &s, &headers, &body);
	buf_done(&target);
	buf_done(&headers);
	buf_done(&body);
}

static void begin(struct engine *e, const json_t *c, struct permit *permit)
{
	static const char *const kinds[OP_KINDS] = {"zones", "find", "add", "remove"};
	struct bytes kind = json_get_bytes(c, "kind"), fqdn = json_get_bytes(c, "fqdn"),
		     zone = json_get_bytes(c, "zone");
	size_t k = 0;

	while (k < OP_KINDS && !bytes_is(kind, kinds[k]))
		k++;
	check(k == OP_KINDS, "no such kind");
	engine_init(e, provider, (enum op_kind)k);
	e->op.now = now;
	e->op.type = rr_type_parse(json_get_bytes(c, "type"));
	e->op.value = json_get_bytes(c, "value");
	e->op.mode = json_is_true(json_object_get(c, "replace")) ? MODE_REPLACE : MODE_COEXIST;
	buf_put_bytes(&e->op.zone_id, json_get_bytes(c, "zone_id"));
	if (fqdn.n)
		check(dns_name_parse(&e->op.fqdn, fqdn), "fqdn");
	if (zone.n)
		check(dns_name_parse(&e->op.zone, zone), "zone");
	*permit = (struct permit){
		.zone_id = json_get_bytes(c, "zone_id"), .zone = e->op.zone, .fqdn = e->op.fqdn};
}

static void run(size_t number, const json_t *c)
{
	const json_t *answers = json_object_get(c, "answers");
	struct buf fields = BUF_INIT(64 * 1024);
	struct engine_request r;
	struct permit permit;
	struct engine e;
	int more;

	begin(&e, c, &permit);
	check(provider_public_fields(provider, buf_bytes(&credentials), &fields), "fields");
	e.op.fields = buf_bytes(&fields);
	for (size_t i = 0; (more = engine_next(&e, &r)) == ENGINE_SEND; i++) {
		struct answer a = {.status = 200, .body = json_bytes(json_array_get(answers, i))};

		send_one(number, &r, &permit);
		if (i < json_array_size(answers))
			check(engine_feed(&e, &a), "feeding");
		else
			engine_lost(&e, CODE_PROVIDER_TIMEOUT, true, "lost");
	}
	check(more != ENGINE_DONE, "the engine");
	engine_done(&e);
	buf_done(&fields);
}

/* Not what our engine asks, but what the courier would sign for any planner. */
static void look(size_t number, const json_t *c)
{
	struct buf args = BUF_INIT(ARGS_MAX), query = BUF_INIT(ARGS_MAX);
	struct engine_request r = {.exchange = provider->ops[OP_ADD][0]};

	plist_put(&args, json_get_bytes(c, "zone_id"));
	put_pairs(&query, json_object_get(c, "query"));
	r.args = buf_bytes(&args);
	r.query = buf_bytes(&query);
	send_one(number, &r, &(const struct permit){0});
	buf_done(&args);
	buf_done(&query);
}

int main(void)
{
	json_t *in = json_loadf(stdin, 0, NULL), *c;
	size_t i;

	check(crypto_load(), "libcrypto");
	check(!in, "stdin is not JSON");
	requests = json_array();
	now = json_integer_value(json_object_get(in, "now"));
	put_pairs(&credentials, json_object_get(in, "credentials"));
	put_pairs(&gateway, json_object_get(in, "gateway"));
	json_array_foreach(json_object_get(in, "cases"), i, c)
	{
		if (bytes_is(json_get_bytes(c, "kind"), "login"))
			login(i, c);
		else if (bytes_is(json_get_bytes(c, "kind"), "look"))
			look(i, c);
		else
			run(i, c);
	}
	json_dumpf(requests, stdout, JSON_COMPACT);
	printf("\n");
	json_decref(requests);
	json_decref(in);
	buf_done(&credentials);
	buf_done(&gateway);
	return 0;
}
