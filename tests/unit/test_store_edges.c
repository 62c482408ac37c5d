/* SPDX-License-Identifier: ISC */
/* The log on disk: where a hostile vault, a crash at the wrong moment or a full disk would hurt it. */
#include "store_rig.h"

#include <sched.h>
#include <sys/mount.h>

/* What the log's file says; buf_done() it. */
static struct buf content(const char *path)
{
	struct buf b = BUF_INIT(8u << 20);
	int fd = open(path, O_RDONLY);
	ssize_t n;
	char chunk[4096];

	assert_true(fd >= 0);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(&b, chunk, (size_t)n);
	close(fd);
	return b;
}

static bool has(const struct buf *b, const char *text)
{
	return bytes_find(buf_bytes(b), bytes_str(text)) < b->n;
}

static void name_file(const struct log *l, unsigned long long seq, char path[512])
{
	snprintf(path, 512, "%s/audit-%020llu.jsonl", l->dir, seq);
}

/* Opening the closed log gives WANT; it is closed again. */
static void opens_with(struct log *l, int want)
{
	l->dirfd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(store_open(&l->store, l->dirfd, &l->config, l->now), want);
	if (want < 0)
		l->store = NULL;
	log_close(l);
}

/* ---- intents and outcomes ---- */

static void test_two_outcomes(void **state)
{
	struct log l = log_new();

	put(&l, "add_record.intent", "r");
	assert_int_equal(stage(&l, "add_record.outcome", "r", NULL), 0);
	assert_int_equal(stage(&l, "add_record.outcome", "r", NULL), 0);
	/* nor is it closed a third time */
	assert_int_equal(store_close_unresolved(l.store, BYTES(""), l.now), 0);
	assert_int_equal(store_unresolved(l.store), 0);
	expect(&l, "log.open add_record.intent/r add_record.outcome/r add_record.outcome/r ");
	log_done(&l);
}

static ssize_t no_write(int fd, const void *p, size_t n, off_t at)
{
	errno = ENOSPC;
	return -1;
}

/* An outcome that was lost with its batch is owed again. */
static void test_outcome_lost(void **state)
{
	struct log l = log_new();

	put(&l, "add_record.intent", "r");
	assert_int_equal(stage(&l, "add_record.outcome", "r", NULL), 0);
	store_write = no_write;
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	store_write = pwrite;
	assert_int_equal(store_unresolved(l.store), 1);
	put(&l, "add_record.outcome", "r");
	assert_int_equal(store_unresolved(l.store), 0);
	expect(&l, "log.open add_record.intent/r add_record.outcome/r ");
	log_done(&l);
}

static void test_verb_counts(void **state)
{
	struct log l = log_new();

	put(&l, "add_record.intent", "r");
	put(&l, "remove_record.outcome", "r");
	assert_int_equal(store_unresolved(l.store), 1);
	reopen(&l);
	assert_int_equal(store_unresolved(l.store), 1);
	log_done(&l);
}

static void test_unknown_says_what_the_intent_said(void **state)
{
	struct log l = log_new();
	struct audit_line line = audit_line_empty();
	struct store_receipt receipt;
	struct buf text;

#define SET_TEXT(name)	 line.name = BYTES(#name);
#define SET_LIST(name)	 /* null */
#define SET_NUMBER(name) /* null */
#define X(kind, name)	 SET_##kind(name)
	AUDIT_FIELDS(X)
#undef X
	line.event = BYTES("add_record.intent");
	line.time = l.now;
	assert_int_equal(store_stage(l.store, &line, &receipt), 0);
	assert_int_equal(store_commit(l.store, l.now), 0);
	assert_int_equal(store_close_unresolved(l.store, BYTES(""), l.now + 1), 0);
	text = content(path_of(&l));
	assert_true(
		has(&text,
		    "{\"seq\":2,\"time\":\"2024-10-04T01:00:00.000001Z\",\"event\":\"add_record."
		    "outcome\","
		    "\"request_id\":\"request_id\",\"caller\":\"caller\",\"customer\":\"customer\","
		    "\"integration\":\"integration\",\"provider\":\"provider\",\"zone\":\"zone\","
		    "\"fqdn\":\"fqdn\",\"type\":\"type\",\"value\":\"value\",\"mode\":\"mode\","
		    "\"profile\":\"profile\",\"result\":\"unknown\",\"code\":null,"));
	buf_done(&text);
	log_done(&l);
}

/* The longest intent that is taken can be closed. */
static void test_longest_intent(void **state)
{
	struct log l = log_new();
	struct buf value = BUF_INIT(AUDIT_LINE_MAX);
	struct audit_line line = audit_line_empty();
	struct store_receipt receipt;
	int r = STORE_E_UNAVAILABLE;

	memset(buf_extend(&value, AUDIT_LINE_MAX), 'v', AUDIT_LINE_MAX);
	line.event = BYTES("add_record.intent");
	line.request_id = BYTES("r");
	line.time = l.now;
	while (r != 0) {
		buf_truncate(&value, value.n - 1);
		line.value = buf_bytes(&value);
		r = store_stage(l.store, &line, &receipt);
	}
	assert_in_range(value.n, AUDIT_LINE_MAX - 1000, AUDIT_LINE_MAX);
	assert_int_equal(store_commit(l.store, l.now), 0);
	assert_int_equal(store_close_unresolved(l.store, BYTES(""), l.now), 0);
	assert_int_equal(store_unresolved(l.store), 0);
	buf_done(&value);
	log_done(&l);
}

/* ---- what a crash leaves ---- */

/* After a failed sync numbers are passed over; the machine stops before the new segment has a line. */
static void test_finished_stays_finished(void **state)
{
	struct log l = log_new();
	char path[512];

	put(&l, "add_record.intent", "1");
	log_close(&l);
	name_file(&l, 5, path);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	log_open(&l);
	assert_int_equal(store_unresolved(l.store), 1);
	put(&l, "b.outcome", "2");
	reopen(&l);
	expect(&l, "log.open add_record.intent/1 log.open b.outcome/2 ");
	assert_true(l.store->next_seq == 7);
	log_done(&l);
}

static void append(const char *path, struct bytes data)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, data.p, data.n), data.n);
	close(fd);
}

static void test_zeros_behind(void **state)
{
	static const unsigned char zeros[100000];
	struct log l = log_new();
	char path[512];

	put(&l, "a.outcome", "1");
	snprintf(path, sizeof(path), "%s", path_of(&l));
	append(path, BYTES("{\"seq\":2,"));
	append(path, bytes_of(zeros, sizeof(zeros)));
	reopen(&l);
	expect(&l, "log.open a.outcome/1 log.repaired ");
	append(path, bytes_of(zeros, sizeof(zeros)));
	append(path, BYTES("x"));
	log_close(&l);
	opens_with(&l, -EBADMSG);
	log_done(&l);
}

/* Lines behind a bad one are seen even where the bad one ends with a piece that was read. */
static void test_damage_at_the_edge_of_a_read(void **state)
{
	const off_t edge = 256 * 1024;
	struct log l = log_new();
	char id[4001], path[512], bad[6001];
	struct stat before, after;

	snprintf(path, sizeof(path), "%s", path_of(&l));
	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = 0;
	memset(bad, 'b', sizeof(bad));
	while (stat(path, &before) == 0 && edge - before.st_size > (off_t)sizeof(bad))
		put(&l, "a.outcome", id);
	log_close(&l);
	bad[edge - before.st_size - 1] = '\n';
	append(path, bytes_of(bad, (size_t)(edge - before.st_size)));
	for (int i = 0; i < 10; i++)
		append(path, BYTES("{\"seq\":1,\"event\":\"x\"}\n"));
	stat(path, &before);
	opens_with(&l, -EBADMSG);
	stat(path, &after);
	assert_int_equal(before.st_size, after.st_size);
	log_done(&l);
}

/* What is torn goes only with the line that says so. */
static void test_repair_is_not_forgotten(void **state)
{
	struct log l = log_new();

	put(&l, "a.outcome", "1");
	append(path_of(&l), BYTES("{\"seq\":2,"));
	log_close(&l);
	store_write = no_write;
	opens_with(&l, -ENOSPC);
	store_write = pwrite;
	log_open(&l);
	expect(&l, "log.open a.outcome/1 log.repaired ");
	log_done(&l);
}

/* Without open intents a start touches the newest segment alone. */
static void test_start_reads_little(void **state)
{
	struct log l = log_new();
	char path[512];

	l.config.segment_bytes = 1;
	reopen(&l);
	put(&l, "a.outcome", "1");
	put(&l, "add_record.intent", "2");
	name_file(&l, 0, path);
	log_close(&l);
	unlink(path);
	assert_int_equal(symlink("/nowhere", path), 0); /* a reader would stumble */
	opens_with(&l, 0);
	name_file(&l, 2, path);
	unlink(path);
	assert_int_equal(symlink("/nowhere", path), 0);
	opens_with(&l, -ELOOP); /* here the newest segment says that the intent is in it */
	unlink(path);
	name_file(&l, 0, path);
	unlink(path);
	log_done(&l);
}

/* ---- writing ---- */

static ssize_t few_bytes(int fd, const void *p, size_t n, off_t at)
{
	static unsigned calls;

	if (++calls % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	return pwrite(fd, p, n < 7 ? n : 7, at);
}

static void test_short_writes(void **state)
{
	struct log l = log_new();

	store_write = few_bytes;
	put(&l, "a.outcome", "1");
	put(&l, "b.outcome", "2");
	store_write = pwrite;
	reopen(&l);
	expect(&l, "log.open a.outcome/1 b.outcome/2 ");
	log_done(&l);
}

/* Fails, and so will the attempt to undo it. */
static ssize_t breaks(int fd, const void *p, size_t n, off_t at)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, fd);
	close(null);
	errno = EIO;
	return -1;
}

static void test_write_that_cannot_be_undone(void **state)
{
	struct log l = log_new();
	struct store_receipt lost, next;
	struct buf text;

	assert_int_equal(stage(&l, "add_record.intent", "1", &lost), 0);
	store_write = breaks;
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	store_write = pwrite;
	assert_int_equal(store_recover(l.store, l.now), 0);
	assert_int_equal(stage(&l, "add_record.intent", "1", &next), 0);
	assert_int_equal(store_commit(l.store, l.now), 0);
	assert_true(next.seq > lost.seq);
	text = content(path_of(&l));
	assert_true(has(&text, "\"value\":\"unresolved 0 from seq 0; void from seq 1; a write "
			       "failed and could not be "
			       "undone: seq 1 to 1 may be missing in "
			       "audit-00000000000000000000.jsonl\""));
	buf_done(&text);
	log_done(&l);
}

static int syncs_left;

static int sync_fails_later(int fd)
{
	if (syncs_left-- > 0)
		return 0;
	errno = EIO;
	return -1;
}

/* A name is in the new segment's way, and then it cannot be made: the old one goes on without a gap. */
static void test_rotation_that_fails(void **state)
{
	struct log l = log_new();
	char path[512];

	l.config.segment_bytes = 1;
	reopen(&l);
	name_file(&l, 2, path);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	syncs_left = 1;
	store_sync = sync_fails_later;
	put(&l, "a.outcome", "1");
	store_sync = fdatasync;
	assert_int_equal(files(&l), 2);
	assert_true(l.store->next_seq == 2);
	unlink(path);
	put(&l, "b.outcome", "2");
	expect(&l, "log.open a.outcome/1 b.outcome/2 log.open ");
	assert_true(l.store->next_seq == 4);
	log_done(&l);
}

/* A file of that name that is not ours is left alone; the number is passed over. */
static void test_name_in_the_way(void **state)
{
	struct log l = log_new();
	char path[512];

	name_file(&l, 2, path);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	append(path, BYTES("not ours"));
	l.config.segment_bytes = 1;
	l.store->config = l.config;
	put(&l, "a.outcome", "1");
	assert_true(l.store->seg.first == 3);
	unlink(path);
	expect(&l, "log.open a.outcome/1 log.open ");
	log_done(&l);
}

/* ---- a file that others changed or removed ---- */

static void test_evidence_stays(void **state)
{
	struct log l = log_new();
	char path[512];
	struct buf text;

	put(&l, "add_record.intent", "r");
	snprintf(path, sizeof(path), "%s", path_of(&l));
	append_text(path, "somebody was here");
	assert_false(store_healthy(l.store));
	assert_string_equal(store_problem(l.store), "the log's file was changed by somebody else");
	assert_int_equal(store_recover(l.store, l.now), 0);
	text = content(path);
	assert_true(has(&text, "}\nsomebody was here"));
	buf_done(&text);
	text = content(path_of(&l));
	assert_true(has(&text,
			"unresolved 1 from seq 1; the log's file was changed by somebody else: "
			"seq 0 to 1 may be missing in audit-00000000000000000000.jsonl"));
	buf_done(&text);
	log_done(&l);
}

static void test_second_name(void **state)
{
	struct log l = log_new();
	char path[512], other[520];

	snprintf(path, sizeof(path), "%s", path_of(&l));
	snprintf(other, sizeof(other), "%s.copy", path);
	assert_int_equal(link(path, other), 0);
	assert_false(store_healthy(l.store));
	log_done(&l);
}

/* The batch is lost while lines wait: they are refused before a new segment takes their numbers. */
static void test_recovery_waits_for_commit(void **state)
{
	struct log l = log_new();

	put(&l, "a.outcome", "1");
	assert_int_equal(stage(&l, "b.outcome", "2", NULL), 0);
	unlink(path_of(&l));
	assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(store_recover(l.store, l.now), 0);
	put(&l, "c.outcome", "3");
	expect(&l, "log.open c.outcome/3 ");
	log_done(&l);
}

static void test_directory_gone(void **state)
{
	struct log l = log_new();

	put(&l, "a.outcome", "1");
	unlink(path_of(&l));
	assert_int_equal(rmdir(l.dir), 0);
	assert_int_equal(stage(&l, "b.outcome", "2", NULL), 0);
	assert_int_equal(store_commit(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_int_equal(store_recover(l.store, l.now), STORE_E_UNAVAILABLE);
	assert_false(store_healthy(l.store));
	log_close(&l);
}

/* ---- room ---- */

static void test_room_is_given_back(void **state)
{
	struct log l = log_new();
	struct stat st;
	char path[512];

	put(&l, "a.outcome", "1");
	snprintf(path, sizeof(path), "%s", path_of(&l));
	assert_int_equal(stat(path, &st), 0);
	if (l.store->no_fallocate)
		skip();
	assert_true(st.st_blocks * 512 > RESERVE_STEP);
	log_close(&l);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_blocks * 512 < RESERVE_STEP / 2);
	log_done(&l);
}

/* Where a segment is due after each commit, rotation must not spend the room of the outcomes. */
static int rotate_on_full_disk(const struct log *outer)
{
	struct log l = {.now = START, .config = {.segment_bytes = 1}};
	const unsigned intents = 20; /* more than outcomes fit in a page that is taken anyway */
	char ballast[128] = "", id[32];
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", outer->dir, "tmpfs", 0, "size=1m") < 0)
		return 77;
	memcpy(l.dir, outer->dir, sizeof(l.dir));
	log_open(&l);
	for (unsigned i = 0; i < intents; i++) {
		snprintf(id, sizeof(id), "i%u", i);
		put(&l, "add_record.intent", id);
	}
	snprintf(ballast, sizeof(ballast), "%s/ballast", l.dir);
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	while (write(fd, ballast, sizeof(ballast)) > 0)
		;
	close(fd);
	for (unsigned i = 0; i < intents; i++) {
		snprintf(id, sizeof(id), "i%u", i);
		put(&l, "add_record.outcome", id);
	}
	assert_int_equal(store_unresolved(l.store), 0);
	assert_true(read_log(&l).rising);
	log_close(&l);
	return 0;
}

static void test_rotation_on_full_disk(void **state)
{
	in_child(rotate_on_full_disk);
}

/* ---- the reader ---- */

/* A line longer than any of ours is one bad line, and the next has the next number. */
static void test_reader_long_line(void **state)
{
	struct log l = log_new();
	struct buf text = BUF_INIT(300000);
	struct summary s;

	memset(buf_extend(&text, text.max), 'x', text.max);
	append(path_of(&l), buf_bytes(&text));
	buf_done(&text);
	append_text(path_of(&l), "\n{\"seq\":1,\"event\":\"last\"}\n");
	s = read_log(&l);
	assert_string_equal(s.events, "log.open last ");
	assert_int_equal(s.lines, 3);
	assert_int_equal(s.bad, 1);
	log_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_outcomes),
		cmocka_unit_test(test_outcome_lost),
		cmocka_unit_test(test_verb_counts),
		cmocka_unit_test(test_unknown_says_what_the_intent_said),
		cmocka_unit_test(test_longest_intent),
		cmocka_unit_test(test_finished_stays_finished),
		cmocka_unit_test(test_zeros_behind),
		cmocka_unit_test(test_damage_at_the_edge_of_a_read),
		cmocka_unit_test(test_repair_is_not_forgotten),
		cmocka_unit_test(test_start_reads_little),
		cmocka_unit_test(test_short_writes),
		cmocka_unit_test(test_write_that_cannot_be_undone),
		cmocka_unit_test(test_rotation_that_fails),
		cmocka_unit_test(test_name_in_the_way),
		cmocka_unit_test(test_evidence_stays),
		cmocka_unit_test(test_second_name),
		cmocka_unit_test(test_recovery_waits_for_commit),
		cmocka_unit_test(test_directory_gone),
		cmocka_unit_test(test_room_is_given_back),
		cmocka_unit_test(test_rotation_on_full_disk),
		cmocka_unit_test(test_reader_long_line),
	};

	return cmocka_run_group_tests_name("store_edges", tests, NULL, NULL);
}
