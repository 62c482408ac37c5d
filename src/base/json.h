/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * JSON in and out. The values are jansson's; reading is ours, with limits (json_read.c); writing is a few appends to a buf.
 */
#include "base/buf.h"

#include <jansson.h>

/*
 * An array or object counts twice. 4 MiB of "{}," would make 330 MB; so many make
 * 65 MB at most. The densest honest answer, a zone of PowerDNS's with small sets, has 365,000 in
 * 4 MiB.
 */
#define JSON_VALUES_MAX 400000

enum {
	JSON_E_BAD = 1, /* not well-formed, a duplicate key, or over a limit */
};

/* json_decref(*v), for cleanup(). */
void json_cleanup(json_t **v);

/*
 * Parse one whole JSON text (RFC 8259): UTF-8, no duplicate keys, no NUL characters, nesting at most
 * DEPTH, JSON_VALUES_MAX values. *OUT is the caller's to json_decref. ERR, of ERR_SIZE bytes, may be NULL; else it gets where the
 * text went wrong ("line 3, column 7"), never a piece of it.
 * Returns 0, JSON_E_BAD, or -ENOMEM.
 */
int json_parse(struct bytes in, unsigned depth, json_t **out, char *err,
	       size_t err_size) must_check;
/*
 * The same, but of objects only the members with one of N NAMES: what others hold is checked for its form alone (not for duplicate keys, nor for numbers too large), and becomes
 * no value. Of a list of zones that is most.
 */
int json_parse_members(struct bytes in, unsigned depth, const struct bytes *names, size_t n,
		       json_t **out) must_check;

/* A new JSON string. NULL when V is not UTF-8, or there is no memory. */
json_t *json_from_bytes(struct bytes v);
/* The bytes of a JSON string, borrowed from it; empty unless V is a string. */
struct bytes json_bytes(const json_t *v);
/* O[KEY] as a string's bytes; empty when O is no object, or KEY is absent or no string. O may be NULL. */
struct bytes json_get_bytes(const json_t *o, const char *key);
/*
 * What lies at PATH below V: keys and indices with dots between ("errors.0.code"); "" is V itself. NULL when there is nothing.
 */
const json_t *json_at(const json_t *v, const char *path);
/* As the string there; empty when it is none. */
struct bytes json_bytes_at(const json_t *v, const char *path);
/* O[KEY] as a whole number from 0 to MAX. False when it is not there or is something else. */
bool json_get_u64(const json_t *o, const char *key, uint64_t max, uint64_t *out);

/*
 * Append a JSON string, in quotes, ASCII only: everything outside 0x20–0x7e is escaped (\n, \uXXXX with
 * surrogate pairs), so that a log line stays one line in any viewer. Bytes that are not UTF-8
 * become U+FFFD.
 */
void json_put_string(struct buf *b, struct bytes s);
