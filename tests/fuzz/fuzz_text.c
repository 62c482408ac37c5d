/* SPDX-License-Identifier: ISC */
/*
 * Spellings of bytes, numbers and times. First byte: which. What is taken has that one spelling (percent-escapes: any, which says the same); what is written is
 * taken back; what is refused leaves nothing behind.
 */
#include "base/text.h"
#include "egress/retry.h"
#include "fuzz.h"

#include <sodium.h>

#define ROOM (1 << 20)

static void try_b64url(struct bytes in)
{
	struct buf text = BUF_INIT(ROOM), back = BUF_INIT(ROOM);
	unsigned char other[4096];
	size_t n = 0;
	bool taken, ascii = true;

	buf_puts(&back, "x");
	taken = text_from_b64url(in, &back) == 0;
	if (taken) {
		text_put_b64url(&text, bytes_skip(buf_bytes(&back), 1));
		CHECK(bytes_eq(buf_bytes(&text), in));
	} else {
		CHECK(back.n == 1 && buf_status(&back) == 0);
	}
	/* libsodium's decoder agrees; but that of 1.0.18 takes all bytes over 0x7f for a '_'. */
	for (size_t i = 0; i < in.n; i++)
		ascii = ascii && in.p[i] < 0x80;
	CHECK(ascii || !taken);
	if (ascii && in.n <= sizeof(other)) {
		bool same =
			sodium_base642bin(other, sizeof(other), (const char *)in.p, in.n, NULL, &n,
					  NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;

		CHECK(same == taken);
		CHECK(!taken || bytes_eq(bytes_of(other, n), bytes_skip(buf_bytes(&back), 1)));
	}
	buf_reset(&text);
	buf_reset(&back);
	text_put_b64url(&text, in);
	CHECK(text_from_b64url(buf_bytes(&text), &back) == 0 && bytes_eq(buf_bytes(&back), in));
	buf_done(&text);
	buf_done(&back);
}

static void try_b64(struct bytes in)
{
	struct buf text = BUF_INIT(ROOM);
	unsigned char back[4096];
	size_t n;

	if (in.n > sizeof(back))
		return;
	text_put_b64(&text, in);
	CHECK(sodium_base642bin(back, sizeof(back), (const char *)text.p, text.n, NULL, &n, NULL,
				sodium_base64_VARIANT_ORIGINAL) == 0);
	CHECK(bytes_eq(bytes_of(back, n), in));
	buf_reset(&text);
	text_put_hex(&text, in);
	CHECK(sodium_hex2bin(back, sizeof(back), (const char *)text.p, text.n, NULL, &n, NULL) ==
	      0);
	CHECK(bytes_eq(bytes_of(back, n), in));
	buf_done(&text);
}

static void try_pct(struct bytes in)
{
	struct buf text = BUF_INIT(ROOM), back = BUF_INIT(ROOM);

	buf_puts(&back, "x");
	if (text_from_pct(in, &back) == 0) {
		struct buf again = BUF_INIT(ROOM);

		text_put_pct(&text, bytes_skip(buf_bytes(&back), 1));
		CHECK(text_from_pct(buf_bytes(&text), &again) == 0);
		CHECK(bytes_eq(buf_bytes(&again), bytes_skip(buf_bytes(&back), 1)));
		CHECK(back.n - 1 <= in.n);
		buf_done(&again);
	} else {
		CHECK(back.n == 1 && buf_status(&back) == 0);
	}
	buf_reset(&text);
	buf_reset(&back);
	text_put_pct(&text, in);
	for (size_t i = 0; i < text.n; i++)
		CHECK(text.p[i] == '%' || (text.p[i] < 0x80 && strchr("-._~0123456789"
								      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
								      "abcdefghijklmnopqrstuvwxyz",
								      text.p[i])));
	CHECK(text_from_pct(buf_bytes(&text), &back) == 0 && bytes_eq(buf_bytes(&back), in));
	buf_done(&text);
	buf_done(&back);
}

static void try_number(struct bytes in)
{
	char text[32];
	uint64_t v;

	if (text_to_u64(in, UINT64_MAX, &v) != 0)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	CHECK(bytes_is(in, text));
	CHECK(v == 0 || text_to_u64(in, v - 1, &v) != 0);
}

static void try_time(struct bytes in)
{
	struct buf text = BUF_INIT(64);
	int64_t at, again;
	uint32_t seconds;

	if (text_to_time(in, &at) == 0) {
		text_put_time(&text, at);
		CHECK(text_to_time(buf_bytes(&text), &again) == 0 && again == at);
		/* Where it is UTC, day and second are its own. */
		CHECK(in.p[in.n - 1] != 'Z' || memcmp(text.p, in.p, 19) == 0);
	}
	if (retry_after_parse(in, 0, &seconds) == 0)
		CHECK(seconds <= RETRY_AFTER_MAX);
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct bytes) = {try_b64url, try_b64, try_pct, try_number,
						      try_time};
	struct bytes in = bytes_of(data, size);

	tries[fuzz_byte(&in) % ARRAY_LEN(tries)](in);
	return 0;
}
