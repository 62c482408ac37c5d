/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the supervisor. supervisor.c: its life, signals, reloads. supervisor_roles.c: starting roles, what they report, and starting them anew. supervisor_edges.c: who speaks with whom. supervisor_stop.c: the end.
 */
#include "role/child.h"
#include "role/events.h"
#include "role/manager.h"
#include "role/startup.h"

#define EDGES 9

struct supervisor_edge {
	struct supervisor *owner;
	uint64_t number;	   /* of the edge that is there now; 0: there was none yet */
	int kept;		   /* the end of a role that was not started yet; -1: none */
	enum proc kept_for;	   /* that role */
	struct loop_fd first_word; /* until something was said to it */
};

struct supervisor {
	struct loop *loop;
	struct config *config;
	const char *dev_token, *reload_path;
	struct child children[PROC_COUNT]; /* [PROC_SUPERVISOR] is not used */
	struct startup files;
	struct loop_fd signals;
	struct loop_timer drain, pulse;
	bool stopping, announced;
	bool cut_off;			/* what was not finished in time is ended */
	bool reloading;			/* until all that were told have taken it in */
	char refused[CONFIG_ERROR_MAX]; /* why the last reload was; "": it was not */
	struct events events;
	struct manager manager;
	struct supervisor_edge edges[EDGES];
	uint64_t next_edge;
};

/* ---- supervisor.c ---- */

/* In words, to the service manager, when it has changed. */
void show_state(struct supervisor *s);
/* A role serves: when it was the last one that did not, say so. */
void maybe_announce(struct supervisor *s);
/* A role has taken in a reload, or is gone: whoever waits for the reload to be over is told so when it holds everywhere. */
void maybe_reloaded(struct supervisor *s);

/* ---- supervisor_roles.c ---- */

void roles_start(struct supervisor *s);
/* Wait for those that have ended, and start them anew. */
void roles_reap(struct supervisor *s);
/* End one now. It is started anew, unless all end. */
void role_end(struct child *c);
/*
 * It cannot begin without WHAT, which failed with R (-errno). At the start that is fatal, so that it is seen. Later others are being served, and there is another try: it is ended.
 */
void role_cannot(struct child *c, const char *what, int r);
/* Somebody needs it: start it, if it was not yet. */
void role_want(struct supervisor *s, enum proc p);
/* It was not in its sandbox yet, nor has it failed, and is to be told then what is said to it before. */
bool role_is_to_come(const struct child *c);

/* ---- supervisor_edges.c ---- */

void edges_init(struct supervisor *s);
/* P is in its sandbox, and may hear others: connect it with those that are, and with those that are to come. */
void edges_connect(struct supervisor *s, enum proc p);
/* P has ended: what was said to it before it was there is gone, and so is what it said to others. */
void edges_lost(struct supervisor *s, enum proc p);
/* NULL: the two do not speak with each other. */
const struct supervisor_edge *edge_between(const struct supervisor *s, enum proc a, enum proc b);

/* ---- supervisor_stop.c ---- */

/* SIGTERM, SIGINT: finish what is in flight; a second time: end at once. */
void stop(struct supervisor *s);
/* A role has ended, or can be told now: on with it. */
void stop_next(struct supervisor *s);
void stop_init(struct supervisor *s);
