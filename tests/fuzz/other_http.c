/* SPDX-License-Identifier: ISC */
#include "other_http.h"

#include <http_parser.h>
#include <stdlib.h>

#define BODY_MAX (64 * 1024)

/* What it reports. Values come in pieces, which lie beside each other but for a fold, and we take none. */
struct heard {
	struct bytes target, name, value;
	bool in_value;
	struct bytes type, authorization;
	bool has_type, has_authorization, has_length, other_connection;
	bool head_ends, ends;
	size_t body;
};

static void join(struct bytes *b, const char *at, size_t n)
{
	if (b->n == 0)
		*b = bytes_of(at, n);
	else if ((const char *)b->p + b->n == at)
		b->n += n;
	else
		abort();
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	join(&((struct heard *)p->data)->target, at, n);
	return 0;
}

static void field_over(struct heard *h)
{
	if (bytes_eq_nocase(h->name, BYTES("Content-Type"))) {
		h->type = h->value;
		h->has_type = true;
	}
	if (bytes_eq_nocase(h->name, BYTES("Authorization"))) {
		h->authorization = h->value;
		h->has_authorization = true;
	}
	if (bytes_eq_nocase(h->name, BYTES("Content-Length")))
		h->has_length = true;
	if (bytes_eq_nocase(h->name, BYTES("Proxy-Connection")) ||
	    (bytes_eq_nocase(h->name, BYTES("Connection")) &&
	     bytes_find(h->value, BYTES("\t")) < h->value.n))
		h->other_connection = true;
	h->name = h->value = bytes_of(NULL, 0);
	h->in_value = false;
}

static int on_name(http_parser *p, const char *at, size_t n)
{
	struct heard *h = p->data;

	if (h->in_value)
		field_over(h);
	join(&h->name, at, n);
	return 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct heard *h = p->data;

	h->in_value = true;
	join(&h->value, at, n);
	return 0;
}

static int on_head_end(http_parser *p)
{
	struct heard *h = p->data;

	field_over(h);
	h->head_ends = true;
	return 0;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	((struct heard *)p->data)->body += n;
	return 0;
}

static int on_end(http_parser *p)
{
	((struct heard *)p->data)->ends = true;
	return 0;
}

/* It leaves blanks behind a value where they are. */
static struct bytes without_blanks(struct bytes b)
{
	while (b.n && b.p[b.n - 1] == ' ')
		b.n--;
	return b;
}

static bool same_head(const http_parser *p, const struct heard *o, const struct http_reading *h)
{
	if (p->method != (h->is_post ? HTTP_POST : HTTP_GET) || p->http_major != 1 ||
	    p->http_minor != 1)
		return false;
	return bytes_eq(o->target, h->target) &&
	       bytes_eq(without_blanks(o->type), h->content_type) &&
	       bytes_eq(without_blanks(o->authorization), h->authorization) &&
	       o->has_length == h->has_length;
}

/*
 * Differences that may be. Proxy-Connection, which is in no RFC, is Connection to it; and of the two blanks that may stand in a list (RFC 9110 section 5.6.1) it knows one. Where the client asks for another protocol it says so and stops behind the message, as if we would answer
 * with 101, which we never do; that is after all that is compared here.
 */
static bool same_end(const http_parser *p, const struct heard *o, const struct http_reading *h)
{
	return o->other_connection || !http_should_keep_alive(p) == h->close;
}

bool other_http_agrees(struct bytes in, const struct http_reading *h)
{
	static const http_parser_settings settings = {
		.on_url = on_url,
		.on_header_field = on_name,
		.on_header_value = on_value,
		.on_headers_complete = on_head_end,
		.on_body = on_body,
		.on_message_complete = on_end,
	};
	static const char body[BODY_MAX];
	size_t n = h->body;
	struct heard o = {.ends = false};
	http_parser p;

	http_parser_init(&p, HTTP_REQUEST);
	p.data = &o;
	if (n > BODY_MAX)
		return false;
	/* All but the last byte, then that. */
	if (http_parser_execute(&p, &settings, (const char *)in.p, h->head - 1) != h->head - 1 ||
	    HTTP_PARSER_ERRNO(&p) != HPE_OK || o.head_ends)
		return false;
	if (http_parser_execute(&p, &settings, (const char *)in.p + h->head - 1, 1) != 1 ||
	    HTTP_PARSER_ERRNO(&p) != HPE_OK || !o.head_ends || !same_head(&p, &o, h))
		return false;
	if (n == 0)
		return o.ends && same_end(&p, &o, h);
	if (o.ends || !same_end(&p, &o, h))
		return false;
	/* No bytes would be the connection's end. */
	if (n > 1 && (http_parser_execute(&p, &settings, body, n - 1) != n - 1 || o.ends))
		return false;
	return http_parser_execute(&p, &settings, body, 1) == 1 && o.ends && o.body == n;
}
