/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "base/scrub.h"
#include "base/text.h"
#include "base/xml.h"
#include "sample.h"

/* SECRETS: with '|' between. What becomes of TEXT, each run of stars shown as one. */
static void expect(const char *secrets, enum scrub how, const char *text, const char *want)
{
	struct buf forms = BUF_INIT(1u << 20), out = BUF_INIT(1u << 20), shown = BUF_INIT(1u << 20);
	size_t stars = 0, scrubbed;

	while (*secrets) {
		size_t n = strcspn(secrets, "|");
		scrub_add(&forms, bytes_of(secrets, n));
		secrets += n + (secrets[n] == '|');
	}
	assert_int_equal(buf_status(&forms), 0);
	buf_puts(&out, text);
	assert_int_equal(scrub(buf_bytes(&forms), how, out.p, out.n, &scrubbed), 0);
	for (size_t i = 0; i < out.n; i++) {
		stars += out.p[i] == '*';
		if (out.p[i] != '*' || i == 0 || out.p[i - 1] != '*')
			buf_putc(&shown, out.p[i]);
	}
	buf_putc(&shown, 0);
	assert_string_equal(shown.p, want);
	assert_int_equal(scrubbed, stars);
	buf_done(&forms);
	buf_done(&out);
	buf_done(&shown);
}

static void test_plain(void **state)
{
	expect("s3cretKey", SCRUB_TEXT, "the key s3cretKey is bad", "the key * is bad");
	expect("s3cretKey", SCRUB_TEXT, "s3cretKeys3cretKey", "*");
	expect("s3cretKey", SCRUB_TEXT, "nothing here, s3cret", "nothing here, s3cret");
	/* a beginning, from eight bytes on */
	expect("s3cretKey0123", SCRUB_TEXT, "s3cretKe… s3cretK", "*… s3cretK");
	expect("s3cretKey0123", SCRUB_TEXT, "s3cretKey01", "*");
	/* short ones may be any word */
	expect("secret", SCRUB_TEXT, "a secret", "a secret");
	expect("", SCRUB_TEXT, "a secret", "a secret");
	expect("a|b", SCRUB_TEXT, "", "");
	/* one in the other, one over the other */
	expect("abcdefgh|bcdefghijk", SCRUB_TEXT, "-abcdefghijk-", "-*-");
	expect("abcdefghXX|fghijklmn", SCRUB_TEXT, "abcdefghijklmn", "*");
	expect("aaaaaaaab", SCRUB_TEXT, "aaaaaaaaaaab", "*");
}

static void test_data(void **state)
{
	expect("0123456789abcdef", SCRUB_DATA, "0123456789abcdef 0123456789abcde",
	       "* 0123456789abcde");
	expect("0123456789abcde", SCRUB_DATA, "0123456789abcde", "0123456789abcde");
}

static void test_escapes(void **state)
{
	expect("pass\"/\\w<o>&d%+", SCRUB_TEXT, "pass\\\"\\/\\\\w\\u003co\\u003E\\u0026d%+.", "*.");
	expect("pass\"/\\w<o>&d%+", SCRUB_TEXT, "pass%22%2f%5Cw%3Co%3E%26d%25%2B.", "*.");
	expect("pass\"/\\w<o>&d%+", SCRUB_TEXT, "pass&quot;/\\w&#60;o&#x3E;&amp;d%+.", "*.");
	expect("line one\nline two", SCRUB_TEXT, "line one\\nline two", "*");
	/* one in the other */
	expect("pass\"/\\w<o>&d%+", SCRUB_TEXT, "pass&quot;/\\\\w&lt;o\\u0026gt;&amp;d%+.", "*.");
	expect("pass\"/\\w<o>&d%+", SCRUB_TEXT, "pass\\\\\\\"/\\\\\\\\w<o>&d%+.", "*.");
	expect("pass\"/\\w<o>&d%+", SCRUB_TEXT, "pass%2522%252F%255Cw%253Co%253E%2526d%2525%252B.",
	       "*.");
	/* broken escapes are text */
	expect("abcdefghij", SCRUB_TEXT, "%a %zz &; &#; &#x; &#999; \\u00 \\",
	       "%a %zz &; &#; &#x; &#999; \\u00 \\");
	expect("\\u00zz%4&#x", SCRUB_TEXT, "\\u00zz%4&#x", "*");
	expect("%41%42%43%44", SCRUB_TEXT, "%41%42%43%44", "*");
}

static void test_codes(void **state)
{
	expect("s3cretKey", SCRUB_TEXT, "7333637265744b6579 7333637265744B6579", "* *");
	/* "user:s3cretKey", "s3cretKey", "user1:s3cretKey"; half a character of the first is the padding's */
	expect("s3cretKey", SCRUB_TEXT, "dXNlcjpzM2NyZXRLZXk=", "dXNlcjp*k=");
	expect("s3cretKey", SCRUB_TEXT, "czNjcmV0S2V5", "*");
	expect("s3cretKey", SCRUB_TEXT, "dXNlcjE6czNjcmV0S2V5", "dXNlcjE6*");
	/* both alphabets */
	expect("?\?>>?\?>>~~~~", SCRUB_TEXT, "Pz8+Pj8/Pj5+fn5+ Pz8-Pj8_Pj5-fn5-", "* *");
	/* base64, its slashes escaped */
	expect("?\?>>?\?>>~~~~", SCRUB_TEXT, "Pz8+Pj8\\/Pj5+fn5+ Pz8%2BPj8%2fPj5%2Bfn5%2B", "* *");
}

/* Any secret, anywhere, in any dress: nothing of eight bytes of it is left, and nothing else is touched. */
static void put_dressed(size_t dress, struct bytes secret, struct buf *out)
{
	struct buf pair = BUF_INIT(4096);
	char *text;
	json_t *v;

	switch (dress) {
	case 0:
		buf_put_bytes(out, secret);
		break;
	case 1:
		v = json_stringn((const char *)secret.p, secret.n);
		text = json_dumps(v, JSON_ENCODE_ANY | JSON_ESCAPE_SLASH);
		buf_put(out, text + 1, strlen(text) - 2);
		free(text);
		json_decref(v);
		break;
	case 2:
		xml_put(out, secret);
		break;
	case 3:
		text_put_pct(out, secret);
		break;
	case 4:
		text_put_hex(out, secret);
		break;
	default:
		/* 5, 6, 7: in each place of a group of three; what stands before shows */
		buf_put(&pair, "uv:", 3 - dress % 3);
		buf_put_bytes(&pair, secret);
		text_put_b64(out, buf_bytes(&pair));
		buf_done(&pair);
	}
}

static void test_all(void **state)
{
	struct dice d = {4711};

	for (unsigned turn = 0; turn < 2000; turn++) {
		struct buf forms = BUF_INIT(1u << 16), out = BUF_INIT(1u << 16),
			   want = BUF_INIT(1u << 16);
		size_t dress = dice_below(&d, 8), before = dice_below(&d, 40), covered, covered_now;
		char secret[256];

		sample_canary(dice_below(&d, ARRAY_LEN(sample_canaries)), &d, secret,
			      sizeof(secret));
		scrub_add(&forms, bytes_str(secret));
		while (out.n < before)
			buf_putc(&out, "{\"a\": <b>, c=%\\&"[dice_below(&d, 16)]);
		buf_puts(&out, "x ");
		before = out.n;
		put_dressed(dress, bytes_str(secret), &out);
		covered = out.n - before;
		buf_puts(&out, "\"}</b>");
		buf_put_bytes(&want, buf_bytes(&out));
		memset(want.p + before, '*', covered);
		assert_int_equal(scrub(buf_bytes(&forms), dice_is(&d, 50) ? SCRUB_TEXT : SCRUB_DATA,
				       out.p, out.n, &covered_now),
				 0);
		/* Around a base64 at most three characters at its front, and three behind, are others' too. */
		for (size_t i = 0; dress > 4 && i < covered; i++)
			if (i < 4 || i + 4 > covered)
				out.p[before + i] = '*';
		if (!bytes_eq(buf_bytes(&out), buf_bytes(&want)))
			fail_msg("%s, dress %zu: %.*s", secret, dress, (int)out.n, out.p);
		buf_done(&forms);
		buf_done(&out);
		buf_done(&want);
	}
}

/* Four megabytes, and a credential of three fields. */
static void test_large(void **state)
{
	struct buf forms = BUF_INIT(1u << 16), out = BUF_INIT(4u << 20);
	struct dice d = {1};
	char secret[256];
	size_t stars;

	for (size_t i = 0; i < 3; i++) {
		sample_canary(i, &d, secret, sizeof(secret));
		scrub_add(&forms, bytes_str(secret));
	}
	while (out.n + 300 < out.max) {
		json_put_string(&out, BYTES("_acme-challenge.example.org.\n\t\"a=b&c=d%20\""));
		text_put_b64(&out, bytes_of(&d.state, sizeof(d.state)));
		dice_roll(&d);
	}
	assert_int_equal(scrub(buf_bytes(&forms), SCRUB_TEXT, out.p, out.n, &stars), 0);
	assert_int_equal(stars, 0);
	buf_puts(&out, secret);
	assert_int_equal(scrub(buf_bytes(&forms), SCRUB_TEXT, out.p, out.n, &stars), 0);
	assert_int_equal(stars, strlen(secret));
	buf_done(&forms);
	buf_done(&out);
}

/* Made to be slow: a secret that nearly matches everywhere, and all escapes. It is done, or refused; it does not take long either way. */
static void test_hard(void **state)
{
	static const size_t size = 4u << 20;
	struct buf forms = BUF_INIT(1u << 16), out = BUF_INIT(size + 16);
	unsigned char secret[512];
	size_t stars;

	memset(secret, 'a', sizeof(secret));
	secret[sizeof(secret) - 1] = 'b';
	scrub_add(&forms, bytes_of(secret, sizeof(secret)));
	assert_int_equal(buf_status(&forms), 0);
	buf_puts(&out, "\\\\%25&amp;");
	while (out.n < size)
		buf_putc(&out, 'a');
	/* Twelve forms begin with the same two bytes: what one layer of this costs is known. */
	assert_int_equal(scrub(buf_bytes(&forms), SCRUB_TEXT, out.p, out.n, &stars), SCRUB_E_WORK);
	assert_int_equal(out.p[size - 1], 'a');
	/* A tenth of it is no trouble. */
	assert_int_equal(
		scrub(buf_bytes(&forms), SCRUB_TEXT, out.p + size - size / 10, size / 10, &stars),
		0);
	assert_int_equal(stars, size / 10);
	buf_done(&forms);
	buf_done(&out);
}

/* What an older, plainer search finds is found: each form at each place, none passed over. Plain text, hex and base64, as they stand. */
static void cover_naively(const struct buf *forms, enum scrub how, const struct buf *text,
			  unsigned char *covered)
{
	struct bytes list = buf_bytes(forms), item;

	while (plist_next(&list, &item)) {
		const struct bytes form = bytes_skip(item, 2);
		const size_t need = how == SCRUB_TEXT && item.p[1] < form.n ? item.p[1] : form.n;

		if (form.n < SCRUB_MIN || (how == SCRUB_DATA && !item.p[0]))
			continue;
		for (size_t i = 0; i < text->n; i++) {
			size_t n = 0;

			while (n < form.n && i + n < text->n && text->p[i + n] == form.p[n])
				n++;
			if (n >= need)
				memset(covered + i, 1, n);
		}
	}
}

/* Few letters, so that secrets match themselves, each other, and the text, in part. */
static void put_letters(struct buf *b, struct dice *d, size_t n, size_t letters)
{
	while (n--)
		buf_putc(b, (unsigned char)("abAB01+/"[dice_below(d, letters)]));
}

static void put_piece(struct buf *text, struct dice *d, const struct buf *secret)
{
	size_t from = dice_below(d, 3) ? 0 : dice_below(d, secret->n),
	       n = dice_below(d, 3) ? secret->n - from : dice_below(d, secret->n - from + 1);
	struct bytes piece = bytes_of(secret->p + from, n);

	switch (dice_below(d, 4)) {
	case 0:
		text_put_hex(text, piece);
		break;
	case 1:
		text_put_b64(text, piece);
		break;
	default:
		buf_put_bytes(text, piece);
	}
}

static void test_as_found_naively(void **state)
{
	struct dice d = {31415};

	for (unsigned turn = 0; turn < 20000; turn++) {
		struct buf forms = BUF_INIT(1u << 20), text = BUF_INIT(1u << 16), secrets[3];
		unsigned char covered[4096] = {0};
		enum scrub how = dice_is(&d, 50) ? SCRUB_TEXT : SCRUB_DATA;
		size_t letters = 2 + dice_below(&d, 6), n = 1 + dice_below(&d, 3), stars, want = 0;
		struct buf before = BUF_INIT(1u << 16);

		for (size_t i = 0; i < n; i++) {
			secrets[i] = BUF_INIT(64);
			put_letters(&secrets[i], &d, 1 + dice_below(&d, 40), letters);
			scrub_add(&forms, buf_bytes(&secrets[i]));
		}
		for (size_t i = dice_below(&d, 8); i > 0; i--) {
			put_letters(&text, &d, dice_below(&d, 12), letters);
			put_piece(&text, &d, &secrets[dice_below(&d, n)]);
		}
		assert_true(text.n < sizeof(covered));
		buf_put_bytes(&before, buf_bytes(&text));
		cover_naively(&forms, how, &text, covered);
		assert_int_equal(scrub(buf_bytes(&forms), how, text.p, text.n, &stars), 0);
		for (size_t i = 0; i < text.n; i++) {
			want += covered[i];
			if (text.p[i] != (covered[i] ? '*' : before.p[i]))
				fail_msg("turn %u, byte %zu: %.*s", turn, i, (int)before.n,
					 before.p);
		}
		assert_int_equal(stars, want);
		for (size_t i = 0; i < n; i++)
			buf_done(&secrets[i]);
		buf_done(&before);
		buf_done(&text);
		buf_done(&forms);
	}
}

/* Forms that cannot be made are missed, whichever they are: in hex there is no room for this, in base64 there is. */
static void test_missing_forms(void **state)
{
	struct buf forms = BUF_INIT(1u << 20), secret = BUF_INIT(1u << 16);

	memset(buf_extend(&secret, 40000), 's', 40000);
	scrub_add(&forms, buf_bytes(&secret));
	assert_int_equal(buf_status(&forms), -ENOBUFS);
	buf_done(&secret);
	buf_done(&forms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	      cmocka_unit_test(test_data),
		cmocka_unit_test(test_escapes),	      cmocka_unit_test(test_codes),
		cmocka_unit_test(test_all),	      cmocka_unit_test(test_large),
		cmocka_unit_test(test_hard),	      cmocka_unit_test(test_as_found_naively),
		cmocka_unit_test(test_missing_forms),
	};

	return cmocka_run_group_tests_name("scrub", tests, NULL, NULL);
}
