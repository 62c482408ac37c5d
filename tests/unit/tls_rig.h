/* SPDX-License-Identifier: ISC */
#pragma once

/* For the tests of the client with TLS: a CA and certificates of it in a directory, and servers in Python. */
#include "client_rig.h"

#include <fcntl.h>

static char dir[] = "/tmp/postern-test-XXXXXX";
static struct buf right_ca, wrong_ca;

struct tls_server {
	pid_t pid;
	int in; /* it ends when this is closed */
	uint16_t port;
};

/* SCRIPT says what HOW means. */
static inline struct tls_server tls_start_as(const char *script, const char *address,
					     const char *name, const char *how)
{
	struct tls_server s;
	char path[300], cert[100], key[100], line[20] = "";
	int in[2], out[2];

	snprintf(path, sizeof(path), TEST_DATA "/unit/%s", script);
	snprintf(cert, sizeof(cert), "%s/%s.pem", dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execlp("python3", "python3", "-W", "ignore", path, address, cert, key, how, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	for (size_t n = 0; !strchr(line, '\n'); n++)
		assert_true(n < sizeof(line) - 1 && read(out[0], line + n, 1) == 1);
	close(out[0]);
	s.in = in[1];
	s.port = (uint16_t)strtoul(line, NULL, 10);
	return s;
}

static inline void tls_stop(struct tls_server *s)
{
	close(s->in);
	waitpid(s->pid, NULL, 0);
}

static uint16_t forger;

/* The server forges an answer, and hangs up on who told it to by coming; then the call is made. */
static inline void forge_and_start(void *arg)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(forger),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct url u = url_of("localhost", forger, true);
	struct egress_request r = request(&u, "/");
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct egress_call *c;
	char byte;

	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
	r.method = "POST";
	r.body = BYTES("posted");
	assert_int_equal(egress_start(egress, &r, on_done, arg, &c), 0);
}

/* All in one turn of the loop, which has not seen what was forged when the call is made. */
static inline struct result ask_forger(const struct tls_server *s)
{
	int waiting = 1;
	struct result r = {.waiting = &waiting};
	struct loop_timer now = {.fn = forge_and_start, .arg = &r};

	forger = s->port;
	assert_int_equal(loop_timer_set(loop, &now, 0), 0);
	run_loop();
	return r;
}

static inline void use_ca(struct bytes ca)
{
	close_client();
	assert_int_equal(open_client(&rules, ca), 0);
}

/* Run a program in the directory; what it says is not wanted. */
static inline void spawn(const char *const *argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 &&
		    chdir(dir) == 0)
			execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("%s failed", argv[0]);
}

#define SPAWN(...) spawn((const char *const[]){__VA_ARGS__, NULL})

/* A new key, and a certificate for it. */
#define CERTIFICATE(key, pem, ...)                                                                 \
	SPAWN("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",   \
	      "-nodes", "-days", "2", "-keyout", key, "-out", pem, __VA_ARGS__)

static inline struct buf slurp(const char *name)
{
	struct buf b = BUF_INIT(65536);
	char path[100], chunk[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&b, chunk, n);
	fclose(f);
	return b;
}

static inline int tls_all_start(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	CERTIFICATE("ca.key", "ca.pem", "-subj", "/CN=ca");
	CERTIFICATE("wrong.key", "wrong.pem", "-subj", "/CN=wrong");
#define LEAF(name, san)                                                                            \
	CERTIFICATE(name ".key", name ".pem", "-subj", "/CN=x", "-CA", "ca.pem", "-CAkey",         \
		    "ca.key", "-addext", "subjectAltName=" san, "-addext",                         \
		    "basicConstraints=CA:FALSE")
	LEAF("good", "DNS:localhost,IP:127.0.0.1");
	LEAF("other", "DNS:other.example,DNS:*.localhost,IP:127.0.0.2");
	LEAF("own", "IP:9.9.9.9");
	right_ca = slurp("ca.pem");
	wrong_ca = slurp("wrong.pem");
	return all_start(state);
}

static inline int tls_all_end(void **state)
{
	buf_done(&right_ca);
	buf_done(&wrong_ca);
	SPAWN("rm", "-r", dir);
	return 0;
}
