/* SPDX-License-Identifier: ISC */
/* A call's way through courier, planner and scribe: what each is told, in which order, and what becomes of it when one of them lies, is late or is gone. */
#include "vault_words.h"

/* ---- what each is told ---- */

static void test_add(void **state)
{
	struct integration i = powerdns();
	const struct vc_call *call;
	const struct vc_change *change;
	const struct vp_op *op;
	const struct vs_line *line;
	const struct vf_record *answer;
	uint64_t id;

	ask_add(1, handle_of(&i));
	call = hear(PROC_COURIER_SELF, vc_call);
	id = call->call;
	assert_bytes(call->provider, "powerdns");
	assert_true(bytes_eq(call->credentials, i.credentials));
	assert_memory_equal(call->integration, i.id, INTEGRATION_ID_BYTES);
	assert_int_equal(call->timeout_ms, RIG_CALLS);
	assert_int_equal(call->tell, 0);
	op = expect_op(1, OP_FIND_ZONE);
	assert_bytes(op->fqdn, FQDN);
	assert_int_equal(bytes_find(op->fields, BYTES("s3cr3t")), op->fields.n);
	assert_true(plist_has(op->fields, BYTES("https://dns.example")));
	say(PROC_PLANNER_SELF, pv_result, .call = id, .zone = BYTES("Example.org."),
	    .zone_id = BYTES("example.org."));
	line = expect_line("add_record.intent", "");
	assert_bytes(line->zone, ZONE);
	assert_bytes(line->value, "proof");
	assert_bytes(line->profile, "article");
	assert_bytes(line->integration, "696e746567726174696f6e2d69642d00");
	assert_silence(); /* nothing is permitted before the intent is durable */
	written(line, true);
	change = hear(PROC_COURIER_SELF, vc_change);
	assert_bytes(change->zone_id, "example.org.");
	assert_bytes(change->zone, ZONE);
	assert_bytes(change->fqdn, FQDN);
	assert_int_equal(change->type, RR_TXT);
	assert_int_equal(change->all_types, 0);
	op = expect_op(1, OP_ADD);
	assert_bytes(op->zone_id, "example.org.");
	assert_bytes(op->value, "proof");
	assert_int_equal(op->ttl, 60);
	assert_true(op->now == RIG_NOW + rig.msec / 1000);
	rig.msec += 500;
	say(PROC_PLANNER_SELF, pv_result, .call = id, .changed = 1, .pending = 1,
	    .record_id = BYTES("record-1"));
	expect_let_go(1);
	answer = hear(PROC_FRONT, vf_record);
	assert_true(answer->call == 1 && answer->index == 41 && answer->pending == 1);
	assert_bytes(answer->zone, ZONE);
	line = expect_line("add_record.outcome", "ok");
	assert_bytes(line->provider_record_id, "record-1");
	assert_true(line->duration_ms == 500);
	written(line, true);
}

/* All types at the name may go, and the courier is told so. */
static void test_add_replaces(void **state)
{
	struct integration i = cloudflare();
	const struct vc_change *change;

	ask_add_of(1, handle_of(&i), FQDN, "CNAME", "x.acme-dns.example", MODE_REPLACE);
	given(0);
	zone_is(0, ZONE, "opaque");
	logged("add_record.intent", "");
	change = hear(PROC_COURIER, vc_change);
	assert_int_equal(change->all_types, 1);
	assert_bytes(change->zone_id, "opaque");
	say(PROC_PLANNER, pv_replaced, .call = expect_op(0, OP_ADD)->call,
	    .lines = list_of("a line|another"));
	written(add_is_done(change->call, 0), true);
}

/* ---- get_zones ---- */

static uint64_t ask_zones(uint64_t n, const struct integration *i)
{
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(n), .handle = handle_of(i));
	given(0);
	return expect_op(0, OP_ZONES)->call;
}

/* Of the account's zones the handle's; what is no name is left out, and what is no pair. */
static void test_zones(void **state)
{
	struct integration i = cloudflare();
	const struct vf_zones *m;
	uint64_t id;

	i.zones = list_of("a.example|b.example");
	id = ask_zones(1, &i);
	say(PROC_PLANNER, pv_zones, .call = id, .zones = list_of("A.Example|1|no name|2"));
	say(PROC_PLANNER, pv_zones, .call = id, .zones = list_of("c.example|3|b.example|4|odd"));
	say(PROC_PLANNER, pv_result, .call = id);
	expect_let_go(0);
	logged("get_zones.outcome", "ok");
	m = hear(PROC_FRONT, vf_zones);
	assert_true(bytes_eq(m->zones, list_of("a.example|1|b.example|4")));
	hear(PROC_FRONT, vf_zones_end);
}

/* More than an account may have. */
static void test_too_many_zones(void **state)
{
	struct integration i = cloudflare();
	struct bytes piece = {0};
	uint64_t id = ask_zones(1, &i);

	rig_put(&piece, BYTES("a.example"));
	rig_put(&piece, rig_long(90000, 'i'));
	for (size_t n = 0; n <= (size_t)PROVIDER_ZONES_MAX * (DNS_NAME_MAX + PROVIDER_ID_MAX);
	     n += 90000) {
		say(PROC_PLANNER, pv_zones, .call = id, .zones = piece);
		turn();
	}
	expect_called_off(0);
	logged("get_zones.outcome", "error");
	expect_error(1, CODE_PROVIDER_REJECTED, "", "too many zones");
}

/* ---- make_integration ---- */

static uint64_t make(uint64_t n, const char *zones)
{
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(n), .provider = BYTES("cloudflare"),
	    .credentials = list_of("api_token|0123456789012345678901234567890123456789"),
	    .zones = list_of(zones), .policy = IPC_POLICY_DEFAULT, .verify = 1);
	given(0);
	return expect_op(0, OP_ZONES)->call;
}

static void test_make(void **state)
{
	struct integration i;
	uint64_t id = make(1, "a.example|b.example");

	say(PROC_PLANNER, pv_zones, .call = id,
	    .zones = list_of("c.example|3|A.example.|1|b.example|2"));
	say(PROC_PLANNER, pv_result, .call = id);
	expect_let_go(0);
	logged("make_integration.outcome", "ok");
	assert_true(
		bytes_eq(hear(PROC_FRONT, vf_zones)->zones, list_of("a.example|1|b.example|2")));
	i = opened(hear(PROC_FRONT, vf_integration)->handle);
	assert_true(bytes_eq(i.zones, list_of("a.example|b.example")));
	id = make(2, "a.example|b.example");
	say(PROC_PLANNER, pv_zones, .call = id, .zones = list_of("a.example|1"));
	say(PROC_PLANNER, pv_result, .call = id);
	expect_let_go(0);
	logged("make_integration.outcome", "error");
	expect_error(2, CODE_ZONE_NOT_FOUND, "zones", "does not have all of these zones");
}

/* ---- which zone ---- */

static void expect_no_zone(uint64_t n, const struct integration *i, const char *zone,
			   const char *id)
{
	unsigned class = provider_by_name(i->provider)->self_hosted;

	ask_add(n, handle_of(i));
	given(class);
	zone_is(class, zone, id);
	expect_let_go(class);
	logged("add_record.outcome", "error");
	expect_error(n, CODE_ZONE_NOT_FOUND, "record.fqdn", "no zone of the account holds");
}

static void test_zone_that_is_none(void **state)
{
	struct integration flare = cloudflare(), power = powerdns();

	expect_no_zone(1, &flare, "no name", "id");
	expect_no_zone(2, &flare, "example.com", "id");
	expect_no_zone(3, &flare, ZONE, "");
	expect_no_zone(4, &power, ZONE, "no name");
	expect_no_zone(5, &power, ZONE, "www.example.org");
}

/* The handle covers the name by a zone further down, which the account does not have as one. */
static void test_zone_not_covered(void **state)
{
	struct integration i = cloudflare();

	i.zones = list_of("www.example.org");
	ask_add(1, handle_of(&i));
	given(0);
	zone_is(0, ZONE, "id");
	expect_let_go(0);
	logged("add_record.refused", "refused");
	expect_error(1, CODE_POLICY_DENIED, "record.fqdn", "does not cover");
}

/* ---- what the planner says of failures ---- */

static const struct vf_error *fail_add(uint64_t n, const struct integration *i, enum code code,
				       struct bytes detail, bool changed, const char *result)
{
	unsigned class = provider_by_name(i->provider)->self_hosted;
	uint64_t id = add_until_change(n, i);
	const struct vf_error *m;

	say(PROC_PLANNER + class, pv_result, .call = id, .code = (uint8_t)code, .detail = detail,
	    .changed = changed, .retry_after = 9);
	expect_let_go(class);
	m = hear(PROC_FRONT, vf_error);
	assert_int_equal(m->code, code);
	assert_int_equal(m->retry_after, 9);
	logged("add_record.outcome", result);
	return m;
}

static void test_provider_says_no(void **state)
{
	struct integration i = cloudflare();
	const struct vf_error *m;
	uint64_t id;

	m = fail_add(1, &i, CODE_PROVIDER_REJECTED, BYTES("quota"), true, "error");
	assert_bytes(m->detail, "quota");
	m = fail_add(2, &i, CODE_PROVIDER_REJECTED, BYTES("a\x01"), false, "error");
	assert_bytes(m->detail, "Provider rejected the request");
	m = fail_add(3, &i, CODE_ZONE_NOT_FOUND, BYTES("gone"), false, "error");
	assert_bytes(m->field, "record.fqdn");
	fail_add(4, &i, CODE_PROVIDER_TIMEOUT, BYTES(""), true, "unknown");
	fail_add(5, &i, CODE_PROVIDER_UNAVAILABLE, BYTES(""), true, "unknown");
	fail_add(6, &i, CODE_OVERLOADED, BYTES(""), true, "unknown");
	fail_add(7, &i, CODE_OVERLOADED, BYTES(""), false, "error");
	id = ask_zones(8, &i);
	say(PROC_PLANNER, pv_result, .call = id, .code = CODE_ZONE_NOT_FOUND);
	expect_let_go(0);
	logged("get_zones.outcome", "error");
	expect_error(8, CODE_ZONE_NOT_FOUND, "", "No such zone");
}

/* As the channel would not let it through. */
static void test_detail_with_nul(void **state)
{
	struct integration i = cloudflare();
	struct pv_result m = {.call = add_until_change(1, &i),
			      .code = CODE_CONFLICT,
			      .detail = bytes_of("a\0b", 3)};

	on_planner(NULL, &vault.planner[0], MSG_pv_result, &m, -1);
	expect_let_go(0);
	expect_error(1, CODE_CONFLICT, "", "Conflict");
	logged("add_record.outcome", "error");
}

/* A secret, however it is written, does not reach the caller; what is no secret may. */
static void test_detail_with_secret(void **state)
{
	struct integration i = powerdns();
	static const char *const texts[] = {
		"key s3cr3t-key/+ is bad",
		"key czNjcjN0LWtleS8r is bad",
		"key czNjcjN0LWtleS8r, or so",
		"key s3cr3t-key%2F%2B is bad",
	};

	for (size_t n = 0; n < ARRAY_LEN(texts); n++)
		assert_bytes(fail_add(n, &i, CODE_PROVIDER_AUTH_FAILED, bytes_str(texts[n]), false,
				      "error")
				     ->detail,
			     "Provider refused the credential");
	assert_bytes(
		fail_add(9, &i, CODE_CONFLICT, BYTES("localhost is bad"), false, "error")->detail,
		"localhost is bad");
	/* an empty secret is in every text, and none at all in none */
	i = integration_of("powerdns", "url|https://dns.example|api_key");
	rig_put(&i.credentials, BYTES(""));
	assert_bytes(fail_add(10, &i, CODE_CONFLICT, BYTES("why"), false, "error")->detail, "why");
	i = integration_of("powerdns", "url|https://dns.example");
	assert_bytes(fail_add(11, &i, CODE_CONFLICT, BYTES("why"), false, "error")->detail, "why");
}

/* ---- words out of turn ---- */

/* What does not belong to where the call is changes nothing. */
static void test_out_of_turn(void **state)
{
	struct integration i = cloudflare();
	uint64_t id;

	say(PROC_COURIER, cv_begun, .call = 1);
	say(PROC_PLANNER, pv_result, .call = 1);
	assert_silence();
	ask_add(1, handle_of(&i));
	id = given(0);
	say(PROC_COURIER, cv_begun, .call = id); /* it was not asked for */
	say(PROC_COURIER, cv_traded, .call = id, .code = CODE_OK);
	zone_is(0, ZONE, ZONE);
	turn();
	say(PROC_PLANNER, pv_result, .call = id, .zone = BYTES("example.com"));
	say(PROC_PLANNER, pv_replaced, .call = id, .lines = list_of("a line"));
	say(PROC_COURIER, cv_begun, .call = id);
	assert_true(begin_change(0, "add_record.intent", OP_ADD)->call == id);
	on_planner(NULL, &vault.planner[0], MSG_vp_op, &(struct pv_result){.call = id}, -1);
	assert_int_equal(call_by_id(id)->replaced.n, 0);
	written(add_is_done(id, 0), true);
}

/* More overwritten records than there can be: the planner is ended, and the change may have been made. */
static void test_too_much_replaced(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = add_until_change(1, &i);
	struct bytes lines = {0};

	rig_put(&lines, rig_long(90000, 'x'));
	for (unsigned n = 0; n < 6; n++)
		say(PROC_PLANNER, pv_replaced, .call = id, .lines = lines);
	expect_denounced(PROC_PLANNER);
	hear(PROC_COURIER, vc_end);
	expect_error(1, CODE_PROVIDER_UNAVAILABLE, "", "planner restarts");
	expect_status(false, "a role restarts");
	rig.head[PROC_PLANNER] = NULL;
	for (;;) {
		const struct vs_line *m = hear(PROC_SCRIBE, vs_line);
		bool last = bytes_is(m->event, "add_record.outcome");

		assert_bytes(m->result, last ? "unknown" : "");
		written(m, true);
		if (last)
			break;
	}
	connect_to(PROC_PLANNER);
	expect_status(true, "");
}

/* ---- too late ---- */

static void test_deadline(void **state)
{
	struct integration i = cloudflare();

	ask_add(1, handle_of(&i));
	given(0);
	expect_op(0, OP_FIND_ZONE);
	later(RIG_CALLS + 1999);
	assert_silence();
	later(1);
	expect_called_off(0);
	logged("add_record.outcome", "error");
	expect_error(1, CODE_PROVIDER_TIMEOUT, "", "did not answer in time");
}

/* While it is changed: nobody knows whether it was. */
static void test_deadline_of_change(void **state)
{
	struct integration i = cloudflare();

	add_until_change(1, &i);
	later(RIG_CALLS + 2000);
	expect_called_off(0);
	expect_error(1, CODE_PROVIDER_TIMEOUT, "", "did not answer in time");
	logged("add_record.outcome", "unknown");
}

/* ---- somebody is gone ---- */

static void expect_restarting(uint64_t n, const struct integration *i)
{
	ask_add(n, handle_of(i));
	logged("add_record.outcome", "error");
	expect_error(n, CODE_PROVIDER_UNAVAILABLE, "", "the gateway is restarting; try again");
}

static void test_without_courier_or_planner(void **state)
{
	static const enum proc gone[] = {PROC_COURIER, PROC_PLANNER};
	struct integration flare = cloudflare(), power = powerdns();

	for (size_t n = 0; n < ARRAY_LEN(gone); n++) {
		disconnect(gone[n]);
		expect_status(false, "a role restarts");
		expect_restarting(1, &flare);
		written(add_is_done(add_until_change(2, &power), 1), true); /* the others' lives */
		connect_to(gone[n]);
		expect_status(true, "");
	}
}

/* Until it says that it hears, a call could be over before it had heard of it. */
static void test_courier_that_does_not_hear(void **state)
{
	struct integration i = cloudflare();

	disconnect(PROC_COURIER);
	expect_status(false, "a role restarts");
	connect_as(PROC_COURIER, false);
	expect_restarting(1, &i);
	say(PROC_COURIER, cv_hello, .call = 0);
	expect_status(true, "");
	written(add_is_done(add_until_change(2, &i), 0), true);
}

/* Which was never there hears all from the begin: calls need not wait for it. It may end before it was there, too. */
static void test_courier_to_come(void **state)
{
	struct integration i = cloudflare();

	disconnect(PROC_COURIER);
	expect_status(false, "a role restarts");
	connect_as(PROC_COURIER, true);
	expect_status(true, "");
	written(add_is_done(add_until_change(1, &i), 0), true);
	ask_add(2, handle_of(&i));
	hear(PROC_COURIER, vc_call);
	expect_op(0, OP_FIND_ZONE);
	disconnect(PROC_COURIER);
	hear(PROC_PLANNER, vp_abort);
	expect_status(false, "a role restarts");
	logged("add_record.outcome", "error");
	expect_error(2, CODE_PROVIDER_UNAVAILABLE, "", "courier restarts");
	connect_as(PROC_COURIER, false);
	expect_restarting(3, &i);
	say(PROC_COURIER, cv_hello, .call = 0);
	expect_status(true, "");
}

/* Calls of that class end, wherever they are; those of the other go on. */
static void test_lost(void **state)
{
	static const enum proc gone[] = {PROC_COURIER_SELF, PROC_PLANNER_SELF};
	static const char *const words[] = {"courier restarts", "planner restarts"};
	struct integration flare = cloudflare(), power = powerdns();

	for (size_t n = 0; n < ARRAY_LEN(gone); n++) {
		uint64_t other = add_until_change(1, &flare);

		ask_add(2, handle_of(&power));
		hear(PROC_COURIER_SELF, vc_call);
		expect_op(1, OP_FIND_ZONE);
		say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(3), .handle = handle_of(&power));
		turn();
		disconnect(gone[n]);
		if (gone[n] == PROC_PLANNER_SELF)
			hear(PROC_COURIER_SELF, vc_end);
		else
			hear(PROC_PLANNER_SELF, vp_abort);
		logged("inspect_handle.outcome", "ok");
		expect_status(false, "a role restarts");
		hear(PROC_FRONT, vf_handle);
		logged("add_record.outcome", "error");
		expect_error(2, CODE_PROVIDER_UNAVAILABLE, "", words[n]);
		connect_to(gone[n]);
		expect_status(true, "");
		written(add_is_done(other, 0), true);
	}
}

/* Both are lost while the intent is made durable: it is ended once, when its fate is known. */
static void test_lost_with_intent(void **state)
{
	struct integration i = cloudflare();
	const struct vs_line *intent;

	ask_add(1, handle_of(&i));
	given(0);
	zone_is(0, ZONE, ZONE);
	intent = expect_line("add_record.intent", "");
	disconnect(PROC_COURIER);
	disconnect(PROC_PLANNER);
	expect_status(false, "a role restarts");
	written(intent, true);
	expect_error(1, CODE_PROVIDER_UNAVAILABLE, "", "courier restarts");
	logged("add_record.outcome", "error");
	connect_to(PROC_COURIER);
	connect_to(PROC_PLANNER);
	rig.head[PROC_COURIER] = NULL;
	expect_status(true, "");
}

/* ---- what does not fit its place ---- */

static void test_begins_with_too_long_a_name(void **state)
{
	const struct caller_rules rules = {.name = "backend"};
	struct bytes id = rig_long(IPC_REQUEST_ID_MAX + 1, 'a'),
		     customer = rig_long(CUSTOMER_MAX + 1, 'a');
	struct call *c = NULL;

	assert_int_equal(call_new(&c, VERB_GET_ZONES, 1, id, &rules, BYTES("c")), -ENOMEM);
	assert_int_equal(call_new(&c, VERB_GET_ZONES, 1, BYTES("a"), &rules, customer), -ENOMEM);
	assert_null(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_add),
		rig_test(test_add_replaces),
		rig_test(test_zones),
		rig_test(test_too_many_zones),
		rig_test(test_make),
		rig_test(test_zone_that_is_none),
		rig_test(test_zone_not_covered),
		rig_test(test_provider_says_no),
		rig_test(test_detail_with_nul),
		rig_test(test_detail_with_secret),
		rig_test(test_out_of_turn),
		rig_test(test_too_much_replaced),
		rig_test(test_deadline),
		rig_test(test_deadline_of_change),
		rig_test(test_without_courier_or_planner),
		rig_test(test_courier_that_does_not_hear),
		rig_test(test_courier_to_come),
		rig_test(test_lost),
		rig_test(test_lost_with_intent),
		rig_test(test_begins_with_too_long_a_name),
	};

	return cmocka_run_group_tests_name("vault_calls", tests, rig_setup, vault_end);
}
