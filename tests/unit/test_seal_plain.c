/* SPDX-License-Identifier: ISC */
/* Plaintexts read as they are, without a box around them and from exact-size copies: no byte behind their end counts. */
#include "seal_rig.h"

#include "base/text.h"
#include "seal/fields.h"
#include "seal/kdf.h"

#include <sys/wait.h>
#include <unistd.h>

static const unsigned char id[KEY_ID_BYTES] = {1, 2, 3, 4};
#define CUSTOMER BYTES("customer-42")

/* What libsodium would say of a box that was changed, having written to MESSAGE all the same. */
static const struct buf *written_by_forger;

int crypto_secretbox_open_easy(unsigned char *m, const unsigned char *c, unsigned long long clen,
			       const unsigned char *n, const unsigned char *k)
{
	if (written_by_forger) {
		memcpy(m, written_by_forger->p, written_by_forger->n);
		return -1;
	}
	return crypto_secretbox_open_detached(m, c + crypto_secretbox_MACBYTES, c,
					      clen - crypto_secretbox_MACBYTES, n, k);
}

static struct buf write_sample(enum handle_kind kind)
{
	struct buf b = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct setup s = sample_setup();

	if (kind == HANDLE_INTEGRATION)
		fields_put_integration(&b, id, &i);
	else if (kind == HANDLE_RECORD)
		fields_put_record(&b, id, &r);
	else
		fields_put_setup(&b, id, &s);
	assert_int_equal(buf_status(&b), 0);
	return b;
}

static int read_as(enum handle_kind kind, struct bytes plain)
{
	unsigned char *copy = test_exact(plain);
	struct bytes in = bytes_of(copy, plain.n);
	struct integration i;
	struct record rec;
	struct setup s;
	int r = kind == HANDLE_INTEGRATION ? fields_get_integration(in, id, CUSTOMER, &i)
		: kind == HANDLE_RECORD	   ? fields_get_record(in, id, CUSTOMER, &rec)
					   : fields_get_setup(in, id, CUSTOMER, &s);

	free(copy);
	return r;
}

static void test_cut_anywhere(void **state)
{
	for (unsigned k = 0; k < HANDLE_KINDS; k++) {
		enum handle_kind kind = (enum handle_kind)k;
		struct buf plain = write_sample(kind);

		assert_int_equal(read_as(kind, buf_bytes(&plain)), 0);
		for (size_t n = 0; n < plain.n; n++)
			assert_int_equal(read_as(kind, bytes_of(plain.p, n)), HANDLE_E_INVALID);
		buf_putc(&plain, 0);
		assert_int_equal(read_as(kind, buf_bytes(&plain)), HANDLE_E_INVALID);
		buf_done(&plain);
	}
}

/* The fields alone, without version and kind in front: the first one's number looks like a version. */
static void test_without_head(void **state)
{
	for (unsigned k = 0; k < HANDLE_KINDS; k++) {
		enum handle_kind kind = (enum handle_kind)k;
		struct buf plain = write_sample(kind);

		assert_int_equal(plain.p[2], HANDLE_VERSION);
		assert_int_equal(read_as(kind, bytes_skip(buf_bytes(&plain), 1)), HANDLE_E_INVALID);
		assert_int_equal(read_as(kind, bytes_skip(buf_bytes(&plain), 2)), HANDLE_E_INVALID);
		buf_done(&plain);
	}
}

/* The shortest that a field of a setup may be. */
static void test_short_fields(void **state)
{
	struct setup s = sample_setup(), d = sample_delegated();
	struct buf b = BUF_INIT(INTEGRATION_HANDLE_MAX);

	s.redirect_uri = BYTES("x");
	fields_put_setup(&b, id, &s);
	assert_int_equal(read_as(HANDLE_SETUP, buf_bytes(&b)), 0);
	buf_reset(&b);
	d.external_id = BYTES("x");
	fields_put_setup(&b, id, &d);
	assert_int_equal(read_as(HANDLE_SETUP, buf_bytes(&b)), 0);
	buf_done(&b);
}

/* Without a key the text tells its kind and its key's id, if its length is one that a box has. */
static void test_peek(void **state)
{
	static const char *const prefixes[] = {"pti1_", "ptr1_", "pts1_"};
	const size_t overhead = KEY_ID_BYTES + NONCE_BYTES + crypto_secretbox_MACBYTES;
	unsigned char raw[400];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (unsigned char)(i + 1);
	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++)
		for (size_t n = 0; n < sizeof(raw); n++) {
			bool good = n > overhead && (n - overhead) % 64 == 0;
			struct buf text = BUF_INIT(1000);
			struct handle_head head = {.kind = HANDLE_KINDS};

			buf_puts(&text, prefixes[kind]);
			text_put_b64url(&text, bytes_of(raw, n));
			assert_int_equal(handle_peek(buf_bytes(&text), &head),
					 good ? 0 : HANDLE_E_INVALID);
			assert_int_equal(head.kind, good ? kind : HANDLE_KINDS);
			if (good)
				assert_memory_equal(head.key_id, raw, KEY_ID_BYTES);
			buf_done(&text);
		}
}

/* A box that does not open is none, whatever came out of it. */
static void test_forged(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);

	for (unsigned k = 0; k < HANDLE_KINDS; k++) {
		enum handle_kind kind = (enum handle_kind)k;
		struct buf plain = write_sample(kind), text = seal_sample(&ring, kind);

		memcpy(plain.p + 7, ring.keys[0].id, KEY_ID_BYTES);
		assert_int_equal(open_as(kind, &ring, buf_bytes(&text), CUSTOMER), 0);
		buf_putc(&plain, 0x80);
		while (plain.n % 64)
			buf_putc(&plain, 0);
		written_by_forger = &plain;
		assert_int_equal(open_as(kind, &ring, buf_bytes(&text), CUSTOMER),
				 HANDLE_E_INVALID);
		written_by_forger = NULL;
		buf_done(&plain);
		buf_done(&text);
	}
}

/* Behind the keys that a ring has there is none, not even one of zeros. */
static void test_no_key_behind(void **state)
{
	struct keyring zeros = {.n = 1, .keys = {{.state = KEY_ACTIVE}}};
	struct keyring ring = ring_of(key_a, NULL), none = {0};

	for (unsigned k = 0; k < HANDLE_KINDS; k++) {
		struct buf text = seal_sample(&zeros, (enum handle_kind)k);

		assert_int_equal(open_as((enum handle_kind)k, &zeros, buf_bytes(&text), CUSTOMER),
				 0);
		assert_int_equal(open_as((enum handle_kind)k, &ring, buf_bytes(&text), CUSTOMER),
				 HANDLE_E_INVALID);
		assert_int_equal(open_as((enum handle_kind)k, &none, buf_bytes(&text), CUSTOMER),
				 HANDLE_E_INVALID);
		buf_done(&text);
	}
	ring.n = 0;
	assert_int_equal(keyring_add(&ring, key_a, KEY_ACTIVE), 0);
	assert_int_equal(ring.n, 1);
}

/* The caller's buffers are too small: that is what comes back, and not a handle that does not open. */
static void test_little_room(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct setup s = sample_setup();
	struct buf text = BUF_INIT(20), plain = BUF_INIT(20), whole;

	assert_int_equal(integration_seal(&ring, nonce, &i, &text), -ENOBUFS);
	buf_done(&text);
	assert_int_equal(record_seal(&ring, nonce, &r, &text), -ENOBUFS);
	buf_done(&text);
	assert_int_equal(setup_seal(&ring, nonce, &s, &text), -ENOBUFS);
	buf_done(&text);
	whole = seal_integration(&ring, &i);
	assert_int_equal(integration_open(&ring, buf_bytes(&whole), CUSTOMER, &plain, &i),
			 -ENOBUFS);
	buf_done(&whole);
	whole = seal_record(&ring, &r);
	assert_int_equal(record_open(&ring, buf_bytes(&whole), CUSTOMER, &plain, &r), -ENOBUFS);
	buf_done(&whole);
	whole = seal_setup_of(&ring, &s);
	assert_int_equal(setup_open(&ring, buf_bytes(&whole), CUSTOMER, &plain, &s), -ENOBUFS);
	assert_int_equal(plain.n, 0);
	buf_done(&whole);
}

/* Each part within its limit and the whole far over it: always the same answer, wherever it overflows. */
static void test_far_too_long(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct integration i = sample_integration();
	struct buf all = zones_of(HANDLE_ZONES_MAX), text = BUF_INIT(INTEGRATION_HANDLE_MAX);
	int last = 0;

	i.zones = buf_bytes(&all);
	for (size_t n = 0; n <= CREDENTIALS_MAX; n += 16) {
		struct buf pairs = pairs_of(1, n);
		int r;

		i.credentials = buf_bytes(&pairs);
		buf_reset(&text);
		r = integration_seal(&ring, nonce, &i, &text);
		assert_true(r == 0 || r == HANDLE_E_TOO_LONG);
		assert_true(r >= last);
		last = r;
		buf_done(&pairs);
	}
	assert_int_equal(last, HANDLE_E_TOO_LONG);
	buf_done(&text);
	buf_done(&all);
}

/* HKDF gives the front of the same stream whatever is asked for, up to its limit; more would be no key. */
static void test_hkdf_lengths(void **state)
{
	static unsigned char all[255 * 32 + 1], some[255 * 32];
	int status;
	pid_t pid;

	hkdf_sha256(all, sizeof(all) - 1, BYTES("key"), BYTES("salt"), BYTES("info"));
	for (size_t n = 1; n <= 100; n++) {
		memset(some, 0, sizeof(some));
		hkdf_sha256(some, n, BYTES("key"), BYTES("salt"), BYTES("info"));
		assert_memory_equal(some, all, n);
		assert_int_equal(some[n], 0);
	}
	pid = fork();
	if (pid == 0) {
		close(2); /* sanitizers would tell of it */
		hkdf_sha256(all, sizeof(all), BYTES("key"), BYTES("salt"), BYTES("info"));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_without_head),
		cmocka_unit_test(test_short_fields), cmocka_unit_test(test_peek),
		cmocka_unit_test(test_forged),	     cmocka_unit_test(test_no_key_behind),
		cmocka_unit_test(test_little_room),  cmocka_unit_test(test_far_too_long),
		cmocka_unit_test(test_hkdf_lengths),
	};

	return cmocka_run_group_tests_name("seal_plain", tests, seal_setup, seal_teardown);
}
