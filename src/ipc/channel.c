/* SPDX-License-Identifier: ISC */
#include "ipc/channel.h"

#include "sys/log.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_FULL (32 * 1024) /* bytes; it is not made larger, but by one message that is */

struct queued {
	struct queued *next;
	uint64_t behind; /* packets of the other channel that go before; see channel_order() */
	int fd;
	size_t n;
	unsigned char p[];
};

static void queued_free(struct queued *q)
{
	explicit_bzero(q->p, q->n);
	if (q->fd >= 0)
		close(q->fd);
	free(q);
}

int channel_pair(int fds[2])
{
	/* Twice the largest message: the kernel counts its own overhead too. */
	int size = 2 * WIRE_MAX;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0)
			log_warn("a socket keeps its default buffer");
	return 0;
}

static bool is_passing(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

/* 0, -EAGAIN, or -errno. */
static int send_one(int sock, const void *p, size_t n, int fd)
{
	union {
		struct cmsghdr align;
		unsigned char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)p, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	if (sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return is_passing(errno) ? -EAGAIN : -errno;
	return 0;
}

/* It is the turn of C's first packet that waits. */
static bool may_go(const struct channel *c)
{
	return c->head && (!c->after || c->after->gone >= c->head->behind);
}

static void set_events(struct channel *c)
{
	uint32_t events = (c->paused ? 0 : EPOLLIN) | (may_go(c) ? EPOLLOUT : 0);

	if (loop_change(c->loop, &c->watch, events) < 0)
		log_fatal("epoll: %m");
}

/* Packets of C's wait no more: perhaps it is another channel's turn. */
static void let_others_go(struct channel *c)
{
	if (c->then && channel_is_open(c->then))
		set_events(c->then);
}

static void drop_queue(struct channel *c)
{
	while (c->head) {
		struct queued *q = c->head;
		c->head = q->next;
		queued_free(q);
	}
	c->tail = &c->head;
	c->queued = 0;
	c->gone = c->waited;
	let_others_go(c);
}

/* The loop sees it, and CLOSED is called from there. */
static void hang_up(struct channel *c)
{
	drop_queue(c);
	c->hung = true;
	shutdown(c->watch.fd, SHUT_RDWR);
}

/*
 * Of an edge that fails though the peer lives nobody would notice. A role ends with it, and is started with new ones; the supervisor ends
 * whom it cannot talk to.
 */
static void broken(struct channel *c, int error)
{
	if (c->edge != &edge_supervisor || c->side != SIDE_A)
		log_fatal("%s: %s", c->edge->name, strerror(error));
	log_warn("%s: %s", c->edge->name, strerror(error));
	hang_up(c);
}

/* What could not be sent: the loop sees that the peer is gone, or the edge is broken. */
static void not_sent(struct channel *c, int error)
{
	if (error != EPIPE && error != ECONNRESET)
		broken(c, error);
}

static void enqueue(struct channel *c, struct bytes packet, int fd)
{
	struct queued *q;

	if (c->queued + packet.n > CHANNEL_QUEUE_MAX) {
		log_warn("%s: the peer does not read", c->edge->name);
		hang_up(c);
		return;
	}
	q = malloc(sizeof(*q) + packet.n);
	if (!q)
		log_fatal("out of memory");
	q->next = NULL;
	q->behind = c->after ? c->after->waited : 0;
	q->n = packet.n;
	memcpy(q->p, packet.p, packet.n);
	q->fd = fd >= 0 ? dup(fd) : -1;
	if (fd >= 0 && q->fd < 0)
		log_fatal("dup: %m");
	*c->tail = q;
	c->tail = &q->next;
	c->queued += packet.n;
	c->waited++;
	set_events(c);
}

/* What the other channel has to say before is said. */
static void put_out(struct channel *c, struct bytes packet, int fd)
{
	bool must_wait = c->head || (c->after && c->after->head);
	int r = must_wait ? -EAGAIN : send_one(c->watch.fd, packet.p, packet.n, fd);

	if (r == -EAGAIN)
		enqueue(c, packet, fd);
	else if (r < 0)
		not_sent(c, -r);
}

static void put_out_said(struct channel *c, int fd)
{
	loop_end_clear(c->loop, &c->end);
	loop_timer_clear(c->loop, &c->late);
	if (c->packet.n && !c->hung)
		put_out(c, buf_bytes(&c->packet), fd);
	if (c->packet.cap > 2 * PACKET_FULL)
		buf_done(&c->packet);
	else
		buf_reset(&c->packet);
}

static void send_packet(struct channel *c, struct bytes packet)
{
	if (c->after)
		put_out_said(c->after, -1);
	put_out(c, packet, -1);
}

/* What was said so far goes out. */
static void send_said(struct channel *c, int fd)
{
	if (c->after)
		put_out_said(c->after, -1);
	put_out_said(c, fd);
}

static void on_turn_end(void *arg)
{
	send_said(arg, -1);
}

/* Its packet, if there is much in it, goes at once. */
static void say(struct channel *c, uint16_t number, const void *msg, int fd, bool late)
{
	size_t before;

	if (!channel_is_open(c) || c->hung)
		return;
	/* A descriptor goes with one message. */
	if (fd >= 0)
		send_said(c, -1);
	before = c->packet.n;
	if (number >= c->edge->count || c->edge->rows[number].sender != c->side ||
	    wire_encode(number, &c->edge->rows[number].msg, msg, &c->packet) < 0)
		log_fatal("bug: %s message %u does not pass its own list", c->edge->name, number);
	if (before && c->packet.n > PACKET_FULL) {
		send_packet(c, bytes_of(c->packet.p, before));
		buf_consume(&c->packet, before);
	}
	if (fd >= 0 || c->packet.n > PACKET_FULL || !loop_running(c->loop))
		send_said(c, fd);
	else if (!late)
		loop_end_set(c->loop, &c->end);
	else if (!c->end.set && !c->late.due &&
		 loop_timer_set(c->loop, &c->late, CHANNEL_LATE_MS) < 0)
		log_fatal("out of memory");
}

void channel_send_fd(struct channel *c, uint16_t number, const void *msg, int fd)
{
	say(c, number, msg, fd, false);
}

void channel_send_late(struct channel *c, uint16_t number, const void *msg)
{
	say(c, number, msg, -1, true);
}

/* What is queued goes nowhere when the peer is gone; what it said before is still to be read. */
static void flush(struct channel *c)
{
	int r = 0;

	while (may_go(c)) {
		struct queued *q = c->head;
		r = send_one(c->watch.fd, q->p, q->n, q->fd);
		if (r < 0)
			break;
		c->head = q->next;
		if (!c->head)
			c->tail = &c->head;
		c->queued -= q->n;
		c->gone++;
		queued_free(q);
	}
	let_others_go(c);
	if (r < 0 && r != -EAGAIN) {
		drop_queue(c);
		not_sent(c, -r);
	}
	set_events(c);
}

static void drop(struct channel *c, bool bad)
{
	bad = bad || c->hung;
	channel_close(c);
	c->closed(c->arg, c, bad);
}

void channel_reject(struct channel *c)
{
	if (channel_is_open(c))
		drop(c, true);
}

/*
 * The descriptor that came with the message, or -1. receive() has room for one header with one descriptor: with more the kernel keeps what does not fit, and says so
 * by MSG_CTRUNC. OK: there is nothing wrong with the message so far; else the descriptor is closed.
 */
static int take_fd(struct msghdr *msg, bool ok)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (fd >= 0 && !ok) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* One message, off the front of *IN, to its handler. */
static bool dispatch(struct channel *c, struct bytes *in, int fd)
{
	union {
		max_align_t align;
		unsigned char space[EDGE_STRUCT_MAX];
	} msg;
	const struct wire_msg *row;
	uint16_t number;

	if (wire_number(*in, &number) != 0 || number >= c->edge->count ||
	    c->edge->rows[number].sender == c->side)
		return false;
	row = &c->edge->rows[number].msg;
	if (wire_decode(row, in, &msg) != 0)
		return false;
	c->fn(c->arg, c, number, &msg, fd);
	explicit_bzero(&msg, row->size);
	return true;
}

/* A packet, in which only the supervisor sends descriptors, each with a message of its own. False: there is something wrong with it. */
static bool dispatch_all(struct channel *c, struct bytes in, int fd)
{
	bool ok = fd < 0 || (c->edge == &edge_supervisor && c->side == SIDE_B);

	if (!ok)
		close(fd);
	while (ok && in.n && channel_is_open(c)) {
		ok = dispatch(c, &in, fd);
		if (fd >= 0 && !ok)
			close(fd);
		ok = ok && (fd < 0 || in.n == 0);
	}
	return ok;
}

/* recvmsg() gives 0 for an empty message too. */
static bool peer_gone(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	/* Nothing else was asked for. */
	return poll(&p, 1, 0) > 0;
}

/* One packet, to IN, which has room for one more byte than a packet has, or nothing yet. False when there is none now, or the channel closed. */
static bool receive(struct channel *c, unsigned char *in)
{
	union {
		struct cmsghdr align;
		unsigned char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = in, .iov_len = WIRE_MAX + 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.space,
			     /* not CMSG_SPACE: its padding has room for a second descriptor */
			     .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t n = recvmsg(c->watch.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	bool ok;
	int fd;

	/* ECONNRESET: it died with something of ours unread; what it had said is still there, and comes next. */
	if (n < 0 && (errno == ECONNRESET || errno == EINTR))
		return true;
	if (n < 0 && is_passing(errno))
		return false;
	if (n < 0)
		broken(c, errno);
	if (n < 0 || (n == 0 && msg.msg_controllen == 0 && peer_gone(c->watch.fd))) {
		drop(c, false);
		return false;
	}
	ok = n > 0 && n <= WIRE_MAX && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
	fd = take_fd(&msg, ok);
	if (ok)
		ok = dispatch_all(c, bytes_of(in, (size_t)n), fd);
	explicit_bzero(in, (size_t)n);
	if (!ok) {
		log_warn("%s: malformed message from the peer", c->edge->name);
		channel_reject(c);
	}
	return ok && channel_is_open(c);
}

bool channel_catch_up(struct channel *c)
{
	static unsigned char in[WIRE_MAX + 1]; /* the other channel's packet is still being read */

	return channel_is_open(c) && receive(c, in);
}

static void on_event(void *arg, uint32_t events)
{
	static unsigned char in[WIRE_MAX + 1];
	struct channel *c = arg;

	if (events & EPOLLOUT)
		flush(c);
	if (events & EPOLLHUP)
		channel_pause(c, false);
	for (unsigned i = 0; i < c->burst && !c->paused && receive(c, in); i++)
		;
}

void channel_init(struct channel *c, struct loop *loop, const struct edge *edge, enum side side,
		  channel_fn *fn, channel_closed_fn *closed, void *arg)
{
	*c = (struct channel){.loop = loop,
			      .edge = edge,
			      .side = side,
			      .fn = fn,
			      .closed = closed,
			      .arg = arg,
			      .burst = CHANNEL_BURST};
	c->watch = (struct loop_fd){.fd = -1, .fn = on_event, .arg = c};
	c->tail = &c->head;
	c->end = (struct loop_end){.fn = on_turn_end, .arg = c};
	c->late = (struct loop_timer){.fn = on_turn_end, .arg = c};
	buf_init(&c->packet, PACKET_FULL + WIRE_MAX);
}

int channel_open(struct channel *c, int fd)
{
	int r;

	channel_close(c);
	r = loop_watch(c->loop, &c->watch, fd, EPOLLIN);
	if (r < 0)
		close(fd);
	return r;
}

void channel_close(struct channel *c)
{
	int fd = c->watch.fd;

	if (fd < 0)
		return;
	/* Our last words, if they can be said at once and nothing is to come before them. */
	if (c->packet.n && !c->head && !c->hung && !c->after)
		(void)send_one(fd, c->packet.p, c->packet.n, -1);
	loop_unwatch(c->loop, &c->watch);
	close(fd);
	drop_queue(c);
	loop_end_clear(c->loop, &c->end);
	loop_timer_clear(c->loop, &c->late);
	buf_done(&c->packet);
	c->hung = c->paused = false;
}

void channel_order(struct channel *first, struct channel *second)
{
	first->then = second;
	second->after = first;
}

bool channel_is_open(const struct channel *c)
{
	return c->watch.fd >= 0;
}

void channel_pause(struct channel *c, bool pause)
{
	if (!channel_is_open(c) || c->paused == pause)
		return;
	c->paused = pause;
	set_events(c);
}
