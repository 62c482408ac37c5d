/* SPDX-License-Identifier: ISC */
#include "dns/message.h"

/* The header's second 16 bits (RFC 1035 section 4.1.1). */
#define FLAG_ANSWER	   0x8000u
#define FLAG_AUTHORITATIVE 0x0400u
#define FLAG_TRUNCATED	   0x0200u
#define UPDATE_FLAGS	   (DNS_OPCODE_UPDATE << 11)

#define QUESTION_FIXED 4  /* type, class */
#define RECORD_FIXED   10 /* type, class, TTL, length of rdata */

/* Where the header counts a section. */
#define COUNT_AT(section) (4u + 2u * (section))

/* ---- written ---- */

static void put_name(struct buf *out, const struct dns_name *name)
{
	struct wire_name w;

	wire_name_of(&w, name);
	buf_put_bytes(out, wire_name_bytes(&w));
}

static int put_head(struct buf *out, uint16_t id, uint16_t flags, const struct dns_name *name,
		    uint16_t type)
{
	buf_put_be16(out, id);
	buf_put_be16(out, flags);
	buf_put_be16(out, 1);
	buf_put(out, (unsigned char[6]){0}, 6);
	put_name(out, name);
	buf_put_be16(out, type);
	buf_put_be16(out, DNS_CLASS_IN);
	return buf_status(out);
}

int message_put_query(struct buf *out, uint16_t id, const struct dns_name *name, uint16_t type)
{
	return put_head(out, id, DNS_OPCODE_QUERY, name, type);
}

int update_begin(struct buf *out, uint16_t id, const struct dns_name *zone)
{
	return put_head(out, id, UPDATE_FLAGS, zone, DNS_TYPE_SOA);
}

/* One more in the section. -EINVAL when there is no update, or its next section has begun. */
static int count_one(struct buf *out, enum dns_section section)
{
	unsigned char *p = out->p;
	uint16_t n;

	if (out->n < MESSAGE_HEAD || wire_be16(p + 2) != UPDATE_FLAGS ||
	    (section == DNS_ANSWER && wire_be16(p + COUNT_AT(DNS_AUTHORITY)) != 0) ||
	    wire_be16(p + COUNT_AT(DNS_ADDITIONAL)) != 0)
		return -EINVAL;
	n = wire_be16(p + COUNT_AT(section));
	if (n == UINT16_MAX)
		return -ENOBUFS;
	n++;
	p[COUNT_AT(section)] = (unsigned char)(n >> 8);
	p[COUNT_AT(section) + 1] = (unsigned char)n;
	return 0;
}

static int put_record(struct buf *out, enum dns_section section, const struct dns_name *owner,
		      enum rr_type t, enum dns_class class, uint32_t ttl, struct bytes rdata)
{
	int r = buf_status(out);

	if (r == 0)
		r = wire_type(t) && rdata.n <= UINT16_MAX ? count_one(out, section) : -EINVAL;
	if (r < 0)
		return r;
	put_name(out, owner);
	buf_put_be16(out, wire_type(t));
	buf_put_be16(out, (uint16_t) class);
	buf_put_be32(out, ttl);
	buf_put_be16(out, (uint16_t)rdata.n);
	buf_put_bytes(out, rdata);
	return buf_status(out);
}

static int put_value(struct buf *out, enum dns_section section, const struct dns_name *owner,
		     enum rr_type t, enum dns_class class, uint32_t ttl, struct bytes value)
{
	struct buf rdata = BUF_INIT(2 * RECORD_VALUE_MAX);
	int r = rdata_put(&rdata, t, value);

	if (r == 0)
		r = put_record(out, section, owner, t, class, ttl, buf_bytes(&rdata));
	buf_done(&rdata);
	return r;
}

int update_require_absent(struct buf *out, const struct dns_name *owner, enum rr_type t)
{
	return put_record(out, DNS_ANSWER, owner, t, DNS_CLASS_NONE, 0, BYTES(""));
}

int update_require_value(struct buf *out, const struct dns_name *owner, enum rr_type t,
			 struct bytes value)
{
	return put_value(out, DNS_ANSWER, owner, t, DNS_CLASS_IN, 0, value);
}

int update_add(struct buf *out, const struct dns_name *owner, enum rr_type t, uint32_t ttl,
	       struct bytes value)
{
	return put_value(out, DNS_AUTHORITY, owner, t, DNS_CLASS_IN, ttl, value);
}

int update_delete(struct buf *out, const struct dns_name *owner, enum rr_type t, struct bytes value)
{
	return put_value(out, DNS_AUTHORITY, owner, t, DNS_CLASS_NONE, 0, value);
}

int update_delete_rdata(struct buf *out, const struct dns_name *owner, enum rr_type t,
			struct bytes rdata)
{
	/* The rdata of the others may hold pointers into the message that it was in. */
	if ((t != RR_TXT && t != RR_CAA) || rdata.n == 0)
		return DNS_E_VALUE;
	return put_record(out, DNS_AUTHORITY, owner, t, DNS_CLASS_NONE, 0, rdata);
}

int update_delete_set(struct buf *out, const struct dns_name *owner, enum rr_type t)
{
	return put_record(out, DNS_AUTHORITY, owner, t, DNS_CLASS_ANY, 0, BYTES(""));
}

/* ---- read ---- */

static bool read_question(struct message *m, size_t *at)
{
	struct bytes in = m->bytes;

	if (wire_name_read(&m->name, in, at) != 0 || in.n - *at < QUESTION_FIXED)
		return false;
	m->type = wire_be16(in.p + *at);
	m->class = wire_be16(in.p + *at + 2);
	*at += QUESTION_FIXED;
	return true;
}

/* All but the section. */
static bool read_record(struct bytes in, size_t *at, struct rr *rr)
{
	const unsigned char *p;
	size_t i = *at;

	if (wire_name_read(&rr->owner, in, &i) != 0 || in.n - i < RECORD_FIXED)
		return false;
	p = in.p + i;
	rr->type = wire_be16(p);
	rr->class = wire_be16(p + 2);
	rr->ttl = wire_be32(p + 4);
	rr->n = wire_be16(p + 8);
	rr->at = i + RECORD_FIXED;
	if (in.n - rr->at < rr->n)
		return false;
	*at = rr->at + rr->n;
	return true;
}

bool message_next(const struct message *m, struct rr_cursor *c, struct rr *out)
{
	size_t at = c->taken ? c->at : m->records, before = 0;
	unsigned section = DNS_ANSWER;
	struct rr rr;

	while (section <= DNS_ADDITIONAL && c->taken - before >= m->counts[section])
		before += m->counts[section++];
	if (section > DNS_ADDITIONAL || !read_record(m->bytes, &at, &rr))
		return false;
	rr.section = (enum dns_section)section;
	*c = (struct rr_cursor){.at = at, .taken = c->taken + 1};
	*out = rr;
	return true;
}

int message_parse(struct message *out, struct bytes in)
{
	struct message m = {.bytes = in, .records = MESSAGE_HEAD};
	struct rr_cursor c = {0};
	struct rr rr;
	unsigned flags;
	size_t end;

	if (in.n < MESSAGE_HEAD || in.n > MESSAGE_MAX)
		return DNS_E_MESSAGE;
	flags = wire_be16(in.p + 2);
	m.id = wire_be16(in.p);
	m.opcode = flags >> 11 & 0xf;
	m.rcode = flags & 0xf;
	m.is_answer = flags & FLAG_ANSWER;
	m.authoritative = flags & FLAG_AUTHORITATIVE;
	m.truncated = flags & FLAG_TRUNCATED;
	for (unsigned i = 0; i < ARRAY_LEN(m.counts); i++)
		m.counts[i] = wire_be16(in.p + COUNT_AT(i));
	if (m.counts[0] > 1 || (m.counts[0] == 1 && !read_question(&m, &m.records)))
		return DNS_E_MESSAGE;
	while (message_next(&m, &c, &rr))
		;
	end = c.taken ? c.at : m.records;
	if (c.taken != (size_t)m.counts[1] + m.counts[2] + m.counts[3] || end != in.n)
		return DNS_E_MESSAGE;
	*out = m;
	return 0;
}

int message_value(const struct message *m, const struct rr *rr, struct buf *out)
{
	enum rr_type t = wire_type_parse(rr->type);

	if (t == RR_NONE || rr->class != DNS_CLASS_IN)
		return DNS_E_VALUE;
	return rdata_get(out, t, m->bytes, rr->at, rr->n);
}

bool message_answers(const struct message *m, const struct message *request)
{
	if (!m->is_answer || m->id != request->id || m->opcode != request->opcode)
		return false;
	if (m->counts[0] == 0)
		return m->opcode == DNS_OPCODE_UPDATE ||
		       (m->rcode != DNS_NOERROR && m->rcode != DNS_NXDOMAIN);
	return request->counts[0] == 1 && wire_name_eq(&m->name, &request->name) &&
	       m->type == request->type && m->class == request->class;
}

int message_zone(const struct message *m, const struct dns_name *name, struct dns_name *zone)
{
	struct rr_cursor c = {0};
	struct dns_name owner;
	struct rr rr;

	while (message_next(m, &c, &rr) && rr.section != DNS_ADDITIONAL)
		if (rr.type == DNS_TYPE_SOA && rr.class == DNS_CLASS_IN &&
		    wire_name_get(&rr.owner, &owner) == 0 && dns_name_within(name, &owner)) {
			*zone = owner;
			return 0;
		}
	return DNS_E_ABSENT;
}

/* ---- checked ---- */

/* The name at AT, written out and in lower case, is W. */
static bool spelt(struct bytes in, size_t at, const struct wire_name *w)
{
	return bytes_starts(bytes_skip(in, at), wire_name_bytes(w));
}

bool message_is_query(struct bytes in)
{
	struct message m;

	return message_parse(&m, in) == 0 && wire_be16(in.p + 2) == 0 && m.counts[0] == 1 &&
	       m.counts[1] + m.counts[2] + m.counts[3] == 0 && spelt(in, MESSAGE_HEAD, &m.name) &&
	       m.class == DNS_CLASS_IN;
}

/* What stands for a whole set has neither TTL nor rdata; only what is added has a TTL. */
static bool is_ours(const struct rr *rr)
{
	bool added = rr->section == DNS_AUTHORITY && rr->class == DNS_CLASS_IN;
	bool set = rr->class == (rr->section == DNS_ANSWER ? DNS_CLASS_NONE : DNS_CLASS_ANY);

	return wire_type_parse(rr->type) != RR_NONE && (added || rr->ttl == 0) &&
	       (set ? rr->n == 0 : rr->n > 0) &&
	       (set || rr->class == DNS_CLASS_IN ||
		(rr->section == DNS_AUTHORITY && rr->class == DNS_CLASS_NONE));
}

int update_check(struct bytes in, const struct dns_name *owner, struct dns_name *zone)
{
	struct wire_name wanted;
	struct dns_name found;
	struct rr_cursor c = {0};
	struct message m;
	struct rr rr;
	size_t at;

	if (message_parse(&m, in) != 0 || wire_be16(in.p + 2) != UPDATE_FLAGS || m.counts[0] != 1 ||
	    m.counts[DNS_AUTHORITY] == 0 || m.counts[DNS_ADDITIONAL] != 0)
		return DNS_E_MESSAGE;
	if (!spelt(in, MESSAGE_HEAD, &m.name) || m.type != DNS_TYPE_SOA ||
	    m.class != DNS_CLASS_IN || wire_name_get(&m.name, &found) != 0 ||
	    !dns_name_within(owner, &found))
		return DNS_E_MESSAGE;
	wire_name_of(&wanted, owner);
	for (at = m.records; message_next(&m, &c, &rr); at = c.at)
		if (!spelt(in, at, &wanted) || !is_ours(&rr))
			return DNS_E_MESSAGE;
	*zone = found;
	return 0;
}
