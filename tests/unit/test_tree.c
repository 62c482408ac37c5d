/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "audit/line.h"
#include "audit/tree.h"

#include <sodium.h>

#define LEAVES 70

static struct tree_hash base64(const json_t *v)
{
	struct tree_hash h = {{0}};
	struct bytes text = json_bytes(v);
	size_t n; /* some are shorter: what is behind is zero */

	assert_int_equal(sodium_base642bin(h.b, sizeof(h.b), (const char *)text.p, text.n, NULL, &n,
					   NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	return h;
}

static bool same(const struct tree_hash *a, const struct tree_hash *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct tree_hash leaf_of(struct bytes data)
{
	struct tree_hash h;

	audit_line_leaf(data, h.b);
	return h;
}

static void expect_root(const struct tree *t, const json_t *hex)
{
	struct buf want = test_hex(json_bytes(hex));
	struct tree_hash root;

	tree_root(t, &root);
	assert_int_equal(want.n, sizeof(root));
	assert_memory_equal(want.p, &root, sizeof(root));
	buf_done(&want);
}

static void test_roots(void **state)
{
	json_t *v = test_json("vectors/tlog/rfc6962_roots.json"), *leaf;
	const json_t *roots = json_object_get(v, "roots_by_size");
	struct tree t = {0};
	size_t i;

	expect_root(&t, json_array_get(roots, 0));
	json_array_foreach(json_object_get(v, "leaves"), i, leaf)
	{
		struct buf data = test_hex(json_bytes(leaf));
		struct tree_hash h = leaf_of(buf_bytes(&data));

		tree_add(&t, &h);
		expect_root(&t, json_array_get(roots, i + 1));
		buf_done(&data);
	}
	assert_int_equal(t.size, 8);
	json_decref(v);
}

/* False when there are more than any proof has. */
static bool read_proof(const json_t *list, struct tree_hash *proof, size_t *n)
{
	const json_t *h;
	size_t i;

	*n = 0;
	json_array_foreach(list, i, h)
	{
		if (*n == TREE_HASHES_MAX)
			return false;
		proof[(*n)++] = base64(h);
	}
	return true;
}

/* Those that JSON integers do not hold are close to 2^64. */
static uint64_t number(const json_t *c, const char *key)
{
	double v = json_number_value(json_object_get(c, key));

	return v < 9e18 ? (uint64_t)v : UINT64_MAX;
}

static void test_inclusion_vectors(void **state)
{
	struct buf file = test_file("vectors/tlog/rfc6962_inclusion.json");
	json_t *v = json_loadb((const char *)file.p, file.n, JSON_DECODE_INT_AS_REAL, NULL), *c;
	size_t i, wrong = 0;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct tree_hash proof[TREE_HASHES_MAX], leaf, root;
		bool bad = json_is_true(json_object_get(c, "wantErr"));
		size_t n;

		print_message("# %s\n", json_string_value(json_object_get(c, "id")));
		assert_true(read_proof(json_object_get(c, "proof"), proof, &n));
		/* What has not the length of a hash cannot even be given to it. */
		if (json_get_bytes(c, "root").n != 44 || json_get_bytes(c, "leafHash").n != 44) {
			assert_true(bad);
			continue;
		}
		leaf = base64(json_object_get(c, "leafHash"));
		root = base64(json_object_get(c, "root"));
		assert_int_equal(tree_check_inclusion(&leaf, number(c, "leafIdx"),
						      number(c, "treeSize"), proof, n, &root),
				 bad ? TREE_E_PROOF : 0);
		wrong += bad;
	}
	assert_true(i >= 60 && wrong > 20 && wrong < i);
	json_decref(v);
	buf_done(&file);
}

static void test_consistency_vectors(void **state)
{
	json_t *v = test_json("vectors/tlog/rfc6962_consistency.json"), *c;
	size_t i, wrong = 0;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct tree_hash proof[TREE_HASHES_MAX], old_root, root;
		bool bad = json_is_true(json_object_get(c, "wantErr"));
		size_t n;

		print_message("# %s\n", json_string_value(json_object_get(c, "id")));
		assert_true(read_proof(json_object_get(c, "proof"), proof, &n));
		old_root = base64(json_object_get(c, "root1"));
		root = base64(json_object_get(c, "root2"));
		assert_int_equal(tree_check_consistency(number(c, "size1"), &old_root,
							number(c, "size2"), &root, proof, n),
				 bad ? TREE_E_PROOF : 0);
		wrong += bad;
	}
	assert_true(i >= 60 && wrong > 20 && wrong < i);
	json_decref(v);
}

/* ---- all small trees, against the RFC's recursion ---- */

static struct tree_hash leaves[LEAVES];

static void make_leaves(void)
{
	for (size_t i = 0; i < LEAVES; i++)
		leaves[i] = leaf_of(bytes_of(&i, sizeof(i)));
}

static struct tree_hash mth(uint64_t from, uint64_t to)
{
	unsigned char text[65] = {1};
	struct tree_hash a, b, out;
	uint64_t k = 1;

	if (to - from == 1)
		return leaves[from];
	while (k * 2 < to - from)
		k *= 2;
	a = mth(from, from + k);
	b = mth(from + k, to);
	memcpy(text + 1, &a, 32);
	memcpy(text + 33, &b, 32);
	crypto_hash_sha256(out.b, text, sizeof(text));
	return out;
}

static size_t prove(const struct tree_ranges *r, struct tree_hash *proof)
{
	for (size_t i = 0; i < r->n; i++)
		proof[i] = mth(r->r[i].from, r->r[i].to);
	return r->n;
}

static void test_all(void **state)
{
	struct tree_hash proof[TREE_RANGES_MAX], root, got;
	struct tree_ranges r;
	struct tree t = {0};
	size_t n;

	make_leaves();
	for (uint64_t size = 1; size <= LEAVES; size++) {
		tree_add(&t, &leaves[size - 1]);
		tree_root(&t, &got);
		root = mth(0, size);
		assert_true(same(&got, &root));
		for (uint64_t i = 0; i < size; i++) {
			tree_inclusion(i, size, &r);
			n = prove(&r, proof);
			assert_int_equal(tree_check_inclusion(&leaves[i], i, size, proof, n, &root),
					 0);
			/* not another leaf, not at another place, not with a hash changed, left out or added */
			assert_int_not_equal(tree_check_inclusion(&leaves[(i + 1) % LEAVES], i,
								  size, proof, n, &root),
					     0);
			assert_int_not_equal(
				tree_check_inclusion(&leaves[i], i + 1, size, proof, n, &root), 0);
			proof[n] = root;
			assert_int_not_equal(
				tree_check_inclusion(&leaves[i], i, size, proof, n + 1, &root), 0);
			if (n == 0)
				continue;
			assert_int_not_equal(
				tree_check_inclusion(&leaves[i], i, size, proof, n - 1, &root), 0);
			proof[i % n].b[size % 32] ^= 1;
			assert_int_not_equal(
				tree_check_inclusion(&leaves[i], i, size, proof, n, &root), 0);
		}
		for (uint64_t old = 1; old <= size; old++) {
			struct tree_hash old_root = mth(0, old);

			tree_consistency(old, size, &r);
			n = prove(&r, proof);
			assert_int_equal(
				tree_check_consistency(old, &old_root, size, &root, proof, n), 0);
			if (old < size)
				assert_int_not_equal(tree_check_consistency(old + 1, &old_root,
									    size, &root, proof, n),
						     0);
			if (n == 0)
				continue;
			assert_int_not_equal(
				tree_check_consistency(old, &old_root, size, &root, proof, n - 1),
				0);
			proof[old % n].b[size % 32] ^= 1;
			assert_int_not_equal(
				tree_check_consistency(old, &old_root, size, &root, proof, n), 0);
		}
	}
	assert_int_equal(tree_check_consistency(0, &root, LEAVES, &root, proof, 0), TREE_E_PROOF);
	assert_int_equal(tree_check_consistency(LEAVES + 1, &root, LEAVES, &root, proof, 0),
			 TREE_E_PROOF);
}

/* No proof at all is none, and is not looked into. */
static void test_no_proof(void **state)
{
	struct tree_hash leaf = leaf_of(BYTES("x"));

	for (uint64_t size = 2; size < 20; size++) {
		for (uint64_t i = 0; i < size; i++)
			assert_int_equal(tree_check_inclusion(&leaf, i, size, NULL, 0, &leaf),
					 TREE_E_PROOF);
		for (uint64_t old = 1; old < size; old++)
			assert_int_equal(tree_check_consistency(old, &leaf, size, &leaf, NULL, 0),
					 TREE_E_PROOF);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_inclusion_vectors),
		cmocka_unit_test(test_consistency_vectors),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_no_proof),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
