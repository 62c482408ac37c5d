/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Numbers for Prometheus, in its text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Each role counts for itself and prints what it counted; the front puts it together.
 * Failures are the buffer's (buf_status).
 */
#include "base/buf.h"

/* Upper bounds of the buckets: from a fast disk's sync to the longest call. */
#define HISTOGRAM_BUCKETS 17

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS +
			1]; /* of each bucket alone; the last is for what is above all */
	uint64_t sum_usec;
};

/* Less than 0 counts as 0. */
void histogram_add(struct histogram *h, int64_t usec);
uint64_t histogram_count(const struct histogram *h);

/* What a family of series is. TYPE: "counter", "gauge", "histogram". The texts are ours. */
void metrics_family(struct buf *b, const char *name, const char *type, const char *help);
/* A series of it. LABELS as `a="x",b="y"`, or "": of our own words and of names that hold no quote and no backslash. */
void metrics_put(struct buf *b, const char *name, const char *labels, uint64_t value);
void metrics_put_histogram(struct buf *b, const char *name, const char *labels,
			   const struct histogram *h);
