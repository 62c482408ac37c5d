/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"
#include "cli/hook.h"

#include "base/text.h"
#include "role/config_read.h"

#include <confuse.h>
#include <stdlib.h>
#include <unistd.h>

#define WAIT_SECONDS	 120
#define WAIT_SECONDS_MAX 86400

static const struct {
	const char *key, *variable;
	bool path;
} table[HOOK_SETTINGS] = {
	[HOOK_URL] = {"url", "POSTERN_URL"},
	[HOOK_CA_FILE] = {"ca_file", "POSTERN_CA_FILE", true},
	[HOOK_TOKEN_FILE] = {"token_file", "POSTERN_TOKEN_FILE", true},
	[HOOK_CERTIFICATE] = {"certificate", "POSTERN_CERTIFICATE", true},
	[HOOK_KEY] = {"key", "POSTERN_KEY", true},
	[HOOK_HANDLE_FILE] = {"handle_file", "POSTERN_HANDLE_FILE", true},
	[HOOK_CUSTOMER] = {"customer", "POSTERN_CUSTOMER"},
	[HOOK_STATE] = {"state_dir", "POSTERN_STATE_DIR", true},
	[HOOK_WAIT] = {"wait", "POSTERN_WAIT"},
	[HOOK_FOLLOW_CNAME] = {"follow_cname", "POSTERN_FOLLOW_CNAME"},
};

void hook_settings_done(struct hook_settings *s)
{
	for (size_t i = 0; i < HOOK_SETTINGS; i++)
		free(s->text[i]);
}

/* ---- values ---- */

static const char *check(struct hook_settings *s, enum hook_setting which)
{
	const char *text = s->text[which];
	uint64_t n;

	if (table[which].path)
		return text[0] == '/' ? NULL : "must be an absolute path";
	switch (which) {
	case HOOK_URL:
		return client_url_fault(text);
	case HOOK_CUSTOMER:
		return bytes_utf8(bytes_str(text)) ? NULL : "is not UTF-8";
	case HOOK_WAIT:
		if (text_to_u64(bytes_str(text), WAIT_SECONDS_MAX, &n) != 0)
			return "must be a number of seconds, up to 86400";
		s->wait = (unsigned)n;
		return NULL;
	default: /* HOOK_FOLLOW_CNAME */
		s->follow_cname = strcmp(text, "true") == 0;
		return s->follow_cname || strcmp(text, "false") == 0 ? NULL
								     : "must be true or false";
	}
}

/* NULL, or a sentence. */
static const char *take(struct hook_settings *s, enum hook_setting which, const char *value)
{
	free(s->text[which]);
	s->text[which] = strdup(value);
	return s->text[which] ? check(s, which) : "out of memory";
}

/* ---- the file ---- */

/* libconfuse's callbacks have no argument of ours. */
static struct {
	struct hook_settings *settings;
	const char *path;
	bool bad;
} reading;

/* The first complaint is the one that is said. */
static int complain(cfg_t *cfg, const char *key, const char *why)
{
	if (!reading.bad)
		cli_fail("%s:%d: %s%s%s", reading.path, cfg->line, key, *key ? ": " : "", why);
	reading.bad = true;
	return -1;
}

/* A value in the wrong place may be a secret: it is not repeated. */
static void on_syntax(cfg_t *cfg, const char *fmt, va_list ap) printf_like(2, 0);
static void on_syntax(cfg_t *cfg, const char *fmt, va_list ap)
{
	if (strncmp(fmt, "no such option", strlen("no such option")) == 0)
		complain(cfg, va_arg(ap, const char *), "there is no such key");
	else
		complain(cfg, "", "syntax error");
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *why = NULL;

	for (int i = 0; i < HOOK_SETTINGS; i++) {
		if (strcmp(table[i].key, opt->name) != 0)
			continue;
		if (reading.settings->text[i])
			why = "is given twice";
		else
			why = take(reading.settings, (enum hook_setting)i, cfg_opt_getstr(opt));
	}
	return why ? complain(cfg, opt->name, why) : 0;
}

static int parse_file(struct hook_settings *s, const char *path, struct buf *text)
{
	cfg_opt_t options[HOOK_SETTINGS + 1] = {0};
	cfg_t *cfg;

	for (size_t i = 0; i < HOOK_SETTINGS; i++)
		options[i] = (cfg_opt_t){.name = table[i].key,
					 .type = CFGT_STR,
					 .flags = CFGF_NODEFAULT,
					 .validcb = on_value};
	options[HOOK_SETTINGS] = (cfg_opt_t)CFG_END();
	config_blank_comments(text);
	buf_putc(text, '\n');
	buf_putc(text, 0);
	cfg = buf_status(text) == 0 ? cfg_init(options, CFGF_NONE) : NULL;
	if (!cfg)
		return cli_fail("out of memory");
	cfg_set_error_function(cfg, on_syntax);
	reading.settings = s;
	reading.path = path;
	reading.bad = false;
	if (cfg_parse_buf(cfg, (const char *)text->p) != CFG_SUCCESS)
		complain(cfg, "", "syntax error");
	cfg_free(cfg);
	return reading.bad ? CLI_USAGE : CLI_OK;
}

static int load_file(struct hook_settings *s, const char *path)
{
	struct buf text cleanup(buf_done) = BUF_INIT(CONFIG_FILE_MAX);
	char err[CONFIG_ERROR_MAX];

	if (!path)
		path = cli_variable("POSTERN_HOOK_CONFIG");
	if (!path) {
		path = HOOK_CONFIG_FILE;
		if (access(path, F_OK) < 0 && errno == ENOENT)
			return CLI_OK;
	}
	if (config_read_text(path, &text, err) != 0)
		return cli_fail_with(CLI_USAGE, "%s", err);
	return parse_file(s, path, &text);
}

/* ---- the whole ---- */

static int take_variables(struct hook_settings *s)
{
	for (int i = 0; i < HOOK_SETTINGS; i++) {
		const char *value = cli_variable(table[i].variable);
		const char *why = value ? take(s, (enum hook_setting)i, value) : NULL;

		if (why)
			return cli_fail_with(CLI_USAGE, "%s %s", table[i].variable, why);
	}
	return CLI_OK;
}

/* Where people's programs keep what they remember (XDG Base Directory Specification). */
static int default_state(struct hook_settings *s)
{
	const char *base = cli_variable("XDG_STATE_HOME"), *home = cli_variable("HOME");
	int n;

	if (geteuid() == 0)
		n = asprintf(&s->text[HOOK_STATE], "%s", HOOK_STATE_DIR);
	else if (base && base[0] == '/')
		n = asprintf(&s->text[HOOK_STATE], "%s/postern-hook", base);
	else if (home && home[0] == '/')
		n = asprintf(&s->text[HOOK_STATE], "%s/.local/state/postern-hook", home);
	else
		return cli_fail_with(CLI_USAGE, "state_dir is missing, and there is no $HOME");
	if (n >= 0)
		return CLI_OK;
	s->text[HOOK_STATE] = NULL;
	return cli_fail("out of memory");
}

static int check_whole(struct hook_settings *s)
{
	static const enum hook_setting needed[] = {HOOK_URL, HOOK_HANDLE_FILE};

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!s->text[needed[i]])
			return cli_fail_with(CLI_USAGE, "%s is missing: in %s, or as $%s",
					     table[needed[i]].key, HOOK_CONFIG_FILE,
					     table[needed[i]].variable);
	if (!s->text[HOOK_TOKEN_FILE] && !s->text[HOOK_CERTIFICATE])
		return cli_fail_with(CLI_USAGE, "token_file is missing, or certificate and key");
	if (!s->text[HOOK_CERTIFICATE] != !s->text[HOOK_KEY])
		return cli_fail_with(CLI_USAGE, "certificate and key go together");
	return s->text[HOOK_STATE] ? CLI_OK : default_state(s);
}

int hook_settings_load(struct hook_settings *out, const char *path)
{
	int status;

	out->wait = WAIT_SECONDS;
	out->follow_cname = true;
	status = load_file(out, path);
	if (status == CLI_OK)
		status = take_variables(out);
	return status == CLI_OK ? check_whole(out) : status;
}
