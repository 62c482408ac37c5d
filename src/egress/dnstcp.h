/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * One DNS message to a server over TCP, and one back (RFC 1035 section 4.2.2, RFC 7766), on a
 * connection of its own. Nothing in them is read here.
 *
 * Names are resolved and addresses judged as the HTTPS client does it (egress/client.h), and as for
 * https://: there is no TLS, but what is sent holds no secret, and its signature (sign/tsig.h) is
 * the server's proof. Limits: EGRESS_CONNECT_MS for all of
 * them together, and the whole call until its deadline. The process need not ignore SIGPIPE.
 */
#include "egress/client.h"
#include "egress/resolve.h"

#define DNSTCP_MESSAGE_MIN 12 /* bytes; a header alone */
#define DNSTCP_MESSAGE_MAX 65535

struct dnstcp_call;

/* What all calls of a process share; borrowed until the last one is over. */
struct dnstcp {
	struct loop *loop;
	struct resolver *resolver; /* egress_resolver() */
	const struct address_rules *rules;
};

struct dnstcp_request {
	const char *host; /* a name, or an address without brackets */
	uint16_t port;
	struct bytes message; /* without its length; MIN to MAX bytes */
	int64_t timeout_ms;
};

struct dnstcp_answer {
	/* EGRESS_RESET: broken off, or less than a header; EGRESS_TLS and EGRESS_TOO_LARGE cannot be. */
	enum egress_failure failure;
	bool sent;	      /* some of the request may have reached the server */
	struct bytes message; /* without its length; empty unless EGRESS_OK */
};

typedef void dnstcp_done_fn(void *arg, const struct dnstcp_answer *answer);

/*
 * Start an exchange. HOST and MESSAGE are copied. DONE is called exactly once, never before this
 * has returned; the answer is borrowed for that call and wiped after it; *OUT is gone once DONE
 * begins. 0; -EINVAL when message, host or port cannot be; -errno (DONE is then not called).
 */
int dnstcp_start(const struct dnstcp *d, const struct dnstcp_request *r, dnstcp_done_fn *done,
		 void *arg, struct dnstcp_call **out) must_check;
/* Give up: DONE will not be called. */
void dnstcp_cancel(struct dnstcp_call *c);
