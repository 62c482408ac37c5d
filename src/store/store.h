/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The audit log on disk: segments of lines in one directory, written by the scribe alone. Lines are
 * staged, then committed together with one fdatasync; only then do they count. A store that cannot
 * be written says so and is mended by store_recover(), never by ignoring what failed.
 *
 * Segments are named audit-SSSSSSSSSSSSSSSSSSSS.jsonl by the 20-digit seq of their first line, so
 * that names sort by age. Every segment opens with a line of event "log.open".
 */
#include "audit/line.h"
#include "audit/note.h"

struct store;

/*
 * Who signs the log's checkpoints, in the file "checkpoints" beside the segments: each a signed note (audit/note.h), then a line "frontier HASH…", the tree's at that size in hex, then
 * an empty line.
 */
#define STORE_SIGNERS_MAX 4
#define CHECKPOINTS_NAME  "checkpoints"
/*
 * Beside it the leaf hashes of all lines, 32 bytes each, so that a verifier can say which line is not as it was; nothing is believed because it stands there.
 */
#define LEAVES_NAME "leaves"

/*
 * The lines that no checkpoint covers lie within so many seconds of each other, by their own times: before the store writes one that is later than that it signs, and where it cannot sign
 * it writes nothing. A verifier takes a little more for proof that checkpoints were taken away.
 */
#define STORE_UNSIGNED_SECONDS 600
#define STORE_GAP_SECONDS      660
/* Where a start finds them so all the same it says so in the log, for ever, before it signs them. */
#define STORE_GAP_EVENT "checkpoint.gap"

/* One of them. */
struct checkpoint_record {
	struct bytes note, text; /* borrowed; TEXT is what is signed */
	struct checkpoint checkpoint;
	struct tree tree;
};
/* RECORD goes up to the line feed of its frontier. 0, or as note_open(); NOTE_E_BAD too when the frontier is not that of the root. */
int checkpoint_record_parse(struct bytes record, const struct note_verifier *v, size_t n,
			    struct checkpoint_record *out) must_check;

/* The last whole record of the file FD, to RECORD, or nothing. 0 or -errno. */
#define STORE_RECORDS_MAX (32 * 1024)
int checkpoints_last(int fd, struct buf *record) must_check;

struct store_config {
	uint64_t segment_bytes;	  /* a new segment when the current one is as large; 0: never */
	uint64_t segment_seconds; /* or as old; by the wall clock's day (UTC) when 0 */
	/* Borrowed, for as long as the store lives. 0: no tree is kept, and nothing signed. */
	const struct note_signer *signers;
	size_t n_signers;
};

struct store_receipt {
	uint64_t seq;
	unsigned char leaf[32]; /* audit_line_leaf() of the line */
};

/*
 * Open the log in DIRFD (borrowed; must stay open), creating the first segment when there is none.
 * NOW is microseconds since 1970. A torn end (no newline, or not a line of ours; then at most zeros)
 * is taken away, and a "log.repaired" line says how many bytes went. Takes a lock (flock) on DIRFD,
 * which lasts until DIRFD and all copies of it are closed: -EWOULDBLOCK when somebody else has it.
 * What is found is durable then. Intents without outcome are kept (store_unresolved).
 * 0 or -errno, -EBADMSG for a log that was damaged elsewhere than at its end.
 */
int store_open(struct store **out, int dirfd, const struct store_config *config,
	       int64_t now) must_check;
void store_free(struct store *s); /* commits nothing; closes */

/*
 * Stage one line: LINE->seq is given here, LINE->time must be set. An intent (event ending in
 * ".intent") needs a request_id and reserves room for its outcome as well; an outcome with the same
 * verb and request_id uses that. All else needs room of its own.
 * 0 with the receipt, or STORE_E_UNAVAILABLE for this line; those staged before stay.
 */
enum { STORE_E_UNAVAILABLE = 1 };
int store_stage(struct store *s, struct audit_line *line, struct store_receipt *receipt) must_check;

/*
 * Write and sync what was staged. 0: it is durable. STORE_E_UNAVAILABLE: none of it counts. After a
 * failed write the file is cut back, and the sequence numbers are used again; when the sync failed
 * the file is given up for ever and they are passed over, for the lines may be on disk.
 * Rotates afterwards when it is time; where no new segment can be made the old one serves on.
 */
int store_commit(struct store *s, int64_t now) must_check;

/*
 * The segment is still the file that its name leads to, and there is room for one more intent.
 * Cheap enough for every commit.
 */
bool store_healthy(struct store *s);
/* A static sentence about what is wrong; "" when healthy. */
const char *store_problem(const struct store *s);
/*
 * Try to become healthy: room again, or a new segment whose log.open line names what is missing.
 * Commit before: while lines are staged no segment is opened. 0 or STORE_E_UNAVAILABLE.
 */
int store_recover(struct store *s, int64_t now) must_check;

/*
 * Close every intent whose request_id is not in LIVE (a plist) with an outcome of result "unknown":
 * its other fields are the intent's. Staged and committed here.
 * 0 or STORE_E_UNAVAILABLE (some are then still open; call again).
 */
int store_close_unresolved(struct store *s, struct bytes live, int64_t now) must_check;
/* What store_open() found that no checkpoint covers, though it is from more than STORE_GAP_SECONDS, or lines are gone there. False: nothing. */
bool store_gap(const struct store *s, uint64_t *from, uint64_t *to);
/* Size and root of what is durable and signed, for a witness. False when nobody signs, or something is not signed yet. */
bool store_signed(const struct store *s, uint64_t *size, struct tree_hash *root);
/*
 * Sign what is durable, if it has grown since the last time. 0: there is a checkpoint of it on disk (or nobody signs); or -errno, and the log goes on without, for a while (STORE_UNSIGNED_SECONDS): the next one covers it too.
 */
int store_checkpoint(struct store *s) must_check;
/* The intent of EVENT's verb and REQUEST_ID is in the log, and no outcome of it is, or is staged. */
bool store_awaits(struct store *s, struct bytes event, struct bytes request_id);
/* How many intents have no outcome. */
size_t store_unresolved(const struct store *s);
