/* SPDX-License-Identifier: ISC */
#pragma once

/* What a process gives up before it does anything. */
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* No new privileges, not dumpable (so: no ptrace, no /proc/PID/mem for the same uid), no core. 0 or -errno. */
int harden_self(void) must_check;
/* Become uid and gid ID for good, with no other groups. Only root can. 0 or -errno. */
int harden_become(uint32_t id) must_check;
/* As many open files as the hard limit lets. */
void harden_raise_files(void);
/* Have jansson's memory wiped when freed, or soon (base/pool.h): in roles that parse what may hold secrets. */
void harden_json(void);
