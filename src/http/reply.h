/* SPDX-License-Identifier: ISC */
#pragma once

/* HTTP/1.1 replies, appended to a buffer. Failures are the buffer's (buf_status). */
#include "base/buf.h"
#include "base/code.h"

struct http_reply {
	unsigned status;
	const char *content_type; /* static text; NULL for none */
	struct bytes body;
	struct bytes request_id; /* http_is_request_id(), or empty: left out */
	bool close;		 /* say that the connection ends with this reply */
	const char
		*authenticate; /* static text: how to say who one is; a 401 must; NULL for none */
	const char *allow;     /* static text: the methods that would do; NULL for none */
	uint32_t retry_after;  /* seconds; 0 for none */
};

/* RFC 9457. The strings but REQUEST_ID are written as JSON strings only: any bytes may stand in them. */
struct http_problem {
	enum code code;
	unsigned status;		 /* 0: the code's own; framing faults carry theirs */
	struct bytes detail;		 /* one sentence */
	struct bytes request_id;	 /* http_is_request_id(), or empty */
	struct bytes field;		 /* left out when empty */
	uint32_t retry_after;		 /* seconds; left out when 0 */
	struct bytes integration_handle; /* a newer one; left out when empty */
	const char *allow;		 /* static text; NULL with a 405 means "GET, POST" */
	const char *authenticate;	 /* static text, for a 401; NULL means "Bearer" */
	bool close;
};

/* Status line, fields, empty line, body. There is no Date: this layer knows no clock. */
void http_reply_put(struct buf *out, const struct http_reply *r);
/* The same with application/problem+json, and a 401 says how to authenticate. */
void http_problem_put(struct buf *out, const struct http_problem *p);
