/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "audit/line.h"
#include "audit/note.h"

static struct bytes note_of(const json_t *c)
{
	return json_get_bytes(c, "note");
}

static void test_vectors(void **state)
{
	json_t *v = test_json("vectors/tlog/signed_note_checkpoints.json"), *c;
	size_t i, good = 0;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		bool valid = json_is_true(json_object_get(c, "valid"));
		bool valid_note = valid || json_is_true(json_object_get(c, "valid_note"));
		bool is_checkpoint =
			!strstr(json_string_value(json_object_get(c, "id")), "example");
		struct note_verifier key;
		struct checkpoint cp;
		struct bytes text;
		int r;

		print_message("# %s\n", json_string_value(json_object_get(c, "id")));
		assert_int_equal(note_parse_verifier(&key, json_get_bytes(c, "vkey")), 0);
		r = note_open(note_of(c), &key, 1, &text);
		assert_int_equal(r == 0, valid_note);
		if (r == 0 && is_checkpoint)
			assert_int_equal(checkpoint_parse(&cp, text), valid ? 0 : NOTE_E_BAD);
		good += valid;
	}
	assert_true(i == 27 && good > 8);
	json_decref(v);
}

/* With the seed, and the leaves, each comes out byte for byte. */
static void test_made_again(void **state)
{
	json_t *v = test_json("vectors/tlog/signed_note_checkpoints.json"), *c, *leaf;
	size_t i, k, made = 0;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		const json_t *leaves = json_object_get(c, "leaves");
		struct buf seed, text = BUF_INIT(1000), note = BUF_INIT(2000), key = BUF_INIT(1000);
		struct checkpoint cp;
		struct note_signer s;
		struct tree t = {0};

		if (!json_get_bytes(c, "seed").n || !leaves)
			continue;
		json_array_foreach(leaves, k, leaf)
		{
			struct buf data = test_hex(json_bytes(leaf));
			struct tree_hash h;

			audit_line_leaf(buf_bytes(&data), h.b);
			tree_add(&t, &h);
			buf_done(&data);
		}
		seed = test_hex(json_get_bytes(c, "seed"));
		cp = (struct checkpoint){.origin = BYTES("gateway.example/audit"), .size = t.size};
		tree_root(&t, &cp.root);
		note_signer_init(&s, cp.origin, seed.p);
		checkpoint_put(&text, &cp);
		note_sign(&note, buf_bytes(&text), &s, 1);
		assert_true(bytes_eq(buf_bytes(&note), note_of(c)));
		note_put_verifier(&key, &s.verifier);
		assert_true(bytes_eq(buf_bytes(&key), json_get_bytes(c, "vkey")));
		buf_done(&seed);
		buf_done(&text);
		buf_done(&note);
		buf_done(&key);
		made++;
	}
	assert_true(made >= 9);
	json_decref(v);
}

static void test_names(void **state)
{
	static const char *const good[] = {"a", "gateway.example/audit", "x-y_z"},
				 *const bad[] = {"", "a b", "a+b", "a\nb", "a\x7f"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(note_name_valid(bytes_str(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(note_name_valid(bytes_str(bad[i])));
}

static void test_verifiers(void **state)
{
	static const char good[] =
		"gateway.example/audit+2b8879a6+AXlgh2OYgH3JDF9/GA5AQK+w/TArlLRh2jN85T9i/6Gt";
	struct note_verifier v;
	char text[200];

	assert_int_equal(note_parse_verifier(&v, bytes_str(good)), 0);
	/* every character counts */
	for (size_t i = 0; i < strlen(good); i++) {
		snprintf(text, sizeof(text), "%s", good);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		assert_int_equal(note_parse_verifier(&v, bytes_str(text)), NOTE_E_BAD);
		assert_int_equal(note_parse_verifier(&v, bytes_of(good, i)), NOTE_E_BAD);
	}
}

/* Two keys sign while one takes the other's place; whoever knows one of them can tell. */
static void test_two_keys(void **state)
{
	static const unsigned char seeds[2][NOTE_SEED_BYTES] = {{1}, {2}};
	struct note_signer s[2], other;
	struct buf note = BUF_INIT(2000), forged = BUF_INIT(2000);
	struct bytes text;

	note_signer_init(&s[0], BYTES("a.example"), seeds[0]);
	note_signer_init(&s[1], BYTES("a.example"), seeds[1]);
	note_signer_init(&other, BYTES("b.example"), seeds[0]);
	note_sign(&note, BYTES("one\n\ntwo\n"), s, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(note_open(buf_bytes(&note), &s[i].verifier, 1, &text), 0);
		assert_true(bytes_is(text, "one\n\ntwo\n"));
	}
	assert_int_equal(note_open(buf_bytes(&note), &other.verifier, 1, &text), NOTE_E_NONE);
	/* No bit of it may be another. */
	for (size_t i = 0; i < note.n; i++) {
		struct note_verifier both[] = {s[0].verifier, s[1].verifier};

		buf_reset(&forged);
		buf_put_bytes(&forged, buf_bytes(&note));
		forged.p[i] ^= 1;
		if (note_open(buf_bytes(&forged), both, 2, &text) == 0)
			assert_true(bytes_is(text, "one\n\ntwo\n"));
		assert_int_not_equal(note_open(bytes_of(note.p, i), &s[1].verifier, 1, &text), 0);
	}
	buf_done(&note);
	buf_done(&forged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),	 cmocka_unit_test(test_made_again),
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_verifiers),
		cmocka_unit_test(test_two_keys),
	};

	return cmocka_run_group_tests_name("note", tests, NULL, NULL);
}
