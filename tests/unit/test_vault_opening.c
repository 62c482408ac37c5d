/* SPDX-License-Identifier: ISC */
/* How many calls are begun at once: where there are many, few that the courier has not taken on. */
#include "vault_words.h"

#define ASKED	 130
#define FREE	 72 /* that begin, whatever the courier says */
#define FEW	 7  /* more that are fine, though it has not taken them on */
#define BEGUN	 (FREE + FEW + 1)
#define HELD_FOR 20 /* ms */

static void ask_zones(uint64_t calls)
{
	struct integration i = cloudflare();
	struct bytes handle = handle_of(&i);

	for (uint64_t n = 1; n <= calls; n++)
		say(PROC_FRONT, fv_get_zones, FROM_FRONT(n), .handle = handle);
	turn();
}

static void ask_many(void)
{
	ask_zones(ASKED);
	assert_int_equal(vault.calls.n, BEGUN);
}

/* The courier takes them on: others begin. */
static void test_the_courier_keeps_up(void **state)
{
	uint64_t ids[ASKED];
	size_t n = 0;

	ask_many();
	while (n < FREE)
		ids[n++] = given(0);
	turn();
	assert_int_equal(vault.calls.n, BEGUN);
	ids[n++] = given(0);
	turn();
	assert_int_equal(vault.calls.n, BEGUN + 1);
	while (n < ASKED)
		ids[n++] = given(0);
	turn();
	assert_int_equal(vault.calls.n, ASKED);
	assert_int_equal(vault.opening, 0);
	zones_come(ids, n);
}

/* It has no word for its vault: that holds everybody up once, and not for long. When it has spoken again it may do so again. */
static void test_the_courier_does_not_answer(void **state)
{
	uint64_t ids[ASKED];

	ask_many();
	later(HELD_FOR - 1);
	assert_int_equal(vault.calls.n, BEGUN);
	later(1);
	assert_int_equal(vault.calls.n, ASKED);
	assert_true(vault.silent);
	say(PROC_COURIER_SELF, cv_begun, .call = 0); /* the other's word is not its */
	turn();
	assert_true(vault.silent);
	for (size_t n = 0; n < ASKED; n++)
		ids[n] = given(0);
	turn();
	assert_false(vault.silent);
	zones_come(ids, ASKED);
	ask_many();
	later(HELD_FOR);
	for (size_t n = 0; n < ASKED; n++)
		ids[n] = given(0);
	zones_come(ids, ASKED);
}

/* A removal goes on as soon as the courier has it, and may end there: it is counted once, whatever becomes of it. */
static void test_removals_that_end_at_once(void **state)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);
	uint64_t ids[FREE];

	only(&(const struct s_caller){.providers = UINT64_MAX, .zones = 1});
	add_in(FREE + 1, "a.example", false);
	ask_zones(FREE);
	for (size_t n = 0; n < FREE; n++)
		ids[n] = given(0);
	for (uint64_t n = FREE + 2; n < FREE + 2 + 2 * FEW; n++) {
		ask_remove(n, handle_of(&i), record_handle_of(&r));
		given(0);
		hear(PROC_COURIER, vc_end);
		logged("remove_record.refused", "refused");
		expect_error(n, CODE_RATE_LIMITED, "", "more zones");
		assert_int_equal(vault.opening, 0);
	}
	zones_come(ids, FREE);
}

/* It goes, before it held us up or when it has: all that it had are over, the others are refused, and not held; and the next one may hold us up again. */
static void test_the_courier_is_gone(void **state)
{
	static const int64_t waited[] = {0, HELD_FOR};

	for (size_t k = 0; k < ARRAY_LEN(waited); k++) {
		size_t begun;

		ask_many();
		later(waited[k]);
		begun = vault.calls.n;
		for (size_t n = 0; n < begun; n++)
			expect_op(0, OP_ZONES);
		disconnect(PROC_COURIER);
		expect_status(false, "a role restarts");
		for (size_t n = 0; n < begun; n++)
			hear(PROC_PLANNER, vp_abort);
		for (uint64_t n = 1; n <= ASKED; n++) {
			logged("get_zones.outcome", "error");
			assert_true(hear(PROC_FRONT, vf_error)->code == CODE_PROVIDER_UNAVAILABLE);
		}
		assert_int_equal(vault.opening, 0);
		assert_false(vault.silent);
		connect_to(PROC_COURIER);
		expect_status(true, "");
	}
}

/* A removal whose intent is on its way ends only when that is known; it is not waited for any more. */
static void test_the_courier_is_gone_behind_an_intent(void **state)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);
	const struct vs_line *intent;

	only(&(const struct s_caller){.providers = UINT64_MAX});
	ask_zones(FREE);
	for (size_t n = 0; n < FREE; n++)
		expect_op(0, OP_ZONES);
	ask_remove(FREE + 1, handle_of(&i), record_handle_of(&r));
	intent = expect_line("remove_record.intent", "");
	assert_int_equal(vault.opening, 1);
	disconnect(PROC_COURIER);
	expect_status(false, "a role restarts");
	assert_int_equal(vault.opening, 0);
	for (size_t n = 0; n < FREE; n++) {
		hear(PROC_PLANNER, vp_abort);
		logged("get_zones.outcome", "error");
		assert_true(hear(PROC_FRONT, vf_error)->code == CODE_PROVIDER_UNAVAILABLE);
	}
	written(intent, true);
	logged("remove_record.outcome", "error");
	expect_error(FREE + 1, CODE_PROVIDER_UNAVAILABLE, "", "courier restarts");
	connect_to(PROC_COURIER);
	expect_status(true, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		limits_test(test_the_courier_keeps_up),
		limits_test(test_the_courier_does_not_answer),
		limits_test(test_the_courier_is_gone),
		limits_test(test_the_courier_is_gone_behind_an_intent),
		limits_test(test_removals_that_end_at_once),
	};

	return cmocka_run_group_tests_name("vault_opening", tests, rig_setup, rig_end);
}
