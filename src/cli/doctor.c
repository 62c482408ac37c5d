/* SPDX-License-Identifier: ISC */
#include "cli/doctor.h"

#include "cli/cli.h"
#include "cli/terminal.h"
#include "role/config_read.h"

#include <stdlib.h>
#include <unistd.h>

#define PRINTED_MAX (256 * 1024)

static const struct {
	const char *word, *colour; /* SGR: ECMA-48 */
} grades[] = {
	[GRADE_OK] = {"ok", "32"},
	[GRADE_NOTE] = {"note", "36"},
	[GRADE_WARN] = {"warn", "33"},
	[GRADE_FAIL] = {"FAIL", "1;31"},
};

/* ---- printing ---- */

struct printer {
	struct buf out;
	bool json, colour;
};

static void print_json(struct buf *b, const struct finding *f)
{
	buf_printf(b, "{\"grade\":\"%s\",\"subject\":\"%s\",\"what\":", grades[f->grade].word,
		   f->subject);
	json_put_string(b, bytes_str(f->what));
	buf_puts(b, ",\"todo\":");
	if (f->todo)
		json_put_string(b, bytes_str(f->todo));
	else
		buf_puts(b, "null");
	buf_puts(b, "}\n");
}

static void print(void *arg, const struct finding *f)
{
	struct printer *p = arg;
	const char *word = grades[f->grade].word;

	if (p->json) {
		print_json(&p->out, f);
		return;
	}
	if (p->colour)
		buf_printf(&p->out, "\033[%sm%s\033[0m", grades[f->grade].colour, word);
	else
		buf_puts(&p->out, word);
	buf_printf(&p->out, "%*s%s: %s\n", (int)(6 - strlen(word)), "", f->subject, f->what);
	if (f->todo)
		buf_printf(&p->out, "      %s\n", f->todo);
}

/* ---- looking ---- */

/* PATH cannot be used, as ERR says. */
static void tell_bad_config(struct report *r, const char *path, const char *err)
{
	const char *todo = "postern.conf(5) says what may stand there.";

	if (access(path, F_OK) < 0 && errno == ENOENT)
		todo = "Begin with /usr/share/doc/postern/examples/postern.conf.";
	else if (strstr(err, CONFIG_NO_CREDENTIALS))
		todo = "While it runs: CREDENTIALS_DIRECTORY=/run/credentials/postern.service "
		       "postern doctor";
	report(r, GRADE_FAIL, "configuration", todo, "%s", err);
}

/* What is known of C, which may be NULL; of the rest the defaults. */
static int examine_system(struct report *r, const struct config *c)
{
	struct doctor_role roles[PROC_COUNT];
	struct system_facts f = {.connections = CONFIG_CONNECTIONS,
				 .calls = CONFIG_CALLS,
				 .uid_base = CONFIG_UID_BASE};
	int e;

	if (c) {
		f.connections = c->connections_max;
		f.calls = c->calls_max;
		f.uid_base = c->uid_base;
		f.sandbox_required = c->sandbox_required;
	}
	e = doctor_ask(f.uid_base, roles);
	if (e < 0)
		return cli_fail("the processes cannot be started: %s", strerror(-e));
	f.roles = roles;
	look_at_system(&f, c ? c->audit_dir : NULL);
	judge_system(r, &f);
	return CLI_OK;
}

static int examine(struct report *r, const char *path)
{
	char err[CONFIG_ERROR_MAX];
	struct config_facts *facts;
	struct config *c = NULL;
	int status;

	if (config_load(path, &c, err) != 0) {
		tell_bad_config(r, path, err);
		return examine_system(r, NULL);
	}
	report(r, GRADE_OK, "configuration", NULL, "%s is good", path);
	facts = malloc(sizeof(*facts));
	if (facts) {
		look_at_config(facts, c, path);
		judge_config(r, facts);
		status = examine_system(r, c);
	} else {
		status = cli_fail("out of memory");
	}
	free(facts);
	config_free(c);
	return status;
}

static int doctor(const struct command *self, int argc, char **argv)
{
	struct printer p = {.out = BUF_INIT(PRINTED_MAX), .colour = terminal_colour(STDOUT_FILENO)};
	struct report r = {.tell = print, .arg = &p};
	const char *path = CLI_CONFIG_FILE;
	const struct cli_option options[] = {
		{"config", .value = &path}, {"json", .flag = &p.json}, {NULL}};
	int first, status;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	if (first < argc)
		return cli_usage(self, "too many arguments");
	status = examine(&r, path);
	if (status == CLI_OK && buf_status(&p.out) < 0)
		status = cli_fail("%s", strerror(-buf_status(&p.out)));
	if (!cli_print(buf_bytes(&p.out)))
		status = CLI_FAILED;
	buf_done(&p.out);
	return status == CLI_OK && r.worst >= GRADE_WARN ? CLI_FAILED : status;
}

const struct command command_doctor = {
	.name = "doctor",
	.help = "say what is missing here for production",
	.usage = "[--config FILE] [--json]\n"
		 "\n"
		 "  --config FILE   the configuration (" CLI_CONFIG_FILE ")\n"
		 "  --json          each finding as JSON, one a line\n"
		 "\n"
		 "Each finding is ok, a note (advice), a warning, or a failure, and says what\n"
		 "to do. Nothing is changed; the gateway may be running. Each process is started\n"
		 "once, put into its sandbox, asked what it gave up there, and ended.\n"
		 "\n"
		 "Exit status: 0 when nothing is worse than a note, 1 otherwise, 2 usage.\n",
	.run = doctor,
};
