/* SPDX-License-Identifier: ISC */
/* One request as libcurl gets it: the handle with all its options. */
#include "egress/transfer.h"

#include <arpa/inet.h>

/* The smallest that serve: a thousand calls may wait at once. */
#define READ_BUFFER   4096
#define UPLOAD_BUFFER 16384

/* ---- what may be sent ---- */

static bool is_token(struct bytes name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char ch = name.p[i];
		if (!(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z') &&
		    !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_')
			return false;
	}
	return name.n > 0;
}

/*
 * A line that a caller may add. Not those that frame the message, and not Host: with another one, a
 * server shared by many, such as a CDN, would hand the credential to somebody else's site.
 */
static bool may_add(struct bytes line, struct bytes *name)
{
	static const char *const ours[] = {
		"Connection", "Content-Length", "Expect",  "Host",	 "Keep-Alive",
		"TE",	      "Trailer",	"Upgrade", "User-Agent", "Transfer-Encoding"};

	*name = bytes_of(line.p, bytes_find(line, BYTES(":")));
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (bytes_eq_nocase(*name, bytes_str(ours[i])))
			return false;
	return name->n < line.n && is_token(*name) && bytes_printable(line);
}

static int add_header(struct egress_call *c, struct bytes line)
{
	const struct curl *curl = c->egress->curl;
	struct buf text = BUF_INIT(line.n + 1);
	struct curl_slist *list = NULL;

	buf_put_bytes(&text, line);
	buf_putc(&text, 0);
	if (buf_status(&text) == 0)
		list = curl->slist_append(c->headers, (const char *)text.p);
	buf_done(&text);
	if (!list)
		return -ENOMEM;
	c->headers = list;
	return 0;
}

static int add_headers(struct egress_call *c, struct bytes list)
{
	bool has_type = false;
	struct bytes line, name;
	int r;

	while (plist_next(&list, &line)) {
		if (!may_add(line, &name))
			return -EINVAL;
		has_type |= bytes_eq_nocase(name, BYTES("Content-Type"));
		r = add_header(c, line);
		if (r < 0)
			return r;
	}
	if (list.n)
		return -EINVAL;
	/* A name alone: libcurl does not send its own. */
	r = add_header(c, BYTES("Expect:"));
	if (r == 0 && !has_type)
		r = add_header(c, BYTES("Content-Type:"));
	return r;
}

/* ---- the handle ---- */

static const struct {
	CURLoption option;
	long value;
} numbers[] = {
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	{CURLOPT_HTTP09_ALLOWED, 0},
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_NETRC, CURL_NETRC_IGNORED},
	{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	{CURLOPT_SSL_VERIFYPEER, 1},
	{CURLOPT_SSL_VERIFYHOST, 2},
	{CURLOPT_SSL_SESSIONID_CACHE, 0},
	{CURLOPT_CONNECTTIMEOUT_MS, EGRESS_CONNECT_MS},
	{CURLOPT_TCP_KEEPALIVE, 1},
	{CURLOPT_BUFFERSIZE, READ_BUFFER},
	{CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER},
};

static const struct {
	CURLoption option;
	const char *value;
} texts[] = {
	{CURLOPT_PROXY, ""}, /* nor from variables */
	{CURLOPT_NOPROXY, "*"},
	{CURLOPT_CAINFO, NULL}, /* not the roots that libcurl was built with: on_tls() */
	{CURLOPT_CAPATH, NULL},
	{CURLOPT_USERAGENT, "postern/" POSTERN_VERSION},
};

/* The types that libcurl's variable arguments must have. */
static bool set_number(const struct egress_call *c, CURLoption option, long value)
{
	return c->egress->curl->easy_setopt(c->easy, option, value) == CURLE_OK;
}

static bool set_pointer(const struct egress_call *c, CURLoption option, const void *value)
{
	return c->egress->curl->easy_setopt(c->easy, option, value) == CURLE_OK;
}

static bool set_fixed(struct egress_call *c)
{
	bool ok = true;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		ok &= set_number(c, numbers[i].option, numbers[i].value);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		ok &= set_pointer(c, texts[i].option, texts[i].value);
	return ok && set_pointer(c, CURLOPT_PRIVATE, c);
}

/*
 * Scheme, host and port. What url_parse() would not have given back is refused: libcurl reads URLs
 * more freely.
 */
static int set_url(struct egress_call *c)
{
	const struct url *u = &c->url;
	bool v6 = strchr(u->host, ':') != NULL;
	struct buf text = BUF_INIT(URL_HOST_MAX + 32);
	struct url again;
	int r = -EINVAL;

	buf_printf(&text, "%s://%s%s%s:%u", u->tls ? "https" : "http", v6 ? "[" : "", u->host,
		   v6 ? "]" : "", u->port);
	if (buf_status(&text) == 0 && url_parse(buf_bytes(&text), &again) == 0 &&
	    again.is_ip == u->is_ip && strcmp(again.host, u->host) == 0) {
		buf_putc(&text, 0);
		r = buf_status(&text);
		if (r == 0 && (!set_pointer(c, CURLOPT_URL, text.p) ||
			       !set_pointer(c, CURLOPT_PROTOCOLS_STR, u->tls ? "https" : "http")))
			r = -EIO;
	}
	buf_done(&text);
	return r;
}

/* Sent as it stands: libcurl neither changes nor reads it. */
static int set_target(struct egress_call *c, struct bytes target)
{
	struct buf text = BUF_INIT(target.n + 1);
	int r;

	if (!bytes_starts(target, BYTES("/")) || !bytes_printable(target) ||
	    memchr(target.p, ' ', target.n))
		return -EINVAL;
	buf_put_bytes(&text, target);
	buf_putc(&text, 0);
	r = buf_status(&text);
	if (r == 0 && !set_pointer(c, CURLOPT_REQUEST_TARGET, text.p))
		r = -EIO;
	buf_done(&text);
	return r;
}

/*
 * POST, PUT and PATCH have a body, if an empty one: then too its length is said (RFC 9110 section
 * 8.6).
 */
static int set_method_and_body(struct egress_call *c, struct bytes body)
{
	bool ok = set_pointer(c, CURLOPT_CUSTOMREQUEST, c->method);

	if (strcmp(c->method, "HEAD") == 0)
		ok &= set_number(c, CURLOPT_NOBODY, 1);
	if (body.n || c->method[0] == 'P') {
		buf_init(&c->body, body.n);
		buf_put_bytes(&c->body, body);
		if (buf_status(&c->body) < 0)
			return -ENOMEM;
		ok &= set_number(c, CURLOPT_POSTFIELDSIZE, (long)body.n) &&
		      set_pointer(c, CURLOPT_POSTFIELDS, body.n ? (const void *)c->body.p : "");
	}
	return ok ? 0 : -EIO;
}

int request_init(struct egress_call *c, const struct egress_request *r)
{
	int rc;

	c->url = *r->url;
	c->url.path = bytes_of(NULL, 0);
	c->method = r->method;
	c->want_headers = r->want_headers;
	c->wanted = r->wanted;
	c->easy = c->egress->curl->easy_init();
	if (!c->easy)
		return -ENOMEM;
	if (!set_fixed(c))
		return -EIO;
	rc = transfer_init(c);
	if (rc == 0)
		rc = set_url(c);
	if (rc == 0)
		rc = set_target(c, r->target);
	if (rc == 0)
		rc = set_method_and_body(c, r->body);
	if (rc == 0)
		rc = add_headers(c, r->headers);
	if (rc == 0 && !set_pointer(c, CURLOPT_HTTPHEADER, c->headers))
		rc = -EIO;
	return rc;
}

void request_done(struct egress_call *c)
{
	const struct curl *curl = c->egress->curl;

	curl->easy_cleanup(c->easy);
	/* Wiped, as all that libcurl frees. */
	curl->slist_free_all(c->headers);
	curl->slist_free_all(c->addresses);
	buf_done(&c->body);
}

int request_set_addresses(struct egress_call *c, const struct ip *ips, size_t n)
{
	struct buf text = BUF_INIT(URL_HOST_MAX + 16 + RESOLVE_MAX * (INET6_ADDRSTRLEN + 3));

	if (c->url.is_ip)
		return 0;
	/*
	 * In libcurl's cache of names this takes the place of what an earlier request left; "+": it
	 * goes after a minute, so that the cache does not grow for ever.
	 */
	buf_printf(&text, "+%s:%u:", c->url.host, c->url.port);
	for (size_t i = 0; i < n; i++) {
		char ip[INET6_ADDRSTRLEN];
		inet_ntop(ips[i].family == 6 ? AF_INET6 : AF_INET, ips[i].a, ip, sizeof(ip));
		buf_printf(&text, ips[i].family == 6 ? "%s[%s]" : "%s%s", i ? "," : "", ip);
	}
	buf_putc(&text, 0);
	if (buf_status(&text) == 0)
		c->addresses = c->egress->curl->slist_append(NULL, (const char *)text.p);
	buf_done(&text);
	return c->addresses && set_pointer(c, CURLOPT_RESOLVE, c->addresses) ? 0 : -ENOMEM;
}
