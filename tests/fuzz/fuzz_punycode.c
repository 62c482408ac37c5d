/* SPDX-License-Identifier: ISC */
/* What decodes is Unicode, and encodes to itself again. The same bytes as code points: what encodes decodes to itself. */
#include "dns/punycode.h"
#include "fuzz.h"

#define POINTS 64

static void check_points(const uint32_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		CHECK(p[i] <= 0x10ffff && (p[i] < 0xd800 || p[i] > 0xdfff));
}

static void try_text(struct bytes in)
{
	uint32_t points[POINTS];
	unsigned char text[4096];
	size_t n, len;

	if (punycode_decode(in, points, POINTS, &n) != 0)
		return;
	CHECK(n <= POINTS);
	check_points(points, n);
	CHECK(punycode_encode(points, n, text, sizeof(text), &len) == 0);
	CHECK(bytes_eq(bytes_of(text, len), in));
}

static void try_points(struct bytes in)
{
	uint32_t points[POINTS], again[POINTS];
	unsigned char text[63];
	size_t n = 0, len, back;

	while (in.n && n < POINTS) {
		uint32_t c = fuzz_byte(&in);

		if (c >= 0x80)
			c = (c & 0x1f) << 16 | fuzz_byte(&in) << 8 | fuzz_byte(&in);
		if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return;
		points[n++] = c;
	}
	if (punycode_encode(points, n, text, sizeof(text), &len) != 0)
		return;
	CHECK(len <= sizeof(text));
	CHECK(punycode_decode(bytes_of(text, len), again, POINTS, &back) == 0);
	CHECK(back == n && memcmp(points, again, n * sizeof(*points)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_text(bytes_of(data, size));
	try_points(bytes_of(data, size));
	return 0;
}
