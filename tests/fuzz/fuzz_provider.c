/* SPDX-License-Identifier: ISC */
/*
 * Target: the engine and all providers, given whatever answers. Every request names an exchange of
 * the provider's own, with the arguments that its path has; a change comes in the permitted zone;
 * the courier would send it, to the provider's own paths; there is an end within the limits; what
 * failed has no results.
 *
 * Input: provider, operation, type and mode, then answers: status (2 bytes; with the highest bit
 * set, a length of one byte and the value of all headers that the provider wants to see follow
 * first), length (2 bytes), body. No answer left: the request is lost.
 */
#include "../unit/bounds.h"
#include "../unit/sample.h"
#include "fuzz.h"
#include "provider/engine.h"
#include "provider/kit.h"
#include "role/target.h"

#define MUST CHECK

static const struct {
	enum rr_type type;
	const char *value;
} records[] = {
	{RR_TXT, "one"},
	{RR_TXT, "a\"b\\c\xc3\xa9"},
	{RR_CAA, "0 issue \"ca.example\""},
	{RR_CNAME, "target.example.net"},
	{RR_NS, "ns1.example.net"},
};

static const struct provider *choose_provider(unsigned n)
{
	size_t count = 0;

	while (providers[count])
		count++;
	return providers[n % count];
}

static struct bytes credentials; /* of the provider at hand */

/* The finished URL, taken apart again. */
static void check_bounds(const struct engine *e, const struct engine_request *r)
{
	const struct bounds b = {.provider = e->op.provider,
				 .fields = credentials,
				 .kind = e->op.kind,
				 .zone_id = buf_bytes(&e->op.zone_id),
				 .wanted_id = e->op.wanted_id,
				 .zone = &e->op.zone,
				 .fqdn = &e->op.fqdn};
	const struct permit permit = {.zone_id = b.zone_id,
				      .zone = e->op.zone,
				      .fqdn = e->op.fqdn,
				      .type = e->op.type,
				      .all_types =
					      e->op.kind == OP_ADD && e->op.mode == MODE_REPLACE};
	struct buf url = BUF_INIT(64 * 1024), target = BUF_INIT(TARGET_MAX),
		   headers = BUF_INIT(64 * 1024);
	struct url base;

	MUST(target_base(b.provider, b.fields, &base) == 0);
	MUST(target_build(b.provider, r->exchange, &base, b.fields, r->args, r->query, &permit,
			  &target) == 0);
	MUST(target_headers(b.provider, r->headers, &headers) == 0);
	buf_puts(&url, base.tls ? "https://" : "http://");
	url_put_authority(&base, &url);
	buf_put_bytes(&url, buf_bytes(&target));
	MUST(!bounds_check(&b, r->exchange->method, buf_bytes(&url)));
	MUST(!bounds_headers(buf_bytes(&headers), b.provider->sends));
	buf_done(&url);
	buf_done(&target);
	buf_done(&headers);
}

static void check_request(const struct engine *e, const struct engine_request *r)
{
	struct bytes args = r->args, arg;

	MUST(r->exchange && provider_exchange(e->op.provider, r->number) == r->exchange);
	for (const char *at = strchr(r->exchange->path, '{'); at; at = strchr(at + 1, '{')) {
		if (at[1] == '=')
			continue;
		MUST(plist_next(&args, &arg) && op_usable_id(arg));
		if (strncmp(at, "{zone}", 6) == 0)
			MUST(bytes_is(arg, "example.org."));
		if (strncmp(at, "{zone/1}", 8) == 0)
			MUST(bytes_is(arg, "group"));
	}
	MUST(args.n == 0);
	MUST(plist_count(r->query) % 2 == 0);
	MUST(!r->exchange->changes || e->op.kind == OP_ADD || e->op.kind == OP_REMOVE);
	check_bounds(e, r);
}

static void check_result(const struct op *op)
{
	if (op->error != CODE_OK) {
		MUST(!op->found && !op->removed && op->zones.n == 0 && op->record_id.n == 0);
		MUST(strlen(op->detail) <= PROVIDER_DETAIL_MAX);
	}
	MUST(plist_count(buf_bytes(&op->zones)) == 2 * op->zone_count);
	if (op->kind == OP_FIND_ZONE && op->error == CODE_OK)
		MUST(op->zone_count == 1);
	MUST(!op->removed || op->kind == OP_REMOVE);
	MUST(!op->removed || op->changed);
	MUST(!op->found || op->kind == OP_ADD);
	MUST(!op->pending || (op->kind != OP_ZONES && op->kind != OP_FIND_ZONE));
	MUST(op->retry_after <= PROVIDER_RETRY_MAX);
}

static void feed(struct engine *e, const uint8_t **data, size_t *size)
{
	struct answer a = {.has_retry_after = true, .retry_after = UINT32_MAX};
	struct bytes in = bytes_of(*data, *size), value = {0};
	struct buf headers = BUF_INIT(4096);
	size_t n;

	if (*size < 4) {
		engine_lost(e, CODE_PROVIDER_TIMEOUT, true, "lost");
		return;
	}
	a.status = (fuzz_byte(&in) << 8 | fuzz_byte(&in));
	if (a.status & 0x8000)
		value = fuzz_take(&in, fuzz_byte(&in));
	for (size_t i = 0; value.n && i < PROVIDER_HEADERS && e->op.provider->headers[i]; i++) {
		plist_put(&headers, bytes_str(e->op.provider->headers[i]));
		plist_put(&headers, value);
	}
	a.status = (a.status & 0x7fff) % 1000;
	n = fuzz_byte(&in) << 8;
	n |= fuzz_byte(&in);
	a.body = fuzz_take(&in, n);
	a.headers = buf_bytes(&headers);
	MUST(engine_feed(e, &a) == 0);
	buf_done(&headers);
	*data = in.p;
	*size = in.n;
}

static bool has_groups(const struct provider *p)
{
	const struct exchange *look = p->ops[OP_ADD][0];

	return strstr(look->path, "{zone/1}") != NULL;
}

/* Made once: it takes longer than all else. SOME: with what may be left out. */
static struct bytes credentials_of(const struct provider *p, bool some, bool delegated)
{
	static struct buf made[64][2][2];
	struct buf *b;
	size_t i = 0;

	while (providers[i] != p)
		i++;
	MUST(i < ARRAY_LEN(made));
	delegated = delegated && p->assume;
	b = &made[i][some][delegated];
	if (!b->n) {
		buf_init(b, 64 * 1024);
		if (delegated) {
			plist_put(b, BYTES(CREDENTIALS_WAY));
			plist_put(b, BYTES("delegated"));
			plist_put(b, BYTES(CREDENTIALS_EXTERNAL));
			plist_put(b, BYTES("external"));
		}
		MUST(sample_credentials(p, delegated ? CATEGORY_DELEGATED : CATEGORY_STATIC, some,
					b));
	}
	return buf_bytes(b);
}

static void begin(struct engine *e, const uint8_t *data, struct buf *fields)
{
	const struct provider *p = choose_provider(data[0]);
	unsigned which = data[2] % ARRAY_LEN(records);

	engine_init(e, p, (enum op_kind)(data[1] % OP_KINDS));
	credentials = credentials_of(p, data[3] & 2, data[3] & 8);
	MUST(provider_public_fields(p, credentials, fields) == 0);
	e->op.fields = buf_bytes(fields);
	e->op.type = records[which].type;
	e->op.value = bytes_str(records[which].value);
	e->op.mode = data[3] & 1 ? MODE_REPLACE : MODE_COEXIST;
	e->op.wanted_id = BYTES("5");
	buf_puts(&e->op.zone_id, has_groups(p) ? "group/example.org." : "example.org.");
	MUST(dns_name_parse(&e->op.zone, BYTES("example.org")) == 0);
	MUST(dns_name_parse(&e->op.fqdn, data[3] & 4 ? BYTES("example.org")
						     : BYTES("_acme-challenge.example.org")) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf fields = BUF_INIT(64 * 1024);
	struct engine_request r;
	struct engine e;
	unsigned sent = 0;
	int more;

	if (size < 4)
		return 0;
	begin(&e, data, &fields);
	data += 4;
	size -= 4;
	while ((more = engine_next(&e, &r)) == ENGINE_SEND) {
		MUST(++sent <= PROVIDER_EXCHANGES);
		check_request(&e, &r);
		feed(&e, &data, &size);
	}
	MUST(more == ENGINE_DONE);
	check_result(&e.op);
	engine_done(&e);
	buf_done(&fields);
	return 0;
}
