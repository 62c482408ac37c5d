/* SPDX-License-Identifier: ISC */
#include "audit/tree.h"

#include "audit/hash.h"

#include <sodium.h>

static void node(const struct tree_hash *left, const struct tree_hash *right, struct tree_hash *out)
{
	audit_hash(1, bytes_of(left->b, sizeof(left->b)), bytes_of(right->b, sizeof(right->b)),
		   out->b);
}

static bool same(const struct tree_hash *a, const struct tree_hash *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void tree_add(struct tree *t, const struct tree_hash *leaf)
{
	struct tree_hash h = *leaf;
	unsigned i = 0;

	/* As adding one to a binary number: where there is one already, both become the next. */
	for (; t->size >> i & 1; i++)
		node(&t->full[i], &h, &h);
	t->full[i] = h;
	t->size++;
}

void tree_root(const struct tree *t, struct tree_hash *root)
{
	bool any = false;

	for (unsigned i = 0; i < TREE_HASHES_MAX; i++) {
		if (!(t->size >> i & 1))
			continue;
		if (any)
			node(&t->full[i], root, root);
		else
			*root = t->full[i];
		any = true;
	}
	if (!any)
		crypto_hash_sha256(root->b, NULL, 0);
}

/* ---- which ranges a proof is of ---- */

/* The largest power of two below N; N > 1. */
static uint64_t split(uint64_t n)
{
	uint64_t k = 1;

	while (k < n - k)
		k *= 2;
	return k;
}

static void push(struct tree_ranges *out, uint64_t from, uint64_t to)
{
	out->r[out->n].from = from;
	out->r[out->n++].to = to;
}

/* The recursion of the RFC goes from the root down, and the proof from the leaf up. */
static void reverse(struct tree_ranges *r)
{
	for (size_t i = 0; i < r->n / 2; i++) {
		size_t k = r->n - 1 - i;
		uint64_t from = r->r[i].from, to = r->r[i].to;

		r->r[i] = r->r[k];
		r->r[k].from = from;
		r->r[k].to = to;
	}
}

void tree_inclusion(uint64_t index, uint64_t size, struct tree_ranges *out)
{
	uint64_t from = 0, to = size;

	out->n = 0;
	while (to - from > 1) {
		uint64_t middle = from + split(to - from);

		if (index < middle) {
			push(out, middle, to);
			to = middle;
		} else {
			push(out, from, middle);
			from = middle;
		}
	}
	reverse(out);
}

void tree_consistency(uint64_t old, uint64_t size, struct tree_ranges *out)
{
	uint64_t from = 0, to = size;
	bool whole = true; /* the old tree is a subtree whose root the verifier knows */

	out->n = 0;
	while (old != to) {
		uint64_t middle = from + split(to - from);

		if (old <= middle) {
			push(out, middle, to);
			to = middle;
		} else {
			push(out, from, middle);
			from = middle;
			whole = false;
		}
	}
	if (!whole)
		push(out, from, to);
	reverse(out);
}

/* ---- checking ---- */

int tree_check_inclusion(const struct tree_hash *leaf, uint64_t index, uint64_t size,
			 const struct tree_hash *proof, size_t n, const struct tree_hash *root)
{
	uint64_t fn = index, sn = size - 1;
	struct tree_hash r = *leaf;

	if (index >= size)
		return TREE_E_PROOF;
	for (size_t i = 0; i < n; i++) {
		if (sn == 0)
			return TREE_E_PROOF;
		if (fn & 1 || fn == sn) {
			node(&proof[i], &r, &r);
			while (!(fn & 1) && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			node(&r, &proof[i], &r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && same(&r, root) ? 0 : TREE_E_PROOF;
}

/* OLD < SIZE, and neither is 0. */
static int check_growth(uint64_t old, const struct tree_hash *old_root, uint64_t size,
			const struct tree_hash *root, const struct tree_hash *proof, size_t n)
{
	uint64_t fn = old - 1, sn = size - 1;
	struct tree_hash fr, sr;
	size_t i = 0;

	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	/* Where the old tree is a full subtree its root is left out of the proof. */
	if (fn == 0)
		fr = *old_root;
	else if (n > 0)
		fr = proof[i++];
	else
		return TREE_E_PROOF;
	sr = fr;
	for (; i < n; i++) {
		if (sn == 0)
			return TREE_E_PROOF;
		if (fn & 1 || fn == sn) {
			node(&proof[i], &fr, &fr);
			node(&proof[i], &sr, &sr);
			while (!(fn & 1) && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			node(&sr, &proof[i], &sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && same(&fr, old_root) && same(&sr, root) ? 0 : TREE_E_PROOF;
}

int tree_check_consistency(uint64_t old, const struct tree_hash *old_root, uint64_t size,
			   const struct tree_hash *root, const struct tree_hash *proof, size_t n)
{
	if (old == size)
		return n == 0 && same(old_root, root) ? 0 : TREE_E_PROOF;
	/* Every tree begins with the empty one, whatever its root is said to be: that would show nothing. */
	if (old > size || old == 0)
		return TREE_E_PROOF;
	return check_growth(old, old_root, size, root, proof, n);
}
