/* SPDX-License-Identifier: ISC */
/* The log read by people: segments by age, long lines, who may end it; and each filter at its edges. */
#include "store_rig.h"

struct got {
	char text[2048]; /* "segment's number:line state n; " */
	int stop_at;	 /* the line at which 42 is returned; -1: never */
	int lines;
};

static int note_line(void *arg, const struct log_line *line)
{
	static const char *const states[] = {"good", "bad", "torn"};
	struct got *g = arg;
	size_t n = strlen(g->text);
	uint64_t first;

	assert_true(segment_parse_name(line->segment, &first));
	assert_int_equal(line->object != NULL, line->state == LOG_LINE_GOOD);
	snprintf(g->text + n, sizeof(g->text) - n, "%llu:%llu %s%s %zu; ",
		 (unsigned long long)first, (unsigned long long)line->number,
		 line->is_void ? "void " : "", states[line->state], line->text.n);
	return g->lines++ == g->stop_at ? 42 : 0;
}

static void write_segment(const struct log *l, uint64_t first, struct bytes text)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(name, first);
	set_file(l, name, text);
}

static void expect_lines(const struct log *l, const char *want)
{
	struct got g = {.stop_at = -1};

	errno = EIO; /* left over from somebody else */
	assert_int_equal(log_read(l->dir, note_line, &g), 0);
	assert_string_equal(g.text, want);
	for (int i = 0; i < g.lines; i++) {
		struct got some = {.stop_at = i};

		assert_int_equal(log_read(l->dir, note_line, &some), 42);
		assert_int_equal(some.lines, i + 1);
	}
}

static void test_segments(void **state)
{
	struct log l = log_none();

	expect_lines(&l, "");
	write_segment(&l, 10, BYTES("{\"event\":\"k\"}\nx\n\n"));
	write_segment(&l, 2, BYTES(""));
	write_segment(&l, 1, BYTES("{\"event\":\"\"}\n{\"event\":1}\n{}\n[]\n{\"event\":\"b\"}"));
	expect_lines(&l, "1:1 bad 12; 1:2 bad 11; 1:3 bad 2; 1:4 bad 2; 1:5 torn 13; "
			 "10:1 good 13; 10:2 bad 1; 10:3 bad 0; ");
	log_done(&l);
}

/* What the next segment says of lines that could not be made durable. */
static void test_void(void **state)
{
	struct log l = log_none();

	write_segment(&l, 5, BYTES("{\"event\":\"a\"}\n{\"event\":\"b\"}\n{}\n"));
	write_segment(&l, 8, BYTES("{\"event\":\"; void from seq 6\"}\n{\"event\":\"k\"}\n"));
	expect_lines(&l,
		     "5:1 good 13; 5:2 void good 13; 5:3 void bad 2; 8:1 good 29; 8:2 good 13; ");
	write_segment(&l, 8, BYTES("{\"event\":\"; void from seq 4\"}\n"));
	expect_lines(&l, "5:1 void good 13; 5:2 void good 13; 5:3 void bad 2; 8:1 good 29; ");
	log_done(&l);
}

/* A JSON object of N bytes. */
static void put_line(struct buf *b, size_t n, bool newline)
{
	static const char head[] = "{\"event\":\"x\",\"v\":\"";
	size_t plain = n - strlen(head) - 2;

	buf_puts(b, head);
	memset(buf_extend(b, plain), 'v', plain);
	buf_puts(b, "\"}");
	if (newline)
		buf_putc(b, '\n');
}

/* Up to the longest, wherever they lie in what is read at once; then one byte more, and much more. */
static void test_sizes(void **state)
{
	for (size_t shift = 0; shift < 3; shift++) {
		struct log l = log_none();
		struct buf text = BUF_INIT(1 << 20);
		struct buf want = BUF_INIT(2000);
		const size_t sizes[] = {AUDIT_LINE_MAX - 1,
					AUDIT_LINE_MAX,
					100,
					AUDIT_LINE_MAX - 1,
					AUDIT_LINE_MAX - 1,
					AUDIT_LINE_MAX - 1 - shift,
					50,
					60};

		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			put_line(&text, sizes[i], true);
			buf_printf(&want, "0:%zu %s %zu; ", i + 1,
				   sizes[i] < AUDIT_LINE_MAX ? "good" : "bad", sizes[i]);
		}
		write_segment(&l, 0, buf_bytes(&text));
		buf_putc(&want, 0);
		expect_lines(&l, (const char *)want.p);
		buf_done(&want);
		buf_done(&text);
		log_done(&l);
	}
}

static unsigned counts[3];
static size_t numbers;

static int count_line(void *arg, const struct log_line *line)
{
	counts[line->state]++;
	numbers += line->number;
	return 0;
}

/* A line longer than what is read at once is one bad line, at any size; the next has the next number. */
static void test_long(void **state)
{
	static const size_t sizes[] = {70000,	       65536 - 1,  65536,  65536 + 1, 81920,
				       AUDIT_LINE_MAX, 131072 - 1, 131072, 131073,    200000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct log l = log_none();
		struct buf text = BUF_INIT(1 << 20);

		put_line(&text, sizes[i], true);
		put_line(&text, 100, true);
		put_line(&text, 100, false);
		write_segment(&l, 0, buf_bytes(&text));
		memset(counts, 0, sizeof(counts));
		numbers = 0;
		assert_int_equal(log_read(l.dir, count_line, NULL), 0);
		assert_int_equal(counts[LOG_LINE_GOOD], 1);
		assert_int_equal(counts[LOG_LINE_BAD], 1);
		assert_int_equal(counts[LOG_LINE_TORN], 1);
		assert_int_equal(numbers, 1 + 2 + 3);
		/* and when it is all there is, without an end */
		buf_truncate(&text, sizes[i]);
		write_segment(&l, 0, buf_bytes(&text));
		memset(counts, 0, sizeof(counts));
		assert_int_equal(log_read(l.dir, count_line, NULL), 0);
		assert_int_equal(counts[LOG_LINE_GOOD], 0);
		assert_int_equal(counts[LOG_LINE_BAD] + counts[LOG_LINE_TORN], 1);
		buf_done(&text);
		log_done(&l);
	}
}

/* ---- filters ---- */

static bool matches(const struct log_filter *f, const char *line)
{
	json_t *o = NULL;
	bool r;

	assert_int_equal(json_parse(bytes_str(line), 4, &o, NULL, 0), 0);
	r = log_matches(f, o);
	json_decref(o);
	return r;
}

/* A filter for one field looks at that one alone. */
static void test_each_field(void **state)
{
	static const struct {
		struct log_filter f;
		const char *with, *without;
	} cases[] = {
		{{.customer = BYTES("x")}, "{\"customer\":\"x\"}", "{\"caller\":\"x\"}"},
		{{.integration = BYTES("x")}, "{\"integration\":\"x\"}", "{\"caller\":\"x\"}"},
		{{.caller = BYTES("x")}, "{\"caller\":\"x\"}", "{\"customer\":\"x\"}"},
		{{.result = BYTES("x")}, "{\"result\":\"x\"}", "{\"caller\":\"x\"}"},
		{{.request_id = BYTES("x")}, "{\"request_id\":\"x\"}", "{\"caller\":\"x\"}"},
		{{.event = BYTES("x")}, "{\"event\":\"x\"}", "{\"caller\":\"x\"}"},
		{{.event = BYTES("x")}, "{\"event\":\"x.y\"}", "{\"event\":\"y.x\"}"},
		{{.event = BYTES("x")}, "{\"event\":\"x.\"}", "{\"event\":\"xy.z\"}"},
		{{.event = BYTES("x.y")}, "{\"event\":\"x.y\"}", "{\"event\":\"x.yz\"}"},
		{{.event = BYTES("xy")}, "{\"event\":\"xy.z\"}", "{\"event\":\"ab.z\"}"},
		{{.zone = BYTES("a.b")}, "{\"zone\":\"a.b\"}", "{\"zone\":\"x.a.b\"}"},
		{{.zone = BYTES("a.b")}, "{\"fqdn\":\"a.b\"}", "{\"fqdn\":\"a.c\"}"},
		{{.zone = BYTES("a.b")}, "{\"fqdn\":\"a.b\"}", "{\"fqdn\":\"aa.b\"}"},
		{{.zone = BYTES("a.b")}, "{\"fqdn\":\"x.a.b\"}", "{\"fqdn\":\"b\"}"},
		{{.zone = BYTES("a.b")}, "{\"fqdn\":\".a.b\"}", "{\"fqdn\":\"a.b.x\"}"},
		{{.zone = BYTES("a.b")},
		 "{\"fqdn\":\"x.a.b\",\"zone\":\"b\"}",
		 "{\"fqdn\":\"x.a.c\"}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (!matches(&cases[i].f, cases[i].with) ||
		    matches(&cases[i].f, cases[i].without) || matches(&cases[i].f, "{}"))
			fail_msg("case %zu", i);
}

#define AT(time) "{\"time\":\"" time "\"}"

/* A line without a time is better shown than hidden. */
static void test_times(void **state)
{
	static const struct {
		int64_t since, until;
		const char *line;
		bool match;
	} cases[] = {
		{0, 0, AT("1970-01-01T00:00:01.000000Z"), true},
		{1000000, 0, AT("1970-01-01T00:00:01.000000Z"), true},
		{1000001, 0, AT("1970-01-01T00:00:01.000000Z"), false},
		{0, 1000001, AT("1970-01-01T00:00:01.000000Z"), true},
		{0, 1000000, AT("1970-01-01T00:00:01.000000Z"), false},
		{0, 1, AT("1970-01-01T00:00:00.000000Z"), true},
		{1000000, 1000001, AT("1970-01-01T00:00:01.000000Z"), true},
		{1000000, 1000000, AT("1970-01-01T00:00:01.000000Z"), false},
		{1000000, 0, AT("yesterday"), true},
		{0, 1000000, AT("yesterday"), true},
		{1000000, 0, "{}", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct log_filter f = {.since = cases[i].since, .until = cases[i].until};

		if (matches(&f, cases[i].line) != cases[i].match)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments),   cmocka_unit_test(test_void),
		cmocka_unit_test(test_sizes),	   cmocka_unit_test(test_long),
		cmocka_unit_test(test_each_field), cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests_name("store_reader", tests, NULL, NULL);
}
