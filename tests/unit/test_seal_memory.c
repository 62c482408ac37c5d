/* SPDX-License-Identifier: ISC */
/* Handles when memory runs out, at each allocation in turn: -ENOMEM, and nothing half done. */
#include "faults.h"
#include "seal_rig.h"

FAULT(void *, NULL, malloc, (size_t n), (n))

static struct keyring ring;
/* Longer than a buffer's first piece of memory. */
static struct buf secret;

static int seal_one(enum handle_kind kind, struct buf *out)
{
	struct integration i = sample_integration();
	struct record r = sample_record();
	struct setup s = sample_setup();

	i.credentials = buf_bytes(&secret);
	r.value = bytes_of(big, 600);
	return kind == HANDLE_INTEGRATION ? integration_seal(&ring, nonce, &i, out)
	       : kind == HANDLE_RECORD	  ? record_seal(&ring, nonce, &r, out)
					  : setup_seal(&ring, nonce, &s, out);
}

/* How many allocations sealing takes; at each of them it was refused once. */
static unsigned seal_with_less(enum handle_kind kind)
{
	for (unsigned n = 0;; n++) {
		struct buf out = BUF_INIT(INTEGRATION_HANDLE_MAX);
		int r;

		fault_set("malloc", n, ENOMEM);
		r = seal_one(kind, &out);
		assert_int_equal(r, fault_met() ? -ENOMEM : 0);
		buf_done(&out);
		if (r == 0)
			return n;
	}
}

static void test_sealing(void **state)
{
	/* the plaintext, which grows, the box, the key's info, the text */
	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++)
		assert_true(seal_with_less((enum handle_kind)kind) >= 5);
	/* Somewhere here the padding is what the plaintext's memory is too short for. */
	for (size_t n = 600; n < 1200; n++) {
		buf_done(&secret);
		secret = pairs_of(1, n);
		assert_true(seal_with_less(HANDLE_INTEGRATION) >= 5);
	}
}

static int open_one(enum handle_kind kind, struct bytes text, struct buf *plain)
{
	struct integration i;
	struct record r;
	struct setup s;

	return kind == HANDLE_INTEGRATION
		       ? integration_open(&ring, text, BYTES("customer-42"), plain, &i)
	       : kind == HANDLE_RECORD ? record_open(&ring, text, BYTES("customer-42"), plain, &r)
				       : setup_open(&ring, text, BYTES("customer-42"), plain, &s);
}

/* Memory that ran out is no forged handle: a caller who is told so would throw the handle away. */
static void test_opening(void **state)
{
	for (unsigned kind = 0; kind < HANDLE_KINDS; kind++) {
		struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);
		unsigned n = 0;

		assert_int_equal(seal_one((enum handle_kind)kind, &text), 0);
		for (;; n++) {
			struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
			int r;

			fault_set("malloc", n, ENOMEM);
			r = open_one((enum handle_kind)kind, buf_bytes(&text), &plain);
			if (!fault_met()) {
				assert_int_equal(r, 0);
				buf_done(&plain);
				break;
			}
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(plain.n, 0);
			buf_done(&plain);
		}
		assert_true(n >= 3);
		buf_done(&text);
	}
}

static void test_peeking(void **state)
{
	struct buf text = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct handle_head head;

	assert_int_equal(seal_one(HANDLE_RECORD, &text), 0);
	fault_set("malloc", 0, ENOMEM);
	assert_int_equal(handle_peek(buf_bytes(&text), &head), -ENOMEM);
	assert_true(fault_met());
	assert_int_equal(handle_peek(buf_bytes(&text), &head), 0);
	assert_int_equal(head.kind, HANDLE_RECORD);
	buf_done(&text);
}

static int setup_ring(void **state)
{
	int r = seal_setup(state);

	ring = ring_of(key_a, NULL);
	secret = pairs_of(1, 600);
	return r;
}

static int teardown(void **state)
{
	buf_done(&secret);
	return seal_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sealing),
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_peeking),
	};

	return cmocka_run_group_tests_name("seal_memory", tests, setup_ring, teardown);
}
