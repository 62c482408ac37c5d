/* SPDX-License-Identifier: ISC */
#include "role/doctor.h"
#include "cli/cli.h"

#include <stdio.h>
#include <sys/utsname.h>

#define UID_BASE 1900000000u /* the configuration's default */

static void print_table(const struct doctor_role roles[PROC_COUNT])
{
	printf("%-22s", "");
	for (unsigned bit = 0; bit < SANDBOX_BITS; bit++)
		printf("  %s", sandbox_text(bit));
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++) {
		printf("\n%-22s", proc_name(p));
		for (unsigned bit = 0; bit < SANDBOX_BITS; bit++)
			printf("  %-*s", (int)strlen(sandbox_text(bit)),
			       !roles[p].answered	    ? "?"
			       : roles[p].holds & 1u << bit ? "given up"
							    : "NO");
	}
	puts("");
}

/* What no role could give up, with where it would come from. */
static bool print_missing(const struct doctor_role roles[PROC_COUNT])
{
	static const char *const needs[SANDBOX_BITS] = {
		[SANDBOX_BIT_SYSCALLS] =
			"libseccomp (Debian: libseccomp2), and a kernel with seccomp filters",
		[SANDBOX_BIT_FILES] = "a kernel with Landlock (5.13; in the boot parameter lsm=)",
		[SANDBOX_BIT_PORTS] = "Landlock's ABI 4 (Linux 6.7)",
		[SANDBOX_BIT_SCOPE] = "Landlock's ABI 6 (Linux 6.12)",
	};
	unsigned all = SANDBOX_ALL;
	bool silent = false;

	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++) {
		all &= roles[p].holds;
		silent = silent || !roles[p].answered;
	}
	for (unsigned bit = 0; bit < SANDBOX_BITS; bit++)
		if (!(all & 1u << bit))
			printf("missing: %s: %s\n", sandbox_text(bit), needs[bit]);
	if (silent)
		puts("missing: an answer of the roles with a question mark; standard error says "
		     "why");
	return silent || (all & SANDBOX_REQUIRED) != SANDBOX_REQUIRED;
}

static int doctor(const struct command *self, int argc, char **argv)
{
	const struct cli_option options[] = {{NULL}};
	struct doctor_role roles[PROC_COUNT];
	struct utsname kernel;
	int first, status, r;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	if (first < argc)
		return cli_usage(self, "too many arguments");
	r = doctor_ask(UID_BASE, roles);
	if (r < 0)
		return cli_fail("the roles cannot be started: %s", strerror(-r));
	if (uname(&kernel) == 0)
		printf("%s %s, Landlock ABI %u\n", kernel.sysname, kernel.release,
		       sandbox_landlock_abi());
	print_table(roles);
	return print_missing(roles) ? CLI_FAILED : CLI_OK;
}

const struct command command_doctor = {
	.name = "doctor",
	.help = "say what is missing here for production",
	.usage = "\n"
		 "\n"
		 "Starts each process as `serve` would, asks what it gave up, and ends it. Exit "
		 "status 1:\nsystem calls or files are missing, which sandbox = \"require\" asks "
		 "for.\n",
	.run = doctor,
};
