/* SPDX-License-Identifier: ISC */
/*
 * A whole request through the front: head, caller, JSON, fields, the message for the vault. Each request gets one answer or becomes one message, within its caps, of what a caller with that
 * verb asked for, or a client of httpreq's with a name that is for its caller. A refusal names a field by its name alone: no answer holds what came in. Whatever comes behind the head is the body, so that an input need not have its length right.
 */
#include "fuzz.h"
#include "http/reply.h"
#include "role/config.h"
#include "role/front.h"
#include "sys/harden.h"

#include <sodium.h>

/* Seeds have it as a secret, a name, a value. No text of ours has it; nor could a field's name. */
#define CANARY "Z+q7"

/* What came of the request at hand. */
static struct {
	unsigned answers, messages, waits, refusals;
	struct buf answer, message;
	uint16_t number;
	enum code code;
	unsigned status;
	char field[IPC_FIELD_MAX + 1];
} seen;

/* ---- in place of the connection, and of the edge to the vault ---- */

void __wrap_conn_reply(struct conn *c, unsigned status, struct bytes body);
void __wrap_conn_problem(struct conn *c, enum code code, unsigned status, struct bytes field,
			 struct bytes detail, uint32_t retry_after);
void __wrap_conn_wait(struct conn *c);
bool __wrap_channel_is_open(const struct channel *c);
void __wrap_channel_send_fd(struct channel *c, uint16_t number, const void *msg, int fd);

void __wrap_conn_reply(struct conn *c, unsigned status, struct bytes body)
{
	seen.answers++;
	seen.status = status;
	buf_put_bytes(&seen.answer, body);
}

void __wrap_conn_problem(struct conn *c, enum code code, unsigned status, struct bytes field,
			 struct bytes detail, uint32_t retry_after)
{
	seen.answers++;
	seen.code = code;
	seen.status = status ? status : code_status(code);
	CHECK(code != CODE_OK && code < CODE_COUNT && detail.n);
	CHECK(bytes_to_str(field, seen.field, sizeof(seen.field)) == 0);
	http_problem_put(
		&seen.answer,
		&(const struct http_problem){.code = code,
					     .status = status,
					     .field = field,
					     .detail = detail,
					     .request_id = bytes_str(c->request_id),
					     .retry_after = retry_after,
					     .authenticate = c->httpreq ? HTTPREQ_CHALLENGE : NULL,
					     .allow = c->allow});
}

void __wrap_conn_wait(struct conn *c)
{
	seen.waits++;
	c->node.id = 1;
}

bool __wrap_channel_is_open(const struct channel *c)
{
	return true;
}

void __wrap_channel_send_fd(struct channel *c, uint16_t number, const void *msg, int fd)
{
	const struct edge_row *row = &edge_front_vault.rows[number];
	struct buf refusal = BUF_INIT(WIRE_MAX);

	CHECK(c == &front.vault && fd == -1);
	CHECK(number < edge_front_vault.count && row->sender == SIDE_A);
	if (number == MSG_fv_refused) {
		const struct fv_refused *m = msg;

		seen.refusals++;
		CHECK(wire_encode(number, &row->msg, msg, &refusal) == 0);
		CHECK(m->caller.n && m->code != CODE_OK);
		buf_done(&refusal);
		return;
	}
	CHECK(seen.waits == 1); /* else the answer would find nobody */
	seen.messages++;
	seen.number = number;
	CHECK(wire_encode(number, &row->msg, msg, &seen.message) == 0);
}

/* ---- what must hold ---- */

static bool field_like(const char *field)
{
	return !field[strspn(field, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_-.?")];
}

static void check_answer(const struct conn *c, const json_t *asked)
{
	size_t head = bytes_find(buf_bytes(&seen.answer), BYTES("\r\n\r\n"));
	json_t *answer cleanup(json_cleanup) = NULL;

	CHECK(buf_status(&seen.answer) == 0);
	CHECK(bytes_find(buf_bytes(&seen.answer), BYTES(CANARY)) == seen.answer.n);
	CHECK(field_like(seen.field));
	if (seen.code == CODE_OK)
		head = 0;
	else
		head += 4;
	CHECK(json_parse(bytes_skip(buf_bytes(&seen.answer), head), 32, &answer, NULL, 0) == 0);
	CHECK(seen.code == CODE_OK || seen.status >= 400);
	/* Whoever is known finds his refusals in the log. */
	CHECK(seen.refusals == (seen.code != CODE_OK && c->caller_name[0] &&
				seen.code != CODE_OVERLOADED && seen.status != 415));
	if (seen.code == CODE_INVALID_REQUEST && asked && json_is_object(asked) &&
	    seen.status == 400)
		CHECK(seen.field[0]);
}

static void same_text(struct bytes sent, const json_t *o, const char *key)
{
	CHECK(bytes_eq(sent, json_get_bytes(o, key)));
}

/* The credentials are the request's; those that are the parts of a file are not compared. */
static void check_credentials(struct bytes pairs, const json_t *o)
{
	const json_t *credentials = json_object_get(o, "credentials"), *v;
	struct bytes name, value;
	char key[80];

	while (plist_next(&pairs, &name) && plist_next(&pairs, &value)) {
		CHECK(bytes_to_str(name, key, sizeof(key)) == 0);
		v = json_object_get(credentials, key);
		CHECK(!v || bytes_eq(json_bytes(v), value));
	}
	CHECK(pairs.n == 0);
}

/* What a body of httpreq's asks for, read once more. */
static void check_httpreq(const struct bytes fqdn, struct bytes type, struct bytes value,
			  struct bytes handle, struct bytes zones, const json_t *o)
{
	const char *key_auth = json_string_value(json_object_get(o, "keyAuth"));
	const json_t *name = json_object_get(o, "fqdn");
	unsigned char hash[crypto_hash_sha256_BYTES];
	char text[64];

	CHECK(bytes_is(handle, "pti1_site") && bytes_is(type, "TXT") && plist_count(zones) == 1);
	if (!json_object_get(o, "domain")) {
		CHECK(json_object_size(o) == 2);
		same_text(fqdn, o, name ? "fqdn" : "FQDN");
		same_text(value, o, name ? "value" : "Value");
		return;
	}
	CHECK(json_object_size(o) == 3 && key_auth);
	CHECK(bytes_starts(fqdn, BYTES("_acme-challenge.")));
	same_text(bytes_skip(fqdn, strlen("_acme-challenge.")), o, "domain");
	crypto_hash_sha256(hash, (const unsigned char *)key_auth,
			   json_string_length(json_object_get(o, "keyAuth")));
	sodium_bin2base64(text, sizeof(text), hash, sizeof(hash),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	CHECK(bytes_is(value, text));
}

static void check_fields(const struct conn *c, const void *msg, const json_t *o)
{
	const json_t *record = json_object_get(o, "record");

	switch (seen.number) {
	case MSG_fv_make_integration: {
		const struct fv_make_integration *m = msg;
		same_text(m->provider, o, "provider");
		same_text(m->setup, o, "setup_handle");
		CHECK(provider_by_name(m->provider));
		CHECK(m->verify == !json_is_false(json_object_get(o, "verify")));
		CHECK(plist_count(m->zones) == json_array_size(json_object_get(o, "zones")));
		check_credentials(m->credentials, o);
		break;
	}
	case MSG_fv_begin_integration:
		same_text(((const struct fv_begin_integration *)msg)->provider, o, "provider");
		break;
	case MSG_fv_get_zones:
		same_text(((const struct fv_get_zones *)msg)->handle, o, "integration_handle");
		break;
	case MSG_fv_add_record: {
		const struct fv_add_record *m = msg;
		if (c->httpreq) {
			check_httpreq(m->fqdn, m->type, m->value, m->handle, m->zones, o);
			CHECK(m->mode == MODE_COEXIST && m->ttl == 0 && m->follow_cname);
			break;
		}
		CHECK(m->zones.n == 0);
		same_text(m->handle, o, "integration_handle");
		same_text(m->fqdn, record, "fqdn");
		same_text(m->type, record, "type");
		same_text(m->value, record, "value");
		CHECK(m->mode < RECORD_MODES);
		CHECK(m->ttl == (uint32_t)json_integer_value(json_object_get(record, "ttl")));
		CHECK(m->follow_cname == json_is_true(json_object_get(record, "follow_cname")));
		break;
	}
	case MSG_fv_check_record:
		same_text(((const struct fv_check_record *)msg)->handle, o, "integration_handle");
		same_text(((const struct fv_check_record *)msg)->record_handle, o, "record_handle");
		break;
	case MSG_fv_remove_record:
		same_text(((const struct fv_remove_record *)msg)->handle, o, "integration_handle");
		same_text(((const struct fv_remove_record *)msg)->record_handle, o,
			  "record_handle");
		break;
	case MSG_fv_clean_record: {
		const struct fv_clean_record *m = msg;
		check_httpreq(m->fqdn, m->type, m->value, m->handle, m->zones, o);
		CHECK(m->follow_cname);
		break;
	}
	case MSG_fv_inspect_handle:
	case MSG_fv_rewrap_handle:
		same_text(((const struct fv_inspect_handle *)msg)->handle, o, "handle");
		break;
	default:
		CHECK(!"a message that no request makes");
	}
}

/* All that are requests begin the same. */
struct common {
	uint64_t call;
	struct bytes request_id, caller, customer;
};

static void check_message(const struct conn *c, const json_t *o)
{
	struct bytes message = buf_bytes(&seen.message);
	_Alignas(uint64_t) unsigned char msg[EDGE_STRUCT_MAX];
	const struct common *common = (const void *)msg;
	static const uint16_t by_verb[VERB_COUNT] = {
		[VERB_MAKE_INTEGRATION] = MSG_fv_make_integration,
		[VERB_BEGIN_INTEGRATION] = MSG_fv_begin_integration,
		[VERB_GET_ZONES] = MSG_fv_get_zones,
		[VERB_ADD_RECORD] = MSG_fv_add_record,
		[VERB_REMOVE_RECORD] = MSG_fv_remove_record,
		[VERB_CHECK_RECORD] = MSG_fv_check_record,
		[VERB_INSPECT_HANDLE] = MSG_fv_inspect_handle,
		[VERB_REWRAP_HANDLE] = MSG_fv_rewrap_handle,
	};

	CHECK(seen.refusals == 0 && json_is_object(o));
	CHECK(c->verb < VERB_COUNT);
	if (c->httpreq && c->verb == VERB_REMOVE_RECORD)
		CHECK(seen.number == MSG_fv_clean_record);
	else
		CHECK(seen.number == by_verb[c->verb]);
	CHECK(wire_decode(&edge_front_vault.rows[seen.number].msg, &message, msg) == 0 &&
	      message.n == 0);
	CHECK(common->call == 1 && bytes_is(common->request_id, c->request_id));
	CHECK(bytes_is(common->caller, "shop") ||
	      (bytes_is(common->caller, "few") && c->verb == VERB_GET_ZONES));
	if (c->httpreq)
		CHECK(bytes_is(common->customer, "acme"));
	else
		same_text(common->customer, o, "customer");
	CHECK(!json_object_get(o, "customer") || common->customer.n);
	check_fields(c, msg, o);
}

/* ---- */

static struct role role;

static void add_caller(const char *name, const char *token, uint32_t verbs)
{
	struct caller *c = &front.now.list[front.now.n];
	struct caller_identity *i = &front.now.identities[front.now.n_identities++];

	CHECK(bytes_to_str(bytes_str(name), c->name, sizeof(c->name)) == 0);
	c->verbs = verbs;
	i->caller = front.now.n++;
	i->identity.kind = IDENTITY_TOKEN;
	identity_hash(bytes_str(token), i->identity.id);
}

/* "site", which the caller "shop" may use, and "other", which he may not. */
static void add_names(void)
{
	struct s_httpreq m = {.name = BYTES("site"),
			      .handle = BYTES("pti1_site"),
			      .customer = BYTES("acme"),
			      .callers = {1}};
	struct buf zones = BUF_INIT(64);

	plist_put(&zones, BYTES("example.org"));
	m.zones = buf_bytes(&zones);
	httpreq_begin();
	httpreq_add(&m);
	m.name = BYTES("other");
	m.callers[0] = 2;
	httpreq_add(&m);
	httpreq_apply();
	buf_done(&zones);
}

static void begin(void)
{
	if (front.role)
		return;
	CHECK(sodium_init() >= 0);
	harden_json();
	front.role = &role;
	front.now.calls_max = 1;
	add_caller("shop", "all", VERBS_ALL);
	add_caller("few", "few", 1u << VERB_GET_ZONES);
	add_names();
	CHECK(api_init() == 0);
}

static void run(struct conn *c, struct bytes body)
{
	json_t *asked cleanup(json_cleanup) = NULL;

	if (api_head(c)) {
		api_request(c, body);
		if (json_parse(body, FRONT_JSON_DEPTH, &asked, NULL, 0) != 0)
			asked = NULL;
	}
	CHECK(seen.answers + seen.messages == 1);
	CHECK(seen.waits == seen.messages);
	if (seen.messages)
		check_message(c, asked);
	else
		check_answer(c, asked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conn c = {.state = CONN_HEAD,
			 .request_id = "fuzz",
			 .fresh = BUF_INIT(1),
			 .pieces = BUF_INIT(1 << 20)};
	struct bytes in = bytes_of(data, size);

	begin();
	if (http_head_read(in, 0, &c.head) != 0 || size - c.head.size > HTTP_BODY_MAX)
		return 0;
	memset(&seen, 0, sizeof(seen));
	seen.answer = BUF_INIT(1 << 20);
	seen.message = BUF_INIT(WIRE_MAX);
	run(&c, bytes_skip(in, c.head.size));
	buf_done(&seen.answer);
	buf_done(&seen.message);
	buf_done(&c.pieces);
	return 0;
}
