/* SPDX-License-Identifier: ISC */
/* What `postern doctor` makes of the system. */
#include "doctor_rig.h"

static struct system_facts sys;
static struct doctor_role roles[PROC_COUNT];

static void by_system(struct report *r)
{
	judge_system(r, &sys);
}

/* ---- all is well ---- */

static int set_up(void **state)
{
	told.max = 64 * 1024;
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		roles[p] = (struct doctor_role){.answered = true, .holds = SANDBOX_ALL};
	sys = (struct system_facts){.connections = 10000,
				    .calls = 5000,
				    .uid_base = 1000000,
				    .sandbox_required = true,
				    .roles = roles,
				    .pid = 1,
				    .unit = "postern.service",
				    .uid = 1000000 + PROC_SCRIBE,
				    .files_max = 524288,
				    .locked_max = 8 << 20,
				    .ptrace_scope = 2,
				    .clock_known = true,
				    .clock_set = true};
	return 0;
}

static int tear_down(void **state)
{
	buf_done(&told);
	return 0;
}

static void again(void)
{
	set_up(NULL);
}

static void test_all_is_well(void **state)
{
	assert_int_equal(judge(by_system), GRADE_OK);
	assert_true(says("ok service: runs in postern.service\n"));
	assert_true(says("ok users: each process has its own, 1000001 to 1000008\n"));
	assert_true(says("ok sandbox: given up by every process: system calls, files, ports, "));
	assert_true(says("ok limits: open files suffice for 10000 connections\n"));
	assert_true(says("ok memory: no swap"));
	assert_true(says("ok clock: is kept right\n"));
}

/* ---- one thing is not ---- */

static void not_seen(void)
{
	sys.pid = 0;
	sys.uid = 0;
}

static void no_unit(void)
{
	sys.unit[0] = 0;
}

static void one_user(void)
{
	sys.uid = 998;
}

static void own_user_outside(void)
{
	sys.uid = 1000000 + PROC_COUNT;
}

static void shell_of_user(void)
{
	sys.pid = 0;
	sys.uid = 1000000 + PROC_SCRIBE; /* by chance: it is no gateway */
}

static void lacks(unsigned bit)
{
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		roles[p].holds &= ~(1u << bit);
}

static void no_seccomp(void)
{
	lacks(SANDBOX_BIT_SYSCALLS);
}

static void no_landlock(void)
{
	sys.sandbox_required = false;
	lacks(SANDBOX_BIT_FILES);
}

static void old_landlock(void)
{
	lacks(SANDBOX_BIT_SCOPE);
}

static void one_lacks(void)
{
	roles[PROC_VAULT].holds &= ~(1u << SANDBOX_BIT_PORTS);
}

static void one_silent(void)
{
	roles[PROC_COURIER] = (struct doctor_role){0};
}

static void not_required(void)
{
	sys.sandbox_required = false;
}

static void few_files(void)
{
	sys.files_max = 10255;
}

static void few_files_for_calls(void)
{
	sys.calls = 1000000;
}

static void little_locked(void)
{
	sys.locked_max = 64 << 10;
}

static void swaps(void)
{
	sys.swaps = 1;
}

static void tracing(void)
{
	sys.ptrace_scope = -1;
}

static void clock_off(void)
{
	sys.clock_set = false;
}

static void test_build(void)
{
	sys.sanitized = true;
}

static const struct judgement of_system[] = {
	{not_seen, "note service: no gateway is seen running on this log\n", GRADE_NOTE},
	{no_unit, "note service: runs on its own", GRADE_NOTE},
	{one_user, "note users: all processes are of one user, 998\n", GRADE_NOTE},
	{own_user_outside, "note users: all processes are of one user, 1000009\n", GRADE_NOTE},
	{shell_of_user, "note users: all processes are of one user, 1000003\n", GRADE_NOTE},
	{no_seccomp, "FAIL sandbox: system calls: not given up by any process\n", GRADE_FAIL},
	{no_seccomp, "ok sandbox: given up by every process: files, ports, ", GRADE_FAIL},
	{no_landlock, "warn sandbox: files: not given up by any process\n", GRADE_WARN},
	{old_landlock, "note sandbox: signals and abstract sockets: not given up by any process\n",
	 GRADE_NOTE},
	{one_lacks, "note sandbox: ports: not given up by postern-vault\n", GRADE_NOTE},
	{one_silent, "FAIL sandbox: postern-courier does not start\n", GRADE_FAIL},
	{one_silent, "ok sandbox: given up by every process that starts: system calls, ",
	 GRADE_FAIL},
	{not_required, "note sandbox: sandbox = \"require\" would hold here\n", GRADE_NOTE},
	{few_files, "warn limits: 10255 open files, but 10000 connections or calls", GRADE_WARN},
	{few_files_for_calls, "warn limits: 524288 open files, but 1000000 connections or calls",
	 GRADE_WARN},
	{little_locked, "warn limits: 64 KiB of memory may be locked", GRADE_WARN},
	{swaps, "note memory: swap is on", GRADE_NOTE},
	{tracing, "note tracing: users may trace their own processes\n", GRADE_NOTE},
	{clock_off, "warn clock: nobody keeps it right", GRADE_WARN},
	{test_build, "warn build: this binary is one for tests", GRADE_WARN},
};

static void test_judgements(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(of_system); i++)
		expect_judgement(&of_system[i], by_system, again);
}

/* What is near a judgement and is none. */
static void test_no_false_alarm(void **state)
{
	sys.files_max = 10256;
	sys.locked_max = 1 << 20;
	sys.swaps = 2;
	sys.no_swap = true;
	sys.ptrace_scope = 1;
	sys.clock_known = sys.clock_set = false;
	assert_int_equal(judge(by_system), GRADE_OK);
	assert_true(says("ok memory: the gateway's is never swapped\n") && !says("clock"));
	not_seen();
	judge(by_system);
	assert_true(says("ok users: each process has its own"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_is_well, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_judgements, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_false_alarm, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("doctor_system", tests, NULL, NULL);
}
