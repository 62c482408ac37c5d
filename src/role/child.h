/* SPDX-License-Identifier: ISC */
#pragma once

/* One role's process, as the supervisor sees it. */
#include "ipc/channel.h"

#include <sys/types.h>

struct child {
	enum proc proc;
	pid_t pid;		   /* 0 while there is none */
	struct loop_fd exit_watch; /* its pidfd */
	struct loop_timer restart;
	struct channel control;
	int64_t started;   /* loop_now() */
	unsigned failures; /* in a row, each soon after its start */
	bool ready;
	struct supervisor *owner;
};

/*
 * Start the process: fork, give up everything, exec EXE_FD as proc_name(C->proc) with the other end of C->control at descriptor 3. UID is
 * what it becomes, 0: stay. The pidfd is put into C->exit_watch and watched. 0 or -errno.
 */
int child_start(struct child *c, struct loop *loop, int exe_fd, uint32_t uid) must_check;
/* Collect what is left of it. Returns a wait status. */
int child_reap(struct child *c, struct loop *loop);
/* Milliseconds until the next start: none at first, then doubling to ten seconds. */
int64_t child_backoff(const struct child *c);
