/* SPDX-License-Identifier: ISC */
/* Hashes, RSA and tokens, against published values and against OpenSSL's own verification. */
#include "test.h"

#include "base/json.h"
#include "base/text.h"
#include "sign/jwt.h"
#include "sys/crypto.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>

static void test_hashes(void **state)
{
	static const struct {
		enum digest digest;
		const char *key, *data, *hex; /* no key: a hash */
	} cases[] = {
		{DIGEST_SHA1, NULL, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{DIGEST_SHA1, NULL, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		{DIGEST_SHA256, NULL, "abc",
		 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		/* RFC 4231 case 2, RFC 2202 case 2 */
		{DIGEST_SHA224, "Jefe", "what do ya want for nothing?",
		 "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"},
		{DIGEST_SHA256, "Jefe", "what do ya want for nothing?",
		 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{DIGEST_SHA1, "Jefe", "what do ya want for nothing?",
		 "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		/* published by DNS Made Easy */
		{DIGEST_SHA1, "c9b5625f-9834-4ff8-baba-4ed5f32cae55",
		 "Sat, 12 Feb 2011 20:59:04 GMT", "b3502e6116a324f3cf4a8ed693d78bcee8d8fe3c"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(200);
		int r = cases[i].key
				? digest_put_hmac(cases[i].digest, bytes_str(cases[i].key),
						  bytes_str(cases[i].data), &out)
				: digest_put_hash(cases[i].digest, bytes_str(cases[i].data), &out);

		assert_int_equal(r, 0);
		assert_true(bytes_is(buf_bytes(&out), cases[i].hex));
		assert_int_equal(out.n, 2 * digest_size(cases[i].digest));
		buf_done(&out);
	}
}

/* A fresh key as PEM. */
static EVP_PKEY *make_key(const char *type, unsigned bits, struct buf *pem)
{
	EVP_PKEY *key = bits ? EVP_RSA_gen(bits) : EVP_PKEY_Q_keygen(NULL, NULL, type, "P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long n;

	assert_non_null(key);
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &p);
	buf_put(pem, p, (size_t)n);
	BIO_free(bio);
	return key;
}

static bool verifies(EVP_PKEY *key, struct bytes data, struct bytes signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, signature.p, signature.n, data.p, data.n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

static void test_jwt(void **state)
{
	struct buf pem = BUF_INIT(8192), token = BUF_INIT(16384), signature = BUF_INIT(1024),
		   part = BUF_INIT(1024);
	EVP_PKEY *key = make_key("RSA", 2048, &pem);
	struct bytes rest;
	size_t dot;

	assert_int_equal(jwt_put(BYTES("{\"alg\":\"RS256\"}"), BYTES("{\"iss\":\"x\"}"),
				 buf_bytes(&pem), &token),
			 0);
	rest = buf_bytes(&token);
	dot = bytes_find(rest, BYTES("."));
	assert_int_equal(text_from_b64url(bytes_of(rest.p, dot), &part), 0);
	assert_true(bytes_is(buf_bytes(&part), "{\"alg\":\"RS256\"}"));
	rest = bytes_skip(rest, dot + 1);
	dot = bytes_find(rest, BYTES("."));
	buf_reset(&part);
	assert_int_equal(text_from_b64url(bytes_of(rest.p, dot), &part), 0);
	assert_true(bytes_is(buf_bytes(&part), "{\"iss\":\"x\"}"));
	rest = bytes_skip(rest, dot + 1);
	assert_int_equal(text_from_b64url(rest, &signature), 0);
	assert_true(verifies(key, bytes_of(token.p, token.n - rest.n - 1), buf_bytes(&signature)));
	signature.p[7] ^= 1;
	assert_false(verifies(key, bytes_of(token.p, token.n - rest.n - 1), buf_bytes(&signature)));
	EVP_PKEY_free(key);
	buf_done(&pem);
	buf_done(&token);
	buf_done(&signature);
	buf_done(&part);
}

static void test_keys_that_are_none(void **state)
{
	static const struct bytes bad[] = {
		BYTES(""), BYTES("x"),
		BYTES("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"),
		BYTES("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE "
		      "KEY-----\n")};
	struct buf pem = BUF_INIT(8192), out = BUF_INIT(1024);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(digest_sign_rs256(bad[i], BYTES("data"), &out), DIGEST_E_KEY);
	EVP_PKEY_free(make_key("RSA", 1024, &pem));
	assert_int_equal(digest_sign_rs256(buf_bytes(&pem), BYTES("data"), &out), DIGEST_E_KEY);
	buf_reset(&pem);
	EVP_PKEY_free(make_key("EC", 0, &pem));
	assert_int_equal(digest_sign_rs256(buf_bytes(&pem), BYTES("data"), &out), DIGEST_E_KEY);
	/* One of 4104 bits: each signature would hold all other calls up, and there are larger ones. */
	buf_done(&pem);
	pem = test_file("fuzz/corpus/jwt/long");
	buf_consume(&pem, bytes_find(buf_bytes(&pem), BYTES("-")));
	assert_int_equal(digest_sign_rs256(buf_bytes(&pem), BYTES("data"), &out), DIGEST_E_KEY);
	assert_int_equal(out.n, 0);
	buf_done(&pem);
	buf_done(&out);
}

static int setup(void **state)
{
	return crypto_load();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_jwt),
		cmocka_unit_test(test_keys_that_are_none),
	};

	return cmocka_run_group_tests_name("sign", tests, setup, NULL);
}
