/* SPDX-License-Identifier: ISC */
#pragma once

/* One role's process, as the supervisor sees it. */
#include "ipc/channel.h"

#include <sys/types.h>

#define CHILD_PULSE_MS 2000 /* how often each is asked whether it lives */

struct child {
	enum proc proc;
	pid_t pid; /* 0 while there is none */
	struct loop_timer restart;
	struct channel control;
	int64_t started;   /* loop_now() */
	unsigned failures; /* in a row, each soon after its start */
	bool wanted; /* it is to run; those that are not are started when they are first needed */
	bool confined, ready, told_to_stop;
	unsigned holds; /* of its sandbox, once CONFINED */
	uint64_t restarts;
	bool lacks_told;	  /* what its sandbox lacks, once for all that come after it */
	uint64_t asked, answered; /* the last ping's number, and that of the last it answered */
	unsigned silent;	  /* pulses, since it should have said something */
	bool hung;		  /* it was ended for that */
	bool applying;		  /* it has not answered yet that it has taken in a reload */
	uint32_t calls;		  /* as its last answer had them */
	char problem[IPC_REASON_MAX + 1];
	struct supervisor *owner;
};

/*
 * Start the process: fork, give up everything, exec EXE_FD as proc_name(C->proc) with the other end of C->control at descriptor 3. UID is
 * what it becomes, 0: stay. 0 or -errno; nothing is left running then. SIGCHLD tells of its end.
 */
int child_start(struct child *c, struct loop *loop, int exe_fd, uint32_t uid) must_check;
/* It has ended and was waited for. */
void child_ended(struct child *c);
/* Ask it. */
void child_ping(struct child *c);
/* Its answer. */
void child_heard(struct child *c, const struct r_pong *m);
/*
 * Each CHILD_PULSE_MS: ask it, if it has answered the last. False: it has said nothing for too long. Pulses are counted, not time: a machine that stood still for a while has no
 * hung roles, for the supervisor stood still too.
 */
bool child_pulse(struct child *c);
/* Milliseconds until the next start: none at first, then doubling to ten seconds. */
int64_t child_backoff(const struct child *c);
