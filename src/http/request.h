/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * HTTP/1.1 request heads (RFC 9112), read strictly and without I/O. What two readers could take differently is
 * refused: there is no leniency to smuggle through.
 */
#include "base/buf.h"

#define HTTP_HEAD_MAX	(16 * 1024) /* request line and fields, with the empty line */
#define HTTP_FIELDS_MAX 64
#define HTTP_TARGET_MAX 256
#define HTTP_BODY_MAX	(64 * 1024)

enum http_method { HTTP_GET, HTTP_POST };

enum {
	HTTP_MORE = 1, /* not whole yet: read on */
	HTTP_BAD = 2,  /* refused: answer HEAD->status and close */
};

struct http_head {
	enum http_method method;
	struct bytes target;	    /* borrowed; origin form, "/…", no query */
	struct bytes content_type;  /* borrowed; empty when absent */
	struct bytes authorization; /* borrowed; empty when absent */
	struct bytes request_id;    /* borrowed; empty when absent; its form is not judged */
	bool has_length;
	uint64_t content_length; /* at most HTTP_BODY_MAX */
	bool close;		 /* the client asked to close after this request */
	bool expect_continue;	 /* it waits for "100 Continue" before the body */
	size_t size;		 /* bytes of the head: the body begins here */
	unsigned status;	 /* HTTP_BAD: 400, 405, 411, 413, 414, 415, 417, 431, 501, 505 */
	const char *problem;	 /* HTTP_BAD: one static sentence, no input in it */
};

/*
 * Read one head from the front of IN. SCANNED is how many bytes an earlier call has already seen to hold no
 * end of head (0 at first): it saves scanning them again.
 * Returns 0, HTTP_MORE or HTTP_BAD. Never allocates; OUT's bytes lie in IN.
 */
int http_head_read(struct bytes in, size_t scanned, struct http_head *out) must_check;

/* What a client may call its request: 1 to 64 letters, digits, '.', '_' and '-'. */
#define HTTP_REQUEST_ID_MAX 64
bool http_is_request_id(struct bytes value);
/* Is it application/json, in any case, with no parameter but charset=utf-8? */
bool http_is_json(struct bytes content_type);
