/* SPDX-License-Identifier: ISC */
#include "base/pool.h"

#include "base/memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#define PIECE_MAX (POOL_BLOCK / 8) /* larger ones are malloc()'s */

struct block {
	size_t live, used; /* pieces; bytes */
	alignas(uint64_t) unsigned char space[POOL_BLOCK];
};

/* What stands before each piece. */
struct piece {
	struct block *block; /* NULL: it is malloc()'s */
	alignas(uint64_t) unsigned char p[];
};

static struct block *current;

static void *take(struct block *b, size_t size)
{
	struct piece *piece = (struct piece *)(b->space + b->used);

	b->used += size;
	b->live++;
	piece->block = b;
	return piece->p;
}

void *pool_alloc(size_t n)
{
	size_t size = (sizeof(struct piece) + n + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);

	if (n > PIECE_MAX) {
		struct piece *piece =
			n < SIZE_MAX - sizeof(*piece) ? memory_alloc(sizeof(*piece) + n) : NULL;

		if (!piece)
			return NULL;
		piece->block = NULL;
		return piece->p;
	}
	if (!current || POOL_BLOCK - current->used < size) {
		struct block *b = memory_alloc(sizeof(*b));

		if (!b)
			return NULL;
		b->live = b->used = 0;
		current = b; /* the one before goes with its last piece */
	}
	return take(current, size);
}

void pool_free(void *p)
{
	struct piece *piece =
		p ? (struct piece *)((unsigned char *)p - offsetof(struct piece, p)) : NULL;
	struct block *b = p ? piece->block : NULL;

	if (!b) {
		wiping_free(piece);
		return;
	}
	if (--b->live)
		return;
	if (b != current) {
		wiping_free(b);
		return;
	}
	explicit_bzero(b->space, b->used);
	b->used = 0;
}
