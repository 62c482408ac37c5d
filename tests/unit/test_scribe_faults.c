/* SPDX-License-Identifier: ISC */
/* The scribe when the system refuses something: a checkpoint that is not written is written later; what it cannot go on without ends it. */
#include "scribe_rig.h"

#include "audit/hash.h"

FAULT(void *, NULL, dlopen, (const char *name, int flags), (name, flags))
FAULT(int, -1, fdatasync, (int fd), (fd))
FAULT(void *, NULL, malloc, (size_t n), (n))
FAULT(void *, NULL, sodium_malloc, (size_t n), (n))
FAULT(int, -ENOMEM, loop_timer_set, (struct loop * l, struct loop_timer *t, int64_t ms), (l, t, ms))

static bool signed_again(void)
{
	struct buf b = get_file(&there, CHECKPOINTS_NAME);
	bool again;

	again = bytes_find(bytes_skip(buf_bytes(&b), 1), BYTES("\npostern.example/log\n2\n")) <
		b.n - 1;
	buf_done(&b);
	return again;
}

/* The log goes on without; the next one covers it too. */
TEST(checkpoint_fails)
{
	scribe_and_vault();
	say_line(1, "x.outcome", "1");
	expect_written(1, true);
	for (unsigned n = 0; n < 2; n++) {
		fault_set("fdatasync", 0, EIO);
		later(61000);
		assert_true(fault_met());
		assert_silence();
	}
	later(61000);
	assert_true(signed_again());
}

/* The log is well, but an intent could not be closed: the vault is not told to go on before it is. */
TEST(no_memory_for_closing)
{
	log_open(&there);
	put(&there, "add_record.intent", "dead");
	log_close(&there);
	scribe_serves();
	connect_to(PROC_VAULT);
	say(PROC_VAULT, vs_live, .more = 0);
	fault_set("malloc", 0, ENOMEM);
	turn();
	assert_true(fault_met());
	expect_told(false, "a line could not be written");
	expect(&there, "log.open add_record.intent/dead ");
	later(CHECK_MS);
	expect_told(true, "");
	expect(&there, "log.open add_record.intent/dead add_record.outcome/dead/unknown ");
}

/* Its hashes are libsodium's then, and it is said. */
static void write_one(bool nettle)
{
	if (!nettle)
		fault_set("dlopen", 0, ENOENT);
	scribe_ops.prepare(&rig.role);
	assert_true(fault_met());
	assert_int_equal(audit_nettle.init != NULL, nettle);
	scribe_and_vault();
	say_line(1, "x.outcome", "r");
	expect_written(1, true);
}

TEST(no_nettle)
{
	write_one(false);
}

TEST(nettle)
{
	write_one(true);
}

/* ---- the end ---- */

static void no_memory_for_signers(void)
{
	fault_set("sodium_malloc", 0, ENOMEM);
	scribe_begins();
	turn();
}

static void too_many_signers(void)
{
	scribe_begins();
	for (unsigned n = 0; n < STORE_SIGNERS_MAX; n++)
		channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_signer, &rig_signer, -1);
	turn();
}

static void no_check(void)
{
	scribe_begins();
	fault_set("loop_timer_set", 0, ENOMEM);
	scribe_starts();
}

static void no_heartbeat(void)
{
	scribe_begins();
	fault_set("loop_timer_set", 1, ENOMEM);
	scribe_starts();
}

static void no_next_heartbeat(void)
{
	scribe_serves();
	later(600000 - CHECK_MS / 2); /* the check comes later than that */
	fault_set("loop_timer_set", 0, ENOMEM);
	later(CHECK_MS / 2);
}

/* It would close what is in flight. */
static void no_memory_for_live(void)
{
	scribe_serves();
	connect_to(PROC_VAULT);
	say(PROC_VAULT, vs_live, .request_ids = list_of("a"));
	fault_set("malloc", 0, ENOMEM);
	turn();
}

static void too_many_live(void)
{
	struct bytes ids = {0};

	scribe_serves();
	connect_to(PROC_VAULT);
	rig_put(&ids, rig_long(90000, 'x'));
	for (unsigned n = 0; n < 200; n++) {
		say(PROC_VAULT, vs_live, .request_ids = ids, .more = 1);
		turn();
	}
}

static void test_ends(void **state)
{
	void (*const cases[])(void) = {no_memory_for_signers, too_many_signers,	 no_check,
				       no_heartbeat,	      no_next_heartbeat, no_memory_for_live,
				       too_many_live};

	for (size_t n = 0; n < ARRAY_LEN(cases); n++) {
		int status = scribe_end_of(cases[n], true);

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scribe_test(test_checkpoint_fails),
		scribe_test(test_no_memory_for_closing),
		scribe_test(test_no_nettle),
		scribe_test(test_nettle),
		scribe_test(test_ends),
	};

	return cmocka_run_group_tests_name("scribe_faults", tests, NULL, NULL);
}
