/* SPDX-License-Identifier: ISC */
#include "seal/fields.h"

/* ---- writing ---- */

static void put(struct buf *b, enum field_number number, struct bytes v)
{
	buf_putc(b, (unsigned char)number);
	plist_put(b, v);
}

static void put_u8(struct buf *b, enum field_number number, unsigned v)
{
	put(b, number, bytes_of(&(unsigned char){(unsigned char)v}, 1));
}

static void put_u64(struct buf *b, enum field_number number, uint64_t v)
{
	buf_putc(b, (unsigned char)number);
	buf_put_be32(b, 8);
	buf_put_be64(b, v);
}

void fields_put_integration(struct buf *out, const unsigned char key_id[KEY_ID_BYTES],
			    const struct integration *in)
{
	buf_putc(out, HANDLE_VERSION);
	buf_putc(out, HANDLE_INTEGRATION);
	put(out, FIELD_KEY_ID, bytes_of(key_id, KEY_ID_BYTES));
	put(out, FIELD_CUSTOMER, in->customer);
	put(out, FIELD_INTEGRATION, bytes_of(in->id, INTEGRATION_ID_BYTES));
	put(out, FIELD_PROVIDER, in->provider);
	put_u64(out, FIELD_CREATED, (uint64_t)in->created);
	put_u64(out, FIELD_EXPIRES, (uint64_t)in->expires);
	put(out, FIELD_ZONES, in->zones);
	put_u8(out, FIELD_POLICY, in->policy);
	put(out, FIELD_CREDENTIALS, in->credentials);
}

void fields_put_record(struct buf *out, const unsigned char key_id[KEY_ID_BYTES],
		       const struct record *in)
{
	buf_putc(out, HANDLE_VERSION);
	buf_putc(out, HANDLE_RECORD);
	put(out, FIELD_KEY_ID, bytes_of(key_id, KEY_ID_BYTES));
	put(out, FIELD_CUSTOMER, in->customer);
	put(out, FIELD_INTEGRATION, bytes_of(in->integration, INTEGRATION_ID_BYTES));
	put(out, FIELD_PROVIDER, in->provider);
	put_u64(out, FIELD_CREATED, (uint64_t)in->created);
	put(out, FIELD_ZONE, in->zone);
	put(out, FIELD_ZONE_ID, in->zone_id);
	put(out, FIELD_FQDN, in->fqdn);
	put_u8(out, FIELD_TYPE, in->type);
	put(out, FIELD_VALUE, in->value);
	put_u8(out, FIELD_MODE, in->mode);
	put(out, FIELD_RECORD_ID, in->provider_id);
	put_u8(out, FIELD_FOUND, in->found);
	put_u64(out, FIELD_LOG_INDEX, in->log_index);
	put(out, FIELD_LEAF, bytes_of(in->leaf, LEAF_HASH_BYTES));
}

/* ---- reading ---- */

/* Reads fields in their one order; the first thing that is wrong makes everything wrong. */
struct reader {
	struct bytes in;
	bool bad;
};

static struct bytes get(struct reader *r, enum field_number number, size_t max)
{
	struct bytes v = {NULL, 0};

	if (!r->bad && r->in.n > 0 && r->in.p[0] == number) {
		r->in = bytes_skip(r->in, 1);
		r->bad = !plist_next(&r->in, &v) || v.n > max;
	} else {
		r->bad = true;
	}
	return r->bad ? bytes_of(NULL, 0) : v;
}

static void get_fixed(struct reader *r, enum field_number number, unsigned char *out, size_t n)
{
	struct bytes v = get(r, number, n);

	if (v.n == n)
		memcpy(out, v.p, n);
	else
		r->bad = true;
}

static unsigned get_u8(struct reader *r, enum field_number number, unsigned max)
{
	unsigned char v = 0;

	get_fixed(r, number, &v, 1);
	if (v > max)
		r->bad = true;
	return v;
}

static uint64_t get_u64(struct reader *r, enum field_number number)
{
	unsigned char raw[8] = {0};
	uint64_t v = 0;

	get_fixed(r, number, raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++)
		v = v << 8 | raw[i];
	return v;
}

static int64_t get_time(struct reader *r, enum field_number number)
{
	uint64_t v = get_u64(r, number);

	if (v > INT64_MAX / 1000000)
		r->bad = true;
	return r->bad ? 0 : (int64_t)v;
}

/* A name in its canonical form. */
static struct bytes get_name(struct reader *r, enum field_number number)
{
	struct bytes v = get(r, number, DNS_NAME_MAX);
	struct dns_name name;

	if (dns_name_parse(&name, v) != 0 || !bytes_eq(dns_name_text(&name), v))
		r->bad = true;
	return v;
}

static struct bytes get_head(struct reader *r, enum handle_kind kind,
			     const unsigned char key_id[KEY_ID_BYTES], struct bytes customer)
{
	unsigned char inside[KEY_ID_BYTES] = {0};
	struct bytes sealed_for;

	if (r->in.n < 2 || r->in.p[0] != HANDLE_VERSION || r->in.p[1] != kind)
		r->bad = true;
	else
		r->in = bytes_skip(r->in, 2);
	get_fixed(r, FIELD_KEY_ID, inside, sizeof(inside));
	if (memcmp(inside, key_id, KEY_ID_BYTES) != 0)
		r->bad = true;
	sealed_for = get(r, FIELD_CUSTOMER, CUSTOMER_MAX);
	if (!bytes_eq(sealed_for, customer))
		r->bad = true;
	return sealed_for;
}

static int result(const struct reader *r)
{
	return r->bad || r->in.n > 0 ? HANDLE_E_INVALID : 0;
}

static struct bytes get_provider(struct reader *r)
{
	struct bytes v = get(r, FIELD_PROVIDER, PROVIDER_NAME_MAX);

	if (v.n == 0 || !bytes_printable(v))
		r->bad = true;
	return v;
}

static struct bytes get_zones(struct reader *r)
{
	struct bytes v = get(r, FIELD_ZONES, HANDLE_ZONES_MAX * (DNS_NAME_MAX + 4)), rest = v, zone;
	struct dns_name name;

	if (!plist_valid(v, HANDLE_ZONES_MAX, DNS_NAME_MAX))
		r->bad = true;
	while (!r->bad && plist_next(&rest, &zone))
		if (dns_name_parse(&name, zone) != 0 || !bytes_eq(dns_name_text(&name), zone))
			r->bad = true;
	return v;
}

int fields_get_integration(struct bytes in, const unsigned char key_id[KEY_ID_BYTES],
			   struct bytes customer, struct integration *out)
{
	struct reader r = {.in = in};
	struct integration i = {0};

	i.customer = get_head(&r, HANDLE_INTEGRATION, key_id, customer);
	get_fixed(&r, FIELD_INTEGRATION, i.id, sizeof(i.id));
	i.provider = get_provider(&r);
	i.created = get_time(&r, FIELD_CREATED);
	i.expires = get_time(&r, FIELD_EXPIRES);
	i.zones = get_zones(&r);
	i.policy = (enum policy_profile)get_u8(&r, FIELD_POLICY, POLICY_PROFILES - 1);
	i.credentials = get(&r, FIELD_CREDENTIALS, SIZE_MAX);
	if (!plist_valid(i.credentials, 2 * CREDENTIAL_FIELDS_MAX, CREDENTIALS_MAX) ||
	    plist_count(i.credentials) % 2 != 0)
		r.bad = true;
	if (result(&r) == 0)
		*out = i;
	return result(&r);
}

int fields_get_record(struct bytes in, const unsigned char key_id[KEY_ID_BYTES],
		      struct bytes customer, struct record *out)
{
	struct reader r = {.in = in};
	struct record rec = {0};

	rec.customer = get_head(&r, HANDLE_RECORD, key_id, customer);
	get_fixed(&r, FIELD_INTEGRATION, rec.integration, sizeof(rec.integration));
	rec.provider = get_provider(&r);
	rec.created = get_time(&r, FIELD_CREATED);
	rec.zone = get_name(&r, FIELD_ZONE);
	rec.zone_id = get(&r, FIELD_ZONE_ID, PROVIDER_RECORD_ID_MAX);
	rec.fqdn = get_name(&r, FIELD_FQDN);
	rec.type = (enum rr_type)get_u8(&r, FIELD_TYPE, RR_TYPES - 1);
	rec.value = get(&r, FIELD_VALUE, RECORD_VALUE_MAX);
	rec.mode = (enum record_mode)get_u8(&r, FIELD_MODE, RECORD_MODES - 1);
	rec.provider_id = get(&r, FIELD_RECORD_ID, PROVIDER_RECORD_ID_MAX);
	rec.found = get_u8(&r, FIELD_FOUND, 1);
	rec.log_index = get_u64(&r, FIELD_LOG_INDEX);
	get_fixed(&r, FIELD_LEAF, rec.leaf, sizeof(rec.leaf));
	if (rec.type == RR_NONE || rec.zone_id.n == 0 || rec.value.n == 0)
		r.bad = true;
	if (result(&r) == 0)
		*out = rec;
	return result(&r);
}
