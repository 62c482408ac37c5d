/* SPDX-License-Identifier: ISC */
/*
 * Do a zone's servers show a record? Recursive servers say which they are and where; then each address is asked itself, all of them at once. What was not answered when the time is over counts as
 * not answered.
 */
#include "role/resolver.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { FAMILIES = 2 };
static const uint16_t types[FAMILIES] = {DNS_TYPE_A, DNS_TYPE_AAAA};

struct server;

/* One of its server's two questions for addresses. */
struct look {
	struct server *server;
	unsigned family; /* its place in TYPES */
	struct question *question;
	struct loop_timer patience;
};

/* One address of a server. */
struct target {
	struct server *server;
	struct ip ip;
	struct asking *asking;
	bool visible;
	enum server_problem problem;
};

struct server {
	struct check *check;
	struct dns_name name; /* its length is 0 when it is none that we accept */
	struct look looks[FAMILIES];
};

struct check {
	struct idmap_node node; /* by call */
	struct dns_name zone, fqdn;
	enum rr_type type;
	struct buf value;
	struct question *question; /* for ZONE's servers */
	struct loop_timer deadline, patience;
	struct server *servers;
	size_t n_servers;
	struct target targets[ZONE_ADDRESSES_MAX];
	size_t n_targets;
	size_t open; /* questions under way */
};

static void look_done(struct look *l)
{
	if (l->question)
		question_cancel(l->question);
	l->question = NULL;
	loop_timer_clear(resolver.role->loop, &l->patience);
}

static void check_free(struct check *c)
{
	idmap_remove(&resolver.checks, &c->node);
	if (c->question)
		question_cancel(c->question);
	loop_timer_clear(resolver.role->loop, &c->deadline);
	loop_timer_clear(resolver.role->loop, &c->patience);
	for (size_t i = 0; i < c->n_servers; i++)
		for (unsigned k = 0; k < FAMILIES; k++)
			look_done(&c->servers[i].looks[k]);
	for (size_t i = 0; i < c->n_targets; i++)
		if (c->targets[i].asking)
			dnsask_cancel(c->targets[i].asking);
	free(c->servers);
	buf_done(&c->value);
	free(c);
}

/* ---- what came of it ---- */

static void tell_target(const struct check *c, const struct target *t)
{
	char address[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(t->ip.family == 4 ? AF_INET : AF_INET6, t->ip.a, address, sizeof(address));
	channel_send(&resolver.vault, rv_server, .call = c->node.id,
		     .name = dns_name_text(&t->server->name), .address = bytes_str(address),
		     .visible = t->visible, .problem = (uint8_t)t->problem);
}

/* Tell of all its addresses. Does one show the record, and none that answers lack it? */
static bool tell_server(const struct check *c, const struct server *s)
{
	struct bytes name = s->name.len ? dns_name_text(&s->name) : BYTES("?");
	bool shows = false, lacks = false, any = false;

	for (size_t i = 0; i < c->n_targets; i++) {
		const struct target *t = &c->targets[i];

		if (t->server != s)
			continue;
		tell_target(c, t);
		any = true;
		shows = shows || t->visible;
		lacks = lacks || (!t->visible && t->problem == SERVER_NONE);
	}
	if (!any)
		channel_send(&resolver.vault, rv_server, .call = c->node.id, .name = name,
			     .problem = SERVER_NO_ANSWER);
	return shows && !lacks;
}

static void end(struct check *c, enum code code)
{
	bool visible = c->n_servers > 0;

	for (size_t i = 0; i < c->n_servers; i++)
		visible = tell_server(c, &c->servers[i]) && visible;
	channel_send(&resolver.vault, rv_checked, .call = c->node.id, .visible = visible,
		     .code = (uint8_t)code);
	check_free(c);
}

/* One question is over. */
static void closed(struct check *c)
{
	if (--c->open == 0)
		end(c, CODE_OK);
}

static void on_deadline(void *arg)
{
	struct check *c = arg;

	end(c, c->question ? CODE_PROVIDER_TIMEOUT : CODE_OK);
}

/* ---- the addresses, asked ---- */

static void on_asked(void *arg, enum dnsask_end how, const struct message *m)
{
	static const enum server_problem problems[] = {
		[ANSWER_REFUSED] = SERVER_REFUSED, [ANSWER_LAME] = SERVER_LAME};
	struct target *t = arg;
	struct check *c = t->server->check;
	enum answer_says says;

	t->asking = NULL;
	if (how == DNSASK_ANSWERED) {
		says = answer_says(m, &c->fqdn, c->type, buf_bytes(&c->value));
		t->visible = says == ANSWER_SHOWS;
		t->problem = problems[says];
	} else {
		t->problem = how == DNSASK_FORBIDDEN ? SERVER_NOT_PERMITTED : SERVER_NO_ANSWER;
	}
	closed(c);
}

static void ask_at(struct server *s, unsigned family, struct bytes address)
{
	struct check *c = s->check;
	struct target *t = &c->targets[c->n_targets];

	*t = (struct target){.server = s, .problem = SERVER_NO_ANSWER};
	t->ip.family = family == 0 ? 4 : 6;
	memcpy(t->ip.a, address.p, address.n);
	c->n_targets++;
	if (dnsask_start(&resolver.authorities, &t->ip, &c->fqdn, wire_type(c->type), on_asked, t,
			 &t->asking) == 0)
		c->open++;
}

/* ---- the addresses, found ---- */

static void on_addresses(void *arg, struct bytes answer)
{
	struct look *l = arg;
	struct server *s = l->server;
	struct check *c = s->check;
	/* So that there is room for each name's, in both families. */
	size_t most = ZONE_ADDRESSES_MAX / (FAMILIES * c->n_servers);
	struct rr_cursor at = {0};
	struct bytes address;
	struct message m;

	l->question = NULL;
	look_done(l);
	if (resolver_understands(answer, &s->name, types[l->family], &m))
		while (most-- && answer_address(&m, &at, types[l->family], &address))
			ask_at(s, l->family, address);
	closed(c);
}

static void on_no_addresses(void *arg)
{
	struct look *l = arg;

	look_done(l);
	closed(l->server->check);
}

static void look_for_addresses(struct server *s, unsigned family)
{
	struct look *l = &s->looks[family];

	*l = (struct look){.server = s, .family = family};
	l->patience = (struct loop_timer){.fn = on_no_addresses, .arg = l};
	if (!s->name.len || question_start(resolver.recursive, &s->name, types[family],
					   on_addresses, l, &l->question) < 0)
		return;
	s->check->open++;
	resolver_timer(&l->patience, RESOLVER_LOOK_MS);
}

/* ---- the servers ---- */

static void on_servers(void *arg, struct bytes answer)
{
	struct dns_name names[ZONE_SERVERS_MAX];
	struct check *c = arg;
	struct message m;
	size_t n;

	c->question = NULL;
	loop_timer_clear(resolver.role->loop, &c->patience);
	if (!resolver_understands(answer, &c->zone, DNS_TYPE_NS, &m)) {
		end(c, CODE_PROVIDER_UNAVAILABLE);
		return;
	}
	n = answer_servers(&m, &c->zone, names, ZONE_SERVERS_MAX);
	n = n < ZONE_SERVERS_MAX ? n : ZONE_SERVERS_MAX;
	c->servers = n ? calloc(n, sizeof(*c->servers)) : NULL;
	if (n && !c->servers) {
		end(c, CODE_OVERLOADED);
		return;
	}
	c->n_servers = n;
	c->open = 1; /* until all that is to be asked now is asked */
	for (size_t i = 0; i < n; i++) {
		c->servers[i].check = c;
		c->servers[i].name = names[i];
		for (unsigned k = 0; k < FAMILIES; k++)
			look_for_addresses(&c->servers[i], k);
	}
	closed(c);
}

static void on_no_servers(void *arg)
{
	end(arg, CODE_PROVIDER_UNAVAILABLE);
}

/* ---- checks ---- */

static void failed(uint64_t call)
{
	channel_send(&resolver.vault, rv_checked, .call = call, .code = CODE_OVERLOADED);
}

static bool understood(struct check *c, const struct vr_check *m)
{
	return dns_name_parse(&c->zone, m->zone) == 0 && dns_name_parse(&c->fqdn, m->fqdn) == 0 &&
	       m->type != RR_NONE;
}

int check_begin(const struct vr_check *m)
{
	uint32_t time = m->timeout_ms < RESOLVER_CHECK_MS ? m->timeout_ms : RESOLVER_CHECK_MS;
	struct check *c;

	if (idmap_find(&resolver.follows, m->call) || idmap_find(&resolver.checks, m->call))
		return -EBADMSG;
	c = calloc(1, sizeof(*c));
	if (c && !understood(c, m)) {
		free(c);
		return -EBADMSG;
	}
	if (c)
		c->node.id = m->call;
	if (!c || resolver.follows.n + resolver.checks.n >= RESOLVER_ERRANDS_MAX ||
	    idmap_put(&resolver.checks, &c->node) < 0) {
		free(c);
		failed(m->call);
		return 0;
	}
	c->type = (enum rr_type)m->type;
	c->value = BUF_INIT(RECORD_VALUE_MAX);
	buf_put_bytes(&c->value, m->value);
	c->deadline = (struct loop_timer){.fn = on_deadline, .arg = c};
	c->patience = (struct loop_timer){.fn = on_no_servers, .arg = c};
	if (buf_status(&c->value) < 0 || question_start(resolver.recursive, &c->zone, DNS_TYPE_NS,
							on_servers, c, &c->question) < 0) {
		end(c, CODE_OVERLOADED);
		return 0;
	}
	resolver_timer(&c->deadline, time);
	resolver_timer(&c->patience, RESOLVER_LOOK_MS);
	return 0;
}

bool check_abort(uint64_t call)
{
	struct idmap_node *node = idmap_find(&resolver.checks, call);

	if (node)
		check_free(idmap_holder(node, struct check, node));
	return node != NULL;
}

static void drop(struct idmap_node *node, void *arg)
{
	check_free(idmap_holder(node, struct check, node));
}

void checks_end(void)
{
	idmap_each(&resolver.checks, drop, NULL);
}
