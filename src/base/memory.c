/* SPDX-License-Identifier: ISC */
#include "base/memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static unsigned long failures;

void *memory_alloc(size_t n)
{
	void *p = malloc(n);

	failures += !p && n;
	return p;
}

unsigned long memory_failures(void)
{
	return failures;
}

void wiping_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void *wiping_realloc(void *p, size_t n)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *q = memory_alloc(n ? n : 1);

	if (!q)
		return NULL;
	if (old)
		memcpy(q, p, old < n ? old : n);
	wiping_free(p);
	return q;
}
