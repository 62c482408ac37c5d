/* SPDX-License-Identifier: ISC */
#include "dns/answer.h"

/* ---- of the zone's own servers ---- */

/* Is RR one of those that were asked for? */
static bool is_asked(const struct message *m, const struct rr *rr, const struct dns_name *owner,
		     enum rr_type t)
{
	bool referral = t == RR_NS && rr->section == DNS_AUTHORITY;

	return (rr->section == DNS_ANSWER || referral) && rr->type == wire_type(t) &&
	       rr->class == DNS_CLASS_IN && wire_name_is(&rr->owner, owner);
}

enum answer_says answer_says(const struct message *m, const struct dns_name *owner, enum rr_type t,
			     struct bytes value)
{
	struct buf got = BUF_INIT(RECORD_VALUE_MAX);
	struct rr_cursor c = {0};
	bool any = false, shows = false;
	struct rr rr;

	if (m->rcode == DNS_REFUSED)
		return ANSWER_REFUSED;
	if (m->rcode != DNS_NOERROR && m->rcode != DNS_NXDOMAIN)
		return ANSWER_LAME;
	while (!shows && message_next(m, &c, &rr)) {
		if (!is_asked(m, &rr, owner, t))
			continue;
		any = true;
		buf_reset(&got);
		shows = message_value(m, &rr, &got) == 0 && bytes_eq(buf_bytes(&got), value);
	}
	buf_done(&got);
	if (!m->authoritative && !(t == RR_NS && any))
		return ANSWER_LAME;
	return shows ? ANSWER_SHOWS : ANSWER_LACKS;
}

/* ---- of recursive servers ---- */

bool answer_is_of(const struct message *m, const struct dns_name *name, uint16_t type)
{
	return m->is_answer && m->opcode == DNS_OPCODE_QUERY && m->counts[0] == 1 &&
	       m->type == type && m->class == DNS_CLASS_IN && wire_name_is(&m->name, name) &&
	       (m->rcode == DNS_NOERROR || m->rcode == DNS_NXDOMAIN);
}

/* The next record of the answer that has the type; at OWNER, if that is not NULL. */
static bool next_of(const struct message *m, struct rr_cursor *c, const struct dns_name *owner,
		    uint16_t type, struct rr *out)
{
	while (message_next(m, c, out) && out->section == DNS_ANSWER)
		if (out->type == type && out->class == DNS_CLASS_IN &&
		    (!owner || wire_name_is(&out->owner, owner)))
			return true;
	return false;
}

/* The name in RR's rdata; its length is 0 when it is none that we accept. */
static void take_target(const struct message *m, const struct rr *rr, struct dns_name *out)
{
	struct bytes upto = bytes_of(m->bytes.p, rr->at + rr->n);
	size_t at = rr->at;
	struct wire_name w;

	if (wire_name_read(&w, upto, &at) != 0 || at != upto.n || wire_name_get(&w, out) != 0)
		*out = (struct dns_name){.len = 0};
}

static bool is_there(const struct dns_name *list, size_t n, const struct dns_name *name)
{
	while (n--)
		if (bytes_eq(dns_name_text(&list[n]), dns_name_text(name)))
			return true;
	return false;
}

size_t answer_servers(const struct message *m, const struct dns_name *zone, struct dns_name *out,
		      size_t max)
{
	struct rr_cursor c = {0};
	struct dns_name name;
	struct rr rr;
	size_t n = 0;

	while (next_of(m, &c, zone, DNS_TYPE_NS, &rr)) {
		take_target(m, &rr, &name);
		if (is_there(out, n < max ? n : max, &name))
			continue;
		if (n < max)
			out[n] = name;
		n++;
	}
	return n;
}

bool answer_address(const struct message *m, struct rr_cursor *c, uint16_t type, struct bytes *out)
{
	size_t n = type == DNS_TYPE_A ? 4 : 16;
	struct rr rr;

	while (next_of(m, c, NULL, type, &rr))
		if (rr.n == n) {
			*out = bytes_of(m->bytes.p + rr.at, n);
			return true;
		}
	return false;
}

int answer_alias(const struct message *m, const struct dns_name *name, struct dns_name *out)
{
	struct rr_cursor c = {0};
	struct dns_name target;
	struct rr rr;

	if (!next_of(m, &c, name, DNS_TYPE_CNAME, &rr))
		return DNS_E_ABSENT;
	take_target(m, &rr, &target);
	if (!target.len)
		return ANSWER_E_TARGET;
	*out = target;
	return 0;
}
