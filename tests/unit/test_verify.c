/* SPDX-License-Identifier: ISC */
/* The log held against its checkpoints: what is found, and where; and that nothing is found where only the disk failed. */
#include "store_rig.h"

#include "store/verify.h"
#include "store/walk.h"

#include <fcntl.h>

static struct note_signer signers[2];

static void make_signers(void)
{
	static const unsigned char seeds[2][NOTE_SEED_BYTES] = {{1, 2, 3}, {4, 5, 6}};

	for (size_t i = 0; i < 2; i++)
		note_signer_init(&signers[i], BYTES("gateway.example/audit"), seeds[i]);
}

static struct log signed_log(uint64_t segment_bytes)
{
	return log_signed(signers, segment_bytes);
}

/* What comes of it, all that is not looked at being good. */
static struct verify verify_dir(const char *dir, const struct note_signer *who)
{
	struct verify v = {.verifiers = &who->verifier, .n_verifiers = 1};
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(log_verify(fd, &v), 0);
	close(fd);
	return v;
}

static void expect_good(const struct log *l, uint64_t size)
{
	struct verify v = verify_dir(l->dir, &signers[0]);

	if (!v.good)
		fail_msg("line %llu: %s", (unsigned long long)v.bad, v.why);
	assert_int_equal(v.covered, size);
	assert_int_equal(v.size, size);
}

/* N lines, a checkpoint after each third. */
static void fill(struct log *l, unsigned n)
{
	char id[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%u", i);
		put(l, "get_zones.outcome", id);
		if (i % 3 == 2)
			assert_int_equal(store_checkpoint(l->store), 0);
	}
	assert_int_equal(store_checkpoint(l->store), 0);
}

/* ---- files, as somebody might change them ---- */

struct copy {
	const struct log *log;
	char dir[64];
};

static void copy_file(const struct log *l, const char *name, void *arg)
{
	struct copy *c = arg;
	char from[512], to[512], chunk[65536];
	ssize_t n;
	int in, out;

	snprintf(from, sizeof(from), "%s/%s", l->dir, name);
	snprintf(to, sizeof(to), "%s/%s", c->dir, name);
	in = open(from, O_RDONLY);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, chunk, sizeof(chunk))) > 0)
		assert_int_equal(write(out, chunk, (size_t)n), n);
	close(in);
	close(out);
}

static struct copy copy_of(const struct log *l)
{
	struct copy c = {.log = l};

	make_directory(c.dir);
	each_file(l, copy_file, &c);
	return c;
}

static void copy_done(struct copy *c)
{
	struct log l = {.store = NULL};

	memcpy(l.dir, c->dir, sizeof(l.dir));
	each_file(&l, remove_file, NULL);
	rmdir(c->dir);
}

static void set_copy(const struct copy *c, const char *name, struct bytes text)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", c->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	close(fd);
}

/* Where line I begins in TEXT. */
static size_t line_at(struct bytes text, size_t i)
{
	size_t at = 0;

	while (i-- > 0)
		at += bytes_find(bytes_skip(text, at), BYTES("\n")) + 1;
	return at;
}

static void expect_bad(const struct copy *c, uint64_t line, const char *what, size_t at)
{
	struct verify v = verify_dir(c->dir, &signers[0]);

	if (v.good || v.bad != line)
		fail_msg("%s at %zu: wanted line %llu, and it is %s %llu: %s", what, at,
			 (unsigned long long)line, v.good ? "good" : "line",
			 (unsigned long long)v.bad, v.why);
}

/* ---- tests ---- */

static void test_good(void **state)
{
	struct log l = signed_log(1 << 20);

	fill(&l, 20);
	expect_good(&l, 21);
	/* With nothing new nothing is signed. */
	assert_int_equal(store_checkpoint(l.store), 0);
	assert_int_equal(verify_dir(l.dir, &signers[0]).checkpoints, 7);
	/* Goes on where it was, also from lines that no checkpoint covers, and when there is none any more. */
	put(&l, "a.outcome", "x");
	reopen(&l);
	fill(&l, 5);
	expect_good(&l, 27);
	unlinkat(l.dirfd, CHECKPOINTS_NAME, 0);
	unlinkat(l.dirfd, LEAVES_NAME, 0);
	reopen(&l);
	put(&l, "a.outcome", "y");
	assert_int_equal(store_checkpoint(l.store), 0);
	expect_good(&l, 28);
	log_done(&l);
}

static void test_segments(void **state)
{
	struct log l = signed_log(2000);

	fill(&l, 50);
	assert_true(files(&l) > 5);
	assert_true(verify_dir(l.dir, &signers[0]).good);
	reopen(&l);
	fill(&l, 50);
	assert_true(verify_dir(l.dir, &signers[0]).good);
	log_done(&l);
}

/* Bytes, lines: each, in turn, is another, is gone, comes twice, changes its place. */
static void test_every_change_is_found(void **state)
{
	struct log l = signed_log(1 << 20);
	char name[SEGMENT_NAME_MAX];
	struct buf text, other = BUF_INIT(16u << 20);
	struct copy c;
	const size_t lines = 13;
	size_t line = 0;

	fill(&l, (unsigned)lines - 1);
	segment_name(name, 0);
	text = get_file(&l, name);
	c = copy_of(&l);
	for (size_t i = 0; i < text.n; i++) {
		buf_reset(&other);
		buf_put_bytes(&other, buf_bytes(&text));
		other.p[i] ^= (unsigned char)(1 << i % 8);
		set_copy(&c, name, buf_bytes(&other));
		expect_bad(&c, line, "a flipped bit", i);
		line += text.p[i] == '\n';
	}
	for (size_t i = 0; i < lines; i++) {
		size_t at = line_at(buf_bytes(&text), i), next = line_at(buf_bytes(&text), i + 1);
		struct bytes before = bytes_of(text.p, at), one = bytes_of(text.p + at, next - at),
			     rest = bytes_skip(buf_bytes(&text), next);
		size_t n = i + 1 < lines ? line_at(rest, 1) : 0;

		buf_reset(&other);
		buf_put_bytes(&other, before);
		buf_put_bytes(&other, rest);
		set_copy(&c, name, buf_bytes(&other));
		expect_bad(&c, i, "a line is gone", i);

		buf_reset(&other);
		buf_put_bytes(&other, before);
		buf_put_bytes(&other, one);
		buf_put_bytes(&other, one);
		buf_put_bytes(&other, rest);
		set_copy(&c, name, buf_bytes(&other));
		expect_bad(&c, i + 1, "a line comes twice", i);

		set_copy(&c, name, before);
		expect_bad(&c, i, "the end is gone", i);
		if (!n)
			continue;
		buf_reset(&other);
		buf_put_bytes(&other, before);
		buf_put(&other, rest.p, n);
		buf_put_bytes(&other, one);
		buf_put_bytes(&other, bytes_skip(rest, n));
		set_copy(&c, name, buf_bytes(&other));
		expect_bad(&c, i, "two lines have changed places", i);
	}
	/* Lines that nobody signed yet may be anything. */
	buf_reset(&other);
	buf_put_bytes(&other, buf_bytes(&text));
	buf_puts(&other, "{\"seq\":13,\"time\":\"2024-10-04T01:00:00Z\",\"event\":\"x\","
			 "\"duration_ms\":0}\n");
	set_copy(&c, name, buf_bytes(&other));
	assert_true(verify_dir(c.dir, &signers[0]).good);
	assert_int_equal(verify_dir(c.dir, &signers[0]).covered, lines);
	buf_done(&text);
	buf_done(&other);
	copy_done(&c);
	log_done(&l);
}

/* Without the copy of the leaves, or with a false one, a changed line is narrowed down to those between two checkpoints. */
static void test_without_leaves(void **state)
{
	struct log l = signed_log(1 << 20);
	char name[SEGMENT_NAME_MAX];
	struct buf text;
	struct copy c;
	struct verify v;

	fill(&l, 12);
	segment_name(name, 0);
	text = get_file(&l, name);
	c = copy_of(&l);
	text.p[line_at(buf_bytes(&text), 5) + 40] ^= 1;
	set_copy(&c, name, buf_bytes(&text));
	expect_bad(&c, 5, "a flipped bit", 5);
	for (int turn = 0; turn < 2; turn++) {
		set_copy(&c, LEAVES_NAME, bytes_of(text.p, turn ? text.n : 0));
		v = verify_dir(c.dir, &signers[0]);
		assert_false(v.good);
		assert_true(v.bad <= 5 && v.bad_to >= 5 && v.bad_to - v.bad < 3);
	}
	buf_done(&text);
	copy_done(&c);
	log_done(&l);
}

static void test_segments_that_are_gone(void **state)
{
	struct log l = signed_log(2000);
	struct copy c;
	uint64_t *first;
	size_t n;

	fill(&l, 50);
	assert_int_equal(log_segments(l.dirfd, &first, &n), 0);
	assert_true(n > 5);
	for (size_t i = 0; i < n; i++) {
		char path[512], name[SEGMENT_NAME_MAX];

		c = copy_of(&l);
		segment_name(name, first[i]);
		snprintf(path, sizeof(path), "%s/%s", c.dir, name);
		unlink(path);
		expect_bad(&c, first[i], "a segment is gone", i);
		copy_done(&c);
	}
	free(first);
	log_done(&l);
}

static void test_checkpoints(void **state)
{
	struct log l = signed_log(1 << 20);
	struct buf text, other = BUF_INIT(1u << 20);
	struct copy c;
	struct verify v;

	fill(&l, 12);
	text = get_file(&l, CHECKPOINTS_NAME);
	c = copy_of(&l);
	for (size_t i = 0; i < text.n; i++) {
		buf_reset(&other);
		buf_put_bytes(&other, buf_bytes(&text));
		other.p[i] ^= (unsigned char)(1 << i % 8);
		set_copy(&c, CHECKPOINTS_NAME, buf_bytes(&other));
		v = verify_dir(c.dir, &signers[0]);
		/* The last one may be taken for one that is being written: it then covers nothing. */
		assert_true(!v.good || v.covered < 13);
	}
	/* Another's signature is nobody's. */
	v = verify_dir(l.dir, &signers[1]);
	assert_false(v.good);
	assert_non_null(strstr(v.why, "known key"));
	set_copy(&c, CHECKPOINTS_NAME, bytes_of(NULL, 0));
	expect_bad(&c, 0, "no checkpoints", 0);
	assert_non_null(strstr(verify_dir(c.dir, &signers[0]).why, "no checkpoint"));
	/* The same twice. */
	buf_reset(&other);
	buf_put_bytes(&other, buf_bytes(&text));
	buf_put_bytes(&other, buf_bytes(&text));
	set_copy(&c, CHECKPOINTS_NAME, buf_bytes(&other));
	v = verify_dir(c.dir, &signers[0]);
	assert_false(v.good);
	assert_non_null(strstr(v.why, "out of order"));
	buf_done(&text);
	buf_done(&other);
	copy_done(&c);
	log_done(&l);
}

/* All of it, checkpoints too, as it was some time ago: only who kept something sees that. */
static void test_rollback(void **state)
{
	struct log l = signed_log(1 << 20);
	struct checkpoint_record kept;
	struct store_receipt receipt;
	struct buf record = BUF_INIT(STORE_RECORDS_MAX);
	struct verify v;
	struct copy old;
	int fd;

	fill(&l, 6);
	old = copy_of(&l);
	assert_int_equal(stage(&l, "add_record.outcome", "r", &receipt), 0);
	assert_int_equal(store_commit(l.store, l.now), 0);
	assert_int_equal(store_checkpoint(l.store), 0);
	fd = openat(l.dirfd, CHECKPOINTS_NAME, O_RDONLY);
	assert_int_equal(checkpoints_last(fd, &record), 0);
	close(fd);
	assert_int_equal(
		checkpoint_record_parse(buf_bytes(&record), &signers[0].verifier, 1, &kept), 0);
	assert_true(verify_dir(old.dir, &signers[0]).good);
	for (int turn = 0; turn < 4; turn++) {
		const char *dir = turn & 1 ? old.dir : l.dir;

		v = (struct verify){.verifiers = &signers[0].verifier, .n_verifiers = 1};
		if (turn < 2) {
			v.has_since = true;
			v.since = kept.checkpoint;
		} else {
			v.receipt.given = true;
			v.receipt.index = receipt.seq;
			memcpy(v.receipt.leaf.b, receipt.leaf, sizeof(receipt.leaf));
		}
		fd = open(dir, O_RDONLY | O_DIRECTORY);
		assert_int_equal(log_verify(fd, &v), 0);
		close(fd);
		assert_int_equal(v.good, !(turn & 1));
		assert_true(v.good || v.bad == 7);
	}
	/* And who goes on from there contradicts what was kept. */
	v = (struct verify){.verifiers = &signers[0].verifier, .n_verifiers = 1, .has_since = true};
	v.since = kept.checkpoint;
	v.since.root.b[0] ^= 1;
	assert_int_equal(log_verify(l.dirfd, &v), 0);
	assert_false(v.good);
	v.has_since = false;
	v.receipt = (struct verify_receipt){.given = true, .index = 3};
	assert_int_equal(log_verify(l.dirfd, &v), 0);
	assert_true(!v.good && v.bad == 3);
	buf_done(&record);
	copy_done(&old);
	log_done(&l);
}

/* ---- where only the disk failed ---- */

static int fails(int fd)
{
	return errno = EIO, -1;
}

static ssize_t no_room(int fd, const void *p, size_t n, off_t at)
{
	return errno = ENOSPC, -1;
}

/* Half of it, and then the power is gone. */
static ssize_t half(int fd, const void *p, size_t n, off_t at)
{
	return n < 10 ? (errno = EIO, -1) : pwrite(fd, p, n / 2, at);
}

static void test_failed_syncs(void **state)
{
	struct log l = signed_log(1 << 20);

	fill(&l, 4);
	for (int turn = 0; turn < 3; turn++) {
		struct store_receipt r;

		for (int i = 0; i < 3; i++)
			assert_int_equal(stage(&l, "add_record.refused", "r", &r), 0);
		store_sync = fails;
		assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
		store_sync = fdatasync;
		/* The numbers are passed over; their lines stand in the file all the same. */
		assert_int_equal(store_recover(l.store, l.now), 0);
		put(&l, "a.outcome", "x");
		if (turn == 1)
			reopen(&l);
		assert_int_equal(store_checkpoint(l.store), 0);
		assert_int_equal(verify_dir(l.dir, &signers[0]).voids, 3 * (turn + 1));
	}
	expect_good(&l, 5 + 3 * (3 + 2));
	log_done(&l);
}

static void test_failed_writes(void **state)
{
	struct log l = signed_log(1 << 20);
	struct store_receipt r;

	fill(&l, 4);
	store_write = no_room;
	assert_int_equal(stage(&l, "add_record.refused", "r", &r), 0);
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	store_write = half;
	assert_int_equal(stage(&l, "add_record.refused", "r", &r), 0);
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	store_write = pwrite;
	fill(&l, 2);
	assert_true(verify_dir(l.dir, &signers[0]).good);
	/* A torn end, as a crash leaves it. */
	append_text(path_of(&l), "{\"seq\":");
	assert_true(verify_dir(l.dir, &signers[0]).torn);
	assert_true(verify_dir(l.dir, &signers[0]).good);
	reopen(&l);
	fill(&l, 2);
	assert_true(verify_dir(l.dir, &signers[0]).good);
	assert_false(verify_dir(l.dir, &signers[0]).torn);
	log_done(&l);
}

/* A checkpoint that a crash cut short is gone at the next start; one that could not be written is made up for. */
static void test_torn_checkpoint(void **state)
{
	struct log l = signed_log(1 << 20);
	struct buf text;
	struct copy c;

	fill(&l, 7);
	text = get_file(&l, CHECKPOINTS_NAME);
	for (size_t cut = 0; cut <= text.n; cut++) {
		struct log again = {.now = START, .config = l.config};

		c = copy_of(&l);
		set_copy(&c, CHECKPOINTS_NAME, bytes_of(text.p, cut));
		memcpy(again.dir, c.dir, sizeof(again.dir));
		log_open(&again);
		put(&again, "a.outcome", "x");
		assert_int_equal(store_checkpoint(again.store), 0);
		expect_good(&again, 9);
		log_close(&again);
		copy_done(&c);
	}
	buf_done(&text);
	log_done(&l);
}

/* The scribe was away, and somebody took lines off the end: it goes on behind them, and the gap is seen. */
static void test_shortened_while_away(void **state)
{
	struct log l = signed_log(1 << 20);
	char name[SEGMENT_NAME_MAX], path[512];
	struct buf text;
	struct verify v;

	fill(&l, 9);
	segment_name(name, 0);
	text = get_file(&l, name);
	log_close(&l);
	snprintf(path, sizeof(path), "%s/%s", l.dir, name);
	assert_int_equal(truncate(path, (off_t)line_at(buf_bytes(&text), 6)), 0);
	log_open(&l);
	put(&l, "a.outcome", "x");
	assert_int_equal(store_checkpoint(l.store), 0);
	v = verify_dir(l.dir, &signers[0]);
	assert_true(!v.good && v.bad == 6 && v.bad_to == 9);
	buf_done(&text);
	log_done(&l);
}

/* Keys take turns: both sign for a while. */
static void test_key_rotation(void **state)
{
	struct log l = signed_log(1 << 20);

	fill(&l, 3);
	l.config.n_signers = 2;
	reopen(&l);
	fill(&l, 3);
	assert_true(verify_dir(l.dir, &signers[0]).good);
	/* Who knows the new one alone cannot judge the oldest checkpoints. */
	assert_false(verify_dir(l.dir, &signers[1]).good);
	l.config.signers = &signers[1];
	l.config.n_signers = 1;
	reopen(&l);
	fill(&l, 3);
	{
		const struct note_verifier both[] = {signers[0].verifier, signers[1].verifier};
		struct verify v = {.verifiers = both, .n_verifiers = 2};

		assert_int_equal(log_verify(l.dirfd, &v), 0);
		assert_true(v.good && v.covered == 10);
	}
	log_done(&l);
}

/* Proofs made from the log hold against its checkpoints. */
static void test_proofs(void **state)
{
	struct log l = signed_log(2000);
	struct tree_hash proof[TREE_RANGES_MAX], root, old_root, leaf;
	struct tree_ranges ranges, none = {0};
	struct store_receipt r;
	uint64_t size;

	fill(&l, 20);
	assert_int_equal(stage(&l, "a.refused", "x", &r), 0);
	assert_int_equal(store_commit(l.store, l.now), 0);
	memcpy(leaf.b, r.leaf, sizeof(leaf.b));
	fill(&l, 20);
	size = verify_dir(l.dir, &signers[0]).size;
	tree_inclusion(r.seq, size, &ranges);
	assert_int_equal(log_hashes(l.dirfd, &ranges, size, proof, &root), 0);
	assert_int_equal(tree_check_inclusion(&leaf, r.seq, size, proof, ranges.n, &root), 0);
	assert_int_equal(log_hashes(l.dirfd, &none, 10, proof, &old_root), 0);
	tree_consistency(10, size, &ranges);
	assert_int_equal(log_hashes(l.dirfd, &ranges, size, proof, &root), 0);
	assert_int_equal(tree_check_consistency(10, &old_root, size, &root, proof, ranges.n), 0);
	assert_int_equal(log_hashes(l.dirfd, &none, size + 1, proof, &root), -ERANGE);
	log_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_every_change_is_found),
		cmocka_unit_test(test_without_leaves),
		cmocka_unit_test(test_segments_that_are_gone),
		cmocka_unit_test(test_checkpoints),
		cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_failed_syncs),
		cmocka_unit_test(test_failed_writes),
		cmocka_unit_test(test_torn_checkpoint),
		cmocka_unit_test(test_shortened_while_away),
		cmocka_unit_test(test_key_rotation),
		cmocka_unit_test(test_proofs),
	};

	make_signers();
	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
