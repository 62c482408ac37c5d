/* SPDX-License-Identifier: ISC */
#include "seal/kdf.h"

#include <sodium.h>
#include <stdlib.h>

#define HASH_BYTES crypto_auth_hmacsha256_BYTES
_Static_assert(HKDF_PRK_BYTES == HASH_BYTES, "a hash");

/* RFC 5869 section 2.2: PRK = HMAC-Hash(salt, IKM). An absent salt is HashLen zeros. */
void hkdf_extract(unsigned char prk[HKDF_PRK_BYTES], struct bytes ikm, struct bytes salt)
{
	static const unsigned char no_salt[HASH_BYTES];
	crypto_auth_hmacsha256_state s;

	if (salt.n == 0)
		salt = bytes_of(no_salt, sizeof(no_salt));
	crypto_auth_hmacsha256_init(&s, salt.p, salt.n);
	crypto_auth_hmacsha256_update(&s, ikm.p, ikm.n);
	crypto_auth_hmacsha256_final(&s, prk);
	sodium_memzero(&s, sizeof(s));
}

/* RFC 5869 section 2.3: T(i) = HMAC-Hash(PRK, T(i-1) ‖ info ‖ i). */
void hkdf_expand(unsigned char *out, size_t out_len, const unsigned char prk[HKDF_PRK_BYTES],
		 struct bytes info)
{
	unsigned char t[HASH_BYTES], i = 0;
	crypto_auth_hmacsha256_state s;

	/* RFC 5869's limit; callers ask for a constant. GCOV_EXCL_START: what is counted dies with the process; test_seal_vectors sees it die */
	if (out_len > 255 * HASH_BYTES)
		abort();
	/* GCOV_EXCL_STOP */
	while (out_len > 0) {
		size_t n = out_len < HASH_BYTES ? out_len : HASH_BYTES;

		crypto_auth_hmacsha256_init(&s, prk, HKDF_PRK_BYTES);
		if (i > 0)
			crypto_auth_hmacsha256_update(&s, t, sizeof(t));
		crypto_auth_hmacsha256_update(&s, info.p, info.n);
		i++;
		crypto_auth_hmacsha256_update(&s, &i, 1);
		crypto_auth_hmacsha256_final(&s, t);
		memcpy(out, t, n);
		out += n;
		out_len -= n;
	}
	sodium_memzero(t, sizeof(t));
	sodium_memzero(&s, sizeof(s));
}

void hkdf_sha256(unsigned char *out, size_t out_len, struct bytes ikm, struct bytes salt,
		 struct bytes info)
{
	unsigned char prk[HKDF_PRK_BYTES];

	hkdf_extract(prk, ikm, salt);
	hkdf_expand(out, out_len, prk, info);
	sodium_memzero(prk, sizeof(prk));
}
