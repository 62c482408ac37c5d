/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"
#include "role/role.h"
#include "sys/harden.h"

#include <sodium.h>
#include <stdio.h>

static const struct command *const commands[] = {
	&command_serve, &command_keygen, &command_check_config, &command_inspect, &command_policy,
	&command_audit, &command_call,	 &command_hook,		&command_doctor,
};

static void print_help(FILE *to)
{
	fputs("usage: postern COMMAND [ARGUMENTS]\n\n", to);
	cli_print_commands(to, commands, ARRAY_LEN(commands));
	fputs("\n`postern COMMAND --help` says more, and postern(8) all.\n", to);
}

static int run(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("postern " POSTERN_VERSION);
		return CLI_OK;
	}
	c = cli_find_command(commands, ARRAY_LEN(commands), argv[1]);
	if (c)
		return c->run(c, argc - 1, argv + 1);
	return cli_fail_with(CLI_USAGE, "there is no such command; see `postern --help`");
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
	enum proc proc = proc_by_name(name);
	int status;

	if (proc != PROC_COUNT && proc != PROC_SUPERVISOR)
		return role_main(proc);
	/* Root keys, tokens and credentials pass through most commands. */
	if (sodium_init() < 0 || harden_self() < 0)
		return cli_fail("cannot be run safely here");
	harden_json();
	status = run(argc, argv);
	if (fflush(stdout) == EOF && status == CLI_OK)
		return cli_fail("standard output: %s", strerror(errno));
	return status;
}
