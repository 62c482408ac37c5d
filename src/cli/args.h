/* SPDX-License-Identifier: ISC */
#pragma once

/* What people write on the command line, and what they are shown. Pure. */
#include "base/json.h"

enum { ARGS_E_BAD = 1 };

/* "key=value" or "key:=JSON" taken apart, borrowed. 0 or ARGS_E_BAD: no "=", or no key before. */
int args_split(struct bytes arg, struct bytes *key, struct bytes *value, bool *raw) must_check;

/*
 * Set a member of an object; each dot in KEY leads into an object of its own, made when missing.
 * Takes V, which may be NULL: no memory. NULL, or a static sentence about what is wrong.
 */
const char *args_set(json_t *o, struct bytes key, json_t *v) must_check;

/*
 * "90s", "15m", "2h", "3d", "1w" before NOW, or an RFC 3339 time; microseconds since 1970. 0 or
 * ARGS_E_BAD.
 */
int args_time(struct bytes text, int64_t now, int64_t *out) must_check;

/*
 * Append V for people: "key: value" lines, what is nested indented. Nothing but printable ASCII and
 * newlines.
 */
void args_print(struct buf *b, const json_t *v);
