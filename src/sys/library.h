/* SPDX-License-Identifier: ISC */
#pragma once

/* Libraries that are opened at run time, by the roles that need them: see tls/openssl.h for why. */
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct library_function {
	const char *name;
	void *slot; /* of a pointer to such a function */
};

/*
 * Open FILE, for good: exit handlers of libraries stay, and so must they. Each of the N slots gets its function of the library, or of what that depends on. 0; -ELIBACC when there is no
 * such library; -ELIBBAD when it lacks a function.
 */
int library_open(const char *file, const struct library_function *functions, size_t n) must_check;
