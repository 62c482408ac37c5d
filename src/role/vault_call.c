/* SPDX-License-Identifier: ISC */
/* A call's way through courier, planner and scribe. See the states in vault.h. */
#include "role/vault.h"

#include "base/shelf.h"
#include "base/text.h"
#include "sys/log.h"

#include <sodium.h>
#include <stdlib.h>

#define GRACE_MS 2000 /* beyond the deadline that the courier keeps: then it must have hung */

static struct shelf calls = SHELF_OF(struct call);

struct call *call_by_id(uint64_t id)
{
	return idmap_entry(idmap_find(&vault.calls, id), struct call, node);
}

unsigned call_class(const struct call *c)
{
	return c->provider && c->provider->self_hosted;
}

static void on_deadline(void *arg);

static uint64_t request_hash(struct bytes request_id)
{
	unsigned char h[8];
	uint64_t id;

	crypto_shorthash(h, request_id.p, request_id.n, vault.hash_key);
	memcpy(&id, h, sizeof(id));
	return id;
}

int call_new(struct call **out, enum verb verb, uint64_t front_call, struct bytes request_id,
	     const struct caller_rules *rules, struct bytes customer)
{
	uint64_t hash = request_hash(request_id);
	struct call *c;

	if (idmap_find(&vault.requests, hash))
		return CALL_E_REQUEST_ID;
	c = shelf_take(&calls);
	if (!c)
		return -ENOMEM;
	c->rules = *rules;
	c->node.id = vault.next_id++;
	c->request.id = hash;
	c->front_call = front_call;
	c->front_epoch = vault.front_epoch;
	c->verb = verb;
	c->started = loop_now(vault.role->loop);
	c->timer = (struct loop_timer){.fn = on_deadline, .arg = c};
	c->profile = vault.config->policy_default;
	c->plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	c->record_plain = BUF_INIT(RECORD_HANDLE_MAX);
	c->credentials = BUF_INIT(IPC_CREDENTIALS_MAX);
	c->zones_asked = BUF_INIT(IPC_ZONES_MAX);
	c->fqdn_text = BUF_INIT(IPC_FQDN_MAX);
	c->type_text = BUF_INIT(IPC_TYPE_MAX);
	c->value = BUF_INIT(RECORD_VALUE_MAX);
	c->zone_id = BUF_INIT(PROVIDER_ID_MAX);
	c->servers = BUF_INIT(IPC_SERVERS_MAX);
	c->zones = BUF_INIT(PROVIDER_ZONES_MAX * (DNS_NAME_MAX + PROVIDER_ID_MAX));
	c->replaced = BUF_INIT(2 * PROVIDER_REPLACED_MAX);
	c->record_id = BUF_INIT(PROVIDER_ID_MAX);
	c->handle = BUF_INIT(INTEGRATION_HANDLE_MAX);
	c->setup_plain = BUF_INIT(SETUP_HANDLE_MAX);
	c->redirect_uri = BUF_INIT(REDIRECT_URI_MAX);
	c->verifier = BUF_INIT(256);
	c->authorize_url = BUF_INIT(IPC_URL_MAX);
	c->instructions = BUF_INIT(IPC_INSTRUCTIONS_MAX);
	c->field = BUF_INIT(IPC_FIELD_MAX);
	c->detail = BUF_INIT(IPC_DETAIL_MAX);
	/* Both fit: the wire's caps are the arrays' sizes. */
	if (bytes_to_str(request_id, c->request_id, sizeof(c->request_id)) < 0 ||
	    bytes_to_str(customer, c->customer, sizeof(c->customer)) < 0 ||
	    idmap_put(&vault.calls, &c->node) < 0) {
		shelf_give(&calls, c);
		return -ENOMEM;
	}
	if (idmap_put(&vault.requests, &c->request) < 0) {
		idmap_remove(&vault.calls, &c->node);
		shelf_give(&calls, c);
		return -ENOMEM;
	}
	c->has_request = true;
	*out = c;
	return 0;
}

#define CALL_BUFS(c)                                                                               \
	{                                                                                          \
		&(c)->setup_plain, &(c)->redirect_uri, &(c)->verifier, &(c)->authorize_url,        \
			&(c)->instructions, &(c)->servers, &(c)->plain, &(c)->record_plain,        \
			&(c)->credentials, &(c)->zones_asked, &(c)->fqdn_text, &(c)->type_text,    \
			&(c)->value, &(c)->zone_id, &(c)->zones, &(c)->replaced, &(c)->record_id,  \
			&(c)->handle, &(c)->field, &(c)->detail                                    \
	}

bool call_is_whole(struct call *c)
{
	const struct buf *const bufs[] = CALL_BUFS(c);

	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		if (buf_status(bufs[i]) < 0)
			return false;
	return true;
}

void call_free(struct call *c)
{
	struct buf *const bufs[] = CALL_BUFS(c);

	loop_timer_clear(vault.role->loop, &c->timer);
	idmap_remove(&vault.calls, &c->node);
	if (c->has_request)
		idmap_remove(&vault.requests, &c->request);
	limit_over(c);
	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_done(bufs[i]);
	shelf_give(&calls, c);
}

/* ---- the end ---- */

/* Courier and planner forget the call. */
static void let_go(struct call *c)
{
	unsigned class = call_class(c);

	limit_opened(c);
	if (c->planning)
		channel_send(&vault.planner[class], vp_abort, .call = c->node.id);
	c->planning = false;
	if (c->state == CALL_ASKING)
		channel_send(&vault.resolver, vr_abort, .call = c->node.id);
	else if (c->state != CALL_NEW)
		channel_send_late(&vault.courier[class], MSG_vc_end,
				  &(const struct vc_end){.call = c->node.id});
	loop_timer_clear(vault.role->loop, &c->timer);
}

void call_finish(struct call *c)
{
	struct lane *lane = c->lane;

	let_go(c);
	c->state = CALL_LOGGING;
	if (lane)
		lane_leave(c);
	line_last(c); /* C may be gone behind this */
}

void call_fail(struct call *c, enum code code, const char *field, const char *detail)
{
	if (c->failed)
		return;
	if (role_out_of_memory(vault.role)) {
		code = CODE_OVERLOADED;
		field = "";
		detail = "out of memory";
	}
	c->code = code;
	call_say(c, field, detail);
	c->failed = true;
	/* Nobody told how the change ended, so it may have been made. */
	if (c->state == CALL_CHANGING && !c->heard)
		c->changed = true;
	/* An intent under way cannot be called back: its outcome is written when its fate is known. */
	if (c->state != CALL_INTENT)
		call_finish(c);
}

void call_limited(struct call *c, uint32_t retry_after)
{
	c->code = CODE_RATE_LIMITED;
	c->retry_after = retry_after;
	answer(c);
	call_free(c);
}

void call_refuse(struct call *c, enum code code, const char *field, const char *detail)
{
	c->refused = true;
	call_fail(c, code, field, detail);
}

static void on_deadline(void *arg)
{
	struct call *c = arg;

	if (c->state == CALL_QUEUED)
		call_fail(c, CODE_OVERLOADED, "",
			  "other changes of the zone took too long; nothing was sent");
	else if (c->state == CALL_ASKING)
		call_fail(c, CODE_PROVIDER_TIMEOUT, "", "DNS did not answer in time");
	else
		call_fail(c, CODE_PROVIDER_TIMEOUT, "", "the provider did not answer in time");
}

struct loss {
	unsigned class;
	const char *what;
};

/* A call that ends is freed, and no other: the next one of its lane begins from the loop. */
static void lose(struct idmap_node *node, void *arg)
{
	struct call *c = idmap_holder(node, struct call, node);
	const struct loss *loss = arg;

	if (call_class(c) != loss->class || c->state == CALL_LOGGING || c->state == CALL_ASKING)
		return;
	limit_opened(c); /* also of one that ends only when its intent's fate is known */
	call_fail(c, CODE_PROVIDER_UNAVAILABLE, "", loss->what);
}

void calls_lost(unsigned class, const char *what)
{
	struct loss loss = {class, what};

	idmap_each(&vault.calls, lose, &loss);
}

/* ---- what the planner is to do ---- */

/* The record comes with the call: its zone is not known. */
static bool has_zone_to_find(const struct call *c)
{
	return c->verb == VERB_ADD_RECORD || c->clean;
}

static enum op_kind reading_op(const struct call *c)
{
	if (c->verb == VERB_CHECK_RECORD)
		return OP_STATUS;
	return has_zone_to_find(c) ? OP_FIND_ZONE : OP_ZONES;
}

/* The provider's id of what is to be removed. */
static struct bytes wanted_id(const struct call *c, enum op_kind op)
{
	if (c->has_record)
		return c->record.provider_id;
	return op == OP_REMOVE ? buf_bytes(&c->record_id) : bytes_of(NULL, 0);
}

static void send_op(struct call *c, enum op_kind op, bool look)
{
	struct buf fields = BUF_INIT(IPC_CREDENTIALS_MAX);

	if (provider_public_fields(c->provider, c->integration.credentials, &fields) < 0)
		log_fatal("out of memory");
	c->planning = true;
	channel_send(&vault.planner[call_class(c)], vp_op, .call = c->node.id,
		     .provider = bytes_str(c->provider->name), .op = (uint8_t)op, .look = look,
		     .now = clock_usec() / 1000000, .fields = buf_bytes(&fields),
		     .fqdn = dns_name_text(&c->fqdn), .zone = dns_name_text(&c->zone),
		     .zone_id = buf_bytes(&c->zone_id), .type = (uint8_t)c->type,
		     .value = buf_bytes(&c->value), .mode = (uint8_t)c->mode, .ttl = c->ttl,
		     .record_id = wanted_id(c, op));
	buf_done(&fields);
}

/* ---- a change ---- */

void call_begin_intent(struct call *c)
{
	if (!vault.writable) {
		call_refuse(c, CODE_AUDIT_UNAVAILABLE, "", vault.reason);
		return;
	}
	if (!call_is_whole(c)) {
		call_fail(c, CODE_OVERLOADED, "", "out of memory");
		return;
	}
	c->state = CALL_INTENT;
	line_intent(c);
}

/* The zone is known: the change may be prepared. */
static void begin_change(struct call *c)
{
	c->retry_after = limit_zone(c);
	if (c->retry_after) {
		call_refuse(c, CODE_RATE_LIMITED, "",
			    "changes in more zones than this caller may make in an hour");
		return;
	}
	if (c->provider->serialise)
		lane_enter(c);
	else
		call_begin_intent(c);
}

void call_intent_written(struct call *c, bool durable, uint64_t seq, const unsigned char *leaf)
{
	c->has_intent = durable;
	c->intent_lost = !durable;
	c->intent_seq = seq;
	memcpy(c->leaf, leaf, sizeof(c->leaf));
	if (!durable)
		call_fail(c, CODE_AUDIT_UNAVAILABLE, "",
			  "the audit log cannot be written; nothing was changed");
	if (c->failed) {
		call_finish(c);
		return;
	}
	c->state = CALL_CHANGING;
	channel_send(&vault.courier[call_class(c)], vc_change, .call = c->node.id,
		     .zone_id = buf_bytes(&c->zone_id), .zone = dns_name_text(&c->zone),
		     .fqdn = dns_name_text(&c->fqdn), .type = (uint8_t)c->type,
		     .all_types = c->verb == VERB_ADD_RECORD && c->mode == MODE_REPLACE);
	send_op(c, c->verb == VERB_ADD_RECORD ? OP_ADD : OP_REMOVE, false);
}

/* ---- with courier and planner ---- */

int64_t call_time_left(const struct call *c)
{
	return c->started + vault.config->call_ms - loop_now(vault.role->loop);
}

void call_await(struct call *c)
{
	if (loop_timer_set(vault.role->loop, &c->timer, call_time_left(c) + GRACE_MS) < 0)
		log_fatal("out of memory");
}

/* False when the call is over. */
static bool can_go(struct call *c)
{
	if (!class_is_there(call_class(c))) {
		call_fail(c, CODE_PROVIDER_UNAVAILABLE, "", "the gateway is restarting; try again");
		return false;
	}
	call_await(c);
	return true;
}

void call_trade(struct call *c, bool probe, struct bytes fields)
{
	if (!can_go(c))
		return;
	c->state = CALL_TRADING;
	channel_send(&vault.courier[call_class(c)], vc_trade, .call = c->node.id, .probe = probe,
		     .provider = bytes_str(c->provider->name), .fields = fields);
}

void call_go(struct call *c)
{
	unsigned class = call_class(c);
	int64_t left = call_time_left(c);
	struct vc_call m;

	if (!can_go(c))
		return;
	c->state = CALL_READING;
	m = (struct vc_call){.call = c->node.id,
			     .provider = bytes_str(c->provider->name),
			     .credentials = c->integration.credentials,
			     .timeout_ms = left > 0 ? (uint32_t)left : 0,
			     .tell = limit_opening(c)};
	memcpy(m.integration, c->integration.id, sizeof(m.integration));
	channel_send_fd(&vault.courier[class], MSG_vc_call, &m, -1);
	if (c->verb != VERB_REMOVE_RECORD || c->clean)
		send_op(c, reading_op(c), false);
	else
		begin_change(c); /* the zone stands in the record's handle */
}

static void traded(struct call *c, const struct cv_traded *m)
{
	char detail[PROVIDER_DETAIL_MAX + 1];

	if (c->state != CALL_TRADING)
		return;
	if (bytes_to_str(m->detail, detail, sizeof(detail)) < 0 || !bytes_printable(m->detail))
		detail[0] = 0;
	setup_traded(c, (enum code)m->code, m->fields, detail);
}

/* It is remembered whether the call is still there or not: the old credential is spent. */
static void rotated(struct call *c, const struct cv_rotated *m)
{
	fresh_rotated(m->integration, m->fields);
	if (c && c->has_integration && c->state >= CALL_READING && c->state <= CALL_CHANGING)
		fresh_look(c);
}

void on_courier(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd)
{
	/* Each of these messages begins with its call. */
	struct call *c = call_by_id(*(const uint64_t *)msg);
	bool cloud = (enum proc)(uintptr_t)arg == PROC_COURIER;

	if (number == MSG_cv_hello) {
		vault.courier_hears[!cloud] = true;
		answer_status();
		return;
	}
	if (number == MSG_cv_rotated) {
		if (cloud)
			rotated(c, msg);
		else
			channel_reject(ch);
		return;
	}
	if (cloud)
		limit_courier_spoke();
	if (!c)
		return; /* it ended meanwhile */
	if (number == MSG_cv_traded)
		traded(c, msg);
	else
		limit_opened(c);
}

/*
 * A provider's words reach the caller only if no secret of the call is in them: as it is, in base64 of either alphabet, or percent-encoded.
 */
static bool holds_secret(const struct call *c, struct bytes text)
{
	bool found = false;

	for (const struct field_def *f = c->provider->fields; f->name && !found; f++) {
		struct buf forms[] = {BUF_INIT(32 * 1024), BUF_INIT(32 * 1024),
				      BUF_INIT(64 * 1024)};
		struct bytes v;

		if (!f->secret || !plist_get(c->integration.credentials, f->name, &v) || !v.n)
			continue;
		text_put_b64(&forms[0], v);
		text_put_b64url(&forms[1], v);
		text_put_pct(&forms[2], v);
		found = bytes_find(text, v) < text.n;
		for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
			found = found || bytes_find(text, buf_bytes(&forms[i])) < text.n;
			buf_done(&forms[i]);
		}
	}
	return found;
}

static bool is_one_of(struct bytes zones, const struct dns_name *zone)
{
	return zones.n == 0 || plist_has(zones, dns_name_text(zone));
}

static bool zone_permitted(const struct call *c, const struct dns_name *zone)
{
	return is_one_of(c->integration.zones, zone) && is_one_of(buf_bytes(&c->zones_asked), zone);
}

/*
 * Which zone may be changed is said to the courier by id, so where the id follows from the name that is checked: elsewhere it is the planner's word.
 */
static bool is_id_of(const struct provider *p, const struct dns_name *zone, struct bytes id)
{
	struct dns_name named;

	if (!p->zone_id_is_name)
		return id.n > 0;
	return dns_name_parse(&named, id) == 0 &&
	       bytes_eq(dns_name_text(&named), dns_name_text(zone));
}

static void zone_found(struct call *c, const struct pv_result *m)
{
	if (dns_name_parse(&c->zone, m->zone) != 0 || !dns_name_within(&c->fqdn, &c->zone) ||
	    !is_id_of(c->provider, &c->zone, m->zone_id)) {
		call_fail(c, CODE_ZONE_NOT_FOUND, "record.fqdn",
			  "no zone of the account holds the name");
		return;
	}
	c->has_zone = true;
	buf_put_bytes(&c->zone_id, m->zone_id);
	if (buf_status(&c->zone_id) < 0)
		log_fatal("out of memory");
	if (!zone_permitted(c, &c->zone)) {
		metrics_denied(RULE_ALLOWED);
		call_refuse(c, CODE_POLICY_DENIED, "record.fqdn",
			    "the name lies in a zone that the handle does not cover");
	} else if (c->clean) {
		send_op(c, OP_ADD, true);
	} else {
		begin_change(c);
	}
}

/* Whether what is to be cleaned up is there. Its removal, when that has its turn, looks once more. */
static void looked(struct call *c, const struct pv_result *m)
{
	if (m->found)
		begin_change(c);
	else
		call_finish(c); /* removed: false */
}

static bool has_zone(struct bytes pairs, struct bytes zone)
{
	struct bytes name, id;

	while (plist_next_pair(&pairs, &name, &id))
		if (bytes_eq(name, zone))
			return true;
	return false;
}

/* Each zone that a new handle is to cover is one of the account's. */
static bool has_all_zones(const struct call *c)
{
	struct bytes wanted = c->integration.zones, zone;

	while (plist_next(&wanted, &zone))
		if (!has_zone(buf_bytes(&c->zones), zone))
			return false;
	return true;
}

static void op_over(struct call *c, const struct pv_result *m)
{
	c->planning = false;
	c->heard = c->state == CALL_CHANGING;
	c->changed = m->changed;
	c->found = m->found;
	c->removed = m->removed;
	c->pending = m->pending;
	buf_reset(&c->record_id);
	buf_put_bytes(&c->record_id, m->record_id);
	c->retry_after = m->retry_after;
	if (m->code != CODE_OK) {
		char detail[PROVIDER_DETAIL_MAX + 1];

		if (bytes_to_str(m->detail, detail, sizeof(detail)) < 0 ||
		    !bytes_printable(m->detail) || holds_secret(c, m->detail))
			detail[0] = 0;
		call_fail(c, (enum code)m->code,
			  m->code == CODE_ZONE_NOT_FOUND && has_zone_to_find(c) ? "record.fqdn"
										: "",
			  detail);
	} else if (c->state == CALL_READING && has_zone_to_find(c) && !c->has_zone) {
		zone_found(c, m);
	} else if (c->state == CALL_READING && c->clean) {
		looked(c, m);
	} else if (c->verb == VERB_CHECK_RECORD) {
		let_go(c);
		c->state = CALL_NEW;
		call_check_servers(c);
	} else if (c->verb == VERB_MAKE_INTEGRATION && !has_all_zones(c)) {
		call_fail(c, CODE_ZONE_NOT_FOUND, "zones",
			  "the account does not have all of these zones");
	} else if (!call_is_whole(c)) {
		call_fail(c, CODE_OVERLOADED, "", "out of memory"); /* no id, no handle */
	} else {
		call_finish(c);
	}
}

static void add_zones(struct call *c, struct bytes list)
{
	struct bytes name, id;
	struct dns_name zone;

	while (plist_next_pair(&list, &name, &id)) {
		if (dns_name_parse(&zone, name) != 0 || !zone_permitted(c, &zone))
			continue;
		plist_put(&c->zones, dns_name_text(&zone));
		plist_put(&c->zones, id);
	}
	if (buf_status(&c->zones) < 0)
		call_fail(c, CODE_PROVIDER_REJECTED, "", "the account has too many zones");
}

void on_planner(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd)
{
	/* Each of these messages begins with its call. */
	struct call *c = call_by_id(*(const uint64_t *)msg);

	if (!c || !c->planning)
		return; /* it ended meanwhile */
	switch (number) {
	case MSG_pv_zones:
		add_zones(c, ((const struct pv_zones *)msg)->zones);
		break;
	case MSG_pv_replaced:
		line_replaced(c, ch, ((const struct pv_replaced *)msg)->lines);
		break;
	case MSG_pv_result:
		op_over(c, msg);
		break;
	}
}
