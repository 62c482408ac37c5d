/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The operational log: short lines on stderr, "postern-vault[123]: text". For what an operator must act on; what was done to
 * customers' zones is the audit log's. Callers never pass a secret, a handle, a body or a caller's input.
 */
#include "base/error.h"

/* NAME is static. Called once at start. */
void log_init(const char *name);
void log_info(const char *fmt, ...) printf_like(1, 2);
void log_warn(const char *fmt, ...) printf_like(1, 2);
/* Log and end the process with status 1. */
_Noreturn void log_fatal(const char *fmt, ...) printf_like(1, 2);
