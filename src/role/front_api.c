/* SPDX-License-Identifier: ISC */
/* The API's endpoints (DESIGN section 3): JSON in, checked against tables; a message to the vault; its answer as JSON. */
#include "base/text.h"
#include "role/front.h"
#include "role/front_fields.h"
#include "sys/log.h"

#include <sodium.h>
#include <stdlib.h>

#define PROVIDERS_MAX (1u << 20)

static struct bytes json_list_text(const json_t *list, struct buf *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) plist_put(out, json_bytes(item));
	return buf_bytes(out);
}

static void invalid(struct conn *c, const char *field, const char *detail)
{
	conn_problem(c, CODE_INVALID_REQUEST, 0, bytes_str(field), bytes_str(detail), 0);
}

/* What every request to the vault begins with. */
#define COMMON(c, o)                                                                               \
	.call = (c)->node.id, .request_id = bytes_str((c)->request_id),                            \
	.caller = bytes_str((c)->caller_name), .customer = json_get_bytes((o), "customer")

/* ---- make_integration ---- */

static const struct field_rule make_rules[] = {
	{"provider", FIELD_TEXT, .required = true, .max = PROVIDER_NAME_MAX},
	{"credentials", FIELD_OBJECT, .required = true},
	{"customer", FIELD_TEXT, .max = CUSTOMER_MAX},
	{"zones", FIELD_TEXTS, .max = DNS_NAME_MAX + 1, .items = HANDLE_ZONES_MAX},
	{"policy", FIELD_TEXT, .max = 16},
	{"expires_at", FIELD_TEXT, .max = 40},
	{"verify", FIELD_BOOL},
	{NULL},
};

static bool has_field(const struct provider *p, const char *name)
{
	for (const struct field_def *f = p->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return true;
	return false;
}

/* False when it was answered. */
static bool take_credentials(struct conn *c, const struct provider *p, json_t *credentials,
			     struct buf *out)
{
	const char *key, *why;
	json_t *value;

	json_object_foreach(credentials, key, value)
	{
		char field[80];

		why = json_is_string(value) ? NULL : "must be a string";
		if (!has_field(p, key))
			why = "no such field";
		if (why) {
			invalid(c, field_path(field, sizeof(field), "credentials.", key), why);
			return false;
		}
		plist_put(out, bytes_str(key));
		plist_put(out, json_bytes(value));
	}
	if (buf_status(out) < 0 || json_object_size(credentials) > CREDENTIAL_FIELDS_MAX) {
		invalid(c, "credentials", "too large");
		return false;
	}
	return true;
}

static void make_integration(struct conn *c, json_t *o)
{
	struct buf credentials cleanup(buf_done) = BUF_INIT(IPC_CREDENTIALS_MAX);
	struct buf zones cleanup(buf_done) = BUF_INIT(IPC_ZONES_MAX);
	const struct provider *p = provider_by_name(json_get_bytes(o, "provider"));
	enum policy_profile policy = IPC_POLICY_DEFAULT;
	json_t *verify = json_object_get(o, "verify");
	int64_t expires = 0;

	if (!p) {
		invalid(c, "provider", "no such provider");
		return;
	}
	if (json_object_get(o, "policy")) {
		policy = policy_profile_parse(json_get_bytes(o, "policy"));
		if (policy == POLICY_PROFILES) {
			invalid(c, "policy", "must be article, guarded or strict");
			return;
		}
	}
	if (json_object_get(o, "expires_at") &&
	    text_to_time(json_get_bytes(o, "expires_at"), &expires) != 0) {
		invalid(c, "expires_at", "must be a time such as 2026-11-25T02:10:30Z");
		return;
	}
	if (!take_credentials(c, p, json_object_get(o, "credentials"), &credentials))
		return;
	conn_wait(c);
	channel_send(&front.vault, fv_make_integration, COMMON(c, o),
		     .provider = json_get_bytes(o, "provider"),
		     .credentials = buf_bytes(&credentials),
		     .zones = json_list_text(json_object_get(o, "zones"), &zones),
		     .policy = (uint8_t)policy, .expires = expires / 1000000,
		     .verify = !json_is_false(verify));
}

/* ---- get_zones, inspect_handle, rewrap_handle ---- */

static const struct field_rule zones_rules[] = {
	{"integration_handle", FIELD_TEXT, .required = true, .max = SIZE_MAX},
	{"customer", FIELD_TEXT, .max = CUSTOMER_MAX},
	{NULL},
};

static const struct field_rule handle_rules[] = {
	{"handle", FIELD_TEXT, .required = true, .max = SIZE_MAX},
	{"customer", FIELD_TEXT, .max = CUSTOMER_MAX},
	{NULL},
};

/* A text that is too long for a handle is none. False when it was answered. */
static bool handle_fits(struct conn *c, json_t *o, const char *field, size_t max)
{
	if (json_get_bytes(o, field).n <= max)
		return true;
	conn_problem(c, CODE_HANDLE_INVALID, 0, bytes_str(field), BYTES("the handle is not valid"),
		     0);
	return false;
}

static void get_zones(struct conn *c, json_t *o)
{
	if (!handle_fits(c, o, "integration_handle", INTEGRATION_HANDLE_MAX))
		return;
	conn_wait(c);
	channel_send(&front.vault, fv_get_zones, COMMON(c, o),
		     .handle = json_get_bytes(o, "integration_handle"));
}

static void inspect_handle(struct conn *c, json_t *o)
{
	if (!handle_fits(c, o, "handle", INTEGRATION_HANDLE_MAX))
		return;
	conn_wait(c);
	channel_send(&front.vault, fv_inspect_handle, COMMON(c, o),
		     .handle = json_get_bytes(o, "handle"));
}

static void rewrap_handle(struct conn *c, json_t *o)
{
	if (!handle_fits(c, o, "handle", INTEGRATION_HANDLE_MAX))
		return;
	conn_wait(c);
	channel_send(&front.vault, fv_rewrap_handle, COMMON(c, o),
		     .handle = json_get_bytes(o, "handle"));
}

/* ---- add_record, remove_record ---- */

static const struct field_rule add_rules[] = {
	{"integration_handle", FIELD_TEXT, .required = true, .max = SIZE_MAX},
	{"customer", FIELD_TEXT, .max = CUSTOMER_MAX},
	{"record", FIELD_OBJECT, .required = true},
	{NULL},
};

static const struct field_rule record_rules[] = {
	{"fqdn", FIELD_TEXT, .required = true, .max = IPC_FQDN_MAX},
	{"type", FIELD_TEXT, .required = true, .max = IPC_TYPE_MAX},
	{"value", FIELD_TEXT, .required = true, .max = RECORD_VALUE_MAX},
	{"mode", FIELD_TEXT, .max = 16},
	{"ttl", FIELD_NUMBER, .max = RECORD_TTL_MAX},
	{NULL},
};

static const struct field_rule remove_rules[] = {
	{"integration_handle", FIELD_TEXT, .required = true, .max = SIZE_MAX},
	{"customer", FIELD_TEXT, .max = CUSTOMER_MAX},
	{"record_handle", FIELD_TEXT, .required = true, .max = SIZE_MAX},
	{NULL},
};

/* A type's name, whether or not it is one of ours: those that are not are the policy's to refuse. */
static bool type_name(struct bytes t)
{
	for (size_t i = 0; i < t.n; i++)
		if (!(t.p[i] >= 'A' && t.p[i] <= 'Z') && !(i > 0 && t.p[i] >= '0' && t.p[i] <= '9'))
			return false;
	return t.n > 0;
}

static void add_record(struct conn *c, json_t *o)
{
	json_t *record = json_object_get(o, "record");
	enum record_mode mode = MODE_COEXIST;
	char field[80];
	const char *why;
	uint64_t ttl = 0;

	why = fields_check(record, record_rules, "record.", field, sizeof(field));
	if (why) {
		invalid(c, field, why);
		return;
	}
	if (!type_name(json_get_bytes(record, "type"))) {
		invalid(c, "record.type", "must be a record type in upper case");
		return;
	}
	if (json_object_get(record, "mode"))
		mode = record_mode_parse(json_get_bytes(record, "mode"));
	if (mode == RECORD_MODES) {
		invalid(c, "record.mode", "must be coexist or replace");
		return;
	}
	if (json_get_u64(record, "ttl", RECORD_TTL_MAX, &ttl) && ttl == 0) {
		invalid(c, "record.ttl", "must be from 1 to 86400");
		return;
	}
	if (!handle_fits(c, o, "integration_handle", INTEGRATION_HANDLE_MAX))
		return;
	conn_wait(c);
	channel_send(&front.vault, fv_add_record, COMMON(c, o),
		     .handle = json_get_bytes(o, "integration_handle"),
		     .fqdn = json_get_bytes(record, "fqdn"), .type = json_get_bytes(record, "type"),
		     .value = json_get_bytes(record, "value"), .mode = (uint8_t)mode,
		     .ttl = (uint32_t)ttl);
}

static void remove_record(struct conn *c, json_t *o)
{
	if (!handle_fits(c, o, "integration_handle", INTEGRATION_HANDLE_MAX) ||
	    !handle_fits(c, o, "record_handle", RECORD_HANDLE_MAX))
		return;
	conn_wait(c);
	channel_send(&front.vault, fv_remove_record, COMMON(c, o),
		     .handle = json_get_bytes(o, "integration_handle"),
		     .record_handle = json_get_bytes(o, "record_handle"));
}

/* ---- GET ---- */

static void get_providers(struct conn *c, json_t *o)
{
	conn_reply(c, 200, buf_bytes(&front.providers));
}

static void get_healthz(struct conn *c, json_t *o)
{
	conn_reply(c, 200, BYTES("{\"status\":\"ok\"}\n"));
}

static void get_readyz(struct conn *c, json_t *o)
{
	struct buf b cleanup(buf_done) = BUF_INIT(1024);

	buf_printf(&b, "{\"ready\":%s,\"reason\":", front.ready ? "true" : "false");
	if (front.ready)
		buf_puts(&b, "null");
	else
		json_put_string(&b, bytes_str(front.reason));
	buf_puts(&b, "}\n");
	conn_reply(c, front.ready ? 200 : 503, buf_bytes(&b));
}

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

static void put_provider(struct buf *b, const struct provider *p)
{
	static const char *const categories[] = {[CATEGORY_STATIC] = "static",
						 [CATEGORY_OAUTH] = "oauth",
						 [CATEGORY_DELEGATED] = "delegated"};
	const char *comma = "";

	buf_putc(b, '{');
	put_text(b, "name", p->name);
	buf_putc(b, ',');
	put_text(b, "title", p->title);
	buf_putc(b, ',');
	put_text(b, "category", categories[p->category]);
	buf_printf(b, ",\"self_hosted\":%s,\"record_modes\":[\"coexist\",\"replace\"],",
		   p->self_hosted ? "true" : "false");
	buf_puts(b, "\"credentials\":{\"type\":\"object\",\"additionalProperties\":false,"
		    "\"properties\":{");
	for (const struct field_def *f = p->fields; f->name; f++) {
		buf_puts(b, comma);
		put_field(b, f);
		comma = ",";
	}
	buf_puts(b, "},\"required\":[");
	comma = "";
	for (const struct field_def *f = p->fields; f->name; f++) {
		if (f->optional || f->preset)
			continue;
		buf_puts(b, comma);
		json_put_string(b, bytes_str(f->name));
		comma = ",";
	}
	buf_puts(b, "]}}");
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

/* ---- the table ---- */

static const struct endpoint {
	const char *target;
	enum http_method method;
	enum verb verb; /* POST: what the caller must be allowed */
	const struct field_rule *rules;
	void (*fn)(struct conn *c, json_t *o);
} endpoints[] = {
	{"/make_integration", HTTP_POST, VERB_MAKE_INTEGRATION, make_rules, make_integration},
	{"/get_zones", HTTP_POST, VERB_GET_ZONES, zones_rules, get_zones},
	{"/add_record", HTTP_POST, VERB_ADD_RECORD, add_rules, add_record},
	{"/remove_record", HTTP_POST, VERB_REMOVE_RECORD, remove_rules, remove_record},
	{"/inspect_handle", HTTP_POST, VERB_INSPECT_HANDLE, handle_rules, inspect_handle},
	{"/rewrap_handle", HTTP_POST, VERB_REWRAP_HANDLE, handle_rules, rewrap_handle},
	{"/providers", HTTP_GET, VERB_COUNT, NULL, get_providers},
	{"/healthz", HTTP_GET, VERB_COUNT, NULL, get_healthz},
	{"/readyz", HTTP_GET, VERB_COUNT, NULL, get_readyz},
};

static const struct endpoint *endpoint_of(const struct conn *c)
{
	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++)
		if (bytes_is(c->head.target, endpoints[i].target))
			return &endpoints[i];
	return NULL;
}

/* Known callers' refusals go into the log. */
static void note_refusal(const struct conn *c, enum code code)
{
	channel_send(&front.vault, fv_refused, .request_id = bytes_str(c->request_id),
		     .caller = bytes_str(c->caller_name), .verb = (uint8_t)c->verb,
		     .code = (uint8_t)code);
}

static bool admit(struct conn *c, const struct endpoint *e)
{
	const struct caller *caller = front_caller(c);

	if (!caller) {
		conn_problem(c, CODE_UNAUTHENTICATED, 0, BYTES(""),
			     BYTES("a known bearer token is required"), 0);
		return false;
	}
	memcpy(c->caller_name, caller->name, sizeof(c->caller_name));
	c->verb = e->verb;
	if (!(caller->verbs & 1u << e->verb)) {
		note_refusal(c, CODE_FORBIDDEN);
		conn_problem(c, CODE_FORBIDDEN, 0, BYTES(""), BYTES("this caller may not do that"),
			     0);
		return false;
	}
	return true;
}

bool api_head(struct conn *c)
{
	const struct endpoint *e = endpoint_of(c);

	c->caller_name[0] = 0;
	if (!e) {
		conn_problem(c, CODE_NOT_FOUND, 0, BYTES(""), BYTES("no such endpoint"), 0);
		return false;
	}
	if (c->head.method != e->method) {
		conn_problem(c, CODE_INVALID_REQUEST, 405, BYTES(""),
			     e->method == HTTP_GET ? BYTES("the method must be GET")
						   : BYTES("the method must be POST"),
			     0);
		return false;
	}
	if (e->method == HTTP_GET)
		return true;
	if (!admit(c, e))
		return false;
	if (!http_is_json(c->head.content_type)) {
		conn_problem(c, CODE_INVALID_REQUEST, 415, BYTES(""),
			     BYTES("Content-Type must be application/json"), 0);
		return false;
	}
	return true;
}

/* The body as an object that keeps to the endpoint's rules. NULL: answered. */
static json_t *parse_body(struct conn *c, const struct endpoint *e, struct bytes body)
{
	char field[80], where[80];
	json_t *o = NULL;
	const char *why;
	int r = json_parse(body, FRONT_JSON_DEPTH, &o, where, sizeof(where));

	if (r < 0) {
		conn_problem(c, CODE_OVERLOADED, 0, BYTES(""), BYTES("out of memory"), 1);
		return NULL;
	}
	if (r == 0)
		why = fields_check(o, e->rules, "", field, sizeof(field));
	if (r == 0 && !why)
		return o;
	note_refusal(c, CODE_INVALID_REQUEST);
	if (r == 0) {
		invalid(c, field, why);
	} else {
		char detail[128];
		snprintf(detail, sizeof(detail), "the body is not the JSON that is wanted: %s",
			 where);
		invalid(c, "", detail);
	}
	json_decref(o);
	return NULL;
}

void api_request(struct conn *c, struct bytes body)
{
	const struct endpoint *e = endpoint_of(c);
	json_t *o;

	if (e->method == HTTP_GET) {
		e->fn(c, NULL);
		return;
	}
	o = parse_body(c, e, body);
	if (!o)
		return;
	if (!channel_is_open(&front.vault) || front.calls.n >= front.calls_max)
		conn_problem(c, CODE_OVERLOADED, 0, BYTES(""), BYTES("try again in a moment"), 1);
	else
		e->fn(c, o);
	json_decref(o);
}

/* ---- answers of the vault ---- */

static void put_pair(struct buf *b, const char *key, struct bytes value)
{
	buf_printf(b, "\"%s\":", key);
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

static void put_answer(struct conn *c, struct buf *b, uint16_t number, const void *msg)
{
	switch (number) {
	case MSG_vf_integration:
		put_pair(b, "integration_handle", ((const struct vf_integration *)msg)->handle);
		buf_putc(b, ',');
		put_zones(b, buf_bytes(&c->zones));
		break;
	case MSG_vf_zones_end:
		put_zones(b, buf_bytes(&c->zones));
		break;
	case MSG_vf_record: {
		const struct vf_record *m = msg;
		put_pair(b, "record_handle", m->handle);
		buf_putc(b, ',');
		put_pair(b, "zone", m->zone);
		buf_putc(b, ',');
		put_pair(b, "status", m->pending ? BYTES("pending") : BYTES("applied"));
		break;
	}
	case MSG_vf_removed:
		buf_printf(b, "\"removed\":%s",
			   ((const struct vf_removed *)msg)->removed ? "true" : "false");
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
	struct idmap_node *node = idmap_find(&front.calls, *(const uint64_t *)msg);
	struct conn *c = idmap_entry(node, struct conn, node);
	struct buf b cleanup(buf_done) = BUF_INIT(16u << 20);

	if (!c)
		return; /* the client went away */
	if (number == MSG_vf_zones) {
		buf_put_bytes(&c->zones, ((const struct vf_zones *)msg)->zones);
		return;
	}
	if (number == MSG_vf_error) {
		const struct vf_error *m = msg;
		conn_problem(c, (enum code)m->code, 0, m->field, m->detail, m->retry_after);
		return;
	}
	buf_putc(&b, '{');
	put_answer(c, &b, number, msg);
	buf_puts(&b, "}\n");
	conn_reply(c, 200, buf_bytes(&b));
}
