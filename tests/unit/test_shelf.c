/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "base/shelf.h"

#include <stdlib.h>

#define SIZE 3000

struct thing {
	unsigned char bytes[SIZE];
};

static void assert_zeros(const struct thing *t)
{
	static const struct thing zeros;

	assert_memory_equal(t, &zeros, sizeof(zeros));
}

static void test_last_is_next(void **state)
{
	struct shelf s = SHELF_OF(struct thing);
	struct thing *a = shelf_take(&s), *b = shelf_take(&s);

	assert_zeros(a);
	assert_true(a != b);
	shelf_give(&s, a);
	shelf_give(&s, b);
	assert_int_equal(s.n, 2);
	assert_ptr_equal(shelf_take(&s), b);
	assert_ptr_equal(shelf_take(&s), a);
	assert_int_equal(s.n, 0);
	assert_null(s.first);
	free(a);
	free(b);
}

static void test_wiped(void **state)
{
	struct shelf s = SHELF_OF(struct thing);
	struct thing *a = shelf_take(&s), *b = shelf_take(&s);

	memset(a, 'a', sizeof(*a));
	memset(b, 'b', sizeof(*b));
	shelf_give(&s, a);
	shelf_give(&s, b);
	assert_zeros(shelf_take(&s));
	assert_zeros(shelf_take(&s));
	free(a);
	free(b);
}

/* Of a flood not all is kept. */
static void test_keeps_few(void **state)
{
	struct shelf s = SHELF_OF(struct thing);
	struct thing *all[SHELF_MAX + 10];

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		all[i] = shelf_take(&s);
		assert_non_null(all[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		shelf_give(&s, all[i]);
	assert_int_equal(s.n, SHELF_MAX);
	while (s.n)
		free(shelf_take(&s));
	assert_null(s.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_is_next),
		cmocka_unit_test(test_wiped),
		cmocka_unit_test(test_keeps_few),
	};

	return cmocka_run_group_tests_name("shelf", tests, NULL, NULL);
}
