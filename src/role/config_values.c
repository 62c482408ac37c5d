/* SPDX-License-Identifier: ISC */
/* The values of postern.conf: what each may be, and where it goes. */
#include "role/config_read.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

/* Whose value is being taken. */
static struct reading *reading;

struct setting {
	const char *name; /* "policy.default" */
	/* NULL, or what is wrong with the value. */
	const char *(*take)(const struct setting *s, struct bytes value);
	size_t at; /* where it goes in struct config */
	uint64_t min, max;
};

static void *field(const struct setting *s)
{
	return (char *)reading->config + s->at;
}

static const char *copy_text(struct bytes value, char **out)
{
	free(*out);
	*out = strndup((const char *)value.p, value.n);
	return *out ? NULL : "out of memory";
}

static const char *copy_path(struct bytes value, char **out)
{
	if (!value.n || value.p[0] != '/')
		return "must be an absolute path";
	if (value.n >= IPC_PATH_MAX)
		return "is too long";
	return copy_text(value, out);
}

static const char *take_path(const struct setting *s, struct bytes value)
{
	return copy_path(value, field(s));
}

static const char *take_socket(const struct setting *s, struct bytes value)
{
	if (value.n >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return "is too long for a socket's path";
	return copy_path(value, field(s));
}

static const char *take_callers(const struct setting *s, struct bytes value)
{
	return copy_path(value, &reading->callers);
}

static const char *take_denied(const struct setting *s, struct bytes value)
{
	return copy_path(value, &reading->denied);
}

static const char *take_key_file(const struct setting *s, struct bytes value)
{
	if (!config_source_valid(value))
		return CONFIG_SOURCE_WORDS;
	return copy_text(value, &reading->key_file);
}

static const char *take_key_state(const struct setting *s, struct bytes value)
{
	if (!bytes_is(value, "active") && !bytes_is(value, "open-only"))
		return "must be active or open-only";
	reading->key_state = bytes_is(value, "active") ? KEY_ACTIVE : KEY_OPEN_ONLY;
	return NULL;
}

static const char *take_listen(const struct setting *s, struct bytes value)
{
	return config_add_listen(reading->config, value, false);
}

static const char *take_profile(const struct setting *s, struct bytes value)
{
	enum policy_profile p = policy_profile_parse(value);

	if (p == POLICY_PROFILES)
		return "must be article, guarded or strict";
	*(enum policy_profile *)field(s) = p;
	if (s->at == offsetof(struct config, policy_default))
		reading->default_given = true;
	return NULL;
}

static const char *take_bool(const struct setting *s, struct bytes value)
{
	if (!bytes_is(value, "true") && !bytes_is(value, "false"))
		return "must be true or false";
	*(bool *)field(s) = bytes_is(value, "true");
	return NULL;
}

static const char *take_name(const struct setting *s, struct bytes value)
{
	struct buf *list = field(s);
	struct dns_name name;

	if (dns_name_parse(&name, value) != 0)
		return "must be domain names";
	plist_put(list, dns_name_text(&name));
	return buf_status(list) == 0 ? NULL : "has too many names";
}

/* s->min: the networks are for http:// too. */
static const char *take_network(const struct setting *s, struct bytes value)
{
	struct address_rules *rules = field(s);
	struct address_rule rule;

	if (address_rule_parse(value, &rule) != 0)
		return "must be addresses, or networks such as 10.0.0.0/8 with no bits behind them";
	if (rules->n == ADDRESS_RULES_MAX)
		return "is one network too many";
	rule.plain_http = s->min;
	rules->rules[rules->n++] = rule;
	return NULL;
}

#define RESOLVER_SERVERS_MAX 8

static const char *take_server(const struct setting *s, struct bytes value)
{
	struct buf *list = field(s);
	size_t n = 1;
	struct ip ip;
	uint16_t port;

	/* c-ares takes the same form, and anything else too. */
	if (config_split_address(value, &ip, &port) || !port)
		return "must be addresses and ports, such as 192.0.2.1:53 and [2001:db8::1]:53";
	for (size_t i = 0; i < list->n; i++)
		n += list->p[i] == ',';
	if (list->n && n == RESOLVER_SERVERS_MAX)
		return "is one server too many";
	if (list->n)
		buf_putc(list, ',');
	buf_put_bytes(list, value);
	return buf_status(list) == 0 ? NULL : "out of memory";
}

static const char *number(const struct setting *s, struct bytes value, uint64_t *out)
{
	if (text_to_u64(value, s->max, out) == 0 && *out >= s->min)
		return NULL;
	snprintf(reading->why, sizeof(reading->why), "must be a number from %llu to %llu",
		 (unsigned long long)s->min, (unsigned long long)s->max);
	return reading->why;
}

static const char *take_number(const struct setting *s, struct bytes value)
{
	uint64_t v;
	const char *why = number(s, value, &v);

	if (!why)
		*(uint32_t *)field(s) = (uint32_t)v;
	return why;
}

static const char *take_mebibytes(const struct setting *s, struct bytes value)
{
	uint64_t v;
	const char *why = number(s, value, &v);

	if (!why)
		*(uint64_t *)field(s) = v << 20;
	return why;
}

static const char *take_age(const struct setting *s, struct bytes value)
{
	if (bytes_is(value, "day")) {
		*(uint64_t *)field(s) = 0;
		return NULL;
	}
	return number(s, value, field(s)) ? "must be day, or seconds from 60 to 31536000" : NULL;
}

static const char *take_end(const struct setting *s, struct bytes value)
{
	reading->ended = true;
	return NULL;
}

/* Every process gets an id of its own; 65534 is nobody's, 65535 no id where ids have 16 bits. */
static const char *take_uid_base(const struct setting *s, struct bytes value)
{
	uint64_t v;
	const char *why = number(s, value, &v);

	if (why)
		return why;
	if (v <= 65535 && v + PROC_COUNT > 65534)
		return "must leave out 65534 and 65535";
	*(uint32_t *)field(s) = (uint32_t)v;
	return NULL;
}

static const char *take_origin(const struct setting *s, struct bytes value)
{
	if (!note_name_valid(value))
		return "must be 1 to 128 printable characters without spaces and plus signs";
	return bytes_to_str(value, field(s), NOTE_NAME_MAX + 1) < 0 ? "is too long" : NULL;
}

static const char *take_checkpoint_key(const struct setting *s, struct bytes value)
{
	struct config *c = reading->config;
	size_t i = c->n_checkpoint_keys;
	char source[IPC_PATH_MAX];

	if (i == STORE_SIGNERS_MAX)
		return "is one key too many";
	if (bytes_to_str(value, source, sizeof(source)) < 0)
		return "is too long";
	if (config_read_key_from(source, c->checkpoint_seeds[i], reading->why) != 0)
		return reading->why;
	c->n_checkpoint_keys = i + 1;
	return copy_text(value, &c->checkpoint_sources[i]);
}

static const char *take_sandbox(const struct setting *s, struct bytes value)
{
	if (!bytes_is(value, "require") && !bytes_is(value, "best-effort"))
		return "must be require or best-effort";
	*(bool *)field(s) = bytes_is(value, "require");
	return NULL;
}

static const char *take_log_format(const struct setting *s, struct bytes value)
{
	if (!bytes_is(value, "text") && !bytes_is(value, "json"))
		return "must be text or json";
	*(bool *)field(s) = bytes_is(value, "json");
	return NULL;
}

static const char *take_provider(const struct setting *s, struct bytes value)
{
	return provider_draft_take(&reading->provider, s->name + strlen("provider."), value);
}

static const char *take_httpreq(const struct setting *s, struct bytes value)
{
	return httpreq_draft_take(&reading->httpreq, s->name + strlen("httpreq."), value);
}

static const char *take_tls(const struct setting *s, struct bytes value)
{
	return tls_take(reading->config, s->name + strlen("tls."), value);
}

/* 0 is none. */
static const char *take_limit(const struct setting *s, struct bytes value)
{
	return config_limit_parse(value, field(s)) ? NULL : CONFIG_LIMIT_WORDS;
}

#define AT(member) offsetof(struct config, member)

static const struct setting settings[] = {
	{"listen", take_listen},
	{"unix_socket", take_socket, AT(unix_socket)},
	{"audit_dir", take_path, AT(audit_dir)},
	{"ca_file", take_path, AT(ca_file)},
	{"callers", take_callers},
	{"denied", take_denied},
	{"uid_base", take_uid_base, AT(uid_base), 1000, UINT32_MAX - PROC_COUNT - 1},
	{"log_format", take_log_format, AT(log_json)},
	{"sandbox", take_sandbox, AT(sandbox_required)},
	{SETTING_END, take_end},
	{"tls.listen", take_tls},
	{"tls.certificate", take_tls},
	{"tls.key", take_tls},
	{"tls.client_ca", take_tls},
	{"tls.client_crl", take_tls},
	{"tls.client_certificates", take_tls},
	{"root_key.file", take_key_file},
	{"root_key.state", take_key_state},
	{"policy.loosest", take_profile, AT(policy_loosest)},
	{"policy.default", take_profile, AT(policy_default)},
	{"policy.standing_authority", take_bool, AT(standing_authority)},
	{"policy.targets", take_name, AT(targets)},
	{"policy.authorities", take_name, AT(authorities)},
	{"self_hosted.allow", take_network, AT(self_hosted), false},
	{"self_hosted.plain_http", take_network, AT(self_hosted), true},
	{"resolver.servers", take_server, AT(resolver_servers)},
	{"resolver.allow", take_network, AT(resolver_allow), false},
	{"provider.base", take_provider},
	{"provider.login", take_provider},
	{"provider.authorize", take_provider},
	{"provider.client_id", take_provider},
	{"provider.client_secret_file", take_provider},
	{"provider.account_id", take_provider},
	{"provider.region", take_provider},
	{"provider.access_key_id", take_provider},
	{"provider.secret_access_key_file", take_provider},
	{"provider.service_account_file", take_provider},
	{"httpreq.handle_file", take_httpreq},
	{"httpreq.customer", take_httpreq},
	{"httpreq.zones", take_httpreq},
	{"httpreq.callers", take_httpreq},
	{"audit.segment_size", take_mebibytes, AT(segment_bytes), 1, 1024},
	{"audit.origin", take_origin, AT(origin)},
	{"audit.checkpoint_keys", take_checkpoint_key},
	{"audit.segment_age", take_age, AT(segment_seconds), 60, 31536000},
	{"limits.connections", take_number, AT(connections_max), 1, 1000000},
	{"limits.calls", take_number, AT(calls_max), 1, 1000000},
	/* No longer than a stopping gateway waits, if it is told nothing else. */
	{"limits.call_seconds", take_number, AT(call_seconds), 1, 30},
	{"limits.drain_seconds", take_number, AT(drain_seconds), 1, 600},
	{"limits.caller_rate", take_limit, AT(caller_limits.rate)},
	{"limits.caller_burst", take_limit, AT(caller_limits.burst)},
	{"limits.caller_zones", take_limit, AT(caller_limits.zones)},
	{"limits.caller_in_flight", take_limit, AT(caller_limits.in_flight)},
	{"limits.integration_rate", take_limit, AT(integration_limits.rate)},
	{"limits.integration_burst", take_limit, AT(integration_limits.burst)},
};

const char *setting_take(struct reading *r, const char *name, struct bytes value)
{
	size_t i = 0;

	while (strcmp(settings[i].name, name) != 0)
		i++;
	reading = r;
	return settings[i].take(&settings[i], value);
}
