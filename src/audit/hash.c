/* SPDX-License-Identifier: ISC */
#include "audit/hash.h"

#include <sodium.h>

struct audit_nettle audit_nettle;

static void by_nettle(unsigned char prefix, struct bytes a, struct bytes b, unsigned char out[32])
{
	struct sha256_ctx s;

	audit_nettle.init(&s);
	audit_nettle.update(&s, 1, &prefix);
	audit_nettle.update(&s, a.n, a.p);
	audit_nettle.update(&s, b.n, b.p);
	audit_nettle.digest(&s, 32, out);
}

static void by_sodium(unsigned char prefix, struct bytes a, struct bytes b, unsigned char out[32])
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, &prefix, 1);
	crypto_hash_sha256_update(&s, a.p, a.n);
	crypto_hash_sha256_update(&s, b.p, b.n);
	crypto_hash_sha256_final(&s, out);
}

void audit_hash(unsigned char prefix, struct bytes a, struct bytes b, unsigned char out[32])
{
	if (audit_nettle.init)
		by_nettle(prefix, a, b, out);
	else
		by_sodium(prefix, a, b, out);
}
