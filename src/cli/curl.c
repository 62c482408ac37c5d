/* SPDX-License-Identifier: ISC */
#include "cli/curl.h"

#include "base/memory.h"
#include "sys/library.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_MIN 0x075500 /* 7.85.0: CURLOPT_PROTOCOLS_STR */

static int load(struct curl *c)
{
	const curl_version_info_data *v;
	const struct library_function functions[] = {
#define X(name) {"curl_" #name, &c->name},
		CURL_FUNCTIONS(X)
#undef X
	};
	int r = library_open("libcurl.so.4", functions, ARRAY_LEN(functions));

	if (r < 0)
		return r;
	v = c->version_info(CURLVERSION_NOW);
	if (v->version_num < VERSION_MIN || !v->ssl_version ||
	    strncmp(v->ssl_version, "OpenSSL/", 8) != 0)
		return -ELIBBAD;
	if (c->global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup,
			       calloc) != CURLE_OK)
		return -ELIBBAD;
	return 0;
}

int curl_load(const struct curl **out)
{
	static struct curl table;
	static bool loaded;
	int r = loaded ? 0 : load(&table);

	if (r < 0)
		return r;
	loaded = true;
	*out = &table;
	return 0;
}
