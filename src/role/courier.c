/* SPDX-License-Identifier: ISC */
/*
 * The courier: speaks HTTPS with providers. It alone puts a credential on a request, and only on one whose method, host and path stand in the provider's
 * table; one that changes something only after the vault said that the intent is durable, and only in the zone that the intent names.
 */
#include "role/courier.h"

#include "base/shelf.h"
#include "sys/crypto.h"
#include "sys/harden.h"
#include "sys/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Kept open at most, for a minute, each with some 22 KiB, and 20 of buffers more while there are few (egress/link.c): what thousands of calls needed a moment ago; but of customers' own servers, who may mean to be many, few. */
#define IDLE_CONNECTIONS      8192
#define IDLE_CONNECTIONS_SELF 256
#define GATEWAY_MAX	      (256 * 1024)

struct courier courier;

static struct shelf errands = SHELF_OF(struct errand);

bool self_hosted(void)
{
	return courier.role->self == PROC_COURIER_SELF;
}

void courier_bad_planner(const char *why)
{
	log_warn("the planner asks for what is not in the table: %s", why);
	channel_reject(&courier.planner);
}

static struct errand *errand_by_call(uint64_t call)
{
	return idmap_entry(idmap_find(&courier.errands, call), struct errand, node);
}

void exchange_over(struct errand *e)
{
	login_leave(&e->login);
	if (e->sent)
		egress_cancel(e->sent);
	if (e->sent_dns)
		dnstcp_cancel(e->sent_dns);
	e->sent = NULL;
	e->sent_dns = NULL;
	e->exchange = NULL;
	buf_reset(&e->target);
	buf_reset(&e->headers);
	buf_reset(&e->body);
	buf_reset(&e->shown);
}

/* A call makes several exchanges: the credential's forms are made once. */
bool errand_secrets(struct errand *e, struct bytes *forms)
{
	const struct bytes pairs = buf_bytes(&e->credentials);

	if (e->own_forms == 0) {
		secrets_forms(e->provider, pairs, &e->forms);
		e->own_forms = e->forms.n;
	}
	buf_truncate(&e->forms, e->own_forms);
	secrets_shown_forms(e->provider, pairs, buf_bytes(&e->shown), &e->forms);
	*forms = buf_bytes(&e->forms);
	return buf_status(&e->shown) == 0 && buf_status(&e->forms) == 0;
}

/*
 * Where there are many, new work comes a packet at a time, and answers that came in between: their connections serve it then, and it is few that all of it takes, which are warm.
 * Where there are few, large batches are better.
 */
static void set_bursts(void)
{
	courier.vault.burst = courier.planner.burst =
		courier.errands.n > ROLE_CALLS_MANY ? 1 : CHANNEL_BURST;
}

static void errand_free(struct errand *e)
{
	idmap_remove(&courier.errands, &e->node);
	set_bursts();
	exchange_over(e);
	buf_done(&e->credentials);
	buf_done(&e->zone_id);
	buf_done(&e->target);
	buf_done(&e->headers);
	buf_done(&e->body);
	buf_done(&e->shown);
	buf_done(&e->forms);
	shelf_give(&errands, e);
}

/* ---- from the vault ---- */

static void on_call(const struct vc_call *m)
{
	const struct provider *provider = provider_by_name(m->provider);
	struct errand *e;

	if (!provider || provider->self_hosted != self_hosted() || errand_by_call(m->call)) {
		channel_reject(&courier.vault);
		return;
	}
	e = shelf_take(&errands);
	if (!e)
		log_fatal("out of memory");
	e->node.id = m->call;
	e->provider = provider;
	e->credentials = BUF_INIT(IPC_CREDENTIALS_MAX);
	e->zone_id = BUF_INIT(PROVIDER_ID_MAX);
	e->target = BUF_INIT(TARGET_MAX);
	e->headers = BUF_INIT(IPC_HEADERS_MAX);
	e->login.fn = errand_on_login;
	e->body = BUF_INIT(PROVIDER_REQUEST_MAX);
	e->shown = BUF_INIT(2 * IPC_CREDENTIALS_MAX);
	e->forms = BUF_INIT(SECRETS_FORMS_MAX);
	e->deadline = loop_now(courier.role->loop) + m->timeout_ms;
	memcpy(e->integration, m->integration, sizeof(e->integration));
	buf_put_bytes(&e->credentials, m->credentials);
	if (buf_status(&e->credentials) < 0 || idmap_put(&courier.errands, &e->node) < 0)
		log_fatal("out of memory");
	set_bursts();
	if (m->tell)
		channel_send(&courier.vault, cv_begun, .call = m->call);
}

static void on_change(const struct vc_change *m)
{
	struct errand *e = errand_by_call(m->call);

	if (!e || e->may_change || dns_name_parse(&e->permit.zone, m->zone) != 0 ||
	    dns_name_parse(&e->permit.fqdn, m->fqdn) != 0) {
		channel_reject(&courier.vault);
		return;
	}
	e->may_change = true;
	e->logged_in_again = false; /* a scoped login is another one from now on */
	buf_put_bytes(&e->zone_id, m->zone_id);
	e->permit.zone_id = buf_bytes(&e->zone_id);
	e->permit.type = (enum rr_type)m->type;
	e->permit.all_types = m->all_types;
	if (buf_status(&e->zone_id) < 0)
		log_fatal("out of memory");
}

static void on_vault(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	if (number == MSG_vc_call) {
		on_call(msg);
	} else if (number == MSG_vc_trade) {
		trade_begin(msg);
	} else if (number == MSG_vc_change) {
		on_change(msg);
	} else if (number == MSG_vc_end) {
		struct errand *e = errand_by_call(((const struct vc_end *)msg)->call);
		if (e)
			errand_free(e);
		trade_end(((const struct vc_end *)msg)->call);
	}
}

static void forget(struct idmap_node *node, void *arg)
{
	errand_free(idmap_holder(node, struct errand, node));
}

static void on_vault_closed(void *arg, struct channel *c, bool bad)
{
	if (bad)
		role_bad_peer(courier.role, PROC_VAULT);
	idmap_each(&courier.errands, forget, NULL);
	trades_end();
}

/* ---- from the planner ---- */

static const char *refusal(int r)
{
	switch (r) {
	case TARGET_E_ARGS:
		return "arguments that do not fit the path";
	case TARGET_E_ZONE:
		return "a change of another zone or name";
	default:
		return "a path too long";
	}
}

/* The planner speaks of a call, or of a change, of which we have not heard from the vault. */
static bool is_ahead(const struct pc_exchange *m)
{
	const struct errand *e = errand_by_call(m->call);
	const struct exchange *x = e ? provider_exchange(e->provider, m->number) : NULL;

	return !e || (x && x->changes && !e->may_change);
}

/* The vault speaks to us before it speaks to the planner (channel_order()), but we may hear the planner first. */
static void catch_up(const struct pc_exchange *m)
{
	while (is_ahead(m) && channel_catch_up(&courier.vault))
		;
}

static void on_exchange(const struct pc_exchange *m)
{
	const struct exchange *x;
	const struct url *base = NULL;
	struct errand *e;
	int r;

	catch_up(m);
	e = errand_by_call(m->call);
	if (!e) {
		/* The vault ended the call while this was under way, or we do not hear that vault yet. */
		if (!m->more)
			send_failed(m->call, CODE_PROVIDER_UNAVAILABLE, false, "");
		return;
	}
	x = provider_exchange(e->provider, m->number);
	if (!x || e->exchange || (x->changes && !e->may_change)) {
		courier_bad_planner(!x		  ? "no such exchange"
				    : e->exchange ? "two exchanges at once"
						  : "a change without an intent");
		return;
	}
	r = errand_base(e, &base);
	if (r == 0)
		r = target_build(e->provider, x, base, buf_bytes(&e->credentials), m->args,
				 m->query, &e->permit, &e->target);
	if (r == 0)
		r = target_headers(e->provider, m->headers, &e->headers);
	if (r == TARGET_E_FIELD) {
		exchange_over(e);
		send_failed(m->call, CODE_PROVIDER_UNAVAILABLE, false,
			    egress_failure_text(EGRESS_INTERNAL));
		return;
	}
	if (r != 0) {
		courier_bad_planner(refusal(r));
		return;
	}
	e->exchange = x;
	e->more = m->more;
	buf_put_bytes(&e->body, m->body);
	if (!e->more)
		errand_launch(e);
}

static void on_body(const struct pc_body *m)
{
	struct errand *e = errand_by_call(m->call);

	if (!e)
		return;
	if (!e->exchange || !e->more || buf_status(&e->body) == -ENOBUFS) {
		courier_bad_planner("a body that no request waits for, or too large");
		return;
	}
	e->more = m->more;
	buf_put_bytes(&e->body, m->body);
	if (!e->more)
		errand_launch(e);
}

static void on_planner(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	if (number == MSG_pc_exchange)
		on_exchange(msg);
	else if (number == MSG_pc_body)
		on_body(msg);
}

/* The vault ends the calls; what is on its way is called back, since nobody reads the answers. */
static void call_back(struct idmap_node *node, void *arg)
{
	exchange_over(idmap_holder(node, struct errand, node));
}

static void on_planner_closed(void *arg, struct channel *c, bool bad)
{
	if (bad)
		role_bad_peer(courier.role, self_hosted() ? PROC_PLANNER_SELF : PROC_PLANNER);
	idmap_each(&courier.errands, call_back, NULL);
}

/* ---- life ---- */

static void courier_init(struct role *r)
{
	courier.role = r;
	courier.gateway = courier.next_gateway = BUF_INIT(GATEWAY_MAX);
	courier.gateway_epoch = 1;
	harden_json(); /* logins */
	channel_init(&courier.vault, r->loop, &edge_vault_courier, SIDE_B, on_vault,
		     on_vault_closed, NULL);
	channel_init(&courier.planner, r->loop, &edge_planner_courier, SIDE_B, on_planner,
		     on_planner_closed, NULL);
}

/* Mapped, not read: the pages are the file's, shared by both couriers. */
static void map_ca(int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0 || st.st_size == 0)
		return;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		log_fatal("mapping the CA bundle: %m");
	courier.ca = bytes_of(p, (size_t)st.st_size);
}

struct bytes gateway_fields(const struct provider *provider)
{
	struct bytes fields;

	return plist_get(buf_bytes(&courier.gateway), provider->name, &fields) ? fields
									       : bytes_of(NULL, 0);
}

bool gateway_url(const struct provider *provider, const char *field, struct url *out)
{
	struct bytes text;

	return plist_get(gateway_fields(provider), field, &text) && url_parse(text, out) == 0;
}

static void add_provider(const struct s_provider *m)
{
	plist_put(&courier.next_gateway, m->provider);
	plist_put(&courier.next_gateway, m->fields);
	if (buf_status(&courier.next_gateway) < 0)
		log_fatal("too much is configured for providers");
}

/* At the start, and at a reload. */
static void apply_providers(void)
{
	struct buf old = courier.gateway;

	courier.gateway = courier.next_gateway;
	courier.gateway_epoch++;
	courier.next_gateway = BUF_INIT(GATEWAY_MAX);
	buf_done(&old);
	logins_forget();
}

static void courier_control(struct role *r, uint16_t number, const void *msg, int fd)
{
	if (number == MSG_s_ca && fd >= 0)
		map_ca(fd);
	else if (number == MSG_s_address)
		role_add_address(&courier.rules, msg);
	else if (number == MSG_s_provider)
		add_provider(msg);
	else if (number == MSG_s_apply)
		apply_providers();
	if (fd >= 0)
		close(fd);
}

static void courier_peer(struct role *r, const struct s_peer *m, int fd)
{
	struct channel *c = m->proc == PROC_VAULT ? &courier.vault : &courier.planner;

	role_take_edge(c, (enum proc)m->proc, fd);
	if (channel_is_open(&courier.vault) && channel_is_open(&courier.planner))
		channel_send(&courier.vault, cv_hello, .call = 0);
}

/* The libraries, the configuration of DNS. */
static void courier_prepare(struct role *r)
{
	const struct egress_config config = {
		.ca_pem = courier.ca,
		.rules = &courier.rules,
		.idle_connections = self_hosted() ? IDLE_CONNECTIONS_SELF : IDLE_CONNECTIONS,
		/* Customers' own servers get no second parser to try. */
		.http2 = !self_hosted()};

	harden_raise_files();
	if (crypto_load() < 0)
		log_fatal("libcrypto cannot be used");
	if (egress_new(&courier.egress, r->loop, &config) < 0)
		log_fatal("the HTTPS client does not start");
	if (config.http2 && !egress_has_http2(courier.egress))
		log_info("libnghttp2 cannot be opened: HTTP/1.1 alone");
}

/* The vault was stopped before: nothing is in flight. */
static void courier_stop(struct role *r)
{
	loop_stop(r->loop);
}

const struct role_ops courier_ops = {
	.init = courier_init,
	.control = courier_control,
	.prepare = courier_prepare,
	.peer = courier_peer,
	.start = role_ready,
	.stop = courier_stop,
};
