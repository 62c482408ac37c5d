/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * One question to one DNS server, by its address: over UDP, then over TCP where the answer was cut (RFC 7766 section 5) or none came. No recursion is asked for. What counts as an answer comes from that
 * address and port, has the id and the question (message_answers()), can be read to its last byte, and over UDP has 4096 bytes at most; all else is passed over. Ids are random, ports the kernel's choice, for each question anew.
 *
 * Addresses are judged as the HTTPS client's are (egress/address.h), before anything is sent.
 */
#include "dns/message.h"
#include "egress/dnstcp.h"

#define DNSASK_MS	5000 /* for one question, from its turn on */
#define DNSASK_AGAIN_MS 1000 /* then it is sent once more, */
#define DNSASK_TCP_MS	2000 /* and then over TCP */

struct asking;

/* What all questions of a process share. */
struct dnsask {
	struct dnstcp tcp;
	uint16_t port;	     /* of all servers */
	size_t at_once, max; /* questions that have a socket; further ones wait for their turn */
	struct asking *first, **last; /* these */
	struct loop_timer turn;
};

enum dnsask_end {
	DNSASK_ANSWERED,
	DNSASK_SILENT,	  /* nothing came that is an answer; or there is no way there */
	DNSASK_FORBIDDEN, /* the address is not allowed, or this machine's own */
};

/* M is the answer, borrowed for the call; NULL unless DNSASK_ANSWERED. */
typedef void dnsask_fn(void *arg, enum dnsask_end end, const struct message *m);

/* LOOP, RESOLVER and RULES are borrowed. */
void dnsask_init(struct dnsask *d, struct loop *loop, struct resolver *resolver,
		 const struct address_rules *rules, size_t max);
/*
 * Ask IP for the records of NAME and TYPE (enum dns_type). FN is called once, never before this has returned; *OUT is gone once it begins. 0 or -errno (FN is then not called).
 */
int dnsask_start(struct dnsask *d, const struct ip *ip, const struct dns_name *name, uint16_t type,
		 dnsask_fn *fn, void *arg, struct asking **out) must_check;
/* FN will not be called. */
void dnsask_cancel(struct asking *a);
