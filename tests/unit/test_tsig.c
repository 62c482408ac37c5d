/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "sign/tsig.h"
#include "sys/crypto.h"

static const char *const outcomes[] = {
	[0] = "ok",
	[TSIG_E_BROKEN] = "broken",
	[TSIG_E_UNSIGNED] = "unsigned",
	[TSIG_E_FORGED] = "forged",
	[TSIG_E_BADSIG] = "badsig",
	[TSIG_E_BADKEY] = "badkey",
	[TSIG_E_BADTIME] = "badtime",
	[TSIG_E_BADTRUNC] = "badtrunc",
};

#define UNTOUCHED (-7)
#define KEY_TEXT  684 /* characters of 512 bytes, padding included */

static struct buf hex_of(json_t *o, const char *key)
{
	return test_hex(json_get_bytes(o, key));
}

static struct tsig_key key_of(json_t *c)
{
	enum tsig_algorithm a = tsig_algorithm_parse(json_get_bytes(c, "algorithm"));
	struct tsig_key k;

	assert_int_equal(
		tsig_key_init(&k, json_get_bytes(c, "key"), a, json_get_bytes(c, "secret")), 0);
	assert_true(bytes_is(json_get_bytes(c, "algorithm"), tsig_algorithm_text(a)));
	return k;
}

static struct tsig_mac mac_of(json_t *c)
{
	struct buf b = hex_of(c, "mac");
	struct tsig_mac m = {.n = b.n};

	assert_true(b.n <= sizeof(m.p));
	memcpy(m.p, b.p, b.n);
	buf_done(&b);
	return m;
}

static int64_t now_of(json_t *c)
{
	return json_integer_value(json_object_get(c, "now"));
}

/* ---- keys ---- */

static void test_key_refused(void **state)
{
	static const struct {
		const char *name, *secret;
	} bad[] = {
		{"", "AAAA"},	 {"a..b", "AAAA"},  {"a b", "AAAA"},   {"k", ""},
		{"k", "AAA"},	 {"k", "AA-_"},	    {"k", "===="},     {"k", "A==="},
		{"k", "AAAA="},	 {"k", "AA==AAAA"}, {"k", "AAA AAA="}, {"k", "AB=="},
		{"k", "AAAA\n"},
	};
	char text[KEY_TEXT + 1];
	struct tsig_key k;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (tsig_key_init(&k, bytes_str(bad[i].name), TSIG_SHA256,
				  bytes_str(bad[i].secret)) != TSIG_E_FIELD)
			fail_msg("case %zu", i);
	assert_int_equal(tsig_key_init(&k, BYTES("k"), TSIG_ALGORITHMS, BYTES("AAAA")),
			 TSIG_E_FIELD);
	/* 512 bytes, and 513. */
	memset(text, 'A', sizeof(text));
	text[KEY_TEXT - 1] = '=';
	assert_int_equal(tsig_key_init(&k, BYTES("k"), TSIG_SHA1, bytes_of(text, KEY_TEXT)), 0);
	assert_int_equal(k.secret.n, TSIG_SECRET_MAX);
	tsig_key_done(&k);
	text[KEY_TEXT - 1] = 'A';
	assert_int_equal(tsig_key_init(&k, BYTES("k"), TSIG_SHA1, bytes_of(text, KEY_TEXT)),
			 TSIG_E_FIELD);
	assert_int_equal(tsig_key_init(&k, BYTES("k"), TSIG_SHA1, BYTES("+/+/")), 0);
	assert_memory_equal(k.secret.p, "\xfb\xff\xbf", 3);
	tsig_key_done(&k);
	k = (struct tsig_key){.secret = {.n = 0}};
	tsig_key_done(&k);
}

static void test_algorithms(void **state)
{
	assert_int_equal(tsig_algorithm_parse(BYTES("hmac-sha512")), TSIG_SHA512);
	assert_int_equal(tsig_algorithm_parse(BYTES("HMAC-SHA512")), TSIG_ALGORITHMS);
	assert_int_equal(tsig_algorithm_parse(BYTES("hmac-md5.sig-alg.reg.int")), TSIG_ALGORITHMS);
	assert_int_equal(tsig_algorithm_parse(BYTES("")), TSIG_ALGORITHMS);
	assert_string_equal(tsig_algorithm_text(TSIG_ALGORITHMS), "");
}

/* ---- vectors ---- */

static void test_sign_vectors(void **state)
{
	json_t *v = test_json("vectors/tsig/tsig.json"), *c;
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct tsig_key key = key_of(c);
		struct buf plain = hex_of(c, "unsigned"), want = hex_of(c, "request");
		struct buf got = BUF_INIT(MESSAGE_MAX);
		struct tsig_mac mac, wanted = mac_of(c);

		buf_put_bytes(&got, buf_bytes(&plain));
		assert_int_equal(tsig_sign(&got, &key, now_of(c), &mac), 0);
		assert_true(bytes_eq(buf_bytes(&got), buf_bytes(&want)));
		assert_true(bytes_eq(bytes_of(mac.p, mac.n), bytes_of(wanted.p, wanted.n)));
		/* Not twice. */
		assert_int_equal(tsig_sign(&got, &key, now_of(c), &mac), -EINVAL);
		tsig_key_done(&key);
		buf_done(&plain);
		buf_done(&want);
		buf_done(&got);
	}
	assert_int_equal(i, TSIG_ALGORITHMS);
	json_decref(v);
}

/* The outcome for an exact-size copy of IN, which stays as it is but where the outcome is 0. */
static int verify(struct buf *out, struct bytes in, json_t *c, int64_t *server_time)
{
	struct tsig_key key = key_of(c);
	struct tsig_mac mac = mac_of(c);
	int r;

	*out = (struct buf){.p = test_exact(in), .n = in.n, .cap = in.n, .max = in.n};
	r = tsig_verify(out, &key, &mac, now_of(c), server_time);
	if (r)
		assert_true(bytes_eq(buf_bytes(out), in));
	tsig_key_done(&key);
	return r;
}

static void check_answer(json_t *c, json_t *answer)
{
	struct buf wire = hex_of(answer, "wire"), plain = hex_of(c, "plain_answer"), got;
	struct bytes what = json_get_bytes(answer, "what");
	int64_t server_time = UNTOUCHED;
	int r = verify(&got, buf_bytes(&wire), c, &server_time);

	if (r < 0 || !bytes_is(json_get_bytes(answer, "outcome"), outcomes[r]))
		fail_msg("%s: %d", (const char *)what.p, r);
	if (bytes_is(what, "refused"))
		plain.p[3] = DNS_REFUSED;
	if (r == 0)
		assert_true(bytes_eq(buf_bytes(&got), buf_bytes(&plain)));
	assert_int_equal(server_time == UNTOUCHED, r != TSIG_E_BADTIME);
	if (bytes_is(what, "BADTIME"))
		assert_int_equal(server_time,
				 json_integer_value(json_object_get(c, "server_time")));
	free(got.p);
	buf_done(&wire);
	buf_done(&plain);
}

static void test_verify_vectors(void **state)
{
	json_t *v = test_json("vectors/tsig/tsig.json"), *c, *answer;
	size_t i, k, count = 0;

	json_array_foreach(json_object_get(v, "cases"), i, c)
		json_array_foreach(json_object_get(c, "answers"), k, answer)
	{
		check_answer(c, answer);
		count++;
	}
	assert_int_equal(count, 26 * TSIG_ALGORITHMS);
	json_decref(v);
}

/* Cut anywhere, or with any bit turned but the id's, which is put right: never taken for good. */
static void test_verify_damaged(void **state)
{
	json_t *v = test_json("vectors/tsig/tsig.json");
	json_t *c = json_array_get(json_object_get(v, "cases"), 0);
	json_t *ok = json_array_get(json_object_get(c, "answers"), 0);
	struct buf wire = hex_of(ok, "wire"), got;
	int64_t server_time;

	for (size_t cut = 0; cut < wire.n; cut++) {
		assert_true(verify(&got, bytes_of(wire.p, cut), c, &server_time) > 0);
		free(got.p);
	}
	for (size_t bit = 16; bit < 8 * wire.n; bit++) {
		unsigned char mask = (unsigned char)(1 << bit % 8);
		int r;

		wire.p[bit / 8] ^= mask;
		r = verify(&got, buf_bytes(&wire), c, &server_time);
		wire.p[bit / 8] ^= mask;
		free(got.p);
		/* The case of a letter in a name is none of the signature's matters. */
		if (r <= 0 && !(r == 0 && mask == 0x20))
			fail_msg("bit %zu: %d", bit, r);
	}
	buf_done(&wire);
	json_decref(v);
}

/* ---- other things ---- */

static void test_sign_refused(void **state)
{
	struct buf b = BUF_INIT(40);
	struct dns_name name;
	struct tsig_key key;
	struct tsig_mac mac;

	assert_int_equal(dns_name_parse(&name, BYTES("a.example.org")), 0);
	assert_int_equal(tsig_key_init(&key, BYTES("k"), TSIG_SHA256, BYTES("AAAA")), 0);
	assert_int_equal(tsig_sign(&b, &key, 1, &mac), -EINVAL);
	assert_int_equal(message_put_query(&b, 1, &name, DNS_TYPE_SOA), 0);
	assert_int_equal(tsig_sign(&b, &key, 1, &mac), -ENOBUFS);
	tsig_key_done(&key);
	buf_done(&b);
}

static int setup(void **state)
{
	return crypto_load();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_refused),    cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_sign_vectors),   cmocka_unit_test(test_verify_vectors),
		cmocka_unit_test(test_verify_damaged), cmocka_unit_test(test_sign_refused),
	};

	return cmocka_run_group_tests_name("tsig", tests, setup, NULL);
}
