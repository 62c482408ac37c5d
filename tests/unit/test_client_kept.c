/* SPDX-License-Identifier: ISC */
/* The HTTPS client: how many connections are kept, and for how long. */
#include "client_rig.h"

#include <time.h>

#define IDLE 16 /* open_client()'s */

/* ---- time passes ---- */

static time_t later; /* seconds */

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	int r = __real_clock_gettime(clock, t);

	t->tv_sec += later;
	return r;
}

static void stop(void *arg)
{
	loop_stop(loop);
}

/* The loop turns once after it: what is due is done. */
static void wait_for(time_t seconds)
{
	struct loop_timer t = {.fn = stop};

	later += seconds;
	assert_int_equal(loop_timer_set(loop, &t, 0), 0);
	assert_int_equal(loop_run(loop, NULL, NULL), 0);
}

/* ---- tests ---- */

static void test_idle_time(void **state)
{
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	wait_for(59);
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	assert_int_equal(server.counts->connections, 1);
	wait_for(59);
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	assert_int_equal(server.counts->connections, 1);
	wait_for(61);
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	assert_int_equal(server.counts->connections, 2);
}

/* However much it is used: a name may have moved. */
static void test_life(void **state)
{
	for (int i = 0; i < 12; i++) {
		expect("GET", "/ok", EGRESS_OK, 200, "hello");
		assert_int_equal(server.counts->connections, 1);
		wait_for(50);
	}
	wait_for(1);
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	assert_int_equal(server.counts->connections, 2);
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	assert_int_equal(server.counts->connections, 2);
}

static void ask_many(const char *host, size_t n)
{
	struct url u = url_of(host, server.port, false);
	struct egress_request r = request(&u, "/ok");
	struct result res[3 * IDLE];
	int waiting = (int)n;

	for (size_t i = 0; i < n; i++) {
		struct egress_call *c;

		res[i] = (struct result){.waiting = &waiting};
		assert_int_equal(egress_start(egress, &r, on_done, &res[i], &c), 0);
	}
	run_loop();
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(res[i].failure, EGRESS_OK);
		result_done(&res[i]);
	}
}

/* So many are kept, of all hosts together, and the youngest of them. */
static void test_idle_number(void **state)
{
	ask_many("127.0.0.1", 3 * IDLE);
	assert_int_equal(server.counts->connections, 3 * IDLE);
	ask_many("127.0.0.1", 3 * IDLE);
	assert_int_equal(server.counts->connections, 3 * IDLE + 2 * IDLE);
	/* Another host's take their places: of the first one's all but one are closed. */
	ask_many("localhost", IDLE - 1);
	assert_int_equal(server.counts->connections, 6 * IDLE - 1);
	ask_many("127.0.0.1", 2);
	assert_int_equal(server.counts->connections, 6 * IDLE);
	ask_many("localhost", IDLE - 2);
	assert_int_equal(server.counts->connections, 6 * IDLE);
}

/* Another name of the same host is another, and so is TLS. */
static void test_not_of_another(void **state)
{
	struct url u = url_of("127.0.0.1", server.port, true);
	struct egress_request r = request(&u, "/ok");
	struct result res;

	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	ask_many("localhost", 1);
	assert_int_equal(server.counts->connections, 2);
	res = run(&r);
	assert_int_equal(res.failure, EGRESS_TLS);
	assert_false(res.sent);
	result_done(&res);
	assert_int_equal(server.counts->connections, 3);
	assert_int_equal(server.counts->requests, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_idle_time),
		CASE(test_life),
		CASE(test_idle_number),
		CASE(test_not_of_another),
	};

	return cmocka_run_group_tests_name("client_kept", tests, all_start, NULL);
}
