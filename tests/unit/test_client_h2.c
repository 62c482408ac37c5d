/* SPDX-License-Identifier: ISC */
/* The HTTPS client with HTTP/2: answers, broken and hostile servers, many calls on one connection. */
#include "tls_rig.h"

#include "base/text.h"

#define MANY	 300
#define LONG_MS	 8000
#define SHORT_MS 4000 /* for a server that says nothing; a handshake is within it */

static struct tls_server start(const char *how)
{
	return tls_start_as("h2_server.py", "127.0.0.1", "good", how);
}

static int64_t timeout_ms;

static struct egress_request request_to(const struct url *u, const char *method, const char *body)
{
	struct egress_request r = request(u, "/path");

	r.method = method;
	r.body = bytes_str(body);
	r.timeout_ms = timeout_ms;
	return r;
}

static struct result ask_h2(const struct tls_server *s, const char *method, const char *body)
{
	struct url u = url_of("localhost", s->port, true);
	struct egress_request r = request_to(&u, method, body);

	return run(&r);
}

static void expect_h2(const struct tls_server *s, const char *method, enum egress_failure f,
		      const char *body)
{
	struct result r = ask_h2(s, method, method[0] == 'P' ? "posted" : "");

	if (r.failure != f || (f == EGRESS_OK && !bytes_is(buf_bytes(&r.body), body)))
		fail_msg("%s: %s \"%.*s\"", method, egress_failure_text(r.failure), (int)r.body.n,
			 (const char *)r.body.p);
	result_done(&r);
}

/* ---- the library ---- */

static bool no_library;

void *__real_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags)
{
	return no_library && strstr(name, "nghttp2") ? NULL : __real_dlopen(name, flags);
}

/* The first of all tests: what was opened once stays. */
static void test_no_library(void **state)
{
	struct tls_server s = start("http1");

	assert_false(egress_has_http2(egress));
	expect_h2(&s, "POST", EGRESS_OK, "by HTTP/1");
	tls_stop(&s);
	no_library = false;
	use_ca(buf_bytes(&right_ca));
	assert_true(egress_has_http2(egress));
}

static int h2_start(void **state);

static int no_library_start(void **state)
{
	no_library = true;
	return h2_start(state);
}

/* ---- one call ---- */

static const struct {
	const char *how;
	enum egress_failure failure;
	unsigned status;
	const char *body, *wanted; /* X-Wanted's value */
} cases[] = {
	{"ok", EGRESS_OK, 200, "hello", "there"},
	{"echo", EGRESS_OK, 200, "posted 1", "there"},
	{"http1", EGRESS_OK, 200, "by HTTP/1", NULL},
	{"interim", EGRESS_OK, 200, "hello", "there"},
	{"no_body", EGRESS_OK, 204, "", NULL},
	{"status_429", EGRESS_OK, 429, "slow down", NULL},
	{"resets_when_whole", EGRESS_OK, 200, "hello", "there"},
	/* what the server has not looked at is sent anew, whatever it is; but not for ever */
	{"goes_before", EGRESS_OK, 200, "posted 2", "there"},
	{"refuses_twice", EGRESS_OK, 200, "posted 1", "there"},
	{"refuses_ever", EGRESS_RESET, 0, "", NULL},
	/* what is broken off may have been done */
	{"resets", EGRESS_RESET, 0, "", NULL},
	{"resets_in_the_middle", EGRESS_RESET, 0, "", NULL},
	{"refuses_in_the_middle", EGRESS_RESET, 0, "", NULL},
	{"hangs_up", EGRESS_RESET, 0, "", NULL},
	{"hangs_up_in_the_middle", EGRESS_RESET, 0, "", NULL},
	/* no HTTP */
	{"only_interim", EGRESS_RESET, 0, "", NULL},
	{"too_short", EGRESS_RESET, 0, "", NULL},
	{"too_long", EGRESS_RESET, 0, "", NULL},
	{"no_status", EGRESS_RESET, 0, "", NULL},
	{"bad_status", EGRESS_RESET, 0, "", NULL},
	{"capitals", EGRESS_RESET, 0, "", NULL},
	{"connection_field", EGRESS_RESET, 0, "", NULL},
	{"line_break", EGRESS_RESET, 0, "", NULL},
	{"bad_frame", EGRESS_RESET, 0, "", NULL},
	{"bad_compression", EGRESS_RESET, 0, "", NULL},
	{"stream_of_nobody", EGRESS_RESET, 0, "", NULL},
	{"pushes", EGRESS_RESET, 0, "", NULL},
	{"not_http2", EGRESS_RESET, 0, "", NULL},
	/* too much */
	{"large_head", EGRESS_TOO_LARGE, 0, "", NULL},
	{"large_body", EGRESS_TOO_LARGE, 0, "", NULL},
	{"beyond_the_window", EGRESS_RESET, 0, "", NULL},
	/* nothing, for ever: before the call's time is over */
	{"pings", EGRESS_RESET, 0, "", NULL},
	{"settings", EGRESS_RESET, 0, "", NULL},
	{"window_updates", EGRESS_RESET, 0, "", NULL},
	{"unknown_frames", EGRESS_RESET, 0, "", NULL},
	{"priorities", EGRESS_RESET, 0, "", NULL},
	{"interims", EGRESS_TOO_LARGE, 0, "", NULL},
	{"empty_data", EGRESS_RESET, 0, "", NULL},
	{"continuations", EGRESS_RESET, 0, "", NULL},
};

static void test_answers(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tls_server s = start(cases[i].how);
		struct result r = ask_h2(&s, "POST", "posted");
		struct bytes value = {0}, name, headers = buf_bytes(&r.headers);

		(void)plist_next_pair(&headers, &name, &value);
		if (r.failure != cases[i].failure || r.status != cases[i].status ||
		    !bytes_is(buf_bytes(&r.body), cases[i].body) ||
		    !bytes_is(value, cases[i].wanted ? cases[i].wanted : "") || headers.n)
			fail_msg("%s: %s Status %u, %u bytes", cases[i].how,
				 egress_failure_text(r.failure), r.status, r.body.n);
		assert_true(r.has_retry_after == (r.status == 429));
		result_done(&r);
		tls_stop(&s);
	}
}

static struct result put_large(const struct tls_server *s, struct buf *body)
{
	struct url u = url_of("localhost", s->port, true);
	struct egress_request r = request_to(&u, "PUT", "");

	*body = BUF_INIT(1 << 20);
	for (int i = 0; i < 100000; i++)
		buf_printf(body, "%d,", i);
	r.body = buf_bytes(body);
	return run(&r);
}

static void test_large(void **state)
{
	struct tls_server s = start("largest_body");
	struct result r = ask_h2(&s, "GET", "");
	struct buf body;

	assert_int_equal(r.failure, EGRESS_OK);
	assert_int_equal(r.body.n, EGRESS_BODY_MAX);
	result_done(&r);
	tls_stop(&s);

	s = start("echo");
	r = put_large(&s, &body);
	buf_puts(&body, " 1");
	assert_true(bytes_eq(buf_bytes(&r.body), buf_bytes(&body)));
	buf_done(&body);
	result_done(&r);
	tls_stop(&s);
}

/* It need not have the rest of the request. */
static void test_answers_early(void **state)
{
	struct tls_server s = start("answers_early");
	struct buf body;
	struct result r = put_large(&s, &body);

	assert_int_equal(r.failure, EGRESS_OK);
	assert_int_equal(r.status, 403);
	buf_done(&body);
	result_done(&r);
	tls_stop(&s);
}

/* ---- one after the other ---- */

static void test_kept(void **state)
{
	struct tls_server s = start("echo");

	for (int i = 0; i < 3; i++)
		expect_h2(&s, "POST", EGRESS_OK, "posted 1");
	tls_stop(&s);
}

/* A server that is to go, or has room for no more, says so, and others are made in time. */
static void test_goes(void **state)
{
	static const char *const how[] = {"goes_after", "no_more"};

	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		struct tls_server s = start(how[i]);

		expect_h2(&s, "POST", EGRESS_OK, "posted 1");
		expect_h2(&s, "POST", EGRESS_OK, "posted 2");
		expect_h2(&s, "POST", EGRESS_OK, "posted 3");
		tls_stop(&s);
	}
}

/* A kept connection may be dead when it is used: what is safe is sent once more. */
static void test_dead(void **state)
{
	struct tls_server s = start("serves_one");

	expect_h2(&s, "GET", EGRESS_OK, " 1");
	expect_h2(&s, "GET", EGRESS_OK, " 2");
	expect_h2(&s, "POST", EGRESS_RESET, "");
	expect_h2(&s, "POST", EGRESS_OK, "posted 3");
	tls_stop(&s);
}

/* What a server says of a call that was not made yet is no answer to it. */
static void test_forges(void **state)
{
	struct tls_server s = start("forges");
	struct result r;

	expect_h2(&s, "POST", EGRESS_OK, "posted 1");
	r = ask_forger(&s);
	assert_int_equal(r.failure, EGRESS_OK);
	assert_true(bytes_is(buf_bytes(&r.body), "posted 2"));
	result_done(&r);
	tls_stop(&s);
}

/* A server that said nothing in a call's time gets no other one on that connection; one that said something to others does. */
static void test_silent(void **state)
{
	struct tls_server s = start("silent");

	timeout_ms = SHORT_MS;
	expect_h2(&s, "POST", EGRESS_TIMEOUT, "");
	timeout_ms = LONG_MS;
	expect_h2(&s, "POST", EGRESS_OK, "posted 2");
	tls_stop(&s);
}

/* ---- many at once ---- */

static struct many {
	struct result res;
	struct egress_call *call;
} many[MANY];

static void start_many(const struct tls_server *s, size_t n, int *waiting)
{
	struct url u = url_of("localhost", s->port, true);
	struct egress_request r = request_to(&u, "POST", "posted");

	*waiting = (int)n;
	for (size_t i = 0; i < n; i++) {
		many[i].res = (struct result){.waiting = waiting};
		assert_int_equal(egress_start(egress, &r, on_done, &many[i].res, &many[i].call), 0);
	}
}

/* Each of N has its answer, on CONNECTIONS at most. */
static void expect_many(const struct tls_server *s, size_t n, unsigned connections)
{
	int waiting;

	start_many(s, n, &waiting);
	run_loop();
	for (size_t i = 0; i < n; i++) {
		struct bytes body = buf_bytes(&many[i].res.body);
		uint64_t number;

		assert_int_equal(many[i].res.failure, EGRESS_OK);
		assert_true(bytes_starts(body, BYTES("posted ")));
		assert_int_equal(text_to_u64(bytes_skip(body, 7), connections, &number), 0);
		result_done(&many[i].res);
	}
}

static void test_many(void **state)
{
	struct tls_server s = start("echo");

	/* It is not known yet what it speaks: each makes its own, and not again. */
	expect_many(&s, 3, 3);
	expect_many(&s, MANY, 5);
	tls_stop(&s);
}

/* Connections come and go under them; those that wait do it together. */
static void test_many_go(void **state)
{
	struct tls_server s = start("goes_soon");

	expect_h2(&s, "POST", EGRESS_OK, "posted 1");
	for (int i = 0; i < 5; i++)
		expect_many(&s, 50, 30);
	tls_stop(&s);
}

static void test_one_at_a_time(void **state)
{
	struct tls_server s = start("one_at_a_time");

	expect_many(&s, 40, 40);
	expect_many(&s, 40, 80);
	tls_stop(&s);
}

/* A server that takes few is not asked for more than that, once that is known. */
static void test_ten_at_once(void **state)
{
	struct tls_server s = start("ten_at_once");

	expect_h2(&s, "POST", EGRESS_OK, "posted 1");
	expect_many(&s, 100, 40);
	expect_many(&s, 100, 40);
	tls_stop(&s);
}

/* One that is there and has room is taken before one that may never be. */
static void test_hole(void **state)
{
	struct tls_server s = start("one_and_a_hole");
	struct url u = url_of("localhost", s.port, true);
	struct egress_request r = request_to(&u, "POST", "slow");
	int waiting = 1, never = 2;

	expect_h2(&s, "POST", EGRESS_OK, "posted 1");
	many[0].res = (struct result){.waiting = &waiting};
	many[1].res = (struct result){.waiting = &never};
	assert_int_equal(egress_start(egress, &r, on_done, &many[0].res, &many[0].call), 0);
	assert_int_equal(egress_start(egress, &r, on_done, &many[1].res, &many[1].call), 0);
	run_loop();
	assert_int_equal(many[0].res.failure, EGRESS_OK);
	result_done(&many[0].res);
	timeout_ms = SHORT_MS;
	expect_h2(&s, "POST", EGRESS_OK, "posted 1");
	egress_cancel(many[1].call);
	tls_stop(&s);
}

/* By HTTP/1.1, of ten that are dead one is tried, and then a new one. */
static void test_many_dead(void **state)
{
	struct tls_server s = start("http1_kept");
	struct url u = url_of("localhost", s.port, true);
	struct egress_request r = request_to(&u, "GET", "");
	int waiting = 10;

	for (size_t i = 0; i < 10; i++) {
		many[i].res = (struct result){.waiting = &waiting};
		assert_int_equal(egress_start(egress, &r, on_done, &many[i].res, &many[i].call), 0);
	}
	run_loop();
	for (size_t i = 0; i < 10; i++)
		result_done(&many[i].res);
	expect_h2(&s, "GET", EGRESS_OK, "asked again: 1");
	tls_stop(&s);
}

/* Answers come in whatever order the server likes. */
static void test_order(void **state)
{
	struct tls_server s = start("at_last");

	expect_h2(&s, "POST", EGRESS_OK, "first");
	expect_many(&s, 10, 1);
	expect_many(&s, 10, 1);
	tls_stop(&s);
}

/* What was on its way of one that was given up is nothing against the others. */
static void test_large_beside_small(void **state)
{
	struct tls_server s = start("large_and_small");
	struct url u = url_of("localhost", s.port, true);
	struct egress_request large = request_to(&u, "GET", ""),
			      small = request_to(&u, "POST", "posted");
	int waiting = 2;

	expect_h2(&s, "GET", EGRESS_OK, "hello");
	many[0].res = many[1].res = (struct result){.waiting = &waiting};
	assert_int_equal(egress_start(egress, &large, on_done, &many[0].res, &many[0].call), 0);
	assert_int_equal(egress_start(egress, &small, on_done, &many[1].res, &many[1].call), 0);
	run_loop();
	assert_int_equal(many[0].res.failure, EGRESS_TOO_LARGE);
	assert_int_equal(many[1].res.failure, EGRESS_OK);
	assert_true(bytes_is(buf_bytes(&many[1].res.body), "hello"));
	result_done(&many[0].res);
	result_done(&many[1].res);
	tls_stop(&s);
}

/* ---- leaving ---- */

/* Some are given up, at once or on the way: the others have their answers. */
static void test_cancel(void **state)
{
	struct tls_server s = start("echo");
	int waiting;

	for (size_t from = 0; from < 3; from++) {
		start_many(&s, 60, &waiting);
		for (size_t i = from; i < 60; i += 3) {
			egress_cancel(many[i].call);
			waiting--;
		}
		run_loop();
		for (size_t i = 0; i < 60; i++)
			if (i % 3 != from) {
				assert_int_equal(many[i].res.failure, EGRESS_OK);
				result_done(&many[i].res);
			}
	}
	tls_stop(&s);
}

/* Whoever is told gives others up, and asks for more. */
static size_t told;

static void on_told(void *arg, const struct egress_answer *a)
{
	const struct tls_server *s = arg;
	struct url u = url_of("localhost", s->port, true);
	struct egress_request r = request_to(&u, "POST", "posted");

	told++;
	for (size_t i = 0; i < 20; i++)
		if (many[i].call) {
			egress_cancel(many[i].call);
			many[i].call = NULL;
		}
	if (told == 20)
		loop_stop(loop);
	else
		assert_int_equal(
			egress_start(egress, &r, on_told, arg, &(struct egress_call *){NULL}), 0);
}

static void on_other(void *arg, const struct egress_answer *a)
{
	struct many *m = arg;

	m->call = NULL;
}

static void one_told(const char *how)
{
	struct tls_server s = start(how);
	struct url u = url_of("localhost", s.port, true);
	struct egress_request r = request_to(&u, "POST", "posted");

	told = 0;
	assert_int_equal(egress_start(egress, &r, on_told, &s, &(struct egress_call *){NULL}), 0);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(egress_start(egress, &r, on_other, &many[i], &many[i].call), 0);
	run_loop();
	tls_stop(&s);
}

static void test_told(void **state)
{
	static const char *const how[] = {"echo",     "goes_after", "resets",
					  "hangs_up", "http1",	    "bad_frame"};

	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		one_told(how[i]);
		use_ca(buf_bytes(&right_ca));
	}
}

/* The client ends while calls are under way. */
static void test_ends(void **state)
{
	static const char *const how[] = {"silent", "echo"};

	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		struct tls_server s = start(how[i]);
		int waiting;

		timeout_ms = i == 0 ? SHORT_MS : LONG_MS;
		expect_h2(&s, "POST", i == 0 ? EGRESS_TIMEOUT : EGRESS_OK, "posted 1");
		start_many(&s, 50, &waiting);
		use_ca(buf_bytes(&right_ca));
		tls_stop(&s);
	}
}

static int h2_start(void **state)
{
	int r = each_start(state);

	timeout_ms = LONG_MS;
	use_ca(buf_bytes(&right_ca));
	return r;
}

#define H2_CASE(fn) cmocka_unit_test_setup_teardown(fn, h2_start, each_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_library, no_library_start, each_end),
		H2_CASE(test_answers),
		H2_CASE(test_large),
		H2_CASE(test_kept),
		H2_CASE(test_goes),
		H2_CASE(test_dead),
		H2_CASE(test_forges),
		H2_CASE(test_silent),
		H2_CASE(test_many),
		H2_CASE(test_many_go),
		H2_CASE(test_one_at_a_time),
		H2_CASE(test_ten_at_once),
		H2_CASE(test_hole),
		H2_CASE(test_many_dead),
		H2_CASE(test_answers_early),
		H2_CASE(test_order),
		H2_CASE(test_large_beside_small),
		H2_CASE(test_cancel),
		H2_CASE(test_told),
		H2_CASE(test_ends),
	};

	return cmocka_run_group_tests_name("client_h2", tests, tls_all_start, tls_all_end);
}
