/* SPDX-License-Identifier: ISC */
#include "store/store.h"

#include "base/json.h"
#include "store/internal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

#define STAGED_MAX	(32u << 20)
#define CREATE_TRIES	16
#define LINES_OF_INTENT 2 /* itself and its outcome */

/* ---- the line that opens a segment, and lines of the store's own ---- */

static int own_line(const struct store *s, const char *event, const char *value, int64_t now,
		    struct buf *out)
{
	struct audit_line line = audit_line_empty();

	line.seq = s->next_seq;
	line.time = now;
	line.event = bytes_str(event);
	line.value = bytes_str(value);
	return audit_line_put(&line, out);
}

/* The next start reads here how far back it must look for intents. */
static int put_open_line(const struct store *s, int64_t now, struct buf *out)
{
	char value[REASON_MAX + 96];

	snprintf(value, sizeof(value), "unresolved %zu from seq %llu%s%s", s->unresolved.n,
		 (unsigned long long)unresolved_oldest(s), s->missing[0] ? "; " : "", s->missing);
	return own_line(s, "log.open", value, now, out);
}

static int new_segment(struct store *s, int64_t now)
{
	struct segment fresh;
	int r = -EEXIST;

	/* A file of that name that is not ours stays where it is: the number is passed over. */
	for (int i = 0; i < CREATE_TRIES && r == -EEXIST; i++) {
		struct buf line = BUF_INIT(AUDIT_LINE_MAX);

		if (i > 0)
			s->next_seq++;
		r = put_open_line(s, now, &line);
		if (r == 0)
			r = segment_create(&fresh, s->dirfd, s->next_seq, buf_bytes(&line), now);
		buf_done(&line);
	}
	if (r < 0)
		return r;
	segment_close(&s->seg);
	s->seg = fresh;
	s->next_seq++;
	s->missing[0] = 0;
	return 0;
}

/* ---- room ---- */

/*
 * Beyond what is staged there must be room for an outcome of each open intent, and one line more. MORE: further lines to make room for.
 */
static bool reserve(struct store *s, size_t more)
{
	uint64_t end =
		s->seg.size + s->staged.n + (s->unresolved.n + more + 1) * (uint64_t)AUDIT_LINE_MAX;
	int r = s->no_fallocate ? 0 : segment_reserve(&s->seg, end);

	if (r == -EOPNOTSUPP) {
		s->no_fallocate =
			true; /* a file system that cannot: the log then fails when it is full, not before */
		r = 0;
	}
	if (r == 0)
		return true;
	s->problem = r == -ENOSPC || r == -EDQUOT ? "there is no room for the log"
						  : "the log's room cannot be reserved";
	return false;
}

static void give_up(struct store *s, const char *why)
{
	s->lost = true;
	s->problem = why;
	snprintf(s->missing, sizeof(s->missing), "%s: lines before seq %llu may be missing in %s",
		 why, (unsigned long long)s->next_seq, s->seg.name);
}

bool store_healthy(struct store *s)
{
	const char *why;

	if (s->lost)
		return false;
	why = segment_intact(&s->seg, s->dirfd);
	if (why[0]) {
		give_up(s, why);
		return false;
	}
	if (!reserve(s, LINES_OF_INTENT))
		return false;
	s->problem = "";
	return true;
}

const char *store_problem(const struct store *s)
{
	return s->problem;
}

size_t store_unresolved(const struct store *s)
{
	return s->unresolved.n;
}

int store_recover(struct store *s, int64_t now)
{
	if (store_healthy(s))
		return 0;
	if (!s->lost)
		return STORE_E_UNAVAILABLE; /* no room still */
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
	r = unresolved_add(s, line->request_id, line->seq, text, &u);
	if (r < 0)
		return r;
	r = add_effect(s, u, false);
	if (r < 0)
		unresolved_drop(s, u);
	return r;
}

int store_stage(struct store *s, struct audit_line *line, struct store_receipt *receipt)
{
	bool intent = event_is_intent(line->event);
	struct unresolved *open = line->request_id.n ? unresolved_find(s, line->request_id) : NULL;
	bool outcome = event_is_outcome(line->event) && open;
	size_t before = s->staged.n;
	struct bytes text;
	int r;

	/* An outcome uses the room that its intent reserved; everything else must leave that alone. */
	if (s->lost || (!outcome && !reserve(s, intent ? LINES_OF_INTENT : 1)))
		return STORE_E_UNAVAILABLE;
	line->seq = s->next_seq;
	r = audit_line_put(line, &s->staged);
	if (r == 0) {
		text = bytes_of(s->staged.p + before, s->staged.n - before - 1);
		audit_line_leaf(text, receipt->leaf);
		if (intent)
			r = stage_intent(s, line, text);
		else if (outcome)
			r = add_effect(s, open, true);
	}
	if (r < 0) {
		buf_truncate(&s->staged, before);
		return STORE_E_UNAVAILABLE;
	}
	if (before == 0)
		s->staged_first = line->seq;
	receipt->seq = line->seq;
	s->next_seq++;
	return 0;
}

/* ---- committing ---- */

static void apply(struct store *s)
{
	for (size_t i = 0; i < s->n_effects; i++)
		if (s->effects[i].resolves)
			unresolved_drop(s, s->effects[i].intent);
}

static void undo(struct store *s)
{
	/* Newest first: an intent and its outcome may be in one batch. */
	while (s->n_effects > 0) {
		struct effect *e = &s->effects[--s->n_effects];
		if (!e->resolves)
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

/* Write and sync. The reason when it is not durable, and whether the numbers may be used again. */
static const char *write_staged(struct store *s, bool *again)
{
	const char *why = segment_intact(&s->seg, s->dirfd);
	int r;

	*again = true;
	if (why[0]) {
		give_up(s, why);
		return why;
	}
	r = segment_append(&s->seg, buf_bytes(&s->staged));
	if (r == SEGMENT_E_TORN) {
		*again = false;
		give_up(s, "a write failed and could not be undone");
	} else if (r < 0) {
		s->problem = r == -ENOSPC || r == -EDQUOT ? "there is no room for the log"
							  : "the log cannot be written";
	}
	if (r != 0)
		return s->problem;
	*again = false;
	/* What the kernel could not write once it may forget: there is no second try on the same file. */
	if (store_sync(s->seg.fd) < 0) {
		give_up(s, "a sync failed");
		return s->problem;
	}
	s->seg.size += s->staged.n;
	/* Durable in a file that nobody will find is not on record. */
	why = segment_intact(&s->seg, s->dirfd);
	if (why[0])
		give_up(s, why);
	return why;
}

int store_commit(struct store *s, int64_t now)
{
	bool again = true;
	const char *why;

	if (s->staged.n == 0)
		return 0;
	why = s->lost ? s->problem : write_staged(s, &again);
	if (why[0]) {
		if (again)
			s->next_seq = s->staged_first;
		undo(s);
	} else {
		apply(s);
	}
	s->n_effects = 0;
	buf_reset(&s->staged);
	if (why[0])
		return STORE_E_UNAVAILABLE;
	/* Where the new one cannot be made the old one serves on. */
	if (rotation_due(s, now) && new_segment(s, now) == 0 && !reserve(s, 0))
		return 0;
	return 0;
}

/* ---- intents that nobody will tell the end of ---- */

struct closing {
	struct store *store;
	struct bytes live;
	int64_t now;
	int r;
};

/* The intent's line with another event and result. */
static int stage_unknown(struct store *s, const json_t *o, int64_t now)
{
	struct audit_line line = audit_line_empty();
	struct buf event = BUF_INIT(64);
	struct store_receipt receipt;
	struct bytes intent = json_get_bytes(o, "event");
	int r;

#define AUDIT_FROM_TEXT(name)	line.name = json_get_bytes(o, #name);
#define AUDIT_FROM_LIST(name)	/* an intent has none */
#define AUDIT_FROM_NUMBER(name) /* nor that */
#define X(kind, name)		AUDIT_FROM_##kind(name)
	AUDIT_FIELDS(X)
#undef X
	buf_put(&event, intent.p, intent.n - (sizeof(".intent") - 1));
	buf_puts(&event, ".outcome");
	line.event = buf_bytes(&event);
	line.result = BYTES("unknown");
	line.time = now;
	r = store_stage(s, &line, &receipt);
	buf_done(&event);
	return r;
}

static void close_one(struct idmap_node *node, void *arg)
{
	struct closing *c = arg;
	const struct unresolved *u = idmap_entry(node, struct unresolved, node);
	json_t *o cleanup(json_cleanup) = NULL;

	if (c->r != 0)
		return;
	c->r = json_parse(buf_bytes(&u->line), 4, &o, NULL, 0);
	if (c->r == 0 && !plist_has(c->live, json_get_bytes(o, "request_id")))
		c->r = stage_unknown(c->store, o, c->now);
}

int store_close_unresolved(struct store *s, struct bytes live, int64_t now)
{
	struct closing c = {.store = s, .live = live, .now = now};

	idmap_each(&s->unresolved, close_one, &c);
	if (store_commit(s, now) != 0 || c.r != 0)
		return STORE_E_UNAVAILABLE;
	return 0;
}

/* ---- life ---- */

static int note_repair(struct store *s, uint64_t torn, int64_t now)
{
	struct audit_line line = audit_line_empty();
	struct store_receipt receipt;
	char value[80];

	snprintf(value, sizeof(value), "%llu bytes of a torn line cut off",
		 (unsigned long long)torn);
	line.event = BYTES("log.repaired");
	line.value = bytes_str(value);
	line.time = now;
	if (store_stage(s, &line, &receipt) != 0 || store_commit(s, now) != 0)
		return -ENOSPC;
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
			    .problem = ""};
	randombytes_buf(s->hash_key, sizeof(s->hash_key));
	r = flock(dirfd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	if (r == 0)
		r = scan_directory(s, &torn);
	if (r == 0 && s->seg.fd < 0)
		r = new_segment(s, now);
	if (r == 0 && torn)
		r = note_repair(s, torn, now);
	if (r < 0) {
		store_free(s);
		return r;
	}
	*out = s;
	return 0;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	undo(s);
	segment_close(&s->seg);
	unresolved_done(s);
	buf_done(&s->staged);
	free(s->effects);
	free(s);
}
