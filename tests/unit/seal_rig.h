/* SPDX-License-Identifier: ISC */
#pragma once

/* Keys and contents of the tests' handles. The golden ones were made of them: they never change. */
#include "test.h"

#include "seal/handle.h"

#include <sodium.h>

static const unsigned char key_a[ROOT_KEY_BYTES] = "root key A, thirty-two bytes lon";
static const unsigned char key_b[ROOT_KEY_BYTES] = "root key B, thirty-two bytes lon";
static const unsigned char nonce[NONCE_BYTES] = "a nonce of 24 bytes, twe";

static inline struct keyring ring_of(const unsigned char *active, const unsigned char *open_only)
{
	struct keyring ring = {0};

	if (active)
		assert_int_equal(keyring_add(&ring, active, KEY_ACTIVE), 0);
	if (open_only)
		assert_int_equal(keyring_add(&ring, open_only, KEY_OPEN_ONLY), 0);
	return ring;
}

static struct buf credentials, zones;
static unsigned char big[CREDENTIALS_MAX + 1];

static inline int seal_setup(void **state)
{
	memset(big, 'x', sizeof(big));
	credentials = zones = BUF_INIT(20000);
	plist_put(&credentials, BYTES("api_token"));
	plist_put(&credentials, BYTES("s3cr3t-token"));
	plist_put(&zones, BYTES("example.com"));
	plist_put(&zones, BYTES("example.org"));
	return sodium_init() < 0;
}

static inline int seal_teardown(void **state)
{
	buf_done(&credentials);
	buf_done(&zones);
	return 0;
}

static inline struct integration sample_integration(void)
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

static inline struct record sample_record(void)
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

static inline struct setup sample_setup(void)
{
	return (struct setup){.id = "integration-id-",
			      .customer = BYTES("customer-42"),
			      .provider = BYTES("cloudflare"),
			      .way = SETUP_OAUTH,
			      .created = 1795572630,
			      .expires = 1895572630,
			      .state = BYTES("a state of exactly 32 bytes, yes"),
			      .verifier = BYTES("a-verifier-of-forty-three-characters-or-more"),
			      .redirect_uri = BYTES("https://app.example/back?x=1")};
}

static inline struct setup sample_delegated(void)
{
	struct setup s = sample_setup();

	s.way = SETUP_DELEGATED;
	s.state = s.verifier = s.redirect_uri = bytes_of(NULL, 0);
	s.external_id = BYTES("0123456789abcdef");
	return s;
}

/* Credentials: the names have 0, 1, 2… bytes. */
static inline struct buf pairs_of(size_t fields, size_t size)
{
	struct buf b = BUF_INIT(40000);

	for (size_t i = 0; i < fields; i++) {
		plist_put(&b, bytes_of(big, i));
		plist_put(&b, bytes_of(big, size));
	}
	return b;
}

/* As many names as long as can be. */
static inline struct buf zones_of(size_t n)
{
	static const char label[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct buf b = BUF_INIT(40000);
	char name[DNS_NAME_MAX + 1];

	for (size_t i = 0; i < n; i++) {
		int len = snprintf(name, sizeof(name), "%09zu.%s.%s.%s.%s", i, label, label, label,
				   label);
		assert_int_equal(len, DNS_NAME_MAX);
		plist_put(&b, bytes_str(name));
	}
	return b;
}

static inline struct buf seal_integration(const struct keyring *ring, const struct integration *i)
{
	struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);

	assert_int_equal(integration_seal(ring, nonce, i, &text), 0);
	return text;
}

static inline struct buf seal_record(const struct keyring *ring, const struct record *r)
{
	struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);

	assert_int_equal(record_seal(ring, nonce, r, &text), 0);
	return text;
}

static inline struct buf seal_setup_of(const struct keyring *ring, const struct setup *s)
{
	struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);

	assert_int_equal(setup_seal(ring, nonce, s, &text), 0);
	return text;
}

/* The sample of that kind. */
static inline struct buf seal_sample(const struct keyring *ring, enum handle_kind kind)
{
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct setup s = sample_setup();

	return kind == HANDLE_INTEGRATION ? seal_integration(ring, &i)
	       : kind == HANDLE_RECORD	  ? seal_record(ring, &r)
					  : seal_setup_of(ring, &s);
}

/* HANDLE_E_INVALID or 0, from an exact-size copy; nothing stays in the plaintext's buffer. */
static inline int open_as(enum handle_kind kind, const struct keyring *ring, struct bytes text,
			  struct bytes customer)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	unsigned char *copy = test_exact(text);
	struct integration i;
	struct record rec;
	struct setup s;
	int r;

	if (kind == HANDLE_INTEGRATION)
		r = integration_open(ring, bytes_of(copy, text.n), customer, &plain, &i);
	else if (kind == HANDLE_SETUP)
		r = setup_open(ring, bytes_of(copy, text.n), customer, &plain, &s);
	else
		r = record_open(ring, bytes_of(copy, text.n), customer, &plain, &rec);
	if (r != 0)
		assert_int_equal(plain.n, 0);
	buf_done(&plain);
	free(copy);
	return r;
}

static inline void check_integration(const struct keyring *ring, struct bytes text,
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

static inline void check_setup(const struct keyring *ring, struct bytes text,
			       const struct setup *want)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct setup got;

	assert_int_equal(setup_open(ring, text, want->customer, &plain, &got), 0);
	assert_memory_equal(got.id, want->id, sizeof(got.id));
	assert_true(bytes_eq(got.provider, want->provider) &&
		    bytes_eq(got.customer, want->customer));
	assert_true(bytes_eq(got.state, want->state) && bytes_eq(got.verifier, want->verifier));
	assert_true(bytes_eq(got.redirect_uri, want->redirect_uri) &&
		    bytes_eq(got.external_id, want->external_id));
	assert_true(got.way == want->way && got.created == want->created &&
		    got.expires == want->expires);
	buf_done(&plain);
}

static inline void check_record(const struct keyring *ring, struct bytes text,
				const struct record *want)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct record got;

	assert_int_equal(record_open(ring, text, want->customer, &plain, &got), 0);
	assert_memory_equal(got.integration, want->integration, sizeof(got.integration));
	assert_memory_equal(got.leaf, want->leaf, sizeof(got.leaf));
	assert_true(bytes_eq(got.provider, want->provider));
	assert_true(bytes_eq(got.zone, want->zone) && bytes_eq(got.zone_id, want->zone_id));
	assert_true(bytes_eq(got.fqdn, want->fqdn) && bytes_eq(got.value, want->value));
	assert_true(bytes_eq(got.provider_id, want->provider_id) &&
		    bytes_eq(got.customer, want->customer));
	assert_true(got.type == want->type && got.mode == want->mode && got.found == want->found);
	assert_true(got.log_index == want->log_index && got.created == want->created);
	buf_done(&plain);
}
