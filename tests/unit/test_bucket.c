/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "role/bucket.h"

#define SECOND INT64_C(1000000)

static void test_no_limit(void **state)
{
	struct bucket b = {0};

	for (int i = 0; i < 1000; i++)
		assert_int_equal(bucket_take(&b, 0, 5, 0), 0);
	assert_true(bucket_is_full(&b, 0));
}

/* A burst, then one for each interval, and never more than the burst saved up. */
static void test_rate(void **state)
{
	static const struct {
		uint32_t rate, burst;
		int64_t begins; /* when the clock began is nobody's concern */
	} cases[] = {{1, 1, 0},	   {1, 5, 7},	    {10, 10, 1 << 30}, {200, 1000, 5},
		     {1000, 1, 0}, {1000000, 3, 9}, {3, 0, 1}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t rate = cases[i].rate, burst = cases[i].burst ? cases[i].burst : rate;
		int64_t now = cases[i].begins, each = SECOND / rate;
		struct bucket b = {0};

		for (int round = 0; round < 3; round++) {
			for (uint32_t k = 0; k < burst; k++)
				assert_int_equal(bucket_take(&b, rate, cases[i].burst, now), 0);
			assert_int_equal(bucket_take(&b, rate, cases[i].burst, now),
					 (each + 999) / 1000);
			assert_false(bucket_is_full(&b, now));
			now += each - 1;
			if (each > 1)
				assert_true(bucket_take(&b, rate, cases[i].burst, now) > 0);
			now += 1;
			assert_int_equal(bucket_take(&b, rate, cases[i].burst, now), 0);
			now += 1000 * each * burst; /* long enough for all of it, and no more */
			assert_true(bucket_is_full(&b, now));
		}
	}
}

/* So many in a minute of asking all the time: the burst, and the rate. */
static void test_long_run(void **state)
{
	struct bucket b = {0};
	unsigned taken = 0;

	for (int64_t now = 0; now < 60 * SECOND; now += 997)
		taken += bucket_take(&b, 20, 200, now) == 0;
	assert_in_range(taken, 200 + 60 * 20 - 2, 200 + 60 * 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_long_run),
	};

	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
