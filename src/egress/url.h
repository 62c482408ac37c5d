/* SPDX-License-Identifier: ISC */
#pragma once

/* URLs that a customer may give for a self-hosted provider: a small grammar of ours, not RFC 3986's. Pure. */
#include "base/buf.h"

#define URL_HOST_MAX 253

struct url {
	bool tls; /* https */
	char host
		[URL_HOST_MAX +
		 1]; /* lower case; a DNS name, an IPv4 address, or an IPv6 address without brackets */
	bool is_ip;    /* host is an address */
	uint16_t port; /* the scheme's when absent; never 0 */
	struct bytes
		path; /* borrowed: "" or "/a/b", no trailing slash, no query, no dot segments */
};

enum { URL_E_BAD = 1 };
/* http[s]://host[:port][/path]; no userinfo, query, fragment or percent-escape; path of [A-Za-z0-9._~-] segments. One trailing slash goes. */
int url_parse(struct bytes text, struct url *out) must_check;
