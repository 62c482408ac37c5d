/* SPDX-License-Identifier: ISC */
#include "tls/client.h"

#include "tls/internal.h"

#include <stdlib.h>

#define SEND_MAX 4096 /* bytes of a record; as many are held while it is sent */

struct tls_client {
	const struct openssl *o;
	SSL_CTX *ctx;
};

static int load_roots(const struct openssl *o, X509_STORE *store, struct bytes pem)
{
	BIO *in = o->BIO_new_mem_buf(pem.n ? (const void *)pem.p : "", (int)pem.n);
	bool good = in != NULL;
	size_t count = 0;
	X509 *x;

	while (good && (x = o->PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		good = o->X509_STORE_add_cert(store, x) == 1;
		o->X509_free(x);
		count++;
	}
	good = good && pem_at_end(o);
	o->ERR_clear_error();
	o->BIO_free(in);
	return good && (count || pem.n == 0) ? 0 : -EINVAL;
}

static bool set_options(const struct openssl *o, SSL_CTX *ctx, bool http2)
{
	/* Behind the first, the one that is offered alone where HTTP/2 is not. */
	static const unsigned char protocols[] = "\x02h2\x08http/1.1";
	size_t skip = http2 ? 0 : 3;

	o->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
	o->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
	o->SSL_CTX_ctrl(ctx, SSL_CTRL_MODE,
			SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, NULL);
	/* Requests are small. */
	o->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MAX_SEND_FRAGMENT, SEND_MAX, NULL);
	/* A record's head and body by one recv(). */
	o->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_READ_AHEAD, 1, NULL);
	o->SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_RENEGOTIATION |
					    SSL_OP_NO_COMPRESSION);
	o->SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	/* The operator's file may name a certificate below a root, or a server's own. */
	o->X509_VERIFY_PARAM_set_flags(o->SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	return o->SSL_CTX_set_alpn_protos(ctx, protocols + skip,
					  (unsigned)(sizeof(protocols) - 1 - skip)) == 0;
}

int tls_client_new(struct tls_client **out, struct bytes ca_pem, bool http2)
{
	const struct openssl *o;
	struct tls_client *c;
	int r = openssl_load(&o);

	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = (struct tls_client){.o = o, .ctx = o->SSL_CTX_new(o->TLS_client_method())};
	r = -ENOMEM;
	if (c->ctx && set_options(o, c->ctx, http2))
		r = load_roots(o, o->SSL_CTX_get_cert_store(c->ctx), ca_pem);
	if (r < 0) {
		tls_client_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void tls_client_free(struct tls_client *c)
{
	if (!c)
		return;
	if (c->ctx)
		c->o->SSL_CTX_free(c->ctx);
	c->o->ERR_clear_error();
	free(c);
}

/* Whom the certificate must be for, and what the server is asked for. */
static bool expect_host(const struct openssl *o, SSL *ssl, const char *host, bool is_ip)
{
	o->SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
					  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_ip)
		return o->X509_VERIFY_PARAM_set1_ip_asc(o->SSL_get0_param(ssl), host) == 1;
	return o->SSL_set1_host(ssl, host) == 1 &&
	       o->SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			   (void *)host) == 1;
}

int tls_connect(struct tls_conn **out, const struct tls_client *c, int fd, const char *host,
		bool is_ip)
{
	const struct openssl *o = c->o;
	SSL *ssl = o->SSL_new(c->ctx);
	int r = -ENOMEM;

	if (ssl && expect_host(o, ssl, host, is_ip)) {
		o->SSL_set_connect_state(ssl);
		r = conn_make(out, o, ssl, fd);
	} else {
		o->SSL_free(ssl);
	}
	o->ERR_clear_error();
	return r;
}
