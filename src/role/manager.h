/* SPDX-License-Identifier: ISC */
#pragma once

/* What the service manager (systemd) is told of the gateway, where there is one: its state in words, and that the supervisor's loop turns. */
#include "role/child.h"
#include "sys/notify.h"

struct manager {
	struct loop *loop;
	struct loop_timer watchdog;
	int64_t watchdog_ms;
	char status[NOTIFY_TEXT_MAX]; /* as it was told last */
};

/* Who is to be told; what cannot be understood ends the program. M stays where it is: its timer is on LOOP. */
void manager_begin(struct manager *m, struct loop *loop);
void manager_end(struct manager *m);

struct manager_view {
	const struct child *children;
	bool announced, stopping;
	const char *refused; /* why the last reload was; "": it was not */
};

/* Its state in words, if they are others than before. */
void manager_status(struct manager *m, const struct manager_view *v);
