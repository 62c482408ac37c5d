/* SPDX-License-Identifier: ISC */
#include "egress/internal.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Less than what servers have patience for, mostly; what they close is seen at once. */
#define KEEP_MS (60 * 1000)
/* So that a name that has moved is followed. */
#define LIFE_MS (10 * 60 * 1000)

/* ---- bytes ---- */

static int outcome(ssize_t n, int wants, size_t *moved)
{
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return wants;
	if (n < 0)
		return -EPROTO;
	*moved = (size_t)n;
	return 0;
}

int link_recv(struct link *k, void *p, size_t n, size_t *got)
{
	int r;

	if (k->tls)
		return tls_recv(k->tls, p, n, got);
	*got = 0;
	r = outcome(recv(k->fd.fd, p, n, MSG_DONTWAIT), TLS_WANTS_READ, got);
	return r == 0 && *got == 0 ? TLS_ENDED : r;
}

int link_send(struct link *k, struct bytes b, size_t *sent)
{
	if (k->tls)
		return tls_send(k->tls, b.p, b.n, sent);
	return outcome(send(k->fd.fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT), TLS_WANTS_WRITE,
		       sent);
}

/* ---- those that are kept ---- */

static void leave(struct link *k)
{
	struct egress *e = k->egress;

	*(k->newer ? &k->newer->older : &e->first) = k->older;
	*(k->older ? &k->older->newer : &e->last) = k->newer;
	k->newer = k->older = NULL;
	e->idle--;
}

void link_free(struct link *k)
{
	struct egress *e = k->egress;
	int fd = k->fd.fd;

	if (k->call)
		k->call->link = NULL;
	else
		leave(k);
	if (k->connecting)
		connect_cancel(k->connecting);
	loop_timer_clear(e->loop, &k->hurry);
	loop_unwatch(e->loop, &k->fd);
	if (k->tls)
		tls_conn_free(k->tls);
	if (fd >= 0)
		close(fd);
	free(k);
}

void links_free(struct egress *e)
{
	while (e->first)
		link_free(e->first);
	loop_timer_clear(e->loop, &e->sweep);
}

/* The oldest are over-age first. */
static void sweep(void *arg)
{
	struct egress *e = arg;
	int64_t now = loop_now(e->loop);

	while (e->last && (e->idle > e->idle_max || e->last->kept + KEEP_MS <= now))
		link_free(e->last);
	/* Without memory for a timer, the next that is kept has another try. */
	if (!e->last || loop_timer_set(e->loop, &e->sweep, e->last->kept + KEEP_MS - now) < 0)
		loop_timer_clear(e->loop, &e->sweep);
}

void links_init(struct egress *e)
{
	e->sweep = (struct loop_timer){.fn = sweep, .arg = e};
}

void link_keep(struct link *k)
{
	struct egress *e = k->egress;

	k->call->link = NULL;
	k->call = NULL;
	k->used = true;
	k->kept = loop_now(e->loop);
	k->older = e->first;
	*(e->first ? &e->first->newer : &e->last) = k;
	e->first = k;
	e->idle++;
	if (e->idle > e->idle_max || !e->sweep.due)
		sweep(e);
}

/*
 * The server has neither spoken nor hung up while it was not asked: what it said would be taken for the answer to what is sent now. TLS's own messages, such as tickets, are no
 * matter.
 */
static bool is_clean(struct link *k)
{
	unsigned char byte;
	size_t n;
	ssize_t r;

	if (k->tls && tls_pending(k->tls))
		return false;
	r = recv(k->fd.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (r > 0 && k->tls)
		return tls_recv(k->tls, &byte, 1, &n) == TLS_WANTS_READ;
	return r < 0 && errno == EAGAIN;
}

static bool is_with(const struct link *k, const struct url *u)
{
	return k->port == u->port && k->is_tls == u->tls && strcmp(k->host, u->host) == 0;
}

bool link_reuse(struct egress_call *c)
{
	struct egress *e = c->egress;

	for (struct link *k = e->first, *older; k; k = older) {
		older = k->older;
		if (!is_with(k, &c->url))
			continue;
		if (loop_now(e->loop) - k->born > LIFE_MS || !is_clean(k)) {
			link_free(k);
			continue;
		}
		leave(k);
		k->call = c;
		c->link = k;
		return true;
	}
	return false;
}

/* ---- a new one ---- */

static void on_ready(void *arg, uint32_t events)
{
	struct link *k = arg;
	int r;

	if (!k->call) {
		if (!is_clean(k))
			link_free(k);
		return;
	}
	if (!k->shaking) {
		exchange_go_on(k->call);
		return;
	}
	r = tls_handshake(k->tls);
	if (r == TLS_WANTS_READ || r == TLS_WANTS_WRITE) {
		if (loop_change(k->egress->loop, &k->fd, r == TLS_WANTS_READ ? EPOLLIN : EPOLLOUT) <
		    0)
			call_end(k->call, EGRESS_INTERNAL);
	} else if (r != 0) {
		call_end(k->call, EGRESS_TLS);
	} else {
		k->shaking = false;
		loop_timer_clear(k->egress->loop, &k->hurry);
		exchange_begin(k->call);
	}
}

static void on_connected(void *arg, int fd, const struct ip *peer)
{
	struct link *k = arg;
	struct egress *e = k->egress;

	k->connecting = NULL;
	if (fd < 0) {
		call_end(k->call, EGRESS_CONNECT);
		return;
	}
	k->fd.fd = -1;
	if (loop_watch(e->loop, &k->fd, fd, EPOLLIN) < 0) {
		close(fd);
		call_end(k->call, EGRESS_INTERNAL);
		return;
	}
	if (socket_is_own(fd, peer) && !address_listed(e->rules, peer, !k->is_tls)) {
		call_end(k->call, EGRESS_REFUSED);
	} else if (!k->is_tls) {
		loop_timer_clear(e->loop, &k->hurry);
		exchange_begin(k->call);
	} else if (tls_connect(&k->tls, e->tls, fd, k->host, k->call->url.is_ip) < 0) {
		call_end(k->call, EGRESS_INTERNAL);
	} else {
		k->shaking = true;
		on_ready(k, 0);
	}
}

static void on_hurry(void *arg)
{
	call_end(((struct link *)arg)->call, EGRESS_CONNECT);
}

int link_open(struct egress_call *c, const struct ip *ips, size_t n)
{
	struct egress *e = c->egress;
	struct link *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	*k = (struct link){.egress = e,
			   .call = c,
			   .born = loop_now(e->loop),
			   .is_tls = c->url.tls,
			   .port = c->url.port};
	memcpy(k->host, c->url.host, sizeof(k->host));
	k->fd = (struct loop_fd){.fd = -1, .fn = on_ready, .arg = k};
	k->hurry = (struct loop_timer){.fn = on_hurry, .arg = k};
	c->link = k;
	r = loop_timer_set(e->loop, &k->hurry, EGRESS_CONNECT_MS);
	if (r == 0)
		r = connect_start(&k->connecting, e->loop, ips, n, c->url.port, on_connected, k);
	if (r < 0)
		link_free(k);
	return r;
}
