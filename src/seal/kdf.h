/* SPDX-License-Identifier: ISC */
#pragma once

#include "base/bytes.h"

/*
 * HKDF-SHA256 (RFC 5869), extract and expand in one, on libsodium's HMAC. OUT_LEN at most 255·32 bytes, else it
 * aborts: lengths are fixed by our callers. Intermediate keys are wiped.
 */
void hkdf_sha256(unsigned char *out, size_t out_len, struct bytes ikm, struct bytes salt,
		 struct bytes info);
