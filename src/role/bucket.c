/* SPDX-License-Identifier: ISC */
#include "role/bucket.h"

#define SECOND 1000000

uint64_t bucket_take(struct bucket *b, uint32_t rate, uint32_t burst, int64_t now)
{
	int64_t each, room, due;

	if (rate == 0)
		return 0;
	if (burst == 0)
		burst = rate;
	/* Of a microsecond's parts nothing is kept: at most a million a second. */
	each = SECOND / rate;
	room = (int64_t)burst * each;
	due = (b->due > now ? b->due : now) + each;
	if (due - now > room)
		return (uint64_t)(due - now - room + 999) / 1000;
	b->due = due;
	return 0;
}
