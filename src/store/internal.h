/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the store. store.c: staging, committing, health, recovery. segment.c: one segment's file. scan.c: what an earlier process left.
 * unresolved.c: intents that have no outcome yet.
 */
#include "base/idmap.h"
#include "store/store.h"

#define SEGMENT_NAME_MAX 64
#define RESERVE_STEP	 (1024 * 1024) /* bytes of the disk taken ahead where there is room */
#define REASON_MAX	 256

/* An intent without outcome: its line, for the "unknown" that may have to be written. */
struct unresolved {
	struct idmap_node node; /* by a keyed hash of the request id */
	uint64_t seq;
	struct buf line;
};

/* The file that is written to. */
struct segment {
	int fd; /* -1: none */
	char name[SEGMENT_NAME_MAX];
	uint64_t first; /* seq of its first line */
	uint64_t size;	/* durable bytes; the file is never longer, but for a write that failed */
	uint64_t reserved; /* the disk's room is ours up to here */
	int64_t opened;	   /* microseconds since 1970: its first line's time */
};

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
	struct buf staged;
	uint64_t staged_first; /* seq of the first staged line */
	struct effect *effects;
	size_t n_effects, effects_room;
	struct idmap unresolved;
	unsigned char hash_key[16];
	bool lost;		  /* the segment is given up; store_recover() opens another */
	const char *problem;	  /* "" when healthy */
	char missing[REASON_MAX]; /* for the next segment's first line */
	bool no_fallocate;
};

/* The system call, and the seam where tests make it fail. */
extern int (*store_sync)(int fd);

/* ---- segment.c ---- */

void segment_name(char name[SEGMENT_NAME_MAX], uint64_t first);
/* The seq in a segment's name. False when it is no segment's. */
bool segment_parse_name(const char *name, uint64_t *first);
/* Create it with the line that opens it, durable with its name. 0, -EEXIST or -errno; nothing is left behind then. */
int segment_create(struct segment *seg, int dirfd, uint64_t first, struct bytes line,
		   int64_t now) must_check;
/* Is it still the file that its name leads to, as we left it? "" or a static sentence. */
const char *segment_intact(const struct segment *seg, int dirfd);
/* Take room up to END, in larger steps where there is some. 0, -ENOSPC, -EOPNOTSUPP or -errno. */
int segment_reserve(struct segment *seg, uint64_t end) must_check;
/* Write at the end; not synced. On failure the file is cut back: 0, -errno, or SEGMENT_E_TORN when even that failed. */
enum { SEGMENT_E_TORN = 1 };
int segment_append(struct segment *seg, struct bytes data) must_check;
/* Give back what was reserved, and close. */
void segment_close(struct segment *seg);

/* ---- scan.c ---- */

/*
 * Read what is there: S->next_seq, S->unresolved and S->seg of the last segment, opened for writing, its torn end cut off. *TORN: how many bytes that was. S->seg.fd
 * stays -1 when there is no segment. 0 or -errno (-EBADMSG: damaged elsewhere than at its end).
 */
int scan_directory(struct store *s, uint64_t *torn) must_check;

/* ---- unresolved.c ---- */

/* LINE's event ends in ".intent". */
bool event_is_intent(struct bytes event);
bool event_is_outcome(struct bytes event);
struct unresolved *unresolved_find(struct store *s, struct bytes request_id);
/* Keep an intent. *OUT is the store's. 0, -EEXIST (the request id has one already) or -ENOMEM. */
int unresolved_add(struct store *s, struct bytes request_id, uint64_t seq, struct bytes line,
		   struct unresolved **out) must_check;
void unresolved_drop(struct store *s, struct unresolved *u);
/* The smallest seq; 0 when there is none. */
uint64_t unresolved_oldest(const struct store *s);
void unresolved_done(struct store *s);
