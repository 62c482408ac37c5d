/* SPDX-License-Identifier: ISC */
/*
 * The supervisor's edges: who speaks with whom, and what is said to a role before it was started. The edges to such a role are there from the start: its peers have their ends, and ours is the
 * other, of which nothing is read here. What is said waits in it, and the first word has the role started.
 */
#include "role/supervise.h"

#include "sys/log.h"

#include <unistd.h>

/*
 * The first named is SIDE_A. In this order a role hears of those that it speaks with, and what waits for it may be read between two of them: so a courier has its vault, which tells of a call, before its planner, which
 * speaks of it; and a planner has the courier that it will need before the vault.
 */
static const struct {
	enum proc a, b;
} ends[EDGES] = {
	{PROC_FRONT, PROC_VAULT},     {PROC_VAULT, PROC_SCRIBE},
	{PROC_VAULT, PROC_COURIER},   {PROC_VAULT, PROC_COURIER_SELF},
	{PROC_PLANNER, PROC_COURIER}, {PROC_PLANNER_SELF, PROC_COURIER_SELF},
	{PROC_VAULT, PROC_PLANNER},   {PROC_VAULT, PROC_PLANNER_SELF},
	{PROC_VAULT, PROC_RESOLVER},
};

static void give(struct child *to, enum proc peer, const struct supervisor_edge *e, int fd,
		 bool to_come)
{
	channel_send_fd(&to->control, MSG_s_peer,
			&(const struct s_peer){
				.proc = (uint8_t)peer, .edge = e->number, .to_come = to_come},
			fd);
}

static void drop_kept(struct supervisor_edge *e)
{
	if (e->kept < 0)
		return;
	loop_unwatch(e->owner->loop, &e->first_word);
	close(e->kept);
	e->kept = -1;
}

static void on_first_word(void *arg, uint32_t events)
{
	struct supervisor_edge *e = arg;

	loop_unwatch(e->owner->loop, &e->first_word);
	/* Where the peer is gone edges_lost() drops it. */
	if (!(events & EPOLLHUP))
		role_want(e->owner, e->kept_for);
}

static int keep(struct supervisor_edge *e, enum proc p, int fd)
{
	int r;

	e->first_word = (struct loop_fd){.fd = -1, .fn = on_first_word, .arg = e};
	r = loop_watch(e->owner->loop, &e->first_word, fd, EPOLLIN);
	if (r < 0) {
		close(fd);
		return r;
	}
	e->kept = fd;
	e->kept_for = p;
	return 0;
}

static int join(struct supervisor *s, struct supervisor_edge *e, enum proc p, enum proc q)
{
	struct child *here = &s->children[p], *there = &s->children[q];
	int fds[2], r;

	if (e->kept >= 0) {
		give(here, q, e, e->kept, false);
		drop_kept(e);
		return 0;
	}
	if (!there->confined && !role_is_to_come(there))
		return 0; /* when it is in its sandbox too */
	r = channel_pair(fds);
	if (r < 0)
		return r;
	e->number = ++s->next_edge;
	give(here, q, e, fds[0], !there->confined);
	close(fds[0]);
	if (!there->confined)
		return keep(e, q, fds[1]);
	give(there, p, e, fds[1], false);
	close(fds[1]);
	return 0;
}

void edges_init(struct supervisor *s)
{
	for (size_t i = 0; i < EDGES; i++)
		s->edges[i] = (struct supervisor_edge){.owner = s, .kept = -1};
}

void edges_connect(struct supervisor *s, enum proc p)
{
	for (size_t i = 0; i < EDGES; i++) {
		int r = 0;

		if (ends[i].a == p)
			r = join(s, &s->edges[i], p, ends[i].b);
		else if (ends[i].b == p)
			r = join(s, &s->edges[i], p, ends[i].a);
		if (r < 0)
			role_cannot(&s->children[p], "an edge", r);
	}
}

void edges_lost(struct supervisor *s, enum proc p)
{
	for (size_t i = 0; i < EDGES; i++)
		if (ends[i].a == p || ends[i].b == p)
			drop_kept(&s->edges[i]);
}

const struct supervisor_edge *edge_between(const struct supervisor *s, enum proc a, enum proc b)
{
	for (size_t i = 0; i < EDGES; i++)
		if ((ends[i].a == a && ends[i].b == b) || (ends[i].a == b && ends[i].b == a))
			return &s->edges[i];
	return NULL;
}
