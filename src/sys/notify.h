/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * What a service manager is told of this process: sd_notify(3), whose protocol is datagrams of NAME=VALUE lines to the socket that NOTIFY_SOCKET names. Where there is none
 * nothing is sent.
 */
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define NOTIFY_TEXT_MAX 512

/* Read NOTIFY_SOCKET, a path or, behind an '@', an abstract name, and remove it from the environment. 0; -EINVAL: it is neither; or -errno. */
int notify_open(void) must_check;
void notify_close(void);
/* Is there anybody to tell? */
bool notify_wanted(void);
/* Send LINES as they are. Waits a second at most for a manager that does not read, and warns where it cannot be told. */
void notify_send(const char *lines);
/* STATUS=TEXT, cut at NOTIFY_TEXT_MAX. What is not printable ASCII becomes '?': TEXT may be others', and a newline would begin an assignment. */
void notify_status(const char *text);
/* RELOADING=1, with the time that systemd wants beside it. */
void notify_reloading(void);
/* STOPPING=1, and that it takes so long at most: whatever the manager's own limit for a stop is. */
void notify_stopping(uint32_t seconds);
/*
 * WATCHDOG_USEC, where WATCHDOG_PID is this process or not there: how often WATCHDOG=1 is waited for, in microseconds; 0: not at all. Both are removed from the environment.
 */
uint64_t notify_watchdog(void);
