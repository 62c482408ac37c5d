/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The functions of OpenSSL's libcrypto that signatures are made of. Not linked: Postern is one binary for all roles, and only the couriers sign. They fill the table in at their
 * start (sys/crypto.h); everything here computes, and nothing else.
 */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#define SIGN_FUNCTIONS(F)                                                                          \
	F(BIO_free)                                                                                \
	F(BIO_new_mem_buf)                                                                         \
	F(ERR_clear_error)                                                                         \
	F(EVP_Digest)                                                                              \
	F(EVP_DigestSign)                                                                          \
	F(EVP_DigestSignInit)                                                                      \
	F(EVP_MD_CTX_free)                                                                         \
	F(EVP_MD_CTX_new)                                                                          \
	F(EVP_PKEY_free)                                                                           \
	F(EVP_PKEY_get_base_id)                                                                    \
	F(EVP_PKEY_get_bits)                                                                       \
	F(EVP_sha1)                                                                                \
	F(EVP_sha224)                                                                              \
	F(EVP_sha256)                                                                              \
	F(EVP_sha384)                                                                              \
	F(EVP_sha512)                                                                              \
	F(HMAC)                                                                                    \
	F(PEM_read_bio_PrivateKey)

struct sign_crypto {
#define F(name) __typeof__(&name) name;
	SIGN_FUNCTIONS(F)
#undef F
};
extern struct sign_crypto sign_crypto;
