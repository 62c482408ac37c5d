/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Lines of the gateway's own for the audit log: start, stop, configuration, keys, restarts. The supervisor keeps each until a scribe says that it is durable, so
 * that none is lost while there is no scribe or the log cannot be written. One that was written as the scribe died may be there twice.
 */
#include "ipc/channel.h"
#include "role/config.h"

struct event;

struct events {
	struct loop *loop;
	struct channel *scribe; /* the scribe's control edge */
	struct event *first, **tail;
	size_t n;
	uint64_t next_number;
	struct loop_timer again;
};

void events_init(struct events *e, struct loop *loop, struct channel *scribe);
/* Say that EVENT came to be. Both are copied; VALUE never holds a secret. */
void events_add(struct events *e, const char *event, const char *value);
/* The configuration that holds now; DEV: it is no file's. */
void events_config(struct events *e, const struct config *c, bool dev);
/* A new scribe serves: say everything that is not durable yet. */
void events_greet(struct events *e);
/* What the scribe says of one. */
void events_heard(struct events *e, const struct r_event *m);
void events_done(struct events *e);
