/* SPDX-License-Identifier: ISC */
/* What may stand in a handle: the most of it, one byte more, and what is no such thing. */
#include "seal_rig.h"

/* The most of everything that has a limit of its own. */
static void test_largest(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct buf one = pairs_of(1, CREDENTIALS_MAX), many = pairs_of(CREDENTIAL_FIELDS_MAX, 64),
		   all = zones_of(HANDLE_ZONES_MAX), text;

	i.customer = bytes_of(big, CUSTOMER_MAX);
	i.provider = bytes_of(big, PROVIDER_NAME_MAX);
	i.credentials = buf_bytes(&one);
	text = seal_integration(&ring, &i);
	check_integration(&ring, buf_bytes(&text), &i);
	buf_done(&text);
	i.credentials = buf_bytes(&many);
	i.zones = buf_bytes(&all);
	i.created = i.expires = INT64_MAX / 1000000;
	text = seal_integration(&ring, &i);
	check_integration(&ring, buf_bytes(&text), &i);
	buf_done(&text);
	r.customer = bytes_of(big, CUSTOMER_MAX);
	r.provider = bytes_of(big, PROVIDER_NAME_MAX);
	r.value = bytes_of(big, RECORD_VALUE_MAX);
	r.provider_id = r.zone_id = bytes_of(big, PROVIDER_RECORD_ID_MAX);
	r.log_index = UINT64_MAX;
	text = seal_record(&ring, &r);
	check_record(&ring, buf_bytes(&text), &r);
	buf_done(&text);
	buf_done(&one);
	buf_done(&many);
	buf_done(&all);
}

static void test_largest_setup(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct setup oauth = sample_setup(), delegated = sample_delegated();
	struct buf text;

	oauth.customer = delegated.customer = bytes_of(big, CUSTOMER_MAX);
	oauth.provider = delegated.provider = bytes_of(big, PROVIDER_NAME_MAX);
	oauth.created = oauth.expires = INT64_MAX / 1000000;
	oauth.verifier = bytes_of(big, SETUP_VERIFIER_MAX);
	oauth.redirect_uri = bytes_of(big, REDIRECT_URI_MAX);
	delegated.external_id = bytes_of(big, EXTERNAL_ID_MAX);
	text = seal_setup_of(&ring, &oauth);
	check_setup(&ring, buf_bytes(&text), &oauth);
	assert_true(text.n <= SETUP_HANDLE_MAX);
	buf_done(&text);
	text = seal_setup_of(&ring, &delegated);
	check_setup(&ring, buf_bytes(&text), &delegated);
	buf_done(&text);
}

/* The sample of that name with another value in one field. */
#define WITH(sample, field, v)                                                                     \
	({                                                                                         \
		__typeof__(sample_##sample()) s_ = sample_##sample();                              \
		s_.field = v;                                                                      \
		s_;                                                                                \
	})

/* Sealing I, or R where I is NULL, is refused with WANT and appends nothing. */
static void check_refused(const struct integration *i, const struct record *r, int want)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);

	assert_int_equal(i ? integration_seal(&ring, nonce, i, &text)
			   : record_seal(&ring, nonce, r, &text),
			 want);
	assert_int_equal(text.n, 0);
	buf_done(&text);
}

static void test_too_long(void **state)
{
	struct buf one = pairs_of(1, CREDENTIALS_MAX + 1),
		   two = pairs_of(2, CREDENTIALS_MAX / 2 + 1),
		   many = pairs_of(CREDENTIAL_FIELDS_MAX + 1, 1),
		   all = zones_of(HANDLE_ZONES_MAX + 1);
	const struct integration integrations[] = {
		WITH(integration, customer, bytes_of(big, CUSTOMER_MAX + 1)),
		WITH(integration, provider, bytes_of(big, PROVIDER_NAME_MAX + 1)),
		WITH(integration, zones, buf_bytes(&all)),
		WITH(integration, credentials, buf_bytes(&one)),
		WITH(integration, credentials, buf_bytes(&two)),
		WITH(integration, credentials, buf_bytes(&many)),
	};
	const struct record records[] = {
		WITH(record, customer, bytes_of(big, CUSTOMER_MAX + 1)),
		WITH(record, provider, bytes_of(big, PROVIDER_NAME_MAX + 1)),
		WITH(record, zone_id, bytes_of(big, PROVIDER_RECORD_ID_MAX + 1)),
		WITH(record, provider_id, bytes_of(big, PROVIDER_RECORD_ID_MAX + 1)),
		WITH(record, value, bytes_of(big, RECORD_VALUE_MAX + 1)),
	};

	for (size_t i = 0; i < ARRAY_LEN(integrations); i++)
		check_refused(&integrations[i], NULL, HANDLE_E_TOO_LONG);
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		check_refused(NULL, &records[i], HANDLE_E_TOO_LONG);
	buf_done(&one);
	buf_done(&two);
	buf_done(&many);
	buf_done(&all);
}

/* Each field may be within its limit and the whole over it: then no byte more, and none too few. */
static void test_whole_too_long(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct integration i = sample_integration();
	struct buf all = zones_of(HANDLE_ZONES_MAX), text = BUF_INIT(INTEGRATION_HANDLE_MAX), most;
	size_t longest = 0, n = 0;
	int r = 0;

	i.zones = buf_bytes(&all);
	for (; r == 0; n++) {
		struct buf pairs = pairs_of(1, n);

		i.credentials = buf_bytes(&pairs);
		buf_reset(&text);
		r = integration_seal(&ring, nonce, &i, &text);
		if (r == 0)
			longest = text.n;
		buf_done(&pairs);
	}
	assert_int_equal(r, HANDLE_E_TOO_LONG);
	assert_int_equal(text.n, 0);
	/* One block of 64 bytes more would be over. */
	assert_in_range(longest, INTEGRATION_HANDLE_MAX - 86 + 1, INTEGRATION_HANDLE_MAX);
	/* Over it as plaintext already. */
	most = pairs_of(1, CREDENTIALS_MAX);
	i.credentials = buf_bytes(&most);
	assert_int_equal(integration_seal(&ring, nonce, &i, &text), HANDLE_E_TOO_LONG);
	assert_int_equal(text.n, 0);
	buf_done(&most);
	buf_done(&text);
	buf_done(&all);
}

/* Longer than any handle of its kind, though each character is a good one. */
static void test_text_too_long(void **state)
{
	static const size_t most[] = {INTEGRATION_HANDLE_MAX, RECORD_HANDLE_MAX, SETUP_HANDLE_MAX};
	struct keyring ring = ring_of(key_a, NULL);

	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++) {
		struct buf text = seal_sample(&ring, (enum handle_kind)kind);
		struct handle_head head;

		while (text.n < most[kind])
			buf_putc(&text, 'A');
		text.max++;
		buf_putc(&text, 'A');
		assert_int_equal(buf_status(&text), 0);
		assert_int_equal(open_as((enum handle_kind)kind, &ring, buf_bytes(&text),
					 BYTES("customer-42")),
				 HANDLE_E_INVALID);
		assert_int_equal(handle_peek(buf_bytes(&text), &head), HANDLE_E_INVALID);
		buf_done(&text);
	}
}

/* What would never open is not sealed: the caller learns it now, not in a year. */
static void test_never_opens(void **state)
{
	static const struct bytes bad_zones[] = {BYTES("\0\0\0\3A.b"), BYTES("\0\0\0\0"),
						 BYTES("\0\0\0\4a.b"), BYTES("\0\0\0\3a.bc")};
	const struct integration integrations[] = {
		WITH(integration, zones, bad_zones[0]),
		WITH(integration, zones, bad_zones[1]),
		WITH(integration, zones, bad_zones[2]),
		WITH(integration, zones, bad_zones[3]),
		WITH(integration, credentials, BYTES("\0\0\0\1a")),
		WITH(integration, credentials, BYTES("\0\0\0\1a\0\0\0\2b")),
		WITH(integration, provider, bytes_of(NULL, 0)),
		WITH(integration, policy, POLICY_PROFILES),
		WITH(integration, created, -1),
		WITH(integration, expires, INT64_MAX / 1000000 + 1),
	};
	const struct record records[] = {
		WITH(record, zone, BYTES("example.org")),
		WITH(record, zone, BYTES("ample.com")),
		WITH(record, fqdn, BYTES("_acme-challenge.example.com.")),
		WITH(record, fqdn, bytes_of(NULL, 0)),
		WITH(record, zone_id, bytes_of(NULL, 0)),
		WITH(record, value, bytes_of(NULL, 0)),
		WITH(record, type, RR_NONE),
		WITH(record, mode, RECORD_MODES),
	};

	for (size_t i = 0; i < ARRAY_LEN(integrations); i++)
		check_refused(&integrations[i], NULL, -EINVAL);
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		check_refused(NULL, &records[i], -EINVAL);
}

static void check_setup_refused(const struct setup *s, int want)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);

	assert_int_equal(setup_seal(&ring, nonce, s, &text), want);
	assert_int_equal(text.n, 0);
	buf_done(&text);
}

static void test_setups(void **state)
{
	const struct setup long_ones[] = {
		WITH(setup, customer, bytes_of(big, CUSTOMER_MAX + 1)),
		WITH(setup, provider, bytes_of(big, PROVIDER_NAME_MAX + 1)),
		WITH(setup, state, bytes_of(big, SETUP_STATE_BYTES + 1)),
		WITH(setup, verifier, bytes_of(big, SETUP_VERIFIER_MAX + 1)),
		WITH(setup, redirect_uri, bytes_of(big, REDIRECT_URI_MAX + 1)),
		WITH(delegated, external_id, bytes_of(big, EXTERNAL_ID_MAX + 1)),
	};
	const struct setup bad_ones[] = {
		WITH(setup, provider, bytes_of(NULL, 0)),
		WITH(setup, way, SETUP_WAYS),
		WITH(setup, created, -1),
		WITH(setup, expires, INT64_MAX / 1000000 + 1),
		WITH(setup, state, bytes_of(big, SETUP_STATE_BYTES - 1)),
		WITH(setup, verifier, bytes_of(big, SETUP_VERIFIER_MIN - 1)),
		WITH(setup, redirect_uri, bytes_of(NULL, 0)),
		WITH(setup, redirect_uri, BYTES("https://a/\n")),
		/* each way has its own fields, and none of the other's */
		WITH(setup, external_id, BYTES("x")),
		WITH(setup, way, SETUP_DELEGATED),
		WITH(delegated, way, SETUP_OAUTH),
		WITH(delegated, state, bytes_of(big, SETUP_STATE_BYTES)),
		WITH(delegated, verifier, bytes_of(big, SETUP_VERIFIER_MIN)),
		WITH(delegated, redirect_uri, BYTES("https://a/")),
		WITH(delegated, external_id, bytes_of(NULL, 0)),
		WITH(delegated, external_id, BYTES("a\nb")),
	};

	for (size_t i = 0; i < ARRAY_LEN(long_ones); i++)
		check_setup_refused(&long_ones[i], HANDLE_E_TOO_LONG);
	for (size_t i = 0; i < ARRAY_LEN(bad_ones); i++)
		check_setup_refused(&bad_ones[i], -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_largest),	      cmocka_unit_test(test_largest_setup),
		cmocka_unit_test(test_too_long),      cmocka_unit_test(test_whole_too_long),
		cmocka_unit_test(test_never_opens),   cmocka_unit_test(test_setups),
		cmocka_unit_test(test_text_too_long),
	};

	return cmocka_run_group_tests_name("seal_limits", tests, seal_setup, seal_teardown);
}
