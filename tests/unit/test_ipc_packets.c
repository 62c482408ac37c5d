/* SPDX-License-Identifier: ISC */
/* What one packet of an edge holds, and what goes into one. */
#include "ipc_rig.h"

#define END_CALL(n) "\0\3\0\0\0\0\0\0\0" n

/* Send a raw packet from a to b, which then hears as many MESSAGES, and ends a as a bad peer or does not. */
static void hear(struct bytes packet, unsigned messages, bool bad)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	assert_int_equal(MSG_vc_end, 3);
	b.stop_at = bad ? 0 : messages;
	assert_int_equal(send(a.c.watch.fd, packet.p, packet.n, 0), packet.n);
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, messages);
	assert_true(b.last == messages);
	assert_int_equal(b.bad, bad);
	close_pair(&a, &b);
}

static void test_several_in_a_packet(void **state)
{
	hear(BYTES(END_CALL("\1")), 1, false);
	hear(BYTES(END_CALL("\1") END_CALL("\2") END_CALL("\3")), 3, false);
	/* What stood before the fault is heard, nothing behind it. */
	hear(BYTES(END_CALL("\1") "x"), 1, true);
	hear(BYTES(END_CALL("\1") END_CALL("\2") "\0\3\0\0"), 2, true);
	hear(BYTES(END_CALL("\1") "\0\77" END_CALL("\3")), 1, true);
}

/* The handler closes the channel at the first message: the others of the packet are not heard. */
static void test_closed_in_a_packet(void **state)
{
	const struct bytes packet = BYTES(END_CALL("\1") END_CALL("\2"));
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	b.close_first = true;
	b.stop_at = 1;
	assert_int_equal(send(a.c.watch.fd, packet.p, packet.n, 0), packet.n);
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 1);
	assert_int_equal(b.closed, 0);
	close_pair(&a, &b);
}

/* A descriptor comes with one message: with two, nobody could say whose it is. */
static void test_descriptor_with_two(void **state)
{
	const struct s_ca m = {0};
	const size_t before = open_descriptors();
	struct buf packet = BUF_INIT(WIRE_MAX);
	struct end a, b;

	open_pair(&a, &b, &edge_supervisor);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			wire_encode(MSG_s_ca, &edge_supervisor.rows[MSG_s_ca].msg, &m, &packet), 0);
	assert_int_equal(send_with_fd(a.c.watch.fd, packet.p, packet.n, STDERR_FILENO), 0);
	assert_int_equal(loop_run(b.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 1);
	assert_true(b.bad);
	close_pair(&a, &b);
	buf_done(&packet);
	assert_int_equal(open_descriptors(), before);
}

static void say_three(void *arg)
{
	struct end *a = arg;

	for (unsigned i = 1; i <= 3; i++)
		channel_send(&a->c, vc_end, .call = i);
	loop_stop(a->loop);
}

/* What is said in one turn of the loop goes out as one packet, also in the last turn. */
static void test_a_turn_is_a_packet(void **state)
{
	const struct bytes want = BYTES(END_CALL("\1") END_CALL("\2") END_CALL("\3"));
	unsigned char got[100];
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	in_a_turn(say_three, &a);
	assert_int_equal(recv(b.c.watch.fd, got, sizeof(got), MSG_DONTWAIT), want.n);
	assert_memory_equal(got, want.p, want.n);
	assert_int_equal(a.c.packet.n, 0);
	close_pair(&a, &b);
}

static void say_much(void *arg)
{
	static unsigned char big[IPC_PIECE_MAX];
	struct end *a = arg;

	channel_send(&a->c, pc_body, .call = 1, .body = BYTES("small"), .more = 1);
	channel_send(&a->c, pc_body, .call = 2, .body = bytes_of(big, sizeof(big)), .more = 1);
	for (unsigned i = 3; i <= 1000; i++)
		channel_send(&a->c, pc_body, .call = i, .body = bytes_of(big, 100), .more = 1);
}

/* A packet has its limit, whatever is said in a turn; and all of it comes, in order. */
static void test_packets_have_a_limit(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_planner_courier);
	b.stop_at = 1000;
	in_a_turn(say_much, &a);
	assert_true(b.last == 1000);
	close_pair(&a, &b);
}

static void close_after_saying(void *arg)
{
	struct end *a = arg;

	channel_send(&a->c, vc_end, .call = 1);
	channel_close(&a->c);
	loop_stop(a->loop);
}

/* Last words are said. */
static void test_said_then_closed(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	in_a_turn(close_after_saying, &a);
	b.stop_at = 2;
	assert_int_equal(loop_run(b.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 1);
	assert_int_equal(b.closed, 1);
	close_pair(&a, &b);
}

static void stop(void *arg)
{
	loop_stop(((struct end *)arg)->loop);
}

/* One turn of the loop, and no more. */
static void one_turn(struct end *e)
{
	in_a_turn(stop, e);
}

/* What is said meanwhile is heard later. */
static void test_paused(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	channel_pause(&b.c, true);
	for (unsigned i = 1; i <= 3; i++)
		channel_send(&a.c, vc_end, .call = i);
	one_turn(&b);
	assert_int_equal(b.messages, 0);
	/* It speaks nevertheless. */
	channel_send(&b.c, cv_begun, .call = 9);
	one_turn(&a);
	assert_true(a.last == 9);
	channel_pause(&b.c, false);
	one_turn(&b);
	assert_int_equal(b.messages, 3);
	close_pair(&a, &b);
}

/* A handler that has enough: the other packets wait. */
static void pause_at_first(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	on_message(arg, c, number, msg, fd);
	channel_pause(c, true);
}

static void test_paused_by_a_message(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	b.c.fn = pause_at_first;
	for (unsigned i = 1; i <= 3; i++)
		channel_send(&a.c, vc_end, .call = i);
	for (unsigned i = 1; i <= 3; i++) {
		one_turn(&b);
		one_turn(&b);
		assert_int_equal(b.messages, i);
		channel_pause(&b.c, false);
	}
	close_pair(&a, &b);
}

/* The peer is gone: its last words are heard, and that it went. */
static void test_paused_and_gone(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	channel_pause(&b.c, true);
	channel_send(&a.c, vc_end, .call = 1);
	channel_send(&a.c, vc_end, .call = 2);
	channel_close(&a.c);
	assert_int_equal(loop_run(b.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 2);
	assert_int_equal(b.closed, 1);
	assert_false(b.bad);
	/* A closed channel has nothing to be paused. */
	channel_pause(&b.c, true);
	assert_false(b.c.paused);
	close_pair(&a, &b);
}

static void test_burst(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	b.c.burst = 1;
	for (unsigned i = 1; i <= 3; i++)
		channel_send(&a.c, vc_end, .call = i); /* the loop does not run: each is a packet */
	for (unsigned i = 1; i <= 3; i++) {
		one_turn(&b);
		assert_int_equal(b.messages, i);
	}
	close_pair(&a, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_in_a_packet),
		cmocka_unit_test(test_closed_in_a_packet),
		cmocka_unit_test(test_descriptor_with_two),
		cmocka_unit_test(test_a_turn_is_a_packet),
		cmocka_unit_test(test_packets_have_a_limit),
		cmocka_unit_test(test_said_then_closed),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_paused_by_a_message),
		cmocka_unit_test(test_paused_and_gone),
		cmocka_unit_test(test_burst),
	};

	return cmocka_run_group_tests_name("ipc_packets", tests, NULL, NULL);
}
