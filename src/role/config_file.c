/* SPDX-License-Identifier: ISC */
/*
 * postern.conf: libconfuse reads the syntax, and every value is taken (config_values.c)
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
#define END SETTING_END

/* libconfuse's callbacks have no argument of ours. */
static struct reading *reading;

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

/* ---- structure ---- */

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
	why = setting_take(reading, key, bytes_str(cfg_opt_getnstr(opt, n - 1)));
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
	if (config_read_key_from(reading->key_file, key->secret, err) != 0)
		return complain(cfg, "root_key.file", err);
	key->source = reading->key_file;
	reading->key_file = NULL;
	key->state = reading->key_state;
	if (keyring_add(reading->ring, key->secret, key->state) < 0)
		return complain(cfg, "root_key.file", "is the same key as another one");
	c->n_keys++;
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

static int on_httpreq(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *why =
		httpreq_draft_finish(&reading->httpreq, cfg_title(section), reading->config);

	return why ? complain(cfg, "httpreq", why) : 0;
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
	cfg_opt_t resolver[] = {LIST("servers"), LIST("allow"), CFG_END()};
	cfg_opt_t audit[] = {OPTION("segment_size"), OPTION("segment_age"), OPTION("origin"),
			     LIST("checkpoint_keys"), CFG_END()};
	cfg_opt_t limits[] = {OPTION("connections"),
			      OPTION("calls"),
			      OPTION("call_seconds"),
			      OPTION("drain_seconds"),
			      OPTION("caller_in_flight"),
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
	cfg_opt_t httpreq[] = {OPTION("handle_file"), OPTION("customer"), LIST("zones"),
			       LIST("callers"), CFG_END()};
	cfg_opt_t root[] = {
		LIST("listen"),
		OPTION("unix_socket"),
		OPTION("audit_dir"),
		OPTION("ca_file"),
		OPTION("callers"),
		OPTION("denied"),
		OPTION("uid_base"),
		OPTION("log_format"),
		OPTION("sandbox"),
		OPTION(END),
		SECTION("root_key", root_key, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES,
			on_root_key),
		SECTION("provider", provider, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES,
			on_provider),
		SECTION("httpreq", httpreq, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES,
			on_httpreq),
		SECTION("policy", policy, CFGF_NONE, on_policy),
		SECTION("self_hosted", self_hosted, CFGF_NONE, on_section),
		SECTION("resolver", resolver, CFGF_NONE, on_section),
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

void config_blank_comments(struct buf *text)
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
	config_blank_comments(text);
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
	if (r->denied && deny_load(r->denied, r->config, r->err) != 0)
		return CONFIG_E_BAD;
	if (callers_load(r->callers, r->config, r->err) != 0)
		return CONFIG_E_BAD;
	return httpreq_find_callers(r->config, r->err);
}

int config_load(const char *path, struct config **out, char *err)
{
	struct buf text cleanup(buf_done) = BUF_INIT(CONFIG_FILE_MAX);
	struct reading r = {.path = path, .err = err, .provider = PROVIDER_DRAFT};
	int result = config_new(&r.config, err);

	if (result < 0)
		return result;
	httpreq_draft_init(&r.httpreq);
	r.ring = sodium_malloc(sizeof(*r.ring));
	if (r.ring) {
		r.ring->n = 0;
		result = parse(&r, &text);
	} else {
		result = config_bad(err, "out of memory");
	}
	sodium_free(r.ring);
	r.config->callers_file = r.callers;
	r.config->denied_file = r.denied;
	free(r.key_file);
	provider_draft_done(&r.provider);
	httpreq_draft_done(&r.httpreq);
	if (result == 0)
		*out = r.config;
	else
		config_free(r.config);
	return result;
}
