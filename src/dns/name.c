/* SPDX-License-Identifier: ISC */
#include "dns/name.h"

#include "dns/punycode.h"

/* The character in lower case, or 0 when no label may hold it. No locale is asked. */
static char canonical_char(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 32);
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
		return (char)c;
	return 0;
}

/*
 * What follows "xn--". Decoding alone would let pass what no registry does: plain ASCII in
 * disguise, a label encoded twice, control characters (U+0080 to U+009F), and with an underscore
 * what RFC 5890 section 2.3.2.1 does not call an A-label.
 */
static bool a_label_valid(struct bytes code)
{
	uint32_t points[DNS_LABEL_MAX];
	unsigned char again[DNS_LABEL_MAX];
	bool international = false;
	size_t n, len;

	if (punycode_decode(code, points, ARRAY_LEN(points), &n) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (points[i] == '_' || (points[i] >= 0x80 && points[i] < 0xa0))
			return false;
		international |= points[i] >= 0x80;
	}
	/* RFC 5891 section 4.2.3.1 */
	if (!international || points[0] == '-' || points[n - 1] == '-' ||
	    (n >= 4 && points[2] == '-' && points[3] == '-'))
		return false;
	return punycode_encode(points, n, again, sizeof(again), &len) == 0 &&
	       bytes_eq(bytes_of(again, len), code);
}

static bool label_valid(struct bytes label)
{
	if (label.n == 0 || label.n > DNS_LABEL_MAX)
		return false;
	if (label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	if (label.n < 4 || label.p[2] != '-' || label.p[3] != '-')
		return true;
	return bytes_starts(label, BYTES("xn--")) && a_label_valid(bytes_skip(label, 4));
}

int dns_name_parse(struct dns_name *out, struct bytes in)
{
	struct dns_name n = {0};
	size_t begin = 0, last = 0;

	if (in.n && in.p[in.n - 1] == '.')
		in.n--;
	if (in.n == 0 || in.n > DNS_NAME_MAX)
		return DNS_E_NAME;
	for (size_t i = 0; i <= in.n; i++) {
		if (i < in.n && in.p[i] != '.') {
			n.text[i] = canonical_char(in.p[i]);
			if (!n.text[i])
				return DNS_E_NAME;
			continue;
		}
		if (!label_valid(bytes_of(n.text + begin, i - begin)))
			return DNS_E_NAME;
		last = begin;
		n.labels++;
		n.text[i] = i < in.n ? '.' : 0;
		begin = i + 1;
	}
	n.len = (uint8_t)in.n;
	/*
	 * A single label is no zone that anybody could manage. The last one begins with a letter
	 * (RFC 1123 section 2.1): 192.0.2.1 and 0x7f.1 are addresses.
	 */
	if (n.labels < 2 || n.text[last] < 'a')
		return DNS_E_NAME;
	*out = n;
	return 0;
}

/* Where label I begins in the text. (Names are kept by the thousand, and have few labels: it is not worth a table in each.) */
static size_t begin_of(const struct dns_name *n, unsigned i)
{
	size_t at = 0;

	while (i > 0)
		i -= n->text[at++] == '.';
	return at;
}

struct bytes dns_name_label(const struct dns_name *n, unsigned i)
{
	struct bytes rest = dns_name_parent(n, i);

	return bytes_of(rest.p, bytes_find(rest, BYTES(".")));
}

struct bytes dns_name_parent(const struct dns_name *n, unsigned skip)
{
	size_t at;

	if (skip >= n->labels)
		return bytes_of(NULL, 0);
	at = begin_of(n, skip);
	return bytes_of(n->text + at, (size_t)n->len - at);
}

/* Labels cannot hold a dot, so names of as many labels are equal where their texts are. */
bool dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
	return a->labels == b->labels && bytes_eq(dns_name_text(a), dns_name_text(b));
}

bool dns_name_within(const struct dns_name *n, const struct dns_name *zone)
{
	return zone->labels && n->labels >= zone->labels &&
	       bytes_eq(dns_name_parent(n, n->labels - zone->labels), dns_name_text(zone));
}

struct bytes dns_name_relative(const struct dns_name *n, const struct dns_name *zone)
{
	unsigned own = n->labels - zone->labels;

	return own ? bytes_of(n->text, begin_of(n, own) - 1) : bytes_of(NULL, 0);
}
