/* SPDX-License-Identifier: ISC */
#pragma once

/* A hash table from 64-bit ids to structs that embed a node. Ids are ours (counters, keyed hashes), never a caller's. */
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap_node {
	uint64_t id;
	struct idmap_node *next;
};

struct idmap {
	struct idmap_node **slots;
	size_t size; /* a power of two, or 0 */
	size_t n;
};

/* The struct that holds NODE, which is not NULL. */
#define idmap_holder(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))
/* The same for what idmap_find() gives: NULL for NULL. */
#define idmap_entry(node, type, member) ((type *)idmap_entry_at((node), offsetof(type, member)))

static inline void *idmap_entry_at(struct idmap_node *node, size_t at)
{
	return node ? (char *)node - at : NULL;
}

/* NODE->id must be set and not be there yet. 0 or -ENOMEM. */
int idmap_put(struct idmap *m, struct idmap_node *node) must_check;
struct idmap_node *idmap_find(const struct idmap *m, uint64_t id);
void idmap_remove(struct idmap *m, struct idmap_node *node);
/*
 * The ids that are there now, in *OUT, which is the caller's to free: for work that may remove any node. 0 or -ENOMEM.
 */
int idmap_ids(const struct idmap *m, uint64_t **out, size_t *n) must_check;
/* Call FN for each; FN may remove and free its own node, and no other. */
void idmap_each(struct idmap *m, void (*fn)(struct idmap_node *node, void *arg), void *arg);
/* Frees the table, not the nodes. */
void idmap_done(struct idmap *m);
