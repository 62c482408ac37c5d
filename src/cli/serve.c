/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"
#include "role/supervisor.h"

#include <stdio.h>
#include <stdlib.h>

static const char dev_warning[] =
	"postern: DEVELOPMENT MODE, not for production:\n"
	"postern:   - the root key was made for you and lies beside the log; nobody backs it up\n"
	"postern:   - the one caller's token stands on standard output and changes at each start\n"
	"postern:   - self-hosted providers may be on this machine, over plain HTTP\n"
	"postern:   - handles may be made with every policy profile\n";

/* $XDG_STATE_HOME/postern-dev, or the place that it stands for. 0, CONFIG_E_BAD or -ENOMEM. */
static int default_state_dir(char **out)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	/* The XDG specification has relative paths ignored. */
	if (state && *state == '/')
		n = asprintf(out, "%s/postern-dev", state);
	else if (home && *home == '/')
		n = asprintf(out, "%s/.local/state/postern-dev", home);
	else
		return CONFIG_E_BAD;
	return n < 0 ? -ENOMEM : 0;
}

static int serve_dev(const struct command *self, const char *listen, const char *state_dir)
{
	char token[TOKEN_TEXT_MAX], err[CONFIG_ERROR_MAX];
	struct config *config;
	char *made = NULL;
	int r = state_dir ? 0 : default_state_dir(&made);

	if (r > 0)
		return cli_usage(self, "HOME is not set: where should the state go? (--state-dir)");
	if (r < 0)
		return cli_fail("%s", strerror(-r));
	r = config_dev(listen, state_dir ? state_dir : made, &config, token, err);
	free(made);
	if (r != 0)
		return cli_fail("%s", err);
	fputs(dev_warning, stderr);
	return supervisor_run(config, token, NULL);
}

static int serve(const struct command *self, int argc, char **argv)
{
	const char *path = NULL, *listen = NULL, *state_dir = NULL;
	bool dev = false;
	const struct cli_option options[] = {{"config", .value = &path},
					     {"dev", .flag = &dev},
					     {"listen", .value = &listen},
					     {"state-dir", .value = &state_dir},
					     {NULL}};
	char err[CONFIG_ERROR_MAX];
	struct config *config;
	int first, status;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	if (first < argc)
		return cli_usage(self, "too many arguments");
	if (dev && path)
		return cli_usage(self, "--dev reads no configuration");
	if (!dev && (listen || state_dir))
		return cli_usage(self, "--listen and --state-dir go with --dev only");
	if (dev)
		return serve_dev(self, listen ? listen : "127.0.0.1:8080", state_dir);
	if (!path)
		path = CLI_CONFIG_FILE;
	if (config_load(path, &config, err) != 0)
		return cli_fail("%s", err);
	return supervisor_run(config, NULL, path);
}

const struct command command_serve = {
	.name = "serve",
	.help = "run the gateway",
	.usage = "[--config FILE]\n"
		 "--dev [--listen 127.0.0.1:PORT] [--state-dir DIR]\n"
		 "\n"
		 "  --config FILE      the configuration (" CLI_CONFIG_FILE ")\n"
		 "  --dev              no configuration: a key, a log and a token are made\n"
		 "  --listen ADDRESS   with --dev: where to listen (127.0.0.1:8080)\n"
		 "  --state-dir DIR    with --dev: key and log ($XDG_STATE_HOME/postern-dev)\n",
	.run = serve,
};
