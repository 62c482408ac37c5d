/* SPDX-License-Identifier: ISC */
/*
 * The leak checker is on in the sanitized unit tests. The gateway's own processes turn it off (role.c), so it could be off here unnoticed. Its
 * report of the leak below, on standard error, is wanted.
 */
#include "test.h"

#include <sanitizer/lsan_interface.h>

/* The only pointer, but no pointer: the checker must not find it. */
static uintptr_t hidden;

static __attribute__((noinline)) void leak(void)
{
	hidden = ~(uintptr_t)malloc(42);
}

/* What was left of the pointer on the stack and in registers is overwritten. */
static __attribute__((noinline)) void forget(void)
{
	volatile char stack[4096];

	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = 0;
}

static void test_leak_is_seen(void **state)
{
	assert_int_equal(__lsan_do_recoverable_leak_check(), 0);
	leak();
	forget();
	assert_int_not_equal(__lsan_do_recoverable_leak_check(), 0);
	free((void *)~hidden);
	assert_int_equal(__lsan_do_recoverable_leak_check(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_leak_is_seen)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
