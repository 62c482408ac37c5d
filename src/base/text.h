/* SPDX-License-Identifier: ISC */
#pragma once

/* Strict conversions between text and values. No locale, no white space, one spelling each. */
#include "base/buf.h"

enum {
	TEXT_E_BAD = 1, /* not in the one accepted spelling, or out of range */
};

/* Decimal digits only, no sign, no leading zero but "0" itself, at most MAX. 0 or TEXT_E_BAD. */
int text_to_u64(struct bytes in, uint64_t max, uint64_t *out) must_check;

/* The value of a hexadecimal digit of either case, or -1. */
int text_hex_digit(unsigned char c);
/* Lower-case hex of the bytes, appended. */
void text_put_hex(struct buf *b, struct bytes in);

/* base64url without padding (RFC 4648 section 5), appended. */
void text_put_b64url(struct buf *b, struct bytes in);
/* Standard base64 with padding (RFC 4648 section 4), appended. */
void text_put_b64(struct buf *b, struct bytes in);
/*
 * Decode unpadded base64url, one spelling only: no padding, no white space, zero trailing bits.
 * Appends to OUT. Returns 0, TEXT_E_BAD, or OUT's failure.
 */
int text_from_b64url(struct bytes in, struct buf *out) must_check;
/* Percent-encode all but RFC 3986 unreserved characters, appended. */
void text_put_pct(struct buf *b, struct bytes in);
/* The reverse; what is not encoded stays as it is. Appends to OUT. 0, TEXT_E_BAD for a broken escape, or OUT's failure. */
int text_from_pct(struct bytes in, struct buf *out) must_check;

/*
 * Time as microseconds since 1970 UTC, and as RFC 3339 text.
 * text_put_time writes "2026-11-25T02:10:30.123456Z"; so does text_time, with a zero behind it.
 * text_to_time reads "YYYY-MM-DDTHH:MM:SS[.fraction](Z|+HH:MM|-HH:MM)", years 1970 to 9999.
 * Returns 0 or TEXT_E_BAD (no such day, leap second, lower case).
 */
#define TEXT_TIME_MAX 80 /* 28 are needed for the years to 9999 */
void text_time(char out[TEXT_TIME_MAX], int64_t usec);
void text_put_time(struct buf *b, int64_t usec);
int text_to_time(struct bytes in, int64_t *usec) must_check;
