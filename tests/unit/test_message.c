/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "dns/message.h"

static struct dns_name name_of(const char *text)
{
	struct dns_name n;

	assert_int_equal(dns_name_parse(&n, bytes_str(text)), 0);
	return n;
}

/* Parse an exact-size copy, and walk it. */
static bool parses(struct bytes in)
{
	unsigned char *p = test_exact(in);
	struct message m;
	int r = message_parse(&m, bytes_of(p, in.n));

	assert_true(r == 0 || r == DNS_E_MESSAGE);
	free(p);
	return r == 0;
}

static void expect_hex(struct buf *got, const char *hex)
{
	struct buf want = test_hex(bytes_str(hex));

	assert_int_equal(got->n, want.n);
	assert_memory_equal(got->p, want.p, want.n);
	buf_done(&want);
}

/* ---- names ---- */

static void test_names_written(void **state)
{
	static const struct {
		const char *text, *hex;
	} good[] = {
		{"a.b", "0161016200"},
		{"rig", "0372696700"},
		{"Rig.", "0372696700"},
		{"_k-1.Example.", "045f6b2d31076578616d706c6500"},
	};
	static const char *const bad[] = {"", ".", "a..b", ".a", "a b", "a\\.b", "*.b", "a.b.."};
	struct wire_name w;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct buf b = BUF_INIT(WIRE_NAME_MAX);

		assert_int_equal(wire_name_parse(&w, bytes_str(good[i].text)), 0);
		buf_put_bytes(&b, wire_name_bytes(&w));
		expect_hex(&b, good[i].hex);
		buf_done(&b);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(wire_name_parse(&w, bytes_str(bad[i])), DNS_E_NAME);
}

/* The longest name there is, and one byte more. */
static void test_names_longest(void **state)
{
	char text[DNS_NAME_MAX + 2];
	struct dns_name n, again;
	struct wire_name w, same;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 64 == 63 ? '.' : 'a';
	assert_int_equal(dns_name_parse(&n, bytes_of(text, DNS_NAME_MAX)), 0);
	wire_name_of(&w, &n);
	assert_int_equal(w.n, WIRE_NAME_MAX);
	assert_int_equal(wire_name_get(&w, &again), 0);
	assert_true(dns_name_eq(&n, &again));
	assert_int_equal(wire_name_parse(&same, bytes_of(text, DNS_NAME_MAX)), 0);
	assert_true(wire_name_eq(&w, &same) && wire_name_is(&same, &n));
	assert_int_equal(wire_name_parse(&same, bytes_of(text, DNS_NAME_MAX + 1)), DNS_E_NAME);
}

static void test_names_read(void **state)
{
	/* Behind a header, from AT on; END is where it ends, 0: broken. */
	static const struct {
		const char *hex;
		size_t at, end;
		const char *text; /* NULL: none of ours */
	} cases[] = {
		{"0161016200", 0, 5, "a.b"},
		{"0141016200", 0, 5, "a.b"},
		{"016101620001c1c00c", 5, 9, NULL},
		{"01610162000163c00c", 5, 9, "c.a.b"},
		{"01610162000163c00cc011", 9, 11, "c.a.b"},
		{"00", 0, 1, NULL},
		{"036120620000", 0, 5, NULL},
		{"03612e62016300", 0, 7, NULL}, /* a dot within */
		{"c00c", 0, 0, NULL},		/* to itself */
		{"0161c00c", 0, 0, NULL},	/* to where it began */
		{"c00ec00c", 0, 0, NULL},	/* forward */
		{"c00ec00c", 2, 0, NULL},	/* round and round */
		{"0161016200c0", 5, 0, NULL},
		{"01610162", 0, 0, NULL},
		{"0161026200", 0, 0, NULL},
		{"4161", 0, 0, NULL},
		{"8000", 0, 0, NULL},
		{"00", 1, 0, NULL},
		{"c00b", 0, 0, NULL}, /* into the header */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = BUF_INIT(1000), hex = test_hex(bytes_str(cases[i].hex));
		size_t at = MESSAGE_HEAD + cases[i].at;
		unsigned char *p;
		struct wire_name w;
		struct dns_name n;
		int r;

		buf_put(&b, (unsigned char[MESSAGE_HEAD]){0}, MESSAGE_HEAD);
		buf_put_bytes(&b, buf_bytes(&hex));
		p = test_exact(buf_bytes(&b));
		r = wire_name_read(&w, bytes_of(p, b.n), &at);
		if ((r == 0) != (cases[i].end != 0) ||
		    at != MESSAGE_HEAD + (r ? cases[i].at : cases[i].end))
			fail_msg("case %zu: %d, at %zu", i, r, at);
		if (r == 0 && (wire_name_get(&w, &n) == 0) != (cases[i].text != NULL))
			fail_msg("case %zu: a name of ours?", i);
		if (r == 0 && cases[i].text)
			assert_true(bytes_is(dns_name_text(&n), cases[i].text));
		free(p);
		buf_done(&b);
		buf_done(&hex);
	}
}

/* Of 199 names, each LABEL and a pointer to the one before, the first of all being "a.": how many are read. */
static size_t read_chain(struct bytes label)
{
	struct buf b = BUF_INIT(4096);
	struct wire_name w;
	size_t good = 0;

	buf_put(&b, (unsigned char[MESSAGE_HEAD]){0}, MESSAGE_HEAD);
	buf_put(&b, "\1a", 3);
	for (size_t i = 1; i < 200; i++) {
		size_t at = b.n;

		buf_put_bytes(&b, label);
		buf_put_be16(&b, (uint16_t)(0xc000 | (i == 1 ? MESSAGE_HEAD : at - label.n - 2)));
		good += wire_name_read(&w, buf_bytes(&b), &at) == 0;
	}
	buf_done(&b);
	return good;
}

/* Each pointer leads to one more label in front: it ends at 255 bytes. */
static void test_names_do_not_grow(void **state)
{
	assert_int_equal(read_chain(BYTES("\1a")), 126); /* of 2 to 127 labels */
}

/* Pointers that lead to pointers: as many as a name could need, and no more. */
static void test_names_lead_on(void **state)
{
	assert_int_equal(read_chain(BYTES("")), 127);
}

/* ---- values ---- */

static void expect_rdata(enum rr_type t, struct bytes value, const char *hex)
{
	struct buf b = BUF_INIT(8192), again = BUF_INIT(RECORD_VALUE_MAX);
	unsigned char *p;

	assert_int_equal(rdata_put(&b, t, value), 0);
	if (hex)
		expect_hex(&b, hex);
	p = test_exact(buf_bytes(&b));
	assert_int_equal(rdata_get(&again, t, bytes_of(p, b.n), 0, b.n), 0);
	assert_true(bytes_eq(buf_bytes(&again), value));
	for (size_t cut = 0; cut < b.n; cut++) {
		unsigned char *q = test_exact(bytes_of(p, cut));
		struct buf none = BUF_INIT(RECORD_VALUE_MAX);
		int r = rdata_get(&none, t, bytes_of(q, cut), 0, cut);

		assert_true(r == 0 || (r == DNS_E_VALUE && none.n == 0));
		free(q);
		buf_done(&none);
	}
	free(p);
	buf_done(&b);
	buf_done(&again);
}

static void test_rdata(void **state)
{
	unsigned char text[RECORD_VALUE_MAX];

	expect_rdata(RR_TXT, BYTES("hello"), "0568656c6c6f");
	expect_rdata(RR_TXT, BYTES("\"\\\xff"), "03225cff");
	expect_rdata(RR_CAA, BYTES("0 issue \"ca.example\""), "0005697373756563612e6578616d706c65");
	expect_rdata(RR_CAA, BYTES("128 issuewild \"\""), "8009697373756577696c64");
	expect_rdata(RR_CNAME, BYTES("a.b"), "0161016200");
	expect_rdata(RR_NS, BYTES("a.b"), "0161016200");
	memset(text, 'x', sizeof(text));
	for (size_t n = 254; n <= sizeof(text); n += n < 257 ? 1 : 199)
		expect_rdata(RR_TXT, bytes_of(text, n), NULL);
	expect_rdata(RR_TXT, bytes_of(text, sizeof(text)), NULL);
}

static void test_rdata_strings(void **state)
{
	struct buf b = BUF_INIT(8192);
	unsigned char text[300];

	memset(text, 'x', sizeof(text));
	assert_int_equal(rdata_put(&b, RR_TXT, bytes_of(text, 300)), 0);
	assert_int_equal(b.n, 302);
	assert_int_equal(b.p[0], 255);
	assert_int_equal(b.p[256], 45);
	buf_done(&b);
}

static void test_rdata_refused(void **state)
{
	static const struct {
		enum rr_type type;
		const char *value;
	} put[] = {
		{RR_NONE, "a"},	   {RR_TXT, ""},       {RR_CAA, "0 issue ca.example"},
		{RR_CNAME, "A.b"}, {RR_CNAME, "a.b."}, {RR_NS, "a"},
	};
	static const struct {
		enum rr_type type;
		const char *hex;
	} get[] = {
		{RR_NONE, "0161"},
		{RR_TXT, ""},
		{RR_TXT, "00"},
		{RR_TXT, "0200"},
		{RR_TXT, "0100"},
		{RR_CAA, "00"},
		{RR_CAA, "0000"},
		{RR_CAA, "00012d"},
		{RR_CAA, "00016122"},
		{RR_CAA, "0010"
			 "61616161616161616161616161616161"},
		{RR_CNAME, "016101620000"},
		{RR_CNAME, "00"},
		{RR_NS, "012a016200"},
	};
	struct buf b = BUF_INIT(8192);

	for (size_t i = 0; i < ARRAY_LEN(put); i++)
		assert_int_equal(rdata_put(&b, put[i].type, bytes_str(put[i].value)), DNS_E_VALUE);
	for (size_t i = 0; i < ARRAY_LEN(get); i++) {
		struct buf in = test_hex(bytes_str(get[i].hex));

		if (rdata_get(&b, get[i].type, buf_bytes(&in), 0, in.n) != DNS_E_VALUE)
			fail_msg("case %zu", i);
		buf_done(&in);
	}
	assert_int_equal(b.n, 0);
	assert_int_equal(rdata_get(&b, RR_TXT, BYTES("\1a"), 1, 2), DNS_E_VALUE);
	assert_int_equal(rdata_get(&b, RR_TXT, BYTES("\1a"), 3, 0), DNS_E_VALUE);
	buf_done(&b);
}

/* CAA tags are told apart by no case (RFC 8659 section 4.1). */
static void test_rdata_caa_case(void **state)
{
	struct buf b = BUF_INIT(100);

	assert_int_equal(rdata_get(&b, RR_CAA, BYTES("\0\5IssueA"), 0, 8), 0);
	assert_true(bytes_is(buf_bytes(&b), "0 issue \"A\""));
	buf_done(&b);
}

/* ---- written ---- */

static void test_query(void **state)
{
	struct dns_name n = name_of("a.example");
	struct buf b = BUF_INIT(MESSAGE_MAX);

	assert_int_equal(message_put_query(&b, 0x1234, &n, DNS_TYPE_SOA), 0);
	expect_hex(&b, "123400000001000000000000"
		       "0161076578616d706c6500"
		       "00060001");
	assert_true(message_is_query(buf_bytes(&b)));
	b.p[2] = 1; /* recursion desired */
	assert_false(message_is_query(buf_bytes(&b)));
	buf_done(&b);
}

static void build(struct buf *b, const struct dns_name *zone, const struct dns_name *owner)
{
	assert_int_equal(update_begin(b, 7, zone), 0);
	assert_int_equal(update_require_absent(b, owner, RR_CNAME), 0);
	assert_int_equal(update_require_value(b, owner, RR_TXT, BYTES("old")), 0);
	assert_int_equal(update_delete_set(b, owner, RR_CAA), 0);
	assert_int_equal(update_delete(b, owner, RR_TXT, BYTES("old")), 0);
	assert_int_equal(update_delete_rdata(b, owner, RR_TXT, BYTES("\1o\2ld")), 0);
	assert_int_equal(update_add(b, owner, RR_TXT, 60, BYTES("new")), 0);
}

static void test_update(void **state)
{
	struct dns_name zone = name_of("b.c"), owner = name_of("a.b.c"), found;
	struct buf b = BUF_INIT(MESSAGE_MAX);

	build(&b, &zone, &owner);
	expect_hex(&b, "000728000001000200040000"
		       "01620163000006"
		       "0001"
		       "0161016201630000"
		       "0500fe000000000000"
		       "0161016201630000"
		       "10000100000000000403"
		       "6f6c64"
		       "0161016201630001"
		       "0100ff000000000000"
		       "0161016201630000"
		       "1000fe00000000000403"
		       "6f6c64"
		       "0161016201630000"
		       "1000fe000000000005016f026c64"
		       "0161016201630000"
		       "1000010000003c000403"
		       "6e6577");
	assert_int_equal(update_check(buf_bytes(&b), &owner, &found), 0);
	assert_true(dns_name_eq(&found, &zone));
	assert_false(message_is_query(buf_bytes(&b)));
	buf_done(&b);
}

static void test_update_misused(void **state)
{
	struct dns_name zone = name_of("b.c"), owner = name_of("a.b.c");
	struct buf b = BUF_INIT(MESSAGE_MAX);

	assert_int_equal(update_add(&b, &owner, RR_TXT, 60, BYTES("x")), -EINVAL);
	assert_int_equal(update_begin(&b, 7, &zone), 0);
	assert_int_equal(update_add(&b, &owner, RR_TXT, 60, BYTES("")), DNS_E_VALUE);
	assert_int_equal(update_delete_rdata(&b, &owner, RR_NS, BYTES("\0")), DNS_E_VALUE);
	assert_int_equal(update_delete_rdata(&b, &owner, RR_TXT, BYTES("")), DNS_E_VALUE);
	assert_int_equal(update_delete_set(&b, &owner, RR_NONE), -EINVAL);
	assert_int_equal(update_add(&b, &owner, RR_TXT, 60, BYTES("x")), 0);
	assert_int_equal(update_require_absent(&b, &owner, RR_TXT), -EINVAL);
	buf_done(&b);
	buf_init(&b, 30);
	assert_int_equal(update_begin(&b, 7, &zone), 0);
	assert_int_equal(update_delete_set(&b, &owner, RR_TXT), -ENOBUFS);
	buf_done(&b);
}

/* ---- checked ---- */

static void expect_refused(const struct buf *good, size_t at, unsigned char value,
			   const struct dns_name *owner)
{
	struct bytes in = buf_bytes(good);
	unsigned char *p = test_exact(in);
	struct dns_name zone;

	p[at] = value;
	if (update_check(bytes_of(p, in.n), owner, &zone) != DNS_E_MESSAGE)
		fail_msg("passes with %u at %zu", value, at);
	free(p);
}

static void test_check_refuses(void **state)
{
	struct dns_name zone = name_of("b.c"), owner = name_of("a.b.c"), found;
	struct dns_name other = name_of("x.b.c"), outside = name_of("a.x.c");
	struct buf b = BUF_INIT(MESSAGE_MAX);
	size_t records = MESSAGE_HEAD + 5 + 4;

	build(&b, &zone, &owner);
	assert_int_equal(update_check(buf_bytes(&b), &other, &found), DNS_E_MESSAGE);
	assert_int_equal(update_check(buf_bytes(&b), &outside, &found), DNS_E_MESSAGE);
	for (size_t cut = 0; cut < b.n; cut++) {
		unsigned char *p = test_exact(bytes_of(b.p, cut));

		assert_int_equal(update_check(bytes_of(p, cut), &owner, &found), DNS_E_MESSAGE);
		free(p);
	}
	expect_refused(&b, 2, 0xa8, &owner);		   /* an answer */
	expect_refused(&b, 2, 0x20, &owner);		   /* a notification */
	expect_refused(&b, 3, 0x10, &owner);		   /* a flag */
	expect_refused(&b, 5, 0, &owner);		   /* no zone */
	expect_refused(&b, 9, 3, &owner);		   /* a byte more */
	expect_refused(&b, MESSAGE_HEAD + 1, 'B', &owner); /* capitals */
	expect_refused(&b, MESSAGE_HEAD + 1, 'x', &owner); /* another zone */
	expect_refused(&b, MESSAGE_HEAD + 6, 1, &owner);   /* zone's type */
	expect_refused(&b, MESSAGE_HEAD + 8, 3, &owner);   /* and class */
	expect_refused(&b, records + 1, 'x', &owner);	   /* another owner */
	expect_refused(&b, records + 8, 255, &owner);	   /* type ANY */
	expect_refused(&b, records + 10, 255, &owner);	   /* "is there" */
	expect_refused(&b, records + 10, 1, &owner);	   /* no rdata */
	expect_refused(&b, records + 14, 1, &owner);	   /* a TTL */
	buf_done(&b);
	assert_int_equal(update_begin(&b, 7, &zone), 0);
	assert_int_equal(update_check(buf_bytes(&b), &owner, &found), DNS_E_MESSAGE);
	assert_int_equal(update_require_absent(&b, &owner, RR_TXT), 0);
	assert_int_equal(update_check(buf_bytes(&b), &owner, &found), DNS_E_MESSAGE);
	buf_done(&b);
}

/* An owner that a pointer stands for is the same to a server, but not what we write. */
static void test_check_refuses_compression(void **state)
{
	struct dns_name zone = name_of("b.c"), found;
	struct buf b = BUF_INIT(MESSAGE_MAX);

	assert_int_equal(update_begin(&b, 7, &zone), 0);
	b.p[9] = 1;
	buf_put(&b, "\xc0\x0c\0\x10\0\xff\0\0\0\0\0\0", 12);
	assert_true(parses(buf_bytes(&b)));
	assert_int_equal(update_check(buf_bytes(&b), &zone, &found), DNS_E_MESSAGE);
	buf_truncate(&b, b.n - 12);
	b.p[9] = 0;
	assert_int_equal(update_delete_set(&b, &zone, RR_TXT), 0);
	assert_int_equal(update_check(buf_bytes(&b), &zone, &found), 0);
	buf_done(&b);
}

/* ---- read ---- */

/* "www.example.org CNAME" answered by hand: a CNAME, the zone's SOA, an address. */
static const char answer_hex[] = "abcd84000001000100010001"
				 "03777777076578616d706c65036f72670000050001"
				 "c00c0005000100000e10000704686f7374c010"
				 "c01000060001000000050018"
				 "036e7331c010c04300000001000000020000000300000004"
				 "c0330001000100000e100004c0000201";

static void test_answer(void **state)
{
	struct buf b = test_hex(bytes_str(answer_hex)), value = BUF_INIT(RECORD_VALUE_MAX),
		   query = BUF_INIT(MESSAGE_MAX);
	struct dns_name name = name_of("www.example.org"), zone;
	struct message m, q;
	struct rr_cursor c = {0};
	struct rr rr;

	/* The SOA's rdata is not looked at: its length only is right. */
	assert_int_equal(message_parse(&m, buf_bytes(&b)), 0);
	assert_int_equal(m.id, 0xabcd);
	assert_true(m.is_answer && m.authoritative && !m.truncated);
	assert_int_equal(m.rcode, DNS_NOERROR);
	assert_int_equal(m.type, DNS_TYPE_CNAME);
	assert_true(wire_name_is(&m.name, &name));
	assert_true(message_next(&m, &c, &rr));
	assert_int_equal(rr.section, DNS_ANSWER);
	assert_int_equal(rr.ttl, 3600);
	assert_true(wire_name_is(&rr.owner, &name));
	assert_int_equal(message_value(&m, &rr, &value), 0);
	assert_true(bytes_is(buf_bytes(&value), "host.example.org"));
	assert_true(message_next(&m, &c, &rr));
	assert_int_equal(rr.section, DNS_AUTHORITY);
	assert_int_equal(message_value(&m, &rr, &value), DNS_E_VALUE);
	assert_true(message_next(&m, &c, &rr));
	assert_int_equal(rr.section, DNS_ADDITIONAL);
	assert_false(message_next(&m, &c, &rr));
	assert_int_equal(message_zone(&m, &name, &zone), 0);
	assert_true(bytes_is(dns_name_text(&zone), "example.org"));
	name = name_of("www.example.com");
	assert_int_equal(message_zone(&m, &name, &zone), DNS_E_ABSENT);

	name = name_of("www.example.org");
	assert_int_equal(message_put_query(&query, 0xabcd, &name, DNS_TYPE_CNAME), 0);
	assert_int_equal(message_parse(&q, buf_bytes(&query)), 0);
	assert_true(message_answers(&m, &q));
	assert_false(message_answers(&q, &q));
	buf_done(&b);
	buf_done(&value);
	buf_done(&query);
}

static void test_answer_cut_everywhere(void **state)
{
	struct buf b = test_hex(bytes_str(answer_hex));

	assert_true(parses(buf_bytes(&b)));
	for (size_t cut = 0; cut < b.n; cut++)
		assert_false(parses(bytes_of(b.p, cut)));
	buf_putc(&b, 0);
	assert_false(parses(buf_bytes(&b)));
	buf_done(&b);
}

/* Another question, or none: an error and the answer to an update may leave it out. */
static void test_answers(void **state)
{
	struct dns_name name = name_of("www.example.org"), other = name_of("w.example.org");
	struct buf a = BUF_INIT(MESSAGE_MAX), b = BUF_INIT(MESSAGE_MAX);
	unsigned char head[MESSAGE_HEAD] = {0, 7, 0x80};
	struct message m, q;

	assert_int_equal(message_put_query(&a, 7, &name, DNS_TYPE_TXT), 0);
	assert_int_equal(message_put_query(&b, 7, &other, DNS_TYPE_TXT), 0);
	b.p[2] = 0x80;
	assert_int_equal(message_parse(&q, buf_bytes(&a)), 0);
	assert_int_equal(message_parse(&m, buf_bytes(&b)), 0);
	assert_false(message_answers(&m, &q));
	m.name = q.name;
	assert_true(message_answers(&m, &q));
	m.type++;
	assert_false(message_answers(&m, &q));
	assert_int_equal(message_parse(&m, bytes_of(head, sizeof(head))), 0);
	assert_false(message_answers(&m, &q));
	m.rcode = DNS_FORMERR;
	assert_true(message_answers(&m, &q));
	m.rcode = 0;
	m.opcode = q.opcode = DNS_OPCODE_UPDATE;
	assert_true(message_answers(&m, &q));
	m.id++;
	assert_false(message_answers(&m, &q));
	buf_done(&a);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_written),
		cmocka_unit_test(test_names_longest),
		cmocka_unit_test(test_names_read),
		cmocka_unit_test(test_names_do_not_grow),
		cmocka_unit_test(test_names_lead_on),
		cmocka_unit_test(test_rdata),
		cmocka_unit_test(test_rdata_strings),
		cmocka_unit_test(test_rdata_refused),
		cmocka_unit_test(test_rdata_caa_case),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_update_misused),
		cmocka_unit_test(test_check_refuses),
		cmocka_unit_test(test_check_refuses_compression),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_answer_cut_everywhere),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
