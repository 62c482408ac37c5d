/* SPDX-License-Identifier: ISC */
#pragma once

/* What every unit test includes: cmocka's prerequisites, and the vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#ifndef TEST_DATA
#define TEST_DATA "tests"
#endif

/* A copy of exactly the bytes, on the heap, so that a sanitizer sees one byte too far. Free it. */
static inline unsigned char *test_exact(struct bytes b)
{
	unsigned char *p = malloc(b.n ? b.n : 1);

	assert_non_null(p);
	if (b.n)
		memcpy(p, b.p, b.n);
	return p;
}

/* A whole file below tests/, for example "vectors/crypto/hkdf_sha256.json". buf_done() it. */
static inline struct buf test_file(const char *path)
{
	char full[1024];
	struct buf b = BUF_INIT(64u << 20);
	unsigned char chunk[65536];
	size_t n;
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", TEST_DATA, path);
	f = fopen(full, "rb");
	if (!f)
		fail_msg("%s: cannot be opened", full);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&b, chunk, n);
	fclose(f);
	assert_int_equal(buf_status(&b), 0);
	return b;
}

/* A JSON file below tests/. json_decref() it. */
static inline json_t *test_json(const char *path)
{
	struct buf b = test_file(path);
	json_error_t e;
	json_t *v = json_loadb((const char *)b.p, b.n, JSON_ALLOW_NUL, &e);

	if (!v)
		fail_msg("%s: %s at line %d", path, e.text, e.line);
	buf_done(&b);
	return v;
}

/* The bytes of a hex string. buf_done() it. */
static inline struct buf test_hex(struct bytes hex)
{
	struct buf b = BUF_INIT(16u << 20);

	for (size_t i = 0; i + 1 < hex.n; i += 2) {
		unsigned v;
		char two[3] = {(char)hex.p[i], (char)hex.p[i + 1], 0};
		assert_int_equal(sscanf(two, "%2x", &v), 1);
		buf_putc(&b, (unsigned char)v);
	}
	return b;
}
