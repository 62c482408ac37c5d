/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Providers sometimes repeat what was sent to them, in errors above all. The courier, which alone has the credential, takes it out of an answer before anybody sees
 * it. Pure.
 */
#include "base/scrub.h"
#include "provider/provider.h"

#define SECRETS_FORMS_MAX (2 * 1024 * 1024) /* bytes of the forms of one credential */

/*
 * Append to SHOWN, a plist, what a request shows besides the credential itself: the secrets among OWN, the fields that a login gave; the pair, the signature in LINES, the headers that
 * the credential put on it.
 */
void secrets_note(const struct provider *p, struct bytes own, struct bytes lines,
		  struct buf *shown);
/* Append the forms (base/scrub.h) of the secrets among PAIRS, the credential. FORMS says at its end whether that failed. */
void secrets_forms(const struct provider *p, struct bytes pairs, struct buf *forms);
/* Of what SHOWN has besides them too. */
void secrets_shown_forms(const struct provider *p, struct bytes pairs, struct bytes shown,
			 struct buf *forms);

enum { SECRETS_E_DATA = 1 };
/*
 * Scrub an answer. SECRETS_E_DATA: it is what an exchange that reads was after, and holds the secret itself. It must not go on: the stars would be written back
 * into the zone. -ENOBUFS: it was made to be hard to read. 0 or -ENOMEM otherwise.
 */
int secrets_scrub(struct bytes forms, const struct exchange *e, unsigned status,
		  struct buf *headers, struct buf *body) must_check;
