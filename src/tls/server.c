/* SPDX-License-Identifier: ISC */
/* What a server is made of: certificate, key, whom it trusts. tls/conn.c: its connections. */
#include "tls/internal.h"

#include <stdio.h>
#include <stdlib.h>

/* TLS 1.2: forward secrecy and AEAD alone. Those of 1.3 are all good. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"
#define DEPTH	8

struct making {
	const struct openssl *o;
	SSL_CTX *ctx;
	const struct tls_files *files;
	enum tls_part *part;
	char *why;
};

static int bad(struct making *m, enum tls_part part, const char *why)
{
	m->o->ERR_clear_error();
	*m->part = part;
	snprintf(m->why, TLS_WHY_MAX, "%s", why);
	return TLS_E_BAD;
}

/* A key with a passphrase is refused: nobody is there to type it. */
static int no_passphrase(char *buf, int size, int writes, void *arg)
{
	return -1;
}

static BIO *open_pem(struct making *m, struct bytes pem)
{
	return m->o->BIO_new_mem_buf(pem.p, (int)pem.n);
}

/* Call TAKE, which owns the certificate, for each. 0, or as BAD; at least one must be there. */
static int each_certificate(struct making *m, enum tls_part part, struct bytes pem,
			    bool (*take)(struct making *m, X509 *x, size_t n))
{
	BIO *in = open_pem(m, pem);
	bool good = true, whole;
	size_t n = 0;
	X509 *x;

	if (!in)
		return -ENOMEM;
	while (good && (x = m->o->PEM_read_bio_X509(in, NULL, no_passphrase, NULL)))
		good = take(m, x, n++);
	whole = !good || pem_at_end(m->o);
	m->o->ERR_clear_error();
	m->o->BIO_free(in);
	if (!good)
		return bad(m, part, "holds a certificate that cannot be used");
	if (!whole)
		return bad(m, part, "holds a certificate that cannot be read");
	return n ? 0 : bad(m, part, "holds no certificate in PEM");
}

/* The first is the server's own. */
static bool take_own(struct making *m, X509 *x, size_t n)
{
	bool good = n == 0 ? m->o->SSL_CTX_use_certificate(m->ctx, x) == 1
			   : m->o->SSL_CTX_ctrl(m->ctx, SSL_CTRL_CHAIN_CERT, 1, x) == 1;

	m->o->X509_free(x);
	return good;
}

static bool take_client_ca(struct making *m, X509 *x, size_t n)
{
	bool good = m->o->X509_STORE_add_cert(m->o->SSL_CTX_get_cert_store(m->ctx), x) == 1 &&
		    m->o->SSL_CTX_add_client_CA(m->ctx, x) == 1;

	m->o->X509_free(x);
	return good;
}

static int take_key(struct making *m)
{
	BIO *in = open_pem(m, m->files->key);
	EVP_PKEY *key;
	int r = 0;

	if (!in)
		return -ENOMEM;
	key = m->o->PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
	m->o->BIO_free(in);
	if (!key)
		return bad(m, TLS_PART_key, "holds no private key in PEM that needs no passphrase");
	if (m->o->SSL_CTX_use_PrivateKey(m->ctx, key) != 1 ||
	    m->o->SSL_CTX_check_private_key(m->ctx) != 1)
		r = bad(m, TLS_PART_key, "is not the certificate's key");
	m->o->EVP_PKEY_free(key);
	return r;
}

static int take_crls(struct making *m)
{
	X509_STORE *store = m->o->SSL_CTX_get_cert_store(m->ctx);
	BIO *in = open_pem(m, m->files->client_crl);
	bool good = true, whole;
	size_t n = 0;
	X509_CRL *crl;

	if (!in)
		return -ENOMEM;
	for (; good && (crl = m->o->PEM_read_bio_X509_CRL(in, NULL, no_passphrase, NULL)); n++) {
		good = m->o->X509_STORE_add_crl(store, crl) == 1;
		m->o->X509_CRL_free(crl);
	}
	whole = pem_at_end(m->o);
	m->o->ERR_clear_error();
	m->o->BIO_free(in);
	if (!good || !whole || !n)
		return bad(m, TLS_PART_client_crl, "holds no list in PEM, or one that is broken");
	m->o->X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
	return 0;
}

static int take_clients(struct making *m)
{
	int mode = SSL_VERIFY_PEER, r;

	if (!m->files->client_ca.n)
		return 0;
	r = each_certificate(m, TLS_PART_client_ca, m->files->client_ca, take_client_ca);
	if (r == 0 && m->files->client_crl.n)
		r = take_crls(m);
	if (m->files->require)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	m->o->SSL_CTX_set_verify(m->ctx, mode, NULL);
	m->o->SSL_CTX_set_verify_depth(m->ctx, DEPTH);
	/* A resumed connection has no chain that could be looked at. */
	m->o->SSL_CTX_set_options(m->ctx, SSL_OP_NO_TICKET);
	m->o->SSL_CTX_set_num_tickets(m->ctx, 0);
	return r;
}

static int choose_http(SSL *ssl, const unsigned char **out, unsigned char *n,
		       const unsigned char *offered, unsigned int offered_n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	const struct openssl *o = arg;

	return o->SSL_select_next_proto((unsigned char **)out, n, ours, sizeof(ours) - 1, offered,
					offered_n) == OPENSSL_NPN_NEGOTIATED
		       ? SSL_TLSEXT_ERR_OK
		       : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int fill(struct making *m)
{
	const struct openssl *o = m->o;
	int r;

	o->SSL_CTX_ctrl(m->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
	o->SSL_CTX_ctrl(m->ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
	/* Ten thousand idle connections hold no buffers. */
	o->SSL_CTX_ctrl(m->ctx, SSL_CTRL_MODE,
			SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
			NULL);
	o->SSL_CTX_set_options(m->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					       SSL_OP_CIPHER_SERVER_PREFERENCE);
	o->SSL_CTX_set_alpn_select_cb(m->ctx, choose_http, (void *)o);
	if (o->SSL_CTX_set_cipher_list(m->ctx, CIPHERS) != 1)
		return -ELIBBAD;
	r = each_certificate(m, TLS_PART_certificate, m->files->certificate, take_own);
	if (r == 0)
		r = take_key(m);
	if (r == 0)
		r = take_clients(m);
	return r;
}

int tls_server_new(struct tls_server **out, const struct tls_files *files, enum tls_part *part,
		   char *why)
{
	struct making m = {.files = files, .part = part, .why = why};
	struct tls_server *s;
	int r = openssl_load(&m.o);

	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	m.ctx = s ? m.o->SSL_CTX_new(m.o->TLS_server_method()) : NULL;
	if (m.ctx) {
		r = fill(&m);
	} else {
		r = -ENOMEM;
	}
	if (r == 0) {
		s->o = m.o;
		s->ctx = m.ctx;
		*out = s;
		return 0;
	}
	m.o->ERR_clear_error();
	if (m.ctx)
		m.o->SSL_CTX_free(m.ctx);
	free(s);
	return r;
}

void tls_server_free(struct tls_server *s)
{
	if (!s)
		return;
	s->o->SSL_CTX_free(s->ctx);
	free(s);
}
