/* SPDX-License-Identifier: ISC */
/* The API's endpoints: JSON in, checked against tables; a message to the vault out. What comes back is front_answer.c's. */
#include "base/text.h"
#include "role/front.h"
#include "role/front_fields.h"
#include "sys/log.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

static void put_list(const json_t *list, struct buf *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) plist_put(out, json_bytes(item));
}

/* The string O[KEY] if it would fit a message; else nothing. */
static struct bytes at_most(const json_t *o, const char *key, size_t max)
{
	struct bytes v = json_get_bytes(o, key);

	return v.n <= max ? v : bytes_of(NULL, 0);
}

void api_note_refusal(const struct conn *c, enum code code, const json_t *o)
{
	const json_t *record = json_object_get(o, "record");
	struct bytes customer = at_most(o, "customer", CUSTOMER_MAX),
		     fqdn = at_most(record, "fqdn", IPC_FQDN_MAX),
		     type = at_most(record, "type", IPC_TYPE_MAX);
	struct buf name = BUF_INIT(IPC_FQDN_MAX);

	/* The vault does not listen, and by more it would seem to be one that never reads. What nobody hears is not in the log. */
	if (front.vault.queued > CHANNEL_QUEUE_MUCH)
		return;
	if (c->httpreq) {
		httpreq_describe(c, o, &customer, &name);
		fqdn = buf_bytes(&name);
		type = BYTES("TXT");
	}
	channel_send(&front.vault, fv_refused, .request_id = bytes_str(c->request_id),
		     .caller = bytes_str(c->caller_name), .customer = customer,
		     .verb = (uint8_t)c->verb, .code = (uint8_t)code, .fqdn = fqdn, .type = type);
	buf_done(&name);
}

static void invalid(struct conn *c, const json_t *o, const char *field, const char *detail)
{
	api_note_refusal(c, CODE_INVALID_REQUEST, o);
	conn_problem(c, CODE_INVALID_REQUEST, 0, bytes_str(field), bytes_str(detail), 0);
}

/* What every request to the vault begins with. */
#define COMMON(c, o)                                                                               \
	.call = (c)->node.id, .request_id = bytes_str((c)->request_id),                            \
	.caller = bytes_str((c)->caller_name), .customer = json_get_bytes((o), "customer")

/* A text that is too long for a handle is none, nor is an empty one: to the vault that would mean that none was given. False when it was answered. */
static bool handle_fits(struct conn *c, json_t *o, const char *field, size_t max)
{
	size_t n = json_get_bytes(o, field).n;

	if (n <= max && (n || !json_object_get(o, field)))
		return true;
	api_note_refusal(c, CODE_HANDLE_INVALID, o);
	conn_problem(c, CODE_HANDLE_INVALID, 0, bytes_str(field), BYTES("the handle is not valid"),
		     0);
	return false;
}

bool api_may_ask(struct conn *c)
{
	if (role_out_of_memory(front.role)) {
		conn_problem(c, CODE_OVERLOADED, 0, BYTES(""), BYTES("out of memory"), 1);
		return false;
	}
	/* The vault does not listen. What waits for it stays well below what would make it one that never reads. */
	if (front.vault.queued > CHANNEL_QUEUE_HALF) {
		conn_problem(c, CODE_OVERLOADED, 0, BYTES(""), BYTES("too many calls wait"), 1);
		return false;
	}
	conn_wait(c);
	return true;
}

/* ---- make_integration ---- */

static const struct field_rule make_rules[] = {
	{"provider", FIELD_TEXT, .required = true, .max = PROVIDER_NAME_MAX},
	{"credentials", FIELD_OBJECT, .required = true},
	{"customer", FIELD_TEXT, .max = CUSTOMER_MAX},
	{"zones", FIELD_TEXTS, .max = DNS_NAME_MAX + 1, .items = HANDLE_ZONES_MAX},
	{"policy", FIELD_TEXT, .max = 16},
	{"expires_at", FIELD_TEXT, .max = 40},
	{"verify", FIELD_BOOL},
	{"setup_handle", FIELD_TEXT, .max = SIZE_MAX},
	{NULL},
};

static const struct field_rule begin_rules[] = {
	{"provider", FIELD_TEXT, .required = true, .max = PROVIDER_NAME_MAX},
	{"customer", FIELD_TEXT, .max = CUSTOMER_MAX},
	{"redirect_uri", FIELD_TEXT, .max = REDIRECT_URI_MAX},
	{NULL},
};

static bool has_field(const struct provider *p, const char *name)
{
	for (const struct field_def *f = p->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return true;
	return false;
}

static const struct field_def *whole_field(const struct provider *p, const char *name)
{
	for (const struct field_def *f = p->fields; f->name; f++)
		if (f->whole && strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* Take a JSON file apart: from here on its parts are fields like others, but for those that CREDENTIALS has itself. False when it is none. */
static bool take_parts(const struct provider *p, const struct field_def *whole,
		       const json_t *credentials, struct bytes text, struct buf *out)
{
	json_t *file cleanup(json_cleanup) = NULL;

	if (json_parse(text, FRONT_JSON_DEPTH, &file, NULL, 0) != 0 || !json_is_object(file))
		return false;
	for (const struct field_def *f = p->fields; f->name; f++) {
		struct bytes v = json_get_bytes(file, f->part ? f->part : f->name);

		if (!f->part_of || strcmp(f->part_of, whole->name) != 0 ||
		    json_object_get(credentials, f->name))
			continue;
		if (!v.n && !f->optional)
			return false;
		plist_put(out, bytes_str(f->name));
		plist_put(out, v);
	}
	return true;
}

static bool is_oauth_field(const char *name)
{
	return strcmp(name, "code") == 0 || strcmp(name, "state") == 0;
}

/* False when it was answered. */
static bool take_credentials(struct conn *c, const struct provider *p, json_t *o, struct buf *out)
{
	json_t *credentials = json_object_get(o, "credentials");
	bool has_setup = json_object_get(o, "setup_handle") != NULL;
	const struct field_def *whole;
	const char *key, *why;
	json_t *value;

	json_object_foreach(credentials, key, value)
	{
		char field[80];

		why = json_is_string(value) ? NULL : "must be a string";
		if (!why && (whole = whole_field(p, key)) != NULL) {
			if (take_parts(p, whole, credentials, json_bytes(value), out))
				continue;
			why = "is not the JSON file that the provider gives out";
		}
		/* With a setup handle they are OAuth's, or the vault's to judge. */
		if (!has_field(p, key) && !(has_setup && is_oauth_field(key)))
			why = "no such field";
		if (why) {
			invalid(c, o, field_path(field, sizeof(field), "credentials.", key), why);
			return false;
		}
		plist_put(out, bytes_str(key));
		plist_put(out, json_bytes(value));
	}
	if (buf_status(out) < 0 || json_object_size(credentials) > CREDENTIAL_FIELDS_MAX) {
		invalid(c, o, "credentials", "too large");
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
		invalid(c, o, "provider", "no such provider");
		return;
	}
	if (json_object_get(o, "zones") && json_array_size(json_object_get(o, "zones")) == 0) {
		invalid(c, o, "zones",
			"must not be empty; leave it out for all zones of the account");
		return;
	}
	if (json_object_get(o, "policy")) {
		policy = policy_profile_parse(json_get_bytes(o, "policy"));
		if (policy == POLICY_PROFILES) {
			invalid(c, o, "policy", "must be article, guarded or strict");
			return;
		}
	}
	if (json_object_get(o, "expires_at") &&
	    text_to_time(json_get_bytes(o, "expires_at"), &expires) != 0) {
		invalid(c, o, "expires_at", "must be a time such as 2026-11-25T02:10:30Z");
		return;
	}
	if (!handle_fits(c, o, "setup_handle", SETUP_HANDLE_MAX) ||
	    !take_credentials(c, p, o, &credentials))
		return;
	put_list(json_object_get(o, "zones"), &zones);
	if (!api_may_ask(c))
		return;
	channel_send(&front.vault, fv_make_integration, COMMON(c, o),
		     .provider = json_get_bytes(o, "provider"),
		     .credentials = buf_bytes(&credentials), .zones = buf_bytes(&zones),
		     .policy = (uint8_t)policy, .expires = expires / 1000000,
		     .verify = !json_is_false(verify), .setup = json_get_bytes(o, "setup_handle"));
}

static void begin_integration(struct conn *c, json_t *o)
{
	if (!api_may_ask(c))
		return;
	channel_send(&front.vault, fv_begin_integration, COMMON(c, o),
		     .provider = json_get_bytes(o, "provider"),
		     .redirect_uri = json_get_bytes(o, "redirect_uri"));
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

static void get_zones(struct conn *c, json_t *o)
{
	if (!handle_fits(c, o, "integration_handle", INTEGRATION_HANDLE_MAX))
		return;
	if (!api_may_ask(c))
		return;
	channel_send(&front.vault, fv_get_zones, COMMON(c, o),
		     .handle = json_get_bytes(o, "integration_handle"));
}

static void inspect_handle(struct conn *c, json_t *o)
{
	if (!handle_fits(c, o, "handle", INTEGRATION_HANDLE_MAX))
		return;
	if (!api_may_ask(c))
		return;
	channel_send(&front.vault, fv_inspect_handle, COMMON(c, o),
		     .handle = json_get_bytes(o, "handle"));
}

static void rewrap_handle(struct conn *c, json_t *o)
{
	if (!handle_fits(c, o, "handle", INTEGRATION_HANDLE_MAX))
		return;
	if (!api_may_ask(c))
		return;
	channel_send(&front.vault, fv_rewrap_handle, COMMON(c, o),
		     .handle = json_get_bytes(o, "handle"));
}

/* ---- add_record, remove_record, check_record ---- */

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
	{"follow_cname", FIELD_BOOL},
	{NULL},
};

/* Of check_record too. */
static const struct field_rule remove_rules[] = {
	{"integration_handle", FIELD_TEXT, .required = true, .max = SIZE_MAX},
	{"customer", FIELD_TEXT, .max = CUSTOMER_MAX},
	{"record_handle", FIELD_TEXT, .required = true, .max = SIZE_MAX},
	{NULL},
};

/* Those that are none of ours are the policy's to refuse. */
static void add_record(struct conn *c, json_t *o)
{
	json_t *record = json_object_get(o, "record");
	enum record_mode mode = MODE_COEXIST;
	char field[80];
	const char *why;
	uint64_t ttl = 0;

	why = fields_check(record, record_rules, "record.", field, sizeof(field));
	if (why) {
		invalid(c, o, field, why);
		return;
	}
	if (!rr_type_is_name(json_get_bytes(record, "type"))) {
		invalid(c, o, "record.type", "must be a record type in upper case");
		return;
	}
	if (json_object_get(record, "mode"))
		mode = record_mode_parse(json_get_bytes(record, "mode"));
	if (mode == RECORD_MODES) {
		invalid(c, o, "record.mode", "must be coexist or replace");
		return;
	}
	if (json_get_u64(record, "ttl", RECORD_TTL_MAX, &ttl) && ttl == 0) {
		invalid(c, o, "record.ttl", "must be from 1 to 86400");
		return;
	}
	if (!handle_fits(c, o, "integration_handle", INTEGRATION_HANDLE_MAX))
		return;
	if (!api_may_ask(c))
		return;
	channel_send(&front.vault, fv_add_record, COMMON(c, o),
		     .handle = json_get_bytes(o, "integration_handle"),
		     .fqdn = json_get_bytes(record, "fqdn"), .type = json_get_bytes(record, "type"),
		     .value = json_get_bytes(record, "value"), .mode = (uint8_t)mode,
		     .ttl = (uint32_t)ttl,
		     .follow_cname = json_is_true(json_object_get(record, "follow_cname")));
}

/* Of an integration and a record of it. False when it was answered. */
static bool may_ask_of_record(struct conn *c, json_t *o)
{
	return handle_fits(c, o, "integration_handle", INTEGRATION_HANDLE_MAX) &&
	       handle_fits(c, o, "record_handle", RECORD_HANDLE_MAX) && api_may_ask(c);
}

static void remove_record(struct conn *c, json_t *o)
{
	if (!may_ask_of_record(c, o))
		return;
	channel_send(&front.vault, fv_remove_record, COMMON(c, o),
		     .handle = json_get_bytes(o, "integration_handle"),
		     .record_handle = json_get_bytes(o, "record_handle"));
}

static void check_record(struct conn *c, json_t *o)
{
	if (!may_ask_of_record(c, o))
		return;
	channel_send(&front.vault, fv_check_record, COMMON(c, o),
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

static void get_metrics(struct conn *c, json_t *o)
{
	metrics_request(c);
}

static void get_openapi(struct conn *c, json_t *o)
{
	conn_reply(c, 200, openapi_document());
}

/* ---- the table ---- */

static const struct endpoint {
	const char *target;
	enum http_method method;
	enum verb
		verb; /* what the caller must be allowed; VERB_COUNT: nothing, nor need it be known */
	const struct field_rule *rules; /* of a body; httpreq: NULL, there are several */
	void (*fn)(struct conn *c, json_t *o);
	bool httpreq;
} endpoints[] = {
	{"/make_integration", HTTP_POST, VERB_MAKE_INTEGRATION, make_rules, make_integration},
	{"/begin_integration", HTTP_POST, VERB_BEGIN_INTEGRATION, begin_rules, begin_integration},
	{"/get_zones", HTTP_POST, VERB_GET_ZONES, zones_rules, get_zones},
	{"/add_record", HTTP_POST, VERB_ADD_RECORD, add_rules, add_record},
	{"/remove_record", HTTP_POST, VERB_REMOVE_RECORD, remove_rules, remove_record},
	{"/check_record", HTTP_POST, VERB_CHECK_RECORD, remove_rules, check_record},
	{"/inspect_handle", HTTP_POST, VERB_INSPECT_HANDLE, handle_rules, inspect_handle},
	{"/rewrap_handle", HTTP_POST, VERB_REWRAP_HANDLE, handle_rules, rewrap_handle},
	{"/present", HTTP_POST, VERB_ADD_RECORD, NULL, httpreq_present, true},
	{"/cleanup", HTTP_POST, VERB_REMOVE_RECORD, NULL, httpreq_cleanup, true},
	{"/providers", HTTP_GET, VERB_COUNT, NULL, get_providers},
	{"/healthz", HTTP_GET, VERB_COUNT, NULL, get_healthz},
	{"/readyz", HTTP_GET, VERB_COUNT, NULL, get_readyz},
	{"/metrics", HTTP_GET, VERB_METRICS, NULL, get_metrics},
	{"/openapi.json", HTTP_GET, VERB_COUNT, NULL, get_openapi},
};

static_assert(ARRAY_LEN(endpoints) == ENDPOINTS, "what is counted of each");

const char *api_endpoint_name(size_t endpoint)
{
	return endpoints[endpoint].target + 1;
}

/* NULL: there is none, or it is not switched on. */
static const struct endpoint *endpoint_of(const struct conn *c)
{
	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++)
		if (bytes_is(c->head.target, endpoints[i].target))
			return endpoints[i].httpreq && !httpreq_on() ? NULL : &endpoints[i];
	return NULL;
}

/* The answer is the same whoever the name is unknown to: us, or the caller that it is not for. */
static bool admit(struct conn *c, const struct endpoint *e)
{
	bool may = true;
	const struct caller *caller = e->httpreq ? httpreq_caller(c, &may) : front_caller(c);

	if (caller) {
		memcpy(c->caller_name, caller->name, sizeof(c->caller_name));
		c->verb = e->verb;
	}
	if (caller && !may)
		api_note_refusal(c, CODE_UNAUTHENTICATED, NULL);
	if (!caller || !may) {
		conn_problem(c, CODE_UNAUTHENTICATED, 0, BYTES(""),
			     e->httpreq ? BYTES("a known name and its token are required")
					: BYTES("a known bearer token is required"),
			     0);
		return false;
	}
	if (!(caller->verbs & 1u << e->verb)) {
		api_note_refusal(c, CODE_FORBIDDEN, NULL);
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
	c->verb = VERB_COUNT;
	c->httpreq = e && e->httpreq;
	if (!e) {
		conn_problem(c, CODE_NOT_FOUND, 0, BYTES(""), BYTES("no such endpoint"), 0);
		return false;
	}
	c->endpoint = (size_t)(e - endpoints);
	if (c->head.method != e->method) {
		c->allow = e->method == HTTP_GET ? "GET" : "POST";
		conn_problem(c, CODE_INVALID_REQUEST, 405, BYTES(""),
			     e->method == HTTP_GET ? BYTES("the method must be GET")
						   : BYTES("the method must be POST"),
			     0);
		return false;
	}
	/* Without TLS only this machine can ask. */
	if (e->verb == VERB_METRICS && !c->tls)
		c->verb = VERB_METRICS;
	else if (e->verb != VERB_COUNT && !admit(c, e))
		return false;
	if (e->method == HTTP_GET)
		return true;
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
		why = fields_check(o, e->httpreq ? httpreq_rules(c, o) : e->rules, "", field,
				   sizeof(field));
	/* An empty one would bind to nobody, unnoticed. */
	if (r == 0 && !why && json_object_get(o, "customer") && !json_get_bytes(o, "customer").n) {
		field_path(field, sizeof(field), "", "customer");
		why = "must not be empty; leave it out where there is none";
	}
	if (r == 0 && !why)
		return o;
	if (r == 0) {
		invalid(c, o, field, why);
	} else {
		char detail[128];
		snprintf(detail, sizeof(detail), "the body is not the JSON that is wanted: %s",
			 where);
		invalid(c, o, "", detail);
	}
	json_decref(o);
	return NULL;
}

void api_request(struct conn *c, struct bytes body)
{
	const struct endpoint *e;
	json_t *o;

	/* Not by its name: that may have been switched off since. */
	if (c->endpoint >= ENDPOINTS)
		log_fatal("bug: a request that api_head() refused");
	e = &endpoints[c->endpoint];
	if (e->method == HTTP_GET) {
		e->fn(c, NULL);
		return;
	}
	o = parse_body(c, e, body);
	if (!o)
		return;
	if (!channel_is_open(&front.vault) || c->spare || front.calls.n >= front.now.calls_max)
		conn_problem(c, CODE_OVERLOADED, 0, BYTES(""), BYTES("try again in a moment"), 1);
	else
		e->fn(c, o);
	json_decref(o);
}
