/* SPDX-License-Identifier: ISC */
#include "egress/retry.h"

#include "base/text.h"

/* Which of the N three-letter names, all in one string, stands at P; N when none. */
static unsigned name3(const unsigned char *p, const char *names, unsigned n)
{
	unsigned i = 0;

	while (i < n && memcmp(p, names + 3 * (size_t)i, 3) != 0)
		i++;
	return i;
}

/*
 * "Sun, 06 Nov 1994 08:49:37 GMT". The numbers are judged as RFC 3339 text, to which this is
 * turned.
 */
static int fixdate(struct bytes in, int64_t *usec)
{
	char text[] = "YYYY-MM-DDTHH:MM:SSZ";
	unsigned month;

	if (in.n != 29 || name3(in.p, "MonTueWedThuFriSatSun", 7) == 7 ||
	    memcmp(in.p + 3, ", ", 2) != 0 || in.p[7] != ' ' || in.p[11] != ' ' ||
	    in.p[16] != ' ' || memcmp(in.p + 25, " GMT", 4) != 0)
		return RETRY_E_BAD;
	month = name3(in.p + 8, "JanFebMarAprMayJunJulAugSepOctNovDec", 12) + 1;
	memcpy(text, in.p + 12, 4);
	text[5] = (char)('0' + month / 10);
	text[6] = (char)('0' + month % 10);
	memcpy(text + 8, in.p + 5, 2);
	memcpy(text + 11, in.p + 17, 8);
	return text_to_time(bytes_str(text), usec) == 0 ? 0 : RETRY_E_BAD;
}

int retry_after_parse(struct bytes value, int64_t now, uint32_t *seconds)
{
	uint64_t v;
	int64_t at;

	if (text_to_u64(value, UINT64_MAX, &v) != 0) {
		if (fixdate(value, &at) != 0)
			return RETRY_E_BAD;
		v = at > now ? (uint64_t)(at - now + 999999) / 1000000 : 0;
	}
	*seconds = v < RETRY_AFTER_MAX ? (uint32_t)v : RETRY_AFTER_MAX;
	return 0;
}
