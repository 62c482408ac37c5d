/* SPDX-License-Identifier: ISC */
/*
 * Signed notes. Input: what is to be changed (2 bytes), how, then a text. The text as a note, a checkpoint, and a verifier's key: what is
 * taken and printed again is the same. Signed with our key it opens, and gives itself back; with anything changed, or signed by somebody else, it never
 * gives another text.
 */
#include "audit/note.h"
#include "fuzz.h"

#include <sodium.h>

#define NAME "fuzz.example/log"

static struct note_signer ours, foreign, namesake;

static void make_signers(void)
{
	static const unsigned char seeds[3][NOTE_SEED_BYTES] = {{1}, {2}, {3}};

	if (ours.verifier.name[0])
		return;
	CHECK(sodium_init() >= 0);
	note_signer_init(&ours, BYTES(NAME), seeds[0]);
	note_signer_init(&foreign, BYTES("other"), seeds[1]);
	note_signer_init(&namesake, BYTES(NAME), seeds[2]);
}

/* A note as anybody sends it: no seed has this key. */
static void try_note(struct bytes note)
{
	static const struct note_verifier nobody = {.name = NAME, .id = {0x61, 0x62, 0x63, 0x64}};
	struct bytes text;
	int r = note_open(note, &nobody, 1, &text);

	CHECK(r == NOTE_E_BAD || r == NOTE_E_NONE || r == NOTE_E_FORGED);
	CHECK(note_open(note, NULL, 0, &text) != 0);
}

static void try_checkpoint(struct bytes in)
{
	struct buf again = BUF_INIT(64 * 1024);
	struct checkpoint c;

	if (checkpoint_parse(&c, in) == 0) {
		CHECK(c.origin.n && c.origin.p == in.p && !memchr(c.origin.p, '\n', c.origin.n));
		checkpoint_put(&again, &c);
		/* The last line feed may be missing. */
		CHECK(again.n <= in.n + 1);
		CHECK(bytes_starts(in, bytes_of(again.p, again.n - 1)));
		CHECK(again.n > in.n || in.p[again.n - 1] == '\n');
	}
	buf_done(&again);
}

static void try_verifier(struct bytes in)
{
	struct buf again = BUF_INIT(1024);
	struct note_verifier v;

	if (note_parse_verifier(&v, in) == 0) {
		note_put_verifier(&again, &v);
		CHECK(bytes_eq(buf_bytes(&again), in));
	}
	buf_done(&again);
}

/* Where a text can be signed: not longer than fits, without controls, ends in a line feed. */
static bool can_be_text(struct bytes text)
{
	if (!text.n || text.n > NOTE_MAX - 600 || text.p[text.n - 1] != '\n')
		return false;
	for (size_t i = 0; i < text.n; i++)
		if ((text.p[i] < 0x20 && text.p[i] != '\n') || text.p[i] == 0x7f)
			return false;
	return true;
}

static void spoil(struct buf *note, unsigned how, size_t at)
{
	at %= note->n;
	if (how % 4 == 0)
		note->p[at] ^= (unsigned char)(how / 4 % 255 + 1);
	else if (how % 4 == 1)
		buf_truncate(note, at);
	else if (how % 4 == 2)
		buf_consume(note, at);
	else
		buf_puts(note, how & 4 ? "\n" : "\xe2\x80\x94 x AAAA\n");
}

static void try_signed(struct bytes text, unsigned how, size_t at)
{
	const struct note_signer both[] = {foreign, ours};
	struct buf note = BUF_INIT(2 * NOTE_MAX);
	struct bytes opened;

	note_sign(&note, text, both, 2);
	CHECK(note_open(buf_bytes(&note), &ours.verifier, 1, &opened) == 0);
	CHECK(bytes_eq(opened, text));
	spoil(&note, how, at);
	if (note_open(buf_bytes(&note), &ours.verifier, 1, &opened) == 0)
		CHECK(bytes_eq(opened, text));
	/* Signed by somebody of the same name, which is not us. */
	buf_reset(&note);
	note_sign(&note, text, &namesake, 1);
	CHECK(note_open(buf_bytes(&note), &ours.verifier, 1, &opened) == NOTE_E_NONE);
	buf_done(&note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	size_t at = (size_t)fuzz_byte(&in) << 8 | fuzz_byte(&in);
	unsigned how = fuzz_byte(&in);

	make_signers();
	try_note(in);
	try_checkpoint(in);
	try_verifier(in);
	if (can_be_text(in))
		try_signed(in, how, at);
	return 0;
}
