/* SPDX-License-Identifier: ISC */
#pragma once

/* The subcommands of `postern audit`. audit.c: their arguments. audit_show.c: show, unresolved. audit_verify.c: the others. */

#include "cli/cli.h"

struct audit_arguments {
	const char *dir, *config, *since, *until, *customer, *integration, *zone, *result, *caller,
		*event, *request, *key, *receipt, *index, *old, *size, *from;
	bool json;
};

/* Each returns an exit status. UNRESOLVED: of the lines that match, the intents without an outcome. */
int audit_show(const struct command *self, const struct audit_arguments *a, bool unresolved);
int audit_verify(const struct audit_arguments *a);
int audit_prove(const struct audit_arguments *a);
int audit_checkpoint(const struct audit_arguments *a);
int audit_keys(const struct audit_arguments *a);
