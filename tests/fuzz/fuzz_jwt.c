/* SPDX-License-Identifier: ISC */
/*
 * A token, signed with whatever a customer says is his service account's key. Input: the claims up to a NUL, then the key. What is signed has the three parts that it should, and a signature of the key's
 * size; keys that would take long are none.
 */
#include "base/text.h"
#include "fuzz.h"
#include "sign/digest.h"
#include "sign/jwt.h"
#include "sys/crypto.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define HEADER	  "{\"alg\":\"RS256\"}"
#define TOKEN_MAX (16 * 1024)

static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	return -1;
}

static size_t signature_size(struct bytes pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	size_t size;

	CHECK(key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA);
	CHECK(EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 4096);
	size = (size_t)EVP_PKEY_get_size(key);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return size;
}

static void check_part(struct bytes *token, struct bytes want)
{
	struct buf plain = BUF_INIT(TOKEN_MAX);

	CHECK(text_from_b64url(fuzz_part(token, '.'), &plain) == 0);
	CHECK(bytes_eq(buf_bytes(&plain), want));
	buf_done(&plain);
}

static void check_token(struct bytes token, struct bytes claims, struct bytes pem)
{
	struct buf signature = BUF_INIT(TOKEN_MAX);

	check_part(&token, BYTES(HEADER));
	check_part(&token, claims);
	CHECK(text_from_b64url(token, &signature) == 0);
	CHECK(signature.n == signature_size(pem));
	buf_done(&signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), claims = fuzz_part(&in, 0);
	struct buf token = BUF_INIT(TOKEN_MAX);
	int r;

	if (size > TOKEN_MAX / 2)
		return 0;
	CHECK(crypto_load() == 0);
	buf_puts(&token, "x");
	r = jwt_put(BYTES(HEADER), claims, in, &token);
	CHECK(r == 0 || r == DIGEST_E_KEY);
	if (r == 0)
		check_token(bytes_skip(buf_bytes(&token), 1), claims, in);
	else
		CHECK(token.n == 1);
	buf_done(&token);
	ERR_clear_error();
	return 0;
}
