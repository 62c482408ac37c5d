/* SPDX-License-Identifier: ISC */
/* The log's files as files: who may read them, what they may be instead, and that none stays open. */
#include "store_rig.h"

#include "store/verify.h"
#include "store/walk.h"

#include <sys/resource.h>
#include <sys/syscall.h>

static struct note_signer signer;
static unsigned bad_closes;

/* What is not open is not closed: the number may be somebody else's by then. */
int close(int fd)
{
	int r = (int)syscall(SYS_close, fd);

	bad_closes += r < 0 && errno == EBADF;
	return r;
}

/* A bit for each descriptor that is open, and was not in BEFORE. */
static uint64_t descriptors(uint64_t before)
{
	uint64_t set = 0;

	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			set |= UINT64_C(1) << fd;
	return set & ~before;
}

/* Opening the closed log, or one that is there, gives WANT; it is closed again, and nothing stays open. */
static void opens_with(struct log *l, int want)
{
	uint64_t before = descriptors(0);

	l->dirfd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(store_open(&l->store, l->dirfd, &l->config, l->now), want);
	if (want < 0)
		l->store = NULL;
	log_close(l);
	assert_int_equal(descriptors(0), before);
	assert_int_equal(bad_closes, 0);
}

static int verify_log(const struct log *l)
{
	struct verify v = {.verifiers = &signer.verifier, .n_verifiers = 1};
	int fd = open(l->dir, O_RDONLY | O_DIRECTORY), r = log_verify(fd, &v);

	close(fd);
	return r;
}

/* ---- who may ---- */

static void check_file(int fd)
{
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void check_files(const struct log *l)
{
	check_file(l->store->seg.fd);
	check_file(l->store->checkpoints_fd);
	check_file(l->store->leaves_fd);
}

/* Only the log's own user may read it, whatever the umask; and no program that is started has its files. */
static void test_modes(void **state)
{
	mode_t was = umask(0);
	struct log l = log_signed(&signer, 1 << 20);

	check_files(&l);
	reopen(&l);
	check_files(&l);
	umask(was);
	log_done(&l);
}

static uint64_t before;

/* What is opened to be read is seen from where it is read. */
static void look(void)
{
	uint64_t more = descriptors(before);

	assert_true(more);
	for (int fd = 0; fd < 64; fd++)
		if (more >> fd & 1)
			assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static int look_at_line(void *arg, const struct log_line *line)
{
	look();
	return 0;
}

static int look_at_item(void *arg, const struct walk_item *item)
{
	look();
	return 0;
}

static void test_reading(void **state)
{
	struct log l = log_signed(&signer, 1 << 20);
	uint64_t end;

	put(&l, "a.outcome", "1");
	before = descriptors(0);
	assert_int_equal(log_walk(l.dirfd, 0, look_at_item, NULL, &end), 0);
	assert_int_equal(end, 2);
	assert_int_equal(log_read(l.dir, look_at_line, NULL), 0);
	assert_int_equal(verify_log(&l), 0);
	assert_int_equal(descriptors(before), 0);
	log_done(&l);
}

/* ---- what else they may be ---- */

static void path(const struct log *l, const char *name, char out[512])
{
	snprintf(out, 512, "%s/%s", l->dir, name);
}

/* NAME becomes a link that leads elsewhere. */
static void make_link(const struct log *l, const char *name, const char *to)
{
	char at[512];

	path(l, name, at);
	unlink(at);
	assert_int_equal(symlink(to, at), 0);
}

/* No link is followed: nothing is written elsewhere, and nobody else's file is taken for the log. */
static void test_links(void **state)
{
	static const char *const names[] = {CHECKPOINTS_NAME, LEAVES_NAME,
					    "audit-00000000000000000000.jsonl"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct log l = log_signed(&signer, 1 << 20);
		char to[512], from[512];
		uint64_t end;

		put(&l, "a.outcome", "1");
		assert_int_equal(store_checkpoint(l.store), 0);
		log_close(&l);
		path(&l, names[i], from);
		path(&l, "elsewhere", to);
		assert_int_equal(rename(from, to), 0);
		make_link(&l, names[i], to);
		opens_with(&l, -ELOOP);
		before = descriptors(0);
		/* the copy of the leaves is not needed */
		assert_int_equal(verify_log(&l), i == 1 ? 0 : -ELOOP);
		if (i == 2) {
			int fd = open(l.dir, O_RDONLY | O_DIRECTORY);

			assert_int_equal(log_read(l.dir, look_at_line, NULL), -ELOOP);
			assert_int_equal(log_walk(fd, 0, look_at_item, NULL, &end), -ELOOP);
			close(fd);
		}
		assert_int_equal(descriptors(before), 0);
		log_done(&l);
	}
}

static int ignore_line(void *arg, const struct log_line *line)
{
	return 0;
}

static int ignore_item(void *arg, const struct walk_item *item)
{
	return 0;
}

/* A pipe in a segment's place keeps nobody waiting for a writer. */
static void test_pipe(void **state)
{
	struct log l = log_signed(&signer, 1 << 20);
	char at[512];

	l.config.segment_bytes = 1;
	reopen(&l);
	put(&l, "add_record.intent", "1");
	log_close(&l);
	path(&l, "audit-00000000000000000000.jsonl", at);
	unlink(at);
	assert_int_equal(mkfifo(at, 0600), 0);
	alarm(20);
	assert_int_equal(log_read(l.dir, ignore_line, NULL), -EMEDIUMTYPE);
	assert_int_equal(verify_log(&l), -EMEDIUMTYPE);
	opens_with(&l, -ESPIPE);
	alarm(0);
	log_done(&l);
}

static void test_directory(void **state)
{
	struct log l = log_signed(&signer, 1 << 20);
	char at[512];

	log_close(&l);
	path(&l, CHECKPOINTS_NAME, at);
	unlink(at);
	assert_int_equal(mkdir(at, 0700), 0);
	opens_with(&l, -EISDIR);
	assert_int_equal(verify_log(&l), -EMEDIUMTYPE);
	rmdir(at);
	path(&l, LEAVES_NAME, at);
	unlink(at);
	assert_int_equal(mkdir(at, 0700), 0);
	opens_with(&l, -EISDIR);
	rmdir(at);
	path(&l, "audit-00000000000000000009.jsonl", at);
	assert_int_equal(mkdir(at, 0700), 0);
	opens_with(&l, -EISDIR);
	before = descriptors(0);
	assert_int_equal(log_read(l.dir, ignore_line, NULL), -EMEDIUMTYPE);
	assert_int_equal(verify_log(&l), -EMEDIUMTYPE);
	assert_int_equal(descriptors(before), 0);
	rmdir(at);
	log_done(&l);
}

static int stop(void *arg, const struct log_line *line)
{
	return 42;
}

/* Where the reading ends, by whom it may be, no file stays open, and none is closed that is not its own. */
static void test_reading_ends(void **state)
{
	struct log l = log_signed(&signer, 1);
	struct rlimit was, few;
	int next;

	put(&l, "a.outcome", "1");
	before = descriptors(0);
	assert_int_equal(log_read(l.dir, stop, NULL), 42);
	assert_int_equal(descriptors(0), before);
	/* the directory can be opened, and then no file any more */
	next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &was);
	few = was;
	few.rlim_cur = (rlim_t)next + 1;
	setrlimit(RLIMIT_NOFILE, &few);
	assert_int_equal(log_read(l.dir, ignore_line, NULL), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &was);
	assert_int_equal(descriptors(0), before);
	assert_int_equal(bad_closes, 0);
	log_done(&l);
}

static void test_no_directory(void **state)
{
	uint64_t *first, end;
	size_t n;
	int null = open("/dev/null", O_RDONLY);

	before = descriptors(0);
	assert_int_equal(log_read("/nowhere", ignore_line, NULL), -ENOENT);
	assert_int_equal(log_read("/dev/null", ignore_line, NULL), -ENOTDIR);
	assert_int_equal(log_segments(null, &first, &n), -ENOTDIR);
	assert_null(first);
	assert_int_equal(log_walk(null, 0, look_at_item, NULL, &end), -ENOTDIR);
	assert_int_equal(descriptors(before), 0);
	close(null);
}

/* A segment by itself: what its functions return, where nobody else looks at it. */
static void test_segment(void **state)
{
	struct log l = log_none();
	struct segment seg;

	l.dirfd = open(l.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(segment_create(&seg, l.dirfd, 7, BYTES("line\n"), 0, START), 0);
	assert_string_equal(segment_intact(&seg, l.dirfd), "");
	assert_int_equal(segment_create(&seg, l.dirfd, 7, BYTES("line\n"), 0, START), -EEXIST);
	assert_int_equal(segment_reserve(&seg, seg.size), 0);
	assert_int_equal(segment_append(&seg, BYTES("x\n")), 0);
	assert_int_equal(segment_repair(&seg, BYTES("y\n")), 0);
	assert_int_equal(seg.size, strlen("line\nx\ny\n"));
	assert_string_equal(segment_intact(&seg, l.dirfd), "");
	segment_close(&seg);
	assert_int_equal(seg.fd, -1);
	segment_close(&seg); /* nothing */
	assert_int_equal(bad_closes, 0);
	assert_string_equal(segment_intact(&seg, l.dirfd), "the log's file cannot be looked at");
	close(l.dirfd);
	log_done(&l);
}

/* ---- none stays open ---- */

static int fails(int fd)
{
	return errno = EIO, -1;
}

/* Nobody opens the store's files but under the numbers that are free: 0 is one as good as any. */
static void test_descriptor_zero(void **state)
{
	struct log l = log_signed(&signer, 1 << 20), plain = {.now = START};
	int kept = dup(0), dirfd;
	struct stat st;
	struct verify v;
	uint64_t end;

	put(&l, "a.outcome", "1");
	assert_int_equal(store_checkpoint(l.store), 0);
	log_close(&l);
	dirfd = l.dirfd = open(l.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd > 0);
	close(0);
	assert_int_equal(store_open(&l.store, dirfd, &l.config, l.now), 0);
	assert_int_equal(l.store->seg.fd, 0);
	put(&l, "a.outcome", "2");
	expect(&l, "log.open a.outcome/1 a.outcome/2 ");
	store_free(l.store);
	assert_int_equal(fcntl(0, F_GETFD), -1);
	errno = EIO;
	assert_int_equal(log_walk(dirfd, 0, ignore_item, NULL, &end), 0);
	assert_int_equal(end, 3);
	assert_int_equal(log_read(l.dir, ignore_line, NULL), 0);
	v = (struct verify){.verifiers = &signer.verifier, .n_verifiers = 1};
	assert_int_equal(log_verify(dirfd, &v), 0);
	assert_int_equal(v.checkpoints, 1);
	l.dirfd = dirfd;
	assert_int_equal(fcntl(0, F_GETFD), -1);
	/* a segment without a line goes, and its number with it */
	close(openat(dirfd, "audit-00000000000000000009.jsonl", O_WRONLY | O_CREAT, 0600));
	assert_int_equal(store_open(&l.store, dirfd, &l.config, l.now), 0);
	unlinkat(dirfd, l.store->seg.name, 0);
	store_free(l.store);
	assert_int_equal(fcntl(0, F_GETFD), -1);
	/* in a new log the checkpoints are opened first */
	unlinkat(dirfd, "audit-00000000000000000000.jsonl", 0);
	unlinkat(dirfd, CHECKPOINTS_NAME, 0);
	errno = EIO;
	assert_int_equal(store_open(&l.store, dirfd, &l.config, l.now), 0);
	assert_int_equal(l.store->checkpoints_fd, 0);
	store_free(l.store);
	for (int turn = 0; turn < 2; turn++) {
		int *fd;

		assert_int_equal(open("/dev/null", O_RDONLY), 0);
		assert_int_equal(store_open(&l.store, dirfd, &l.config, l.now), 0);
		fd = turn ? &l.store->leaves_fd : &l.store->checkpoints_fd;
		dup2(*fd, 0);
		close(*fd);
		*fd = 0;
		put(&l, "a.outcome", "3");
		assert_int_equal(store_checkpoint(l.store), 0);
		assert_int_equal(*fd, 0);
		assert_int_equal(fstatat(dirfd, LEAVES_NAME, &st, 0), 0);
		assert_int_equal(st.st_size, l.store->tree.size * TREE_HASH_BYTES);
		store_free(l.store);
		assert_int_equal(fcntl(0, F_GETFD), -1);
	}
	/* through an older segment */
	l.config.segment_bytes = 1;
	assert_int_equal(store_open(&l.store, dirfd, &l.config, l.now), 0);
	put(&l, "add_record.intent", "1");
	put(&l, "a.outcome", "1");
	store_free(l.store);
	assert_int_equal(store_open(&l.store, dirfd, &l.config, l.now), 0);
	assert_int_equal(store_unresolved(l.store), 1);
	assert_int_equal(l.store->seg.fd, 0);
	store_free(l.store);
	l.store = NULL;
	close(dirfd);
	make_directory(plain.dir);
	plain.dirfd = open(plain.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dirfd = dup(plain.dirfd);
	close(plain.dirfd);
	errno = EIO;
	assert_int_equal(store_open(&plain.store, dirfd, &plain.config, plain.now), 0);
	assert_int_equal(plain.store->seg.fd, 0);
	store_free(plain.store);
	plain.store = NULL;
	close(dirfd);
	/* and where it is somebody else's, it stays his */
	dup2(kept, 0);
	close(kept);
	opens_with(&plain, 0);
	log_done(&plain);
	log_done(&l);
}

/* Through rotations, failures and repairs a store has as many files open as at its start, and none at its end. */
static void test_descriptors(void **state)
{
	struct log l = log_signed(&signer, 1 << 20);
	uint64_t outside, inside;

	log_close(&l);
	outside = descriptors(0);
	l.config.segment_bytes = 1000;
	log_open(&l);
	inside = descriptors(0);
	for (int i = 0; i < 10; i++)
		put(&l, "a.outcome", "1");
	assert_int_equal(store_checkpoint(l.store), 0);
	put(&l, "add_record.intent", "1");
	assert_int_equal(__builtin_popcountll(descriptors(0)), __builtin_popcountll(inside));
	assert_int_equal(stage(&l, "a.outcome", "2", NULL), 0);
	store_sync = fails;
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
	store_sync = fdatasync;
	assert_int_equal(store_recover(l.store, l.now), 0);
	assert_int_equal(__builtin_popcountll(descriptors(0)), __builtin_popcountll(inside));
	/* an intent of an older segment, a torn line */
	put(&l, "a.outcome", "3");
	append_text(path_of(&l), "{\"seq\":");
	reopen(&l);
	assert_int_equal(store_unresolved(l.store), 1);
	assert_int_equal(__builtin_popcountll(descriptors(0)), __builtin_popcountll(inside));
	log_close(&l);
	/* the newest segment is damaged, or empty */
	l.config.segment_bytes = 1 << 20;
	log_open(&l);
	append_text(path_of(&l), "x\nx\n");
	log_close(&l);
	opens_with(&l, -EBADMSG);
	assert_int_equal(descriptors(outside), 0);
	log_done(&l);
}

int main(void)
{
	static const unsigned char seed[NOTE_SEED_BYTES] = {1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),	     cmocka_unit_test(test_reading),
		cmocka_unit_test(test_links),	     cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_directory),    cmocka_unit_test(test_reading_ends),
		cmocka_unit_test(test_no_directory), cmocka_unit_test(test_segment),
		cmocka_unit_test(test_descriptors),  cmocka_unit_test(test_descriptor_zero),
	};

	note_signer_init(&signer, BYTES("gateway.example/audit"), seed);
	return cmocka_run_group_tests_name("store_files", tests, NULL, NULL);
}
