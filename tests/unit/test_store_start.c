/* SPDX-License-Identifier: ISC */
/* What a start makes of the segments that are there: their names, their first lines, what is torn, whose intents are open. */
#include "store_rig.h"

#include <sys/syscall.h>

/* Reads give so many bytes at most. */
static size_t read_at_most = SIZE_MAX;

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	return syscall(SYS_pread64, fd, p, n < read_at_most ? n : read_at_most, at);
}

static bool nothing_can_be_removed;

int unlinkat(int dirfd, const char *path, int flags)
{
	if (nothing_can_be_removed)
		return errno = EROFS, -1;
	return (int)syscall(SYS_unlinkat, dirfd, path, flags);
}

static int open_log(struct log *l)
{
	int r;

	l->dirfd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	errno = EIO; /* left over from somebody else */
	r = store_open(&l->store, l->dirfd, &l->config, l->now);
	if (r < 0) {
		l->store = NULL;
		close(l->dirfd);
	}
	return r;
}

static int start(struct log *l)
{
	int r = open_log(l);

	if (r == 0)
		log_close(l);
	return r;
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool good;
		uint64_t first;
	} cases[] = {
		{"audit-00000000000000000000.jsonl", true, 0},
		{"audit-00000000000000000001.jsonl", true, 1},
		{"audit-00000000000000000010.jsonl", true, 10},
		{"audit-09223372036854775807.jsonl", true, INT64_MAX},
		{"audit-09223372036854775808.jsonl", false, 0},
		{"audit-18446744073709551616.jsonl", false, 0},
		{"audit-0000000000000000000.jsonl", false, 0},
		{"audit-000000000000000000000.jsonl", false, 0},
		{"audit-0000000000000000000x.jsonl", false, 0},
		{"audit- 0000000000000000001.jsonl", false, 0},
		{"audit-+0000000000000000001.jsonl", false, 0},
		{"Audit-00000000000000000000.jsonl", false, 0},
		{"audit-00000000000000000000.json1", false, 0},
		{"audit_00000000000000000000.jsonl", false, 0},
		{"audit-00000000000000000000.jsonl.moved", false, 0},
		{"00000000000000000000", false, 0},
		{"", false, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t first = 77;
		char name[SEGMENT_NAME_MAX];

		if (segment_parse_name(cases[i].name, &first) != cases[i].good ||
		    first != (cases[i].good ? cases[i].first : 77))
			fail_msg("%s", cases[i].name);
		if (!cases[i].good)
			continue;
		segment_name(name, first);
		assert_string_equal(name, cases[i].name);
	}
}

static void test_events(void **state)
{
	static const struct {
		const char *event, *verb;
		bool intent, outcome;
	} cases[] = {
		{"add_record.intent", "add_record", true, false},
		{"add_record.outcome", "add_record", false, true},
		{"add_record.refused", "add_record", false, false},
		{"a.b.intent", "a.b", true, false},
		{"x.intent", "x", true, false},
		{"x.outcome", "x", false, true},
		{".intent", "", false, false},
		{".outcome", "", false, false},
		{"intent", "intent", false, false},
		{"xintent", "xintent", false, false},
		{"x.intents", "x", false, false},
		{".", "", false, false},
		{"x", "x", false, false},
		{"", "", false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes event = bytes_str(cases[i].event);
		unsigned char *copy = test_exact(event);

		event.p = copy;
		if (event_is_intent(event) != cases[i].intent ||
		    event_is_outcome(event) != cases[i].outcome ||
		    !bytes_is(event_verb(event), cases[i].verb))
			fail_msg("%s", cases[i].event);
		free(copy);
	}
	assert_int_equal(event_verb(bytes_of(NULL, 0)).n, 0);
}

/* ---- first lines ---- */

#define TIME "\"time\":\"2024-10-04T01:00:00.000000Z\""

/* A segment that does not begin as ours do was damaged: nothing is made of it, when more stands behind. */
static void test_openings(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} cases[] = {
		{"{\"seq\":0," TIME
		 ",\"event\":\"log.open\",\"value\":\"unresolved 0 from seq 0\"}",
		 true},
		{"{\"seq\":0," TIME
		 ",\"event\":\"log.open\",\"value\":\"unresolved 0 from seq 0; void from seq 0\"}",
		 true},
		{"{\"seq\":1," TIME
		 ",\"event\":\"log.open\",\"value\":\"unresolved 0 from seq 0\"}",
		 false},
		{"{" TIME ",\"event\":\"log.open\",\"value\":\"unresolved 0 from seq 0\"}", false},
		{"{\"seq\":0," TIME
		 ",\"event\":\"log.opens\",\"value\":\"unresolved 0 from seq 0\"}",
		 false},
		{"{\"seq\":0," TIME ",\"value\":\"unresolved 0 from seq 0\"}", false},
		{"{\"seq\":0,\"event\":\"log.open\",\"value\":\"unresolved 0 from seq 0\"}", false},
		{"{\"seq\":0," TIME ",\"event\":\"log.open\",\"value\":\"unresolved 0\"}", false},
		{"{\"seq\":0," TIME ",\"event\":\"log.open\",\"value\":\"unresolved 0 from seq \"}",
		 false},
		{"{\"seq\":0," TIME ",\"event\":\"log.open\",\"value\":\"unresolved  from seq 0\"}",
		 false},
		{"{\"seq\":0," TIME
		 ",\"event\":\"log.open\",\"value\":\"unresolved x from seq 0\"}",
		 false},
		{"{\"seq\":0," TIME ",\"event\":\"log.open\",\"value\":\"0 from seq 0\"}", false},
		{"{\"seq\":0," TIME ",\"event\":\"log.open\",\"value\":"
		 "\"unresolved 0 from seq 9223372036854775808\"}",
		 false},
		{"{\"seq\":0," TIME
		 ",\"event\":\"log.open\",\"value\":\"unresolved 0 from seq 0:\"}",
		 true},
		{"[]", false},
		{"0", false},
		{"", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct log l = log_none();
		char text[1000];
		int r;

		/* one line more, so that it cannot be taken for torn */
		snprintf(text, sizeof(text), "%s\n{\"seq\":1,\"event\":\"x\"}\n", cases[i].line);
		set_segment(&l, 0, text);
		r = open_log(&l);
		if (r != (cases[i].good ? 0 : -EBADMSG))
			fail_msg("%s: %d", cases[i].line, r);
		if (r == 0) {
			assert_int_equal(l.store->next_seq, 2);
			assert_int_equal(l.store->seg.opened, START);
			assert_int_equal(l.store->seg.first, 0);
			assert_int_equal(l.store->seg.size, strlen(text));
			assert_string_equal(l.store->seg.name, "audit-00000000000000000000.jsonl");
		}
		log_done(&l);
	}
}

/* ---- what is torn ---- */

#define OPENING                                                                                    \
	"{\"seq\":0," TIME ",\"event\":\"log.open\",\"value\":\"unresolved 0 from seq 0\"}\n"

/* Behind the last good line: one line of N bytes, its newline or not, ZEROS, and one byte MORE or none. */
static int start_with(size_t n, bool newline, size_t zeros, unsigned char more, uint64_t *torn)
{
	struct buf text = BUF_INIT(1 << 20);
	struct log l = log_none();
	char path[512], want[64];
	int r, fd;

	buf_puts(&text, OPENING);
	memset(buf_extend(&text, n), 'x', n);
	if (newline)
		buf_putc(&text, '\n');
	memset(buf_extend(&text, zeros), 0, zeros);
	if (more)
		buf_putc(&text, more);
	*torn = text.n - strlen(OPENING);
	set_segment(&l, 0, "");
	snprintf(path, sizeof(path), "%s/audit-00000000000000000000.jsonl", l.dir);
	fd = open(path, O_WRONLY);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	close(fd);
	r = start(&l);
	if (r == 0 && *torn) {
		snprintf(want, sizeof(want), "\"%llu bytes of a torn line taken away\"",
			 (unsigned long long)*torn);
		buf_reset(&text);
		fd = open(path, O_RDONLY);
		n = (size_t)read(fd, buf_extend(&text, 4096), 4096);
		buf_truncate(&text, n);
		close(fd);
		assert_true(bytes_find(buf_bytes(&text), bytes_str(want)) < n);
		assert_int_equal(text.p[n - 1], '\n');
	}
	buf_done(&text);
	log_done(&l);
	return r;
}

static void test_torn(void **state)
{
	static const struct {
		size_t n;
		bool newline;
		size_t zeros;
		unsigned char more;
		int want;
	} cases[] = {
		{0, false, 0, 0, 0},
		{1, false, 0, 0, 0},
		{1, true, 0, 0, 0},
		{AUDIT_LINE_MAX, false, 0, 0, 0},
		{AUDIT_LINE_MAX + 1, false, 0, 0, -EBADMSG},
		{AUDIT_LINE_MAX - 1, true, 0, 0, 0},
		{AUDIT_LINE_MAX, true, 0, 0, -EBADMSG},
		{10, false, 10000, 0, 0},
		{10, true, 10000, 0, 0},
		{0, false, 1, 0, 0},
		{0, false, 4096, 0, 0},
		{10, false, 10000, 'x', -EBADMSG},
		{10, true, 0, 'x', -EBADMSG},
		{10, true, 1, 'x', -EBADMSG},
		{0, false, 4096, '\n', -EBADMSG},
		{4096, false, 0, 0, 0},
		{4095, true, 0, 0, 0},
		{4095, true, 0, 'x', -EBADMSG},
		{4096, false, 1, 'x', -EBADMSG},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t torn;
		int r = start_with(cases[i].n, cases[i].newline, cases[i].zeros, cases[i].more,
				   &torn);

		if (r != cases[i].want)
			fail_msg("case %zu: %d", i, r);
	}
}

/* A bad line is not passed over, though the one behind it is as it should be without it. */
static void test_bad_line_between(void **state)
{
	static const char *const bad[] = {"x", "{}", "{\"seq\":5,\"event\":\"x\"}", "{\"seq\":1}"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct log l = log_none();
		char text[1000];

		snprintf(text, sizeof(text), OPENING "%s\n{\"seq\":1,\"event\":\"x\"}\n", bad[i]);
		set_segment(&l, 0, text);
		assert_int_equal(start(&l), -EBADMSG);
		log_done(&l);
	}
}

/* A line of the greatest length is one of ours; one byte more is not. */
static void test_long_lines(void **state)
{
	for (size_t n = AUDIT_LINE_MAX - 1; n <= AUDIT_LINE_MAX; n++) {
		struct log l = log_none();
		char line[AUDIT_LINE_MAX + 1], text[2 * AUDIT_LINE_MAX];
		int head = snprintf(line, sizeof(line), "{\"seq\":1,\"event\":\"x\",\"value\":\"");

		memset(line + head, 'v', n - (size_t)head);
		memcpy(line + n - 2, "\"}", 3);
		snprintf(text, sizeof(text), OPENING "%s\n{\"seq\":2,\"event\":\"x\"}\n", line);
		set_segment(&l, 0, text);
		assert_int_equal(start(&l), n < AUDIT_LINE_MAX ? 0 : -EBADMSG);
		log_done(&l);
	}
}

/* A segment that is read in many pieces, whole ones or short ones: each line once, and the open intents at both ends. */
static void test_large_segment(void **state)
{
	static const size_t sizes[] = {SIZE_MAX, 100000, 1000};
	struct log l = log_new();
	char id[2001];

	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = 0;
	put(&l, "add_record.intent", "first");
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(stage(&l, "a.outcome", id, NULL), 0);
	put(&l, "add_record.intent", "last");
	assert_true(l.store->seg.size > 3 * 256 * 1024);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint64_t size = l.store->seg.size;

		read_at_most = sizes[i];
		reopen(&l);
		assert_int_equal(l.store->next_seq, 403);
		assert_int_equal(l.store->seg.size, size);
		assert_int_equal(store_unresolved(l.store), 2);
	}
	append_text(path_of(&l), "torn");
	reopen(&l);
	assert_int_equal(l.store->next_seq, 404);
	read_at_most = SIZE_MAX;
	log_done(&l);
}

/* Many segments, none of which has a line: all go, and the log begins anew behind their numbers' place. */
static void test_empty_segments(void **state)
{
	struct log l = log_none();

	set_segment(&l, 0, OPENING);
	set_segment(&l, 1, "");
	set_segment(&l, 5, "{\"seq\":5");
	assert_int_equal(open_log(&l), 0);
	assert_int_equal(l.store->seg.first, 5);
	assert_int_equal(files(&l), 2);
	expect(&l, "log.open log.open log.repaired ");
	log_close(&l);
	/* where it cannot go the log is not opened */
	set_segment(&l, 8, "");
	nothing_can_be_removed = true;
	assert_int_equal(start(&l), -EROFS);
	nothing_can_be_removed = false;
	assert_int_equal(start(&l), 0);
	log_done(&l);
}

/* ---- open intents ---- */

#define OPENING_AT(seq, n, from)                                                                   \
	"{\"seq\":" seq "," TIME ",\"event\":\"log.open\",\"value\":\"unresolved " n               \
	" from seq " from "\"}\n"
#define LINE_AT(seq, event, id)                                                                    \
	"{\"seq\":" seq ",\"event\":\"" event "\",\"request_id\":\"" id "\"}\n"

static size_t open_intents(struct log *l)
{
	size_t n;

	assert_int_equal(open_log(l), 0);
	n = store_unresolved(l->store);
	log_close(l);
	return n;
}

/* The newest segment says from where on there are intents; what is older is not looked at. */
static void test_intents(void **state)
{
	struct log l = log_none();

	set_segment(&l, 0, OPENING_AT("0", "0", "0") LINE_AT("1", "a.intent", "r1"));
	set_segment(&l, 2, OPENING_AT("2", "0", "0") LINE_AT("3", "a.intent", "r2"));
	set_segment(&l, 4, OPENING_AT("4", "1", "3") LINE_AT("5", "a.intent", "r3"));
	set_segment(&l, 6, OPENING_AT("6", "2", "3") LINE_AT("7", "a.intent", "r4"));
	assert_int_equal(open_intents(&l), 3);
	/* from a segment's first number on */
	set_segment(&l, 6, OPENING_AT("6", "2", "2") LINE_AT("7", "a.intent", "r4"));
	assert_int_equal(open_intents(&l), 3);
	set_segment(&l, 6, OPENING_AT("6", "2", "4") LINE_AT("7", "a.intent", "r4"));
	assert_int_equal(open_intents(&l), 2);
	set_segment(&l, 6, OPENING_AT("6", "2", "1") LINE_AT("7", "a.intent", "r4"));
	assert_int_equal(open_intents(&l), 4);
	set_segment(&l, 6, OPENING_AT("6", "2", "0") LINE_AT("7", "a.intent", "r4"));
	assert_int_equal(open_intents(&l), 4);
	set_segment(&l, 6, OPENING_AT("6", "0", "0") LINE_AT("7", "a.intent", "r4"));
	assert_int_equal(open_intents(&l), 1);
	/* an outcome in a later segment ends an older one's */
	set_segment(&l, 6, OPENING_AT("6", "2", "0") LINE_AT("7", "a.outcome", "r1"));
	assert_int_equal(open_intents(&l), 2);
	set_segment(&l, 6, OPENING_AT("6", "2", "0") LINE_AT("7", "b.outcome", "r1"));
	assert_int_equal(open_intents(&l), 3);
	/* neither what has no request id, nor the same twice */
	set_segment(&l, 6,
		    OPENING_AT("6", "1", "4") "{\"seq\":7,\"event\":\"a.intent\"}\n" //
		    LINE_AT("8", "a.intent", "r3") LINE_AT("9", "a.refused", "r3"));
	assert_int_equal(open_intents(&l), 1);
	log_done(&l);
}

/* The oldest may have been taken away as old logs are: that is no reason not to start. */
static void test_old_ones_gone(void **state)
{
	struct log l = log_none();
	char path[512];

	set_segment(&l, 3, OPENING_AT("3", "1", "1") LINE_AT("4", "a.intent", "r3"));
	set_segment(&l, 5, OPENING_AT("5", "2", "1") LINE_AT("6", "a.intent", "r4"));
	assert_int_equal(open_intents(&l), 2);
	set_segment(&l, 3, "what is damaged hides its intents\n");
	assert_int_equal(open_intents(&l), 1);
	snprintf(path, sizeof(path), "%s/audit-00000000000000000003.jsonl", l.dir);
	unlink(path);
	assert_int_equal(symlink("/nowhere", path), 0);
	assert_int_equal(start(&l), -ELOOP);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(start(&l), -ESPIPE);
	unlink(path);
	assert_int_equal(open_intents(&l), 1);
	set_segment(&l, 5, OPENING_AT("5", "9", "1") LINE_AT("6", "a.intent", "r4"));
	assert_int_equal(open_intents(&l), 1);
	log_done(&l);
}

/* The new segment's first line says how many are open, and from where on. */
static void test_oldest(void **state)
{
	static const char *const steps[][2] = {
		{"add_record.intent", "unresolved 1 from seq 1\""},
		{"add_record.intent", "unresolved 2 from seq 1\""},
		{"add_record.intent", "unresolved 3 from seq 1\""},
		{"add_record.outcome", "unresolved 2 from seq 3\""},
		{"add_record.outcome", "unresolved 1 from seq 5\""},
		{"add_record.outcome", "unresolved 0 from seq 0\""},
	};
	struct log l = log_new();

	l.store->config.segment_bytes = 1;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		char id[16], text[2000];
		FILE *f;
		size_t n;

		snprintf(id, sizeof(id), "%zu", i % 3);
		put(&l, steps[i][0], id);
		f = fopen(path_of(&l), "r");
		n = fread(text, 1, sizeof(text) - 1, f);
		text[n] = 0;
		fclose(f);
		if (!strstr(text, steps[i][1]))
			fail_msg("step %zu: %s", i, text);
	}
	log_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_openings),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_large_segment),
		cmocka_unit_test(test_bad_line_between),
		cmocka_unit_test(test_empty_segments),
		cmocka_unit_test(test_intents),
		cmocka_unit_test(test_old_ones_gone),
		cmocka_unit_test(test_oldest),
	};

	return cmocka_run_group_tests_name("store_start", tests, NULL, NULL);
}
