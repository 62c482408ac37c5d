/* SPDX-License-Identifier: ISC */
/* The log on disk: batches, torn lines, rotation, open intents; and reading it. */
#include "store_rig.h"

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
	expect(&l, "log.open a.outcome/1 log.open b.outcome/2 ");
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
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_reader_goes_on),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
