/* SPDX-License-Identifier: ISC */
/*
 * Handles: the input as a handle's text, and as the plaintext behind a seal that is right, so that the field reader is reached. Whatever opens must seal and
 * open again as the same.
 */
#include "seal/fields.h"

#include <stdlib.h>

static const unsigned char key_id[KEY_ID_BYTES] = {1, 2, 3, 4};

static void open_text(const struct keyring *ring, struct bytes text)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration i;
	struct record r;

	if (integration_open(ring, text, BYTES(""), &plain, &i) == 0 ||
	    record_open(ring, text, BYTES(""), &plain, &r) == 0)
		abort(); /* nobody guesses a seal */
	buf_done(&plain);
}

static void read_fields(struct bytes in, struct bytes customer)
{
	struct buf again = BUF_INIT(INTEGRATION_HANDLE_MAX * 2);
	struct integration i;
	struct record r;

	if (fields_get_integration(in, key_id, customer, &i) == 0) {
		fields_put_integration(&again, key_id, &i);
		if (!bytes_eq(buf_bytes(&again), in))
			abort();
		buf_reset(&again);
	}
	if (fields_get_record(in, key_id, customer, &r) == 0) {
		fields_put_record(&again, key_id, &r);
		if (!bytes_eq(buf_bytes(&again), in))
			abort();
	}
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct keyring ring;
	struct bytes in = bytes_of(data, size);

	if (!ring.n && keyring_add(&ring, (const unsigned char *)"a fuzzing key of thirty-two byte",
				   KEY_ACTIVE) != 0)
		abort();
	open_text(&ring, in);
	read_fields(in, BYTES(""));
	read_fields(in, BYTES("c"));
	return 0;
}
