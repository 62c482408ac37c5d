/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * What a process asks of malloc(), calloc(), realloc() and free(), and of sodium_malloc(). A program that has count.c among its sources has these functions in place of the C library's and
 * libsodium's, which then do the work, and all its libraries use them too. memalign() and its kin are not counted: nothing of ours calls them.
 */
#include <stddef.h>
#include <stdint.h>

struct counts {
	uint64_t allocations; /* malloc(), calloc(), and realloc() but for realloc(NULL, 0) */
	uint64_t bytes;	      /* that they were asked for */
	uint64_t frees;	      /* but for free(NULL); realloc(), of what there was before */
	uint64_t
		sodium; /* sodium_malloc() and sodium_allocarray(): pages of their own, with mmap() and mprotect() */
};

/* Where it is counted. At first a variable of count.c's own; whoever wants it elsewhere points it there. */
extern struct counts *counts;

/* NULL, or called for each allocation, before it is made. It may not allocate. */
extern void (*counts_seen)(size_t bytes);
