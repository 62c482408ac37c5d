/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "dns/name.h"
#include "dns/punycode.h"

#include <ctype.h>

static struct dns_name name_of(const char *text)
{
	struct dns_name n;

	assert_int_equal(dns_name_parse(&n, bytes_str(text)), 0);
	return n;
}

/* Parse an exact-size copy. True with OUT set, when it is a name. */
static bool parses(struct bytes in, struct dns_name *out)
{
	unsigned char *p = test_exact(in);
	int r = dns_name_parse(out, bytes_of(p, in.n));

	assert_true(r == 0 || r == DNS_E_NAME);
	free(p);
	return r == 0;
}

/* ---- names ---- */

static void test_name_vectors(void **state)
{
	json_t *v = test_json("vectors/dns/dns_name_edge_cases.json"), *c;
	size_t i, stars = 0;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct bytes in = json_get_bytes(c, "input");
		bool star = bytes_find(in, BYTES("*")) < in.n;
		struct dns_name n;
		bool ok = parses(in, &n);

		/* Names in DNS, but dns/name.h refuses them for policy's sake. */
		stars += star;
		if (ok != (json_is_true(json_object_get(c, "valid")) && !star))
			fail_msg("case %zu: %s", i, (const char *)in.p);
		if (ok)
			assert_true(bytes_eq(dns_name_text(&n), json_get_bytes(c, "canonical")));
	}
	assert_int_equal(i, 37);
	assert_int_equal(stars, 3);
	json_decref(v);
}

static void test_name_cut_everywhere(void **state)
{
	static const char *const texts[] = {"_acme-challenge.www.xn--bcher-kva.example.",
					    "a.xn--85x722f.xn--55qx5d.cn", "1_0-0.b-c.d9"};
	struct dns_name n, again;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (size_t cut = 0; cut <= strlen(texts[i]); cut++) {
			if (!parses(bytes_of(texts[i], cut), &n))
				continue;
			assert_true(parses(dns_name_text(&n), &again));
			assert_memory_equal(&n, &again, sizeof(n));
		}
}

/* Every byte as a character: of a label only letters, digits, '-' and '_'. */
static void test_name_alphabet(void **state)
{
	static const char alphabet[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	struct dns_name n;

	for (unsigned c = 0; c < 256; c++) {
		unsigned char in[] = "ab?cd.example";

		in[2] = (unsigned char)c;
		assert_int_equal(parses(bytes_of(in, sizeof(in) - 1), &n),
				 c && strchr(alphabet, (int)c));
	}
}

static void test_name_limits(void **state)
{
	char text[300] = "", label[65];
	struct dns_name n;

	for (size_t i = 0; i < 126; i++)
		memcpy(text + 2 * i, "a.", 2);
	text[252] = 'a';
	assert_true(parses(bytes_str(text), &n));
	assert_int_equal(n.labels, DNS_LABELS_MAX);
	assert_int_equal(n.len, DNS_NAME_MAX);
	assert_true(bytes_is(dns_name_label(&n, 126), "a"));
	text[253] = 'b';
	assert_false(parses(bytes_str(text), &n));
	memset(label, 'x', 64);
	label[64] = 0;
	snprintf(text, sizeof(text), "%s.example", label);
	assert_false(parses(bytes_str(text), &n));
	assert_true(parses(bytes_str(text + 1), &n));
	assert_false(parses(bytes_of(NULL, 0), &n));
	assert_false(parses(BYTES("."), &n));
	assert_false(parses(BYTES("example.1com"), &n));
	assert_false(parses(BYTES("example._com"), &n));
}

static void test_name_output_on_success_only(void **state)
{
	struct dns_name n = name_of("www.example.com"), before = n;

	assert_int_equal(dns_name_parse(&n, BYTES("a.b.c.example..com")), DNS_E_NAME);
	assert_memory_equal(&n, &before, sizeof(n));
}

static void test_name_parts(void **state)
{
	struct dns_name n = name_of("_a.WWW.Example.Com."), zone = name_of("example.com");
	struct dns_name lookalike = name_of("badexample.com"),
			deeper = name_of("x._a.www.example.com");

	assert_int_equal(n.labels, 4);
	assert_true(bytes_is(dns_name_label(&n, 0), "_a"));
	assert_true(bytes_is(dns_name_label(&n, 3), "com"));
	assert_true(bytes_is(dns_name_parent(&n, 0), "_a.www.example.com"));
	assert_true(bytes_is(dns_name_parent(&n, 1), "www.example.com"));
	assert_true(bytes_is(dns_name_parent(&n, 3), "com"));
	assert_int_equal(dns_name_parent(&n, 4).n, 0);
	assert_int_equal(dns_name_parent(&n, 1000).n, 0);
	assert_true(dns_name_within(&n, &zone));
	assert_true(dns_name_within(&zone, &zone));
	assert_false(dns_name_within(&zone, &n));
	assert_false(dns_name_within(&n, &deeper));
	assert_false(dns_name_within(&lookalike, &zone));
	assert_false(dns_name_within(&n, &(struct dns_name){0}));
	assert_true(bytes_is(dns_name_relative(&n, &zone), "_a.www"));
	assert_int_equal(dns_name_relative(&zone, &zone).n, 0);
	assert_true(dns_name_eq(&n, &n));
	assert_false(dns_name_eq(&n, &zone));
}

/* A name is within its registrable domain; what is not a name of two ASCII labels is refused. */
static void test_name_public_suffixes(void **state)
{
	json_t *v = test_json("vectors/dns/psl_tests.json"), *c;
	size_t i, good = 0;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct bytes in = json_get_bytes(c, "input");
		struct bytes above = json_get_bytes(c, "registrable");
		bool ascii = bytes_printable(in) && bytes_find(in, BYTES(".")) < in.n;
		struct dns_name n, zone;

		assert_int_equal(parses(in, &n), ascii && in.p[0] != '.');
		if (!ascii || !above.n)
			continue;
		assert_true(parses(above, &zone) && dns_name_within(&n, &zone));
		good++;
	}
	assert_int_equal(i, 52);
	assert_int_equal(good, 30);
	json_decref(v);
}

/* ---- Punycode ---- */

/* UTF-8, known to be good, as code points. */
static size_t utf8_points(struct bytes s, uint32_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = s.p[i];

		if ((c & 0xc0) == 0x80)
			out[n - 1] = out[n - 1] << 6 | (c & 0x3f);
		else
			out[n++] = c < 0x80   ? c
				   : c < 0xe0 ? c & 0x1f
				   : c < 0xf0 ? c & 0x0f
					      : c & 0x07;
	}
	return n;
}

static void test_punycode_vectors(void **state)
{
	json_t *v = test_json("vectors/dns/punycode_tests.json"), *c;
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct bytes encoded = json_get_bytes(c, "encoded");
		struct bytes decoded = json_get_bytes(c, "decoded");
		unsigned char again[100], *p = test_exact(encoded);
		uint32_t want[300], got[100];
		size_t n, len, points = utf8_points(decoded, want);

		assert_int_equal(punycode_decode(bytes_of(p, encoded.n), got, 100, &n), 0);
		assert_int_equal(n, points);
		assert_memory_equal(got, want, n * sizeof(*got));
		assert_int_equal(punycode_encode(got, n, again, encoded.n, &len), 0);
		assert_true(bytes_eq(bytes_of(again, len), encoded));
		assert_int_equal(punycode_encode(got, n, again, encoded.n - 1, &len),
				 PUNYCODE_E_BAD);
		assert_int_equal(punycode_decode(bytes_of(p, encoded.n), got, n - 1, &len),
				 PUNYCODE_E_BAD);
		free(p);
	}
	assert_int_equal(i, 17);
	json_decref(v);
	/* A text that once overflowed an encoder: far more than a label. */
	v = test_json("vectors/dns/bad_punycode_tests.json");
	c = json_array_get(json_object_get(v, "cases"), 0);
	uint32_t *points = calloc(json_get_bytes(c, "decoded").n, sizeof(*points));
	unsigned char out[DNS_LABEL_MAX];

	assert_non_null(points);
	assert_int_equal(punycode_encode(points, utf8_points(json_get_bytes(c, "decoded"), points),
					 out, sizeof(out), &i),
			 PUNYCODE_E_BAD);
	free(points);
	json_decref(v);
}

/* Numbers that do not fit: U+10FFFF so far to the right that its delta is over UINT32_MAX, too. */
static void test_punycode_overflow(void **state)
{
	static uint32_t points[4000];
	static unsigned char out[8000];
	uint32_t got[9];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(points); i++)
		points[i] = 'a';
	points[3999] = 0x10ffff;
	assert_int_equal(punycode_encode(points, 4000, out, sizeof(out), &n), PUNYCODE_E_BAD);
	assert_int_equal(punycode_encode(points + 3000, 1000, out, sizeof(out), &n), 0);
	/* 2^32 and 2^32 + 128: cut to 32 bits they would be U+0080 and U+0100. */
	assert_int_equal(punycode_decode(BYTES("l0902716a"), got, 9, &n), PUNYCODE_E_BAD);
	assert_int_equal(punycode_decode(BYTES("83902716a"), got, 9, &n), PUNYCODE_E_BAD);
	assert_int_equal(punycode_decode(BYTES("dn32g"), got, 9, &n), 0);
	assert_int_equal(got[0], 0x10ffff);
}

static void test_a_labels(void **state)
{
	static const struct {
		const char *label, *why;
	} bad[] = {
		{"xn--", "nothing"},
		{"xn--a", "U+0080, a control character"},
		{"xn--abc-", "hyphen last"},
		{"xn---abc", "a hyphen is no digit"},
		{"xn--example-cb", "cut short"},
		{"xn--99999999", "over UINT32_MAX"},
		{"xn--k0902716a", "over U+10FFFF"},
		{"xn--en32g", "U+110000"},
		{"xn--ib9b", "U+D800, a surrogate"},
		{"xn--zy0c", "U+DFFF, a surrogate"},
		{"xn--5a", "U+009F, a control character"},
		{"xn--a_b-kva", "an underscore"},
		{"xx--bcher-kva", "another prefix"},
		{"ab--c", "no prefix at all"},
		{"_a--b", "not only in host names"},
	};
	char text[100];
	struct dns_name n;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text), "%s.example", bad[i].label);
		if (parses(bytes_str(text), &n))
			fail_msg("%s: %s", bad[i].label, bad[i].why);
	}
	assert_true(parses(BYTES("xn--b1amarcd.xn--p1ai"), &n));
	assert_true(parses(BYTES("_acme-challenge.xn--DN32G.xn--6a.example"), &n));
}

static struct bytes field(struct bytes *line)
{
	size_t n = bytes_find(*line, BYTES(";"));
	struct bytes f = bytes_of(line->p, n);

	n += n < line->n;
	*line = bytes_of(line->p + n, line->n - n);
	while (f.n && f.p[0] == ' ')
		f = bytes_of(f.p + 1, f.n - 1);
	while (f.n && f.p[f.n - 1] == ' ')
		f.n--;
	return f;
}

static bool has(struct bytes hay, const char *needle)
{
	return bytes_find(hay, bytes_str(needle)) < hay.n;
}

/*
 * Is it one that we judge as UTS #46 does? To us a final dot is fine, and there are two labels or
 * more, the last beginning with a letter.
 */
static bool comparable(struct bytes name)
{
	size_t last = name.n;

	while (last && name.p[last - 1] != '.')
		last--;
	return bytes_printable(name) && last && last < name.n && isalpha(name.p[last]);
}

/* One line: source; toUnicode; its errors; toASCII; its errors. Blank: as the one before. */
static void check_idna_line(struct bytes line, size_t *good, size_t *bad)
{
	struct bytes source = field(&line), unicode = field(&line), error = field(&line);
	struct bytes ascii = field(&line), ascii_error = field(&line);
	struct dns_name n;

	ascii = ascii.n ? ascii : unicode.n ? unicode : source;
	error = ascii_error.n ? ascii_error : error;
	if (has(error, "P4") && comparable(source)) {
		assert_false(parses(source, &n));
		++*bad;
	}
	if (!comparable(ascii))
		return;
	if (error.n == 0 || bytes_is(error, "[]")) {
		if (!parses(ascii, &n) || !bytes_eq(dns_name_text(&n), ascii))
			fail_msg("%.*s", (int)ascii.n, ascii.p);
		++*good;
	} else if (has(error, "V2") || has(error, "V3") || has(error, "A4_") || has(error, "X4_")) {
		if (parses(ascii, &n))
			fail_msg("%.*s is a name", (int)ascii.n, ascii.p);
		++*bad;
	}
}

/*
 * UTS #46 cases: what ToASCII makes without an error must parse, to just that; bad Punycode (P4),
 * misplaced hyphens (V2, V3) and labels that are empty or long (A4_1, A4_2, X4_2) must not. The
 * other errors (bidirectional text, joiners, mapping) need Unicode's tables, which we do not have:
 * the registries do.
 */
static void test_idna_vectors(void **state)
{
	struct buf file = test_file("vectors/dns/IdnaTestV2.txt");
	size_t good = 0, bad = 0;

	buf_putc(&file, 0);
	for (char *save, *line = strtok_r((char *)file.p, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		check_idna_line(bytes_of(line, strcspn(line, "#")), &good, &bad);
	assert_int_equal(good, 267);
	assert_int_equal(bad, 757);
	buf_done(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_vectors),
		cmocka_unit_test(test_name_cut_everywhere),
		cmocka_unit_test(test_name_alphabet),
		cmocka_unit_test(test_name_limits),
		cmocka_unit_test(test_name_output_on_success_only),
		cmocka_unit_test(test_name_parts),
		cmocka_unit_test(test_name_public_suffixes),
		cmocka_unit_test(test_punycode_vectors),
		cmocka_unit_test(test_punycode_overflow),
		cmocka_unit_test(test_a_labels),
		cmocka_unit_test(test_idna_vectors),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
