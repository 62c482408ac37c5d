/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * One end of an edge: a SOCK_SEQPACKET socket on the loop. Messages are checked against the edge's list before a handler
 * sees them; what does not pass ends the channel, as a bad peer's, and the owner has the peer ended.
 *
 * A packet on the socket is one message or several: those of one turn of the loop go out at its end, with those that came to be said before and could wait, for what a message
 * costs is mostly the system call, and the peer's waking up.
 */
#include "ipc/edges.h"
#include "sys/loop.h"

#define CHANNEL_QUEUE_MAX                                                                          \
	(64 * 1024 * 1024) /* bytes waiting for a slow peer; more, and it counts as a bad one */

/* A sender that may be ahead of its peer stays below that: with HALF waiting it begins nothing large or new, with MUCH nothing at all that can be left out. */
#define CHANNEL_QUEUE_HALF (CHANNEL_QUEUE_MAX / 2)
#define CHANNEL_QUEUE_MUCH (CHANNEL_QUEUE_MAX / 4 * 3)

#define CHANNEL_LATE_MS 2

#define CHANNEL_BURST 64 /* packets a turn, so that one busy peer does not starve the others */

struct channel;
struct queued;

/*
 * MSG is the message's struct, its bytes borrowed for the call. FD is -1, or a descriptor that came with it and is now the
 * handler's. A handler may close the channel.
 */
typedef void channel_fn(void *arg, struct channel *c, uint16_t number, const void *msg, int fd);
/* The channel is closed already; free it or open it anew. BAD: the peer broke the rules, and is to be ended. */
typedef void channel_closed_fn(void *arg, struct channel *c, bool bad);

struct channel {
	struct loop *loop;
	struct loop_fd watch; /* watch.fd is -1 while closed */
	const struct edge *edge;
	enum side side; /* ours */
	channel_fn *fn;
	channel_closed_fn *closed;
	void *arg;
	struct buf packet;	     /* what was said, and is not sent yet */
	struct loop_end end;	     /* it is to be sent */
	struct loop_timer late;	     /* it need not be before */
	struct queued *head, **tail; /* packets that were not taken yet */
	size_t queued;
	uint64_t waited,
		gone; /* packets that were not taken at once; those of them that wait no more */
	struct channel *after; /* see channel_order() */
	struct channel *then;  /* whose AFTER this is */
	bool hung;	       /* the peer did not read; the loop is about to close the channel */
	bool paused;
	unsigned burst; /* packets a turn: CHANNEL_BURST, until the owner sets it */
};

void channel_init(struct channel *c, struct loop *loop, const struct edge *edge, enum side side,
		  channel_fn *fn, channel_closed_fn *closed, void *arg);
/* Takes FD and begins to receive. An open channel is closed first, without a call of CLOSED. 0 or -errno (FD is closed then). */
int channel_open(struct channel *c, int fd) must_check;
/* Wipes what is queued. CLOSED is not called. */
void channel_close(struct channel *c);
/* The peer said what it must not, though it was well formed: close, and call CLOSED with BAD. A closed channel stays as it is. */
void channel_reject(struct channel *c);
bool channel_is_open(const struct channel *c);
/*
 * From now on, whatever is said on SECOND comes when all that was said on FIRST before is where FIRST's peer can read it, so that the one peer may act on what the other
 * has been told. What FIRST closes with is not waited for. A channel is FIRST once or SECOND once.
 */
void channel_order(struct channel *first, struct channel *second);
/*
 * Read a packet of C's now, if there is one: from a handler of another channel, whose peer speaks of what C's peer must have said before. False when there is none, or C closed.
 */
bool channel_catch_up(struct channel *c);
/* Read nothing but the rest of a packet that is under way, or go on: what the peer says waits in the socket, and then with the peer. Once it is gone all that it said is read nevertheless. */
void channel_pause(struct channel *c, bool pause);

/*
 * Send a message, at the end of the loop's turn, or at once where the loop does not run; FD (-1: none) is duplicated to the peer and stays the caller's. Never blocks. On a closed channel, or one that breaks now,
 * the message is dropped: the owner learns by CLOSED, from the loop, never from here. A message of ours that its own list refuses is a bug and
 * aborts.
 */
void channel_send_fd(struct channel *c, uint16_t number, const void *msg, int fd);
/* The same for what nobody waits for: it goes with the next message, or alone, CHANNEL_LATE_MS later, so that it wakes nobody who is to be woken anyway. Nothing overtakes it. */
void channel_send_late(struct channel *c, uint16_t number, const void *msg);
#define channel_send(c, name, ...)                                                                 \
	channel_send_fd((c), MSG_##name, &(const struct name){__VA_ARGS__}, -1)

/* A connected pair, close-on-exec, with room for the largest message. 0 or -errno. */
int channel_pair(int fds[2]) must_check;
