/* SPDX-License-Identifier: ISC */
#include "http/answer.h"

#include "base/text.h"
#include "http/chars.h"

enum state {
	STATUS_LINE,
	FIELDS,
	CHUNK_SIZE,
	CHUNK,
	CHUNK_END,
	TRAILERS,
	COUNTED,
	UNTIL_CLOSE,
	OVER
};

#define BLANKS	     " \t"
#define CHUNK_DIGITS 15 /* far more than an answer may have, and no overflow */

void http_answer_init(struct http_answer *a, bool head)
{
	*a = (struct http_answer){.bodiless = head, .line = BUF_INIT(HTTP_ANSWER_HEAD_MAX)};
}

void http_answer_done(struct http_answer *a)
{
	buf_done(&a->line);
}

/* ---- lines ---- */

/*
 * A line, without its end, off the front of *IN: CRLF, or LF alone (RFC 9112 section 2.2). LINE is borrowed from IN, or from A where it came in pieces. MORE, with all of IN
 * taken, when it has no end yet; FIELD when there is one.
 */
static enum http_answer_event take_line(struct http_answer *a, struct bytes *in, struct bytes *line)
{
	const unsigned char *end = in->n ? memchr(in->p, '\n', in->n) : NULL;
	struct bytes part = bytes_of(in->p, end ? (size_t)(end - in->p) : in->n);

	if (a->line_read) {
		buf_reset(&a->line);
		a->line_read = false;
	}
	if (part.n > HTTP_ANSWER_HEAD_MAX - a->head_bytes)
		return HTTP_ANSWER_TOO_LARGE;
	a->head_bytes += part.n;
	if (!end || a->line.n) {
		buf_put_bytes(&a->line, part);
		if (buf_status(&a->line) < 0)
			return buf_status(&a->line) == -ENOMEM ? HTTP_ANSWER_NO_MEMORY
							       : HTTP_ANSWER_TOO_LARGE;
		part = buf_bytes(&a->line);
	}
	*in = bytes_skip(*in, end ? (size_t)(end - in->p) + 1 : in->n);
	if (!end)
		return HTTP_ANSWER_MORE;
	if (part.n && part.p[part.n - 1] == '\r')
		part.n--;
	a->line_read = a->line.n > 0;
	*line = part;
	return HTTP_ANSWER_FIELD;
}

/* A control character in a line, a bare CR or NUL among them, is where readers differ. */
static bool is_text(struct bytes line)
{
	for (size_t i = 0; i < line.n; i++)
		if ((line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return false;
	return true;
}

/* ---- the head ---- */

/* "HTTP/1.1 200 OK"; the reason, and the blank before it, may be missing. */
static bool read_status(struct http_answer *a, struct bytes line)
{
	uint64_t status;

	if (line.n < 12 || !is_text(line) ||
	    !(bytes_starts(line, BYTES("HTTP/1.1 ")) || bytes_starts(line, BYTES("HTTP/1.0 "))) ||
	    text_to_u64(bytes_of(line.p + 9, 3), 999, &status) != 0 || status < 100 ||
	    (line.n > 12 && line.p[12] != ' '))
		return false;
	a->http_1_0 = line.p[7] == '0';
	a->status = (unsigned)status;
	a->has_length = a->chunked = false;
	a->left = 0;
	a->keep = !a->http_1_0;
	return status != 101; /* nobody asked for another protocol */
}

/* Several that are the same are one (RFC 9110 section 8.6). */
static bool read_length(struct http_answer *a, struct bytes value)
{
	uint64_t n;

	if (!all_of(value, is_digit) || text_to_u64(value, INT64_MAX, &n) != 0 ||
	    (a->has_length && n != a->left))
		return false;
	a->has_length = true;
	a->left = n;
	return true;
}

static void read_connection(struct http_answer *a, struct bytes value)
{
	while (value.n) {
		struct bytes option = trim(take_until(&value, ','), BLANKS);

		if (bytes_eq_nocase(option, BYTES("close")))
			a->keep = false;
	}
}

/* A line that goes on with the one before (obsolete since RFC 7230) is none. */
static bool is_field(struct bytes line, struct bytes *name, struct bytes *value)
{
	size_t colon = bytes_find(line, BYTES(":"));

	*name = bytes_of(line.p, colon);
	*value = trim(bytes_skip(line, colon + 1), BLANKS);
	return colon < line.n && all_of(*name, is_tchar) && is_text(line);
}

/* False: it says what cannot be. */
static bool read_field(struct http_answer *a, struct bytes name, struct bytes value)
{
	if (bytes_eq_nocase(name, BYTES("Content-Length")))
		return read_length(a, value);
	if (bytes_eq_nocase(name, BYTES("Transfer-Encoding"))) {
		/* We asked for no other coding. */
		if (a->chunked || a->http_1_0 || !bytes_eq_nocase(value, BYTES("chunked")))
			return false;
		a->chunked = true;
	}
	if (bytes_eq_nocase(name, BYTES("Connection")))
		read_connection(a, value);
	return true;
}

/* The head has ended: what comes next (RFC 9112 section 6.3). */
static enum state after_head(struct http_answer *a)
{
	if (a->status < 200)
		return STATUS_LINE;
	/* Its sender is wrong about one of them, and may be about where it ends. */
	if (a->chunked && a->has_length)
		a->keep = false;
	if (a->bodiless || a->status == 204 || a->status == 304)
		return OVER;
	if (a->chunked)
		return CHUNK_SIZE;
	if (a->has_length)
		return a->left ? COUNTED : OVER;
	a->keep = false;
	return UNTIL_CLOSE;
}

/* ---- chunks ---- */

/* Hexadecimal digits, then perhaps an extension, which is passed over. */
static bool read_chunk_size(struct http_answer *a, struct bytes line)
{
	size_t n = 0;

	a->left = 0;
	while (n < line.n && text_hex_digit(line.p[n]) >= 0) {
		if (n == CHUNK_DIGITS)
			return false;
		a->left = a->left << 4 | (unsigned)text_hex_digit(line.p[n++]);
	}
	/* Of a chunk only what is beyond its size counts: the end of the line, and extensions. */
	a->head_bytes -= n;
	line = trim(bytes_skip(line, n), BLANKS);
	return n > 0 && is_text(line) && (line.n == 0 || line.p[0] == ';');
}

/* ---- one step ---- */

/* What LINE is here. MORE: nothing that is told; go on. */
static enum http_answer_event read_line(struct http_answer *a, struct bytes line,
					struct bytes *name, struct bytes *value)
{
	switch (a->state) {
	case STATUS_LINE:
		a->state = FIELDS;
		return read_status(a, line) ? HTTP_ANSWER_MORE : HTTP_ANSWER_BAD;
	case FIELDS:
		if (line.n == 0) {
			a->state = after_head(a);
			return HTTP_ANSWER_MORE;
		}
		if (!is_field(line, name, value) || !read_field(a, *name, *value))
			return HTTP_ANSWER_BAD;
		return a->status < 200 ? HTTP_ANSWER_MORE : HTTP_ANSWER_FIELD;
	case CHUNK_SIZE:
		if (!read_chunk_size(a, line))
			return HTTP_ANSWER_BAD;
		a->state = a->left ? CHUNK : TRAILERS;
		return HTTP_ANSWER_MORE;
	case CHUNK_END:
		a->state = CHUNK_SIZE;
		return line.n == 0 ? HTTP_ANSWER_MORE : HTTP_ANSWER_BAD;
	default: /* TRAILERS */
		if (line.n == 0)
			a->state = OVER;
		else if (!is_field(line, name, value))
			return HTTP_ANSWER_BAD;
		return HTTP_ANSWER_MORE;
	}
}

static enum http_answer_event take_body(struct http_answer *a, struct bytes *in,
					struct bytes *value)
{
	size_t n = in->n;

	if (n == 0)
		return HTTP_ANSWER_MORE;
	if (a->state != UNTIL_CLOSE) {
		if (n > a->left)
			n = (size_t)a->left;
		a->left -= n;
		if (a->left == 0)
			a->state = a->state == CHUNK ? CHUNK_END : OVER;
	}
	*value = bytes_of(in->p, n);
	*in = bytes_skip(*in, n);
	return HTTP_ANSWER_BODY;
}

enum http_answer_event http_answer_next(struct http_answer *a, struct bytes *in, struct bytes *name,
					struct bytes *value)
{
	enum http_answer_event e = HTTP_ANSWER_MORE;
	struct bytes line;

	a->began |= in->n > 0;
	while (e == HTTP_ANSWER_MORE) {
		if (a->state == OVER)
			return HTTP_ANSWER_DONE;
		if (a->state == COUNTED || a->state == CHUNK || a->state == UNTIL_CLOSE)
			return take_body(a, in, value);
		e = take_line(a, in, &line);
		if (e != HTTP_ANSWER_FIELD)
			return e;
		e = read_line(a, line, name, value);
	}
	return e;
}

enum http_answer_event http_answer_end(struct http_answer *a)
{
	return a->state == UNTIL_CLOSE ? HTTP_ANSWER_DONE : HTTP_ANSWER_BAD;
}
