/* SPDX-License-Identifier: ISC */
/*
 * A secret put into a text, in one of the ways that somebody may spell it, becomes stars there; nothing moves, and nothing else changes than into a star. Input: how it is looked for, how it is
 * spelled; then secret, what is before it and behind, with NULs between.
 */
#include "base/json.h"
#include "base/scrub.h"
#include "base/text.h"
#include "base/xml.h"
#include "fuzz.h"

#define ROOM	   (64 * 1024)
#define SECRET_MAX 256

static void put_plain(struct buf *b, struct bytes s)
{
	buf_put_bytes(b, s);
}

static void put_upper_hex(struct buf *b, struct bytes s)
{
	size_t from = b->n;

	text_put_hex(b, s);
	for (size_t i = from; i < b->n; i++)
		if (b->p[i] >= 'a')
			b->p[i] -= 'a' - 'A';
}

/* Without the quotes around it. */
static void put_json(struct buf *b, struct bytes s)
{
	struct buf text = BUF_INIT(ROOM);

	json_put_string(&text, s);
	buf_put(b, text.p + 1, text.n - 2);
	buf_done(&text);
}

static void put_json_twice(struct buf *b, struct bytes s)
{
	struct buf text = BUF_INIT(ROOM);

	put_json(&text, s);
	put_json(b, buf_bytes(&text));
	buf_done(&text);
}

static void put_xml_in_json(struct buf *b, struct bytes s)
{
	struct buf text = BUF_INIT(ROOM);

	xml_put(&text, s);
	put_json(b, buf_bytes(&text));
	buf_done(&text);
}

static void put_numbers(struct buf *b, struct bytes s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_printf(b, i % 2 ? "&#%u;" : "&#x%x;", s.p[i]);
}

static void put_pct_all(struct buf *b, struct bytes s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_printf(b, i % 2 ? "%%%02x" : "%%%02X", s.p[i]);
}

static const struct spelling {
	void (*put)(struct buf *b, struct bytes s);
	bool escapes; /* of characters below 0x80 alone */
} spellings[] = {
	{put_plain, false},	 {text_put_hex, false}, {put_upper_hex, false},
	{put_json, true},	 {text_put_pct, false}, {xml_put, true},
	{put_numbers, false},	 {put_pct_all, false},	{put_json_twice, true},
	{put_xml_in_json, true},
};

static bool is_ascii(struct bytes s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x80)
			return false;
	return true;
}

/* Scrub TEXT, in which what lies from FROM to TO must become stars. */
static void check(struct bytes secret, enum scrub how, const struct buf *text, size_t from,
		  size_t to)
{
	struct buf forms = BUF_INIT(1 << 20), after = BUF_INIT(ROOM);
	size_t stars, changed = 0, wiped = 0;
	bool due = secret.n >= (how == SCRUB_DATA ? (size_t)SCRUB_DATA_MIN : (size_t)SCRUB_MIN);

	scrub_add(&forms, secret);
	CHECK(buf_status(&forms) == 0 && buf_status(text) == 0);
	buf_put_bytes(&after, buf_bytes(text));
	CHECK(scrub(buf_bytes(&forms), how, after.p, after.n, &stars) == 0);
	for (size_t i = 0; i < after.n; i++) {
		CHECK(after.p[i] == text->p[i] || after.p[i] == '*');
		changed += after.p[i] != text->p[i];
		wiped += after.p[i] == '*';
		CHECK(!due || i < from || i >= to || after.p[i] == '*');
	}
	CHECK(stars >= changed && stars <= wiped);
	CHECK(due || how != SCRUB_DATA || stars == 0);
	buf_done(&forms);
	buf_done(&after);
}

/* The ends of what stands before must not be escapes that take the secret's first character with them. */
static void put_before(struct buf *b, struct bytes s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_putc(b, memchr("\\%&", s.p[i], 3) ? '_' : s.p[i]);
}

static void try_spelled(struct bytes secret, struct bytes before, struct bytes behind,
			enum scrub how, const struct spelling *spelling)
{
	struct buf text = BUF_INIT(ROOM);
	size_t from, to;

	if (spelling->escapes && !is_ascii(secret))
		return;
	put_before(&text, before);
	from = text.n;
	spelling->put(&text, secret);
	to = text.n;
	buf_put_bytes(&text, behind);
	/* XML cannot say all controls. */
	if (buf_status(&text) == 0)
		check(secret, how, &text, from, to);
	buf_done(&text);
}

/* Coded with what stands before and behind it. The characters that code nothing else must go. */
static void try_base64(struct bytes secret, struct bytes before, struct bytes behind,
		       enum scrub how, void (*encode)(struct buf *, struct bytes))
{
	struct buf plain = BUF_INIT(ROOM), text = BUF_INIT(ROOM);

	buf_put_bytes(&plain, before);
	buf_put_bytes(&plain, secret);
	buf_put_bytes(&plain, behind);
	encode(&text, buf_bytes(&plain));
	check(secret, how, &text, (before.n * 8 + 5) / 6, (before.n + secret.n) * 8 / 6);
	buf_done(&plain);
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), secret, before, behind;
	enum scrub how = fuzz_byte(&in) % 2 ? SCRUB_DATA : SCRUB_TEXT;
	unsigned which = fuzz_byte(&in) % (ARRAY_LEN(spellings) + 2);

	if (in.n > 4096)
		return 0;
	secret = fuzz_part(&in, 0);
	before = fuzz_part(&in, 0);
	behind = in;
	if (!secret.n || secret.n > SECRET_MAX)
		return 0;
	if (which < ARRAY_LEN(spellings))
		try_spelled(secret, before, behind, how, &spellings[which]);
	else
		try_base64(secret, before, behind, how,
			   which == ARRAY_LEN(spellings) ? text_put_b64 : text_put_b64url);
	return 0;
}
