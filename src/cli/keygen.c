/* SPDX-License-Identifier: ISC */
#include "base/text.h"
#include "cli/cli.h"
#include "role/config_read.h"

#include <sodium.h>
#include <stdio.h>

/* A root key's id, as handles, log and metrics have it. */
struct key_id {
	char text[2 * KEY_ID_BYTES + 1];
};

/* Of the key that is read from SOURCE by READ. CLI_OK, or it was said why not. */
static int id_of(const char *source, int (*read)(const char *, unsigned char *, char *),
		 struct key_id *out)
{
	unsigned char *secret = sodium_malloc(ROOT_KEY_BYTES), id[KEY_ID_BYTES];
	char err[CONFIG_ERROR_MAX];
	int status = CLI_OK;

	if (!secret)
		return cli_fail("out of memory");
	if (read(source, secret, err) == 0) {
		root_key_id(id, secret);
		sodium_bin2hex(out->text, sizeof(out->text), id, sizeof(id));
	} else {
		status = cli_fail("%s", err);
	}
	sodium_free(secret); /* wipes */
	return status;
}

static int make_key(const char *path)
{
	char err[CONFIG_ERROR_MAX];
	struct key_id id;

	if (config_make_key(path, err) != 0)
		return cli_fail("%s", err);
	if (id_of(path, config_read_key, &id) != CLI_OK)
		return CLI_FAILED;
	fprintf(stderr, "%s: a new key; as a root key its id is %s.\n", path, id.text);
	fputs("Back it up: without its root key every handle is lost.\n", stderr);
	return CLI_OK;
}

static int print_id(const char *source)
{
	struct key_id id;
	bool inherited = bytes_starts(bytes_str(source), BYTES("fd:"));
	int status = id_of(source, inherited ? config_read_key_from : config_read_key, &id);

	if (status != CLI_OK)
		return status;
	return puts(id.text) < 0 ? CLI_FAILED : CLI_OK; /* main() says why */
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
	const char *name = NULL, *verbs = NULL, *source = NULL;
	const struct cli_option options[] = {{"id", .value = &source},
					     {"token", .value = &name},
					     {"verbs", .value = &verbs},
					     {NULL}};
	int first, status;
	uint32_t mask;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	if (!name && verbs)
		return cli_usage(self, "--verbs goes with --token");
	if ((name && source) || argc - first != (!name && !source))
		return cli_usage(self, "one FILE, or --token, or --id, is wanted");
	if (source)
		return print_id(source);
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
		 "--id FILE\n"
		 "\n"
		 "  FILE           where the key goes; it must not exist\n"
		 "  --token NAME   make a token for the caller NAME instead\n"
		 "  --verbs LIST   what the caller may do: get_zones,add_record... (all)\n"
		 "  --id FILE      print the id of the root key there, which is no secret;\n"
		 "                 fd:NUMBER: of the one that can be read from that descriptor\n",
	.run = keygen,
};
