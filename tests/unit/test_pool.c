/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "base/pool.h"

static void test_pieces(void **state)
{
	static const size_t sizes[] = {
		0, 1, 7, 8, 9, 100, POOL_BLOCK / 8, POOL_BLOCK / 8 + 1, POOL_BLOCK, 3 * POOL_BLOCK};
	unsigned char *p[200 * ARRAY_LEN(sizes)];
	size_t n = 0;

	for (int round = 0; round < 200; round++)
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			p[n] = pool_alloc(sizes[i]);
			assert_non_null(p[n]);
			assert_int_equal((uintptr_t)p[n] % sizeof(uint64_t), 0);
			memset(p[n], (int)n, sizes[i]);
			n++;
		}
	/* None lies in another; whatever the order they go in. */
	for (size_t step = 7, i = 0; step > 0; i += step) {
		if (i >= n) {
			i -= n;
			step--;
			continue;
		}
		if (!p[i])
			continue;
		for (size_t k = 0; k < sizes[i % ARRAY_LEN(sizes)]; k++)
			assert_int_equal(p[i][k], (unsigned char)i);
		pool_free(p[i]);
		p[i] = NULL;
	}
	for (size_t i = 0; i < n; i++)
		pool_free(p[i]);
	pool_free(NULL);
}

/* What is used again was wiped. */
static void test_wiped(void **state)
{
	unsigned char *a = pool_alloc(100), *b = pool_alloc(50);

	memset(a, 's', 100);
	memset(b, 's', 50);
	pool_free(a);
	pool_free(b);
	b = pool_alloc(200);
	assert_ptr_equal(a, b);
	for (size_t i = 0; i < 200; i++)
		assert_int_not_equal(b[i], 's');
	pool_free(b);
}

static void test_sizes_that_cannot_be(void **state)
{
	assert_null(pool_alloc(SIZE_MAX));
	assert_null(pool_alloc(SIZE_MAX - sizeof(void *)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_wiped),
		cmocka_unit_test(test_sizes_that_cannot_be),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
