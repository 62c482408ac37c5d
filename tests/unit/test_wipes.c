/* SPDX-License-Identifier: ISC */
/* Keys do not stay behind on the stack: each is among what was wiped. The sodium_memzero() that all call is this program's own. */
#include "seal_rig.h"

#include "audit/note.h"
#include "seal/kdf.h"

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(p, n) 0
#endif

#define WIPES_MAX 64
#define BYTES_MAX 512

/* What was there, before it was wiped. */
static struct {
	unsigned char was[BYTES_MAX];
	size_t n;
} wipes[WIPES_MAX];
static size_t n_wipes;

void sodium_memzero(void *const p, const size_t n)
{
	volatile unsigned char *to = p;

	if (n_wipes < WIPES_MAX && n <= BYTES_MAX) {
		memcpy(wipes[n_wipes].was, p, n);
		/* What was never written is wiped too, and compared. */
		(void)VALGRIND_MAKE_MEM_DEFINED(wipes[n_wipes].was, n);
		wipes[n_wipes++].n = n;
	}
	for (size_t i = 0; i < n; i++)
		to[i] = 0;
}

static void forget(void)
{
	memset(wipes, 0, sizeof(wipes));
	n_wipes = 0;
}

/* How often was just that wiped? */
static unsigned wiped(struct bytes secret)
{
	unsigned found = 0;

	for (size_t i = 0; i < n_wipes; i++)
		found += bytes_eq(bytes_of(wipes[i].was, wipes[i].n), secret);
	return found;
}

static unsigned wiped_of_size(size_t n)
{
	unsigned found = 0;

	for (size_t i = 0; i < n_wipes; i++)
		found += wipes[i].n == n;
	return found;
}

/* The key of a sample's box, as docs/handles.md has it. */
static void box_key(unsigned char key[32], const struct keyring *ring, const char *text)
{
	struct bytes customer = BYTES("customer-42");
	struct buf info = BUF_INIT(200);

	buf_puts(&info, text);
	buf_putc(&info, 0);
	buf_put(&info, ring->keys[0].id, KEY_ID_BYTES);
	buf_put_be16(&info, (uint16_t)customer.n);
	buf_put_bytes(&info, customer);
	hkdf_expand(key, 32, ring->keys[0].prk, buf_bytes(&info));
	buf_done(&info);
}

/* In HKDF the key itself is wiped too, where it is made: hence once more than in what uses it. */
static void test_handles(void **state)
{
	static const char *const infos[] = {"postern/v1/integration", "postern/v1/record",
					    "postern/v1/setup"};
	struct keyring ring = ring_of(key_a, NULL);
	unsigned char key[32];

	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++) {
		struct buf text;

		box_key(key, &ring, infos[kind]);
		forget();
		text = seal_sample(&ring, (enum handle_kind)kind);
		assert_int_equal(wiped(bytes_of(key, sizeof(key))), 2);
		forget();
		assert_int_equal(open_as((enum handle_kind)kind, &ring, buf_bytes(&text),
					 BYTES("customer-42")),
				 0);
		assert_int_equal(wiped(bytes_of(key, sizeof(key))), 2);
		/* and where it did not open */
		text.p[text.n - 5] ^= 1;
		forget();
		assert_int_equal(open_as((enum handle_kind)kind, &ring, buf_bytes(&text),
					 BYTES("customer-42")),
				 HANDLE_E_INVALID);
		assert_int_equal(wiped(bytes_of(key, sizeof(key))), 2);
		buf_done(&text);
	}
}

/* RFC 5869: what the output came from is wiped, as is each state that could give it again. */
static void test_hkdf(void **state)
{
	const struct bytes ikm = BYTES("input key"), salt = BYTES("salt");
	unsigned char prk[32], out[64];
	crypto_auth_hmacsha256_state s;

	crypto_auth_hmacsha256_init(&s, salt.p, salt.n);
	crypto_auth_hmacsha256_update(&s, ikm.p, ikm.n);
	crypto_auth_hmacsha256_final(&s, prk);
	forget();
	hkdf_sha256(out, sizeof(out), ikm, salt, BYTES("info"));
	assert_int_equal(wiped(bytes_of(prk, sizeof(prk))), 1);
	assert_int_equal(wiped(bytes_of(out + 32, 32)), 1); /* the last block */
	assert_int_equal(wiped_of_size(sizeof(s)), 2);
}

static void test_keyring(void **state)
{
	struct keyring ring = ring_of(key_a, key_b);

	keyring_wipe(&ring);
	assert_true(sodium_is_zero((const unsigned char *)&ring, sizeof(ring)));
}

/* The secret that libsodium signs with is the seed, and the public key behind it. */
static void test_signing(void **state)
{
	static const unsigned char seed[NOTE_SEED_BYTES] = "a seed of thirty-two bytes, yes";
	unsigned char secret[crypto_sign_SECRETKEYBYTES];
	struct note_signer signer;
	struct buf note = BUF_INIT(1000);

	forget();
	note_signer_init(&signer, BYTES("a.example"), seed);
	memcpy(secret, seed, sizeof(seed));
	memcpy(secret + sizeof(seed), signer.verifier.public, sizeof(signer.verifier.public));
	assert_int_equal(wiped(bytes_of(secret, sizeof(secret))), 1);
	forget();
	note_sign(&note, BYTES("text\n"), &signer, 1);
	assert_int_equal(wiped(bytes_of(secret, sizeof(secret))), 1);
	buf_done(&note);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handles),
		cmocka_unit_test(test_hkdf),
		cmocka_unit_test(test_keyring),
		cmocka_unit_test(test_signing),
	};

	return cmocka_run_group_tests_name("wipes", tests, seal_setup, seal_teardown);
}
