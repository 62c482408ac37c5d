/* SPDX-License-Identifier: ISC */
/* Logins: what is sent, and what is made of the answer. */
#include "test.h"

#include "provider/kit.h"

static const struct login code = OAUTH_LOGIN("https://a.example", "/t", oauth_build_code, "token");
static const struct login refresh =
	OAUTH_LOGIN("https://a.example", "/t", oauth_build_refresh, "token");
static const struct oauth oauth = {.code = &code, .refresh = &refresh};
static const struct login timed = {.takes = {{"a.t", "token"}}, .expires_at = "a.e"};
static const struct provider p = {.login = &timed, .name = "p", .oauth = &oauth};

#define NEWER "the login was refused; if a newer integration_handle was given out, use that one"

static const struct {
	const struct login *login;
	unsigned status;
	const char *json; /* NULL: none */
	enum code code;
	const char *fields; /* "name=value …" */
	const char *detail;
} answers[] = {
	{&code, 200, "{\"access_token\":\"A\",\"refresh_token\":\"R\",\"expires_in\":60}", CODE_OK,
	 "token=A refresh_token=R .expires=1060", ""},
	{&code, 201, "{\"access_token\":\"A\",\"expires_in\":\"60\"}", CODE_OK,
	 "token=A refresh_token=old .expires=1060", ""},
	{&code, 200, "{\"access_token\":\"A\"}", CODE_OK, "token=A refresh_token=old .expires=1300",
	 ""},
	{&code, 200, "{\"access_token\":\"A\",\"expires_in\":-1}", CODE_OK,
	 "token=A refresh_token=old .expires=1300", ""},
	{&code, 200, "{\"access_token\":\"A\",\"expires_in\":99999999999999}", CODE_OK,
	 "token=A refresh_token=old .expires=1300", ""},
	{&code, 200, "{\"access_token\":\"\"}", CODE_PROVIDER_UNAVAILABLE, NULL,
	 "the login server's answer is not what it promises"},
	{&code, 200, "{\"access_token\":1}", CODE_PROVIDER_UNAVAILABLE, NULL, NULL},
	{&code, 200, NULL, CODE_PROVIDER_UNAVAILABLE, NULL, NULL},
	{&code, 302, "{\"access_token\":\"A\"}", CODE_PROVIDER_UNAVAILABLE, NULL,
	 "the login server does not answer well"},
	{&code, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"secret\"}",
	 CODE_PROVIDER_AUTH_FAILED, NULL, "the login was refused: invalid_grant"},
	{&code, 200, "{\"error\":\"invalid_grant\"}", CODE_PROVIDER_AUTH_FAILED, NULL,
	 "the login was refused: invalid_grant"},
	{&code, 401, "{\"error\":\"what <b>is</b> this\"}", CODE_PROVIDER_AUTH_FAILED, NULL,
	 "the login was refused"},
	{&code, 403, "{\"error\":{\"status\":\"PERMISSION_DENIED\"}}", CODE_PROVIDER_AUTH_FAILED,
	 NULL, "the login was refused: PERMISSION_DENIED"},
	{&code, 400, NULL, CODE_PROVIDER_AUTH_FAILED, NULL, "the login was refused"},
	{&refresh, 400, "{}", CODE_PROVIDER_AUTH_FAILED, NULL, NEWER},
	/* not the customer's doing */
	{&code, 400, "{\"error\":\"slow_down\"}", CODE_PROVIDER_RATE_LIMITED, NULL,
	 "the login server does not serve now: slow_down"},
	{&refresh, 503, "{\"error\":\"temporarily_unavailable\"}", CODE_PROVIDER_UNAVAILABLE, NULL,
	 NULL},
	{&refresh, 401, "{\"error\":\"invalid_client\"}", CODE_PROVIDER_UNAVAILABLE, NULL,
	 "the gateway's own credential there was refused: invalid_client"},
	/* but where it is the customer's own client */
	{&timed, 401, "{\"error\":\"invalid_client\"}", CODE_PROVIDER_AUTH_FAILED, NULL,
	 "the login was refused: invalid_client"},
	{&code, 429, "{\"error\":\"slow_down\"}", CODE_PROVIDER_RATE_LIMITED, NULL,
	 "the login server asks to slow down"},
	{&code, 500, "{\"access_token\":\"A\"}", CODE_PROVIDER_UNAVAILABLE, NULL, NULL},
	{&timed, 200, "{\"a\":{\"t\":\"T\",\"e\":\"1970-01-01T01:00:00Z\"}}", CODE_OK,
	 "token=T .expires=3600", ""},
	{&timed, 200, "{\"a\":{\"t\":\"T\",\"e\":\"soon\"}}", CODE_OK, "token=T .expires=1300", ""},
};

static struct buf pairs_of(const char *const *list)
{
	struct buf b = BUF_INIT(8192);

	for (; *list; list++)
		plist_put(&b, bytes_str(*list));
	return b;
}

static void check_fields(struct bytes list, const char *want)
{
	struct buf text = BUF_INIT(8192);
	struct bytes key, value;

	while (plist_next(&list, &key) && plist_next(&list, &value)) {
		if (text.n)
			buf_putc(&text, ' ');
		buf_put_bytes(&text, key);
		buf_putc(&text, '=');
		buf_put_bytes(&text, value);
	}
	assert_true(bytes_is(buf_bytes(&text), want));
	buf_done(&text);
}

static void test_answers(void **state)
{
	static const char *const old[] = {CREDENTIALS_REFRESH, "old", NULL};
	struct buf credentials = pairs_of(old);

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct buf fields = BUF_INIT(8192);
		struct answer a = {.status = answers[i].status};
		char detail[PROVIDER_DETAIL_MAX + 1];
		int64_t expires = 0;

		print_message("# %u %s\n", a.status, answers[i].json ? answers[i].json : "");
		if (answers[i].json)
			a.json = json_loads(answers[i].json, 0, NULL);
		assert_int_equal(login_read(&p, answers[i].login, buf_bytes(&credentials), 1000, &a,
					    &fields, &expires, detail),
				 answers[i].code);
		if (answers[i].detail)
			assert_string_equal(detail, answers[i].detail);
		if (answers[i].fields)
			check_fields(buf_bytes(&fields), answers[i].fields);
		json_decref((json_t *)a.json);
		buf_done(&fields);
	}
	buf_done(&credentials);
}

static void test_requests(void **state)
{
	static const char *const own[] = {"client_id", "c 1", "client_secret", "s&2", NULL};
	static const char *const given[] = {"code",
					    "C",
					    "redirect_uri",
					    "https://x/?a=b",
					    "code_verifier",
					    "V",
					    "state",
					    "S",
					    "refresh_token",
					    "R=1",
					    NULL};
	static const struct {
		int (*build)(const struct login_input *in, struct buf *body);
		const char *body;
	} cases[] = {
		{oauth_build_code, "grant_type=authorization_code&code=C&redirect_uri=https%3A%2F%"
				   "2Fx%2F%3Fa%3Db&code_verifier=V&"
				   "client_id=c%201&client_secret=s%262"},
		{oauth_build_code_and_state, "grant_type=authorization_code&code=C&redirect_uri="
					     "https%3A%2F%2Fx%2F%3Fa%3Db&code_verifier=V&"
					     "state=S&client_id=c%201&client_secret=s%262"},
		{oauth_build_refresh, "grant_type=refresh_token&refresh_token=R%3D1&client_id=c%"
				      "201&client_secret=s%262"},
	};
	struct buf g = pairs_of(own), c = pairs_of(given);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf body = BUF_INIT(8192);
		struct login_input in = {.credentials = buf_bytes(&c), .gateway = buf_bytes(&g)};

		assert_int_equal(cases[i].build(&in, &body), 0);
		assert_true(bytes_is(buf_bytes(&body), cases[i].body));
		in.gateway = bytes_of(NULL, 0);
		assert_int_equal(cases[i].build(&in, &body), SIGN_E_FIELD);
		in.gateway = buf_bytes(&g);
		in.credentials = bytes_of(NULL, 0);
		assert_int_equal(cases[i].build(&in, &body), SIGN_E_FIELD);
		buf_done(&body);
	}
	buf_done(&g);
	buf_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_requests),
	};
	return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
