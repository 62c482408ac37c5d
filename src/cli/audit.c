/* SPDX-License-Identifier: ISC */
#include "cli/audit.h"

#define OF_LOG(a)                                                                                  \
	{"dir", .value = &(a).dir},                                                                \
	{                                                                                          \
		"config", .value = &(a).config                                                     \
	}

/* Read the options and nothing else. False: exit with *STATUS. */
static bool options_alone(const struct command *self, int argc, char **argv,
			  const struct cli_option *options, int *status)
{
	int first;

	if (!cli_options(self, argc, argv, options, &first, status))
		return false;
	if (first < argc)
		*status = cli_usage(self, "too many arguments");
	return first == argc;
}

/* ---- show, unresolved ---- */

static int lines(const struct command *self, int argc, char **argv, bool unresolved)
{
	struct audit_arguments a = {.config = CLI_CONFIG_FILE};
	const struct cli_option options[] = {OF_LOG(a),
					     {"since", .value = &a.since},
					     {"until", .value = &a.until},
					     {"customer", .value = &a.customer},
					     {"integration", .value = &a.integration},
					     {"zone", .value = &a.zone},
					     {"result", .value = &a.result},
					     {"caller", .value = &a.caller},
					     {"event", .value = &a.event},
					     {"request", .value = &a.request},
					     {"json", .flag = &a.json},
					     {NULL}};
	int status;

	if (!options_alone(self, argc, argv, options, &status))
		return status;
	return audit_show(self, &a, unresolved);
}

static int show(const struct command *self, int argc, char **argv)
{
	return lines(self, argc, argv, false);
}

static int unresolved(const struct command *self, int argc, char **argv)
{
	return lines(self, argc, argv, true);
}

#define OF_LOG_HELP                                                                                \
	"  --dir DIR        the log's directory; by default the configuration's\n"                 \
	"  --config FILE    the configuration (" CLI_CONFIG_FILE ")\n"

#define LINES_HELP                                                                                 \
	"  --since T        not older than T: 2026-11-25T02:10:30Z, or 15m, 2h, 3d, 1w\n"          \
	"  --until T        older than T\n"                                                        \
	"  --customer C     --caller NAME     --integration ID\n"                                  \
	"  --zone Z         the zone, or any name in it\n"                                         \
	"  --event E        add_record.intent..., or a verb: add_record\n"                         \
	"  --result R       ok, found, gone, kept, refused, error, unknown\n"                      \
	"  --request ID     the request's id\n"                                                    \
	"  --json           the lines as they are in the log\n" OF_LOG_HELP "\n"                   \
	"Exit status: 1 when the log has lines that are none; 2 for wrong usage;\n"                \
	"3 when it cannot be read.\n"

/* ---- what is signed ---- */

static int verify(const struct command *self, int argc, char **argv)
{
	struct audit_arguments a = {.config = CLI_CONFIG_FILE};
	const struct cli_option options[] = {OF_LOG(a),
					     {"key", .value = &a.key},
					     {"receipt", .value = &a.receipt},
					     {"customer", .value = &a.customer},
					     {"since", .value = &a.since},
					     {"from", .value = &a.from},
					     {NULL}};
	int status;

	if (!options_alone(self, argc, argv, options, &status))
		return status;
	return audit_verify(&a);
}

static int prove(const struct command *self, int argc, char **argv)
{
	struct audit_arguments a = {.config = CLI_CONFIG_FILE};
	const struct cli_option options[] = {OF_LOG(a),
					     {"key", .value = &a.key},
					     {"index", .value = &a.index},
					     {"old", .value = &a.old},
					     {"size", .value = &a.size},
					     {NULL}};
	int status;

	if (!options_alone(self, argc, argv, options, &status))
		return status;
	if (!a.index == !a.old)
		return cli_usage(self, "--index or --old is wanted");
	return audit_prove(&a);
}

static int with_key(const struct command *self, int argc, char **argv,
		    int (*run)(const struct audit_arguments *a))
{
	struct audit_arguments a = {.config = CLI_CONFIG_FILE};
	const struct cli_option options[] = {OF_LOG(a), {"key", .value = &a.key}, {NULL}};
	int status;

	if (!options_alone(self, argc, argv, options, &status))
		return status;
	return run(&a);
}

static int checkpoint(const struct command *self, int argc, char **argv)
{
	return with_key(self, argc, argv, audit_checkpoint);
}

static int keys(const struct command *self, int argc, char **argv)
{
	return with_key(self, argc, argv, audit_keys);
}

#define KEY_HELP                                                                                   \
	"  --key K          keys to believe, in place of the configuration's; or "                 \
	"@FILE\n" OF_LOG_HELP

static const struct command subcommands[] = {
	{
		.group = "audit",
		.name = "show",
		.help = "the lines that match all options",
		.usage = "[OPTIONS]\n\n" LINES_HELP,
		.run = show,
	},
	{
		.group = "audit",
		.name = "unresolved",
		.help = "the intents among them that have no outcome",
		.usage = "[OPTIONS]\n\n" LINES_HELP,
		.run = unresolved,
	},
	{
		.group = "audit",
		.name = "verify",
		.help = "is every line as it was signed?",
		.usage =
			"[OPTIONS]\n"
			"\n"
			"  --receipt R      and is this line there? INDEX:LEAF, or a record "
			"handle\n"
			"  --customer C     that the handle was made for\n"
			"  --since FILE     a checkpoint that you kept: the log must go on from "
			"it\n"
			"  --from N         lines before that one need not be there\n" KEY_HELP "\n"
			"Exit status: 1 when the log is not as it was signed; 2 for wrong usage;\n"
			"3 when it cannot be read.\n",
		.run = verify,
	},
	{
		.group = "audit",
		.name = "prove",
		.help = "that a line is in the tree, or an older tree in this one",
		.usage = "--index N | --old N [OPTIONS]\n"
			 "\n"
			 "  --index N        that line N is in the tree\n"
			 "  --old N          that the tree begins with N older lines\n"
			 "  --size N         of a tree of N lines, not of the last "
			 "checkpoint's\n" KEY_HELP,
		.run = prove,
	},
	{
		.group = "audit",
		.name = "checkpoint",
		.help = "the last checkpoint, a signed note",
		.usage = "[OPTIONS]\n\n" KEY_HELP,
		.run = checkpoint,
	},
	{
		.group = "audit",
		.name = "keys",
		.help = "the keys that sign, as verifiers want them",
		.usage = "[OPTIONS]\n\n" KEY_HELP,
		.run = keys,
	},
};

/* ---- audit ---- */

static int audit(const struct command *self, int argc, char **argv)
{
	return cli_run_group(self, subcommands, ARRAY_LEN(subcommands), "show, verify", argc, argv);
}

const struct command command_audit = {
	.name = "audit",
	.help = "read the audit log, and hold it against its checkpoints",
	.usage = "COMMAND [OPTIONS]\n",
	.run = audit,
};
