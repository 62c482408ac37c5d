/* SPDX-License-Identifier: ISC */
/* The same of the segments: numbers without lines, lines that are gone, bytes that are none, files that are none; and a log that is in use. */
#include "verify_rig.h"

/* ---- numbers without lines ---- */

/* A sync fails, the next segment is being made, and the power goes: no line of it came to the disk. */
static void test_power_loss_behind_a_failed_sync(void **state)
{
	static const char *const begun[] = {"", "{\"seq\":", "\n"};

	for (size_t i = 0; i < ARRAY_LEN(begun); i++) {
		struct log l = log_signed(signers, 1 << 20);
		char path[512];
		struct stat st;
		uint64_t next;

		fill(&l, 5, 5);
		assert_int_equal(stat(path_of(&l), &st), 0);
		for (int k = 0; k < 3; k++)
			assert_int_equal(stage(&l, "a.refused", "x", NULL), 0);
		store_sync = fails;
		assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
		store_sync = no_sync;
		next = l.store->next_seq;
		log_close(&l);
		path_to(&l, SEGMENT, path);
		assert_int_equal(truncate(path, st.st_size), 0);
		set_segment(&l, next, begun[i]);
		if (i < 2)
			expect_good(&l, 6, "");
		log_open(&l);
		fill(&l, 2, 2);
		/* what was torn is told in a line of its own */
		expect_good(&l, i ? 13 : 12,
			    "lines 6 to 8 are void: what stands under these numbers does not "
			    "count; ");
		log_done(&l);
	}
}

/* A number that nobody counts up to: it is not counted up to. */
static void test_huge_void(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	struct tree_ranges none = {.n = 0};
	struct tree_hash root;
	char text[400];

	fill(&l, 5, 5);
	log_close(&l);
	snprintf(text, sizeof(text),
		 "{\"seq\":%llu,\"time\":\"2024-10-04T01:00:00Z\",\"event\":\"log.open\",\"value\":"
		 "\"unresolved 0 from seq 0; void from seq 6\",\"duration_ms\":null}\n",
		 9000000000000000000ULL);
	set_segment(&l, 9000000000000000000ULL, text);
	alarm(20);
	expect_bad(&l, 6, 8999999999999999999ULL, "more numbers are void than can be");
	opens_with(&l, -EBADMSG);
	alarm(0);
	for (uint64_t n = WALK_VOID_MAX; n <= WALK_VOID_MAX + 1; n++) {
		char name[SEGMENT_NAME_MAX];

		each_file(&l, remove_file, NULL);
		log_open(&l);
		fill(&l, 5, 5);
		log_close(&l);
		snprintf(text, sizeof(text),
			 "{\"seq\":%llu,\"time\":\"2024-10-04T01:00:00Z\",\"event\":\"log.open\","
			 "\"value\":\"unresolved 0 from seq 0; void from seq 6\","
			 "\"duration_ms\":null}\n",
			 6 + (unsigned long long)n);
		set_segment(&l, 6 + n, text);
		segment_name(name, 6 + n);
		start(&l);
		assert_int_equal(log_hashes(l.dirfd, &none, n + 7, NULL, &root),
				 n > WALK_VOID_MAX ? -ERANGE : 0);
		close(l.dirfd);
		if (n > WALK_VOID_MAX) {
			expect_bad(&l, 6, 5 + n, "more numbers are void than can be");
			opens_with(&l, -EBADMSG);
			continue;
		}
		assert_true(verified(&l).v.good);
		log_open(&l);
		assert_int_equal(store_checkpoint(l.store), 0);
		assert_true(verified(&l).v.good);
		assert_int_equal(verified(&l).v.voids, n);
		log_close(&l);
	}
	log_done(&l);
}

/* What a line says of a gap is printed as far as it can be. */
static void test_words_of_a_gap(void **state)
{
	static const char *const values[][2] = {
		{"lines 1 to 2 had no checkpoint", "line 4 says: lines 1 to 2 had no checkpoint; "},
		{"\x1b[2J", "line 4 says: ; "},
	};

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct log l = log_signed(signers, 1 << 20);
		char text[400];

		fill(&l, 3, 3);
		snprintf(
			text, sizeof(text),
			"{\"seq\":4,\"time\":\"2024-10-04T01:00:00Z\",\"event\":\"checkpoint.gap\","
			"\"value\":\"%s\",\"duration_ms\":null}\n",
			values[i][0]);
		append_text(path_of(&l), text);
		expect_good(&l, 4, values[i][1]);
		log_done(&l);
	}
}

/* ---- segments that were moved away ---- */

static void test_moved_away(void **state)
{
	struct log l = log_signed(signers, 2000);
	uint64_t *first, from, to;
	struct told t;
	size_t n;

	fill(&l, 50, 1);
	assert_int_equal(log_segments(l.dirfd, &first, &n), 0);
	assert_true(n > 8 && first[4] > 20);
	for (size_t i = 0; i < 4; i++) {
		char name[SEGMENT_NAME_MAX];

		segment_name(name, first[i]);
		remove_file(&l, name, NULL);
	}
	/* What is there is good, from the first checkpoint on that covers what is not. */
	t = verified(&l);
	assert_true(!t.v.good && t.v.bad == 0 && t.v.bad_to == first[4] - 1);
	t = verified_with(&l, (struct verify){.from = first[4]});
	assert_true(t.v.good);
	assert_int_equal(t.v.size, 51 + n - 1);
	assert_true(t.v.started >= first[4] && t.v.started < first[4] + 2);
	t = verified_with(&l, (struct verify){.from = first[4] - 1});
	assert_false(!t.v.good && t.v.started > first[4]);
	t = verified_with(&l, (struct verify){.from = 1000});
	assert_true(!t.v.good && t.v.bad == 1000);
	t = verified_with(
		&l, (struct verify){.from = first[4], .receipt = {.given = true, .index = 3}});
	assert_true(!t.v.good && t.v.bad == 3);
	assert_non_null(strstr(t.v.why, "not looked at"));
	/* What somebody kept is compared where it can be, and else is not said to be good. */
	for (uint64_t since = first[4] - 2; since <= first[4] + 2; since++) {
		struct verify v = {.from = first[4], .has_since = true, .since = {.size = since}};

		v.verifiers = &signers[0].verifier;
		assert_int_equal(log_find_checkpoint(l.dirfd, v.verifiers, 1, since, &v.since.root),
				 since == first[4] ? VERIFY_E_NONE : 0);
		assert_int_equal(verified_with(&l, v).v.good, since != first[4]);
		v.since.root.b[0] ^= 1;
		assert_false(verified_with(&l, v).v.good);
	}
	t = verified_with(&l, (struct verify){.from = first[4], .has_since = true});
	assert_false(t.v.good);
	assert_non_null(strstr(t.v.why, "older than where this begins"));
	/* A start goes on behind the last checkpoint, and has no need of the others. */
	reopen(&l);
	assert_false(store_gap(l.store, &from, &to));
	fill(&l, 3, 1);
	assert_true(verified_with(&l, (struct verify){.from = first[4]}).v.good);
	/* With another key there is none: that lines are gone is on record before it signs. */
	l.config.signers = &signers[1];
	reopen(&l);
	assert_true(store_gap(l.store, &from, &to));
	assert_int_equal(from, 0);
	assert_int_equal(store_checkpoint(l.store), 0);
	log_close(&l);
	/* Whoever makes a segment where that many are gone is not followed. */
	each_file(&l, remove_file, NULL);
	set_segment(&l, WALK_VOID_MAX + 1, "");
	opens_with(&l, -EBADMSG);
	set_segment(&l, 5, "");
	log_open(&l);
	assert_true(store_gap(l.store, &from, &to));
	assert_true(from == 0 && to == 4);
	free(first);
	log_done(&l);
}

/* ---- which line is the first ---- */

static size_t line_at(struct bytes text, size_t i)
{
	size_t at = 0;

	while (i-- > 0)
		at += bytes_find(bytes_skip(text, at), BYTES("\n")) + 1;
	return at;
}

/* One that was edited, and behind it one that is none: the first is named, exactly where the copy of the leaves is what was signed. */
static void test_first_of_two_kinds(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	struct buf text, whole, leaves;
	size_t at, next;

	fill(&l, 9, 0);
	assert_int_equal(store_checkpoint(l.store), 0);
	log_close(&l);
	leaves = get_file(&l, LEAVES_NAME);
	for (int turn = 0; turn < 3; turn++) {
		text = get_file(&l, SEGMENT);
		whole = get_file(&l, SEGMENT);
		at = line_at(buf_bytes(&text), 3);
		next = line_at(buf_bytes(&text), 8);
		text.p[at + 56] ^= 1;
		if (turn == 0) /* a number */
			text.p[next + 7] ^= 1;
		else if (turn == 1) /* cut off */
			buf_truncate(&text, next);
		if (turn == 2) /* cut off, and a segment behind it */
			buf_truncate(&text, next);
		set_file(&l, SEGMENT, buf_bytes(&text));
		if (turn == 2)
			set_segment(&l, 20, "x\n");
		expect_bad(&l, 3, 3, "not what was signed");
		set_file(&l, LEAVES_NAME, bytes_of(NULL, 0));
		expect_bad(&l, 0, turn == 0 ? 8 : turn == 1 ? 9 : 19, "not what was signed");
		set_file(&l, LEAVES_NAME, buf_bytes(&leaves));
		set_file(&l, SEGMENT, buf_bytes(&whole));
		buf_done(&text);
		buf_done(&whole);
	}
	buf_done(&leaves);
	log_done(&l);
}

/* ---- bytes that are no line ---- */

static void test_bytes_at_an_end(void **state)
{
	struct log l = log_signed(signers, 2000);
	char path[512];
	uint64_t *first;
	size_t n;

	fill(&l, 20, 1);
	assert_int_equal(log_segments(l.dirfd, &first, &n), 0);
	/* At the newest segment's: being written, or left by a crash, whatever they are. */
	append_text(path_of(&l), "{\"seq\":");
	assert_int_equal(verified(&l).v.torn, 7);
	assert_int_equal(truncate(path_of(&l), (off_t)l.store->seg.size), 0);
	assert_int_equal(truncate(path_of(&l), (off_t)l.store->seg.size + 5), 0);
	append_text(path_of(&l), "forged");
	assert_int_equal(verified(&l).v.torn, 11);
	assert_true(verified(&l).v.good);
	/* At another's nothing leaves them there. */
	path_to(&l, SEGMENT, path);
	append_text(path, "{\"seq\":99,\"event\":\"forged\"}");
	expect_bad(&l, first[1], first[1],
		   "bytes that are no line stand before it, at the end of segment 0");
	free(first);
	log_done(&l);
}

static void test_no_files(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	struct verify v = {.verifiers = &signers[0].verifier, .n_verifiers = 1};
	struct tree_hash root;

	fill(&l, 3, 3);
	remove_file(&l, LEAVES_NAME, NULL);
	assert_int_equal(mkfifoat(l.dirfd, LEAVES_NAME, 0600), 0);
	alarm(20);
	expect_good(&l, 4, "leaves cannot be read: Wrong medium type; ");
	remove_file(&l, CHECKPOINTS_NAME, NULL);
	assert_int_equal(mkfifoat(l.dirfd, CHECKPOINTS_NAME, 0600), 0);
	assert_int_equal(log_verify(l.dirfd, &v), -EMEDIUMTYPE);
	assert_int_equal(log_find_checkpoint(l.dirfd, v.verifiers, 1, 4, &root), -EMEDIUMTYPE);
	alarm(0);
	log_done(&l);
}

/* ---- a log that is in use ---- */

static struct log *busy;

/* While the verifier is told of what is void, there come lines, segments and checkpoints. */
static void go_on_writing(void *arg, const char *text)
{
	fill(busy, 30, 1);
}

static void test_rotation_meanwhile(void **state)
{
	struct log l = log_signed(signers, 2000);
	struct verify v = {
		.verifiers = &signers[0].verifier, .n_verifiers = 1, .note = go_on_writing};

	fill(&l, 3, 1);
	for (int k = 0; k < 3; k++)
		assert_int_equal(stage(&l, "a.refused", "x", NULL), 0);
	store_sync = fails;
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	store_sync = no_sync;
	assert_int_equal(store_recover(l.store, l.now), 0);
	fill(&l, 3, 1);
	busy = &l;
	assert_int_equal(log_verify(l.dirfd, &v), 0);
	if (!v.good)
		fail_msg("%llu: %s", (unsigned long long)v.bad, v.why);
	assert_true(verified(&l).v.size > v.size + 29);
	log_done(&l);
}

static void test_find_checkpoint(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	struct tree_hash root, want;

	fill(&l, 9, 3);
	tree_root(&l.store->tree, &want);
	assert_int_equal(log_find_checkpoint(l.dirfd, &signers[0].verifier, 1, 10, &root), 0);
	assert_memory_equal(&root, &want, sizeof(root));
	assert_int_equal(log_find_checkpoint(l.dirfd, &signers[0].verifier, 1, 7, &root), 0);
	assert_int_equal(log_find_checkpoint(l.dirfd, &signers[0].verifier, 1, 8, &root),
			 VERIFY_E_NONE);
	assert_int_equal(log_find_checkpoint(l.dirfd, &signers[1].verifier, 1, 7, &root),
			 VERIFY_E_NONE);
	log_done(&l);
}

/* ---- how far it is ---- */

struct steps {
	uint64_t calls, last;
};

static void on_progress(void *arg, uint64_t bytes)
{
	struct steps *s = arg;

	assert_true(bytes > s->last);
	s->last = bytes;
	s->calls++;
}

/* With each line; at the end it is as much as there is, over all segments. */
static void test_progress(void **state)
{
	struct log l = log_signed(signers, 2000);
	struct steps steps = {0};
	uint64_t bytes = 0;
	struct told t;
	int null;

	fill(&l, 50, 10);
	log_close(&l); /* which gives back the room behind the lines */
	assert_true(files(&l) > 8);
	t = verified_with(&l, (struct verify){.progress = on_progress, .progress_arg = &steps});
	assert_true(t.v.good);
	assert_int_equal(steps.calls, t.v.size);
	start(&l);
	assert_int_equal(log_bytes(l.dirfd, &bytes), 0);
	close(l.dirfd);
	assert_int_equal(steps.last, bytes);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(log_bytes(null, &bytes), -ENOTDIR);
	assert_int_equal(steps.last, bytes);
	close(null);
	log_done(&l);
}

int main(void)
{
	static const unsigned char seeds[2][NOTE_SEED_BYTES] = {{1, 2, 3}, {4, 5, 6}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_loss_behind_a_failed_sync),
		cmocka_unit_test(test_huge_void),
		cmocka_unit_test(test_words_of_a_gap),
		cmocka_unit_test(test_moved_away),
		cmocka_unit_test(test_first_of_two_kinds),
		cmocka_unit_test(test_bytes_at_an_end),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_rotation_meanwhile),
		cmocka_unit_test(test_find_checkpoint),
		cmocka_unit_test(test_progress),
	};

	for (size_t i = 0; i < 2; i++)
		note_signer_init(&signers[i], BYTES("gateway.example/audit"), seeds[i]);
	store_sync = no_sync;
	return cmocka_run_group_tests_name("verify_files", tests, NULL, NULL);
}
