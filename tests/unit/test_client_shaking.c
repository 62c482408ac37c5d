/* SPDX-License-Identifier: ISC */
/* The HTTPS client: of many TLS handshakes some are under way, and the others wait for their turn. */
#include "client_rig.h"

#include <fcntl.h>
#include <time.h>

#define AT_ONCE 128 /* SHAKING_MAX */
#define CALLS	200

static struct call {
	struct egress_call *call; /* NULL once over */
	enum egress_failure failure;
} calls[CALLS];
static size_t over; /* of them */

/* A server that takes connections and says nothing. */
static int mute;
static uint16_t mute_port;
static int taken[CALLS]; /* in their order */
static size_t n_taken;

/* ---- time stands still until a test lets it pass ---- */

static int64_t now_msec = 1000000;

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	*t = (struct timespec){.tv_sec = now_msec / 1000, .tv_nsec = now_msec % 1000 * 1000000};
	return 0;
}

/* ---- calls, and a server ---- */

static void on_over(void *arg, const struct egress_answer *a)
{
	struct call *c = arg;

	assert_false(a->sent);
	c->call = NULL;
	c->failure = a->failure;
	over++;
}

static void take_connections(void)
{
	int fd;

	while (n_taken < CALLS &&
	       (fd = accept4(mute, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		taken[n_taken++] = fd;
}

/* The client has begun a handshake there. */
static bool is_greeted(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static size_t greeted(void)
{
	size_t n = 0;

	for (size_t i = 0; i < n_taken; i++)
		n += is_greeted(taken[i]);
	return n;
}

/* The client has gone without a word. */
static size_t left(void)
{
	size_t n = 0;
	char c;

	for (size_t i = 0; i < n_taken; i++)
		n += recv(taken[i], &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
	return n;
}

static void start_calls(size_t n)
{
	struct url u = url_of("127.0.0.1", mute_port, true);
	struct egress_request r = request(&u, "/");

	for (size_t i = 0; i < n; i++)
		assert_int_equal(egress_start(egress, &r, on_over, &calls[i], &calls[i].call), 0);
}

static size_t want_taken, want_greeted, want_over;

/* After each turn of the loop. */
static void look(void *arg)
{
	take_connections();
	if (n_taken >= want_taken && greeted() + left() >= want_greeted && over >= want_over)
		loop_stop(loop);
}

static void tick(void *arg)
{
	assert_int_equal(loop_timer_set(loop, arg, 0), 0);
}

static void run_until(size_t t, size_t g, size_t o)
{
	struct loop_timer ticks = {.fn = tick, .arg = &ticks};

	want_taken = t;
	want_greeted = g;
	want_over = o;
	assert_int_equal(loop_timer_set(loop, &ticks, 0), 0);
	assert_int_equal(loop_run(loop, look, NULL), 0);
	loop_timer_clear(loop, &ticks);
}

static int shaking_start(void **state)
{
	memset(calls, 0, sizeof(calls));
	over = n_taken = 0;
	mute = listen_on_loopback(&mute_port);
	if (fcntl(mute, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	return each_start(state);
}

static int shaking_end(void **state)
{
	int r = each_end(state);

	for (size_t i = 0; i < n_taken; i++)
		close(taken[i]);
	close(mute);
	return r;
}

/* ---- tests ---- */

/* So many begin; egress_free() finds the others waiting. */
static void test_so_many_at_once(void **state)
{
	start_calls(CALLS);
	run_until(CALLS, AT_ONCE, 0);
	assert_int_equal(greeted(), AT_ONCE);
	assert_int_equal(over, 0);
}

/* Where one ends, whichever way, the next begins. */
static void test_the_next(void **state)
{
	size_t closed = 0;

	start_calls(CALLS);
	run_until(CALLS, AT_ONCE, 0);
	for (size_t i = 0; i < n_taken && closed < 10; i++)
		if (is_greeted(taken[i])) {
			close(taken[i]);
			taken[i] = taken[--n_taken];
			closed++;
			i--;
		}
	run_until(CALLS - 10, AT_ONCE, 10);
	for (size_t i = 0; i < CALLS; i++)
		assert_true(calls[i].call || calls[i].failure == EGRESS_TLS);
}

/* The server goes while its turn has not come. */
static void test_gone_while_it_waits(void **state)
{
	const struct linger now = {.l_onoff = 1};
	size_t i = 0;

	start_calls(CALLS);
	run_until(CALLS, AT_ONCE, 0);
	while (is_greeted(taken[i]))
		i++;
	setsockopt(taken[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(taken[i]);
	taken[i] = taken[--n_taken];
	run_until(CALLS - 1, AT_ONCE, 1);
	for (size_t k = 0; k < CALLS; k++)
		assert_true(calls[k].call || calls[k].failure == EGRESS_CONNECT);
}

static void test_called_off(void **state)
{
	size_t n = 0;

	start_calls(CALLS);
	run_until(CALLS, AT_ONCE, 0);
	/* All sorts, the last that waits among them; the others have their turn. */
	for (size_t i = 0; i < CALLS; i++)
		if (i % 2 || i == CALLS - 2) {
			egress_cancel(calls[i].call);
			calls[i].call = NULL;
			n++;
		}
	assert_true(CALLS - n <= AT_ONCE);
	run_until(CALLS, CALLS, 0);
	assert_int_equal(over, 0);
	assert_true(left() > 0 && greeted() > AT_ONCE);
}

/* Their time is over while they wait. */
static void test_waits_too_long(void **state)
{
	struct url u = url_of("127.0.0.1", mute_port, true);
	struct egress_request r = request(&u, "/");

	start_calls(CALLS - 20);
	r.timeout_ms = 100;
	for (size_t i = CALLS - 20; i < CALLS; i++)
		assert_int_equal(egress_start(egress, &r, on_over, &calls[i], &calls[i].call), 0);
	run_until(CALLS, AT_ONCE, 0);
	now_msec += 100;
	run_until(CALLS, AT_ONCE, 20);
	for (size_t i = 0; i < CALLS; i++)
		assert_true(calls[i].call || calls[i].failure == EGRESS_TIMEOUT);
}

/*
 * Servers that say nothing do not keep the others from their turn for long: all begin before the first is given up.
 */
static void test_silent_ones_do_not_block(void **state)
{
	start_calls(CALLS);
	run_until(CALLS, AT_ONCE, 0);
	now_msec += 500;
	run_until(CALLS, CALLS, 0);
	assert_int_equal(over, 0);
	now_msec += 500;
	run_until(CALLS, CALLS, 0);
	assert_int_equal(over, 0);
	now_msec += EGRESS_CONNECT_MS - 1000;
	run_until(CALLS, CALLS, AT_ONCE);
	assert_int_equal(over, AT_ONCE);
	now_msec += 500;
	run_until(CALLS, CALLS, CALLS);
	for (size_t i = 0; i < CALLS; i++)
		assert_int_equal(calls[i].failure, EGRESS_CONNECT);
}

#undef CASE
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, shaking_start, shaking_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_so_many_at_once),	CASE(test_the_next),
		CASE(test_gone_while_it_waits), CASE(test_called_off),
		CASE(test_waits_too_long),	CASE(test_silent_ones_do_not_block),
	};

	alarm(120); /* the clock that the loop sees would end nothing */
	return cmocka_run_group_tests_name("client_shaking", tests, all_start, NULL);
}
