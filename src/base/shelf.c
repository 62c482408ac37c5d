/* SPDX-License-Identifier: ISC */
#include "base/shelf.h"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

void *shelf_take(struct shelf *s)
{
	void *p = s->first;

	if (!p)
		return calloc(1, s->size);
	ASAN_UNPOISON_MEMORY_REGION(p, s->size);
	memcpy(&s->first, p, sizeof(s->first));
	memset(p, 0, sizeof(s->first));
	s->n--;
	return p;
}

void shelf_give(struct shelf *s, void *p)
{
	explicit_bzero(p, s->size);
	if (s->n == SHELF_MAX) {
		free(p);
		return;
	}
	/* All else in it is zeros, and stays so. */
	memcpy(p, &s->first, sizeof(s->first));
	ASAN_POISON_MEMORY_REGION(p, s->size);
	s->first = p;
	s->n++;
}
