/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Memory for what is made of many small pieces and is soon freed altogether, as a JSON document is: a piece is taken off the end of a block, and a block is wiped, and used
 * again, once all of its pieces were given back. For one thread.
 */
#include <stddef.h>

#define POOL_BLOCK 65536 /* bytes */

/* malloc(), aligned for pointers and 64-bit numbers; memory_failures() counts what fails. */
void *pool_alloc(size_t n);
/* NULL is fine. */
void pool_free(void *p);
