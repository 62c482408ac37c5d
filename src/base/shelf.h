/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Structs that come and go with every call: what was given back last is taken next, as it is still in the processor's caches. malloc() gives such sizes out in the order in which they
 * came back, the coldest first. For one thread.
 */
#include "base/error.h"

#include <stddef.h>

#define SHELF_MAX 128 /* kept; more are freed */

struct shelf {
	size_t size; /* bytes of one: at least a pointer's, and aligned as malloc() does */
	void *first;
	size_t n;
};

#define SHELF_OF(type)                                                                             \
	{                                                                                          \
		.size = sizeof(type)                                                               \
	}

/* All zeros. NULL: there is no memory. */
void *shelf_take(struct shelf *s);
/* Wiped. P came from this shelf. */
void shelf_give(struct shelf *s, void *p);
