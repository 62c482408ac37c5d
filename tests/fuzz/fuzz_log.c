/* SPDX-License-Identifier: ISC */
/*
 * The log's readers over a directory of any bytes. Input: a byte that says in which pieces files are read a second time, if at all, then files with a NUL between: the checkpoints; segments, each with the number that names
 * it on a line of its own in front. The verdict is the same in whatever pieces, and whatever the copy of the leaves says; and where it is "good" the lines are those that our key signed, which is
 * found here once more, naively. Seeds were signed by it (fuzz.example/log, seed 7 and zeros).
 */
#include "audit/line.h"
#include "fuzz.h"
#include "store/reader.h"
#include "store/store.h"
#include "store/verify.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#define ORIGIN	     "fuzz.example/log"
#define FILES_MAX    8
#define NAME	     "audit-%020llu.jsonl"
#define LOG_SIZE_MAX 2000 /* voids that are worth hashing */

static char path[] = "/dev/shm/postern-fuzz-log-XXXXXX";
static int dir = -1;
static struct note_signer ours, foreign;

/* ---- reading in pieces ---- */

static size_t piece; /* bytes; 0: as asked for */

ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __real_pread64(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at);

ssize_t __wrap_read(int fd, void *p, size_t n)
{
	return __real_read(fd, p, piece && n > piece ? piece : n);
}

ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at)
{
	return __real_pread64(fd, p, piece && n > piece ? piece : n, at);
}

/* ---- the directory ---- */

struct segment_text {
	uint64_t first;
	struct bytes text;
};

struct input {
	struct bytes checkpoints;
	struct segment_text segments[FILES_MAX]; /* ascending */
	size_t n;
};

static void put_file(const char *name, struct bytes text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && (text.n == 0 || write(fd, text.p, text.n) == (ssize_t)text.n));
	close(fd);
}

static bool take_number(struct bytes in, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] < '0' || in.p[i] > '9' || i > 8)
			return false;
		*out = *out * 10 + (in.p[i] - '0');
	}
	return true;
}

/* False when two have one name. */
static bool take_input(struct bytes in, struct input *out)
{
	*out = (struct input){.checkpoints = fuzz_part(&in, 0)};
	while (in.n && out->n < FILES_MAX) {
		struct segment_text s = {.text = fuzz_part(&in, 0)};
		size_t i = out->n;

		if (!take_number(fuzz_part(&s.text, '\n'), &s.first))
			return false;
		for (; i > 0 && out->segments[i - 1].first >= s.first; i--) {
			if (out->segments[i - 1].first == s.first)
				return false;
			out->segments[i] = out->segments[i - 1];
		}
		out->segments[i] = s;
		out->n++;
	}
	return true;
}

/* What stays from one input to the next is written over, which takes less time than to make it anew. */
static void put_directory(const struct input *in)
{
	static uint64_t there[FILES_MAX];
	static size_t n_there;
	char name[64];

	put_file(CHECKPOINTS_NAME, in->checkpoints);
	for (size_t i = 0; i < n_there; i++) {
		size_t k = 0;

		while (k < in->n && in->segments[k].first != there[i])
			k++;
		snprintf(name, sizeof(name), NAME, (unsigned long long)there[i]);
		if (k == in->n)
			unlinkat(dir, name, 0);
	}
	n_there = in->n;
	for (size_t i = 0; i < in->n; i++) {
		there[i] = in->segments[i].first;
		snprintf(name, sizeof(name), NAME, (unsigned long long)there[i]);
		put_file(name, in->segments[i].text);
	}
}

/* ---- naively ---- */

/* The tree of the first SIZE whole lines, and how many there are. Leaves go into COPY. */
static uint64_t naive_tree(const struct input *in, uint64_t size, struct tree *t, struct buf *copy)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < in->n; i++) {
		struct bytes rest = in->segments[i].text;

		while (bytes_find(rest, BYTES("\n")) < rest.n) {
			struct tree_hash leaf;

			audit_line_leaf(fuzz_part(&rest, '\n'), leaf.b);
			buf_put(copy, leaf.b, sizeof(leaf.b));
			if (lines++ < size)
				tree_add(t, &leaf);
		}
	}
	return lines;
}

static void check_signed(const struct input *in, const struct verify *v)
{
	struct checkpoint c = {.size = v->covered};
	struct buf text = BUF_INIT(1024), leaves = BUF_INIT(1 << 20);
	struct tree_ranges none = {.n = 0};
	struct tree_hash root;
	struct tree t = {0};

	CHECK(naive_tree(in, v->covered, &t, &leaves) == v->size && v->covered <= v->size);
	tree_root(&t, &c.root);
	checkpoint_put(&text, &c); /* without its origin: "\n7\nROOT\n" */
	CHECK(bytes_find(in->checkpoints, buf_bytes(&text)) < in->checkpoints.n);
	CHECK(log_hashes(dir, &none, v->covered, NULL, &root) == 0);
	CHECK(memcmp(&root, &c.root, sizeof(root)) == 0);
	buf_done(&text);
	buf_done(&leaves);
}

/* ---- verdicts ---- */

static struct verify verdict(const struct note_signer *s)
{
	struct verify v = {.verifiers = &s->verifier, .n_verifiers = 1};

	CHECK(log_verify(dir, &v) == 0);
	CHECK(v.good || (v.why[0] && v.bad <= v.bad_to + 1));
	CHECK(!v.good || v.checkpoints);
	return v;
}

static void check_same(const struct verify *a, const struct verify *b)
{
	CHECK(a->good == b->good && a->size == b->size && a->covered == b->covered);
	CHECK(a->checkpoints == b->checkpoints && a->voids == b->voids && a->torn == b->torn);
	/* With a good copy a line that is none may be named that was one of many in doubt. */
	CHECK(strcmp(a->why, b->why) == 0 || (!a->good && b->bad >= a->bad && a->bad < a->bad_to));
}

static int count(void *arg, const struct log_line *line)
{
	uint64_t *lines = arg;

	CHECK((line->state == LOG_LINE_GOOD) == (line->object != NULL) && line->number);
	lines[line->state]++;
	return 0;
}

/* In pieces, and with a copy of the leaves, one of them not right: it may be told more exactly where, and nothing else. */
static void try_again(const struct input *in, unsigned pieces, const struct verify *v,
		      const uint64_t lines[3])
{
	struct buf leaves = BUF_INIT(1 << 20);
	uint64_t again[3] = {0};
	struct tree t = {0};
	struct verify other;

	naive_tree(in, 0, &t, &leaves);
	if (leaves.n)
		leaves.p[pieces * 7 % leaves.n] ^= 1;
	put_file(LEAVES_NAME, buf_bytes(&leaves));
	piece = 100 + pieces * 3;
	other = verdict(&ours);
	CHECK(log_read(path, count, again) == 0);
	piece = 0;
	check_same(v, &other);
	CHECK(v->bad <= other.bad && other.bad_to <= v->bad_to);
	CHECK(memcmp(lines, again, sizeof(again)) == 0);
	buf_done(&leaves);
}

static void try_directory(const struct input *in, unsigned pieces)
{
	struct verify v, other = {.good = false};
	uint64_t lines[3] = {0};

	put_file(LEAVES_NAME, bytes_of(NULL, 0));
	v = verdict(&ours);
	if (v.good && v.voids == 0)
		check_signed(in, &v);
	if (v.good)
		other = verdict(&foreign);
	CHECK(!other.good);
	CHECK(log_read(path, count, lines) == 0);
	if (v.good && v.voids == 0)
		CHECK(lines[LOG_LINE_GOOD] + lines[LOG_LINE_BAD] == v.size);
	/* It takes as long again. */
	if (pieces % 4 == 0)
		try_again(in, pieces, &v, lines);
}

static void end(void)
{
	static const struct input nothing;

	put_directory(&nothing);
	unlinkat(dir, CHECKPOINTS_NAME, 0);
	unlinkat(dir, LEAVES_NAME, 0);
	close(dir);
	rmdir(path);
}

static void begin(void)
{
	static const unsigned char seed[NOTE_SEED_BYTES] = {7}, other[NOTE_SEED_BYTES] = {8};

	if (dir >= 0)
		return;
	CHECK(sodium_init() >= 0 && mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(dir >= 0 && atexit(end) == 0);
	note_signer_init(&ours, BYTES(ORIGIN), seed);
	note_signer_init(&foreign, BYTES(ORIGIN), other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	unsigned pieces = fuzz_byte(&in);
	struct input input;

	begin();
	if (!take_input(in, &input) ||
	    (input.n && input.segments[input.n - 1].first > LOG_SIZE_MAX))
		return 0;
	put_directory(&input);
	try_directory(&input, pieces);
	return 0;
}
