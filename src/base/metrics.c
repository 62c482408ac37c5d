/* SPDX-License-Identifier: ISC */
#include "base/metrics.h"

static const struct {
	int64_t usec;
	const char *seconds;
} bounds[HISTOGRAM_BUCKETS] = {
	{100, "0.0001"},  {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},	{2500, "0.0025"},
	{5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},	{100000, "0.1"},
	{250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},
	{10000000, "10"}, {30000000, "30"},
};

void histogram_add(struct histogram *h, int64_t usec)
{
	size_t i = 0;

	if (usec < 0)
		usec = 0;
	while (i < HISTOGRAM_BUCKETS && usec > bounds[i].usec)
		i++;
	h->counts[i]++;
	h->sum_usec += (uint64_t)usec;
}

uint64_t histogram_count(const struct histogram *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= HISTOGRAM_BUCKETS; i++)
		n += h->counts[i];
	return n;
}

void metrics_family(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_put(struct buf *b, const char *name, const char *labels, uint64_t value)
{
	buf_printf(b, labels[0] ? "%s{%s} %llu\n" : "%s%s %llu\n", name, labels,
		   (unsigned long long)value);
}

void metrics_put_histogram(struct buf *b, const char *name, const char *labels,
			   const struct histogram *h)
{
	const char *comma = labels[0] ? "," : "";
	uint64_t n = 0;

	for (size_t i = 0; i <= HISTOGRAM_BUCKETS; i++) {
		n += h->counts[i];
		buf_printf(b, "%s_bucket{%s%sle=\"%s\"} %llu\n", name, labels, comma,
			   i < HISTOGRAM_BUCKETS ? bounds[i].seconds : "+Inf",
			   (unsigned long long)n);
	}
	buf_printf(b, labels[0] ? "%s_sum{%s} %llu.%06llu\n" : "%s_sum%s %llu.%06llu\n", name,
		   labels, (unsigned long long)(h->sum_usec / 1000000),
		   (unsigned long long)(h->sum_usec % 1000000));
	buf_printf(b, labels[0] ? "%s_count{%s} %llu\n" : "%s_count%s %llu\n", name, labels,
		   (unsigned long long)n);
}
