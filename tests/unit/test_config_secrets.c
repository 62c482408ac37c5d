/* SPDX-License-Identifier: ISC */
/* The callers file, root keys and tokens. */
#include "config_rig.h"

#define KINDS  "identity: must be sha256:HEX, uid:NUMBER, dns:NAME, uri:URI or spki:HEX"
#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* ---- callers ---- */

static const struct {
	const char *text, *error; /* NULL: good */
} callers[] = {
	{"", NULL},
	{"# nobody\n\n \t\n", NULL},
	{"a sha256:" HASH_A " all", NULL},
	{"\ta-_9  uid:0\tget_zones,add_record # why\n", NULL},
	{"a uid:1 all\nb uid:2 all\nc sha256:" HASH_A " all\n", NULL},
	{"A uid:1 all", "@/c:1: name: must be 1 to 64 of a-z, 0-9, _ and -"},
	{"a.b uid:1 all", "@/c:1: name: must be 1 to 64 of a-z, 0-9, _ and -"},
	{HASH_A "a uid:1 all", "@/c:1: name: must be 1 to 64 of a-z, 0-9, _ and -"},
	{"\n\na\n", "@/c:3: " KINDS},
	{"a md5:0 all", "@/c:1: " KINDS},
	{"a ptk1_x all", "@/c:1: " KINDS},
	{"a sha256:" HASH_A "a all",
	 "@/c:1: identity: must have 64 lower-case hex digits after sha256:"},
	{"a sha256:abc all", "@/c:1: identity: must have 64 lower-case hex digits after sha256:"},
	{"a sha256:A" HASH_A " all",
	 "@/c:1: identity: must have 64 lower-case hex digits after sha256:"},
	{"a sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA all",
	 "@/c:1: identity: must have 64 lower-case hex digits after sha256:"},
	{"a uid: all", "@/c:1: identity: must have a number after uid:"},
	{"a uid:-1 all", "@/c:1: identity: must have a number after uid:"},
	{"a uid:root all", "@/c:1: identity: must have a number after uid:"},
	{"a uid:4294967295 all", "@/c:1: identity: must have a number after uid:"},
	{"a uid:1", "@/c:1: verbs: must be all, or verbs with commas between"},
	{"a uid:1 everything", "@/c:1: verbs: must be all, or verbs with commas between"},
	{"a uid:1 all,get_zones", "@/c:1: verbs: must be all, or verbs with commas between"},
	{"a uid:1 get_zones,", "@/c:1: verbs: must be all, or verbs with commas between"},
	{"a uid:1 ,get_zones", "@/c:1: verbs: must be all, or verbs with commas between"},
	{"a uid:1 all\r\n", "@/c:1: verbs: must be all, or verbs with commas between"},
	{"a uid:1 get_zones add_record",
	 "@/c:1: options: must be providers=, policy=, rate=, burst=, zones= or in_flight="},
	{"a uid:1,sha256:" HASH_A ",dns:A.example.,uri:spiffe://e/x,spki:" HASH_A
	 " all providers=route53,powerdns policy=strict rate=1 burst=none zones=1000000",
	 NULL},
	{"a uid:1, all", "@/c:1: identity: has a comma at its end"},
	{"a uid:1,,uid:2 all", "@/c:1: " KINDS},
	{"a uid:1,uid:1 all", "@/c:1: identity: stands there already"},
	{"a dns:*.example all", "@/c:1: identity: must have a domain name after dns:"},
	{"a dns: all", "@/c:1: identity: must have a domain name after dns:"},
	{"a uri:x all", "@/c:1: identity: must have a URI after uri:"},
	{"a uri:x: all", "@/c:1: identity: must have a URI after uri:"},
	{"a uri::x all", "@/c:1: identity: must have a URI after uri:"},
	{"a spki:abc all", "@/c:1: identity: must have 64 lower-case hex digits after spki:"},
	{"a uid:1 all rate=0", "@/c:1: rate: must be none, or a number from 1 to 1000000"},
	{"a uid:1 all rate=1000001", "@/c:1: rate: must be none, or a number from 1 to 1000000"},
	{"a uid:1 all burst=-1", "@/c:1: burst: must be none, or a number from 1 to 1000000"},
	{"a uid:1 all zones=", "@/c:1: zones: must be none, or a number from 1 to 1000000"},
	{"a uid:1 all zones", "@/c:1: zones: must be none, or a number from 1 to 1000000"},
	{"a uid:1 all rate=1 rate=2", "@/c:1: options: one stands there twice"},
	{"a uid:1 all providers=",
	 "@/c:1: providers: must be names of providers with commas between"},
	{"a uid:1 all providers=route53,x",
	 "@/c:1: providers: must be names of providers with commas between"},
	{"a uid:1 all policy=loose", "@/c:1: policy: must be article, guarded or strict"},
	{"a uid:1 all\na uid:2 all", "@/c:2: name: is that of another caller"},
	{"a uid:1 all\nb uid:1 all", "@/c:2: identity: stands there already"},
	{"a sha256:" HASH_A " all\nb sha256:" HASH_A " all",
	 "@/c:2: identity: stands there already"},
};

static void test_callers(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
		struct config *c;
		int r;

		put_text("c", callers[i].text, 0644);
		assert_int_equal(config_new(&c, err), 0);
		r = callers_load(at("c"), c, err);
		assert_int_equal(r, callers[i].error ? CONFIG_E_BAD : 0);
		if (callers[i].error)
			expect_error(callers[i].error);
		config_free(c);
	}
}

static void test_callers_content(void **state)
{
	struct config *c;

	put_text("c", "a sha256:" HASH_A " all\nb uid:7 get_zones,add_record\n", 0600);
	assert_int_equal(config_new(&c, err), 0);
	assert_int_equal(callers_load(at("c"), c, err), 0);
	assert_int_equal(c->n_callers, 2);
	assert_string_equal(c->callers[0].name, "a");
	assert_int_equal(c->n_identities, 2);
	assert_int_equal(c->identities[0].kind, IDENTITY_TOKEN);
	assert_int_equal(c->identities[0].caller, 0);
	assert_int_equal(c->identities[0].id[31], 0xaa);
	assert_int_equal(c->callers[0].verbs, VERBS_ALL);
	assert_int_equal(c->identities[1].kind, IDENTITY_UID);
	assert_int_equal(c->identities[1].caller, 1);
	assert_memory_equal(c->identities[1].id, &(const uint32_t){7}, 4);
	assert_int_equal(c->callers[1].verbs, 1u << VERB_GET_ZONES | 1u << VERB_ADD_RECORD);
	put_text("c", "", 0622);
	assert_int_equal(callers_load(at("c"), c, err), CONFIG_E_BAD);
	expect_error("@/c: must not be writable for group or others");
	config_free(c);
}

static void test_callers_many(void **state)
{
	struct buf text = BUF_INIT(1u << 20);
	struct config *c;

	for (int i = 0; i < CONFIG_CALLERS_MAX; i++)
		buf_printf(&text, "c%d uid:%d all\n", i, i);
	put_file("c", text.p, text.n, 0600);
	assert_int_equal(config_new(&c, err), 0);
	assert_int_equal(callers_load(at("c"), c, err), 0);
	config_free(c);
	buf_puts(&text, "more uid:1000 all\n");
	put_file("c", text.p, text.n, 0600);
	assert_int_equal(config_new(&c, err), 0);
	assert_int_equal(callers_load(at("c"), c, err), CONFIG_E_BAD);
	expect_error("@/c:257: name: is one caller too many");
	config_free(c);
	buf_done(&text);
}

/* ---- keys and tokens ---- */

/* Refused for that reason, with nothing of it left. */
static void expect_no_key(const char *want)
{
	unsigned char secret[ROOT_KEY_BYTES];

	memset(secret, 0, sizeof(secret));
	assert_int_equal(config_read_key(at("k"), secret, err), CONFIG_E_BAD);
	expect_error(want);
	assert_true(sodium_is_zero(secret, sizeof(secret)));
	unlink(at("k"));
}

static void test_key_file(void **state)
{
	static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0644, 0660};
	unsigned char key[ROOT_KEY_BYTES + 1];

	memset(key, 'k', sizeof(key));
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		put_file("k", key, ROOT_KEY_BYTES, modes[i]);
		expect_no_key("@/k: must have no permission for group or others (chmod 600)");
	}
	put_file("k", key, ROOT_KEY_BYTES - 1, 0600);
	expect_no_key("@/k: must be 32 bytes long, as `postern keygen` makes it");
	put_file("k", key, ROOT_KEY_BYTES + 1, 0600);
	expect_no_key("@/k: must be 32 bytes long, as `postern keygen` makes it");
	put_file("k", key, 0, 0600);
	expect_no_key("@/k: is empty");
	expect_no_key("@/k: No such file or directory");
	memset(key, 0, sizeof(key));
	put_file("k", key, ROOT_KEY_BYTES, 0600);
	expect_no_key("@/k: is all zero");
	/* A relative path is one, too: on the command line. */
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(config_read_key("a.key", key, err), 0);
	assert_int_equal(mkfifo(at("k"), 0600), 0);
	expect_no_key("@/k: is not a regular file");
	assert_int_equal(mkdir(at("k"), 0700), 0);
	expect_no_key("@/k: is not a regular file");
	assert_int_equal(rmdir(at("k")), 0);
	if (geteuid() == 0) {
		put_file("k", "0123456789abcdef0123456789abcdef", ROOT_KEY_BYTES, 0600);
		assert_int_equal(chown(at("k"), 12345, 0), 0);
		expect_no_key("@/k: must be owned by root or by who runs this");
	}
}

static void test_make_key(void **state)
{
	unsigned char one[ROOT_KEY_BYTES], two[ROOT_KEY_BYTES];
	struct stat st;
	mode_t before = umask(0777);

	assert_int_equal(config_make_key(at("k"), err), 0);
	umask(before);
	assert_int_equal(stat(at("k"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(config_read_key(at("k"), one, err), 0);
	assert_int_equal(config_make_key(at("k"), err), CONFIG_E_BAD);
	expect_error("@/k: File exists");
	assert_int_equal(config_read_key(at("k"), two, err), 0);
	assert_memory_equal(one, two, sizeof(one));
	unlink(at("k"));
	assert_int_equal(config_make_key(at("k"), err), 0);
	assert_int_equal(config_read_key(at("k"), two, err), 0);
	assert_memory_not_equal(one, two, sizeof(one));
	unlink(at("k"));
	assert_int_equal(config_make_key(at("no/k"), err), CONFIG_E_BAD);
	expect_error("@/no/k: No such file or directory");
}

static void test_token(void **state)
{
	char one[TOKEN_TEXT_MAX], two[TOKEN_TEXT_MAX];
	unsigned char hash[32], want[32];

	config_make_token(one, hash);
	config_make_token(two, want);
	assert_string_not_equal(one, two);
	assert_int_equal(strlen(one), 48);
	assert_memory_equal(one, "ptk1_", 5);
	crypto_hash_sha256(want, (const unsigned char *)one, strlen(one));
	assert_memory_equal(hash, want, sizeof(hash));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_callers),	     cmocka_unit_test(test_callers_content),
		cmocka_unit_test(test_callers_many), cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_make_key),     cmocka_unit_test(test_token),
	};

	return cmocka_run_group_tests_name("config_secrets", tests, set_up, tear_down);
}
