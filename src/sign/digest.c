/* SPDX-License-Identifier: ISC */
#include "sign/digest.h"

#include "base/text.h"
#include "sign/crypto.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096 /* one of 16384 would hold the courier up for a second */

struct sign_crypto sign_crypto;

static const EVP_MD *md(enum digest d)
{
	switch (d) {
	case DIGEST_SHA1:
		return sign_crypto.EVP_sha1();
	case DIGEST_SHA224:
		return sign_crypto.EVP_sha224();
	case DIGEST_SHA384:
		return sign_crypto.EVP_sha384();
	case DIGEST_SHA512:
		return sign_crypto.EVP_sha512();
	default:
		return sign_crypto.EVP_sha256();
	}
}

size_t digest_size(enum digest d)
{
	static const size_t sizes[DIGESTS] = {20, 28, 32, 48, 64};

	return sizes[d];
}

int digest_hash(enum digest d, struct bytes data, unsigned char out[DIGEST_MAX])
{
	return sign_crypto.EVP_Digest(data.n ? data.p : out, data.n, out, NULL, md(d), NULL) == 1
		       ? 0
		       : -ENOMEM;
}

int digest_hmac(enum digest d, struct bytes key, struct bytes data, unsigned char out[DIGEST_MAX])
{
	unsigned n = DIGEST_MAX;

	if (key.n > INT32_MAX)
		return -ENOMEM;
	return sign_crypto.HMAC(md(d), key.n ? key.p : out, (int)key.n, data.n ? data.p : out,
				data.n, out, &n)
		       ? 0
		       : -ENOMEM;
}

static int put_hex(int r, enum digest d, unsigned char raw[DIGEST_MAX], struct buf *out)
{
	if (r == 0)
		text_put_hex(out, bytes_of(raw, digest_size(d)));
	explicit_bzero(raw, DIGEST_MAX);
	return r < 0 ? r : buf_status(out);
}

int digest_put_hash(enum digest d, struct bytes data, struct buf *out)
{
	unsigned char raw[DIGEST_MAX];

	return put_hex(digest_hash(d, data, raw), d, raw, out);
}

int digest_put_hmac(enum digest d, struct bytes key, struct bytes data, struct buf *out)
{
	unsigned char raw[DIGEST_MAX];

	return put_hex(digest_hmac(d, key, data, raw), d, raw, out);
}

/* ---- RSA ---- */

/* A key with a passphrase is none: nobody is asked. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	return -1;
}

static EVP_PKEY *read_key(struct bytes pem)
{
	BIO *bio =
		pem.n && pem.n < INT32_MAX ? sign_crypto.BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *key;

	if (!bio)
		return NULL;
	key = sign_crypto.PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	sign_crypto.BIO_free(bio);
	if (key && (sign_crypto.EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
		    sign_crypto.EVP_PKEY_get_bits(key) < RSA_BITS_MIN ||
		    sign_crypto.EVP_PKEY_get_bits(key) > RSA_BITS_MAX)) {
		sign_crypto.EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static int sign(EVP_MD_CTX *ctx, EVP_PKEY *key, struct bytes data, struct buf *out)
{
	unsigned char signature[RSA_BITS_MAX / 8];
	size_t n = sizeof(signature);

	if (sign_crypto.EVP_DigestSignInit(ctx, NULL, sign_crypto.EVP_sha256(), NULL, key) != 1 ||
	    sign_crypto.EVP_DigestSign(ctx, signature, &n, data.p, data.n) != 1)
		return DIGEST_E_KEY;
	buf_put(out, signature, n);
	return buf_status(out);
}

int digest_sign_rs256(struct bytes pem, struct bytes data, struct buf *out)
{
	EVP_PKEY *key = read_key(pem);
	EVP_MD_CTX *ctx = key ? sign_crypto.EVP_MD_CTX_new() : NULL;
	int r = !key ? DIGEST_E_KEY : !ctx ? -ENOMEM : sign(ctx, key, data, out);

	sign_crypto.EVP_MD_CTX_free(ctx);
	sign_crypto.EVP_PKEY_free(key);
	sign_crypto.ERR_clear_error();
	return r;
}
