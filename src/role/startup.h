/* SPDX-License-Identifier: ISC */
#pragma once

/* What the supervisor opens before anything is started, while it has its privileges. What cannot be opened ends the program with a line that says why. */
#include "role/config.h"

#define STARTUP_BACKLOG 4096

struct startup {
	int exe_fd; /* this binary: roles that are restarted later run the same, whatever an upgrade has put in its place */
	int log_dir_fd;
	int ca_fd; /* -1: there is no CA bundle */
	struct listener {
		int fd;
		enum ipc_listener kind;
	} listeners[CONFIG_LISTEN_MAX + 1];
	size_t n_listeners;
};

void startup_open(struct startup *s, const struct config *config);
/* Leaves no socket file behind. The descriptors end with the process. */
void startup_close(struct startup *s, const struct config *config);
