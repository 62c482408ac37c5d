/* SPDX-License-Identifier: ISC */
/* audit_hash() by libnettle and by libsodium: the same of any length. */
#include "test.h"

#include "audit/hash.h"
#include "sys/nettle.h"

#include <sodium.h>

/* 64 bytes are a block, and the prefix stands before. */
static void test_lengths(void **state)
{
	unsigned char text[400], by_nettle[32], by_sodium[32];
	struct audit_nettle nettle = audit_nettle;

	assert_non_null(nettle.init);
	randombytes_buf(text, sizeof(text));
	for (size_t a = 0; a <= sizeof(text); a++)
		for (size_t b = 0; b <= sizeof(text) - a; b += 1 + b / 3) {
			const struct bytes first = bytes_of(text, a), then = bytes_of(text + a, b);

			audit_nettle = nettle;
			audit_hash((unsigned char)a, first, then, by_nettle);
			audit_nettle = (struct audit_nettle){0};
			audit_hash((unsigned char)a, first, then, by_sodium);
			assert_memory_equal(by_nettle, by_sodium, sizeof(by_sodium));
		}
	audit_nettle = nettle;
}

/* FIPS 180-4's own example, its first letter as the prefix. */
static void test_abc(void **state)
{
	static const unsigned char want[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
					       0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
					       0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
					       0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	unsigned char out[32];

	audit_hash('a', BYTES("b"), BYTES("c"), out);
	assert_memory_equal(out, want, sizeof(want));
}

static int load(void **state)
{
	return nettle_load() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_abc),
	};

	return cmocka_run_group_tests_name("audit_hash", tests, load, NULL);
}
