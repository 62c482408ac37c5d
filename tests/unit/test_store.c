/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "base/text.h"
#include "store/internal.h"
#include "store/reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY   (86400 * (int64_t)1000000)
#define START (20000 * DAY + 3600 * (int64_t)1000000) /* some day, one o'clock */

/* ---- a log in a temporary directory ---- */

struct log {
	char dir[64];
	int dirfd;
	struct store *store;
	int64_t now;
	struct store_config config;
};

static void log_open(struct log *l)
{
	l->dirfd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(l->dirfd >= 0);
	assert_int_equal(store_open(&l->store, l->dirfd, &l->config, l->now), 0);
}

static void log_close(struct log *l)
{
	store_free(l->store);
	l->store = NULL;
	close(l->dirfd);
}

static void reopen(struct log *l)
{
	log_close(l);
	log_open(l);
}

static struct log log_new(void)
{
	struct log l = {.dir = "/tmp/postern-store-XXXXXX",
			.now = START,
			.config = {.segment_bytes = 1 << 20}};

	assert_non_null(mkdtemp(l.dir));
	log_open(&l);
	return l;
}

static void each_file(const struct log *l,
		      void (*fn)(const struct log *l, const char *name, void *arg), void *arg)
{
	DIR *d = opendir(l->dir);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			fn(l, e->d_name, arg);
	closedir(d);
}

static void remove_file(const struct log *l, const char *name, void *arg)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	unlink(path);
}

static void log_done(struct log *l)
{
	if (l->store)
		log_close(l);
	each_file(l, remove_file, NULL);
	rmdir(l->dir);
}

static void count_file(const struct log *l, const char *name, void *arg)
{
	(*(unsigned *)arg)++;
}

static unsigned files(const struct log *l)
{
	unsigned n = 0;

	each_file(l, count_file, &n);
	return n;
}

static int stage(struct log *l, const char *event, const char *request_id,
		 struct store_receipt *receipt)
{
	struct audit_line line = audit_line_empty();
	struct store_receipt none;

	line.event = bytes_str(event);
	line.request_id = bytes_str(request_id);
	line.caller = BYTES("backend");
	line.fqdn = BYTES("_acme-challenge.example.com");
	line.time = l->now;
	return store_stage(l->store, &line, receipt ? receipt : &none);
}

static void put(struct log *l, const char *event, const char *request_id)
{
	assert_int_equal(stage(l, event, request_id, NULL), 0);
	assert_int_equal(store_commit(l->store, l->now), 0);
}

/* The current segment's path. */
static char *path_of(const struct log *l)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", l->dir, l->store->seg.name);
	return path;
}

/* ---- what the log says ---- */

struct summary {
	unsigned lines, bad, torn;
	char events[4096]; /* "event/request/result " for each */
	uint64_t last_seq;
	bool rising;
};

static int add_line(void *arg, const struct log_line *line)
{
	struct summary *s = arg;
	uint64_t seq;
	size_t n = strlen(s->events);
	struct bytes e, id, result;

	s->lines++;
	s->bad += line->state == LOG_LINE_BAD;
	s->torn += line->state == LOG_LINE_TORN;
	if (!line->object)
		return 0;
	assert_true(json_get_u64(line->object, "seq", INT64_MAX, &seq));
	if (n && seq <= s->last_seq)
		s->rising = false;
	s->last_seq = seq;
	e = json_get_bytes(line->object, "event");
	id = json_get_bytes(line->object, "request_id");
	result = json_get_bytes(line->object, "result");
	snprintf(s->events + n, sizeof(s->events) - n, "%.*s%s%.*s%s%.*s ", (int)e.n,
		 (const char *)e.p, id.n ? "/" : "", (int)id.n, (const char *)id.p,
		 result.n ? "/" : "", (int)result.n, (const char *)result.p);
	return 0;
}

static struct summary read_log(const struct log *l)
{
	struct summary s = {.rising = true};

	assert_int_equal(log_read(l->dir, add_line, &s), 0);
	return s;
}

static void expect(const struct log *l, const char *events)
{
	struct summary s = read_log(l);

	assert_int_equal(s.bad + s.torn, 0);
	assert_true(s.rising);
	assert_string_equal(s.events, events);
}

/* ---- tests ---- */

static void test_batch(void **state)
{
	struct log l = log_new();
	struct store_receipt a, b;
	struct buf text = BUF_INIT(1 << 20);
	unsigned char leaf[32], chunk[4096];
	size_t n, begin, end;
	FILE *f;

	assert_int_equal(stage(&l, "get_zones.outcome", "r1", &a), 0);
	assert_int_equal(stage(&l, "get_zones.outcome", "r2", &b), 0);
	expect(&l, "log.open "); /* staged is not written */
	assert_int_equal(store_commit(l.store, l.now), 0);
	expect(&l, "log.open get_zones.outcome/r1 get_zones.outcome/r2 ");
	assert_true(a.seq == 1 && b.seq == 2);
	/* the receipt's leaf is that of the line as it stands in the file */
	f = fopen(path_of(&l), "r");
	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&text, chunk, n);
	fclose(f);
	end = text.n - 1;
	for (begin = end; text.p[begin - 1] != '\n'; begin--)
		;
	audit_line_leaf(bytes_of(text.p + begin, end - begin), leaf);
	assert_memory_equal(leaf, b.leaf, sizeof(leaf));
	assert_int_equal(store_commit(l.store, l.now), 0); /* nothing staged: nothing done */
	buf_done(&text);
	log_done(&l);
}

static void test_goes_on_after_reopen(void **state)
{
	struct log l = log_new();

	put(&l, "a.outcome", "1");
	reopen(&l);
	put(&l, "b.outcome", "2");
	expect(&l, "log.open a.outcome/1 b.outcome/2 ");
	assert_int_equal(files(&l), 1);
	log_done(&l);
}

/* The last line cut at every length: it goes, whatever was before it stays, and that is on record. */
static void test_torn_anywhere(void **state)
{
	struct log l = log_new();
	struct stat whole, before;

	put(&l, "a.outcome", "1");
	assert_int_equal(stat(path_of(&l), &before), 0);
	put(&l, "b.outcome", "2");
	assert_int_equal(stat(path_of(&l), &whole), 0);
	for (off_t cut = before.st_size; cut < whole.st_size; cut++) {
		struct log c = log_new();
		struct summary s;

		put(&c, "a.outcome", "1");
		put(&c, "b.outcome", "2");
		assert_int_equal(truncate(path_of(&c), cut), 0);
		reopen(&c);
		s = read_log(&c);
		assert_int_equal(s.bad + s.torn, 0);
		assert_string_equal(s.events, cut == before.st_size
						      ? "log.open a.outcome/1 "
						      : "log.open a.outcome/1 log.repaired ");
		put(&c, "c.outcome", "3");
		log_done(&c);
	}
	log_done(&l);
}

static void append_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "a");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_torn_with_newline(void **state)
{
	struct log l = log_new();

	put(&l, "a.outcome", "1");
	append_text(path_of(&l), "{\"seq\":7}\n");
	reopen(&l);
	expect(&l, "log.open a.outcome/1 log.repaired ");
	log_done(&l);
}

static void test_damage_elsewhere(void **state)
{
	struct log l = log_new();
	char path[512];
	int fd;

	for (int i = 0; i < 5; i++)
		put(&l, "a.outcome", "1");
	snprintf(path, sizeof(path), "%s", path_of(&l));
	log_close(&l);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 0), 1);
	close(fd);
	l.dirfd = open(l.dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(store_open(&l.store, l.dirfd, &l.config, l.now), -EBADMSG);
	close(l.dirfd);
	l.store = NULL;
	log_done(&l);
}

static void test_crash_before_first_line(void **state)
{
	struct log l = log_new();
	char path[512];

	put(&l, "a.outcome", "1");
	log_close(&l);
	snprintf(path, sizeof(path), "%s/audit-00000000000000000002.jsonl", l.dir);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	log_open(&l);
	put(&l, "b.outcome", "2");
	expect(&l, "log.open a.outcome/1 b.outcome/2 ");
	log_done(&l);
}

static void test_rotation(void **state)
{
	struct log l = log_new();

	l.config.segment_bytes = 1000;
	reopen(&l);
	for (int i = 0; i < 10; i++)
		put(&l, "a.outcome", "1");
	assert_in_range(files(&l), 3, 10);
	assert_true(read_log(&l).rising);
	l.config.segment_bytes = 1 << 20;
	reopen(&l);
	unsigned before = files(&l);
	l.now += DAY;
	put(&l, "b.outcome", "1"); /* it rotates behind the line that showed the new day */
	assert_int_equal(files(&l), before + 1);
	put(&l, "b.outcome", "1");
	assert_int_equal(files(&l), before + 1);
	l.config.segment_seconds = 60;
	reopen(&l);
	l.now += 59 * 1000000;
	put(&l, "c.outcome", "1");
	assert_int_equal(files(&l), before + 1);
	l.now += 1000000;
	put(&l, "c.outcome", "1");
	assert_int_equal(files(&l), before + 2);
	assert_true(read_log(&l).rising);
	log_done(&l);
}

static void test_unresolved(void **state)
{
	struct log l = log_new();
	struct buf live = BUF_INIT(100);

	put(&l, "add_record.intent", "r1");
	put(&l, "add_record.intent", "r2");
	put(&l, "remove_record.intent", "r3");
	put(&l, "add_record.outcome", "r2");
	assert_int_equal(store_unresolved(l.store), 2);
	/* one request has one intent */
	assert_int_equal(stage(&l, "add_record.intent", "r1", NULL), STORE_E_UNAVAILABLE);
	reopen(&l);
	assert_int_equal(store_unresolved(l.store), 2);
	plist_put(&live, BYTES("r1"));
	assert_int_equal(store_close_unresolved(l.store, buf_bytes(&live), l.now), 0);
	assert_int_equal(store_unresolved(l.store), 1);
	assert_int_equal(store_close_unresolved(l.store, BYTES(""), l.now), 0);
	expect(&l, "log.open add_record.intent/r1 add_record.intent/r2 remove_record.intent/r3 "
		   "add_record.outcome/r2 "
		   "remove_record.outcome/r3/unknown add_record.outcome/r1/unknown ");
	assert_int_equal(store_unresolved(l.store), 0);
	buf_done(&live);
	log_done(&l);
}

/* An intent is found again however many segments ago it was. */
static void test_carried_over(void **state)
{
	struct log l = log_new();
	struct summary s;

	l.config.segment_bytes = 1000;
	reopen(&l);
	put(&l, "add_record.intent", "old");
	for (int i = 0; i < 30; i++)
		put(&l, "a.outcome", "x");
	put(&l, "add_record.intent", "new");
	assert_true(files(&l) > 8);
	reopen(&l);
	assert_int_equal(store_unresolved(l.store), 2);
	put(&l, "add_record.outcome", "old");
	for (int i = 0; i < 10; i++)
		put(&l, "a.outcome", "x");
	reopen(&l);
	assert_int_equal(store_unresolved(l.store), 1);
	assert_int_equal(store_close_unresolved(l.store, BYTES(""), l.now), 0);
	s = read_log(&l);
	assert_non_null(strstr(s.events, "add_record.outcome/new/unknown"));
	assert_null(strstr(s.events, "add_record.outcome/old/unknown"));
	log_done(&l);
}

/* ---- faults ---- */

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
	char ballast[128], id[32];
	unsigned accepted = 0;
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
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
	struct log l = log_new();
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(full_disk(&l));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	log_done(&l);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* needs root */
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- the reader's filters ---- */

static void test_filters(void **state)
{
	static const char *const text = "{\"time\":\"2026-11-25T02:10:30.000000Z\",\"event\":\"add_"
					"record.intent\",\"request_id\":\"r\","
					"\"caller\":\"c\",\"customer\":\"cu\",\"integration\":"
					"\"in\",\"zone\":null,\"fqdn\":\"_a.www.example.com\","
					"\"result\":\"ok\"}";
	const int64_t t = 1795572630000000;
	const struct {
		struct log_filter f;
		bool match;
	} cases[] = {
		{{0}, true},
		{{.since = t}, true},
		{{.since = t + 1}, false},
		{{.until = t}, false},
		{{.until = t + 1}, true},
		{{.customer = BYTES("cu")}, true},
		{{.customer = BYTES("c")}, false},
		{{.integration = BYTES("in"),
		  .caller = BYTES("c"),
		  .result = BYTES("ok"),
		  .request_id = BYTES("r")},
		 true},
		{{.result = BYTES("error")}, false},
		{{.event = BYTES("add_record")}, true},
		{{.event = BYTES("add_record.intent")}, true},
		{{.event = BYTES("add")}, false},
		{{.zone = BYTES("example.com")}, true},
		{{.zone = BYTES("_a.www.example.com")}, true},
		{{.zone = BYTES("xample.com")}, false},
		{{.zone = BYTES("example.org")}, false},
	};
	json_t *o = NULL;

	assert_int_equal(json_parse(bytes_str(text), 4, &o, NULL, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (log_matches(&cases[i].f, o) != cases[i].match)
			fail_msg("case %zu", i);
	json_decref(o);
}

static void test_reader_goes_on(void **state)
{
	struct log l = log_new();
	struct summary s;

	put(&l, "a.outcome", "1");
	append_text(path_of(&l), "not a line\n{}\n{\"event\":\"x\",\"seq\":9}\n{\"seq\":3,\"ti");
	s = read_log(&l);
	assert_int_equal(s.lines, 6);
	assert_int_equal(s.bad, 2);
	assert_int_equal(s.torn, 1);
	log_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_goes_on_after_reopen),
		cmocka_unit_test(test_torn_anywhere),
		cmocka_unit_test(test_torn_with_newline),
		cmocka_unit_test(test_damage_elsewhere),
		cmocka_unit_test(test_crash_before_first_line),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_unresolved),
		cmocka_unit_test(test_carried_over),
		cmocka_unit_test(test_unlinked),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_changed_by_others),
		cmocka_unit_test(test_failed_sync_is_final),
		cmocka_unit_test(test_failed_write_is_undone),
		cmocka_unit_test(test_undo_of_a_pair),
		cmocka_unit_test(test_one_writer),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_reader_goes_on),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
