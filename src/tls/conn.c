/* SPDX-License-Identifier: ISC */
#include "tls/internal.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>

struct tls_conn {
	const struct openssl *o;
	SSL *ssl;
	int fd;
	bool broken; /* nothing more can be said */
	bool frugal; /* it holds no buffers that nothing is in */
};

/* ---- bytes go through recv() and send(), which the front's sandbox lets through; OpenSSL's own would read() and write() ---- */

static int moved(const struct tls_conn *c, BIO *b, ssize_t n, int flag)
{
	c->o->BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		c->o->BIO_set_flags(b, flag | BIO_FLAGS_SHOULD_RETRY);
	return (int)n;
}

static long bio_ctrl(BIO *b, int command, long n, void *p)
{
	return command == BIO_CTRL_FLUSH;
}

/* OpenSSL gives no argument but the BIO, whose accessors are in the table. */
static const struct openssl *library;

static int bio_write(BIO *b, const char *p, int n)
{
	const struct tls_conn *c = library->BIO_get_data(b);

	return moved(c, b, send(c->fd, p, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT), BIO_FLAGS_WRITE);
}

static int bio_read(BIO *b, char *p, int n)
{
	const struct tls_conn *c = library->BIO_get_data(b);

	return moved(c, b, recv(c->fd, p, (size_t)n, MSG_DONTWAIT), BIO_FLAGS_READ);
}

static BIO_METHOD *method(const struct openssl *o)
{
	static BIO_METHOD *m;

	if (m)
		return m;
	library = o;
	m = o->BIO_meth_new(o->BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
	if (m && (!o->BIO_meth_set_write(m, bio_write) || !o->BIO_meth_set_read(m, bio_read) ||
		  !o->BIO_meth_set_ctrl(m, bio_ctrl)))
		m = NULL;
	return m;
}

/* ---- a connection ---- */

int conn_make(struct tls_conn **out, const struct openssl *o, SSL *ssl, int fd)
{
	struct tls_conn *c = calloc(1, sizeof(*c));
	BIO *b = c && method(o) ? o->BIO_new(method(o)) : NULL;

	if (!b) {
		o->SSL_free(ssl);
		free(c);
		return -ENOMEM;
	}
	*c = (struct tls_conn){.o = o, .ssl = ssl, .fd = fd};
	o->BIO_set_data(b, c);
	o->BIO_set_init(b, 1);
	o->SSL_set_bio(ssl, b, b); /* SSL owns it */
	*out = c;
	return 0;
}

int tls_conn_new(struct tls_conn **out, const struct tls_server *s, int fd)
{
	SSL *ssl = s->o->SSL_new(s->ctx);
	int r = -ENOMEM;

	if (ssl) {
		s->o->SSL_set_accept_state(ssl);
		r = conn_make(out, s->o, ssl, fd);
	}
	if (r == 0)
		(*out)->frugal = true;
	s->o->ERR_clear_error();
	return r;
}

void tls_conn_free(struct tls_conn *c)
{
	if (!c)
		return;
	c->o->SSL_free(c->ssl);
	free(c);
}

/* What a call of OpenSSL's that gave R means. */
static int outcome(struct tls_conn *c, int r)
{
	int e = r == 1 ? SSL_ERROR_NONE : c->o->SSL_get_error(c->ssl, r);

	/* Left in the queue it would be taken for the next call's. (To look first is cheap, to clear is not.) */
	if (c->o->ERR_peek_last_error())
		c->o->ERR_clear_error();
	switch (e) {
	case SSL_ERROR_NONE:
		return 0;
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_ENDED;
	default:
		c->broken = true;
		return -EPROTO;
	}
}

int tls_handshake(struct tls_conn *c)
{
	return outcome(c, c->o->SSL_do_handshake(c->ssl));
}

bool tls_has_h2(const struct tls_conn *c)
{
	const unsigned char *p;
	unsigned n;

	c->o->SSL_get0_alpn_selected(c->ssl, &p, &n);
	return bytes_is(bytes_of(p, n), "h2");
}

int tls_recv(struct tls_conn *c, void *p, size_t n, size_t *got)
{
	return outcome(c, c->o->SSL_read_ex(c->ssl, p, n, got));
}

int tls_send(struct tls_conn *c, const void *p, size_t n, size_t *sent)
{
	int r = outcome(c, c->o->SSL_write_ex(c->ssl, p, n, sent));

	/* SSL_MODE_RELEASE_BUFFERS frees what was read into, but not what was written from. */
	if (r == 0 && c->frugal)
		tls_release(c);
	return r;
}

void tls_release(struct tls_conn *c)
{
	(void)c->o->SSL_free_buffers(c->ssl);
}

bool tls_pending(const struct tls_conn *c)
{
	return c->o->SSL_has_pending(c->ssl);
}

void tls_close(struct tls_conn *c)
{
	if (!c->broken)
		(void)outcome(c, c->o->SSL_shutdown(c->ssl));
}

/* ---- who it is ---- */

static void tell_key(const struct openssl *o, X509 *x, tls_identity_fn *fn, void *arg)
{
	unsigned char *der = NULL;
	int n = o->i2d_X509_PUBKEY(o->X509_get_X509_PUBKEY(x), &der);

	if (n > 0)
		fn(arg, TLS_SPKI, bytes_of(der, (size_t)n));
	o->CRYPTO_free(der, __FILE__, __LINE__);
}

static void tell_names(const struct openssl *o, X509 *x, tls_identity_fn *fn, void *arg)
{
	GENERAL_NAMES *names = o->X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const OPENSSL_STACK *stack = (const OPENSSL_STACK *)names;
	int n = names ? o->OPENSSL_sk_num(stack) : 0;

	for (int i = 0; i < n && i < TLS_IDENTITIES_MAX - 1; i++) {
		const GENERAL_NAME *name = o->OPENSSL_sk_value(stack, i);
		const ASN1_STRING *text = name->d.ia5;

		if (name->type == GEN_DNS || name->type == GEN_URI)
			fn(arg, name->type == GEN_DNS ? TLS_DNS : TLS_URI,
			   bytes_of(o->ASN1_STRING_get0_data(text),
				    (size_t)o->ASN1_STRING_length(text)));
	}
	o->GENERAL_NAMES_free(names);
	o->ERR_clear_error();
}

void tls_peer(const struct tls_conn *c, tls_identity_fn *fn, void *arg)
{
	X509 *x = c->o->SSL_get0_peer_certificate(c->ssl);

	if (!x)
		return;
	tell_key(c->o, x, fn, arg);
	tell_names(c->o, x, fn, arg);
}

bool tls_peer_good(const struct tls_conn *c, const struct tls_server *s)
{
	const struct openssl *o = c->o;
	X509 *x = o->SSL_get0_peer_certificate(c->ssl);
	X509_STORE_CTX *look;
	bool good;

	if (!x)
		return true;
	look = o->X509_STORE_CTX_new();
	good = look &&
	       o->X509_STORE_CTX_init(look, o->SSL_CTX_get_cert_store(s->ctx), x,
				      o->SSL_get_peer_cert_chain(c->ssl)) == 1 &&
	       o->X509_STORE_CTX_set_default(look, "ssl_client") == 1 &&
	       o->X509_verify_cert(look) == 1;
	o->X509_STORE_CTX_free(look);
	o->ERR_clear_error();
	return good;
}
