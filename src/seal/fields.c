/* SPDX-License-Identifier: ISC */
#include "seal/fields.h"

#include <assert.h>

/* These enums are other layers', but their values stand in handles. */
static_assert(HANDLE_INTEGRATION == 0 && HANDLE_RECORD == 1 && HANDLE_SETUP == 2,
	      "kinds are written into handles");
static_assert(SETUP_OAUTH == 0 && SETUP_DELEGATED == 1, "ways are written into handles");
static_assert(POLICY_ARTICLE == 0 && POLICY_GUARDED == 1 && POLICY_STRICT == 2,
	      "profiles are written into handles");
static_assert(RR_TXT == 1 && RR_CAA == 2 && RR_CNAME == 3 && RR_NS == 4,
	      "types are written into handles");
static_assert(MODE_COEXIST == 0 && MODE_REPLACE == 1, "modes are written into handles");

/* ---- limits ---- */

static bool credentials_fit(struct bytes pairs)
{
	struct bytes name, value;
	size_t fields = 0, size = 0;

	while (plist_next(&pairs, &name) && plist_next(&pairs, &value)) {
		fields++;
		size += value.n;
	}
	return fields <= CREDENTIAL_FIELDS_MAX && size <= CREDENTIALS_MAX;
}

bool fields_fit_integration(const struct integration *in)
{
	return in->customer.n <= CUSTOMER_MAX && in->provider.n <= PROVIDER_NAME_MAX &&
	       plist_count(in->zones) <= HANDLE_ZONES_MAX && credentials_fit(in->credentials);
}

bool fields_fit_record(const struct record *in)
{
	return in->customer.n <= CUSTOMER_MAX && in->provider.n <= PROVIDER_NAME_MAX &&
	       in->zone_id.n <= PROVIDER_RECORD_ID_MAX &&
	       in->provider_id.n <= PROVIDER_RECORD_ID_MAX && in->value.n <= RECORD_VALUE_MAX;
}

bool fields_fit_setup(const struct setup *in)
{
	return in->customer.n <= CUSTOMER_MAX && in->provider.n <= PROVIDER_NAME_MAX &&
	       in->state.n <= SETUP_STATE_BYTES && in->verifier.n <= SETUP_VERIFIER_MAX &&
	       in->redirect_uri.n <= REDIRECT_URI_MAX && in->external_id.n <= EXTERNAL_ID_MAX;
}

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

void fields_put_setup(struct buf *out, const unsigned char key_id[KEY_ID_BYTES],
		      const struct setup *in)
{
	buf_putc(out, HANDLE_VERSION);
	buf_putc(out, HANDLE_SETUP);
	put(out, FIELD_KEY_ID, bytes_of(key_id, KEY_ID_BYTES));
	put(out, FIELD_CUSTOMER, in->customer);
	put(out, FIELD_INTEGRATION, bytes_of(in->id, INTEGRATION_ID_BYTES));
	put(out, FIELD_PROVIDER, in->provider);
	put_u64(out, FIELD_CREATED, (uint64_t)in->created);
	put_u64(out, FIELD_EXPIRES, (uint64_t)in->expires);
	put_u8(out, FIELD_WAY, in->way);
	put(out, FIELD_STATE, in->state);
	put(out, FIELD_VERIFIER, in->verifier);
	put(out, FIELD_REDIRECT_URI, in->redirect_uri);
	put(out, FIELD_EXTERNAL_ID, in->external_id);
}

/* ---- reading ---- */

/* Reads fields in their one order; the first thing that is wrong makes everything wrong. */
struct reader {
	struct bytes in;
	bool bad;
};

static struct bytes get(struct reader *r, enum field_number number)
{
	struct bytes v = {NULL, 0};

	if (!r->bad && r->in.n > 0 && r->in.p[0] == number) {
		r->in = bytes_skip(r->in, 1);
		r->bad = !plist_next(&r->in, &v);
	} else {
		r->bad = true;
	}
	return r->bad ? bytes_of(NULL, 0) : v;
}

static void get_fixed(struct reader *r, enum field_number number, unsigned char *out, size_t n)
{
	struct bytes v = get(r, number);

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

/* Parses V, which must be in canonical form. */
static bool parse_canonical(struct dns_name *name, struct bytes v)
{
	return dns_name_parse(name, v) == 0 && bytes_eq(dns_name_text(name), v);
}

static struct bytes get_name(struct reader *r, enum field_number number, struct dns_name *name)
{
	struct bytes v = get(r, number);

	if (!parse_canonical(name, v))
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
	sealed_for = get(r, FIELD_CUSTOMER);
	if (!bytes_eq(sealed_for, customer))
		r->bad = true;
	return sealed_for;
}

static struct bytes get_provider(struct reader *r)
{
	struct bytes v = get(r, FIELD_PROVIDER);

	if (v.n == 0 || !bytes_printable(v))
		r->bad = true;
	return v;
}

static struct bytes get_zones(struct reader *r)
{
	struct bytes v = get(r, FIELD_ZONES), rest = v, zone;
	struct dns_name name;

	while (!r->bad && plist_next(&rest, &zone))
		if (!parse_canonical(&name, zone))
			r->bad = true;
	if (rest.n > 0)
		r->bad = true;
	return v;
}

static struct bytes get_credentials(struct reader *r)
{
	struct bytes v = get(r, FIELD_CREDENTIALS);

	if (!plist_valid(v, SIZE_MAX, SIZE_MAX) || plist_count(v) % 2 != 0)
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
	i.credentials = get_credentials(&r);
	if (r.bad || r.in.n > 0 || !fields_fit_integration(&i))
		return HANDLE_E_INVALID;
	memcpy(i.key_id, key_id, KEY_ID_BYTES);
	*out = i;
	return 0;
}

int fields_get_record(struct bytes in, const unsigned char key_id[KEY_ID_BYTES],
		      struct bytes customer, struct record *out)
{
	struct reader r = {.in = in};
	struct dns_name zone, fqdn;
	struct record rec = {0};

	rec.customer = get_head(&r, HANDLE_RECORD, key_id, customer);
	get_fixed(&r, FIELD_INTEGRATION, rec.integration, sizeof(rec.integration));
	rec.provider = get_provider(&r);
	rec.created = get_time(&r, FIELD_CREATED);
	rec.zone = get_name(&r, FIELD_ZONE, &zone);
	rec.zone_id = get(&r, FIELD_ZONE_ID);
	rec.fqdn = get_name(&r, FIELD_FQDN, &fqdn);
	rec.type = (enum rr_type)get_u8(&r, FIELD_TYPE, RR_TYPES - 1);
	rec.value = get(&r, FIELD_VALUE);
	rec.mode = (enum record_mode)get_u8(&r, FIELD_MODE, RECORD_MODES - 1);
	rec.provider_id = get(&r, FIELD_RECORD_ID);
	rec.found = get_u8(&r, FIELD_FOUND, 1);
	rec.log_index = get_u64(&r, FIELD_LOG_INDEX);
	get_fixed(&r, FIELD_LEAF, rec.leaf, sizeof(rec.leaf));
	if (r.bad || r.in.n > 0 || !fields_fit_record(&rec) || !dns_name_within(&fqdn, &zone) ||
	    rec.type == RR_NONE || rec.zone_id.n == 0 || rec.value.n == 0)
		return HANDLE_E_INVALID;
	memcpy(rec.key_id, key_id, KEY_ID_BYTES);
	*out = rec;
	return 0;
}

static struct bytes get_text(struct reader *r, enum field_number number)
{
	struct bytes v = get(r, number);

	if (!bytes_printable(v))
		r->bad = true;
	return v;
}

/* One way's fields are all there, and none of the other's. */
static bool is_one_way(const struct setup *s)
{
	if (s->way == SETUP_OAUTH)
		return s->state.n == SETUP_STATE_BYTES && s->verifier.n >= SETUP_VERIFIER_MIN &&
		       s->redirect_uri.n > 0 && s->external_id.n == 0;
	return s->state.n == 0 && s->verifier.n == 0 && s->redirect_uri.n == 0 &&
	       s->external_id.n > 0;
}

int fields_get_setup(struct bytes in, const unsigned char key_id[KEY_ID_BYTES],
		     struct bytes customer, struct setup *out)
{
	struct reader r = {.in = in};
	struct setup s = {0};

	s.customer = get_head(&r, HANDLE_SETUP, key_id, customer);
	get_fixed(&r, FIELD_INTEGRATION, s.id, sizeof(s.id));
	s.provider = get_provider(&r);
	s.created = get_time(&r, FIELD_CREATED);
	s.expires = get_time(&r, FIELD_EXPIRES);
	s.way = (enum setup_way)get_u8(&r, FIELD_WAY, SETUP_WAYS - 1);
	s.state = get(&r, FIELD_STATE);
	s.verifier = get_text(&r, FIELD_VERIFIER);
	s.redirect_uri = get_text(&r, FIELD_REDIRECT_URI);
	s.external_id = get_text(&r, FIELD_EXTERNAL_ID);
	if (r.bad || r.in.n > 0 || !fields_fit_setup(&s) || !is_one_way(&s))
		return HANDLE_E_INVALID;
	memcpy(s.key_id, key_id, KEY_ID_BYTES);
	*out = s;
	return 0;
}
