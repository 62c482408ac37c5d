/* SPDX-License-Identifier: ISC */
/* The bytes of a request (RFC 9112). */
#include "egress/internal.h"

#include "http/chars.h"

#include <stdio.h>

#define HEAD_ROOM    (64 * 1024)
#define HEAD_TYPICAL 256

/* Of all that HTTP lets stand in a name, what is used. */
static bool is_name_char(unsigned char c)
{
	return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
}

/*
 * A line that a caller may add. Not those that frame the message, and not Host: with another one, a
 * server shared by many, such as a CDN, would hand the credential to somebody else's site.
 */
static bool may_add(struct bytes line)
{
	static const char *const ours[] = {
		"Connection", "Content-Length", "Expect",  "Host",	 "Keep-Alive",
		"TE",	      "Trailer",	"Upgrade", "User-Agent", "Transfer-Encoding"};
	struct bytes name = bytes_of(line.p, bytes_find(line, BYTES(":")));

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (bytes_eq_nocase(name, bytes_str(ours[i])))
			return false;
	return name.n < line.n && all_of(name, is_name_char) && bytes_printable(line);
}

bool request_host_ok(const struct url *u)
{
	char room[URL_HOST_MAX + 32];
	struct url again;

	snprintf(room, sizeof(room), strchr(u->host, ':') ? "http://[%s]" : "http://%s", u->host);
	return u->port && url_parse(bytes_str(room), &again) == 0 && again.path.n == 0 &&
	       again.is_ip == u->is_ip && strcmp(again.host, u->host) == 0;
}

static bool target_ok(struct bytes target)
{
	return bytes_starts(target, BYTES("/")) && bytes_printable(target) &&
	       !memchr(target.p, ' ', target.n);
}

/* The next line of *LINES, taken off it; empty at the head's end. */
static struct bytes next_line(struct bytes *lines)
{
	struct bytes line = bytes_of(lines->p, bytes_find(*lines, BYTES("\r\n")));

	*lines = bytes_skip(*lines, line.n + 2);
	return line;
}

void request_split(struct buf *request, struct request_parts *out)
{
	struct bytes rest = buf_bytes(request), line = next_line(&rest), name, value;

	out->method = bytes_of(line.p, bytes_find(line, BYTES(" ")));
	line = bytes_skip(line, out->method.n + 1);
	out->target = bytes_of(line.p, bytes_find(line, BYTES(" ")));
	line = next_line(&rest);
	out->authority = bytes_skip(line, sizeof("Host: ") - 1);
	out->lines = rest;
	while (request_next(out, &name, &value))
		for (unsigned char *p = request->p + (name.p - request->p); p < name.p + name.n;
		     p++)
			*p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
	out->body = out->lines;
	out->lines = bytes_of(rest.p, rest.n - out->body.n);
}

bool request_next(struct request_parts *p, struct bytes *name, struct bytes *value)
{
	struct bytes line = next_line(&p->lines);

	*name = bytes_of(line.p, bytes_find(line, BYTES(":")));
	*value = bytes_skip(line, name->n + 1);
	while (value->n && value->p[0] == ' ')
		*value = bytes_skip(*value, 1);
	while (value->n && value->p[value->n - 1] == ' ')
		value->n--;
	return line.n > 0;
}

int request_put(struct buf *out, const struct egress_request *r)
{
	struct bytes list = r->headers, line;

	if (!target_ok(r->target))
		return -EINVAL;
	buf_init(out, HEAD_ROOM + r->headers.n + r->target.n + r->body.n);
	buf_reserve(out, HEAD_TYPICAL + r->headers.n + r->target.n + r->body.n);
	buf_puts(out, r->method);
	buf_putc(out, ' ');
	buf_put_bytes(out, r->target);
	buf_puts(out, " HTTP/1.1\r\nHost: ");
	url_put_authority(r->url, out);
	buf_puts(out, "\r\nUser-Agent: postern/" POSTERN_VERSION "\r\n");
	while (plist_next(&list, &line)) {
		if (!may_add(line))
			return -EINVAL;
		buf_put_bytes(out, line);
		buf_puts(out, "\r\n");
	}
	/*
	 * POST, PUT and PATCH have a body, if an empty one: then too its length is said (RFC 9110
	 * section 8.6).
	 */
	if (r->body.n || r->method[0] == 'P') {
		buf_puts(out, "Content-Length: ");
		buf_put_decimal(out, r->body.n);
		buf_puts(out, "\r\n");
	}
	buf_puts(out, "\r\n");
	buf_put_bytes(out, r->body);
	return list.n ? -EINVAL : buf_status(out) < 0 ? -ENOMEM : 0;
}
