/* SPDX-License-Identifier: ISC */
/* What answers say: of a record at the zone's own servers, of servers, addresses and CNAMEs at recursive ones. */
#include "test.h"

#include "dns/answer.h"

#define NAME "_acme-challenge.example.org"

enum { AA = 0x400, QUERY = 0x0000, ANSWER = 0x8000 };

static struct dns_name name_of(const char *text)
{
	struct dns_name n;

	assert_int_equal(dns_name_parse(&n, bytes_str(text)), 0);
	return n;
}

static void put_name(struct buf *b, const char *text)
{
	struct wire_name w;

	assert_int_equal(wire_name_parse(&w, bytes_str(text)), 0);
	buf_put_bytes(b, wire_name_bytes(&w));
}

/* An answer to the question for NAME and TYPE, so far without records. */
static struct buf answer_to(const char *name, uint16_t type, unsigned flags)
{
	struct buf b = BUF_INIT(MESSAGE_MAX);

	buf_put_be16(&b, 7);
	buf_put_be16(&b, (uint16_t)(ANSWER | flags));
	buf_put_be16(&b, 1);
	buf_put(&b, (unsigned char[6]){0}, 6);
	put_name(&b, name);
	buf_put_be16(&b, type);
	buf_put_be16(&b, DNS_CLASS_IN);
	return b;
}

/* One more, in that section, which comes last so far. */
static void put(struct buf *b, enum dns_section section, const char *owner, uint16_t type,
		const void *rdata, size_t n)
{
	b->p[5 + 2 * section]++;
	put_name(b, owner);
	buf_put_be16(b, type);
	buf_put_be16(b, DNS_CLASS_IN);
	buf_put_be32(b, 60);
	buf_put_be16(b, (uint16_t)n);
	buf_put(b, rdata, n);
	assert_int_equal(buf_status(b), 0);
}

static void put_txt(struct buf *b, const char *owner, const char *text)
{
	unsigned char rdata[256] = {(unsigned char)strlen(text)};

	memcpy(rdata + 1, text, strlen(text));
	put(b, DNS_ANSWER, owner, DNS_TYPE_TXT, rdata, 1 + strlen(text));
}

static void put_target(struct buf *b, enum dns_section section, const char *owner, uint16_t type,
		       const char *target)
{
	struct buf rdata = BUF_INIT(WIRE_NAME_MAX);

	put_name(&rdata, target);
	put(b, section, owner, type, rdata.p, rdata.n);
	buf_done(&rdata);
}

/* ---- of the zone's own servers ---- */

static void expect_says(struct buf *b, enum rr_type t, const char *value, enum answer_says want)
{
	struct dns_name name = name_of(NAME);
	unsigned char *p = test_exact(buf_bytes(b));
	struct message m;

	assert_int_equal(message_parse(&m, bytes_of(p, b->n)), 0);
	assert_int_equal(answer_says(&m, &name, t, bytes_str(value)), want);
	free(p);
	buf_done(b);
}

static void test_txt(void **state)
{
	struct buf b = answer_to(NAME, DNS_TYPE_TXT, AA);

	put_txt(&b, NAME, "other");
	put_txt(&b, "_ACME-challenge.Example.org", "proof");
	expect_says(&b, RR_TXT, "proof", ANSWER_SHOWS);
	b = answer_to(NAME, DNS_TYPE_TXT, AA);
	put(&b, DNS_ANSWER, NAME, DNS_TYPE_TXT, "\2pr\0\3oof", 8); /* however it is cut */
	expect_says(&b, RR_TXT, "proof", ANSWER_SHOWS);
	b = answer_to(NAME, DNS_TYPE_TXT, AA);
	put_txt(&b, NAME, "Proof");
	put_txt(&b, NAME, "proof ");
	expect_says(&b, RR_TXT, "proof", ANSWER_LACKS);
	b = answer_to(NAME, DNS_TYPE_TXT, AA);
	expect_says(&b, RR_TXT, "proof", ANSWER_LACKS);
}

/* What stands elsewhere in the answer, at another name, of another type, broken, or too long. */
static void test_not_the_record(void **state)
{
	static const unsigned char large[20 * 256] = {[0] = 255};
	struct buf b = answer_to(NAME, DNS_TYPE_TXT, AA);
	unsigned char many[sizeof(large)];

	memcpy(many, large, sizeof(many));
	for (size_t i = 0; i < sizeof(many); i += 256)
		many[i] = 255;
	put_txt(&b, "example.org", "proof");
	put(&b, DNS_ANSWER, NAME, 99, "\5proof", 6);
	put(&b, DNS_ANSWER, NAME, DNS_TYPE_TXT, "\6proof", 6);
	put(&b, DNS_ANSWER, NAME, DNS_TYPE_TXT, many, sizeof(many));
	put(&b, DNS_AUTHORITY, NAME, DNS_TYPE_TXT, "\5proof", 6);
	put(&b, DNS_ADDITIONAL, NAME, DNS_TYPE_TXT, "\5proof", 6);
	expect_says(&b, RR_TXT, "proof", ANSWER_LACKS);
}

static void test_authority(void **state)
{
	static const struct {
		unsigned flags;
		enum answer_says want;
	} cases[] = {
		{AA | DNS_NXDOMAIN, ANSWER_SHOWS}, /* though it makes little sense */
		{0, ANSWER_LAME},
		{DNS_NXDOMAIN, ANSWER_LAME},
		{AA | DNS_REFUSED, ANSWER_REFUSED},
		{DNS_REFUSED, ANSWER_REFUSED},
		{AA | DNS_SERVFAIL, ANSWER_LAME},
		{AA | DNS_NOTAUTH, ANSWER_LAME},
		{AA | DNS_FORMERR, ANSWER_LAME},
		{AA | DNS_NOTIMP, ANSWER_LAME},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = answer_to(NAME, DNS_TYPE_TXT, cases[i].flags);

		put_txt(&b, NAME, "proof");
		expect_says(&b, RR_TXT, "proof", cases[i].want);
	}
}

/* A delegation stands in the answer, or in a referral without authority. */
static void test_ns(void **state)
{
	struct buf b = answer_to(NAME, DNS_TYPE_NS, AA);

	put_target(&b, DNS_ANSWER, NAME, DNS_TYPE_NS, "NS1.example.net");
	expect_says(&b, RR_NS, "ns1.example.net", ANSWER_SHOWS);
	b = answer_to(NAME, DNS_TYPE_NS, 0);
	put_target(&b, DNS_AUTHORITY, NAME, DNS_TYPE_NS, "ns1.example.net");
	expect_says(&b, RR_NS, "ns1.example.net", ANSWER_SHOWS);
	b = answer_to(NAME, DNS_TYPE_NS, 0);
	put_target(&b, DNS_AUTHORITY, NAME, DNS_TYPE_NS, "ns2.example.net");
	expect_says(&b, RR_NS, "ns1.example.net", ANSWER_LACKS);
	/* A referral to somewhere above, or for another type, is one to another server. */
	b = answer_to(NAME, DNS_TYPE_NS, 0);
	put_target(&b, DNS_AUTHORITY, "example.org", DNS_TYPE_NS, "ns1.example.net");
	expect_says(&b, RR_NS, "ns1.example.net", ANSWER_LAME);
	b = answer_to(NAME, DNS_TYPE_TXT, 0);
	put_target(&b, DNS_AUTHORITY, NAME, DNS_TYPE_NS, "ns1.example.net");
	expect_says(&b, RR_TXT, "ns1.example.net", ANSWER_LAME);
}

static void test_cname(void **state)
{
	struct buf b = answer_to(NAME, DNS_TYPE_CNAME, AA);

	put_target(&b, DNS_ANSWER, NAME, DNS_TYPE_CNAME, "target.example.net");
	expect_says(&b, RR_CNAME, "target.example.net", ANSWER_SHOWS);
	b = answer_to(NAME, DNS_TYPE_TXT,
		      AA); /* the value is the alias's target's, not the name's */
	put_target(&b, DNS_ANSWER, NAME, DNS_TYPE_CNAME, "target.example.net");
	put_txt(&b, "target.example.net", "proof");
	expect_says(&b, RR_TXT, "proof", ANSWER_LACKS);
}

/* ---- of recursive servers ---- */

static void test_is_of(void **state)
{
	struct dns_name name = name_of(NAME), other = name_of("example.org");
	struct buf b = answer_to(NAME, DNS_TYPE_NS, 0);
	struct message m;

	assert_int_equal(message_parse(&m, buf_bytes(&b)), 0);
	assert_true(answer_is_of(&m, &name, DNS_TYPE_NS));
	assert_false(answer_is_of(&m, &name, DNS_TYPE_A));
	assert_false(answer_is_of(&m, &other, DNS_TYPE_NS));
	m.class = 3;
	assert_false(answer_is_of(&m, &name, DNS_TYPE_NS));
	m.class = DNS_CLASS_IN;
	m.is_answer = false;
	assert_false(answer_is_of(&m, &name, DNS_TYPE_NS));
	m.is_answer = true;
	m.opcode = DNS_OPCODE_UPDATE;
	assert_false(answer_is_of(&m, &name, DNS_TYPE_NS));
	m.opcode = DNS_OPCODE_QUERY;
	m.counts[0] = 0;
	assert_false(answer_is_of(&m, &name, DNS_TYPE_NS));
	m.counts[0] = 1;
	m.rcode = DNS_NXDOMAIN;
	assert_true(answer_is_of(&m, &name, DNS_TYPE_NS));
	m.rcode = DNS_SERVFAIL;
	assert_false(answer_is_of(&m, &name, DNS_TYPE_NS));
	buf_done(&b);
}

static void test_servers(void **state)
{
	struct dns_name zone = name_of("example.org"), out[3] = {{0}};
	struct buf b = answer_to("example.org", DNS_TYPE_NS, 0);
	struct message m;

	put_target(&b, DNS_ANSWER, "example.org", DNS_TYPE_NS, "ns1.example.net");
	put_target(&b, DNS_ANSWER, "example.org", DNS_TYPE_NS, "NS1.example.net");
	put_target(&b, DNS_ANSWER, "example.com", DNS_TYPE_NS, "ns9.example.net");
	put(&b, DNS_ANSWER, "example.org", DNS_TYPE_NS, "\3a b\0", 5);	 /* no name of a host */
	put(&b, DNS_ANSWER, "example.org", DNS_TYPE_NS, "\3ns2\0\0", 6); /* and a byte more */
	put(&b, DNS_ANSWER, "example.org", DNS_TYPE_NS, "\0", 1);
	put_target(&b, DNS_ANSWER, "example.org", DNS_TYPE_NS, "ns3.example.net");
	put_target(&b, DNS_AUTHORITY, "example.org", DNS_TYPE_NS, "ns8.example.net");
	assert_int_equal(message_parse(&m, buf_bytes(&b)), 0);
	assert_int_equal(answer_servers(&m, &zone, out, 3), 3);
	assert_string_equal(out[0].text, "ns1.example.net");
	assert_int_equal(out[1].len, 0);
	assert_string_equal(out[2].text, "ns3.example.net");
	out[1] = zone;
	assert_int_equal(answer_servers(&m, &zone, out, 1),
			 5); /* what does not fit is not compared */
	assert_string_equal(out[1].text, "example.org");
	buf_done(&b);
}

static void test_addresses(void **state)
{
	struct buf b = answer_to("ns1.example.net", DNS_TYPE_A, 0);
	struct rr_cursor c = {0};
	struct message m;
	struct bytes a;

	put_target(&b, DNS_ANSWER, "ns1.example.net", DNS_TYPE_CNAME, "ns2.example.net");
	put(&b, DNS_ANSWER, "ns2.example.net", DNS_TYPE_A, "\xc0\0\2\1", 4);
	put(&b, DNS_ANSWER, "ns2.example.net", DNS_TYPE_A, "\xc0\0\2", 3);
	put(&b, DNS_ANSWER, "ns2.example.net", DNS_TYPE_AAAA, "0123456789abcdef", 16);
	put(&b, DNS_ANSWER, "ns2.example.net", DNS_TYPE_A, "\xc0\0\2\2", 4);
	put(&b, DNS_ADDITIONAL, "ns2.example.net", DNS_TYPE_A, "\xc0\0\2\3", 4);
	assert_int_equal(message_parse(&m, buf_bytes(&b)), 0);
	assert_true(answer_address(&m, &c, DNS_TYPE_A, &a) &&
		    bytes_eq(a, bytes_of("\xc0\0\2\1", 4)));
	assert_true(answer_address(&m, &c, DNS_TYPE_A, &a) &&
		    bytes_eq(a, bytes_of("\xc0\0\2\2", 4)));
	assert_false(answer_address(&m, &c, DNS_TYPE_A, &a));
	c = (struct rr_cursor){0};
	assert_true(answer_address(&m, &c, DNS_TYPE_AAAA, &a) && bytes_is(a, "0123456789abcdef"));
	assert_false(answer_address(&m, &c, DNS_TYPE_AAAA, &a));
	buf_done(&b);
}

static void test_alias(void **state)
{
	struct dns_name name = name_of(NAME), out;
	struct buf b = answer_to(NAME, DNS_TYPE_CNAME, 0);
	struct message m;

	put_target(&b, DNS_ANSWER, "example.org", DNS_TYPE_CNAME, "a.example.net");
	assert_int_equal(message_parse(&m, buf_bytes(&b)), 0);
	assert_int_equal(answer_alias(&m, &name, &out), DNS_E_ABSENT);
	put_target(&b, DNS_ANSWER, NAME, DNS_TYPE_CNAME, "b.Example.net");
	assert_int_equal(message_parse(&m, buf_bytes(&b)), 0);
	assert_int_equal(answer_alias(&m, &name, &out), 0);
	assert_string_equal(out.text, "b.example.net");
	buf_done(&b);
	b = answer_to(NAME, DNS_TYPE_CNAME, 0);
	put(&b, DNS_ANSWER, NAME, DNS_TYPE_CNAME, "\1*\7example\0", 11);
	assert_int_equal(message_parse(&m, buf_bytes(&b)), 0);
	assert_int_equal(answer_alias(&m, &name, &out), ANSWER_E_TARGET);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_txt),	  cmocka_unit_test(test_not_the_record),
		cmocka_unit_test(test_authority), cmocka_unit_test(test_ns),
		cmocka_unit_test(test_cname),	  cmocka_unit_test(test_is_of),
		cmocka_unit_test(test_servers),	  cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_alias),
	};

	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
