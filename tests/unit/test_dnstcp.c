/* SPDX-License-Identifier: ISC */
/* DNS over TCP, against a server on loopback that does what the message's 13th byte says. */
#include "client_rig.h"

#include "egress/dnstcp.h"

#define MESSAGE_MAX DNSTCP_MESSAGE_MAX

static struct dnstcp dns;

/* ---- the server ---- */

static bool receive_all(int fd, unsigned char *p, size_t n)
{
	return n == 0 || recv(fd, p, n, MSG_WAITALL) == (ssize_t)n;
}

static void send_all(int fd, const unsigned char *p, size_t n, size_t piece)
{
	while (n) {
		ssize_t w = send(fd, p, n < piece ? n : piece, MSG_NOSIGNAL);

		if (w <= 0)
			return;
		p += w;
		n -= (size_t)w;
	}
}

/* P has N bytes, the length among them. */
static void answer_dns(int fd, unsigned char *p, size_t n)
{
	const struct linger now = {.l_onoff = 1};

	switch (n > 14 ? p[14] : 'e') {
	case 'e': /* echo */
		send_all(fd, p, n, n);
		break;
	case 'p': /* in pieces */
		send_all(fd, p, n, 1);
		break;
	case 't': /* two of them */
		send_all(fd, p, n, n);
		send_all(fd, p, n, n);
		break;
	case 'h': /* half */
		send_all(fd, p, n / 2, n);
		break;
	case 'l': /* half of the length */
		send_all(fd, p, 1, n);
		break;
	case 's': /* less than a header */
		send_all(fd, (unsigned char *)"\0\013hello world", 13, n);
		break;
	case 'z':
		send_all(fd, (unsigned char *)"\0\0", 2, n);
		break;
	case 'r':
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		break;
	case 'n': /* nothing, until the client goes */
		receive_all(fd, p, 1);
		break;
	default: /* closes */
		break;
	}
}

static void serve_dns(struct server *s, int fd)
{
	static unsigned char p[2 + MESSAGE_MAX];
	size_t n;

	if (!receive_all(fd, p, 2))
		return;
	n = (size_t)(p[0] << 8 | p[1]);
	if (!receive_all(fd, p + 2, n))
		return;
	s->counts->requests++;
	answer_dns(fd, p, 2 + n);
}

static void server_start_dns(struct server *s)
{
	int fd = listen_on_loopback(&s->port);

	s->counts = mmap(NULL, sizeof(*s->counts), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(s->counts != MAP_FAILED);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		setpgid(0, 0);
		signal(SIGCHLD, SIG_IGN);
		for (;;) {
			int c = accept(fd, NULL, NULL);

			s->counts->connections++;
			if (fork() == 0) {
				close(fd);
				serve_dns(s, c);
				_exit(0);
			}
			close(c);
		}
	}
	setpgid(s->pid, s->pid);
	close(fd);
}

static int dns_start(void **state)
{
	server_start_dns(&server);
	if (open_client(&rules, BYTES("")) < 0)
		return -1;
	dns = (struct dnstcp){.loop = loop, .resolver = egress_resolver(egress), .rules = &rules};
	return 0;
}

/* ---- one exchange ---- */

struct outcome {
	bool done, sent;
	enum egress_failure failure;
	struct buf message;
	int *waiting;
};

static void on_answer(void *arg, const struct dnstcp_answer *a)
{
	struct outcome *o = arg;

	assert_false(o->done);
	o->done = true;
	o->sent = a->sent;
	o->failure = a->failure;
	o->message = BUF_INIT(MESSAGE_MAX);
	buf_put_bytes(&o->message, a->message);
	if (--*o->waiting == 0)
		loop_stop(loop);
}

/* A message of N bytes, to have KIND done with it. */
static struct buf message_of(size_t n, char kind)
{
	struct buf b = BUF_INIT(MESSAGE_MAX + 1);
	unsigned char *p = buf_extend(&b, n);

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(i * 7);
	if (n > 12)
		p[12] = (unsigned char)kind;
	return b;
}

static struct dnstcp_request request_of(const char *host, const struct buf *message)
{
	return (struct dnstcp_request){.host = host,
				       .port = server.port,
				       .message = buf_bytes(message),
				       .timeout_ms = 10000};
}

static struct outcome exchange(const struct dnstcp_request *r)
{
	int waiting = 1;
	struct outcome o = {.waiting = &waiting};
	struct dnstcp_call *c;

	assert_int_equal(dnstcp_start(&dns, r, on_answer, &o, &c), 0);
	assert_false(o.done);
	run_loop();
	assert_true(o.done);
	return o;
}

static void expect_echo(const char *host, size_t n, char kind)
{
	struct buf m = message_of(n, kind);
	struct dnstcp_request r = request_of(host, &m);
	struct outcome o = exchange(&r);

	assert_int_equal(o.failure, EGRESS_OK);
	assert_true(o.sent);
	assert_true(bytes_eq(buf_bytes(&o.message), buf_bytes(&m)));
	buf_done(&o.message);
	buf_done(&m);
}

static void expect_failure(const char *host, char kind, enum egress_failure f, bool sent)
{
	struct buf m = message_of(100, kind);
	struct dnstcp_request r = request_of(host, &m);
	struct outcome o = exchange(&r);

	if (o.failure != f || o.sent != sent || o.message.n)
		fail_msg("%s %c: %s", host, kind, egress_failure_text(o.failure));
	buf_done(&o.message);
	buf_done(&m);
}

/* ---- tests ---- */

static void test_exchange(void **state)
{
	static const size_t sizes[] = {12, 13, 100, 511, 4096, MESSAGE_MAX - 1, MESSAGE_MAX};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		expect_echo("127.0.0.1", sizes[i], 'e');
	expect_echo("127.0.0.1", 300, 'p');
	expect_echo("127.0.0.1", 300, 't');
	expect_echo("localhost", 300, 'e');
	assert_int_equal(server.counts->connections, ARRAY_LEN(sizes) + 3);
}

static void test_broken_off(void **state)
{
	for (const char *kind = "chlszr"; *kind; kind++)
		expect_failure("127.0.0.1", *kind, EGRESS_RESET, true);
	expect_echo("127.0.0.1", 20, 'e');
}

static void test_not_reached(void **state)
{
	struct address_rules none = {.n = 0};

	/* c-ares knows that .onion is never in DNS, and asks nobody. */
	expect_failure("no.onion", 'e', EGRESS_RESOLVE, false);
	expect_failure("169.254.169.254", 'e', EGRESS_REFUSED, false);
	dns.rules = &none;
	expect_failure("127.0.0.1", 'e', EGRESS_REFUSED, false);
	expect_failure("localhost", 'e', EGRESS_REFUSED, false);
	assert_int_equal(server.counts->connections, 0);
	dns.rules = &rules;
	close(listen_on_loopback(&server.port));
	expect_failure("127.0.0.1", 'e', EGRESS_CONNECT, false);
}

/* 127.0.0.1 listens, ::1 at that port does not, and both are tried. */
static void test_next_address(void **state)
{
	struct address_rules both = {.n = 2};

	assert_int_equal(address_rule_parse(BYTES("127.0.0.0/8"), &both.rules[0]), 0);
	assert_int_equal(address_rule_parse(BYTES("::1"), &both.rules[1]), 0);
	dns.rules = &both;
	expect_echo("localhost", 100, 'e');
}

static void test_refused_to_start(void **state)
{
	struct buf m = message_of(MESSAGE_MAX + 1, 'e');
	struct dnstcp_request r = request_of("127.0.0.1", &m);
	char host[URL_HOST_MAX + 2];
	struct dnstcp_call *c;

	memset(host, 'a', sizeof(host));
	host[sizeof(host) - 1] = 0;
	assert_int_equal(dnstcp_start(&dns, &r, on_answer, NULL, &c), -EINVAL);
	r.message.n = DNSTCP_MESSAGE_MIN - 1;
	assert_int_equal(dnstcp_start(&dns, &r, on_answer, NULL, &c), -EINVAL);
	r.message.n = 100;
	r.port = 0;
	assert_int_equal(dnstcp_start(&dns, &r, on_answer, NULL, &c), -EINVAL);
	r.port = 53;
	r.host = "";
	assert_int_equal(dnstcp_start(&dns, &r, on_answer, NULL, &c), -EINVAL);
	r.host = host;
	assert_int_equal(dnstcp_start(&dns, &r, on_answer, NULL, &c), -EINVAL);
	buf_done(&m);
}

static void test_dns_timeout(void **state)
{
	struct buf m = message_of(100, 'n');
	struct dnstcp_request r = request_of("127.0.0.1", &m);
	struct outcome o;

	r.timeout_ms = 100;
	o = exchange(&r);
	assert_int_equal(o.failure, EGRESS_TIMEOUT);
	assert_true(o.sent);
	buf_done(&o.message);
	r.timeout_ms = 0;
	o = exchange(&r);
	assert_int_equal(o.failure, EGRESS_TIMEOUT);
	assert_false(o.sent);
	buf_done(&o.message);
	buf_done(&m);
}

static void stop_when_sent(void *arg)
{
	struct loop_timer *t = arg;

	if (server.counts->requests == 0)
		assert_int_equal(loop_timer_set(loop, t, 1), 0);
	else
		loop_stop(loop);
}

/* At once; while the server thinks. */
static void test_dns_cancel(void **state)
{
	struct buf m = message_of(100, 'n');
	struct dnstcp_request r = request_of("localhost", &m);
	struct outcome o = {.done = false};
	struct loop_timer poll = {.fn = stop_when_sent, .arg = &poll};
	struct dnstcp_call *c;

	assert_int_equal(dnstcp_start(&dns, &r, on_answer, &o, &c), 0);
	dnstcp_cancel(c);
	assert_int_equal(dnstcp_start(&dns, &r, on_answer, &o, &c), 0);
	assert_int_equal(loop_timer_set(loop, &poll, 0), 0);
	run_loop();
	dnstcp_cancel(c);
	/* So that the loop turns again. */
	expect_echo("127.0.0.1", 20, 'e');
	assert_false(o.done);
	buf_done(&m);
}

static void start_another(void *arg, const struct dnstcp_answer *a)
{
	struct buf m = message_of(100, 'e');
	struct dnstcp_request r = request_of("127.0.0.1", &m);
	struct dnstcp_call *c;

	assert_int_equal(a->failure, EGRESS_OK);
	assert_int_equal(dnstcp_start(&dns, &r, on_answer, arg, &c), 0);
	buf_done(&m);
}

static void test_dns_start_inside_done(void **state)
{
	struct buf m = message_of(100, 'e');
	struct dnstcp_request r = request_of("127.0.0.1", &m);
	int waiting = 1;
	struct outcome o = {.waiting = &waiting};
	struct dnstcp_call *c;

	assert_int_equal(dnstcp_start(&dns, &r, start_another, &o, &c), 0);
	run_loop();
	assert_int_equal(o.failure, EGRESS_OK);
	assert_int_equal(o.message.n, 100);
	buf_done(&o.message);
	buf_done(&m);
}

static void test_dns_many(void **state)
{
	enum { N = 100 };
	static const char kinds[] = "erhpt";
	struct outcome o[N];
	int waiting = N;

	for (size_t i = 0; i < N; i++) {
		struct buf m = message_of(1000 + i, kinds[i % 5]);
		struct dnstcp_request r = request_of("localhost", &m);
		struct dnstcp_call *c;

		o[i] = (struct outcome){.waiting = &waiting};
		assert_int_equal(dnstcp_start(&dns, &r, on_answer, &o[i], &c), 0);
		buf_done(&m);
	}
	run_loop();
	for (size_t i = 0; i < N; i++) {
		bool broken = i % 5 == 1 || i % 5 == 2;

		assert_int_equal(o[i].failure, broken ? EGRESS_RESET : EGRESS_OK);
		assert_int_equal(o[i].message.n, broken ? 0 : 1000 + i);
		buf_done(&o[i].message);
	}
}

#define DNS_CASE(fn) cmocka_unit_test_setup_teardown(fn, dns_start, each_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DNS_CASE(test_exchange),	 DNS_CASE(test_broken_off),
		DNS_CASE(test_not_reached),	 DNS_CASE(test_next_address),
		DNS_CASE(test_refused_to_start), DNS_CASE(test_dns_timeout),
		DNS_CASE(test_dns_cancel),	 DNS_CASE(test_dns_start_inside_done),
		DNS_CASE(test_dns_many),
	};

	return cmocka_run_group_tests_name("dnstcp", tests, all_start, NULL);
}
