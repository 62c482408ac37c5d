/* SPDX-License-Identifier: ISC */
/* The HTTPS client: connections, names, addresses, time, many at once. */
#include "client_rig.h"

/* ---- connections ---- */

static void test_connection_is_kept(void **state)
{
	for (int i = 0; i < 5; i++)
		expect(i % 2 ? "POST" : "GET", "/ok", EGRESS_OK, 200, "hello");
	assert_int_equal(server.counts->connections, 1);
	assert_int_equal(server.counts->requests, 5);
}

/*
 * A kept connection dies under the request: what is safe is sent anew, what may change something is
 * not.
 */
static void test_sent_once(void **state)
{
	expect("GET", "/dies", EGRESS_OK, 200, "hello");
	expect("GET", "/dies", EGRESS_OK, 200, "hello");
	assert_int_equal(server.counts->connections, 2);
	assert_int_equal(server.counts->requests, 3);
	expect("POST", "/dies", EGRESS_RESET, 0, "");
	assert_int_equal(server.counts->requests, 4);
	expect("GET", "/dies", EGRESS_OK, 200, "hello");
	expect("DELETE", "/dies", EGRESS_RESET, 0, "");
	assert_int_equal(server.counts->requests, 6);
}

static void test_refused_connection(void **state)
{
	struct url u;
	struct result r;
	uint16_t port;

	close(listen_on_loopback(&port));
	u = url_of("127.0.0.1", port, false);
	r = run(&(struct egress_request){
		.method = "GET", .url = &u, .target = BYTES("/"), .timeout_ms = 5000});
	assert_int_equal(r.failure, EGRESS_CONNECT);
	assert_false(r.sent);
	result_done(&r);
}

static void test_names(void **state)
{
	/* c-ares knows that .onion is never in DNS, and asks nobody. */
	static const struct {
		const char *host;
		enum egress_failure failure;
	} cases[] = {
		{"localhost", EGRESS_OK}, {"LocalHost", EGRESS_OK}, {"no.onion", EGRESS_RESOLVE}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct url u = url_of(cases[i].host, server.port, false);
		struct egress_request r = request(&u, "/ok");
		struct result res = run(&r);

		assert_int_equal(res.failure, cases[i].failure);
		assert_int_equal(res.sent, cases[i].failure == EGRESS_OK);
		result_done(&res);
	}
}

static void expect_refused(const char *host, bool tls)
{
	struct url u = url_of(host, server.port, tls);
	struct egress_request r = request(&u, "/ok");
	struct result res = run(&r);

	assert_int_equal(res.failure, EGRESS_REFUSED);
	assert_false(res.sent);
	result_done(&res);
}

static void test_addresses_not_listed(void **state)
{
	struct address_rules none = {.n = 0}, tls_only = rules;

	close_client();
	tls_only.rules[0].plain_http = false;
	assert_int_equal(open_client(&none, BYTES("")), 0);
	expect_refused("127.0.0.1", false);
	expect_refused("localhost", true);
	expect_refused("[::1]", true);
	expect_refused("169.254.169.254", true);
	close_client();
	assert_int_equal(open_client(&tls_only, BYTES("")), 0);
	expect_refused("127.0.0.1", false);
	expect_refused("localhost", false);
	assert_int_equal(server.counts->connections, 0);
}

/* ---- time ---- */

static void test_timeout(void **state)
{
	struct url u = url_of("127.0.0.1", server.port, false);
	struct egress_request r = request(&u, "/slow");
	struct result res;

	r.timeout_ms = 100;
	res = run(&r);
	assert_int_equal(res.failure, EGRESS_TIMEOUT);
	assert_true(res.sent);
	result_done(&res);
	r.timeout_ms = 0;
	res = run(&r);
	assert_int_equal(res.failure, EGRESS_TIMEOUT);
	assert_false(res.sent);
	result_done(&res);
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
}

static void stop_when_sent(void *arg)
{
	struct loop_timer *t = arg;

	if (server.counts->requests == 0)
		assert_int_equal(loop_timer_set(loop, t, 1), 0);
	else
		loop_stop(loop);
}

/* At once; after the address is known; while the server thinks. */
static void test_cancel(void **state)
{
	struct url u = url_of("localhost", server.port, false);
	struct egress_request r = request(&u, "/slow");
	struct result res = {.done = false};
	struct loop_timer poll = {.fn = stop_when_sent, .arg = &poll};
	struct egress_call *c;

	assert_int_equal(egress_start(egress, &r, on_done, &res, &c), 0);
	egress_cancel(c);
	assert_int_equal(egress_start(egress, &r, on_done, &res, &c), 0);
	assert_int_equal(loop_timer_set(loop, &poll, 0), 0);
	run_loop();
	egress_cancel(c);
	/* Another one, so that the loop turns again; and one more is left to egress_free(). */
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	assert_int_equal(egress_start(egress, &r, on_done, &res, &c), 0);
	assert_false(res.done);
}

struct pair {
	struct result result;
	struct pair *other;
	struct egress_call *call; /* NULL once over */
};

static void cancel_other(void *arg, const struct egress_answer *a)
{
	struct pair *p = arg;

	assert_int_equal(a->failure, EGRESS_OK);
	p->call = NULL;
	assert_non_null(p->other->call);
	egress_cancel(p->other->call);
	loop_stop(loop);
}

/* Two end in the same turn of the loop, and the first to end calls the other one off. */
static void test_cancel_inside_done(void **state)
{
	struct url u = url_of("127.0.0.1", server.port, false);
	struct egress_request r = request(&u, "/ok");
	struct pair a = {.call = NULL}, b = {.other = &a};

	a.other = &b;
	r.timeout_ms = 10000;
	assert_int_equal(egress_start(egress, &r, cancel_other, &a, &a.call), 0);
	assert_int_equal(egress_start(egress, &r, cancel_other, &b, &b.call), 0);
	run_loop();
	assert_true(!a.call != !b.call);
}

static void start_next(void *arg, const struct egress_answer *a)
{
	struct url u = url_of("127.0.0.1", server.port, false);
	struct egress_request r = request(&u, "/ok");
	struct egress_call *c;

	assert_int_equal(a->failure, EGRESS_OK);
	assert_int_equal(egress_start(egress, &r, on_done, arg, &c), 0);
}

static void test_start_inside_done(void **state)
{
	struct url u = url_of("127.0.0.1", server.port, false);
	struct egress_request r = request(&u, "/ok");
	int waiting = 1;
	struct result res = {.waiting = &waiting};
	struct egress_call *c;

	assert_int_equal(egress_start(egress, &r, start_next, &res, &c), 0);
	run_loop();
	assert_int_equal(res.status, 200);
	assert_int_equal(server.counts->requests, 2);
	assert_int_equal(server.counts->connections, 1);
	result_done(&res);
}

static void test_many(void **state)
{
	enum { N = 100 };
	static const char *const paths[] = {"/ok", "/reset", "/trailers", "/echo",
					    "/endless-headers"};
	struct url u = url_of("localhost", server.port, false);
	struct result res[N];
	int waiting = N;

	for (size_t i = 0; i < N; i++) {
		struct egress_request r = request(&u, paths[i % ARRAY_LEN(paths)]);
		struct egress_call *c;
		res[i] = (struct result){.waiting = &waiting};
		assert_int_equal(egress_start(egress, &r, on_done, &res[i], &c), 0);
	}
	run_loop();
	for (size_t i = 0; i < N; i++) {
		size_t k = i % ARRAY_LEN(paths);
		assert_int_equal(res[i].failure, k == 1	  ? EGRESS_RESET
						 : k == 4 ? EGRESS_TOO_LARGE
							  : EGRESS_OK);
		result_done(&res[i]);
	}
	assert_true(server.counts->connections >= N / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_connection_is_kept),
		CASE(test_sent_once),
		CASE(test_refused_connection),
		CASE(test_names),
		CASE(test_addresses_not_listed),
		CASE(test_timeout),
		CASE(test_cancel),
		CASE(test_cancel_inside_done),
		CASE(test_start_inside_done),
		CASE(test_many),
	};

	return cmocka_run_group_tests_name("client_life", tests, all_start, NULL);
}
