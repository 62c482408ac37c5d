/* SPDX-License-Identifier: ISC */
#include "sys/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

struct loop {
	int epoll;
	bool stop, running;
	int64_t now;
	struct loop_timer **heap; /* by due, smallest first */
	size_t timers, room;
	struct epoll_event batch[BATCH];
	int batch_at, batch_n;
	struct loop_end *ends;
};

static int64_t read_usec(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_usec(void)
{
	return read_usec(CLOCK_REALTIME);
}

int64_t steady_usec(void)
{
	return read_usec(CLOCK_MONOTONIC);
}

static int64_t monotonic_msec(void)
{
	return steady_usec() / 1000;
}

int loop_new(struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		free(l);
		return -errno;
	}
	l->now = monotonic_msec();
	*out = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->epoll);
	free(l->heap);
	free(l);
}

int64_t loop_now(const struct loop *l)
{
	return l->now;
}

int loop_watch(struct loop *l, struct loop_fd *w, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		return -errno;
	w->fd = fd;
	w->events = events;
	return 0;
}

int loop_change(struct loop *l, struct loop_fd *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	if (w->events == events)
		return 0;
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &e) < 0)
		return -errno;
	w->events = events;
	return 0;
}

void loop_unwatch(struct loop *l, struct loop_fd *w)
{
	if (w->fd < 0)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
	/* Its owner may be freed now: forget what this batch still holds for it. */
	for (int i = l->batch_at; i < l->batch_n; i++)
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL;
}

static void heap_put(struct loop *l, size_t slot, struct loop_timer *t)
{
	l->heap[slot] = t;
	t->slot = slot;
}

static void heap_up(struct loop *l, size_t slot)
{
	struct loop_timer *t = l->heap[slot];

	while (slot > 0 && l->heap[(slot - 1) / 2]->due > t->due) {
		heap_put(l, slot, l->heap[(slot - 1) / 2]);
		slot = (slot - 1) / 2;
	}
	heap_put(l, slot, t);
}

static void heap_down(struct loop *l, size_t slot)
{
	struct loop_timer *t = l->heap[slot];

	for (;;) {
		size_t child = slot * 2 + 1;
		if (child + 1 < l->timers && l->heap[child + 1]->due < l->heap[child]->due)
			child++;
		if (child >= l->timers || l->heap[child]->due >= t->due)
			break;
		heap_put(l, slot, l->heap[child]);
		slot = child;
	}
	heap_put(l, slot, t);
}

int loop_timer_set(struct loop *l, struct loop_timer *t, int64_t msec)
{
	loop_timer_clear(l, t);
	if (l->timers == l->room) {
		size_t room = l->room ? l->room * 2 : 16;
		struct loop_timer **heap = reallocarray(l->heap, room, sizeof(struct loop_timer *));
		if (!heap)
			return -ENOMEM;
		l->heap = heap;
		l->room = room;
	}
	t->due = l->now + (msec > 0 ? msec : 0);
	if (t->due == 0)
		t->due = 1;
	heap_put(l, l->timers++, t);
	heap_up(l, t->slot);
	return 0;
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
	size_t slot = t->slot;
	struct loop_timer *last;

	if (!t->due)
		return;
	t->due = 0;
	last = l->heap[--l->timers];
	if (last == t)
		return;
	heap_put(l, slot, last);
	heap_up(l, slot);
	heap_down(l, last->slot);
}

static void run_timers(struct loop *l)
{
	/* Only those due now: a timer that sets itself again waits for the next turn. */
	for (size_t n = l->timers; n > 0 && l->timers > 0 && l->heap[0]->due <= l->now; n--) {
		struct loop_timer *t = l->heap[0];
		loop_timer_clear(l, t);
		t->fn(t->arg);
	}
}

static int wait_msec(const struct loop *l)
{
	int64_t left;

	if (l->timers == 0)
		return -1;
	left = l->heap[0]->due - l->now;
	if (left < 0)
		left = 0;
	return left > 60000 ? 60000 : (int)left;
}

void loop_end_set(struct loop *l, struct loop_end *e)
{
	if (e->set)
		return;
	e->set = true;
	e->next = l->ends;
	l->ends = e;
}

void loop_end_clear(struct loop *l, struct loop_end *e)
{
	struct loop_end **at = &l->ends;

	if (!e->set)
		return;
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	e->set = false;
}

bool loop_running(const struct loop *l)
{
	return l->running;
}

static void run_events(struct loop *l, int n)
{
	l->batch_n = n > 0 ? n : 0;
	for (l->batch_at = 0; l->batch_at < l->batch_n;) {
		struct epoll_event *e = &l->batch[l->batch_at++];
		struct loop_fd *w = e->data.ptr;
		if (w)
			w->fn(w->arg, e->events);
	}
	l->batch_n = 0;
}

static void run_ends(struct loop *l)
{
	while (l->ends) {
		struct loop_end *e = l->ends;

		loop_end_clear(l, e);
		e->fn(e->arg);
	}
}

int loop_run(struct loop *l, void (*after)(void *arg), void *arg)
{
	l->stop = false;
	l->running = true;
	while (!l->stop) {
		/* What is to be done at a turn's end was said before the first. */
		int n = epoll_wait(l->epoll, l->batch, BATCH, l->ends ? 0 : wait_msec(l));

		if (n < 0 && errno != EINTR) {
			l->running = false;
			return -errno;
		}
		l->now = monotonic_msec();
		run_events(l, n);
		run_timers(l);
		if (after)
			after(arg);
		run_ends(l);
	}
	l->running = false;
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
