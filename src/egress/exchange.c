/* SPDX-License-Identifier: ISC */
#include "egress/internal.h"

#include "egress/retry.h"

#include <sys/socket.h>

/* What came is read here, by all calls in turn, and wiped. */
static unsigned char room[16 * 1024];

/* ---- what is sent ---- */

/* All of it was sent. What may not be sent again is not kept. */
static void sent_all(struct egress_call *c)
{
	if (!c->safe)
		buf_done(&c->request);
	link_rest(c->link);
	if (loop_change(c->egress->loop, &c->link->fd, EPOLLIN) < 0)
		(void)shutdown(c->link->fd.fd, SHUT_RDWR);
}

static bool is_sending(const struct egress_call *c)
{
	return c->sent_bytes < c->request.n;
}

/*
 * A server may have answered before it had all, and hung up. So a failure is no end: the socket is closed, and what then can be read tells.
 */
static void send_more(struct egress_call *c)
{
	struct link *k = c->link;

	while (is_sending(c)) {
		size_t n = 0;
		int r = link_send(k, bytes_skip(buf_bytes(&c->request), c->sent_bytes), &n);

		if (r == TLS_WANTS_READ || r == TLS_WANTS_WRITE) {
			r = loop_change(c->egress->loop, &k->fd,
					r == TLS_WANTS_READ ? EPOLLIN : EPOLLIN | EPOLLOUT);
			if (r == 0)
				return;
		}
		if (r != 0) {
			(void)shutdown(k->fd.fd, SHUT_RDWR);
			return;
		}
		c->sent_bytes += n;
	}
	sent_all(c);
}

void exchange_begin(struct egress_call *c)
{
	if (!c->link->ready)
		return;
	c->waits = false;
	if (c->link->h2) {
		h2_begin(c);
		return;
	}
	c->sent = true;
	c->sent_bytes = 0;
	send_more(c);
}

/* ---- what comes ---- */

size_t exchange_large(const struct egress_call *c)
{
	return c->got_body.n > EGRESS_SMALL ? c->got_body.n - EGRESS_SMALL : 0;
}

static enum egress_failure room_failure(const struct buf *b)
{
	switch (buf_status(b)) {
	case 0:
		return EGRESS_OK;
	case -ENOBUFS:
		return EGRESS_TOO_LARGE;
	default:
		return EGRESS_INTERNAL;
	}
}

enum egress_failure exchange_field(struct egress_call *c, struct bytes name, struct bytes value)
{
	if (bytes_eq_nocase(name, BYTES("Retry-After")) &&
	    retry_after_parse(value, clock_usec(), &c->retry_after) == 0)
		c->has_retry_after = true;
	for (size_t i = 0; i < c->wanted; i++)
		if (bytes_eq_nocase(name, bytes_str(c->want_headers[i]))) {
			plist_put(&c->got_headers, bytes_str(c->want_headers[i]));
			plist_put(&c->got_headers, value);
		}
	return room_failure(&c->got_headers);
}

enum egress_failure exchange_body(struct egress_call *c, struct bytes piece)
{
	struct egress *e = c->egress;

	e->large -= exchange_large(c);
	buf_put_bytes(&c->got_body, piece);
	e->large += exchange_large(c);
	if (buf_status(&c->got_body) == 0 && e->large > EGRESS_LARGE_MAX)
		return EGRESS_BUSY;
	return room_failure(&c->got_body);
}

/* The answer is whole. The connection is kept where both sides are in step. */
static void finish(struct egress_call *c, bool in_step)
{
	struct link *k = c->link;

	if (in_step && c->answer.keep && !is_sending(c) && !(k->tls && tls_pending(k->tls)))
		link_keep(k);
	call_end(c, EGRESS_OK);
}

bool exchange_may_repeat(const struct egress_call *c)
{
	return c->link->used && !c->answer.began && c->safe && !c->on_new_one;
}

static void broke(struct egress_call *c)
{
	if (exchange_may_repeat(c))
		call_reconnect(c, true);
	else
		call_end(c, EGRESS_RESET);
}

static enum egress_failure failure_of(enum http_answer_event e)
{
	switch (e) {
	case HTTP_ANSWER_TOO_LARGE:
		return EGRESS_TOO_LARGE;
	case HTTP_ANSWER_NO_MEMORY:
		return EGRESS_INTERNAL;
	default:
		return EGRESS_RESET;
	}
}

/* False when C is gone. */
static bool take(struct egress_call *c, struct bytes in)
{
	for (;;) {
		enum egress_failure f = EGRESS_OK;
		struct bytes name, value;
		enum http_answer_event e = http_answer_next(&c->answer, &in, &name, &value);

		switch (e) {
		case HTTP_ANSWER_MORE:
			return true;
		case HTTP_ANSWER_FIELD:
			f = exchange_field(c, name, value);
			break;
		case HTTP_ANSWER_BODY:
			f = exchange_body(c, value);
			break;
		case HTTP_ANSWER_DONE:
			finish(c, in.n == 0);
			return false;
		default:
			f = failure_of(e);
			break;
		}
		if (f != EGRESS_OK) {
			call_end(c, f);
			return false;
		}
	}
}

/* An answer has its limits: so has this. */
static void receive(struct egress_call *c)
{
	bool there = true;
	size_t n = 0;
	int r = 0;

	while (there && r == 0) {
		r = link_recv(c->link, room, sizeof(room), &n);
		if (r == 0) {
			there = take(c, bytes_of(room, n));
			explicit_bzero(room, n);
		}
	}
	if (!there || r == TLS_WANTS_READ || r == TLS_WANTS_WRITE)
		return;
	if (r == TLS_ENDED && http_answer_end(&c->answer) == HTTP_ANSWER_DONE)
		finish(c, false);
	else
		broke(c);
}

void exchange_go_on(struct egress_call *c)
{
	if (is_sending(c))
		send_more(c);
	receive(c);
}
