/* SPDX-License-Identifier: ISC */
/* What each caller may do and how often, integrations that are called off, the brake. */
#include "vault_words.h"

/* Asked N, which is inspected and answered. */
static void inspect_well(uint64_t n, struct bytes handle)
{
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(n), .handle = handle);
	logged("inspect_handle.outcome", "ok");
	assert_true(hear(PROC_FRONT, vf_handle)->call == n);
}

static void expect_limited(uint64_t n, uint32_t wait, const char *detail)
{
	const struct vf_error *m = expect_error(n, CODE_RATE_LIMITED, "", detail);

	assert_int_equal(m->retry_after, wait);
}

static void expect_told(const char *value)
{
	const struct vs_line *m = logged("calls.refused", "refused");

	assert_bytes(m->code, "rate_limited");
	assert_bytes(m->caller, "backend");
	assert_bytes(m->value, value);
	assert_true(m->duration_ms == -1);
}

/* The same of calls that it has heard of. */
static void zones_end(unsigned n)
{
	uint64_t ids[8];

	for (unsigned k = 0; k < n; k++)
		ids[k] = given(0);
	zones_come(ids, n);
}

/* ---- who may what ---- */

static void test_nobody(void **state)
{
	struct integration i = cloudflare();

	say(PROC_FRONT, fv_get_zones, .call = 1, .request_id = BYTES("r"),
	    .caller = BYTES("backen"), .customer = BYTES(CUSTOMER), .handle = handle_of(&i));
	expect_error(1, CODE_FORBIDDEN, "", "there is no such caller");
}

static uint64_t bit_of(const char *name)
{
	size_t i = 0;

	while (strcmp(providers[i]->name, name) != 0)
		i++;
	return UINT64_C(1) << i;
}

static void test_providers(void **state)
{
	struct integration cf = cloudflare(), pd = powerdns();

	only(&(const struct s_caller){.providers = bit_of("powerdns") | bit_of("route53")});
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(1), .handle = handle_of(&cf));
	logged("get_zones.refused", "refused");
	expect_error(1, CODE_FORBIDDEN, "integration_handle", "not one of this caller's providers");
	say(PROC_FRONT, fv_rewrap_handle, FROM_FRONT(2), .handle = handle_of(&cf));
	logged("rewrap_handle.refused", "refused");
	expect_error(2, CODE_FORBIDDEN, "handle", "not one of this caller's providers");
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(3), .provider = BYTES("cloudflare"),
	    .policy = IPC_POLICY_DEFAULT);
	logged("make_integration.refused", "refused");
	expect_error(3, CODE_FORBIDDEN, "provider", "not one of this caller's providers");
	say(PROC_FRONT, fv_begin_integration, FROM_FRONT(4), .provider = BYTES("digitalocean"));
	logged("begin_integration.refused", "refused");
	expect_error(4, CODE_FORBIDDEN, "provider", "not one of this caller's providers");
	inspect_well(5, handle_of(&pd));
}

/* The tightest of gateway, caller and handle holds. */
static void test_loosest(void **state)
{
	static const struct {
		enum policy_profile caller, handle, want;
	} cases[] = {
		{POLICY_ARTICLE, POLICY_ARTICLE, POLICY_ARTICLE},
		{POLICY_STRICT, POLICY_ARTICLE, POLICY_STRICT},
		{POLICY_GUARDED, POLICY_STRICT, POLICY_STRICT},
	};

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		struct integration i = cloudflare();

		only(&(const struct s_caller){.providers = UINT64_MAX,
					      .loosest = (uint8_t)cases[k].caller});
		i.policy = cases[k].handle;
		ask_add_of(1, handle_of(&i), "_dmarc.example.org", "TXT", "v", MODE_REPLACE);
		assert_bytes(logged("add_record.refused", "refused")->profile,
			     policy_profile_text(cases[k].want));
		expect_error(1, CODE_POLICY_DENIED, "record", "");
	}
}

static void test_loosest_of_a_new_handle(void **state)
{
	struct vf_integration m;

	only(&(const struct s_caller){.providers = UINT64_MAX, .loosest = POLICY_GUARDED});
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(1), .provider = BYTES("cloudflare"),
	    .credentials = list_of("api_token|0123456789012345678901234567890123456789"),
	    .policy = POLICY_ARTICLE);
	logged("make_integration.refused", "refused");
	expect_error(1, CODE_POLICY_DENIED, "policy", "looser than this gateway allows the caller");
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(2), .provider = BYTES("cloudflare"),
	    .credentials = list_of("api_token|0123456789012345678901234567890123456789"),
	    .policy = IPC_POLICY_DEFAULT);
	logged("make_integration.outcome", "ok");
	m = *hear(PROC_FRONT, vf_integration);
	assert_int_equal(opened(m.handle).policy, POLICY_GUARDED);
}

/* ---- called off ---- */

static void test_denied(void **state)
{
	struct integration i = cloudflare();
	unsigned char ids[5 * INTEGRATION_ID_BYTES];
	struct bytes handle = handle_of(&i);

	for (unsigned at = 0; at < 5; at++) {
		memset(ids, 0, sizeof(ids));
		for (unsigned k = 0; k < 5; k++) {
			memcpy(ids + k * INTEGRATION_ID_BYTES, i.id, INTEGRATION_ID_BYTES);
			ids[k * INTEGRATION_ID_BYTES] = (unsigned char)(i.id[0] + k - at);
		}
		for (size_t n = 5; n > 3; n--) { /* with it, and up to where it may be missing */
			configure_caller(&(const struct s_caller){.providers = UINT64_MAX}, 0, 0);
			/* In two pieces, and none too much. */
			say(PROC_SUPERVISOR, s_deny, .ids = bytes_of(ids, INTEGRATION_ID_BYTES));
			say(PROC_SUPERVISOR, s_deny,
			    .ids = bytes_of(ids + INTEGRATION_ID_BYTES,
					    (n - 1) * INTEGRATION_ID_BYTES));
			configure_end();
			if (at >= n) {
				inspect_well(1, handle);
				continue;
			}
			say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(1), .handle = handle);
			logged("inspect_handle.refused", "refused");
			expect_error(1, CODE_HANDLE_INVALID, "handle", "the handle is not valid");
			say(PROC_FRONT, fv_get_zones, FROM_FRONT(2), .handle = handle);
			logged("get_zones.refused", "refused");
			expect_error(2, CODE_HANDLE_INVALID, "integration_handle",
				     "the handle is not valid");
		}
	}
}

/* ---- how often ---- */

static void test_rate_of_a_caller(void **state)
{
	struct integration i = cloudflare();
	struct bytes handle = handle_of(&i);

	only(&(const struct s_caller){.providers = UINT64_MAX, .rate = 2, .burst = 3});
	for (uint64_t n = 1; n <= 3; n++)
		inspect_well(n, handle);
	for (uint64_t n = 4; n <= 6; n++) {
		say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(n), .handle = handle);
		expect_limited(n, 1, "more calls than this caller may make");
	}
	assert_silence();
	later(500);
	inspect_well(7, handle);
	later(500);
	expect_told("3 calls");
	/* Another second, another line; and none where there was nothing to refuse. */
	inspect_well(8, handle);
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(9), .handle = handle);
	expect_limited(9, 1, "more calls");
	later(1000);
	expect_told("1 calls");
	later(5000);
}

/* Those that the front refuses count too, and over the rate the log hears of their number alone. */
static void test_rate_of_refusals(void **state)
{
	struct integration i = cloudflare();

	only(&(const struct s_caller){.providers = UINT64_MAX, .rate = 1, .burst = 2});
	for (uint64_t n = 1; n <= 5; n++) {
		say(PROC_FRONT, fv_refused, FROM_FRONT(n), .verb = VERB_GET_ZONES,
		    .code = CODE_INVALID_REQUEST);
		if (n <= 2)
			logged("get_zones.refused", "refused");
	}
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(6), .handle = handle_of(&i));
	expect_limited(6, 1, "more calls than this caller may make");
	assert_silence();
	later(1000);
	expect_told("4 calls");
	/* Of whom we do not know: the front is ahead by a reload, or broken. */
	say(PROC_FRONT, fv_refused, .call = 7, .caller = BYTES("nobody"), .verb = VERB_GET_ZONES,
	    .code = CODE_FORBIDDEN);
	assert_bytes(logged("get_zones.refused", "refused")->caller, "nobody");
}

static void test_rate_of_an_integration(void **state)
{
	struct integration one = cloudflare(), two = cloudflare();
	struct bytes handle = handle_of(&one);

	two.id[0]++;
	configure_caller(&(const struct s_caller){.providers = UINT64_MAX}, 1, 2);
	configure_end();
	for (uint64_t n = 1; n <= 3; n++)
		say(PROC_FRONT, fv_get_zones, FROM_FRONT(n), .handle = handle);
	expect_limited(3, 1, code_title(CODE_RATE_LIMITED));
	/* Looking at it is not using it, and another one has its own. */
	inspect_well(4, handle);
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(5), .handle = handle_of(&two));
	zones_end(3);
	later(1000);
	expect_told("1 calls");
}

/* However long they take; and one that is over makes room. */
static void test_under_way(void **state)
{
	struct integration i = cloudflare();
	struct bytes handle = handle_of(&i);
	const struct s_caller rules = {.providers = UINT64_MAX, .in_flight = 2};

	configure_caller(&rules, 0, 0);
	say(PROC_SUPERVISOR, s_caller, .name = BYTES("other"), .providers = UINT64_MAX,
	    .in_flight = 1);
	configure_end();
	for (uint64_t n = 1; n <= 3; n++)
		say(PROC_FRONT, fv_get_zones, FROM_FRONT(n), .handle = handle);
	expect_limited(3, 1, code_title(CODE_RATE_LIMITED));
	/* Another caller has its own. */
	say(PROC_FRONT, fv_get_zones, .call = 4, .request_id = BYTES("other-4"),
	    .caller = BYTES("other"), .customer = BYTES(CUSTOMER), .handle = handle);
	zones_end(3);
	assert_int_equal(vault.under_way.n, 0);
	inspect_well(5, handle);
	later(1000);
	expect_told("1 calls");
}

/* Where no scribe is the count is lost with it, as other refusals are. */
static void test_told_to_nobody(void **state)
{
	struct integration i = cloudflare();

	only(&(const struct s_caller){.providers = UINT64_MAX, .rate = 1, .burst = 1});
	inspect_well(1, handle_of(&i));
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(2), .handle = handle_of(&i));
	expect_limited(2, 1, "more calls");
	disconnect(PROC_SCRIBE);
	expect_status(false, "the scribe restarts");
	later(1000);
	scribe_comes();
	expect_status(true, "");
}

/* A reload: what was counted of those who are gone is forgotten. */
static void test_reload(void **state)
{
	struct integration i = cloudflare();

	only(&(const struct s_caller){.providers = UINT64_MAX, .rate = 1, .burst = 1});
	inspect_well(1, handle_of(&i));
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(2), .handle = handle_of(&i));
	expect_limited(2, 1, "more calls");
	only(&(const struct s_caller){.providers = UINT64_MAX, .rate = 1, .burst = 1});
	assert_int_equal(vault.n_counts, 1);
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(3), .handle = handle_of(&i));
	expect_limited(3, 1, "more calls"); /* a reload gives nobody more */
	say(PROC_SUPERVISOR, s_vault, .call_ms = RIG_CALLS);
	configure_key();
	configure_end();
	assert_int_equal(vault.n_counts, 0);
	later(1000);
}

/* Callers that are none any more make room in the counts. */
static void test_many_callers(void **state)
{
	struct integration i = cloudflare();

	only(&(const struct s_caller){.providers = UINT64_MAX, .rate = 1, .burst = 1});
	inspect_well(1, handle_of(&i));
	for (vault.n_counts = 0; vault.n_counts < ARRAY_LEN(vault.counts); vault.n_counts++)
		snprintf(vault.counts[vault.n_counts].name, sizeof(vault.counts[0].name),
			 "gone-%zu", vault.n_counts);
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(2), .handle = handle_of(&i));
	expect_limited(2, 1, "more calls");
	assert_int_equal(vault.n_counts, 1);
	later(1000);
	expect_told("1 calls");
}

/* As many as there may be: those that are full make room; else it is as if over the limit. */
static void test_many_integrations(void **state)
{
	struct integration i = cloudflare();
	size_t n;

	configure_caller(&(const struct s_caller){.providers = UINT64_MAX}, 1000, 1);
	configure_end();
	/* The table says that there are too many, and not enough of what is in it is full. */
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(1), .handle = handle_of(&i));
	turn();
	n = vault.limits.n;
	vault.limits.n = 400000;
	i.id[0] = 9;
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(2), .handle = handle_of(&i));
	expect_limited(2, 1, "");
	vault.limits.n -= 400000 - n;
	later(1000);
	expect_told("1 calls");
	/* Now the first is full again. */
	n = vault.limits.n;
	vault.limits.n = 200000;
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(3), .handle = handle_of(&i));
	turn();
	assert_true(vault.limits.n <= 200000);
	vault.limits.n -= 200000 - n;
	zones_end(2);
}

/* ---- the brake ---- */

/* One caller makes changes, another one asks too often: the log is told of the second alone. */
static void test_two_callers(void **state)
{
	struct integration i = cloudflare();
	struct bytes handle = handle_of(&i);

	configure_caller(&(const struct s_caller){.providers = UINT64_MAX, .zones = 2}, 0, 0);
	say(PROC_SUPERVISOR, s_caller, .name = BYTES("other"), .providers = UINT64_MAX, .rate = 1);
	say(PROC_SUPERVISOR, s_scribe, .segment_bytes = 1); /* not for the vault: passed over */
	configure_end();
	add_in(1, "a.example", false);
	for (uint64_t n = 2; n <= 3; n++)
		say(PROC_FRONT, fv_inspect_handle, .call = n, .request_id = rig_text("r#", n),
		    .caller = BYTES("other"), .customer = BYTES(CUSTOMER), .handle = handle);
	logged("inspect_handle.outcome", "ok");
	expect_limited(3, 1, "more calls");
	hear(PROC_FRONT, vf_handle);
	later(1000);
	assert_bytes(logged("calls.refused", "refused")->caller, "other");
}

static void test_brake(void **state)
{
	only(&(const struct s_caller){.providers = UINT64_MAX, .zones = 2});
	add_in(1, "a.example", false);
	add_in(2, "b.example", false);
	add_in(3, "a.example", false); /* known already */
	add_in(4, "c.example", true);
	add_in(5, "d.example", true);
	add_in(6, "b.example", false);
	later(3600 * 1000);
	add_in(7, "c.example", false);
	add_in(8, "d.example", false);
	add_in(9, "a.example", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		limits_test(test_nobody),
		limits_test(test_providers),
		limits_test(test_loosest),
		limits_test(test_loosest_of_a_new_handle),
		limits_test(test_denied),
		limits_test(test_rate_of_a_caller),
		limits_test(test_rate_of_refusals),
		limits_test(test_rate_of_an_integration),
		limits_test(test_under_way),
		limits_test(test_told_to_nobody),
		limits_test(test_reload),
		limits_test(test_many_callers),
		limits_test(test_many_integrations),
		limits_test(test_brake),
		limits_test(test_two_callers),
	};

	return cmocka_run_group_tests_name("vault_limits", tests, rig_setup, rig_end);
}
