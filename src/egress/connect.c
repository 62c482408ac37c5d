/* SPDX-License-Identifier: ISC */
#include "egress/connect.h"

#include "egress/resolve.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

struct attempt {
	struct connecting *all;
	struct loop_fd fd; /* not watched: not begun, or failed */
	struct ip ip;
};

struct connecting {
	struct loop *loop;
	connect_fn *fn;
	void *arg;
	uint16_t port;
	struct loop_timer next;
	size_t n, begun; /* of the attempts */
	struct attempt attempts[];
};

static void attempt_end(struct attempt *a)
{
	int fd = a->fd.fd;

	loop_unwatch(a->all->loop, &a->fd);
	if (fd >= 0)
		close(fd);
}

static void all_free(struct connecting *c)
{
	for (size_t i = 0; i < c->n; i++)
		attempt_end(&c->attempts[i]);
	loop_timer_clear(c->loop, &c->next);
	free(c);
}

static void all_end(struct connecting *c, int fd, const struct ip *peer)
{
	connect_fn *fn = c->fn;
	void *arg = c->arg;
	struct ip ip = *peer;

	all_free(c);
	fn(arg, fd, &ip);
}

static void on_ready(void *arg, uint32_t events);

/* False when it fails at once. */
static bool attempt_begin(struct attempt *a)
{
	static const int on = 1;
	struct sockaddr_storage to;
	socklen_t n = ip_to_sockaddr(&a->ip, a->all->port, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	/* A request goes out whole, and its answer is waited for. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	a->fd = (struct loop_fd){.fd = -1, .fn = on_ready, .arg = a};
	if ((connect(fd, (struct sockaddr *)&to, n) < 0 && errno != EINPROGRESS) ||
	    loop_watch(a->all->loop, &a->fd, fd, EPOLLOUT) < 0) {
		close(fd);
		return false;
	}
	return true;
}

static bool under_way(const struct connecting *c)
{
	for (size_t i = 0; i < c->begun; i++)
		if (c->attempts[i].fd.fd >= 0)
			return true;
	return false;
}

/* Begin the next that can be begun. C is gone where that was the last one, and nothing is under way. */
static void begin_next(struct connecting *c)
{
	while (c->begun < c->n)
		if (attempt_begin(&c->attempts[c->begun++]))
			break;
	if (!under_way(c) ||
	    (c->begun < c->n && loop_timer_set(c->loop, &c->next, CONNECT_NEXT_MS) < 0))
		all_end(c, -1, &c->attempts[0].ip);
}

static void on_next(void *arg)
{
	begin_next(arg);
}

static void on_ready(void *arg, uint32_t events)
{
	struct attempt *a = arg;
	int fd = a->fd.fd, error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error) {
		attempt_end(a);
		if (!under_way(a->all))
			begin_next(a->all);
		return;
	}
	loop_unwatch(a->all->loop, &a->fd);
	all_end(a->all, fd, &a->ip);
}

/* The families by turns, IPv6 first; each one's in their order. */
static void take_addresses(struct connecting *c, const struct ip *ips, size_t n)
{
	size_t at[] = {0, 0};

	for (unsigned turn = 0; c->n < n; turn = !turn) {
		size_t i = at[turn];

		while (i < n && ips[i].family != (turn == 0 ? 6 : 4))
			i++;
		if (i < n) {
			struct attempt *a = &c->attempts[c->n++];

			a->all = c;
			a->fd.fd = -1;
			a->ip = ips[i];
		}
		at[turn] = i + 1;
	}
}

int connect_start(struct connecting **out, struct loop *loop, const struct ip *ips, size_t n,
		  uint16_t port, connect_fn *fn, void *arg)
{
	size_t count = n < CONNECT_MAX ? n : CONNECT_MAX;
	struct connecting *c = calloc(1, sizeof(*c) + count * sizeof(c->attempts[0]));

	if (!c)
		return -ENOMEM;
	*c = (struct connecting){.loop = loop, .fn = fn, .arg = arg, .port = port};
	c->next = (struct loop_timer){.fn = on_next, .arg = c};
	take_addresses(c, ips, count);
	/* Not from here: FN may be called. */
	if (loop_timer_set(loop, &c->next, 0) < 0) {
		free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void connect_cancel(struct connecting *c)
{
	all_free(c);
}
