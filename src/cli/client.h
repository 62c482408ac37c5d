/* SPDX-License-Identifier: ISC */
#pragma once

/* The gateway's API from outside, over HTTP by libcurl: what `postern call` and `postern hook` share. */
#include "base/json.h"

#define CLIENT_ANSWER_MAX (16 * 1024 * 1024)
#define CLIENT_BODY_MAX	  (64 * 1024)
#define CLIENT_JSON_DEPTH 32
#define CLIENT_TIMEOUT_MS 60000 /* longer than any call takes */

/* Where the gateway is, and who calls. Paths are borrowed; NULL: not said. */
struct client {
	struct buf base;	  /* its URL without a final slash */
	struct buf authorization; /* a header line with its NUL; empty: none */
	const char *unix_path;	  /* its Unix socket, in place of the URL's host */
	const char *ca_file;	  /* the authorities that it must be certified by, and no others */
	const char *certificate, *key; /* the caller's own, for TLS */
};

#define CLIENT_INIT ((struct client){.base = BUF_INIT(4096), .authorization = BUF_INIT(8192)})
void client_done(struct client *c);

enum {
	CLIENT_E_URL = 1,	 /* client_url_fault() */
	CLIENT_E_TOKEN = 1,	 /* something that cannot stand in a header */
	CLIENT_E_UNANSWERED = 1, /* no whole answer came; CURL_ERROR says why */
};

/* What is wrong with it; NULL: nothing. The token goes where it says: in the clear to this machine alone. */
const char *client_url_fault(const char *text);
/* 0, CLIENT_E_URL or -ENOMEM. */
int client_set_url(struct client *c, const char *url) must_check;
/* 0, CLIENT_E_TOKEN or -ENOMEM. */
int client_set_token(struct client *c, struct bytes token) must_check;

/* One request and its answer. */
struct client_call {
	const char *endpoint; /* without a slash */
	bool post;
	struct buf body;
	struct buf answer;
	long status;		/* HTTP's */
	int curl_error;		/* libcurl's, 0 for none, */
	const char *curl_words; /* and what it calls that; static */
};

#define CLIENT_CALL_INIT                                                                           \
	((struct client_call){.body = BUF_INIT(CLIENT_BODY_MAX),                                   \
			      .answer = BUF_INIT(CLIENT_ANSWER_MAX)})
void client_call_done(struct client_call *call);

/*
 * Ask once. 0 with STATUS and ANSWER, whatever they are; CLIENT_E_UNANSWERED; -ENOMEM; -ELIBACC or -ELIBBAD as
 * curl_load() has them.
 */
int client_perform(const struct client *c, struct client_call *call, long timeout_ms) must_check;
#define CLIENT_LIBCURL_WORDS "libcurl 7.85 or later, with OpenSSL, is needed for this"

/* Append TEXT, with a question mark for all that is not printable ASCII: what a gateway sent, for a terminal. */
void client_put_printable(struct buf *b, struct bytes text);
/* Append what a problem (RFC 9457) says: "policy_denied: registered_label: … (field record.fqdn)". Printable ASCII. */
void client_put_problem(struct buf *b, const json_t *problem);
