/* SPDX-License-Identifier: ISC */
#pragma once

/* For the tests of the client: one call, the loop run until it ends, and what came of it. */
#include "test.h"

#include "client_server.h"
#include "egress/client.h"
#include "sys/log.h"

#define PATIENCE_MS 20000

static struct server server; /* plain HTTP, at an address that the rules list */
static struct address_rules rules;
static struct loop *loop;
static struct egress *egress;

/* ---- one call and its end ---- */

struct result {
	bool done;
	enum egress_failure failure;
	bool sent, has_retry_after;
	unsigned status;
	uint32_t retry_after;
	struct buf headers, body;
	int *waiting; /* the loop stops at 0 */
};

static inline void on_done(void *arg, const struct egress_answer *a)
{
	struct result *r = arg;

	assert_false(r->done);
	r->done = true;
	r->failure = a->failure;
	r->sent = a->sent;
	r->status = a->status;
	r->has_retry_after = a->has_retry_after;
	r->retry_after = a->retry_after;
	r->headers = BUF_INIT(8 * EGRESS_HEADERS_MAX);
	r->body = BUF_INIT(2 * EGRESS_BODY_MAX);
	buf_put_bytes(&r->headers, buf_bytes(a->headers));
	buf_put_bytes(&r->body, buf_bytes(a->body));
	if (--*r->waiting == 0)
		loop_stop(loop);
}

static inline void result_done(struct result *r)
{
	buf_done(&r->headers);
	buf_done(&r->body);
}

static inline void too_long(void *arg)
{
	log_fatal("the loop does not end");
}

static inline void run_loop(void)
{
	struct loop_timer t = {.fn = too_long};

	assert_int_equal(loop_timer_set(loop, &t, PATIENCE_MS), 0);
	assert_int_equal(loop_run(loop, NULL, NULL), 0);
	loop_timer_clear(loop, &t);
}

static const char *const wanted[] = {"X-Wanted", "X-Empty", "X-Absent", "Location"};

static inline struct url url_of(const char *host, uint16_t port, bool tls)
{
	char text[300];
	struct url u;

	snprintf(text, sizeof(text), "http%s://%s:%u", tls ? "s" : "", host, port);
	assert_int_equal(url_parse(bytes_str(text), &u), 0);
	return u;
}

static inline struct egress_request request(const struct url *u, const char *target)
{
	return (struct egress_request){.method = "GET",
				       .url = u,
				       .target = bytes_str(target),
				       .timeout_ms = 10000,
				       .want_headers = wanted,
				       .wanted = ARRAY_LEN(wanted)};
}

static inline struct result run(const struct egress_request *r)
{
	int waiting = 1;
	struct result res = {.waiting = &waiting};
	struct egress_call *c;

	assert_int_equal(egress_start(egress, r, on_done, &res, &c), 0);
	assert_false(res.done);
	run_loop();
	assert_true(res.done);
	return res;
}

static inline struct result ask(const char *method, const char *target)
{
	struct url u = url_of("127.0.0.1", server.port, false);
	struct egress_request r = request(&u, target);

	r.method = method;
	if (strcmp(method, "POST") == 0)
		r.body = BYTES("{}");
	return run(&r);
}

static inline void expect(const char *method, const char *target, enum egress_failure f,
			  unsigned status, const char *body)
{
	struct result r = ask(method, target);

	if (r.failure != f || r.status != status || !bytes_is(buf_bytes(&r.body), body) || !r.sent)
		fail_msg("%s %s: %s Status %u, %u bytes", method, target,
			 egress_failure_text(r.failure), r.status, r.body.n);
	result_done(&r);
}

/* ---- set-up ---- */

static inline int open_client(const struct address_rules *these, struct bytes ca)
{
	const struct egress_config config = {
		.ca_pem = ca, .rules = these, .idle_connections = 16, .http2 = true};

	assert_int_equal(loop_new(&loop), 0);
	return egress_new(&egress, loop, &config);
}

static inline void close_client(void)
{
	egress_free(egress);
	loop_free(loop);
	egress = NULL;
	loop = NULL;
}

/* A server for each test: what one left behind is not counted in the next. */
static inline int each_start(void **state)
{
	server_start(&server);
	return open_client(&rules, BYTES(""));
}

static inline int each_end(void **state)
{
	close_client();
	server_stop(&server);
	return 0;
}

static inline int all_start(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	rules.n = 1;
	if (address_rule_parse(BYTES("127.0.0.0/8"), &rules.rules[0]) != 0)
		return -1;
	rules.rules[0].plain_http = true;
	return 0;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, each_start, each_end)
