/* SPDX-License-Identifier: ISC */
/* What the vault tells the front. Handles are sealed here, at the last moment. */
#include "role/vault.h"
#include "sys/log.h"

#include <sodium.h>
#include <stdio.h>

void call_say(struct call *c, const char *field, const char *detail)
{
	buf_reset(&c->field);
	buf_put(&c->field, field, strnlen(field, IPC_FIELD_MAX));
	buf_reset(&c->detail);
	buf_put(&c->detail, detail, strnlen(detail, IPC_DETAIL_MAX));
}

static void send_error(const struct call *c)
{
	struct bytes title = bytes_str(code_title(c->code));

	channel_send(&vault.front, vf_error, .call = c->front_call, .code = (uint8_t)c->code,
		     .field = buf_bytes(&c->field),
		     .detail = c->detail.n ? buf_bytes(&c->detail) : title,
		     .retry_after = c->retry_after);
}

static void send_zones(const struct call *c)
{
	struct bytes rest = buf_bytes(&c->zones), piece;

	while ((piece = plist_take(&rest, 2, IPC_PIECE_MAX)).n) /* names and ids go in twos */
		channel_send(&vault.front, vf_zones, .call = c->front_call, .zones = piece);
}

static int seal_record(struct call *c, const unsigned char nonce[NONCE_BYTES])
{
	struct record r = {.customer = bytes_str(c->customer),
			   .provider = bytes_str(c->provider->name),
			   .zone = dns_name_text(&c->zone),
			   .zone_id = buf_bytes(&c->zone_id),
			   .fqdn = dns_name_text(&c->fqdn),
			   .type = c->type,
			   .value = buf_bytes(&c->value),
			   .mode = c->mode,
			   .provider_id = buf_bytes(&c->record_id),
			   .found = c->found,
			   .created = clock_usec() / 1000000,
			   .log_index = c->intent_seq};

	memcpy(r.integration, c->integration.id, sizeof(r.integration));
	memcpy(r.leaf, c->leaf, sizeof(r.leaf));
	return record_seal(&vault.config->keys, nonce, &r, &c->handle);
}

static void send_record(struct call *c)
{
	struct vf_record m = {.call = c->front_call,
			      .index = c->intent_seq,
			      .handle = buf_bytes(&c->handle),
			      .zone = dns_name_text(&c->zone),
			      .fqdn = dns_name_text(&c->fqdn),
			      .pending = c->pending};

	memcpy(m.leaf, c->leaf, sizeof(m.leaf));
	channel_send_fd(&vault.front, MSG_vf_record, &m, -1);
}

static void send_removed(struct call *c)
{
	struct vf_removed m = {
		.call = c->front_call, .index = c->intent_seq, .removed = c->removed};

	memcpy(m.leaf, c->leaf, sizeof(m.leaf));
	channel_send_fd(&vault.front, MSG_vf_removed, &m, -1);
}

/* Seal what the verb gives out, if anything. False when that cannot be. */
static bool seal(struct call *c)
{
	unsigned char nonce[NONCE_BYTES];
	int r = 0;

	randombytes_buf(nonce, sizeof(nonce));
	if (c->verb == VERB_ADD_RECORD)
		r = seal_record(c, nonce);
	else if (c->verb == VERB_BEGIN_INTEGRATION)
		r = setup_seal(&vault.config->keys, nonce, &c->setup, &c->handle);
	else if (c->verb == VERB_MAKE_INTEGRATION ||
		 (c->verb == VERB_REWRAP_HANDLE && c->kind == HANDLE_INTEGRATION))
		r = integration_seal(&vault.config->keys, nonce, &c->integration, &c->handle);
	else if (c->verb == VERB_REWRAP_HANDLE)
		r = record_seal(&vault.config->keys, nonce, &c->record, &c->handle);
	if (r == 0)
		return true;
	c->code = r == HANDLE_E_TOO_LONG ? CODE_INVALID_REQUEST : CODE_OVERLOADED;
	call_say(c, "",
		 r == HANDLE_E_TOO_LONG ? "the handle would be too long"
					: "the handle cannot be sealed now; try again");
	if (r != HANDLE_E_TOO_LONG)
		log_warn("sealing: %s", r < 0 ? strerror(-r) : "there is no active key");
	return false;
}

static void send_handle(const struct call *c)
{
	struct vf_handle m = {.call = c->front_call, .kind = (uint8_t)c->kind};

	memcpy(m.key_id, c->key_id, sizeof(m.key_id));
	if (c->kind == HANDLE_INTEGRATION) {
		const struct integration *i = &c->integration;
		memcpy(m.integration, i->id, sizeof(m.integration));
		m.provider = i->provider;
		m.customer = i->customer;
		m.zones = i->zones;
		m.policy = (uint8_t)i->policy;
		m.created = i->created;
		m.expires = i->expires;
	} else {
		const struct record *r = &c->record;
		memcpy(m.integration, r->integration, sizeof(m.integration));
		memcpy(m.leaf, r->leaf, sizeof(m.leaf));
		m.provider = r->provider;
		m.customer = r->customer;
		m.zone = r->zone;
		m.fqdn = r->fqdn;
		m.type = (uint8_t)r->type;
		m.value = r->value;
		m.mode = (uint8_t)r->mode;
		m.found = r->found;
		m.created = r->created;
		m.log_index = r->log_index;
	}
	channel_send_fd(&vault.front, MSG_vf_handle, &m, -1);
}

/* The caller's handle is out of date: whatever the answer, this comes with it. */
static void send_fresh(const struct call *c)
{
	struct buf handle = BUF_INIT(INTEGRATION_HANDLE_MAX);
	unsigned char nonce[NONCE_BYTES];

	randombytes_buf(nonce, sizeof(nonce));
	if (integration_seal(&vault.config->keys, nonce, &c->integration, &handle) == 0)
		channel_send(&vault.front, vf_fresh, .call = c->front_call,
			     .handle = buf_bytes(&handle));
	else
		log_warn("a renewed handle could not be sealed");
	buf_done(&handle);
}

/* A front that is behind gets no list on top of what it has not read yet: with too much waiting it would count as one that does not read. A handle may be all that is left of a code of OAuth's, so it has more room. */
static bool has_room(const struct call *c)
{
	size_t most = c->verb == VERB_GET_ZONES ? CHANNEL_QUEUE_HALF : CHANNEL_QUEUE_MUCH;

	return c->zones.n == 0 || vault.front.queued + c->zones.n <= most;
}

void answer(struct call *c)
{
	bool asked = c->front_epoch == vault.front_epoch; /* else: who asked is gone */
	struct bytes handle;

	if (asked && c->code == CODE_OK && !has_room(c)) {
		c->code = CODE_OVERLOADED;
		call_say(c, "", "many large lists of zones are on their way; try again");
	}
	metrics_answered(c);
	if (!asked)
		return;
	if (c->has_integration)
		fresh_look(c); /* another call may have renewed it meanwhile */
	if (c->fresh && c->verb != VERB_MAKE_INTEGRATION && c->verb != VERB_REWRAP_HANDLE)
		send_fresh(c);
	if (c->code != CODE_OK || !seal(c)) {
		send_error(c);
		return;
	}
	handle = buf_bytes(&c->handle);
	switch (c->verb) {
	case VERB_MAKE_INTEGRATION:
		send_zones(c);
		channel_send(&vault.front, vf_integration, .call = c->front_call, .handle = handle);
		break;
	case VERB_BEGIN_INTEGRATION:
		channel_send(&vault.front, vf_setup, .call = c->front_call, .handle = handle,
			     .authorize_url = buf_bytes(&c->authorize_url),
			     .instructions = buf_bytes(&c->instructions));
		break;
	case VERB_GET_ZONES:
		send_zones(c);
		channel_send(&vault.front, vf_zones_end, .call = c->front_call);
		break;
	case VERB_ADD_RECORD:
		send_record(c);
		break;
	case VERB_REMOVE_RECORD:
		send_removed(c);
		break;
	case VERB_CHECK_RECORD:
		channel_send(&vault.front, vf_checked, .call = c->front_call, .visible = c->visible,
			     .pending = c->pending, .servers = buf_bytes(&c->servers));
		break;
	case VERB_INSPECT_HANDLE:
		send_handle(c);
		break;
	case VERB_REWRAP_HANDLE:
		channel_send(&vault.front, vf_rewrapped, .call = c->front_call, .handle = handle);
		break;
	case VERB_METRICS: /* no call of the vault's */
	case VERB_COUNT:
		break;
	}
}

bool class_is_there(unsigned class)
{
	return channel_is_open(&vault.planner[class]) && vault.courier_hears[class];
}

/* Without a resolver it still can: what that is for is said anew when it is back. */
static const char *status_reason(void)
{
	const char *reason = "";

	if (!vault.writable)
		reason = vault.reason[0] ? vault.reason : "the scribe starts";
	else if (vault.config->keys.n == 0)
		reason = "no root key";
	for (unsigned class = 0; class < 2 && !reason[0]; class ++)
		if (!class_is_there(class))
			reason = "a role restarts";
	return reason;
}

void answer_status(void)
{
	const char *reason = status_reason();

	if (!channel_is_open(&vault.front) ||
	    (vault.told && strcmp(vault.told_reason, reason) == 0))
		return;
	vault.told = true;
	snprintf(vault.told_reason, sizeof(vault.told_reason), "%s", reason);
	channel_send(&vault.front, vf_status, .ready = !reason[0], .reason = bytes_str(reason));
}

void vault_report(struct role_report *out)
{
	out->calls = (uint32_t)vault.calls.n;
	out->problem = status_reason();
}
