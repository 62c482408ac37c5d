/* SPDX-License-Identifier: ISC */
/*
 * Names to addresses, against a small DNS server on loopback: one process for UDP, one for TCP on
 * the same port.
 */
#include "test.h"

#include "egress/resolve.h"
#include "sys/log.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

enum { TYPE_A = 1, TYPE_AAAA = 28 };
enum { NXDOMAIN = 3, SERVFAIL = 2 };

static pid_t udp_pid, tcp_pid;
static char servers[40];
static struct loop *loop;
static struct resolver *resolver;

/* ---- the server ---- */

static void put_record(struct buf *b, unsigned type, const void *data, size_t n)
{
	buf_put_be16(b, 0xc00c); /* the question's name */
	buf_put_be16(b, (uint16_t)type);
	buf_put_be16(b, 1);
	buf_put_be32(b, 60);
	buf_put_be16(b, (uint16_t)n);
	buf_put(b, data, n);
}

static unsigned put_answers(struct buf *b, const char *name, unsigned type)
{
	static const unsigned char six[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

	if (strcmp(name, "both") == 0 && type == TYPE_AAAA) {
		put_record(b, type, six, 16);
		return 1;
	}
	if (type != TYPE_A)
		return 0;
	if (strcmp(name, "both") == 0 || strcmp(name, "cut") == 0) {
		put_record(b, type, "\xc0\0\2\1", 4);
		return 1;
	}
	if (strcmp(name, "many") == 0) {
		for (unsigned char i = 0; i < 20; i++)
			put_record(b, type, (unsigned char[]){192, 0, 2, i}, 4);
		return 20;
	}
	return 0;
}

/* 0: no answer at all. */
static size_t reply(const unsigned char *q, size_t n, bool tcp, struct buf *b)
{
	char name[64] = "";
	unsigned rcode = 0, count, type;
	bool cut;

	if (n < 17 || q[12] >= sizeof(name))
		return 0;
	memcpy(name, q + 13, q[12]);
	type = q[n - 3];
	cut = strcmp(name, "cut") == 0 && !tcp;
	if (strcmp(name, "silent") == 0)
		return 0;
	if (strcmp(name, "gone") == 0)
		rcode = NXDOMAIN;
	if (strcmp(name, "broken") == 0)
		rcode = SERVFAIL;
	buf_put(b, q, n);
	count = cut ? 0 : put_answers(b, name, type);
	b->p[2] = (unsigned char)(0x85 | (cut ? 2 : 0));
	b->p[3] = (unsigned char)(0x80 | rcode);
	b->p[7] = (unsigned char)count;
	return b->n;
}

static _Noreturn void serve_udp(int fd)
{
	for (;;) {
		unsigned char q[512];
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&from, &len);
		struct buf b = BUF_INIT(4096);

		if (n > 0 && reply(q, (size_t)n, false, &b))
			sendto(fd, b.p, b.n, 0, (struct sockaddr *)&from, len);
		buf_done(&b);
	}
}

static _Noreturn void serve_tcp(int fd)
{
	for (;;) {
		int c = accept(fd, NULL, NULL);
		unsigned char q[514];
		ssize_t n;

		while ((n = recv(c, q, 2, MSG_WAITALL)) == 2 &&
		       (n = recv(c, q + 2, (size_t)q[1], MSG_WAITALL)) == q[1]) {
			struct buf b = BUF_INIT(4096), framed = BUF_INIT(4098);
			if (reply(q + 2, (size_t)n, true, &b)) {
				buf_put_be16(&framed, (uint16_t)b.n);
				buf_put_bytes(&framed, buf_bytes(&b));
				send(c, framed.p, framed.n, MSG_NOSIGNAL);
			}
			buf_done(&b);
			buf_done(&framed);
		}
		close(c);
	}
}

static int start_servers(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (bind(tcp, (struct sockaddr *)&a, len) < 0 || listen(tcp, 16) < 0 ||
	    getsockname(tcp, (struct sockaddr *)&a, &len) < 0 ||
	    bind(udp, (struct sockaddr *)&a, len) < 0)
		return -1;
	snprintf(servers, sizeof(servers), "127.0.0.1:%u", ntohs(a.sin_port));
	udp_pid = fork();
	if (udp_pid == 0)
		serve_udp(udp);
	tcp_pid = fork();
	if (tcp_pid == 0)
		serve_tcp(tcp);
	close(udp);
	close(tcp);
	return udp_pid > 0 && tcp_pid > 0 ? 0 : -1;
}

static int stop_servers(void **state)
{
	kill(udp_pid, SIGKILL);
	kill(tcp_pid, SIGKILL);
	waitpid(udp_pid, NULL, 0);
	waitpid(tcp_pid, NULL, 0);
	return 0;
}

static int each_start(void **state)
{
	return loop_new(&loop) == 0 ? resolver_new(&resolver, loop, servers) : -1;
}

static int each_end(void **state)
{
	resolver_free(resolver);
	loop_free(loop);
	return 0;
}

/* ---- the tests ---- */

struct found {
	int calls;
	size_t n;
	struct ip ips[RESOLVE_MAX];
};

static void on_found(void *arg, const struct ip *ips, size_t n)
{
	struct found *f = arg;

	f->calls++;
	f->n = n;
	memcpy(f->ips, ips, n * sizeof(*ips));
	loop_stop(loop);
}

static void too_long(void *arg)
{
	log_fatal("the loop does not end");
}

static struct found look_up(const char *host)
{
	struct loop_timer t = {.fn = too_long};
	struct found f = {.calls = 0};
	struct resolve *q;

	assert_int_equal(resolve_start(resolver, host, on_found, &f, &q), 0);
	assert_int_equal(f.calls, 0);
	assert_int_equal(loop_timer_set(loop, &t, PATIENCE_MS), 0);
	assert_int_equal(loop_run(loop, NULL, NULL), 0);
	loop_timer_clear(loop, &t);
	assert_int_equal(f.calls, 1);
	return f;
}

static bool has(const struct found *f, const char *text)
{
	struct ip ip;

	assert_int_equal(ip_parse(bytes_str(text), &ip), 0);
	for (size_t i = 0; i < f->n; i++)
		if (memcmp(&f->ips[i], &ip, sizeof(ip)) == 0)
			return true;
	return false;
}

static void expect(const char *host, size_t n, const char *one)
{
	struct found f = look_up(host);

	if (f.n != n || (one && !has(&f, one)))
		fail_msg("%s: %zu addresses", host, f.n);
}

static void test_literals(void **state)
{
	expect("192.0.2.1", 1, "192.0.2.1");
	expect("2001:db8::1", 1, "2001:db8::1");
}

static void test_hosts_file(void **state)
{
	struct found f = look_up("localhost");

	assert_true(has(&f, "127.0.0.1") || has(&f, "::1"));
}

static void test_both_families(void **state)
{
	struct found f = look_up("both.test");

	assert_int_equal(f.n, 2);
	assert_true(has(&f, "192.0.2.1") && has(&f, "2001:db8::1"));
}

static void test_answers(void **state)
{
	expect("many.test", RESOLVE_MAX, "192.0.2.0");
	expect("cut.test", 1, "192.0.2.1"); /* over TCP */
	expect("gone.test", 0, NULL);
	expect("empty.test", 0, NULL);
	expect("broken.test", 0, NULL);
	expect("both.test", 2, "192.0.2.1");
}

static void test_cancel(void **state)
{
	static const char *const hosts[] = {"192.0.2.1", "localhost", "silent.test", "both.test"};
	struct found f = {.calls = 0};
	struct resolve *q;

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		assert_int_equal(resolve_start(resolver, hosts[i], on_found, &f, &q), 0);
		resolve_cancel(q);
	}
	/*
	 * The turns of the loop in which their answers come; the silent one is left to
	 * resolver_free().
	 */
	expect("both.test", 2, NULL);
	expect("gone.test", 0, NULL);
	assert_int_equal(f.calls, 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, each_start, each_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_literals), CASE(test_hosts_file), CASE(test_both_families),
		CASE(test_answers),  CASE(test_cancel),
	};

	return cmocka_run_group_tests_name("resolve", tests, start_servers, stop_servers);
}
