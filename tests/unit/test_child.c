/* SPDX-License-Identifier: ISC */
/* For how long a role may be silent, and what counts as an answer. Its process is not there: nobody is asked in truth. */
#include "test.h"

#include "role/child.h"
#include "role/manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct child child(enum proc proc, bool confined, bool ready)
{
	struct child c = {.proc = proc, .confined = confined, .ready = ready};

	c.control.watch.fd = -1;
	return c;
}

/* After how many pulses it is given up; 0: after a thousand it is not. */
static unsigned pulses(struct child c)
{
	for (unsigned n = 1; n <= 1000; n++)
		if (!child_pulse(&c))
			return n;
	return 0;
}

static void answer(struct child *c, uint64_t number, uint32_t calls, const char *problem)
{
	child_heard(c, &(const struct r_pong){
			       .number = number, .calls = calls, .problem = bytes_str(problem)});
}

static void test_patience(void **state)
{
	struct child c;

	/* One pulse asks, and five are waited for. */
	assert_int_equal(pulses(child(PROC_FRONT, true, false)), 6);
	assert_int_equal(pulses(child(PROC_VAULT, true, true)), 6);
	assert_int_equal(pulses(child(PROC_COURIER_SELF, true, true)), 6);
	assert_int_equal(pulses(child(PROC_SCRIBE, true, true)), 31);
	/* It is not asked before it is in its sandbox. */
	assert_int_equal(pulses(child(PROC_FRONT, false, false)), 30);
	assert_int_equal(pulses(child(PROC_SCRIBE, false, false)), 30);
	/* It reads the log, and signs it. */
	assert_int_equal(pulses(child(PROC_SCRIBE, true, false)), 0);
	c = child(PROC_SCRIBE, true, true);
	c.told_to_stop = true;
	assert_int_equal(pulses(c), 0);
}

static void test_answers(void **state)
{
	struct child c = child(PROC_VAULT, true, true);

	for (unsigned i = 1; i <= 100; i++) {
		assert_true(child_pulse(&c));
		assert_int_equal(c.asked, i);
		answer(&c, i, i, "why");
		assert_int_equal(c.answered, i);
		assert_int_equal(c.calls, i);
		assert_string_equal(c.problem, "why");
	}
	assert_int_equal(c.silent, 0);
	/* The answer to an older ping, and one to none, are no answers to this. */
	child_ping(&c);
	child_ping(&c);
	c.applying = true;
	answer(&c, 101, 7, "");
	answer(&c, 1000, 7, "");
	assert_int_equal(c.answered, 100);
	assert_int_equal(c.calls, 100);
	assert_true(c.applying);
	answer(&c, 102, 7, "");
	assert_int_equal(c.calls, 7);
	assert_string_equal(c.problem, "");
	assert_false(c.applying);
}

/* ---- what is said of them ---- */

static int manager_fd;

static int begin(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char name[64];
	int n = snprintf(name, sizeof(name), "@postern-child-%d", (int)getpid());

	manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	memcpy(a.sun_path + 1, name + 1, (size_t)n - 1);
	setenv("NOTIFY_SOCKET", name, 1);
	return bind(manager_fd, (const struct sockaddr *)&a,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
}

static void expect(struct manager *m, const struct manager_view *v, const char *want)
{
	char got[1024];
	ssize_t n;

	manager_status(m, v);
	manager_status(m, v); /* says nothing: it is the same */
	n = recv(manager_fd, got, sizeof(got) - 1, 0);
	assert_true(n >= 0);
	got[n] = 0;
	assert_string_equal(got, want);
	assert_int_equal(recv(manager_fd, got, sizeof(got), 0), -1);
}

static void test_status(void **state)
{
	struct child children[PROC_COUNT] = {0};
	struct manager_view v = {.children = children, .refused = ""};
	struct manager m;
	struct loop *loop;

	for (enum proc p = 0; p < PROC_COUNT; p++)
		children[p] = (struct child){.proc = p, .wanted = p != PROC_RESOLVER};
	assert_int_equal(loop_new(&loop), 0);
	manager_begin(&m, loop);
	expect(&m, &v, "STATUS=starting");
	memcpy(children[PROC_VAULT].problem, "the log is away", 16);
	expect(&m, &v, "STATUS=starting: the log is away");
	v.announced = true;
	expect(&m, &v, "STATUS=degraded: the log is away");
	children[PROC_VAULT].problem[0] = 0;
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		children[p].ready = p != PROC_COURIER && p != PROC_RESOLVER;
	children[PROC_COURIER].restarts = 1;
	expect(&m, &v, "STATUS=degraded: postern-courier is started again");
	children[PROC_COURIER].ready = true;
	expect(&m, &v, "STATUS=serving");
	/* One that is started because somebody needs it is no trouble; that it is started again is. */
	children[PROC_RESOLVER].wanted = true;
	manager_status(&m, &v);
	assert_int_equal(recv(manager_fd, &(char){0}, 1, 0), -1);
	children[PROC_RESOLVER].restarts = 1;
	expect(&m, &v, "STATUS=degraded: postern-resolver is started again");
	children[PROC_RESOLVER].ready = true;
	expect(&m, &v, "STATUS=serving");
	v.refused = "postern.conf:1: colour: there is no such key";
	expect(&m, &v,
	       "STATUS=serving; the last reload was refused: postern.conf:1: colour: there is no "
	       "such key");
	v.stopping = true;
	children[PROC_VAULT].calls = 2;
	expect(&m, &v, "STATUS=stopping: 2 calls in flight");
	children[PROC_VAULT].calls = 1;
	expect(&m, &v, "STATUS=stopping: 1 call in flight");
	children[PROC_VAULT].calls = 0;
	expect(&m, &v, "STATUS=stopping");
	manager_end(&m);
	loop_free(loop);
	close(manager_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_answers),
		cmocka_unit_test_setup(test_status, begin),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
