/* SPDX-License-Identifier: ISC */
#include "other_answer.h"

#include "fuzz.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2]; /* ours, libcurl's */

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	return ends[1];
}

static int on_opened(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
	buf_put(arg, p, n);
	return n;
}

static bool set(CURL *c, CURLoption option, long value)
{
	return curl_easy_setopt(c, option, value) == CURLE_OK;
}

/* Made once: every answer is read by a connection of its own. */
static CURL *handle(void)
{
	static CURL *c;

	if (c)
		return c;
	c = curl_easy_init();
	CHECK(c && curl_easy_setopt(c, CURLOPT_URL, "http://127.0.0.1/") == CURLE_OK);
	CHECK(curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open) == CURLE_OK);
	CHECK(curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_opened) == CURLE_OK);
	CHECK(curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK);
	CHECK(curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK);
	CHECK(set(c, CURLOPT_FRESH_CONNECT, 1) && set(c, CURLOPT_FORBID_REUSE, 1) && set(c, CURLOPT_NOSIGNAL, 1));
	CHECK(set(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) && set(c, CURLOPT_HTTP09_ALLOWED, 0) && set(c, CURLOPT_TIMEOUT, 10));
	return c;
}

/* The last head's field of that name has that value, as often as it is there. */
static bool has_field(CURL *c, struct bytes name, struct bytes value)
{
	char text[200];
	struct curl_header *h;

	if (bytes_to_str(name, text, sizeof(text)) != 0)
		return true;
	for (size_t i = 0; curl_easy_header(c, text, i, CURLH_HEADER, -1, &h) == CURLHE_OK; i++)
		if (bytes_is(value, h->value))
			return true;
	return false;
}

static bool has_fields(CURL *c, struct bytes fields)
{
	struct bytes name, value;

	while (plist_next_pair(&fields, &name, &value))
		if (!has_field(c, name, value))
			return false;
	return true;
}

bool other_answer_agrees(struct bytes in, bool head, unsigned status, struct bytes fields, struct bytes body)
{
	struct buf got = BUF_INIT(1 << 20);
	CURL *c = handle();
	long theirs = 0;
	CURLcode r;
	bool same;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	CHECK(send(ends[0], in.p, in.n, MSG_DONTWAIT) == (ssize_t)in.n && shutdown(ends[0], SHUT_WR) == 0);
	CHECK(set(c, CURLOPT_NOBODY, head) && curl_easy_setopt(c, CURLOPT_WRITEDATA, &got) == CURLE_OK);
	CHECK(head || set(c, CURLOPT_HTTPGET, 1));
	r = curl_easy_perform(c);
	close(ends[0]);
	CHECK(curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &theirs) == CURLE_OK);
	same = r == CURLE_OK && theirs == (long)status && bytes_eq(buf_bytes(&got), body) && has_fields(c, fields);
	if (!same)
		fprintf(stderr, "libcurl: %s, status %ld, %zu bytes; ours: %u, %zu\n", curl_easy_strerror(r), theirs, got.n, status, body.n);
	buf_done(&got);
	return same;
}
