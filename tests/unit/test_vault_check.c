/* SPDX-License-Identifier: ISC */
/* check_record, and add_record where CNAMEs are followed: what the resolver is asked, and what becomes of what it says. */
#include "vault_words.h"

#define SERVER "ns1.example.net"

static struct integration ovh(void)
{
	return integration_of("ovh", "endpoint|ovh-eu|application_key|k2345678|application_secret|"
				     "s23456789012345678|consumer_key|c23456789012345678");
}

static void ask_check(uint64_t n, const struct integration *i, const struct record *r)
{
	say(PROC_FRONT, fv_check_record, FROM_FRONT(n), .handle = handle_of(i),
	    .record_handle = record_handle_of(r));
}

/* Of a provider that has no word of its own. */
static uint64_t check_begun(uint64_t n)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);
	const struct vr_check *m;

	ask_check(n, &i, &r);
	m = hear(PROC_RESOLVER, vr_check);
	assert_bytes(m->zone, ZONE);
	assert_bytes(m->fqdn, FQDN);
	assert_int_equal(m->type, RR_TXT);
	assert_bytes(m->value, "proof");
	assert_int_equal(m->timeout_ms, RIG_CALLS);
	return m->call;
}

static void say_server(uint64_t id, const char *name, const char *address, bool visible,
		       enum server_problem problem)
{
	say(PROC_RESOLVER, rv_server, .call = id, .name = bytes_str(name),
	    .address = bytes_str(address), .visible = visible, .problem = (uint8_t)problem);
}

static const struct vf_checked *expect_checked(uint64_t n, bool visible, bool pending)
{
	const struct vf_checked *m = hear(PROC_FRONT, vf_checked);

	assert_true(m->call == n);
	assert_int_equal(m->visible, visible);
	assert_int_equal(m->pending, pending);
	return m;
}

/* ---- check_record ---- */

static void test_visible(void **state)
{
	uint64_t id = check_begun(1);
	const struct vs_line *line;

	say_server(id, SERVER, "192.0.2.1", true, SERVER_NONE);
	say_server(id, SERVER, "2001:db8::1", false, SERVER_NO_ANSWER);
	say_server(id, "ns2.example.net", "", false, SERVER_NO_ANSWER);
	say(PROC_RESOLVER, rv_checked, .call = id, .visible = 1);
	hear(PROC_RESOLVER, vr_abort);
	line = logged("check_record.outcome", "ok");
	assert_bytes(line->fqdn, FQDN);
	assert_bytes(line->zone, ZONE);
	assert_bytes(line->type, "TXT");
	assert_bytes(line->value, "proof");
	assert_bytes(line->provider, "cloudflare");
	assert_true(bytes_eq(expect_checked(1, true, false)->servers,
			     list_of(SERVER "|192.0.2.1|true||" SERVER
					    "|2001:db8::1|false|no_answer|ns2.example.net||false|"
					    "no_answer")));
}

static void test_not_visible(void **state)
{
	uint64_t id = check_begun(1);

	say(PROC_RESOLVER, rv_checked, .call = id);
	hear(PROC_RESOLVER, vr_abort);
	logged("check_record.outcome", "ok");
	assert_int_equal(expect_checked(1, false, false)->servers.n, 0);
}

static void test_no_servers(void **state)
{
	uint64_t id = check_begun(1);

	say(PROC_RESOLVER, rv_checked, .call = id, .code = CODE_PROVIDER_UNAVAILABLE);
	hear(PROC_RESOLVER, vr_abort);
	logged("check_record.outcome", "error");
	expect_error(1, CODE_PROVIDER_UNAVAILABLE, "", "DNS does not say");
}

/* The provider has a word of its own, and is asked first. */
static void test_status(void **state)
{
	struct integration i = ovh();
	struct record r = record_of(&i);

	for (uint64_t n = 1; n <= 2; n++) {
		const struct vp_op *op;
		uint64_t id;

		ask_check(n, &i, &r);
		id = given(0);
		op = expect_op(0, OP_STATUS);
		assert_true(op->call == id);
		assert_bytes(op->record_id, "record-1");
		assert_bytes(op->zone_id, ZONE);
		/* What the account allows is over by then; the resolver hears of it. */
		if (n == 2)
			later(RIG_CALLS);
		say(PROC_PLANNER, pv_result, .call = id, .pending = n == 1);
		expect_let_go(0);
		assert_int_equal(hear(PROC_RESOLVER, vr_check)->timeout_ms, n == 1 ? RIG_CALLS : 0);
		say_server(id, SERVER, "192.0.2.1", true, SERVER_NONE);
		say(PROC_RESOLVER, rv_checked, .call = id, .visible = 1);
		hear(PROC_RESOLVER, vr_abort);
		logged("check_record.outcome", "ok");
		expect_checked(n, true, n == 1);
	}
}

static void test_status_fails(void **state)
{
	struct integration i = ovh();
	struct record r = record_of(&i);
	uint64_t id;

	ask_check(1, &i, &r);
	id = given(0);
	expect_op(0, OP_STATUS);
	say(PROC_PLANNER, pv_result, .call = id, .code = CODE_PROVIDER_RATE_LIMITED,
	    .retry_after = 7, .detail = BYTES("slow down"));
	expect_let_go(0);
	logged("check_record.outcome", "error");
	assert_int_equal(expect_error(1, CODE_PROVIDER_RATE_LIMITED, "", "slow down")->retry_after,
			 7);
}

static void test_refused(void **state)
{
	struct integration i = cloudflare(), other = cloudflare();
	struct record r = record_of(&i);

	other.id[0] = 'X';
	ask_check(1, &other, &r);
	logged("check_record.refused", "refused");
	expect_error(1, CODE_HANDLE_MISMATCH, "record_handle", "another integration");
	say(PROC_FRONT, fv_check_record, FROM_FRONT(2), .handle = BYTES("none"),
	    .record_handle = record_handle_of(&r));
	logged("check_record.refused", "refused");
	expect_error(2, CODE_HANDLE_INVALID, "integration_handle", "not valid");
	say(PROC_FRONT, fv_check_record, FROM_FRONT(3), .handle = handle_of(&i),
	    .record_handle = BYTES("none"));
	logged("check_record.refused", "refused");
	expect_error(3, CODE_HANDLE_INVALID, "record_handle", "not valid");
}

/* Nobody answers, the resolver least of all. */
static void test_deadline(void **state)
{
	check_begun(1);
	later(RIG_CALLS + 2000);
	hear(PROC_RESOLVER, vr_abort);
	logged("check_record.outcome", "error");
	expect_error(1, CODE_PROVIDER_TIMEOUT, "", "DNS did not answer in time");
}

/* What it says of a call that ended is nobody's. */
static void test_late(void **state)
{
	uint64_t id = check_begun(1);
	const struct vs_line *line;

	say(PROC_RESOLVER, rv_checked, .call = id);
	hear(PROC_RESOLVER, vr_abort);
	line = expect_line("check_record.outcome", "ok");
	say_server(id, SERVER, "192.0.2.1", true, SERVER_NONE);
	say(PROC_RESOLVER, rv_checked, .call = id, .visible = 1);
	turn();
	written(line, true);
	expect_checked(1, false, false);
	say(PROC_RESOLVER, rv_checked, .call = id);
}

static void test_gone(void **state)
{
	struct integration i = powerdns();
	uint64_t change = add_until_change(2, &i);

	check_begun(1);
	/* Planner and courier are not asked. */
	disconnect(PROC_COURIER);
	expect_status(false, "a role restarts");
	connect_to(PROC_COURIER);
	expect_status(true, "");
	disconnect(PROC_RESOLVER);
	logged("check_record.outcome", "error");
	expect_error(1, CODE_PROVIDER_UNAVAILABLE, "", "resolver restarts");
	/* The change goes on. */
	written(add_is_done(change, 1), true);
	connect_to(PROC_RESOLVER);
}

static void test_not_there(void **state)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);

	disconnect(PROC_RESOLVER);
	ask_check(1, &i, &r);
	logged("check_record.outcome", "error");
	expect_error(1, CODE_PROVIDER_UNAVAILABLE, "", "the gateway is restarting");
	say(PROC_FRONT, fv_add_record, FROM_FRONT(2), .handle = handle_of(&i), .fqdn = BYTES(FQDN),
	    .type = BYTES("TXT"), .value = BYTES("proof"), .follow_cname = 1);
	logged("add_record.outcome", "error");
	expect_error(2, CODE_PROVIDER_UNAVAILABLE, "", "the gateway is restarting");
	connect_to(PROC_RESOLVER);
}

/* ---- add_record with follow_cname ---- */

static uint64_t follow_begun(uint64_t n, const struct integration *i)
{
	const struct vr_follow *m;

	say(PROC_FRONT, fv_add_record, FROM_FRONT(n), .handle = handle_of(i), .fqdn = BYTES(FQDN),
	    .type = BYTES("TXT"), .value = BYTES("proof"), .follow_cname = 1);
	m = hear(PROC_RESOLVER, vr_follow);
	assert_bytes(m->fqdn, FQDN);
	assert_int_equal(m->timeout_ms, RIG_CALLS);
	return m->call;
}

#define TARGET "_acme-challenge.other." ZONE

/* The record is another name's, in all that is said of it. */
static void test_followed(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = follow_begun(1, &i);
	const struct vc_change *change;
	const struct vs_line *line;
	const struct vf_record *m;
	const struct vp_op *op;

	say(PROC_RESOLVER, rv_followed, .call = id, .fqdn = BYTES(TARGET));
	assert_true(given(0) == id);
	op = expect_op(0, OP_FIND_ZONE);
	assert_bytes(op->fqdn, TARGET);
	say(PROC_PLANNER, pv_result, .call = id, .zone = BYTES(ZONE), .zone_id = BYTES("z"));
	line = logged("add_record.intent", "");
	assert_bytes(line->fqdn, TARGET);
	change = hear(PROC_COURIER, vc_change);
	assert_bytes(change->fqdn, TARGET);
	assert_bytes(expect_op(0, OP_ADD)->fqdn, TARGET);
	say(PROC_PLANNER, pv_result, .call = id, .changed = 1, .record_id = BYTES("record-1"));
	expect_let_go(0);
	m = hear(PROC_FRONT, vf_record);
	assert_bytes(m->fqdn, TARGET);
	logged("add_record.outcome", "ok");
}

/* Policy and zones are asked of where it leads. */
static void test_followed_to_refusal(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = follow_begun(1, &i);
	const struct vs_line *line;

	i.zones = list_of(ZONE);
	say(PROC_RESOLVER, rv_followed, .call = id, .fqdn = BYTES("_dmarc.www." ZONE));
	assert_true(given(0) == id); /* this is article's, which lets that be */
	zone_is(0, "elsewhere.example", "z");
	expect_let_go(0);
	logged("add_record.outcome", "error");
	expect_error(1, CODE_ZONE_NOT_FOUND, "record.fqdn", "no zone");
	id = follow_begun(2, &i);
	say(PROC_RESOLVER, rv_followed, .call = id, .fqdn = BYTES("_acme-challenge.b.example"));
	line = logged("add_record.refused", "refused");
	assert_bytes(line->fqdn, "_acme-challenge.b.example");
	expect_error(2, CODE_POLICY_DENIED, "record.fqdn", "outside the handle's zones");
	i.zones = list_of("");
	i.policy = POLICY_GUARDED;
	id = follow_begun(3, &i);
	say(PROC_RESOLVER, rv_followed, .call = id, .fqdn = BYTES("_dmarc.www." ZONE));
	logged("add_record.refused", "refused");
	expect_error(3, CODE_POLICY_DENIED, "record", "");
}

static void test_not_followed(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = follow_begun(1, &i);

	say(PROC_RESOLVER, rv_followed, .call = id, .code = CODE_INVALID_REQUEST,
	    .detail = BYTES("in a circle"));
	hear(PROC_RESOLVER, vr_abort);
	logged("add_record.refused", "refused");
	expect_error(1, CODE_INVALID_REQUEST, "record.fqdn", "in a circle");
	id = follow_begun(2, &i);
	say(PROC_RESOLVER, rv_followed, .call = id, .code = CODE_PROVIDER_TIMEOUT,
	    .detail = BYTES("\x1b[2J"));
	hear(PROC_RESOLVER, vr_abort);
	logged("add_record.outcome", "error");
	expect_error(2, CODE_PROVIDER_TIMEOUT, "", code_title(CODE_PROVIDER_TIMEOUT));
}

/* What is no name of ours is not asked about. */
static void test_not_asked(void **state)
{
	struct integration i = cloudflare();

	say(PROC_FRONT, fv_add_record, FROM_FRONT(1), .handle = handle_of(&i),
	    .fqdn = BYTES("*.example.org"), .type = BYTES("TXT"), .value = BYTES("proof"),
	    .follow_cname = 1);
	logged("add_record.refused", "refused");
	expect_error(1, CODE_INVALID_REQUEST, "record.fqdn", "not a domain name");
}

/* ---- a resolver that is broken ---- */

static void expect_broken(uint64_t n, const char *event)
{
	expect_denounced(PROC_RESOLVER);
	logged(event, "error");
	expect_error(n, CODE_PROVIDER_UNAVAILABLE, "", "resolver restarts");
	connect_to(PROC_RESOLVER);
}

static void test_broken(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = check_begun(1);

	say(PROC_RESOLVER, rv_followed, .call = id, .fqdn = BYTES(FQDN));
	expect_broken(1, "check_record.outcome");
	id = follow_begun(2, &i);
	say(PROC_RESOLVER, rv_checked, .call = id);
	expect_broken(2, "add_record.outcome");
	id = follow_begun(3, &i);
	say(PROC_RESOLVER, rv_followed, .call = id, .fqdn = BYTES("*.b.example"));
	expect_broken(3, "add_record.outcome");
	id = check_begun(4);
	say_server(id, "", "192.0.2.1", true, SERVER_NONE);
	expect_broken(4, "check_record.outcome");
	id = check_begun(5);
	say_server(id, "\x1b", "192.0.2.1", true, SERVER_NONE);
	expect_broken(5, "check_record.outcome");
	id = check_begun(6);
	say_server(id, SERVER, "\x1b", true, SERVER_NONE);
	expect_broken(6, "check_record.outcome");
	id = check_begun(7);
	for (size_t k = 0; k <= ZONE_LINES_MAX; k++)
		say_server(id, SERVER, "192.0.2.1", true, SERVER_NONE);
	expect_broken(7, "check_record.outcome");
}

/* As many as it may ask, with the longest names, fit. */
static void test_most(void **state)
{
	uint64_t id = check_begun(1);
	char name[DNS_NAME_MAX + 1], address[IPC_ADDRESS_MAX + 1];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	memset(address, 'f', sizeof(address) - 1);
	address[sizeof(address) - 1] = 0;
	for (size_t k = 0; k < ZONE_LINES_MAX; k++)
		say_server(id, name, address, false, SERVER_NOT_PERMITTED);
	say(PROC_RESOLVER, rv_checked, .call = id);
	hear(PROC_RESOLVER, vr_abort);
	logged("check_record.outcome", "ok");
	assert_int_equal(plist_count(expect_checked(1, false, false)->servers), 4 * ZONE_LINES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_visible),	     rig_test(test_not_visible),
		rig_test(test_no_servers),   rig_test(test_status),
		rig_test(test_status_fails), rig_test(test_refused),
		rig_test(test_deadline),     rig_test(test_late),
		rig_test(test_gone),	     rig_test(test_not_there),
		rig_test(test_followed),     rig_test(test_followed_to_refusal),
		rig_test(test_not_followed), rig_test(test_not_asked),
		rig_test(test_broken),	     rig_test(test_most),
	};

	return cmocka_run_group_tests_name("vault_check", tests, rig_setup, vault_end);
}
