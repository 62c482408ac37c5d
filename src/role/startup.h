/* SPDX-License-Identifier: ISC */
#pragma once

/* What the supervisor opens before anything is started, while it has its privileges. What cannot be opened ends the program with a line that says why. */
#include "role/config.h"

#include <sys/types.h>

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
	char *unix_path; /* the Unix socket's file, if we made it, whatever a reload says; else NULL */
	dev_t unix_dev; /* which file that is */
	ino_t unix_ino;
};

/* Sockets that a service manager handed over (listen_fds.h) are taken for the addresses that they are bound to; those that no address of CONFIG's wants are an error. */
void startup_open(struct startup *s, const struct config *config);
/* "listen=http://127.0.0.1:8080", a line for each address but the Unix socket's, on standard output: where the port was 0 nobody else knows which it became. */
void startup_announce(const struct startup *s);
/*
 * Nobody connects any more: our own sockets are gone, with the Unix socket's file. Those that were handed over are closed here and listen on, for whoever comes next. A second call does
 * nothing.
 */
void startup_stop_listening(struct startup *s);
