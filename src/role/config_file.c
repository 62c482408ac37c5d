/* SPDX-License-Identifier: ISC */
/*
 * postern.conf: libconfuse reads the syntax, and hands every value to a function of the table below
 * while its line is known. All values are strings to libconfuse, which would take 010 for 8.
 */
#include "role/config_read.h"

#include "base/text.h"

#include <confuse.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#define GIVEN (1 << 30) /* a flag of ours in cfg_opt_t: has been set */
/* Put behind the text: libconfuse takes a file that ends inside of a section or a comment. */
#define END "end_of_file"

/* libconfuse's callbacks have no argument of ours. */
static struct reading {
	struct config *config;
	const char *path;
	char *err; /* the first error stays */
	bool bad;
	char why[CONFIG_ERROR_MAX];
	char *callers, *key_file;
	enum root_key_state key_state;
	bool default_given, ended;
	const cfg_opt_t *list; /* the one that is being read, */
	unsigned items;	       /* so far */
	struct keyring *ring;  /* finds keys that are there twice */
	struct provider_draft provider;
} * reading;

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

static int complain(cfg_t *cfg, const char *key, const char *why)
{
	if (!reading->bad)
		config_bad(reading->err, "%s:%d: %s%s%s", reading->path, cfg->line, key,
			   *key ? ": " : "", why);
	reading->bad = true;
	return -1;
}

/* "policy.default" */
static void key_name(char out[64], const cfg_t *cfg, const char *name)
{
	bool top = strcmp(cfg->name, "root") == 0;

	snprintf(out, 64, "%s%s%s", top ? "" : cfg->name, top ? "" : ".", name);
}

/* What libconfuse itself finds. A value in the wrong place may be a secret: it is not repeated. */
static void on_syntax(cfg_t *cfg, const char *fmt, va_list ap) printf_like(2, 0);
static void on_syntax(cfg_t *cfg, const char *fmt, va_list ap)
{
	char key[64], text[128];

	if (strncmp(fmt, "no such option", strlen("no such option")) == 0) {
		const char *name = va_arg(ap, const char *);
		key_name(key, cfg, name);
		if (strcmp(name, END) == 0)
			complain(cfg, cfg->name, "is not closed");
		else
			complain(cfg, key, "there is no such key");
	} else if (strncmp(fmt, "unexpected token", strlen("unexpected token")) == 0) {
		complain(cfg, "", "syntax error");
	} else {
		vsnprintf(text, sizeof(text), fmt, ap);
		complain(cfg, "", text);
	}
}

/* ---- values ---- */

static const char *copy_path(struct bytes value, char **out)
{
	if (!value.n || value.p[0] != '/')
		return "must be an absolute path";
	if (value.n >= IPC_PATH_MAX)
		return "is too long";
	free(*out);
	*out = strndup((const char *)value.p, value.n);
	return *out ? NULL : "out of memory";
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

static const char *take_key_file(const struct setting *s, struct bytes value)
{
	if (!config_source_valid(value))
		return "must be an absolute path, the name of a systemd credential, or fd:NUMBER";
	free(reading->key_file);
	reading->key_file = strndup((const char *)value.p, value.n);
	return reading->key_file ? NULL : "out of memory";
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
	struct address_rules *rules = &reading->config->self_hosted;
	struct address_rule rule;

	if (address_rule_parse(value, &rule) != 0)
		return "must be addresses, or networks such as 10.0.0.0/8 with no bits behind them";
	if (rules->n == ADDRESS_RULES_MAX)
		return "is one network too many";
	rule.plain_http = s->min;
	rules->rules[rules->n++] = rule;
	return NULL;
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
	char source[IPC_PATH_MAX];

	if (c->n_checkpoint_keys == STORE_SIGNERS_MAX)
		return "is one key too many";
	if (bytes_to_str(value, source, sizeof(source)) < 0)
		return "is too long";
	if (config_read_key(source, c->checkpoint_seeds[c->n_checkpoint_keys], reading->why) != 0)
		return reading->why;
	c->n_checkpoint_keys++;
	return NULL;
}

static const char *take_sandbox(const struct setting *s, struct bytes value)
{
	if (!bytes_is(value, "require") && !bytes_is(value, "best-effort"))
		return "must be require or best-effort";
	*(bool *)field(s) = bytes_is(value, "require");
	return NULL;
}

static const char *take_provider(const struct setting *s, struct bytes value)
{
	return provider_draft_take(&reading->provider, s->name + strlen("provider."), value);
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
	{"uid_base", take_uid_base, AT(uid_base), 1000, UINT32_MAX - PROC_COUNT - 1},
	{"sandbox", take_sandbox, AT(sandbox_required)},
	{END, take_end},
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
	{"self_hosted.allow", take_network, 0, false},
	{"self_hosted.plain_http", take_network, 0, true},
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
	{"audit.segment_size", take_mebibytes, AT(segment_bytes), 1, 1024},
	{"audit.origin", take_origin, AT(origin)},
	{"audit.checkpoint_keys", take_checkpoint_key},
	{"audit.segment_age", take_age, AT(segment_seconds), 60, 31536000},
	{"limits.connections", take_number, AT(connections_max), 1, 1000000},
	{"limits.calls", take_number, AT(calls_max), 1, 1000000},
	/* No longer than a stopping gateway waits. */
	{"limits.call_seconds", take_number, AT(call_seconds), 1, 30},
	{"limits.caller_rate", take_limit, AT(caller_limits.rate)},
	{"limits.caller_burst", take_limit, AT(caller_limits.burst)},
	{"limits.caller_zones", take_limit, AT(caller_limits.zones)},
	{"limits.integration_rate", take_limit, AT(integration_limits.rate)},
	{"limits.integration_burst", take_limit, AT(integration_limits.burst)},
};

/* ---- structure ---- */

static const struct setting *setting_by_name(const char *name)
{
	size_t i = 0;

	while (strcmp(settings[i].name, name) != 0)
		i++;
	return &settings[i];
}

/* libconfuse calls once more at a list's end, with nothing new. */
static bool list_ends(cfg_opt_t *opt)
{
	unsigned n = cfg_opt_size(opt);
	bool ends = opt == reading->list && n == reading->items;

	reading->list = ends || !(opt->flags & CFGF_LIST) ? NULL : opt;
	reading->items = n;
	return ends;
}

/* An option got its value, or its list one more. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned n = cfg_opt_size(opt);
	const struct setting *s;
	const char *why;
	char key[64];

	key_name(key, cfg, opt->name);
	if (list_ends(opt)) {
		opt->flags |= GIVEN;
		return 0;
	}
	if (opt->flags & GIVEN)
		return complain(cfg, key, "is given twice");
	if (!(opt->flags & CFGF_LIST))
		opt->flags |= GIVEN;
	s = setting_by_name(key);
	why = s->take(s, bytes_str(cfg_opt_getnstr(opt, n - 1)));
	return why ? complain(cfg, key, why) : 0;
}

static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	if (opt->flags & GIVEN)
		return complain(cfg, opt->name, "is given twice");
	opt->flags |= GIVEN;
	return 0;
}

static int on_policy(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct config *c = reading->config;

	if (reading->default_given && c->policy_default < c->policy_loosest)
		return complain(cfg, "policy.default", "is looser than policy.loosest");
	return on_section(cfg, opt);
}

static int on_root_key(cfg_t *cfg, cfg_opt_t *opt)
{
	struct config *c = reading->config;
	struct config_key *key = &c->keys[c->n_keys];
	char err[CONFIG_ERROR_MAX];

	if (!reading->key_file)
		return complain(cfg, "root_key.file", "is missing");
	if (c->n_keys == CONFIG_KEYS_MAX)
		return complain(cfg, "root_key", "is one key too many");
	if (config_read_key(reading->key_file, key->secret, err) != 0)
		return complain(cfg, "root_key.file", err);
	key->state = reading->key_state;
	if (keyring_add(reading->ring, key->secret, key->state) < 0)
		return complain(cfg, "root_key.file", "is the same key as another one");
	c->n_keys++;
	free(reading->key_file);
	reading->key_file = NULL;
	reading->key_state = KEY_ACTIVE;
	return 0;
}

static int on_provider(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *why =
		provider_draft_finish(&reading->provider, cfg_title(section), reading->config);

	return why ? complain(cfg, "provider", why) : 0;
}

#define OPTION(key)                                                                                \
	{                                                                                          \
		.name = key, .type = CFGT_STR, .flags = CFGF_NODEFAULT, .validcb = on_value        \
	}
#define LIST(key)                                                                                  \
	{                                                                                          \
		.name = key, .type = CFGT_STR, .flags = CFGF_LIST, .validcb = on_value             \
	}
#define SECTION(key, options, more_flags, fn)                                                      \
	{                                                                                          \
		.name = key, .type = CFGT_SEC, .flags = more_flags, .subopts = options,            \
		.validcb = fn                                                                      \
	}

static cfg_t *syntax(void)
{
	cfg_opt_t root_key[] = {OPTION("file"), OPTION("state"), CFG_END()};
	cfg_opt_t policy[] = {OPTION("loosest"), OPTION("default"),   OPTION("standing_authority"),
			      LIST("targets"),	 LIST("authorities"), CFG_END()};
	cfg_opt_t self_hosted[] = {LIST("allow"), LIST("plain_http"), CFG_END()};
	cfg_opt_t audit[] = {OPTION("segment_size"), OPTION("segment_age"), OPTION("origin"),
			     LIST("checkpoint_keys"), CFG_END()};
	cfg_opt_t limits[] = {OPTION("connections"),
			      OPTION("calls"),
			      OPTION("call_seconds"),
			      OPTION("caller_rate"),
			      OPTION("caller_burst"),
			      OPTION("caller_zones"),
			      OPTION("integration_rate"),
			      OPTION("integration_burst"),
			      CFG_END()};
	cfg_opt_t tls[] = {LIST("listen"),
			   OPTION("certificate"),
			   OPTION("key"),
			   OPTION("client_ca"),
			   OPTION("client_crl"),
			   OPTION("client_certificates"),
			   CFG_END()};
	cfg_opt_t provider[] = {OPTION("base"),
				OPTION("login"),
				OPTION("authorize"),
				OPTION("client_id"),
				OPTION("client_secret_file"),
				OPTION("account_id"),
				OPTION("region"),
				OPTION("access_key_id"),
				OPTION("secret_access_key_file"),
				OPTION("service_account_file"),
				CFG_END()};
	cfg_opt_t root[] = {
		LIST("listen"),
		OPTION("unix_socket"),
		OPTION("audit_dir"),
		OPTION("ca_file"),
		OPTION("callers"),
		OPTION("uid_base"),
		OPTION("sandbox"),
		OPTION(END),
		SECTION("root_key", root_key, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES,
			on_root_key),
		SECTION("provider", provider, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES,
			on_provider),
		SECTION("policy", policy, CFGF_NONE, on_policy),
		SECTION("self_hosted", self_hosted, CFGF_NONE, on_section),
		SECTION("audit", audit, CFGF_NONE, on_section),
		SECTION("limits", limits, CFGF_NONE, on_section),
		SECTION("tls", tls, CFGF_NONE, on_section),
		CFG_END(),
	};
	cfg_t *cfg = cfg_init(root, CFGF_NONE);

	if (cfg)
		cfg_set_error_function(cfg, on_syntax);
	return cfg;
}

/* What only the whole file can lack. */
static void check_whole(cfg_t *cfg)
{
	struct config *c = reading->config;
	size_t active = 0;
	char why[CONFIG_ERROR_MAX];

	for (size_t i = 0; i < c->n_keys; i++)
		active += c->keys[i].state == KEY_ACTIVE;
	if (!reading->ended)
		complain(cfg, "", "a comment is not closed");
	else if (!c->listens && !c->unix_socket)
		complain(cfg, "listen", "is missing, and so is unix_socket");
	else if (!c->audit_dir)
		complain(cfg, "audit_dir", "is missing");
	else if (!reading->callers)
		complain(cfg, "callers", "is missing");
	else if (!active)
		complain(cfg, "root_key", "there must be an active one");
	else if (!c->origin[0] != !c->n_checkpoint_keys)
		complain(cfg, "audit", "origin and checkpoint_keys go together");
	else if (tls_check(c, why) != 0)
		complain(cfg, "", why);
	if (!reading->default_given && c->policy_default < c->policy_loosest)
		c->policy_default = c->policy_loosest;
}

/* The end of a quoted string that begins at AT, or of the text. */
static size_t string_end(const struct buf *text, size_t at)
{
	unsigned char quote = text->p[at++];

	while (at < text->n && text->p[at] != quote)
		at += text->p[at] == '\\' && quote == '"' ? 2 : 1;
	return at;
}

/*
 * Comments become spaces: libconfuse 3.3 counts the line of a # comment twice, and its errors would then name a line far
 * below the one at fault.
 */
static void blank_comments(struct buf *text)
{
	for (size_t at = 0; at < text->n; at++) {
		if (text->p[at] == '"' || text->p[at] == '\'')
			at = string_end(text, at);
		else if (text->p[at] == '#')
			while (at < text->n && text->p[at] != '\n')
				text->p[at++] = ' ';
	}
}

static int parse(struct reading *r, struct buf *text)
{
	cfg_t *cfg;

	if (config_read_text(r->path, text, r->err) != 0)
		return CONFIG_E_BAD;
	crypto_hash_sha256(r->config->hash, text->p, text->n);
	blank_comments(text);
	if (text->n && text->p[text->n - 1] != '\n')
		buf_putc(text, '\n');
	buf_puts(text, END " = here");
	buf_putc(text, 0);
	cfg = buf_status(text) == 0 ? syntax() : NULL;
	if (!cfg)
		return config_bad(r->err, "out of memory");
	reading = r;
	if (cfg_parse_buf(cfg, (const char *)text->p) != CFG_SUCCESS)
		complain(cfg, "", "syntax error");
	else
		check_whole(cfg);
	reading = NULL;
	cfg_free(cfg);
	if (r->bad)
		return CONFIG_E_BAD;
	return callers_load(r->callers, r->config, r->err);
}

int config_load(const char *path, struct config **out, char *err)
{
	struct buf text cleanup(buf_done) = BUF_INIT(CONFIG_FILE_MAX);
	struct reading r = {.path = path, .err = err, .provider = PROVIDER_DRAFT};
	int result = config_new(&r.config, err);

	if (result < 0)
		return result;
	r.ring = sodium_malloc(sizeof(*r.ring));
	if (r.ring) {
		r.ring->n = 0;
		result = parse(&r, &text);
	} else {
		result = config_bad(err, "out of memory");
	}
	sodium_free(r.ring);
	free(r.callers);
	free(r.key_file);
	provider_draft_done(&r.provider);
	if (result == 0)
		*out = r.config;
	else
		config_free(r.config);
	return result;
}
