/* SPDX-License-Identifier: ISC */
#pragma once

/* Hashes and signatures by libcrypto. The table of sign/crypto.h must be filled in. */
#include "base/buf.h"

#define DIGEST_MAX 64

enum digest { DIGEST_SHA1, DIGEST_SHA224, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGESTS };

size_t digest_size(enum digest d); /* bytes, at most DIGEST_MAX */
/* 0 or -ENOMEM. */
int digest_hash(enum digest d, struct bytes data, unsigned char out[DIGEST_MAX]) must_check;
/* RFC 2104. 0 or -ENOMEM. */
int digest_hmac(enum digest d, struct bytes key, struct bytes data,
		unsigned char out[DIGEST_MAX]) must_check;

/* The same, appended in lower-case hex. */
int digest_put_hash(enum digest d, struct bytes data, struct buf *out) must_check;
int digest_put_hmac(enum digest d, struct bytes key, struct bytes data, struct buf *out) must_check;

enum { DIGEST_E_KEY = 1 };
/*
 * Append an RSASSA-PKCS1-v1_5 signature with SHA-256 (RFC 8017 section 8.2). PEM: an RSA key of 2048 to 4096 bits, PKCS#8 or PKCS#1, not encrypted. 0, DIGEST_E_KEY or
 * -ENOMEM.
 */
int digest_sign_rs256(struct bytes pem, struct bytes data, struct buf *out) must_check;
