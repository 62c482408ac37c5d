/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The event loop of a role: one thread, epoll, timers. Watches and timers are embedded in their owners' structs, so that
 * nothing is allocated per event.
 */
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

struct loop_fd {
	int fd;		 /* -1 while not watched */
	uint32_t events; /* EPOLLIN, EPOLLOUT */
	void (*fn)(void *arg, uint32_t events);
	void *arg;
};

struct loop_timer {
	int64_t due; /* milliseconds of loop_now(); 0 while not set */
	size_t slot; /* in the loop's heap */
	void (*fn)(void *arg);
	void *arg;
};

/* Something to be done at the end of a turn, once. */
struct loop_end {
	struct loop_end *next;
	bool set;
	void (*fn)(void *arg);
	void *arg;
};

int loop_new(struct loop **out) must_check;
void loop_free(struct loop *l);

/* Monotonic milliseconds, read once per turn of the loop. */
int64_t loop_now(const struct loop *l);
/* Wall clock, microseconds since 1970, read when called. */
int64_t clock_usec(void);
/* Microseconds of a clock that only goes on, read when called. */
int64_t steady_usec(void);

/* Watch W->fd for EVENTS; W must outlive the watch. 0 or -errno. */
int loop_watch(struct loop *l, struct loop_fd *w, int fd, uint32_t events) must_check;
/* Change what is waited for. No effect when it is the same. 0 or -errno. */
int loop_change(struct loop *l, struct loop_fd *w, uint32_t events) must_check;
/* Stop watching; the fd stays open and is the caller's to close. Safe inside W's own callback and when not watched. */
void loop_unwatch(struct loop *l, struct loop_fd *w);

/* Call T->fn once, MSEC from now (0: at the next turn). Setting again moves it. -ENOMEM or 0. */
int loop_timer_set(struct loop *l, struct loop_timer *t, int64_t msec) must_check;
void loop_timer_clear(struct loop *l, struct loop_timer *t);

/* Call E->fn at the end of this turn of the loop, after AFTER. Nothing when it is to be called already. Set while the loop does not run, it makes the first turn a short one. */
void loop_end_set(struct loop *l, struct loop_end *e);
void loop_end_clear(struct loop *l, struct loop_end *e);
/* Is this called from loop_run()? */
bool loop_running(const struct loop *l);

/* Run until loop_stop(). After each batch of events AFTER, when not NULL, is called: for work that waits for a batch's end. */
int loop_run(struct loop *l, void (*after)(void *arg), void *arg) must_check;
void loop_stop(struct loop *l);
