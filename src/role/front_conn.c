/* SPDX-License-Identifier: ISC */
/* Connections of the front: bytes in, requests out of them, answers back. One request at a time on each. */
#include "http/reply.h"
#include "role/front.h"
#include "sys/log.h"

#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MS 75000 /* between requests */
/*
 * The same when the front stops. A client that keeps a connection may have sent its next request already when we close: it would have to find out, and send it again. So what is
 * idle stays open for a moment; a request that comes is served, and its answer says Connection: close. (nginx: keepalive_min_timeout.)
 */
#define LAST_MS	   1000
#define HEAD_MS	   10000 /* from a head's first byte to its last */
#define BODY_MS	   20000
#define ANSWER_MS  30000 /* for a client that reads slowly */
#define CLOSING_MS 2000
#define READ_MAX   16384
#define OUT_MAX	   (16u << 20)
#define SPARE	   64 /* connections beyond the limit that may still ask how we are */

static void set_timer(struct conn *c, int64_t msec)
{
	if (loop_timer_set(front.role->loop, &c->timer, msec) < 0)
		log_fatal("out of memory");
}

void conn_watch(struct conn *c, uint32_t events)
{
	if (loop_change(front.role->loop, &c->watch, events) < 0)
		log_fatal("epoll: %m");
}

void conn_close(struct conn *c)
{
	int fd = c->watch.fd;

	if (c->state == CONN_CALL)
		idmap_remove(&front.calls, &c->node);
	loop_unwatch(front.role->loop, &c->watch);
	loop_timer_clear(front.role->loop, &c->timer);
	loop_timer_clear(front.role->loop, &c->again);
	io_done(c);
	close(fd);
	if (c->prev)
		c->prev->next = c->next;
	else
		front.first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		front.last = c->prev;
	front.connections--;
	buf_done(&c->in);
	buf_done(&c->out);
	buf_done(&c->pieces);
	buf_done(&c->fresh);
	free(c);
	front_maybe_end();
}

static void new_request_id(struct conn *c)
{
	/* Drawn many at a time: each draw is a system call. */
	static unsigned char drawn[64][16];
	static size_t left;

	if (left == 0) {
		randombytes_buf(drawn, sizeof(drawn));
		left = ARRAY_LEN(drawn);
	}
	left--;
	sodium_bin2hex(c->request_id, sizeof(c->request_id), drawn[left], sizeof(drawn[left]));
}

static void set_idle_timer(struct conn *c)
{
	set_timer(c, front.role->stopping ? LAST_MS : IDLE_MS);
}

/* It has come, and the loop has not looked yet. */
static bool has_input(const struct conn *c)
{
	struct pollfd p = {.fd = c->watch.fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0 && p.revents == POLLIN;
}

static void on_timeout(void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_HEAD)
		new_request_id(c);
	if (c->state == CONN_HEAD || c->state == CONN_BODY)
		conn_problem(c, CODE_INVALID_REQUEST, 408, BYTES(""),
			     BYTES("the request came too slowly"), 0);
	else if (c->state == CONN_CALL)
		metrics_reply(c); /* no other call has a timer here */
	else if (front.role->stopping && c->state <= CONN_IDLE && has_input(c))
		set_idle_timer(c);
	else
		conn_close(c);
}

/* ---- answers ---- */

/* From the loop, not from here: a buffer full of small requests would nest as deep. */
static void read_again(struct conn *c)
{
	if (loop_timer_set(front.role->loop, &c->again, 0) < 0)
		log_fatal("out of memory");
}

/* Back to the begin. What came after the last request may hold the next one. */
static void next_request(struct conn *c)
{
	buf_done(&c->out);
	buf_done(&c->pieces);
	buf_done(&c->fresh);
	c->sent = 0;
	c->scanned = 0;
	c->allow = NULL;
	c->endpoint = ENDPOINTS;
	c->httpreq = false;
	c->state = c->in.n ? CONN_HEAD : CONN_IDLE;
	if (!c->in.n)
		buf_done(&c->in); /* ten thousand idle connections hold no buffers */
	if (c->in.n)
		set_timer(c, HEAD_MS);
	else
		set_idle_timer(c);
	conn_watch(c, EPOLLIN);
	if (c->in.n || io_pending(c))
		read_again(c);
}

static void answered(struct conn *c)
{
	if (!c->close_after) {
		next_request(c);
		return;
	}
	io_shutdown(c);
	c->state = CONN_CLOSING;
	buf_done(&c->in);
	set_timer(c, CLOSING_MS);
	conn_watch(c, EPOLLIN);
}

static void send_answer(struct conn *c)
{
	while (c->sent < c->out.n) {
		ssize_t n = io_send(c, c->out.p + c->sent, c->out.n - c->sent);
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			conn_close(c);
			return;
		}
		c->sent += (size_t)n;
	}
	answered(c);
}

static void begin_answer(struct conn *c)
{
	if (c->state == CONN_CALL)
		idmap_remove(&front.calls, &c->node);
	c->state = CONN_ANSWER;
	set_timer(c, ANSWER_MS);
	if (front.role->stopping)
		c->close_after = true;
	if (buf_status(&c->out) < 0)
		conn_close(c);
	else
		send_answer(c);
}

void conn_reply_as(struct conn *c, unsigned status, const char *type, struct bytes body)
{
	front.answers[c->endpoint][CODE_OK]++;
	http_reply_put(&c->out,
		       &(const struct http_reply){.status = status,
						  .content_type = type,
						  .request_id = bytes_str(c->request_id),
						  .body = body,
						  .close = c->close_after || front.role->stopping});
	begin_answer(c);
}

void conn_reply(struct conn *c, unsigned status, struct bytes body)
{
	conn_reply_as(c, status, "application/json", body);
}

void conn_problem(struct conn *c, enum code code, unsigned status, struct bytes field,
		  struct bytes detail, uint32_t retry_after)
{
	if (role_out_of_memory(front.role)) {
		code = CODE_OVERLOADED;
		status = 0;
		field = bytes_of(NULL, 0);
		detail = BYTES("out of memory");
	}
	front.answers[c->endpoint][code]++;
	/* A fault before the body was read leaves the body in the way of the next request. */
	if (c->state == CONN_HEAD || c->state == CONN_BODY)
		c->close_after = true;
	http_problem_put(&c->out, &(const struct http_problem){
					  .code = code,
					  .status = status,
					  .field = field,
					  .detail = detail,
					  .request_id = bytes_str(c->request_id),
					  .retry_after = retry_after,
					  .integration_handle = buf_bytes(&c->fresh),
					  .allow = c->allow,
					  .authenticate = c->httpreq ? HTTPREQ_CHALLENGE : NULL,
					  .close = c->close_after || front.role->stopping});
	begin_answer(c);
}

void conn_wait(struct conn *c)
{
	c->node.id = front.next_call++;
	if (idmap_put(&front.calls, &c->node) < 0)
		log_fatal("out of memory");
	c->state = CONN_CALL;
	loop_timer_clear(front.role->loop, &c->timer);
}

/* ---- requests ---- */

/* The client's own name for the request, or a new one. False: it gave one that is none, and was told so. */
static bool take_request_id(struct conn *c)
{
	if (http_is_request_id(c->head.request_id) &&
	    bytes_to_str(c->head.request_id, c->request_id, sizeof(c->request_id)) == 0)
		return true;
	new_request_id(c);
	if (!c->head.request_id.n)
		return true;
	conn_problem(c, CODE_INVALID_REQUEST, 0, BYTES("X-Request-Id"),
		     BYTES("must be 1 to 64 letters, digits, '.', '_' or '-'"), 0);
	return false;
}

static void send_continue(struct conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	/* Where it does not fit the client goes on by itself after a moment. */
	if (io_send(c, text, sizeof(text) - 1) < 0)
		conn_watch(c, EPOLLIN);
}

/* The whole request lies in C->in. */
static void run_request(struct conn *c)
{
	size_t size = c->head.size + (size_t)c->head.content_length;
	struct bytes body = bytes_of(c->in.p + c->head.size, (size_t)c->head.content_length);

	/* Not CONN_BODY any more: an error now does not leave a body behind. But what api_request() borrows stays until it returns. */
	c->state = CONN_ANSWER;
	/* While we cannot serve, a balancer in front of us shall find the client's next connection another gateway. */
	c->close_after = c->head.close || c->spare || !front.ready;
	struct buf in = c->in;
	c->in = BUF_INIT(HTTP_HEAD_MAX + HTTP_BODY_MAX);
	buf_put(&c->in, in.p + size, in.n - size);
	api_request(c, body); /* C may be gone behind this */
	buf_done(&in);
}

static void read_body(struct conn *c)
{
	if (c->in.n >= c->head.size + c->head.content_length)
		run_request(c);
}

static void read_request(struct conn *c)
{
	int r;

	if (c->state == CONN_BODY) {
		read_body(c);
		return;
	}
	r = http_head_read(buf_bytes(&c->in), c->scanned, &c->head);
	if (r == HTTP_MORE) {
		c->scanned = c->in.n;
		return;
	}
	if (r != 0) {
		new_request_id(c);
		conn_problem(c, CODE_INVALID_REQUEST, c->head.status, BYTES(""),
			     bytes_str(c->head.problem), 0);
		return;
	}
	if (!take_request_id(c) || !api_head(c))
		return;
	c->state = CONN_BODY;
	set_timer(c, BODY_MS);
	if (c->head.expect_continue && c->in.n == c->head.size)
		send_continue(c);
	read_body(c);
}

static void on_readable(struct conn *c)
{
	unsigned char chunk[READ_MAX];
	size_t room = HTTP_HEAD_MAX + HTTP_BODY_MAX - c->in.n;
	ssize_t n = io_recv(c, chunk, room < sizeof(chunk) ? room : sizeof(chunk));

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	if (io_pending(c))
		read_again(c);
	if (c->state == CONN_CLOSING) {
		sodium_memzero(chunk, (size_t)n);
		return;
	}
	if (c->state == CONN_IDLE) {
		c->state = CONN_HEAD;
		set_timer(c, HEAD_MS);
	}
	buf_put(&c->in, chunk, (size_t)n);
	sodium_memzero(chunk, (size_t)n);
	if (buf_status(&c->in) < 0) {
		conn_close(c);
		return;
	}
	/* The head's parts lie in the buffer, which may have moved. */
	if (c->state == CONN_BODY && http_head_read(buf_bytes(&c->in), 0, &c->head) != 0) {
		conn_close(c);
		return;
	}
	read_request(c);
}

static bool is_reading(const struct conn *c)
{
	return c->state == CONN_IDLE || c->state == CONN_HEAD || c->state == CONN_BODY;
}

static void on_again(void *arg)
{
	struct conn *c = arg;
	bool room = c->in.n < HTTP_HEAD_MAX + HTTP_BODY_MAX;

	if (is_reading(c) && room && io_pending(c))
		on_readable(c);
	else if (c->state == CONN_HEAD)
		read_request(c);
}

static void on_greeting(struct conn *c)
{
	int r = io_greet(c);

	if (r == -EAGAIN)
		return;
	if (r < 0) {
		conn_close(c);
		return;
	}
	c->state = CONN_IDLE;
	set_idle_timer(c);
	conn_watch(c, EPOLLIN);
	if (io_pending(c))
		read_again(c);
}

static void on_event(void *arg, uint32_t events)
{
	struct conn *c = arg;

	if (c->state == CONN_CALL) {
		if (events & (EPOLLHUP | EPOLLERR))
			conn_close(c);
		else
			conn_watch(
				c,
				0); /* its next request waits; only that it went away is still heard */
	} else if (c->state == CONN_ANSWER) {
		send_answer(c);
	} else if (c->state == CONN_GREETING) {
		on_greeting(c);
	} else {
		on_readable(c);
	}
}

/* ---- connections ---- */

/* At the limit the one that has been without a request for longest makes room. If all have one, SPARE more are taken in,
 * so that health is still told, and calls are refused with a word. */
static bool make_room(void)
{
	if (front.connections < front.now.connections_max)
		return true;
	for (struct conn *c = front.first; c; c = c->next)
		if (c->state <= CONN_HEAD) {
			conn_close(c);
			return true;
		}
	return front.connections < front.now.connections_max + SPARE;
}

static void conn_new(int fd, enum ipc_listener kind)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->watch = (struct loop_fd){.fd = -1, .fn = on_event, .arg = c};
	c->timer = (struct loop_timer){.fn = on_timeout, .arg = c};
	c->again = (struct loop_timer){.fn = on_again, .arg = c};
	c->in = BUF_INIT(HTTP_HEAD_MAX + HTTP_BODY_MAX);
	c->out = BUF_INIT(OUT_MAX);
	c->pieces = BUF_INIT(OUT_MAX);
	c->fresh = BUF_INIT(INTEGRATION_HANDLE_MAX);
	c->state = kind == LISTEN_TLS ? CONN_GREETING : CONN_IDLE;
	c->endpoint = ENDPOINTS;
	if (io_begin(c, fd, kind) < 0 || loop_watch(front.role->loop, &c->watch, fd, EPOLLIN) < 0) {
		io_done(c);
		close(fd);
		free(c);
		return;
	}
	c->prev = front.last;
	if (front.last)
		front.last->next = c;
	else
		front.first = c;
	front.last = c;
	c->spare = front.connections >= front.now.connections_max;
	front.connections++;
	front.accepted++;
	set_timer(c, c->state == CONN_GREETING ? HEAD_MS : IDLE_MS);
}

void conn_accept(void *arg, uint32_t events)
{
	struct loop_fd *w = arg;
	enum ipc_listener kind = front.listener_kinds[w - front.listeners];

	for (int i = 0; i < 64; i++) {
		int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			/* Out of descriptors: an idle connection gives one up, and the next turn takes it. */
			if ((errno == EMFILE || errno == ENFILE) && front.first &&
			    front.first->state == CONN_IDLE)
				conn_close(front.first);
			return;
		}
		if (make_room()) {
			conn_new(fd, kind);
		} else {
			front.turned_away++;
			close(fd);
		}
	}
}

void conns_stop(void)
{
	for (struct conn *c = front.first, *next; c; c = next) {
		next = c->next;
		if (c->state == CONN_GREETING || c->state == CONN_IDLE)
			set_timer(c, LAST_MS);
	}
}
