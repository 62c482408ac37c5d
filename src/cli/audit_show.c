/* SPDX-License-Identifier: ISC */
/* `postern audit show` and `unresolved`: the log's lines, for people or as they are. */
#include "cli/audit.h"

#include "base/text.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "role/config_read.h"
#include "store/reader.h"
#include "sys/loop.h"

#include <stdio.h>

#define SHOWN_MAX (8 * AUDIT_LINE_MAX) /* bytes of a line for people, all of it escaped */

struct audit_reading {
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

static void show(const struct audit_reading *r, const json_t *line, struct bytes text)
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
static void show_void(const struct audit_reading *r, const struct log_line *line)
{
	fputs("VOID ", stdout);
	show(r, line->object, line->text);
}

/* ---- reading ---- */

/* An intent is remembered until its outcome comes. */
static int note(struct audit_reading *r, const struct log_line *line)
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
	kept = json_pack("[O, o]", line->object, json_from_bytes(line->text));
	return json_object_set_new(r->unresolved, (const char *)key.p, kept) < 0 ? -ENOMEM : 0;
}

static int on_line(void *arg, const struct log_line *line)
{
	struct audit_reading *r = arg;

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

static int read_log(struct audit_reading *r, const char *dir)
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

static int read_configured(struct audit_reading *r, const char *dir, const char *path)
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

/* One that no line can have would find nothing, and look like good news. */
static bool is_event(struct bytes text)
{
	static const char *const moments[] = {"intent", "replaced", "outcome", "refused"};
	static const char *const own[] = {AUDIT_OWN_EVENTS};
	size_t dot = bytes_find(text, BYTES("."));
	struct bytes moment = bytes_skip(text, dot + 1);

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (text.n && log_is_event(text, bytes_str(own[i])))
			return true;
	if (verb_parse(bytes_of(text.p, dot)) == VERB_COUNT)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(moments); i++)
		if (bytes_is(moment, moments[i]))
			return true;
	return dot == text.n;
}

static bool is_result(struct bytes text)
{
	static const char *const results[] = {AUDIT_RESULTS};

	for (size_t i = 0; i < ARRAY_LEN(results); i++)
		if (bytes_is(text, results[i]))
			return true;
	return false;
}

static bool is_integration(struct bytes text)
{
	return text.n == (size_t)2 * INTEGRATION_ID_BYTES &&
	       strspn((const char *)text.p, "0123456789abcdef") == text.n;
}

/* NULL, or which option can match nothing. */
static const char *impossible(const struct log_filter *f)
{
	if (f->event.p && !is_event(f->event))
		return "--event takes add_record.intent..., a verb, or one of the gateway's own: "
		       "see postern-audit(5)";
	if (f->result.p && !is_result(f->result))
		return "--result takes ok, found, gone, kept, refused, error or unknown";
	if (f->caller.p && !caller_name_valid(f->caller))
		return "--caller takes a caller's name: 1 to 64 of a-z, 0-9, _ and -";
	if (f->integration.p && !is_integration(f->integration))
		return "--integration takes 32 lower-case hexadecimal digits, as the log has them";
	return NULL;
}

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
	return impossible(f);
}

int audit_show(const struct command *self, const struct audit_arguments *a, bool unresolved)
{
	struct audit_reading r = {.json = a->json, .unresolved = unresolved ? json_object() : NULL};
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
