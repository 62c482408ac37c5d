/* SPDX-License-Identifier: ISC */
#include "store/verify.h"

#include "base/text.h"
#include "store/internal.h"
#include "store/walk.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define CHUNK (64 * 1024)

/* ---- the checkpoints, one after the other ---- */

struct records {
	int fd;
	uint64_t at; /* what was read of the file */
	struct buf text;
	struct buf last; /* the record at hand */
};

/* The next record to R->last. 1; 0: there is none; -errno. A last one that is not whole does not count: a crash cut it, or it is being written. */
static int next_record(struct records *r)
{
	for (;;) {
		struct bytes text = buf_bytes(&r->text);
		size_t mark = bytes_find(text, BYTES("\nfrontier"));
		size_t end = mark + bytes_find(bytes_skip(text, mark), BYTES("\n\n"));
		void *to;
		ssize_t n;

		if (mark < text.n && end < text.n) {
			buf_reset(&r->last);
			buf_put(&r->last, text.p, end + 1);
			buf_consume(&r->text, end + 2);
			return buf_status(&r->last) < 0 ? buf_status(&r->last) : 1;
		}
		to = r->fd < 0 ? NULL : buf_extend(&r->text, CHUNK);
		if (r->fd < 0)
			return 0;
		if (!to)
			return buf_status(&r->text);
		n = pread(r->fd, to, CHUNK, (off_t)r->at);
		if (n < 0)
			return -errno;
		buf_truncate(&r->text, r->text.n - CHUNK + (size_t)n);
		r->at += (uint64_t)n;
		if (n == 0)
			return 0;
	}
}

/* ---- verifying ---- */

struct run {
	struct verify *v;
	struct records records;
	struct tree tree;
	bool pending; /* NEXT is a checkpoint that is still to come */
	struct checkpoint_record next;
	uint64_t good_size; /* the last checkpoint that held */
	/* The copy of the leaves since then: whether it leads to what was signed, and where the lines part from it. */
	int leaves_fd;
	struct buf leaves; /* read ahead, from the next line's on */
	struct tree copy;
	bool differs;
	uint64_t differs_at;
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
	int e = next_record(&r->records);

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
	if (r->next.checkpoint.size < r->tree.size ||
	    (r->v->checkpoints && r->next.checkpoint.size <= r->good_size))
		return bad(r, r->good_size, r->tree.size, "checkpoint %llu is out of order",
			   (unsigned long long)r->v->checkpoints);
	r->v->checkpoints++;
	return 0;
}

/* The leaf of the line that comes next, as the copy has it. False when there is none. */
static bool next_copy(struct run *r, struct tree_hash *out)
{
	if (r->leaves.n < sizeof(*out) && r->leaves_fd >= 0) {
		unsigned char *to;
		ssize_t n;

		buf_reset(&r->leaves);
		to = buf_extend(&r->leaves, CHUNK);
		n = to ? pread(r->leaves_fd, to, CHUNK, (off_t)(r->tree.size * sizeof(*out))) : 0;
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

	if (!next_copy(r, &copy))
		return;
	tree_add(&r->copy, &copy);
	if (!r->differs && memcmp(&copy, leaf, sizeof(copy)) != 0) {
		r->differs = true;
		r->differs_at = r->tree.size;
	}
}

/* Where the first bad line is: exactly, if the copy of the leaves is what was signed; else the last good checkpoint and the two frontiers narrow it down. */
static void narrow(const struct run *r, uint64_t *from, uint64_t *to)
{
	struct tree_hash root;
	uint64_t at = 0;

	tree_root(&r->copy, &root);
	if (r->differs && r->copy.size == r->tree.size &&
	    memcmp(&root, &r->next.checkpoint.root, sizeof(root)) == 0) {
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

/* The tree has grown to a size that somebody may have signed. */
static int compare(struct run *r)
{
	struct tree_hash root;
	uint64_t from, to;
	int e;

	if (r->v->has_since && r->v->since.size == r->tree.size) {
		tree_root(&r->tree, &root);
		if (memcmp(&root, &r->v->since.root, sizeof(root)) != 0)
			return bad(r, 0, r->tree.size ? r->tree.size - 1 : 0,
				   "the first %llu lines are not those of the checkpoint that you "
				   "have",
				   (unsigned long long)r->tree.size);
	}
	while (r->pending && r->next.checkpoint.size == r->tree.size) {
		tree_root(&r->tree, &root);
		if (memcmp(&root, &r->next.checkpoint.root, sizeof(root)) != 0) {
			narrow(r, &from, &to);
			return bad(r, from, to, "not what was signed");
		}
		r->good_size = r->v->covered = r->tree.size;
		r->copy = r->tree;
		r->differs = false;
		e = load_next(r);
		if (e != 0)
			return e;
	}
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

/* A line says its own number first, and its duration last: two that have become one are seen by that. */
static bool is_line(struct bytes text, uint64_t seq)
{
	char want[40];
	struct bytes end;

	snprintf(want, sizeof(want), "{\"seq\":%llu,", (unsigned long long)seq);
	if (!bytes_starts(text, bytes_str(want)) || text.p[text.n - 1] != '}')
		return false;
	end = bytes_skip(text, bytes_find(text, BYTES(",\"duration_ms\":")));
	return bytes_find(end, BYTES("}")) == end.n - 1;
}

static int on_item(void *arg, const struct walk_item *item)
{
	struct run *r = arg;
	struct tree_hash leaf;
	int e = 0;

	switch (item->kind) {
	case WALK_TORN:
		r->v->torn = true;
		return 0;
	case WALK_MISSING:
		return bad(r, item->seq, item->to, "missing");
	case WALK_EXTRA:
		return bad(r, item->seq, item->seq,
			   "one line more than there can be, in segment %llu",
			   (unsigned long long)item->segment);
	case WALK_VOID:
		audit_line_leaf(bytes_of(NULL, 0), leaf.b);
		r->v->voids += item->to - item->seq + 1;
		for (uint64_t i = item->seq; i <= item->to && e == 0; i++)
			e = add(r, &leaf);
		return e;
	case WALK_LINE:
		break;
	}
	if (!is_line(item->text, item->seq))
		return bad(r, item->seq, item->seq, "not the line of that number");
	audit_line_leaf(item->text, leaf.b);
	return add(r, &leaf);
}

/* All lines were seen: what should have come and did not? */
static int at_end(struct run *r)
{
	struct verify *v = r->v;

	if (r->pending)
		return bad(r, v->size, r->next.checkpoint.size - 1,
			   "missing: a checkpoint says that there were %llu lines",
			   (unsigned long long)r->next.checkpoint.size);
	if (v->has_since && v->since.size > v->size)
		return bad(r, v->size, v->since.size - 1,
			   "missing: the checkpoint that you have says that there were %llu lines",
			   (unsigned long long)v->since.size);
	if (v->receipt.given && v->receipt.index >= v->size)
		return bad(r, v->receipt.index, v->receipt.index,
			   "missing: there is a receipt for it");
	if (!v->checkpoints)
		return bad(r, 0, v->size ? v->size - 1 : 0, "there is no checkpoint");
	return 0;
}

int log_verify(int dirfd, struct verify *v)
{
	struct run r = {.v = v,
			.records = {.fd = openat(dirfd, CHECKPOINTS_NAME,
						 O_RDONLY | O_NOFOLLOW | O_CLOEXEC),
				    .text = BUF_INIT(CHUNK * 4),
				    .last = BUF_INIT(CHUNK * 2)},
			.leaves_fd = openat(dirfd, LEAVES_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC),
			.leaves = BUF_INIT(CHUNK)};
	uint64_t end;
	int e;

	v->good = true;
	e = r.records.fd < 0 && errno != ENOENT ? -errno : load_next(&r);
	if (e == 0)
		e = compare(&r);
	if (e == 0)
		e = log_walk(dirfd, 0, on_item, &r, &end);
	v->size = r.tree.size;
	if (e == 0)
		e = at_end(&r);
	if (r.records.fd >= 0)
		close(r.records.fd);
	if (r.leaves_fd >= 0)
		close(r.leaves_fd);
	buf_done(&r.leaves);
	buf_done(&r.records.text);
	buf_done(&r.records.last);
	return e < 0 ? e : 0;
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
	if (item->kind == WALK_MISSING || item->kind == WALK_EXTRA)
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
