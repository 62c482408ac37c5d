/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GROUP_MAX   16
#define OPTIONS_MAX 24
#define LONG_FIRST  256 /* what getopt gives for the first of them: no letter */

void cli_print_commands(FILE *to, const struct command *const *commands, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(to, "  %-14s%s\n", commands[i]->name, commands[i]->help);
}

const struct command *cli_find_command(const struct command *const *commands, size_t n,
				       const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
	return NULL;
}

static void print_name(const struct command *c, FILE *to)
{
	fprintf(to, "%s%s%s", c->group ? c->group : "", c->group ? " " : "", c->name);
}

static void print_help(const struct command *c)
{
	const char *line = c->usage, *before = "usage:";

	printf("%s\n\n", c->help);
	/* The forms come first, one a line; a command that takes nothing has one that is empty. */
	do {
		size_t n = strcspn(line, "\n");
		printf("%s postern ", before);
		print_name(c, stdout);
		printf("%s%.*s\n", n ? " " : "", (int)n, line);
		before = "      ";
		line += n + (line[n] == '\n');
	} while (*line && *line != '\n');
	fputs(line, stdout);
}

/* Behind a line that says what is wrong. */
static int point_to_help(const struct command *c)
{
	fputs("postern: see `postern ", stderr);
	print_name(c, stderr);
	fputs(" --help`\n", stderr);
	return CLI_USAGE;
}

/* How many of the options begin with the N bytes at NAME: one, where it is that one's whole name. */
static int fitting(const struct option *longs, const char *name, size_t n)
{
	int found = 0;

	for (const struct option *o = longs; o->name; o++) {
		if (strncmp(o->name, name, n) != 0)
			continue;
		if (!o->name[n])
			return 1;
		found++;
	}
	return found;
}

/* What getopt did not take: ARG, as it stands there, or one letter. What follows a "=" may be a secret. */
static int refuse_option(const struct command *c, const struct option *longs, const char *arg)
{
	const char letter[] = {'-', (char)optopt, 0}, *why = "";
	bool is_long =
		strncmp(arg, "--", 2) == 0 && (!optopt || optopt == 'h' || optopt >= LONG_FIRST);
	size_t n;

	if (!is_long)
		arg = letter;
	n = strcspn(arg, "=");
	if (is_long)
		switch (fitting(longs, arg + 2, n - 2)) {
		case 0:
			break;
		case 1:
			why = " with a value";
			break;
		default:
			why = ": it could be one of several";
		}
	fputs("postern: `", stderr);
	print_name(c, stderr);
	fprintf(stderr, "` takes no %.*s%s\n", (int)n, arg, why);
	return point_to_help(c);
}

bool cli_options(const struct command *c, int argc, char **argv, const struct cli_option *options,
		 int *first, int *status)
{
	struct option longs[OPTIONS_MAX + 2] = {{"help", no_argument, NULL, 'h'}};
	int n = 1, got;

	for (const struct cli_option *o = options; o->name; o++) {
		if (n > OPTIONS_MAX)
			abort(); /* the table is ours, and too long */
		/* Each a value of its own: getopt takes the first of several that a short form fits when they have the same. */
		longs[n] = (struct option){o->name, o->value ? required_argument : no_argument,
					   NULL, LONG_FIRST + n - 1};
		n++;
	}
	while ((got = getopt_long(argc, argv, c->options_first ? "+:h" : ":h", longs, NULL)) !=
	       -1) {
		const struct cli_option *o = got >= LONG_FIRST ? &options[got - LONG_FIRST] : NULL;

		*status = CLI_OK;
		if (o && o->value)
			*o->value = optarg;
		else if (o)
			*o->flag = true;
		else if (got == 'h')
			print_help(c);
		else if (got == ':')
			*status = cli_usage(c, "%s wants a value", argv[optind - 1]);
		else
			*status = refuse_option(c, longs, argv[optind - 1]);
		if (!o)
			return false;
	}
	*first = optind;
	return true;
}

static void print_error(const char *fmt, va_list ap) printf_like(1, 0);
static void print_error(const char *fmt, va_list ap)
{
	fputs("postern: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int cli_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_error(fmt, ap);
	va_end(ap);
	return CLI_FAILED;
}

int cli_fail_with(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_error(fmt, ap);
	va_end(ap);
	return status;
}

int cli_usage(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_error(fmt, ap);
	va_end(ap);
	return point_to_help(c);
}

int cli_run_group(const struct command *self, const struct command *list, size_t count,
		  const char *examples, int argc, char **argv)
{
	const struct command *commands[GROUP_MAX], *c;

	if (count > GROUP_MAX)
		abort(); /* the table is ours, and too long */
	for (size_t i = 0; i < count; i++)
		commands[i] = &list[i];
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("%s\n\nusage: postern %s COMMAND [OPTIONS]\n\n", self->help, self->name);
		cli_print_commands(stdout, commands, count);
		printf("\n`postern %s COMMAND --help` says more.\n", self->name);
		return CLI_OK;
	}
	if (argc < 2 || argv[1][0] == '-')
		return cli_usage(self, "the name of a subcommand is wanted first: %s...", examples);
	c = cli_find_command(commands, count, argv[1]);
	if (!c)
		return cli_usage(self, "there is no `%s %s`", self->name, argv[1]);
	return c->run(c, argc - 1, argv + 1);
}

int cli_read_file(const char *path, struct buf *out)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	unsigned char chunk[4096];
	ssize_t n = 0;
	int r;

	if (fd < 0)
		return -errno;
	while (!buf_status(out) && (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(out, chunk, (size_t)n);
	r = n < 0 ? -errno : buf_status(out);
	explicit_bzero(chunk, sizeof(chunk));
	if (fd != STDIN_FILENO)
		close(fd);
	if (r == 0 && out->n && out->p[out->n - 1] == '\n')
		buf_truncate(out, out->n - 1);
	return r;
}

int cli_read_value(struct bytes arg, struct buf *out)
{
	char path[IPC_PATH_MAX];

	if (!arg.n || arg.p[0] != '@') {
		buf_put_bytes(out, arg);
		return buf_status(out);
	}
	if (bytes_to_str(bytes_skip(arg, 1), path, sizeof(path)) < 0)
		return -ENAMETOOLONG;
	return cli_read_file(path, out);
}

const char *cli_variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static int put_piece(const char *p, size_t n, void *out)
{
	buf_put(out, p, n);
	return buf_status(out);
}

void cli_put_json(struct buf *out, const json_t *v)
{
	if (json_dump_callback(v, put_piece, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0 &&
	    buf_status(out) == 0)
		out->failed = -ENOMEM;
}

bool cli_print(struct bytes text)
{
	if (fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0)
		return true;
	cli_fail("standard output: %s", strerror(errno));
	return false;
}
