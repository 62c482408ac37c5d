/* SPDX-License-Identifier: ISC */
#include "egress/internal.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Less than what servers have patience for, mostly; what they close is seen at once. */
#define KEEP_MS (60 * 1000)
/* So that a name that has moved is followed. */
#define LIFE_MS	    (10 * 60 * 1000)
#define SHAKING_MAX 128
/* For so long a handshake has its turn; one that is not over then waits for a slow server, and keeps nobody from his. */
#define TURN_MS 500
/* Beyond so many, those that wait hold no buffers: making them anew takes time, and thousands of them memory. */
#define BUFFERS_MAX 1024

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

void link_rest(struct link *k)
{
	if (k->tls && k->egress->links > BUFFERS_MAX)
		tls_release(k->tls);
}

/* ---- handshakes: so many at once, and the others wait ---- */

/*
 * A handshake is work for this processor: of thousands at once none would be done before its time is over.
 */
static void wait_to_shake(struct link *k)
{
	struct egress *e = k->egress;

	k->next = NULL;
	k->at = e->waiting_tail;
	*k->at = k;
	e->waiting_tail = &k->next;
	k->waiting = true;
	loop_end_set(e->loop, &e->let_shake);
}

static void wait_no_more(struct link *k)
{
	*k->at = k->next;
	*(k->next ? &k->next->at : &k->egress->waiting_tail) = k->at;
	k->waiting = false;
}

/* The next may begin. */
static void end_turn(struct link *k)
{
	struct egress *e = k->egress;

	if (!k->turn)
		return;
	k->turn = false;
	e->turns--;
	if (e->waiting)
		loop_end_set(e->loop, &e->let_shake);
}

/* ---- those that are kept: in a list by age, and in one of their host's bucket; the youngest first in both ---- */

static struct link **bucket_of(struct egress *e, const char *host, uint16_t port, bool tls)
{
	unsigned hash = port * 2u + tls;

	while (*host)
		hash = hash * 31 + (unsigned char)*host++;
	return &e->buckets[hash % LINK_BUCKETS];
}

static void leave(struct link *k)
{
	struct egress *e = k->egress;

	*(k->newer ? &k->newer->older : &e->first) = k->older;
	*(k->older ? &k->older->newer : &e->last) = k->newer;
	*k->at = k->next;
	if (k->next)
		k->next->at = k->at;
	e->idle--;
}

static void enter(struct link *k)
{
	struct egress *e = k->egress;

	k->newer = NULL;
	k->older = e->first;
	*(e->first ? &e->first->newer : &e->last) = k;
	e->first = k;
	k->at = bucket_of(e, k->host, k->port, k->is_tls);
	k->next = *k->at;
	if (k->next)
		k->next->at = &k->next;
	*k->at = k;
	e->idle++;
}

/* It is nobody's, and in no list of those that are kept. */
static void destroy(struct link *k)
{
	struct egress *e = k->egress;
	int fd = k->fd.fd;

	if (k->connecting)
		connect_cancel(k->connecting);
	if (k->waiting)
		wait_no_more(k);
	end_turn(k);
	loop_timer_clear(e->loop, &k->hurry);
	loop_unwatch(e->loop, &k->fd);
	tls_conn_free(k->tls);
	if (fd >= 0)
		close(fd);
	e->links--;
	free(k);
}

static void drop_kept(struct link *k)
{
	leave(k);
	destroy(k);
}

void link_free(struct link *k)
{
	k->call->link = NULL;
	destroy(k);
}

/* The oldest are over-age first. */
static void sweep(void *arg)
{
	struct egress *e = arg;
	int64_t now = loop_now(e->loop);

	while (e->last && (e->idle > e->idle_max || e->last->kept + KEEP_MS <= now))
		drop_kept(e->last);
	/* Without memory for a timer, the next that is kept has another try. */
	if (!e->last || loop_timer_set(e->loop, &e->sweep, e->last->kept + KEEP_MS - now) < 0)
		loop_timer_clear(e->loop, &e->sweep);
}

void link_keep(struct link *k)
{
	struct egress *e = k->egress;

	k->call->link = NULL;
	k->call = NULL;
	k->used = true;
	k->kept = loop_now(e->loop);
	link_rest(k);
	enter(k);
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
		return tls_recv(k->tls, &byte, 1, &n) == TLS_WANTS_READ && !tls_pending(k->tls);
	return r < 0 && errno == EAGAIN;
}

static bool is_with(const struct link *k, const struct url *u)
{
	return k->port == u->port && k->is_tls == u->tls && strcmp(k->host, u->host) == 0;
}

bool link_reuse(struct egress_call *c)
{
	struct egress *e = c->egress;
	struct link *k = *bucket_of(e, c->url.host, c->url.port, c->url.tls), *next;

	for (; k; k = next) {
		next = k->next;
		if (!is_with(k, &c->url))
			continue;
		if (loop_now(e->loop) - k->born > LIFE_MS || !is_clean(k)) {
			drop_kept(k);
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

static void shake(struct link *k)
{
	int r = tls_handshake(k->tls);

	if (r == TLS_WANTS_READ || r == TLS_WANTS_WRITE) {
		if (loop_change(k->egress->loop, &k->fd, r == TLS_WANTS_READ ? EPOLLIN : EPOLLOUT) <
		    0)
			call_end(k->call, EGRESS_INTERNAL);
	} else if (r != 0) {
		call_end(k->call, EGRESS_TLS);
	} else {
		k->shaking = false;
		end_turn(k);
		loop_timer_clear(k->egress->loop, &k->hurry);
		exchange_begin(k->call);
	}
}

/* Its turn to shake hands has come. */
static void begin_shaking(struct link *k)
{
	struct egress *e = k->egress;

	k->shaking = k->turn = true;
	e->turns++;
	if (loop_timer_set(e->loop, &k->hurry, TURN_MS) < 0 ||
	    tls_connect(&k->tls, e->tls, k->fd.fd, k->host, k->call->url.is_ip) < 0)
		call_end(k->call, EGRESS_INTERNAL);
	else
		shake(k);
}

static void on_ready(void *arg, uint32_t events)
{
	struct link *k = arg;

	if (!k->call) {
		if (!is_clean(k))
			drop_kept(k);
	} else if (k->shaking) {
		shake(k);
	} else if (k->waiting) {
		call_end(k->call, EGRESS_CONNECT); /* it has gone */
	} else {
		exchange_go_on(k->call);
	}
}

static void let_shake(void *arg)
{
	struct egress *e = arg;

	while (e->waiting && e->turns < SHAKING_MAX) {
		struct link *k = e->waiting;

		wait_no_more(k);
		begin_shaking(k);
	}
}

static void on_connected(void *arg, int fd, const struct ip *peer)
{
	struct link *k = arg;
	struct egress *e = k->egress;

	k->connecting = NULL;
	loop_timer_clear(e->loop, &k->hurry);
	if (fd < 0) {
		call_end(k->call, EGRESS_CONNECT);
		return;
	}
	if (loop_watch(e->loop, &k->fd, fd, 0) < 0) {
		close(fd);
		call_end(k->call, EGRESS_INTERNAL);
	} else if (!socket_allowed(fd, e->rules, peer, !k->is_tls)) {
		call_end(k->call, EGRESS_REFUSED);
	} else if (k->is_tls) {
		wait_to_shake(k);
	} else {
		exchange_begin(k->call);
	}
}

static void on_hurry(void *arg)
{
	struct link *k = arg;
	bool on = k->turn;

	end_turn(k);
	if (!on || loop_timer_set(k->egress->loop, &k->hurry, EGRESS_CONNECT_MS - TURN_MS) < 0)
		call_end(k->call, EGRESS_CONNECT);
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
	e->links++;
	r = loop_timer_set(e->loop, &k->hurry, EGRESS_CONNECT_MS);
	if (r == 0)
		r = connect_start(&k->connecting, e->loop, ips, n, c->url.port, on_connected, k);
	if (r < 0)
		link_free(k);
	return r;
}

/* ---- all of them ---- */

void links_init(struct egress *e)
{
	e->sweep = (struct loop_timer){.fn = sweep, .arg = e};
	e->let_shake = (struct loop_end){.fn = let_shake, .arg = e};
	e->waiting_tail = &e->waiting;
}

void links_free(struct egress *e)
{
	while (e->first)
		drop_kept(e->first);
	loop_timer_clear(e->loop, &e->sweep);
	loop_end_clear(e->loop, &e->let_shake);
}
