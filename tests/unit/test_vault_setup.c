/* SPDX-License-Identifier: ISC */
/* Integrations in two steps: what is sealed between them binds customer, provider, state and code together; a code is traded once; a role that lets strangers in is refused. */
#include "vault_words.h"

#include "base/text.h"

#define BACK "https://app.example/back?x=1"

static void begin(uint64_t n, const char *provider, const char *redirect_uri)
{
	say(PROC_FRONT, fv_begin_integration, FROM_FRONT(n), .provider = bytes_str(provider),
	    .redirect_uri = bytes_str(redirect_uri));
}

static void expect_refused(uint64_t n, const char *event, enum code code, const char *field,
			   const char *detail)
{
	assert_bytes(logged(event, "refused")->code, code_text(code));
	expect_error(n, code, field, detail);
}

static void expect_not_begun(uint64_t n, const char *field, const char *detail)
{
	expect_refused(n, "begin_integration.refused", CODE_INVALID_REQUEST, field, detail);
}

static void expect_not_made(uint64_t n, enum code code, const char *field, const char *detail)
{
	expect_refused(n, "make_integration.refused", code, field, detail);
}

/* ---- begin_integration ---- */

static void test_not_begun(void **state)
{
	begin(1, "nobody", "");
	expect_not_begun(1, "provider", "no such provider");
	begin(2, "cloudflare", BACK);
	expect_not_begun(2, "provider", "no OAuth client there");
	begin(3, "desec", BACK);
	expect_not_begun(3, "redirect_uri", "has no OAuth");
	begin(4, "desec", "");
	expect_not_begun(4, "provider", "static credentials only");
	begin(5, "googleclouddns", "");
	expect_not_begun(5, "provider", "no account there");
}

static void test_redirect_uri(void **state)
{
	static const char *const bad[] = {
		"",
		"http://app.example/",
		"https://app.example/a b",
		"https://app.example/#a",
		"https://app.example/\x7f",
		"http://127.0.0.10:1/",
	};
	static const char *const good[] = {
		"https://app.example/", "http://127.0.0.1:8080/", "http://127.0.0.1/",
		"http://localhost:1/",	"http://localhost/",	  "http://[::1]:1/",
	};

	for (size_t n = 0; n < ARRAY_LEN(bad); n++) {
		begin(n, "digitalocean", bad[n]);
		expect_not_begun(n, "redirect_uri", "https:// URL without a fragment");
	}
	for (size_t n = 0; n < ARRAY_LEN(good); n++) {
		begin(n, "digitalocean", good[n]);
		logged("begin_integration.outcome", "ok");
		hear(PROC_FRONT, vf_setup);
	}
}

/* What the setup handle holds; good until the test ends. */
static struct setup opened_setup(struct bytes handle)
{
	struct buf plain = BUF_INIT(SETUP_HANDLE_MAX);
	struct setup s;

	assert_int_equal(setup_open(rig_ring(), handle, BYTES(CUSTOMER), &plain, &s), 0);
	s.provider = rig_copy(s.provider);
	s.state = rig_copy(s.state);
	s.verifier = rig_copy(s.verifier);
	s.redirect_uri = rig_copy(s.redirect_uri);
	s.external_id = rig_copy(s.external_id);
	buf_done(&plain);
	return s;
}

static struct bytes b64url(struct bytes b)
{
	struct buf text = BUF_INIT(128);

	text_put_b64url(&text, b);
	return rig_taken(&text);
}

static const struct vf_setup *begun(uint64_t n, const char *provider, const char *redirect_uri)
{
	begin(n, provider, redirect_uri);
	logged("begin_integration.outcome", "ok");
	return hear(PROC_FRONT, vf_setup);
}

/* The state and the challenge in the URL are those of the handle. */
static void test_begin_oauth(void **state)
{
	const struct vf_setup *m = begun(1, "digitalocean", BACK);
	struct setup s = opened_setup(m->handle);
	unsigned char digest[crypto_hash_sha256_BYTES];

	assert_int_equal(s.way, SETUP_OAUTH);
	assert_bytes(s.provider, "digitalocean");
	assert_bytes(s.redirect_uri, BACK);
	assert_true(s.created == clock_usec() / 1000000 && s.expires == s.created + 15 * 60);
	assert_true(bytes_starts(m->authorize_url,
				 BYTES("https://cloud.digitalocean.com/v1/oauth/"
				       "authorize?response_type=code&client_id=our-client"
				       "&redirect_uri=https%3A%2F%2Fapp.example%2Fback%3Fx%3D1"
				       "&scope=domain%3Aread%20domain%3Acreate%20domain%3Adelete"
				       "&state=")));
	assert_true(bytes_find(m->authorize_url, b64url(s.state)) < m->authorize_url.n);
	crypto_hash_sha256(digest, s.verifier.p, s.verifier.n);
	assert_true(bytes_find(m->authorize_url, b64url(bytes_of(digest, sizeof(digest)))) <
		    m->authorize_url.n);
	assert_holds(m->authorize_url, "&code_challenge_method=S256");
	assert_int_equal(m->instructions.n, 0);
}

/* At another server, which the operator named; a provider without scopes. */
static void test_begin_elsewhere(void **state)
{
	const struct vf_setup *m = begun(1, "dnsimple", BACK);

	assert_true(bytes_starts(m->authorize_url,
				 BYTES("https://test.example/auth?x=1&response_type=code&")));
	assert_int_equal(bytes_find(m->authorize_url, BYTES("scope=")), m->authorize_url.n);
}

/* The customer is not sent along half a URL. */
static void test_begin_too_long(void **state)
{
	struct bytes fields = list_of("client_id|our-client|.authorize");

	rig_put(&fields, rig_long(IPC_URL_MAX - 100, 'a'));
	configure_begin(POLICY_ARTICLE, POLICY_GUARDED);
	configure_key();
	say(PROC_SUPERVISOR, s_provider, .provider = BYTES("dnsimple"), .fields = fields);
	configure_end();
	begin(1, "dnsimple", BACK);
	logged("begin_integration.outcome", "error");
	assert_int_equal(hear(PROC_FRONT, vf_error)->code, CODE_OVERLOADED);
	configure(POLICY_ARTICLE, POLICY_GUARDED);
}

static void test_begin_delegated(void **state)
{
	const struct vf_setup *m = begun(1, "route53", "");
	struct setup s = opened_setup(m->handle);
	struct bytes id;

	assert_int_equal(s.way, SETUP_DELEGATED);
	assert_true(s.expires == s.created + 30 * 24 * 3600);
	assert_int_equal(s.external_id.n, 64);
	assert_true(plist_get(m->instructions, "external_id", &id));
	assert_true(bytes_eq(id, s.external_id));
	assert_int_equal(m->authorize_url.n, 0);
}

/* ---- make_integration: the handle ---- */

static struct setup oauth_setup(const char *id)
{
	struct setup s = {.customer = BYTES(CUSTOMER),
			  .provider = BYTES("digitalocean"),
			  .way = SETUP_OAUTH,
			  .created = clock_usec() / 1000000,
			  .expires = clock_usec() / 1000000 + 60,
			  .state = BYTES("a state of exactly 32 bytes, yes"),
			  .verifier = BYTES("a-verifier-of-forty-three-characters-or-more"),
			  .redirect_uri = BYTES(BACK)};

	memcpy(s.id, id, strlen(id));
	return s;
}

static struct setup delegated_setup(const char *provider)
{
	struct setup s = oauth_setup("delegated");

	s.provider = bytes_str(provider);
	s.way = SETUP_DELEGATED;
	s.state = s.verifier = s.redirect_uri = bytes_of(NULL, 0);
	s.external_id = BYTES("0123456789abcdef");
	return s;
}

static void make_of(uint64_t n, const char *provider, const struct setup *s, struct bytes fields)
{
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(n), .provider = bytes_str(provider),
	    .credentials = fields, .policy = IPC_POLICY_DEFAULT, .verify = 1,
	    .setup = setup_handle_of(s));
}

/* CODE, with the state that S has. */
static struct bytes code_of(const struct setup *s, const char *code)
{
	struct bytes list = list_of("code");

	rig_put(&list, bytes_str(code));
	rig_put(&list, BYTES("state"));
	rig_put(&list, b64url(s->state));
	return list;
}

static void test_setup_handle(void **state)
{
	struct setup s = oauth_setup("handle");

	say(PROC_FRONT, fv_make_integration, FROM_FRONT(1), .provider = BYTES("digitalocean"),
	    .verify = 1, .setup = BYTES("pts1_AAAA"));
	expect_not_made(1, CODE_HANDLE_INVALID, "setup_handle", "not valid");
	make_of(2, "dnsimple", &s, code_of(&s, "c"));
	expect_not_made(2, CODE_HANDLE_MISMATCH, "setup_handle", "made for another provider");
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(3), .provider = BYTES("digitalocean"),
	    .credentials = code_of(&s, "c"), .setup = setup_handle_of(&s));
	expect_not_made(3, CODE_INVALID_REQUEST, "verify", "always verified");
	s.customer = BYTES("another");
	make_of(4, "digitalocean", &s, code_of(&s, "c"));
	expect_not_made(4, CODE_HANDLE_INVALID, "setup_handle", "not valid");
	s = oauth_setup("handle");
	s.expires = clock_usec() / 1000000;
	make_of(5, "digitalocean", &s, code_of(&s, "c"));
	expect_not_made(5, CODE_HANDLE_INVALID, "setup_handle", "has expired");
	/* ways that the provider does not have */
	s = oauth_setup("handle");
	s.provider = BYTES("desec");
	make_of(6, "desec", &s, code_of(&s, "c"));
	expect_not_made(6, CODE_HANDLE_INVALID, "setup_handle", "not valid");
	s = delegated_setup("desec");
	make_of(7, "desec", &s, list_of(""));
	expect_not_made(7, CODE_HANDLE_INVALID, "setup_handle", "not valid");
}

/* ---- OAuth ---- */

static void test_code_and_state(void **state)
{
	struct setup s = oauth_setup("code"), other = s;
	const char *const detail = "must be code and state";
	struct bytes list = code_of(&s, "c");
	char code[16301];

	rig_put(&list, BYTES("more"));
	make_of(1, "digitalocean", &s, list);
	expect_not_made(1, CODE_INVALID_REQUEST, "credentials", detail);
	make_of(2, "digitalocean", &s, list_of("kode|c|state|s"));
	expect_not_made(2, CODE_INVALID_REQUEST, "credentials", detail);
	make_of(3, "digitalocean", &s, list_of("code|c|stat|s"));
	expect_not_made(3, CODE_INVALID_REQUEST, "credentials", detail);
	make_of(4, "digitalocean", &s, code_of(&s, ""));
	expect_not_made(4, CODE_INVALID_REQUEST, "credentials", detail);
	make_of(5, "digitalocean", &s, code_of(&s, "c\n"));
	expect_not_made(5, CODE_INVALID_REQUEST, "credentials", detail);
	make_of(6, "digitalocean", &s, list_of("code|c|state|short"));
	expect_not_made(6, CODE_INVALID_REQUEST, "credentials.state", "is not the one");
	other.state = BYTES("a state of exactly 32 bytes, no!");
	make_of(7, "digitalocean", &s, code_of(&other, "c"));
	expect_not_made(7, CODE_INVALID_REQUEST, "credentials.state", "is not the one");
	memset(code, 'c', sizeof(code));
	code[sizeof(code) - 1] = 0;
	s.redirect_uri = rig_long(REDIRECT_URI_MAX, 'u');
	make_of(8, "digitalocean", &s, code_of(&s, code));
	expect_not_made(8, CODE_INVALID_REQUEST, "credentials.code", "is too long");
}

/* What the code stands for is asked of the courier. The call's id. */
static uint64_t trade(uint64_t n, const char *id)
{
	struct setup s = oauth_setup(id);
	const struct vc_trade *m;

	make_of(n, "digitalocean", &s, code_of(&s, "the-code"));
	m = hear(PROC_COURIER, vc_trade);
	assert_int_equal(m->probe, 0);
	assert_bytes(m->provider, "digitalocean");
	assert_true(bytes_eq(m->fields, list_of("code|the-code|redirect_uri|" BACK "|code_verifier|"
						"a-verifier-of-forty-three-characters-or-more|"
						"state|"
						"YSBzdGF0ZSBvZiBleGFjdGx5IDMyIGJ5dGVzLCB5ZXM")));
	return m->call;
}

static void test_traded(void **state)
{
	uint64_t id = trade(1, "traded");
	const struct vc_call *call;
	struct integration i;
	struct setup s;

	/* a rotation of a call that has no credential yet is none of its */
	say(PROC_COURIER, cv_rotated, .call = id, .fields = list_of("token|other"));
	later(RIG_CALLS + 1000); /* the courier's time is up, ours not yet */
	say(PROC_COURIER, cv_traded, .call = id,
	    .fields = list_of("token|t1|refresh_token|r1|odd"));
	call = hear(PROC_COURIER, vc_call);
	assert_int_equal(call->timeout_ms, 0);
	assert_true(bytes_eq(call->credentials, list_of(".way|oauth|token|t1|refresh_token|r1")));
	expect_op(0, OP_ZONES);
	say(PROC_PLANNER, pv_result, .call = id);
	expect_let_go(0);
	logged("make_integration.outcome", "ok");
	i = opened(hear(PROC_FRONT, vf_integration)->handle);
	assert_bytes(credential(&i, "token"), "t1");
	/* once is all */
	s = oauth_setup("traded");
	make_of(2, "digitalocean", &s, code_of(&s, "the-code"));
	expect_not_made(2, CODE_HANDLE_INVALID, "setup_handle", "was used already");
}

static void test_not_traded(void **state)
{
	struct cv_traded m = {.code = CODE_CONFLICT, .detail = bytes_of("a\0b", 3)};
	struct bytes fields = list_of("token");
	uint64_t id = trade(1, "not traded");
	struct setup s;

	say(PROC_COURIER, cv_traded, .call = id, .code = CODE_PROVIDER_AUTH_FAILED,
	    .detail = BYTES("invalid_grant"));
	hear(PROC_COURIER, vc_end);
	logged("make_integration.outcome", "error");
	expect_error(1, CODE_PROVIDER_AUTH_FAILED, "", "invalid_grant");
	id = trade(2, "not printable");
	say(PROC_COURIER, cv_traded, .call = id, .code = CODE_PROVIDER_AUTH_FAILED,
	    .detail = BYTES("\x1b[2J"));
	hear(PROC_COURIER, vc_end);
	logged("make_integration.outcome", "error");
	expect_error(2, CODE_PROVIDER_AUTH_FAILED, "", "Provider refused the credential");
	id = trade(3, "token too long");
	rig_put(&fields, rig_long(IPC_CREDENTIALS_MAX - 20, 't'));
	say(PROC_COURIER, cv_traded, .call = id, .fields = fields);
	hear(PROC_COURIER, vc_end);
	logged("make_integration.outcome", "error");
	expect_error(3, CODE_PROVIDER_UNAVAILABLE, "", "token is too long");
	/* as the channel would not let it through */
	m.call = trade(4, "nul");
	on_courier((void *)PROC_COURIER, &vault.courier[0], MSG_cv_traded, &m, -1);
	hear(PROC_COURIER, vc_end);
	logged("make_integration.outcome", "error");
	expect_error(4, CODE_CONFLICT, "", "Conflict");
	disconnect(PROC_COURIER);
	expect_status(false, "a role restarts");
	s = oauth_setup("no courier");
	make_of(5, "digitalocean", &s, code_of(&s, "c"));
	logged("make_integration.outcome", "error");
	expect_error(5, CODE_PROVIDER_UNAVAILABLE, "", "is restarting");
	connect_to(PROC_COURIER);
	expect_status(true, "");
}

/* Only so many can be remembered: then none is traded, until one of them has expired. */
static void test_used_setups(void **state)
{
	struct setup s = oauth_setup("used");
	size_t before = vault.used_setups.n;

	assert_true(before > 0);
	vault.used_setups.n = 10000;
	make_of(1, "digitalocean", &s, code_of(&s, "c"));
	expect_not_made(1, CODE_HANDLE_INVALID, "setup_handle", "was used already");
	assert_int_equal(vault.used_setups.n, 10000);
	later(61 * 1000);
	say(PROC_COURIER, cv_traded, .call = trade(2, "later"), .code = CODE_CONFLICT);
	hear(PROC_COURIER, vc_end);
	logged("make_integration.outcome", "error");
	expect_error(2, CODE_CONFLICT, "", "");
	assert_int_equal(vault.used_setups.n, 10000 - before + 1);
	vault.used_setups.n = 1;
}

/* ---- trust by name ---- */

#define ROLE "arn:aws:iam::444455556666:role/dns"

static void test_role_is_refused(void **state)
{
	struct setup s = delegated_setup("route53");

	make_of(1, "route53", &s, list_of("role_arn|no role"));
	expect_not_made(1, CODE_INVALID_REQUEST, "credentials.role_arn", "does not have the form");
	make_of(2, "route53", &s, list_of("role_arn|" ROLE "|secret_access_key|x"));
	expect_not_made(2, CODE_INVALID_REQUEST, "credentials", "does not know");
	make_of(3, "route53", &s, list_of("role_arn|arn:aws:iam::111122223333:role/ours"));
	expect_not_made(3, CODE_INVALID_REQUEST, "credentials.role_arn",
			"of the customer's own account");
}

static uint64_t probe(uint64_t n)
{
	struct setup s = delegated_setup("route53");
	const struct vc_trade *m;

	make_of(n, "route53", &s, list_of("role_arn|" ROLE));
	m = hear(PROC_COURIER, vc_trade);
	assert_int_equal(m->probe, 1);
	assert_true(bytes_eq(m->fields, list_of(".way|delegated|external_id|0123456789abcdef|"
						"role_arn|" ROLE "|partition|aws")));
	return m->call;
}

/* A stranger is refused, and the gateway is not: so it shall be. */
static void test_probe(void **state)
{
	uint64_t id = probe(1);

	say(PROC_COURIER, cv_traded, .call = id, .code = CODE_OK);
	hear(PROC_COURIER, vc_end);
	expect_not_made(1, CODE_INVALID_REQUEST, "credentials", "without the external id");
	id = probe(2);
	say(PROC_COURIER, cv_traded, .call = id, .code = CODE_PROVIDER_TIMEOUT,
	    .detail = BYTES("slow"));
	hear(PROC_COURIER, vc_end);
	logged("make_integration.outcome", "error");
	expect_error(2, CODE_PROVIDER_TIMEOUT, "", "slow");
	id = probe(3);
	say(PROC_COURIER, cv_traded, .call = id, .code = CODE_PROVIDER_AUTH_FAILED);
	assert_true(given(0) == id);
	expect_op(0, OP_ZONES);
	say(PROC_PLANNER, pv_result, .call = id);
	expect_let_go(0);
	logged("make_integration.outcome", "ok");
	hear(PROC_FRONT, vf_integration);
}

/* Where there is nothing to probe the provider is asked at once. */
static void test_no_probe(void **state)
{
	struct setup s = delegated_setup("azuredns");
	const struct vp_op *op;

	make_of(1, "azuredns", &s,
		list_of("tenant_id|contoso.example|subscription_id|"
			"00000000-1111-2222-3333-444444444444"));
	given(0);
	op = expect_op(0, OP_ZONES);
	assert_true(plist_has(op->fields, BYTES("0123456789abcdef")));
	say(PROC_PLANNER, pv_result, .call = op->call);
	expect_let_go(0);
	logged("make_integration.outcome", "ok");
	hear(PROC_FRONT, vf_integration);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_not_begun),      rig_test(test_redirect_uri),
		rig_test(test_begin_oauth),    rig_test(test_begin_elsewhere),
		rig_test(test_begin_too_long), rig_test(test_begin_delegated),
		rig_test(test_setup_handle),   rig_test(test_code_and_state),
		rig_test(test_traded),	       rig_test(test_not_traded),
		rig_test(test_used_setups),    rig_test(test_role_is_refused),
		rig_test(test_probe),	       rig_test(test_no_probe),
	};

	return cmocka_run_group_tests_name("vault_setup", tests, rig_setup, vault_end);
}
