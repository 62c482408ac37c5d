/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The client's side of TLS 1.2 and 1.3 (OpenSSL), for sockets that do not block: the server's certificate is verified, and is for the host that was asked for (its
 * subjectAltName alone: RFC 9525). ALPN is http/1.1, or h2 before it; no renegotiation, no compression, no early data. What was decrypted is wiped once it was read. Buffers are kept: tls_release().
 */
#include "tls/server.h"

struct tls_client;

/*
 * CA_PEM: the trusted certificates, with any text between them; empty: no server is trusted. 0; -EINVAL when there is none, or a broken one; openssl_load()'s errors; -ENOMEM. HTTP2: offer h2.
 * The library is loaded at the first call: before a role gives up its right to files.
 */
int tls_client_new(struct tls_client **out, struct bytes ca_pem, bool http2) must_check;
void tls_client_free(struct tls_client *c); /* NULL is fine */
/*
 * A connection by FD, which is connected, stays the caller's and must outlive it, to HOST: a name, or an address without brackets when IS_IP. tls_handshake() is next. 0 or
 * -ENOMEM.
 */
int tls_connect(struct tls_conn **out, const struct tls_client *c, int fd, const char *host,
		bool is_ip) must_check;
