/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the store. store.c: staging, committing, health, recovery. segment.c: one segment's file. checkpoints.c: the tree, and what is signed of it. walk.c: the lines in order.
 * scan.c: what an earlier process left. unresolved.c: intents that have no outcome yet.
 */
#include "base/idmap.h"
#include "store/store.h"

#include <sys/types.h>

#define SEGMENT_NAME_MAX 64
#define RESERVE_STEP	 (1024 * 1024) /* bytes of the disk taken ahead where there is room */
#define REASON_MAX	 256
#define LINE_DEPTH	 4  /* of a line's JSON: an array in an object, and some */
#define OUTCOME_MORE	 64 /* bytes that an "unknown" outcome may be longer than its intent */

/* An intent without outcome: its line, for the "unknown" that may have to be written. */
struct unresolved {
	struct idmap_node node; /* by a keyed hash of verb and request id */
	uint64_t seq;
	struct buf line;
	bool resolving; /* its outcome is staged */
};

/* The file that is written to. */
struct segment {
	int fd; /* -1: none */
	char name[SEGMENT_NAME_MAX];
	uint64_t first;	   /* seq of its first line */
	uint64_t size;	   /* of the file as we left it */
	uint64_t reserved; /* the disk's room is ours up to here */
	int64_t opened;	   /* microseconds since 1970: its first line's time */
};

/* The times of some lines, from the first to the last. */
struct span {
	bool any;
	int64_t from, to; /* microseconds since 1970 */
};

static inline void span_add(struct span *s, int64_t time)
{
	if (!s->any || time < s->from)
		s->from = time;
	if (!s->any || time > s->to)
		s->to = time;
	s->any = true;
}

static inline void span_join(struct span *s, const struct span *more)
{
	if (!more->any)
		return;
	span_add(s, more->from);
	span_add(s, more->to);
}

static inline bool span_over(const struct span *s, int64_t seconds)
{
	return s->any && s->to - s->from > seconds * 1000000;
}

/* What a staged line does to the intents when it becomes durable. */
struct effect {
	struct unresolved *intent;
	bool resolves; /* else: it is the intent itself */
};

struct store {
	int dirfd;
	struct store_config config;
	struct segment seg;
	uint64_t next_seq;
	uint64_t durable; /* every number below it has a line that is durable, or is void */
	struct buf staged;
	uint64_t staged_first; /* seq of the first staged line */
	struct effect *effects;
	size_t n_effects, effects_room;
	struct idmap unresolved;
	unsigned char hash_key[16];
	bool lost;		  /* the segment is given up; store_recover() opens another */
	const char *problem;	  /* "" when healthy */
	char missing[REASON_MAX]; /* for the next segment's first line */
	struct tree tree;	  /* of what is durable; kept while somebody signs */
	struct buf leaves;	  /* of the staged lines */
	uint64_t signed_size;	  /* of the last checkpoint */
	struct span uncovered;	  /* durable lines since that */
	struct span staged_times;
	bool overdue; /* one is needed before any other line, and cannot be written */
	/* What the start found without a checkpoint, from more time than it can be. */
	struct {
		bool found, told; /* told: there is a line about it */
		uint64_t from, to;
	} gap;
	int checkpoints_fd, leaves_fd; /* -1: none */
	bool no_fallocate;	       /* the log then fails when the disk is full, not before */
};

/* The system calls, and the seam where tests make them fail. */
extern int (*store_sync)(int fd);
extern ssize_t (*store_write)(int fd, const void *p, size_t n, off_t at);

/* ---- segment.c ---- */

void segment_name(char name[SEGMENT_NAME_MAX], uint64_t first);
/* The seq in a segment's name. False when it is no segment's. */
bool segment_parse_name(const char *name, uint64_t *first);
/*
 * Create it with the line that opens it, durable with its name, and ROOM bytes reserved behind that
 * (0: none, nor for the line). 0, -EEXIST, -EOPNOTSUPP (no room can be reserved) or -errno; nothing
 * is left behind then, for no line is written before there is room.
 */
int segment_create(struct segment *seg, int dirfd, uint64_t first, struct bytes line, uint64_t room,
		   int64_t now) must_check;
/* Is it still the file that its name leads to, as we left it? "" or a static sentence. */
const char *segment_intact(const struct segment *seg, int dirfd);
/* Take room up to END, in larger steps where there is some. 0, -ENOSPC, -EOPNOTSUPP or -errno. */
int segment_reserve(struct segment *seg, uint64_t end) must_check;
/*
 * Write at the end; not synced. 0; -errno, and the file is cut back to where it was; or
 * SEGMENT_E_TORN when even that failed.
 */
enum { SEGMENT_E_TORN = 1 };
int segment_append(struct segment *seg, struct bytes data) must_check;
/*
 * Write LINE, durably, over the torn bytes that stand behind SEG->size; room must be reserved. They
 * are not cut off first: what a crash leaves of this is torn again, and so never goes unnoticed.
 */
int segment_repair(struct segment *seg, struct bytes line) must_check;
/* Give back what was reserved, unless somebody else changed the file, and close. */
void segment_close(struct segment *seg);

/* ---- scan.c ---- */

/*
 * Read what is there: S->next_seq, S->unresolved, and S->seg of the last segment, opened for
 * writing. S->seg.fd stays -1 where a new segment must be made. *TORN: how many bytes behind the
 * last good line are none. 0 or -errno (-EBADMSG: damaged elsewhere than at the end).
 */
int scan_directory(struct store *s, uint64_t *torn) must_check;

/* ---- checkpoints.c ---- */

/* Open the file, and have S->tree from its last checkpoint on; what came since is read from the segments. S->next_seq is known. 0 or -errno. */
int checkpoints_open(struct store *s) must_check;
/* Lines became durable: LEAVES are their hashes, one behind the other. */
void checkpoints_leaves(struct store *s, struct bytes leaves);
/* A line that was written at NOW is about to be: sign first, if without that those that no checkpoint covers would be from too long a time. 0 or -errno. */
int checkpoints_before(struct store *s, int64_t now) must_check;
/* Numbers up to, not including, SEQ that are not in the tree are void. */
void checkpoints_void(struct store *s, uint64_t seq);

/* ---- unresolved.c ---- */

bool event_is_intent(struct bytes event);
bool event_is_outcome(struct bytes event);
/* The event without its moment: what an intent and its outcome have in common. */
struct bytes event_verb(struct bytes event);
/* The open intent that a line with this event and request id is, or is the outcome of. */
struct unresolved *unresolved_find(struct store *s, struct bytes event, struct bytes request_id);
/* Keep an intent. *OUT is the store's. 0, -EEXIST (there is one already) or -ENOMEM. */
int unresolved_add(struct store *s, struct bytes event, struct bytes request_id, uint64_t seq,
		   struct bytes line, struct unresolved **out) must_check;
void unresolved_drop(struct store *s, struct unresolved *u);
/* The smallest seq; 0 when there is none. */
uint64_t unresolved_oldest(const struct store *s);
void unresolved_done(struct store *s);
