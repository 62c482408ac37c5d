/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "base/text.h"
#include "seal/handle.h"
#include "seal/kdf.h"

#include <sodium.h>

static const unsigned char key_a[ROOT_KEY_BYTES] = "root key A, thirty-two bytes lon";
static const unsigned char key_b[ROOT_KEY_BYTES] = "root key B, thirty-two bytes lon";
static const unsigned char nonce[NONCE_BYTES] = "a nonce of 24 bytes, twe";

/* ---- vectors ---- */

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

/* ---- keyring ---- */

static struct keyring ring_of(const unsigned char *active, const unsigned char *open_only)
{
	struct keyring ring = {0};

	if (active)
		assert_int_equal(keyring_add(&ring, active, KEY_ACTIVE), 0);
	if (open_only)
		assert_int_equal(keyring_add(&ring, open_only, KEY_OPEN_ONLY), 0);
	return ring;
}

static void test_keyring(void **state)
{
	static const unsigned char zero[ROOT_KEY_BYTES];
	struct keyring ring = ring_of(key_a, NULL);
	unsigned char key[ROOT_KEY_BYTES];

	assert_int_equal(keyring_add(&ring, zero, KEY_ACTIVE), -EINVAL);
	assert_int_equal(keyring_add(&ring, key_a, KEY_OPEN_ONLY), -EEXIST);
	for (unsigned i = 1; i < KEYRING_MAX; i++) {
		memset(key, (int)i, sizeof(key));
		assert_int_equal(keyring_add(&ring, key, KEY_OPEN_ONLY), 0);
	}
	assert_int_equal(keyring_add(&ring, key_b, KEY_ACTIVE), -ENOSPC);
	keyring_wipe(&ring);
	assert_true(sodium_is_zero((const unsigned char *)&ring, sizeof(ring)));
}

/* ---- handles ---- */

static struct buf credentials, zones;

static int setup(void **state)
{
	credentials = zones = BUF_INIT(20000);
	plist_put(&credentials, BYTES("api_token"));
	plist_put(&credentials, BYTES("s3cr3t-token"));
	plist_put(&zones, BYTES("example.com"));
	plist_put(&zones, BYTES("example.org"));
	return sodium_init() < 0;
}

static int teardown(void **state)
{
	buf_done(&credentials);
	buf_done(&zones);
	return 0;
}

static struct integration sample_integration(void)
{
	return (struct integration){.id = "integration-id-",
				    .provider = BYTES("cloudflare"),
				    .customer = BYTES("customer-42"),
				    .zones = buf_bytes(&zones),
				    .policy = POLICY_STRICT,
				    .created = 1795572630,
				    .expires = 1895572630,
				    .credentials = buf_bytes(&credentials)};
}

static struct record sample_record(void)
{
	return (struct record){.integration = "integration-id-",
			       .customer = BYTES("customer-42"),
			       .provider = BYTES("cloudflare"),
			       .zone = BYTES("example.com"),
			       .zone_id = BYTES("zone-id"),
			       .fqdn = BYTES("_acme-challenge.example.com"),
			       .type = RR_TXT,
			       .value = BYTES("value\"\\\x01"),
			       .mode = MODE_REPLACE,
			       .provider_id = BYTES("record-id"),
			       .found = true,
			       .created = 1795572630,
			       .log_index = 0x1122334455667788,
			       .leaf = "a leaf hash of thirty-two bytes"};
}

static struct buf seal_integration(const struct keyring *ring, const struct integration *i)
{
	struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);

	assert_int_equal(integration_seal(ring, nonce, i, &text), 0);
	return text;
}

static struct buf seal_record(const struct keyring *ring, const struct record *r)
{
	struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);

	assert_int_equal(record_seal(ring, nonce, r, &text), 0);
	return text;
}

/* HANDLE_E_INVALID or 0, from an exact-size copy; nothing stays in the plaintext's buffer. */
static int open_as(enum handle_kind kind, const struct keyring *ring, struct bytes text,
		   struct bytes customer)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	unsigned char *copy = test_exact(text);
	struct integration i;
	struct record rec;
	int r;

	if (kind == HANDLE_INTEGRATION)
		r = integration_open(ring, bytes_of(copy, text.n), customer, &plain, &i);
	else
		r = record_open(ring, bytes_of(copy, text.n), customer, &plain, &rec);
	if (r != 0)
		assert_int_equal(plain.n, 0);
	buf_done(&plain);
	free(copy);
	return r;
}

static void check_integration(const struct keyring *ring, struct bytes text,
			      const struct integration *want)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration got;

	assert_int_equal(integration_open(ring, text, want->customer, &plain, &got), 0);
	assert_memory_equal(got.id, want->id, sizeof(got.id));
	assert_true(bytes_eq(got.provider, want->provider) &&
		    bytes_eq(got.customer, want->customer));
	assert_true(bytes_eq(got.zones, want->zones) &&
		    bytes_eq(got.credentials, want->credentials));
	assert_true(got.policy == want->policy && got.created == want->created &&
		    got.expires == want->expires);
	buf_done(&plain);
}

static void check_record(const struct keyring *ring, struct bytes text, const struct record *want)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct record got;

	assert_int_equal(record_open(ring, text, want->customer, &plain, &got), 0);
	assert_memory_equal(got.integration, want->integration, sizeof(got.integration));
	assert_memory_equal(got.leaf, want->leaf, sizeof(got.leaf));
	assert_true(bytes_eq(got.zone, want->zone) && bytes_eq(got.zone_id, want->zone_id));
	assert_true(bytes_eq(got.fqdn, want->fqdn) && bytes_eq(got.value, want->value));
	assert_true(bytes_eq(got.provider_id, want->provider_id) &&
		    bytes_eq(got.customer, want->customer));
	assert_true(got.type == want->type && got.mode == want->mode && got.found == want->found);
	assert_true(got.log_index == want->log_index && got.created == want->created);
	buf_done(&plain);
}

static void test_round_trips(void **state)
{
	struct keyring ring = ring_of(key_a, key_b);
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct buf text = seal_integration(&ring, &i);

	assert_true(bytes_starts(buf_bytes(&text), BYTES("pti1_")));
	check_integration(&ring, buf_bytes(&text), &i);
	buf_done(&text);
	i.customer = i.zones = bytes_of(NULL, 0);
	i.expires = 0;
	text = seal_integration(&ring, &i);
	check_integration(&ring, buf_bytes(&text), &i);
	buf_done(&text);
	text = seal_record(&ring, &r);
	assert_true(bytes_starts(buf_bytes(&text), BYTES("ptr1_")));
	check_record(&ring, buf_bytes(&text), &r);
	buf_done(&text);
	r.customer = r.provider_id = bytes_of(NULL, 0);
	r.found = false;
	text = seal_record(&ring, &r);
	check_record(&ring, buf_bytes(&text), &r);
	buf_done(&text);
}

static void test_sizes(void **state)
{
	static unsigned char big[CREDENTIALS_MAX + 1];
	struct keyring ring = ring_of(key_a, NULL);
	struct integration i = sample_integration();
	struct buf pairs = BUF_INIT(40000), text = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct record r = sample_record();

	memset(big, 'x', sizeof(big));
	plist_put(&pairs, BYTES("k"));
	plist_put(&pairs, bytes_of(big, CREDENTIALS_MAX));
	i.credentials = buf_bytes(&pairs);
	i.zones = bytes_of(NULL, 0);
	assert_int_equal(integration_seal(&ring, nonce, &i, &text), 0);
	check_integration(&ring, buf_bytes(&text), &i);
	buf_reset(&pairs);
	plist_put(&pairs, BYTES("k"));
	plist_put(&pairs, bytes_of(big, sizeof(big)));
	i.credentials = buf_bytes(&pairs);
	buf_reset(&text);
	assert_int_equal(integration_seal(&ring, nonce, &i, &text), HANDLE_E_TOO_LONG);
	i = sample_integration();
	i.customer = bytes_of(big, CUSTOMER_MAX + 1);
	assert_int_equal(integration_seal(&ring, nonce, &i, &text), HANDLE_E_TOO_LONG);
	r.value = bytes_of(big, RECORD_VALUE_MAX);
	r.provider_id = r.zone_id = bytes_of(big, PROVIDER_RECORD_ID_MAX);
	r.customer = bytes_of(big, CUSTOMER_MAX);
	assert_int_equal(record_seal(&ring, nonce, &r, &text), 0);
	check_record(&ring, buf_bytes(&text), &r);
	buf_reset(&text);
	r.value = bytes_of(big, RECORD_HANDLE_MAX);
	assert_int_equal(record_seal(&ring, nonce, &r, &text), HANDLE_E_TOO_LONG);
	assert_int_equal(text.n, 0);
	buf_done(&text);
	buf_done(&pairs);
}

/* Every position of the text, several other characters each; every cut; some that are longer. */
static void test_any_change(void **state)
{
	static const char others[] = "AZaz09-_=+/. \n~";
	struct keyring ring = ring_of(key_a, key_b);
	struct integration i = sample_integration();
	struct record r = sample_record();

	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++) {
		struct buf text = kind == HANDLE_INTEGRATION ? seal_integration(&ring, &i)
							     : seal_record(&ring, &r);

		assert_int_equal(
			open_as((enum handle_kind)kind, &ring, buf_bytes(&text), i.customer), 0);
		for (size_t at = 0; at < text.n; at++) {
			unsigned char old = text.p[at];
			for (size_t o = 0; o < sizeof(others); o++) {
				text.p[at] = (unsigned char)others[o];
				if (text.p[at] != old)
					assert_int_equal(open_as((enum handle_kind)kind, &ring,
								 buf_bytes(&text), i.customer),
							 HANDLE_E_INVALID);
			}
			for (unsigned bit = 0; bit < 8; bit++) {
				text.p[at] = old ^ (unsigned char)(1u << bit);
				assert_int_equal(open_as((enum handle_kind)kind, &ring,
							 buf_bytes(&text), i.customer),
						 HANDLE_E_INVALID);
			}
			text.p[at] = old;
			assert_int_equal(open_as((enum handle_kind)kind, &ring,
						 bytes_of(text.p, at), i.customer),
					 HANDLE_E_INVALID);
		}
		for (size_t o = 0; o < sizeof(others); o++) {
			buf_putc(&text, (unsigned char)others[o]);
			assert_int_equal(open_as((enum handle_kind)kind, &ring, buf_bytes(&text),
						 i.customer),
					 HANDLE_E_INVALID);
			buf_truncate(&text, text.n - 1);
		}
		buf_done(&text);
	}
}

static void test_bindings(void **state)
{
	static const char *const customers[] = {"", "customer-4", "customer-421", "Customer-42",
						"customer-42\0"};
	struct keyring a = ring_of(key_a, NULL), b = ring_of(key_b, NULL),
		       both = ring_of(key_b, key_a);
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct buf text = seal_integration(&a, &i), rec = seal_record(&a, &r);

	for (size_t c = 0; c < ARRAY_LEN(customers); c++) {
		struct bytes customer =
			c == 4 ? bytes_of(customers[c], 12) : bytes_str(customers[c]);
		assert_int_equal(open_as(HANDLE_INTEGRATION, &a, buf_bytes(&text), customer),
				 HANDLE_E_INVALID);
		assert_int_equal(open_as(HANDLE_RECORD, &a, buf_bytes(&rec), customer),
				 HANDLE_E_INVALID);
	}
	/* another root key, or the right one kept for opening */
	assert_int_equal(open_as(HANDLE_INTEGRATION, &b, buf_bytes(&text), i.customer),
			 HANDLE_E_INVALID);
	assert_int_equal(open_as(HANDLE_INTEGRATION, &both, buf_bytes(&text), i.customer), 0);
	/* the other kind, with its own prefix and with the other's */
	assert_int_equal(open_as(HANDLE_RECORD, &a, buf_bytes(&text), i.customer),
			 HANDLE_E_INVALID);
	assert_int_equal(open_as(HANDLE_INTEGRATION, &a, buf_bytes(&rec), i.customer),
			 HANDLE_E_INVALID);
	text.p[2] = 'r';
	rec.p[2] = 'i';
	assert_int_equal(open_as(HANDLE_RECORD, &a, buf_bytes(&text), i.customer),
			 HANDLE_E_INVALID);
	assert_int_equal(open_as(HANDLE_INTEGRATION, &a, buf_bytes(&rec), i.customer),
			 HANDLE_E_INVALID);
	buf_done(&text);
	buf_done(&rec);
}

static void test_which_key_seals(void **state)
{
	struct keyring none = ring_of(NULL, key_a), rotated = ring_of(key_b, key_a),
		       b = ring_of(key_b, NULL);
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct handle_head head;

	assert_int_equal(integration_seal(&none, nonce, &i, &text), HANDLE_E_NO_KEY);
	assert_int_equal(record_seal(&none, nonce, &r, &text), HANDLE_E_NO_KEY);
	assert_int_equal(text.n, 0);
	text = seal_integration(&rotated, &i);
	assert_int_equal(handle_peek(buf_bytes(&text), &head), 0);
	assert_memory_equal(head.key_id, b.keys[0].id, KEY_ID_BYTES);
	assert_int_equal(head.kind, HANDLE_INTEGRATION);
	buf_done(&text);
	assert_int_equal(handle_peek(BYTES("pti1_AAAA"), &head), HANDLE_E_INVALID);
	assert_int_equal(handle_peek(BYTES(""), &head), HANDLE_E_INVALID);
}

/*
 * Handles live for years: these were made by version 0.1.0 and must open for ever. If this test fails, the format has drifted; do not mend the test.
 */
static void test_golden(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct buf golden_i = test_file("vectors/golden/integration.txt"),
		   golden_r = test_file("vectors/golden/record.txt");
	struct buf text = seal_integration(&ring, &i);

	buf_truncate(&golden_i, golden_i.n - 1); /* the newline */
	buf_truncate(&golden_r, golden_r.n - 1);
	assert_true(bytes_eq(buf_bytes(&text), buf_bytes(&golden_i)));
	check_integration(&ring, buf_bytes(&golden_i), &i);
	buf_done(&text);
	text = seal_record(&ring, &r);
	assert_true(bytes_eq(buf_bytes(&text), buf_bytes(&golden_r)));
	check_record(&ring, buf_bytes(&golden_r), &r);
	buf_done(&text);
	buf_done(&golden_i);
	buf_done(&golden_r);
}

/* Two handles of one content differ in nothing but nonce and box; lengths come in steps. */
static void test_lengths_tell_little(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct integration i = sample_integration();
	size_t seen = 0, kinds = 0;

	for (size_t n = 1; n <= 64; n++) {
		static const char filler[65] =
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
		struct buf pairs = BUF_INIT(1000), text;

		plist_put(&pairs, BYTES("k"));
		plist_put(&pairs, bytes_of(filler, n));
		i.credentials = buf_bytes(&pairs);
		text = seal_integration(&ring, &i);
		kinds += text.n != seen;
		seen = text.n;
		buf_done(&text);
		buf_done(&pairs);
	}
	assert_true(kinds <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hkdf),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_secretbox),
		cmocka_unit_test(test_keyring),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_any_change),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_which_key_seals),
		cmocka_unit_test(test_lengths_tell_little),
	};

	return cmocka_run_group_tests_name("seal", tests, setup, teardown);
}
