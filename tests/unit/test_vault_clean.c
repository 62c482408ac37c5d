/* SPDX-License-Identifier: ISC */
/* Removing without a record handle: it is looked for before anything is put on record, and only what a replace could overwrite goes. And which zones a caller's request may be for. */
#include "vault_words.h"

static void ask_clean_of(uint64_t n, struct bytes handle, const char *fqdn, const char *type,
			 const char *value, const char *zones)
{
	say(PROC_FRONT, fv_clean_record, FROM_FRONT(n), .handle = handle, .fqdn = bytes_str(fqdn),
	    .type = bytes_str(type), .value = bytes_str(value), .zones = list_of(zones));
}

static void ask_clean(uint64_t n, struct bytes handle)
{
	ask_clean_of(n, handle, FQDN, "TXT", "proof", "");
}

static void ask_add_in(uint64_t n, struct bytes handle, struct bytes zones)
{
	say(PROC_FRONT, fv_add_record, FROM_FRONT(n), .handle = handle, .fqdn = BYTES(FQDN),
	    .type = BYTES("TXT"), .value = BYTES("proof"), .zones = zones);
}

/* The planner is told to look, and no more. */
static const struct vp_op *expect_look(unsigned class)
{
	const struct vp_op *m = expect_op(class, OP_ADD);

	assert_int_equal(m->look, 1);
	assert_int_equal(m->mode, MODE_COEXIST);
	assert_bytes(m->zone, ZONE);
	assert_bytes(m->fqdn, FQDN);
	assert_bytes(m->value, "proof");
	assert_int_equal(m->record_id.n, 0);
	return m;
}

/* A clean-up of I's, number N, up to where it is looked for. The vault's id of it. */
static uint64_t clean_until_look(uint64_t n, const struct integration *i, unsigned class)
{
	ask_clean(n, handle_of(i));
	given(class);
	zone_is(class, ZONE, ZONE);
	return expect_look(class)->call;
}

static void expect_removed(uint64_t n, bool removed, uint64_t index)
{
	const struct vf_removed *m = hear(PROC_FRONT, vf_removed);

	assert_true(m->call == n && m->removed == removed && m->index == index);
}

static void assert_is_record(const struct vs_line *line)
{
	assert_bytes(line->caller, "backend");
	assert_bytes(line->customer, CUSTOMER);
	assert_bytes(line->zone, ZONE);
	assert_bytes(line->fqdn, FQDN);
	assert_bytes(line->type, "TXT");
	assert_bytes(line->mode, "coexist");
	assert_bytes(line->value, "proof");
}

/* ---- the whole way ---- */

static void test_clean(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = clean_until_look(1, &i, 0);
	const struct vc_change *change;
	const struct vs_line *line;
	const struct vp_op *op;

	assert_silence(); /* nothing is on record before it was found, and nothing permitted */
	say(PROC_PLANNER, pv_result, .call = id, .found = 1, .record_id = BYTES("record-9"));
	line = expect_line("remove_record.intent", "");
	assert_is_record(line);
	assert_silence();
	written(line, true);
	change = hear(PROC_COURIER, vc_change);
	assert_bytes(change->zone, ZONE);
	assert_bytes(change->fqdn, FQDN);
	assert_int_equal(change->type, RR_TXT);
	assert_int_equal(change->all_types, 0);
	op = expect_op(0, OP_REMOVE);
	assert_int_equal(op->look, 0);
	assert_bytes(op->record_id, "record-9");
	say(PROC_PLANNER, pv_result, .call = id, .changed = 1, .removed = 1,
	    .record_id = BYTES("record-9"));
	expect_let_go(0);
	expect_removed(1, true, 41);
	line = logged("remove_record.outcome", "ok");
	assert_is_record(line);
	assert_bytes(line->provider_record_id, "record-9");
}

/* Not there: the answer waits for its line, as a read's does, and there is no intent. */
static void test_gone(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = clean_until_look(1, &i, 0);
	const struct vs_line *line;

	say(PROC_PLANNER, pv_result, .call = id);
	expect_let_go(0);
	line = expect_line("remove_record.outcome", "gone");
	assert_is_record(line);
	assert_silence();
	written(line, true);
	expect_removed(1, false, 0);
}

/* Found, and gone when it was its turn. */
static void test_gone_meanwhile(void **state)
{
	struct integration i = powerdns();
	uint64_t id = clean_until_look(1, &i, 1);

	say(PROC_PLANNER_SELF, pv_result, .call = id, .found = 1);
	begin_change(1, "remove_record.intent", OP_REMOVE);
	say(PROC_PLANNER_SELF, pv_result, .call = id);
	expect_let_go(1);
	expect_removed(1, false, 41);
	logged("remove_record.outcome", "gone");
}

/* Two at once in a zone where changes come one after the other: both look, and the second one's change waits. */
static void test_lane(void **state)
{
	struct integration i = desec();
	uint64_t first = clean_until_look(1, &i, 0), second = clean_until_look(2, &i, 0);

	say(PROC_PLANNER, pv_result, .call = first, .found = 1);
	begin_change(0, "remove_record.intent", OP_REMOVE);
	say(PROC_PLANNER, pv_result, .call = second, .found = 1);
	assert_silence();
	say(PROC_PLANNER, pv_result, .call = first, .changed = 1, .removed = 1);
	expect_let_go(0);
	expect_removed(1, true, 41);
	logged("remove_record.outcome", "ok");
	begin_change(0, "remove_record.intent", OP_REMOVE);
	say(PROC_PLANNER, pv_result, .call = second, .changed = 1, .removed = 1);
	expect_let_go(0);
	expect_removed(2, true, 41);
	logged("remove_record.outcome", "ok");
}

/* Behind a CNAME: all is asked of the name at its end, and done there. */
static void test_follows(void **state)
{
	struct integration i = cloudflare();
	const struct vr_follow *f;
	uint64_t id;

	say(PROC_FRONT, fv_clean_record, FROM_FRONT(1), .handle = handle_of(&i),
	    .fqdn = BYTES("_acme-challenge.alias.example"), .type = BYTES("TXT"),
	    .value = BYTES("proof"), .zones = list_of(ZONE), .follow_cname = 1);
	f = hear(PROC_RESOLVER, vr_follow);
	id = f->call;
	assert_bytes(f->fqdn, "_acme-challenge.alias.example");
	say(PROC_RESOLVER, rv_followed, .call = id, .fqdn = BYTES(FQDN));
	given(0);
	zone_is(0, ZONE, ZONE);
	expect_look(0);
	say(PROC_PLANNER, pv_result, .call = id);
	expect_let_go(0);
	assert_is_record(logged("remove_record.outcome", "gone"));
	expect_removed(1, false, 0);
	say(PROC_FRONT, fv_clean_record, FROM_FRONT(2), .handle = handle_of(&i),
	    .fqdn = BYTES(FQDN), .type = BYTES("TXT"), .value = BYTES("proof"), .follow_cname = 1);
	f = hear(PROC_RESOLVER, vr_follow);
	say(PROC_RESOLVER, rv_followed, .call = f->call, .fqdn = BYTES("www." ZONE));
	assert_bytes(logged("remove_record.refused", "refused")->fqdn, "www." ZONE);
	expect_error(2, CODE_POLICY_DENIED, "record", "profile article");
}

/* ---- what is refused ---- */

/* As a replace would be, before anybody is asked. */
static void test_refused_as_replace(void **state)
{
	static const char *const names[] = {"example.org", "www.example.org", "_dmarc.example.org",
					    "a._b.example.org"};
	struct integration i = cloudflare();

	for (uint64_t n = 0; n < ARRAY_LEN(names); n++) {
		const struct vs_line *line;

		ask_clean_of(n, handle_of(&i), names[n], "TXT", "proof", "");
		line = logged("remove_record.refused", "refused");
		assert_bytes(line->code, "policy_denied");
		assert_bytes(line->fqdn, names[n]);
		expect_error(n, CODE_POLICY_DENIED, "record", "profile article");
		ask_add_of(n, handle_of(&i), names[n], "TXT", "proof", MODE_REPLACE);
		logged("add_record.refused", "refused");
		expect_error(n, CODE_POLICY_DENIED, "record", "profile article");
		assert_silence();
	}
	/* Of a type that is none of ours. */
	ask_clean_of(9, handle_of(&i), FQDN, "A", "192.0.2.1", "");
	assert_bytes(logged("remove_record.refused", "refused")->type, "A");
	expect_error(9, CODE_POLICY_DENIED, "record", "profile article");
}

static void test_no_record(void **state)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);

	ask_clean_of(1, handle_of(&i), "no name", "TXT", "proof", "");
	assert_bytes(logged("remove_record.refused", "refused")->fqdn, "no name");
	expect_error(1, CODE_INVALID_REQUEST, "record.fqdn", "not a domain name");
	ask_clean_of(2, handle_of(&i), FQDN, "TXT", "", "");
	logged("remove_record.refused", "refused");
	expect_error(2, CODE_INVALID_REQUEST, "record.value", "not a value");
	ask_clean(3, record_handle_of(&r));
	logged("remove_record.refused", "refused");
	expect_error(3, CODE_HANDLE_INVALID, "integration_handle", "not valid");
}

/* A caller whom the vault does not know: the front is ahead of it, or broken. */
static void test_nobody(void **state)
{
	say(PROC_FRONT, fv_clean_record, .call = 1, .request_id = BYTES("r"),
	    .caller = BYTES("nobody"), .handle = BYTES("pti1_AAAA"), .fqdn = BYTES(FQDN),
	    .type = BYTES("TXT"), .value = BYTES("proof"));
	expect_error(1, CODE_FORBIDDEN, "", "no such caller");
}

/* ---- zones ---- */

static void expect_outside(uint64_t n, const char *event)
{
	logged(event, "refused");
	expect_error(n, CODE_POLICY_DENIED, "record.fqdn", "outside the handle's zones");
}

/* What the front says of zones narrows what the handle says, and is looked at as that is. */
static void test_zones_asked(void **state)
{
	struct integration i = cloudflare();
	uint64_t id;

	ask_clean_of(1, handle_of(&i), FQDN, "TXT", "proof", "other.example|third.example");
	expect_outside(1, "remove_record.refused");
	ask_add_in(2, handle_of(&i), list_of("other.example"));
	expect_outside(2, "add_record.refused");
	i.zones = list_of("other.example");
	ask_add_in(3, handle_of(&i), list_of(ZONE));
	expect_outside(3, "add_record.refused");
	/* The zone that was found is one of both, or it is refused. */
	i.zones = list_of(ZONE);
	ask_add_in(4, handle_of(&i), list_of("www." ZONE "|" ZONE));
	id = given(0);
	zone_is(0, ZONE, ZONE);
	begin_change(0, "add_record.intent", OP_ADD);
	written(add_is_done(id, 0), true);
	ask_clean_of(5, handle_of(&i), FQDN, "TXT", "proof", "www." ZONE);
	given(0);
	zone_is(0, ZONE, ZONE);
	expect_let_go(0);
	logged("remove_record.refused", "refused");
	expect_error(5, CODE_POLICY_DENIED, "record.fqdn", "does not cover");
}

/* The front is not believed. */
static void test_zones_are_none(void **state)
{
	struct integration i = cloudflare();
	struct bytes many = {0};

	ask_add_in(1, handle_of(&i), list_of(ZONE "|no name"));
	logged("add_record.refused", "refused");
	expect_error(1, CODE_INVALID_REQUEST, "zones", "at most 64 domain names");
	for (unsigned n = 0; n <= HANDLE_ZONES_MAX; n++)
		rig_put(&many, BYTES(ZONE));
	ask_add_in(2, handle_of(&i), many);
	logged("add_record.refused", "refused");
	expect_error(2, CODE_INVALID_REQUEST, "zones", "at most 64 domain names");
}

/* ---- when it fails ---- */

static void test_no_zone(void **state)
{
	struct integration i = cloudflare();
	uint64_t id;

	ask_clean(1, handle_of(&i));
	id = given(0);
	expect_op(0, OP_FIND_ZONE);
	say(PROC_PLANNER, pv_result, .call = id, .code = CODE_ZONE_NOT_FOUND,
	    .detail = BYTES("no such zone"));
	expect_let_go(0);
	assert_bytes(logged("remove_record.outcome", "error")->code, "zone_not_found");
	expect_error(1, CODE_ZONE_NOT_FOUND, "record.fqdn", "no such zone");
	ask_clean(2, handle_of(&i));
	id = given(0);
	expect_op(0, OP_FIND_ZONE);
	say(PROC_PLANNER, pv_result, .call = id, .zone = BYTES("other.example"),
	    .zone_id = BYTES("z"));
	expect_let_go(0);
	logged("remove_record.outcome", "error");
	expect_error(2, CODE_ZONE_NOT_FOUND, "record.fqdn", "no zone of the account");
}

static void test_look_fails(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = clean_until_look(1, &i, 0);

	say(PROC_PLANNER, pv_result, .call = id, .code = CODE_PROVIDER_RATE_LIMITED,
	    .retry_after = 7);
	expect_let_go(0);
	logged("remove_record.outcome", "error");
	assert_int_equal(expect_error(1, CODE_PROVIDER_RATE_LIMITED, "", "")->retry_after, 7);
	clean_until_look(2, &i, 0);
	later(RIG_CALLS + 2000);
	expect_called_off(0);
	logged("remove_record.outcome", "error");
	expect_error(2, CODE_PROVIDER_TIMEOUT, "", "did not answer in time");
	/* Nothing can have been changed. */
	clean_until_look(3, &i, 0);
	disconnect(PROC_PLANNER);
	hear(PROC_COURIER, vc_end);
	expect_status(false, "a role restarts");
	logged("remove_record.outcome", "error");
	expect_error(3, CODE_PROVIDER_UNAVAILABLE, "", "planner restarts");
	connect_to(PROC_PLANNER);
	expect_status(true, "");
}

/* The log cannot be written: what is there stays, and is told to be. */
static void test_no_log(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = clean_until_look(1, &i, 0);

	say(PROC_SCRIBE, sv_status, .writable = 0, .reason = BYTES("the disk is full"));
	expect_status(false, "the disk is full");
	say(PROC_PLANNER, pv_result, .call = id, .found = 1);
	expect_let_go(0);
	expect_error(1, CODE_AUDIT_UNAVAILABLE, "", "the disk is full");
	say(PROC_SCRIBE, sv_status, .writable = 1);
	expect_status(true, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_clean),	       rig_test(test_gone),
		rig_test(test_gone_meanwhile), rig_test(test_lane),
		rig_test(test_follows),	       rig_test(test_refused_as_replace),
		rig_test(test_no_record),      rig_test(test_nobody),
		rig_test(test_zones_asked),    rig_test(test_zones_are_none),
		rig_test(test_no_zone),	       rig_test(test_look_fails),
		rig_test(test_no_log),
	};

	return cmocka_run_group_tests_name("vault_clean", tests, rig_setup, vault_end);
}
