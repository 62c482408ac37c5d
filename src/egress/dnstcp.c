/* SPDX-License-Identifier: ISC */
#include "egress/dnstcp.h"

#include "egress/connect.h"

#include <stdlib.h>
#include <unistd.h>

#define LENGTH_SIZE 2
#define READ_MAX    4096

struct dnstcp_call {
	const struct dnstcp *shared;
	dnstcp_done_fn *done;
	void *arg;
	uint16_t port;
	struct resolve *resolve;       /* until the addresses are there */
	struct connecting *connecting; /* until it is connected */
	struct loop_timer deadline;    /* of all */
	struct loop_timer hurry;       /* to connect */

	struct loop_fd fd;
	struct buf request; /* with its length; what was sent is off it */
	bool sent;
	struct buf answer; /* with its length */
};

static void hang_up(struct dnstcp_call *c)
{
	int fd = c->fd.fd;

	if (c->connecting)
		connect_cancel(c->connecting);
	c->connecting = NULL;
	loop_timer_clear(c->shared->loop, &c->hurry);
	loop_unwatch(c->shared->loop, &c->fd);
	if (fd >= 0)
		close(fd);
}

/* Nothing more happens to C. */
static void call_stop(struct dnstcp_call *c)
{
	if (c->resolve)
		resolve_cancel(c->resolve);
	c->resolve = NULL;
	hang_up(c);
	loop_timer_clear(c->shared->loop, &c->deadline);
}

static void call_free(struct dnstcp_call *c)
{
	call_stop(c);
	buf_done(&c->request);
	buf_done(&c->answer);
	free(c);
}

static void call_end(struct dnstcp_call *c, enum egress_failure f)
{
	struct dnstcp_answer a = {.failure = f, .sent = c->sent};

	call_stop(c);
	if (f == EGRESS_OK)
		a.message = bytes_skip(buf_bytes(&c->answer), LENGTH_SIZE);
	c->done(c->arg, &a);
	call_free(c);
}

static void on_deadline(void *arg)
{
	call_end(arg, EGRESS_TIMEOUT);
}

/* ---- connecting ---- */

static void send_more(struct dnstcp_call *c);

static void on_connected(void *arg, int fd, const struct ip *peer)
{
	struct dnstcp_call *c = arg;

	c->connecting = NULL;
	loop_timer_clear(c->shared->loop, &c->hurry);
	if (fd < 0) {
		call_end(c, EGRESS_CONNECT);
	} else if (loop_watch(c->shared->loop, &c->fd, fd, EPOLLOUT) < 0) {
		close(fd);
		call_end(c, EGRESS_INTERNAL);
	} else if (!socket_allowed(fd, c->shared->rules, peer, false)) {
		call_end(c, EGRESS_REFUSED); /* the server is on this machine, and must be listed */
	} else {
		send_more(c);
	}
}

static void on_hurry(void *arg)
{
	call_end(arg, EGRESS_CONNECT);
}

static void on_resolved(void *arg, const struct ip *ips, size_t n)
{
	struct dnstcp_call *c = arg;
	struct loop *loop = c->shared->loop;
	struct ip allowed[RESOLVE_MAX];
	size_t count = addresses_allowed(c->shared->rules, ips, n, false, allowed);

	c->resolve = NULL;
	if (n == 0)
		call_end(c, EGRESS_RESOLVE);
	else if (count == 0)
		call_end(c, EGRESS_REFUSED);
	else if (loop_timer_set(loop, &c->hurry, EGRESS_CONNECT_MS) < 0 ||
		 connect_start(&c->connecting, loop, allowed, count, c->port, on_connected, c) < 0)
		call_end(c, EGRESS_INTERNAL);
}

/* ---- the exchange ---- */

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void send_more(struct dnstcp_call *c)
{
	ssize_t n = send(c->fd.fd, c->request.p, c->request.n, MSG_NOSIGNAL);

	if (n < 0) {
		if (!would_block())
			call_end(c, EGRESS_RESET);
		return;
	}
	c->sent = true;
	buf_consume(&c->request, (size_t)n);
	if (c->request.n == 0 && loop_change(c->shared->loop, &c->fd, EPOLLIN) < 0)
		call_end(c, EGRESS_INTERNAL);
}

/* Bytes of the answer that are still to come: of its length first. 0: it is whole. */
static size_t missing(const struct dnstcp_call *c)
{
	const struct buf *b = &c->answer;

	if (b->n < LENGTH_SIZE)
		return LENGTH_SIZE - b->n;
	return LENGTH_SIZE + (size_t)(b->p[0] << 8 | b->p[1]) - b->n;
}

/* There is memory for what has come, not for what the server says will: it may be one of thousands that say so and then nothing. */
static void receive_more(struct dnstcp_call *c)
{
	unsigned char chunk[READ_MAX];
	size_t want = missing(c);
	ssize_t n = recv(c->fd.fd, chunk, want < sizeof(chunk) ? want : sizeof(chunk), 0);

	if (n < 0 && would_block())
		return;
	if (n > 0) {
		buf_put(&c->answer, chunk, (size_t)n);
		explicit_bzero(chunk, (size_t)n);
	}
	if (buf_status(&c->answer) < 0)
		call_end(c, EGRESS_INTERNAL);
	else if (n <= 0 || (c->answer.n == LENGTH_SIZE && missing(c) < DNSTCP_MESSAGE_MIN))
		call_end(c, EGRESS_RESET);
	else if (missing(c) == 0)
		call_end(c, EGRESS_OK);
}

static void on_ready(void *arg, uint32_t events)
{
	struct dnstcp_call *c = arg;

	if (c->request.n)
		send_more(c);
	else
		receive_more(c);
}

/* ---- calls ---- */

static bool is_sound(const struct dnstcp_request *r)
{
	return r->message.n >= DNSTCP_MESSAGE_MIN && r->message.n <= DNSTCP_MESSAGE_MAX &&
	       r->port && r->host[0] && strlen(r->host) <= URL_HOST_MAX;
}

int dnstcp_start(const struct dnstcp *d, const struct dnstcp_request *r, dnstcp_done_fn *done,
		 void *arg, struct dnstcp_call **out)
{
	struct dnstcp_call *c;
	int rc;

	if (!is_sound(r))
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = (struct dnstcp_call){.shared = d, .done = done, .arg = arg, .port = r->port};
	c->deadline = (struct loop_timer){.fn = on_deadline, .arg = c};
	c->hurry = (struct loop_timer){.fn = on_hurry, .arg = c};
	c->fd = (struct loop_fd){.fd = -1, .fn = on_ready, .arg = c};
	buf_init(&c->request, LENGTH_SIZE + DNSTCP_MESSAGE_MAX);
	buf_init(&c->answer, LENGTH_SIZE + DNSTCP_MESSAGE_MAX);
	buf_put_be16(&c->request, (uint16_t)r->message.n);
	buf_put_bytes(&c->request, r->message);
	rc = buf_status(&c->request);
	if (rc == 0)
		rc = loop_timer_set(d->loop, &c->deadline, r->timeout_ms);
	if (rc == 0)
		rc = resolve_start(d->resolver, r->host, on_resolved, c, &c->resolve);
	if (rc < 0) {
		call_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void dnstcp_cancel(struct dnstcp_call *c)
{
	call_free(c);
}
