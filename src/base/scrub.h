/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Takes secrets out of text that somebody sends back: each byte becomes a '*', nothing moves. Pure.
 *
 * A secret is known as it is; as JSON, XML and URLs spell it, whichever characters they escape; in hex; and within any base64.
 */
#include "base/buf.h"

#define SCRUB_MIN	8  /* bytes of the shortest secret, or beginning of one, that is looked for */
#define SCRUB_WHOLE_MIN 16 /* of one that is looked for in data, where a short word may stand by chance */

/* Append the forms of SECRET to FORMS, a plist; what is shorter than SCRUB_MIN has none. */
void scrub_add(struct buf *forms, struct bytes secret);

enum scrub {
	SCRUB_ALL, /* beginnings too, from SCRUB_MIN bytes on: a text may be cut, or show the first half */
	SCRUB_WHOLE, /* whole secrets, of SCRUB_WHOLE_MIN bytes at least */
};

/* Scrub the N bytes at P. How many were covered. */
size_t scrub(struct bytes forms, enum scrub how, unsigned char *p, size_t n);
