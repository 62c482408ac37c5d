/* SPDX-License-Identifier: ISC */
/* The primitives below handles, against published vectors. */
#include "faults.h"

#include "seal/kdf.h"

#include <signal.h>
#include <sodium.h>

static void hkdf_file(const char *path)
{
	json_t *v = test_json(path), *c;
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct buf ikm = test_hex(json_get_bytes(c, "ikm")),
			   salt = test_hex(json_get_bytes(c, "salt"));
		struct buf info = test_hex(json_get_bytes(c, "info")),
			   okm = test_hex(json_get_bytes(c, "okm"));
		struct bytes result = json_get_bytes(c, "result");

		if (!result.n || bytes_is(result, "valid")) {
			unsigned char *out = malloc(okm.n);
			assert_non_null(out);
			hkdf_sha256(out, okm.n, buf_bytes(&ikm), buf_bytes(&salt),
				    buf_bytes(&info));
			assert_memory_equal(out, okm.p, okm.n);
			free(out);
		}
		buf_done(&ikm);
		buf_done(&salt);
		buf_done(&info);
		buf_done(&okm);
	}
	assert_true(i > 0);
	json_decref(v);
}

static void test_hkdf(void **state)
{
	hkdf_file("vectors/crypto/hkdf_rfc5869.json");
	hkdf_file("vectors/crypto/hkdf_sha256.json");
}

static void too_much(void *arg)
{
	static unsigned char out[255 * crypto_auth_hmacsha256_BYTES + 1];

	hkdf_sha256(out, sizeof(out) - 1, BYTES("key"), BYTES(""), BYTES(""));
	hkdf_sha256(out, sizeof(out), BYTES("key"), BYTES(""), BYTES(""));
}

/* More than RFC 5869 lets one make of one key. */
static void test_hkdf_limit(void **state)
{
	int status = end_of(too_much, NULL);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* The primitive below HKDF, as the library gives it. */
static void test_hmac(void **state)
{
	json_t *v = test_json("vectors/crypto/hmac_rfc4231.json"), *c;
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct buf key = test_hex(json_get_bytes(c, "key")),
			   msg = test_hex(json_get_bytes(c, "msg"));
		struct buf tag = test_hex(json_get_bytes(c, "tag"));
		unsigned char out[crypto_auth_hmacsha256_BYTES];
		crypto_auth_hmacsha256_state s;

		crypto_auth_hmacsha256_init(&s, key.p, key.n);
		crypto_auth_hmacsha256_update(&s, msg.p, msg.n);
		crypto_auth_hmacsha256_final(&s, out);
		assert_true(tag.n > 0 && tag.n <= sizeof(out));
		assert_memory_equal(out, tag.p, tag.n);
		buf_done(&key);
		buf_done(&msg);
		buf_done(&tag);
	}
	assert_true(i > 0);
	json_decref(v);
}

/* The layout that handles use: tag, then ciphertext. */
static void test_secretbox(void **state)
{
	json_t *v = test_json("vectors/crypto/secretbox_xsalsa20poly1305.json"), *c;
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct buf key = test_hex(json_get_bytes(c, "key")),
			   n = test_hex(json_get_bytes(c, "nonce"));
		struct buf box = test_hex(json_get_bytes(c, "box")),
			   want = test_hex(json_get_bytes(c, "plaintext"));
		unsigned char *out = malloc(box.n + 1);
		int r = box.n < crypto_secretbox_MACBYTES
				? -1
				: crypto_secretbox_open_easy(out, box.p, box.n, n.p, key.p);

		if (json_is_true(json_object_get(c, "valid"))) {
			assert_int_equal(r, 0);
			assert_memory_equal(out, want.p ? want.p : out, want.n);
		} else {
			assert_int_equal(r, -1);
		}
		free(out);
		buf_done(&key);
		buf_done(&n);
		buf_done(&box);
		buf_done(&want);
	}
	assert_true(i > 0);
	json_decref(v);
}

static int setup(void **state)
{
	return sodium_init() < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hkdf),
		cmocka_unit_test(test_hkdf_limit),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_secretbox),
	};

	return cmocka_run_group_tests_name("seal_vectors", tests, setup, NULL);
}
