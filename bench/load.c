/* SPDX-License-Identifier: ISC */
/*
 * Load for make bench, over HTTP/1.1 on loopback:
 *
 *   load rate PORT CONNECTIONS PER_SECOND WARM LENGTH REQUEST…
 *	an open loop: calls begin when they are due, however long those before take, and a call's latency counts from then, whether a connection was free or
 *	not. So a gateway that falls behind cannot hide it.
 *   load hold PORT CONNECTIONS PER_SECOND WARM LENGTH REQUEST…
 *	a closed loop: so many connections are opened each second, and each has a call in flight always. Ends when standard input does.
 *
 * A REQUEST is a file with a whole request; a call is all of them, one after the other, on one connection. WARM (after the connections are there)
 * is not measured; it and LENGTH are milliseconds. Prints "begin", then "end", when what is measured begins and ends, and then the figures as JSON. Every call that was begun is waited for:
 * the log can be counted against them.
 */
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS_MAX 8
#define HEAD_MAX     4096
#define SECOND	     INT64_C(1000000000)
#define DRAIN	     (40 * SECOND) /* longer than a gateway lets a call take */
#define BEHIND	     (2 * SECOND)  /* so late may a call begin before it is given up */

struct request {
	char *text;
	size_t n;
};

struct conn {
	int fd;
	bool busy;
	unsigned step;	   /* which request of the call is under way */
	int64_t due;	   /* when the call should have begun, ns */
	size_t head;	   /* bytes of the answer's head so far */
	size_t body;	   /* bytes of its body that are still to come, once the head is whole */
	bool in_body, bad; /* bad: an answer of the call was not 2xx */
	struct conn *next; /* of those that are free */
	char text[HEAD_MAX];
};

static struct {
	bool open_loop;
	uint16_t port;
	size_t n_conns, opened;
	int64_t interval; /* between calls, or connections; ns, as all times are */
	int64_t warm, length;
	struct request requests[REQUESTS_MAX];
	unsigned n_requests;

	struct conn *conns, *free;
	int epoll;
	size_t busy;

	int64_t began, until; /* what is measured; 0: not yet known */
	int64_t next;	      /* when the next call, or connection, is due */
	bool said_begin, said_end, stopping;
	uint64_t good, bad, broken, given_up;
	uint32_t *latency; /* microseconds */
	size_t measured, room;
} load;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* ---- connections ---- */

static void open_conn(struct conn *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(load.port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
	    fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &e) < 0)
		die("socket");
	c->next = load.free;
	load.free = c;
	load.opened++;
}

/* It is not opened again: such a run counts for nothing. */
static void conn_broken(struct conn *c)
{
	if (load.broken++ == 0)
		fprintf(stderr, "load: a connection broke after %zu bytes of an answer\n", c->head);
	close(c->fd);
	c->fd = -1;
	load.busy -= c->busy;
	c->busy = false;
}

/* A request is small: a socket's buffer that does not take it whole is as good as broken. */
static bool send_request(struct conn *c)
{
	const struct request *r = &load.requests[c->step];

	c->head = c->body = 0;
	c->in_body = false;
	if (send(c->fd, r->text, r->n, MSG_NOSIGNAL) == (ssize_t)r->n)
		return true;
	conn_broken(c);
	return false;
}

static void begin_call(struct conn *c, int64_t due)
{
	c->busy = true;
	c->step = 0;
	c->bad = false;
	c->due = due;
	load.busy++;
	send_request(c);
}

/* ---- what is measured ---- */

static bool is_measured(int64_t t)
{
	return load.began && t >= load.began && t < load.until;
}

static void record(int64_t latency)
{
	if (load.measured == load.room) {
		load.room = load.room ? 2 * load.room : 65536;
		load.latency = realloc(load.latency, load.room * sizeof(*load.latency));
		if (!load.latency)
			die("memory");
	}
	load.latency[load.measured++] = (uint32_t)(latency / 1000);
}

static void end_call(struct conn *c)
{
	int64_t now = now_ns();

	load.busy--;
	c->busy = false;
	load.good += !c->bad;
	load.bad += c->bad;
	/* The open loop counts what was due in the time; the closed what ended in it. */
	if (is_measured(load.open_loop ? c->due : now))
		record(now - c->due);
	if (!load.open_loop && !load.stopping) {
		begin_call(c, now);
	} else {
		c->next = load.free;
		load.free = c;
	}
}

/* ---- answers ---- */

/* The head is whole, and HEAD_END bytes long: how much body comes? False when it does not say. */
static bool read_head(struct conn *c, size_t head_end)
{
	uint64_t body;
	char *at;

	c->text[head_end - 1] = 0;
	at = strcasestr(c->text, "\r\nContent-Length: ");
	if (strncmp(c->text, "HTTP/1.1 ", 9) != 0 || !at)
		return false;
	at += strlen("\r\nContent-Length: ");
	if (text_to_u64(bytes_of(at, strcspn(at, "\r")), SIZE_MAX, &body) != 0)
		return false;
	c->body = body;
	if (c->text[9] != '2' && !c->bad) {
		if (load.bad == 0)
			fprintf(stderr, "load: %.*s\n", (int)strcspn(c->text, "\r\n"), c->text);
		c->bad = true;
	}
	c->in_body = true;
	return true;
}

/* An answer is whole. */
static void answered(struct conn *c)
{
	if (!c->bad && ++c->step < load.n_requests)
		send_request(c);
	else
		end_call(c);
}

static void on_readable(struct conn *c)
{
	char waste[65536];
	ssize_t n;
	char *end;

	if (c->in_body)
		n = recv(c->fd, waste, c->body < sizeof(waste) ? c->body : sizeof(waste), 0);
	else
		n = recv(c->fd, c->text + c->head, HEAD_MAX - c->head, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || !c->busy) {
		conn_broken(c);
		return;
	}
	if (c->in_body) {
		c->body -= (size_t)n;
	} else {
		size_t head_end;

		c->head += (size_t)n;
		end = memmem(c->text, c->head, "\r\n\r\n", 4);
		if (!end && c->head < HEAD_MAX)
			return;
		head_end = end ? (size_t)(end - c->text) + 4 : 0;
		if (!end || !read_head(c, head_end) || c->head - head_end > c->body) {
			conn_broken(c);
			return;
		}
		c->body -= c->head - head_end;
	}
	if (c->in_body && c->body == 0)
		answered(c);
}

/* ---- time ---- */

static void say(const char *what)
{
	puts(what);
	fflush(stdout);
}

/* All connections are there: from here on time counts. */
static void all_open(int64_t now)
{
	load.began = now + load.warm;
	load.until = load.began + load.length;
}

static void tick_open(int64_t now)
{
	while (load.next <= now && load.next < load.until) {
		struct conn *c = load.free;

		if (c) {
			load.free = c->next;
			begin_call(c, load.next);
		} else if (now - load.next > BEHIND) {
			load.given_up++;
			if (is_measured(load.next))
				record(now - load.next);
		} else {
			return;
		}
		load.next += load.interval;
	}
	if (load.next >= load.until)
		load.stopping = true;
}

static void tick_closed(int64_t now)
{
	while (load.opened < load.n_conns && load.next <= now) {
		struct conn *c = &load.conns[load.opened];

		open_conn(c);
		load.free = c->next;
		begin_call(c, now);
		load.next += load.interval;
		if (load.opened == load.n_conns)
			all_open(now);
	}
}

/* What is due now; when to look again at the latest. */
static int64_t tick(int64_t now)
{
	int64_t again = now + SECOND / 10;

	if (load.open_loop)
		tick_open(now);
	else
		tick_closed(now);
	if (load.began && !load.said_begin && now >= load.began) {
		load.said_begin = true;
		say("begin");
	}
	if (load.began && !load.said_end && now >= load.until) {
		load.said_end = true;
		say("end");
	}
	if (load.next > now && load.next < again)
		again = load.next;
	if (load.began && !load.said_end && load.until > now && load.until < again)
		again = load.until;
	return again;
}

static void run(void)
{
	struct epoll_event events[256];
	int64_t end = 0;

	while (!load.stopping || load.busy > 0 || !load.said_end) {
		int64_t now = now_ns(), wait = tick(now) - now;
		struct timespec t = {wait / SECOND, wait % SECOND};
		int n = epoll_pwait2(load.epoll, events, 256, &t, NULL);

		if (n < 0 && errno != EINTR)
			die("epoll");
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (c) {
				on_readable(c);
			} else { /* nobody wants more of us */
				epoll_ctl(load.epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
				load.stopping = true;
			}
		}
		if (load.stopping && !end)
			end = now + DRAIN + load.length;
		if ((end && now > end) || load.broken > 100)
			break;
	}
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t percentile(double p)
{
	size_t i = (size_t)(p / 100 * (double)load.measured);

	if (!load.measured)
		return 0;
	return load.latency[i < load.measured ? i : load.measured - 1];
}

static void report(void)
{
	qsort(load.latency, load.measured, sizeof(*load.latency), by_value);
	printf("{\"good\": %" PRIu64 ", \"bad\": %" PRIu64 ", \"broken\": %" PRIu64
	       ", \"given_up\": %" PRIu64
	       ", \"unanswered\": %zu, \"measured\": %zu, \"seconds\": %.3f, \"p50\": %u, "
	       "\"p90\": %u, \"p99\": %u, \"max\": %u}\n",
	       load.good, load.bad, load.broken, load.given_up, load.busy, load.measured,
	       (double)load.length / (double)SECOND, percentile(50), percentile(90), percentile(99),
	       percentile(100));
}

/* ---- beginning ---- */

static void read_request(const char *path)
{
	struct request *r = &load.requests[load.n_requests++];
	FILE *f = fopen(path, "r");

	r->text = malloc(65536);
	if (!f || !r->text)
		die(path);
	r->n = fread(r->text, 1, 65536, f);
	fclose(f);
}

static void prepare(void)
{
	struct rlimit files;
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.conns = calloc(load.n_conns, sizeof(*load.conns));
	if (load.epoll < 0 || !load.conns)
		die("memory");
	if (!load.open_loop) {
		if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &e) < 0)
			die("standard input");
		load.next = now_ns();
		return;
	}
	for (size_t i = 0; i < load.n_conns; i++)
		open_conn(&load.conns[i]);
	load.next = now_ns();
	all_open(load.next);
}

static uint64_t number(const char *text)
{
	uint64_t n;

	if (text_to_u64(bytes_str(text), INT32_MAX, &n) != 0 || n == 0) {
		fprintf(stderr, "load: '%s' is no number\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	if (argc < 8 || argc > 7 + REQUESTS_MAX) {
		fputs("usage: load rate|hold PORT CONNECTIONS PER_SECOND WARM LENGTH REQUEST…\n",
		      stderr);
		return 2;
	}
	load.open_loop = strcmp(argv[1], "rate") == 0;
	load.port = (uint16_t)number(argv[2]);
	load.n_conns = number(argv[3]);
	load.interval = SECOND / (int64_t)number(argv[4]);
	load.warm = (int64_t)number(argv[5]) * (SECOND / 1000);
	load.length = (int64_t)number(argv[6]) * (SECOND / 1000);
	for (int i = 7; i < argc; i++)
		read_request(argv[i]);
	prepare();
	run();
	report();
	return 0;
}
