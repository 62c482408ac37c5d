/* SPDX-License-Identifier: ISC */
#pragma once

/* Descriptors that a service manager opened for this process: the protocol of sd_listen_fds(3). */
#include "base/error.h"

#include <stddef.h>

#define LISTEN_FDS_START 3
#define LISTEN_FDS_MAX	 64 /* many more than there are addresses; a number beyond is a mistake */

/*
 * How many there are, from LISTEN_FDS_START on: LISTEN_FDS, where LISTEN_PID is this process. They are this process's alone and do not block from now on, and the variables are gone.
 * The number; -EINVAL: the variables are none; -EBADF: not so many are open.
 */
int listen_fds_take(void) must_check;
