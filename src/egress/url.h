/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * URLs that a customer may give for a self-hosted provider: a small grammar of ours, not RFC
 * 3986's. Pure.
 */
#include "base/buf.h"

#define URL_HOST_MAX 253

struct url {
	bool tls; /* https */
	/* Lower case: a DNS name, an IPv4 address, or an IPv6 address without brackets. */
	char host[URL_HOST_MAX + 1];
	bool is_ip;    /* host is an address */
	uint16_t port; /* the scheme's when absent; never 0 */
	/* Borrowed: "" or "/a/b"; no trailing slash, no query, no dot segments. */
	struct bytes path;
};

/* Append host and, unless it is the scheme's, port, as in a Host header (RFC 9110 section 7.2). */
void url_put_authority(const struct url *u, struct buf *out);

enum { URL_E_BAD = 1 };
/*
 * http[s]://host[:port][/path]; no userinfo, query, fragment or percent-escape; path of
 * [A-Za-z0-9._~-] segments. One trailing slash goes. A name has labels of letters, digits and
 * hyphens, no final dot, and its last label begins with a letter. 0 or URL_E_BAD.
 */
int url_parse(struct bytes text, struct url *out) must_check;
