/* SPDX-License-Identifier: ISC */
#include "cli/client.h"

#include "cli/curl.h"
#include "egress/address.h"
#include "egress/url.h"

#define CONNECT_MS 5000L

void client_done(struct client *c)
{
	buf_done(&c->base);
	buf_done(&c->authorization);
}

void client_call_done(struct client_call *call)
{
	buf_done(&call->body);
	buf_done(&call->answer);
}

const char *client_url_fault(const char *text)
{
	struct url url;
	struct ip ip;
	bool here;

	if (url_parse(bytes_str(text), &url) != 0)
		return "must be http[s]://HOST[:PORT][/PATH]";
	here = url.is_ip ? ip_parse(bytes_str(url.host), &ip) == 0 && ip_is_loopback(&ip)
			 : strcmp(url.host, "localhost") == 0;
	return url.tls || here ? NULL : "must be https:// unless it is on this machine";
}

int client_set_url(struct client *c, const char *url)
{
	struct bytes text = bytes_str(url);

	if (client_url_fault(url))
		return CLIENT_E_URL;
	if (text.p[text.n - 1] == '/')
		text.n--;
	buf_put_bytes(&c->base, text);
	return buf_status(&c->base) < 0 ? -ENOMEM : 0;
}

/* Anything in it but visible characters could end the header and begin another. */
static bool is_token(struct bytes t)
{
	return t.n && bytes_printable(t) && !memchr(t.p, ' ', t.n);
}

int client_set_token(struct client *c, struct bytes token)
{
	if (!is_token(token))
		return CLIENT_E_TOKEN;
	buf_puts(&c->authorization, "Authorization: Bearer ");
	buf_put_bytes(&c->authorization, token);
	buf_putc(&c->authorization, 0);
	return buf_status(&c->authorization) < 0 ? -ENOMEM : 0;
}

/* ---- libcurl ---- */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct buf *answer = arg;

	buf_put(answer, p, size * n);
	return buf_status(answer) == 0 ? size * n : 0;
}

/* Append a header; *LIST is freed by the caller. */
static bool add_header(const struct curl *curl, struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl->slist_append(*list, line);

	if (longer)
		*list = longer;
	return longer != NULL;
}

#define SET(option, value) (ok &= curl->easy_setopt(easy, CURLOPT_##option, value) == CURLE_OK)

static bool set_tls(const struct curl *curl, CURL *easy, const struct client *c)
{
	bool ok = true;

	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (c->ca_file) {
		SET(CAINFO, c->ca_file);
		SET(CAPATH, NULL);
	}
	if (c->certificate)
		SET(SSLCERT, c->certificate);
	if (c->key)
		SET(SSLKEY, c->key);
	return ok;
}

static bool set_options(const struct curl *curl, CURL *easy, const struct client *c,
			struct client_call *call, struct curl_slist **headers)
{
	bool ok = true;

	ok &= add_header(curl, headers, "Content-Type: application/json");
	ok &= add_header(curl, headers, "Expect:");
	if (c->authorization.n)
		ok &= add_header(curl, headers, (const char *)c->authorization.p);
	SET(PROTOCOLS_STR, "http,https");
	SET(PROXY, "");
	SET(FOLLOWLOCATION, 0L);
	SET(NOSIGNAL, 1L);
	SET(CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(USERAGENT, "postern/" POSTERN_VERSION);
	SET(HTTPHEADER, *headers);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, &call->answer);
	if (c->unix_path)
		SET(UNIX_SOCKET_PATH, c->unix_path);
	if (call->post) {
		SET(POSTFIELDSIZE, (long)call->body.n);
		SET(POSTFIELDS, (const char *)call->body.p);
	}
	return ok && set_tls(curl, easy, c);
}

static bool set_target(const struct curl *curl, CURL *easy, const struct buf *url, long timeout_ms)
{
	bool ok = true;

	SET(URL, (const char *)url->p);
	SET(TIMEOUT_MS, timeout_ms);
	return ok;
}
#undef SET

int client_perform(const struct client *c, struct client_call *call, long timeout_ms)
{
	struct buf url cleanup(buf_done) = BUF_INIT(8192);
	struct curl_slist *headers = NULL;
	const struct curl *curl;
	CURLcode code = CURLE_FAILED_INIT;
	CURL *easy;
	int r = curl_load(&curl);

	if (r < 0)
		return r;
	buf_put_bytes(&url, buf_bytes(&c->base));
	buf_printf(&url, "/%s", call->endpoint);
	buf_putc(&url, 0);
	if (buf_status(&url) < 0)
		return -ENOMEM;
	buf_reset(&call->answer);
	easy = curl->easy_init();
	if (easy && set_target(curl, easy, &url, timeout_ms) &&
	    set_options(curl, easy, c, call, &headers))
		code = curl->easy_perform(easy);
	if (code == CURLE_OK)
		code = curl->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &call->status);
	curl->slist_free_all(headers);
	if (easy)
		curl->easy_cleanup(easy);
	call->curl_error = (int)code;
	call->curl_words = curl->easy_strerror(code);
	return code == CURLE_OK ? 0 : CLIENT_E_UNANSWERED;
}

/* ---- what came ---- */

void client_put_printable(struct buf *b, struct bytes text)
{
	size_t begin = b->n;

	buf_put_bytes(b, text);
	for (size_t i = begin; i < b->n; i++)
		if (b->p[i] < 0x20 || b->p[i] > 0x7e)
			b->p[i] = '?';
}

void client_put_problem(struct buf *b, const json_t *problem)
{
	struct bytes detail = json_get_bytes(problem, "detail");
	struct bytes field = json_get_bytes(problem, "field");

	client_put_printable(b, json_get_bytes(problem, "code"));
	if (detail.n) {
		buf_puts(b, ": ");
		client_put_printable(b, detail);
	}
	if (field.n) {
		buf_puts(b, " (field ");
		client_put_printable(b, field);
		buf_putc(b, ')');
	}
}
