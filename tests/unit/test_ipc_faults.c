/* SPDX-License-Identifier: ISC */
/* Channels when the system refuses something, and what ends the process: it could only go on by leaving a message out. */
#include "faults.h"
#include "ipc_rig.h"

#include "sys/log.h"

FAULT(int, -1, dup, (int fd), (fd))
FAULT(int, -1, epoll_ctl, (int epoll, int op, int fd, struct epoll_event *e), (epoll, op, fd, e))
FAULT(int, -ENOMEM, loop_timer_set, (struct loop * l, struct loop_timer *t, int64_t ms), (l, t, ms))
FAULT(void *, NULL, malloc, (size_t n), (n))
FAULT(ssize_t, -1, recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))
FAULT(ssize_t, -1, sendmsg, (int fd, const struct msghdr *msg, int flags), (fd, msg, flags))
FAULT(int, -1, setsockopt, (int fd, int level, int name, const void *v, socklen_t n),
      (fd, level, name, v, n))
FAULT(int, -1, socketpair, (int domain, int type, int protocol, int *fds),
      (domain, type, protocol, fds))

/* ---- sending ---- */

/* It may go better next time. */
static const int passing[] = {EAGAIN, EINTR, ENOBUFS, ENOMEM};

/* What could not be sent waits, and what comes after it waits behind it. */
static void test_later(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(passing); i++) {
		struct end a, b;

		open_pair(&a, &b, &edge_vault_courier);
		fault_set("sendmsg", 0, passing[i]);
		channel_send(&a.c, vc_end, .call = 1);
		assert_true(fault_met());
		channel_send(&a.c, vc_end, .call = 2);
		assert_int_equal(a.c.queued, 2 * (2 + 8));
		b.stop_at = 2;
		assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
		assert_true(b.last == 2);
		assert_int_equal(a.c.queued, 0);
		close_pair(&a, &b);
	}
}

/* What is said in one turn of the loop: two messages that do not go into one packet. The first cannot be sent now. */
struct saying {
	struct end *a;
	size_t second; /* bytes of it */
	bool full;     /* nothing can be queued either: A hangs up */
	bool close;    /* A is closed in the same turn */
};

static void say_two(void *arg)
{
	static unsigned char big[IPC_PIECE_MAX];
	const struct saying *s = arg;

	if (s->full)
		s->a->c.queued = CHANNEL_QUEUE_MAX;
	fault_set("sendmsg", 0, EAGAIN);
	channel_send(&s->a->c, pc_body, .call = 1, .body = bytes_of(big, 20000), .more = 1);
	channel_send(&s->a->c, pc_body, .call = 2, .body = bytes_of(big, s->second), .more = 1);
	assert_true(fault_met());
	assert_int_equal(s->a->c.hung, s->full);
	if (s->close)
		channel_close(&s->a->c);
}

/* B hears all, in order, or nothing: never the second without the first. */
static void test_never_without_what_was_before(void **state)
{
	static const struct saying sayings[] = {
		{.second = 20000},
		{.second = IPC_PIECE_MAX},
		{.second = 20000, .close = true},
		{.second = 20000, .full = true},
		{.second = IPC_PIECE_MAX, .full = true},
		{.second = 20000, .full = true, .close = true},
	};

	for (size_t i = 0; i < ARRAY_LEN(sayings); i++) {
		struct saying s = sayings[i];
		const bool lost = s.full || s.close;
		struct loop_timer t = {.fn = say_two, .arg = &s};
		struct end a, b;

		open_pair(&a, &b, &edge_planner_courier);
		s.a = &a;
		b.stop_at = 2;
		assert_int_equal(loop_timer_set(a.loop, &t, 0), 0);
		assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
		/* Where A hung up, it may be the first to hear of it. */
		if (lost && !b.closed)
			assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
		assert_int_equal(b.messages, lost ? 0 : 2);
		assert_int_equal(b.closed, lost);
		assert_int_equal(a.c.packet.n, 0);
		close_pair(&a, &b);
	}
}

/* It fails again when its turn has come. */
static void test_later_still(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	fault_set("sendmsg", 0, EAGAIN);
	channel_send(&a.c, vc_end, .call = 1);
	assert_true(fault_met());
	fault_set("sendmsg", 0, EAGAIN);
	b.stop_at = 1;
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_true(fault_met());
	assert_int_equal(a.c.queued, 0);
	close_pair(&a, &b);
}

static void send_ca(struct end *a, int fd)
{
	channel_send_fd(&a->c, MSG_s_ca, &(const struct s_ca){0}, fd);
}

/* A descriptor that waits is the channel's own: the sender may close its one at once. */
static void test_descriptor_waits(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct end a, b;

	open_pair(&a, &b, &edge_supervisor);
	fault_set("sendmsg", 0, EAGAIN);
	send_ca(&a, fd);
	assert_true(fault_met());
	close(fd);
	b.stop_at = 1;
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_true(b.fd_works);
	close_pair(&a, &b);
}

/* One that waits in vain is closed. */
static void test_descriptor_waits_in_vain(void **state)
{
	struct end a, b;
	size_t before;

	open_pair(&a, &b, &edge_supervisor);
	before = open_descriptors();
	fault_set("sendmsg", 0, EAGAIN);
	send_ca(&a, 0);
	assert_int_equal(open_descriptors(), before + 1);
	channel_close(&a.c);
	assert_int_equal(open_descriptors(), before - 1); /* a's end is closed */
	close_pair(&a, &b);
}

/* What waits for a peer that is gone is dropped, and what the peer had said is heard. */
static void test_waits_for_nobody(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	fault_set("sendmsg", 0, EAGAIN);
	channel_send(&a.c, vc_end, .call = 1);
	assert_true(fault_met());
	channel_send(&b.c, cv_begun, .call = 7);
	channel_close(&b.c);
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(a.messages, 1);
	assert_true(a.last == 7);
	assert_int_equal(a.closed, 1);
	assert_false(a.bad);
	assert_int_equal(a.c.queued, 0);
	close_pair(&a, &b);
}

/* ---- receiving ---- */

static void test_interrupted(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(passing); i++) {
		struct end a, b;

		open_pair(&a, &b, &edge_vault_courier);
		channel_send(&a.c, vc_end, .call = 7);
		fault_set("recvmsg", 0, passing[i]);
		b.stop_at = 1;
		assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
		assert_true(fault_met());
		assert_true(b.last == 7 && b.closed == 0);
		close_pair(&a, &b);
	}
}

/* There is something all the same. */
static void test_interrupted_catch_up(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	channel_send(&a.c, vc_end, .call = 7);
	fault_set("recvmsg", 0, EINTR);
	while (channel_catch_up(&b.c))
		;
	assert_true(fault_met());
	assert_int_equal(b.messages, 1);
	close_pair(&a, &b);
}

/* A handler may close the channel; what came behind is not for it any more. */
static void test_closed_by_handler(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	channel_send(&a.c, vc_end, .call = 7);
	channel_send(&a.c, vc_end, .call = 8);
	b.close_first = true;
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(a.closed, 1); /* that stopped the loop */
	assert_int_equal(b.messages, 1);
	assert_true(b.last == 7 && b.closed == 0);
	close_pair(&a, &b);
}

/* What else the kernel may put beside a message is no descriptor. */
static void test_no_descriptor(void **state)
{
	struct end a, b;
	int on = 1;

	open_pair(&a, &b, &edge_supervisor);
	assert_int_equal(setsockopt(b.c.watch.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	send_ca(&a, -1);
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 0);
	assert_true(b.bad);
	close_pair(&a, &b);
}

/* ---- opening ---- */

static void test_no_pair(void **state)
{
	int fds[2] = {-1, -1};

	fault_set("socketpair", 0, EMFILE);
	assert_int_equal(channel_pair(fds), -EMFILE);
	assert_true(fault_met());
}

/* Smaller buffers are no reason not to serve. */
static void test_small_buffers(void **state)
{
	int fds[2];

	log_init("test");
	fault_set("setsockopt", 1, ENOMEM);
	assert_int_equal(channel_pair(fds), 0);
	assert_true(fault_met());
	close(fds[0]);
	close(fds[1]);
}

/* The descriptor is the channel's from the call on: it is closed when it cannot be watched. */
static void test_not_opened(void **state)
{
	struct end a, b;
	size_t before;
	int fd;

	open_pair(&a, &b, &edge_vault_courier);
	before = open_descriptors();
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fault_set("epoll_ctl", 1, ENOMEM); /* the old one goes first */
	assert_int_equal(channel_open(&a.c, fd), -ENOMEM);
	assert_true(fault_met());
	assert_false(channel_is_open(&a.c));
	assert_int_equal(open_descriptors(), before - 1);
	close_pair(&a, &b);
}

/* ---- the end ---- */

static void no_memory(void *arg)
{
	struct end *a = arg;

	fault_set("sendmsg", 0, EAGAIN);
	channel_send(&a->c, s_stop, 0);
	fault_set("malloc", 0, ENOMEM);
	channel_send(&a->c, s_stop, 0);
}

static void no_descriptor(void *arg)
{
	struct end *a = arg;

	fault_set("sendmsg", 0, EAGAIN);
	channel_send(&a->c, s_stop, 0);
	fault_set("dup", 0, EMFILE);
	send_ca(a, 0);
}

static void no_watch(void *arg)
{
	struct end *a = arg;

	fault_set("sendmsg", 0, EAGAIN);
	fault_set("epoll_ctl", 0, ENOMEM);
	channel_send(&a->c, s_stop, 0);
}

static void say_late(void *arg)
{
	struct end *a = arg;

	fault_set("loop_timer_set", 0, ENOMEM);
	channel_send_late(&a->c, MSG_s_stop, &(const struct s_stop){0});
}

/* What could wait would wait for ever. */
static void no_timer(void *arg)
{
	struct end *a = arg;
	struct loop_timer now = {.fn = say_late, .arg = a};

	assert_int_equal(loop_timer_set(a->loop, &now, 0), 0);
	(void)!loop_run(a->loop, NULL, NULL);
}

static void unknown_message(void *arg)
{
	struct end *a = arg;

	channel_send_fd(&a->c, SUPERVISOR_MESSAGE_COUNT, &(const struct s_ca){0}, -1);
}

static void others_message(void *arg)
{
	struct end *a = arg;

	channel_send(&a->c, r_ready, 0);
}

static void over_its_cap(void *arg)
{
	struct end *a = arg;

	channel_send(&a->c, s_peer, .proc = PROC_COUNT);
}

static void test_fatal(void **state)
{
	void (*const cases[])(void *arg) = {no_memory,	     no_descriptor,  no_watch,	  no_timer,
					    unknown_message, others_message, over_its_cap};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct end a, b;

		open_pair(&a, &b, &edge_supervisor);
		assert_fatal(cases[i], &a);
		close_pair(&a, &b);
	}
}

/* ---- edges that fail though the peer lives ---- */

static void speak(struct end *e)
{
	if (e->c.edge != &edge_supervisor)
		channel_send(&e->c, vc_end, .call = 1);
	else if (e->c.side == SIDE_A)
		channel_send(&e->c, s_stop, 0);
	else
		channel_send(&e->c, r_ready, 0);
}

static void send_fails(void *arg)
{
	fault_set("sendmsg", 0, EIO);
	speak(arg);
}

static void send_fails_later(void *arg)
{
	struct end *e = arg;

	fault_set("sendmsg", 0, EAGAIN);
	speak(e);
	fault_set("sendmsg", 0, EIO);
	assert_int_equal(loop_run(e->loop, NULL, NULL), 0);
}

static void receive_fails(void *arg)
{
	struct end *e = arg;

	fault_set("recvmsg", 0, EIO);
	assert_int_equal(loop_run(e->loop, NULL, NULL), 0);
}

/* The peer has spoken, so that there is something to receive. */
static void (*const failures[])(void *arg) = {send_fails, send_fails_later, receive_fails};

/* A role ends with its edge: nobody else would notice. */
static void test_role_ends(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		struct end a, b;

		open_pair(&a, &b, &edge_vault_courier);
		channel_send(&b.c, cv_begun, .call = 7);
		assert_fatal(failures[i], &a);
		close_pair(&a, &b);
		open_pair(&a, &b, &edge_supervisor);
		channel_send(&a.c, s_stop, 0);
		assert_fatal(failures[i], &b);
		close_pair(&a, &b);
	}
}

/* The supervisor goes on, and ends the role. */
static void test_supervisor_goes_on(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		struct end a, b;

		open_pair(&a, &b, &edge_supervisor);
		channel_send(&b.c, r_ready, 0);
		failures[i](&a);
		assert_true(fault_met());
		if (!a.closed) {
			assert_true(a.c.hung);
			assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
		}
		assert_int_equal(a.closed, 1);
		assert_true(a.bad);
		close_pair(&a, &b);
	}
}

/* A peer that is gone is no broken edge: what it had said is still to be heard. */
static void test_gone_while_sending(void **state)
{
	static const int errors[] = {EPIPE, ECONNRESET};

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		struct end a, b;

		open_pair(&a, &b, &edge_vault_courier);
		channel_send(&b.c, cv_begun, .call = 7);
		fault_set("sendmsg", 0, errors[i]);
		channel_send(&a.c, vc_end, .call = 1);
		assert_true(fault_met());
		a.stop_at = 1;
		assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
		assert_true(a.last == 7 && a.closed == 0);
		close_pair(&a, &b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_never_without_what_was_before),
		cmocka_unit_test(test_later_still),
		cmocka_unit_test(test_descriptor_waits),
		cmocka_unit_test(test_descriptor_waits_in_vain),
		cmocka_unit_test(test_waits_for_nobody),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_interrupted_catch_up),
		cmocka_unit_test(test_closed_by_handler),
		cmocka_unit_test(test_no_descriptor),
		cmocka_unit_test(test_no_pair),
		cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_not_opened),
		cmocka_unit_test(test_fatal),
		cmocka_unit_test(test_role_ends),
		cmocka_unit_test(test_supervisor_goes_on),
		cmocka_unit_test(test_gone_while_sending),
	};

	return cmocka_run_group_tests_name("ipc_faults", tests, NULL, NULL);
}
