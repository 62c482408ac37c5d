/* SPDX-License-Identifier: ISC */
#pragma once

/* What fuzz targets have in common. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A target may have this: is the seed what its file's name says? One that is out of date is refused at its first byte, and nothing behind that is ever tried. Asked by replay_main.c.
 */
bool fuzz_seed(const char *name, struct bytes seed) __attribute__((weak));

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Off the front of *IN: one byte, 0 when there is none left. */
static inline unsigned fuzz_byte(struct bytes *in)
{
	unsigned b = in->n ? in->p[0] : 0;

	*in = bytes_skip(*in, 1);
	return b;
}

/* At most N bytes. */
static inline struct bytes fuzz_take(struct bytes *in, size_t n)
{
	struct bytes part = bytes_of(in->p, n < in->n ? n : in->n);

	*in = bytes_skip(*in, part.n);
	return part;
}

/* What stands before the first END, which goes too; all when there is none. */
static inline struct bytes fuzz_part(struct bytes *in, char end)
{
	struct bytes part = bytes_of(in->p, bytes_find(*in, bytes_of(&end, 1)));

	*in = bytes_skip(*in, part.n + 1);
	return part;
}
