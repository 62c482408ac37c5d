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
/* So many calls at once a server of HTTP/2 gets before it was ever told how many it takes (RFC 9113 section 6.5.2 has no less for it to take). */
#define UNTOLD 100

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

	k->after = NULL;
	k->waiting_at = e->waiting_tail;
	*k->waiting_at = k;
	e->waiting_tail = &k->after;
	k->waiting = true;
	loop_end_set(e->loop, &e->let_shake);
}

static void wait_no_more(struct link *k)
{
	*k->waiting_at = k->after;
	*(k->after ? &k->after->waiting_at : &k->egress->waiting_tail) = k->waiting_at;
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

/* ---- whose it is ---- */

static void attach(struct link *k, struct egress_call *c)
{
	c->link = k;
	c->waits = true;
	c->beside = NULL;
	c->beside_at = k->calls_end;
	*k->calls_end = c;
	k->calls_end = &c->beside;
	k->n_calls++;
}

static void detach(struct egress_call *c)
{
	*c->beside_at = c->beside;
	*(c->beside ? &c->beside->beside_at : &c->link->calls_end) = c->beside_at;
	c->link->n_calls--;
	c->link = NULL;
}

/* ---- where they are found: in their server's bucket, those that may be given another call; and those that nobody has, by age ---- */

static unsigned bucket_of(const struct url *u)
{
	unsigned hash = u->port * 2u + u->tls;

	for (const char *host = u->host; *host; host++)
		hash = hash * 31 + (unsigned char)*host;
	return hash % LINK_BUCKETS;
}

static uint32_t *together(const struct link *k)
{
	return &k->egress->together[k->bucket];
}

void link_takes(struct link *k, uint32_t calls)
{
	*together(k) = calls ? calls : 1;
}

static void bucket_enter(struct link *k)
{
	k->at = &k->egress->buckets[k->bucket];
	k->next = *k->at;
	if (k->next)
		k->next->at = &k->next;
	*k->at = k;
}

static void bucket_leave(struct link *k)
{
	if (!k->at)
		return;
	*k->at = k->next;
	if (k->next)
		k->next->at = k->at;
	k->at = NULL;
}

void link_shut(struct link *k)
{
	k->shut = true;
	bucket_leave(k);
}

static void rest_no_more(struct link *k)
{
	struct egress *e = k->egress;

	if (!k->resting)
		return;
	*(k->newer ? &k->newer->older : &e->first) = k->older;
	*(k->older ? &k->older->newer : &e->last) = k->newer;
	k->resting = false;
	e->idle--;
}

/* Nobody has it. */
static void destroy(struct link *k)
{
	struct egress *e = k->egress;
	int fd = k->fd.fd;

	rest_no_more(k);
	bucket_leave(k);
	if (k->connecting)
		connect_cancel(k->connecting);
	if (k->waiting)
		wait_no_more(k);
	end_turn(k);
	loop_timer_clear(e->loop, &k->hurry);
	loop_unwatch(e->loop, &k->fd);
	h2_free(k->h2);
	tls_conn_free(k->tls);
	if (fd >= 0)
		close(fd);
	e->links--;
	free(k);
}

/* The oldest are over-age first. */
static void sweep(void *arg)
{
	struct egress *e = arg;
	int64_t now = loop_now(e->loop);

	while (e->last && (e->idle > e->idle_max || e->last->kept + KEEP_MS <= now))
		destroy(e->last);
	/* Without memory for a timer, the next that is kept has another try. */
	if (!e->last || loop_timer_set(e->loop, &e->sweep, e->last->kept + KEEP_MS - now) < 0)
		loop_timer_clear(e->loop, &e->sweep);
}

static void rest(struct link *k)
{
	struct egress *e = k->egress;

	k->kept = loop_now(e->loop);
	link_rest(k);
	k->resting = true;
	k->newer = NULL;
	k->older = e->first;
	*(e->first ? &e->first->newer : &e->last) = k;
	e->first = k;
	e->idle++;
	if (e->idle > e->idle_max || !e->sweep.due)
		sweep(e);
}

void link_keep(struct link *k)
{
	detach(k->calls);
	k->used = true;
	bucket_enter(k);
	rest(k);
}

void link_settle(struct link *k)
{
	if (k->busy || k->n_calls)
		return;
	if (!k->h2 || k->shut)
		destroy(k);
	else if (!k->resting)
		rest(k);
}

void link_leave(struct egress_call *c)
{
	struct link *k = c->link;

	if (k->h2)
		h2_forget(k->h2, c);
	detach(c);
	link_settle(k);
}

/* Of all that have it; it ends with them. */
static void fail(struct link *k, enum egress_failure f)
{
	link_shut(k);
	k->busy++;
	while (k->calls)
		call_end(k->calls, f);
	k->busy--;
	link_settle(k);
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

/* By HTTP/2 a server may speak unasked: to say that it is to go, say. */
static bool is_well(struct link *k)
{
	k->busy++;
	h2_go_on(k);
	k->busy--;
	return !k->shut;
}

static bool is_with(const struct link *k, const struct url *u)
{
	return k->port == u->port && k->is_tls == u->tls && strcmp(k->host, u->host) == 0;
}

/* False: it is gone, or takes no more calls. */
static bool goes_on(struct link *k)
{
	bool old = loop_now(k->egress->loop) - k->born > LIFE_MS;

	if (!old && (!k->resting || (k->h2 ? is_well(k) : is_clean(k))))
		return true;
	if (k->resting)
		destroy(k);
	else
		link_shut(k);
	return false;
}

static bool has_room(const struct link *k)
{
	return k->n_calls < (k->h2 ? h2_room(k->h2) : k->resting ? 1 : *together(k));
}

/* One that is ready, or else one that is not yet. NULL: there is none. */
static struct link *find(struct egress *e, const struct url *u)
{
	struct link *k = e->buckets[bucket_of(u)], *next, *pending = NULL;

	for (; k; k = next) {
		next = k->next;
		if (!is_with(k, u) || !has_room(k))
			continue;
		if (!k->ready)
			pending = k;
		/* What a server said while it rested may be that it takes no more at once. */
		else if (goes_on(k) && has_room(k))
			return k;
	}
	return pending;
}

bool link_reuse(struct egress_call *c)
{
	struct link *k = find(c->egress, &c->url);

	if (!k)
		return false;
	/* By HTTP/1.1 it is C's alone. */
	if (k->resting && !k->h2)
		bucket_leave(k);
	rest_no_more(k);
	attach(k, c);
	return true;
}

/* ---- a new one ---- */

static struct egress_call *one_that_waits(const struct link *k)
{
	struct egress_call *c = k->calls;

	while (c && !c->waits)
		c = c->beside;
	return c;
}

/* It is connected, and known which HTTP the server speaks. Those for whom there is no room look for another. */
static void ready(struct link *k)
{
	bool h2 = k->egress->h2 && k->tls && tls_has_h2(k->tls);
	struct egress_call *c;
	uint32_t room = 1;

	loop_timer_clear(k->egress->loop, &k->hurry);
	k->ready = true;
	if (!h2)
		*together(k) = 0;
	else if (!*together(k))
		*together(k) = UNTOLD;
	if (h2)
		room = *together(k);
	if (h2 && h2_new(&k->h2, k, room) < 0) {
		fail(k, EGRESS_INTERNAL);
		return;
	}
	if (h2 && !k->at)
		bucket_enter(k);
	if (!h2)
		bucket_leave(k);
	k->busy++;
	for (c = k->calls; c && room > 0; c = c->beside, room--)
		exchange_begin(c);
	while ((c = one_that_waits(k))) {
		detach(c);
		call_connect(c);
	}
	k->busy--;
	link_settle(k);
}

static void shake(struct link *k)
{
	int r = tls_handshake(k->tls);

	if (r == TLS_WANTS_READ || r == TLS_WANTS_WRITE) {
		if (loop_change(k->egress->loop, &k->fd, r == TLS_WANTS_READ ? EPOLLIN : EPOLLOUT) <
		    0)
			fail(k, EGRESS_INTERNAL);
	} else if (r != 0) {
		fail(k, EGRESS_TLS);
	} else {
		k->shaking = false;
		end_turn(k);
		ready(k);
	}
}

/* Its turn to shake hands has come. */
static void begin_shaking(struct link *k)
{
	struct egress *e = k->egress;

	k->shaking = k->turn = true;
	e->turns++;
	if (loop_timer_set(e->loop, &k->hurry, TURN_MS) < 0 ||
	    tls_connect(&k->tls, e->tls, k->fd.fd, k->host, k->is_ip) < 0)
		fail(k, EGRESS_INTERNAL);
	else
		shake(k);
}

static void on_ready(void *arg, uint32_t events)
{
	struct link *k = arg;

	if (k->h2) {
		h2_go_on(k);
	} else if (!k->calls) {
		if (!is_clean(k))
			destroy(k);
	} else if (k->shaking) {
		shake(k);
	} else if (k->waiting) {
		fail(k, EGRESS_CONNECT); /* it has gone */
	} else {
		exchange_go_on(k->calls);
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
		fail(k, EGRESS_CONNECT);
		return;
	}
	if (loop_watch(e->loop, &k->fd, fd, 0) < 0) {
		close(fd);
		fail(k, EGRESS_INTERNAL);
	} else if (!socket_allowed(fd, e->rules, peer, !k->is_tls)) {
		fail(k, EGRESS_REFUSED);
	} else if (k->is_tls) {
		wait_to_shake(k);
	} else {
		ready(k);
	}
}

static void on_hurry(void *arg)
{
	struct link *k = arg;
	bool on = k->turn;

	end_turn(k);
	if (!on || loop_timer_set(k->egress->loop, &k->hurry, EGRESS_CONNECT_MS - TURN_MS) < 0)
		fail(k, EGRESS_CONNECT);
}

int link_open(struct egress_call *c, const struct ip *ips, size_t n)
{
	struct egress *e = c->egress;
	struct link *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	*k = (struct link){.egress = e,
			   .born = loop_now(e->loop),
			   .bucket = bucket_of(&c->url),
			   .is_tls = c->url.tls,
			   .is_ip = c->url.is_ip,
			   .port = c->url.port};
	memcpy(k->host, c->url.host, sizeof(k->host));
	k->fd = (struct loop_fd){.fd = -1, .fn = on_ready, .arg = k};
	k->hurry = (struct loop_timer){.fn = on_hurry, .arg = k};
	k->calls_end = &k->calls;
	attach(k, c);
	if (e->h2 && k->is_tls && *together(k))
		bucket_enter(k);
	e->links++;
	r = loop_timer_set(e->loop, &k->hurry, EGRESS_CONNECT_MS);
	if (r == 0)
		r = connect_start(&k->connecting, e->loop, ips, n, c->url.port, on_connected, k);
	if (r < 0)
		link_leave(c);
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
		destroy(e->first);
	loop_timer_clear(e->loop, &e->sweep);
	loop_end_clear(e->loop, &e->let_shake);
}
