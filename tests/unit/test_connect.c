/* SPDX-License-Identifier: ISC */
/* Which addresses are tried, and when. Sockets are pairs here, and do what the test says. */
#include "faults.h"

#include "egress/connect.h"
#include "egress/resolve.h"
#include "sys/log.h"

#include <arpa/inet.h>
#include <sys/socket.h>

FAULT(void *, NULL, calloc, (size_t n, size_t size), (n, size))
FAULT(int, -1, epoll_ctl, (int epoll, int op, int fd, struct epoll_event *e), (epoll, op, fd, e))
FAULT(int, -ENOMEM, loop_timer_set, (struct loop * l, struct loop_timer *t, int64_t msec),
      (l, t, msec))

/* What an attempt does, one letter each: */
enum {
	NO_SOCKET = 's',
	FAILS_NOW = 'n',
	FAILS = 'f',
	HANGS = 'h', /* until ends[].peer is read from */
	ANSWERS = 'a',
};

#define ENDS_MAX (2 * CONNECT_MAX)

static struct loop *loop;
static const char *script; /* of the attempts to come */
static struct {
	int fd, peer;
	bool fails;
} ends[ENDS_MAX];
static size_t n_ends;
static char tried[8 * CONNECT_MAX + 1]; /* "6a 4b…": the family, and the address's last byte */

static struct {
	unsigned calls;
	int fd;
	struct ip peer;
} got;

/* ---- the sockets ---- */

static void fill(int fd)
{
	static const char much[4096];

	while (send(fd, much, sizeof(much), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
}

static void drain(int peer)
{
	char much[4096];

	while (recv(peer, much, sizeof(much), MSG_DONTWAIT) > 0)
		;
}

int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
	int fds[2];

	assert_true(domain == AF_INET || domain == AF_INET6);
	assert_int_equal(type, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(*script && n_ends < ENDS_MAX);
	if (*script == NO_SOCKET) {
		script++;
		errno = EMFILE;
		return -1;
	}
	assert_int_equal(socketpair(AF_UNIX, type, 0, fds), 0);
	if (*script == HANGS)
		fill(fds[0]);
	ends[n_ends].fd = fds[0];
	ends[n_ends].peer = fds[1];
	ends[n_ends++].fails = *script == FAILS;
	return fds[0];
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t n);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t n)
{
	const unsigned char *a = to->sa_family == AF_INET6
					 ? ((const struct sockaddr_in6 *)to)->sin6_addr.s6_addr + 15
					 : (const unsigned char *)&((const struct sockaddr_in *)to)
							   ->sin_addr.s_addr +
						   3;

	snprintf(tried + strlen(tried), sizeof(tried) - strlen(tried), "%s%c%c",
		 tried[0] ? " " : "", to->sa_family == AF_INET6 ? '6' : '4', *a);
	assert_int_equal(ntohs(((const struct sockaddr_in *)to)->sin_port), 443);
	errno = *script++ == FAILS_NOW ? ECONNREFUSED : EINPROGRESS;
	return -1;
}

/* A number is used again: the attempt that had it last. */
static size_t last_of(int fd)
{
	size_t i = n_ends;

	while (i > 0 && ends[i - 1].fd != fd)
		i--;
	return i ? i - 1 : n_ends;
}

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *n);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n)
{
	size_t i = last_of(fd);

	if (i < n_ends && ends[i].fails) {
		*(int *)value = ECONNREFUSED;
		return 0;
	}
	return __real_getsockopt(fd, level, name, value, n);
}

/* Our end of attempt I was closed. */
static bool is_closed(size_t i)
{
	char c;

	drain(ends[i].peer);
	return recv(ends[i].peer, &c, 1, MSG_DONTWAIT) == 0;
}

/* ---- one connecting ---- */

static void on_connected(void *arg, int fd, const struct ip *peer)
{
	assert_ptr_equal(arg, &got);
	got.calls++;
	got.fd = fd;
	got.peer = *peer;
	loop_stop(loop);
}

/* "6a" for each. */
static size_t addresses(const char *text, struct ip *ips)
{
	size_t n = 0;

	for (; text[0]; text += text[2] ? 3 : 2) {
		ips[n] = (struct ip){.family = text[0] == '6' ? 6 : 4};
		ips[n].a[text[0] == '6' ? 15 : 3] = (uint8_t)text[1];
		n++;
	}
	return n;
}

static struct connecting *begin(const char *list, const char *what)
{
	struct ip ips[ENDS_MAX];
	size_t n = addresses(list, ips);
	struct connecting *c;

	script = what;
	assert_int_equal(connect_start(&c, loop, ips, n, 443, on_connected, &got), 0);
	memset(ips, 0xff, sizeof(ips)); /* they were copied */
	assert_int_equal(got.calls, 0);
	return c;
}

static void run(void)
{
	assert_int_equal(loop_run(loop, NULL, NULL), 0);
}

/* LIST's attempts do what WHAT says: then WANT_TRIED were, and PEER ("" for nobody) has answered. */
static void expect(const char *list, const char *what, const char *want_tried, const char *peer)
{
	(void)begin(list, what);
	run();
	assert_int_equal(got.calls, 1);
	assert_string_equal(tried, want_tried);
	assert_int_equal(got.fd >= 0, peer[0] != 0);
	if (peer[0]) {
		assert_int_equal(got.peer.family, peer[0] == '6' ? 6 : 4);
		assert_int_equal(got.peer.a[peer[0] == '6' ? 15 : 3], peer[1]);
	}
	/* It is ours, and no other is left open. */
	for (size_t i = 0; i < n_ends; i++)
		assert_int_equal(is_closed(i), i != last_of(got.fd));
}

static int each_end(void **state)
{
	for (size_t i = 0; i < n_ends; i++)
		close(ends[i].peer);
	if (got.calls && got.fd >= 0)
		close(got.fd);
	n_ends = 0;
	tried[0] = 0;
	memset(&got, 0, sizeof(got));
	loop_free(loop);
	loop = NULL;
	return 0;
}

static int each_start(void **state)
{
	return loop_new(&loop);
}

/* ---- tests ---- */

static void test_families_by_turns(void **state)
{
	expect("4a 4b 6c 6d 6e", "nnnnn", "6c 4a 6d 4b 6e", "");
}

static void test_one_family(void **state)
{
	expect("4a 4b", "na", "4a 4b", "4b");
}

static void test_the_first(void **state)
{
	expect("4a 6b", "a", "6b", "6b");
}

/* Whichever way it fails, the next is tried at once; all of that in one turn, or by the loop. */
static void test_next_after_a_failure(void **state)
{
	expect("6a 4b 6c 4d", "sfna", "4b 6c 4d", "4d");
}

/* The first hangs: the next has its turn after a while, and the first is given up when that answers. */
static void test_next_after_a_while(void **state)
{
	expect("6a 4b", "ha", "6a 4b", "4b");
}

/* One fails, but another is under way still: the third is tried when its time has come. */
static void test_failure_beside_one_that_hangs(void **state)
{
	expect("6a 4b 6c", "hfa", "6a 4b 6c", "6c");
}

static void let_first_answer(void *arg)
{
	if (n_ends < 2)
		assert_int_equal(loop_timer_set(loop, arg, 1), 0);
	else
		drain(ends[0].peer);
}

/* The second fails, or hangs: then the first, which is under way still, answers. */
static void test_late_answer(void **state)
{
	static const char *const scripts[] = {"hh", "hf", "hn"};

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct loop_timer t = {.fn = let_first_answer, .arg = &t};

		if (i > 0) {
			(void)each_end(state);
			(void)each_start(state);
		}
		assert_int_equal(loop_timer_set(loop, &t, 0), 0);
		expect("6a 4b", scripts[i], "6a 4b", "6a");
		loop_timer_clear(loop, &t);
	}
}

static void test_all_fail(void **state)
{
	expect("6a 4b 6c", "fff", "6a 4b 6c", "");
}

static void test_no_sockets(void **state)
{
	expect("6a 4b", "ss", "", "");
}

static void test_not_more_than_max(void **state)
{
	struct ip ips[CONNECT_MAX + 4];
	struct connecting *c;

	for (size_t i = 0; i < ARRAY_LEN(ips); i++)
		ips[i] = (struct ip){.family = 4, .a = {0, 0, 0, (uint8_t)('a' + i)}};
	script = "nnnnnnnnnnnnnnnnnnnn";
	assert_int_equal(connect_start(&c, loop, ips, ARRAY_LEN(ips), 443, on_connected, &got), 0);
	run();
	assert_int_equal(got.fd, -1);
	assert_int_equal(n_ends, CONNECT_MAX);
}

static void stop_at(void *arg)
{
	if (n_ends == *(size_t *)arg)
		loop_stop(loop);
}

static void stop(void *arg)
{
	loop_stop(loop);
}

static void call_off(size_t attempts)
{
	struct connecting *c = begin("6a 4b 6c", "hhh");
	struct loop_timer t = {.fn = stop};

	if (attempts > 0)
		assert_int_equal(loop_run(loop, stop_at, &attempts), 0);
	connect_cancel(c);
	for (size_t i = 0; i < n_ends; i++)
		assert_true(is_closed(i));
	/* Nothing of it is left in the loop. */
	assert_int_equal(loop_timer_set(loop, &t, 2L * CONNECT_NEXT_MS), 0);
	run();
	assert_int_equal(got.calls, 0);
}

static void test_cancel(void **state)
{
	for (size_t attempts = 0; attempts <= 3; attempts++) {
		call_off(attempts);
		assert_int_equal(n_ends, attempts);
		(void)each_end(state);
		(void)each_start(state);
	}
}

static void test_no_memory(void **state)
{
	struct ip ips[2];
	size_t n = addresses("6a 4b", ips);
	struct connecting *c;

	script = "";
	fault_set("calloc", 0, ENOMEM);
	assert_int_equal(connect_start(&c, loop, ips, n, 443, on_connected, &got), -ENOMEM);
	fault_set("loop_timer_set", 0, ENOMEM);
	assert_int_equal(connect_start(&c, loop, ips, n, 443, on_connected, &got), -ENOMEM);
	assert_true(fault_met());
	/* One that cannot be watched has failed. */
	fault_set("epoll_ctl", 0, ENOMEM);
	expect("6a 4b", "aa", "6a 4b", "4b");
	assert_true(fault_met());
}

/* Where nobody would tell when the next is due, it ends. */
static void test_no_timer(void **state)
{
	fault_set("loop_timer_set", 1, ENOMEM);
	expect("6a 4b", "h", "6a", "");
	assert_true(fault_met());
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, each_start, each_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_families_by_turns),
		CASE(test_one_family),
		CASE(test_the_first),
		CASE(test_next_after_a_failure),
		CASE(test_next_after_a_while),
		CASE(test_failure_beside_one_that_hangs),
		CASE(test_late_answer),
		CASE(test_all_fail),
		CASE(test_no_sockets),
		CASE(test_not_more_than_max),
		CASE(test_cancel),
		CASE(test_no_memory),
		CASE(test_no_timer),
	};

	return cmocka_run_group_tests_name("connect", tests, NULL, NULL);
}
