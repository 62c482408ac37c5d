/* SPDX-License-Identifier: ISC */
#pragma once

#include "tls/openssl.h"
#include "tls/server.h"

struct tls_server {
	const struct openssl *o;
	SSL_CTX *ctx;
};

/* A connection that speaks by FD. SSL, which is new and has its side set, belongs to it, also where it fails. 0 or -ENOMEM. */
int conn_make(struct tls_conn **out, const struct openssl *o, SSL *ssl, int fd) must_check;
