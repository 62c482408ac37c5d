/* SPDX-License-Identifier: ISC */
#pragma once

#include "base/bytes.h"

#define HKDF_PRK_BYTES 32

/* HKDF-SHA256 (RFC 5869), on libsodium's HMAC: its first half, of which the result may serve many times. */
void hkdf_extract(unsigned char prk[HKDF_PRK_BYTES], struct bytes ikm, struct bytes salt);
/* Its second half. OUT_LEN at most 255·32 bytes, else it aborts: lengths are fixed by our callers. */
void hkdf_expand(unsigned char *out, size_t out_len, const unsigned char prk[HKDF_PRK_BYTES],
		 struct bytes info);
/* Both in one. Intermediate keys are wiped. */
void hkdf_sha256(unsigned char *out, size_t out_len, struct bytes ikm, struct bytes salt,
		 struct bytes info);
