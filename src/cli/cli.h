/* SPDX-License-Identifier: ISC */
#pragma once

/* What the subcommands share. Each is one file with one struct command; main.c lists them. */
#include "base/json.h"
#include "role/config.h"

#include <stdio.h>

#define CLI_CONFIG_FILE "/etc/postern/postern.conf"

enum cli_exit {
	CLI_OK,
	CLI_FAILED,
	CLI_USAGE,
	CLI_NOT_REACHED,		  /* `call`: no gateway answered */
	CLI_UNREADABLE = CLI_NOT_REACHED, /* `audit`: there is nothing to judge */
};

struct command {
	const char *group; /* NULL, or what stands before the name: "audit" */
	const char *name;
	const char *help; /* one line */
	/* What may stand behind the name: a line for each form, then a blank one and the options. */
	const char *usage;
	/* Options come before the first operand, and what follows that may begin with a hyphen. */
	bool options_first;
	int (*run)(const struct command *self, int argc, char **argv);
};

/* As they are listed: two columns. */
void cli_print_commands(FILE *to, const struct command *const *commands, size_t n);
/* NULL when none has that name. */
const struct command *cli_find_command(const struct command *const *commands, size_t n,
				       const char *name);

/*
 * Run the one of the COUNT commands in LIST, a group, that ARGV names, or list them. SELF is the group's; EXAMPLES are names in it.
 */
int cli_run_group(const struct command *self, const struct command *list, size_t count,
		  const char *examples, int argc, char **argv);

extern const struct command command_serve, command_keygen, command_check_config, command_inspect,
	command_policy, command_audit, command_call, command_hook, command_doctor;

/* A long option: with VALUE it takes one, else it sets FLAG. */
struct cli_option {
	const char *name; /* NULL ends the table */
	const char **value;
	bool *flag;
};

/*
 * Read the options; operands go to the end of ARGV, and *FIRST is where they begin. False when
 * there is nothing left to do but to exit with *STATUS: help was wanted, or an option is wrong.
 */
bool cli_options(const struct command *c, int argc, char **argv, const struct cli_option *options,
		 int *first, int *status) must_check;

/* A line on stderr, "postern: …". Returns CLI_FAILED. */
int cli_fail(const char *fmt, ...) printf_like(1, 2);
/* The same line; returns STATUS. */
int cli_fail_with(int status, const char *fmt, ...) printf_like(2, 3);
/* The line, and where it is said how to use the command. Returns CLI_USAGE. */
int cli_usage(const struct command *c, const char *fmt, ...) printf_like(2, 3);

/*
 * The text of the file at PATH, "-" for standard input, without its last newline. 0; -errno,
 * -ENOBUFS when it is longer than OUT takes.
 */
int cli_read_file(const char *path, struct buf *out) must_check;
/* ARG itself, or what "@FILE" and "@-" name. As cli_read_file. */
int cli_read_value(struct bytes arg, struct buf *out) must_check;
/* An environment variable; NULL when it is not set, or to nothing. */
const char *cli_variable(const char *name);
/* Append a JSON text, on one line. */
void cli_put_json(struct buf *out, const json_t *v);
/* Write to stdout. False, with a line on stderr, when that fails. */
bool cli_print(struct bytes text) must_check;
