/* SPDX-License-Identifier: ISC */
#pragma once

/* Inside the client: the structs, and one request as libcurl sees it. Nobody else includes this. */
#include "egress/client.h"
#include "egress/curl.h"
#include "egress/resolve.h"

struct egress_socket;

struct egress {
	const struct curl *curl;
	struct loop *loop;
	const struct address_rules *rules;
	struct resolver *resolver;
	X509_STORE *roots;
	CURLM *multi;
	struct loop_timer timer; /* libcurl's */
	struct egress_call *calls;
	struct egress_socket *sockets;
	size_t large; /* bytes of all their answers, but for the first EGRESS_SMALL of each */
};

struct egress_call {
	struct egress *egress;
	struct egress_call *next, **at; /* *at points here */
	egress_done_fn *done;
	void *arg;
	struct resolve *resolve;    /* until the addresses are there */
	struct loop_timer deadline; /* of all, names included */

	/* What is sent. libcurl reads these where they are. */
	struct url url;
	const char *method;
	struct buf body;
	struct curl_slist *headers;
	struct curl_slist *addresses; /* one entry for CURLOPT_RESOLVE */
	CURL *easy;

	/* What came. */
	const char *const *want_headers;
	size_t wanted;
	bool sent;		     /* as in the answer */
	bool opened;		     /* a connection of its own */
	bool anew;		     /* on_send() wants a new connection */
	enum egress_failure stopped; /* why a callback ended the transfer */
	bool in_headers;	     /* not in trailers */
	size_t header_bytes;
	bool has_retry_after;
	uint32_t retry_after;
	struct buf got_headers, got_body;
};

/* ---- sockets.c: libcurl does not say which socket a request is about to use ---- */

struct endpoints {
	struct ip self, peer;
	uint16_t self_port, peer_port;
};

/* A new socket, non-blocking, or -1. */
int socket_open(struct egress *e, const struct curl_sockaddr *a) must_check;
void socket_close(struct egress *e, int fd);
/* The one that is connected so; -1: none. */
int socket_find(struct egress *e, const struct endpoints *ends) must_check;

/* ---- request.c: what is sent ---- */

/*
 * Copy R into C, whose EGRESS is set, and make its easy handle. 0; -EINVAL when it is malformed;
 * -ENOMEM; -EIO.
 */
int request_init(struct egress_call *c, const struct egress_request *r) must_check;
/* Wipes all. Fine after a failed request_init(). */
void request_done(struct egress_call *c);
/* The addresses to connect to, N of them, not 0. 0 or -ENOMEM. */
int request_set_addresses(struct egress_call *c, const struct ip *ips, size_t n) must_check;

/* ---- transfer.c: what is asked and what comes ---- */

/* Sets the callbacks. 0 or -EIO. */
int transfer_init(struct egress_call *c) must_check;
void transfer_done(struct egress_call *c);
enum egress_failure transfer_failure(const struct egress_call *c, CURLcode code);
/* The answer, borrowed from C. */
void transfer_answer(const struct egress_call *c, enum egress_failure f, struct egress_answer *out);
