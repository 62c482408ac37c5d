/* SPDX-License-Identifier: ISC */
/*
 * Target: what an answer says of a record, of a zone's servers, their addresses, of a CNAME. Input: a type, then a message. A second reading goes over the records one by one: what is said to be there is there, and
 * nothing else is. The question is the message's own.
 */
#include "dns/answer.h"
#include "fuzz.h"

#define SERVERS 3

static const char *const values[RR_TYPES] = {"", "proof", "0 issue \"ca.example\"",
					     "target.example.net", "ns1.example.net"};

/* Is such a record there, in the answer, or in a referral? */
static bool is_there(const struct message *m, const struct dns_name *owner, enum rr_type t,
		     const char *value)
{
	struct rr_cursor c = {0};
	bool there = false;
	struct rr rr;

	while (message_next(m, &c, &rr)) {
		struct buf b = BUF_INIT(RECORD_VALUE_MAX);
		struct dns_name at;

		if (rr.section == DNS_ANSWER || (rr.section == DNS_AUTHORITY && t == RR_NS))
			there = there ||
				(wire_type_parse(rr.type) == t &&
				 wire_name_get(&rr.owner, &at) == 0 && dns_name_eq(&at, owner) &&
				 message_value(m, &rr, &b) == 0 && bytes_is(buf_bytes(&b), value));
		buf_done(&b);
	}
	return there;
}

static void check_record(const struct message *m, const struct dns_name *owner, enum rr_type t)
{
	enum answer_says says = answer_says(m, owner, t, bytes_str(values[t]));
	bool there = is_there(m, owner, t, values[t]);

	switch (says) {
	case ANSWER_SHOWS:
		CHECK(there && (m->authoritative || t == RR_NS));
		CHECK(m->rcode == DNS_NOERROR || m->rcode == DNS_NXDOMAIN);
		break;
	case ANSWER_LACKS:
		CHECK(!there && (m->authoritative || t == RR_NS));
		break;
	case ANSWER_REFUSED:
		CHECK(m->rcode == DNS_REFUSED);
		break;
	case ANSWER_LAME:
		CHECK(m->rcode != DNS_REFUSED);
		CHECK(m->rcode != DNS_NOERROR || !m->authoritative);
		break;
	}
}

static void check_servers(const struct message *m, const struct dns_name *zone)
{
	struct dns_name some[SERVERS], all[64];
	size_t n = answer_servers(m, zone, some, SERVERS), more = answer_servers(m, zone, all, 64);

	CHECK(n >= (more < SERVERS ? more : SERVERS));
	for (size_t i = 0; i < more && i < 64; i++) {
		CHECK(i >= SERVERS || bytes_eq(dns_name_text(&some[i]), dns_name_text(&all[i])));
		for (size_t k = 0; k < i; k++)
			CHECK(!bytes_eq(dns_name_text(&all[i]), dns_name_text(&all[k])));
	}
}

static void check_addresses(const struct message *m, uint16_t type, size_t size)
{
	struct rr_cursor c = {0};
	struct bytes a;
	size_t n = 0;

	while (answer_address(m, &c, type, &a)) {
		CHECK(a.n == size && a.p >= m->bytes.p && a.p + a.n <= m->bytes.p + m->bytes.n);
		n++;
	}
	CHECK(n <= m->counts[DNS_ANSWER]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	enum rr_type t = (enum rr_type)(1 + fuzz_byte(&in) % (RR_TYPES - 1));
	struct dns_name name, target;
	struct message m;
	int r;

	if (message_parse(&m, in) != 0 || m.counts[0] == 0 || wire_name_get(&m.name, &name) != 0)
		return 0;
	check_record(&m, &name, t);
	check_servers(&m, &name);
	check_addresses(&m, DNS_TYPE_A, 4);
	check_addresses(&m, DNS_TYPE_AAAA, 16);
	r = answer_alias(&m, &name, &target);
	CHECK(r == 0 || r == DNS_E_ABSENT || r == ANSWER_E_TARGET);
	CHECK(r != 0 || is_there(&m, &name, RR_CNAME, target.text));
	return 0;
}
