/* SPDX-License-Identifier: ISC */
/* What the front says: the vault's answers, and the list of providers, as JSON. */
#include "base/json.h"
#include "base/text.h"
#include "role/front.h"

#define PROVIDERS_MAX (1u << 20)
#define ANSWER_MAX    (16u << 20)

/* ---- GET /providers ---- */

static void put_text(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, "\"%s\":", key);
	json_put_string(b, bytes_str(value));
}

/* A credential field as a property of a JSON Schema (2020-12). */
static void put_field(struct buf *b, const struct field_def *f)
{
	json_put_string(b, bytes_str(f->name));
	buf_puts(b, ":{\"type\":\"string\",");
	put_text(b, "title", f->label);
	buf_putc(b, ',');
	put_text(b, "description", f->help);
	buf_putc(b, ',');
	if (f->pattern) {
		buf_puts(b, "\"pattern\":");
		struct buf anchored cleanup(buf_done) = BUF_INIT(1024);
		buf_printf(&anchored, "^(?:%s)$", f->pattern);
		json_put_string(b, buf_bytes(&anchored));
		buf_putc(b, ',');
	}
	if (f->preset) {
		put_text(b, "default", f->preset);
		buf_putc(b, ',');
	}
	buf_printf(b, "\"maxLength\":%zu,\"writeOnly\":%s}", f->max, f->secret ? "true" : "false");
}

/* The form for what make_integration takes as credentials, that way. */
static void put_form(struct buf *b, const struct provider *p, enum category way)
{
	const char *comma = "";

	buf_puts(b, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
	for (const struct field_def *f = p->fields; f->name; f++) {
		if (!field_goes_way(f, way))
			continue;
		buf_puts(b, comma);
		put_field(b, f);
		comma = ",";
	}
	buf_puts(b, "},\"required\":[");
	comma = "";
	for (const struct field_def *f = p->fields; f->name; f++) {
		if (f->optional || f->preset || f->part_of || !field_goes_way(f, way))
			continue;
		buf_puts(b, comma);
		json_put_string(b, bytes_str(f->name));
		comma = ",";
	}
	buf_puts(b, "]}");
}

/* The customer's ways to trust us, the simplest first. */
static void put_ways(struct buf *b, const struct provider *p)
{
	const bool has[CATEGORIES] = {true, p->oauth != NULL, p->delegated != NULL};
	const char *comma = "";

	buf_puts(b, "\"categories\":[");
	for (enum category c = 0; c < CATEGORIES; c++) {
		if (!has[c])
			continue;
		buf_puts(b, comma);
		json_put_string(b, bytes_str(category_text(c)));
		comma = ",";
	}
	buf_putc(b, ']');
	buf_puts(b, ",\"credentials\":");
	put_form(b, p, CATEGORY_STATIC);
	if (p->delegated) {
		buf_puts(b, ",\"delegated_credentials\":");
		put_form(b, p, CATEGORY_DELEGATED);
	}
}

static void put_provider(struct buf *b, const struct provider *p)
{
	buf_putc(b, '{');
	put_text(b, "name", p->name);
	buf_putc(b, ',');
	put_text(b, "title", p->title);
	buf_putc(b, ',');
	put_text(b, "category", category_text(CATEGORY_STATIC));
	buf_printf(b, ",\"self_hosted\":%s,\"record_modes\":[\"coexist\",\"replace\"],",
		   p->self_hosted ? "true" : "false");
	put_ways(b, p);
	buf_putc(b, '}');
}

int api_init(void)
{
	front.providers = BUF_INIT(PROVIDERS_MAX);
	buf_puts(&front.providers, "{\"providers\":[");
	for (size_t i = 0; providers[i]; i++) {
		if (i)
			buf_putc(&front.providers, ',');
		put_provider(&front.providers, providers[i]);
	}
	buf_puts(&front.providers, "]}\n");
	return buf_status(&front.providers);
}

/* ---- answers of the vault ---- */

static void put_pair(struct buf *b, const char *key, struct bytes value)
{
	buf_putc(b, '"');
	buf_puts(b, key);
	buf_puts(b, "\":");
	json_put_string(b, value);
}

static void put_zones(struct buf *b, struct bytes list)
{
	const char *comma = "";
	struct bytes name, id;

	buf_puts(b, "\"zones\":[");
	while (plist_next(&list, &name) && plist_next(&list, &id)) {
		buf_puts(b, comma);
		buf_putc(b, '{');
		put_pair(b, "name", name);
		buf_putc(b, ',');
		put_pair(b, "id", id);
		buf_putc(b, '}');
		comma = ",";
	}
	buf_putc(b, ']');
}

static void put_when(struct buf *b, const char *key, int64_t seconds)
{
	struct buf t cleanup(buf_done) = BUF_INIT(64);

	text_put_time(&t, seconds * 1000000);
	put_pair(b, key, buf_bytes(&t));
}

static void put_hex(struct buf *b, const char *key, const unsigned char *p, size_t n)
{
	buf_printf(b, "\"%s\":\"", key);
	text_put_hex(b, bytes_of(p, n));
	buf_putc(b, '"');
}

static void put_integration(struct buf *b, const struct vf_handle *m)
{
	struct bytes zones = m->zones, zone;
	const char *comma = "";

	buf_puts(b, ",\"zones\":");
	if (!zones.n) {
		buf_puts(b, "null");
	} else {
		buf_putc(b, '[');
		while (plist_next(&zones, &zone)) {
			buf_puts(b, comma);
			json_put_string(b, zone);
			comma = ",";
		}
		buf_putc(b, ']');
	}
	buf_putc(b, ',');
	put_pair(b, "policy", bytes_str(policy_profile_text((enum policy_profile)m->policy)));
	buf_puts(b, ",");
	if (m->expires)
		put_when(b, "expires_at", m->expires);
	else
		buf_puts(b, "\"expires_at\":null");
}

static void put_record(struct buf *b, const struct vf_handle *m)
{
	buf_putc(b, ',');
	put_pair(b, "zone", m->zone);
	buf_puts(b, ",\"record\":{");
	put_pair(b, "fqdn", m->fqdn);
	buf_putc(b, ',');
	put_pair(b, "type", bytes_str(rr_type_text((enum rr_type)m->type)));
	buf_putc(b, ',');
	put_pair(b, "value", m->value);
	buf_putc(b, ',');
	put_pair(b, "mode", bytes_str(record_mode_text((enum record_mode)m->mode)));
	buf_printf(b, "},\"found\":%s,\"log_index\":%llu,", m->found ? "true" : "false",
		   (unsigned long long)m->log_index);
	put_hex(b, "leaf_hash", m->leaf, LEAF_HASH_BYTES);
}

static void put_handle(struct buf *b, const struct vf_handle *m)
{
	put_pair(b, "type", m->kind == HANDLE_INTEGRATION ? BYTES("integration") : BYTES("record"));
	buf_puts(b, ",\"version\":1,");
	put_hex(b, "key_id", m->key_id, KEY_ID_BYTES);
	buf_putc(b, ',');
	put_hex(b, "integration", m->integration, INTEGRATION_ID_BYTES);
	buf_putc(b, ',');
	put_pair(b, "provider", m->provider);
	buf_putc(b, ',');
	if (m->customer.n)
		put_pair(b, "customer", m->customer);
	else
		buf_puts(b, "\"customer\":null");
	buf_putc(b, ',');
	put_when(b, "created_at", m->created);
	if (m->kind == HANDLE_INTEGRATION)
		put_integration(b, m);
	else
		put_record(b, m);
}

static void put_setup(struct buf *b, const struct vf_setup *m)
{
	struct bytes rest = m->instructions, name, text;
	const char *comma = "";

	put_pair(b, "setup_handle", m->handle);
	if (m->authorize_url.n) {
		buf_putc(b, ',');
		put_pair(b, "authorize_url", m->authorize_url);
		return;
	}
	buf_puts(b, ",\"instructions\":{");
	while (plist_next(&rest, &name) && plist_next(&rest, &text)) {
		buf_puts(b, comma);
		json_put_string(b, name);
		buf_putc(b, ':');
		json_put_string(b, text);
		comma = ",";
	}
	buf_putc(b, '}');
}

static void put_checked(struct buf *b, const struct vf_checked *m)
{
	struct bytes rest = m->servers, name, address, visible, problem;
	const char *comma = "";

	buf_printf(b, "\"visible\":%s,", m->visible ? "true" : "false");
	put_pair(b, "provider", m->pending ? BYTES("pending") : BYTES("applied"));
	buf_puts(b, ",\"servers\":[");
	while (plist_next_pair(&rest, &name, &address) &&
	       plist_next_pair(&rest, &visible, &problem)) {
		buf_puts(b, comma);
		buf_putc(b, '{');
		put_pair(b, "name", name);
		buf_puts(b, ",\"address\":");
		if (address.n)
			json_put_string(b, address);
		else
			buf_puts(b, "null");
		buf_printf(b, ",\"visible\":%s", bytes_is(visible, "true") ? "true" : "false");
		if (problem.n) {
			buf_putc(b, ',');
			put_pair(b, "problem", problem);
		}
		buf_putc(b, '}');
		comma = ",";
	}
	buf_putc(b, ']');
}

/* Where the change's intent stands in the log, and what it is: whoever keeps it is a witness.
 * Index 0 is the log's opening: no intent was needed, as the record was not ours to remove. */
static void put_receipt(struct buf *b, uint64_t index, const unsigned char leaf[LEAF_HASH_BYTES])
{
	if (index == 0)
		return;
	buf_printf(b, ",\"receipt\":{\"index\":%llu,\"leaf\":\"", (unsigned long long)index);
	text_put_hex(b, bytes_of(leaf, LEAF_HASH_BYTES));
	buf_puts(b, "\"}");
}

static void put_answer(struct conn *c, struct buf *b, uint16_t number, const void *msg)
{
	switch (number) {
	case MSG_vf_integration:
		put_pair(b, "integration_handle", ((const struct vf_integration *)msg)->handle);
		buf_putc(b, ',');
		put_zones(b, buf_bytes(&c->pieces));
		break;
	case MSG_vf_setup:
		put_setup(b, msg);
		break;
	case MSG_vf_zones_end:
		put_zones(b, buf_bytes(&c->pieces));
		break;
	case MSG_vf_record: {
		const struct vf_record *m = msg;
		if (c->httpreq) {
			buf_put_bytes(b, buf_bytes(&c->pieces));
			break;
		}
		put_pair(b, "record_handle", m->handle);
		buf_putc(b, ',');
		put_pair(b, "zone", m->zone);
		buf_putc(b, ',');
		put_pair(b, "fqdn", m->fqdn);
		buf_putc(b, ',');
		put_pair(b, "status", m->pending ? BYTES("pending") : BYTES("applied"));
		put_receipt(b, m->index, m->leaf);
		break;
	}
	case MSG_vf_removed: {
		const struct vf_removed *m = msg;
		if (c->httpreq) {
			buf_put_bytes(b, buf_bytes(&c->pieces));
			buf_putc(b, ',');
		}
		buf_printf(b, "\"removed\":%s", m->removed ? "true" : "false");
		if (c->httpreq)
			break;
		put_receipt(b, m->index, m->leaf);
		break;
	}
	case MSG_vf_checked:
		put_checked(b, msg);
		break;
	case MSG_vf_handle:
		put_handle(b, msg);
		break;
	case MSG_vf_rewrapped:
		put_pair(b, "handle", ((const struct vf_rewrapped *)msg)->handle);
		break;
	}
}

void api_answer(uint16_t number, const void *msg)
{
	/* Each of these messages begins with its call. */
	struct conn *c =
		idmap_entry(idmap_find(&front.calls, *(const uint64_t *)msg), struct conn, node);
	struct buf b cleanup(buf_done) = BUF_INIT(ANSWER_MAX);

	if (!c)
		return; /* the client went away */
	if (number == MSG_vf_zones) {
		buf_put_bytes(&c->pieces, ((const struct vf_zones *)msg)->zones);
		return;
	}
	if (number == MSG_vf_metrics) {
		const struct vf_metrics *m = msg;
		buf_put_bytes(&c->pieces, m->text);
		if (!m->more)
			metrics_reply(c);
		return;
	}
	if (number == MSG_vf_fresh && c->httpreq) {
		httpreq_stale(c);
		return;
	}
	if (number == MSG_vf_fresh) {
		buf_reset(&c->fresh);
		buf_put_bytes(&c->fresh, ((const struct vf_fresh *)msg)->handle);
		return;
	}
	if (number == MSG_vf_error) {
		const struct vf_error *m = msg;
		conn_problem(c, (enum code)m->code, 0,
			     c->httpreq ? httpreq_field(c, m->field) : m->field, m->detail,
			     m->retry_after);
		return;
	}
	buf_putc(&b, '{');
	put_answer(c, &b, number, msg);
	if (c->fresh.n) {
		buf_putc(&b, ',');
		put_pair(&b, "integration_handle", buf_bytes(&c->fresh));
	}
	buf_puts(&b, "}\n");
	if (buf_status(&b) < 0 || buf_status(&c->pieces) < 0 || buf_status(&c->fresh) < 0)
		conn_problem(c, CODE_OVERLOADED, 0, bytes_of(NULL, 0), BYTES("out of memory"), 1);
	else
		conn_reply(c, 200, buf_bytes(&b));
}
