/* SPDX-License-Identifier: ISC */
/* Credentials that were renewed: whoever has an older handle gets a newer one, whatever the answer; and what is older never takes the place of what is newer. */
#include "vault_words.h"

static struct integration ocean(const char *id, const char *fields)
{
	struct integration i = integration_of("digitalocean", fields);
	struct bytes text = bytes_str(id);

	memset(i.id, 0, sizeof(i.id));
	memcpy(i.id, text.p, text.n);
	return i;
}

/* As it was made. */
static struct integration first(const char *id)
{
	return ocean(id, ".way|oauth|token|old|.refresh_token|r0|.expires|100|mine|kept");
}

/* What a login gave for the integration I. */
static void rotate_of(const struct integration *i, uint64_t call, struct bytes fields)
{
	struct cv_rotated m = {.call = call, .fields = fields};

	memcpy(m.integration, i->id, sizeof(m.integration));
	channel_send_fd(&rig.ends[PROC_COURIER], MSG_cv_rotated, &m, -1);
	turn();
}

static void rotate(const struct integration *i, uint64_t call, const char *fields)
{
	rotate_of(i, call, list_of(fields));
}

/* I's zones are asked for; the credential that the courier is given. */
static struct bytes asked_with(uint64_t n, const struct integration *i)
{
	const struct vc_call *m;

	say(PROC_FRONT, fv_get_zones, FROM_FRONT(n), .handle = handle_of(i));
	m = hear(PROC_COURIER, vc_call);
	return m->credentials;
}

static void zones_are_told(void)
{
	say(PROC_PLANNER, pv_result, .call = expect_op(0, OP_ZONES)->call);
	expect_let_go(0);
	logged("get_zones.outcome", "ok");
}

/* No fresh handle comes with it. */
static void expect_as_it_is(uint64_t n, const struct integration *i)
{
	assert_true(bytes_eq(asked_with(n, i), i->credentials));
	zones_are_told();
	hear(PROC_FRONT, vf_zones_end);
}

/* What it has instead. */
static struct integration expect_fresh(uint64_t n, const struct integration *i)
{
	struct bytes with = asked_with(n, i);
	struct integration fresh;

	zones_are_told();
	fresh = opened(hear(PROC_FRONT, vf_fresh)->handle);
	assert_true(bytes_eq(fresh.credentials, with));
	assert_memory_equal(fresh.id, i->id, sizeof(fresh.id));
	hear(PROC_FRONT, vf_zones_end);
	return fresh;
}

/* What the login gives takes the old one's place; what it has no business with stays. */
static void test_renewed(void **state)
{
	struct integration i = first("renewed"), fresh;

	expect_as_it_is(1, &i);
	rotate(&i, 0, CREDENTIALS_RENEWED "|3|token|new|.refresh_token|r3|mine|theirs|more|x");
	fresh = expect_fresh(2, &i);
	assert_bytes(credential(&fresh, "token"), "new");
	assert_bytes(credential(&fresh, "mine"), "kept");
	assert_bytes(credential(&fresh, "more"), "");
	assert_bytes(credential(&fresh, CREDENTIALS_RENEWED), "3");
	/* who has the fresh one is not told again, nor is what is older believed */
	expect_as_it_is(3, &fresh);
	rotate(&i, 0, CREDENTIALS_RENEWED "|2|token|older");
	rotate(&i, 0, CREDENTIALS_RENEWED "|3|token|same");
	rotate(&i, 0, CREDENTIALS_RENEWED "|x|token|worse");
	fresh = expect_fresh(4, &i);
	assert_bytes(credential(&fresh, "token"), "new");
	rotate(&i, 0, CREDENTIALS_RENEWED "|4|token|newer");
	fresh = expect_fresh(5, &fresh);
	assert_bytes(credential(&fresh, "token"), "newer");
	assert_bytes(credential(&fresh, CREDENTIALS_RENEWED), "4");
}

/* Renewed in its own call: that call's answer has it already, also when it went wrong. */
static void test_renewed_in_flight(void **state)
{
	struct integration i = first("in flight"), fresh;
	uint64_t id;

	asked_with(1, &i);
	id = expect_op(0, OP_ZONES)->call;
	rotate(&i, id, CREDENTIALS_RENEWED "|1|token|new");
	say(PROC_PLANNER, pv_result, .call = id, .code = CODE_PROVIDER_RATE_LIMITED);
	expect_let_go(0);
	logged("get_zones.outcome", "error");
	fresh = opened(hear(PROC_FRONT, vf_fresh)->handle);
	assert_bytes(credential(&fresh, "token"), "new");
	expect_error(1, CODE_PROVIDER_RATE_LIMITED, "", "");
}

/* A call of which the courier has no credential any more is left alone; its answer looks again. */
static void test_renewed_out_of_turn(void **state)
{
	struct integration i = first("out of turn"), fresh;
	uint64_t id;

	say(PROC_FRONT, fv_get_zones, FROM_FRONT(1), .handle = handle_of(&i));
	id = given(0);
	say(PROC_PLANNER, pv_result, .call = expect_op(0, OP_ZONES)->call);
	expect_let_go(0);
	expect_line("get_zones.outcome", "ok");
	rotate(&i, id, CREDENTIALS_RENEWED "|2|token|newer");
	assert_false(call_by_id(id)->fresh);
	say(PROC_SCRIBE, sv_written, .token = vault.next_token - 1, .durable = 1);
	fresh = opened(hear(PROC_FRONT, vf_fresh)->handle);
	assert_bytes(credential(&fresh, "token"), "newer");
	hear(PROC_FRONT, vf_zones_end);
}

/* Into what make_integration and rewrap_handle give out it goes by itself. */
static void test_made_and_rewrapped(void **state)
{
	struct integration i = first("rewrapped"), fresh;
	uint64_t id;

	rotate(&i, 0, CREDENTIALS_RENEWED "|1|token|new");
	say(PROC_FRONT, fv_rewrap_handle, FROM_FRONT(1), .handle = handle_of(&i));
	logged("rewrap_handle.outcome", "ok");
	fresh = opened(hear(PROC_FRONT, vf_rewrapped)->handle);
	assert_bytes(credential(&fresh, "token"), "new");
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(2), .provider = BYTES("digitalocean"),
	    .credentials = list_of("token|0123456789012345678901234567890123456789"),
	    .policy = IPC_POLICY_DEFAULT, .verify = 1);
	id = hear(PROC_COURIER, vc_call)->call;
	memcpy(i.id, call_by_id(id)->integration.id, sizeof(i.id));
	expect_op(0, OP_ZONES);
	rotate(&i, id, CREDENTIALS_RENEWED "|1|token|new");
	say(PROC_PLANNER, pv_result, .call = id);
	expect_let_go(0);
	logged("make_integration.outcome", "ok");
	fresh = opened(hear(PROC_FRONT, vf_integration)->handle);
	assert_bytes(credential(&fresh, "token"), "new");
}

/* Where tokens live for ever, or there is no such login, only the number changes. */
static void test_nothing_to_renew(void **state)
{
	static const char *const others[] = {"dnsimple", "cloudflare", "desec"};

	for (size_t n = 0; n < ARRAY_LEN(others); n++) {
		struct integration i = first(others[n]), fresh;

		i.provider = bytes_str(others[n]);
		rotate(&i, 0, CREDENTIALS_RENEWED "|1|token|new|mine|theirs");
		fresh = expect_fresh(1, &i);
		assert_bytes(credential(&fresh, "token"), "old");
		assert_bytes(credential(&fresh, "mine"), "kept");
	}
}

/* A field's name that is longer than any of ours is not taken along; the time that it expires is renewed. */
static void test_odd_fields(void **state)
{
	struct integration i = ocean("odd", "token|old|" CREDENTIALS_EXPIRES
					    "|100|" CREDENTIALS_RENEWED "|1"),
			   fresh;

	rig_put(&i.credentials, rig_long(64, 'n'));
	rig_put(&i.credentials, BYTES("v"));
	rotate(&i, 0, CREDENTIALS_RENEWED "|2|" CREDENTIALS_EXPIRES "|200");
	fresh = expect_fresh(1, &i);
	assert_bytes(credential(&fresh, CREDENTIALS_EXPIRES), "200");
	assert_bytes(credential(&fresh, "token"), "old");
	assert_int_equal(plist_count(fresh.credentials), 6);
}

/* What it became does not fit a handle: the old one goes on. */
static void test_too_long(void **state)
{
	struct integration i = first("too long");
	struct bytes fields = list_of(CREDENTIALS_RENEWED "|1|token");

	rig_put(&fields, rig_long(IPC_CREDENTIALS_MAX - 64, 't'));
	rotate_of(&i, 0, fields);
	expect_as_it_is(1, &i);
}

/* Ids of ours differ in their first bytes; those that do not are not mistaken for each other. */
static void test_alike(void **state)
{
	struct integration a = first("12345678-a"), b = first("12345678-b"), fresh;

	rotate(&a, 0, CREDENTIALS_RENEWED "|1|token|new");
	rotate(&b, 0, CREDENTIALS_RENEWED "|1|token|other");
	fresh = expect_fresh(1, &a);
	assert_bytes(credential(&fresh, "token"), "new");
	expect_as_it_is(2, &b);
}

/* The newest stay: the oldest is forgotten, wherever in the order it was renewed. */
static void test_remembers_so_many(void **state)
{
	struct integration a = first("the oldest"), b, c;
	size_t n;

	rotate(&a, 0, CREDENTIALS_RENEWED "|1|token|new");
	for (n = vault.newest.n; n < 9999; n++) {
		struct integration other = first("");
		memcpy(other.id, &n, sizeof(n));
		rotate_of(&other, 0, BYTES(""));
		fresh_rotated(other.id, list_of(CREDENTIALS_RENEWED "|1"));
		rig.used = 0;
	}
	b = first("the last");
	c = first("one more");
	a = first("the oldest");
	rotate(&b, 0, CREDENTIALS_RENEWED "|1|token|new");
	rotate(&a, 0, CREDENTIALS_RENEWED "|2|token|newer");
	assert_int_equal(vault.newest.n, 10000);
	rotate(&c, 0, CREDENTIALS_RENEWED "|1|token|new");
	assert_int_equal(vault.newest.n, 10000);
	expect_fresh(1, &a);
	expect_fresh(2, &b);
	expect_fresh(3, &c);
	rotate(&c, 0, CREDENTIALS_RENEWED "|2|token|newer"); /* it is the first already */
	expect_fresh(4, &c);
}

/* It names a call that no courier has yet: it is remembered all the same, and whatever the answer is, it has it. */
static void test_before_the_courier_has_the_call(void **state)
{
	struct integration i = first("early");
	uint64_t id;

	say(PROC_FRONT, fv_add_record, FROM_FRONT(1), .handle = handle_of(&i), .fqdn = BYTES(FQDN),
	    .type = BYTES("TXT"), .value = BYTES("proof"), .follow_cname = 1);
	id = hear(PROC_RESOLVER, vr_follow)->call;
	rotate(&i, id, CREDENTIALS_RENEWED "|1|token|new");
	say(PROC_RESOLVER, rv_followed, .call = id, .code = CODE_INVALID_REQUEST,
	    .detail = BYTES("in a circle"));
	hear(PROC_RESOLVER, vr_abort);
	logged("add_record.refused", "refused");
	hear(PROC_FRONT, vf_fresh);
	expect_error(1, CODE_INVALID_REQUEST, "record.fqdn", "in a circle");
	expect_fresh(2, &i);
}

/* Self-hosted providers have no logins: their courier has nothing to say here. */
static void test_of_the_wrong_courier(void **state)
{
	struct integration i = first("wrong");
	struct cv_rotated m = {.fields = list_of(CREDENTIALS_RENEWED "|1|token|theirs")};

	memcpy(m.integration, i.id, sizeof(m.integration));
	channel_send_fd(&rig.ends[PROC_COURIER_SELF], MSG_cv_rotated, &m, -1);
	expect_denounced(PROC_COURIER_SELF);
	expect_status(false, "a role restarts");
	connect_to(PROC_COURIER_SELF);
	expect_status(true, "");
	expect_as_it_is(1, &i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_renewed),
		rig_test(test_renewed_in_flight),
		rig_test(test_renewed_out_of_turn),
		rig_test(test_made_and_rewrapped),
		rig_test(test_nothing_to_renew),
		rig_test(test_odd_fields),
		rig_test(test_too_long),
		rig_test(test_alike),
		rig_test(test_remembers_so_many),
		rig_test(test_before_the_courier_has_the_call),
		rig_test(test_of_the_wrong_courier),
	};

	return cmocka_run_group_tests_name("vault_fresh", tests, rig_setup, vault_end);
}
