/* SPDX-License-Identifier: ISC */
#include "egress/url.h"

#include "base/text.h"
#include "egress/address.h"

#include <arpa/inet.h>

#define LABEL_MAX 63

static bool is_lower(unsigned char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* Take PREFIX off the front of *TEXT, when it is there. */
static bool skip(struct bytes *text, struct bytes prefix)
{
	if (!bytes_starts(*text, prefix))
		return false;
	*text = bytes_skip(*text, prefix.n);
	return true;
}

/*
 * A DNS name, lower case already. The last label begins with a letter: what begins with a digit
 * there, others (libcurl among them) may take for an IPv4 address in decimal, octal or hex.
 */
static bool is_host_name(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, ".");

		if (n == 0 || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
			return false;
		for (size_t i = 0; i < n; i++)
			if (!is_lower((unsigned char)s[i]) && !is_digit((unsigned char)s[i]) &&
			    s[i] != '-')
				return false;
		if (s[n] == 0)
			return is_lower((unsigned char)s[0]);
		s += n + 1;
	}
}

static int parse_host(struct bytes text, struct url *out)
{
	bool bracketed = text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']';
	struct ip ip;

	if (bracketed)
		text = bytes_of(text.p + 1, text.n - 2);
	if (bytes_to_str(text, out->host, sizeof(out->host)) < 0)
		return URL_E_BAD;
	for (char *s = out->host; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	out->is_ip = ip_parse(text, &ip) == 0;
	if (!out->is_ip)
		return !bracketed && is_host_name(out->host) ? 0 : URL_E_BAD;
	if (bracketed != (ip.family == 6))
		return URL_E_BAD;
	/* IPv6 has many spellings; the one of RFC 5952 is kept. */
	inet_ntop(ip.family == 6 ? AF_INET6 : AF_INET, ip.a, out->host, sizeof(out->host));
	return 0;
}

/* host[:port] */
static int parse_authority(struct bytes text, struct url *out)
{
	size_t end = bytes_find(text, BYTES("]"));
	struct bytes rest;
	uint64_t port = out->tls ? 443 : 80;

	/* Colons inside the brackets are the address's. */
	end = end < text.n ? end + 1 : bytes_find(text, BYTES(":"));
	rest = bytes_skip(text, end);
	if (rest.n &&
	    (!skip(&rest, BYTES(":")) || text_to_u64(rest, UINT16_MAX, &port) != 0 || port == 0))
		return URL_E_BAD;
	out->port = (uint16_t)port;
	return parse_host(bytes_of(text.p, end), out);
}

static bool is_path_char(unsigned char c)
{
	return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
	       c == '~' || c == '-';
}

/* "" or segments, each with its slash before it. */
static bool is_path(struct bytes path)
{
	while (path.n) {
		size_t n = 1;

		while (n < path.n && is_path_char(path.p[n]))
			n++;
		if (path.p[0] != '/' || n == 1 || bytes_is(bytes_of(path.p, n), "/.") ||
		    bytes_is(bytes_of(path.p, n), "/.."))
			return false;
		path = bytes_skip(path, n);
	}
	return true;
}

int url_parse(struct bytes text, struct url *out)
{
	struct url url = {.tls = skip(&text, BYTES("https://"))};
	size_t slash;

	if (!url.tls && !skip(&text, BYTES("http://")))
		return URL_E_BAD;
	slash = bytes_find(text, BYTES("/"));
	if (parse_authority(bytes_of(text.p, slash), &url) != 0)
		return URL_E_BAD;
	url.path = bytes_skip(text, slash);
	if (url.path.n && url.path.p[url.path.n - 1] == '/')
		url.path.n--;
	if (!is_path(url.path))
		return URL_E_BAD;
	*out = url;
	return 0;
}

void url_put_authority(const struct url *u, struct buf *out)
{
	bool v6 = strchr(u->host, ':') != NULL;

	buf_puts(out, v6 ? "[" : "");
	buf_puts(out, u->host);
	buf_puts(out, v6 ? "]" : "");
	if (u->port != (u->tls ? 443 : 80)) {
		buf_putc(out, ':');
		buf_put_decimal(out, u->port);
	}
}
