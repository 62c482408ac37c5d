/* SPDX-License-Identifier: ISC */
/*
 * Plaintexts written and sealed by hand, as docs/handles.md says: the layout is pinned a second
 * time, and what no Postern would write is refused though the seal is right.
 */
#include "seal_rig.h"

#include "base/text.h"
#include "seal/kdf.h"

#define FIELDS_MAX 20

struct field {
	unsigned char number;
	struct bytes value;
};

struct message {
	enum handle_kind kind; /* of prefix and key */
	unsigned char version, kind_byte;
	size_t n;
	struct field fields[FIELDS_MAX];
};

static unsigned char key_id[KEY_ID_BYTES]; /* of key_a; set by setup */

#define CUSTOMER BYTES("customer-42")
#define ID	 BYTES("integration-id-\0")
#define CREATED	 BYTES("\0\0\0\0\x6b\x06\x43\x96")

/* The contents of the rig's samples. */
static struct message message_of(enum handle_kind kind)
{
	const struct message integration = {.kind = HANDLE_INTEGRATION,
					    .version = 1,
					    .kind_byte = 0,
					    .n = 9,
					    .fields = {{1, bytes_of(key_id, sizeof(key_id))},
						       {2, CUSTOMER},
						       {3, ID},
						       {4, BYTES("cloudflare")},
						       {5, CREATED},
						       {6, BYTES("\0\0\0\0\x70\xfc\x24\x96")},
						       {7, BYTES("\0\0\0\x0b"
								 "example.com"
								 "\0\0\0\x0b"
								 "example.org")},
						       {8, BYTES("\2")},
						       {9, BYTES("\0\0\0\x09"
								 "api_token"
								 "\0\0\0\x0c"
								 "s3cr3t-token")}}};
	const struct message record = {
		.kind = HANDLE_RECORD,
		.version = 1,
		.kind_byte = 1,
		.n = 15,
		.fields = {{1, bytes_of(key_id, sizeof(key_id))},
			   {2, CUSTOMER},
			   {3, ID},
			   {4, BYTES("cloudflare")},
			   {5, CREATED},
			   {16, BYTES("example.com")},
			   {17, BYTES("zone-id")},
			   {18, BYTES("_acme-challenge.example.com")},
			   {19, BYTES("\1")},
			   {20, BYTES("value\"\\\x01")},
			   {21, BYTES("\1")},
			   {22, BYTES("record-id")},
			   {23, BYTES("\1")},
			   {24, BYTES("\x11\x22\x33\x44\x55\x66\x77\x88")},
			   {25, BYTES("a leaf hash of thirty-two bytes\0")}}};

	const struct message setup = {
		.kind = HANDLE_SETUP,
		.version = 1,
		.kind_byte = 2,
		.n = 11,
		.fields = {{1, bytes_of(key_id, sizeof(key_id))},
			   {2, CUSTOMER},
			   {3, ID},
			   {4, BYTES("cloudflare")},
			   {5, CREATED},
			   {6, BYTES("\0\0\0\0\x70\xfc\x24\x96")},
			   {32, BYTES("\0")},
			   {33, BYTES("a state of exactly 32 bytes, yes")},
			   {34, BYTES("a-verifier-of-forty-three-characters-or-more")},
			   {35, BYTES("https://app.example/back?x=1")},
			   {36, BYTES("")}}};

	return kind == HANDLE_INTEGRATION ? integration : kind == HANDLE_RECORD ? record : setup;
}

static struct message delegated_message(void)
{
	struct message m = message_of(HANDLE_SETUP);

	m.fields[6].value = BYTES("\1");
	m.fields[7].value = m.fields[8].value = m.fields[9].value = BYTES("");
	m.fields[10].value = BYTES("0123456789abcdef");
	return m;
}

static struct buf encode(const struct message *m)
{
	struct buf b = BUF_INIT(INTEGRATION_HANDLE_MAX);

	buf_putc(&b, m->version);
	buf_putc(&b, m->kind_byte);
	for (size_t i = 0; i < m->n; i++) {
		buf_putc(&b, m->fields[i].number);
		plist_put(&b, m->fields[i].value);
	}
	return b;
}

static void pad(struct buf *b)
{
	buf_putc(b, 0x80);
	while (b->n % 64)
		buf_putc(b, 0);
}

/* The text of a handle that holds PADDED. */
static struct buf craft(enum handle_kind kind, struct bytes padded)
{
	struct buf info = BUF_INIT(200), box = BUF_INIT(INTEGRATION_HANDLE_MAX),
		   text = BUF_INIT(INTEGRATION_HANDLE_MAX);
	unsigned char key[32];

	buf_puts(&info, kind == HANDLE_INTEGRATION ? "postern/v1/integration"
			: kind == HANDLE_RECORD	   ? "postern/v1/record"
						   : "postern/v1/setup");
	buf_putc(&info, 0);
	buf_put(&info, key_id, sizeof(key_id));
	buf_put_be16(&info, (uint16_t)CUSTOMER.n);
	buf_put_bytes(&info, CUSTOMER);
	hkdf_sha256(key, sizeof(key), bytes_of(key_a, sizeof(key_a)), bytes_of(NULL, 0),
		    buf_bytes(&info));
	buf_put(&box, key_id, sizeof(key_id));
	buf_put(&box, nonce, sizeof(nonce));
	crypto_secretbox_easy(buf_extend(&box, padded.n + crypto_secretbox_MACBYTES), padded.p,
			      padded.n, nonce, key);
	buf_puts(&text, kind == HANDLE_INTEGRATION ? "pti1_"
			: kind == HANDLE_RECORD	   ? "ptr1_"
						   : "pts1_");
	text_put_b64url(&text, buf_bytes(&box));
	assert_int_equal(buf_status(&text), 0);
	buf_done(&info);
	buf_done(&box);
	return text;
}

static int open_plain(enum handle_kind kind, struct bytes padded)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct buf text = craft(kind, padded);
	int r = open_as(kind, &ring, buf_bytes(&text), CUSTOMER);

	buf_done(&text);
	return r;
}

static int open_message(const struct message *m)
{
	struct buf b = encode(m);
	int r;

	pad(&b);
	r = open_plain(m->kind, buf_bytes(&b));
	buf_done(&b);
	return r;
}

/* Takes SEALED. */
static void check_layout(const struct message *m, struct buf sealed)
{
	struct buf plain = encode(m), crafted;

	pad(&plain);
	crafted = craft(m->kind, buf_bytes(&plain));
	assert_true(bytes_eq(buf_bytes(&crafted), buf_bytes(&sealed)));
	buf_done(&plain);
	buf_done(&crafted);
	buf_done(&sealed);
}

/* Made by hand it is, byte for byte, what is sealed. */
static void test_layout(void **state)
{
	struct keyring ring = ring_of(key_a, NULL);
	struct message m;
	struct setup s = sample_delegated();

	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++) {
		m = message_of((enum handle_kind)kind);
		check_layout(&m, seal_sample(&ring, m.kind));
	}
	m = delegated_message();
	check_layout(&m, seal_setup_of(&ring, &s));
}

/* Version and kind, inside an otherwise right seal. */
static void test_head(void **state)
{
	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++)
		for (unsigned v = 0; v < 256; v++) {
			struct message m = message_of((enum handle_kind)kind);

			m.version = (unsigned char)v;
			assert_int_equal(open_message(&m), v == 1 ? 0 : HANDLE_E_INVALID);
			m.version = 1;
			m.kind_byte = (unsigned char)v;
			assert_int_equal(open_message(&m), v == kind ? 0 : HANDLE_E_INVALID);
		}
}

static void insert(struct message *m, size_t at, struct field f)
{
	memmove(&m->fields[at + 1], &m->fields[at], (m->n - at) * sizeof(f));
	m->fields[at] = f;
	m->n++;
}

static void drop(struct message *m, size_t at)
{
	m->n--;
	memmove(&m->fields[at], &m->fields[at + 1], (m->n - at) * sizeof(m->fields[0]));
}

/* Missing, twice, out of order, renumbered, or one that nobody knows, at every place. */
static void test_sequence(void **state)
{
	static const unsigned char unknown[] = {0, 10, 15, 26, 31, 37, 255};

	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++) {
		const struct message good = message_of((enum handle_kind)kind);

		for (size_t at = 0; at < good.n; at++) {
			struct message m = good;
			drop(&m, at);
			assert_int_equal(open_message(&m), HANDLE_E_INVALID);
			m = good;
			insert(&m, at, good.fields[at]);
			assert_int_equal(open_message(&m), HANDLE_E_INVALID);
			m = good;
			drop(&m, at);
			insert(&m, at ? at - 1 : 1, good.fields[at]);
			assert_int_equal(open_message(&m), HANDLE_E_INVALID);
			for (unsigned v = 0; v < 256; v++) {
				m = good;
				m.fields[at].number = (unsigned char)v;
				assert_int_equal(open_message(&m), v == good.fields[at].number
									   ? 0
									   : HANDLE_E_INVALID);
			}
		}
		for (size_t at = 0; at <= good.n; at++)
			for (size_t u = 0; u < sizeof(unknown); u++) {
				struct message m = good;
				insert(&m, at, (struct field){unknown[u], BYTES("")});
				assert_int_equal(open_message(&m), HANDLE_E_INVALID);
			}
	}
}

/* Every value here is inside an otherwise good handle. */
static void test_values(void **state)
{
	static const struct {
		enum handle_kind kind;
		unsigned char number;
		struct bytes value;
		bool good;
	} cases[] = {
		{HANDLE_INTEGRATION, 1, BYTES("\0\0\0\0"), false},
		{HANDLE_INTEGRATION, 2, BYTES("customer-43"), false},
		{HANDLE_INTEGRATION, 2, BYTES(""), false},
		{HANDLE_INTEGRATION, 3, BYTES("integration-id-"), false},
		{HANDLE_INTEGRATION, 3, BYTES("integration-id-\0\0"), false},
		{HANDLE_INTEGRATION, 4, BYTES(""), false},
		{HANDLE_INTEGRATION, 4, BYTES("cloud\nflare"), false},
		{HANDLE_INTEGRATION, 5, BYTES("\0\0\0\0\0\0\0"), false},
		{HANDLE_INTEGRATION, 5, BYTES("\0\0\0\0\0\0\0\0\0"), false},
		{HANDLE_INTEGRATION, 5, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), false},
		{HANDLE_INTEGRATION, 6, BYTES("\0\0\0\0\0\0\0\0"), true},
		/* INT64_MAX microseconds, in seconds, and one more */
		{HANDLE_INTEGRATION, 6, BYTES("\0\0\x08\x63\x7b\xd0\x5a\xf6"), true},
		{HANDLE_INTEGRATION, 6, BYTES("\0\0\x08\x63\x7b\xd0\x5a\xf7"), false},
		{HANDLE_INTEGRATION, 7, BYTES(""), true},
		{HANDLE_INTEGRATION, 7, BYTES("\0\0\0\3a.b"), true},
		{HANDLE_INTEGRATION, 7, BYTES("\0\0\0\3A.b"), false},
		{HANDLE_INTEGRATION, 7, BYTES("\0\0\0\4a.b."), false},
		{HANDLE_INTEGRATION, 7, BYTES("\0\0\0\0"), false},
		{HANDLE_INTEGRATION, 7, BYTES("\0\0\0\3a.b\0\0\0"), false},
		{HANDLE_INTEGRATION, 7, BYTES("\0\0\0\4a.b"), false},
		{HANDLE_INTEGRATION, 7, BYTES("\xff\xff\xff\xff"), false},
		{HANDLE_INTEGRATION, 8, BYTES("\0"), true},
		{HANDLE_INTEGRATION, 8, BYTES("\3"), false},
		{HANDLE_INTEGRATION, 8, BYTES(""), false},
		{HANDLE_INTEGRATION, 8, BYTES("\0\0"), false},
		{HANDLE_INTEGRATION, 9, BYTES(""), true},
		{HANDLE_INTEGRATION, 9, BYTES("\0\0\0\1a\0\0\0\0"), true},
		{HANDLE_INTEGRATION, 9, BYTES("\0\0\0\1a"), false},
		{HANDLE_INTEGRATION, 9, BYTES("\0\0\0\1a\0\0\0\2b"), false},
		{HANDLE_INTEGRATION, 9, BYTES("\0\0\0\1a\0\0\0\1b\0"), false},
		{HANDLE_RECORD, 1, BYTES("\0\0\0\0"), false},
		{HANDLE_RECORD, 2, BYTES("customer-43"), false},
		{HANDLE_RECORD, 16, BYTES("_acme-challenge.example.com"), true},
		{HANDLE_RECORD, 16, BYTES(""), false},
		{HANDLE_RECORD, 16, BYTES("Example.com"), false},
		{HANDLE_RECORD, 16, BYTES("example.com."), false},
		{HANDLE_RECORD, 16, BYTES("ample.com"), false},
		{HANDLE_RECORD, 16, BYTES("b.example.com"), false},
		{HANDLE_RECORD, 17, BYTES(""), false},
		{HANDLE_RECORD, 18, BYTES("example.com"), true},
		{HANDLE_RECORD, 18, BYTES("example.org"), false},
		{HANDLE_RECORD, 18, BYTES("*.example.com"), false},
		{HANDLE_RECORD, 19, BYTES("\4"), true},
		{HANDLE_RECORD, 19, BYTES("\0"), false},
		{HANDLE_RECORD, 19, BYTES("\5"), false},
		{HANDLE_RECORD, 20, BYTES(""), false},
		{HANDLE_RECORD, 21, BYTES("\0"), true},
		{HANDLE_RECORD, 21, BYTES("\2"), false},
		{HANDLE_RECORD, 22, BYTES(""), true},
		{HANDLE_RECORD, 23, BYTES("\0"), true},
		{HANDLE_RECORD, 23, BYTES("\2"), false},
		{HANDLE_RECORD, 24, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), true},
		{HANDLE_RECORD, 24, BYTES("\0"), false},
		{HANDLE_RECORD, 25, BYTES("short"), false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct message m = message_of(cases[i].kind);
		size_t at = 0;

		while (m.fields[at].number != cases[i].number)
			at++;
		m.fields[at].value = cases[i].value;
		if ((open_message(&m) == 0) != cases[i].good)
			fail_msg("case %zu, field %u", i, cases[i].number);
	}
}

/* Values of a setup: of the way that OAUTH says, and inside an otherwise good handle. */
static void test_setup_values(void **state)
{
	static const struct {
		bool oauth;
		unsigned char number;
		struct bytes value;
		bool good;
	} cases[] = {
		{true, 1, BYTES("\0\0\0\0"), false},
		{true, 2, BYTES("customer-43"), false},
		{true, 2, BYTES(""), false},
		{true, 3, BYTES("integration-id-"), false},
		{true, 3, BYTES("integration-id-\0\0"), false},
		{true, 4, BYTES(""), false},
		{true, 4, BYTES("cloud\nflare"), false},
		{true, 5, BYTES("\0\0\0\0\0\0\0"), false},
		{true, 5, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), false},
		{true, 6, BYTES("\0\0\0\0\0\0\0\0"), true},
		{true, 6, BYTES("\0\0\x08\x63\x7b\xd0\x5a\xf6"), true},
		{true, 6, BYTES("\0\0\x08\x63\x7b\xd0\x5a\xf7"), false},
		{true, 32, BYTES("\1"), false},
		{true, 32, BYTES("\2"), false},
		{true, 32, BYTES(""), false},
		{true, 32, BYTES("\0\0"), false},
		{true, 33, BYTES(""), false},
		{true, 33, BYTES("a state of just thirty-one byte"), false},
		{true, 33, BYTES("\0 state of exactly 32 bytes, \xff\xff\xff"), true},
		{true, 34, BYTES(""), false},
		{true, 34, BYTES("a-verifier-of-forty-two-characters-is-shor"), false},
		{true, 34, BYTES("a-verifier-of-forty-three-characters-is-ok-"), true},
		{true, 34, BYTES("a-verifier-of-forty-three-characters-and-\n-"), false},
		{true, 35, BYTES(""), false},
		{true, 35, BYTES("https://app.example/\0"), false},
		{true, 35, BYTES("https://app.example/\xc3\xa9"), false},
		{true, 36, BYTES("x"), false},
		{false, 32, BYTES("\0"), false},
		{false, 32, BYTES("\2"), false},
		{false, 33, BYTES("a state of exactly 32 bytes, yes"), false},
		{false, 33, BYTES("x"), false},
		{false, 34, BYTES("a-verifier-of-forty-three-characters-or-more"), false},
		{false, 34, BYTES("x"), false},
		{false, 35, BYTES("https://app.example/"), false},
		{false, 36, BYTES(""), false},
		{false, 36, BYTES("x"), true},
		{false, 36, BYTES("a\nb"), false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct message m = cases[i].oauth ? message_of(HANDLE_SETUP) : delegated_message();
		size_t at = 0;

		assert_int_equal(open_message(&m), 0);
		while (m.fields[at].number != cases[i].number)
			at++;
		m.fields[at].value = cases[i].value;
		if ((open_message(&m) == 0) != cases[i].good)
			fail_msg("case %zu, field %u", i, cases[i].number);
	}
}

/* The last value that is within a limit, and the first that is not. */
static void test_limits(void **state)
{
	struct buf two = pairs_of(2, CREDENTIALS_MAX / 2),
		   two_over = pairs_of(2, CREDENTIALS_MAX / 2 + 1),
		   many = pairs_of(CREDENTIAL_FIELDS_MAX, 1),
		   many_over = pairs_of(CREDENTIAL_FIELDS_MAX + 1, 1),
		   names = zones_of(HANDLE_ZONES_MAX), names_over = zones_of(HANDLE_ZONES_MAX + 1);
	const struct {
		enum handle_kind kind;
		size_t at;
		struct bytes good, over;
	} cases[] = {
		{HANDLE_INTEGRATION, 3, bytes_of(big, PROVIDER_NAME_MAX),
		 bytes_of(big, PROVIDER_NAME_MAX + 1)},
		{HANDLE_INTEGRATION, 6, buf_bytes(&names), buf_bytes(&names_over)},
		{HANDLE_INTEGRATION, 8, buf_bytes(&two), buf_bytes(&two_over)},
		{HANDLE_INTEGRATION, 8, buf_bytes(&many), buf_bytes(&many_over)},
		{HANDLE_RECORD, 3, bytes_of(big, PROVIDER_NAME_MAX),
		 bytes_of(big, PROVIDER_NAME_MAX + 1)},
		{HANDLE_RECORD, 6, bytes_of(big, PROVIDER_RECORD_ID_MAX),
		 bytes_of(big, PROVIDER_RECORD_ID_MAX + 1)},
		{HANDLE_RECORD, 9, bytes_of(big, RECORD_VALUE_MAX),
		 bytes_of(big, RECORD_VALUE_MAX + 1)},
		{HANDLE_RECORD, 11, bytes_of(big, PROVIDER_RECORD_ID_MAX),
		 bytes_of(big, PROVIDER_RECORD_ID_MAX + 1)},
		{HANDLE_SETUP, 3, bytes_of(big, PROVIDER_NAME_MAX),
		 bytes_of(big, PROVIDER_NAME_MAX + 1)},
		{HANDLE_SETUP, 7, bytes_of(big, SETUP_STATE_BYTES),
		 bytes_of(big, SETUP_STATE_BYTES + 1)},
		{HANDLE_SETUP, 8, bytes_of(big, SETUP_VERIFIER_MAX),
		 bytes_of(big, SETUP_VERIFIER_MAX + 1)},
		{HANDLE_SETUP, 9, bytes_of(big, REDIRECT_URI_MAX),
		 bytes_of(big, REDIRECT_URI_MAX + 1)},
	};
	struct message d = delegated_message();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct message m = message_of(cases[i].kind);

		m.fields[cases[i].at].value = cases[i].good;
		assert_int_equal(open_message(&m), 0);
		m.fields[cases[i].at].value = cases[i].over;
		assert_int_equal(open_message(&m), HANDLE_E_INVALID);
	}
	d.fields[10].value = bytes_of(big, EXTERNAL_ID_MAX);
	assert_int_equal(open_message(&d), 0);
	d.fields[10].value = bytes_of(big, EXTERNAL_ID_MAX + 1);
	assert_int_equal(open_message(&d), HANDLE_E_INVALID);
	buf_done(&two);
	buf_done(&two_over);
	buf_done(&many);
	buf_done(&many_over);
	buf_done(&names);
	buf_done(&names_over);
}

/* Cut anywhere, a byte more, and padding that nobody would write. */
static void test_framing(void **state)
{
	for (unsigned k = 0; k < HANDLE_KINDS; k++) {
		enum handle_kind kind = (enum handle_kind)k;
		struct message m = message_of(kind);
		struct buf whole = encode(&m), b = BUF_INIT(INTEGRATION_HANDLE_MAX);

		for (size_t cut = 0; cut < whole.n; cut++) {
			buf_reset(&b);
			buf_put(&b, whole.p, cut);
			pad(&b);
			assert_int_equal(open_plain(kind, buf_bytes(&b)), HANDLE_E_INVALID);
		}
		buf_reset(&b);
		buf_put_bytes(&b, buf_bytes(&whole));
		pad(&b);
		assert_int_equal(open_plain(kind, buf_bytes(&b)), 0);
		/* the padding's mark wiped, another, a byte behind it, a second padding, another block size */
		b.p[whole.n] = 0;
		assert_int_equal(open_plain(kind, buf_bytes(&b)), HANDLE_E_INVALID);
		b.p[whole.n] = 0x81;
		assert_int_equal(open_plain(kind, buf_bytes(&b)), HANDLE_E_INVALID);
		b.p[whole.n] = 0x80;
		b.p[b.n - 1] ^= 1;
		assert_int_equal(open_plain(kind, buf_bytes(&b)), HANDLE_E_INVALID);
		b.p[b.n - 1] ^= 1;
		pad(&b);
		assert_int_equal(open_plain(kind, buf_bytes(&b)), HANDLE_E_INVALID);
		memset(b.p + b.n - 64, 0, 64);
		assert_int_equal(open_plain(kind, buf_bytes(&b)), HANDLE_E_INVALID);
		buf_truncate(&b, b.n - 63);
		assert_int_equal(open_plain(kind, buf_bytes(&b)), HANDLE_E_INVALID);
		buf_reset(&b);
		buf_put_bytes(&b, buf_bytes(&whole));
		buf_putc(&b, 0);
		pad(&b);
		assert_int_equal(open_plain(kind, buf_bytes(&b)), HANDLE_E_INVALID);
		assert_int_equal(open_plain(kind, BYTES("")), HANDLE_E_INVALID);
		buf_done(&whole);
		buf_done(&b);
	}
}

/* A plaintext of whole blocks needs padding too: without it nothing of it counts. */
static void test_no_padding(void **state)
{
	for (size_t n = 0; n < 64; n++) {
		struct message m = message_of(HANDLE_SETUP);
		struct buf b;

		m.fields[9].value = bytes_of(big, n + 1);
		b = encode(&m);
		if (b.n % 64 == 0)
			assert_int_equal(open_plain(m.kind, buf_bytes(&b)), HANDLE_E_INVALID);
		assert_int_equal(open_message(&m), 0);
		buf_done(&b);
	}
}

static int setup(void **state)
{
	int r = seal_setup(state);
	struct keyring ring = ring_of(key_a, NULL);

	memcpy(key_id, ring.keys[0].id, sizeof(key_id));
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),	     cmocka_unit_test(test_head),
		cmocka_unit_test(test_sequence),     cmocka_unit_test(test_values),
		cmocka_unit_test(test_setup_values), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_framing),	     cmocka_unit_test(test_no_padding),
	};

	return cmocka_run_group_tests_name("seal_fields", tests, setup, seal_teardown);
}
