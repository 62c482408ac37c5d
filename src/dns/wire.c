/* SPDX-License-Identifier: ISC */
#include "dns/wire.h"

#define POINTER	       0xc0 /* both bits of a length (RFC 1035 section 4.1.4) */
#define POINTERS_MAX   127  /* a name has no more labels, each of which one may lead to */
#define TXT_STRING_MAX 255

/* ---- types ---- */

static const uint16_t numbers[RR_TYPES] = {
	[RR_TXT] = DNS_TYPE_TXT,
	[RR_CAA] = DNS_TYPE_CAA,
	[RR_CNAME] = DNS_TYPE_CNAME,
	[RR_NS] = DNS_TYPE_NS,
};

uint16_t wire_type(enum rr_type t)
{
	return (unsigned)t < RR_TYPES ? numbers[t] : 0;
}

enum rr_type wire_type_parse(uint16_t number)
{
	for (unsigned t = RR_NONE + 1; t < RR_TYPES; t++)
		if (numbers[t] == number)
			return (enum rr_type)t;
	return RR_NONE;
}

/* ---- names ---- */

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

static bool of_a_label(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Add a label. False when there is no room for it and the root. */
static bool put_label(struct wire_name *w, struct bytes label)
{
	if (label.n == 0 || label.n > DNS_LABEL_MAX || w->n + 1u + label.n + 1u > WIRE_NAME_MAX)
		return false;
	w->p[w->n++] = (unsigned char)label.n;
	for (size_t i = 0; i < label.n; i++)
		w->p[w->n++] = lower(label.p[i]);
	return true;
}

void wire_name_of(struct wire_name *out, const struct dns_name *name)
{
	*out = (struct wire_name){0};
	/* At most 253 bytes of text: it fits. */
	for (unsigned i = 0; i < name->labels; i++)
		put_label(out, dns_name_label(name, i));
	out->p[out->n++] = 0;
}

int wire_name_parse(struct wire_name *out, struct bytes text)
{
	struct wire_name w = {0};

	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	for (;;) {
		size_t n = bytes_find(text, BYTES("."));

		for (size_t i = 0; i < n; i++)
			if (!of_a_label(lower(text.p[i])))
				return DNS_E_NAME;
		if (!put_label(&w, bytes_of(text.p, n)))
			return DNS_E_NAME;
		if (n == text.n)
			break;
		text = bytes_skip(text, n + 1);
	}
	w.p[w.n++] = 0;
	*out = w;
	return 0;
}

int wire_name_read(struct wire_name *out, struct bytes message, size_t *at)
{
	size_t i = *at, run = *at, end = 0, pointers = 0;
	struct wire_name w = {0};

	while (i < message.n && message.p[i] != 0) {
		unsigned char c = message.p[i];

		if ((c & POINTER) == POINTER) {
			if (message.n - i < 2 || ++pointers > POINTERS_MAX)
				return DNS_E_NAME;
			if (!end)
				end = i + 2;
			i = wire_be16(message.p + i) & 0x3fffu;
			/* Backwards only; and not into the header, which holds no name and changes when a message is signed. */
			if (i >= run || i < WIRE_HEAD)
				return DNS_E_NAME;
			run = i;
			continue;
		}
		/* The other two combinations of the bits mean nothing any more (RFC 6891 section 5). */
		if (c > DNS_LABEL_MAX || message.n - i - 1 < c ||
		    !put_label(&w, bytes_of(message.p + i + 1, c)))
			return DNS_E_NAME;
		i += 1u + c;
	}
	if (i >= message.n)
		return DNS_E_NAME;
	w.p[w.n++] = 0;
	*out = w;
	*at = end ? end : i + 1;
	return 0;
}

int wire_name_get(const struct wire_name *w, struct dns_name *out)
{
	char text[WIRE_NAME_MAX];
	size_t n = 0;

	for (size_t i = 0; w->p[i]; i += 1u + w->p[i]) {
		/* A dot within a label would look like one between two. */
		if (memchr(w->p + i + 1, '.', w->p[i]))
			return DNS_E_NAME;
		memcpy(text + n, w->p + i + 1, w->p[i]);
		n += w->p[i];
		text[n++] = '.';
	}
	return dns_name_parse(out, bytes_of(text, n));
}

bool wire_name_eq(const struct wire_name *a, const struct wire_name *b)
{
	return bytes_eq(wire_name_bytes(a), wire_name_bytes(b));
}

bool wire_name_is(const struct wire_name *w, const struct dns_name *name)
{
	struct wire_name other;

	wire_name_of(&other, name);
	return wire_name_eq(w, &other);
}

/* ---- rdata, written ---- */

static void put_txt(struct buf *out, struct bytes value)
{
	while (value.n) {
		size_t n = value.n < TXT_STRING_MAX ? value.n : TXT_STRING_MAX;

		buf_putc(out, (unsigned char)n);
		buf_put(out, value.p, n);
		value = bytes_skip(value, n);
	}
}

static int put_caa(struct buf *out, struct bytes value)
{
	struct caa caa;

	if (caa_parse(&caa, value) != 0)
		return DNS_E_VALUE;
	buf_putc(out, caa.flags);
	buf_putc(out, (unsigned char)strlen(caa.tag));
	buf_puts(out, caa.tag);
	buf_put_bytes(out, caa.value);
	return 0;
}

static int put_name(struct buf *out, struct bytes value)
{
	struct dns_name name;
	struct wire_name w;

	if (dns_name_parse(&name, value) != 0)
		return DNS_E_VALUE;
	wire_name_of(&w, &name);
	buf_put_bytes(out, wire_name_bytes(&w));
	return 0;
}

static bool is_canonical(enum rr_type t, struct bytes value)
{
	struct buf again = BUF_INIT(RECORD_VALUE_MAX);
	bool same =
		record_value_canonical(t, value, &again) == 0 && bytes_eq(buf_bytes(&again), value);

	buf_done(&again);
	return same;
}

int rdata_put(struct buf *out, enum rr_type t, struct bytes value)
{
	int r = 0;

	if (!is_canonical(t, value))
		return DNS_E_VALUE;
	if (t == RR_TXT)
		put_txt(out, value);
	else if (t == RR_CAA)
		r = put_caa(out, value);
	else
		r = put_name(out, value);
	return r ? r : buf_status(out);
}

/* ---- rdata, read ---- */

static int get_txt(struct buf *text, struct bytes rdata)
{
	while (rdata.n) {
		size_t n = rdata.p[0];

		if (rdata.n - 1 < n)
			return DNS_E_VALUE;
		buf_put(text, rdata.p + 1, n);
		rdata = bytes_skip(rdata, 1 + n);
	}
	return 0;
}

static int get_caa(struct buf *text, struct bytes rdata)
{
	size_t tag = rdata.n >= 2 ? rdata.p[1] : 0;

	if (tag == 0 || rdata.n - 2 < tag)
		return DNS_E_VALUE;
	/* Presentation, which record_value_canonical() reads again: quotes and blanks within do not pass there. */
	buf_printf(text, "%u ", (unsigned)rdata.p[0]);
	buf_put(text, rdata.p + 2, tag);
	buf_puts(text, " \"");
	buf_put_bytes(text, bytes_skip(rdata, 2 + tag));
	buf_putc(text, '"');
	return 0;
}

static int get_name(struct buf *text, struct bytes message, size_t at, size_t n)
{
	size_t end = at;
	struct wire_name w;
	struct dns_name name;

	if (wire_name_read(&w, message, &end) != 0 || end != at + n ||
	    wire_name_get(&w, &name) != 0)
		return DNS_E_VALUE;
	buf_put_bytes(text, dns_name_text(&name));
	return 0;
}

int rdata_get(struct buf *out, enum rr_type t, struct bytes message, size_t at, size_t n)
{
	struct buf text = BUF_INIT(RECORD_VALUE_MAX + 1);
	int r;

	if (n == 0 || at > message.n || message.n - at < n)
		return DNS_E_VALUE;
	if (t == RR_TXT)
		r = get_txt(&text, bytes_of(message.p + at, n));
	else if (t == RR_CAA)
		r = get_caa(&text, bytes_of(message.p + at, n));
	else
		r = get_name(&text, bytes_of(message.p, at + n), at, n);
	if (r == 0)
		r = buf_status(&text) == -ENOBUFS ? DNS_E_VALUE : buf_status(&text);
	if (r == 0)
		r = record_value_canonical(t, buf_bytes(&text), out);
	buf_done(&text);
	return r;
}
