/* SPDX-License-Identifier: ISC */
/*
 * One question to one server, which does what the question's first label says: over UDP one process, over TCP another, on the same port of loopback.
 */
#include "test.h"

#include "egress/dnsask.h"
#include "sys/log.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static pid_t udp_pid, tcp_pid;
static uint16_t port;
static struct loop *loop;
static struct resolver *resolver;
static struct address_rules rules;
static struct dnsask dns;
static unsigned *datagrams; /* that came, as both processes count them */

/* ---- the server ---- */

/* SIZE: bytes that it is filled up to, by a record that nobody asked for; 0: it is not. */
static struct buf answer_of(const unsigned char *q, size_t n, unsigned flags, size_t size)
{
	struct buf b = BUF_INIT(MESSAGE_MAX);

	buf_put(&b, q, n);
	b.p[2] = (unsigned char)(0x84 | flags);
	b.p[7] = 1;
	buf_put(&b, "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\6\5proof", 18);
	if (size) {
		b.p[11] = 1;
		buf_put(&b, "\0\0\x63\0\1\0\0\0", 9);
		buf_put_be16(&b, (uint16_t)(size - b.n - 2));
		while (b.n < size)
			buf_putc(&b, 0);
	}
	return b;
}

static bool is(const unsigned char *q, const char *label)
{
	return q[12] == strlen(label) && memcmp(q + 13, label, q[12]) == 0;
}

static void answer_udp(int fd, const unsigned char *q, size_t n, const struct sockaddr *to,
		       socklen_t len)
{
	struct buf b = answer_of(q, n, is(q, "cut") || is(q, "never") ? 2 : 0,
				 is(q, "largest") ? 4096
				 : is(q, "large") ? 4097
						  : 0);

	if (is(q, "silent") || is(q, "tcp") || (is(q, "again") && *datagrams % 2)) {
		buf_done(&b);
		return;
	}
	for (unsigned i = 0; is(q, "flood") && i < 50; i++) {
		b.p[0] ^= 1; /* another's answer, or rubbish, and after them ours */
		sendto(fd, b.p, i % 2 ? b.n : 5, 0, to, len);
		b.p[0] ^= 1;
	}
	if (is(q, "loop")) /* the question's name leads to itself */
		memcpy(b.p + 12, "\xc0\x0c", 2);
	sendto(fd, b.p, b.n, 0, to, len);
	buf_done(&b);
}

static _Noreturn void serve_udp(int fd)
{
	for (;;) {
		unsigned char q[512];
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&from, &len);

		if (n < 17)
			continue;
		++*datagrams;
		answer_udp(fd, q, (size_t)n, (struct sockaddr *)&from, len);
	}
}

static void answer_tcp(int fd, const unsigned char *q, size_t n)
{
	struct buf b = answer_of(q, n, 0, 0), framed = BUF_INIT(2 + MESSAGE_MAX);
	unsigned char end;

	if (is(q, "never") || is(q, "silent"))
		(void)!recv(fd, &end, 1, 0); /* until the other one goes */
	buf_put_be16(&framed, (uint16_t)(b.n + (is(q, "short") ? 1 : 0)));
	buf_put_bytes(&framed, buf_bytes(&b));
	send(fd, framed.p, framed.n, MSG_NOSIGNAL);
	buf_done(&b);
	buf_done(&framed);
}

static _Noreturn void serve_tcp(int fd)
{
	for (;;) {
		int c = accept(fd, NULL, NULL);
		unsigned char q[514];

		if (fork() == 0) {
			if (recv(c, q, 2, MSG_WAITALL) == 2 &&
			    recv(c, q + 2, (size_t)q[1], MSG_WAITALL) == q[1])
				answer_tcp(c, q + 2, q[1]);
			_exit(0);
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

	if (sodium_init() < 0 || bind(tcp, (struct sockaddr *)&a, len) < 0 || listen(tcp, 16) < 0 ||
	    getsockname(tcp, (struct sockaddr *)&a, &len) < 0 ||
	    bind(udp, (struct sockaddr *)&a, len) < 0)
		return -1;
	port = ntohs(a.sin_port);
	datagrams = mmap(NULL, sizeof(*datagrams), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	udp_pid = fork();
	if (udp_pid == 0)
		serve_udp(udp);
	tcp_pid = fork();
	if (tcp_pid == 0) {
		setpgid(0, 0);
		signal(SIGCHLD, SIG_IGN);
		serve_tcp(tcp);
	}
	setpgid(tcp_pid, tcp_pid);
	close(udp);
	close(tcp);
	rules.n = 1;
	return udp_pid > 0 && tcp_pid > 0 && datagrams != MAP_FAILED
		       ? address_rule_parse(BYTES("127.0.0.1"), &rules.rules[0])
		       : -1;
}

static int stop_servers(void **state)
{
	kill(udp_pid, SIGKILL);
	kill(-tcp_pid, SIGKILL);
	waitpid(udp_pid, NULL, 0);
	waitpid(tcp_pid, NULL, 0);
	return 0;
}

static int each_start(void **state)
{
	*datagrams = 0;
	if (loop_new(&loop) < 0 || resolver_new_dns(&resolver, loop, "127.0.0.1:1") < 0)
		return -1;
	dnsask_init(&dns, loop, resolver, &rules, 2);
	dns.port = port;
	return 0;
}

static int each_end(void **state)
{
	assert_int_equal(dns.at_once, 0);
	assert_null(dns.first);
	resolver_free(resolver);
	loop_free(loop);
	return 0;
}

/* ---- questions ---- */

struct outcome {
	unsigned calls;
	enum dnsask_end end;
	size_t answers; /* records in it */
	unsigned *waiting;
};

static void on_asked(void *arg, enum dnsask_end end, const struct message *m)
{
	struct outcome *o = arg;

	o->calls++;
	o->end = end;
	assert_int_equal(m != NULL, end == DNSASK_ANSWERED);
	o->answers = m ? m->counts[DNS_ANSWER] : 0;
	assert_true(!m || !m->truncated);
	if (--*o->waiting == 0)
		loop_stop(loop);
}

static void too_long(void *arg)
{
	log_fatal("the loop does not end");
}

static void run_loop(void)
{
	struct loop_timer t = {.fn = too_long};

	assert_int_equal(loop_timer_set(loop, &t, PATIENCE_MS), 0);
	assert_int_equal(loop_run(loop, NULL, NULL), 0);
	loop_timer_clear(loop, &t);
}

static struct asking *begin(const char *label, const char *address, struct outcome *o)
{
	char text[100];
	struct dns_name name;
	struct asking *a;
	struct ip ip;

	snprintf(text, sizeof(text), "%s.example.org", label);
	assert_int_equal(dns_name_parse(&name, bytes_str(text)), 0);
	assert_int_equal(ip_parse(bytes_str(address), &ip), 0);
	assert_int_equal(dnsask_start(&dns, &ip, &name, DNS_TYPE_TXT, on_asked, o, &a), 0);
	assert_int_equal(o->calls, 0);
	return a;
}

static void expect(const char *label, const char *address, enum dnsask_end end)
{
	unsigned waiting = 1;
	struct outcome o = {.waiting = &waiting};

	begin(label, address, &o);
	run_loop();
	assert_int_equal(o.calls, 1);
	if (o.end != end)
		fail_msg("%s at %s ends as %d", label, address, o.end);
	assert_int_equal(o.answers, end == DNSASK_ANSWERED);
}

/* ---- the tests ---- */

static void test_answered(void **state)
{
	expect("plain", "127.0.0.1", DNSASK_ANSWERED);
	assert_int_equal(*datagrams, 1);
	expect("cut", "127.0.0.1", DNSASK_ANSWERED);
	assert_int_equal(*datagrams, 2);
}

/* What is lost is sent again, then over TCP. */
static void test_lost(void **state)
{
	expect("again", "127.0.0.1", DNSASK_ANSWERED);
	assert_int_equal(*datagrams, 2);
	expect("tcp", "127.0.0.1", DNSASK_ANSWERED);
	assert_int_equal(*datagrams, 4);
}

static void test_silent(void **state)
{
	unsigned waiting = 2;
	struct outcome o[2] = {{.waiting = &waiting}, {.waiting = &waiting}};

	begin("silent", "127.0.0.1", &o[0]);
	begin("never", "127.0.0.1", &o[1]);
	run_loop();
	assert_int_equal(o[0].end, DNSASK_SILENT);
	assert_int_equal(o[1].end, DNSASK_SILENT);
}

/* What is not the answer is passed over; what is no answer at all is none over TCP either. */
static void test_hostile(void **state)
{
	expect("flood", "127.0.0.1", DNSASK_ANSWERED);
	expect("loop", "127.0.0.1", DNSASK_ANSWERED); /* TCP has a better one */
	assert_int_equal(*datagrams, 3);
	expect("largest", "127.0.0.1", DNSASK_ANSWERED);
	assert_int_equal(*datagrams, 4);
	expect("large", "127.0.0.1", DNSASK_ANSWERED); /* over TCP it is smaller */
	assert_int_equal(*datagrams, 6);
}

static void test_nobody(void **state)
{
	dns.port = 1;
	expect("plain", "127.0.0.1", DNSASK_SILENT); /* at once: the machine says so */
}

static void test_forbidden(void **state)
{
	expect("plain", "127.0.0.2", DNSASK_FORBIDDEN);
	expect("plain", "10.0.0.1", DNSASK_FORBIDDEN);
	expect("plain", "::1", DNSASK_FORBIDDEN);
	expect("plain", "::ffff:127.0.0.1", DNSASK_FORBIDDEN);
	assert_int_equal(*datagrams, 0);
}

/* Two at once: the others wait, and come in their turn. */
static void test_turns(void **state)
{
	unsigned waiting = 7;
	struct outcome o[7];

	for (size_t i = 0; i < ARRAY_LEN(o); i++) {
		o[i] = (struct outcome){.waiting = &waiting};
		begin("plain", "127.0.0.1", &o[i]);
		assert_int_equal(dns.at_once, i < 2 ? i + 1 : 2);
	}
	run_loop();
	for (size_t i = 0; i < ARRAY_LEN(o); i++)
		assert_true(o[i].calls == 1 && o[i].end == DNSASK_ANSWERED);
	assert_int_equal(*datagrams, 7);
}

/* Called back while it waits for its turn, over UDP, over TCP: nothing is told, and the next has its turn. */
static void test_cancel(void **state)
{
	unsigned waiting = 1;
	struct outcome o[6];
	struct asking *a[6];

	for (size_t i = 0; i < ARRAY_LEN(o); i++) {
		o[i] = (struct outcome){.waiting = &waiting};
		a[i] = begin(i == 5 ? "plain" : "never", "127.0.0.1", &o[i]);
	}
	dnsask_cancel(a[3]); /* in the middle, */
	dnsask_cancel(a[4]);
	dnsask_cancel(a[0]); /* under way, */
	dnsask_cancel(a[2]); /* first in the queue, though its turn has come */
	run_loop();
	dnsask_cancel(a[1]); /* over TCP by now, perhaps */
	assert_true(o[5].calls == 1 && o[5].end == DNSASK_ANSWERED);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(o[i].calls, 0);
}

/* ---- questions to recursive servers ---- */

struct heard {
	size_t n;
	unsigned calls;
	unsigned *waiting;
};

static void on_answer(void *arg, struct bytes answer)
{
	struct heard *h = arg;

	h->calls++;
	h->n = answer.n;
	if (--*h->waiting == 0)
		loop_stop(loop);
}

/* Of those over the limit each has its turn; those called back none. */
static void test_questions(void **state)
{
	static struct question *q[RESOLVE_AT_ONCE + 50];
	static struct heard h[ARRAY_LEN(q)];
	unsigned waiting = ARRAY_LEN(q) / 2;
	struct dns_name name;
	char servers[32];

	resolver_free(resolver);
	snprintf(servers, sizeof(servers), "127.0.0.1:%u", port);
	assert_int_equal(resolver_new_dns(&resolver, loop, servers), 0);
	assert_int_equal(dns_name_parse(&name, BYTES("plain.example.org")), 0);
	for (size_t i = 0; i < ARRAY_LEN(q); i++) {
		h[i] = (struct heard){.waiting = &waiting};
		assert_int_equal(
			question_start(resolver, &name, DNS_TYPE_TXT, on_answer, &h[i], &q[i]), 0);
		assert_int_equal(h[i].calls, 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(q); i += 2)
		question_cancel(q[i]);
	run_loop();
	for (size_t i = 0; i < ARRAY_LEN(q); i++)
		assert_int_equal(h[i].calls, i % 2);
	assert_true(h[1].n > 0 && h[ARRAY_LEN(q) - 1].n > 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, each_start, each_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_answered), CASE(test_lost),	CASE(test_silent),
		CASE(test_hostile),  CASE(test_nobody), CASE(test_forbidden),
		CASE(test_turns),    CASE(test_cancel), CASE(test_questions),
	};

	return cmocka_run_group_tests_name("dnsask", tests, start_servers, stop_servers);
}
