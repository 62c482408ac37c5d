/* SPDX-License-Identifier: ISC */
/* What is to fail, and how. */
#include "inject.h"
#include "sys/log.h"

#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

/* What may fail, and how it is likely to. After a failing close() the descriptor is gone. */
static const struct {
	const char *name;
	int error;
} failures[] = {
	{"accept4", EMFILE},
	{"bind", EADDRINUSE},
	{"brk", ENOMEM},
	{"clone", EAGAIN},
	{"clone3", EAGAIN},
	{"close", EIO},
	{"close_range", EINVAL},
	{"connect", ECONNREFUSED},
	{"dup", EMFILE},
	{"dup2", EMFILE},
	{"dup3", EMFILE},
	{"epoll_create1", EMFILE},
	{"epoll_ctl", ENOMEM},
	{"epoll_wait", EINTR},
	{"execveat", ENOMEM},
	{"fallocate", ENOSPC},
	{"fchmod", EIO},
	{"fchown", EIO},
	{"fcntl", EMFILE},
	{"fdatasync", EIO},
	{"flock", ENOLCK},
	{"fork", EAGAIN},
	{"fstat", EIO},
	{"fsync", EIO},
	{"ftruncate", EIO},
	{"getdents64", EIO},
	{"getrandom", EINTR},
	{"getsockname", ENOBUFS},
	{"getsockopt", ENOBUFS},
	{"ioctl", ENOTTY},
	{"landlock_add_rule", EINVAL},
	{"landlock_create_ruleset", EOPNOTSUPP},
	{"landlock_restrict_self", EPERM},
	{"listen", EADDRINUSE},
	{"lseek", EIO},
	{"memfd_create", EMFILE},
	{"mkdir", EIO},
	{"mkdirat", EIO},
	{"mlock", ENOMEM},
	{"mmap", ENOMEM},
	{"mprotect", ENOMEM},
	{"mremap", ENOMEM},
	{"newfstatat", EIO},
	{"open", EMFILE},
	{"openat", EMFILE},
	{"pipe2", EMFILE},
	{"poll", EINTR},
	{"prctl", EPERM},
	{"pread64", EIO},
	{"prlimit64", EPERM},
	{"pwrite64", ENOSPC},
	{"read", EIO},
	{"recvfrom", ECONNRESET},
	{"recvmsg", EIO},
	{"rename", EIO},
	{"renameat", EIO},
	{"seccomp", EINVAL},
	{"sendmsg", ENOBUFS},
	{"sendto", ECONNRESET},
	{"setgroups", EPERM},
	{"setresgid", EPERM},
	{"setresuid", EAGAIN},
	{"setsockopt", ENOMEM},
	{"shutdown", ENOTCONN},
	{"signalfd4", EMFILE},
	{"socket", EMFILE},
	{"socketpair", EMFILE},
	{"timerfd_create", EMFILE},
	{"timerfd_settime", EINVAL},
	{"unlink", EIO},
	{"unlinkat", EIO},
	{"wait4", EINTR},
	{"write", EIO},
};
static int failure_of[512]; /* by a system call's number; 0: none */

struct plan plan;

void must(bool ok, const char *what)
{
	if (!ok)
		log_fatal("%s: %m", what);
}

void plan_init(void)
{
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		int n = seccomp_syscall_resolve_name(failures[i].name);

		if (n >= 0 && n < (int)ARRAY_LEN(failure_of))
			failure_of[n] = failures[i].error;
	}
}

static void set_calls(char *names)
{
	char *rest = names;

	memset(plan.calls, 0, sizeof(plan.calls));
	plan.every = strcmp(names, "*") == 0;
	plan.malloc = strcmp(names, "malloc") == 0;
	if (plan.every || plan.malloc)
		return;
	for (char *name; (name = strsep(&rest, ",")) != NULL;) {
		int n = seccomp_syscall_resolve_name(name);

		if (n < 0 || n >= (int)ARRAY_LEN(plan.calls))
			log_fatal("no system call is called %s", name);
		plan.calls[n] = true;
	}
}

static void set_action(const char *text)
{
	static const struct {
		const char *name;
		enum action action;
		bool after, onwards;
	} all[] = {
		{"count", COUNT, false, false}, {"fail", FAIL, false, false},
		{"fail+", FAIL, false, true},	{"error", FAIL, false, false},
		{"error+", FAIL, false, true},	{"short", SHORT, false, false},
		{"short+", SHORT, false, true}, {"kill", KILL, false, false},
		{"killed", KILL, true, false},	{"end", END, false, false},
		{"ended", END, true, false},
	};
	size_t n = strcspn(text, "=");

	plan.error = text[n] ? (int)strtol(text + n + 1, NULL, 10) : 0;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strlen(all[i].name) == n && strncmp(all[i].name, text, n) == 0) {
			plan.action = all[i].action;
			plan.after = all[i].after;
			plan.onwards = all[i].onwards;
			return;
		}
	log_fatal("no action is called %s", text);
}

void plan_arm(const char *line)
{
	char calls[512], action[32];

	if (sscanf(line, "arm %31s %511s %lu %31s", plan.process, calls, &plan.nth, action) != 4)
		log_fatal("arm PROCESS CALLS NTH ACTION");
	set_calls(calls);
	set_action(action);
	plan.seen = plan.done = 0;
	snprintf(plan.last, sizeof(plan.last), "-");
	plan.armed = true;
}

/* One of those that were asked for: is it its turn? */
bool plan_is_due(const char *name)
{
	plan.seen++;
	if (plan.onwards ? plan.seen < plan.nth : plan.seen != plan.nth)
		return false;
	plan.done++;
	snprintf(plan.last, sizeof(plan.last), "%s", name);
	return true;
}

bool plan_is_for(long nr)
{
	if (nr < 0 || nr >= (long)ARRAY_LEN(plan.calls) || plan.malloc)
		return false;
	return plan.every ? failure_of[nr] != 0 : plan.calls[nr];
}

int plan_error(long nr)
{
	return plan.error ? plan.error : failure_of[nr];
}
