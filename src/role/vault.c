/* SPDX-License-Identifier: ISC */
/*
 * The vault: opens and seals handles, and decides. It holds the root keys, and it touches no network, no file, no JSON. Everything that
 * the front says is checked here again, for the front is where the network comes in.
 */
#include "role/vault.h"

#include "role/target.h"
#include "sys/log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CALLS_MAX 20000

struct vault vault;

/* The begin of every request's handling. NULL: it was answered. */
#define BEGIN(verb_, m) begin(verb_, (m)->call, (m)->request_id, (m)->caller, (m)->customer)

static struct call *begin(enum verb verb, uint64_t front_call, struct bytes request_id,
			  struct bytes caller, struct bytes customer)
{
	const struct caller_rules *rules = rules_of(caller);
	uint32_t wait = rules ? limit_caller(rules) : 0;
	struct call *c = NULL;
	int r = -ENOMEM;

	if (!rules || wait) {
		/* The front knows only those that we know: it is ahead of us by a reload, or broken. */
		channel_send(&vault.front, vf_error, .call = front_call,
			     .code = rules ? CODE_RATE_LIMITED : CODE_FORBIDDEN,
			     .detail = rules ? BYTES("more calls than this caller may make")
					     : BYTES("there is no such caller"),
			     .retry_after = wait);
		return NULL;
	}
	if (vault.calls.n < CALLS_MAX && !vault.role->stopping)
		r = call_new(&c, verb, front_call, request_id, rules, customer);
	if (r < 0)
		channel_send(&vault.front, vf_error, .call = front_call, .code = CODE_OVERLOADED,
			     .detail = BYTES("too many calls in flight"), .retry_after = 1);
	else if (r == CALL_E_REQUEST_ID)
		channel_send(&vault.front, vf_error, .call = front_call, .code = CODE_CONFLICT,
			     .field = BYTES("X-Request-Id"),
			     .detail = BYTES("a request with this id is in flight"));
	wait = r == 0 ? limit_under_way(c) : 0;
	if (!wait)
		return c;
	call_limited(c, wait);
	return NULL;
}

static enum policy_profile tighter(enum policy_profile a, enum policy_profile b)
{
	return a > b ? a : b;
}

/* The loosest that there may be: the gateway's, and the caller's where that is tighter. */
static enum policy_profile loosest(const struct call *c)
{
	return tighter(vault.config->policy.loosest, c->rules.loosest);
}

bool may_use_provider(struct call *c, const char *field)
{
	if (caller_may_use(c, c->provider))
		return true;
	call_refuse(c, CODE_FORBIDDEN, field, "not one of this caller's providers");
	return false;
}

/* inspect_handle and rewrap_handle have one field for both kinds. */
static const char *handle_field(const struct call *c, const char *otherwise)
{
	return c->verb == VERB_INSPECT_HANDLE || c->verb == VERB_REWRAP_HANDLE ? "handle"
									       : otherwise;
}

/* The integration is to be used now. False when the call is over. */
static bool pass_use(struct call *c)
{
	uint32_t wait;

	if (c->integration.expires && c->integration.expires <= clock_usec() / 1000000) {
		call_refuse(c, CODE_HANDLE_INVALID, "integration_handle", "the handle has expired");
		return false;
	}
	wait = limit_integration(c);
	if (wait)
		call_limited(c, wait);
	return !wait;
}

/* Open the integration handle. False when the call is over. */
static bool open_integration(struct call *c, struct bytes handle, bool must_be_valid)
{
	int r = integration_open(&vault.config->keys, handle, bytes_str(c->customer), &c->plain,
				 &c->integration);

	if (r < 0) {
		call_refuse(c, CODE_OVERLOADED, "", "out of memory");
		return false;
	}
	if (r == 0)
		c->provider = provider_by_name(c->integration.provider);
	if (r != 0 || !c->provider || is_denied(c->integration.id)) {
		call_refuse(c, CODE_HANDLE_INVALID, handle_field(c, "integration_handle"),
			    "the handle is not valid");
		return false;
	}
	metrics_opened(HANDLE_INTEGRATION, c->integration.key_id);
	c->has_integration = true;
	fresh_look(c);
	c->profile = tighter(c->integration.policy, loosest(c));
	if (!may_use_provider(c, handle_field(c, "integration_handle")))
		return false;
	return !must_be_valid || pass_use(c);
}

/* ---- make_integration ---- */

/* Every zone canonical, each once. */
static bool take_zones(struct call *c, struct bytes zones)
{
	struct bytes item;
	struct dns_name name;

	if (plist_count(zones) > HANDLE_ZONES_MAX)
		return false;
	while (plist_next(&zones, &item)) {
		if (dns_name_parse(&name, item) != 0)
			return false;
		if (!plist_has(buf_bytes(&c->zones_asked), dns_name_text(&name)))
			plist_put(&c->zones_asked, dns_name_text(&name));
	}
	return buf_status(&c->zones_asked) == 0;
}

void make_go(struct call *c)
{
	c->integration.credentials = buf_bytes(&c->credentials);
	c->has_integration = true;
	call_go(c);
}

/* The credential itself. False when the call is over. */
static bool take_credentials(struct call *c, const struct fv_make_integration *m)
{
	const char *field = "", *why = "";
	struct url base;
	int r;

	r = provider_check_credentials(c->provider, CATEGORY_STATIC, m->credentials,
				       &c->credentials, &field, &why);
	if (r < 0) {
		call_refuse(c, CODE_INVALID_REQUEST, "credentials", "too large");
		return false;
	}
	if (r > 0) {
		char path[IPC_FIELD_MAX + 1];
		snprintf(path, sizeof(path), "credentials.%s", field);
		call_refuse(c, CODE_INVALID_REQUEST,
			    strcmp(field, "credentials") == 0 ? field : path, why);
		return false;
	}
	if (target_base(c->provider, buf_bytes(&c->credentials), &base) != 0) {
		char path[IPC_FIELD_MAX + 1];
		snprintf(path, sizeof(path), "credentials.%s", c->provider->base_field);
		call_refuse(c, CODE_INVALID_REQUEST, path,
			    "not a URL such as https://host:port/path");
		return false;
	}
	return true;
}

static void make(struct call *c, const struct fv_make_integration *m)
{
	struct integration *i = &c->integration;

	c->provider = provider_by_name(m->provider);
	if (!c->provider) {
		call_refuse(c, CODE_INVALID_REQUEST, "provider", "no such provider");
		return;
	}
	if (!take_zones(c, m->zones)) {
		call_refuse(c, CODE_INVALID_REQUEST, "zones",
			    "not a list of at most 64 domain names");
		return;
	}
	if (!may_use_provider(c, "provider"))
		return;
	i->policy = m->policy == IPC_POLICY_DEFAULT
			    ? tighter(vault.config->policy_default, loosest(c))
			    : (enum policy_profile)m->policy;
	if (i->policy < loosest(c)) {
		call_refuse(c, CODE_POLICY_DENIED, "policy",
			    "looser than this gateway allows the caller");
		return;
	}
	i->created = clock_usec() / 1000000;
	if (m->expires && m->expires <= i->created) {
		call_refuse(c, CODE_INVALID_REQUEST, "expires_at", "in the past");
		return;
	}
	randombytes_buf(i->id, sizeof(i->id));
	i->provider = bytes_str(c->provider->name);
	i->customer = bytes_str(c->customer);
	i->zones = buf_bytes(&c->zones_asked);
	i->expires = m->expires;
	c->profile = i->policy;
	if (m->setup.n) {
		setup_make(c, m);
		return;
	}
	if (!take_credentials(c, m))
		return;
	if (m->verify) {
		make_go(c);
		return;
	}
	i->credentials = buf_bytes(&c->credentials);
	c->has_integration = true;
	call_finish(c);
}

/* ---- add_record ---- */

/* A name out of a handle: what is none was not sealed, and would not have opened. */
static void take_name(struct dns_name *out, struct bytes canonical)
{
	if (dns_name_parse(out, canonical) != 0)
		log_fatal("bug: a handle holds a name that is none");
}

static bool is_within(const struct dns_name *name, struct bytes zones)
{
	struct bytes item;
	struct dns_name zone;

	if (!zones.n)
		return true;
	while (plist_next(&zones, &item)) {
		take_name(&zone, item);
		if (dns_name_within(name, &zone))
			return true;
	}
	return false;
}

static bool within_zones(const struct call *c)
{
	return is_within(&c->fqdn, c->integration.zones) &&
	       is_within(&c->fqdn, buf_bytes(&c->zones_asked));
}

/* Is the record about certificates, and in the zones? False when the call is over. */
static bool pass_record(struct call *c, enum record_mode mode)
{
	const struct policy_record record = {
		.name = &c->fqdn, .type = c->type, .mode = mode, .value = buf_bytes(&c->value)};
	enum policy_rule rule = policy_check(&vault.config->policy, c->profile, &record);
	char detail[IPC_DETAIL_MAX + 1];

	if (rule == RULE_ALLOWED && within_zones(c))
		return true;
	metrics_denied(rule);
	snprintf(detail, sizeof(detail), "%s: %s (profile %s)", policy_rule_text(rule),
		 policy_rule_sentence(rule), policy_profile_text(c->profile));
	if (rule == RULE_ALLOWED)
		call_refuse(c, CODE_POLICY_DENIED, "record.fqdn", "outside the handle's zones");
	else
		call_refuse(c, CODE_POLICY_DENIED, "record", detail);
	return false;
}

bool take_record(struct call *c, const struct asked *asked)
{
	int r = 0;

	c->type = rr_type_parse(asked->type);
	buf_put_bytes(&c->fqdn_text, asked->fqdn);
	buf_put_bytes(&c->type_text, asked->type);
	if (!open_integration(c, asked->handle, true))
		return false;
	if (dns_name_parse(&c->fqdn, asked->fqdn) != 0) {
		c->fqdn.len = 0;
		call_refuse(c, CODE_INVALID_REQUEST, "record.fqdn", "not a domain name");
		return false;
	}
	if (c->type != RR_NONE)
		r = record_value_canonical(c->type, asked->value, &c->value);
	if (r != 0) {
		buf_reset(&c->value);
		call_refuse(c, CODE_INVALID_REQUEST, "record.value", "not a value of this type");
		return false;
	}
	if (take_zones(c, asked->zones))
		return true;
	call_refuse(c, CODE_INVALID_REQUEST, "zones", "not a list of at most 64 domain names");
	return false;
}

void add_go(struct call *c)
{
	if (pass_record(c, c->clean ? MODE_REPLACE : c->mode))
		call_go(c);
}

void record_go(struct call *c, bool follow)
{
	if (follow)
		call_follow(c); /* to add_go() */
	else
		add_go(c);
}

static void add(struct call *c, const struct fv_add_record *m)
{
	const struct asked asked = {m->handle, m->fqdn, m->type, m->value, m->zones};

	c->mode = (enum record_mode)m->mode;
	c->ttl = m->ttl;
	if (take_record(c, &asked))
		record_go(c, m->follow_cname);
}

/* ---- remove_record, check_record ---- */

/* Open the record's handle and take from it what the removal needs. False when the call is over. */
static bool open_record(struct call *c, struct bytes handle)
{
	struct record *rec = &c->record;
	int r = record_open(&vault.config->keys, handle, bytes_str(c->customer), &c->record_plain,
			    rec);

	if (r != 0) {
		call_refuse(c, CODE_HANDLE_INVALID, handle_field(c, "record_handle"),
			    "the handle is not valid");
		return false;
	}
	metrics_opened(HANDLE_RECORD, rec->key_id);
	take_name(&c->fqdn, rec->fqdn);
	take_name(&c->zone, rec->zone);
	c->has_record = c->has_zone = true;
	c->type = rec->type;
	c->mode = rec->mode;
	buf_put_bytes(&c->value, rec->value);
	buf_put_bytes(&c->zone_id, rec->zone_id);
	buf_put_bytes(&c->record_id, rec->provider_id);
	if (buf_status(&c->value) < 0 || buf_status(&c->zone_id) < 0 ||
	    buf_status(&c->record_id) < 0) {
		call_refuse(c, CODE_OVERLOADED, "", "out of memory");
		return false;
	}
	return true;
}

/*
 * A record that was there already is the customer's own, unless a replace could have overwritten it: a backend that "adds" what it
 * wants gone shall not get it removed.
 */
static bool may_remove(const struct call *c)
{
	const struct policy_record as_replace = {.name = &c->fqdn,
						 .type = c->type,
						 .mode = MODE_REPLACE,
						 .value = buf_bytes(&c->value)};

	return !c->record.found ||
	       policy_check(&vault.config->policy, c->profile, &as_replace) == RULE_ALLOWED;
}

/* Both handles, which belong together. False when the call is over. */
static bool open_both(struct call *c, struct bytes integration, struct bytes record)
{
	if (!open_integration(c, integration, true) || !open_record(c, record))
		return false;
	if (memcmp(c->record.integration, c->integration.id, INTEGRATION_ID_BYTES) == 0 &&
	    bytes_eq(c->record.provider, c->integration.provider))
		return true;
	call_refuse(c, CODE_HANDLE_MISMATCH, "record_handle", "made for another integration");
	return false;
}

static void remove_record(struct call *c, const struct fv_remove_record *m)
{
	if (!open_both(c, m->handle, m->record_handle))
		return;
	if (may_remove(c))
		call_go(c);
	else
		call_finish(c); /* removed: false */
}

/* ---- inspect_handle, rewrap_handle ---- */

static void open_any(struct call *c, struct bytes handle)
{
	struct handle_head head;

	if (handle_peek(handle, &head) != 0) {
		call_refuse(c, CODE_HANDLE_INVALID, "handle", "the handle is not valid");
		return;
	}
	if (head.kind == HANDLE_SETUP) {
		call_refuse(
			c, CODE_INVALID_REQUEST, "handle",
			"a set-up's handle is short-lived: there is nothing to do with it here");
		return;
	}
	c->kind = head.kind;
	memcpy(c->key_id, head.key_id, sizeof(c->key_id));
	if (head.kind == HANDLE_INTEGRATION ? !open_integration(c, handle, false)
					    : !open_record(c, handle))
		return;
	if (head.kind == HANDLE_RECORD)
		c->provider = provider_by_name(c->record.provider);
	call_finish(c);
}

/* ---- edges ---- */

static void on_front(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd)
{
	struct call *c;

	switch (number) {
	case MSG_fv_make_integration:
		c = BEGIN(VERB_MAKE_INTEGRATION, (const struct fv_make_integration *)msg);
		if (c)
			make(c, msg);
		break;
	case MSG_fv_begin_integration:
		c = BEGIN(VERB_BEGIN_INTEGRATION, (const struct fv_begin_integration *)msg);
		if (c)
			setup_begin(c, msg);
		break;
	case MSG_fv_get_zones:
		c = BEGIN(VERB_GET_ZONES, (const struct fv_get_zones *)msg);
		if (c && open_integration(c, ((const struct fv_get_zones *)msg)->handle, true))
			call_go(c);
		break;
	case MSG_fv_add_record:
		c = BEGIN(VERB_ADD_RECORD, (const struct fv_add_record *)msg);
		if (c)
			add(c, msg);
		break;
	case MSG_fv_remove_record:
		c = BEGIN(VERB_REMOVE_RECORD, (const struct fv_remove_record *)msg);
		if (c)
			remove_record(c, msg);
		break;
	case MSG_fv_clean_record:
		c = BEGIN(VERB_REMOVE_RECORD, (const struct fv_clean_record *)msg);
		if (c)
			clean_record(c, msg);
		break;
	case MSG_fv_check_record:
		c = BEGIN(VERB_CHECK_RECORD, (const struct fv_check_record *)msg);
		if (c && open_both(c, ((const struct fv_check_record *)msg)->handle,
				   ((const struct fv_check_record *)msg)->record_handle))
			call_check(c);
		break;
	case MSG_fv_inspect_handle:
		c = BEGIN(VERB_INSPECT_HANDLE, (const struct fv_inspect_handle *)msg);
		if (c)
			open_any(c, ((const struct fv_inspect_handle *)msg)->handle);
		break;
	case MSG_fv_rewrap_handle:
		c = BEGIN(VERB_REWRAP_HANDLE, (const struct fv_rewrap_handle *)msg);
		if (c)
			open_any(c, ((const struct fv_rewrap_handle *)msg)->handle);
		break;
	case MSG_fv_metrics:
		metrics_ask(msg);
		break;
	case MSG_fv_refused:
		line_refused(msg);
		break;
	}
}

static void on_closed(void *arg, struct channel *ch, bool bad)
{
	enum proc peer = (enum proc)(uintptr_t)arg;

	if (bad)
		role_bad_peer(vault.role, peer);
	switch (peer) {
	case PROC_FRONT:
		vault.front_epoch++;
		break;
	case PROC_SCRIBE:
		lines_lost();
		break;
	case PROC_RESOLVER:
		resolver_lost();
		break;
	case PROC_PLANNER:
	case PROC_PLANNER_SELF:
		calls_lost(peer == PROC_PLANNER_SELF, "the gateway's planner restarts; try again");
		break;
	default:
		if (peer == PROC_COURIER)
			limit_courier_spoke(); /* the next one is another one */
		vault.courier_hears[peer == PROC_COURIER_SELF] = false;
		calls_lost(peer == PROC_COURIER_SELF, "the gateway's courier restarts; try again");
	}
	answer_status();
}

static struct channel *channel_of(enum proc peer)
{
	switch (peer) {
	case PROC_FRONT:
		return &vault.front;
	case PROC_SCRIBE:
		return &vault.scribe;
	case PROC_RESOLVER:
		return &vault.resolver;
	case PROC_PLANNER:
	case PROC_PLANNER_SELF:
		return &vault.planner[peer == PROC_PLANNER_SELF];
	default:
		return &vault.courier[peer == PROC_COURIER_SELF];
	}
}

static void init_channel(enum proc peer, const struct edge *edge, enum side side, channel_fn *fn)
{
	channel_init(channel_of(peer), vault.role->loop, edge, side, fn, on_closed,
		     (void *)(uintptr_t)peer);
}

static void vault_init(struct role *r)
{
	vault.role = r;
	/* Not from 1: what a planner or courier still says to the vault before this one must not fit a call of ours. */
	randombytes_buf(&vault.next_id, sizeof(vault.next_id));
	randombytes_buf(&vault.next_token, sizeof(vault.next_token));
	randombytes_buf(vault.hash_key, sizeof(vault.hash_key));
	vault_config_init();
	lines_init();
	limits_init();
	init_channel(PROC_FRONT, &edge_front_vault, SIDE_B, on_front);
	init_channel(PROC_SCRIBE, &edge_vault_scribe, SIDE_A, on_scribe);
	init_channel(PROC_PLANNER, &edge_vault_planner, SIDE_A, on_planner);
	init_channel(PROC_PLANNER_SELF, &edge_vault_planner, SIDE_A, on_planner);
	init_channel(PROC_COURIER, &edge_vault_courier, SIDE_A, on_courier);
	init_channel(PROC_COURIER_SELF, &edge_vault_courier, SIDE_A, on_courier);
	for (unsigned class = 0; class < ARRAY_LEN(vault.planner); class ++)
		channel_order(&vault.courier[class], &vault.planner[class]);
	init_channel(PROC_RESOLVER, &edge_vault_resolver, SIDE_A, on_resolver);
}

static void vault_peer(struct role *r, const struct s_peer *m, int fd)
{
	enum proc peer = (enum proc)m->proc;

	role_take_edge(channel_of(peer), peer, fd);
	/* One that is to come hears its planner when it hears us, and us first. */
	if (peer == PROC_COURIER || peer == PROC_COURIER_SELF)
		vault.courier_hears[peer == PROC_COURIER_SELF] = m->to_come;
	if (peer == PROC_SCRIBE)
		lines_greet();
	if (peer == PROC_FRONT)
		vault.told = false;
	answer_status();
}

/* Whatever ends a call or changes what the scribe can do may be the last thing that was waited for. */
static void vault_after(struct role *r)
{
	if (!r->stopping || vault.calls.n > 0 || (vault.lines.n > 0 && vault.writable))
		return;
	keyring_wipe(&vault.config->keys);
	loop_stop(r->loop);
}

static void vault_stop(struct role *r)
{
	/* vault_after() looks, now and after whatever comes. */
}

const struct role_ops vault_ops = {
	.init = vault_init,
	.control = vault_control,
	.peer = vault_peer,
	.start = role_ready,
	.stop = vault_stop,
	.after = vault_after,
	.report = vault_report,
};
