/* SPDX-License-Identifier: ISC */
#include "dns/record.h"

#include "base/text.h"

#define TXT_STRING_MAX 255 /* RFC 1035 section 3.3 */

static const char *const type_texts[RR_TYPES] = {"", "TXT", "CAA", "CNAME", "NS"};
static const char *const mode_texts[RECORD_MODES] = {"coexist", "replace"};

const char *rr_type_text(enum rr_type t)
{
	return (unsigned)t < RR_TYPES ? type_texts[t] : "";
}

bool rr_type_is_name(struct bytes in)
{
	for (size_t i = 0; i < in.n; i++)
		if (!(in.p[i] >= 'A' && in.p[i] <= 'Z') &&
		    !(i > 0 && in.p[i] >= '0' && in.p[i] <= '9'))
			return false;
	return in.n > 0;
}

enum rr_type rr_type_parse(struct bytes in)
{
	for (unsigned t = RR_NONE + 1; t < RR_TYPES; t++)
		if (bytes_is(in, type_texts[t]))
			return (enum rr_type)t;
	return RR_NONE;
}

const char *record_mode_text(enum record_mode m)
{
	return (unsigned)m < RECORD_MODES ? mode_texts[m] : "";
}

enum record_mode record_mode_parse(struct bytes in)
{
	unsigned m = 0;

	while (m < RECORD_MODES && !bytes_is(in, mode_texts[m]))
		m++;
	return (enum record_mode)m;
}

static bool holds(struct bytes a, int c)
{
	return a.n && memchr(a.p, c, a.n);
}

static bool blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct bytes *in)
{
	while (in->n && blank(in->p[0]))
		*in = bytes_skip(*in, 1);
}

/* What stands before the first blank; IN moves on to what stands behind the blanks. */
static struct bytes take_word(struct bytes *in)
{
	struct bytes word = bytes_of(in->p, 0);

	while (word.n < in->n && !blank(in->p[word.n]))
		word.n++;
	*in = bytes_skip(*in, word.n);
	skip_blanks(in);
	return word;
}

/* Lower the case of the tag and copy it. False when it is none. */
static bool tag_copy(char dst[16], struct bytes tag)
{
	if (tag.n == 0 || tag.n > 15)
		return false;
	for (size_t i = 0; i < tag.n; i++) {
		unsigned char c = tag.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + 32);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
			return false;
		dst[i] = (char)c;
	}
	return true;
}

int caa_parse(struct caa *out, struct bytes in)
{
	struct caa caa = {0};
	struct bytes flags = take_word(&in), tag = take_word(&in);
	uint64_t v;

	if (text_to_u64(flags, UINT8_MAX, &v) != 0 || !tag_copy(caa.tag, tag))
		return DNS_E_VALUE;
	if (in.n >= 2 && in.p[0] == '"' && in.p[in.n - 1] == '"')
		in = bytes_of(in.p + 1, in.n - 2);
	else if (in.n == 0 || holds(in, ' '))
		return DNS_E_VALUE;
	if (!bytes_printable(in) || holds(in, '"') || holds(in, '\\'))
		return DNS_E_VALUE;
	caa.flags = (uint8_t)v;
	caa.value = in;
	*out = caa;
	return 0;
}

void caa_put(struct buf *b, const struct caa *caa)
{
	buf_printf(b, "%u %s \"", (unsigned)caa->flags, caa->tag);
	buf_put_bytes(b, caa->value);
	buf_putc(b, '"');
}

static int caa_canonical(struct bytes in, struct buf *out)
{
	struct caa caa;
	size_t digits;

	if (caa_parse(&caa, in) != 0)
		return DNS_E_VALUE;
	/* A bare word gains two quotes. */
	digits = 1u + (caa.flags > 9) + (caa.flags > 99);
	if (digits + strlen(caa.tag) + caa.value.n + strlen("  \"\"") > RECORD_VALUE_MAX)
		return DNS_E_VALUE;
	caa_put(out, &caa);
	return buf_status(out);
}

static int name_canonical(struct bytes in, struct buf *out)
{
	struct dns_name name;

	if (dns_name_parse(&name, in) != 0)
		return DNS_E_VALUE;
	buf_put_bytes(out, dns_name_text(&name));
	return buf_status(out);
}

int record_value_canonical(enum rr_type t, struct bytes in, struct buf *out)
{
	if (in.n == 0 || in.n > RECORD_VALUE_MAX)
		return DNS_E_VALUE;
	switch (t) {
	case RR_TXT:
		if (holds(in, 0))
			return DNS_E_VALUE;
		buf_put_bytes(out, in);
		return buf_status(out);
	case RR_CAA:
		return caa_canonical(in, out);
	case RR_CNAME:
	case RR_NS:
		return name_canonical(in, out);
	default:
		return DNS_E_VALUE;
	}
}

static void put_strings(struct bytes text, struct buf *out)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = text.p[i];

		if (i && i % TXT_STRING_MAX == 0)
			buf_puts(out, "\" \"");
		if (c < 0x20 || c > 0x7e) {
			buf_printf(out, "\\%03u", c);
			continue;
		}
		if (c == '"' || c == '\\')
			buf_putc(out, '\\');
		buf_putc(out, c);
	}
	buf_putc(out, '"');
}

void record_value_present(enum rr_type t, struct bytes canonical, struct buf *out)
{
	if (t == RR_TXT) {
		put_strings(canonical, out);
		return;
	}
	buf_put_bytes(out, canonical);
	if (t == RR_CNAME || t == RR_NS)
		buf_putc(out, '.');
}

static bool digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* Take one character, its escape undone (RFC 1035 section 5.1), off IN, which is not empty. */
static bool take_char(struct bytes *in, unsigned char *c)
{
	const unsigned char *p = in->p;
	size_t used = 1;

	*c = p[0];
	if (p[0] == '\\') {
		if (in->n >= 2 && !digit(p[1])) {
			*c = p[1];
			used = 2;
		} else if (in->n >= 4 && digit(p[2]) && digit(p[3])) {
			int v = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');

			if (v > UINT8_MAX)
				return false;
			*c = (unsigned char)v;
			used = 4;
		} else {
			return false;
		}
	}
	*in = bytes_of(p + used, in->n - used);
	return true;
}

/* Join quoted strings. Some providers send them longer than DNS has them, or touching. */
static bool join_strings(struct bytes in, unsigned char text[RECORD_VALUE_MAX], size_t *n)
{
	size_t count = 0;

	while (in.n) {
		if (in.p[0] != '"')
			return false;
		in = bytes_skip(in, 1);
		while (in.n && in.p[0] != '"')
			if (count == RECORD_VALUE_MAX || !take_char(&in, &text[count++]))
				return false;
		if (in.n == 0)
			return false;
		in = bytes_skip(in, 1);
		skip_blanks(&in);
	}
	*n = count;
	return true;
}

int record_value_from_presentation(enum rr_type t, struct bytes content, struct buf *out)
{
	unsigned char text[RECORD_VALUE_MAX];
	size_t n;

	if (t != RR_TXT || content.n == 0 || content.p[0] != '"')
		return record_value_canonical(t, content, out);
	if (!join_strings(content, text, &n))
		return DNS_E_VALUE;
	return record_value_canonical(RR_TXT, bytes_of(text, n), out);
}

bool record_value_matches(enum rr_type t, struct bytes content, struct bytes value)
{
	struct buf got = BUF_INIT(RECORD_VALUE_MAX);
	bool same = record_value_from_presentation(t, content, &got) == 0 &&
		    bytes_eq(buf_bytes(&got), value);

	buf_done(&got);
	return same;
}
