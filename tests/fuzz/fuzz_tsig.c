/* SPDX-License-Identifier: ISC */
/* The answer to a request that was signed with a key of ours; then the same bytes as a message to be signed. */
#include "sign/tsig.h"
#include "sys/crypto.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

#define NOW 1790000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT(2 * MESSAGE_MAX);
	struct tsig_mac mac = {.n = 32}, again;
	struct tsig_key key;
	struct message m;
	int64_t server_time;
	int r;

	if (size > MESSAGE_MAX)
		return 0;
	CHECK(crypto_load() == 0);
	CHECK(tsig_key_init(&key, BYTES("k"), TSIG_SHA256, BYTES("c2VjcmV0")) == 0);
	buf_put(&b, data, size);
	r = tsig_verify(&b, &key, &mac, NOW, &server_time);
	CHECK(r >= 0 && (r == 0 || bytes_eq(buf_bytes(&b), bytes_of(data, size))));
	CHECK(r != 0 || message_parse(&m, buf_bytes(&b)) == 0);
	buf_reset(&b);
	buf_put(&b, data, size);
	if (tsig_sign(&b, &key, NOW, &again) == 0) {
		CHECK(message_parse(&m, buf_bytes(&b)) == 0 && m.counts[DNS_ADDITIONAL] == 1);
		/* As an answer it is one to nothing. */
		r = tsig_verify(&b, &key, &mac, NOW, &server_time);
		CHECK(r == TSIG_E_FORGED || r == TSIG_E_BROKEN);
	}
	buf_done(&b);
	tsig_key_done(&key);
	return 0;
}
