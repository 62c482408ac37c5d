/* SPDX-License-Identifier: ISC */
#include "http/request.h"

#include "base/text.h"
#include "http/chars.h"

/* docs/http-reader.md has the grammar and the reasons. */

#define METHOD_MAX 16 /* the longest that we know has 7 */

/* Fields that count, as bits of those seen. Each may come once. */
enum {
	F_HOST = 1,
	F_LENGTH = 2,
	F_CODING = 4,
	F_TYPE = 8,
	F_AUTHORIZATION = 16,
	F_EXPECT = 32,
	F_CONTENT_CODING = 64,
	F_REQUEST_ID = 128,
};

static int refuse(struct http_head *h, unsigned status, const char *problem)
{
	h->status = status;
	h->problem = problem;
	return HTTP_BAD;
}

/* ---- the request line: left to right, so that a fault is told at its first byte ---- */

static int read_method(struct bytes *rest, struct http_head *h)
{
	static const char *const others[] = {"HEAD",	"PUT",	 "DELETE", "CONNECT",
					     "OPTIONS", "TRACE", "PATCH"};
	struct bytes method;
	size_t n = 0;

	while (n < rest->n && is_tchar(rest->p[n]))
		if (++n > METHOD_MAX)
			return refuse(h, 501, "the method is not known");
	if (n == rest->n)
		return HTTP_MORE;
	if (n == 0 || rest->p[n] != ' ')
		return refuse(h, 400, "the request does not begin with a method and one space");
	method = bytes_of(rest->p, n);
	*rest = bytes_skip(*rest, n + 1);
	if (bytes_is(method, "GET")) {
		h->method = HTTP_GET;
		return 0;
	}
	if (bytes_is(method, "POST")) {
		h->method = HTTP_POST;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (bytes_is(method, others[i]))
			return refuse(h, 405, "the method must be GET or POST");
	return refuse(h, 501, "the method is not known");
}

/* Begins with one slash, has no empty segment but a last one, and neither "." nor "..". */
static bool target_ok(struct bytes target)
{
	struct bytes rest = bytes_skip(target, 1);

	while (rest.n) {
		struct bytes segment = take_until(&rest, '/');
		if (segment.n == 0 || bytes_is(segment, ".") || bytes_is(segment, ".."))
			return false;
	}
	return true;
}

static int read_target(struct bytes *rest, struct http_head *h)
{
	static const char problem[] = "the target is not a plain path";
	size_t n = 0;

	if (rest->n && rest->p[0] != '/')
		return refuse(h, 400, problem);
	while (n < rest->n && (is_alpha(rest->p[n]) || is_digit(rest->p[n]) ||
			       (rest->p[n] && strchr("/-._", rest->p[n]))))
		if (++n > HTTP_TARGET_MAX)
			return refuse(h, 414, "the target is too long");
	if (n == rest->n)
		return HTTP_MORE;
	h->target = bytes_of(rest->p, n);
	if (rest->p[n] != ' ' || !target_ok(h->target))
		return refuse(h, 400, problem);
	*rest = bytes_skip(*rest, n + 1);
	return 0;
}

static int read_version(struct bytes *rest, struct http_head *h)
{
	static const char shape[] = "HTTP/0.0\r\n"; /* 0: any digit */
	size_t len = sizeof(shape) - 1;

	for (size_t i = 0; i < len; i++) {
		if (i == rest->n)
			return HTTP_MORE;
		if (shape[i] == '0' ? !is_digit(rest->p[i]) : rest->p[i] != (unsigned char)shape[i])
			return refuse(h, 400, "the request line does not end in HTTP/1.1 and CRLF");
		if (i == 7 && !bytes_starts(*rest, BYTES("HTTP/1.1")))
			return refuse(h, 505, "only HTTP/1.1 is spoken here");
	}
	*rest = bytes_skip(*rest, len);
	return 0;
}

static int read_request_line(struct bytes *rest, struct http_head *h)
{
	int r = read_method(rest, h);

	if (r == 0)
		r = read_target(rest, h);
	if (r == 0)
		r = read_version(rest, h);
	return r;
}

/* ---- fields ---- */

static bool is_name_char(unsigned char c)
{
	return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

static bool is_ipv6_char(unsigned char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f') || c == ':' ||
	       c == '.';
}

/* A name, IPv4 address or bracketed IPv6 address, and perhaps a port. Nothing depends on which. */
static int read_host(struct bytes value, struct http_head *h)
{
	struct bytes port;
	size_t n = 0;
	bool ok;

	if (value.n && value.p[0] == '[') {
		for (n = 1; n < value.n && is_ipv6_char(value.p[n]); n++)
			;
		ok = n > 1 && n < value.n && value.p[n++] == ']';
	} else {
		while (n < value.n && is_name_char(value.p[n]))
			n++;
		ok = n > 0;
	}
	port = bytes_skip(value, n);
	if (ok && port.n)
		ok = port.p[0] == ':' && port.n <= 6 && all_of(bytes_skip(port, 1), is_digit);
	return ok ? 0 : refuse(h, 400, "Host is not a host with an optional port");
}

static int read_length(struct bytes value, struct http_head *h)
{
	/* A leading zero is in the RFC's grammar, but some readers take it for octal. */
	if (!all_of(value, is_digit) || (value.n > 1 && value.p[0] == '0'))
		return refuse(h, 400, "Content-Length is not one plain number");
	if (text_to_u64(value, HTTP_BODY_MAX, &h->content_length) != 0)
		return refuse(h, 413, "the body is too large");
	h->has_length = true;
	return 0;
}

/* Refused in any case; with which status is known at the end of the head. */
static int read_coding(struct bytes value, struct http_head *h)
{
	return value.n ? 0 : refuse(h, 400, "Transfer-Encoding is empty");
}

static int read_type(struct bytes value, struct http_head *h)
{
	h->content_type = value;
	return 0;
}

static int read_authorization(struct bytes value, struct http_head *h)
{
	h->authorization = value;
	return 0;
}

static int read_request_id(struct bytes value, struct http_head *h)
{
	h->request_id = value;
	return 0;
}

/* A body in another coding is not what its media type says. */
static int read_content_coding(struct bytes value, struct http_head *h)
{
	return bytes_eq_nocase(value, BYTES("identity"))
		       ? 0
		       : refuse(h, 415, "Content-Encoding is not supported");
}

static int read_expect(struct bytes value, struct http_head *h)
{
	if (!bytes_eq_nocase(value, BYTES("100-continue")))
		return refuse(h, 417, "only 100-continue can be expected");
	h->expect_continue = true;
	return 0;
}

/* A list, and the only field here that may come more than once. Options but "close" change nothing. */
static int read_connection(struct bytes value, struct http_head *h)
{
	while (value.n) {
		struct bytes option = trim(take_until(&value, ','), " \t");
		if (option.n && !all_of(option, is_tchar))
			return refuse(h, 400, "Connection is not a list of tokens");
		if (bytes_eq_nocase(option, BYTES("close")))
			h->close = true;
	}
	return 0;
}

static const struct {
	const char *name;
	unsigned bit;
	int (*read)(struct bytes value, struct http_head *h);
} fields[] = {
	{"Host", F_HOST, read_host},
	{"Content-Length", F_LENGTH, read_length},
	{"Transfer-Encoding", F_CODING, read_coding},
	{"Content-Type", F_TYPE, read_type},
	{"Authorization", F_AUTHORIZATION, read_authorization},
	{"Content-Encoding", F_CONTENT_CODING, read_content_coding},
	{"X-Request-Id", F_REQUEST_ID, read_request_id},
	{"Expect", F_EXPECT, read_expect},
	{"Connection", 0, read_connection},
};

/* The same letters in the same order: "Transfer_Encoding" to some reader is "Transfer-Encoding". */
static bool same_letters(struct bytes a, struct bytes b)
{
	size_t i = 0, k = 0;

	for (;;) {
		while (i < a.n && !is_alpha(a.p[i]))
			i++;
		while (k < b.n && !is_alpha(b.p[k]))
			k++;
		if (i == a.n || k == b.n)
			return i == a.n && k == b.n;
		if ((a.p[i++] | 0x20) != (b.p[k++] | 0x20))
			return false;
	}
}

static int read_field(struct bytes line, struct http_head *h, unsigned *seen)
{
	struct bytes value = line, name = take_until(&value, ':');

	if (name.n == line.n || !all_of(name, is_tchar))
		return refuse(h, 400, "a field line is not a name, a colon and a value");
	value = trim(value, " ");
	if (value.n && (value.p[0] == '\t' || value.p[value.n - 1] == '\t'))
		return refuse(h, 400, "a field value begins or ends with a tab");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!bytes_eq_nocase(name, bytes_str(fields[i].name)))
			continue;
		if (*seen & fields[i].bit)
			return refuse(h, 400, "a field came twice that may come only once");
		*seen |= fields[i].bit;
		return fields[i].read(value, h);
	}
	if (same_letters(name, BYTES("Content-Length")) ||
	    same_letters(name, BYTES("Transfer-Encoding")))
		return refuse(h, 400, "a field name resembles one that frames the body");
	return 0;
}

static int judge(struct http_head *h, unsigned seen)
{
	if (!(seen & F_HOST))
		return refuse(h, 400, "Host is missing");
	if ((seen & F_CODING) && (seen & F_LENGTH))
		return refuse(h, 400, "Content-Length and Transfer-Encoding are both there");
	if (seen & F_CODING)
		return refuse(h, 501, "Transfer-Encoding is not supported: send Content-Length");
	if (h->method == HTTP_GET && h->content_length)
		return refuse(h, 400, "GET has no body");
	if (h->method == HTTP_POST && !h->has_length)
		return refuse(h, 411, "Content-Length is missing");
	/* Without a body there is nothing to wait with (RFC 9110 section 10.1.1). */
	h->expect_continue = h->expect_continue && h->content_length;
	return 0;
}

/* What may stand in a field line that may not be whole yet. CR only where LF can follow. */
static int check_bytes(struct bytes line, struct http_head *h)
{
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = line.p[i];
		if ((c < 0x20 || c > 0x7e) && c != '\t' && !(c == '\r' && i + 1 == line.n))
			return refuse(h, 400, "a control or non-ASCII byte is in the head");
	}
	return 0;
}

/* From behind the request line to the empty line. */
static int read_fields(struct bytes *rest, struct http_head *h)
{
	unsigned seen = 0, count = 0;
	int r;

	for (;;) {
		size_t n = bytes_find(*rest, BYTES("\n"));
		struct bytes line = bytes_of(rest->p, n);

		r = check_bytes(line, h);
		if (r != 0)
			return r;
		if (n == rest->n)
			return HTTP_MORE;
		if (n == 0 || line.p[n - 1] != '\r')
			return refuse(h, 400, "a line ends without CR");
		line.n--;
		*rest = bytes_skip(*rest, n + 1);
		if (line.n == 0)
			return judge(h, seen);
		if (++count > HTTP_FIELDS_MAX)
			return refuse(h, 431, "there are too many fields");
		r = read_field(line, h, &seen);
		if (r != 0)
			return r;
	}
}

/*
 * Where no line has ended since the last call, only the new bytes are looked at: a head that comes byte by
 * byte costs one reading a line, not one a byte. A CR that came last is looked at again.
 */
static int read_fresh(struct bytes in, size_t scanned, struct bytes *rest, struct http_head *h)
{
	struct bytes fresh = bytes_skip(in, scanned);
	int r;

	if (bytes_find(fresh, BYTES("\n")) < fresh.n)
		return read_fields(rest, h);
	if (in.p[scanned - 1] == '\r')
		fresh = bytes_skip(in, scanned - 1);
	r = check_bytes(fresh, h);
	return r == 0 ? HTTP_MORE : r;
}

int http_head_read(struct bytes in, size_t scanned, struct http_head *out)
{
	size_t max = in.n < HTTP_HEAD_MAX ? in.n : HTTP_HEAD_MAX;
	struct bytes rest = bytes_of(in.p, max);
	struct http_head h = {0};
	int r = read_request_line(&rest, &h);

	if (r == 0 && scanned > max - rest.n && scanned <= max)
		r = read_fresh(bytes_of(in.p, max), scanned, &rest, &h);
	else if (r == 0)
		r = read_fields(&rest, &h);
	if (r == HTTP_MORE && max == HTTP_HEAD_MAX)
		r = refuse(&h, 431, "the head is too large");
	if (r == HTTP_BAD)
		*out = (struct http_head){.status = h.status, .problem = h.problem};
	if (r != 0)
		return r;
	h.size = max - rest.n;
	*out = h;
	return 0;
}

bool http_is_json(struct bytes content_type)
{
	struct bytes parameter = content_type, type = take_until(&parameter, ';');

	if (!bytes_eq_nocase(trim(type, " \t"), BYTES("application/json")))
		return false;
	return type.n == content_type.n ||
	       bytes_eq_nocase(trim(parameter, " \t"), BYTES("charset=utf-8"));
}

static bool is_request_id_char(unsigned char c)
{
	return is_alpha(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
}

bool http_is_request_id(struct bytes value)
{
	return value.n <= HTTP_REQUEST_ID_MAX && all_of(value, is_request_id_char);
}
