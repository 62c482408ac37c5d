/* SPDX-License-Identifier: ISC */
#pragma once

/* What requests and answers are written in (RFC 9110 section 5.6). */
#include "base/bytes.h"

static inline bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_alpha(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static inline bool is_tchar(unsigned char c)
{
	return is_alpha(c) || is_digit(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Not empty, and every byte IS. */
static inline bool all_of(struct bytes b, bool (*is)(unsigned char))
{
	for (size_t i = 0; i < b.n; i++)
		if (!is(b.p[i]))
			return false;
	return b.n > 0;
}

/* Without BLANKS at both ends. */
static inline struct bytes trim(struct bytes b, const char *blanks)
{
	while (b.n && b.p[0] && strchr(blanks, b.p[0]))
		b = bytes_skip(b, 1);
	while (b.n && b.p[b.n - 1] && strchr(blanks, b.p[b.n - 1]))
		b.n--;
	return b;
}

/* Cut *REST behind its first C and return what stood before it; all, when there is no C. */
static inline struct bytes take_until(struct bytes *rest, char c)
{
	size_t n = bytes_find(*rest, bytes_of(&c, 1));
	struct bytes part = bytes_of(rest->p, n);

	*rest = n < rest->n ? bytes_skip(*rest, n + 1) : bytes_of(NULL, 0);
	return part;
}
