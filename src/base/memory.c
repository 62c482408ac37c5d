/* SPDX-License-Identifier: ISC */
#include "base/memory.h"

#include <stdlib.h>

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
