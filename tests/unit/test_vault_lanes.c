/* SPDX-License-Identifier: ISC */
/* Lanes: of providers that take record sets as a whole, one change of a zone at a time, in the order in which they came. */
#include "vault_words.h"

/* The intent that is written now is request N's. */
static void go_on(uint64_t n)
{
	const struct vs_line *m = expect_line("add_record.intent", "");

	assert_true(bytes_eq(m->request_id, rig_text("request-#", n)));
	written(m, true);
	hear(PROC_COURIER, vc_change);
	expect_op(0, OP_ADD);
}

static void test_one_after_the_other(void **state)
{
	struct integration i = desec();
	uint64_t a = add_until_zone(1, &i), b, c;

	go_on(1);
	b = add_until_zone(2, &i);
	c = add_until_zone(3, &i);
	assert_silence();
	written(add_is_done(a, 0), true);
	go_on(2);
	assert_silence();
	written(add_is_done(b, 0), true);
	go_on(3);
	written(add_is_done(c, 0), true);
}

/* What is no such provider's waits for nobody; nor does another zone, another server. */
static void test_side_by_side(void **state)
{
	struct integration flare = cloudflare(), sec = desec();
	uint64_t a = add_until_zone(1, &flare), b, c, d;

	go_on(1);
	b = add_until_zone(2, &flare);
	go_on(2);
	c = add_until_zone(3, &sec);
	go_on(3);
	assert_int_equal(vault.lanes.n, 1);
	ask_add_of(4, handle_of(&sec), "_acme-challenge.example.com", "TXT", "x", MODE_COEXIST);
	given(0);
	zone_is(0, "example.com", "example.com");
	logged("add_record.intent", "");
	assert_int_equal(vault.lanes.n, 2);
	d = hear(PROC_COURIER, vc_change)->call;
	expect_op(0, OP_ADD);
	written(add_is_done(d, 0), true);
	written(add_is_done(c, 0), true);
	written(add_is_done(b, 0), true);
	written(add_is_done(a, 0), true);
}

/* One that waits too long is answered so, and the others keep their order: from the middle, from the end. */
static void test_waits_too_long(void **state)
{
	struct integration i = desec();
	uint64_t a = add_until_zone(1, &i);

	go_on(1);
	add_until_zone(2, &i);
	rig.msec += 1000;
	add_until_zone(3, &i);
	rig.msec += RIG_CALLS - 10000;
	turn();
	assert_silence();
	/* the head ends, and at once another takes its turn; the second is over before that */
	written(add_is_done(a, 0), true);
	go_on(2);
	later(10000 + 2000 - 1000);
	expect_called_off(0);
	expect_error(2, CODE_PROVIDER_TIMEOUT, "", "did not answer in time");
	logged("add_record.outcome", "unknown");
	go_on(3);
	later(1000);
	expect_called_off(0);
	expect_error(3, CODE_PROVIDER_TIMEOUT, "", "did not answer in time");
	logged("add_record.outcome", "unknown");
}

/* The head's intent is on its way to the log: it ends when its fate is known, and then it is the turn of those that are still there. */
static void test_ends_in_the_queue(void **state)
{
	struct integration i = desec();
	const struct vs_line *intent;

	ask_add(1, handle_of(&i));
	given(0);
	later(500);
	ask_add(2, handle_of(&i));
	given(0);
	later(RIG_CALLS);
	zone_is(0, ZONE, ZONE);
	zone_is(0, ZONE, ZONE);
	add_until_zone(3, &i);
	later(2000); /* past the second's time, not past the third's */
	hear(PROC_COURIER, vc_end);
	intent = expect_line("add_record.intent", "");
	logged("add_record.outcome", "error");
	expect_error(2, CODE_OVERLOADED, "", "other changes of the zone took too long");
	assert_silence();
	written(intent, true);
	hear(PROC_COURIER, vc_end);
	expect_error(1, CODE_PROVIDER_TIMEOUT, "", "did not answer in time");
	logged("add_record.outcome", "error");
	go_on(3);
	later(RIG_CALLS);
	expect_called_off(0);
	expect_error(3, CODE_PROVIDER_TIMEOUT, "", "did not answer in time");
	logged("add_record.outcome", "unknown");
}

/* The last one in the queue ends in it; who comes then stands behind those that are left. */
static void test_last_ends_in_the_queue(void **state)
{
	struct integration i = desec();
	uint64_t early, head, third;

	ask_add(2, handle_of(&i));
	early = given(0);
	expect_op(0, OP_FIND_ZONE);
	later(1000);
	head = add_until_zone(1, &i);
	go_on(1);
	say(PROC_PLANNER, pv_result, .call = early, .zone = BYTES(ZONE), .zone_id = BYTES(ZONE));
	later(RIG_CALLS + 2000 - 1000);
	hear(PROC_COURIER, vc_end);
	logged("add_record.outcome", "error");
	expect_error(2, CODE_OVERLOADED, "", "other changes of the zone took too long");
	third = add_until_zone(3, &i);
	assert_silence();
	written(add_is_done(head, 0), true);
	go_on(3);
	written(add_is_done(third, 0), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_one_after_the_other),    rig_test(test_side_by_side),
		rig_test(test_waits_too_long),	       rig_test(test_ends_in_the_queue),
		rig_test(test_last_ends_in_the_queue),
	};

	return cmocka_run_group_tests_name("vault_lanes", tests, rig_setup, vault_end);
}
