/* SPDX-License-Identifier: ISC */
/* The log as its tree sees it, from segments that are written by hand; and the hashes of ranges of it. */
#include "store_rig.h"

#include "store/verify.h"
#include "store/walk.h"

/* Bytes that a read gives at most; 0: as asked for. */
static size_t piece;

ssize_t __real_pread64(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at)
{
	return __real_pread64(fd, p, piece && n > piece ? piece : n, at);
}

struct seen {
	char text[4096]; /* "line 0 in 0; void 1-3 in 0; " */
	int stop_at;	 /* the item at which 42 is returned; -1: never */
	int items;
};

static int note_item(void *arg, const struct walk_item *item)
{
	static const char *const kinds[] = {"line", "void", "missing", "extra", "torn", "tail"};
	struct seen *s = arg;
	size_t n = strlen(s->text);

	if (item->seq == item->to)
		snprintf(s->text + n, sizeof(s->text) - n, "%s %llu in %llu; ", kinds[item->kind],
			 (unsigned long long)item->seq, (unsigned long long)item->segment);
	else
		snprintf(s->text + n, sizeof(s->text) - n, "%s %llu-%llu in %llu; ",
			 kinds[item->kind], (unsigned long long)item->seq,
			 (unsigned long long)item->to, (unsigned long long)item->segment);
	return s->items++ == s->stop_at ? 42 : 0;
}

static struct log empty(void)
{
	struct log l = log_none();

	l.dirfd = open(l.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l;
}

static void done(struct log *l)
{
	close(l->dirfd);
	log_done(l);
}

static void expect_walk(const struct log *l, uint64_t from, const char *want, uint64_t end)
{
	struct seen s = {.stop_at = -1};
	uint64_t got;

	assert_int_equal(log_walk(l->dirfd, from, note_item, &s, &got), 0);
	assert_string_equal(s.text, want);
	assert_int_equal(got, end);
	/* ended by whoever was given an item, at each */
	for (int i = 0; i < s.items; i++) {
		struct seen some = {.stop_at = i};

		assert_int_equal(log_walk(l->dirfd, from, note_item, &some, &got), 42);
		assert_int_equal(some.items, i + 1);
	}
}

static void test_segments(void **state)
{
	struct log l = empty();
	uint64_t *first;
	size_t n;

	expect_walk(&l, 0, "", 0);
	expect_walk(&l, 3, "", 3);
	set_segment(&l, 0, "a\nb\n");
	set_segment(&l, 10, "k\n");
	set_segment(&l, 2, "c\nd\ne\nf\ng\nh\ni\nj\n");
	close(openat(l.dirfd, "audit-x.jsonl", O_WRONLY | O_CREAT, 0600));
	assert_int_equal(log_segments(l.dirfd, &first, &n), 0);
	assert_int_equal(n, 3);
	assert_true(first[0] == 0 && first[1] == 2 && first[2] == 10);
	free(first);
	expect_walk(&l, 0,
		    "line 0 in 0; line 1 in 0; line 2 in 2; line 3 in 2; line 4 in 2; line 5 in 2; "
		    "line 6 in 2; line 7 in 2; line 8 in 2; line 9 in 2; line 10 in 10; ",
		    11);
	expect_walk(&l, 1,
		    "line 1 in 0; line 2 in 2; line 3 in 2; line 4 in 2; line 5 in 2; "
		    "line 6 in 2; line 7 in 2; line 8 in 2; line 9 in 2; line 10 in 10; ",
		    11);
	expect_walk(&l, 2,
		    "line 2 in 2; line 3 in 2; line 4 in 2; line 5 in 2; "
		    "line 6 in 2; line 7 in 2; line 8 in 2; line 9 in 2; line 10 in 10; ",
		    11);
	expect_walk(&l, 9, "line 9 in 2; line 10 in 10; ", 11);
	expect_walk(&l, 10, "line 10 in 10; ", 11);
	expect_walk(&l, 11, "", 11);
	done(&l);
}

/* What comes before the number that was asked for is not even opened. */
static void test_only_what_is_asked_for(void **state)
{
	struct log l = empty();
	struct seen s = {.stop_at = -1};
	uint64_t end;

	assert_int_equal(symlinkat("/nowhere", l.dirfd, "audit-00000000000000000000.jsonl"), 0);
	set_segment(&l, 2, "c\n");
	expect_walk(&l, 2, "line 2 in 2; ", 3);
	assert_int_equal(log_walk(l.dirfd, 1, note_item, &s, &end), -ELOOP);
	/* nor is anything given of a segment while nobody can say what of it is void */
	unlinkat(l.dirfd, "audit-00000000000000000000.jsonl", 0);
	assert_int_equal(symlinkat("/nowhere", l.dirfd, "audit-00000000000000000004.jsonl"), 0);
	assert_int_equal(log_walk(l.dirfd, 2, note_item, &s, &end), -ELOOP);
	assert_int_equal(s.items, 0);
	done(&l);
}

#define OPEN(words) "{\"value\":\"unresolved 0 from seq 0" words "\"}\n"

/* Numbers between two segments are void where the later one's first line says so, and else missing. */
static void test_void(void **state)
{
	static const struct {
		const char *words;
		const char *want;
		const char *from_4;
	} cases[] = {
		{"", "missing 2-4 in 0; ", "missing 4 in 0; "},
		{"; void from seq 2", "void 2-4 in 0; ", "void 4 in 0; "},
		{"; void from seq 3", "missing 2 in 0; void 3-4 in 0; ", "void 4 in 0; "},
		{"; void from seq 4", "missing 2-3 in 0; void 4 in 0; ", "void 4 in 0; "},
		{"; void from seq 5", "missing 2-4 in 0; ", "missing 4 in 0; "},
		/* it cannot speak of itself, nor of what is none */
		{"; void from seq 6", "missing 2-4 in 0; ", "missing 4 in 0; "},
		{"; void from seq ", "missing 2-4 in 0; ", "missing 4 in 0; "},
		{"; void from seq x", "missing 2-4 in 0; ", "missing 4 in 0; "},
		{"; void from seq 99999999999999999999", "missing 2-4 in 0; ", "missing 4 in 0; "},
		{"; void from seq 2: and more", "void 2-4 in 0; ", "void 4 in 0; "},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct log l = empty();
		char text[200], want[200];

		set_segment(&l, 0, "a\nb\n");
		snprintf(text, sizeof(text),
			 "{\"value\":\"unresolved 0 from seq 0%s\"}\n"
			 "{\"value\":\"; void from seq 1\"}\n",
			 cases[i].words);
		set_segment(&l, 5, text);
		snprintf(want, sizeof(want),
			 "line 0 in 0; line 1 in 0; %sline 5 in 5; line 6 in 5; ", cases[i].want);
		expect_walk(&l, 0, want, 7);
		snprintf(want, sizeof(want), "%sline 5 in 5; line 6 in 5; ", cases[i].from_4);
		expect_walk(&l, 4, want, 7);
		done(&l);
	}
}

static void test_void_from_nine(void **state)
{
	struct log l = empty();

	set_segment(&l, 8, "i\nj\n");
	set_segment(&l, 12, OPEN("; void from seq 9"));
	expect_walk(&l, 8, "line 8 in 8; void 9-11 in 8; line 12 in 12; ", 13);
	/* a segment that has no line yet says nothing, and is none */
	set_segment(&l, 12, "");
	expect_walk(&l, 8, "line 8 in 8; line 9 in 8; ", 10);
	set_segment(&l, 12, "{\"value\":\"unresolved 0 from seq 0; void fr");
	expect_walk(&l, 8, "line 8 in 8; line 9 in 8; torn 10 in 12; ", 10);
	set_segment(&l, 8, "i\nj");
	expect_walk(&l, 8, "line 8 in 8; torn 9 in 8; torn 9 in 12; ", 9);
	done(&l);
}

/* Lines that stand in a file and are void do not count, whether all of them or some. */
static void test_void_lines(void **state)
{
	struct log l = empty();

	set_segment(&l, 0, "a\nb\nc\n");
	set_segment(&l, 3, OPEN("; void from seq 1"));
	expect_walk(&l, 0, "line 0 in 0; void 1-2 in 0; line 3 in 3; ", 4);
	set_segment(&l, 3, OPEN("; void from seq 0"));
	expect_walk(&l, 0, "void 0-2 in 0; line 3 in 3; ", 4);
	/* half a line, where the next segment goes on */
	set_segment(&l, 0, "a\nb\nc");
	set_segment(&l, 3, OPEN("; void from seq 2"));
	expect_walk(&l, 0, "line 0 in 0; line 1 in 0; void 2 in 0; line 3 in 3; ", 4);
	done(&l);
}

static void test_missing(void **state)
{
	struct log l = empty();

	set_segment(&l, 3, "d\n");
	expect_walk(&l, 0, "missing 0-2 in 3; line 3 in 3; ", 4);
	expect_walk(&l, 2, "missing 2 in 3; line 3 in 3; ", 4);
	expect_walk(&l, 3, "line 3 in 3; ", 4);
	set_segment(&l, 5, "f\n");
	expect_walk(&l, 3, "line 3 in 3; missing 4 in 3; line 5 in 5; ", 6);
	set_segment(&l, 3, "");
	expect_walk(&l, 3, "missing 3-4 in 3; line 5 in 5; ", 6);
	set_segment(&l, 3, "x");
	expect_walk(&l, 3, "missing 3-4 in 3; tail 3 in 3; line 5 in 5; ", 6);
	done(&l);
}

/* One line more than the next segment leaves room for; all the same the next begins where it says. */
static void test_extra(void **state)
{
	struct log l = empty();

	set_segment(&l, 0, "a\nb\nc\nd\n");
	set_segment(&l, 2, "c\n");
	expect_walk(&l, 0, "line 0 in 0; line 1 in 0; extra 2 in 0; extra 2 in 0; line 2 in 2; ",
		    3);
	done(&l);
}

static void test_torn(void **state)
{
	struct log l = empty();
	char path[512];

	set_segment(&l, 0, "a\nb");
	expect_walk(&l, 0, "line 0 in 0; torn 1 in 0; ", 1);
	/* whatever it is */
	snprintf(path, sizeof(path), "%s/audit-00000000000000000000.jsonl", l.dir);
	assert_int_equal(truncate(path, 2), 0);
	assert_int_equal(truncate(path, 100), 0);
	expect_walk(&l, 0, "line 0 in 0; torn 1 in 0; ", 1);
	/* in a segment before the last nothing explains it, but that the numbers from there on are void */
	set_segment(&l, 0, "a\nb");
	set_segment(&l, 1, "b\nc");
	expect_walk(&l, 0, "line 0 in 0; tail 1 in 0; line 1 in 1; torn 2 in 1; ", 2);
	set_segment(&l, 2, OPEN("; void from seq 1"));
	expect_walk(&l, 0, "line 0 in 0; tail 1 in 0; void 1 in 1; line 2 in 2; ", 3);
	unlinkat(l.dirfd, "audit-00000000000000000001.jsonl", 0);
	expect_walk(&l, 0, "line 0 in 0; void 1 in 0; line 2 in 2; ", 3);
	done(&l);
}

/* What is written behind a walk's begin it does not see; and times are read where lines have them. */
static int add_more(void *arg, const struct walk_item *item)
{
	append_text(arg, "c\n");
	return item->kind;
}

static void test_while_it_is_written(void **state)
{
	struct log l = empty();
	char path[512];
	uint64_t end;

	set_segment(&l, 0, "a\nb\n");
	snprintf(path, sizeof(path), "%s/audit-00000000000000000000.jsonl", l.dir);
	assert_int_equal(log_walk(l.dirfd, 0, add_more, path, &end), 0);
	assert_int_equal(end, 2);
	assert_int_equal(log_walk(l.dirfd, 3, add_more, path, &end), 0);
	done(&l);
}

static void test_times(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} cases[] = {
		{"{\"seq\":12,\"time\":\"1970-01-01T00:00:01Z\",\"event\":\"a.b\",\"x\"", true},
		{"{\"seq\":,\"time\":\"1970-01-01T00:00:01.000000Z\",\"event\":\"a.b", true},
		{"{\"seq\":12,\"time\":\"1970-01-01T00:00:01Z\",\"event\":null", false},
		{"{\"seq\":12,\"time\":\"1970-01-01T00:00:01Z", false},
		{"{\"seq\":12,\"time\":\"1970-01-01T00:00:0\",\"event\":\"a.b\"", false},
		{"{\"seq\":12,\"event\":\"a.b\",\"time\":\"1970-01-01T00:00:01Z\"", false},
		{"{\"seq\":12", false},
		{"{\"time\":\"1970-01-01T00:00:01Z\",\"event\":\"a.b\"", false},
		{"", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes event = BYTES(""), line = bytes_str(cases[i].line);
		unsigned char *copy = test_exact(line);
		int64_t t = 0;

		assert_int_equal(log_line_head(bytes_of(copy, line.n), &t, &event), cases[i].good);
		assert_true(!cases[i].good || (t == 1000000 && bytes_is(event, "a.b")));
		free(copy);
	}
}

/* What is no file keeps nobody waiting. */
static void test_no_files(void **state)
{
	struct log l = empty();
	struct seen s = {.stop_at = -1};
	uint64_t end;

	assert_int_equal(log_open_file(l.dirfd, "leaves"), -ENOENT);
	assert_int_equal(mkfifoat(l.dirfd, "leaves", 0600), 0);
	assert_int_equal(log_open_file(l.dirfd, "leaves"), -EMEDIUMTYPE);
	assert_int_equal(log_open_file(l.dirfd, "."), -EMEDIUMTYPE);
	assert_int_equal(mkfifoat(l.dirfd, "audit-00000000000000000000.jsonl", 0600), 0);
	assert_int_equal(log_walk(l.dirfd, 0, note_item, &s, &end), -EMEDIUMTYPE);
	done(&l);
}

/* In whatever pieces the files are read. */
static void test_pieces(void **state)
{
	struct log l = empty();
	struct buf text = BUF_INIT(64 * 1024);

	buf_puts(&text, "a\n");
	memset(buf_extend(&text, AUDIT_LINE_MAX), 'b', AUDIT_LINE_MAX);
	buf_puts(&text, "\nc\n");
	buf_putc(&text, 0);
	for (piece = 0; piece < 4; piece++) {
		set_segment(&l, 0, "a\n");
		set_segment(&l, 3, OPEN("; void from seq 1"));
		expect_walk(&l, 0, "line 0 in 0; void 1-2 in 0; line 3 in 3; ", 4);
		/* one that is too long for a line ends the reading, though it ends itself */
		set_segment(&l, 3, (const char *)text.p);
		expect_walk(&l, 0, "line 0 in 0; missing 1-2 in 0; line 3 in 3; torn 4 in 3; ", 4);
	}
	piece = 0;
	buf_done(&text);
	done(&l);
}

static int add_sizes(void *arg, const struct walk_item *item)
{
	size_t *sizes = arg;

	assert_true(item->seq < 64);
	sizes[item->seq] = item->kind == WALK_TORN ? item->bytes : item->text.n;
	return item->kind == WALK_TORN ? 0 : item->kind;
}

/* Lines over several reads, up to the longest; what is longer ends the reading, as far as it goes. */
static void test_sizes(void **state)
{
	struct log l = empty();
	size_t sizes[64] = {0};
	struct buf text = BUF_INIT(4 << 20);
	uint64_t end;

	for (size_t i = 0; i < 60; i++) {
		size_t n = i * 300 % AUDIT_LINE_MAX;

		if (n)
			memset(buf_extend(&text, n), 'a', n);
		buf_putc(&text, '\n');
	}
	buf_putc(&text, 0);
	set_segment(&l, 0, (const char *)text.p);
	assert_int_equal(log_walk(l.dirfd, 0, add_sizes, sizes, &end), 0);
	assert_int_equal(end, 60);
	for (size_t i = 0; i < 60; i++)
		assert_int_equal(sizes[i], i * 300 % AUDIT_LINE_MAX);
	buf_truncate(&text, text.n - 1);
	memset(buf_extend(&text, 600000), 'b', 600000);
	buf_puts(&text, "\nc\n");
	buf_putc(&text, 0);
	set_segment(&l, 0, (const char *)text.p);
	assert_int_equal(log_walk(l.dirfd, 0, add_sizes, sizes, &end), 0);
	assert_int_equal(end, 60);
	assert_int_equal(sizes[60], 600003);
	/* one that is as long as any may be when a read ends, and goes on */
	buf_truncate(&text, 0);
	for (size_t i = 0; i < 15; i++) {
		memset(buf_extend(&text, AUDIT_LINE_MAX - 1), 'a', AUDIT_LINE_MAX - 1);
		buf_putc(&text, '\n');
	}
	memset(buf_extend(&text, 20000), 'b', 20000);
	buf_puts(&text, "\nc\n");
	buf_putc(&text, 0);
	set_segment(&l, 0, (const char *)text.p);
	assert_int_equal(log_walk(l.dirfd, 0, add_sizes, sizes, &end), 0);
	assert_int_equal(end, 15);
	assert_int_equal(sizes[15], 20003);
	/* one that is torn */
	set_segment(&l, 0, "a\nbcd");
	assert_int_equal(log_walk(l.dirfd, 0, add_sizes, sizes, &end), 0);
	assert_true(sizes[0] == 1 && sizes[1] == 3);
	buf_done(&text);
	done(&l);
}

/* ---- hashes of ranges ---- */

static struct tree_hash leaf_of(const char *text)
{
	struct tree_hash h;

	audit_line_leaf(bytes_str(text), h.b);
	return h;
}

static struct tree_hash root_of(const char *const *texts, size_t n)
{
	struct tree t = {0};
	struct tree_hash h;

	for (size_t i = 0; i < n; i++) {
		h = leaf_of(texts[i]);
		tree_add(&t, &h);
	}
	tree_root(&t, &h);
	return h;
}

static void test_hashes(void **state)
{
	struct log l = empty();
	struct tree_ranges all = {.n = 0};
	struct tree_hash out[2] = {0}, guard = {{0}}, root, want;
	const char *opening = "{\"value\":\"; void from seq 2\"}";
	const char *texts[] = {"a", "b", "", "", opening, "f"};

	set_segment(&l, 0, "a\nb\n");
	set_segment(&l, 4, "{\"value\":\"; void from seq 2\"}\nf\n");
	/* every range there is, of every size */
	for (uint64_t size = 0; size <= 6; size++)
		for (uint64_t from = 0; from < size; from++)
			for (uint64_t to = from + 1; to <= size; to++) {
				all.n = 1;
				all.r[0].from = from;
				all.r[0].to = to;
				assert_int_equal(log_hashes(l.dirfd, &all, size, out, &root), 0);
				want = root_of(texts, size);
				assert_memory_equal(&root, &want, sizeof(want));
				want = root_of(texts + from, to - from);
				assert_memory_equal(&out[0], &want, sizeof(want));
				assert_memory_equal(&out[1], &guard, sizeof(guard));
			}
	assert_int_equal(log_hashes(l.dirfd, &all, 7, out, &root), -ERANGE);
	/* where something is not as it should be there is no proof */
	set_segment(&l, 4, "e\nf\n");
	assert_int_equal(log_hashes(l.dirfd, &all, 6, out, &root), -ERANGE);
	set_segment(&l, 0, "a\nb\nc\nd\ne\n");
	assert_int_equal(log_hashes(l.dirfd, &all, 6, out, &root), -ERANGE);
	set_segment(&l, 0, "a\nb\nc\nd\n");
	assert_int_equal(log_hashes(l.dirfd, &all, 6, out, &root), 0);
	/* what is torn is not in it */
	set_segment(&l, 4, "e\nf\ng");
	assert_int_equal(log_hashes(l.dirfd, &all, 6, out, &root), 0);
	assert_int_equal(log_hashes(l.dirfd, &all, 7, out, &root), -ERANGE);
	done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_only_what_is_asked_for),
		cmocka_unit_test(test_void),
		cmocka_unit_test(test_void_from_nine),
		cmocka_unit_test(test_void_lines),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_extra),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_while_it_is_written),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_hashes),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
