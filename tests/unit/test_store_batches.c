/* SPDX-License-Identifier: ISC */
/* Batches and segments, to the line: what is refused leaves no trace, when a new segment is due, and what it says of the one before. */
#include "store_rig.h"

#include "store/verify.h"

static int fails(int fd)
{
	return errno = EIO, -1;
}

static int succeeds(int fd)
{
	return 0;
}

/* The value of a segment's first line. */
static void expect_opening(const struct log *l, const char *want)
{
	struct buf text = BUF_INIT(1 << 20);
	FILE *f = fopen(path_of(l), "r");
	json_t *o;
	size_t n;

	assert_non_null(f);
	n = fread(buf_extend(&text, text.max), 1, text.max, f);
	fclose(f);
	text.n = bytes_find(bytes_of(text.p, n), BYTES("\n"));
	assert_int_equal(json_parse(buf_bytes(&text), LINE_DEPTH, &o, NULL, 0), 0);
	assert_string_equal(json_string_value(json_object_get(o, "value")), want);
	json_decref(o);
	buf_done(&text);
}

/* ---- lines ---- */

/* A line that is refused is not in the batch, and takes no number. */
static void test_refused_lines(void **state)
{
	struct log l = log_new();
	struct store_receipt r;

	put(&l, "add_record.intent", "1");
	assert_int_equal(stage(&l, "a.refused", "2", NULL), 0);
	assert_int_equal(stage(&l, "add_record.intent", "1", NULL), STORE_E_UNAVAILABLE);
	assert_int_equal(stage(&l, "add_record.intent", "", NULL), STORE_E_UNAVAILABLE);
	assert_int_equal(stage(&l, "a.refused", "3", &r), 0);
	assert_int_equal(r.seq, 3);
	assert_int_equal(store_commit(l.store, l.now), 0);
	expect(&l, "log.open add_record.intent/1 a.refused/2 a.refused/3 ");
	assert_int_equal(store_unresolved(l.store), 1);
	/* first in its batch, too */
	assert_int_equal(stage(&l, "add_record.intent", "1", NULL), STORE_E_UNAVAILABLE);
	assert_int_equal(store_commit(l.store, l.now), 0);
	assert_int_equal(stage(&l, "a.refused", "4", &r), 0);
	assert_int_equal(r.seq, 4);
	log_done(&l);
}

/* Only an outcome ends an intent, and only one with its request's id. */
static void test_what_ends_an_intent(void **state)
{
	struct log l = log_new();

	put(&l, "add_record.intent", "1");
	put(&l, "add_record.refused", "1");
	put(&l, "add_record.outcome", "");
	put(&l, "add_record.outcome", "2");
	assert_int_equal(store_unresolved(l.store), 1);
	put(&l, "add_record.outcome", "1");
	assert_int_equal(store_unresolved(l.store), 0);
	log_done(&l);
}

/* An intent leaves room for what its outcome may be longer by, to the byte. */
static void test_longest_intent(void **state)
{
	struct log l = log_new();
	struct audit_line line = audit_line_empty();
	struct store_receipt r;
	char value[AUDIT_LINE_MAX];
	size_t n = AUDIT_LINE_MAX - 600;

	memset(value, 'v', sizeof(value));
	line.event = BYTES("add_record.intent");
	line.time = l.now;
	for (;; n++) {
		struct unresolved *u;
		char id[16];

		line.request_id = bytes_of(id, (size_t)snprintf(id, sizeof(id), "%05zu", n));
		line.value = bytes_of(value, n);
		if (store_stage(l.store, &line, &r) != 0)
			break;
		u = unresolved_find(l.store, line.event, line.request_id);
		assert_non_null(u);
		if (u->line.n == AUDIT_LINE_MAX - OUTCOME_MORE - 1)
			break;
	}
	/* The greatest there is: with one byte more it is refused. */
	assert_int_equal(store_unresolved(l.store), n - (AUDIT_LINE_MAX - 600) + 1);
	line.request_id = BYTES("xxxxx");
	line.value = bytes_of(value, n + 1);
	assert_int_equal(store_stage(l.store, &line, &r), STORE_E_UNAVAILABLE);
	assert_int_equal(store_commit(l.store, l.now), 0);
	log_done(&l);
}

/* Many intents and outcomes in one batch; the tree has each line once. */
static void test_large_batch(void **state)
{
	static const unsigned char seed[NOTE_SEED_BYTES] = {1};
	struct note_signer signer;
	struct log l;
	struct verify v = {.verifiers = &signer.verifier, .n_verifiers = 1};
	char id[16];

	note_signer_init(&signer, BYTES("gateway.example/audit"), seed);
	l = log_signed(&signer, 0);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(stage(&l, "add_record.intent", id, NULL), 0);
	}
	for (unsigned i = 0; i < 300; i += 2) {
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(stage(&l, "add_record.outcome", id, NULL), 0);
	}
	assert_int_equal(store_commit(l.store, l.now), 0);
	assert_int_equal(store_unresolved(l.store), 150);
	assert_int_equal(store_checkpoint(l.store), 0);
	assert_int_equal(log_verify(l.dirfd, &v), 0);
	assert_true(v.good);
	assert_int_equal(v.covered, 451);
	log_done(&l);
}

/* With nothing staged a commit touches nothing, whatever became of the file. */
static void test_empty_commit(void **state)
{
	struct log l = log_new();

	unlink(path_of(&l));
	assert_int_equal(store_commit(l.store, l.now), 0);
	assert_string_equal(store_problem(l.store), "");
	assert_false(store_healthy(l.store));
	assert_int_equal(store_commit(l.store, l.now), 0);
	log_done(&l);
}

/* Nobody can tell a store's hashes of request ids beforehand. */
static void test_hash_keys(void **state)
{
	struct log l = log_new();
	unsigned char before[sizeof(l.store->hash_key)];

	memcpy(before, l.store->hash_key, sizeof(before));
	reopen(&l);
	assert_memory_not_equal(before, l.store->hash_key, sizeof(before));
	log_done(&l);
}

static ssize_t one_byte(int fd, const void *p, size_t n, off_t at)
{
	errno = EINTR; /* left over from somebody else */
	return pwrite(fd, p, 1, at);
}

static int left_over;

static ssize_t nothing(int fd, const void *p, size_t n, off_t at)
{
	errno = left_over;
	return 0;
}

/* Byte by byte is well; nothing is a failure, and what errno says is not about it. */
static void test_short_writes(void **state)
{
	static const int errors[] = {EINTR, ENOSPC, 0};
	struct log l = log_new();

	store_write = one_byte;
	put(&l, "a.outcome", "1");
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		assert_int_equal(stage(&l, "a.outcome", "2", NULL), 0);
		left_over = errors[i];
		store_write = nothing;
		assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
		assert_string_equal(store_problem(l.store), "the log cannot be written");
	}
	store_write = pwrite;
	put(&l, "a.outcome", "3");
	expect(&l, "log.open a.outcome/1 a.outcome/3 ");
	log_done(&l);
}

/* ---- when a new segment is due ---- */

static void test_rotation_by_size(void **state)
{
	struct log l = log_new();
	uint64_t before = l.store->seg.size, line;

	put(&l, "a.outcome", "1");
	line = l.store->seg.size - before;
	l.store->config.segment_bytes = l.store->seg.size + line + 1;
	put(&l, "a.outcome", "2");
	assert_int_equal(l.store->seg.first, 0);
	l.store->config.segment_bytes = l.store->seg.size + line;
	put(&l, "a.outcome", "3");
	assert_int_equal(l.store->seg.first, 4);
	log_done(&l);
}

static void test_rotation_by_time(void **state)
{
	struct log l = log_new();

	l.store->config.segment_seconds = 60;
	l.now += 59999999;
	put(&l, "a.outcome", "1");
	assert_int_equal(l.store->seg.first, 0);
	l.now += 1;
	put(&l, "a.outcome", "2");
	assert_int_equal(l.store->seg.first, 3);
	assert_int_equal(l.store->seg.opened, l.now);
	log_done(&l);
}

/* By the day: from its first microsecond to its last it is one segment. */
static void test_rotation_by_day(void **state)
{
	struct log l = {.now = 20000 * DAY};

	make_directory(l.dir);
	log_open(&l);
	for (int hour = 1; hour <= 24; hour++) {
		l.now = 20000 * DAY + hour * (DAY / 24) - 1;
		put(&l, "a.outcome", "1");
		assert_int_equal(l.store->seg.first, 0);
	}
	l.now = 20001 * DAY;
	put(&l, "a.outcome", "1");
	assert_int_not_equal(l.store->seg.first, 0);
	log_done(&l);
}

/* Up to sixteen names may be in the way. */
static void test_names_in_the_way(void **state)
{
	for (unsigned names = 15; names <= 18; names++) {
		struct log l = log_new();
		char path[512];

		l.store->config.segment_bytes = 1;
		for (unsigned i = 0; i < names; i++) {
			snprintf(path, sizeof(path), "%s/audit-%020u.jsonl", l.dir, 2 + i);
			close(open(path, O_WRONLY | O_CREAT, 0600));
		}
		put(&l, "a.outcome", "1");
		assert_int_equal(l.store->seg.first, names <= 16 ? 2 + names : 0);
		assert_int_equal(l.store->next_seq, names <= 16 ? 3 + names : 2);
		log_done(&l);
	}
}

/* ---- what the next segment says ---- */

/* After a failed sync; said once, however often a new segment could not be made. */
static void test_what_may_be_missing(void **state)
{
	struct log l = log_new();

	put(&l, "a.outcome", "1");
	assert_int_equal(stage(&l, "a.outcome", "2", NULL), 0);
	assert_int_equal(stage(&l, "a.outcome", "3", NULL), 0);
	store_sync = fails;
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_string_equal(store_problem(l.store), "a sync failed");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
		assert_string_equal(store_problem(l.store), "a sync failed");
		/* closed before the new one is made, for its room may be needed */
		assert_int_equal(l.store->seg.fd, -1);
	}
	store_sync = succeeds;
	assert_int_equal(store_recover(l.store, l.now), 0);
	assert_string_equal(store_problem(l.store), "");
	expect_opening(&l,
		       "unresolved 0 from seq 0; void from seq 2; a sync failed: seq 2 to 3 may "
		       "be missing in audit-00000000000000000000.jsonl");
	l.store->config.segment_bytes = 1;
	put(&l, "a.outcome", "4");
	expect_opening(&l, "unresolved 0 from seq 0");
	store_sync = fdatasync;
	log_done(&l);
}

/* Found out by a commit: all that was in the file, but not what was about to be written, whose numbers are used again. */
static void test_file_gone_at_commit(void **state)
{
	struct log l = log_new();

	put(&l, "a.outcome", "1");
	put(&l, "a.outcome", "2");
	assert_int_equal(stage(&l, "a.outcome", "3", NULL), 0);
	unlink(path_of(&l));
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(store_recover(l.store, l.now), 0);
	assert_int_equal(l.store->seg.first, 3);
	expect_opening(&l, "unresolved 0 from seq 0; the log's file was removed: seq 0 to 2 may be "
			   "missing in audit-00000000000000000000.jsonl");
	log_done(&l);
}

/* Found out while lines waited: the commit that refuses them gives their numbers back. */
static void test_file_gone_before_commit(void **state)
{
	struct log l = log_new();

	put(&l, "a.outcome", "1");
	assert_int_equal(stage(&l, "a.outcome", "2", NULL), 0);
	assert_int_equal(stage(&l, "a.outcome", "3", NULL), 0);
	unlink(path_of(&l));
	assert_false(store_healthy(l.store));
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(l.store->next_seq, 2);
	assert_int_equal(store_recover(l.store, l.now), 0);
	expect_opening(&l, "unresolved 0 from seq 0; the log's file was removed: seq 0 to 1 may be "
			   "missing in audit-00000000000000000000.jsonl");
	log_done(&l);
}

/* The first segment of all cannot be made. */
static void test_no_first_segment(void **state)
{
	struct log l = {.now = START};

	make_directory(l.dir);
	l.dirfd = open(l.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	store_sync = fails;
	assert_int_equal(store_open(&l.store, l.dirfd, &l.config, l.now), -EIO);
	store_sync = fdatasync;
	l.store = NULL;
	assert_int_equal(files(&l), 0); /* and nothing is left of it */
	close(l.dirfd);
	log_done(&l);
}

/* A repair that may not be on disk is none: the log is not opened. */
static void test_failed_repair(void **state)
{
	struct log l = log_new();

	put(&l, "a.outcome", "1");
	append_text(path_of(&l), "x");
	log_close(&l);
	l.dirfd = open(l.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	store_sync = fails;
	assert_int_equal(store_open(&l.store, l.dirfd, &l.config, l.now), -EIO);
	store_sync = fdatasync;
	close(l.dirfd);
	log_open(&l);
	expect(&l, "log.open a.outcome/1 log.repaired "); /* it was there all the same */
	log_done(&l);
}

/* ---- what nobody tells the end of ---- */

static ssize_t no_write(int fd, const void *p, size_t n, off_t at)
{
	return errno = ENOSPC, -1;
}

/* Those that could not be closed are closed by the next call. */
static void test_close_unresolved(void **state)
{
	struct log l = log_new();
	struct buf live = BUF_INIT(100);

	plist_put(&live, BYTES("2"));
	put(&l, "add_record.intent", "1");
	put(&l, "add_record.intent", "2");
	put(&l, "add_record.intent", "3");
	store_write = no_write;
	assert_int_equal(store_close_unresolved(l.store, buf_bytes(&live), l.now),
			 STORE_E_UNAVAILABLE);
	store_write = pwrite;
	assert_int_equal(store_unresolved(l.store), 3);
	l.store->lost = true;
	assert_int_equal(store_close_unresolved(l.store, buf_bytes(&live), l.now),
			 STORE_E_UNAVAILABLE);
	l.store->lost = false;
	assert_int_equal(store_close_unresolved(l.store, buf_bytes(&live), l.now), 0);
	assert_int_equal(store_unresolved(l.store), 1);
	assert_int_equal(store_close_unresolved(l.store, bytes_of(NULL, 0), l.now), 0);
	assert_int_equal(store_unresolved(l.store), 0);
	buf_done(&live);
	log_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_lines),
		cmocka_unit_test(test_what_ends_an_intent),
		cmocka_unit_test(test_longest_intent),
		cmocka_unit_test(test_large_batch),
		cmocka_unit_test(test_empty_commit),
		cmocka_unit_test(test_hash_keys),
		cmocka_unit_test(test_short_writes),
		cmocka_unit_test(test_rotation_by_size),
		cmocka_unit_test(test_rotation_by_time),
		cmocka_unit_test(test_rotation_by_day),
		cmocka_unit_test(test_names_in_the_way),
		cmocka_unit_test(test_what_may_be_missing),
		cmocka_unit_test(test_file_gone_at_commit),
		cmocka_unit_test(test_file_gone_before_commit),
		cmocka_unit_test(test_no_first_segment),
		cmocka_unit_test(test_failed_repair),
		cmocka_unit_test(test_close_unresolved),
	};

	return cmocka_run_group_tests_name("store_batches", tests, NULL, NULL);
}
