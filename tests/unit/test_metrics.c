/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "base/metrics.h"

#include <stdlib.h>

static void assert_text(struct buf *b, const char *want)
{
	if (!bytes_is(buf_bytes(b), want))
		fail_msg("%.*s", (int)b->n, (const char *)b->p);
	buf_done(b);
}

/* A value on a bound is in its bucket ("le"); none is lost at either end. */
static void test_buckets(void **state)
{
	static const struct {
		int64_t usec;
		size_t bucket;
	} cases[] = {
		{-1, 0},
		{0, 0},
		{100, 0},
		{101, 1},
		{250, 1},
		{1000, 3},
		{1001, 4},
		{30000000, HISTOGRAM_BUCKETS - 1},
		{30000001, HISTOGRAM_BUCKETS},
		{INT64_MAX, HISTOGRAM_BUCKETS},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct histogram h = {0};

		histogram_add(&h, cases[i].usec);
		for (size_t k = 0; k <= HISTOGRAM_BUCKETS; k++)
			assert_true(h.counts[k] == (k == cases[i].bucket));
		assert_true(histogram_count(&h) == 1);
		assert_true(h.sum_usec == (cases[i].usec < 0 ? 0 : (uint64_t)cases[i].usec));
	}
}

static void test_text(void **state)
{
	struct buf b = BUF_INIT(10000);

	metrics_family(&b, "a_total", "counter", "How many.");
	metrics_put(&b, "a_total", "", UINT64_MAX);
	metrics_put(&b, "a_total", "x=\"1\",y=\"2\"", 7);
	assert_text(&b, "# HELP a_total How many.\n# TYPE a_total counter\n"
			"a_total 18446744073709551615\na_total{x=\"1\",y=\"2\"} 7\n");
}

static void test_histogram_text(void **state)
{
	struct buf b = BUF_INIT(10000);
	struct histogram h = {0};

	histogram_add(&h, 90);
	histogram_add(&h, 1500000);
	histogram_add(&h, 60000000);
	metrics_put_histogram(&b, "h", "", &h);
	assert_text(&b, "h_bucket{le=\"0.0001\"} 1\nh_bucket{le=\"0.00025\"} 1\n"
			"h_bucket{le=\"0.0005\"} 1\nh_bucket{le=\"0.001\"} 1\n"
			"h_bucket{le=\"0.0025\"} 1\nh_bucket{le=\"0.005\"} 1\n"
			"h_bucket{le=\"0.01\"} 1\nh_bucket{le=\"0.025\"} 1\n"
			"h_bucket{le=\"0.05\"} 1\nh_bucket{le=\"0.1\"} 1\n"
			"h_bucket{le=\"0.25\"} 1\nh_bucket{le=\"0.5\"} 1\n"
			"h_bucket{le=\"1\"} 1\nh_bucket{le=\"2.5\"} 2\n"
			"h_bucket{le=\"5\"} 2\nh_bucket{le=\"10\"} 2\n"
			"h_bucket{le=\"30\"} 2\nh_bucket{le=\"+Inf\"} 3\n"
			"h_sum 61.500090\nh_count 3\n");
	metrics_put_histogram(&b, "h", "x=\"1\"", &h);
	assert_true(bytes_starts(buf_bytes(&b), BYTES("h_bucket{x=\"1\",le=\"0.0001\"} 1\n")));
	assert_true(bytes_find(buf_bytes(&b),
			       BYTES("h_sum{x=\"1\"} 61.500090\nh_count{x=\"1\"} 3\n")) < b.n);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_histogram_text),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
