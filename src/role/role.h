/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * What every role has in common: it begins with nothing but descriptor 3, the edge to its supervisor; is told what it needs over it; serves; ends.
 * Each role is one file with one struct role_ops.
 */
#include "egress/address.h"
#include "ipc/channel.h"

#define ROLE_CONTROL_FD 3
/* With more calls under way than these, vault and courier see to it that few are begun at once. */
#define ROLE_CALLS_MANY 72

struct role;

struct role_report {
	uint32_t calls;	     /* in flight */
	const char *problem; /* why the gateway cannot serve now; "": it can */
};

struct role_ops {
	/* Before anything is heard. NULL: nothing to do. */
	void (*init)(struct role *r);
	/* A message from the supervisor that is not common to all roles; FD is -1 or now the role's. */
	void (*control)(struct role *r, uint16_t number, const void *msg, int fd);
	/* Everything is told. Load and open what is needed beyond descriptors that come by message: it is the last chance. NULL: nothing to do. */
	void (*prepare)(struct role *r);
	/* An edge to another role, new or anew: FD is now the role's. */
	void (*peer)(struct role *r, const struct s_peer *m, int fd);
	/* In the sandbox, the edges are there: serve. Call role_ready() once you do. */
	void (*start)(struct role *r);
	/* Finish what is in flight, then loop_stop(). */
	void (*stop)(struct role *r);
	/* After each batch of events. NULL: nothing to do. */
	void (*after)(struct role *r);
	/* What the supervisor may want to show: OUT is empty, and its text is good until the loop turns. NULL: nothing. */
	void (*report)(struct role_report *out);
};

struct role {
	enum proc self;
	struct loop *loop;
	struct channel control;
	const struct role_ops *ops;
	uint64_t edges[PROC_COUNT]; /* s_peer's number of the edge to each */
	int dir_fd;		    /* the scribe's directory; -1: none */
	bool confined;
	bool stopping;
	unsigned long failures; /* memory_failures() before the batch of events that is at work */
};

/* The whole life of a role's process. Returns its exit status. */
int role_main(enum proc self);
/* Memory ran out in this batch of events: what was not found, or not understood, may be there and be right. No refusal is given out then but this one. */
bool role_out_of_memory(const struct role *r);
/* Tell the supervisor that the role serves. */
void role_ready(struct role *r);
/* FD is the new edge to PEER. What the old one had in flight is over, if it was still open. */
void role_take_edge(struct channel *c, enum proc peer, int fd);
/* What the supervisor tells of an address that may be reached. */
void role_add_address(struct address_rules *rules, const struct s_address *m);
/* PEER broke the rules of its edge, which is closed: have it ended and restarted. What a channel's CLOSED does when it hears BAD. */
void role_bad_peer(struct role *r, enum proc peer);

extern const struct role_ops front_ops, vault_ops, scribe_ops, planner_ops, courier_ops,
	resolver_ops;
