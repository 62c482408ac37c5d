/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Takes secrets out of text that somebody sends back: each byte becomes a '*', nothing moves. A secret is known as it stands; as JSON, XML and URLs spell it,
 * whichever characters they escape; in hex; and within any base64. Pure.
 */
#include "base/buf.h"

#define SCRUB_MIN      8 /* bytes of the shortest secret, or beginning of one, that is looked for */
#define SCRUB_DATA_MIN 16 /* …in data, where a short word may stand by chance */

enum scrub {
	SCRUB_TEXT, /* beginnings too, of SCRUB_MIN bytes at least: a text may be cut, or show a part */
	SCRUB_DATA, /* whole secrets alone, of SCRUB_DATA_MIN bytes at least */
};

/* Append the forms of SECRET to FORMS, a plist that starts empty. */
void scrub_add(struct buf *forms, struct bytes secret);
enum {
	SCRUB_E_WORK = 1, /* made to be hard: what it would cost is bounded, and it is not done */
};
/* Scrub the N bytes at P, of which *STARS become stars. 0; or SCRUB_E_WORK or -ENOMEM, with P as it was. */
int scrub(struct bytes forms, enum scrub how, unsigned char *p, size_t n, size_t *stars) must_check;
