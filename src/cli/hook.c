/* SPDX-License-Identifier: ISC */
#include "cli/hook.h"
#include "cli/args.h"
#include "cli/cli.h"

#include "base/text.h"
#include "sys/loop.h"

#include <sodium.h>
#include <sys/stat.h>

#define IDS_MAX (64 * 1024) /* of the records of one call */
#define AGE	"1h" /* of what `sweep` takes for left over: longer than any order is under way */
#define PREFIX	"_acme-challenge."

/* One call of a client's. */
struct hook {
	const struct command *self;
	const char *config, *older_than;
	bool wait;
	struct hook_settings settings;
	struct hook_state state;
	struct hook_gateway gateway;
	struct buf ids; /* what is to be waited for */
};

static void hook_done(struct hook *h)
{
	hook_gateway_done(&h->gateway);
	hook_state_done(&h->state);
	hook_settings_done(&h->settings);
	buf_done(&h->ids);
}

#define HOOK_INIT(command)                                                                         \
	((struct hook){.self = command,                                                            \
		       .state = {.dir = -1},                                                       \
		       .ids = BUF_INIT(IDS_MAX),                                                   \
		       .older_than = AGE})

static int open_hook(struct hook *h)
{
	const char *why;
	int status = hook_settings_load(&h->settings, h->config);

	if (status != CLI_OK)
		return status;
	umask(077);
	why = hook_state_open(&h->state, h->settings.text[HOOK_STATE]);
	if (why)
		return cli_fail_with(CLI_USAGE, "%s: %s", h->settings.text[HOOK_STATE], why);
	return hook_gateway_init(&h->gateway, &h->settings, &h->state);
}

/* ---- names and values ---- */

static int parse_name(struct bytes text, struct dns_name *out)
{
	return dns_name_parse(out, text) == 0
		       ? CLI_OK
		       : cli_fail_with(CLI_USAGE, "that is no domain name that Postern takes");
}

/* Where the challenge for DOMAIN belongs; a wildcard's is at the name below the asterisk (RFC 8555 section 8.4). */
static int challenge_name(struct bytes domain, struct dns_name *out)
{
	struct buf text cleanup(buf_done) = BUF_INIT(2 * DNS_NAME_MAX);

	if (bytes_starts(domain, BYTES("*.")))
		domain = bytes_skip(domain, 2);
	buf_puts(&text, PREFIX);
	buf_put_bytes(&text, domain);
	if (!domain.n || buf_status(&text) < 0)
		buf_reset(&text); /* the prefix alone would be a name, too */
	return parse_name(buf_bytes(&text), out);
}

/* What the record says for a key authorization (RFC 8555 section 8.4). */
static void put_digest(struct buf *out, const char *authorization)
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)authorization, strlen(authorization));
	text_put_b64url(out, bytes_of(hash, sizeof(hash)));
}

static int one(struct hook *h, bool adding, const struct dns_name *name, const char *value)
{
	if (!*value)
		return cli_fail_with(CLI_USAGE, "there is no value");
	return adding ? hook_add(&h->gateway, name, bytes_str(value), &h->ids)
		      : hook_remove(&h->gateway, name, bytes_str(value));
}

static int wait_for_them(struct hook *h)
{
	return h->wait ? hook_wait(&h->gateway, buf_bytes(&h->ids)) : CLI_OK;
}

/* Clients call their hooks for other challenges too; those have the key authorization itself (RFC 8555 section 8.1), with its dot. */
static bool is_for_dns(const char *value)
{
	return !strchr(value, '.');
}

/* ---- certbot ---- */

static int certbot_domain(struct dns_name *name, const char **value)
{
	const char *domain = cli_variable("CERTBOT_DOMAIN");

	*value = cli_variable("CERTBOT_VALIDATION");
	if (!domain || !*value)
		return cli_fail_with(CLI_USAGE, "$CERTBOT_DOMAIN and $CERTBOT_VALIDATION are not "
						"set: this is for certbot to call");
	if (!is_for_dns(*value))
		return cli_fail_with(CLI_USAGE, "certbot wants an HTTP challenge answered: give it "
						"--preferred-challenges dns");
	return challenge_name(bytes_str(domain), name);
}

/* certbot calls for one challenge after the other, then has them all looked at: so they are waited for together, at the last. */
static int certbot_wait(struct hook *h)
{
	const char *remaining = cli_variable("CERTBOT_REMAINING_CHALLENGES");
	struct bytes all = bytes_str(cli_variable("CERTBOT_ALL_DOMAINS"));

	if (!h->wait || (remaining && strcmp(remaining, "0") != 0))
		return CLI_OK;
	while (all.n) {
		size_t n = bytes_find(all, BYTES(","));
		struct buf ids cleanup(buf_done) = BUF_INIT(IDS_MAX);
		struct bytes list, id;
		struct dns_name name;
		int status = challenge_name(bytes_of(all.p, n), &name);

		if (status != CLI_OK)
			return status;
		hook_find(&h->gateway, &name, &ids);
		list = buf_bytes(&ids);
		while (plist_next(&list, &id))
			if (!plist_has(buf_bytes(&h->ids), id))
				plist_put(&h->ids, id);
		all = bytes_skip(all, n + 1);
	}
	return wait_for_them(h);
}

static int run_certbot(struct hook *h, int argc, char **argv)
{
	bool adding = argc > 0 && strcmp(argv[0], "auth") == 0;
	struct dns_name name;
	const char *value;
	int status;

	if (argc != 1 || (!adding && strcmp(argv[0], "cleanup") != 0))
		return cli_usage(h->self, "auth or cleanup is wanted");
	status = certbot_domain(&name, &value);
	if (status == CLI_OK)
		status = open_hook(h);
	if (status == CLI_OK)
		status = one(h, adding, &name, value);
	return status == CLI_OK && adding ? certbot_wait(h) : status;
}

/* ---- dehydrated ---- */

static int dehydrated_one(struct hook *h, bool adding, const char *domain, const char *value)
{
	struct dns_name name;
	int status = challenge_name(bytes_str(domain), &name);

	if (status != CLI_OK)
		return status;
	if (!is_for_dns(value)) {
		/* Another certificate's type may be http-01, with the same hook. */
		cli_fail("%s: an HTTP challenge: nothing is done in DNS", name.text);
		return CLI_OK;
	}
	status = one(h, adding, &name, value);
	/* dehydrated would stop without its certificate. What is left over is told, and kept for `sweep`. */
	return adding || status == CLI_USAGE ? status : CLI_OK;
}

static int run_dehydrated(struct hook *h, int argc, char **argv)
{
	bool adding = argc > 0 && strcmp(argv[0], "deploy_challenge") == 0;
	int status, worst = CLI_OK;

	if (argc == 0)
		return cli_usage(h->self, "an operation is wanted: this is for dehydrated to call");
	if (!adding && strcmp(argv[0], "clean_challenge") != 0)
		return CLI_OK; /* there are many, and there will be more */
	if (argc < 4 || argc % 3 != 1)
		return cli_usage(h->self,
				 "%s takes a domain, a file's name and a value, or more such",
				 argv[0]);
	status = open_hook(h);
	if (status != CLI_OK)
		return status;
	for (int i = 1; i < argc; i += 3) {
		status = dehydrated_one(h, adding, argv[i], argv[i + 2]);
		if (status != CLI_OK && adding)
			return status;
		if (status != CLI_OK)
			worst = status; /* the others can go all the same */
	}
	return worst == CLI_OK && adding ? wait_for_them(h) : worst;
}

/* ---- lego ---- */

/* RAW mode: "--" DOMAIN TOKEN KEY_AUTH. Otherwise FQDN VALUE. */
static int lego_record(const struct command *self, int argc, char **argv, struct dns_name *name,
		       struct buf *value)
{
	if (argc == 4 && strcmp(argv[0], "--") == 0) {
		put_digest(value, argv[3]);
		buf_putc(value, 0);
		return challenge_name(bytes_str(argv[1]), name);
	}
	if (argc != 2)
		return cli_usage(self, "FQDN VALUE is wanted, or -- DOMAIN TOKEN KEY_AUTH");
	buf_puts(value, argv[1]);
	buf_putc(value, 0);
	return parse_name(bytes_str(argv[0]), name);
}

static int run_lego(struct hook *h, int argc, char **argv)
{
	struct buf value cleanup(buf_done) = BUF_INIT(HOOK_VALUE_MAX + 1);
	bool adding = argc > 0 && strcmp(argv[0], "present") == 0;
	struct dns_name name;
	int status;

	if (argc == 0 || (!adding && strcmp(argv[0], "cleanup") != 0))
		return cli_usage(h->self, "present or cleanup is wanted");
	status = lego_record(h->self, argc - 1, argv + 1, &name, &value);
	if (status == CLI_OK && buf_status(&value) < 0)
		status = cli_fail_with(CLI_USAGE, "the value is too long");
	if (status == CLI_OK)
		status = open_hook(h);
	if (status == CLI_OK)
		status = one(h, adding, &name, (const char *)value.p);
	return status == CLI_OK && adding ? wait_for_them(h) : status;
}

/* ---- by hand, and for scripts ---- */

static int run_one(struct hook *h, bool adding, int argc, char **argv)
{
	struct dns_name name;
	int status;

	if (argc != 2)
		return cli_usage(h->self, "NAME VALUE is wanted");
	status = parse_name(bytes_str(argv[0]), &name);
	if (status == CLI_OK)
		status = open_hook(h);
	if (status == CLI_OK)
		status = one(h, adding, &name, argv[1]);
	return status == CLI_OK && adding ? wait_for_them(h) : status;
}

static int run_add(struct hook *h, int argc, char **argv)
{
	return run_one(h, true, argc, argv);
}

static int run_remove(struct hook *h, int argc, char **argv)
{
	return run_one(h, false, argc, argv);
}

static int run_sweep(struct hook *h, int argc, char **argv)
{
	int64_t before;
	int status;

	if (argc > 0)
		return cli_usage(h->self, "too many arguments");
	if (args_time(bytes_str(h->older_than), clock_usec(), &before) != 0)
		return cli_usage(h->self, "--older-than takes a time such as 90s, 15m, 2h or 3d");
	status = open_hook(h);
	return status == CLI_OK ? hook_sweep(&h->gateway, before) : status;
}

/* ---- the commands ---- */

static int with_options(const struct command *self, int argc, char **argv, bool waits, bool sweeps,
			int (*run)(struct hook *h, int argc, char **argv))
{
	struct hook h cleanup(hook_done) = HOOK_INIT(self);
	struct cli_option options[4] = {{"config", .value = &h.config}}, *next = options + 1;
	int first, status;

	if (waits)
		*next++ = (struct cli_option){"wait", .flag = &h.wait};
	if (sweeps)
		*next++ = (struct cli_option){"older-than", .value = &h.older_than};
	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	return run(&h, argc - first, argv + first);
}

#define COMMAND(what, waits, sweeps)                                                               \
	static int what##_command(const struct command *self, int argc, char **argv)               \
	{                                                                                          \
		return with_options(self, argc, argv, waits, sweeps, run_##what);                  \
	}
COMMAND(certbot, true, false)
COMMAND(dehydrated, true, false)
COMMAND(lego, true, false)
COMMAND(add, true, false)
COMMAND(remove, false, false)
COMMAND(sweep, false, true)
#undef COMMAND

#define CONFIG_HELP "  --config FILE      the settings (" HOOK_CONFIG_FILE ")\n"
#define WAIT_HELP   "  --wait             then wait until all name servers of the zone have it\n"
#define STATUS_HELP                                                                                \
	"\nExit status: 0 done, 1 refused or failed, 2 usage or settings, 3 no gateway.\n"

static const struct command subcommands[] = {
	{
		.group = "hook",
		.name = "certbot",
		.help = "for certbot's --manual-auth-hook and --manual-cleanup-hook",
		.usage = "[OPTIONS] auth|cleanup\n\n" CONFIG_HELP
			 "  --wait             after an order's last challenge, wait until all "
			 "name\n"
			 "                     servers of the zones have them\n" STATUS_HELP,
		.options_first = true,
		.run = certbot_command,
	},
	{
		.group = "hook",
		.name = "dehydrated",
		.help = "for dehydrated's HOOK, chained or not",
		.usage = "[OPTIONS] deploy_challenge DOMAIN FILE VALUE...\n"
			 "[OPTIONS] clean_challenge DOMAIN FILE VALUE...\n"
			 "[OPTIONS] OPERATION...\n\n"
			 "All other operations are ignored.\n\n" CONFIG_HELP WAIT_HELP STATUS_HELP,
		.options_first = true,
		.run = dehydrated_command,
	},
	{
		.group = "hook",
		.name = "lego",
		.help = "for lego's exec provider, in both modes",
		.usage = "[OPTIONS] present|cleanup FQDN VALUE\n"
			 "[OPTIONS] present|cleanup -- DOMAIN TOKEN KEY_AUTH\n\n" CONFIG_HELP
				 WAIT_HELP STATUS_HELP,
		.options_first = true,
		.run = lego_command,
	},
	{
		.group = "hook",
		.name = "add",
		.help = "add a TXT record",
		.usage = "[OPTIONS] NAME VALUE\n\n" CONFIG_HELP WAIT_HELP STATUS_HELP,
		.options_first = true,
		.run = add_command,
	},
	{
		.group = "hook",
		.name = "remove",
		.help = "remove a TXT record that was added here",
		.usage = "[OPTIONS] NAME VALUE\n\n" CONFIG_HELP STATUS_HELP,
		.options_first = true,
		.run = remove_command,
	},
	{
		.group = "hook",
		.name = "sweep",
		.help = "remove what was left by clients that died",
		.usage = "[OPTIONS]\n\n" CONFIG_HELP
			 "  --older-than AGE   what was added before that: 90s, 15m, 2h, 3d (" AGE
			 ")\n"
			 "\nEach record that it removed is told on a line.\n" STATUS_HELP,
		.options_first = true,
		.run = sweep_command,
	},
};

static int hook(const struct command *self, int argc, char **argv)
{
	return cli_run_group(self, subcommands, ARRAY_LEN(subcommands), "certbot, dehydrated", argc,
			     argv);
}

const struct command command_hook = {
	.name = "hook",
	.help = "what ACME clients call: a challenge into DNS, and out again",
	.usage = "COMMAND [OPTIONS]\n",
	.run = hook,
};
