/* SPDX-License-Identifier: ISC */
/* The disk's room that the log takes ahead, to the byte: fallocate() is this program's own. */
#include "store_rig.h"

#define LINE AUDIT_LINE_MAX

static struct {
	off_t capacity; /* of the disk, as far as one file may reach */
	int error;	/* instead: all calls fail */
	unsigned calls;
	int mode;
	off_t from, end; /* of the last that was granted */
} disk;

int fallocate(int fd, int mode, off_t offset, off_t len)
{
	disk.calls++;
	errno = disk.error ? disk.error : ENOSPC;
	if (disk.error || offset + len > disk.capacity)
		return -1;
	disk.mode = mode;
	disk.from = offset;
	disk.end = offset + len;
	return 0;
}

static void plenty(void)
{
	memset(&disk, 0, sizeof(disk));
	disk.capacity = INT64_MAX;
}

/* The file may grow up to here, and nothing was taken ahead. */
static void room_up_to(const struct log *l, uint64_t end)
{
	l->store->seg.reserved = l->store->seg.size;
	disk.capacity = (off_t)end;
}

static struct log log_with(unsigned intents)
{
	struct log l;
	char id[16];

	plenty();
	l = log_new();
	for (unsigned i = 0; i < intents; i++) {
		snprintf(id, sizeof(id), "i%u", i);
		put(&l, "add_record.intent", id);
	}
	return l;
}

/* What stays behind the staged lines: an outcome for each open intent, and one line. */
static uint64_t behind(unsigned intents)
{
	return (uint64_t)(intents + 1) * LINE;
}

/* Each kind of line is taken with just the room that it and all outcomes need, and not with a byte less. */
static void test_staging(void **state)
{
	for (unsigned intents = 0; intents < 4; intents++) {
		struct log l = log_with(intents);
		uint64_t need;

		need = l.store->seg.size + behind(intents) + LINE;
		room_up_to(&l, need - 1);
		assert_int_equal(stage(&l, "a.refused", "1", NULL), STORE_E_UNAVAILABLE);
		assert_string_equal(store_problem(l.store), "there is no room for the log");
		room_up_to(&l, need);
		assert_int_equal(stage(&l, "a.refused", "1", NULL), 0);
		assert_int_equal(l.store->seg.reserved, need);
		assert_int_equal(disk.from, l.store->seg.size);
		assert_int_equal(disk.mode, FALLOC_FL_KEEP_SIZE);

		need = l.store->seg.size + l.store->staged.n + behind(intents) + 2 * LINE;
		room_up_to(&l, need - 1);
		assert_int_equal(stage(&l, "add_record.intent", "2", NULL), STORE_E_UNAVAILABLE);
		room_up_to(&l, need);
		assert_int_equal(stage(&l, "add_record.intent", "2", NULL), 0);
		assert_int_equal(store_commit(l.store, l.now), 0);

		/* for an outcome everything is there already */
		room_up_to(&l, 0);
		assert_int_equal(stage(&l, "add_record.outcome", "2", NULL), 0);
		assert_int_equal(stage(&l, "add_record.outcome", "2", NULL), STORE_E_UNAVAILABLE);
		assert_int_equal(store_commit(l.store, l.now), 0);
		log_done(&l);
	}
}

static void test_health(void **state)
{
	struct log l = log_with(2);
	uint64_t need = l.store->seg.size + behind(2) + 2 * LINE;

	room_up_to(&l, need - 1);
	assert_false(store_healthy(l.store));
	assert_string_equal(store_problem(l.store), "there is no room for the log");
	assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
	room_up_to(&l, need);
	assert_int_equal(store_recover(l.store, l.now), 0);
	assert_string_equal(store_problem(l.store), "");
	assert_true(store_healthy(l.store));
	log_done(&l);
}

/* Where there is more, more is taken, and the next lines ask for nothing. */
static void test_ahead(void **state)
{
	struct log l = log_with(0);
	uint64_t need;
	unsigned before;

	/* a new segment's: its own line, and what stays behind */
	assert_int_equal(l.store->seg.reserved, l.store->seg.size + behind(0) + RESERVE_STEP);
	assert_int_equal(disk.from, 0);
	room_up_to(&l, INT64_MAX);
	need = l.store->seg.size + behind(0) + LINE;
	assert_int_equal(stage(&l, "a.refused", "1", NULL), 0);
	assert_int_equal(l.store->seg.reserved, need + RESERVE_STEP);
	assert_int_equal(disk.end, need + RESERVE_STEP);
	before = disk.calls;
	assert_int_equal(stage(&l, "a.refused", "1", NULL), 0);
	/* up to the last byte of it */
	l.store->seg.reserved = l.store->seg.size + l.store->staged.n + behind(0) + LINE;
	assert_int_equal(stage(&l, "a.refused", "1", NULL), 0);
	assert_int_equal(disk.calls, before);
	l.store->seg.reserved = l.store->seg.size + l.store->staged.n + behind(0) + LINE - 1;
	assert_int_equal(stage(&l, "a.refused", "1", NULL), 0);
	assert_int_equal(disk.calls, before + 1);
	log_done(&l);
}

/* A rotation needs as much room as the old segment had for the open intents. */
static void test_rotation(void **state)
{
	struct log l = log_with(2);
	uint64_t size;

	l.store->config.segment_bytes = 1;
	room_up_to(&l, 1 << 20);
	put(&l, "a.refused", "1");
	size = l.store->seg.size;
	assert_true(l.store->seg.first > 0);
	assert_int_equal(l.store->seg.reserved, size + behind(2));
	/* with a byte less the old one goes on */
	l.store->config.segment_bytes = 0;
	put(&l, "a.refused", "2");
	l.store->config.segment_bytes = 1;
	l.store->seg.reserved = l.store->seg.size + behind(2) + LINE;
	disk.capacity = (off_t)(size + behind(2) - 1);
	size = l.store->seg.first;
	put(&l, "a.refused", "3");
	assert_int_equal(l.store->seg.first, size);
	disk.capacity++;
	put(&l, "add_record.outcome", "i0"); /* and the room of its intent is not needed any more */
	assert_int_not_equal(l.store->seg.first, size);
	log_done(&l);
}

/* A new segment that has no room for an intent is no health. */
static void test_recovery(void **state)
{
	struct log l = log_with(1);
	uint64_t size;

	unlink(path_of(&l));
	assert_false(store_healthy(l.store));
	disk.capacity = 0;
	assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(files(&l), 0);
	disk.capacity = 4096 + (off_t)behind(1);
	assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(files(&l), 1);
	assert_string_equal(store_problem(l.store), "there is no room for the log");
	size = l.store->seg.size;
	disk.capacity = (off_t)(size + behind(1) + 2 * LINE);
	assert_int_equal(store_recover(l.store, l.now), 0);
	assert_int_equal(files(&l), 1);
	log_done(&l);
}

static ssize_t no_write(int fd, const void *p, size_t n, off_t at)
{
	return errno = disk.error ? disk.error : ENOSPC, -1;
}

/* What was cut back has given its room away: it is asked for again. */
static void test_failed_write(void **state)
{
	static const struct {
		int error;
		const char *problem;
	} cases[] = {
		{ENOSPC, "there is no room for the log"},
		{EDQUOT, "there is no room for the log"},
		{EIO, "the log cannot be written"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct log l = log_with(0);

		assert_int_equal(stage(&l, "a.refused", "1", NULL), 0);
		disk.error = cases[i].error;
		store_write = no_write;
		assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
		store_write = pwrite;
		assert_string_equal(store_problem(l.store), cases[i].problem);
		assert_int_equal(l.store->seg.reserved, l.store->seg.size);
		assert_false(store_healthy(l.store));
		assert_string_equal(store_problem(l.store),
				    cases[i].error == EIO ? "the log's room cannot be reserved"
							  : "there is no room for the log");
		disk.error = 0;
		assert_true(store_healthy(l.store));
		put(&l, "a.refused", "1");
		expect(&l, "log.open a.refused/1 ");
		log_done(&l);
	}
}

/* A file system that cannot reserve: once asked, it is not asked again; the log then fails when the disk is full. */
static void test_unsupported(void **state)
{
	struct log l;
	unsigned calls;

	plenty();
	disk.error = EOPNOTSUPP;
	l = log_new();
	assert_true(l.store->no_fallocate);
	assert_int_equal(l.store->seg.reserved, 0);
	calls = disk.calls;
	put(&l, "add_record.intent", "1");
	l.store->config.segment_bytes = 1;
	put(&l, "add_record.outcome", "1");
	assert_true(l.store->seg.first > 0);
	assert_true(store_healthy(l.store));
	assert_int_equal(disk.calls, calls);
	/* or it is found out on a segment that is there already */
	plenty();
	log_close(&l);
	disk.error = EOPNOTSUPP;
	log_open(&l);
	assert_true(l.store->no_fallocate);
	assert_string_equal(store_problem(l.store), "");
	put(&l, "a.refused", "1");
	log_done(&l);
}

/* At the start nothing is refused for want of room but a repair; it is told. */
static void test_start(void **state)
{
	struct log l = log_with(1);
	uint64_t size = l.store->seg.size;

	log_close(&l);
	disk.capacity = (off_t)(size + behind(1) - 1);
	log_open(&l);
	assert_string_equal(store_problem(l.store), "there is no room for the log");
	disk.capacity++;
	reopen(&l);
	assert_string_equal(store_problem(l.store), "");
	assert_int_equal(l.store->seg.reserved, disk.capacity);
	append_text(path_of(&l), "x");
	log_close(&l);
	disk.capacity = (off_t)(size + behind(1) + LINE - 1);
	l.dirfd = open(l.dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(store_open(&l.store, l.dirfd, &l.config, l.now), -ENOSPC);
	close(l.dirfd);
	disk.capacity++;
	log_open(&l);
	expect(&l, "log.open add_record.intent/i0 log.repaired ");
	/* what was taken for the repair went with what was cut off */
	assert_int_equal(l.store->seg.reserved, l.store->seg.size + behind(1));
	log_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_staging),	    cmocka_unit_test(test_health),
		cmocka_unit_test(test_ahead),	    cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_recovery),    cmocka_unit_test(test_failed_write),
		cmocka_unit_test(test_unsupported), cmocka_unit_test(test_start),
	};

	return cmocka_run_group_tests_name("store_room", tests, NULL, NULL);
}
