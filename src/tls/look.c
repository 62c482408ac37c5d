/* SPDX-License-Identifier: ISC */
#include "tls/look.h"

#include "tls/openssl.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

/* Seconds since 1970; 0 where it cannot be told. */
static int64_t seconds(const struct openssl *o, const ASN1_TIME *t)
{
	struct tm tm;

	return t && o->ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* The earlier of the two; 0 is none. */
static int64_t earlier(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* ---- names ---- */

static void add_name(char names[TLS_NAMES_MAX], struct bytes text)
{
	size_t n = strlen(names);
	const char *comma = n ? ", " : "";

	if (!bytes_printable(text))
		text = BYTES("?");
	/* Room for the dots is always left. */
	if (n + strlen(comma) + text.n + sizeof(", ...") <= TLS_NAMES_MAX)
		snprintf(names + n, TLS_NAMES_MAX - n, "%s%.*s", comma, (int)text.n,
			 (const char *)text.p);
	else if (n < 3 || strcmp(names + n - 3, "...") != 0)
		snprintf(names + n, TLS_NAMES_MAX - n, "%s...", comma);
}

static void take_names(const struct openssl *o, X509 *x, char names[TLS_NAMES_MAX])
{
	GENERAL_NAMES *all = o->X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const OPENSSL_STACK *stack = (const OPENSSL_STACK *)all;
	int n = all ? o->OPENSSL_sk_num(stack) : 0;

	for (int i = 0; i < n; i++) {
		const GENERAL_NAME *name = o->OPENSSL_sk_value(stack, i);
		struct bytes v = bytes_of(o->ASN1_STRING_get0_data(name->d.ia5),
					  (size_t)o->ASN1_STRING_length(name->d.ia5));
		char text[INET6_ADDRSTRLEN];

		if (name->type == GEN_DNS)
			add_name(names, v);
		else if (name->type == GEN_IPADD && (v.n == 4 || v.n == 16) &&
			 inet_ntop(v.n == 4 ? AF_INET : AF_INET6, v.p, text, sizeof(text)))
			add_name(names, bytes_str(text));
	}
	o->GENERAL_NAMES_free(all);
}

/* ---- files ---- */

/* The one before is the server's own, or vouched for. */
static void take_chain(const struct openssl *o, struct tls_look *l, X509 *x, X509 *before)
{
	if (!before) {
		l->from = seconds(o, o->X509_get0_notBefore(x));
		l->until = seconds(o, o->X509_get0_notAfter(x));
		take_names(o, x, l->names);
	} else if (o->X509_check_issued(x, before) != X509_V_OK) {
		l->ordered = false;
	}
	l->chain++;
}

static int look_at_chain(const struct openssl *o, struct bytes pem, struct tls_look *l)
{
	BIO *in = o->BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *x, *before = NULL;

	if (!in)
		return -ENOMEM;
	while ((x = o->PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		take_chain(o, l, x, before);
		o->X509_free(before);
		before = x;
	}
	o->X509_free(before);
	o->BIO_free(in);
	return l->chain ? 0 : -EBADMSG;
}

static int look_at_authorities(const struct openssl *o, struct bytes pem, struct tls_look *l)
{
	BIO *in = o->BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *x;

	if (!in)
		return -ENOMEM;
	while ((x = o->PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		l->ca_until = earlier(l->ca_until, seconds(o, o->X509_get0_notAfter(x)));
		o->X509_free(x);
	}
	o->BIO_free(in);
	return l->ca_until ? 0 : -EBADMSG;
}

static int look_at_lists(const struct openssl *o, struct bytes pem, struct tls_look *l)
{
	BIO *in = o->BIO_new_mem_buf(pem.p, (int)pem.n);
	X509_CRL *crl;

	if (!in)
		return -ENOMEM;
	while ((crl = o->PEM_read_bio_X509_CRL(in, NULL, NULL, NULL))) {
		l->crl_until = earlier(l->crl_until, seconds(o, o->X509_CRL_get0_nextUpdate(crl)));
		o->X509_CRL_free(crl);
	}
	o->BIO_free(in);
	return 0;
}

int tls_look(struct tls_look *out, const struct tls_files *files)
{
	struct tls_look l = {.ordered = true};
	const struct openssl *o;
	int r = openssl_load(&o);

	if (r == 0)
		r = look_at_chain(o, files->certificate, &l);
	if (r == 0 && files->client_ca.n)
		r = look_at_authorities(o, files->client_ca, &l);
	if (r == 0 && files->client_crl.n)
		r = look_at_lists(o, files->client_crl, &l);
	if (r == 0)
		*out = l;
	return r;
}
