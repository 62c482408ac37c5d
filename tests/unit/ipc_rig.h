/* SPDX-License-Identifier: ISC */
#pragma once

/* Two ends of an edge on one loop. */
#include "test.h"

#include "ipc/channel.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct end {
	struct channel c;
	unsigned messages, closed;
	bool bad;
	uint64_t last;
	struct loop *loop;
	unsigned stop_at; /* messages; then the loop stops */
	bool close_first; /* the handler closes the channel at the first one */
	bool fd_works;	  /* the last message's descriptor was one */
};

static inline void on_message(void *arg, struct channel *c, uint16_t number, const void *msg,
			      int fd)
{
	struct end *e = arg;

	e->last = *(const uint64_t *)msg;
	e->fd_works = fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC;
	if (fd >= 0)
		close(fd);
	if (e->close_first)
		channel_close(c);
	if (++e->messages == e->stop_at)
		loop_stop(e->loop);
}

static inline void on_close(void *arg, struct channel *c, bool bad)
{
	struct end *e = arg;

	e->closed++;
	e->bad = bad;
	loop_stop(e->loop);
}

static inline void open_pair_on(struct loop *loop, struct end *a, struct end *b,
				const struct edge *edge)
{
	int fds[2];

	memset(a, 0, sizeof(*a));
	memset(b, 0, sizeof(*b));
	a->loop = b->loop = loop;
	assert_int_equal(channel_pair(fds), 0);
	channel_init(&a->c, a->loop, edge, SIDE_A, on_message, on_close, a);
	channel_init(&b->c, b->loop, edge, SIDE_B, on_message, on_close, b);
	assert_int_equal(channel_open(&a->c, fds[0]), 0);
	assert_int_equal(channel_open(&b->c, fds[1]), 0);
}

static inline void open_pair(struct end *a, struct end *b, const struct edge *edge)
{
	struct loop *loop;

	assert_int_equal(loop_new(&loop), 0);
	open_pair_on(loop, a, b, edge);
}

/* FN says what it has to say in a turn of the loop, which goes on until it is stopped. */
static inline void in_a_turn(void (*fn)(void *arg), struct end *e)
{
	struct loop_timer t = {.fn = fn, .arg = e};

	assert_int_equal(loop_timer_set(e->loop, &t, 0), 0);
	assert_int_equal(loop_run(e->loop, NULL, NULL), 0);
}

static inline void close_pair(struct end *a, struct end *b)
{
	channel_close(&a->c);
	channel_close(&b->c);
	loop_free(a->loop);
}

/* N times FD. */
static inline int send_with_fds(int sock, const void *p, size_t n, int fd, size_t fds)
{
	union {
		struct cmsghdr align;
		unsigned char space[CMSG_SPACE(4 * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)p, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.space,
			     .msg_controllen = CMSG_SPACE(fds * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(fds * sizeof(int));
	for (size_t i = 0; i < fds; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0) < 0 ? -errno : 0;
}

static inline int send_with_fd(int sock, const void *p, size_t n, int fd)
{
	return send_with_fds(sock, p, n, fd, 1);
}

static inline size_t open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}
