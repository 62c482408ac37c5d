/* SPDX-License-Identifier: ISC */
#pragma once

/* What a signature is made of. Pure. */
#include "base/buf.h"

/* A finished request, as it will be sent, and who asks. */
struct signing {
	const char *method;
	struct bytes host;	   /* as in the Host header */
	struct bytes target;	   /* path and query, percent-encoded as they will be sent */
	struct bytes content_type; /* empty: no body */
	struct bytes body;
	int64_t now;		  /* seconds since 1970 */
	struct bytes credentials; /* plist of pairs, secrets too */
};

enum { SIGN_E_FIELD = 1 }; /* a credential field is missing or not usable */

/* Append header lines ("Name: value") to HEADERS, a plist. 0, SIGN_E_FIELD or -errno. */
typedef int sign_fn(const struct signing *s, struct buf *headers);
