/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Token buckets, as the generic cell rate algorithm has them (ITU-T I.371, annex A): one number each, and no tokens to fill in. Pure: time comes in, as microseconds of a clock
 * that does not jump.
 */
#include <stdbool.h>
#include <stdint.h>

struct bucket {
	int64_t due; /* when it would be full again; 0 in a new one */
};

/*
 * Take one of BURST, which come back at RATE a second. RATE 0: there is no limit; BURST 0 is as many as come back in a second. 0: it was taken; else milliseconds until there is
 * one, and nothing was taken.
 */
uint64_t bucket_take(struct bucket *b, uint32_t rate, uint32_t burst, int64_t now);
/* It is as a new one is. */
static inline bool bucket_is_full(const struct bucket *b, int64_t now)
{
	return b->due <= now;
}
