/* SPDX-License-Identifier: ISC */
#pragma once

/* One role's process, as the supervisor sees it. */
#include "ipc/channel.h"

#include <sys/types.h>

struct child {
	enum proc proc;
	pid_t pid; /* 0 while there is none */
	struct loop_timer restart;
	struct channel control;
	int64_t started;   /* loop_now() */
	unsigned failures; /* in a row, each soon after its start */
	bool confined, ready, told_to_stop;
	unsigned holds; /* of its sandbox, once CONFINED */
	uint64_t restarts;
	bool lacks_told; /* what its sandbox lacks, once for all that come after it */
	struct supervisor *owner;
};

/*
 * Start the process: fork, give up everything, exec EXE_FD as proc_name(C->proc) with the other end of C->control at descriptor 3. UID is
 * what it becomes, 0: stay. 0 or -errno; nothing is left running then. SIGCHLD tells of its end.
 */
int child_start(struct child *c, struct loop *loop, int exe_fd, uint32_t uid) must_check;
/* It has ended and was waited for. */
void child_ended(struct child *c);
/* Milliseconds until the next start: none at first, then doubling to ten seconds. */
int64_t child_backoff(const struct child *c);
