/* SPDX-License-Identifier: ISC */
/* What is said on two edges can be heard in the order in which it was said; and what may come late. */
#include "ipc_rig.h"

/* A vault's ends, and those who hear it. */
static struct order {
	struct end to_courier, to_planner, courier, planner;
	uint64_t n;	  /* what the courier was told last */
	uint64_t said[5]; /* by what the planner is told: what the courier had been told before */
	bool in_order;
	struct loop_end end;
} o;

/* Whatever the planner has heard, the courier can hear what was said before that. */
static void planner_hears(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	uint64_t before = o.said[*(const uint64_t *)msg];

	while (o.courier.last < before && channel_catch_up(&o.courier.c))
		;
	o.in_order = o.in_order && o.courier.last >= before;
	on_message(arg, c, number, msg, fd);
}

static int open_both(void **state)
{
	memset(&o, 0, sizeof(o));
	open_pair(&o.to_courier, &o.courier, &edge_vault_courier);
	open_pair_on(o.courier.loop, &o.to_planner, &o.planner, &edge_vault_planner);
	o.planner.c.fn = planner_hears;
	o.in_order = true;
	channel_order(&o.to_courier.c, &o.to_planner.c);
	return 0;
}

static int close_both(void **state)
{
	channel_close(&o.to_planner.c);
	channel_close(&o.planner.c);
	close_pair(&o.to_courier, &o.courier);
	return 0;
}

static uint64_t tell_courier(void)
{
	channel_send(&o.to_courier.c, vc_end, .call = ++o.n);
	return o.n;
}

/* Until the socket takes no more, and some wait. The loop does not run: each is a packet. */
static uint64_t fill(void)
{
	uint64_t n;

	do
		n = tell_courier();
	while (!o.to_courier.c.head);
	return n;
}

static void tell_planner(uint64_t n, uint64_t said)
{
	o.said[n] = said;
	channel_send(&o.to_planner.c, vp_abort, .call = n);
}

static bool can_hear(const struct end *e)
{
	char c;

	return recv(e->c.watch.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/* The courier reads nothing for a while: what the planner is told waits for that. */
static void test_waits(void **state)
{
	for (uint64_t n = 1; n <= 4; n++) {
		tell_planner(n, fill());
		assert_non_null(o.to_planner.c.head);
	}
	assert_false(can_hear(&o.planner));
	o.planner.stop_at = 4;
	assert_int_equal(loop_run(o.planner.loop, NULL, NULL), 0);
	assert_true(o.in_order);
	assert_int_equal(o.planner.messages, 4);
}

/* It goes as soon as it may, though more waits for the courier that was said later. */
static void test_does_not_wait_for_later(void **state)
{
	tell_planner(1, fill());
	for (unsigned i = 0; i < 5000; i++)
		tell_courier();
	o.planner.stop_at = 1;
	assert_int_equal(loop_run(o.planner.loop, NULL, NULL), 0);
	assert_true(o.in_order);
	assert_non_null(o.to_courier.c.head);
}

/* At the end of the turn, between the two. */
static void look(void *arg)
{
	assert_true(can_hear(&o.planner) && can_hear(&o.courier));
}

static void say_in_a_turn(void *arg)
{
	uint64_t n = tell_courier();

	o.end = (struct loop_end){.fn = look};
	loop_end_set(o.planner.loop, &o.end);
	tell_planner(1, n);
}

/* What was said in one turn of the loop goes out at its end. */
static void test_in_a_turn(void **state)
{
	o.planner.stop_at = 1;
	in_a_turn(say_in_a_turn, &o.planner);
	assert_true(o.in_order);
}

static void fill_a_packet(void *arg)
{
	static unsigned char much[RECORD_VALUE_MAX];

	o.said[1] = tell_courier();
	for (size_t n = 0; n < 2 * WIRE_MAX; n += sizeof(much))
		channel_send(&o.to_planner.c, vp_op, .call = 1, .provider = BYTES("powerdns"),
			     .value = bytes_of(much, sizeof(much)));
	look(NULL);
}

/* A packet that is full goes before the turn's end, and then so does what comes before it. */
static void test_full_packet(void **state)
{
	o.planner.stop_at = 2;
	in_a_turn(fill_a_packet, &o.planner);
	assert_true(o.in_order);
}

/* Nobody is left to hear what waited: the planner waits for it no more. */
static void test_first_is_closed(void **state)
{
	tell_planner(1, 0);
	fill();
	tell_planner(2, 0);
	assert_non_null(o.to_planner.c.head);
	channel_close(&o.to_courier.c);
	o.planner.stop_at = 2;
	assert_int_equal(loop_run(o.planner.loop, NULL, NULL), 0);
	assert_int_equal(o.planner.messages, 2);
	tell_planner(3, 0);
	assert_null(o.to_planner.c.head);
}

/* The other goes, of which some words wait for itself, and some for what the courier is told. */
static void test_second_is_closed(void **state)
{
	uint64_t n;

	do
		tell_planner(1, 0);
	while (!o.to_planner.c.head);
	n = fill();
	tell_planner(2, n);
	channel_close(&o.to_planner.c);
	assert_null(o.to_planner.c.head);
	channel_close(&o.planner.c);
	o.courier.stop_at = (unsigned)n;
	assert_int_equal(loop_run(o.courier.loop, NULL, NULL), 0);
	assert_true(o.courier.last == n);
}

static void say_and_close(void *arg)
{
	tell_courier();
	tell_planner(1, 1);
	channel_close(&o.to_planner.c);
	assert_false(can_hear(&o.courier));
}

/* It has no last words: they would come before what the courier is told. */
static void test_no_last_words(void **state)
{
	in_a_turn(say_and_close, &o.planner);
	assert_int_equal(o.planner.closed, 1);
	assert_int_equal(o.planner.messages, 0);
}

/* Nothing there; the peer gone; closed. */
static void test_nothing_to_catch_up(void **state)
{
	assert_false(channel_catch_up(&o.courier.c));
	channel_close(&o.to_courier.c);
	assert_false(channel_catch_up(&o.courier.c));
	assert_int_equal(o.courier.closed, 1);
	assert_false(channel_catch_up(&o.courier.c));
	assert_int_equal(o.courier.closed, 1);
}

/* ---- late ---- */

static void say_late(void *arg)
{
	struct end *a = arg;

	for (uint64_t n = 1; n <= 2; n++)
		channel_send_late(&a->c, MSG_vc_end, &(const struct vc_end){.call = n});
	loop_stop(a->loop);
}

static void say_now(void *arg)
{
	struct end *a = arg;

	channel_send(&a->c, vc_end, .call = 3);
	loop_stop(a->loop);
}

/* With the next message, in one packet and before it. */
static void test_late_with_the_next(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	in_a_turn(say_late, &a);
	assert_int_equal(b.messages, 0);
	assert_true(a.c.late.due != 0);
	in_a_turn(say_now, &a);
	assert_int_equal(a.c.late.due, 0);
	assert_true(channel_catch_up(&b.c));
	assert_int_equal(b.messages, 3);
	assert_true(b.last == 3);
	close_pair(&a, &b);
}

/* Behind a message of the same turn there is nothing to be waited for. */
static void say_both(void *arg)
{
	struct end *a = arg;

	say_now(a);
	say_late(a);
	assert_int_equal(a->c.late.due, 0);
}

static void test_late_behind_another(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	in_a_turn(say_both, &a);
	assert_true(channel_catch_up(&b.c));
	assert_int_equal(b.messages, 3);
	close_pair(&a, &b);
}

/* Alone, when its time has come. */
static void test_late_alone(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	in_a_turn(say_late, &a);
	b.stop_at = 2;
	assert_int_equal(loop_run(b.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 2);
	close_pair(&a, &b);
}

/* The channel is closed before: these are last words, too. */
static void test_late_and_closed(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	in_a_turn(say_late, &a);
	channel_close(&a.c);
	assert_int_equal(a.c.late.due, 0);
	assert_int_equal(loop_run(b.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 2);
	assert_int_equal(b.closed, 1);
	close_pair(&a, &b);
}

#define order_test(f) cmocka_unit_test_setup_teardown(f, open_both, close_both)

int main(void)
{
	const struct CMUnitTest tests[] = {
		order_test(test_waits),
		order_test(test_does_not_wait_for_later),
		order_test(test_in_a_turn),
		order_test(test_full_packet),
		order_test(test_first_is_closed),
		order_test(test_second_is_closed),
		order_test(test_no_last_words),
		order_test(test_nothing_to_catch_up),
		cmocka_unit_test(test_late_with_the_next),
		cmocka_unit_test(test_late_behind_another),
		cmocka_unit_test(test_late_alone),
		cmocka_unit_test(test_late_and_closed),
	};

	return cmocka_run_group_tests_name("ipc_order", tests, NULL, NULL);
}
