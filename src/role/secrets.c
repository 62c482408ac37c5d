/* SPDX-License-Identifier: ISC */
#include "role/secrets.h"

/* Shorter last words of a header are dates and counters; signatures and encoded pairs are longer. */
#define WORD_MIN 20

static bool is_secret(const struct provider *p, struct bytes name)
{
	if (bytes_starts(name, BYTES(".")) || bytes_is(name, CREDENTIALS_EXTERNAL))
		return false;
	for (const struct field_def *f = p->fields; f->name; f++)
		if (bytes_is(name, f->name))
			return f->secret;
	return true; /* a token, or the gateway's own */
}

/* Of "Name: a, b=word" the word. */
static struct bytes last_word(struct bytes line)
{
	size_t at = line.n;

	while (at > 0 && line.p[at - 1] != ' ')
		at--;
	line = bytes_skip(line, at);
	at = bytes_find(line, BYTES("="));
	return line.n > at && line.n - at > WORD_MIN ? bytes_skip(line, at + 1) : line;
}

void secrets_note(const struct provider *p, struct bytes own, struct bytes lines, struct buf *shown)
{
	struct bytes name, value, line;

	while (plist_next(&own, &name) && plist_next(&own, &value))
		if (is_secret(p, name))
			plist_put(shown, value);
	while (plist_next(&lines, &line))
		if (last_word(line).n >= WORD_MIN)
			plist_put(shown, last_word(line));
}

void secrets_forms(const struct provider *p, struct bytes pairs, struct buf *forms)
{
	struct bytes name, value;

	while (plist_next_pair(&pairs, &name, &value))
		if (is_secret(p, name))
			scrub_add(forms, value);
}

static bool is_among(const struct provider *p, struct bytes pairs, struct bytes secret)
{
	struct bytes name, value;

	while (plist_next_pair(&pairs, &name, &value))
		if (is_secret(p, name) && bytes_eq(value, secret))
			return true;
	return false;
}

void secrets_shown_forms(const struct provider *p, struct bytes pairs, struct bytes shown,
			 struct buf *forms)
{
	struct bytes value;

	while (plist_next(&shown, &value))
		if (!is_among(p, pairs, value))
			scrub_add(forms, value);
}

int secrets_scrub(struct bytes forms, const struct exchange *e, unsigned status,
		  struct buf *headers, struct buf *body)
{
	bool is_data = status >= 200 && status <= 299;
	enum scrub how = is_data ? SCRUB_DATA : SCRUB_TEXT;
	size_t stars;
	int r = scrub(forms, how, headers->p, headers->n, &stars);

	if (r == 0)
		r = scrub(forms, how, body->p, body->n, &stars);
	if (r == SCRUB_E_WORK)
		return -ENOBUFS;
	if (r == 0 && stars && is_data && !e->changes)
		r = SECRETS_E_DATA;
	return r;
}
