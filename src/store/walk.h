/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The log as its Merkle tree sees it: each number once, in order. Numbers that were passed over (their lines could not be made durable, though they may stand in a file) are void: the line
 * that opens the next segment says so, "void from seq N". What is neither there nor void is missing.
 */
#include "base/buf.h"

enum walk_kind {
	WALK_LINE,    /* TEXT, without its newline */
	WALK_VOID,    /* numbers SEQ to TO, both included */
	WALK_MISSING, /* the same */
	WALK_EXTRA,   /* TEXT, behind the last line that the segment can have */
	WALK_TORN, /* TEXT, without a newline, at the end of the last segment: it does not count */
};

struct walk_item {
	enum walk_kind kind;
	uint64_t seq, to;
	struct bytes text;
	uint64_t segment; /* the first number of the segment that it is in */
};

/* Return 0 to go on; anything else ends the walk and is what log_walk() returns. */
typedef int walk_fn(void *arg, const struct walk_item *item);

/* From number FROM on, in the directory DIRFD. *END: one more than the last number. 0, what FN returned, or -errno. */
int log_walk(int dirfd, uint64_t from, walk_fn *fn, void *arg, uint64_t *end) must_check;

/* The first numbers of all segments, ascending; free() them. 0 or -errno. */
int log_segments(int dirfd, uint64_t **out, size_t *n) must_check;
