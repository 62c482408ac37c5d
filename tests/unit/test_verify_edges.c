/* SPDX-License-Identifier: ISC */
/* What a verifier says of a log, to the number and the word. */
#include "store_rig.h"

#include "store/verify.h"

static struct note_signer signer;

static struct verify verified_with(const struct log *l, struct verify v)
{
	int fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	v.verifiers = &signer.verifier;
	v.n_verifiers = 1;
	assert_int_equal(log_verify(fd, &v), 0);
	close(fd);
	return v;
}

static struct verify verified(const struct log *l)
{
	return verified_with(l, (struct verify){0});
}

static void expect_bad(const struct log *l, uint64_t from, uint64_t to, const char *why)
{
	struct verify v = verified(l);

	if (v.good || v.bad != from || v.bad_to != to || strcmp(v.why, why) != 0)
		fail_msg("%s: %llu to %llu: %s", v.good ? "good" : "bad", (unsigned long long)v.bad,
			 (unsigned long long)v.bad_to, v.why);
}

/* LINES lines with the opening one, in one segment; a checkpoint after each EVERY, and at the end. It is closed. */
static struct log log_of(unsigned lines, unsigned every)
{
	struct log l = log_signed(&signer, 0);

	for (unsigned i = 1; i < lines; i++) {
		assert_int_equal(stage(&l, "a.outcome", "x", NULL), 0);
		if (every && i % every != every - 1)
			continue;
		assert_int_equal(store_commit(l.store, l.now), 0);
		if (every)
			assert_int_equal(store_checkpoint(l.store), 0);
	}
	assert_int_equal(store_commit(l.store, l.now), 0);
	assert_int_equal(store_checkpoint(l.store), 0);
	log_close(&l);
	return l;
}

#define SEGMENT "audit-00000000000000000000.jsonl"

static size_t line_at(struct bytes text, size_t i)
{
	size_t at = 0;

	while (i-- > 0)
		at += bytes_find(bytes_skip(text, at), BYTES("\n")) + 1;
	return at;
}

/* ---- where a changed line is ---- */

/* Exactly, by the copy of the leaves; without it, within the smallest subtree that differs, and behind the last good checkpoint. */
static void test_narrowed(void **state)
{
	const unsigned lines = 13;

	for (unsigned every = 3; every <= 5; every += 2) {
		struct log l = log_of(lines, every);
		struct buf text = get_file(&l, SEGMENT), leaves = get_file(&l, LEAVES_NAME);

		for (unsigned i = 0; i < lines; i++) {
			unsigned char *p = &text.p[line_at(buf_bytes(&text), i) + 56];
			uint64_t good = i / every * every, next = good + every, at = 0, size;

			if (next > lines)
				next = lines;
			/* the subtree of the checkpoint's tree that line I is in */
			for (size = 16; !(next & size) || i >= at + size; size /= 2)
				at += next & size;
			*p ^= 1;
			set_file(&l, SEGMENT, buf_bytes(&text));
			set_file(&l, LEAVES_NAME, buf_bytes(&leaves));
			expect_bad(&l, i, i, "not what was signed");
			/* a copy that is short, or false, shows nothing */
			set_file(&l, LEAVES_NAME, bytes_of(leaves.p, i * TREE_HASH_BYTES + 31));
			expect_bad(&l, at > good ? at : good, at + size - 1, "not what was signed");
			leaves.p[good * TREE_HASH_BYTES] ^= 1;
			set_file(&l, LEAVES_NAME, buf_bytes(&leaves));
			expect_bad(&l, at > good ? at : good, at + size - 1, "not what was signed");
			leaves.p[good * TREE_HASH_BYTES] ^= 1;
			*p ^= 1;
		}
		buf_done(&text);
		buf_done(&leaves);
		log_done(&l);
	}
}

/* Two lines were changed: the first is what is told. */
static void test_first_of_two(void **state)
{
	struct log l = log_of(13, 0);
	struct buf text = get_file(&l, SEGMENT), leaves = get_file(&l, LEAVES_NAME);

	text.p[line_at(buf_bytes(&text), 3) + 56] ^= 1;
	text.p[line_at(buf_bytes(&text), 12) + 56] ^= 1;
	set_file(&l, SEGMENT, buf_bytes(&text));
	expect_bad(&l, 3, 3, "not what was signed");
	set_file(&l, LEAVES_NAME, bytes_of(NULL, 0));
	expect_bad(&l, 0, 7, "not what was signed");
	buf_done(&text);
	buf_done(&leaves);
	log_done(&l);
}

/* Where the copy of the leaves was false before the last good checkpoint does not matter behind it. */
static void test_copy_is_taken_up_again(void **state)
{
	struct log l = log_of(13, 3);
	struct buf text = get_file(&l, SEGMENT), leaves = get_file(&l, LEAVES_NAME);

	leaves.p[TREE_HASH_BYTES] ^= 1;
	set_file(&l, LEAVES_NAME, buf_bytes(&leaves));
	assert_true(verified(&l).good);
	text.p[line_at(buf_bytes(&text), 7) + 56] ^= 1;
	set_file(&l, SEGMENT, buf_bytes(&text));
	expect_bad(&l, 7, 7, "not what was signed");
	buf_done(&text);
	buf_done(&leaves);
	log_done(&l);
}

static int fails(int fd)
{
	return errno = EIO, -1;
}

/* Numbers that were passed over are counted, and stand in the tree; a torn line is told, and stands nowhere. */
static void test_void_and_torn(void **state)
{
	struct log l = log_signed(&signer, 0);
	struct verify v;

	put(&l, "a.outcome", "1");
	for (int i = 0; i < 3; i++)
		assert_int_equal(stage(&l, "a.outcome", "2", NULL), 0);
	store_sync = fails;
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	store_sync = fdatasync;
	assert_int_equal(store_recover(l.store, l.now), 0);
	put(&l, "a.outcome", "3");
	assert_int_equal(store_checkpoint(l.store), 0);
	v = verified(&l);
	assert_true(v.good);
	assert_false(v.torn);
	assert_int_equal(v.voids, 3);
	assert_int_equal(v.size, 7);
	append_text(path_of(&l), "{\"seq\":");
	v = verified(&l);
	assert_true(v.good);
	assert_true(v.torn);
	assert_int_equal(v.voids, 3);
	assert_int_equal(v.size, 7);
	/* a receipt for a number that is void */
	v = verified_with(&l, (struct verify){.receipt = {.given = true, .index = 3}});
	assert_false(v.good);
	assert_true(v.bad == 3 && v.bad_to == 3);
	log_done(&l);
}

/* In a log whose leaves and checkpoints are read in several pieces. */
static void test_large(void **state)
{
	struct log l = log_of(4300, 20);
	struct buf text = get_file(&l, SEGMENT), records = get_file(&l, CHECKPOINTS_NAME);
	const unsigned changed[] = {0, 1, 2047, 2048, 2049, 4095, 4096, 4299};
	struct verify v = verified(&l);

	assert_true(records.n > 65536);
	assert_true(v.good);
	assert_int_equal(v.size, 4300);
	assert_int_equal(v.covered, 4300);
	assert_int_equal(v.checkpoints, 215);
	for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
		unsigned char *p = &text.p[line_at(buf_bytes(&text), changed[i]) + 62];

		*p ^= 1;
		set_file(&l, SEGMENT, buf_bytes(&text));
		expect_bad(&l, changed[i], changed[i], "not what was signed");
		*p ^= 1;
	}
	buf_done(&text);
	buf_done(&records);
	log_done(&l);
}

/* ---- what is missing, or too much ---- */

static void test_missing(void **state)
{
	struct log l = log_of(13, 3);
	struct buf text = get_file(&l, SEGMENT), records = get_file(&l, CHECKPOINTS_NAME);

	/* before the checkpoint of three, and at one */
	set_file(&l, SEGMENT, bytes_of(text.p, line_at(buf_bytes(&text), 7)));
	expect_bad(&l, 7, 8, "missing: a checkpoint says that there were 9 lines");
	set_file(&l, SEGMENT, bytes_of(text.p, line_at(buf_bytes(&text), 9)));
	expect_bad(&l, 9, 11, "missing: a checkpoint says that there were 12 lines");
	set_file(&l, SEGMENT, bytes_of(NULL, 0));
	expect_bad(&l, 0, 2, "missing: a checkpoint says that there were 3 lines");
	assert_int_equal(verified(&l).size, 0);
	/* nor is there anything that says what should be */
	set_file(&l, CHECKPOINTS_NAME, bytes_of(NULL, 0));
	expect_bad(&l, 0, 0, "there is no checkpoint");
	set_file(&l, SEGMENT, buf_bytes(&text));
	expect_bad(&l, 0, 12, "there is no checkpoint");
	remove_file(&l, CHECKPOINTS_NAME, NULL);
	expect_bad(&l, 0, 12, "there is no checkpoint");
	set_file(&l, CHECKPOINTS_NAME, buf_bytes(&records));
	assert_true(verified(&l).good);
	/* another segment, which begins too late, or too early */
	set_segment(&l, 15, "x\n");
	expect_bad(&l, 13, 14, "missing");
	set_segment(&l, 12, "x\n");
	expect_bad(&l, 12, 12, "one line more than there can be, in segment 0");
	buf_done(&text);
	buf_done(&records);
	log_done(&l);
}

/* What a caller kept says more than the log does. */
static void test_kept(void **state)
{
	struct log l = log_of(6, 3);
	struct buf leaves = get_file(&l, LEAVES_NAME);
	struct verify v = {.has_since = true, .since = {.size = 7}}, got;

	got = verified_with(&l, v);
	assert_false(got.good);
	assert_string_equal(got.why,
			    "missing: the checkpoint that you have says that there were 7 lines");
	assert_true(got.bad == 6 && got.bad_to == 6);
	v.since.size = 9;
	got = verified_with(&l, v);
	assert_true(!got.good && got.bad == 6 && got.bad_to == 8);
	for (v.since.size = 0; v.since.size <= 6; v.since.size++) {
		struct tree t = {0};

		for (uint64_t i = 0; i < v.since.size; i++)
			tree_add(&t, (const struct tree_hash *)(leaves.p + i * TREE_HASH_BYTES));
		tree_root(&t, &v.since.root);
		assert_true(verified_with(&l, v).good);
		v.since.root.b[31] ^= 1;
		got = verified_with(&l, v);
		assert_false(got.good);
		assert_non_null(strstr(got.why, "are not those of the checkpoint that you have"));
		assert_int_equal(got.bad, 0);
		assert_int_equal(got.bad_to, v.since.size ? v.since.size - 1 : 0);
	}
	v = (struct verify){.receipt = {.given = true}};
	for (v.receipt.index = 0; v.receipt.index <= 7; v.receipt.index++) {
		if (v.receipt.index >= 6) {
			got = verified_with(&l, v);
			assert_false(got.good);
			assert_string_equal(got.why, "missing: there is a receipt for it");
			assert_true(got.bad == v.receipt.index && got.bad_to == v.receipt.index);
			continue;
		}
		memcpy(&v.receipt.leaf, leaves.p + v.receipt.index * TREE_HASH_BYTES,
		       TREE_HASH_BYTES);
		assert_true(verified_with(&l, v).good);
		v.receipt.leaf.b[31] ^= 1;
		got = verified_with(&l, v);
		assert_false(got.good);
		assert_string_equal(got.why, "not the line that the receipt was given for");
		assert_true(got.bad == v.receipt.index && got.bad_to == v.receipt.index);
	}
	buf_done(&leaves);
	log_done(&l);
}

/* ---- checkpoints ---- */

/* One of SIZE leaves that stand in no log. */
static void put_record(struct buf *out, uint64_t size)
{
	struct checkpoint c = {.origin = BYTES("gateway.example/audit"), .size = size};
	struct buf text = BUF_INIT(1000);
	struct tree t = {0};

	while (t.size < size)
		tree_add(&t, &(struct tree_hash){{1}});
	tree_root(&t, &c.root);
	checkpoint_put(&text, &c);
	note_sign(out, buf_bytes(&text), &signer, 1);
	buf_puts(out, "frontier");
	for (unsigned i = TREE_HASHES_MAX; i-- > 0;)
		if (size >> i & 1) {
			buf_putc(out, ' ');
			text_put_hex(out, bytes_of(t.full[i].b, TREE_HASH_BYTES));
		}
	buf_puts(out, "\n\n");
	buf_done(&text);
}

/* One of them is not as it was: the lines from the last good one on are not vouched for. */
static void test_records(void **state)
{
	struct log l = log_of(9, 3);
	struct buf records = get_file(&l, CHECKPOINTS_NAME), other = BUF_INIT(1 << 20);
	size_t second = bytes_find(buf_bytes(&records), BYTES("\n\ngateway")) + 2, name, third;

	third = second +
		bytes_find(bytes_skip(buf_bytes(&records), second + 1), BYTES("\n\ngateway")) + 3;
	/* the signer's name, in the line of its signature */
	name = second + bytes_find(bytes_skip(buf_bytes(&records), second), BYTES(" gateway")) + 1;
	records.p[name] ^= 1;
	set_file(&l, CHECKPOINTS_NAME, buf_bytes(&records));
	expect_bad(&l, 3, 3, "checkpoint 1 is not signed by a known key");
	records.p[name] ^= 1;
	/* its size, which is signed */
	records.p[second + strlen("gateway.example/audit\n")] ^= 1;
	set_file(&l, CHECKPOINTS_NAME, buf_bytes(&records));
	expect_bad(&l, 3, 3, "checkpoint 1 is forged");
	records.p[second + strlen("gateway.example/audit\n")] ^= 1;
	/* its frontier, which is not, but must lead to what is */
	records.p[third - 4] ^= 1;
	set_file(&l, CHECKPOINTS_NAME, buf_bytes(&records));
	expect_bad(&l, 3, 3, "checkpoint 1 is none");
	records.p[third - 4] ^= 1;
	/* in another order, and twice */
	buf_put_bytes(&other, bytes_of(records.p + second, third - second));
	buf_put_bytes(&other, bytes_of(records.p, second));
	set_file(&l, CHECKPOINTS_NAME, buf_bytes(&other));
	expect_bad(&l, 6, 6, "checkpoint 1 is out of order");
	buf_reset(&other);
	/* the same is good twice: nobody knew whether the first was on disk, or another key signs now */
	buf_put_bytes(&other, bytes_of(records.p, second));
	buf_put_bytes(&other, buf_bytes(&records));
	set_file(&l, CHECKPOINTS_NAME, buf_bytes(&other));
	assert_true(verified(&l).good);
	assert_int_equal(verified(&l).checkpoints, 4);
	/* of other lines it is not */
	put_record(&other, 9);
	set_file(&l, CHECKPOINTS_NAME, buf_bytes(&other));
	expect_bad(&l, 9, 9, "checkpoint 4 is another than the one before");
	/* cut short, the last one does not count, wherever that is */
	for (size_t n = third; n <= records.n; n += 7) {
		struct verify v;

		set_file(&l, CHECKPOINTS_NAME, bytes_of(records.p, n));
		v = verified(&l);
		assert_true(v.good);
		assert_int_equal(v.checkpoints, 2 + (n == records.n));
		assert_int_equal(v.covered, n == records.n ? 9 : 6);
		assert_int_equal(v.size, 9);
	}
	buf_done(&other);
	buf_done(&records);
	log_done(&l);
}

/* Of a log without a line there may be a checkpoint too; then it covers nothing. */
static void test_of_nothing(void **state)
{
	struct log l = log_none();
	struct buf note = BUF_INIT(1000);
	struct verify v;

	put_record(&note, 0);
	set_file(&l, CHECKPOINTS_NAME, buf_bytes(&note));
	v = verified(&l);
	assert_true(v.good);
	assert_int_equal(v.checkpoints, 1);
	assert_int_equal(v.covered, 0);
	assert_int_equal(v.size, 0);
	buf_done(&note);
	log_done(&l);
}

/* ---- lines that nobody signed yet ---- */

#define AT "\"time\":\"2024-10-04T01:00:00Z\",\"event\":\"a.outcome\","

/* They may say anything, but must be lines, each of its number. */
static void test_unsigned_lines(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} cases[] = {
		{"{\"seq\":3," AT "\"duration_ms\":0}", true},
		{"{\"seq\":3," AT "\"x\":{},\"duration_ms\":null}", true},
		{"{\"seq\":3," AT "\"value\":\"}\",\"duration_ms\":1}", true},
		{"{\"seq\":4," AT "\"duration_ms\":0}", false},
		{"{\"seq\":33," AT "\"duration_ms\":0}", false},
		{"{ \"seq\":3," AT "\"duration_ms\":0}", false},
		{"{\"seq\":3," AT "\"duration_ms\":0} ", false},
		{"{\"seq\":3," AT "\"duration_ms\":0", false},
		{"{\"seq\":3," AT "\"duration\":0}", false},
		{"{\"seq\":3," AT "\"duration_ms\":0}{\"seq\":4,\"duration_ms\":0}", false},
		{"{\"seq\":3," AT, false},
		{"{\"seq\":3,\"duration_ms\":0}", false},
		{"", false},
	};
	struct log l = log_of(3, 3);
	struct buf text = get_file(&l, SEGMENT);
	size_t n = text.n;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct verify v;

		buf_truncate(&text, n);
		buf_puts(&text, cases[i].line);
		buf_putc(&text, '\n');
		set_file(&l, SEGMENT, buf_bytes(&text));
		if (!cases[i].good) {
			expect_bad(&l, 3, 3, "not the line of that number");
			continue;
		}
		v = verified(&l);
		assert_true(v.good);
		assert_int_equal(v.size, 4);
		assert_int_equal(v.covered, 3);
		assert_false(v.torn);
	}
	buf_done(&text);
	log_done(&l);
}

int main(void)
{
	static const unsigned char seed[NOTE_SEED_BYTES] = {1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrowed),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_of_nothing),
		cmocka_unit_test(test_unsigned_lines),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_first_of_two),
		cmocka_unit_test(test_copy_is_taken_up_again),
		cmocka_unit_test(test_void_and_torn),
	};

	note_signer_init(&signer, BYTES("gateway.example/audit"), seed);
	return cmocka_run_group_tests_name("verify_edges", tests, NULL, NULL);
}
