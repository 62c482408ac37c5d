/* SPDX-License-Identifier: ISC */
#pragma once

/* A JSON object checked against a table: nothing unknown, nothing missing, everything of its type and size. Pure. */
#include "base/json.h"

enum field_kind { FIELD_TEXT, FIELD_BOOL, FIELD_NUMBER, FIELD_OBJECT, FIELD_TEXTS };

struct field_rule {
	const char *name; /* NULL ends the table */
	enum field_kind kind;
	bool required;
	size_t max; /* FIELD_TEXT and each of FIELD_TEXTS: bytes; FIELD_NUMBER: the largest value */
	size_t items; /* FIELD_TEXTS: how many */
};

/*
 * NULL when O keeps to RULES; else a static sentence, and FIELD (of SIZE bytes) names the field behind PREFIX: "record.fqdn". Never
 * a value.
 */
const char *fields_check(const json_t *o, const struct field_rule *rules, const char *prefix,
			 char *field, size_t size);

/*
 * PREFIX and NAME in FIELD, which is returned. A name that could be anything but a field's (over 64 bytes, or other than letters, digits, '_', '-', '.') is left
 * out: somebody may have sent a secret in the wrong place.
 */
const char *field_path(char *field, size_t size, const char *prefix, const char *name);
