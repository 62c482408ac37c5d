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
	struct setup oauth = sample_setup(), delegated = sample_delegated();
	struct buf text = seal_setup_of(&ring, &oauth);
	struct handle_head head;

	assert_true(bytes_starts(buf_bytes(&text), BYTES("pts1_")));
	check_setup(&ring, buf_bytes(&text), &oauth);
	assert_int_equal(handle_peek(buf_bytes(&text), &head), 0);
	assert_int_equal(head.kind, HANDLE_SETUP);
	assert_int_equal(open_as(HANDLE_SETUP, &ring, buf_bytes(&text), BYTES("customer-43")),
			 HANDLE_E_INVALID);
	buf_done(&text);
	oauth.customer = bytes_of(NULL, 0);
	oauth.created = oauth.expires = 0;
	text = seal_setup_of(&ring, &oauth);
	check_setup(&ring, buf_bytes(&text), &oauth);
	buf_done(&text);
	text = seal_setup_of(&ring, &delegated);
	check_setup(&ring, buf_bytes(&text), &delegated);
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

	for (unsigned k = 0; k < HANDLE_KINDS; k++) {
		enum handle_kind kind = (enum handle_kind)k;
		struct buf text = seal_sample(&a, kind);

		for (size_t c = 0; c < ARRAY_LEN(customers); c++) {
			struct bytes customer =
				c == 4 ? bytes_of(customers[c], 12) : bytes_str(customers[c]);
			assert_int_equal(open_as(kind, &a, buf_bytes(&text), customer),
					 HANDLE_E_INVALID);
		}
		/* longer than any customer, and than what the key is derived from has room for */
		for (size_t n = CUSTOMER_MAX + 1; n <= sizeof(big); n *= 2)
			assert_int_equal(open_as(kind, &a, buf_bytes(&text), bytes_of(big, n)),
					 HANDLE_E_INVALID);
		/* another root key, or the right one kept for opening */
		assert_int_equal(open_as(kind, &b, buf_bytes(&text), i.customer), HANDLE_E_INVALID);
		assert_int_equal(open_as(kind, &both, buf_bytes(&text), i.customer), 0);
		buf_done(&text);
	}
}

/* As another kind, with its own prefix and with the other's. */
static void test_other_kinds(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct integration i = sample_integration();

	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++)
		for (unsigned other = 0; other < HANDLE_KINDS; other++) {
			struct buf text = seal_sample(&ring, (enum handle_kind)kind);

			for (int again = 0; again < 2 && other != kind; again++) {
				assert_int_equal(open_as((enum handle_kind)other, &ring,
							 buf_bytes(&text), i.customer),
						 HANDLE_E_INVALID);
				text.p[2] = (unsigned char)"irs"[other];
			}
			buf_done(&text);
		}
}

static void test_which_key_seals(void **state)
{
	struct keyring none = ring_of(NULL, key_a), rotated = ring_of(key_b, key_a),
		       b = ring_of(key_b, NULL);
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct setup s = sample_setup();
	struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct handle_head head;

	assert_int_equal(integration_seal(&none, nonce, &i, &text), HANDLE_E_NO_KEY);
	assert_int_equal(record_seal(&none, nonce, &r, &text), HANDLE_E_NO_KEY);
	assert_int_equal(setup_seal(&none, nonce, &s, &text), HANDLE_E_NO_KEY);
	assert_int_equal(text.n, 0);
	text = seal_integration(&rotated, &i);
	assert_int_equal(handle_peek(buf_bytes(&text), &head), 0);
	assert_memory_equal(head.key_id, b.keys[0].id, KEY_ID_BYTES);
	assert_int_equal(head.kind, HANDLE_INTEGRATION);
	buf_done(&text);
	assert_int_equal(handle_peek(BYTES("pti1_AAAA"), &head), HANDLE_E_INVALID);
	assert_int_equal(handle_peek(BYTES("pts1_AAAA"), &head), HANDLE_E_INVALID);
	assert_int_equal(handle_peek(BYTES(""), &head), HANDLE_E_INVALID);
}

static struct buf golden(const char *path)
{
	struct buf text = test_file(path);

	buf_truncate(&text, text.n - 1); /* the newline */
	return text;
}

static void check_golden(struct buf text, struct buf want)
{
	assert_true(bytes_eq(buf_bytes(&text), buf_bytes(&want)));
	buf_done(&text);
	buf_done(&want);
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
	struct setup s = sample_setup(), d = sample_delegated();
	struct buf golden_i = golden("vectors/golden/integration.txt"),
		   golden_r = golden("vectors/golden/record.txt"),
		   golden_s = golden("vectors/golden/setup.txt"),
		   golden_d = golden("vectors/golden/setup-delegated.txt");

	check_integration(&ring, buf_bytes(&golden_i), &i);
	check_record(&ring, buf_bytes(&golden_r), &r);
	check_setup(&ring, buf_bytes(&golden_s), &s);
	check_setup(&ring, buf_bytes(&golden_d), &d);
	check_golden(seal_integration(&ring, &i), golden_i);
	check_golden(seal_record(&ring, &r), golden_r);
	check_golden(seal_setup_of(&ring, &s), golden_s);
	check_golden(seal_setup_of(&ring, &d), golden_d);
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
		cmocka_unit_test(test_keyring),		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_setups),		cmocka_unit_test(test_any_change),
		cmocka_unit_test(test_one_spelling),	cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_other_kinds),	cmocka_unit_test(test_golden),
		cmocka_unit_test(test_which_key_seals), cmocka_unit_test(test_lengths_tell_little),
	};

	return cmocka_run_group_tests_name("seal", tests, seal_setup, seal_teardown);
}
