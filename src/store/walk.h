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
	WALK_TORN, /* BYTES bytes without a newline at the end of the last segment: being written, or cut by a crash */
	WALK_TAIL, /* the same in another segment, where nothing explains them */
};

struct walk_item {
	enum walk_kind kind;
	uint64_t seq, to;
	struct bytes text;
	uint64_t bytes;	  /* of what is torn, or a tail */
	uint64_t segment; /* the first number of the segment that it is in */
};

/* Return 0 to go on; anything else ends the walk and is what log_walk() returns. */
typedef int walk_fn(void *arg, const struct walk_item *item);

/*
 * So many numbers may be passed over between two segments: what can be staged at once (32 MiB, and no line has less than 300 bytes), and some. Who finds more must not believe them: it
 * would take for ever, and no crash leaves it.
 */
#define WALK_VOID_MAX 131072

/*
 * From number FROM on, in the directory DIRFD, as it was when the call began: what is written meanwhile is not seen. *END: one more than the last number. 0, what FN returned, or -errno.
 */
int log_walk(int dirfd, uint64_t from, walk_fn *fn, void *arg, uint64_t *end) must_check;

/* From where on what stands before segment FIRST is void, as its first line says; FIRST when it does not. 0 or -errno. */
int log_void_before(int dirfd, uint64_t first, uint64_t *from) must_check;
/* When LINE was written, microseconds, and its event, as they stand behind its number. False when they do not. */
bool log_line_head(struct bytes line, int64_t *time, struct bytes *event) must_check;

/* The file NAME beside the segments, for reading. Its descriptor; -errno; or -EMEDIUMTYPE: it is no regular file, and might keep the reader waiting. */
int log_open_file(int dirfd, const char *name) must_check;

/* Of all segments together; what is written meanwhile may count or not. */
int log_bytes(int dirfd, uint64_t *out) must_check;

/* The first numbers of all segments, ascending; free() them. 0 or -errno. */
int log_segments(int dirfd, uint64_t **out, size_t *n) must_check;
