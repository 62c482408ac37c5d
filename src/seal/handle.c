/* SPDX-License-Identifier: ISC */
#include "seal/handle.h"

#include "base/text.h"
#include "seal/fields.h"
#include "seal/kdf.h"

#include <assert.h>
#include <sodium.h>

#define PREFIX_LEN 5
#define PAD_BLOCK  64
#define OVERHEAD   (KEY_ID_BYTES + NONCE_BYTES + crypto_secretbox_MACBYTES)

static_assert(ROOT_KEY_BYTES == crypto_secretbox_KEYBYTES,
	      "HKDF makes a secretbox key of a root key");
static_assert(NONCE_BYTES == crypto_secretbox_NONCEBYTES, "nonce");

static const struct kind {
	const char *prefix;
	const char *info;
	size_t text_max;
} kinds[] = {
	[HANDLE_INTEGRATION] = {"pti1_", "postern/v1/integration", INTEGRATION_HANDLE_MAX},
	[HANDLE_RECORD] = {"ptr1_", "postern/v1/record", RECORD_HANDLE_MAX},
	[HANDLE_SETUP] = {"pts1_", "postern/v1/setup", SETUP_HANDLE_MAX},
};

/*
 * The key for one kind, root key and customer: secretbox has no associated data, so they are bound
 * here. The customer is within its limit.
 */
static int derive(unsigned char key[crypto_secretbox_KEYBYTES], enum handle_kind kind,
		  const struct root_key *root, struct bytes customer)
{
	struct buf info = BUF_INIT(CUSTOMER_MAX + 64);
	int r;

	buf_puts(&info, kinds[kind].info);
	buf_putc(&info, 0);
	buf_put(&info, root->id, KEY_ID_BYTES);
	buf_put_be16(&info, (uint16_t)customer.n);
	buf_put_bytes(&info, customer);
	r = buf_status(&info);
	if (r == 0)
		hkdf_expand(key, crypto_secretbox_KEYBYTES, root->prk, buf_bytes(&info));
	buf_done(&info);
	return r;
}

/* ---- sealing ---- */

static const struct root_key *sealing_key(const struct keyring *ring)
{
	for (size_t i = 0; i < ring->n; i++)
		if (ring->keys[i].state == KEY_ACTIVE)
			return &ring->keys[i];
	return NULL;
}

/* ISO/IEC 7816-4: one 0x80, then zeros. The length of the plaintext tells little then. */
static void pad(struct buf *plain)
{
	static const unsigned char zeros[PAD_BLOCK];

	buf_putc(plain, 0x80);
	buf_put(plain, zeros, (PAD_BLOCK - plain->n % PAD_BLOCK) % PAD_BLOCK);
}

/* A buffer that is full says that the handle would be too long. */
static int status(const struct buf *b)
{
	return buf_status(b) == -ENOBUFS ? HANDLE_E_TOO_LONG : buf_status(b);
}

static int seal(enum handle_kind kind, const struct root_key *root,
		const unsigned char nonce[NONCE_BYTES], struct bytes customer, struct buf *plain,
		struct buf *out)
{
	unsigned char key[crypto_secretbox_KEYBYTES];
	struct buf box = BUF_INIT(INTEGRATION_HANDLE_MAX);
	unsigned char *sealed;
	int r;

	pad(plain);
	buf_reserve(&box, OVERHEAD + plain->n);
	buf_put(&box, root->id, KEY_ID_BYTES);
	buf_put(&box, nonce, NONCE_BYTES);
	sealed = buf_extend(&box, plain->n + crypto_secretbox_MACBYTES);
	r = status(plain);
	if (r == 0)
		r = status(&box);
	if (r == 0 && PREFIX_LEN + (box.n * 4 + 2) / 3 > kinds[kind].text_max)
		r = HANDLE_E_TOO_LONG;
	if (r == 0)
		r = derive(key, kind, root, customer);
	if (r == 0) {
		crypto_secretbox_easy(sealed, plain->p, plain->n, nonce, key);
		sodium_memzero(key, sizeof(key));
		buf_puts(out, kinds[kind].prefix);
		text_put_b64url(out, buf_bytes(&box));
		r = buf_status(out);
	}
	buf_done(&box);
	return r;
}

int integration_seal(const struct keyring *ring, const unsigned char nonce[NONCE_BYTES],
		     const struct integration *in, struct buf *out)
{
	const struct root_key *root = sealing_key(ring);
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration again;
	int r;

	if (!root)
		return HANDLE_E_NO_KEY;
	if (!fields_fit_integration(in))
		return HANDLE_E_TOO_LONG;
	fields_put_integration(&plain, root->id, in);
	r = status(&plain);
	if (r == 0 &&
	    fields_get_integration(buf_bytes(&plain), root->id, in->customer, &again) != 0)
		r = -EINVAL; /* it would never open */
	if (r == 0)
		r = seal(HANDLE_INTEGRATION, root, nonce, in->customer, &plain, out);
	buf_done(&plain);
	return r;
}

int record_seal(const struct keyring *ring, const unsigned char nonce[NONCE_BYTES],
		const struct record *in, struct buf *out)
{
	const struct root_key *root = sealing_key(ring);
	struct buf plain = BUF_INIT(RECORD_HANDLE_MAX);
	struct record again;
	int r;

	if (!root)
		return HANDLE_E_NO_KEY;
	if (!fields_fit_record(in))
		return HANDLE_E_TOO_LONG;
	fields_put_record(&plain, root->id, in);
	r = status(&plain);
	if (r == 0 && fields_get_record(buf_bytes(&plain), root->id, in->customer, &again) != 0)
		r = -EINVAL; /* it would never open */
	if (r == 0)
		r = seal(HANDLE_RECORD, root, nonce, in->customer, &plain, out);
	buf_done(&plain);
	return r;
}

int setup_seal(const struct keyring *ring, const unsigned char nonce[NONCE_BYTES],
	       const struct setup *in, struct buf *out)
{
	const struct root_key *root = sealing_key(ring);
	struct buf plain = BUF_INIT(SETUP_HANDLE_MAX);
	struct setup again;
	int r;

	if (!root)
		return HANDLE_E_NO_KEY;
	if (!fields_fit_setup(in))
		return HANDLE_E_TOO_LONG;
	fields_put_setup(&plain, root->id, in);
	r = status(&plain);
	if (r == 0 && fields_get_setup(buf_bytes(&plain), root->id, in->customer, &again) != 0)
		r = -EINVAL; /* it would never open */
	if (r == 0)
		r = seal(HANDLE_SETUP, root, nonce, in->customer, &plain, out);
	buf_done(&plain);
	return r;
}

/* ---- opening ---- */

/* The bytes behind the prefix, long enough to hold a padded box. 0, HANDLE_E_INVALID or -errno. */
static int decode(enum handle_kind kind, struct bytes text, struct buf *raw)
{
	int r;

	if (text.n > kinds[kind].text_max || !bytes_starts(text, bytes_str(kinds[kind].prefix)))
		return HANDLE_E_INVALID;
	r = text_from_b64url(bytes_skip(text, PREFIX_LEN), raw);
	if (r < 0)
		return r;
	return r > 0 || raw->n < OVERHEAD + PAD_BLOCK || (raw->n - OVERHEAD) % PAD_BLOCK != 0
		       ? HANDLE_E_INVALID
		       : 0;
}

int handle_peek(struct bytes text, struct handle_head *out)
{
	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++) {
		struct buf raw = BUF_INIT(INTEGRATION_HANDLE_MAX);
		int r = decode((enum handle_kind)kind, text, &raw);

		if (r == 0) {
			out->kind = (enum handle_kind)kind;
			memcpy(out->key_id, raw.p, KEY_ID_BYTES);
		}
		buf_done(&raw);
		if (r != HANDLE_E_INVALID)
			return r;
	}
	return HANDLE_E_INVALID;
}

static const struct root_key *opening_key(const struct keyring *ring,
					  const unsigned char id[KEY_ID_BYTES])
{
	for (size_t i = 0; i < ring->n; i++)
		if (memcmp(ring->keys[i].id, id, KEY_ID_BYTES) == 0)
			return &ring->keys[i];
	return NULL;
}

/* Cut the padding off. */
static int unpad(struct buf *plain)
{
	size_t n;

	if (sodium_unpad(&n, plain->p, plain->n, PAD_BLOCK) != 0)
		return HANDLE_E_INVALID;
	buf_truncate(plain, n);
	return 0;
}

static int unseal(enum handle_kind kind, const struct root_key *root, struct bytes raw,
		  struct bytes customer, struct buf *plain)
{
	unsigned char key[crypto_secretbox_KEYBYTES];
	const unsigned char *nonce = raw.p + KEY_ID_BYTES, *sealed = nonce + NONCE_BYTES;
	size_t n = raw.n - KEY_ID_BYTES - NONCE_BYTES;
	unsigned char *to;
	int r;

	r = derive(key, kind, root, customer);
	if (r < 0)
		return r;
	to = buf_extend(plain, n - crypto_secretbox_MACBYTES);
	r = buf_status(plain);
	if (r == 0 && crypto_secretbox_open_easy(to, sealed, n, nonce, key) != 0)
		r = HANDLE_E_INVALID;
	sodium_memzero(key, sizeof(key));
	return r ? r : unpad(plain);
}

/* Open TEXT into PLAIN, without padding. KEY_ID says which root key it was. */
static int open_text(const struct keyring *ring, enum handle_kind kind, struct bytes text,
		     struct bytes customer, struct buf *plain, unsigned char key_id[KEY_ID_BYTES])
{
	struct buf raw = BUF_INIT(INTEGRATION_HANDLE_MAX);
	const struct root_key *root;
	int r = customer.n > CUSTOMER_MAX ? HANDLE_E_INVALID : decode(kind, text, &raw);

	if (r == 0) {
		memcpy(key_id, raw.p, KEY_ID_BYTES);
		root = opening_key(ring, key_id);
		r = root ? unseal(kind, root, buf_bytes(&raw), customer, plain) : HANDLE_E_INVALID;
	}
	buf_done(&raw);
	return r;
}

int integration_open(const struct keyring *ring, struct bytes text, struct bytes customer,
		     struct buf *plain, struct integration *out)
{
	unsigned char key_id[KEY_ID_BYTES];
	int r = open_text(ring, HANDLE_INTEGRATION, text, customer, plain, key_id);

	if (r == 0)
		r = fields_get_integration(buf_bytes(plain), key_id, customer, out);
	if (r != 0)
		buf_done(plain);
	return r;
}

int record_open(const struct keyring *ring, struct bytes text, struct bytes customer,
		struct buf *plain, struct record *out)
{
	unsigned char key_id[KEY_ID_BYTES];
	int r = open_text(ring, HANDLE_RECORD, text, customer, plain, key_id);

	if (r == 0)
		r = fields_get_record(buf_bytes(plain), key_id, customer, out);
	if (r != 0)
		buf_done(plain);
	return r;
}

int setup_open(const struct keyring *ring, struct bytes text, struct bytes customer,
	       struct buf *plain, struct setup *out)
{
	unsigned char key_id[KEY_ID_BYTES];
	int r = open_text(ring, HANDLE_SETUP, text, customer, plain, key_id);

	if (r == 0)
		r = fields_get_setup(buf_bytes(plain), key_id, customer, out);
	if (r != 0)
		buf_done(plain);
	return r;
}
