/* SPDX-License-Identifier: ISC */
#include "store/verify.h"

#include "base/text.h"
#include "store/internal.h"
#include "store/records.h"
#include "store/walk.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define CHUNK (64 * 1024)

/* ---- verifying ---- */

struct run {
	struct verify *v;
	struct records records;
	struct tree tree;
	bool pending; /* NEXT is a checkpoint that is still to come */
	struct checkpoint_record next;
	uint64_t good_size;    /* the last checkpoint that held */
	struct span uncovered; /* the times of the lines since then */
	bool since_seen;       /* a checkpoint or a tree of that size came by */
	/* The copy of the leaves since then: whether it leads to what was signed, and where the lines part from it. */
	int leaves_fd;
	struct buf leaves; /* read ahead, from the next line's on */
	struct tree copy;
	bool differs;
	uint64_t differs_at;
	uint64_t bytes; /* of lines, so far */
};

enum { FOUND = 1 }; /* ends the walk */

static int printf_like(4, 5) bad(struct run *r, uint64_t from, uint64_t to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->v->why, sizeof(r->v->why), fmt, ap);
	va_end(ap);
	r->v->good = false;
	r->v->bad = from;
	r->v->bad_to = to;
	return FOUND;
}

/* 0, FOUND, or -errno. */
static int load_next(struct run *r)
{
	int e = records_next(&r->records);

	r->pending = e == 1;
	if (e <= 0)
		return e;
	e = checkpoint_record_parse(buf_bytes(&r->records.last), r->v->verifiers, r->v->n_verifiers,
				    &r->next);
	if (e != 0)
		return bad(r, r->good_size, r->tree.size,
			   e == NOTE_E_NONE	? "checkpoint %llu is not signed by a known key"
			   : e == NOTE_E_FORGED ? "checkpoint %llu is forged"
						: "checkpoint %llu is none",
			   (unsigned long long)r->v->checkpoints);
	/* The same size may be signed again: by another key, or because nobody knew whether the first is on disk. */
	if (r->next.checkpoint.size < r->tree.size || r->next.checkpoint.size < r->good_size)
		return bad(r, r->good_size, r->tree.size, "checkpoint %llu is out of order",
			   (unsigned long long)r->v->checkpoints);
	r->v->checkpoints++;
	return 0;
}

/* The leaf that comes next in the copy. False when there is none. */
static bool next_copy(struct run *r, struct tree_hash *out)
{
	if (r->leaves.n < sizeof(*out) && r->leaves_fd >= 0) {
		unsigned char *to;
		ssize_t n;

		buf_reset(&r->leaves);
		to = buf_extend(&r->leaves, CHUNK);
		n = to ? pread(r->leaves_fd, to, CHUNK, (off_t)(r->copy.size * sizeof(*out))) : 0;
		buf_truncate(&r->leaves, n > 0 ? (size_t)n : 0);
	}
	if (r->leaves.n < sizeof(*out))
		return false;
	memcpy(out, r->leaves.p, sizeof(*out));
	buf_consume(&r->leaves, sizeof(*out));
	return true;
}

/* LEAF is the line's, and the copy's goes into a tree of its own. */
static void follow_copy(struct run *r, const struct tree_hash *leaf)
{
	struct tree_hash copy;

	if (r->copy.size != r->tree.size || !next_copy(r, &copy))
		return;
	tree_add(&r->copy, &copy);
	if (!r->differs && memcmp(&copy, leaf, sizeof(copy)) != 0) {
		r->differs = true;
		r->differs_at = r->tree.size;
	}
}

/* Does the copy, read on to the next checkpoint, lead to what that has signed? */
static bool copy_is_signed(struct run *r)
{
	struct tree_hash leaf, root;

	while (r->copy.size < r->next.checkpoint.size && next_copy(r, &leaf))
		tree_add(&r->copy, &leaf);
	tree_root(&r->copy, &root);
	return r->copy.size == r->next.checkpoint.size &&
	       memcmp(&root, &r->next.checkpoint.root, sizeof(root)) == 0;
}

/* Line FROM is seen to be bad before the next checkpoint was reached. One before it may be changed: the copy says which; without it all are in doubt since the last good checkpoint. */
static void first_bad(struct run *r, uint64_t *from, uint64_t *to)
{
	if (!r->pending)
		return;
	if (!copy_is_signed(r))
		*from = r->good_size;
	else if (r->differs)
		*from = *to = r->differs_at;
}

/* Where the first bad line is: exactly, if the copy of the leaves is what was signed; else the last good checkpoint and the two frontiers narrow it down. */
static void narrow(struct run *r, uint64_t *from, uint64_t *to)
{
	uint64_t at = 0;

	if (r->differs && copy_is_signed(r)) {
		*from = *to = r->differs_at;
		return;
	}

	*from = r->good_size;
	*to = r->tree.size - 1;
	for (unsigned i = TREE_HASHES_MAX; i-- > 0;) {
		if (!(r->tree.size >> i & 1))
			continue;
		if (memcmp(&r->tree.full[i], &r->next.tree.full[i], TREE_HASH_BYTES) != 0) {
			*from = at > *from ? at : *from;
			*to = at + (UINT64_C(1) << i) - 1;
			return;
		}
		at += UINT64_C(1) << i;
	}
}

static int not_signed(struct run *r)
{
	uint64_t from, to;

	if (r->tree.size == r->good_size)
		return bad(r, r->good_size, r->good_size,
			   "checkpoint %llu is another than the one before",
			   (unsigned long long)r->v->checkpoints - 1);
	narrow(r, &from, &to);
	return bad(r, from, to, "not what was signed");
}

static int compare_since(struct run *r, const struct tree_hash *root)
{
	const struct verify *v = r->v;

	r->since_seen = true;
	if (!v->has_since || memcmp(root, &v->since.root, sizeof(*root)) == 0)
		return 0;
	return bad(r, 0, v->since.size ? v->since.size - 1 : 0,
		   "the first %llu lines are not those of the checkpoint that you have",
		   (unsigned long long)v->since.size);
}

/* The next checkpoint is good. */
static int go_on(struct run *r)
{
	r->good_size = r->v->covered = r->next.checkpoint.size;
	r->copy = r->tree;
	r->differs = false;
	r->uncovered.any = false;
	return load_next(r);
}

/* The tree has grown to a size that somebody may have signed. */
static int compare(struct run *r)
{
	struct tree_hash root;
	int e = 0;

	if (r->v->since.size == r->tree.size) {
		tree_root(&r->tree, &root);
		e = compare_since(r, &root);
	}
	while (e == 0 && r->pending && r->next.checkpoint.size == r->tree.size) {
		tree_root(&r->tree, &root);
		if (memcmp(&root, &r->next.checkpoint.root, sizeof(root)) != 0)
			return not_signed(r);
		e = go_on(r);
	}
	return e;
}

/* Where to begin: with the tree that a checkpoint vouches for, when its lines need not be there. */
static int begin(struct run *r)
{
	struct verify *v = r->v;
	int e = load_next(r);

	while (e == 0 && v->from && r->pending && r->next.checkpoint.size < v->from) {
		if (v->since.size == r->next.checkpoint.size)
			e = compare_since(r, &r->next.checkpoint.root);
		if (e == 0)
			e = go_on(r);
	}
	if (e != 0 || !v->from)
		return e;
	if (!r->pending)
		return bad(r, v->from, v->from,
			   "no checkpoint covers it: there is none to begin at");
	r->tree = r->next.tree;
	v->started = r->tree.size;
	if (v->receipt.given && v->receipt.index < v->started)
		return bad(r, v->receipt.index, v->receipt.index,
			   "not looked at: the first checkpoint to begin at covers %llu lines",
			   (unsigned long long)v->started);
	if (v->has_since && v->since.size < v->started && !r->since_seen)
		return bad(r, 0, v->started - 1,
			   "not looked at: the checkpoint that you have is older than where this "
			   "begins");
	return 0;
}

static int add(struct run *r, const struct tree_hash *leaf)
{
	const struct verify_receipt *receipt = &r->v->receipt;

	if (receipt->given && receipt->index == r->tree.size &&
	    memcmp(leaf, &receipt->leaf, sizeof(*leaf)) != 0)
		return bad(r, r->tree.size, r->tree.size,
			   "not the line that the receipt was given for");
	follow_copy(r, leaf);
	tree_add(&r->tree, leaf);
	return compare(r);
}

/* A line says its own number first, then its time and event, and its duration last: two that have become one are seen by that. */
static bool is_line(struct bytes text, uint64_t seq, int64_t *time, struct bytes *event)
{
	char want[40];
	struct bytes end;

	snprintf(want, sizeof(want), "{\"seq\":%llu,", (unsigned long long)seq);
	if (!bytes_starts(text, bytes_str(want)) || text.p[text.n - 1] != '}' ||
	    !log_line_head(text, time, event))
		return false;
	end = bytes_skip(text, bytes_find(text, BYTES(",\"duration_ms\":")));
	return bytes_find(end, BYTES("}")) == end.n - 1;
}

static void printf_like(2, 3) note(const struct run *r, const char *fmt, ...)
{
	char text[VERIFY_WHY_MAX];
	va_list ap;

	if (!r->v->note)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->v->note(r->v->note_arg, text);
}

static int on_void(struct run *r, const struct walk_item *item)
{
	struct tree_hash leaf;
	int e = 0;

	if (item->to - item->seq >= WALK_VOID_MAX)
		return bad(r, item->seq, item->to, "more numbers are void than can be");
	audit_line_leaf(bytes_of(NULL, 0), leaf.b);
	r->v->voids += item->to - item->seq + 1;
	note(r, "lines %llu to %llu are void: what stands under these numbers does not count",
	     (unsigned long long)item->seq, (unsigned long long)item->to);
	for (uint64_t i = item->seq; i <= item->to && e == 0; i++)
		e = add(r, &leaf);
	return e;
}

static void on_gap(struct run *r, const struct walk_item *item)
{
	static const char value[] = ",\"value\":\"";
	struct bytes text = bytes_skip(item->text, bytes_find(item->text, bytes_str(value)));

	text = bytes_skip(text, strlen(value));
	text.n = bytes_find(text, BYTES("\""));
	r->v->gaps++;
	note(r, "line %llu says: %.*s", (unsigned long long)item->seq,
	     bytes_printable(text) ? (int)(text.n < 100 ? text.n : 100) : 0, (const char *)text.p);
}

static int on_text(struct run *r, const struct walk_item *item)
{
	uint64_t from = item->seq, to = item->seq;
	struct tree_hash leaf;
	struct bytes event;
	int64_t time;

	r->bytes += item->text.n + 1;
	if (r->v->progress)
		r->v->progress(r->v->progress_arg, r->bytes);
	if (!is_line(item->text, item->seq, &time, &event)) {
		first_bad(r, &from, &to);
		return bad(r, from, to,
			   from == item->seq ? "not the line of that number"
					     : "not what was signed");
	}
	if (bytes_is(event, STORE_GAP_EVENT))
		on_gap(r, item);
	span_add(&r->uncovered, time);
	audit_line_leaf(item->text, leaf.b);
	return add(r, &leaf);
}

/* What should not be there, or should be. */
static int on_wrong(struct run *r, const struct walk_item *item)
{
	uint64_t from = item->seq, to = item->to;

	first_bad(r, &from, &to);
	if (from != item->seq)
		return bad(r, from, to, "not what was signed");
	if (item->kind == WALK_MISSING)
		return bad(r, from, to, "missing");
	return bad(r, from, to,
		   item->kind == WALK_EXTRA
			   ? "one line more than there can be, in segment %llu"
			   : "bytes that are no line stand before it, at the end of segment %llu",
		   (unsigned long long)item->segment);
}

static int on_item(void *arg, const struct walk_item *item)
{
	struct run *r = arg;

	switch (item->kind) {
	case WALK_TORN:
		r->v->torn += item->bytes;
		return 0;
	case WALK_VOID:
		return on_void(r, item);
	case WALK_LINE:
		return on_text(r, item);
	case WALK_MISSING:
	case WALK_EXTRA:
	case WALK_TAIL:
		break;
	}
	return on_wrong(r, item);
}

/* A checkpoint says that there were more lines. */
static int cut_off(struct run *r)
{
	uint64_t from = r->v->size, to = r->next.checkpoint.size - 1;

	first_bad(r, &from, &to);
	if (from != r->v->size)
		return bad(r, from, to, "not what was signed");
	return bad(r, from, to, "missing: a checkpoint says that there were %llu lines",
		   (unsigned long long)r->next.checkpoint.size);
}

/* All lines were seen: what should have come and did not? */
static int at_end(struct run *r)
{
	struct verify *v = r->v;

	if (r->pending)
		return cut_off(r);
	if (v->has_since && v->since.size > v->size)
		return bad(r, v->size, v->since.size - 1,
			   "missing: the checkpoint that you have says that there were %llu lines",
			   (unsigned long long)v->since.size);
	if (v->receipt.given && v->receipt.index >= v->size)
		return bad(r, v->receipt.index, v->receipt.index,
			   "missing: there is a receipt for it");
	if (!v->checkpoints)
		return bad(r, 0, v->size ? v->size - 1 : 0, "there is no checkpoint");
	if (span_over(&r->uncovered, STORE_GAP_SECONDS))
		return bad(r, v->covered, v->size - 1,
			   "no checkpoint covers them, and they are from more than %d minutes",
			   STORE_GAP_SECONDS / 60);
	return 0;
}

/* It helps to name the line, and no more than that. */
static void open_leaves(struct run *r, int dirfd)
{
	r->leaves_fd = log_open_file(dirfd, LEAVES_NAME);
	if (r->leaves_fd < 0 && r->leaves_fd != -ENOENT)
		note(r, LEAVES_NAME " cannot be read: %s", strerror(-r->leaves_fd));
}

int log_verify(int dirfd, struct verify *v)
{
	struct run r = {.v = v, .leaves_fd = -1, .leaves = BUF_INIT(CHUNK)};
	uint64_t end;
	/* First the checkpoints, then the lines, each as they are now: no line is missed that one of these covers. */
	int e = records_open(&r.records, dirfd);

	v->good = true;
	open_leaves(&r, dirfd);
	if (e == 0)
		e = begin(&r);
	if (e == 0)
		e = compare(&r);
	if (e == 0)
		e = log_walk(dirfd, v->started, on_item, &r, &end);
	v->size = r.tree.size;
	if (e == 0)
		e = at_end(&r);
	if (r.leaves_fd >= 0)
		close(r.leaves_fd);
	records_done(&r.records);
	buf_done(&r.leaves);
	return e < 0 ? e : 0;
}

int log_find_checkpoint(int dirfd, const struct note_verifier *v, size_t n, uint64_t size,
			struct tree_hash *root)
{
	struct checkpoint_record record;
	struct records records;
	bool found = false;
	int e = records_open(&records, dirfd);

	while (e >= 0 && !found && (e = records_next(&records)) > 0)
		found = checkpoint_record_parse(buf_bytes(&records.last), v, n, &record) == 0 &&
			record.checkpoint.size == size;
	if (found)
		*root = record.checkpoint.root;
	records_done(&records);
	return e < 0 ? e : found ? 0 : VERIFY_E_NONE;
}

/* ---- proofs ---- */

struct hashing {
	const struct tree_ranges *ranges;
	uint64_t size;
	struct tree trees[TREE_RANGES_MAX], whole;
};

static void hash(struct hashing *h, const struct tree_hash *leaf)
{
	uint64_t index = h->whole.size;

	for (size_t i = 0; i < h->ranges->n; i++)
		if (index >= h->ranges->r[i].from && index < h->ranges->r[i].to)
			tree_add(&h->trees[i], leaf);
	tree_add(&h->whole, leaf);
}

static int hash_item(void *arg, const struct walk_item *item)
{
	struct hashing *h = arg;
	struct tree_hash leaf;

	if (item->kind == WALK_TORN)
		return 0;
	if (item->kind != WALK_LINE &&
	    (item->kind != WALK_VOID || item->to - item->seq >= WALK_VOID_MAX))
		return -ERANGE;
	audit_line_leaf(item->kind == WALK_LINE ? item->text : bytes_of(NULL, 0), leaf.b);
	for (uint64_t i = item->seq; i <= item->to && h->whole.size < h->size; i++)
		hash(h, &leaf);
	return h->whole.size == h->size ? FOUND : 0;
}

int log_hashes(int dirfd, const struct tree_ranges *ranges, uint64_t size, struct tree_hash *out,
	       struct tree_hash *root)
{
	static struct hashing h; /* large, and the command line's alone */
	uint64_t end;
	int e;

	h = (struct hashing){.ranges = ranges, .size = size};
	e = log_walk(dirfd, 0, hash_item, &h, &end);
	if (e < 0)
		return e;
	if (h.whole.size != size)
		return -ERANGE;
	for (size_t i = 0; i < ranges->n; i++)
		tree_root(&h.trees[i], &out[i]);
	tree_root(&h.whole, root);
	return 0;
}
