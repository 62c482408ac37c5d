/* SPDX-License-Identifier: ISC */
#include "store/store.h"

#include "store/internal.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define STAGED_MAX	(32u << 20)
#define CREATE_TRIES	16
#define LINES_OF_INTENT 2 /* itself and its outcome */

static bool is_full(int r)
{
	return r == -ENOSPC || r == -EDQUOT;
}

/* ---- room ---- */

/* What must be there behind the staged lines: an outcome of each open intent, and one line more. */
static uint64_t room_behind(const struct store *s)
{
	return (s->unresolved.n + 1) * (uint64_t)AUDIT_LINE_MAX;
}

/* LINES: what is about to be staged on top. */
static bool reserve(struct store *s, size_t lines)
{
	uint64_t end = s->seg.size + s->staged.n + room_behind(s) + lines * AUDIT_LINE_MAX;
	int r = s->no_fallocate ? 0 : segment_reserve(&s->seg, end);

	if (r == -EOPNOTSUPP) {
		s->no_fallocate = true;
		r = 0;
	}
	if (r == 0)
		return true;
	s->problem =
		is_full(r) ? "there is no room for the log" : "the log's room cannot be reserved";
	return false;
}

/* ---- segments, and the lines of the store's own in them ---- */

/* Behind what stands in TEXT. */
static void printf_like(3, 4) append(char *text, size_t size, const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, size - n, fmt, ap);
	va_end(ap);
}

static int own_line(uint64_t seq, const char *event, const char *value, int64_t now,
		    struct buf *out)
{
	struct audit_line line = audit_line_empty();

	line.seq = seq;
	line.time = now;
	line.event = bytes_str(event);
	line.value = bytes_str(value);
	return audit_line_put(&line, out);
}

static int create_segment(struct store *s, uint64_t first, int64_t now, struct segment *fresh,
			  struct tree_hash *leaf)
{
	struct buf line cleanup(buf_done) = BUF_INIT(AUDIT_LINE_MAX);
	char value[REASON_MAX + 128];
	int r;

	/* The next start reads here how far back it must look for intents. */
	snprintf(value, sizeof(value), "unresolved %zu from seq %llu", s->unresolved.n,
		 (unsigned long long)unresolved_oldest(s));
	/* What the tree has no line for: numbers that were passed over. */
	if (s->durable < first)
		append(value, sizeof(value), "; void from seq %llu",
		       (unsigned long long)s->durable);
	if (s->missing[0])
		append(value, sizeof(value), "; %s", s->missing);
	r = own_line(first, "log.open", value, now, &line);
	if (r < 0)
		return r;
	audit_line_leaf(bytes_of(line.p, line.n - 1), leaf->b);
	return segment_create(fresh, s->dirfd, first, buf_bytes(&line),
			      s->no_fallocate ? 0 : room_behind(s), now);
}

/* The old one stays, and keeps the room it has, until the new one has as much. */
static int new_segment(struct store *s, int64_t now)
{
	struct segment fresh;
	struct tree_hash leaf;
	uint64_t first = s->next_seq;
	int r = checkpoints_before(s, now);

	if (r < 0)
		return r;
	r = create_segment(s, first, now, &fresh, &leaf);
	if (r == -EOPNOTSUPP && !s->no_fallocate) {
		s->no_fallocate = true;
		r = create_segment(s, first, now, &fresh, &leaf);
	}
	/* A file of that name that is not ours stays where it is: the number is passed over. */
	for (int i = 0; i < CREATE_TRIES && r == -EEXIST; i++)
		r = create_segment(s, ++first, now, &fresh, &leaf);
	if (r < 0)
		return r;
	segment_close(&s->seg);
	s->seg = fresh;
	checkpoints_void(s, first);
	checkpoints_leaves(s, bytes_of(&leaf, sizeof(leaf)));
	span_add(&s->uncovered, now);
	s->next_seq = s->durable = first + 1;
	s->missing[0] = 0;
	return 0;
}

/* ---- health ---- */

/* The next segment's first line will say that FROM to TO may be missing. Returns WHY. */
static const char *give_up(struct store *s, const char *why, uint64_t from, uint64_t to)
{
	s->lost = true;
	s->problem = why;
	snprintf(s->missing, sizeof(s->missing), "%s: seq %llu to %llu may be missing in %s", why,
		 (unsigned long long)from, (unsigned long long)to, s->seg.name);
	return why;
}

/* "" or why the segment is given up: whatever is in it, nobody may find it. */
static const char *check_intact(struct store *s, uint64_t last)
{
	const char *why = segment_intact(&s->seg, s->dirfd);

	return why[0] ? give_up(s, why, s->seg.first, last) : why;
}

bool store_healthy(struct store *s)
{
	uint64_t behind = s->staged.n ? s->staged_first : s->next_seq;

	if (s->lost || s->overdue || check_intact(s, behind - 1)[0] || !reserve(s, LINES_OF_INTENT))
		return false;
	s->problem = "";
	return true;
}

const char *store_problem(const struct store *s)
{
	return s->problem;
}

int store_recover(struct store *s, int64_t now)
{
	if (s->overdue && store_checkpoint(s) < 0)
		return STORE_E_UNAVAILABLE;
	if (store_healthy(s))
		return 0;
	if (!s->lost || s->staged.n)
		return STORE_E_UNAVAILABLE;
	segment_close(&s->seg);
	if (new_segment(s, now) < 0)
		return STORE_E_UNAVAILABLE;
	s->lost = false;
	return store_healthy(s) ? 0 : STORE_E_UNAVAILABLE;
}

/* ---- staging ---- */

static int add_effect(struct store *s, struct unresolved *intent, bool resolves)
{
	if (s->n_effects == s->effects_room) {
		size_t room = s->effects_room ? s->effects_room * 2 : 64;
		struct effect *more = reallocarray(s->effects, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->effects = more;
		s->effects_room = room;
	}
	s->effects[s->n_effects++] = (struct effect){intent, resolves};
	return 0;
}

static int stage_intent(struct store *s, const struct audit_line *line, struct bytes text)
{
	struct unresolved *u;
	int r;

	if (!line->request_id.n)
		return -EINVAL;
	if (text.n + OUTCOME_MORE >= AUDIT_LINE_MAX)
		return -EMSGSIZE;
	r = unresolved_add(s, line->event, line->request_id, line->seq, text, &u);
	if (r < 0)
		return r;
	r = add_effect(s, u, false);
	if (r < 0)
		unresolved_drop(s, u);
	return r;
}

static int stage_outcome(struct store *s, struct unresolved *intent)
{
	int r = add_effect(s, intent, true);

	if (r == 0)
		intent->resolving = true;
	return r;
}

/* Or NULL. A second outcome ends nothing. */
static struct unresolved *open_intent(struct store *s, struct bytes event, struct bytes request_id)
{
	struct unresolved *u = unresolved_find(s, event, request_id);

	return u && !u->resolving ? u : NULL;
}

bool store_awaits(struct store *s, struct bytes event, struct bytes request_id)
{
	return open_intent(s, event, request_id) != NULL;
}

/* The open intent that LINE ends, or NULL. */
static struct unresolved *intent_of(struct store *s, const struct audit_line *line)
{
	if (!event_is_outcome(line->event) || !line->request_id.n)
		return NULL;
	return open_intent(s, line->event, line->request_id);
}

/* What is staged is the first BEFORE bytes. With nothing, no commit clears that there was no memory once. */
static void unstage(struct store *s, size_t before)
{
	buf_truncate(&s->staged, before);
	if (before == 0) {
		buf_reset(&s->staged);
		buf_reset(&s->leaves);
	}
}

int store_stage(struct store *s, struct audit_line *line, struct store_receipt *receipt)
{
	bool is_intent = event_is_intent(line->event);
	struct unresolved *ends = intent_of(s, line);
	size_t before = s->staged.n;
	struct bytes text;
	int r;

	/* An outcome uses the room that its intent reserved; all else must leave that alone. */
	if (s->lost || (!ends && !reserve(s, is_intent ? LINES_OF_INTENT : 1)))
		return STORE_E_UNAVAILABLE;
	line->seq = s->next_seq;
	r = audit_line_put(line, &s->staged);
	text = bytes_of(NULL, 0);
	if (r == 0) {
		buf_reserve(&s->leaves, sizeof(receipt->leaf));
		r = buf_status(&s->leaves);
	}
	if (r == 0) /* without its newline */
		text = bytes_of(s->staged.p + before, s->staged.n - before - 1);
	if (r == 0 && is_intent)
		r = stage_intent(s, line, text);
	else if (r == 0 && ends)
		r = stage_outcome(s, ends);
	if (r < 0) {
		unstage(s, before);
		return STORE_E_UNAVAILABLE;
	}
	if (before == 0)
		s->staged_first = line->seq;
	span_add(&s->staged_times, line->time);
	receipt->seq = line->seq;
	audit_line_leaf(text, receipt->leaf);
	buf_put(&s->leaves, receipt->leaf, sizeof(receipt->leaf));
	s->next_seq++;
	return 0;
}

/* ---- committing ---- */

static void apply(struct store *s)
{
	for (size_t i = 0; i < s->n_effects; i++)
		if (s->effects[i].resolves)
			unresolved_drop(s, s->effects[i].intent);
	s->n_effects = 0;
}

static void undo(struct store *s)
{
	/* Newest first: an intent and its outcome may be in one batch. */
	while (s->n_effects > 0) {
		struct effect *e = &s->effects[--s->n_effects];
		if (e->resolves)
			e->intent->resolving = false;
		else
			unresolved_drop(s, e->intent);
	}
}

static bool rotation_due(const struct store *s, int64_t now)
{
	const int64_t day = 86400 * (int64_t)1000000;

	if (s->seg.size >= s->config.segment_bytes && s->config.segment_bytes)
		return true;
	if (s->config.segment_seconds)
		return (now - s->seg.opened) / 1000000 >= (int64_t)s->config.segment_seconds;
	return now / day != s->seg.opened / day;
}

/* Write and sync. "" or why it is not durable, and whether the numbers may be used again. */
static const char *write_staged(struct store *s, int64_t now, bool *again)
{
	const uint64_t first = s->staged_first, last = s->next_seq - 1;
	const char *why = check_intact(s, first - 1);
	int r;

	*again = true;
	if (why[0])
		return why;
	if (checkpoints_before(s, now) < 0)
		return s->problem = "no checkpoint can be written";
	r = segment_append(&s->seg, buf_bytes(&s->staged));
	if (r < 0) {
		s->problem =
			is_full(r) ? "there is no room for the log" : "the log cannot be written";
		return s->problem;
	}
	*again = false;
	if (r == SEGMENT_E_TORN)
		return give_up(s, "a write failed and could not be undone", first, last);
	/* What the kernel could not write once it may forget: no second try on the same file. */
	if (store_sync(s->seg.fd) < 0)
		return give_up(s, "a sync failed", first, last);
	/* Durable in a file that nobody will find is not on record. */
	return check_intact(s, last);
}

/* What was staged is durable. */
static void add_leaves(struct store *s)
{
	checkpoints_leaves(s, buf_bytes(&s->leaves));
	buf_reset(&s->leaves);
	s->durable = s->next_seq;
	span_join(&s->uncovered, &s->staged_times);
	/* The clock was set between two lines of one batch. */
	if (span_over(&s->uncovered, STORE_UNSIGNED_SECONDS))
		(void)!store_checkpoint(s);
}

int store_commit(struct store *s, int64_t now)
{
	bool again = true;
	const char *why;

	if (s->staged.n == 0)
		return 0;
	why = s->lost ? s->problem : write_staged(s, now, &again);
	buf_reset(&s->staged);
	if (why[0]) {
		if (again)
			s->next_seq = s->staged_first;
		buf_reset(&s->leaves);
		s->staged_times.any = false;
		undo(s);
		return STORE_E_UNAVAILABLE;
	}
	apply(s);
	add_leaves(s);
	s->staged_times.any = false;
	/* Where no new one can be made the old one serves on. */
	if (rotation_due(s, now))
		(void)!new_segment(s, now);
	return 0;
}

/* ---- life ---- */

static int note_repair(struct store *s, uint64_t torn, int64_t now)
{
	struct buf line cleanup(buf_done) = BUF_INIT(AUDIT_LINE_MAX);
	struct tree_hash leaf;
	char value[80];
	int r;

	if (!reserve(s, 1))
		return -ENOSPC;
	snprintf(value, sizeof(value), "%llu bytes of a torn line taken away",
		 (unsigned long long)torn);
	r = checkpoints_before(s, now);
	if (r == 0)
		r = own_line(s->next_seq, "log.repaired", value, now, &line);
	if (r == 0)
		r = segment_repair(&s->seg, buf_bytes(&line));
	if (r < 0)
		return r;
	audit_line_leaf(bytes_of(line.p, line.n - 1), leaf.b);
	checkpoints_leaves(s, bytes_of(&leaf, sizeof(leaf)));
	span_add(&s->uncovered, now);
	s->durable = ++s->next_seq;
	return 0;
}

/* What no checkpoint covered is about to be signed as it is: that stays on record. */
static int note_gap(struct store *s, int64_t now)
{
	struct audit_line line = audit_line_empty();
	struct store_receipt receipt;
	char value[80];

	if (!s->gap.found)
		return 0;
	snprintf(value, sizeof(value), "lines %llu to %llu had no checkpoint",
		 (unsigned long long)s->gap.from, (unsigned long long)s->gap.to);
	line.time = now;
	line.event = BYTES(STORE_GAP_EVENT);
	line.value = bytes_str(value);
	if (store_stage(s, &line, &receipt) != 0 || store_commit(s, now) != 0)
		return -EIO;
	s->gap.told = true;
	return 0;
}

int store_open(struct store **out, int dirfd, const struct store_config *config, int64_t now)
{
	struct store *s = calloc(1, sizeof(*s));
	uint64_t torn;
	int r;

	if (!s)
		return -ENOMEM;
	*s = (struct store){.dirfd = dirfd,
			    .config = *config,
			    .seg = {.fd = -1},
			    .staged = BUF_INIT(STAGED_MAX),
			    .leaves = BUF_INIT(STAGED_MAX),
			    .checkpoints_fd = -1,
			    .leaves_fd = -1,
			    .problem = ""};
	randombytes_buf(s->hash_key, sizeof(s->hash_key));
	r = flock(dirfd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	if (r == 0)
		r = scan_directory(s, &torn);
	if (r == 0)
		r = checkpoints_open(s);
	if (r == 0 && s->seg.fd < 0)
		r = new_segment(s, now);
	else if (r == 0 && store_sync(s->seg.fd) < 0) /* who wrote it may have died before */
		r = -errno;
	if (r == 0 && torn)
		r = note_repair(s, torn, now);
	if (r == 0)
		r = note_gap(s, now);
	if (r < 0) {
		store_free(s);
		return r;
	}
	(void)reserve(s, 0); /* store_problem() tells */
	*out = s;
	return 0;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	segment_close(&s->seg);
	if (s->checkpoints_fd >= 0)
		close(s->checkpoints_fd);
	if (s->leaves_fd >= 0)
		close(s->leaves_fd);
	unresolved_done(s);
	buf_done(&s->staged);
	buf_done(&s->leaves);
	free(s->effects);
	free(s);
}
