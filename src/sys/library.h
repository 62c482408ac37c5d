/* SPDX-License-Identifier: ISC */
#pragma once

/* Libraries that are opened at run time, by the roles that need them: see tls/openssl.h for why. */
#include <stdbool.h>

/* The function NAME of LIB, which dlopen() gave, or of what LIB depends on: to *SLOT, a pointer to a function. False when there is none. */
bool library_find(void *lib, const char *name, void *slot);
