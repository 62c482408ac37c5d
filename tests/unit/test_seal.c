/* SPDX-License-Identifier: ISC */
#include "seal_rig.h"

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

static void test_round_trips(void **state)
{
	struct keyring ring = ring_of(key_a, key_b);
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct buf text = seal_integration(&ring, &i);

	assert_true(bytes_starts(buf_bytes(&text), BYTES("pti1_")));
	check_integration(&ring, buf_bytes(&text), &i);
	buf_done(&text);
	i.customer = i.zones = i.credentials = bytes_of(NULL, 0);
	i.expires = i.created = 0;
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

static void test_setups(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct setup oauth = sample_setup(), delegated = sample_delegated(), s;
	struct buf text = seal_setup_of(&ring, &oauth), out = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct handle_head head;

	check_setup(&ring, buf_bytes(&text), &oauth);
	assert_int_equal(handle_peek(buf_bytes(&text), &head), 0);
	assert_int_equal(head.kind, HANDLE_SETUP);
	assert_int_equal(open_as(HANDLE_SETUP, &ring, buf_bytes(&text), BYTES("customer-43")),
			 HANDLE_E_INVALID);
	buf_done(&text);
	text = seal_setup_of(&ring, &delegated);
	check_setup(&ring, buf_bytes(&text), &delegated);
	buf_done(&text);
	/* each way has its own fields, and none of the other's */
	s = oauth;
	s.external_id = BYTES("x");
	assert_int_equal(setup_seal(&ring, nonce, &s, &out), HANDLE_E_TOO_LONG);
	s = oauth;
	s.state.n--;
	assert_int_equal(setup_seal(&ring, nonce, &s, &out), HANDLE_E_TOO_LONG);
	s = oauth;
	s.verifier.n = 42;
	assert_int_equal(setup_seal(&ring, nonce, &s, &out), HANDLE_E_TOO_LONG);
	s = oauth;
	s.redirect_uri = bytes_of(big, REDIRECT_URI_MAX + 1);
	assert_int_equal(setup_seal(&ring, nonce, &s, &out), HANDLE_E_TOO_LONG);
	s = delegated;
	s.external_id.n = 0;
	assert_int_equal(setup_seal(&ring, nonce, &s, &out), HANDLE_E_TOO_LONG);
	s = delegated;
	s.external_id = BYTES("a\nb");
	assert_int_equal(setup_seal(&ring, nonce, &s, &out), -EINVAL);
	assert_int_equal(out.n, 0);
	/* the longest of all */
	s = oauth;
	s.redirect_uri = bytes_of(big, REDIRECT_URI_MAX);
	s.verifier = bytes_of(big, SETUP_TEXT_MAX);
	s.customer = bytes_of(big, CUSTOMER_MAX);
	text = seal_setup_of(&ring, &s);
	check_setup(&ring, buf_bytes(&text), &s);
	assert_true(text.n <= SETUP_HANDLE_MAX);
	buf_done(&text);
}

/* Every position of the text, several other characters each; every cut; every extension by some. */
static void test_any_change(void **state)
{
	static const char others[] = "AZaz09-_=+/. \n~";
	struct keyring ring = ring_of(key_a, key_b);
	struct integration i = sample_integration();

	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++) {
		struct buf text = seal_sample(&ring, (enum handle_kind)kind);

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
			size_t whole = text.n;
			/* two blocks and more */
			while (text.n < whole + 200) {
				buf_putc(&text, (unsigned char)others[o]);
				assert_int_equal(open_as((enum handle_kind)kind, &ring,
							 buf_bytes(&text), i.customer),
						 HANDLE_E_INVALID);
			}
			buf_truncate(&text, whole);
		}
		buf_done(&text);
	}
}

/* The last character has 0, 2 or 4 bits that no byte needs: there is one spelling all the same. */
static void test_one_spelling(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct integration i = sample_integration();
	bool seen[4] = {false};

	for (size_t size = 0; size < 3 * 64; size += 64) {
		struct buf pairs = pairs_of(1, size), text;
		unsigned char *last;
		unsigned opened = 0;

		i.credentials = buf_bytes(&pairs);
		text = seal_integration(&ring, &i);
		last = &text.p[text.n - 1];
		for (unsigned c = 0; c < 256; c++) {
			*last = (unsigned char)c;
			opened += open_as(HANDLE_INTEGRATION, &ring, buf_bytes(&text),
					  i.customer) == 0;
		}
		assert_int_equal(opened, 1);
		seen[(text.n - 5) % 4] = true;
		buf_done(&text);
		buf_done(&pairs);
	}
	assert_true(seen[0] && seen[2] && seen[3]);
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
	/* longer than any customer, and than what the key is derived from has room for */
	for (size_t n = CUSTOMER_MAX + 1; n <= sizeof(big); n *= 2) {
		assert_int_equal(
			open_as(HANDLE_INTEGRATION, &a, buf_bytes(&text), bytes_of(big, n)),
			HANDLE_E_INVALID);
		assert_int_equal(open_as(HANDLE_RECORD, &a, buf_bytes(&rec), bytes_of(big, n)),
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
 * Handles live for years: these were made by version 0.1.0 and must open for ever. If this test
 * fails, the format has drifted; do not mend the test.
 */
static void test_golden(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct setup s = sample_setup();
	struct buf golden_i = test_file("vectors/golden/integration.txt"),
		   golden_r = test_file("vectors/golden/record.txt"),
		   golden_s = test_file("vectors/golden/setup.txt");
	struct buf text = seal_integration(&ring, &i);

	buf_truncate(&golden_i, golden_i.n - 1); /* the newline */
	buf_truncate(&golden_r, golden_r.n - 1);
	buf_truncate(&golden_s, golden_s.n - 1);
	assert_true(bytes_eq(buf_bytes(&text), buf_bytes(&golden_i)));
	check_integration(&ring, buf_bytes(&golden_i), &i);
	buf_done(&text);
	text = seal_record(&ring, &r);
	assert_true(bytes_eq(buf_bytes(&text), buf_bytes(&golden_r)));
	check_record(&ring, buf_bytes(&golden_r), &r);
	buf_done(&text);
	buf_done(&text);
	text = seal_setup_of(&ring, &s);
	assert_true(bytes_eq(buf_bytes(&text), buf_bytes(&golden_s)));
	check_setup(&ring, buf_bytes(&golden_s), &s);
	buf_done(&golden_s);
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
		struct buf pairs = pairs_of(1, n), text;

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
		cmocka_unit_test(test_keyring),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_setups),
		cmocka_unit_test(test_any_change),
		cmocka_unit_test(test_one_spelling),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_which_key_seals),
		cmocka_unit_test(test_lengths_tell_little),
	};

	return cmocka_run_group_tests_name("seal", tests, seal_setup, seal_teardown);
}
