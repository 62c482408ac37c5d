/* SPDX-License-Identifier: ISC */
#include "audit/note.h"

#include "base/text.h"

#include <sodium.h>

#define ED25519	  0x01
#define SIGNATURE (4 + crypto_sign_BYTES)
#define DASH	  "\xe2\x80\x94 " /* U+2014 */

/* ---- keys ---- */

bool note_name_valid(struct bytes name)
{
	return name.n > 0 && name.n <= NOTE_NAME_MAX && bytes_printable(name) &&
	       !memchr(name.p, ' ', name.n) && !memchr(name.p, '+', name.n);
}

static void make_id(struct note_verifier *v)
{
	static const unsigned char more[] = {'\n', ED25519};
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const unsigned char *)v->name, strlen(v->name));
	crypto_hash_sha256_update(&s, more, sizeof(more));
	crypto_hash_sha256_update(&s, v->public, sizeof(v->public));
	crypto_hash_sha256_final(&s, digest);
	memcpy(v->id, digest, sizeof(v->id));
}

void note_signer_init(struct note_signer *s, struct bytes name,
		      const unsigned char seed[NOTE_SEED_BYTES])
{
	unsigned char secret[crypto_sign_SECRETKEYBYTES];

	if (bytes_to_str(name, s->verifier.name, sizeof(s->verifier.name)) < 0)
		s->verifier.name[0] = 0;
	memcpy(s->seed, seed, sizeof(s->seed));
	crypto_sign_seed_keypair(s->verifier.public, secret, seed);
	sodium_memzero(secret, sizeof(secret));
	make_id(&s->verifier);
}

void note_put_verifier(struct buf *b, const struct note_verifier *v)
{
	unsigned char key[1 + NOTE_PUBLIC_BYTES] = {ED25519};

	memcpy(key + 1, v->public, sizeof(v->public));
	buf_printf(b, "%s+", v->name);
	text_put_hex(b, bytes_of(v->id, sizeof(v->id)));
	buf_putc(b, '+');
	text_put_b64(b, bytes_of(key, sizeof(key)));
}

/* Exactly N bytes, in the one spelling that they have. libsodium takes bytes over 0x7f for a '/'. */
static bool from_base64(struct bytes text, unsigned char *out, size_t n)
{
	size_t len = 0;

	return bytes_printable(text) &&
	       text.n == sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL) - 1 &&
	       sodium_base642bin(out, n, (const char *)text.p, text.n, NULL, &len, NULL,
				 sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       len == n;
}

int note_parse_verifier(struct note_verifier *out, struct bytes text)
{
	size_t plus = bytes_find(text, BYTES("+"));
	struct bytes name = bytes_of(text.p, plus), rest = bytes_skip(text, plus + 1), id;
	unsigned char key[1 + NOTE_PUBLIC_BYTES];
	struct buf hex = BUF_INIT(16);
	struct note_verifier v = {0};
	bool same;

	plus = bytes_find(rest, BYTES("+"));
	id = bytes_of(rest.p, plus);
	rest = bytes_skip(rest, plus + 1);
	if (!note_name_valid(name) || !from_base64(rest, key, sizeof(key)) || key[0] != ED25519)
		return NOTE_E_BAD;
	memcpy(v.name, name.p, name.n);
	memcpy(v.public, key + 1, sizeof(v.public));
	make_id(&v);
	text_put_hex(&hex, bytes_of(v.id, sizeof(v.id)));
	same = bytes_eq(id, buf_bytes(&hex));
	buf_done(&hex);
	if (!same)
		return NOTE_E_BAD;
	*out = v;
	return 0;
}

/* ---- signing ---- */

static void put_signature(struct buf *out, struct bytes text, const struct note_signer *s)
{
	unsigned char public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
	unsigned char signature[SIGNATURE];

	crypto_sign_seed_keypair(public, secret, s->seed);
	memcpy(signature, s->verifier.id, sizeof(s->verifier.id));
	crypto_sign_detached(signature + 4, NULL, text.p, text.n, secret);
	sodium_memzero(secret, sizeof(secret));
	buf_printf(out, DASH "%s ", s->verifier.name);
	text_put_b64(out, bytes_of(signature, sizeof(signature)));
	buf_putc(out, '\n');
}

void note_sign(struct buf *out, struct bytes text, const struct note_signer *s, size_t n)
{
	buf_put_bytes(out, text);
	buf_putc(out, '\n');
	for (size_t i = 0; i < n; i++)
		put_signature(out, text, &s[i]);
}

/* ---- opening ---- */

/* Where the last empty line is, after which signatures alone stand; the text goes up to there. */
static bool take_apart(struct bytes note, struct bytes *text, struct bytes *signatures)
{
	for (size_t i = note.n; i-- > 0;)
		if (bytes_starts(bytes_skip(note, i), BYTES("\n\n" DASH))) {
			*text = bytes_of(note.p, i + 1);
			*signatures = bytes_skip(note, i + 2);
			return true;
		}
	return false;
}

/* No control characters, but newlines; and UTF-8, as far as that can be told from the bytes alone. */
static bool is_text(struct bytes t)
{
	for (size_t i = 0; i < t.n; i++)
		if ((t.p[i] < 0x20 && t.p[i] != '\n') || t.p[i] == 0x7f)
			return false;
	return true;
}

static int check(struct bytes text, struct bytes name, const unsigned char signature[SIGNATURE],
		 const struct note_verifier *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes_is(name, v[i].name) && memcmp(signature, v[i].id, sizeof(v[i].id)) == 0)
			return crypto_sign_verify_detached(signature + 4, text.p, text.n,
							   v[i].public) == 0
				       ? 0
				       : NOTE_E_FORGED;
	return NOTE_E_NONE;
}

/* "— NAME BASE64", off the front of LINES. Signatures of other kinds may have other lengths. */
static bool take_signature(struct bytes *lines, struct bytes *name, struct bytes *base64)
{
	size_t end = bytes_find(*lines, BYTES("\n")), space;
	struct bytes line = bytes_of(lines->p, end);

	if (end == lines->n || !bytes_starts(line, BYTES(DASH)))
		return false;
	*lines = bytes_skip(*lines, end + 1);
	line = bytes_skip(line, strlen(DASH));
	space = bytes_find(line, BYTES(" "));
	*name = bytes_of(line.p, space);
	*base64 = bytes_skip(line, space + 1);
	return note_name_valid(*name) && base64->n > 0;
}

int note_open(struct bytes note, const struct note_verifier *v, size_t n, struct bytes *text)
{
	struct bytes lines, name, base64;
	unsigned char signature[SIGNATURE];
	bool good = false;
	size_t count = 0;
	int r;

	if (note.n > NOTE_MAX || !is_text(note) || !take_apart(note, text, &lines))
		return NOTE_E_BAD;
	while (lines.n) {
		if (++count > NOTE_SIGNATURES_MAX || !take_signature(&lines, &name, &base64))
			return NOTE_E_BAD;
		r = from_base64(base64, signature, sizeof(signature))
			    ? check(*text, name, signature, v, n)
			    : NOTE_E_NONE;
		if (r == NOTE_E_FORGED)
			return r;
		good = good || r == 0;
	}
	return good ? 0 : NOTE_E_NONE;
}

/* ---- checkpoints ---- */

void checkpoint_put(struct buf *b, const struct checkpoint *c)
{
	buf_put_bytes(b, c->origin);
	buf_printf(b, "\n%llu\n", (unsigned long long)c->size);
	text_put_b64(b, bytes_of(c->root.b, sizeof(c->root.b)));
	buf_putc(b, '\n');
}

static struct bytes take_line(struct bytes *text)
{
	size_t end = bytes_find(*text, BYTES("\n"));
	struct bytes line = bytes_of(text->p, end);

	*text = bytes_skip(*text, end + 1);
	return line;
}

int checkpoint_parse(struct checkpoint *out, struct bytes text)
{
	struct bytes size, root;

	out->origin = take_line(&text);
	size = take_line(&text);
	root = take_line(&text);
	if (!out->origin.n || text_to_u64(size, INT64_MAX, &out->size) != 0 ||
	    !from_base64(root, out->root.b, sizeof(out->root.b)))
		return NOTE_E_BAD;
	return 0;
}
