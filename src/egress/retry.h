/* SPDX-License-Identifier: ISC */
#pragma once

/* The value of Retry-After (RFC 9110 section 10.2.3). Pure. */
#include "base/bytes.h"
#include "base/error.h"

#define RETRY_AFTER_MAX 86400u /* seconds; more is cut to this */

enum { RETRY_E_BAD = 1 };
/*
 * Decimal seconds, or an IMF-fixdate; the two obsolete forms of dates are not taken. A date before
 * NOW (microseconds since 1970) is 0 seconds; a part of a second counts as one. 0 or RETRY_E_BAD.
 */
int retry_after_parse(struct bytes value, int64_t now, uint32_t *seconds) must_check;
