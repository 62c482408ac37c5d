/* SPDX-License-Identifier: ISC */
/* The log without memory: a line is refused, or it is in the log and in the tree; and the next one is taken. */
#include "store_rig.h"

#include "faults.h"
#include "store/verify.h"

#define LINES 9 /* what a batch is kept in has to grow for them */

FAULT(void *, NULL, malloc, (size_t n), (n))

static struct note_signer signer;

/* Refused once for want of memory, a line is taken after the next commit, at which there may be nothing. */
static void stage_lines(struct log *l)
{
	static const char *const ids[LINES] = {"1", "2", "3", "4", "5", "6", "7", "8", "9"};

	for (size_t i = 0; i < LINES; i++) {
		int r = stage(l, "add_record.intent", ids[i], NULL);

		if (r != 0) {
			assert_int_equal(r, STORE_E_UNAVAILABLE);
			assert_int_equal(store_commit(l->store, l->now), 0);
			assert_int_equal(stage(l, "add_record.intent", ids[i], NULL), 0);
		}
	}
}

static void test_batches(void **state)
{
	bool met = true;

	for (unsigned n = 0; met; n++) {
		struct log l = log_signed(&signer, 1 << 20);
		struct verify v = {.verifiers = &signer.verifier, .n_verifiers = 1};

		fault_set("malloc", n, ENOMEM);
		stage_lines(&l);
		met = fault_met();
		assert_int_equal(store_commit(l.store, l.now), 0);
		assert_true(l.store->tree.size == l.store->durable);
		assert_int_equal(store_checkpoint(l.store), 0);
		assert_int_equal(log_verify(l.dirfd, &v), 0);
		log_done(&l);
		assert_true(!met || n < 1000);
	}
}

int main(void)
{
	static const unsigned char seed[NOTE_SEED_BYTES] = {1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches),
	};

	note_signer_init(&signer, BYTES("gateway.example/audit"), seed);
	return cmocka_run_group_tests_name("store_memory", tests, NULL, NULL);
}
