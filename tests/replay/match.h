/* SPDX-License-Identifier: ISC */
#pragma once

/* Which entry of a provider's table a recorded exchange is one of. */
#include "recording.h"

struct match {
	int number;		   /* of the exchange; -1: none */
	const struct login *login; /* or of a login; NULL: none */
	struct bytes zone, type;   /* what stands where the path has {zone}, {type}; or empty */
};

/* REQUEST is the recorded request's body: it tells what has one method and path apart. */
bool match_find(const struct provider *p, const struct recording *r, struct bytes request,
		struct match *out);
