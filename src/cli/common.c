/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define OPTIONS_MAX 24

static void print_usage(const struct command *c, FILE *to)
{
	const char *line = c->usage, *before = "usage:";

	/* The forms come first, one a line; a command that takes nothing has one that is empty. */
	do {
		size_t n = strcspn(line, "\n");
		fprintf(to, "%s postern %s%s%.*s\n", before, c->name, n ? " " : "", (int)n, line);
		before = "      ";
		line += n + (line[n] == '\n');
	} while (*line && *line != '\n');
	fputs(line, to);
}

bool cli_options(const struct command *c, int argc, char **argv, const struct cli_option *options,
		 int *first, int *status)
{
	struct option longs[OPTIONS_MAX + 2] = {{"help", no_argument, NULL, 'h'}};
	int n = 1, which, got;

	for (const struct cli_option *o = options; o->name; o++) {
		if (n > OPTIONS_MAX)
			abort(); /* the table is ours, and too long */
		longs[n++] = (struct option){o->name, o->value ? required_argument : no_argument,
					     NULL, 0};
	}
	while ((got = getopt_long(argc, argv, "h", longs, &which)) != -1) {
		if (got == 'h') {
			printf("%s\n\n", c->help);
			print_usage(c, stdout);
			*status = CLI_OK;
			return false;
		}
		if (got != 0) {
			print_usage(c, stderr);
			*status = CLI_USAGE;
			return false;
		}
		if (options[which - 1].value)
			*options[which - 1].value = optarg;
		else
			*options[which - 1].flag = true;
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
	print_usage(c, stderr);
	return CLI_USAGE;
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
