/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int check_config(const struct command *self, int argc, char **argv)
{
	const struct cli_option options[] = {{NULL}};
	const char *path = CLI_CONFIG_FILE;
	char err[CONFIG_ERROR_MAX];
	struct config *config;
	int first, status;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	if (argc - first > 1)
		return cli_usage(self, "too many arguments");
	if (first < argc)
		path = argv[first];
	if (config_load(path, &config, err) != 0)
		return cli_fail("%s", err);
	if (access(config->ca_file, R_OK) < 0)
		fprintf(stderr, "postern: warning: %s: %s: no provider can be reached over HTTPS\n",
			config->ca_file, strerror(errno));
	for (size_t i = 0; i < config->n_httpreq; i++)
		if (config->httpreq[i].unknown.n)
			fprintf(stderr, "postern: warning: httpreq \"%s\": no such caller: %.*s\n",
				config->httpreq[i].name, (int)config->httpreq[i].unknown.n,
				(const char *)config->httpreq[i].unknown.p);
	printf("%s: good; root keys: %zu, callers: %zu", path, config->n_keys, config->n_callers);
	if (config->n_httpreq)
		printf(", names of httpreq: %zu", config->n_httpreq);
	putchar('\n');
	config_free(config);
	return CLI_OK;
}

const struct command command_check_config = {
	.name = "check-config",
	.help = "check the configuration, the callers file and the root keys",
	.usage = "[FILE]\n"
		 "\n"
		 "  FILE   the configuration (" CLI_CONFIG_FILE ")\n",
	.run = check_config,
};
