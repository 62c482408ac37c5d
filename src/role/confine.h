/* SPDX-License-Identifier: ISC */
#pragma once

/* What each role may still do once it has been told all: the tables. */
#include "ipc/edges.h"
#include "sys/sandbox.h"

#include <sys/types.h>

/* Append the seccomp filter of P, which runs as process PID, to PROGRAM. As seccomp_build(). */
int confine_filter(enum proc p, pid_t pid, struct buf *program) must_check;
/* The rest of P's sandbox. DIR_FD: the log's directory, for the scribe; else -1. */
struct sandbox confine_of(enum proc p, int dir_fd);
