/* SPDX-License-Identifier: ISC */
/* `provider "NAME" { … }`: what the gateway has of its own at a provider. */
#include "config_rig.h"

#define ACCOUNT(type, email, id, key)                                                              \
	"{\"type\":\"" type "\",\"client_email\":\"" email "\",\"private_key_id\":\"" id           \
	"\",\"private_key\":\"" key "\"}"

static struct provider_draft draft;

/* NULL, or the sentence, of KEY = VALUE, whose @ is the directory, in a section of its own. */
static const char *take(const char *key, const char *value)
{
	struct buf v = BUF_INIT(20000);
	const char *why;

	provider_draft_done(&draft);
	for (; *value; value++)
		if (*value == '@')
			buf_puts(&v, dir);
		else
			buf_putc(&v, (unsigned char)*value);
	why = provider_draft_take(&draft, key, buf_bytes(&v));
	buf_done(&v);
	return why;
}

static void expect(const char *key, const char *value, const char *want)
{
	const char *why = take(key, value);

	if (!why != !want || (why && !strstr(why, want)))
		fail_msg("%s = %s: %s, not %s", key, value, why ? why : "good",
			 want ? want : "good");
}

static void expect_field(const struct buf *fields, const char *name, const char *want)
{
	struct bytes got;

	assert_true(plist_get(buf_bytes(fields), name, &got));
	assert_true(bytes_is(got, want));
}

static void test_public(void **state)
{
	expect("client_id", "an-id", NULL);
	expect_field(&draft.open, "client_id", "an-id");
	assert_int_equal(draft.secret.n, 0);
	assert_non_null(provider_draft_take(&draft, "client_id", BYTES("another")));
	assert_null(provider_draft_take(&draft, "account_id", BYTES("1")));
	expect("client_id", "", "printable");
	expect("client_id", "a\nb", "printable");
	expect("client_secret", "s", "no such key");
	expect("base", "https://api.example/v2", NULL);
	expect_field(&draft.open, ".base", "https://api.example/v2");
	expect("login", "api.example", "must be a URL");
	expect("authorize", "https://api.example/#x", "must be a URL");
}

/* A draft takes so much and no more. */
static void test_too_long(void **state)
{
	static char text[16 * 1024 + 1];

	memset(text, 'x', sizeof(text) - 1);
	expect("client_id", text, "is too long");
	put_text("k", text, 0600);
	expect("client_secret_file", "@/k", "is too long");
	text[16 * 1024 - 1] = 0;
	put_text("k", text, 0600);
	expect("client_secret_file", "@/k", "is too long");
	memset(text, 0, sizeof(text));
	text[0] = '/';
	memset(text + 1, 'x', IPC_PATH_MAX);
	expect("client_secret_file", text, "is too long");
}

/* Line ends at the end of a file are no part of a secret. */
static void test_secret(void **state)
{
	put_text("k", "s3cret\r\n\n", 0600);
	expect("client_secret_file", "@/k", NULL);
	expect_field(&draft.secret, "client_secret", "s3cret");
	assert_int_equal(draft.open.n, 0);
	put_text("k", "s3cret", 0400);
	expect("secret_access_key_file", "@/k", NULL);
	expect_field(&draft.secret, "secret_access_key", "s3cret");
	assert_non_null(
		strstr(provider_draft_take(&draft, "secret_access_key_file", bytes_str(at("k"))),
		       "given twice"));
}

/* Nobody else may be able to read a secret, and nothing but a file is read. */
static void test_secret_files(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *why;
	} cases[] = {
		{"s", 0640, "chmod 600"},     {"s", 0604, "chmod 600"},
		{"s", 0610, "chmod 600"},     {"", 0600, "is empty"},
		{"\n\r\n", 0600, "is empty"}, {"two\nlines", 0600, "on one line"},
		{"\xe9", 0600, "printable"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put_text("k", cases[i].text, cases[i].mode);
		expect("client_secret_file", "@/k", cases[i].why);
	}
	expect("client_secret_file", "@/none", "No such file");
	expect("client_secret_file", "@", "regular file");
	expect("client_secret_file", "/dev/null", "regular file");
	expect("client_secret_file", "", "absolute path");
	expect("client_secret_file", "./k", "absolute path");
	unlink(at("k"));
	assert_int_equal(mkfifo(at("k"), 0600), 0);
	expect("client_secret_file", "@/k", "regular file"); /* and does not wait */
	if (geteuid() == 0) {
		put_text("k", "s", 0600);
		assert_int_equal(chown(at("k"), 12345, 0), 0);
		expect("client_secret_file", "@/k", "owned by root or by who runs this");
	}
}

static void test_systemd_credentials(void **state)
{
	unsetenv("CREDENTIALS_DIRECTORY");
	expect("client_secret_file", "k", "there are none");
	put_text("k", "s3cret\n", 0400);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	expect("client_secret_file", "k", NULL);
	expect_field(&draft.secret, "client_secret", "s3cret");
	expect("client_secret_file", "none", "No such file");
	expect("client_secret_file", "../k", "absolute path");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_service_account(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ACCOUNT("service_account", "", "i", "k"), "lacks something"},
		{ACCOUNT("service_account", "e", "", "k"), "lacks something"},
		{ACCOUNT("service_account", "e", "i", ""), "lacks something"},
		{"{\"type\":\"service_account\"}", "lacks something"},
		{ACCOUNT("authorized_user", "e", "i", "k"), "is not the JSON key"},
		{"[]", "is not the JSON key"},
		{"{", "is not the JSON key"},
		{"", "is empty"},
	};

	put_text("k", ACCOUNT("service_account", "me", "id", "-----BEGIN"), 0600);
	expect("service_account_file", "@/k", NULL);
	expect_field(&draft.open, "client_email", "me");
	expect_field(&draft.secret, "private_key", "-----BEGIN");
	expect_field(&draft.secret, "private_key_id", "id");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put_text("k", cases[i].text, 0600);
		expect("service_account_file", "@/k", cases[i].why);
	}
}

/* NULL, or the sentence, of a section of that name with that base and login in C. */
static const char *finish(struct config *c, const char *name, const char *base, const char *login)
{
	provider_draft_done(&draft);
	if (base)
		assert_null(provider_draft_take(&draft, "base", bytes_str(base)));
	if (login)
		assert_null(provider_draft_take(&draft, "login", bytes_str(login)));
	return provider_draft_finish(&draft, name, c);
}

/* An address that the operator chose may be reached though it is not public; a name is looked up as ever. */
static void test_addresses(void **state)
{
	struct config *c;

	assert_int_equal(config_new(&c, err), 0);
	assert_non_null(strstr(finish(c, "nobody", NULL, NULL), "no such provider"));
	assert_null(finish(c, "cloudflare", NULL, NULL));
	assert_null(finish(c, "cloudflare", "https://api.example", "https://login.example"));
	assert_int_equal(c->chosen.n, 0);
	assert_null(finish(c, "cloudflare", "https://127.0.0.1:8443/v4", "http://[::1]:80"));
	assert_int_equal(c->chosen.n, 2);
	assert_false(c->chosen.rules[0].plain_http);
	assert_true(c->chosen.rules[1].plain_http);
	assert_int_equal(c->n_providers, 3);
	assert_non_null(
		strstr(finish(c, "cloudflare", "http://api.example", NULL), "an address only"));
	assert_non_null(
		strstr(finish(c, "cloudflare", NULL, "http://api.example"), "an address only"));
	assert_int_equal(c->n_providers, 3);
	config_free(c);
}

static void test_too_many(void **state)
{
	struct config *c;

	assert_int_equal(config_new(&c, err), 0);
	for (size_t i = 0; i < CONFIG_PROVIDERS_MAX; i++)
		assert_null(finish(c, "cloudflare", NULL, NULL));
	assert_non_null(strstr(finish(c, "cloudflare", NULL, NULL), "one provider too many"));
	c->n_providers--;
	c->chosen.n = ADDRESS_RULES_MAX;
	assert_non_null(
		strstr(finish(c, "cloudflare", "http://127.0.0.1", NULL), "one address too many"));
	config_free(c);
}

static int start(void **state)
{
	draft = (struct provider_draft)PROVIDER_DRAFT;
	return set_up(state);
}

static int end(void **state)
{
	provider_draft_done(&draft);
	return tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_secret_files),
		cmocka_unit_test(test_systemd_credentials),
		cmocka_unit_test(test_service_account),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests_name("config_provider", tests, start, end);
}
