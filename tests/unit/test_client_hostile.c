/* SPDX-License-Identifier: ISC */
/* The HTTPS client against servers that mean harm: answers that are not one answer, that never end, and too many at once. */
#include "client_rig.h"

#include <time.h>

#define HEAD	"HTTP/1.1 200 OK\r\n"
#define HELLO	HEAD "Content-Length: 5\r\n\r\nhello"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
/* Somebody else's answer, which the server would like us to read as the next. */
#define FORGED HEAD "Content-Length: 6\r\nX-Wanted: forged\r\n\r\nforged"

#define HELD_BYTES (EGRESS_BODY_MAX - 1)
#define DRIP_MS	   5

enum then { THEN_CLOSE, THEN_KEEP };

static const struct {
	const char *path;
	struct bytes says;
	enum then then;
	enum egress_failure failure;
	unsigned status;
	const char *body;
} answers[] = {
	/* lengths that lie */
	{"/more", BYTES(HEAD "Content-Length: 2\r\n\r\nhello"), THEN_KEEP, EGRESS_OK, 200, "he"},
	{"/less", BYTES(HEAD "Content-Length: 50\r\n\r\nhello"), THEN_CLOSE, EGRESS_RESET, 0, ""},
	{"/two-lengths", BYTES(HEAD "Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello"),
	 THEN_CLOSE, EGRESS_RESET, 0, ""},
	{"/negative", BYTES(HEAD "Content-Length: -5\r\n\r\nhello"), THEN_CLOSE, EGRESS_RESET, 0,
	 ""},
	{"/no-body", BYTES("HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nhi"), THEN_KEEP, EGRESS_OK,
	 204, ""},
	/* chunks that lie */
	{"/chunk-huge", BYTES(CHUNKED "ffffffffffffffffff\r\n"), THEN_CLOSE, EGRESS_RESET, 0, ""},
	{"/chunk-negative", BYTES(CHUNKED "-1\r\nx\r\n0\r\n\r\n"), THEN_CLOSE, EGRESS_RESET, 0, ""},
	{"/chunk-cut", BYTES(CHUNKED "5\r\nhel"), THEN_CLOSE, EGRESS_RESET, 0, ""},
	{"/chunk-endless", BYTES(CHUNKED "5\r\nhello\r\n"), THEN_CLOSE, EGRESS_RESET, 0, ""},
	{"/chunk-length",
	 BYTES(HEAD "Content-Length: 500\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "5\r\nhello\r\n0\r\n\r\n"),
	 THEN_CLOSE, EGRESS_OK, 200, "hello"},
	{"/chunk-twice", BYTES(HEAD "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
	 THEN_CLOSE, EGRESS_RESET, 0, ""},
	/* heads that are none */
	{"/switch", BYTES("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0"),
	 THEN_CLOSE, EGRESS_RESET, 0, ""},
	{"/nul", BYTES(HEAD "X-Wanted: a\0b\r\nContent-Length: 0\r\n\r\n"), THEN_CLOSE,
	 EGRESS_RESET, 0, ""},
	{"/status-0", BYTES("HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n"), THEN_CLOSE,
	 EGRESS_RESET, 0, ""},
	{"/status-long", BYTES("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"), THEN_CLOSE,
	 EGRESS_RESET, 0, ""},
	{"/http-2", BYTES("HTTP/2 200\r\nContent-Length: 2\r\n\r\nhi"), THEN_CLOSE, EGRESS_RESET, 0,
	 ""},
	{"/http-9", BYTES("HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n"), THEN_CLOSE, EGRESS_RESET,
	 0, ""},
	{"/icy", BYTES("ICY 200 OK\r\nContent-Length: 0\r\n\r\n"), THEN_CLOSE, EGRESS_RESET, 0, ""},
	/* an answer and another one */
	{"/forged", BYTES(HELLO FORGED), THEN_KEEP, EGRESS_OK, 200, "hello"},
	{"/forged-none", BYTES("HTTP/1.1 204 No\r\n\r\n" FORGED), THEN_KEEP, EGRESS_OK, 204, ""},
	{"/forged-304", BYTES("HTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n" FORGED), THEN_KEEP,
	 EGRESS_OK, 304, ""},
	{"/forged-chunk", BYTES(CHUNKED "5\r\nhello\r\n0\r\n\r\n" FORGED), THEN_KEEP, EGRESS_OK,
	 200, "hello"},
};

/* These are said first, then again and again. */
static const struct {
	const char *path, *first, *again;
	bool slow;
} endless[] = {
	{"/trailers", CHUNKED "0\r\n", "X-More: 0123456789abcdef0123456789abcdef\r\n", false},
	{"/trailer", CHUNKED "0\r\nX-More: ", "0123456789abcdef0123456789abcdef", false},
	{"/extension", CHUNKED "5;more=", "0123456789abcdef0123456789abcdef", false},
	{"/drip-head", HEAD "X-More: ", "a", true},
	{"/drip-body", HEAD "Content-Length: 1000000\r\n\r\n", "a", true},
	{"/drip-chunks", CHUNKED, "1\r\na\r\n", true},
	{"/drip-interim", "", "HTTP/1.1 103 Early Hints\r\n\r\n", true},
};

/* ---- the server ---- */

static bool say_bytes(int fd, struct bytes b)
{
	while (b.n) {
		ssize_t n = send(fd, b.p, b.n, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		b = bytes_skip(b, (size_t)n);
	}
	return true;
}

static void say_slowly(int fd, const char *text)
{
	while (say(fd, text))
		usleep(DRIP_MS * 1000);
}

/* Until the other child, or the test, has set it. */
static void await(struct counts *counts, int value)
{
	for (int ms = 0; counts->late != value && ms < PATIENCE_MS; ms++)
		usleep(1000);
}

/* All but the last byte of a large answer, and no more. */
static int hold(int fd, struct counts *counts)
{
	struct buf b = BUF_INIT(EGRESS_BODY_MAX + 100);
	void *p;

	buf_printf(&b, HEAD "Content-Length: %d\r\n\r\n", EGRESS_BODY_MAX);
	p = buf_extend(&b, HELD_BYTES);
	if (!p)
		abort();
	memset(p, 'x', HELD_BYTES);
	counts->late += say_bytes(fd, buf_bytes(&b));
	buf_done(&b);
	return 1;
}

static int own_path(int fd, struct bytes path, struct counts *counts)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (bytes_is(path, answers[i].path)) {
			say_bytes(fd, answers[i].says);
			return answers[i].then == THEN_KEEP;
		}
	for (size_t i = 0; i < ARRAY_LEN(endless); i++)
		if (bytes_is(path, endless[i].path)) {
			say(fd, endless[i].first);
			if (endless[i].slow)
				say_slowly(fd, endless[i].again);
			else
				say_again(fd, endless[i].again);
			return 0;
		}
	if (bytes_is(path, "/held"))
		return hold(fd, counts);
	/* An answer; and, when another connection asks for it, one that nobody asked for. */
	if (bytes_is(path, "/late")) {
		say(fd, HELLO);
		await(counts, 1);
		say(fd, FORGED);
		counts->late = 2;
		return 1;
	}
	if (bytes_is(path, "/tell")) {
		counts->late = 1;
		await(counts, 2);
		return say(fd, HELLO);
	}
	return -1;
}

/* ---- one answer a request ---- */

static void test_answers(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		expect("GET", answers[i].path, answers[i].failure, answers[i].status,
		       answers[i].body);
		/* What it said beyond is nobody's answer. */
		expect("GET", "/ok", EGRESS_OK, 200, "hello");
		expect("POST", "/ok", EGRESS_OK, 200, "hello");
	}
}

static void expect_at(const char *host, const char *target)
{
	struct url u = url_of(host, server.port, false);
	struct egress_request r = request(&u, target);
	struct result res = run(&r);
	struct bytes v;

	assert_int_equal(res.failure, EGRESS_OK);
	assert_true(bytes_is(buf_bytes(&res.body), "hello"));
	assert_false(plist_get(buf_bytes(&res.headers), "X-Wanted", &v));
	result_done(&res);
}

/* A kept connection that speaks unasked is not used again, neither for a read nor for a change. */
static void test_late_answer(void **state)
{
	expect_at("127.0.0.1", "/late");
	expect_at("localhost", "/tell");
	expect("POST", "/ok", EGRESS_OK, 200, "hello");
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	assert_int_equal(server.counts->connections, 3);
}

/* ---- time ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* How a request for what never ends fails within MSEC. */
static struct result run_endless(const char *path, uint32_t msec)
{
	struct url u = url_of("127.0.0.1", server.port, false);
	struct egress_request r = request(&u, path);
	int64_t began = now_ms();
	struct result res;

	r.timeout_ms = msec;
	res = run(&r);
	if (now_ms() - began > msec + 2000)
		fail_msg("%s: it takes %d ms", path, (int)(now_ms() - began));
	if (res.failure == EGRESS_OK || res.failure == EGRESS_INTERNAL)
		fail_msg("%s: %s", path, egress_failure_text(res.failure));
	return res;
}

static void test_endless(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
		struct result res = run_endless(endless[i].path, 200);

		/* On a busy machine the time may be over before there is a connection. */
		if (!res.sent) {
			result_done(&res);
			res = run_endless(endless[i].path, 5000);
		}
		assert_true(res.sent);
		result_done(&res);
	}
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
}

/* Those that never end are called off, and the one that asks in between is served. */
static void test_endless_beside_good(void **state)
{
	struct url u = url_of("127.0.0.1", server.port, false);
	struct egress_call *calls[ARRAY_LEN(endless)];
	struct result res = {.done = false};

	for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
		struct egress_request r = request(&u, endless[i].path);
		/* Without those that are too large in no time. */
		calls[i] = NULL;
		if (endless[i].slow)
			assert_int_equal(egress_start(egress, &r, on_done, &res, &calls[i]), 0);
	}
	for (int i = 0; i < 20; i++)
		expect("POST", "/ok", EGRESS_OK, 200, "hello");
	for (size_t i = 0; i < ARRAY_LEN(endless); i++)
		if (calls[i])
			egress_cancel(calls[i]);
	assert_false(res.done);
}

/* ---- memory ---- */

static void check_held(void *arg)
{
	struct loop_timer *t = arg;

	if (server.counts->late < EGRESS_LARGE_MAX / EGRESS_BODY_MAX)
		assert_int_equal(loop_timer_set(loop, t, 1), 0);
	else
		loop_stop(loop);
}

/*
 * As many large answers as there is room for wait for their last byte. The next large one finds no
 * room, small ones do; and when the others are called off, there is room again.
 */
static void test_many_large(void **state)
{
	enum { N = EGRESS_LARGE_MAX / EGRESS_BODY_MAX };
	struct url u = url_of("127.0.0.1", server.port, false);
	struct egress_request r = request(&u, "/held");
	struct loop_timer poll = {.fn = check_held, .arg = &poll};
	struct result res = {.done = false};
	struct egress_call *calls[N];

	for (size_t i = 0; i < N; i++)
		assert_int_equal(egress_start(egress, &r, on_done, &res, &calls[i]), 0);
	assert_int_equal(loop_timer_set(loop, &poll, 1), 0);
	run_loop();
	/* What the server has sent is in our buffers once one more answer has come. */
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	expect("GET", "/held", EGRESS_BUSY, 0, "");
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	assert_false(res.done);
	for (size_t i = 0; i < N; i++)
		egress_cancel(calls[i]);
	r.timeout_ms = 300;
	res = run(&r);
	assert_int_equal(res.failure, EGRESS_TIMEOUT);
	result_done(&res);
}

static int hostile_start(void **state)
{
	server.own = own_path;
	return all_start(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_answers),    CASE(test_late_answer),
		CASE(test_endless),    CASE(test_endless_beside_good),
		CASE(test_many_large),
	};

	return cmocka_run_group_tests_name("client_hostile", tests, hostile_start, NULL);
}
