/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Memory that ran out, counted. Much that computes with memory answers yes or no ("are these two records the same?"), jansson says
 * "malformed" for it, and a "no" that only means "no memory" must not pass for an answer: who decides by such answers compares the
 * count before and after, and forwards -ENOMEM when it has grown.
 */
#include <stddef.h>

/* malloc(). */
void *memory_alloc(size_t n);
/* How often there was none since the process began. */
unsigned long memory_failures(void);

/*
 * For libraries with settable allocators: free() that wipes first. Sizes come from the C library, so that what was asked for is wiped, and the rest of the block too.
 */
void wiping_free(void *p);
/* Not realloc(): that may leave a copy of a secret behind. */
void *wiping_realloc(void *p, size_t n);
