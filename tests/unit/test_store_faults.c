/* SPDX-License-Identifier: ISC */
/* The log on disk when things go wrong with it. */
#include "store_rig.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

/* The change that HURT makes is noticed by the next commit, which does not count; then a new segment opens. */
static void hurt(void (*how)(const struct log *l))
{
	struct log l = log_new();
	unsigned before;

	put(&l, "a.outcome", "1");
	put(&l, "add_record.intent", "i");
	how(&l);
	assert_int_equal(stage(&l, "b.outcome", "2", NULL), 0);
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_false(store_healthy(l.store));
	assert_true(store_problem(l.store)[0]);
	assert_int_equal(stage(&l, "c.outcome", "3", NULL), STORE_E_UNAVAILABLE);
	before = files(&l);
	assert_int_equal(store_recover(l.store, l.now), 0);
	assert_int_equal(files(&l), before + 1);
	/* the intent of the lost file is still owed an outcome */
	assert_int_equal(store_unresolved(l.store), 1);
	put(&l, "add_record.outcome", "i");
	assert_true(store_healthy(l.store));
	log_done(&l);
}

static void unlinked(const struct log *l)
{
	unlink(path_of(l));
}

static void moved(const struct log *l)
{
	char to[600];

	snprintf(to, sizeof(to), "%s.moved", path_of(l));
	rename(path_of(l), to);
}

static void replaced(const struct log *l)
{
	moved(l);
	close(open(path_of(l), O_WRONLY | O_CREAT, 0600));
}

static void shortened(const struct log *l)
{
	assert_int_equal(truncate(path_of(l), 10), 0);
}

static void lengthened(const struct log *l)
{
	append_text(path_of(l), "x");
}

static void linked(const struct log *l)
{
	moved(l);
	assert_int_equal(symlink("/dev/null", path_of(l)), 0);
}

static void test_unlinked(void **state)
{
	hurt(unlinked);
}

static void test_moved(void **state)
{
	hurt(moved);
}

static void test_replaced(void **state)
{
	hurt(replaced);
	hurt(linked);
}

static void test_changed_by_others(void **state)
{
	hurt(shortened);
	hurt(lengthened);
}

static int failing_sync(int fd)
{
	errno = EIO;
	return -1;
}

static void test_failed_sync_is_final(void **state)
{
	struct log l = log_new();
	struct store_receipt lost, next;
	char old[SEGMENT_NAME_MAX];
	struct summary s;

	put(&l, "a.outcome", "1");
	memcpy(old, l.store->seg.name, sizeof(old));
	assert_int_equal(stage(&l, "add_record.intent", "2", &lost), 0);
	store_sync = failing_sync;
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
	store_sync = fdatasync;
	assert_int_equal(store_unresolved(l.store), 0); /* it never counted */
	assert_int_equal(store_recover(l.store, l.now), 0);
	assert_string_not_equal(old, l.store->seg.name);
	assert_int_equal(stage(&l, "b.outcome", "3", &next), 0);
	assert_int_equal(store_commit(l.store, l.now), 0);
	/* the number of a line that may have reached the disk is not given to another */
	assert_true(next.seq > lost.seq);
	s = read_log(&l);
	assert_true(s.rising);
	log_done(&l);
}

static void test_failed_write_is_undone(void **state)
{
	struct log l = log_new();
	struct rlimit limit, was;
	struct store_receipt a, b;

	put(&l, "a.outcome", "1");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = was;
	limit.rlim_cur = l.store->seg.size + 100; /* a part of the next line fits */
	setrlimit(RLIMIT_FSIZE, &limit);
	l.store->no_fallocate = true;
	assert_int_equal(stage(&l, "add_record.intent", "2", &a), 0);
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	setrlimit(RLIMIT_FSIZE, &was);
	expect(&l, "log.open a.outcome/1 ");
	assert_int_equal(store_unresolved(l.store), 0);
	assert_int_equal(store_recover(l.store, l.now), 0);
	assert_int_equal(stage(&l, "add_record.intent", "2", &b), 0);
	assert_int_equal(store_commit(l.store, l.now), 0);
	assert_true(a.seq == b.seq);
	expect(&l, "log.open a.outcome/1 add_record.intent/2 ");
	log_done(&l);
}

/* Intent and outcome staged together, and lost together. */
static void test_undo_of_a_pair(void **state)
{
	struct log l = log_new();

	assert_int_equal(stage(&l, "add_record.intent", "2", NULL), 0);
	assert_int_equal(stage(&l, "add_record.outcome", "2", NULL), 0);
	unlinked(&l);
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(store_unresolved(l.store), 0);
	assert_int_equal(store_recover(l.store, l.now), 0);
	assert_int_equal(stage(&l, "add_record.intent", "2", NULL), 0);
	assert_int_equal(stage(&l, "add_record.outcome", "2", NULL), 0);
	assert_int_equal(store_commit(l.store, l.now), 0);
	assert_int_equal(store_unresolved(l.store), 0);
	log_done(&l);
}

static void test_one_writer(void **state)
{
	struct log l = log_new();
	int other = open(l.dir, O_RDONLY | O_DIRECTORY);
	struct store *second;

	assert_int_equal(store_open(&second, other, &l.config, l.now), -EWOULDBLOCK);
	close(other);
	log_done(&l);
}

/*
 * On a full disk: as many intents as were accepted get their outcomes, though nothing else is let in. The child's exit status tells.
 */
static int full_disk(const struct log *outer)
{
	struct log l = {.now = START, .config = {.segment_bytes = 64 << 20}};
	char ballast[128] = "", id[32];
	unsigned accepted = 0;
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", outer->dir, "tmpfs", 0, "size=1m") < 0)
		return 77;
	memcpy(l.dir, outer->dir, sizeof(l.dir));
	log_open(&l);
	while (accepted < 1000) {
		snprintf(id, sizeof(id), "i%u", accepted);
		if (stage(&l, "add_record.intent", id, NULL) != 0)
			break;
		assert_int_equal(store_commit(l.store, l.now), 0);
		accepted++;
	}
	assert_in_range(accepted, 10, 64); /* of sixteen KiB each */
	assert_string_equal(store_problem(l.store), "there is no room for the log");
	assert_false(store_healthy(l.store));
	snprintf(ballast, sizeof(ballast), "%s/ballast", l.dir);
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	while (write(fd, ballast, sizeof(ballast)) > 0)
		;
	close(fd);
	while (stage(&l, "add_record.replaced", "i0", NULL) == 0)
		assert_int_equal(store_commit(l.store, l.now), 0);
	for (unsigned i = 0; i < accepted; i++) {
		snprintf(id, sizeof(id), "i%u", i);
		put(&l, "add_record.outcome", id);
	}
	assert_int_equal(store_unresolved(l.store), 0);
	unlink(ballast);
	assert_int_equal(store_recover(l.store, l.now), 0);
	put(&l, "add_record.intent", "again");
	assert_true(read_log(&l).rising);
	log_close(&l);
	return 0;
}

static void test_full_disk(void **state)
{
	in_child(full_disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlinked),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_changed_by_others),
		cmocka_unit_test(test_failed_sync_is_final),
		cmocka_unit_test(test_failed_write_is_undone),
		cmocka_unit_test(test_undo_of_a_pair),
		cmocka_unit_test(test_one_writer),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
