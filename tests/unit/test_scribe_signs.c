/* SPDX-License-Identifier: ISC */
/* What the scribe tells the journal of what is signed, and of what was not. */
#include "scribe_rig.h"

#include <sys/mman.h>

FAULT(int, -1, fdatasync, (int fd), (fd))

static int said_fd = -1;

/* From now on standard error is a file. */
static void listen_in(void)
{
	said_fd = memfd_create("said", MFD_CLOEXEC);
	assert_true(said_fd >= 0);
	assert_true(dup2(said_fd, STDERR_FILENO) >= 0);
}

/* How often it said so. */
static unsigned said(const char *what)
{
	static char text[65536];
	ssize_t n = pread(said_fd, text, sizeof(text) - 1, 0);
	unsigned times = 0;

	assert_true(n >= 0);
	text[n] = 0;
	for (const char *p = text; (p = strstr(p, what)); p++)
		times++;
	return times;
}

static struct note_signer signer_of_rig(void)
{
	struct note_signer s;

	note_signer_init(&s, rig_signer.name, (const unsigned char *)rig_signer.seed);
	return s;
}

TEST(witness)
{
	listen_in();
	scribe_and_vault();
	assert_int_equal(said("signed: 1 lines, root "), 1);
	say_line(1, "x.outcome", "1");
	expect_written(1, true);
	later(61000);
	assert_int_equal(said("signed: "), 1);
	say_line(2, "x.outcome", "2");
	expect_written(2, true);
	say(PROC_SUPERVISOR, s_stop, 0);
	turn();
	assert_int_equal(said("signed: 3 lines, root "), 1);
	assert_int_equal(said("had no checkpoint"), 0);
}

/* What is not on disk is not told. */
TEST(nothing_signed)
{
	listen_in();
	scribe_and_vault();
	say_line(1, "x.outcome", "1");
	expect_written(1, true);
	fault_set("fdatasync", 0, EIO);
	say(PROC_SUPERVISOR, s_stop, 0);
	turn();
	assert_true(fault_met());
	assert_int_equal(said("signed: "), 1);
	assert_int_equal(said("a checkpoint cannot be written"), 1);
}

/* Lines of an hour without a checkpoint. */
TEST(gap)
{
	struct note_signer s = signer_of_rig();

	listen_in();
	there.config.signers = &s;
	there.config.n_signers = 1;
	there.now -= 3600 * (int64_t)1000000;
	log_open(&there);
	put(&there, "a.outcome", "1");
	assert_int_equal(store_checkpoint(there.store), 0);
	for (unsigned i = 0; i < 13; i++) {
		there.now += 60 * (int64_t)1000000;
		put(&there, "b.outcome", "1");
	}
	log_close(&there);
	/* the last of two checkpoints, which the store took for itself */
	{
		struct buf records = get_file(&there, CHECKPOINTS_NAME);
		size_t n = bytes_find(buf_bytes(&records), BYTES("\nfrontier"));

		n += bytes_find(bytes_skip(buf_bytes(&records), n), BYTES("\n\n")) + 2;
		set_file(&there, CHECKPOINTS_NAME, bytes_of(records.p, n));
		buf_done(&records);
	}
	scribe_serves();
	assert_int_equal(said("13 lines of the log, 2 to 14, had no checkpoint, or are gone"), 1);
	assert_int_equal(said("signed: 16 lines, root "), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scribe_test(test_witness),
		scribe_test(test_nothing_signed),
		scribe_test(test_gap),
	};

	return cmocka_run_group_tests_name("scribe_signs", tests, NULL, NULL);
}
