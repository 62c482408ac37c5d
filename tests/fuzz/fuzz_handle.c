/* SPDX-License-Identifier: ISC */
/*
 * Handles: the input as a handle's text, and as the plaintext behind a seal that is right, so that
 * padding and fields are reached. Nothing opens unsealed; what opens seals again as the same text.
 */
#include "base/text.h"
#include "seal/handle.h"
#include "seal/kdf.h"

#include <sodium.h>
#include <stdlib.h>

#define BLOCK	  64
#define INPUT_MAX (32 * 1024)

static const struct keyring ring = {
	.n = 1, .keys = {{.id = {1, 2, 3, 4}, .state = KEY_ACTIVE, .prk = "a fuzzing key"}}};
static const unsigned char nonce[NONCE_BYTES];

/* Open TEXT as KIND. What opens is sealed again into AGAIN. */
static bool opens(enum handle_kind kind, struct bytes text, struct bytes customer,
		  struct buf *again)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration i;
	struct record r;
	struct setup s;
	int sealed, opened = kind == HANDLE_INTEGRATION
				     ? integration_open(&ring, text, customer, &plain, &i)
			     : kind == HANDLE_RECORD
				     ? record_open(&ring, text, customer, &plain, &r)
				     : setup_open(&ring, text, customer, &plain, &s);

	if (opened == 0) {
		sealed = kind == HANDLE_INTEGRATION ? integration_seal(&ring, nonce, &i, again)
			 : kind == HANDLE_RECORD    ? record_seal(&ring, nonce, &r, again)
						    : setup_seal(&ring, nonce, &s, again);
		if (sealed != 0)
			abort();
	} else if (opened != HANDLE_E_INVALID || plain.n) {
		abort();
	}
	buf_done(&plain);
	return opened == 0;
}

/* The text of a handle with this plaintext, made without the code that is tested. */
static void craft(enum handle_kind kind, struct bytes padded, struct bytes customer,
		  struct buf *text)
{
	struct buf info = BUF_INIT(200), box = BUF_INIT(INPUT_MAX + 200);
	unsigned char key[crypto_secretbox_KEYBYTES], *sealed;

	buf_puts(&info, kind == HANDLE_INTEGRATION ? "postern/v1/integration"
			: kind == HANDLE_RECORD	   ? "postern/v1/record"
						   : "postern/v1/setup");
	buf_putc(&info, 0);
	buf_put(&info, ring.keys[0].id, KEY_ID_BYTES);
	buf_put_be16(&info, (uint16_t)customer.n);
	buf_put_bytes(&info, customer);
	hkdf_expand(key, sizeof(key), ring.keys[0].prk, buf_bytes(&info));
	buf_put(&box, ring.keys[0].id, KEY_ID_BYTES);
	buf_put(&box, nonce, sizeof(nonce));
	sealed = buf_extend(&box, padded.n + crypto_secretbox_MACBYTES);
	if (!sealed || crypto_secretbox_easy(sealed, padded.p, padded.n, nonce, key) != 0)
		abort();
	buf_puts(text, kind == HANDLE_INTEGRATION ? "pti1_"
		       : kind == HANDLE_RECORD	  ? "ptr1_"
						  : "pts1_");
	text_put_b64url(text, buf_bytes(&box));
	if (buf_status(text) < 0)
		abort();
	buf_done(&info);
	buf_done(&box);
}

static void try_plaintext(enum handle_kind kind, struct bytes padded, struct bytes customer)
{
	struct buf text = BUF_INIT(2 * INPUT_MAX), again = BUF_INIT(2 * INPUT_MAX);

	craft(kind, padded, customer, &text);
	if (opens(kind, buf_bytes(&text), customer, &again) &&
	    !bytes_eq(buf_bytes(&text), buf_bytes(&again)))
		abort();
	buf_done(&text);
	buf_done(&again);
}

static void try_text(struct bytes text)
{
	struct buf again = BUF_INIT(2 * INPUT_MAX);
	struct handle_head head;

	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++)
		if (opens((enum handle_kind)kind, text, BYTES(""), &again))
			abort(); /* nobody guesses a seal */
	if (handle_peek(text, &head) == 0 && head.kind >= HANDLE_KINDS)
		abort();
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct bytes customers[] = {BYTES(""), BYTES("c")};
	struct buf padded = BUF_INIT(INPUT_MAX);

	try_text(bytes_of(data, size));
	/* Whole blocks bring their own padding, so that it may be wrong. */
	buf_put(&padded, data, size);
	if (size == 0 || size % BLOCK)
		buf_putc(&padded, 0x80);
	while (padded.n % BLOCK && !buf_status(&padded))
		buf_putc(&padded, 0);
	for (unsigned kind = 0; kind < HANDLE_KINDS && !buf_status(&padded); kind++)
		for (size_t c = 0; c < ARRAY_LEN(customers); c++)
			try_plaintext((enum handle_kind)kind, buf_bytes(&padded), customers[c]);
	buf_done(&padded);
	return 0;
}
