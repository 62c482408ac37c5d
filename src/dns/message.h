/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Whole DNS messages, as they go over TCP but without its two bytes of length: questions (RFC 1035)
 * and dynamic updates (RFC 2136) are written, their answers read, and an update that somebody else
 * wrote is checked. Signatures are sign/tsig.h's.
 */
#include "dns/wire.h"

#define MESSAGE_HEAD WIRE_HEAD
#define MESSAGE_MAX  65535 /* what two bytes of length can say */

enum { DNS_OPCODE_QUERY = 0, DNS_OPCODE_UPDATE = 5 };

/* RFC 1035 section 4.1.1, RFC 2136 section 2.2 */
enum dns_rcode {
	DNS_NOERROR,
	DNS_FORMERR,
	DNS_SERVFAIL,
	DNS_NXDOMAIN,
	DNS_NOTIMP,
	DNS_REFUSED,
	DNS_YXDOMAIN,
	DNS_YXRRSET, /* a set that had to be absent is there */
	DNS_NXRRSET, /* a set that had to be there is not, or is another */
	DNS_NOTAUTH, /* not this server's zone; or the signature (sign/tsig.h tells) */
	DNS_NOTZONE,
};

/*
 * Sections, by their numbers in the header; in an update they are prerequisites, updates,
 * additional.
 */
enum dns_section { DNS_ANSWER = 1, DNS_AUTHORITY, DNS_ADDITIONAL };

enum {
	DNS_E_MESSAGE = 1, /* broken; or not what it should be */
	DNS_E_ABSENT,	   /* nothing of the kind in it */
};

/* ---- written ---- */

/*
 * Append the question for NAME and TYPE (enum dns_type), class IN, no recursion wanted, to OUT,
 * which is empty. 0 or OUT's failure.
 */
int message_put_query(struct buf *out, uint16_t id, const struct dns_name *name,
		      uint16_t type) must_check;

/*
 * Begin an update of ZONE in OUT, which is empty. The functions below then add to it, prerequisites
 * first; each returns 0, DNS_E_VALUE when VALUE is not canonical, -EINVAL when a prerequisite comes
 * late or the buffer holds no update, or OUT's failure. After one that is not 0 OUT is spoiled. A
 * server does all of it or nothing (RFC 2136 section 3.7).
 */
int update_begin(struct buf *out, uint16_t id, const struct dns_name *zone) must_check;
/* The set must not be there (RFC 2136 section 2.4.3); else YXRRSET. */
int update_require_absent(struct buf *out, const struct dns_name *owner, enum rr_type t) must_check;
/*
 * VALUE must be one of the set's records; those of one set that are required must be all of it
 * (section 2.4.2; else NXRRSET). The server compares rdata: a TXT that is cut into strings in
 * another way than rdata_put()'s is another one.
 */
int update_require_value(struct buf *out, const struct dns_name *owner, enum rr_type t,
			 struct bytes value) must_check;
/*
 * TTL in seconds; it becomes that of the whole set. A record that is there already stays as it is;
 * nothing happens when a CNAME is in its way, or it in others' (section 3.4.2.2).
 */
int update_add(struct buf *out, const struct dns_name *owner, enum rr_type t, uint32_t ttl,
	       struct bytes value) must_check;
/* Nothing happens when there is no such record. The server compares rdata, as above. */
int update_delete(struct buf *out, const struct dns_name *owner, enum rr_type t,
		  struct bytes value) must_check;
/* The same for a TXT or CAA record by its very rdata, as an answer had it (rr.at, rr.n). */
int update_delete_rdata(struct buf *out, const struct dns_name *owner, enum rr_type t,
			struct bytes rdata) must_check;
int update_delete_set(struct buf *out, const struct dns_name *owner, enum rr_type t) must_check;

/* ---- read ---- */

struct message {
	struct bytes bytes; /* borrowed: all of it */
	uint16_t id;
	uint8_t opcode;
	uint8_t rcode; /* enum dns_rcode, or what else fits four bits */
	bool is_answer, authoritative, truncated;
	uint16_t counts[4]; /* questions, then of each section */
	/* The question, or an update's zone; when counts[0] is 1. */
	struct wire_name name;
	uint16_t type, class;
	size_t records; /* where the sections begin */
};

/* A record of a message. */
struct rr {
	enum dns_section section;
	struct wire_name owner;
	uint16_t type, class;
	uint32_t ttl; /* seconds */
	size_t at, n; /* where in the message its rdata is, and its length */
};

/* How far the reading has come; {0} is the beginning. */
struct rr_cursor {
	size_t at, taken;
};

/*
 * Take a message apart. All of it is walked: at most one question, as many records as the header
 * says, and not a byte more. OUT borrows IN. 0 or DNS_E_MESSAGE.
 */
int message_parse(struct message *out, struct bytes in) must_check;
/* The next record of whichever section; false at the end. M comes from message_parse(). */
bool message_next(const struct message *m, struct rr_cursor *c, struct rr *out) must_check;
/*
 * Append the record's value, which borrows nothing. Returns 0, DNS_E_VALUE when it is none of our
 * types or values, or OUT's failure.
 */
int message_value(const struct message *m, const struct rr *rr, struct buf *out) must_check;

/*
 * M is an answer to REQUEST: its id, its opcode, and its question. That may be left out in an
 * answer to an update (RFC 2136 section 3.8) and in an error.
 */
bool message_answers(const struct message *m, const struct message *request) must_check;
/*
 * The owner of the first SOA record of answer or authority that is NAME or above it: its zone, as
 * this server has it. Returns 0 or DNS_E_ABSENT. Whether the server is an authority for it is in
 * m->authoritative.
 */
int message_zone(const struct message *m, const struct dns_name *name,
		 struct dns_name *zone) must_check;

/* ---- checked ---- */

/* IN is a question and nothing else: no server changes anything for it. */
bool message_is_query(struct bytes in) must_check;
/*
 * IN is an update, unsigned, as the functions above write it: nothing in it is compressed but names
 * in rdata, its prerequisites and updates are of our types, at least one update among them, all of
 * them at OWNER. The class says what is done to the set or record (RFC 2136 section 2.5), and *ZONE
 * is the zone, in which OWNER lies. 0 or DNS_E_MESSAGE.
 */
int update_check(struct bytes in, const struct dns_name *owner, struct dns_name *zone) must_check;
