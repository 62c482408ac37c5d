/* SPDX-License-Identifier: ISC */
/*
 * One request under way: what libcurl asks before it connects and sends, and what it brings back.
 */
#include "egress/transfer.h"

#include "egress/retry.h"

#include <poll.h>
#include <sys/socket.h>

/*
 * Enough for all of EGRESS_HEADERS_MAX as a list, where the lengths of name and value take 8 bytes
 * more.
 */
#define GOT_HEADERS_MAX (4 * EGRESS_HEADERS_MAX)

static size_t stop(struct egress_call *c, enum egress_failure why)
{
	c->stopped = why;
	return 0;
}

/* ---- what libcurl asks before it connects or sends ---- */

/* Judged once already: this holds even if libcurl were to come by an address in another way. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct egress_call *c = arg;
	struct ip ip;

	if (!ip_of_sockaddr(&a->addr, &ip) ||
	    !address_allowed(c->egress->rules, &ip, !c->url.tls)) {
		stop(c, EGRESS_REFUSED);
		return CURL_SOCKET_BAD;
	}
	c->opened = true;
	return socket_open(c->egress, a);
}

/* By then the call that opened it may be gone. */
static int on_close_socket(void *arg, curl_socket_t fd)
{
	socket_close(arg, fd);
	return 0;
}

/* libcurl would resolve a name itself, with getaddrinfo() in a thread: never. */
static int on_resolve(void *resolver, void *reserved, void *arg)
{
	const struct egress_call *c = arg;

	return c->url.is_ip ? 0 : 1;
}

static bool is_safe(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/*
 * The server has spoken on a kept connection, or hung up, before it was asked. libcurl uses such a
 * connection all the same, and would take what was said for the answer to what is sent now.
 */
static bool is_dirty(const struct egress_call *c, const struct endpoints *ends)
{
	const struct curl *curl = c->egress->curl;
	const struct curl_tlssessioninfo *tls = NULL;
	struct pollfd p = {.events = POLLIN | POLLRDHUP};

	/* On a new one TLS 1.3 sends tickets. */
	if (c->opened)
		return false;
	p.fd = socket_find(c->egress, ends);
	if (p.fd < 0 || poll(&p, 1, 0) != 0)
		return true;
	return c->url.tls && (curl->easy_getinfo(c->easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK ||
			      !tls || !tls->internals || curl->SSL_has_pending(tls->internals));
}

/*
 * Connected, and about to send. It comes a second time when libcurl sends once more because a kept
 * connection died; and where both ends have one address, the server is on this machine.
 */
static int on_send(void *arg, char *peer, char *self, int peer_port, int self_port)
{
	struct egress_call *c = arg;
	struct endpoints ends = {.peer_port = (uint16_t)peer_port,
				 .self_port = (uint16_t)self_port};
	bool own;

	if (ip_parse(bytes_str(peer), &ends.peer) != 0 ||
	    ip_parse(bytes_str(self), &ends.self) != 0) {
		stop(c, EGRESS_INTERNAL);
		return CURL_PREREQFUNC_ABORT;
	}
	own = memcmp(&ends.peer, &ends.self, sizeof(ends.self)) == 0;
	if (own && !address_listed(c->egress->rules, &ends.peer, !c->url.tls)) {
		stop(c, EGRESS_REFUSED);
		return CURL_PREREQFUNC_ABORT;
	}
	if (c->sent && !is_safe(c->method)) {
		stop(c, EGRESS_RESET);
		return CURL_PREREQFUNC_ABORT;
	}
	if (is_dirty(c, &ends)) {
		c->anew = true;
		stop(c, EGRESS_RESET);
		return CURL_PREREQFUNC_ABORT;
	}
	c->sent = true;
	return CURL_PREREQFUNC_OK;
}

/*
 * One set of roots for all connections: libcurl, given the PEM text, would parse all of it for each
 * one, in 20 ms and a megabyte. And what OpenSSL has decrypted is to be wiped once it was read; and
 * a server that wants new keys again and again would only cost time.
 */
static CURLcode on_tls(CURL *easy, void *ctx, void *arg)
{
	const struct egress *e = ((const struct egress_call *)arg)->egress;

	e->curl->SSL_CTX_set1_cert_store(ctx, e->roots);
	e->curl->SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_RENEGOTIATION);
	return CURLE_OK;
}

/* ---- what comes back ---- */

static struct bytes trimmed(struct bytes v)
{
	while (v.n && (v.p[0] == ' ' || v.p[0] == '\t'))
		v = bytes_skip(v, 1);
	while (v.n && strchr(" \t\r\n", v.p[v.n - 1]) && v.p[v.n - 1])
		v.n--;
	return v;
}

/* False when the transfer is to be stopped. */
static bool take_header(struct egress_call *c, struct bytes line)
{
	size_t colon = bytes_find(line, BYTES(":"));
	struct bytes name = bytes_of(line.p, colon), value;

	if (colon == line.n)
		return true;
	value = trimmed(bytes_of(line.p + colon + 1, line.n - colon - 1));
	/* We asked for no compression, but libcurl would undo it here. */
	if (bytes_eq_nocase(name, BYTES("Transfer-Encoding")) &&
	    !bytes_eq_nocase(value, BYTES("chunked"))) {
		stop(c, EGRESS_RESET);
		return false;
	}
	if (bytes_eq_nocase(name, BYTES("Retry-After")) &&
	    retry_after_parse(value, clock_usec(), &c->retry_after) == 0)
		c->has_retry_after = true;
	for (size_t i = 0; i < c->wanted; i++)
		if (bytes_eq_nocase(name, bytes_str(c->want_headers[i]))) {
			plist_put(&c->got_headers, bytes_str(c->want_headers[i]));
			plist_put(&c->got_headers, value);
		}
	if (buf_status(&c->got_headers) == 0)
		return true;
	stop(c, buf_status(&c->got_headers) == -ENOBUFS ? EGRESS_TOO_LARGE : EGRESS_INTERNAL);
	return false;
}

/*
 * A line: of the head, of interim (1xx) answers' heads before it, of the trailers behind a chunked
 * body.
 */
static size_t on_header(char *p, size_t one, size_t n, void *arg)
{
	struct egress_call *c = arg;
	struct bytes line = bytes_of(p, n);

	c->header_bytes += n;
	if (c->header_bytes > EGRESS_HEADERS_MAX)
		return stop(c, EGRESS_TOO_LARGE);
	if (bytes_starts(line, BYTES("HTTP/"))) {
		buf_reset(&c->got_headers);
		c->has_retry_after = false;
		c->in_headers = true;
	} else if (trimmed(line).n == 0) {
		c->in_headers = false;
	} else if (c->in_headers && !take_header(c, line)) {
		return 0;
	}
	return n;
}

static size_t large(const struct egress_call *c)
{
	return c->got_body.n > EGRESS_SMALL ? c->got_body.n - EGRESS_SMALL : 0;
}

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
	struct egress_call *c = arg;
	struct egress *e = c->egress;

	e->large -= large(c);
	buf_put(&c->got_body, p, n);
	e->large += large(c);
	if (buf_status(&c->got_body) < 0)
		return stop(c, buf_status(&c->got_body) == -ENOBUFS ? EGRESS_TOO_LARGE
								    : EGRESS_INTERNAL);
	return e->large <= EGRESS_LARGE_MAX ? n : stop(c, EGRESS_BUSY);
}

typedef void any_fn(void);

/* Each gets the call. */
static const struct {
	CURLoption option;
	any_fn *fn;
	CURLoption arg;
} callbacks[] = {
	{CURLOPT_RESOLVER_START_FUNCTION, (any_fn *)on_resolve, CURLOPT_RESOLVER_START_DATA},
	{CURLOPT_OPENSOCKETFUNCTION, (any_fn *)on_open_socket, CURLOPT_OPENSOCKETDATA},
	{CURLOPT_SSL_CTX_FUNCTION, (any_fn *)on_tls, CURLOPT_SSL_CTX_DATA},
	{CURLOPT_PREREQFUNCTION, (any_fn *)on_send, CURLOPT_PREREQDATA},
	{CURLOPT_HEADERFUNCTION, (any_fn *)on_header, CURLOPT_HEADERDATA},
	{CURLOPT_WRITEFUNCTION, (any_fn *)on_body, CURLOPT_WRITEDATA},
};

static bool set(struct egress_call *c, CURLoption option, any_fn *fn, CURLoption arg_option,
		void *arg)
{
	const struct curl *curl = c->egress->curl;

	return curl->easy_setopt(c->easy, option, fn) == CURLE_OK &&
	       curl->easy_setopt(c->easy, arg_option, arg) == CURLE_OK;
}

int transfer_init(struct egress_call *c)
{
	bool ok = set(c, CURLOPT_CLOSESOCKETFUNCTION, (any_fn *)on_close_socket,
		      CURLOPT_CLOSESOCKETDATA, c->egress);

	buf_init(&c->got_headers, GOT_HEADERS_MAX);
	buf_init(&c->got_body, EGRESS_BODY_MAX);
	for (size_t i = 0; i < ARRAY_LEN(callbacks); i++)
		ok = ok && set(c, callbacks[i].option, callbacks[i].fn, callbacks[i].arg, c);
	return ok ? 0 : -EIO;
}

void transfer_done(struct egress_call *c)
{
	c->egress->large -= large(c);
	buf_done(&c->got_headers);
	buf_done(&c->got_body);
}

/* ---- the end ---- */

static unsigned http_status(const struct egress_call *c)
{
	long status = 0;

	c->egress->curl->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return (unsigned)status;
}

enum egress_failure transfer_failure(const struct egress_call *c, CURLcode code)
{
	/*
	 * libcurl is content with a head that was cut off, or with an interim answer and nothing
	 * after it.
	 */
	if (code == CURLE_OK)
		return c->in_headers || http_status(c) < 200 ? EGRESS_RESET : EGRESS_OK;
	if (c->stopped != EGRESS_OK)
		return c->stopped;
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return EGRESS_RESOLVE;
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT: /* the connect time-out: we set no other */
		return EGRESS_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
		return EGRESS_TLS;
	case CURLE_OUT_OF_MEMORY:
		/* Also what libcurl says of one header line over its own 100 KiB. */
		return c->sent ? EGRESS_TOO_LARGE : EGRESS_INTERNAL;
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE: /* and what it says since 8.6 */
		return EGRESS_TOO_LARGE;
#endif
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_BAD_CONTENT_ENCODING:
		return EGRESS_RESET;
	default:
		return EGRESS_INTERNAL;
	}
}

void transfer_answer(const struct egress_call *c, enum egress_failure f, struct egress_answer *out)
{
	*out = (struct egress_answer){.failure = f, .sent = c->sent};
	if (f != EGRESS_OK)
		return;
	out->status = http_status(c);
	out->has_retry_after = c->has_retry_after;
	out->retry_after = c->retry_after;
	out->headers = buf_bytes(&c->got_headers);
	out->body = buf_bytes(&c->got_body);
}
