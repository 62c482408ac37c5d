/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * HTTP/1.1 answers (RFC 9112), read as they come, strictly and without I/O: what two readers could take differently is no answer. One reader reads one answer; the interim
 * ones (1xx) before it are passed over.
 */
#include "base/buf.h"

#define HTTP_ANSWER_HEAD_MAX                                                                       \
	(64 * 1024) /* all heads, trailers and chunk extensions of an answer together */

enum http_answer_event {
	HTTP_ANSWER_MORE,  /* all was read, and it is not over */
	HTTP_ANSWER_FIELD, /* of the final answer's head: NAME and VALUE */
	HTTP_ANSWER_BODY,  /* VALUE is the next piece of the body */
	HTTP_ANSWER_DONE,
	HTTP_ANSWER_BAD,       /* not HTTP, or not one answer */
	HTTP_ANSWER_TOO_LARGE, /* beyond HTTP_ANSWER_HEAD_MAX */
	HTTP_ANSWER_NO_MEMORY,
};

struct http_answer {
	unsigned status; /* 200 to 999 from the first field on; 0 before */
	/* Once DONE: the connection may be used again. It is in step: what came behind the answer is left in IN, and is nobody's. */
	bool keep;
	bool began; /* a byte was read */

	/* The reader's own. */
	int state;
	bool bodiless; /* whatever the head says: the answer to HEAD */
	bool http_1_0, has_length, chunked;
	uint64_t left;	   /* of the body, or of the chunk */
	size_t head_bytes; /* counted against HTTP_ANSWER_HEAD_MAX */
	struct buf line;   /* one that came in pieces */
	bool line_read;	   /* and was given out */
};

/* HEAD: it answers that method. */
void http_answer_init(struct http_answer *a, bool head);
/* Wipes what it holds. */
void http_answer_done(struct http_answer *a);
/*
 * Take the next off the front of *IN. NAME and VALUE (blanks around it gone) are borrowed from IN, or from A until the next call. Fields of interim answers and trailers are
 * not told. Not after DONE or a failure.
 */
enum http_answer_event http_answer_next(struct http_answer *a, struct bytes *in, struct bytes *name,
					struct bytes *value) must_check;
/* The connection ended, in order, and all that came was read: DONE for a body that ends so, else BAD. */
enum http_answer_event http_answer_end(struct http_answer *a) must_check;
