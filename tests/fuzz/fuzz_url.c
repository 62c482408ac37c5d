/* SPDX-License-Identifier: ISC */
/* Whatever is accepted has our form, and written out again gives the same. */
#include "egress/url.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

static const char host_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789.-:";
static const char path_chars[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-/";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(size + URL_HOST_MAX + 32);
	struct url u, again;
	bool v6;

	if (url_parse(bytes_of(data, size), &u) != 0)
		return 0;
	v6 = strchr(u.host, ':') != NULL;
	CHECK(u.host[0] && u.host[strspn(u.host, host_chars)] == 0);
	CHECK(u.port && (!v6 || u.is_ip));
	for (size_t i = 0; i < u.path.n; i++)
		CHECK(u.path.p[i] && strchr(path_chars, u.path.p[i]));
	CHECK(u.path.n == 0 || (u.path.p[0] == '/' && u.path.p[u.path.n - 1] != '/'));
	CHECK(bytes_find(u.path, BYTES("//")) == u.path.n);

	buf_printf(&text, "%s://%s%s%s:%u", u.tls ? "https" : "http", v6 ? "[" : "", u.host,
		   v6 ? "]" : "", u.port);
	buf_put_bytes(&text, u.path);
	CHECK(buf_status(&text) == 0 && url_parse(buf_bytes(&text), &again) == 0);
	CHECK(u.tls == again.tls && u.is_ip == again.is_ip && u.port == again.port);
	CHECK(strcmp(u.host, again.host) == 0 && bytes_eq(u.path, again.path));
	buf_done(&text);
	return 0;
}
