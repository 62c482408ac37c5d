/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * What the answers to questions about a zone and its records say: those of the zone's own servers, which are asked without recursion, and those of recursive ones, which find them. The
 * messages come from dns/message.h, and from anybody.
 */
#include "dns/message.h"

/* ---- of the zone's own servers ---- */

enum answer_says {
	ANSWER_SHOWS, /* the record is there */
	ANSWER_LACKS, /* it is not */
	ANSWER_REFUSED,
	ANSWER_LAME, /* the server is no authority for the name (RFC 1912 section 2.8), or not now */
};

/*
 * M answers the question for OWNER and T: is a record with the canonical VALUE there? An NS record that delegates stands, without authority, in a referral to itself (RFC 1034 section 4.3.2).
 */
enum answer_says answer_says(const struct message *m, const struct dns_name *owner, enum rr_type t,
			     struct bytes value) must_check;

/* ---- of recursive servers ---- */

/* M is a good answer to the question for NAME and TYPE, though perhaps that there is nothing. */
bool answer_is_of(const struct message *m, const struct dns_name *name, uint16_t type) must_check;
/*
 * The names of ZONE's servers, each once, as many as MAX, in OUT. Returns how many there are; beyond MAX, where none is compared, some may count twice. One that is no name that we accept has the length 0.
 */
size_t answer_servers(const struct message *m, const struct dns_name *zone, struct dns_name *out,
		      size_t max) must_check;
/* The next address of TYPE (DNS_TYPE_A: 4 bytes, DNS_TYPE_AAAA: 16), borrowed: the recursive server has followed CNAMEs already. False at the end. */
bool answer_address(const struct message *m, struct rr_cursor *c, uint16_t type,
		    struct bytes *out) must_check;
/* Where the CNAME at NAME leads. 0, DNS_E_ABSENT: there is none, ANSWER_E_TARGET: to a name that we do not accept. */
enum { ANSWER_E_TARGET = 3 };
int answer_alias(const struct message *m, const struct dns_name *name,
		 struct dns_name *out) must_check;
