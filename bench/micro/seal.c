/* SPDX-License-Identifier: ISC */
#include "micro.h"

#include "seal/handle.h"

static const unsigned char nonce[NONCE_BYTES] = {1}; /* no secret: nothing here is */

/* Of N keys the last is the active one, and so the last that is looked at. */
static struct keyring ring_of(size_t n)
{
	struct keyring ring = {0};

	for (size_t i = 0; i < n; i++) {
		unsigned char secret[ROOT_KEY_BYTES] = {(unsigned char)(i + 1)};

		must(keyring_add(&ring, secret, i + 1 < n ? KEY_OPEN_ONLY : KEY_ACTIVE) == 0,
		     "root key");
	}
	return ring;
}

struct bytes sample_credentials(void)
{
	static struct buf list = BUF_INIT(CREDENTIALS_MAX);

	if (!list.n) {
		plist_put(&list, BYTES("api_token"));
		plist_put(&list, BYTES("v1-0123456789abcdefghijklmnopqrstuvwxyzA"));
	}
	return buf_bytes(&list);
}

static struct integration an_integration(void)
{
	static struct buf zones = BUF_INIT(DNS_NAME_MAX);

	if (!zones.n)
		plist_put(&zones, BYTES(SAMPLE_ZONE));
	return (struct integration){.provider = BYTES("cloudflare"),
				    .customer = BYTES(SAMPLE_CUSTOMER),
				    .zones = buf_bytes(&zones),
				    .policy = POLICY_GUARDED,
				    .created = 1900000000,
				    .credentials = sample_credentials()};
}

static struct record a_record(void)
{
	return (struct record){.customer = BYTES(SAMPLE_CUSTOMER),
			       .provider = BYTES("cloudflare"),
			       .zone = BYTES(SAMPLE_ZONE),
			       .zone_id = BYTES(SAMPLE_ID),
			       .fqdn = BYTES(SAMPLE_FQDN),
			       .type = RR_TXT,
			       .value = BYTES(SAMPLE_VALUE),
			       .mode = MODE_COEXIST,
			       .provider_id = BYTES(SAMPLE_ID),
			       .created = 1900000000,
			       .log_index = 123456};
}

struct bytes sample_integration_handle(void)
{
	static struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration in = an_integration();
	struct keyring ring = ring_of(1);

	if (!text.n)
		must(integration_seal(&ring, nonce, &in, &text) == 0, "integration_seal");
	return buf_bytes(&text);
}

struct bytes sample_record_handle(void)
{
	static struct buf text = BUF_INIT(RECORD_HANDLE_MAX);
	struct record in = a_record();
	struct keyring ring = ring_of(1);

	if (!text.n)
		must(record_seal(&ring, nonce, &in, &text) == 0, "record_seal");
	return buf_bytes(&text);
}

struct sealed {
	struct keyring ring;
	struct buf integration, record; /* texts, under the ring's last key */
};

static void seal_integrations(void *arg, uint64_t n)
{
	const struct sealed *s = arg;
	struct integration in = an_integration();

	while (n--) {
		struct buf out = BUF_INIT(INTEGRATION_HANDLE_MAX);

		must(integration_seal(&s->ring, nonce, &in, &out) == 0, "integration_seal");
		buf_done(&out);
	}
}

static void seal_records(void *arg, uint64_t n)
{
	const struct sealed *s = arg;
	struct record in = a_record();

	while (n--) {
		struct buf out = BUF_INIT(RECORD_HANDLE_MAX);

		must(record_seal(&s->ring, nonce, &in, &out) == 0, "record_seal");
		buf_done(&out);
	}
}

static void open_integrations(void *arg, uint64_t n)
{
	const struct sealed *s = arg;
	struct integration out;

	while (n--) {
		struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);

		must(integration_open(&s->ring, buf_bytes(&s->integration), BYTES(SAMPLE_CUSTOMER),
				      &plain, &out) == 0,
		     "integration_open");
		buf_done(&plain);
	}
}

static void open_records(void *arg, uint64_t n)
{
	const struct sealed *s = arg;
	struct record out;

	while (n--) {
		struct buf plain = BUF_INIT(RECORD_HANDLE_MAX);

		must(record_open(&s->ring, buf_bytes(&s->record), BYTES(SAMPLE_CUSTOMER), &plain,
				 &out) == 0,
		     "record_open");
		buf_done(&plain);
	}
}

static void with_keys(size_t n)
{
	struct sealed s = {.ring = ring_of(n),
			   .integration = BUF_INIT(INTEGRATION_HANDLE_MAX),
			   .record = BUF_INIT(RECORD_HANDLE_MAX)};
	struct integration in = an_integration();
	struct record record = a_record();

	must(integration_seal(&s.ring, nonce, &in, &s.integration) == 0 &&
		     record_seal(&s.ring, nonce, &record, &s.record) == 0,
	     "seal");
	micro_run(seal_integrations, &s, "seal an integration handle, keys: %zu", n);
	micro_run(open_integrations, &s, "open an integration handle, keys: %zu", n);
	micro_run(seal_records, &s, "seal a record handle, keys: %zu", n);
	micro_run(open_records, &s, "open a record handle, keys: %zu", n);
	buf_done(&s.integration);
	buf_done(&s.record);
}

void micro_seal(void)
{
	with_keys(1);
	with_keys(KEYRING_MAX);
	micro_note("a ring holds %u keys at most; the nonce is given", KEYRING_MAX);
}
