/* SPDX-License-Identifier: ISC */
#include "other_answer.h"

#include "fuzz.h"

#include <curl/curl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A Unix socket: of TCP's, too many would be left in TIME_WAIT. */
static int listener;
static char address[40];

static void open_listener(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = (size_t)snprintf(address, sizeof(address), "postern-fuzz-%d", (int)getpid());

	memcpy(a.sun_path + 1, address, n);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(listener >= 0 &&
	      bind(listener, (struct sockaddr *)&a,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) == 0);
	CHECK(listen(listener, 8) == 0);
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
	open_listener();
	c = curl_easy_init();
	CHECK(c && curl_easy_setopt(c, CURLOPT_ABSTRACT_UNIX_SOCKET, address) == CURLE_OK);
	CHECK(curl_easy_setopt(c, CURLOPT_URL, "http://answer/") == CURLE_OK);
	CHECK(curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK);
	CHECK(curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK);
	CHECK(set(c, CURLOPT_FRESH_CONNECT, 1) && set(c, CURLOPT_FORBID_REUSE, 1) &&
	      set(c, CURLOPT_NOSIGNAL, 1));
	CHECK(set(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
	      set(c, CURLOPT_HTTP09_ALLOWED, 0) && set(c, CURLOPT_TIMEOUT, 10));
	return c;
}

/* The last head's field of that name has that value, as often as it is there. */
static bool has_field(CURL *c, struct bytes name, struct bytes value)
{
	char text[200];
	struct curl_header *h;

	/* Of nothing but blanks it makes something else, which is no matter. */
	if (value.n == 0 || bytes_to_str(name, text, sizeof(text)) != 0)
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
		if (!has_field(c, name, value)) {
			fprintf(stderr, "libcurl has no field %.*s: %.*s\n", (int)name.n,
				(const char *)name.p, (int)value.n, (const char *)value.p);
			return false;
		}
	return true;
}

/* Say all of IN to whoever has connected, and end. The connection, or -1. */
static int say(struct bytes in)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		CHECK(send(fd, in.p, in.n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)in.n &&
		      shutdown(fd, SHUT_WR) == 0);
	return fd;
}

static CURLcode perform(CURL *c, struct bytes in)
{
	static CURLM *m;
	int running = 1, fd = -1, left;
	CURLMsg *msg;
	CURLcode r;

	if (!m)
		m = curl_multi_init();
	CHECK(m && curl_multi_add_handle(m, c) == CURLM_OK);
	while (running) {
		CHECK(curl_multi_perform(m, &running) == CURLM_OK);
		if (fd < 0)
			fd = say(in);
		else if (running)
			CHECK(curl_multi_poll(m, NULL, 0, 1000, NULL) == CURLM_OK);
	}
	msg = curl_multi_info_read(m, &left);
	CHECK(fd >= 0 && msg && msg->msg == CURLMSG_DONE);
	r = msg->data.result;
	CHECK(curl_multi_remove_handle(m, c) == CURLM_OK);
	close(fd);
	return r;
}

bool other_answer_agrees(struct bytes in, bool head, unsigned status, struct bytes fields,
			 struct bytes body)
{
	struct buf got = BUF_INIT(1 << 20);
	CURL *c = handle();
	long theirs = 0;
	CURLcode r;
	bool same;

	CHECK(set(c, CURLOPT_NOBODY, head) &&
	      curl_easy_setopt(c, CURLOPT_WRITEDATA, &got) == CURLE_OK);
	CHECK(head || set(c, CURLOPT_HTTPGET, 1));
	r = perform(c, in);
	CHECK(curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &theirs) == CURLE_OK);
	same = r == CURLE_OK && theirs == (long)status && bytes_eq(buf_bytes(&got), body) &&
	       has_fields(c, fields);
	if (!same)
		fprintf(stderr, "libcurl: %s, status %ld, %u bytes; ours: %u, %zu\n",
			curl_easy_strerror(r), theirs, got.n, status, body.n);
	buf_done(&got);
	return same;
}
