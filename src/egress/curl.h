/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * libcurl, opened at run time and not linked: Postern is one binary for all roles, and libcurl
 * brings OpenSSL and some thirty other libraries along. Linked, they would be mapped in the vault
 * and the scribe too: parsers and gadgets that those never need, constructors that run before any
 * hardening, and a few MiB of relocated private pages in each process. So only the courier and
 * `postern call` load it, before they give up their rights to files.
 *
 * The few functions of OpenSSL are those of the very library that libcurl uses.
 */
#include "base/error.h"

#include <curl/curl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* Each without its curl_: the header has macros by some of the full names. */
#define CURL_FUNCTIONS(X)                                                                          \
	X(easy_cleanup)                                                                            \
	X(easy_getinfo)                                                                            \
	X(easy_init)                                                                               \
	X(easy_perform)                                                                            \
	X(easy_setopt)                                                                             \
	X(easy_strerror)                                                                           \
	X(global_init_mem)                                                                         \
	X(multi_add_handle)                                                                        \
	X(multi_assign)                                                                            \
	X(multi_cleanup)                                                                           \
	X(multi_info_read)                                                                         \
	X(multi_init)                                                                              \
	X(multi_remove_handle)                                                                     \
	X(multi_setopt)                                                                            \
	X(multi_socket_action)                                                                     \
	X(slist_append)                                                                            \
	X(slist_free_all)                                                                          \
	X(version_info)

#define OPENSSL_FUNCTIONS(X)                                                                       \
	X(BIO_free)                                                                                \
	X(BIO_new_mem_buf)                                                                         \
	X(ERR_clear_error)                                                                         \
	X(ERR_peek_last_error)                                                                     \
	X(PEM_read_bio_X509)                                                                       \
	X(SSL_CTX_set1_cert_store)                                                                 \
	X(SSL_CTX_set_options)                                                                     \
	X(SSL_has_pending)                                                                         \
	X(X509_STORE_add_cert)                                                                     \
	X(X509_STORE_free)                                                                         \
	X(X509_STORE_new)                                                                          \
	X(X509_free)

struct curl {
#define X(name) __typeof__(&curl_##name) name;
	CURL_FUNCTIONS(X)
#undef X
#define X(name) __typeof__(&name) name;
	OPENSSL_FUNCTIONS(X)
#undef X
};

/*
 * Open libcurl, the first time, and initialise it so that all memory it frees is wiped. *OUT is
 * good for the process's life. Returns 0; -ELIBACC when there is no libcurl; -ELIBBAD when it is
 * older than 7.85, without OpenSSL, or does not start.
 */
int curl_load(const struct curl **out) must_check;
