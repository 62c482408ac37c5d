/* SPDX-License-Identifier: ISC */
#pragma once

/* Punycode (RFC 3492), to tell A-labels from what only looks like them. Lower-case digits only. */
#include "base/bytes.h"
#include "base/error.h"

enum {
	PUNYCODE_E_BAD = 1, /* not Punycode, or more than fits */
};

/*
 * Decode to at most MAX code points, none a surrogate or over U+10FFFF. OUT is spoiled on failure.
 * Returns 0 or PUNYCODE_E_BAD.
 */
int punycode_decode(struct bytes in, uint32_t *out, size_t max, size_t *n) must_check;

/* Encode to at most MAX bytes. OUT is spoiled on failure. Returns 0 or PUNYCODE_E_BAD. */
int punycode_encode(const uint32_t *in, size_t n, unsigned char *out, size_t max,
		    size_t *len) must_check;
