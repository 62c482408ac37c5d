/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The courier's HTTPS client: many requests at once on one event loop, connections kept per host. Names are resolved by c-ares once, every address is
 * judged (egress/address.h), and the connection goes to the address that was judged. Nothing of libcurl shows here, so that it can be replaced.
 *
 * Limits (DESIGN section 8): TLS 1.2 or later with full verification, no redirects, no proxy (variables are not read), no compression, no
 * cookies; headers 64 KiB, body 4 MiB; connect 5 s; the whole call until its deadline.
 */
#include "egress/address.h"
#include "egress/url.h"
#include "sys/loop.h"

#define EGRESS_HEADERS_MAX (64 * 1024)
#define EGRESS_BODY_MAX	   (4 * 1024 * 1024)
#define EGRESS_CONNECT_MS  5000

struct egress;
struct egress_call;

struct egress_config {
	struct bytes
		ca_pem; /* the trusted roots, borrowed for the client's life; empty: no HTTPS works */
	const struct address_rules *rules; /* borrowed */
	size_t idle_connections;	   /* kept open at most */
};

struct egress_request {
	const char *method;    /* static */
	const struct url *url; /* scheme, host, port; its path is not used */
	struct bytes target;   /* path and query, finished: "/v2/zones?page=1" */
	struct bytes headers;  /* plist of whole lines "Name: value"; may hold a secret */
	struct bytes body;     /* empty: none */
	int64_t timeout_ms;
	const char *const
		*want_headers; /* up to WANTED names whose values go into the answer; static */
	size_t wanted;
};

enum egress_failure {
	EGRESS_OK,
	EGRESS_RESOLVE, /* no such name, or no answer from DNS */
	EGRESS_REFUSED, /* address not allowed */
	EGRESS_CONNECT, /* refused, unreachable, connect time-out */
	EGRESS_TLS,	/* handshake or certificate */
	EGRESS_TIMEOUT,
	EGRESS_RESET, /* broken off, or not HTTP */
	EGRESS_TOO_LARGE,
	EGRESS_INTERNAL,
};

struct egress_answer {
	enum egress_failure failure;
	bool sent; /* on failure: some of the request may have reached the server */
	unsigned status;
	bool has_retry_after;
	uint32_t retry_after; /* seconds, from seconds or an HTTP date; at most a day */
	struct bytes headers; /* plist of pairs: the wanted ones that came, by the wanted name */
	struct bytes body;
};

typedef void egress_done_fn(void *arg, const struct egress_answer *answer);

int egress_new(struct egress **out, struct loop *loop,
	       const struct egress_config *config) must_check;
void egress_free(struct egress *e);
/*
 * Start a request. Everything in R is copied. DONE is called exactly once, never before egress_start() has returned; the answer's bytes are
 * borrowed for that call and wiped after it. 0 or -errno (DONE is then not called).
 */
int egress_start(struct egress *e, const struct egress_request *r, egress_done_fn *done, void *arg,
		 struct egress_call **out) must_check;
/* Give up: DONE will not be called. */
void egress_cancel(struct egress_call *c);
const char *egress_failure_text(enum egress_failure f); /* a static sentence */
