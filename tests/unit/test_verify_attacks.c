/* SPDX-License-Identifier: ISC */
/* What somebody who may write to the file of checkpoints tries, and what a verifier and the next start say. Beside it what looks alike and is no attack. */
#include "verify_rig.h"

/* ---- checkpoints that are gone ---- */

#define NOT_COVERED "no checkpoint covers them, and they are from more than 11 minutes"

static void test_cut_checkpoints(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	uint64_t from, to;
	struct buf text;

	fill(&l, 30, 3);
	expect_good(&l, 31, "");
	assert_false(store_gap(l.store, &from, &to));
	log_close(&l);
	/* The newest lines may be anybody's… */
	cut_checkpoints(&l, 7);
	expect_good(&l, 22, "");
	cut_checkpoints(&l, 6);
	expect_good(&l, 19, "");
	/* …but not those of more than eleven minutes. */
	cut_checkpoints(&l, 5);
	expect_bad(&l, 16, 30, NOT_COVERED);
	cut_checkpoints(&l, 1);
	text = get_file(&l, SEGMENT);
	for (char *p = (char *)text.p;
	     (p = memmem(p, (size_t)((char *)text.p + text.n - p), "backend", 7));)
		memcpy(p, "nobody1", 7);
	buf_done(&text);
	expect_bad(&l, 4, 30, NOT_COVERED);
	/* A start signs them, and says so for ever. */
	l.now += MINUTE;
	log_open(&l);
	assert_true(store_gap(l.store, &from, &to));
	assert_true(from == 4 && to == 30);
	assert_int_equal(store_checkpoint(l.store), 0);
	expect_good(&l, 32, "line 31 says: lines 4 to 30 had no checkpoint; ");
	fill(&l, 30, 3);
	reopen(&l);
	assert_false(store_gap(l.store, &from, &to));
	expect_good(&l, 62, "line 31 says: lines 4 to 30 had no checkpoint; ");
	assert_int_equal(verified(&l).v.gaps, 1);
	log_done(&l);
}

/* All of them gone, or an end torn as well: the gap is told all the same, behind what else a start writes. */
static void test_gaps(void **state)
{
	for (int torn = 0; torn < 2; torn++) {
		struct log l = log_signed(signers, 1 << 20);
		uint64_t from, to;
		char path[512];

		fill(&l, 30, 3);
		log_close(&l);
		cut_checkpoints(&l, torn ? 1 : 0);
		path_to(&l, SEGMENT, path);
		if (torn)
			append_text(path, "{\"seq\":31,");
		log_open(&l);
		assert_true(store_gap(l.store, &from, &to));
		assert_int_equal(from, torn ? 4 : 0);
		assert_int_equal(to, 30);
		assert_int_equal(store_checkpoint(l.store), 0);
		if (torn)
			expect_good(&l, 33, "line 32 says: lines 4 to 30 had no checkpoint; ");
		else
			expect_good(&l, 32, "line 31 says: lines 0 to 30 had no checkpoint; ");
		log_done(&l);
	}
}

/* A line that does not say when it was written may be of any time. */
static void test_gap_without_a_time(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	uint64_t from, to;
	struct buf text;
	size_t at;

	fill(&l, 3, 3);
	l.store->config.segment_bytes = 1;
	put(&l, "a.outcome", "x");
	log_close(&l);
	text = get_file(&l, SEGMENT);
	for (size_t i = at = 0; i < 4; i++)
		at += bytes_find(bytes_skip(buf_bytes(&text), at), BYTES("\n")) + 1;
	assert_memory_equal(text.p + at + 9, "\"time\"", 6);
	text.p[at + 10] = 'T';
	set_file(&l, SEGMENT, buf_bytes(&text));
	buf_done(&text);
	expect_bad(&l, 4, 4, "not the line of that number");
	log_open(&l);
	assert_true(store_gap(l.store, &from, &to));
	assert_true(from == 4 && to == 5);
	log_done(&l);
}

/* Where it cannot be put on record there is no log, and nothing is signed. */
static void test_gap_that_cannot_be_told(void **state)
{
	struct log l = log_signed(signers, 1 << 20);

	fill(&l, 30, 3);
	log_close(&l);
	cut_checkpoints(&l, 1);
	store_sync = fails;
	opens_with(&l, -EIO);
	store_sync = no_sync;
	assert_int_equal(verified(&l).v.checkpoints, 1);
	log_done(&l);
}

/* Away for a month, or the clock was set: what was there is signed before anything else is written, and no moment looks like an attack. */
static void test_long_silence(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	uint64_t from, to;
	char path[512];

	fill(&l, 4, 3);
	log_close(&l);
	l.now += 30 * DAY;
	path_to(&l, SEGMENT, path);
	append_text(path, "{\"seq\":5,");
	log_open(&l); /* repairs */
	assert_false(store_gap(l.store, &from, &to));
	expect_good(&l, 5, "");
	for (int turn = 0; turn < 4; turn++) {
		put(&l, "a.outcome", "x");
		l.now += turn & 1 ? -30 * DAY : 30 * DAY;
		assert_int_equal(stage(&l, "a.outcome", "x", NULL), 0);
		if (turn > 1) { /* in one batch */
			l.now += DAY;
			assert_int_equal(stage(&l, "a.outcome", "x", NULL), 0);
		}
		assert_int_equal(store_commit(l.store, l.now), 0);
		assert_true(verified(&l).v.good);
		reopen(&l);
		assert_false(store_gap(l.store, &from, &to));
	}
	log_done(&l);
}

/* A checkpoint that cannot be written is waited for, for ten minutes; then nothing is written but that. */
static void test_no_checkpoint_can_be_written(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	uint64_t size;
	struct tree_hash root;

	fill(&l, 3, 3);
	assert_true(store_signed(l.store, &size, &root));
	assert_int_equal(size, 4);
	sync_fails = true;
	fill(&l, 10, 0);
	assert_false(store_signed(l.store, &size, &root));
	assert_int_equal(store_checkpoint(l.store), -EIO);
	assert_true(store_healthy(l.store));
	l.now += 2 * MINUTE;
	assert_int_equal(stage(&l, "a.outcome", "x", NULL), 0);
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_false(store_healthy(l.store));
	assert_string_equal(store_problem(l.store), "no checkpoint can be written");
	assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
	expect_good(&l, 4, "");
	sync_fails = false;
	assert_int_equal(store_recover(l.store, l.now), 0);
	expect_good(&l, 14, "");
	put(&l, "a.outcome", "x");
	/* Nor does another segment begin without one, or a start repair an end. */
	fill(&l, 5, 0);
	sync_fails = true;
	assert_int_equal(stage(&l, "a.outcome", "x", NULL), 0);
	store_sync = fails;
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	store_sync = no_sync;
	l.now += 20 * MINUTE;
	assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
	sync_fails = false;
	assert_int_equal(store_recover(l.store, l.now), 0);
	fill(&l, 5, 0);
	append_text(path_of(&l), "{");
	log_close(&l);
	l.now += 20 * MINUTE;
	sync_fails = true;
	opens_with(&l, -EIO);
	sync_fails = false;
	log_open(&l);
	assert_int_equal(store_checkpoint(l.store), 0);
	assert_true(verified(&l).v.good);
	assert_int_equal(verified(&l).v.gaps, 0);
	log_done(&l);
}

/* The same, unsigned: nothing of this is asked. */
static void test_unsigned(void **state)
{
	struct log l = log_new();
	uint64_t n;
	struct tree_hash root;

	fill(&l, 30, 0);
	reopen(&l);
	assert_false(store_gap(l.store, &n, &n));
	assert_false(store_signed(l.store, &n, &root));
	assert_int_equal(files(&l), 1);
	log_done(&l);
}

/* ---- checkpoints that come twice ---- */

static void test_failed_sync_of_a_checkpoint(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	struct buf before, after;

	fill(&l, 5, 5);
	fill(&l, 2, 0);
	before = get_file(&l, CHECKPOINTS_NAME);
	sync_fails = true;
	assert_int_equal(store_checkpoint(l.store), -EIO);
	sync_fails = false;
	after = get_file(&l, CHECKPOINTS_NAME);
	assert_true(bytes_eq(buf_bytes(&before), buf_bytes(&after)));
	assert_int_equal(store_checkpoint(l.store), 0);
	fill(&l, 3, 3);
	expect_good(&l, 11, "");
	buf_done(&before);
	buf_done(&after);
	log_done(&l);
}

/* A key that is replaced at once, stolen perhaps: the new one signs the same lines again, and what it could not judge is on record. */
static void test_replaced_key(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	const struct note_verifier *fresh = &signers[1].verifier;
	struct verify v = {.verifiers = fresh, .n_verifiers = 1};

	fill(&l, 5, 5);
	l.config.signers = &signers[1];
	reopen(&l);
	assert_int_equal(store_checkpoint(l.store), 0);
	expect_good(&l, 6, "");
	assert_int_equal(verified(&l).v.checkpoints, 2);
	fill(&l, 15, 5);
	l.config.signers = &signers[0];
	reopen(&l);
	assert_int_equal(store_checkpoint(l.store), 0);
	expect_good(&l, 22, "line 21 says: lines 0 to 20 had no checkpoint; ");
	/* Who has the last key alone cannot judge the others' checkpoints. */
	assert_int_equal(log_verify(l.dirfd, &v), 0);
	assert_false(v.good);
	assert_string_equal(v.why, "checkpoint 0 is not signed by a known key");
	log_done(&l);
}

int main(void)
{
	static const unsigned char seeds[2][NOTE_SEED_BYTES] = {{1, 2, 3}, {4, 5, 6}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_checkpoints),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_gap_without_a_time),
		cmocka_unit_test(test_gap_that_cannot_be_told),
		cmocka_unit_test(test_long_silence),
		cmocka_unit_test(test_no_checkpoint_can_be_written),
		cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_failed_sync_of_a_checkpoint),
		cmocka_unit_test(test_replaced_key),
	};

	for (size_t i = 0; i < 2; i++)
		note_signer_init(&signers[i], BYTES("gateway.example/audit"), seeds[i]);
	store_sync = no_sync;
	return cmocka_run_group_tests_name("verify_attacks", tests, NULL, NULL);
}
