/* SPDX-License-Identifier: ISC */
#include "cli/audit.h"

#include "base/text.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "store/reader.h"
#include "sys/loop.h"

#include <stdio.h>

#define SHOWN_MAX (8 * AUDIT_LINE_MAX) /* bytes of a line for people, all of it escaped */

struct reading {
	struct log_filter filter;
	bool json;
	bool bad;	    /* there was a line that is none */
	json_t *unresolved; /* by request and verb: [line, text]. NULL: show everything */
};

/* ---- one line, for people ---- */

/* Bare where that leaves no doubt where it ends. */
static void put_word(struct buf *b, struct bytes v)
{
	if (v.n && bytes_printable(v) && !memchr(v.p, ' ', v.n) && !memchr(v.p, '"', v.n))
		buf_put_bytes(b, v);
	else
		json_put_string(b, v);
}

static void put_field(struct buf *b, const json_t *line, const char *key, const char *before)
{
	const json_t *v = json_object_get(line, key);

	if (!json_is_string(v))
		return;
	buf_puts(b, before);
	put_word(b, json_bytes(v));
}

static void put_line(struct buf *b, const json_t *line)
{
	const json_t *value = json_object_get(line, "value");
	size_t replaced = json_array_size(json_object_get(line, "replaced"));

	put_field(b, line, "time", "");
	put_field(b, line, "event", " ");
	put_field(b, line, "result", " ");
	put_field(b, line, "code", "/");
	put_field(b, line, "caller", " caller=");
	put_field(b, line, "customer", " customer=");
	put_field(b, line, "integration", " integration=");
	put_field(b, line, "provider", " provider=");
	put_field(b, line, "zone", " zone=");
	put_field(b, line, "fqdn", " ");
	put_field(b, line, "type", " ");
	if (json_is_string(value)) {
		buf_putc(b, ' ');
		json_put_string(b, json_bytes(value));
	}
	if (json_is_string(json_object_get(line, "mode"))) {
		put_field(b, line, "mode", " (");
		buf_putc(b, ')');
	}
	if (replaced)
		buf_printf(b, " replaced=%zu", replaced);
	put_field(b, line, "request_id", " request=");
	buf_putc(b, '\n');
}

static void show(const struct reading *r, const json_t *line, struct bytes text)
{
	struct buf b cleanup(buf_done) = BUF_INIT(SHOWN_MAX);

	if (r->json) {
		buf_put_bytes(&b, text);
		buf_putc(&b, '\n');
	} else {
		put_line(&b, line);
	}
	fwrite(b.p, 1, b.n, stdout); /* main() looks at what came of it */
}

/* It could not be made durable, and does not count: nothing that it says was done because of it, and anybody may have written it there. */
static void show_void(const struct reading *r, const struct log_line *line)
{
	fputs("VOID ", stdout);
	show(r, line->object, line->text);
}

/* ---- reading ---- */

/* An intent is remembered until its outcome comes. */
static int note(struct reading *r, const struct log_line *line)
{
	struct bytes event = json_get_bytes(line->object, "event");
	struct bytes id = json_get_bytes(line->object, "request_id");
	size_t dot = bytes_find(event, BYTES("."));
	struct bytes moment = bytes_skip(event, dot);
	struct buf key cleanup(buf_done) = BUF_INIT(AUDIT_LINE_MAX);
	json_t *kept;

	buf_put_bytes(&key, bytes_of(event.p, dot));
	buf_putc(&key, ' ');
	json_put_string(&key, id);
	buf_putc(&key, 0);
	if (buf_status(&key) < 0)
		return buf_status(&key);
	if (bytes_is(moment, ".outcome"))
		json_object_del(r->unresolved, (const char *)key.p);
	if (!bytes_is(moment, ".intent") || !log_matches(&r->filter, line->object))
		return 0;
	kept = json_pack("[O, s%]", line->object, (const char *)line->text.p, line->text.n);
	return json_object_set_new(r->unresolved, (const char *)key.p, kept) < 0 ? -ENOMEM : 0;
}

static int on_line(void *arg, const struct log_line *line)
{
	struct reading *r = arg;

	if (line->state == LOG_LINE_TORN) {
		fprintf(stderr, "postern: %s:%llu: unfinished; being written, or cut by a crash\n",
			line->segment, (unsigned long long)line->number);
		return 0;
	}
	if (line->state == LOG_LINE_BAD) {
		cli_fail("%s:%llu: this is no line of the log", line->segment,
			 (unsigned long long)line->number);
		r->bad = true;
		return 0;
	}
	if (r->unresolved)
		return line->is_void ? 0 : note(r, line);
	if (!log_matches(&r->filter, line->object))
		return 0;
	if (!line->is_void)
		show(r, line->object, line->text);
	else if (r->json)
		fprintf(stderr, "postern: %s:%llu: left out: its number is void\n", line->segment,
			(unsigned long long)line->number);
	else
		show_void(r, line);
	return 0;
}

static int read_log(struct reading *r, const char *dir)
{
	int result = log_read(dir, on_line, r);
	const char *key;
	json_t *kept;

	if (result < 0)
		return cli_fail_with(CLI_UNREADABLE, "%s: %s", dir, strerror(-result));
	if (r->unresolved)
		json_object_foreach(r->unresolved, key, kept)
			show(r, json_array_get(kept, 0), json_bytes(json_array_get(kept, 1)));
	return r->bad ? CLI_FAILED : CLI_OK;
}

static int read_configured(struct reading *r, const char *dir, const char *path)
{
	char err[CONFIG_ERROR_MAX];
	struct config *config;
	int status;

	if (dir)
		return read_log(r, dir);
	if (config_load(path, &config, err) != 0)
		return cli_fail_with(CLI_UNREADABLE, "%s", err);
	status = read_log(r, config->audit_dir);
	config_free(config);
	return status;
}

/* ---- arguments ---- */

/* NULL, or which option is wrong. ZONE keeps the canonical name. */
static const char *filter_of(const struct audit_arguments *a, struct log_filter *f,
			     struct dns_name *zone)
{
	int64_t now = clock_usec();

	*f = (struct log_filter){.customer = bytes_str(a->customer),
				 .integration = bytes_str(a->integration),
				 .result = bytes_str(a->result),
				 .caller = bytes_str(a->caller),
				 .event = bytes_str(a->event),
				 .request_id = bytes_str(a->request)};
	if (a->since && args_time(bytes_str(a->since), now, &f->since) != 0)
		return "--since takes a time such as 2026-11-25T02:10:30Z, or 2h, 3d";
	if (a->until && args_time(bytes_str(a->until), now, &f->until) != 0)
		return "--until takes a time such as 2026-11-25T02:10:30Z, or 2h, 3d";
	if (a->zone) {
		if (dns_name_parse(zone, bytes_str(a->zone)) != 0)
			return "--zone takes a domain name";
		f->zone = dns_name_text(zone);
	}
	return NULL;
}

static int show_or_unresolved(const struct command *self, const struct audit_arguments *a,
			      bool unresolved)
{
	struct reading r = {.json = a->json, .unresolved = unresolved ? json_object() : NULL};
	struct dns_name zone;
	const char *why = filter_of(a, &r.filter, &zone);
	int status;

	if (why)
		status = cli_usage(self, "%s", why);
	else if (unresolved && !r.unresolved)
		status = cli_fail("out of memory");
	else
		status = read_configured(&r, a->dir, a->config);
	json_decref(r.unresolved);
	return status;
}

enum {
	SHOW = 1,
	UNRESOLVED = 2,
	VERIFY = 4,
	PROVE = 8,
	CHECKPOINT = 16,
	KEYS = 32,
	LINES = SHOW | UNRESOLVED,
	SIGNED = VERIFY | PROVE | CHECKPOINT | KEYS,
};

static const struct {
	const char *name;
	int what;
} subcommands[] = {
	{"show", SHOW},	  {"unresolved", UNRESOLVED}, {"verify", VERIFY},
	{"prove", PROVE}, {"checkpoint", CHECKPOINT}, {"keys", KEYS},
};

static int subcommand(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(subcommands); i++)
		if (strcmp(name, subcommands[i].name) == 0)
			return subcommands[i].what;
	return 0;
}

/* NULL, or the option that was given and WHAT does not take. */
static const char *foreign_option(const struct audit_arguments *a, int what)
{
	const struct {
		const char *name;
		bool given;
		int of;
	} options[] = {
		{"since", a->since != NULL, LINES | VERIFY},
		{"until", a->until != NULL, LINES},
		{"customer", a->customer != NULL, LINES | VERIFY},
		{"integration", a->integration != NULL, LINES},
		{"zone", a->zone != NULL, LINES},
		{"result", a->result != NULL, LINES},
		{"caller", a->caller != NULL, LINES},
		{"event", a->event != NULL, LINES},
		{"request", a->request != NULL, LINES},
		{"json", a->json, LINES},
		{"key", a->key != NULL, SIGNED},
		{"receipt", a->receipt != NULL, VERIFY},
		{"from", a->from != NULL, VERIFY},
		{"index", a->index != NULL, PROVE},
		{"old", a->old != NULL, PROVE},
		{"size", a->size != NULL, PROVE},
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].given && !(options[i].of & what))
			return options[i].name;
	return NULL;
}

static int dispatch(const struct command *self, const char *name, const struct audit_arguments *a)
{
	int what = subcommand(name);
	const char *foreign = foreign_option(a, what);

	if (!what)
		return cli_usage(self, "there is no `audit %s`", name);
	if (foreign)
		return cli_usage(self, "`audit %s` takes no --%s", name, foreign);
	if (what & LINES)
		return show_or_unresolved(self, a, what == UNRESOLVED);
	if (what == VERIFY)
		return audit_verify(a);
	if (what == CHECKPOINT)
		return audit_checkpoint(a);
	if (what == KEYS)
		return audit_keys(a);
	if (!a->index == !a->old)
		return cli_usage(self, "prove takes --index or --old");
	return audit_prove(a);
}

static int audit(const struct command *self, int argc, char **argv)
{
	struct audit_arguments a = {.config = CLI_CONFIG_FILE};
	const struct cli_option options[] = {{"dir", .value = &a.dir},
					     {"config", .value = &a.config},
					     {"since", .value = &a.since},
					     {"until", .value = &a.until},
					     {"customer", .value = &a.customer},
					     {"integration", .value = &a.integration},
					     {"zone", .value = &a.zone},
					     {"result", .value = &a.result},
					     {"caller", .value = &a.caller},
					     {"event", .value = &a.event},
					     {"request", .value = &a.request},
					     {"key", .value = &a.key},
					     {"receipt", .value = &a.receipt},
					     {"index", .value = &a.index},
					     {"old", .value = &a.old},
					     {"size", .value = &a.size},
					     {"from", .value = &a.from},
					     {"json", .flag = &a.json},
					     {NULL}};
	int first, status;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	if (argc - first != 1)
		return cli_usage(
			self, "one of show, unresolved, verify, prove, checkpoint, keys is wanted");
	return dispatch(self, argv[first], &a);
}

const struct command command_audit = {
	.name = "audit",
	.help = "read the audit log, and hold it against its checkpoints",
	.usage = "show [OPTIONS]\n"
		 "unresolved [OPTIONS]\n"
		 "verify [--receipt R] [--since FILE] [--from N]\n"
		 "prove --index N | --old N [--size N]\n"
		 "checkpoint\n"
		 "keys\n"
		 "\n"
		 "  show             the lines that match all options\n"
		 "  unresolved       the intents among them that have no outcome\n"
		 "  verify           is every line as it was signed? R: INDEX:LEAF, or a record "
		 "handle;\n"
		 "                   FILE: a checkpoint that you kept, from which the log must go "
		 "on\n"
		 "                   N: lines before that one need not be there\n"
		 "  prove            that line N is in the tree, or that it begins with N older "
		 "lines\n"
		 "  checkpoint       the last one, a signed note\n"
		 "  keys             those that sign, as verifiers want them\n"
		 "  --key K          keys to believe, in place of the configuration's; or @FILE\n"
		 "  --dir DIR        the log's directory; by default the configuration's\n"
		 "  --config FILE    the configuration (" CLI_CONFIG_FILE ")\n"
		 "  --since T        not older than T: 2026-11-25T02:10:30Z, or 90s, 15m, 2h, 3d, "
		 "1w\n"
		 "  --until T        older than T\n"
		 "  --customer C     --caller NAME     --integration ID\n"
		 "  --zone Z         the zone, or any name in it\n"
		 "  --event E        add_record.intent..., or a verb: add_record\n"
		 "  --result R       ok, found, refused, error, unknown...\n"
		 "  --request ID     the request's id\n"
		 "  --json           the lines as they are in the log\n"
		 "\n"
		 "Exit status: 1 when the log is not as it was signed, or has lines that are "
		 "none;\n"
		 "2 for wrong usage; 3 when it cannot be read.\n",
	.run = audit,
};
