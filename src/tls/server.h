/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The server's side of TLS 1.2 and 1.3 (OpenSSL), for sockets that do not block. ALPN is http/1.1; no renegotiation, no compression, no early data. Where clients show certificates
 * nothing is resumed, so that each connection is judged anew.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "tls/parts.h"

#define TLS_WHY_MAX	   160
#define TLS_PEM_MAX	   (1024 * 1024)
#define TLS_IDENTITIES_MAX 32

/* What a server is made of, as PEM. */
struct tls_files {
	struct bytes certificate; /* the server's own, then those between it and a root */
	struct bytes key;	  /* its private key, not encrypted */
	struct bytes client_ca;	 /* who vouches for clients; empty: no certificates are asked for */
	struct bytes client_crl; /* which of theirs no longer hold; empty: none is looked for */
	bool require;		 /* no connection without a certificate */
};

struct tls_server;
struct tls_conn;

/*
 * 0, and *OUT is to be freed; TLS_E_BAD with a sentence in WHY (TLS_WHY_MAX bytes) and what it is about in *PART; -ELIBACC or -ELIBBAD without a fitting OpenSSL; -ENOMEM. The
 * library is loaded at the first call: before a role gives up its right to files.
 */
enum { TLS_E_BAD = 1 };
int tls_server_new(struct tls_server **out, const struct tls_files *files, enum tls_part *part,
		   char *why) must_check;
void tls_server_free(struct tls_server *s); /* connections made of it live on; NULL is fine */

/* A connection that FD, which stays the caller's and must outlive it, has accepted. 0 or -ENOMEM. */
int tls_conn_new(struct tls_conn **out, const struct tls_server *s, int fd) must_check;
/* Says nothing to the other side. */
void tls_conn_free(struct tls_conn *c);

/* What is to be waited for before the same call is made again with the same arguments; or the end. */
enum { TLS_WANTS_READ = 1, TLS_WANTS_WRITE = 2, TLS_ENDED = 3 };
/* 0, TLS_WANTS_…, or -EPROTO. */
int tls_handshake(struct tls_conn *c) must_check;
/* It is over: a client's, that offered h2, and the server took it. */
bool tls_has_h2(const struct tls_conn *c);
/* 0 and 1 to N bytes, as many as *GOT says; TLS_WANTS_…; TLS_ENDED where the other side said so; or -EPROTO, also where it ended without a word. */
int tls_recv(struct tls_conn *c, void *p, size_t n, size_t *got) must_check;
int tls_send(struct tls_conn *c, const void *p, size_t n, size_t *sent) must_check;
/* Free buffers that nothing is in, some 20 KiB. Connections of a server do so by themselves. */
void tls_release(struct tls_conn *c);
/* There is more to be had from tls_recv() though the socket may be silent. */
bool tls_pending(const struct tls_conn *c);
/* Tell the other side that no more comes. */
void tls_close(struct tls_conn *c);

/*
 * Who the client is, after the handshake: its certificate's public key and names. FN is called for each, at most TLS_IDENTITIES_MAX times; never when it showed none.
 */
enum tls_identity {
	TLS_SPKI,
	TLS_DNS,
	TLS_URI
}; /* the SubjectPublicKeyInfo in DER; as they stand in the subjectAltName */
typedef void tls_identity_fn(void *arg, enum tls_identity kind, struct bytes value);
void tls_peer(const struct tls_conn *c, tls_identity_fn *fn, void *arg);
/* Would the client's certificate be taken now by S, which may be another one than it was taken by? True where it has none. */
bool tls_peer_good(const struct tls_conn *c, const struct tls_server *s);
