/* SPDX-License-Identifier: ISC */
#pragma once

/* The subcommands of `postern audit`. audit.c: show, unresolved, and the arguments. audit_verify.c: the others. */

#include <stdbool.h>

struct audit_arguments {
	const char *dir, *config, *since, *until, *customer, *integration, *zone, *result, *caller,
		*event, *request, *key, *receipt, *index, *old, *size, *from;
	bool json;
};

/* Each returns an exit status. */
int audit_verify(const struct audit_arguments *a);
int audit_prove(const struct audit_arguments *a);
int audit_checkpoint(const struct audit_arguments *a);
int audit_keys(const struct audit_arguments *a);
