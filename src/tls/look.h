/* SPDX-License-Identifier: ISC */
#pragma once

/* What a person wants to know of the certificates that a server is made of: `postern doctor`. */
#include "tls/server.h"

#define TLS_NAMES_MAX 256

struct tls_look {
	int64_t from, until; /* of the server's certificate, seconds since 1970 */
	char names
		[TLS_NAMES_MAX]; /* its DNS names and addresses, "a.example, 192.0.2.1"; cut short with "..." */
	unsigned chain;	  /* certificates, its own included */
	bool ordered;	  /* each is issued by the next */
	int64_t ca_until; /* when the first of the client authorities expires; 0: there is none */
	int64_t crl_until; /* when the first of their lists is out of date; 0: there is none that says so */
};

/* Of FILES that tls_server_new() takes. 0; -EBADMSG where it would not; -ELIBACC or -ELIBBAD without a fitting OpenSSL; -ENOMEM. */
int tls_look(struct tls_look *out, const struct tls_files *files) must_check;
