/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#define JSON_DEPTH 4
/* For a value that was not given. It is put on the lists, so that only name and type are judged. */
#define NEUTRAL "neutral.invalid"

struct question {
	struct bytes name, type, mode, value;
	bool has_value;
};

/* The rule that refuses, in words; RULE "allowed" when none does. */
struct verdict_text {
	enum policy_profile profile;
	bool allowed;
	const char *rule, *sentence;
};

static struct verdict_text verdict(enum policy_profile p, const char *rule, const char *sentence)
{
	return (struct verdict_text){.profile = p, .rule = rule, .sentence = sentence};
}

static struct bytes neutral_value(enum rr_type t)
{
	switch (t) {
	case RR_CAA:
		return BYTES("0 issue \"" NEUTRAL "\"");
	case RR_CNAME:
	case RR_NS:
		return BYTES(NEUTRAL);
	default:
		return BYTES("x");
	}
}

/* CONFIG with the neutral name on both lists, which LISTS keeps. 0 or -errno. */
static int with_neutral(struct policy_config *config, struct buf lists[2])
{
	buf_put_bytes(&lists[0], config->targets);
	buf_put_bytes(&lists[1], config->authorities);
	for (int i = 0; i < 2; i++) {
		plist_put(&lists[i], BYTES(NEUTRAL));
		if (buf_status(&lists[i]) < 0)
			return buf_status(&lists[i]);
	}
	config->targets = buf_bytes(&lists[0]);
	config->authorities = buf_bytes(&lists[1]);
	return 0;
}

/* Q under profile P, whose type and mode are valid. */
static struct verdict_text judge(struct policy_config config, enum policy_profile p,
				 const struct question *q)
{
	struct buf lists[2] = {BUF_INIT(32 * 1024), BUF_INIT(32 * 1024)};
	struct buf value = BUF_INIT(RECORD_VALUE_MAX);
	enum rr_type type = rr_type_parse(q->type);
	struct dns_name name;
	struct policy_record record = {
		.name = &name, .type = type, .mode = record_mode_parse(q->mode)};
	struct verdict_text v = verdict(p, "error", "out of memory");
	enum policy_rule rule;
	int r = q->has_value ? 0 : with_neutral(&config, lists);

	if (p < config.loosest)
		v.profile = p = config.loosest;
	if (r == 0 && dns_name_parse(&name, q->name) != 0) {
		v = verdict(p, "invalid_name", "this is no name that may be used");
	} else if (r == 0) {
		if (type != RR_NONE)
			r = record_value_canonical(
				type, q->has_value ? q->value : neutral_value(type), &value);
		record.value = buf_bytes(&value);
		rule = r == 0 ? policy_check(&config, p, &record) : RULE_ALLOWED;
		if (r > 0)
			v = verdict(p, "invalid_value", "this is no value of that type");
		else if (r == 0)
			v = verdict(p, policy_rule_text(rule), policy_rule_sentence(rule));
		v.allowed = r == 0 && rule == RULE_ALLOWED;
	}
	buf_done(&lists[0]);
	buf_done(&lists[1]);
	buf_done(&value);
	return v;
}

static void put_member(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, ",\"%s\":", key);
	json_put_string(b, bytes_str(value));
}

static void put_json(struct buf *b, const struct verdict_text *v)
{
	buf_printf(b, "{\"allowed\":%s", v->allowed ? "true" : "false");
	put_member(b, "profile", policy_profile_text(v->profile));
	put_member(b, "rule", v->rule);
	put_member(b, "sentence", v->sentence);
	buf_putc(b, '}');
}

static void put_line(struct buf *b, const struct verdict_text *v)
{
	if (v->allowed)
		buf_puts(b, "allowed");
	else
		buf_printf(b, "denied: %s: %s", v->rule, v->sentence);
	buf_printf(b, " (%s)", policy_profile_text(v->profile));
}

/* ---- --batch ---- */

static int batch_line(struct bytes line, json_t **out, struct question *q)
{
	json_t *o;

	if (json_parse(line, JSON_DEPTH, out, NULL, 0) != 0)
		return CLI_FAILED;
	o = *out;
	*q = (struct question){.name = json_get_bytes(o, "name"),
			       .type = json_get_bytes(o, "type"),
			       .mode = json_get_bytes(o, "mode"),
			       .value = json_get_bytes(o, "value"),
			       .has_value = json_is_string(json_object_get(o, "value"))};
	/* As add_record would have it: "txt" is no type to be refused, but no type. */
	if (!json_is_string(json_object_get(o, "name")) || !rr_type_is_name(q->type) ||
	    record_mode_parse(q->mode) == RECORD_MODES)
		return CLI_FAILED;
	return CLI_OK;
}

static int answer_line(const struct policy_config *config, struct bytes line, struct buf *b)
{
	json_t *o cleanup(json_cleanup) = NULL;
	struct question q;

	if (batch_line(line, &o, &q) != CLI_OK)
		return CLI_FAILED;
	buf_puts(b, "{\"name\":");
	json_put_string(b, q.name);
	buf_puts(b, ",\"type\":");
	json_put_string(b, q.type);
	put_member(b, "mode", record_mode_text(record_mode_parse(q.mode)));
	for (enum policy_profile p = 0; p < POLICY_PROFILES; p++) {
		struct verdict_text v = judge(*config, p, &q);
		buf_printf(b, ",\"%s\":", policy_profile_text(p));
		put_json(b, &v);
	}
	buf_puts(b, "}\n");
	return CLI_OK;
}

static int batch(const struct policy_config *config)
{
	struct buf b cleanup(buf_done) = BUF_INIT(64 * 1024);
	unsigned long number = 0;
	int result = CLI_OK;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) > 0) {
		number++;
		buf_reset(&b);
		if (answer_line(config, bytes_of(line, (size_t)n), &b) != CLI_OK ||
		    buf_status(&b) < 0)
			result = cli_fail("line %lu: must be an object with name, type (in upper "
					  "case) and mode",
					  number);
		else if (!cli_print(buf_bytes(&b)))
			result = CLI_FAILED;
	}
	free(line);
	return result;
}

/* ---- one question ---- */

/* ONLY one profile, or, with POLICY_PROFILES, each that CONFIG allows. */
static int ask(const struct policy_config *config, enum policy_profile only,
	       const struct question *q, bool json)
{
	struct buf b cleanup(buf_done) = BUF_INIT(64 * 1024);
	enum policy_profile p = only == POLICY_PROFILES ? config->loosest : only;
	bool allowed = true;

	for (; p < POLICY_PROFILES; p++) {
		struct verdict_text v = judge(*config, p, q);
		allowed = allowed && v.allowed;
		if (json)
			put_json(&b, &v);
		else
			put_line(&b, &v);
		buf_putc(&b, '\n');
		if (p == only)
			break;
	}
	if (!cli_print(buf_bytes(&b)))
		return CLI_USAGE;
	return allowed ? CLI_OK : CLI_FAILED;
}

struct arguments {
	const char *profile, *path, *mode;
	bool json, all, batch;
};

static int with_config(const struct command *self, const struct arguments *a,
		       const struct config *c, const struct question *q)
{
	struct policy_config config = {.loosest = POLICY_ARTICLE};
	enum policy_profile p = POLICY_GUARDED;

	if (c) {
		config = (struct policy_config){.loosest = c->policy_loosest,
						.standing_authority = c->standing_authority,
						.targets = buf_bytes(&c->targets),
						.authorities = buf_bytes(&c->authorities)};
		p = c->policy_default;
	}
	if (a->batch)
		return batch(&config);
	if (a->profile)
		p = policy_profile_parse(bytes_str(a->profile));
	if (p == POLICY_PROFILES)
		return cli_usage(self, "the profile must be article, guarded or strict");
	return ask(&config, a->all ? POLICY_PROFILES : p, q, a->json);
}

static int policy(const struct command *self, int argc, char **argv)
{
	struct arguments a = {.mode = "coexist"};
	const struct cli_option options[] = {{"profile", .value = &a.profile},
					     {"config", .value = &a.path},
					     {"mode", .value = &a.mode},
					     {"json", .flag = &a.json},
					     {"all-profiles", .flag = &a.all},
					     {"batch", .flag = &a.batch},
					     {NULL}};
	struct config *config = NULL;
	char err[CONFIG_ERROR_MAX];
	struct question q = {0};
	int first, status, n;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	n = argc - first;
	if (a.batch ? n != 0 || a.all || a.profile : n < 2 || n > 3)
		return cli_usage(self, "FQDN and TYPE, or --batch alone, are wanted");
	if (record_mode_parse(bytes_str(a.mode)) == RECORD_MODES)
		return cli_usage(self, "the mode must be coexist or replace");
	if (n && !rr_type_is_name(bytes_str(argv[first + 1])))
		return cli_usage(self, "the type must be in upper case, such as TXT");
	if (n)
		q = (struct question){.name = bytes_str(argv[first]),
				      .type = bytes_str(argv[first + 1]),
				      .mode = bytes_str(a.mode),
				      .value = bytes_str(n > 2 ? argv[first + 2] : NULL),
				      .has_value = n > 2};
	if (a.path && config_load(a.path, &config, err) != 0) {
		cli_fail("%s", err);
		return CLI_USAGE;
	}
	status = with_config(self, &a, config, &q);
	config_free(config);
	return status;
}

const struct command command_policy = {
	.name = "policy",
	.help = "would a record be allowed?",
	.usage = "[OPTIONS] FQDN TYPE [VALUE]\n"
		 "--batch [--config FILE]\n"
		 "\n"
		 "  VALUE            without it, only name and type are judged\n"
		 "  --profile P      article, guarded (the default) or strict\n"
		 "  --all-profiles   under each of them that may be used\n"
		 "  --mode M         coexist (the default) or replace\n"
		 "  --config FILE    with what this configuration says of policy\n"
		 "  --json           the verdict as JSON\n"
		 "  --batch          questions on standard input, one a line:\n"
		 "                   {\"name\", \"type\", \"mode\"[, \"value\"]}\n"
		 "\n"
		 "Exit status: 0 allowed, 1 denied, 2 something was wrong.\n",
	.run = policy,
};
