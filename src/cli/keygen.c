/* SPDX-License-Identifier: ISC */
#include "base/text.h"
#include "cli/cli.h"
#include "role/config_read.h"

#include <sodium.h>
#include <stdio.h>

static int make_key(const char *path)
{
	char err[CONFIG_ERROR_MAX];

	if (config_make_key(path, err) != 0)
		return cli_fail("%s", err);
	fprintf(stderr, "%s: a new root key.\nBack it up: without it every handle is lost.\n",
		path);
	return CLI_OK;
}

static int make_token(const char *name, const char *verbs)
{
	struct buf out cleanup(buf_done) = BUF_INIT(4096);
	char token[TOKEN_TEXT_MAX];
	unsigned char hash[32];

	config_make_token(token, hash);
	buf_printf(&out, "%s\n%s sha256:", token, name);
	text_put_hex(&out, bytes_of(hash, sizeof(hash)));
	buf_printf(&out, " %s\n", verbs);
	sodium_memzero(token, sizeof(token));
	if (buf_status(&out) < 0)
		return cli_fail("%s", strerror(-buf_status(&out)));
	fputs("line 1: the token, for the backend; it is not shown again\n"
	      "line 2: for the callers file\n",
	      stderr);
	return cli_print(buf_bytes(&out)) ? CLI_OK : CLI_FAILED;
}

static int keygen(const struct command *self, int argc, char **argv)
{
	const char *name = NULL, *verbs = NULL;
	const struct cli_option options[] = {
		{"token", .value = &name}, {"verbs", .value = &verbs}, {NULL}};
	int first, status;
	uint32_t mask;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	if (!name && verbs)
		return cli_usage(self, "--verbs goes with --token");
	if (argc - first != !name)
		return cli_usage(self, "one FILE, or --token, is wanted");
	if (!name)
		return make_key(argv[first]);
	if (!caller_name_valid(bytes_str(name)))
		return cli_usage(self, "NAME must be 1 to 64 of a-z, 0-9, _ and -");
	if (verbs && caller_verbs_parse(bytes_str(verbs), &mask) != 0)
		return cli_usage(self, "LIST must be all, or verbs with commas between");
	return make_token(name, verbs ? verbs : "all");
}

const struct command command_keygen = {
	.name = "keygen",
	.help = "make a root key, or a caller's token",
	.usage = "FILE\n"
		 "--token NAME [--verbs LIST]\n"
		 "\n"
		 "  FILE           where the root key goes; it must not exist\n"
		 "  --token NAME   make a token for the caller NAME instead\n"
		 "  --verbs LIST   what the caller may do: get_zones,add_record... (all)\n",
	.run = keygen,
};
