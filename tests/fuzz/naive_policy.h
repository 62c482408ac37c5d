/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * A second reading of the record policy, to be compared with src/policy: strings and regular
 * expressions, a registry list of its own, slow, and sharing no code with what it checks.
 */
#include <stdbool.h>

struct naive_case {
	const char *profile;			/* "article", "guarded", "strict" */
	bool standing;				/* standing authority is switched on */
	const char *name, *type, *mode, *value; /* canonical */
	const char *const *targets;		/* names; NULL ends them */
	const char *const *authorities;
};

bool naive_policy_allows(const struct naive_case *c);
