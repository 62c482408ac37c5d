/* SPDX-License-Identifier: ISC */
/* The HTTPS client against servers with good and bad certificates and versions of TLS. */
#include "tls_rig.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

static struct tls_server tls_start_at(const char *address, const char *name, const char *version)
{
	return tls_start_as("tls_server.py", address, name, version);
}

static struct tls_server tls_start(const char *name, const char *version)
{
	return tls_start_at("127.0.0.1", name, version);
}

static struct result ask_tls(const char *host, uint16_t port, struct bytes body)
{
	struct url u = url_of(host, port, true);
	struct egress_request r = request(&u, "/echo");

	r.method = "POST";
	r.body = body;
	return run(&r);
}

static void expect_tls(const char *host, uint16_t port, enum egress_failure f)
{
	struct result r = ask_tls(host, port, BYTES("body"));

	if (r.failure != f || r.sent != (f == EGRESS_OK))
		fail_msg("%s: %s", host, egress_failure_text(r.failure));
	if (f == EGRESS_OK)
		assert_true(bytes_starts(buf_bytes(&r.body), BYTES("body ")));
	result_done(&r);
}

static void test_right_ca(void **state)
{
	struct tls_server s = tls_start("good", "");

	use_ca(buf_bytes(&right_ca));
	expect_tls("127.0.0.1", s.port, EGRESS_OK);
	expect_tls("localhost", s.port, EGRESS_OK);
	tls_stop(&s);
}

static void test_kept_and_large(void **state)
{
	struct tls_server s = tls_start("good", "");
	struct buf body = BUF_INIT(1 << 20);
	struct result a, b;

	use_ca(buf_bytes(&right_ca));
	for (int i = 0; i < 30000; i++)
		buf_printf(&body, "%d,", i);
	a = ask_tls("localhost", s.port, buf_bytes(&body));
	b = ask_tls("localhost", s.port, buf_bytes(&body));
	assert_true(bytes_starts(buf_bytes(&a.body), buf_bytes(&body)));
	/* The client's port is there too: one connection. */
	assert_true(bytes_eq(buf_bytes(&a.body), buf_bytes(&b.body)));
	result_done(&a);
	result_done(&b);
	buf_done(&body);
	tls_stop(&s);
}

/* What OpenSSL has decrypted already, and nobody asked it for, is nobody's answer. */
static void test_forged(void **state)
{
	static const char *const versions[] = {"TLSv1_2", "TLSv1_3"};

	use_ca(buf_bytes(&right_ca));
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct tls_server s = tls_start("good", versions[i]);
		struct result r = ask_tls("localhost", s.port, BYTES("forge"));

		assert_int_equal(r.failure, EGRESS_OK);
		assert_true(bytes_is(buf_bytes(&r.body), "right"));
		result_done(&r);
		expect_tls("localhost", s.port, EGRESS_OK);
		tls_stop(&s);
	}
}

/* Nor is half a record that came while nobody asked. */
static void test_half_a_record(void **state)
{
	struct tls_server s = tls_start_as("half_server.py", "127.0.0.1", "good", "");
	struct result r;

	use_ca(buf_bytes(&right_ca));
	r = ask_tls("localhost", s.port, BYTES("posted"));
	assert_true(bytes_is(buf_bytes(&r.body), "posted 1"));
	result_done(&r);
	r = ask_forger(&s);
	assert_int_equal(r.failure, EGRESS_OK);
	assert_true(bytes_is(buf_bytes(&r.body), "posted 3"));
	result_done(&r);
	tls_stop(&s);
}

static void test_wrong_ca(void **state)
{
	struct tls_server s = tls_start("good", "");

	use_ca(buf_bytes(&wrong_ca));
	expect_tls("localhost", s.port, EGRESS_TLS);
	use_ca(BYTES(""));
	expect_tls("localhost", s.port, EGRESS_TLS);
	tls_stop(&s);
}

/* Several roots, text between them, the right one last. */
static void test_bundle(void **state)
{
	struct tls_server s = tls_start("good", "");
	struct buf ca = BUF_INIT(65536);

	buf_puts(&ca, "# roots\n");
	buf_put_bytes(&ca, buf_bytes(&wrong_ca));
	buf_puts(&ca, "\n# one more\n");
	buf_put_bytes(&ca, buf_bytes(&right_ca));
	use_ca(buf_bytes(&ca));
	expect_tls("localhost", s.port, EGRESS_OK);
	tls_stop(&s);
	buf_done(&ca);
}

static void test_broken_bundle(void **state)
{
	struct bytes whole = buf_bytes(&right_ca);
	struct buf ca = BUF_INIT(65536);

	close_client();
	assert_int_equal(open_client(&rules, BYTES("no certificates")), -EINVAL);
	close_client();
	/* Whole, then cut: not just the first is to be used. */
	buf_put_bytes(&ca, whole);
	buf_put(&ca, whole.p, whole.n / 2);
	assert_int_equal(open_client(&rules, buf_bytes(&ca)), -EINVAL);
	buf_done(&ca);
	close_client();
	assert_int_equal(open_client(&rules, BYTES("")), 0);
}

static void test_wrong_name(void **state)
{
	struct tls_server s = tls_start("other", "");

	use_ca(buf_bytes(&right_ca));
	expect_tls("localhost", s.port, EGRESS_TLS);
	expect_tls("127.0.0.1", s.port, EGRESS_TLS);
	tls_stop(&s);
}

static void test_versions(void **state)
{
	static const struct {
		const char *version;
		enum egress_failure failure;
	} cases[] = {{"TLSv1", EGRESS_TLS},
		     {"TLSv1_1", EGRESS_TLS},
		     {"TLSv1_2", EGRESS_OK},
		     {"TLSv1_3", EGRESS_OK}};

	use_ca(buf_bytes(&right_ca));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tls_server s = tls_start("good", cases[i].version);
		expect_tls("localhost", s.port, cases[i].failure);
		tls_stop(&s);
	}
}

static void test_no_tls_there(void **state)
{
	expect_tls("127.0.0.1", server.port, EGRESS_TLS);
	assert_int_equal(server.counts->requests, 0);
}

/* Connected, but the handshake is never answered. */
static void test_silent_handshake(void **state)
{
	uint16_t port;
	int fd = listen_on_loopback(&port);
	struct url u = url_of("127.0.0.1", port, true);
	struct egress_request r = request(&u, "/");
	struct result res;

	r.timeout_ms = 100;
	res = run(&r);
	assert_int_equal(res.failure, EGRESS_TIMEOUT);
	assert_false(res.sent);
	result_done(&res);
	close(fd);
}

/*
 * In a network of its own, this process gives itself an address that is public. False when that is
 * forbidden here.
 */
static bool become_public(const char *address)
{
	struct ifreq i = {.ifr_name = "lo"};
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = -1;

	inet_pton(AF_INET, address, &a.sin_addr);
	memcpy(&i.ifr_addr, &a, sizeof(a));
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFADDR, &i) < 0)
		return false;
	i.ifr_flags = IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &i) == 0;
}

static _Noreturn void own_address_child(void)
{
	const struct address_rules none = {.n = 0};
	struct tls_server s;
	struct result a, b;

	if (!become_public("9.9.9.9"))
		_exit(77);
	s = tls_start_at("9.9.9.9", "own", "");
	close_client();
	if (open_client(&none, buf_bytes(&right_ca)) < 0)
		_exit(1);
	a = ask_tls("9.9.9.9", s.port, BYTES("body"));
	close_client();
	rules.rules[rules.n].net = (struct ip){.family = 4, .a = {9, 9, 9, 9}};
	rules.rules[rules.n++].bits = 32;
	if (open_client(&rules, buf_bytes(&right_ca)) < 0)
		_exit(1);
	b = ask_tls("9.9.9.9", s.port, BYTES("body"));
	tls_stop(&s);
	_exit(a.failure == EGRESS_REFUSED && !a.sent && b.failure == EGRESS_OK ? 0 : 1);
}

/* The gateway's own address is refused, public as it is, unless it is listed. */
static void test_own_address(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		own_address_child();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_right_ca),	  CASE(test_kept_and_large),   CASE(test_forged),
		CASE(test_half_a_record), CASE(test_wrong_ca),	       CASE(test_bundle),
		CASE(test_broken_bundle), CASE(test_wrong_name),       CASE(test_versions),
		CASE(test_no_tls_there),  CASE(test_silent_handshake), CASE(test_own_address),
	};

	return cmocka_run_group_tests_name("client_tls", tests, tls_all_start, tls_all_end);
}
