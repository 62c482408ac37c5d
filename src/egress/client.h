/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The courier's HTTPS client: many requests at once on one event loop, connections kept per host.
 * Names are resolved by c-ares once, every address is judged (egress/address.h), and the connection
 * goes to the address that was judged.
 *
 * Limits: TLS 1.2 or later with full verification, no redirects, no proxy
 * (variables are not read), no compression, no cookies; headers 64 KiB, body 4 MiB; connect 5 s;
 * the whole call until its deadline.
 *
 * HTTP/1.1, or HTTP/2 where that is asked for, libnghttp2 is there, and the server agrees (ALPN): then up to 256 calls, or as many as the server
 * says, share a connection. One on which no call was answered while another had its time gets no more of them.
 *
 * A kept connection on which the server spoke or hung up before it was asked is not used: what it
 * said would be taken for the answer. Where one turns out to be dead before a byte of the answer
 * came, GET and HEAD are sent once more, on a new one; anything else, which the server may have
 * done already, is sent once only and ends as EGRESS_RESET. By HTTP/2 a server says of what it has
 * not looked at that this is so; that is sent anew, sixteen times at most.
 */
#include "egress/address.h"
#include "egress/url.h"
#include "sys/loop.h"

#define EGRESS_HEADERS_MAX (64 * 1024)
#define EGRESS_BODY_MAX	   (4 * 1024 * 1024)
#define EGRESS_CONNECT_MS  5000
/* Of all answers together, what is beyond the first SMALL bytes of each; more is not held at once. */
#define EGRESS_SMALL	 (64 * 1024)
#define EGRESS_LARGE_MAX (64 * 1024 * 1024)

struct egress;
struct egress_call;
struct resolver;

struct egress_config {
	/* The trusted roots, borrowed until egress_new() returns; empty: no HTTPS works. */
	struct bytes ca_pem;
	const struct address_rules *rules; /* borrowed */
	size_t idle_connections;	   /* kept open at most; not 0 */
	bool http2;			   /* offer it */
};

struct egress_request {
	const char *method;    /* static */
	const struct url *url; /* scheme, host, port; its path is not used */
	struct bytes target;   /* path and query, finished: "/v2/zones?page=1" */
	/*
	 * plist of whole lines "Name: value"; may hold a secret. Those that frame or route the
	 * request (Host, Content-Length, Transfer-Encoding, Connection…) are the client's own and
	 * refused.
	 */
	struct bytes headers;
	struct bytes body; /* empty: none */
	int64_t timeout_ms;
	/* WANTED names whose values go into the answer; static. */
	const char *const *want_headers;
	size_t wanted;
};

enum egress_failure {
	EGRESS_OK,
	EGRESS_RESOLVE, /* no such name, or no answer from DNS */
	EGRESS_REFUSED, /* address not allowed, or this machine's own */
	EGRESS_CONNECT, /* refused, unreachable, connect time-out */
	EGRESS_TLS,	/* handshake or certificate */
	EGRESS_TIMEOUT,
	EGRESS_RESET, /* broken off, or not HTTP */
	EGRESS_TOO_LARGE,
	EGRESS_BUSY, /* too many large answers at once */
	EGRESS_INTERNAL,
};

struct egress_answer {
	enum egress_failure failure;
	bool sent; /* some of the request may have reached the server */
	unsigned status;
	bool has_retry_after;
	uint32_t retry_after; /* seconds, from seconds or an HTTP date; at most a day */
	/* Lent until DONE returns, and wiped then. DONE may overwrite what is in them, but not make them longer or shorter. Empty when it failed. */
	struct buf *headers; /* plist of pairs: the wanted ones that came, by the wanted name */
	struct buf *body;
};

typedef void egress_done_fn(void *arg, const struct egress_answer *answer);

/*
 * Opens OpenSSL, reads resolv.conf and OpenSSL's own files. 0; -EINVAL when CA_PEM has no
 * certificate or a broken one; openssl_load()'s errors; -errno.
 */
int egress_new(struct egress **out, struct loop *loop,
	       const struct egress_config *config) must_check;
/* Calls in flight end without DONE. Not from inside a DONE. */
void egress_free(struct egress *e);
/* HTTP/2 was asked for, and can be offered. */
bool egress_has_http2(const struct egress *e);
/* The resolver, for others who connect (egress/dnstcp.h). Borrowed; what they ask it must be over before egress_free(). */
struct resolver *egress_resolver(struct egress *e);
/*
 * Start a request. Everything in R is copied. DONE is called exactly once, never before
 * egress_start() has returned; *OUT is gone once DONE begins. 0; -EINVAL when the request is malformed;
 * -errno (DONE is then not called).
 */
int egress_start(struct egress *e, const struct egress_request *r, egress_done_fn *done, void *arg,
		 struct egress_call **out) must_check;
/* Give up: DONE will not be called. */
void egress_cancel(struct egress_call *c);
const char *egress_failure_text(enum egress_failure f); /* a static sentence */
