/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The operational log: short lines on stderr. For what an operator must act on; what was done to customers' zones is the audit log's. Callers never pass a secret, a handle, a body or a
 * caller's input.
 */
#include "base/error.h"

#include <stdbool.h>

enum log_format {
	LOG_TEXT,    /* "postern-vault[123]: warning: text" */
	LOG_JOURNAL, /* the same behind "<4>": the priority, as systemd reads it (sd-daemon(3)) */
	LOG_JSON, /* {"time":…,"level":"warning","role":"postern-vault","pid":123,"message":…} */
	LOG_FORMATS
};

/* NAME is static. Called once at start. */
void log_init(const char *name);
/* From now on. At first it is text, or what a parent's log_environment() says. */
void log_as(enum log_format format);
/* Standard error is the journal's: $JOURNAL_STREAM says so (systemd.exec(5)). */
bool log_is_journal(void);
/* A static "NAME=value" for a child's environment, from which log_init() there takes the format. */
char *log_environment(void);

void log_info(const char *fmt, ...) printf_like(1, 2);
void log_warn(const char *fmt, ...) printf_like(1, 2);
/* Log and end the process with status 1. */
_Noreturn void log_fatal(const char *fmt, ...) printf_like(1, 2);
