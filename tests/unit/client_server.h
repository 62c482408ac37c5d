/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * For test_client.c: an HTTP server on loopback in a process of its own, one child a connection,
 * that behaves as the path of the request says.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
	pid_t pid;
	uint16_t port;
	/* Shared with the server. */
	struct counts {
		_Atomic int connections, requests;
		_Atomic int late; /* between paths of a test's own */
	} * counts;
	/* A test's own paths, looked at first: 1 to go on, 0 to close, -1 when it is none of them. */
	int (*own)(int fd, struct bytes path, struct counts *counts);
};

/* False when the client has gone. */
static inline bool say(int fd, const char *text)
{
	for (size_t n = strlen(text); n > 0;) {
		ssize_t w = send(fd, text, n, MSG_NOSIGNAL);
		if (w <= 0)
			return false;
		text += w;
		n -= (size_t)w;
	}
	return true;
}

/*
 * A whole request into TEXT, NUL-terminated: its head, and as much of a body as Content-Length
 * says.
 */
static inline bool read_request(int fd, char *text, size_t size)
{
	size_t n = 0;

	for (;;) {
		const char *end, *length;
		ssize_t r = recv(fd, text + n, size - 1 - n, 0);

		if (r <= 0)
			return false;
		n += (size_t)r;
		text[n] = 0;
		/* A TLS handshake: to be answered as nonsense is. */
		if (text[0] == 0x16) {
			say(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
			return false;
		}
		end = strstr(text, "\r\n\r\n");
		if (!end)
			continue;
		length = strstr(text, "Content-Length: ");
		if (n >= (size_t)(end + 4 - text) + (length ? strtoul(length + 16, NULL, 10) : 0))
			return true;
	}
}

static inline void say_again(int fd, const char *text)
{
	while (say(fd, text))
		;
}

static const struct {
	const char *path, *says, *forever; /* says it, then goes on saying that, then closes */
} closing[] = {
	{"/close", "", NULL},
	{"/half-body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345", NULL},
	{"/half-head", "HTTP/1.1 200 OK\r\nContent-Le", NULL},
	{"/only-interim", "HTTP/1.1 103 Early Hints\r\nX-Wanted: early\r\n\r\n", NULL},
	{"/garbage", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", NULL},
	{"/no-head", "{\"result\": []}", NULL},
	{"/bad-length", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", NULL},
	{"/until-close", "HTTP/1.1 200 OK\r\n\r\nall of it", NULL},
	{"/te-gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", NULL},
	{"/endless-body", "HTTP/1.1 200 OK\r\n\r\n", "0123456789abcdef0123456789abcdef"},
	{"/endless-headers", "HTTP/1.1 200 OK\r\n", "X-More: 0123456789abcdef0123456789\r\n"},
	{"/endless-line", "HTTP/1.1 200 OK\r\nX-More: ", "0123456789abcdef0123456789abcdef"},
	{"/endless-interim", "", "HTTP/1.1 103 Early Hints\r\nX-More: 1\r\n\r\n"},
};

static const struct {
	const char *path, *says;
} keeping[] = {
	{"/ok", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
	{"/none", "HTTP/1.1 204 No Content\r\n\r\n"},
	{"/head", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
	{"/redirect",
	 "HTTP/1.1 302 Found\r\nLocation: /ok\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"},
	{"/wanted", "HTTP/1.1 429 Slow down\r\nx-wanted:  one\t\r\nX-Other: 1\r\nX-WANTED: two\r\n"
		    "X-Empty:\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"},
	{"/retry-date", "HTTP/1.1 503 No\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"
			"Content-Length: 0\r\n\r\n"},
	{"/retry-bad", "HTTP/1.1 503 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n"},
	{"/interim", "HTTP/1.1 103 Early Hints\r\nX-Wanted: early\r\nRetry-After: 1\r\n\r\n"
		     "HTTP/1.1 200 OK\r\nX-Wanted: late\r\nContent-Length: 0\r\n\r\n"},
	{"/trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Wanted: head\r\n\r\n"
		      "5\r\nhello\r\n0\r\nX-Wanted: trailer\r\nRetry-After: 1\r\n\r\n"},
	{"/ce-gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nraw"},
};

/* The N-th request of a connection. False: close it. */
static inline bool answer(const struct server *s, int fd, const char *text, int n)
{
	const char *target = strchr(text, ' ') + 1;
	struct bytes path = bytes_of(target, strcspn(target, " ?"));
	int own = s->own ? s->own(fd, path, s->counts) : -1;
	char head[100];

	if (own >= 0)
		return own;
	for (size_t i = 0; i < ARRAY_LEN(keeping); i++)
		if (bytes_is(path, keeping[i].path))
			return say(fd, keeping[i].says);
	for (size_t i = 0; i < ARRAY_LEN(closing); i++)
		if (bytes_is(path, closing[i].path)) {
			say(fd, closing[i].says);
			if (closing[i].forever)
				say_again(fd, closing[i].forever);
			return false;
		}
	if (bytes_is(path, "/slow"))
		return true;
	if (bytes_is(path, "/reset")) {
		const struct linger now = {.l_onoff = 1};
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		return false;
	}
	/* The first is answered; the second is read, and the connection closed. */
	if (bytes_is(path, "/dies"))
		return n == 1 && say(fd, keeping[0].says);
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		 strlen(text));
	return say(fd, head) && say(fd, text);
}

static inline void serve(const struct server *s, int fd)
{
	static char text[65536];

	for (int n = 1; read_request(fd, text, sizeof(text)); n++) {
		s->counts->requests++;
		if (!answer(s, fd, text, n))
			break;
	}
}

static inline int listen_on_loopback(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static inline void server_start(struct server *s)
{
	int fd = listen_on_loopback(&s->port);

	s->counts = mmap(NULL, sizeof(*s->counts), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(s->counts != MAP_FAILED);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		/* A group, so that its children end with it. */
		setpgid(0, 0);
		signal(SIGCHLD, SIG_IGN);
		for (;;) {
			int c = accept(fd, NULL, NULL);
			s->counts->connections++;
			if (fork() == 0) {
				close(fd);
				serve(s, c);
				_exit(0);
			}
			close(c);
		}
	}
	setpgid(s->pid, s->pid);
	close(fd);
}

static inline void server_stop(struct server *s)
{
	kill(-s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap(s->counts, sizeof(*s->counts));
}
