/* SPDX-License-Identifier: ISC */
#include "base/bytes.h"

#include "base/error.h"

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

bool bytes_eq_nocase(struct bytes a, struct bytes b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool bytes_starts(struct bytes a, struct bytes prefix)
{
	return a.n >= prefix.n && bytes_eq(bytes_of(a.p, prefix.n), prefix);
}

size_t bytes_find(struct bytes hay, struct bytes needle)
{
	if (needle.n == 0)
		return 0;
	if (hay.n == 0)
		return hay.n;
	const unsigned char *at = memmem(hay.p, hay.n, needle.p, needle.n);
	return at ? (size_t)(at - hay.p) : hay.n;
}

/* To the end and without a branch: what is looked at may be a secret (test_constant_time). */
bool bytes_printable(struct bytes a)
{
	unsigned bad = 0;

	for (size_t i = 0; i < a.n; i++)
		bad |= a.p[i] - 0x20u > 0x7e - 0x20u;
	return !bad;
}

/* RFC 3629 section 4: the length of the sequence that begins here, or 0. */
static size_t utf8_step(const unsigned char *p, size_t n)
{
	unsigned char c = p[0], lo = 0x80, hi = 0xbf;
	size_t len;

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		len = 2;
	else if (c >= 0xe0 && c <= 0xef)
		len = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		len = 4;
	else
		return 0;
	if (c == 0xe0)
		lo = 0xa0;
	else if (c == 0xed)
		hi = 0x9f;
	else if (c == 0xf0)
		lo = 0x90;
	else if (c == 0xf4)
		hi = 0x8f;
	if (n < len || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool bytes_utf8(struct bytes a)
{
	for (size_t i = 0; i < a.n;) {
		size_t step = utf8_step(a.p + i, a.n - i);
		if (!step)
			return false;
		i += step;
	}
	return true;
}

int bytes_to_str(struct bytes a, char *dst, size_t size)
{
	if (a.n && memchr(a.p, 0, a.n))
		return -EINVAL;
	if (a.n >= size)
		return -ENOSPC;
	if (a.n)
		memcpy(dst, a.p, a.n);
	dst[a.n] = 0;
	return 0;
}
