/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The Merkle tree over the log's lines (RFC 6962 section 2.1): SHA-256, leaves as audit_line_leaf() makes them, nodes SHA-256(0x01 ‖ left ‖ right), the root of nothing SHA-256(""). Only the
 * frontier is kept: the roots of the full subtrees that the leaves so far make, one for each bit of their number.
 */
#include "base/buf.h"

#define TREE_HASH_BYTES 32
#define TREE_HASHES_MAX 64 /* in a frontier, and in any proof */
#define TREE_RANGES_MAX (2 * TREE_HASHES_MAX)

struct tree_hash {
	unsigned char b[TREE_HASH_BYTES];
};

struct tree {
	uint64_t size;				/* leaves */
	struct tree_hash full[TREE_HASHES_MAX]; /* [i]: of 2^i leaves; where bit i of SIZE is set */
};

void tree_add(struct tree *t, const struct tree_hash *leaf);
void tree_root(const struct tree *t, struct tree_hash *root);

/* ---- proofs ---- */

/* A proof is the roots of these ranges of leaves, in this order. */
struct tree_ranges {
	size_t n;
	struct {
		uint64_t from, to;
	} r[TREE_RANGES_MAX];
};
/* PATH(INDEX, D[SIZE]) of section 2.1.1. INDEX < SIZE. */
void tree_inclusion(uint64_t index, uint64_t size, struct tree_ranges *out);
/* PROOF(OLD, D[SIZE]) of section 2.1.2. 0 < OLD <= SIZE. */
void tree_consistency(uint64_t old, uint64_t size, struct tree_ranges *out);

enum { TREE_E_PROOF = 1 /* the proof does not show it */ };
/* Is LEAF at INDEX of the tree of SIZE leaves with ROOT? RFC 9162 section 2.1.3.2. 0 or TREE_E_PROOF. */
int tree_check_inclusion(const struct tree_hash *leaf, uint64_t index, uint64_t size,
			 const struct tree_hash *proof, size_t n,
			 const struct tree_hash *root) must_check;
/* Does the tree of SIZE leaves with ROOT begin with that of OLD leaves with OLD_ROOT? Section 2.1.4.2. 0 or TREE_E_PROOF. */
int tree_check_consistency(uint64_t old, const struct tree_hash *old_root, uint64_t size,
			   const struct tree_hash *root, const struct tree_hash *proof,
			   size_t n) must_check;
