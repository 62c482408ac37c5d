/* SPDX-License-Identifier: ISC */
#pragma once

/* A borrowed run of bytes: no owner, no terminator. Empty is n == 0, whatever p is. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const unsigned char *p;
	size_t n;
};

/* A string literal as bytes, its NUL left out. */
#define BYTES(lit) ((struct bytes){(const unsigned char *)(lit), sizeof("" lit) - 1})

static inline struct bytes bytes_of(const void *p, size_t n)
{
	return (struct bytes){p, n};
}

/* The text of a NUL-terminated string; NULL gives the empty run. */
static inline struct bytes bytes_str(const char *s)
{
	return (struct bytes){(const unsigned char *)s, s ? strlen(s) : 0};
}

/* Without the first N bytes; empty when there are no more. */
static inline struct bytes bytes_skip(struct bytes a, size_t n)
{
	if (n > a.n)
		n = a.n;
	return n ? (struct bytes){a.p + n, a.n - n} : a;
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool bytes_is(struct bytes a, const char *s)
{
	return bytes_eq(a, bytes_str(s));
}

/* Equal but for the case of ASCII letters; no locale is asked. */
bool bytes_eq_nocase(struct bytes a, struct bytes b);
bool bytes_starts(struct bytes a, struct bytes prefix);
/* Where NEEDLE first begins in HAY, or HAY.n when it does not. An empty needle is at 0. */
size_t bytes_find(struct bytes hay, struct bytes needle);
/* Every byte is printable ASCII, 0x20 to 0x7e. */
bool bytes_printable(struct bytes a);
/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing over U+10FFFF). */
bool bytes_utf8(struct bytes a);
/*
 * Copy A into DST as a NUL-terminated string of at most SIZE bytes with its NUL.
 * Returns 0; -EINVAL when it holds a NUL; -ENOSPC when it does not fit.
 */
int bytes_to_str(struct bytes a, char *dst, size_t size) __attribute__((warn_unused_result));
