/* SPDX-License-Identifier: ISC */
/*
 * base64 by arithmetic, not by table: what is coded may be a secret, and a table look-up would leave its value in the cache lines touched. Eight characters at a time are the
 * lanes of a 64-bit number, the first in the highest; no lane ever carries into the next.
 */
#include "base/text.h"

#define CHARS  8 /* at a time; */
#define OCTETS 6 /* that they stand for */

#define LANES(v) (UINT64_C(0x0101010101010101) * (v))
#define TOP	 LANES(0x80) /* the bit that says yes */

/* Written out, so that the compiler makes two instructions of each. */
static uint64_t get_be32(const unsigned char *p)
{
	return (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3];
}

static uint64_t get_octets(const unsigned char *p)
{
	return get_be32(p) << 16 | (uint64_t)p[4] << 8 | p[5];
}

static uint64_t get_chars(const unsigned char *p)
{
	return get_be32(p) << 32 | get_be32(p + 4);
}

static void put_be32(unsigned char *p, uint64_t v)
{
	p[0] = (unsigned char)(v >> 24);
	p[1] = (unsigned char)(v >> 16);
	p[2] = (unsigned char)(v >> 8);
	p[3] = (unsigned char)v;
}

static void put_octets(unsigned char *p, uint64_t v)
{
	put_be32(p, v >> 16);
	p[4] = (unsigned char)(v >> 8);
	p[5] = (unsigned char)v;
}

static void put_chars(unsigned char *p, uint64_t v)
{
	put_be32(p, v >> 32);
	put_be32(p + 4, v);
}

/* TOP of the lanes of X that are FROM or more. They are all below 0x80. */
static uint64_t at_least(uint64_t x, unsigned from)
{
	return (x + LANES(0x80 - from)) & TOP;
}

/* V in the lanes that say yes, else 0. */
static uint64_t where(uint64_t yes, unsigned v)
{
	return (yes >> 7) * v;
}

/* ---- out ---- */

/* Six bytes, the lowest of V, as characters of the alphabet that ends in C62, C63. */
static uint64_t to_chars(uint64_t v, unsigned c62, unsigned c63)
{
	v = (v & 0xffffff) | (v & UINT64_C(0xffffff000000)) << 8;
	v = (v & UINT64_C(0x00000fff00000fff)) | (v & UINT64_C(0x00fff00000fff000)) << 4;
	v = (v & UINT64_C(0x003f003f003f003f)) | (v & UINT64_C(0x0fc00fc00fc00fc0)) << 2;
	return v + LANES('A') + where(at_least(v, 26), 'a' - 'A' - 26) -
	       where(at_least(v, 52), 'a' + 26 - '0') - where(at_least(v, 62), '0' + 10 - c62) +
	       where(at_least(v, 63), c63 - c62 - 1);
}

static void put_b64(struct buf *b, struct bytes in, unsigned c62, unsigned c63, bool pad)
{
	size_t n = (in.n * 8 + 5) / 6, padding = pad ? -n % 4 : 0;
	unsigned char *to = buf_extend(b, n + padding), last[OCTETS] = {0}, chars[CHARS];

	if (!to)
		return;
	for (; in.n >= OCTETS; in = bytes_skip(in, OCTETS), to += CHARS, n -= CHARS)
		put_chars(to, to_chars(get_octets(in.p), c62, c63));
	if (in.n) {
		memcpy(last, in.p, in.n);
		put_chars(chars, to_chars(get_octets(last), c62, c63));
		memcpy(to, chars, n);
		explicit_bzero(last, sizeof(last));
		explicit_bzero(chars, sizeof(chars));
	}
	memset(to + n, '=', padding);
}

void text_put_b64url(struct buf *b, struct bytes in)
{
	put_b64(b, in, '-', '_', false);
}

void text_put_b64(struct buf *b, struct bytes in)
{
	put_b64(b, in, '+', '/', true);
}

/* ---- in ---- */

/* One run of the base64url alphabet: LO to HI stand for VALUE and what follows. */
static void take_run(uint64_t x, unsigned lo, unsigned hi, unsigned value, uint64_t *known,
		     uint64_t *v)
{
	uint64_t yes = at_least(x, lo) & ~at_least(x, hi + 1);

	*known |= yes;
	*v = value > lo ? *v + where(yes, value - lo) : *v - where(yes, lo - value);
}

/* The six bytes that eight characters stand for. False: one of them is none of the alphabet. */
static bool from_chars(uint64_t chars, uint64_t *out)
{
	uint64_t x = chars & ~TOP, v = x, known = 0;

	take_run(x, 'A', 'Z', 0, &known, &v);
	take_run(x, 'a', 'z', 26, &known, &v);
	take_run(x, '0', '9', 52, &known, &v);
	take_run(x, '-', '-', 62, &known, &v);
	take_run(x, '_', '_', 63, &known, &v);
	v = (v & UINT64_C(0x003f003f003f003f)) | (v & UINT64_C(0x3f003f003f003f00)) >> 2;
	v = (v & UINT64_C(0x00000fff00000fff)) | (v & UINT64_C(0x0fff00000fff0000)) >> 4;
	*out = (v & 0xffffff) | (v & UINT64_C(0xffffff00000000)) >> 8;
	return known == TOP && chars == x;
}

/* The last characters, fewer than eight: what they stand for beyond whole bytes is zero. */
static bool put_last(unsigned char *to, struct bytes in)
{
	unsigned char chars[CHARS], all[OCTETS];
	const size_t n = in.n * 6 / 8;
	unsigned char rest = 0;
	uint64_t v;
	bool ok;

	memset(chars, 'A', sizeof(chars)); /* zero */
	memcpy(chars, in.p, in.n);
	ok = from_chars(get_chars(chars), &v);
	put_octets(all, v);
	for (size_t i = n; i < OCTETS; i++)
		rest |= all[i];
	memcpy(to, all, n);
	explicit_bzero(chars, sizeof(chars));
	explicit_bzero(all, sizeof(all));
	return ok && rest == 0;
}

int text_from_b64url(struct bytes in, struct buf *out)
{
	size_t start = out->n;
	unsigned char *to;
	bool ok = in.n % 4 != 1;

	to = ok ? buf_extend(out, in.n / 4 * 3 + in.n % 4 * 6 / 8) : NULL;
	for (; to && ok && in.n >= CHARS; in = bytes_skip(in, CHARS), to += OCTETS) {
		uint64_t v;

		ok = from_chars(get_chars(in.p), &v);
		put_octets(to, v);
	}
	if (to && ok && in.n)
		ok = put_last(to, in);
	if (!ok) {
		buf_truncate(out, start);
		return TEXT_E_BAD;
	}
	return buf_status(out);
}
