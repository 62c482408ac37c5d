/* SPDX-License-Identifier: ISC */
#include "base/scrub.h"

#include "base/text.h"

#include <stddef.h>

#define FORM_MAX (64 * 1024)
#define WORK_MAX (32u * 1024 * 1024)
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

/* IN_DATA: of a secret that is long enough. */
static void put_form(struct buf *forms, bool in_data, size_t least, struct bytes text)
{
	buf_put_be32(forms, (uint32_t)(2 + text.n));
	buf_putc(forms, in_data);
	buf_putc(forms, (unsigned char)least);
	buf_put_bytes(forms, text);
}

/*
 * What stands in base64 when SHIFT bytes come before it in a group of three: the characters that no neighbour has a part in. CODED is both alphabets' text, which mostly is the
 * same.
 */
static void put_base64(struct buf *forms, bool in_data, struct bytes coded, struct bytes url_coded,
		       size_t shift, size_t n)
{
	size_t from = shift ? shift + 1 : 0, length = (shift + n) * 8 / 6 - from;
	struct bytes text = bytes_of(coded.p + from, length),
		     other = bytes_of(url_coded.p + from, length);

	put_form(forms, in_data, BASE64_MIN, text);
	if (!bytes_eq(text, other))
		put_form(forms, in_data, BASE64_MIN, other);
}

/* A form that is missing is no list of all forms: what went wrong in making it, FORMS remembers. */
static bool is_made(struct buf *forms, const struct buf *form)
{
	if (forms->failed == 0)
		forms->failed = buf_status(form);
	return buf_status(form) == 0;
}

static void put_all_base64(struct buf *forms, bool in_data, struct bytes secret, struct buf *plain,
			   struct buf *coded, struct buf *url_coded)
{
	for (size_t shift = 0; shift < 3; shift++) {
		buf_reset(plain);
		buf_reset(coded);
		buf_reset(url_coded);
		buf_put(plain, "\0\0", shift);
		buf_put_bytes(plain, secret);
		text_put_b64(coded, buf_bytes(plain));
		text_put_b64url(url_coded, buf_bytes(plain));
		if (is_made(forms, plain) && is_made(forms, coded) && is_made(forms, url_coded))
			put_base64(forms, in_data, buf_bytes(coded), buf_bytes(url_coded), shift,
				   secret.n);
	}
}

static void put_hex(struct buf *forms, bool in_data, struct bytes secret, struct buf *text)
{
	buf_reset(text);
	text_put_hex(text, secret);
	if (!is_made(forms, text))
		return;
	put_form(forms, in_data, (size_t)2 * SCRUB_MIN, buf_bytes(text));
	for (size_t i = 0; i < text->n; i++)
		if (text->p[i] >= 'a')
			text->p[i] -= 'a' - 'A';
	put_form(forms, in_data, (size_t)2 * SCRUB_MIN, buf_bytes(text));
}

void scrub_add(struct buf *forms, struct bytes secret)
{
	struct buf plain = BUF_INIT(FORM_MAX), coded = BUF_INIT(FORM_MAX),
		   other = BUF_INIT(FORM_MAX);
	bool in_data = secret.n >= SCRUB_DATA_MIN;

	if (secret.n < SCRUB_MIN)
		return;
	put_form(forms, in_data, SCRUB_MIN, secret);
	put_hex(forms, in_data, secret, &coded);
	put_all_base64(forms, in_data, secret, &plain, &coded, &other);
	buf_done(&plain);
	buf_done(&coded);
	buf_done(&other);
}

/* ---- one character, as it is spelled ---- */

enum spelling { PLAIN, JSON, URL, XML, SPELLINGS };
static const char escapes[] = "\\%&"; /* what those of JSON, URL, XML begin with */

/* N hex digits at P: their value, or -1. */
static int hex_value(const unsigned char *p, size_t n)
{
	int v = 0;

	while (n-- && v >= 0 && v < 256) {
		int d = text_hex_digit(*p++);
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
		d = text_hex_digit(in.p[n]);
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

/* ---- the text ---- */

/* A text as it stands, or with one spelling undone, or two: HTML in JSON, JSON in JSON. */
struct layer {
	struct bytes text;
	const uint32_t *
		at; /* where each byte begins in the text as it stands, and the last one ends; NULL: there */
};

/* A form, and how far it matches itself: Z[i] bytes at i are those at its front. */
struct known {
	struct form form;
	size_t need; /* bytes that must match */
	uint32_t *z; /* form.text.n of them; NULL: not filled yet, for most forms are never met */
	size_t box, end; /* in the layer at hand: what lies in [BOX, END) is the form's front */
};

#define PAIRS 4096
#define FEW   32 /* forms of two secrets, and some */

struct search {
	struct known *known;
	size_t n;
	size_t work; /* matches tried, in all layers: no answer may cost more than WORK_MAX */
	/*
	 * Every form matches in WINDOW bytes at least. Which two bytes begin one, and which stand anywhere in its first WINDOW, some sixteen pairs to a bit: where the
	 * last two of a window are none of these, nothing begins in it (Wu and Manber, 1994). So nearly all of a text is passed over.
	 */
	size_t window;
	unsigned char begins[PAIRS / 8], inside[PAIRS / 8];
	struct bytes whole;
	unsigned char *covered; /* of each byte of WHOLE: does it become a star? NULL: none does */
	struct known few[FEW];
	struct buf many, stars,
		tables; /* KNOWN's memory, where it is not FEW; COVERED's; the Z's */
	bool no_memory;
};

static unsigned pair(const unsigned char *p)
{
	return ((unsigned)p[0] << 5 ^ p[1]) % PAIRS;
}

static void note_pair(unsigned char *set, const unsigned char *p)
{
	set[pair(p) / 8] |= (unsigned char)(1u << pair(p) % 8);
}

static bool has_pair(const unsigned char *set, const unsigned char *p)
{
	return set[pair(p) / 8] & 1u << pair(p) % 8;
}

/* Gusfield's Z function: linear, whatever the text. */
static void fill_z(struct bytes text, uint32_t *z)
{
	size_t box = 0, end = 0;

	z[0] = (uint32_t)text.n;
	for (size_t i = 1; i < text.n; i++) {
		size_t n = i < end ? z[i - box] : 0;

		n = i + n < end || i >= end ? n : end - i;
		while (i + n < text.n && text.p[n] == text.p[i + n])
			n++;
		z[i] = (uint32_t)n;
		if (i + n > end) {
			box = i;
			end = i + n;
		}
	}
}

/* What is looked for. False when there is no memory. */
static bool prepare(struct search *s, struct bytes forms, enum scrub how)
{
	struct bytes rest = forms;
	size_t n = 0, bytes = 0;
	struct form f;

	while (next_form(&rest, &f)) {
		n++;
		bytes += f.text.n;
	}
	s->many = BUF_INIT(n * sizeof(*s->known));
	s->tables = BUF_INIT(bytes * sizeof(uint32_t));
	s->window = SIZE_MAX;
	s->known = n > FEW ? buf_extend(&s->many, n * sizeof(*s->known)) : s->few;
	if (!s->known)
		return false;
	while (next_form(&forms, &f)) {
		if (how == SCRUB_DATA && !f.in_data)
			continue;
		n = how == SCRUB_TEXT && f.least < f.text.n ? f.least : f.text.n;
		s->known[s->n++] = (struct known){.form = f, .need = n};
		if (n < s->window)
			s->window = n;
	}
	for (size_t i = 0; i < s->n; i++) {
		const unsigned char *text = s->known[i].form.text.p;

		note_pair(s->begins, text);
		for (size_t at = 0; at + 1 < s->window; at++)
			note_pair(s->inside, text + at);
	}
	return true;
}

/* K->z is there; the tables have room for all, so that none of them moves. False when there is no memory. */
static bool fill(struct search *s, struct known *k)
{
	if (k->z)
		return true;
	buf_reserve(&s->tables, s->tables.max);
	if (buf_status(&s->tables) < 0)
		return false;
	k->z = buf_extend(&s->tables, k->form.text.n * sizeof(*k->z));
	fill_z(k->form.text, k->z);
	return true;
}

/* How many bytes of TEXT at I are the form's front. Each byte of the text is compared once, but for a mismatch. */
static size_t match(struct search *s, struct known *k, struct bytes text, size_t i)
{
	const struct bytes form = k->form.text;
	/* Of a short one it is quicker to look again. */
	bool boxed = i < k->end && k->end - k->box > SCRUB_MIN;
	size_t n;

	if (boxed && !fill(s, k)) {
		s->no_memory = true;
		return 0;
	}
	n = boxed ? k->z[i - k->box] : 0;
	if (boxed && i + n > k->end)
		n = k->end - i;
	if (!boxed || i + n == k->end)
		while (n < form.n && i + n < text.n && form.p[n] == text.p[i + n])
			n++;
	if (i + n > k->end) {
		k->box = i;
		k->end = i + n;
	}
	return n;
}

/* How many bytes of TEXT at I are secret. */
static size_t longest(struct search *s, struct bytes text, size_t i)
{
	size_t best = 0;

	for (size_t f = 0; f < s->n; f++) {
		size_t n = match(s, &s->known[f], text, i);

		if (n >= s->known[f].need && n > best)
			best = n;
	}
	s->work += s->n;
	return best;
}

static size_t offset(const struct layer *l, size_t i)
{
	return l->at ? l->at[i] : i;
}

static void cover(struct search *s, size_t from, size_t to)
{
	if (!s->covered) {
		s->stars = BUF_INIT(s->whole.n);
		s->covered = buf_extend(&s->stars, s->whole.n);
		if (s->covered)
			memset(s->covered, 0, s->whole.n);
	}
	if (s->covered)
		memset(s->covered + from, 1, to - from);
	else
		s->no_memory = true;
}

static void search(struct search *s, const struct layer *l)
{
	const unsigned char *p = l->text.p;
	const size_t window = s->window;
	size_t until = 0; /* what is covered already, in the layer's bytes */

	for (size_t f = 0; f < s->n; f++)
		s->known[f].box = s->known[f].end = 0;
	for (size_t i = 0, n; window <= l->text.n && i <= l->text.n - window; i++) {
		if (!has_pair(s->inside, p + i + window - 2)) {
			i += window - 2;
			continue;
		}
		if (!has_pair(s->begins, p + i))
			continue;
		if (s->work >= WORK_MAX)
			break;
		n = longest(s, l->text, i);
		if (i + n <= until)
			continue;
		until = until > i ? until : i;
		cover(s, offset(l, until), offset(l, i + n));
		until = i + n;
	}
}

/* HOW undone. TEXT and AT get the memory. False when there is none. */
static bool undo(const struct layer *in, enum spelling how, struct buf *text, struct buf *at,
		 struct layer *out)
{
	unsigned char *t = buf_extend(text, in->text.n);
	uint32_t *places = buf_extend(at, (in->text.n + 1) * sizeof(*places));
	size_t n = 0;

	if (!t || !places)
		return false;
	for (size_t i = 0; i < in->text.n; n++) {
		places[n] = (uint32_t)offset(in, i);
		i += spelled(how, bytes_skip(in->text, i), &t[n]);
	}
	places[n] = (uint32_t)offset(in, in->text.n);
	*out = (struct layer){bytes_of(t, n), places};
	return true;
}

/* In the layer, and in what is below each of its spellings, DEPTH times. */
static bool search_below(struct search *s, const struct layer *l, unsigned depth)
{
	bool ok = true;

	search(s, l);
	for (enum spelling how = JSON; how < SPELLINGS && depth > 0; how++) {
		struct buf text = BUF_INIT(l->text.n),
			   at = BUF_INIT((l->text.n + 1) * sizeof(uint32_t));
		struct layer below;

		if (!memchr(l->text.p, escapes[how - JSON], l->text.n))
			continue;
		ok = ok && undo(l, how, &text, &at, &below) && search_below(s, &below, depth - 1);
		buf_done(&text);
		buf_done(&at);
	}
	return ok;
}

static int scrub_text(struct bytes forms, enum scrub how, unsigned char *p, size_t n, size_t *stars)
{
	struct search s;
	const struct layer as_it_stands = {.text = bytes_of(p, n)};
	bool ok;

	/* All but FEW. */
	memset(&s, 0, offsetof(struct search, few));
	s.many = s.stars = s.tables = BUF_INIT(0);
	s.no_memory = false;
	s.whole = bytes_of(p, n);
	ok = n < UINT32_MAX && prepare(&s, forms, how) && search_below(&s, &as_it_stands, 2) &&
	     !s.no_memory;
	for (size_t i = 0; ok && s.covered && s.work < WORK_MAX && i < n; i++)
		if (s.covered[i]) {
			p[i] = '*';
			++*stars;
		}
	buf_done(&s.many);
	buf_done(&s.stars);
	buf_done(&s.tables);
	if (!ok)
		return -ENOMEM;
	return s.work < WORK_MAX ? 0 : SCRUB_E_WORK;
}

int scrub(struct bytes forms, enum scrub how, unsigned char *p, size_t n, size_t *stars)
{
	*stars = 0;
	return forms.n && n >= SCRUB_MIN ? scrub_text(forms, how, p, n, stars) : 0;
}
