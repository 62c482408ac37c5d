/* SPDX-License-Identifier: ISC */
/*
 * Does the time that something takes tell a secret? Under valgrind, as ctgrind does it: secrets are marked as memory that was never set, and
 * memcheck then reports every branch and every address that depends on one.
 *
 * Secret are root keys and what is derived of them, the values of credentials, a setup's state and PKCE verifier, callers' tokens and their
 * hashes, TSIG's keys. Everything else in a handle is structure and no secret: `inspect` and the log tell it. How long a secret is, is none
 * either: the text that it came in and the one that it is sealed in tell it.
 *
 * What our code makes public on its way is said in the __wrap_ functions, which the linker puts in the place of those that it calls; besides, a
 * test says so of what is given out when all is done.
 */
#include "seal_rig.h"

#include "base/text.h"
#include "role/config.h"
#include "role/front.h"
#include "seal/fields.h"
#include "seal/kdf.h"
#include "sign/tsig.h"
#include "sys/crypto.h"

#include <valgrind/memcheck.h>

static void classify(const void *p, size_t n)
{
	VALGRIND_MAKE_MEM_UNDEFINED(p, n);
}

static void declassify(const void *p, size_t n)
{
	VALGRIND_MAKE_MEM_DEFINED(p, n);
}

/* Does any bit of it depend on a secret? Asking is no error. */
static bool is_secret(const void *p, size_t n)
{
	const unsigned char *at = p;

	for (size_t i = 0; i < n; i++) {
		unsigned char bits = 0;

		assert_int_equal(VALGRIND_GET_VBITS(at + i, &bits, 1), 1);
		if (bits)
			return true;
	}
	return false;
}

/* ---- what becomes public ---- */

/* Where in the plaintext of the sample the secrets are. */
static struct place {
	size_t at, n;
} places[4];
static size_t n_places;

int __real_crypto_secretbox_open_easy(unsigned char *m, const unsigned char *c,
				      unsigned long long n, const unsigned char *iv,
				      const unsigned char *k);
int __wrap_crypto_secretbox_open_easy(unsigned char *m, const unsigned char *c,
				      unsigned long long n, const unsigned char *iv,
				      const unsigned char *k);
int __real_sodium_unpad(size_t *n, const unsigned char *p, size_t padded, size_t block);
int __wrap_sodium_unpad(size_t *n, const unsigned char *p, size_t padded, size_t block);
int __real_sodium_memcmp(const void *a, const void *b, size_t n);
int __wrap_sodium_memcmp(const void *a, const void *b, size_t n);
int __real_sodium_is_zero(const unsigned char *p, size_t n);
int __wrap_sodium_is_zero(const unsigned char *p, size_t n);
bool __real_bytes_printable(struct bytes a);
bool __wrap_bytes_printable(struct bytes a);
void __real_hkdf_sha256(unsigned char *out, size_t n, struct bytes ikm, struct bytes salt,
			struct bytes info);
void __wrap_hkdf_sha256(unsigned char *out, size_t n, struct bytes ikm, struct bytes salt,
			struct bytes info);

/* Authentic or not: the answer tells. constant_time.supp says it of libsodium's own branch. */
int __wrap_crypto_secretbox_open_easy(unsigned char *m, const unsigned char *c,
				      unsigned long long n, const unsigned char *iv,
				      const unsigned char *k)
{
	int r;

	assert_true(is_secret(k, 1));
	r = __real_crypto_secretbox_open_easy(m, c, n, iv, k);
	declassify(&r, sizeof(r));
	return r;
}

/* A plaintext that is authentic: its length, and what in it is structure, which is read by branches. */
int __wrap_sodium_unpad(size_t *n, const unsigned char *p, size_t padded, size_t block)
{
	int r = __real_sodium_unpad(n, p, padded, block);
	size_t at = 0;

	assert_true(is_secret(p, padded));
	declassify(&r, sizeof(r));
	declassify(n, sizeof(*n));
	for (size_t i = 0; i < n_places; i++) {
		declassify(p + at, places[i].at - at);
		at = places[i].at + places[i].n;
	}
	declassify(p + at, padded - at);
	return r;
}

/* The verdict: the caller of the API sees it. */
int __wrap_sodium_memcmp(const void *a, const void *b, size_t n)
{
	int r = __real_sodium_memcmp(a, b, n);

	declassify(&r, sizeof(r));
	return r;
}

/* No root key is all zeros: one that is, is refused. */
int __wrap_sodium_is_zero(const unsigned char *p, size_t n)
{
	int r = __real_sodium_is_zero(p, n);

	declassify(&r, sizeof(r));
	return r;
}

/* Every verifier that was ever sealed is. */
bool __wrap_bytes_printable(struct bytes a)
{
	bool r = __real_bytes_printable(a);

	declassify(&r, sizeof(r));
	return r;
}

/* A root key's id stands in each handle, for everybody to read. */
void __wrap_hkdf_sha256(unsigned char *out, size_t n, struct bytes ikm, struct bytes salt,
			struct bytes info)
{
	__real_hkdf_sha256(out, n, ikm, salt, info);
	assert_int_equal(is_secret(out, n), is_secret(ikm.p, ikm.n));
	if (n == KEY_ID_BYTES)
		declassify(out, n);
}

/* ---- the rig ---- */

static unsigned errors_before;

static int count_begin(void **state)
{
	n_places = 0;
	errors_before = VALGRIND_COUNT_ERRORS;
	return seal_setup(state);
}

/* How many branches and addresses told something since the test began, or since this was asked last. */
static unsigned told(void)
{
	unsigned before = errors_before;

	errors_before = VALGRIND_COUNT_ERRORS;
	return errors_before - before;
}

static struct keyring secret_ring(void)
{
	struct keyring ring = {0};
	unsigned char key[ROOT_KEY_BYTES];

	memcpy(key, key_a, sizeof(key));
	classify(key, sizeof(key));
	assert_int_equal(keyring_add(&ring, key, KEY_ACTIVE), 0);
	memcpy(key, key_b, sizeof(key));
	key[0] ^= 1;
	classify(key, sizeof(key));
	assert_int_equal(keyring_add(&ring, key, KEY_OPEN_ONLY), 0);
	assert_true(is_secret(ring.keys[0].prk, 1) && !is_secret(ring.keys[0].id, KEY_ID_BYTES));
	return ring;
}

/* SECRET, which PLAIN holds once, is a secret there. In the order in which they stand. */
static void place(struct bytes plain, struct bytes secret)
{
	size_t at = bytes_find(plain, secret);

	assert_true(at < plain.n && n_places < ARRAY_LEN(places));
	places[n_places++] = (struct place){at, secret.n};
}

static struct buf forged(struct bytes text)
{
	struct buf b = BUF_INIT(INTEGRATION_HANDLE_MAX);

	buf_put_bytes(&b, text);
	b.p[b.n / 2] = b.p[b.n / 2] == 'A' ? 'B' : 'A';
	return b;
}

/* ---- handles ---- */

static void test_integration(void **state)
{
	static const struct bytes token = BYTES("s3cr3t-token");
	struct integration i = sample_integration(), got;
	struct keyring plain_ring = ring_of(key_a, NULL), ring = secret_ring();
	struct buf want = seal_integration(&plain_ring, &i), text, bad,
		   plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct bytes value;

	fields_put_integration(&plain, ring.keys[0].id, &i);
	place(buf_bytes(&plain), token);
	buf_done(&plain);
	assert_true(plist_get(i.credentials, "api_token", &value));
	classify(value.p, value.n);

	text = seal_integration(&ring, &i);
	assert_true(is_secret(text.p, text.n));
	declassify(text.p, text.n); /* it is given out */
	assert_true(bytes_eq(buf_bytes(&text), buf_bytes(&want)));
	assert_int_equal(integration_open(&ring, buf_bytes(&text), i.customer, &plain, &got), 0);
	assert_true(plist_get(got.credentials, "api_token", &value));
	assert_true(is_secret(value.p, 1) && is_secret(value.p + value.n - 1, 1));
	declassify(value.p, value.n);
	assert_true(bytes_eq(value, token));
	assert_int_equal(integration_open(&ring, buf_bytes(&text), BYTES("no"), &plain, &got),
			 HANDLE_E_INVALID);
	bad = forged(buf_bytes(&text));
	assert_int_equal(integration_open(&ring, buf_bytes(&bad), i.customer, &plain, &got),
			 HANDLE_E_INVALID);
	assert_int_equal(told(), 0);
	buf_done(&want);
	buf_done(&text);
	buf_done(&bad);
}

/* Nothing in it is a secret, but the key that it is sealed with. */
static void test_record(void **state)
{
	struct keyring plain_ring = ring_of(key_a, NULL), ring = secret_ring();
	struct record r = sample_record();
	struct buf want = seal_record(&plain_ring, &r), text = seal_record(&ring, &r);

	assert_true(is_secret(text.p, text.n));
	declassify(text.p, text.n); /* it is given out */
	assert_true(bytes_eq(buf_bytes(&text), buf_bytes(&want)));
	check_record(&ring, buf_bytes(&text), &r);
	assert_int_equal(told(), 0);
	buf_done(&want);
	buf_done(&text);
}

static void test_setup(void **state)
{
	struct setup s = sample_setup(), got;
	struct keyring ring = secret_ring();
	struct buf text, plain = BUF_INIT(SETUP_HANDLE_MAX);
	unsigned char *setup_state = test_exact(s.state), *verifier = test_exact(s.verifier);

	fields_put_setup(&plain, ring.keys[0].id, &s);
	place(buf_bytes(&plain), s.state);
	place(buf_bytes(&plain), s.verifier);
	buf_done(&plain);
	s.state.p = setup_state;
	s.verifier.p = verifier;
	classify(setup_state, s.state.n);
	classify(verifier, s.verifier.n);

	text = seal_setup_of(&ring, &s);
	declassify(text.p, text.n); /* it is given out */
	assert_int_equal(setup_open(&ring, buf_bytes(&text), s.customer, &plain, &got), 0);
	assert_true(is_secret(got.state.p, 1) && is_secret(got.verifier.p, 1));
	assert_int_equal(told(), 0);
	free(setup_state);
	free(verifier);
	buf_done(&text);
	buf_done(&plain);
}

/* Credentials and states go through it on their way out. */
static void test_base64(void **state)
{
	unsigned char secret[] = "every length that is left: 3, 2, 1";
	struct buf text = BUF_INIT(256);

	classify(secret, sizeof(secret));
	for (size_t n = sizeof(secret) - 3; n < sizeof(secret); n++) {
		buf_reset(&text);
		text_put_b64(&text, bytes_of(secret, n));
		text_put_b64url(&text, bytes_of(secret, n));
		assert_true(is_secret(text.p, 1));
	}
	assert_int_equal(told(), 0);
	buf_done(&text);
}

/* ---- callers ---- */

static void add_caller(const char *token)
{
	struct caller_identity *i = &front.now.identities[front.now.n_identities++];

	i->caller = front.now.n++;
	i->identity.kind = IDENTITY_TOKEN;
	identity_hash(bytes_str(token), i->identity.id);
	classify(i->identity.id, sizeof(i->identity.id));
}

/* The index of the caller, or -1. What the header has behind its scheme is a secret. */
static int caller_of(const char *header)
{
	struct conn c = {.tls = NULL};
	unsigned char *copy = test_exact(bytes_str(header));
	size_t scheme = strlen("Bearer "), n = strlen(header);
	const struct caller *found;

	if (n > scheme)
		classify(copy + scheme, n - scheme);
	c.head.authorization = bytes_of(copy, n);
	found = front_caller(&c);
	free(copy);
	return found ? (int)(found - front.now.list) : -1;
}

static void test_callers(void **state)
{
	front.now.n = front.now.n_identities = 0;
	add_caller("ptk1_first");
	add_caller("ptk1_second");
	front.now.identities[front.now.n_identities++] =
		(struct caller_identity){.caller = front.now.n++, .identity.kind = IDENTITY_UID};
	add_caller("ptk1_third");
	assert_int_equal(caller_of("Bearer ptk1_first"), 0);
	assert_int_equal(caller_of("bearer ptk1_third"), 3);
	assert_int_equal(caller_of("Bearer ptk1_thire"), -1);
	assert_int_equal(caller_of("Bearer "), -1);
	assert_int_equal(told(), 0);
}

/* ---- TSIG ---- */

/* Whoever answers in the server's place could try MACs, and take the time. */
static void test_tsig(void **state)
{
	static const unsigned char header[12] = {0, 1, 0x80}; /* an answer, with nothing in it */
	struct buf m = BUF_INIT(512);
	struct tsig_mac mac;
	struct tsig_key k;
	int64_t server_time;

	assert_int_equal(crypto_load(), 0);
	assert_int_equal(tsig_key_init(&k, BYTES("k"), TSIG_SHA256, BYTES("c2VjcmV0c2VjcmV0")), 0);
	classify(k.secret.p, k.secret.n);
	buf_put(&m, header, sizeof(header));
	assert_int_equal(tsig_sign(&m, &k, 1795572630, &mac), 0);
	assert_true(is_secret(mac.p, mac.n));
	declassify(mac.p, mac.n); /* both are sent */
	declassify(m.p, m.n);
	/* It is signed, but not for the request that this MAC is of. */
	assert_int_equal(tsig_verify(&m, &k, &mac, 1795572630, &server_time), TSIG_E_FORGED);
	assert_int_equal(told(), 0);
	tsig_key_done(&k);
	buf_done(&m);
}

/* ---- it would be seen ---- */

/* Each of these must be reported (on standard error, too), or the others' silence says nothing. */

static unsigned char secret[32];

static void secret_key(void)
{
	memcpy(secret, "a key of thirty-two bytes, or so", sizeof(secret));
	classify(secret, sizeof(secret));
}

static void test_memcmp_is_seen(void **state)
{
	volatile bool same;

	secret_key();
	same = bytes_eq(bytes_of(secret, 32), BYTES("a key of thirty-two bytes, or so"));
	assert_true(told() > 0);
	(void)same;
}

static void test_branch_is_seen(void **state)
{
	volatile unsigned zeros = 0;

	secret_key();
	for (size_t i = 0; i < sizeof(secret); i++)
		if (secret[i] == 0)
			zeros++;
	assert_true(told() > 0);
}

static void test_address_is_seen(void **state)
{
	struct buf text = BUF_INIT(64);

	secret_key();
	text_put_hex(&text, bytes_of(secret, sizeof(secret))); /* by table: not for secrets */
	assert_true(told() > 0);
	buf_done(&text);
}

/* Through the key derivation and the cipher too. */
static void test_sealed_is_seen(void **state)
{
	struct keyring ring = secret_ring();
	struct record r = sample_record();
	struct buf text = seal_record(&ring, &r);
	volatile bool same;

	assert_int_equal(told(), 0);
	same = bytes_eq(bytes_of(text.p + text.n - 32, 32), bytes_of(big, 32));
	assert_true(told() > 0);
	(void)same;
	buf_done(&text);
}

/* The hash of a token too. */
static void test_hash_is_seen(void **state)
{
	volatile bool same;

	secret_key();
	crypto_hash_sha256(secret, secret, sizeof(secret));
	assert_int_equal(told(), 0);
	same = memcmp(secret, big, sizeof(secret)) == 0;
	assert_true(told() > 0);
	(void)same;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, count_begin, seal_teardown)
		T(test_integration),	T(test_record),		T(test_setup),
		T(test_base64),		T(test_callers),	T(test_tsig),
		T(test_memcmp_is_seen), T(test_branch_is_seen), T(test_address_is_seen),
		T(test_sealed_is_seen), T(test_hash_is_seen),
	};

	if (!RUNNING_ON_VALGRIND) {
		printf("1..0 # SKIP not under valgrind\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
