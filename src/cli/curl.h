/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * libcurl, for `postern call` and `postern hook`, opened at run time and not linked: Postern is one binary for all roles, and none of them needs it (their HTTPS is egress/client.h), nor
 * the some thirty other libraries that come with it.
 */
#include "base/error.h"

#include <curl/curl.h>

/* Each without its curl_: the header has macros by some of the full names. */
#define CURL_FUNCTIONS(X)                                                                          \
	X(easy_cleanup)                                                                            \
	X(easy_getinfo)                                                                            \
	X(easy_init)                                                                               \
	X(easy_perform)                                                                            \
	X(easy_setopt)                                                                             \
	X(easy_strerror)                                                                           \
	X(global_init_mem)                                                                         \
	X(slist_append)                                                                            \
	X(slist_free_all)                                                                          \
	X(version_info)

struct curl {
#define X(name) __typeof__(&curl_##name) name;
	CURL_FUNCTIONS(X)
#undef X
};

/*
 * Open libcurl, the first time, and initialise it so that all memory it frees is wiped. *OUT is
 * good for the process's life. Returns 0; -ELIBACC when there is no libcurl; -ELIBBAD when it is
 * older than 7.85, without OpenSSL, or does not start.
 */
int curl_load(const struct curl **out) must_check;
