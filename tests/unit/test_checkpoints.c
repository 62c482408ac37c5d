/* SPDX-License-Identifier: ISC */
/* The file of checkpoints, and the copy of the leaves beside it: when the disk fails, and what may be in them. */
#include "store_rig.h"

#include "store/verify.h"

#include <signal.h>
#include <sys/resource.h>

static struct note_signer signers[2];
static unsigned syncs;
static int sync_fails; /* so many from now on */

/* All of the program's syncs, but those of the segments' lines, which go through store_sync. */
int fdatasync(int fd)
{
	syncs++;
	if (sync_fails > 0) {
		sync_fails--;
		errno = EIO;
		return -1;
	}
	return 0;
}

/* Writes to the file WRITE.FD go byte by byte, or as is said; all others as they should. */
static struct {
	int fd;
	enum { WRITE_BYTES, WRITE_NOTHING } how;
	unsigned calls;
} writing = {.fd = -1};

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (fd == writing.fd && writing.how == WRITE_NOTHING) {
		errno = EINTR; /* left over from somebody else */
		return 0;
	}
	if (fd == writing.fd) {
		errno = EINTR;
		if (writing.calls++ % 2 == 0)
			return -1;
		n = 1;
	}
	if (lseek(fd, at, SEEK_SET) < 0)
		return -1;
	return write(fd, p, n);
}

static int no_sync(int fd)
{
	return 0;
}

static off_t size_of(const struct log *l, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(l->dirfd, name, &st, 0), 0);
	return st.st_size;
}

static struct verify verified(const struct log *l)
{
	struct verify v = {.verifiers = &signers[0].verifier, .n_verifiers = 1};

	assert_int_equal(log_verify(l->dirfd, &v), 0);
	return v;
}

static void put_signed(struct log *l, const char *id)
{
	put(l, "a.outcome", id);
	assert_int_equal(store_checkpoint(l->store), 0);
}

/* ---- writing ---- */

/* A checkpoint that may not be on disk is none: the next call signs again. */
static void test_failed_sync(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	unsigned before;

	put_signed(&l, "1");
	put(&l, "a.outcome", "2");
	sync_fails = 1;
	assert_int_equal(store_checkpoint(l.store), -EIO);
	before = syncs;
	assert_int_equal(store_checkpoint(l.store), 0);
	assert_int_equal(syncs, before + 1);
	/* then there is nothing new, and nothing is touched */
	assert_int_equal(store_checkpoint(l.store), 0);
	assert_int_equal(syncs, before + 1);
	log_done(&l);
}

/* No room for the whole: what was written of it is cut off, and later ones are read all the same. */
static void test_failed_write(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	struct rlimit limit, was;
	off_t size;
	struct verify v;

	put_signed(&l, "1");
	size = size_of(&l, CHECKPOINTS_NAME);
	put(&l, "a.outcome", "2");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = was;
	limit.rlim_cur = (rlim_t)size + 50;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(store_checkpoint(l.store), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(size_of(&l, CHECKPOINTS_NAME), size);
	put_signed(&l, "3");
	v = verified(&l);
	assert_true(v.good);
	assert_int_equal(v.checkpoints, 2);
	assert_int_equal(v.covered, 4);
	log_done(&l);
}

/* Interrupted, and in small pieces, it is written all the same; where nothing is written it says so. */
static void test_short_writes(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	off_t size = 0;

	put(&l, "a.outcome", "1");
	writing.fd = l.store->checkpoints_fd;
	assert_int_equal(store_checkpoint(l.store), 0);
	writing.fd = -1;
	assert_int_equal(verified(&l).covered, 2);
	size = size_of(&l, CHECKPOINTS_NAME);
	assert_true(size > 0);
	put(&l, "a.outcome", "2");
	writing.fd = l.store->checkpoints_fd;
	writing.how = WRITE_NOTHING;
	assert_int_equal(store_checkpoint(l.store), -EIO);
	writing.fd = -1;
	writing.how = WRITE_BYTES;
	assert_int_equal(size_of(&l, CHECKPOINTS_NAME), size);
	assert_int_equal(store_checkpoint(l.store), 0);
	assert_int_equal(verified(&l).covered, 3);
	log_done(&l);
}

static void test_file_gone_bad(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	int null = open("/dev/null", O_RDONLY), fd = l.store->checkpoints_fd, kept = dup(fd);

	put(&l, "a.outcome", "1");
	dup2(null, fd);
	assert_int_equal(store_checkpoint(l.store), -EINVAL); /* the undoing's */
	close(fd);
	assert_int_equal(store_checkpoint(l.store), -EBADF);
	dup2(kept, fd);
	assert_int_equal(store_checkpoint(l.store), 0);
	close(kept);
	close(null);
	log_done(&l);
}

/* The copy of the leaves is nobody's need: where it fails it is given up, and the next start makes it whole. */
static void test_leaves(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	struct store_receipt r;
	struct buf leaves;
	int null = open("/dev/null", O_RDONLY), fd = l.store->leaves_fd;

	put_signed(&l, "1");
	assert_int_equal(size_of(&l, LEAVES_NAME), 2 * TREE_HASH_BYTES);
	dup2(null, fd);
	close(null);
	put_signed(&l, "2");
	assert_int_equal(l.store->leaves_fd, -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	put_signed(&l, "3");
	assert_int_equal(size_of(&l, LEAVES_NAME), 2 * TREE_HASH_BYTES);
	assert_true(verified(&l).good);
	assert_int_equal(stage(&l, "a.outcome", "4", &r), 0);
	assert_int_equal(store_commit(l.store, l.now), 0);
	unlinkat(l.dirfd, CHECKPOINTS_NAME, 0);
	reopen(&l);
	leaves = get_file(&l, LEAVES_NAME);
	assert_int_equal(leaves.n, 5 * TREE_HASH_BYTES);
	assert_memory_equal(leaves.p + r.seq * TREE_HASH_BYTES, r.leaf, TREE_HASH_BYTES);
	buf_done(&leaves);
	log_done(&l);
}

/* Nobody signs: there are no such files, and no tree. */
static void test_unsigned(void **state)
{
	struct log l = log_new();

	put(&l, "a.outcome", "1");
	assert_int_equal(store_checkpoint(l.store), 0);
	assert_int_equal(files(&l), 1);
	assert_int_equal(l.store->tree.size, 0);
	log_done(&l);
}

/* ---- starting ---- */

/* A start believes the last checkpoint, and reads no line that it covers: what was done to those is for verifiers to find. */
static void test_start_reads_on(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	struct tree_hash before, after;
	struct buf leaves, again;

	put_signed(&l, "1");
	put(&l, "a.outcome", "2");
	tree_root(&l.store->tree, &before);
	leaves = get_file(&l, LEAVES_NAME);
	reopen(&l);
	again = get_file(&l, LEAVES_NAME);
	assert_int_equal(leaves.n, 3 * TREE_HASH_BYTES);
	assert_true(bytes_eq(buf_bytes(&leaves), buf_bytes(&again)));
	buf_done(&leaves);
	buf_done(&again);
	assert_int_equal(l.store->signed_size, 2);
	assert_int_equal(l.store->tree.size, 3);
	tree_root(&l.store->tree, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	/* What is signed is not signed again. */
	assert_int_equal(store_checkpoint(l.store), 0);
	reopen(&l);
	assert_int_equal(l.store->signed_size, 3);
	syncs = 0;
	assert_int_equal(store_checkpoint(l.store), 0);
	assert_int_equal(syncs, 0);
	log_done(&l);
}

/* Another's last checkpoint stays, and does not count. */
static void test_start_with_anothers(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	off_t size;

	put_signed(&l, "1");
	size = size_of(&l, CHECKPOINTS_NAME);
	l.config.signers = &signers[1];
	reopen(&l);
	assert_int_equal(l.store->signed_size, 0);
	assert_int_equal(l.store->tree.size, 2);
	assert_int_equal(size_of(&l, CHECKPOINTS_NAME), size);
	log_done(&l);
}

/* What is no file of records, nor of leaves, is not written to. */
static void test_start_with_pipes(void **state)
{
	static const char *const names[] = {CHECKPOINTS_NAME, LEAVES_NAME};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct log l = log_signed(signers, 1 << 20);
		char path[512];

		put_signed(&l, "1");
		log_close(&l);
		snprintf(path, sizeof(path), "%s/%s", l.dir, names[i]);
		unlink(path);
		assert_int_equal(mkfifo(path, 0600), 0);
		l.dirfd = open(l.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(store_open(&l.store, l.dirfd, &l.config, l.now), -EINVAL);
		l.store = NULL;
		close(l.dirfd);
		log_done(&l);
	}
}

/* A line that cannot be there, in what no checkpoint covers: people must look first. */
static void test_start_with_a_line_too_many(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	char path[512];

	l.store->config.segment_bytes = 1;
	put(&l, "a.outcome", "1");
	log_close(&l);
	snprintf(path, sizeof(path), "%s/audit-00000000000000000000.jsonl", l.dir);
	append_text(path, "{}\n");
	l.dirfd = open(l.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(store_open(&l.store, l.dirfd, &l.config, l.now), -EBADMSG);
	l.store = NULL;
	close(l.dirfd);
	log_done(&l);
}

/* The end was taken away: the next segment's first line says which numbers are signed and gone. */
static void test_start_behind_a_lost_end(void **state)
{
	struct log l = log_signed(signers, 1 << 20);
	struct stat st;
	char path[512], text[2000];
	FILE *f;
	size_t n;

	assert_int_equal(stat(path_of(&l), &st), 0);
	put(&l, "a.outcome", "1");
	put_signed(&l, "2");
	snprintf(path, sizeof(path), "%s", path_of(&l));
	log_close(&l);
	assert_int_equal(truncate(path, st.st_size), 0);
	log_open(&l);
	assert_int_equal(l.store->seg.first, 3);
	f = fopen(path_of(&l), "r");
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	assert_non_null(strstr(text, "\"unresolved 0 from seq 0; seq 1 to 2 are missing: they were "
				     "signed\""));
	log_done(&l);
}

int main(void)
{
	static const unsigned char seeds[2][NOTE_SEED_BYTES] = {{1}, {2}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed_sync),
		cmocka_unit_test(test_failed_write),
		cmocka_unit_test(test_short_writes),
		cmocka_unit_test(test_file_gone_bad),
		cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_start_reads_on),
		cmocka_unit_test(test_start_with_anothers),
		cmocka_unit_test(test_start_with_pipes),
		cmocka_unit_test(test_start_with_a_line_too_many),
		cmocka_unit_test(test_start_behind_a_lost_end),
	};

	for (size_t i = 0; i < 2; i++)
		note_signer_init(&signers[i], BYTES("gateway.example/audit"), seeds[i]);
	store_sync = no_sync;
	return cmocka_run_group_tests_name("checkpoints", tests, NULL, NULL);
}
