/* SPDX-License-Identifier: ISC */
#include "seal/handle.h"
#include "seal/kdf.h"

#include <sodium.h>

/* Derived, not a hash of the key: it stands in every handle and must not help to guess the key. */
void root_key_id(unsigned char id[KEY_ID_BYTES], const unsigned char secret[ROOT_KEY_BYTES])
{
	hkdf_sha256(id, KEY_ID_BYTES, bytes_of(secret, ROOT_KEY_BYTES), bytes_of(NULL, 0),
		    BYTES("postern/v1/key-id"));
}

int keyring_add(struct keyring *ring, const unsigned char secret[ROOT_KEY_BYTES],
		enum root_key_state state)
{
	unsigned char id[KEY_ID_BYTES];
	struct root_key *k;

	if (sodium_is_zero(secret, ROOT_KEY_BYTES))
		return -EINVAL;
	root_key_id(id, secret);
	for (size_t i = 0; i < ring->n; i++)
		if (memcmp(ring->keys[i].id, id, KEY_ID_BYTES) == 0)
			return -EEXIST;
	if (ring->n == KEYRING_MAX)
		return -ENOSPC;
	k = &ring->keys[ring->n++];
	k->state = state;
	memcpy(k->id, id, KEY_ID_BYTES);
	hkdf_extract(k->prk, bytes_of(secret, ROOT_KEY_BYTES), bytes_of(NULL, 0));
	return 0;
}

void keyring_wipe(struct keyring *ring)
{
	sodium_memzero(ring, sizeof(*ring));
}
