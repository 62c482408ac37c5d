/* SPDX-License-Identifier: ISC */
#include "base/text.h"

#include <stdio.h>

int text_to_u64(struct bytes in, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (in.n == 0 || (in.n > 1 && in.p[0] == '0'))
		return TEXT_E_BAD;
	for (size_t i = 0; i < in.n; i++) {
		unsigned digit = (unsigned)in.p[i] - '0';
		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return TEXT_E_BAD;
		v = v * 10 + digit;
	}
	if (v > max)
		return TEXT_E_BAD;
	*out = v;
	return 0;
}

void text_put_hex(struct buf *b, struct bytes in)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char *to = buf_extend(b, 2 * in.n);

	for (size_t i = 0; to && i < in.n; i++) {
		*to++ = (unsigned char)digits[in.p[i] >> 4];
		*to++ = (unsigned char)digits[in.p[i] & 15];
	}
}

void text_put_pct(struct buf *b, struct bytes in)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = in.p[i];
		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '.' || c == '_' || c == '~') {
			buf_putc(b, c);
			continue;
		}
		buf_putc(b, '%');
		buf_putc(b, (unsigned char)digits[c >> 4]);
		buf_putc(b, (unsigned char)digits[c & 15]);
	}
}

int text_hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int text_from_pct(struct bytes in, struct buf *out)
{
	size_t start = out->n;

	for (size_t i = 0; i < in.n; i++) {
		int high, low;

		if (in.p[i] != '%') {
			buf_putc(out, in.p[i]);
			continue;
		}
		high = in.n - i > 2 ? text_hex_digit(in.p[i + 1]) : -1;
		low = in.n - i > 2 ? text_hex_digit(in.p[i + 2]) : -1;
		if (high < 0 || low < 0) {
			buf_truncate(out, start);
			return TEXT_E_BAD;
		}
		buf_putc(out, (unsigned char)(high << 4 | low));
		i += 2;
	}
	return buf_status(out);
}

/*
 * Days since 1970-01-01 and back, proleptic Gregorian calendar, by counting in 400-year eras that
 * begin on 1 March (so that the leap day is the last of its year).
 */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
	y -= m <= 2;
	int64_t era = y / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + (int64_t)doe - 719468;
}

static void civil_from_days(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	days += 719468;
	int64_t era = days / 146097;
	unsigned doe = (unsigned)(days - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static void put_digits(char *out, size_t width, unsigned v)
{
	while (width--) {
		out[width] = (char)('0' + v % 10);
		v /= 10;
	}
}

void text_time(char out[TEXT_TIME_MAX], int64_t usec)
{
	int64_t sec = usec / 1000000, us = usec % 1000000, y;
	unsigned m, d, rest;

	civil_from_days(sec / 86400, &y, &m, &d);
	rest = (unsigned)(sec % 86400);
	if (y < 0 || y > 9999) {
		snprintf(out, TEXT_TIME_MAX, "%04d-%02u-%02uT%02u:%02u:%02u.%06uZ", (int)y, m, d,
			 rest / 3600, rest / 60 % 60, rest % 60, (unsigned)us);
		return;
	}
	/* Each line of the log has one. */
	memcpy(out, "yyyy-mm-ddThh:mm:ss.uuuuuuZ", 28);
	put_digits(out, 4, (unsigned)y);
	put_digits(out + 5, 2, m);
	put_digits(out + 8, 2, d);
	put_digits(out + 11, 2, rest / 3600);
	put_digits(out + 14, 2, rest / 60 % 60);
	put_digits(out + 17, 2, rest % 60);
	put_digits(out + 20, 6, (unsigned)us);
}

void text_put_time(struct buf *b, int64_t usec)
{
	char text[TEXT_TIME_MAX];

	text_time(text, usec);
	buf_puts(b, text);
}

/* WIDTH digits and then, unless 0, the character AFTER. */
static bool take_number(struct bytes *in, size_t width, char after, unsigned *out)
{
	unsigned v = 0;

	if (in->n < width + (after != 0))
		return false;
	for (size_t i = 0; i < width; i++) {
		unsigned digit = (unsigned)in->p[i] - '0';
		if (digit > 9)
			return false;
		v = v * 10 + digit;
	}
	if (after && in->p[width] != (unsigned char)after)
		return false;
	width += after != 0;
	*in = bytes_skip(*in, width);
	*out = v;
	return true;
}

/* An optional ".digits", rounded down to microseconds. */
static bool take_fraction(struct bytes *in, int64_t *usec)
{
	int64_t scale = 100000;
	size_t i = 1;

	*usec = 0;
	if (in->n == 0 || in->p[0] != '.')
		return true;
	for (; i < in->n && in->p[i] >= '0' && in->p[i] <= '9'; i++, scale /= 10)
		*usec += (in->p[i] - '0') * scale;
	if (i == 1)
		return false;
	*in = bytes_skip(*in, i);
	return true;
}

static bool take_offset(struct bytes *in, int64_t *seconds)
{
	unsigned h, m;
	int sign;

	*seconds = 0;
	if (bytes_is(*in, "Z"))
		return true;
	if (in->n != 6 || (in->p[0] != '+' && in->p[0] != '-'))
		return false;
	sign = in->p[0] == '+' ? 1 : -1;
	*in = bytes_skip(*in, 1);
	if (!take_number(in, 2, ':', &h) || !take_number(in, 2, 0, &m) || h > 23 || m > 59)
		return false;
	*seconds = sign * (int64_t)(h * 3600 + m * 60);
	return true;
}

int text_to_time(struct bytes in, int64_t *usec)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned y, mo, d, h, mi, s, last;
	int64_t us, offset, t;

	if (!take_number(&in, 4, '-', &y) || !take_number(&in, 2, '-', &mo) ||
	    !take_number(&in, 2, 'T', &d) || !take_number(&in, 2, ':', &h) ||
	    !take_number(&in, 2, ':', &mi) || !take_number(&in, 2, 0, &s) ||
	    !take_fraction(&in, &us) || !take_offset(&in, &offset))
		return TEXT_E_BAD;
	if (y < 1970 || mo < 1 || mo > 12 || h > 23 || mi > 59 || s > 59)
		return TEXT_E_BAD;
	last = days[mo - 1] + (mo == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
	if (d < 1 || d > last)
		return TEXT_E_BAD;
	t = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - offset;
	if (t < 0)
		return TEXT_E_BAD;
	*usec = t * 1000000 + us;
	return 0;
}
