/* SPDX-License-Identifier: ISC */
#include "count.h"

#include <dlfcn.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* glibc's own names for its allocator, there for those who put something before it. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static struct counts own;
struct counts *counts = &own;
void (*counts_seen)(size_t bytes);

/* Inline, so that a backtrace begins with the allocator. */
static inline __attribute__((always_inline)) void count(size_t n)
{
	counts->allocations++;
	counts->bytes += n;
	if (counts_seen)
		counts_seen(n);
}

void *malloc(size_t n)
{
	count(n);
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	count(n * size);
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	if (p || n)
		count(n);
	counts->frees += p != NULL;
	return __libc_realloc(p, n);
}

void free(void *p)
{
	counts->frees += p != NULL;
	__libc_free(p);
}

static void *(*real_sodium_malloc)(size_t n);

/* Not at its first call: a role is in its sandbox then. */
static void __attribute__((constructor)) find_sodium(void)
{
	void *p = dlsym(RTLD_NEXT, "sodium_malloc");

	memcpy(&real_sodium_malloc, &p, sizeof(p));
}

void *sodium_malloc(size_t n)
{
	counts->sodium++;
	if (counts_seen)
		counts_seen(n);
	return real_sodium_malloc(n);
}
