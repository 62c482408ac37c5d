/* SPDX-License-Identifier: ISC */
/* The gateway's own lines, between the supervisor and a scribe: each is said until it is durable, in the order in which they came to be. */
#include "test.h"

#include "role/events.h"

static struct {
	struct loop *loop;
	struct channel ours, scribe;
	struct events events;
	bool durable;	  /* what the scribe answers */
	struct buf heard; /* by the scribe: each event's name, and a space */
} rig;

static void on_event(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	const struct s_event *m = msg;

	assert_int_equal(number, MSG_s_event);
	buf_put_bytes(&rig.heard, m->event);
	buf_putc(&rig.heard, ' ');
	channel_send(c, r_event, .number = m->number, .durable = rig.durable);
}

static void on_answer(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	assert_int_equal(number, MSG_r_event);
	events_heard(&rig.events, msg);
}

static void on_closed(void *arg, struct channel *c, bool bad)
{
}

static void stop(void *arg)
{
	loop_stop(rig.loop);
}

/* What was said is heard, and answered. */
static void talk(void)
{
	struct loop_timer now = {.fn = stop};

	for (int turns = 0; turns < 4; turns++) {
		assert_int_equal(loop_timer_set(rig.loop, &now, 0), 0);
		assert_int_equal(loop_run(rig.loop, NULL, NULL), 0);
	}
}

static void expect_heard(const char *events)
{
	talk();
	assert_true(bytes_is(buf_bytes(&rig.heard), events));
	buf_reset(&rig.heard);
}

static void scribe_comes(void)
{
	int fds[2];

	assert_int_equal(channel_pair(fds), 0);
	assert_int_equal(channel_open(&rig.ours, fds[0]), 0);
	assert_int_equal(channel_open(&rig.scribe, fds[1]), 0);
}

static int setup(void **state)
{
	rig.heard = BUF_INIT(4096);
	rig.durable = true;
	assert_int_equal(loop_new(&rig.loop), 0);
	channel_init(&rig.ours, rig.loop, &edge_supervisor, SIDE_A, on_answer, on_closed, NULL);
	channel_init(&rig.scribe, rig.loop, &edge_supervisor, SIDE_B, on_event, on_closed, NULL);
	events_init(&rig.events, rig.loop, &rig.ours);
	return 0;
}

static int teardown(void **state)
{
	events_done(&rig.events);
	channel_close(&rig.ours);
	channel_close(&rig.scribe);
	loop_free(rig.loop);
	buf_done(&rig.heard);
	return 0;
}

static void test_durable(void **state)
{
	scribe_comes();
	events_add(&rig.events, "one", "1");
	events_add(&rig.events, "two", "2");
	expect_heard("one two ");
	assert_int_equal(rig.events.n, 0);
	events_greet(&rig.events);
	expect_heard("");
}

/* Those that nobody could hear are for the scribe that comes; so are those that were said to the one before. */
static void test_new_scribe(void **state)
{
	events_add(&rig.events, "one", "1");
	events_add(&rig.events, "two", "2");
	scribe_comes();
	events_greet(&rig.events);
	channel_close(&rig.scribe);
	channel_close(&rig.ours);
	scribe_comes();
	events_add(&rig.events, "three", "3");
	events_greet(&rig.events);
	talk();
	assert_int_equal(rig.events.n, 0);
	assert_true(bytes_find(buf_bytes(&rig.heard), BYTES("one two three ")) < rig.heard.n);
}

/* What could not be written is said again a second later… */
static void test_again(void **state)
{
	scribe_comes();
	rig.durable = false;
	events_add(&rig.events, "one", "1");
	events_add(&rig.events, "two", "2");
	expect_heard("one two ");
	assert_int_equal(rig.events.n, 2);
	assert_true(rig.events.again.due > loop_now(rig.loop));
	rig.durable = true;
	rig.events.again.fn(rig.events.again.arg);
	expect_heard("one two ");
	assert_int_equal(rig.events.n, 0);
}

/* … and before what comes in between, which may be the last that this gateway says. */
static void test_before_the_next(void **state)
{
	scribe_comes();
	rig.durable = false;
	events_add(&rig.events, "start", "1");
	expect_heard("start ");
	rig.durable = true;
	events_add(&rig.events, "stop", "1");
	expect_heard("start stop ");
	assert_int_equal(rig.events.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_durable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_scribe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_before_the_next, setup, teardown),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
