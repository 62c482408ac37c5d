/* SPDX-License-Identifier: ISC */
/*
 * Proofs over small trees, held against RFC 6962's definitions written down naively. The right proof is taken, the same with anything changed in it is
 * not, nor is one made of the input's bytes. Input: size, index or old size, what to change, where; then bytes for hashes.
 */
#include "audit/tree.h"
#include "fuzz.h"

#include <sodium.h>

#define LEAVES 96

static struct tree_hash leaves[LEAVES];

static void make_leaves(void)
{
	for (unsigned char i = 0; i < LEAVES; i++)
		crypto_hash_sha256(leaves[i].b, &i, 1);
}

/* MTH(D[from:to]) of section 2.1. */
static struct tree_hash naive_root(size_t from, size_t to)
{
	unsigned char both[1 + 2 * TREE_HASH_BYTES] = {1};
	struct tree_hash left, right, h;
	size_t k = 1;

	if (to - from == 0) {
		crypto_hash_sha256(h.b, NULL, 0);
		return h;
	}
	if (to - from == 1)
		return leaves[from];
	while (k * 2 < to - from)
		k *= 2;
	left = naive_root(from, from + k);
	right = naive_root(from + k, to);
	memcpy(both + 1, left.b, sizeof(left.b));
	memcpy(both + 1 + sizeof(left.b), right.b, sizeof(right.b));
	crypto_hash_sha256(h.b, both, sizeof(both));
	return h;
}

static void check_frontier(size_t size)
{
	struct tree_hash root, want = naive_root(0, size);
	struct tree t = {0};

	for (size_t i = 0; i < size; i++)
		tree_add(&t, &leaves[i]);
	tree_root(&t, &root);
	CHECK(t.size == size && memcmp(&root, &want, sizeof(root)) == 0);
}

struct proof {
	struct tree_hash hashes[TREE_RANGES_MAX];
	size_t n;
};

static void fill(struct proof *p, const struct tree_ranges *r)
{
	CHECK(r->n < TREE_HASHES_MAX);
	p->n = r->n;
	for (size_t i = 0; i < r->n; i++)
		p->hashes[i] = naive_root((size_t)r->r[i].from, (size_t)r->r[i].to);
}

/* One bit of one of the hashes, or one hash more or less: false when there is nothing like that to change. */
static bool spoil(struct proof *p, unsigned how, unsigned at)
{
	switch (how % 4) {
	case 0:
		if (p->n == 0)
			return false;
		p->hashes[at % p->n].b[at / p->n % TREE_HASH_BYTES] ^= (unsigned char)(1 << at % 8);
		return true;
	case 1:
		if (p->n == 0)
			return false;
		p->n--;
		return true;
	case 2:
		p->hashes[p->n] = leaves[at % LEAVES];
		p->n++;
		return true;
	default:
		if (p->n < 2 || memcmp(&p->hashes[0], &p->hashes[1], sizeof(p->hashes[0])) == 0)
			return false;
		p->hashes[TREE_RANGES_MAX - 1] = p->hashes[0];
		p->hashes[0] = p->hashes[1];
		p->hashes[1] = p->hashes[TREE_RANGES_MAX - 1];
		return true;
	}
}

static void check_inclusion(size_t index, size_t size, unsigned how, unsigned at)
{
	struct tree_hash root = naive_root(0, size);
	struct tree_ranges ranges;
	struct proof p;

	tree_inclusion(index, size, &ranges);
	fill(&p, &ranges);
	CHECK(tree_check_inclusion(&leaves[index], index, size, p.hashes, p.n, &root) == 0);
	/* Another leaf there, the leaf elsewhere. */
	CHECK(tree_check_inclusion(&leaves[(index + 1) % LEAVES], index, size, p.hashes, p.n,
				   &root) == TREE_E_PROOF);
	if (at % (size + 2) != index)
		CHECK(tree_check_inclusion(&leaves[index], at % (size + 2), size, p.hashes, p.n,
					   &root) == TREE_E_PROOF);
	if (spoil(&p, how, at))
		CHECK(tree_check_inclusion(&leaves[index], index, size, p.hashes, p.n, &root) ==
		      TREE_E_PROOF);
}

static void check_consistency(size_t old, size_t size, unsigned how, unsigned at)
{
	struct tree_hash root = naive_root(0, size), old_root = naive_root(0, old), wrong;
	struct tree_ranges ranges;
	struct proof p;

	tree_consistency(old, size, &ranges);
	fill(&p, &ranges);
	CHECK(tree_check_consistency(old, &old_root, size, &root, p.hashes, p.n) == 0);
	wrong = old_root;
	wrong.b[at % TREE_HASH_BYTES] ^= 0x10;
	CHECK(tree_check_consistency(old, &wrong, size, &root, p.hashes, p.n) == TREE_E_PROOF);
	wrong = root;
	wrong.b[at % TREE_HASH_BYTES] ^= 0x10;
	CHECK(tree_check_consistency(old, &old_root, size, &wrong, p.hashes, p.n) == TREE_E_PROOF);
	if (spoil(&p, how, at))
		CHECK(tree_check_consistency(old, &old_root, size, &root, p.hashes, p.n) ==
		      TREE_E_PROOF);
}

/* Hashes that anybody may send, sizes too: they show nothing. */
static void check_foreign(struct bytes in)
{
	struct tree_hash root = naive_root(0, LEAVES), old_root = naive_root(0, 7);
	uint64_t index = 0, size = 0;
	struct proof p = {.n = 0};

	for (unsigned i = 0; i < 8; i++) {
		index = index << 8 | fuzz_byte(&in);
		size = size << 8 | fuzz_byte(&in);
	}
	while (in.n >= TREE_HASH_BYTES && p.n < TREE_RANGES_MAX)
		memcpy(&p.hashes[p.n++], fuzz_take(&in, TREE_HASH_BYTES).p, TREE_HASH_BYTES);
	if (size > 1)
		CHECK(tree_check_inclusion(&leaves[0], index, size, p.hashes, p.n, &root) != 0);
	if (size != 0 && index != size)
		CHECK(tree_check_consistency(index, &old_root, size, &root, p.hashes, p.n) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	size_t n = 1 + fuzz_byte(&in) % (LEAVES - 1), index = fuzz_byte(&in) % n;
	unsigned how = fuzz_byte(&in), at = fuzz_byte(&in) << 8 | fuzz_byte(&in);

	if (!size)
		return 0;
	make_leaves();
	check_frontier(n);
	check_inclusion(index, n, how, at);
	check_consistency(index + 1, n, how, at);
	check_foreign(in);
	return 0;
}
