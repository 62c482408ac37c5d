/* SPDX-License-Identifier: ISC */
#include "base/scrub.h"

#include "base/text.h"

#define FORM_MAX (64 * 1024)
#define BASE64_MIN                                                                                 \
	(SCRUB_MIN * 8 / 6) /* characters that SCRUB_MIN bytes make, wherever they begin */

/* ---- forms: items of the list, two bytes before the text itself ---- */

struct form {
	bool in_data; /* looked for in data too */
	size_t least; /* bytes that must match in text */
	struct bytes text;
};

static bool next_form(struct bytes *list, struct form *out)
{
	struct bytes item;

	if (!plist_next(list, &item) || item.n < 2 + SCRUB_MIN)
		return false;
	*out = (struct form){item.p[0], item.p[1], bytes_skip(item, 2)};
	return true;
}

static void put_form(struct buf *forms, const struct form *f)
{
	struct buf item = BUF_INIT(FORM_MAX + 2);

	buf_putc(&item, f->in_data);
	buf_putc(&item, (unsigned char)f->least);
	buf_put_bytes(&item, f->text);
	if (buf_status(&item) == 0)
		plist_put(forms, buf_bytes(&item));
	else
		forms->failed = buf_status(&item);
	buf_done(&item);
}

/* What stands in base64 when SHIFT bytes come before it in a group of three: the characters that no neighbour has a part in. */
static void put_base64(struct buf *forms, struct bytes secret, size_t shift,
		       void (*encode)(struct buf *, struct bytes))
{
	struct buf plain = BUF_INIT(FORM_MAX), coded = BUF_INIT(FORM_MAX);
	struct form f = {secret.n >= SCRUB_DATA_MIN, BASE64_MIN, {0}};
	size_t from = shift ? shift + 1 : 0;

	buf_put(&plain, "\0\0", shift);
	buf_put_bytes(&plain, secret);
	encode(&coded, buf_bytes(&plain));
	f.text = bytes_of(coded.p + from, plain.n * 8 / 6 - from);
	if (buf_status(&plain) == 0 && buf_status(&coded) == 0)
		put_form(forms, &f);
	else
		forms->failed = -ENOBUFS;
	buf_done(&plain);
	buf_done(&coded);
}

static void put_hex(struct buf *forms, struct bytes secret, bool upper)
{
	struct buf text = BUF_INIT(FORM_MAX);
	struct form f = {secret.n >= SCRUB_DATA_MIN, (size_t)2 * SCRUB_MIN, {0}};

	text_put_hex(&text, secret);
	for (size_t i = 0; upper && i < text.n; i++)
		if (text.p[i] >= 'a')
			text.p[i] -= 'a' - 'A';
	f.text = buf_bytes(&text);
	if (buf_status(&text) == 0)
		put_form(forms, &f);
	else
		forms->failed = buf_status(&text);
	buf_done(&text);
}

void scrub_add(struct buf *forms, struct bytes secret)
{
	const struct form whole = {secret.n >= SCRUB_DATA_MIN, SCRUB_MIN, secret};

	if (secret.n < SCRUB_MIN)
		return;
	put_form(forms, &whole);
	put_hex(forms, secret, false);
	put_hex(forms, secret, true);
	for (size_t shift = 0; shift < 3; shift++) {
		put_base64(forms, secret, shift, text_put_b64);
		put_base64(forms, secret, shift, text_put_b64url);
	}
}

/* ---- one character, as it is spelled ---- */

enum spelling { PLAIN, JSON, URL, XML, SPELLINGS };

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* N hex digits at P: their value, or -1. */
static int hex_value(const unsigned char *p, size_t n)
{
	int v = 0;

	while (n-- && v >= 0 && v < 256) {
		int d = hex_digit(*p++);
		v = d < 0 ? -1 : v << 4 | d;
	}
	return v < 256 ? v : -1;
}

/* These return the length of the escape IN begins with, and what it stands for; 0: it is none. */

static size_t json_escape(struct bytes in, unsigned char *c)
{
	static const char letters[] = "nrtbf", means[] = "\n\r\t\b\f";
	const char *at;
	int v = in.n >= 6 && in.p[1] == 'u' ? hex_value(in.p + 2, 4) : -1;

	if (in.n < 2)
		return 0;
	at = in.p[1] ? strchr(letters, in.p[1]) : NULL;
	*c = v >= 0 ? (unsigned char)v : at ? (unsigned char)means[at - letters] : in.p[1];
	return v >= 0 ? 6 : 2;
}

static size_t url_escape(struct bytes in, unsigned char *c)
{
	int v = in.n >= 3 ? hex_value(in.p + 1, 2) : -1;

	*c = (unsigned char)v;
	return v >= 0 ? 3 : 0;
}

static size_t xml_escape(struct bytes in, unsigned char *c)
{
	static const struct {
		const char *text;
		unsigned char means;
	} names[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	size_t n = 2;
	int v = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (bytes_starts(in, bytes_str(names[i].text))) {
			*c = names[i].means;
			return strlen(names[i].text);
		}
	if (in.n < 4 || in.p[1] != '#')
		return 0;
	if ((in.p[2] | 0x20) == 'x')
		n++;
	for (int base = n == 3 ? 16 : 10, d; n < in.n && v < 256; n++, v = v * base + d) {
		d = hex_digit(in.p[n]);
		if (d < 0 || d >= base)
			break;
	}
	*c = (unsigned char)v;
	return v < 256 && n < in.n && in.p[n] == ';' ? n + 1 : 0;
}

/* How long the character at the front of IN is, and which. */
static size_t spelled(enum spelling how, struct bytes in, unsigned char *c)
{
	size_t n = 0;

	if (how == JSON && in.p[0] == '\\')
		n = json_escape(in, c);
	else if (how == URL && in.p[0] == '%')
		n = url_escape(in, c);
	else if (how == XML && in.p[0] == '&')
		n = xml_escape(in, c);
	if (n == 0)
		*c = in.p[0];
	return n ? n : 1;
}

/* How many bytes at the front of IN are the form, or its first NEED bytes and more of it; 0: they are not. */
static size_t match(struct bytes form, size_t need, enum spelling how, struct bytes in)
{
	size_t got = 0, at = 0;
	unsigned char c;

	while (got < form.n && at < in.n) {
		size_t n = spelled(how, bytes_of(in.p + at, in.n - at), &c);

		if (c != form.p[got])
			break;
		at += n;
		got++;
	}
	return got >= need ? at : 0;
}

/* ---- the text ---- */

/* Which two bytes may begin a form, one bit each: nearly all of a text is passed over by it. */
struct filter {
	unsigned char bits[65536 / 8];
};

static void mark(struct filter *f, unsigned char a, unsigned char b)
{
	unsigned bit = (unsigned)a << 8 | b;

	f->bits[bit / 8] |= (unsigned char)(1u << bit % 8);
}

static bool may_begin(const struct filter *f, const unsigned char *p)
{
	unsigned bit = (unsigned)p[0] << 8 | p[1];

	return f->bits[bit / 8] & 1u << bit % 8;
}

static const char escapes[] = "\\%&";

static void fill(struct filter *f, struct bytes forms)
{
	struct form form;

	memset(f, 0, sizeof(*f));
	for (const char *e = escapes; *e; e++)
		memset(f->bits + (size_t)(unsigned char)*e * 32, 0xff, 32);
	while (next_form(&forms, &form)) {
		mark(f, form.text.p[0], form.text.p[1]);
		for (const char *e = escapes; *e; e++)
			mark(f, form.text.p[0], (unsigned char)*e);
	}
}

/* The longest of what begins at IN. */
static size_t longest(struct bytes forms, enum scrub how, struct bytes in)
{
	struct form f;
	size_t best = 0;

	while (next_form(&forms, &f)) {
		size_t need = how == SCRUB_TEXT && f.least < f.text.n ? f.least : f.text.n;

		for (enum spelling s = PLAIN; s < SPELLINGS && (how == SCRUB_TEXT || f.in_data);
		     s++) {
			size_t n = match(f.text, need, s, in);
			best = n > best ? n : best;
		}
	}
	return best;
}

/* A byte becomes a star when all that begins at it, or before it, is known: what is looked for next lies behind it. */
size_t scrub(struct bytes forms, enum scrub how, unsigned char *p, size_t n)
{
	size_t until = 0, stars = 0;
	struct filter f;

	if (!forms.n)
		return 0;
	fill(&f, forms);
	for (size_t i = 0; i < n; i++) {
		size_t best = i + 1 < n && may_begin(&f, p + i)
				      ? longest(forms, how, bytes_of(p + i, n - i))
				      : 0;

		until = i + best > until ? i + best : until;
		if (i < until) {
			p[i] = '*';
			stars++;
		}
	}
	return stars;
}
