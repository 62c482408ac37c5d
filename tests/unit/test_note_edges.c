/* SPDX-License-Identifier: ISC */
/* Notes and checkpoints at their limits, from exact-size copies. */
#include "test.h"

#include "audit/note.h"

static const unsigned char seed[NOTE_SEED_BYTES] = {7};
static struct note_signer signer;

static int open_note(struct bytes note, const struct note_verifier *v, size_t n,
		     const char *want_text)
{
	unsigned char *copy = test_exact(note);
	struct bytes text;
	int r = note_open(bytes_of(copy, note.n), v, n, &text);

	if (r == 0 && want_text)
		assert_true(bytes_is(text, want_text));
	free(copy);
	return r;
}

static int open_signed(struct bytes note)
{
	return open_note(note, &signer.verifier, 1, NULL);
}

/* TEXT, signed; buf_done() it. */
static struct buf signed_text(struct bytes text)
{
	struct buf note = BUF_INIT(3 * NOTE_MAX);

	note_sign(&note, text, &signer, 1);
	assert_int_equal(buf_status(&note), 0);
	return note;
}

static void test_name_lengths(void **state)
{
	char name[NOTE_NAME_MAX + 1];
	struct note_signer s;

	memset(name, 'x', sizeof(name));
	assert_true(note_name_valid(bytes_of(name, 1)));
	assert_true(note_name_valid(bytes_of(name, NOTE_NAME_MAX)));
	assert_false(note_name_valid(bytes_of(name, NOTE_NAME_MAX + 1)));
	note_signer_init(&s, bytes_of(name, NOTE_NAME_MAX), seed);
	assert_int_equal(strlen(s.verifier.name), NOTE_NAME_MAX);
	/* what is no name leaves none */
	memset(&s, 'x', sizeof(s));
	note_signer_init(&s, bytes_of(name, NOTE_NAME_MAX + 1), seed);
	assert_string_equal(s.verifier.name, "");
	memset(&s, 'x', sizeof(s));
	note_signer_init(&s, BYTES("a\0b"), seed);
	assert_string_equal(s.verifier.name, "");
}

/* A key is read as it was written, with the longest name too; nothing else is left in it. */
static void test_verifiers(void **state)
{
	char name[NOTE_NAME_MAX + 1];
	struct note_verifier got;
	struct note_signer s;
	struct buf text = BUF_INIT(1000);

	memset(name, 'x', sizeof(name));
	note_signer_init(&s, bytes_of(name, NOTE_NAME_MAX), seed);
	note_put_verifier(&text, &s.verifier);
	memset(&got, 'y', sizeof(got));
	assert_int_equal(note_parse_verifier(&got, buf_bytes(&text)), 0);
	assert_string_equal(got.name, s.verifier.name);
	assert_memory_equal(got.id, s.verifier.id, sizeof(got.id));
	assert_memory_equal(got.public, s.verifier.public, sizeof(got.public));
	buf_reset(&text);
	buf_putc(&text, 'x');
	note_put_verifier(&text, &s.verifier);
	assert_int_equal(note_parse_verifier(&got, buf_bytes(&text)), NOTE_E_BAD);
	assert_int_equal(note_parse_verifier(&got, BYTES("")), NOTE_E_BAD);
	assert_int_equal(note_parse_verifier(&got, BYTES("a")), NOTE_E_BAD);
	assert_int_equal(note_parse_verifier(&got, BYTES("a+")), NOTE_E_BAD);
	assert_int_equal(note_parse_verifier(&got, BYTES("a++")), NOTE_E_BAD);
	buf_done(&text);
}

/* Every byte alone, in a text that is signed as it is: control characters but newlines are refused, and DEL. */
static void test_bytes(void **state)
{
	for (unsigned c = 0; c < 256; c++) {
		const unsigned char text[] = {'a', (unsigned char)c, 'b', '\n'};
		struct buf note = signed_text(bytes_of(text, sizeof(text)));
		bool good = (c >= 0x20 || c == '\n') && c != 0x7f;

		assert_int_equal(open_signed(buf_bytes(&note)), good ? 0 : NOTE_E_BAD);
		buf_done(&note);
		/* the first of all, too */
		note = signed_text(bytes_of(text + 1, sizeof(text) - 1));
		assert_int_equal(open_signed(buf_bytes(&note)), good ? 0 : NOTE_E_BAD);
		buf_done(&note);
	}
}

static void test_texts(void **state)
{
	static const char *const texts[] = {"\n",	"a\n",	 "a\n\n",
					    "a\n\nb\n", "\na\n", "a\n\n— b c\n"};
	static const char *const bad[] = {"",
					  "\n",
					  "\n\n",
					  "a\n",
					  "a\n\n",
					  "a\n\nb",
					  "a\n\n— ",
					  "a\n\n—\n",
					  "a\n\n— n\n",
					  "a\n\n— n \n",
					  "a\n\n— n b c\n— ",
					  "a\n\n— n+ bcd\n",
					  "a\n\n— n bcd",
					  "a\n— n bcd\n",
					  "a\n\n— n bcd\nx\n",
					  "a\n\n—n bcd\n",
					  "a\n\n— n bcd\n\n"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct buf note = signed_text(bytes_str(texts[i]));

		assert_int_equal(open_note(buf_bytes(&note), &signer.verifier, 1, texts[i]), 0);
		/* one byte more or less of it */
		buf_putc(&note, '\n');
		assert_int_equal(open_signed(buf_bytes(&note)), NOTE_E_BAD);
		buf_truncate(&note, note.n - 2);
		assert_int_equal(open_signed(buf_bytes(&note)), NOTE_E_BAD);
		buf_done(&note);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(open_signed(bytes_str(bad[i])), NOTE_E_BAD);
	/* signatures of kinds that we do not know, of any length, are passed over */
	assert_int_equal(open_signed(BYTES("a\n\n— n bcd\n")), NOTE_E_NONE);
	assert_int_equal(open_signed(BYTES("a\n\n— n b\n— m bcd efg\n")), NOTE_E_NONE);
}

/* The longest note, and one byte more. */
static void test_longest(void **state)
{
	static char text[NOTE_MAX];
	struct buf note = signed_text(BYTES("a\n"));
	size_t more = note.n - 2;

	buf_done(&note);
	memset(text, 'a', sizeof(text));
	for (size_t n = NOTE_MAX - more - 1; n <= NOTE_MAX - more + 1; n++) {
		text[n - 1] = '\n';
		note = signed_text(bytes_of(text, n));
		assert_int_equal(note.n, n + more);
		assert_int_equal(open_signed(buf_bytes(&note)),
				 note.n <= NOTE_MAX ? 0 : NOTE_E_BAD);
		text[n - 1] = 'a';
		buf_done(&note);
	}
}

/* As many signatures as there may be; ours may be any of them, and a forged one is the end wherever it stands. */
static void test_many_signatures(void **state)
{
	for (unsigned n = 1; n <= NOTE_SIGNATURES_MAX + 1; n++)
		for (unsigned at = 0; at < n; at++) {
			struct buf note = signed_text(BYTES("a\n"));
			struct buf ours = BUF_INIT(1000), forged = BUF_INIT(1000);
			int want = n <= NOTE_SIGNATURES_MAX ? 0 : NOTE_E_BAD;

			buf_put_bytes(&ours, bytes_skip(buf_bytes(&note), 3));
			note_sign(&forged, BYTES("b\n"), &signer, 1);
			buf_truncate(&note, 3);
			for (unsigned i = 0; i < n; i++)
				if (i == at)
					buf_put_bytes(&note, buf_bytes(&ours));
				else
					buf_puts(&note, "— n bcd\n");
			assert_int_equal(open_signed(buf_bytes(&note)), want);
			buf_put_bytes(&note, bytes_skip(buf_bytes(&forged), 3));
			if (n < NOTE_SIGNATURES_MAX)
				assert_int_equal(open_signed(buf_bytes(&note)), NOTE_E_FORGED);
			buf_done(&note);
			buf_done(&ours);
			buf_done(&forged);
		}
}

/* Name and id must both be a key's, for its signature to be taken for one of it. */
static void test_whose(void **state)
{
	struct buf note = signed_text(BYTES("a\n"));
	struct note_verifier v[3] = {signer.verifier, signer.verifier, signer.verifier};

	v[0].id[3] ^= 1;
	v[1].name[0] ^= 1;
	assert_int_equal(open_note(buf_bytes(&note), v, 2, NULL), NOTE_E_NONE);
	assert_int_equal(open_note(buf_bytes(&note), v, 3, NULL), 0);
	assert_int_equal(open_note(buf_bytes(&note), v, 0, NULL), NOTE_E_NONE);
	v[2].public[0] ^= 1;
	assert_int_equal(open_note(buf_bytes(&note), v, 3, NULL), NOTE_E_FORGED);
	buf_done(&note);
}

/* ---- checkpoints ---- */

#define ROOT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

/* libsodium's decoder takes any byte over 0x7f for a '/'. */
static void test_high_bytes(void **state)
{
	char root[] = "o\n7\n////////////////////////////////////////AAA=\n";
	unsigned char other[NOTE_SEED_BYTES] = {0};
	struct buf text = BUF_INIT(1024);
	struct note_verifier v = {.name = "kept"};
	struct note_signer s;
	struct checkpoint c;
	size_t slash;

	assert_int_equal(checkpoint_parse(&c, bytes_str(root)), 0);
	root[10] = (char)0xbf;
	assert_int_equal(checkpoint_parse(&c, bytes_str(root)), NOTE_E_BAD);

	/* A key with one in its text. */
	do {
		other[0]++;
		note_signer_init(&s, BYTES("o"), other);
		buf_reset(&text);
		note_put_verifier(&text, &s.verifier);
		slash = bytes_find(buf_bytes(&text), BYTES("/"));
	} while (slash == text.n);
	text.p[slash] = 0xff;
	assert_int_equal(note_parse_verifier(&v, buf_bytes(&text)), NOTE_E_BAD);
	assert_string_equal(v.name, "kept");
	text.p[slash] = '/';
	assert_int_equal(note_parse_verifier(&v, buf_bytes(&text)), 0);
	buf_done(&text);
}

static void test_checkpoints(void **state)
{
	static const struct {
		const char *text;
		int want;
		uint64_t size;
	} cases[] = {
		{"o\n0\n" ROOT "\n", 0, 0},
		{"o\n1\n" ROOT "\n", 0, 1},
		{"o\n9\n" ROOT "\n", 0, 9},
		{"o\n10\n" ROOT "\n", 0, 10},
		{"o\n9223372036854775807\n" ROOT "\n", 0, INT64_MAX},
		{"o\n9223372036854775808\n" ROOT "\n", NOTE_E_BAD, 0},
		{"o\n00\n" ROOT "\n", NOTE_E_BAD, 0},
		{"o\n01\n" ROOT "\n", NOTE_E_BAD, 0},
		{"o\n\n" ROOT "\n", NOTE_E_BAD, 0},
		{"o\n-1\n" ROOT "\n", NOTE_E_BAD, 0},
		{"o\n1 \n" ROOT "\n", NOTE_E_BAD, 0},
		{"\n1\n" ROOT "\n", NOTE_E_BAD, 0},
		{"o\n1\n\n", NOTE_E_BAD, 0},
		{"o\n1\nA" ROOT "\n", NOTE_E_BAD, 0},
		{"o\n1\n" ROOT "A\n", NOTE_E_BAD, 0},
		{"o\n1\n", NOTE_E_BAD, 0},
		{"o\n1", NOTE_E_BAD, 0},
		{"o\n", NOTE_E_BAD, 0},
		{"o", NOTE_E_BAD, 0},
		{"", NOTE_E_BAD, 0},
		/* lines behind the root are somebody's own */
		{"o\n1\n" ROOT "\nmore\n", 0, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes text = bytes_str(cases[i].text);
		unsigned char *copy = test_exact(text);
		struct checkpoint c;
		int r = checkpoint_parse(&c, bytes_of(copy, text.n));

		if (r != cases[i].want)
			fail_msg("case %zu: %d", i, r);
		if (r == 0) {
			assert_int_equal(c.size, cases[i].size);
			assert_true(bytes_is(c.origin, "o"));
			for (unsigned k = 0; k < sizeof(c.root.b); k++)
				assert_int_equal(c.root.b[k], k);
		}
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_lengths), cmocka_unit_test(test_verifiers),
		cmocka_unit_test(test_bytes),	     cmocka_unit_test(test_texts),
		cmocka_unit_test(test_longest),	     cmocka_unit_test(test_many_signatures),
		cmocka_unit_test(test_whose),	     cmocka_unit_test(test_checkpoints),
		cmocka_unit_test(test_high_bytes),
	};

	note_signer_init(&signer, BYTES("gateway.example/audit"), seed);
	return cmocka_run_group_tests_name("note_edges", tests, NULL, NULL);
}
