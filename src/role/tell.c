/* SPDX-License-Identifier: ISC */
#include "role/tell.h"

#include "sys/log.h"

#include <assert.h>
#include <sodium.h>
#include <sys/socket.h>

static void tell_callers(const struct config *config, struct channel *c, bool identities)
{
	for (size_t i = 0; i < config->n_callers; i++) {
		const struct config_caller *from = &config->callers[i];

		channel_send(c, s_caller, .name = bytes_str(from->name), .verbs = from->verbs,
			     .providers = from->providers, .loosest = (uint8_t)from->loosest,
			     .rate = from->limits.rate, .burst = from->limits.burst,
			     .in_flight = from->limits.in_flight, .zones = from->limits.zones);
		for (size_t k = 0; identities && k < config->n_identities; k++) {
			struct s_identity m = {.kind = (uint8_t)config->identities[k].kind};

			if (config->identities[k].caller != i)
				continue;
			memcpy(m.id, config->identities[k].id, sizeof(m.id));
			channel_send_fd(c, MSG_s_identity, &m, -1);
		}
	}
}

static void tell_httpreq(const struct config *config, struct channel *c)
{
	for (size_t i = 0; i < config->n_httpreq; i++) {
		const struct config_httpreq *h = &config->httpreq[i];
		struct s_httpreq m = {.name = bytes_str(h->name),
				      .handle = buf_bytes(&h->handle),
				      .customer = bytes_str(h->customer),
				      .zones = buf_bytes(&h->zones)};

		memcpy(m.callers, h->callers, sizeof(m.callers));
		channel_send_fd(c, MSG_s_httpreq, &m, -1);
		if (h->unknown.n)
			log_warn("httpreq \"%s\": no such caller: %.*s", h->name, (int)h->unknown.n,
				 (const char *)h->unknown.p);
	}
}

/* The next piece of *REST, taken off it; empty at its end. */
static struct bytes next_piece(struct bytes *rest)
{
	struct bytes piece = bytes_of(rest->p, rest->n < IPC_PIECE_MAX ? rest->n : IPC_PIECE_MAX);

	*rest = bytes_skip(*rest, piece.n);
	return piece;
}

static void tell_tls(const struct config *config, struct channel *c)
{
	struct bytes rest, piece;

	for (size_t i = 0; i < TLS_PART_COUNT; i++) {
		rest = buf_bytes(&config->tls.parts[i]);
		while ((piece = next_piece(&rest)).n)
			channel_send(c, s_tls, .part = (uint8_t)i, .pem = piece);
	}
}

static_assert(IPC_PIECE_MAX % INTEGRATION_ID_BYTES == 0, "a piece holds whole ids");

static void tell_denied(const struct config *config, struct channel *c)
{
	struct bytes rest = buf_bytes(&config->denied), piece;

	while ((piece = next_piece(&rest)).n)
		channel_send(c, s_deny, .ids = piece);
}

static void tell_front(const struct config *config, struct channel *c)
{
	channel_send(c, s_front, .connections_max = config->connections_max,
		     .calls_max = config->calls_max, .certificates_required = config->tls.require);
	tell_callers(config, c, true);
	tell_httpreq(config, c);
	tell_tls(config, c);
	channel_send(c, s_apply, 0);
}

/* What the gateway has of its own at providers. */
static void tell_providers(const struct config *config, struct channel *c, bool secrets)
{
	for (size_t i = 0; i < config->n_providers; i++) {
		const struct config_provider *p = &config->providers[i];
		struct buf fields = BUF_INIT(IPC_CREDENTIALS_MAX);

		buf_put_bytes(&fields, buf_bytes(&p->open));
		if (secrets)
			buf_put_bytes(&fields, buf_bytes(&p->secret));
		if (buf_status(&fields) < 0)
			log_fatal("a provider's fields: %s", strerror(-buf_status(&fields)));
		channel_send(c, s_provider, .provider = bytes_str(p->provider->name),
			     .fields = buf_bytes(&fields));
		buf_done(&fields);
	}
}

static void tell_vault(const struct config *config, struct channel *c)
{
	channel_send(c, s_vault, .policy_loosest = (uint8_t)config->policy_loosest,
		     .policy_default = (uint8_t)config->policy_default,
		     .standing_authority = config->standing_authority,
		     .targets = buf_bytes(&config->targets),
		     .authorities = buf_bytes(&config->authorities),
		     .call_ms = config->call_seconds * 1000,
		     .integration_rate = config->integration_limits.rate,
		     .integration_burst = config->integration_limits.burst);
	for (size_t i = 0; i < config->n_keys; i++) {
		struct s_root_key m = {.state = (uint8_t)config->keys[i].state};
		memcpy(m.secret, config->keys[i].secret, sizeof(m.secret));
		channel_send_fd(c, MSG_s_root_key, &m, -1);
		sodium_memzero(&m, sizeof(m));
	}
	tell_providers(config, c, false);
	tell_callers(config, c, false);
	tell_denied(config, c);
	channel_send(c, s_apply, 0);
}

static void tell_scribe(const struct config *config, const struct startup *files, struct channel *c)
{
	channel_send(c, s_scribe, .segment_bytes = config->segment_bytes,
		     .segment_seconds = config->segment_seconds);
	for (size_t i = 0; i < config->n_checkpoint_keys; i++) {
		struct s_signer m = {.name = bytes_str(config->origin)};

		memcpy(m.seed, config->checkpoint_seeds[i], sizeof(m.seed));
		channel_send_fd(c, MSG_s_signer, &m, -1);
		sodium_memzero(&m, sizeof(m));
	}
	channel_send_fd(c, MSG_s_log_dir, &(const struct s_log_dir){0}, files->log_dir_fd);
}

static void tell_addresses(const struct address_rules *rules, struct channel *c)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct address_rule *rule = &rules->rules[i];
		struct s_address m = {.family = rule->net.family,
				      .bits = rule->bits,
				      .plain_http = rule->plain_http};
		memcpy(m.a, rule->net.a, sizeof(m.a));
		channel_send_fd(c, MSG_s_address, &m, -1);
	}
}

static void tell_courier(const struct config *config, const struct startup *files, enum proc p,
			 struct channel *c)
{
	/* Only customers' own servers may be at addresses that are not public; and what the operator chose. */
	const struct address_rules *rules =
		p == PROC_COURIER_SELF ? &config->self_hosted : &config->chosen;

	if (files->ca_fd >= 0)
		channel_send_fd(c, MSG_s_ca, &(const struct s_ca){0}, files->ca_fd);
	tell_addresses(rules, c);
	/* What is the gateway's own is nothing for a courier whose servers are customers' own. */
	if (p == PROC_COURIER)
		tell_providers(config, c, true);
	channel_send(c, s_apply, 0);
}

static void tell_resolver(const struct config *config, struct channel *c)
{
	tell_addresses(&config->resolver_allow, c);
	channel_send(c, s_resolver, .servers = buf_bytes(&config->resolver_servers));
}

void tell_role(enum proc p, struct channel *c, const struct config *config,
	       const struct startup *files)
{
	switch (p) {
	case PROC_FRONT:
		tell_front(config, c);
		break;
	case PROC_VAULT:
		tell_vault(config, c);
		break;
	case PROC_SCRIBE:
		tell_scribe(config, files, c);
		break;
	case PROC_COURIER:
	case PROC_COURIER_SELF:
		tell_courier(config, files, p, c);
		break;
	case PROC_RESOLVER:
		tell_resolver(config, c);
		break;
	default: /* planners are told nothing */
		break;
	}
}

bool tell_again(enum proc p, struct channel *c, const struct config *config)
{
	if (p == PROC_FRONT) {
		tell_front(config, c);
	} else if (p == PROC_VAULT) {
		tell_vault(config, c);
	} else if (p == PROC_COURIER) {
		tell_providers(config, c, true);
		channel_send(c, s_apply, 0);
	} else {
		return false;
	}
	return true;
}

void tell_listeners(struct channel *c, const struct startup *files)
{
	for (size_t i = 0; i < files->n_listeners; i++) {
		struct s_listener m = {.kind = (uint8_t)files->listeners[i].kind};

		/* One that was broken into may have shut it down. */
		if (listen(files->listeners[i].fd, STARTUP_BACKLOG) < 0)
			log_warn("listen: %m");
		channel_send_fd(c, MSG_s_listener, &m, files->listeners[i].fd);
	}
}
