/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * A role in the test's own process. The test plays everybody else over real channels, says (say) what they say, and hears (hear) message by message what the role told
 * whom. What it does not hear fails the test. The clocks stand still unless a test moves them (later), so nothing ever waits: linked with --wrap (meson.build, rig_wraps).
 */
#include "faults.h"

#include "base/memory.h"
#include "role/role.h"
#include "sys/log.h"

#include <fcntl.h>
#include <sodium.h>
#include <time.h>

#define RIG_NOW INT64_C(1900000000) /* seconds since 1970 when a test program begins */

struct heard {
	struct heard *next;
	uint16_t number;
	max_align_t msg[];
};

static struct rig {
	struct role role;
	struct channel ends[PROC_COUNT]; /* the test's ends of the edges */
	struct heard *head[PROC_COUNT];	 /* what each was told, and the test has not looked at */
	int64_t msec;			 /* since the program began */
	unsigned idle;			 /* turns of the loop in which nothing was to be done */
	bool stopped;			 /* the role said that it ends */
	size_t used;			 /* of MEMORY, until the test ends */
	/* Not malloc(): that is the role's, and made to fail. */
	unsigned char memory[64 << 20] __attribute__((aligned(16)));
} rig;

/* ---- clocks, and a loop that never waits ---- */

void __real_loop_stop(struct loop *l);
void __wrap_loop_stop(struct loop *l);

int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	int64_t msec = rig.msec + (id == CLOCK_REALTIME ? RIG_NOW * 1000 : 1000);

	*t = (struct timespec){.tv_sec = msec / 1000, .tv_nsec = msec % 1000 * 1000000};
	return 0;
}

/* Twice nothing: the first time the loop may not have seen yet that the clock was moved. */
int __real_epoll_wait(int epoll, struct epoll_event *events, int max, int msec);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int msec);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int msec)
{
	int n = __real_epoll_wait(epoll, events, max, 0);

	rig.idle = n == 0 && msec != 0 ? rig.idle + 1 : 0;
	if (rig.idle == 2)
		__real_loop_stop(rig.role.loop);
	return n;
}

/* What may come late comes at once. */
void __wrap_channel_send_late(struct channel *c, uint16_t number, const void *msg);
void __wrap_channel_send_late(struct channel *c, uint16_t number, const void *msg)
{
	channel_send_fd(c, number, msg, -1);
}

/* The role's own word that it ends. */
void __wrap_loop_stop(struct loop *l)
{
	rig.stopped = true;
	__real_loop_stop(l);
}

static inline void rig_after(void *arg)
{
	rig.role.ops->after(&rig.role);
	rig.role.failures = memory_failures();
}

/* All that was said is heard, and what is due is done. */
static inline void turn(void)
{
	rig.idle = 0;
	while (rig.idle < 2) /* a role that is to end stops its loop now and again */
		assert_int_equal(loop_run(rig.role.loop, rig_after, NULL), 0);
}

static inline void later(int64_t msec)
{
	rig.msec += msec;
	turn();
}

/* ---- memory that lasts as long as the test ---- */

static inline void *rig_memory(size_t n)
{
	void *p = rig.memory + rig.used;

	rig.used += (n + 15) / 16 * 16;
	assert_true(rig.used <= sizeof(rig.memory));
	return p;
}

static inline struct bytes rig_copy(struct bytes b)
{
	void *p = rig_memory(b.n);

	if (b.n)
		memcpy(p, b.p, b.n);
	return bytes_of(p, b.n);
}

/* N times C. */
static inline struct bytes rig_long(size_t n, char c)
{
	void *p = rig_memory(n);

	memset(p, c, n);
	return bytes_of(p, n);
}

/* Adds an item to a plist. */
static inline void rig_put(struct bytes *list, struct bytes item)
{
	unsigned char *p = rig_memory(list->n + 4 + item.n), *at = p + list->n;

	if (list->n)
		memcpy(p, list->p, list->n);
	for (unsigned i = 0; i < 4; i++)
		at[i] = (unsigned char)(item.n >> (24 - 8 * i));
	if (item.n)
		memcpy(at + 4, item.p, item.n);
	*list = bytes_of(p, list->n + 4 + item.n);
}

/* A plist of what has '|' between. */
static inline struct bytes list_of(const char *items)
{
	struct bytes list = {0};

	while (*items) {
		size_t n = strcspn(items, "|");
		rig_put(&list, bytes_of(items, n));
		items += n + (items[n] == '|');
	}
	return list;
}

/* TEXT, with the number in place of its '#'. */
static inline struct bytes rig_text(const char *text, unsigned long long n)
{
	char out[64];
	int at = (int)strcspn(text, "#");

	snprintf(out, sizeof(out), "%.*s%llu%s", at, text, n, text + at + 1);
	return rig_copy(bytes_str(out));
}

/* ---- what the role says ---- */

static inline void rig_on_message(void *arg, struct channel *c, uint16_t number, const void *msg,
				  int fd)
{
	const struct wire_msg *m = &c->edge->rows[number].msg;
	struct heard *h = rig_memory(sizeof(*h) + m->size), **at = &rig.head[(uintptr_t)arg];
	struct bytes run;

	assert_int_equal(fd, -1);
	*h = (struct heard){.number = number};
	memcpy(h->msg, msg, m->size);
	for (size_t i = 0; i < m->nfields; i++) {
		unsigned char *field = (unsigned char *)h->msg + m->fields[i].offset;

		if (m->fields[i].type != WIRE_TEXT && m->fields[i].type != WIRE_BYTES &&
		    m->fields[i].type != WIRE_LIST)
			continue;
		memcpy(&run, field, sizeof(run));
		run = rig_copy(run);
		memcpy(field, &run, sizeof(run));
	}
	while (*at)
		at = &(*at)->next;
	*at = h;
}

static inline void rig_on_closed(void *arg, struct channel *c, bool bad)
{
}

static inline const void *rig_hear(enum proc who, uint16_t number)
{
	const struct channel *end = &rig.ends[who];
	struct heard *h;

	if (!rig.head[who])
		turn();
	h = rig.head[who];
	if (!h)
		fail_msg("%s was not told %s", proc_name(who), end->edge->rows[number].msg.name);
	if (h->number != number)
		fail_msg("%s was told %s, not %s", proc_name(who),
			 end->edge->rows[h->number].msg.name, end->edge->rows[number].msg.name);
	rig.head[who] = h->next;
	return h->msg;
}

/* The next message that WHO was told, which is a NAME. Good until the test ends. */
#define hear(who, name)	    ((const struct name *)rig_hear(who, MSG_##name))
#define say(who, name, ...) channel_send(&rig.ends[who], name, __VA_ARGS__)

/* All was heard. */
static inline void assert_silence(void)
{
	turn();
	for (enum proc p = 0; p < PROC_COUNT; p++)
		if (rig.head[p])
			fail_msg("%s was told %s too", proc_name(p),
				 rig.ends[p].edge->rows[rig.head[p]->number].msg.name);
}

static inline void assert_bytes(struct bytes is, const char *want)
{
	if (!bytes_is(is, want))
		fail_msg("\"%.*s\", not \"%s\"", (int)is.n, (const char *)is.p, want);
}

static inline void assert_holds(struct bytes is, const char *want)
{
	if (bytes_find(is, bytes_str(want)) == is.n)
		fail_msg("\"%.*s\" does not say \"%s\"", (int)is.n, (const char *)is.p, want);
}

/* ---- the supervisor, and the edges ---- */

static inline void rig_on_control(void *arg, struct channel *c, uint16_t number, const void *msg,
				  int fd)
{
	struct role *r = arg;

	if (number == MSG_s_start) {
		r->ops->start(r);
	} else if (number == MSG_s_stop) {
		r->stopping = true;
		r->ops->stop(r);
	} else if (number == MSG_s_peer) {
		r->ops->peer(r, msg, fd);
		r->edges[((const struct s_peer *)msg)->proc] = ((const struct s_peer *)msg)->edge;
	} else {
		r->ops->control(r, number, msg, fd);
	}
}

/* A new WHO, which says nothing, or one that is to be started when it is spoken to. What the old one was told and the test has not heard is gone. */
static inline void connect_as(enum proc who, bool to_come)
{
	static uint64_t edges;
	struct s_peer m = {.proc = (uint8_t)who, .edge = ++edges, .to_come = to_come};
	int fds[2];

	rig.head[who] = NULL;
	assert_int_equal(channel_pair(fds), 0);
	channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_peer, &m, fds[0]);
	close(fds[0]);
	assert_int_equal(channel_open(&rig.ends[who], fds[1]), 0);
	turn();
}

static inline void connect_to(enum proc who)
{
	connect_as(who, false);
	if (rig.role.self == PROC_VAULT && (who == PROC_COURIER || who == PROC_COURIER_SELF))
		say(who, cv_hello, .call = 0);
	turn();
}

/* It is gone, and nobody new comes yet. */
static inline void disconnect(enum proc who)
{
	rig.head[who] = NULL;
	channel_close(&rig.ends[who]);
	turn();
}

/* The supervisor is told that WHO broke the rules, and starts another. */
static inline void expect_denounced(enum proc who)
{
	const struct r_bad_peer *m = hear(PROC_SUPERVISOR, r_bad_peer);

	assert_int_equal(m->proc, who);
	assert_true(m->edge == rig.role.edges[who]);
	channel_close(&rig.ends[who]);
}

/* ---- the role's life ---- */

static inline void rig_init_end(enum proc who, const struct edge *edge, enum side side)
{
	channel_init(&rig.ends[who], rig.role.loop, edge, side, rig_on_message, rig_on_closed,
		     (void *)(uintptr_t)who);
}

/* The role, with nobody but its supervisor; its init() is still to be called. */
static inline int rig_begin_as(enum proc self, const struct role_ops *ops)
{
	int fds[2];

	log_init(proc_name(self));
	if (sodium_init() < 0 || loop_new(&rig.role.loop) < 0 || channel_pair(fds) < 0)
		return -1;
	rig.role.self = self;
	rig.role.ops = ops;
	channel_init(&rig.role.control, rig.role.loop, &edge_supervisor, SIDE_B, rig_on_control,
		     rig_on_closed, &rig.role);
	rig_init_end(PROC_SUPERVISOR, &edge_supervisor, SIDE_A);
	if (channel_open(&rig.role.control, fds[0]) < 0 ||
	    channel_open(&rig.ends[PROC_SUPERVISOR], fds[1]) < 0)
		return -1;
	return 0;
}

/* The test's ends; the role frees little, for it ends with its process. */
static inline int rig_end(void **state)
{
	for (enum proc p = 0; p < PROC_COUNT; p++)
		if (rig.ends[p].loop)
			channel_close(&rig.ends[p]);
	return 0;
}
