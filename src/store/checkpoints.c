/* SPDX-License-Identifier: ISC */
/* The Merkle tree of the durable lines, and what is signed of it. */
#include "base/text.h"
#include "store/internal.h"
#include "store/walk.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_MAX (NOTE_MAX + 16 + TREE_HASHES_MAX * (2 * TREE_HASH_BYTES + 1))
#define FRONTIER   "frontier"
_Static_assert(2 * RECORD_MAX <= STORE_RECORDS_MAX, "two records");

static bool is_signing(const struct store *s)
{
	return s->config.n_signers > 0;
}

/*
 * A copy for verifiers, of the LEAVES from number FIRST on: what cannot be written there is missed by nobody else, and is filled in at the next start.
 */
static void copy_leaves(struct store *s, uint64_t first, struct bytes leaves)
{
	if (s->leaves_fd >= 0 && pwrite(s->leaves_fd, leaves.p, leaves.n,
					(off_t)(first * TREE_HASH_BYTES)) != (ssize_t)leaves.n) {
		close(s->leaves_fd);
		s->leaves_fd = -1;
	}
}

void checkpoints_leaves(struct store *s, struct bytes leaves)
{
	uint64_t first = s->tree.size;
	struct tree_hash leaf;

	if (!is_signing(s))
		return;
	for (size_t at = 0; at < leaves.n; at += sizeof(leaf)) {
		memcpy(&leaf, leaves.p + at, sizeof(leaf));
		tree_add(&s->tree, &leaf);
	}
	copy_leaves(s, first, leaves);
}

void checkpoints_void(struct store *s, uint64_t seq)
{
	struct tree_hash none;

	audit_line_leaf(bytes_of(NULL, 0), none.b);
	while (is_signing(s) && s->tree.size < seq)
		checkpoints_leaves(s, bytes_of(&none, sizeof(none)));
}

/* ---- writing ---- */

static void put_frontier(struct buf *b, const struct tree *t)
{
	buf_puts(b, FRONTIER);
	for (unsigned i = TREE_HASHES_MAX; i-- > 0;)
		if (t->size >> i & 1) {
			buf_putc(b, ' ');
			text_put_hex(b, bytes_of(t->full[i].b, sizeof(t->full[i].b)));
		}
	buf_puts(b, "\n\n");
}

static void put_record(const struct store *s, struct buf *b)
{
	struct checkpoint c = {.origin = bytes_str(s->config.signers[0].verifier.name),
			       .size = s->tree.size};
	struct buf text = BUF_INIT(NOTE_MAX);

	tree_root(&s->tree, &c.root);
	checkpoint_put(&text, &c);
	note_sign(b, buf_bytes(&text), s->config.signers, s->config.n_signers);
	put_frontier(b, &s->tree);
	if (buf_status(&text) < 0)
		b->failed = buf_status(&text);
	buf_done(&text);
}

static int write_all(int fd, struct bytes data, off_t at)
{
	while (data.n) {
		ssize_t n = pwrite(fd, data.p, data.n, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data = bytes_skip(data, (size_t)n);
		at += n;
	}
	return 0;
}

static int append(int fd, struct bytes data)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	r = write_all(fd, data, st.st_size);
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	/* Half of one would hide the next; and one that may not be on disk is not there. */
	if (r < 0 && ftruncate(fd, st.st_size) < 0)
		return -errno;
	return r;
}

int store_checkpoint(struct store *s)
{
	struct buf record = BUF_INIT(RECORD_MAX);
	int r;

	if (!is_signing(s) || s->tree.size == s->signed_size)
		return 0;
	put_record(s, &record);
	r = buf_status(&record);
	if (r == 0)
		r = append(s->checkpoints_fd, buf_bytes(&record));
	if (r == 0) {
		s->signed_size = s->tree.size;
		s->uncovered.any = s->overdue = false;
	}
	buf_done(&record);
	return r;
}

int checkpoints_before(struct store *s, int64_t now)
{
	struct span all = s->uncovered;
	int r;

	/* A gap is not signed before it is on record. */
	if (!is_signing(s) || (s->gap.found && !s->gap.told))
		return 0;
	span_join(&all, &s->staged_times);
	span_add(&all, now);
	if (!span_over(&all, STORE_UNSIGNED_SECONDS))
		return 0;
	r = store_checkpoint(s);
	if (r < 0) {
		s->overdue = true;
		s->problem = "no checkpoint can be written";
	}
	return r;
}

bool store_signed(const struct store *s, uint64_t *size, struct tree_hash *root)
{
	if (!is_signing(s) || s->signed_size != s->tree.size)
		return false;
	*size = s->tree.size;
	tree_root(&s->tree, root);
	return true;
}

bool store_gap(const struct store *s, uint64_t *from, uint64_t *to)
{
	*from = s->gap.from;
	*to = s->gap.to;
	return s->gap.found;
}

/* ---- reading ---- */

static bool from_hex(struct bytes hex, struct tree_hash *out)
{
	size_t n;

	for (size_t i = 0; i < hex.n; i++)
		if (hex.p[i] >= 'A' && hex.p[i] <= 'F')
			return false; /* one spelling only */
	return sodium_hex2bin(out->b, sizeof(out->b), (const char *)hex.p, hex.n, NULL, &n, NULL) ==
		       0 &&
	       n == sizeof(out->b);
}

/* "frontier HEX HEX…\n" of a tree of SIZE leaves; it begins so. */
static bool parse_frontier(struct bytes text, uint64_t size, struct tree *out)
{
	*out = (struct tree){.size = size};
	text = bytes_skip(text, strlen(FRONTIER));
	for (unsigned i = TREE_HASHES_MAX; i-- > 0;) {
		if (!(size >> i & 1))
			continue;
		if (text.n < 1 + 2 * TREE_HASH_BYTES || text.p[0] != ' ' ||
		    !from_hex(bytes_of(text.p + 1, 2 * TREE_HASH_BYTES), &out->full[i]))
			return false;
		text = bytes_skip(text, 1 + 2 * TREE_HASH_BYTES);
	}
	return bytes_is(text, "\n");
}

int checkpoint_record_parse(struct bytes record, const struct note_verifier *v, size_t n,
			    struct checkpoint_record *out)
{
	size_t at = bytes_find(record, BYTES("\n" FRONTIER));
	struct tree_hash root;
	int r;

	if (at == record.n)
		return NOTE_E_BAD;
	out->note = bytes_of(record.p, at + 1);
	r = note_open(out->note, v, n, &out->text);
	if (r != 0)
		return r;
	if (checkpoint_parse(&out->checkpoint, out->text) != 0 ||
	    !parse_frontier(bytes_skip(record, at + 1), out->checkpoint.size, &out->tree))
		return NOTE_E_BAD;
	tree_root(&out->tree, &root);
	return memcmp(&root, &out->checkpoint.root, sizeof(root)) == 0 ? 0 : NOTE_E_BAD;
}

/* The last record of the file: what stands between the last two of their ends. */
static int read_last(int fd, struct buf *record, uint64_t *end)
{
	struct stat st;
	size_t n, from = 0, until = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	n = st.st_size < 2 * RECORD_MAX ? (size_t)st.st_size : 2 * RECORD_MAX;
	if (n && (!buf_extend(record, n) ||
		  pread(fd, record->p, n, st.st_size - (off_t)n) != (ssize_t)n))
		return -EIO;
	/* A record ends in "frontier …\n\n"; a note has an empty line too. */
	for (size_t at = 0; at < record->n;) {
		struct bytes rest = bytes_skip(buf_bytes(record), at);
		size_t mark = bytes_find(rest, BYTES("\n" FRONTIER)), close;

		rest = bytes_skip(rest, mark);
		close = bytes_find(rest, BYTES("\n\n"));
		if (!rest.n || close == rest.n)
			break;
		from = until;
		until = at + mark + close + 2;
		at = until;
	}
	*end = (uint64_t)st.st_size - n + until;
	buf_truncate(record, until ? until - 1 : 0); /* without the empty line */
	buf_consume(record, from);
	return 0;
}

int checkpoints_last(int fd, struct buf *record)
{
	uint64_t end;

	return read_last(fd, record, &end);
}

/* What is gone counts as never written: earlier checkpoints say otherwise, or the log that there is a gap. */
static int add_none(struct store *s, const struct walk_item *item)
{
	if (item->to - item->seq >= WALK_VOID_MAX)
		return -EBADMSG;
	s->gap.found = s->gap.found || item->kind == WALK_MISSING;
	checkpoints_void(s, item->to + 1);
	return 0;
}

static int add_item(void *arg, const struct walk_item *item)
{
	struct store *s = arg;
	struct tree_hash leaf;
	struct bytes event;
	int64_t time;

	/* Bytes behind the last line of a segment are no part of the tree: verifiers name them. */
	if (item->kind == WALK_TORN || item->kind == WALK_TAIL)
		return 0;
	if (item->kind == WALK_EXTRA)
		return -EBADMSG;
	if (item->kind != WALK_LINE)
		return add_none(s, item);
	if (log_line_head(item->text, &time, &event))
		span_add(&s->uncovered, time);
	else
		s->gap.found = true;
	audit_line_leaf(item->text, leaf.b);
	checkpoints_leaves(s, bytes_of(&leaf, sizeof(leaf)));
	return 0;
}

/* What the last checkpoint does not cover. */
static int read_on(struct store *s)
{
	uint64_t end;
	int r;

	s->gap.from = s->tree.size;
	r = log_walk(s->dirfd, s->tree.size, add_item, s, &end);
	if (r < 0)
		return r;
	/* The last ones may be gone with all of their segment. */
	if (s->next_seq - s->tree.size > WALK_VOID_MAX)
		return -EBADMSG;
	s->gap.found = s->gap.found || s->tree.size < s->durable ||
		       span_over(&s->uncovered, STORE_GAP_SECONDS);
	s->gap.to = (s->tree.size > s->durable ? s->tree.size : s->durable) - 1;
	return 0;
}

/* The tree has more leaves than the log has lines: somebody took the end away. They keep their numbers. */
static void note_lost_end(struct store *s)
{
	snprintf(s->missing, sizeof(s->missing), "seq %llu to %llu are missing: they were signed",
		 (unsigned long long)s->next_seq, (unsigned long long)s->tree.size - 1);
	segment_close(&s->seg);
	s->next_seq = s->durable = s->tree.size;
}

int checkpoints_open(struct store *s)
{
	struct note_verifier v[STORE_SIGNERS_MAX];
	struct checkpoint_record last = {0};
	struct buf record = BUF_INIT(2 * RECORD_MAX);
	uint64_t end = 0;
	int r;

	if (!is_signing(s))
		return 0;
	for (size_t i = 0; i < s->config.n_signers; i++)
		v[i] = s->config.signers[i].verifier;
	s->checkpoints_fd = openat(s->dirfd, CHECKPOINTS_NAME,
				   O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	s->leaves_fd = openat(s->dirfd, LEAVES_NAME,
			      O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (s->checkpoints_fd < 0 || s->leaves_fd < 0)
		return -errno;
	r = read_last(s->checkpoints_fd, &record, &end);
	/* What a crash left of one goes; a whole one that is none of ours stays for people to see, and does not count. */
	if (r == 0 && ftruncate(s->checkpoints_fd, (off_t)end) < 0)
		r = -errno;
	if (r == 0 && record.n &&
	    checkpoint_record_parse(buf_bytes(&record), v, s->config.n_signers, &last) == 0) {
		s->tree = last.tree;
		s->signed_size = last.checkpoint.size;
	}
	buf_done(&record);
	if (r < 0)
		return r;
	if (s->tree.size > s->next_seq) {
		note_lost_end(s);
		return 0;
	}
	/* The copy may have less than the last checkpoint, after a power loss: nobody needs it for that. */
	if (ftruncate(s->leaves_fd, (off_t)(s->tree.size * TREE_HASH_BYTES)) < 0)
		return -errno;
	return read_on(s);
}
