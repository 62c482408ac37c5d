/* SPDX-License-Identifier: ISC */
/* The vault and the audit log: what a line says, what waits for it, what is said again to the next scribe, and what a scribe that is silent, broken or gone means for calls. */
#include "vault_words.h"

/* It cannot write, and says why. */
static void scribe_says(bool writable, const char *reason)
{
	say(PROC_SCRIBE, sv_status, .writable = writable, .reason = bytes_str(reason));
	turn();
}

/* Answered, and known to the log's reader, by one code. */
static void expect_unavailable(uint64_t n, const char *detail)
{
	expect_error(n, CODE_AUDIT_UNAVAILABLE, "", detail);
}

/* ---- a log that cannot be written ---- */

static void test_not_writable(void **state)
{
	struct integration i = cloudflare();

	scribe_says(false, "the disk is full");
	expect_status(false, "the disk is full");
	/* nothing is changed… */
	add_until_zone(1, &i);
	expect_let_go(0);
	expect_unavailable(1, "the disk is full");
	/* …nothing is sealed… */
	say(PROC_FRONT, fv_rewrap_handle, FROM_FRONT(2), .handle = handle_of(&i));
	expect_unavailable(2, "the disk is full");
	/* …and what went wrong is said as it is */
	ask_add(3, BYTES("pti1_"));
	expect_error(3, CODE_HANDLE_INVALID, "integration_handle", "not valid");
	scribe_says(true, "");
	expect_status(true, "");
}

static void test_intent_not_durable(void **state)
{
	struct integration i = cloudflare();

	add_until_zone(1, &i);
	written(expect_line("add_record.intent", ""), false);
	hear(PROC_COURIER, vc_end);
	expect_unavailable(1, "nothing was changed");
	/* it may stand there all the same, so it gets an end */
	logged("add_record.outcome", "error");
}

static void test_last_line_not_durable(void **state)
{
	struct integration i = cloudflare();

	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(1), .handle = handle_of(&i));
	written(expect_line("inspect_handle.outcome", "ok"), false);
	expect_unavailable(1, "Audit log not writable"); /* the scribe has not said why yet */
}

/* The outcome of a change is kept until the log takes it, and its request id is taken as long. */
static void test_outcome_not_durable(void **state)
{
	struct integration i = cloudflare();
	const struct vs_line *first = add_is_done(add_until_change(1, &i), 0), *again;

	written(first, false);
	assert_silence();
	ask_add(1, handle_of(&i));
	expect_error(1, CODE_CONFLICT, "X-Request-Id", "in flight");
	scribe_says(false, "broken");
	expect_status(false, "broken");
	assert_silence();
	scribe_says(true, "");
	expect_status(true, "");
	again = logged("add_record.outcome", "ok");
	assert_true(again->token == first->token);
	assert_bytes(again->provider_record_id, "record-1");
	scribe_says(true, "");
	assert_silence(); /* once is enough */
	ask_add(1, BYTES("pti1_"));
	logged("add_record.refused", "refused");
	expect_error(1, CODE_HANDLE_INVALID, "integration_handle", "");
}

/* What the scribe has, and has not answered, is not said again. */
static void test_said_once(void **state)
{
	struct integration i = cloudflare();
	const struct vs_line *outcome = add_is_done(add_until_change(1, &i), 0), *answer;

	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(2), .handle = handle_of(&i));
	answer = expect_line("inspect_handle.outcome", "ok");
	scribe_says(true, "");
	assert_silence();
	written(outcome, true);
	written(answer, true);
	hear(PROC_FRONT, vf_handle);
}

/* ---- the scribe is gone ---- */

/* Nothing is given out that is not in the log. */
static void test_without_scribe(void **state)
{
	struct integration i = cloudflare();

	disconnect(PROC_SCRIBE);
	expect_status(false, "the scribe restarts");
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(1), .handle = handle_of(&i));
	expect_unavailable(1, "the scribe restarts");
	scribe_comes();
	expect_status(true, "");
}

/* One that had refused it is gone as well: the next has it from the start. */
static void test_refused_and_gone(void **state)
{
	struct integration i = cloudflare();

	written(add_is_done(add_until_change(1, &i), 0), false);
	disconnect(PROC_SCRIBE);
	expect_status(false, "the scribe restarts");
	connect_to(PROC_SCRIBE);
	assert_true(bytes_eq(hear(PROC_SCRIBE, vs_live)->request_ids, list_of("request-1")));
	assert_int_equal(logged("add_record.outcome", "ok")->again, 1);
	scribe_says(true, "");
	expect_status(true, "");
}

/* The outcome is told the next one, before anything else; and that it is still in flight. */
static void test_outcome_for_the_next(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = add_until_change(1, &i), other = add_until_change(2, &i);
	const struct vs_line *m;

	assert_int_equal(add_is_done(id, 0)->again, 0);
	disconnect(PROC_SCRIBE);
	expect_status(false, "the scribe restarts");
	say(PROC_PLANNER, pv_result, .call = other, .changed = 1, .removed = 1);
	expect_let_go(0);
	hear(PROC_FRONT, vf_record);
	connect_to(PROC_SCRIBE);
	assert_int_equal(plist_count(hear(PROC_SCRIBE, vs_live)->request_ids), 2);
	for (unsigned n = 0; n < 2; n++) {
		m = expect_line("add_record.outcome", "ok");
		assert_int_equal(m->again, 1);
		written(m, true);
	}
	scribe_says(true, "");
	expect_status(true, "");
}

/* Calls in flight that have an intent are named to the next; those without are not. */
static void test_live_calls(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = add_until_change(1, &i);
	const struct vs_live *m;

	ask_add(2, handle_of(&i));
	hear(PROC_COURIER, vc_call);
	expect_op(0, OP_FIND_ZONE);
	connect_to(PROC_SCRIBE);
	expect_status(false, "the scribe restarts");
	m = hear(PROC_SCRIBE, vs_live);
	assert_true(bytes_eq(m->request_ids, list_of("request-1")));
	assert_int_equal(m->more, 0);
	scribe_says(true, "");
	expect_status(true, "");
	written(add_is_done(id, 0), true);
	later(RIG_CALLS + 2000);
	expect_called_off(0);
	logged("add_record.outcome", "error");
	expect_error(2, CODE_PROVIDER_TIMEOUT, "", "");
}

/* More of them than one message takes. */
static void test_many_live_calls(void **state)
{
	const char *const event = "add_record.outcome";
	struct integration i = cloudflare();
	struct bytes handle = handle_of(&i);
	size_t named = 0, n = 0;
	const struct vs_live *m;
	char id[IPC_REQUEST_ID_MAX + 1];

	for (; n < IPC_PIECE_MAX / IPC_REQUEST_ID_MAX; n++) {
		uint64_t call;

		snprintf(id, sizeof(id), "%064zu", n);
		say(PROC_FRONT, fv_add_record, .call = n, .request_id = bytes_str(id),
		    .caller = BYTES("backend"), .handle = handle, .customer = BYTES(CUSTOMER),
		    .fqdn = BYTES(FQDN), .type = BYTES("TXT"), .value = BYTES("proof"));
		call = given(0);
		zone_is(0, ZONE, ZONE);
		begin_change(0, "add_record.intent", OP_ADD);
		say(PROC_PLANNER, pv_result, .call = call, .changed = 1);
		expect_let_go(0);
		hear(PROC_FRONT, vf_record);
		hear(PROC_SCRIBE, vs_line);
	}
	disconnect(PROC_SCRIBE);
	expect_status(false, "the scribe restarts");
	connect_to(PROC_SCRIBE);
	m = hear(PROC_SCRIBE, vs_live);
	named = plist_count(m->request_ids);
	assert_int_equal(m->more, 1);
	assert_true(m->request_ids.n <= IPC_PIECE_MAX);
	m = hear(PROC_SCRIBE, vs_live);
	assert_int_equal(m->more, 0);
	assert_int_equal(named + plist_count(m->request_ids), n);
	while (n-- > 0)
		say(PROC_SCRIBE, sv_written, .token = expect_line(event, "ok")->token,
		    .durable = 1);
	scribe_says(true, "");
	expect_status(true, "");
}

/* Those that wait for it end: nobody knows what became of the intent, so it gets an outcome. */
static void test_lost_while_waited_for(void **state)
{
	struct integration i = cloudflare();
	const struct vs_line *m;

	add_until_zone(1, &i);
	hear(PROC_SCRIBE, vs_line);
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(2), .handle = handle_of(&i));
	hear(PROC_SCRIBE, vs_line);
	say(PROC_FRONT, fv_refused, FROM_FRONT(3), .verb = VERB_GET_ZONES, .code = CODE_FORBIDDEN);
	expect_line("get_zones.refused", "refused");
	disconnect(PROC_SCRIBE);
	hear(PROC_COURIER, vc_end);
	for (unsigned n = 0; n < 2; n++)
		assert_int_equal(hear(PROC_FRONT, vf_error)->code, CODE_AUDIT_UNAVAILABLE);
	expect_status(false, "the scribe restarts");
	/* a refusal of the front's is not worth waiting for the next */
	say(PROC_FRONT, fv_refused, FROM_FRONT(4), .verb = VERB_GET_ZONES, .code = CODE_FORBIDDEN);
	turn();
	connect_to(PROC_SCRIBE);
	assert_true(bytes_eq(hear(PROC_SCRIBE, vs_live)->request_ids, list_of("request-1")));
	m = logged("add_record.outcome", "error");
	assert_bytes(m->code, "audit_unavailable");
	assert_int_equal(m->again, 0); /* its intent may not be in the log */
	scribe_says(true, "");
	expect_status(true, "");
}

/* ---- a scribe that hangs ---- */

static void test_scribe_hangs(void **state)
{
	struct integration i = cloudflare();

	later(10000); /* nothing to say is no hanging */
	assert_silence();
	add_until_zone(1, &i);
	hear(PROC_SCRIBE, vs_line);
	later(4000);
	say(PROC_SCRIBE, sv_written, .token = 0); /* a sign of life */
	turn();
	later(4999);
	assert_silence();
	later(1);
	expect_denounced(PROC_SCRIBE);
	hear(PROC_COURIER, vc_end);
	expect_unavailable(1, "nothing was changed");
	expect_status(false, "the scribe restarts");
	scribe_comes();
	logged("add_record.outcome", "error");
	expect_status(true, "");
	later(10000);
	assert_silence();
}

/* What does not fit its place, if the channel let it through. */
static void test_reason_too_long(void **state)
{
	const struct sv_status m = {.reason = rig_long(IPC_REASON_MAX + 1, 'x')};

	on_scribe(NULL, &vault.scribe, MSG_sv_status, &m, -1);
	expect_status(false, "the scribe starts");
	on_scribe(NULL, &vault.scribe, MSG_vs_line, &m, -1); /* not its to say */
	scribe_says(true, "");
	expect_status(true, "");
}

/* ---- what a line says ---- */

/* Nothing of it is known but what was asked. */
static void test_line_of_little(void **state)
{
	const struct vs_line *m;

	ask_add_of(1, BYTES("pti1_"), "No Name", "WEIRD", "v", MODE_REPLACE);
	m = logged("add_record.refused", "refused");
	assert_bytes(m->fqdn, "No Name");
	assert_bytes(m->type, "WEIRD");
	assert_bytes(m->mode, "replace");
	assert_bytes(m->provider, "");
	assert_bytes(m->integration, "");
	assert_bytes(m->zone, "");
	expect_error(1, CODE_HANDLE_INVALID, "integration_handle", "");
}

static const struct vs_line *end_add(uint64_t n, const struct pv_result *result, const char *text)
{
	struct integration i = cloudflare();
	struct pv_result m = *result;

	m.call = add_until_change(n, &i);
	channel_send_fd(&rig.ends[PROC_PLANNER], MSG_pv_result, &m, -1);
	expect_let_go(0);
	hear(PROC_FRONT, vf_record);
	return logged("add_record.outcome", text);
}

static void test_results_of_add(void **state)
{
	struct pv_result m = {.found = 1, .record_id = BYTES("id")};

	assert_bytes(end_add(1, &m, "found")->provider_record_id, "id");
	m = (struct pv_result){.record_id = BYTES("\x01\x02")};
	assert_bytes(end_add(2, &m, "ok")->provider_record_id, "");
	m.record_id = rig_long(PROVIDER_ID_MAX, 'i');
	assert_int_equal(end_add(3, &m, "ok")->provider_record_id.n, 256);
}

static void test_gone_before(void **state)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);
	const struct vp_op *op;

	ask_remove(1, handle_of(&i), record_handle_of(&r));
	given(0);
	op = begin_change(0, "remove_record.intent", OP_REMOVE);
	say(PROC_PLANNER, pv_result, .call = op->call);
	expect_let_go(0);
	logged("remove_record.outcome", "gone");
	assert_int_equal(hear(PROC_FRONT, vf_removed)->removed, 0);
}

/* ---- overwritten records ---- */

/* An add that overwrote LINES; TYPE and VALUE are what is put in their place. */
static void overwrite(struct bytes lines, const char *type, struct bytes value)
{
	struct integration i = cloudflare();
	uint64_t id;

	say(PROC_FRONT, fv_add_record, FROM_FRONT(1), .handle = handle_of(&i), .fqdn = BYTES(FQDN),
	    .type = bytes_str(type), .value = value, .mode = MODE_REPLACE);
	id = given(0);
	zone_is(0, ZONE, ZONE);
	begin_change(0, "add_record.intent", OP_ADD);
	say(PROC_PLANNER, pv_replaced, .call = id, .lines = lines);
	say(PROC_PLANNER, pv_result, .call = id, .changed = 1);
	expect_let_go(0);
	hear(PROC_FRONT, vf_record);
}

/* They stand beside the value where there is room. */
static void test_replaced_beside(void **state)
{
	struct bytes lines = list_of("www 60 A 192.0.2.1|www 60 A 192.0.2.2");
	const struct vs_line *m;

	rig_put(&lines, BYTES(""));
	overwrite(lines, "TXT", BYTES("proof"));
	m = logged("add_record.outcome", "ok");
	assert_true(bytes_eq(m->replaced, lines));
	assert_bytes(m->value, "proof");
}

/* A value that takes much room in the log has its line to itself; so has a long item its pieces. */
static void test_replaced_before(void **state)
{
	struct bytes lines = {0}, item, rest;
	const struct vs_line *m;

	rig_put(&lines, rig_long(4000, 'x'));
	overwrite(lines, "TXT", BYTES("a\xc3\xa4"));
	m = logged("add_record.replaced", "");
	assert_bytes(m->value, "");
	assert_true(m->duration_ms == -1);
	rest = m->replaced;
	assert_true(plist_next(&rest, &item));
	assert_int_equal(item.n, REPLACED_ITEM_MAX - 1);
	assert_int_equal(item.p[0], 'x');
	assert_true(plist_next(&rest, &item));
	assert_int_equal(item.n, REPLACED_ITEM_MAX);
	assert_int_equal(item.p[0], '+');
	assert_true(plist_next(&rest, &item));
	assert_bytes(item, "+xx");
	assert_int_equal(rest.n, 0);
	m = logged("add_record.outcome", "ok");
	assert_int_equal(m->replaced.n, 0);
}

/* An outcome that has some lines of overwritten records before it; all is said at once. TOKENS is theirs, the outcome's the last. How many. */
static unsigned overwrite_much(uint64_t tokens[4])
{
	struct bytes lines = {0};
	const struct vs_line *m;
	unsigned n = 0;

	rig_put(&lines, rig_long(1999, '\x01'));
	rig_put(&lines, rig_long(1999, '\x01'));
	overwrite(lines, "TXT", BYTES("proof"));
	do {
		assert_true(n < 4);
		m = hear(PROC_SCRIBE, vs_line);
		assert_false(m->again);
		tokens[n++] = m->token;
	} while (!bytes_is(m->event, "add_record.outcome"));
	assert_silence();
	assert_true(n > 2);
	return n;
}

static void say_written(uint64_t token, bool durable)
{
	const struct vs_line m = {.token = token};

	written(&m, durable);
}

/* What goes before it does not keep the outcome from the log: on a full disk there is room for that alone. Nor is it lost, for the scribe has no word on it. */
static void test_replaced_not_durable(void **state)
{
	const struct vs_line *m;
	uint64_t tokens[4];
	unsigned n = overwrite_much(tokens);
	uint64_t sum = 0;

	say_written(tokens[0], false);
	say_written(tokens[n - 1], true);
	for (unsigned i = 1; i < n - 1; i++)
		say_written(tokens[i], false);
	scribe_says(true, "");
	for (unsigned i = 0; i < n - 1; i++) {
		m = expect_line("add_record.replaced", ""); /* in any order */
		assert_false(m->again);
		sum += m->token - tokens[i];
	}
	assert_true(sum == 0);
	assert_silence();
	for (unsigned i = 0; i < n - 1; i++)
		say_written(tokens[i], true);
	scribe_says(true, "");
	assert_silence();
}

/* They are said again with the outcome, in any order; the call is named once. Of the outcome the scribe looks whether it is there. */
static void test_replaced_again(void **state)
{
	const struct vs_line *m;
	uint64_t tokens[4];
	unsigned n = overwrite_much(tokens);

	disconnect(PROC_SCRIBE);
	expect_status(false, "the scribe restarts");
	connect_to(PROC_SCRIBE);
	assert_true(bytes_eq(hear(PROC_SCRIBE, vs_live)->request_ids, list_of("request-1")));
	for (unsigned i = 0; i < n; i++) {
		m = hear(PROC_SCRIBE, vs_line);
		assert_true(m->again == bytes_is(m->event, "add_record.outcome"));
		written(m, true);
	}
	scribe_says(true, "");
	expect_status(true, "");
}

/* As many lines as it takes; nothing is lost. */
static void test_replaced_on_lines(void **state)
{
	struct bytes lines = {0};
	const struct vs_line *m;
	size_t items = 0;

	for (unsigned n = 0; n < 40; n++)
		rig_put(&lines, rig_long(1999, '\x01'));
	overwrite(lines, "TXT", BYTES("proof"));
	for (;;) {
		m = hear(PROC_SCRIBE, vs_line);
		written(m, true);
		items += plist_count(m->replaced);
		if (bytes_is(m->event, "add_record.outcome"))
			break;
		assert_bytes(m->event, "add_record.replaced");
		assert_true(m->replaced.n > 0);
	}
	assert_int_equal(items, 40);
	assert_bytes(m->value, "proof");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_not_writable),
		rig_test(test_intent_not_durable),
		rig_test(test_last_line_not_durable),
		rig_test(test_outcome_not_durable),
		rig_test(test_said_once),
		rig_test(test_without_scribe),
		rig_test(test_refused_and_gone),
		rig_test(test_outcome_for_the_next),
		rig_test(test_live_calls),
		rig_test(test_many_live_calls),
		rig_test(test_lost_while_waited_for),
		rig_test(test_scribe_hangs),
		rig_test(test_reason_too_long),
		rig_test(test_line_of_little),
		rig_test(test_results_of_add),
		rig_test(test_gone_before),
		rig_test(test_replaced_beside),
		rig_test(test_replaced_before),
		rig_test(test_replaced_not_durable),
		rig_test(test_replaced_again),
		rig_test(test_replaced_on_lines),
	};

	return cmocka_run_group_tests_name("vault_lines", tests, rig_setup, vault_end);
}
