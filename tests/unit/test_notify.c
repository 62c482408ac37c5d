/* SPDX-License-Identifier: ISC */
/* What a service manager hands over, and what it is told: by real sockets. */
#include "test.h"

#include "sys/listen_fds.h"
#include "sys/notify.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The manager's socket, at NAME: a path, or '@' and an abstract name. */
static int manager_at(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	memcpy(a.sun_path, name, strlen(name));
	if (name[0] == '@')
		a.sun_path[0] = 0;
	unlink(name);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&a, n), 0);
	return fd;
}

static void expect(int fd, const char *want)
{
	char got[2 * NOTIFY_TEXT_MAX];
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	assert_true(n >= 0);
	got[n] = 0;
	assert_string_equal(got, want);
}

static void expect_silence(int fd)
{
	char got[16];

	assert_int_equal(recv(fd, got, sizeof(got), 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void tell(const char *name)
{
	int fd = manager_at(name);

	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(), 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_true(notify_wanted());
	notify_send("READY=1");
	expect(fd, "READY=1");
	notify_status("serving");
	expect(fd, "STATUS=serving");
	expect_silence(fd);
	notify_close();
	assert_false(notify_wanted());
	notify_send("READY=1");
	expect_silence(fd);
	close(fd);
}

static void test_path(void **state)
{
	char dir[] = "/tmp/postern-notify-XXXXXX", path[64];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	tell(path);
	unlink(path);
	rmdir(dir);
}

static void test_abstract(void **state)
{
	char name[64];

	snprintf(name, sizeof(name), "@postern-unit-%d", (int)getpid());
	tell(name);
}

/* What others said cannot say more than a status, nor more than fits. */
static void test_status_is_one_line(void **state)
{
	char name[64], text[2 * NOTIFY_TEXT_MAX], got[2 * NOTIFY_TEXT_MAX];
	int fd;

	snprintf(name, sizeof(name), "@postern-unit-%d", (int)getpid());
	fd = manager_at(name);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(), 0);
	notify_status("a\nMAINPID=1\n\x1b[1m\xc3\xa4");
	expect(fd, "STATUS=a?MAINPID=1??[1m??");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	notify_status(text);
	assert_int_equal(recv(fd, got, sizeof(got), 0), NOTIFY_TEXT_MAX + strlen("STATUS="));
	notify_stopping(45);
	expect(fd, "STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000");
	notify_reloading();
	assert_true(recv(fd, got, sizeof(got), 0) > 0);
	assert_memory_equal(got, "RELOADING=1\nMONOTONIC_USEC=", 27);
	notify_close();
	close(fd);
}

static void test_nobody(void **state)
{
	static const char *const bad[] = {"relative", "vsock:1:2", "/", "@"};
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];

	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_open(), 0);
	assert_false(notify_wanted());
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(notify_open(), 0);
	assert_false(notify_wanted());
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		assert_int_equal(notify_open(), -EINVAL);
		assert_false(notify_wanted());
	}
	memset(name, 'x', sizeof(name));
	name[0] = '@';
	name[sizeof(name) - 1] = 0;
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(), -EINVAL);
	name[sizeof(name) - 2] = 0;
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(), 0);
	notify_close();
}

static uint64_t watchdog(const char *usec, const char *pid)
{
	uint64_t r;

	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (usec)
		setenv("WATCHDOG_USEC", usec, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	r = notify_watchdog();
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
	return r;
}

static void test_watchdog(void **state)
{
	char self[16], other[16];

	snprintf(self, sizeof(self), "%d", (int)getpid());
	snprintf(other, sizeof(other), "%d", (int)getpid() + 1);
	assert_int_equal(watchdog("3000000", NULL), 3000000);
	assert_int_equal(watchdog("3000000", self), 3000000);
	assert_int_equal(watchdog("3000000", other), 0);
	assert_int_equal(watchdog("3000000", ""), 0);
	assert_int_equal(watchdog("3000000", "0"), 0);
	assert_int_equal(watchdog("0", self), 0);
	assert_int_equal(watchdog("-1", self), 0);
	assert_int_equal(watchdog("1s", NULL), 0);
	assert_int_equal(watchdog(NULL, self), 0);
}

static int taken(const char *pid, const char *n)
{
	int r;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	if (pid)
		setenv("LISTEN_PID", pid, 1);
	if (n)
		setenv("LISTEN_FDS", n, 1);
	setenv("LISTEN_FDNAMES", "a:b", 1);
	r = listen_fds_take();
	assert_null(getenv("LISTEN_PID"));
	assert_null(getenv("LISTEN_FDS"));
	assert_null(getenv("LISTEN_FDNAMES"));
	return r;
}

static void test_listen_variables(void **state)
{
	char self[16], other[16];

	snprintf(self, sizeof(self), "%d", (int)getpid());
	snprintf(other, sizeof(other), "%d", (int)getpid() + 1);
	assert_int_equal(taken(NULL, NULL), 0);
	assert_int_equal(taken(self, NULL), 0);
	assert_int_equal(taken(NULL, "1"), 0);
	assert_int_equal(taken(self, "0"), 0);
	assert_int_equal(taken(other, "1"), 0);
	assert_int_equal(taken(other, "x"), 0);
	assert_int_equal(taken("x", "1"), -EINVAL);
	assert_int_equal(taken("", "1"), -EINVAL);
	assert_int_equal(taken(self, "-1"), -EINVAL);
	assert_int_equal(taken(self, "65"), -EINVAL);
	assert_int_equal(taken(self, ""), -EINVAL);
}

/* The first two after standard error are ours then, and not to be waited for; the third is not. */
static void test_listen_descriptors(void **state)
{
	char self[16];
	int saved[3], fds[3] = {3, 4, 5};

	for (int i = 0; i < 3; i++)
		saved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
	assert_int_equal(dup2(STDERR_FILENO, 10), 10);
	for (int i = 0; i < 3; i++) {
		int s = socket(AF_INET, SOCK_STREAM, 0);
		assert_true(s >= 0);
		if (s != fds[i]) {
			assert_int_equal(dup2(s, fds[i]), fds[i]);
			if (s < 3 || s > 5)
				close(s);
		}
	}
	snprintf(self, sizeof(self), "%d", (int)getpid());
	assert_int_equal(taken(self, "2"), 2);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, i < 2 ? FD_CLOEXEC : 0);
		assert_int_equal(fcntl(fds[i], F_GETFL) & O_NONBLOCK, i < 2 ? O_NONBLOCK : 0);
	}
	close(5);
	assert_int_equal(taken(self, "3"), -EBADF);
	for (int i = 0; i < 3; i++) {
		close(fds[i]);
		if (saved[i] >= 0) {
			assert_int_equal(dup2(saved[i], fds[i]), fds[i]);
			close(saved[i]);
		}
	}
	close(10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_status_is_one_line),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_listen_variables),
		cmocka_unit_test(test_listen_descriptors),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
