/* SPDX-License-Identifier: ISC */
/* What the system that it runs on means for production. */
#include "cli/doctor.h"

#include <stdio.h>

#define FILES_MORE 256		 /* descriptors beside those of connections or calls */
#define LOCKED_MIN (1024 * 1024) /* bytes: keys, callers, and some hundred tokens */

/* ---- the sandbox ---- */

/* The roles in which BIT does not hold, "postern-front, ..."; how many. */
static unsigned lacking(const struct doctor_role roles[PROC_COUNT], unsigned bit, char out[256])
{
	unsigned n = 0;
	size_t at = 0;

	out[0] = 0;
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		if (roles[p].answered && !(roles[p].holds & 1u << bit)) {
			at += (size_t)snprintf(out + at, 256 - at, "%s%s", n ? ", " : "",
					       proc_name(p));
			n++;
		}
	return n;
}

/* True when it holds in every role that answered. */
static bool judge_bit(struct report *r, const struct system_facts *f, unsigned bit)
{
	static const char *const needs[SANDBOX_BITS] = {
		[SANDBOX_BIT_SYSCALLS] = "Install libseccomp2; the kernel needs seccomp filters.",
		[SANDBOX_BIT_FILES] =
			"The kernel needs Landlock (5.13; in the boot parameter lsm=).",
		[SANDBOX_BIT_PORTS] = "Needs Landlock's ABI 4 (Linux 6.7); a second wall.",
		[SANDBOX_BIT_SCOPE] = "Needs Landlock's ABI 6 (Linux 6.12); a second wall.",
	};
	bool wanted = SANDBOX_REQUIRED & 1u << bit;
	enum grade grade = !wanted ? GRADE_NOTE : f->sandbox_required ? GRADE_FAIL : GRADE_WARN;
	char names[256];
	unsigned n = lacking(f->roles, bit, names);

	if (n)
		report(r, grade, "sandbox", needs[bit], "%s: not given up by %s", sandbox_text(bit),
		       n == PROC_COUNT - 1 ? "any process" : names);
	return n == 0;
}

static void judge_sandbox(struct report *r, const struct system_facts *f)
{
	struct buf held cleanup(buf_done) = BUF_INIT(256);
	unsigned all = SANDBOX_ALL, silent = 0;

	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++) {
		all &= f->roles[p].holds;
		silent += !f->roles[p].answered;
		if (!f->roles[p].answered)
			report(r, GRADE_FAIL, "sandbox", "Standard error says why.",
			       "%s does not start", proc_name(p));
	}
	if (silent == PROC_COUNT - 1)
		return;
	for (unsigned bit = 0; bit < SANDBOX_BITS; bit++)
		if (judge_bit(r, f, bit))
			buf_printf(&held, "%s%s", held.n ? ", " : "", sandbox_text(bit));
	buf_putc(&held, 0);
	if (held.n > 1)
		report(r, GRADE_OK, "sandbox", NULL, "given up by every process%s: %s",
		       silent ? " that starts" : "", (const char *)held.p);
	if ((all & SANDBOX_REQUIRED) == SANDBOX_REQUIRED && !f->sandbox_required)
		report(r, GRADE_NOTE, "sandbox",
		       "Then it never starts with less, after an upgrade of the kernel say.",
		       "sandbox = \"require\" would hold here");
}

/* ---- the process ---- */

static void judge_service(struct report *r, const struct system_facts *f)
{
	if (!f->pid)
		report(r, GRADE_NOTE, "service",
		       "What follows of limits and users is of this shell; ask again when it runs.",
		       "no gateway is seen running on this log");
	else if (f->unit[0])
		report(r, GRADE_OK, "service", NULL, "runs in %s", f->unit);
	else
		report(r, GRADE_NOTE, "service", "Have a service manager start it (systemd).",
		       "runs on its own: nobody starts it again when it ends");
}

static void judge_users(struct report *r, const struct system_facts *f)
{
	bool apart =
		f->pid ? f->uid > f->uid_base && f->uid < f->uid_base + PROC_COUNT : f->uid == 0;

	if (apart)
		report(r, GRADE_OK, "users", NULL, "each process has its own, %u to %u",
		       f->uid_base + 1, f->uid_base + PROC_COUNT - 1);
	else
		report(r, GRADE_NOTE, "users",
		       "Started as root, each gets its own; else the sandbox is the only wall.",
		       "all processes are of one user, %u", f->uid);
}

static void judge_limits(struct report *r, const struct system_facts *f)
{
	uint64_t most = f->connections > f->calls ? f->connections : f->calls;

	if (f->files_max < most + FILES_MORE)
		report(r, GRADE_WARN, "limits",
		       "Raise LimitNOFILE= (ulimit -Hn), or lower limits.connections and calls.",
		       "%llu open files, but %llu connections or calls are configured",
		       (unsigned long long)f->files_max, (unsigned long long)most);
	else
		report(r, GRADE_OK, "limits", NULL, "open files suffice for %llu connections",
		       (unsigned long long)most);
	if (f->locked_max < LOCKED_MIN)
		report(r, GRADE_WARN, "limits", "Raise LimitMEMLOCK= (ulimit -l) to 8 MiB.",
		       "%llu KiB of memory may be locked: keys could be swapped out",
		       (unsigned long long)f->locked_max / 1024);
}

/* ---- the machine ---- */

static void judge_memory(struct report *r, const struct system_facts *f)
{
	if (f->no_swap || !f->swaps)
		report(r, GRADE_OK, "memory", NULL, "%s",
		       f->no_swap ? "the gateway's is never swapped"
				  : "no swap that keeps anything in clear");
	else
		report(r, GRADE_NOTE, "memory",
		       "MemorySwapMax=0 in the unit, or swap that is encrypted. Keys are locked.",
		       "swap is on, and may keep credentials of calls under way");
}

static void judge_machine(struct report *r, const struct system_facts *f)
{
	if (f->ptrace_scope < 1)
		report(r, GRADE_NOTE, "tracing",
		       "sysctl kernel.yama.ptrace_scope=2. Postern's processes refuse it anyway.",
		       "users may trace their own processes");
	if (f->clock_known && !f->clock_set)
		report(r, GRADE_WARN, "clock", "Install chrony, or enable systemd-timesyncd.",
		       "nobody keeps it right: the log's times, expiry and TLS need it");
	else if (f->clock_known)
		report(r, GRADE_OK, "clock", NULL, "is kept right");
	if (f->sanitized)
		report(r, GRADE_WARN, "build", "Install one made by `make`.",
		       "this binary is one for tests: slow, and easier to attack");
}

void judge_system(struct report *r, const struct system_facts *f)
{
	judge_service(r, f);
	judge_users(r, f);
	judge_sandbox(r, f);
	judge_limits(r, f);
	judge_memory(r, f);
	judge_machine(r, f);
}
