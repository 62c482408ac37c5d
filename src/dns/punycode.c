/* SPDX-License-Identifier: ISC */
#include "dns/punycode.h"

/* RFC 3492 section 5 */
#define BASE	   36u
#define TMIN	   1u
#define TMAX	   26u
#define SKEW	   38u
#define DAMP	   700u
#define FIRST_BIAS 72u
#define FIRST_CODE 0x80u

#define CODE_MAX 0x10ffffu

/* Section 6.1. POINTS counts the code points handled so far, the newest included. */
static uint32_t adapt(uint32_t delta, size_t points, bool first)
{
	uint32_t k = 0;

	delta /= first ? DAMP : 2;
	delta += delta / (uint32_t)points;
	for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
		delta /= BASE - TMIN;
	return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static uint32_t threshold(uint32_t k, uint32_t bias)
{
	if (k <= bias)
		return TMIN;
	return k >= bias + TMAX ? TMAX : k - bias;
}

/* BASE for what is no digit. */
static uint32_t digit_value(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= '0' && c <= '9')
		return c - '0' + 26u;
	return BASE;
}

/* Take a variable-length integer (section 3.3) off IN. False when it is cut short or too big. */
static bool take_delta(struct bytes *in, uint32_t bias, uint32_t *delta)
{
	uint64_t value = 0, weight = 1;

	for (uint32_t k = BASE; in->n; k += BASE) {
		uint32_t digit = digit_value(in->p[0]), t = threshold(k, bias);

		*in = bytes_skip(*in, 1);
		value += digit * weight;
		if (digit == BASE || value > UINT32_MAX)
			return false;
		if (digit < t) {
			*delta = (uint32_t)value;
			return true;
		}
		weight *= BASE - t;
		if (weight > UINT32_MAX)
			return false;
	}
	return false;
}

/* The ASCII code points stand before the last hyphen, unless that comes first. */
static size_t basic_count(struct bytes in)
{
	size_t n = in.n;

	while (n && in.p[n - 1] != '-')
		n--;
	return n ? n - 1 : 0;
}

int punycode_decode(struct bytes in, uint32_t *out, size_t max, size_t *n)
{
	size_t count = basic_count(in);
	uint32_t bias = FIRST_BIAS, delta;
	uint64_t code = FIRST_CODE, at = 0;

	if (count > max)
		return PUNYCODE_E_BAD;
	for (size_t i = 0; i < count; i++) {
		if (in.p[i] >= FIRST_CODE)
			return PUNYCODE_E_BAD;
		out[i] = in.p[i];
	}
	if (count)
		in = bytes_of(in.p + count + 1, in.n - count - 1);
	for (; in.n; at++, count++) {
		if (count == max || !take_delta(&in, bias, &delta))
			return PUNYCODE_E_BAD;
		bias = adapt(delta, count + 1, at == 0);
		at += delta;
		code += at / (count + 1);
		at %= count + 1;
		if (code > CODE_MAX || (code >= 0xd800 && code <= 0xdfff))
			return PUNYCODE_E_BAD;
		memmove(out + at + 1, out + at, (count - at) * sizeof(*out));
		out[at] = (uint32_t)code;
	}
	*n = count;
	return 0;
}

struct writer {
	unsigned char *p;
	size_t n, max; /* n goes on counting beyond max */
};

static void put(struct writer *w, uint32_t c)
{
	if (w->n < w->max)
		w->p[w->n] = (unsigned char)c;
	w->n++;
}

static void put_digit(struct writer *w, uint32_t v)
{
	put(w, v < 26 ? 'a' + v : '0' + v - 26);
}

static void put_delta(struct writer *w, uint32_t delta, uint32_t bias)
{
	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = threshold(k, bias);

		if (delta < t)
			break;
		put_digit(w, t + (delta - t) % (BASE - t));
		delta = (delta - t) / (BASE - t);
	}
	put_digit(w, delta);
}

static uint32_t smallest_from(const uint32_t *in, size_t n, uint32_t least)
{
	uint32_t found = UINT32_MAX;

	for (size_t i = 0; i < n; i++)
		if (in[i] >= least && in[i] < found)
			found = in[i];
	return found;
}

int punycode_encode(const uint32_t *in, size_t n, unsigned char *out, size_t max, size_t *len)
{
	struct writer w = {.p = out, .max = max};
	uint32_t code = FIRST_CODE, bias = FIRST_BIAS;
	size_t basic, done;
	uint64_t delta = 0;

	for (size_t i = 0; i < n; i++)
		if (in[i] < FIRST_CODE)
			put(&w, in[i]);
	basic = done = w.n;
	if (basic)
		put(&w, '-');
	while (done < n) {
		uint32_t next = smallest_from(in, n, code);

		delta += (uint64_t)(next - code) * (done + 1);
		code = next;
		for (size_t i = 0; i < n; i++) {
			delta += in[i] < code;
			if (in[i] != code)
				continue;
			if (delta > UINT32_MAX)
				return PUNYCODE_E_BAD;
			put_delta(&w, (uint32_t)delta, bias);
			bias = adapt((uint32_t)delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
		delta++;
		code++;
	}
	if (w.n > max)
		return PUNYCODE_E_BAD;
	*len = w.n;
	return 0;
}
