/* SPDX-License-Identifier: ISC */
/* What the vault has the resolver find out: whether a zone's servers show a record, and where the CNAMEs at a name lead. */
#include "role/vault.h"

#include "base/text.h"
#include "sys/log.h"

#include <stdio.h>

/* ---- the resolver is asked ---- */

/* False when the call is over. */
static bool can_ask(struct call *c)
{
	if (!channel_is_open(&vault.resolver)) {
		call_fail(c, CODE_PROVIDER_UNAVAILABLE, "", "the gateway is restarting; try again");
		return false;
	}
	call_await(c);
	c->state = CALL_ASKING;
	return true;
}

static uint32_t milliseconds_left(const struct call *c)
{
	int64_t left = call_time_left(c);

	return left > 0 ? (uint32_t)left : 0;
}

void call_check_servers(struct call *c)
{
	if (!can_ask(c))
		return;
	channel_send(&vault.resolver, vr_check, .call = c->node.id, .zone = dns_name_text(&c->zone),
		     .fqdn = dns_name_text(&c->fqdn), .type = (uint8_t)c->type,
		     .value = buf_bytes(&c->value), .timeout_ms = milliseconds_left(c));
}

void call_check(struct call *c)
{
	if (c->provider->ops[OP_STATUS][0])
		call_go(c); /* and on_planner() goes on */
	else
		call_check_servers(c);
}

void call_follow(struct call *c)
{
	if (!can_ask(c))
		return;
	channel_send(&vault.resolver, vr_follow, .call = c->node.id,
		     .fqdn = dns_name_text(&c->fqdn), .timeout_ms = milliseconds_left(c));
}

/* ---- what it says ---- */

/* Of as many servers as it may ask; one more, and it is broken. */
static bool add_server(struct call *c, const struct rv_server *m)
{
	bool printable = bytes_printable(m->name) && bytes_printable(m->address);

	plist_put(&c->servers, m->name);
	plist_put(&c->servers, m->address);
	plist_put(&c->servers, m->visible ? BYTES("true") : BYTES("false"));
	plist_put(&c->servers, bytes_str(server_problem_text((enum server_problem)m->problem)));
	return printable && m->name.n && plist_count(buf_bytes(&c->servers)) <= 4 * ZONE_LINES_MAX;
}

static void checked(struct call *c, const struct rv_checked *m)
{
	c->visible = m->visible;
	if (m->code != CODE_OK)
		call_fail(c, (enum code)m->code, "", "DNS does not say which servers the zone has");
	else if (!call_is_whole(c))
		call_fail(c, CODE_OVERLOADED, "", "out of memory");
	else
		call_finish(c);
}

/* Policy, zones and provider are asked of the name that the record is written at. */
static void followed(struct call *c, const struct rv_followed *m)
{
	struct bytes said = bytes_printable(m->detail) ? m->detail : BYTES("");
	char detail[PROVIDER_DETAIL_MAX + 1];

	snprintf(detail, sizeof(detail), "%.*s", (int)said.n, (const char *)said.p);
	if (m->code == CODE_INVALID_REQUEST) {
		call_refuse(c, CODE_INVALID_REQUEST, "record.fqdn", detail);
	} else if (m->code != CODE_OK) {
		call_fail(c, (enum code)m->code, "", detail);
	} else {
		c->state = CALL_NEW;
		add_go(c);
	}
}

void on_resolver(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd)
{
	/* Each of these messages begins with its call. */
	struct call *c = call_by_id(*(const uint64_t *)msg);
	const struct rv_followed *f = msg;

	if (!c || c->state != CALL_ASKING)
		return; /* it ended meanwhile */
	if ((number == MSG_rv_followed) == (c->verb == VERB_CHECK_RECORD) ||
	    (number == MSG_rv_server && !add_server(c, msg)) ||
	    (number == MSG_rv_followed && f->code == CODE_OK &&
	     dns_name_parse(&c->fqdn, f->fqdn) != 0))
		channel_reject(ch); /* C is gone behind this */
	else if (number == MSG_rv_checked)
		checked(c, msg);
	else if (number == MSG_rv_followed)
		followed(c, msg);
}

/* A call that ends is freed, and no other. */
static void lose(struct idmap_node *node, void *arg)
{
	struct call *c = idmap_holder(node, struct call, node);

	if (c->state == CALL_ASKING)
		call_fail(c, CODE_PROVIDER_UNAVAILABLE, "",
			  "the gateway's resolver restarts; try again");
}

void resolver_lost(void)
{
	idmap_each(&vault.calls, lose, NULL);
}
