/* SPDX-License-Identifier: ISC */
#include "role/confine.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define BIT(p) (1u << PROC_##p)
#define F      BIT(FRONT)
#define V      BIT(VAULT)
#define S      BIT(SCRIBE)
#define P      (BIT(PLANNER) | BIT(PLANNER_SELF))
#define C      (BIT(COURIER) | BIT(COURIER_SELF))
#define R      BIT(RESOLVER)
#define ALL    (F | V | S | P | C | R)

/* Argument ARG (from 1), an int, is VALUE; or has none of the bits in MASK. */
#define IS(arg, value)	   arg, (uint64_t)UINT32_MAX, (uint64_t)(value)
#define WITHOUT(arg, mask) arg, (uint64_t)(mask), 0

/*
 * A system call that is not here ends the role. No role has fork, exec, ptrace, kill, mount, setuid, a namespace, a new listener, a file of its own choice.
 */
static const struct {
	unsigned roles;
	struct syscall_rule rule;
	const char *why; /* where it is not plain */
} calls[] = {
	/* memory */
	{ALL, {"brk"}},
	{ALL, {"mmap", WITHOUT(3, PROT_EXEC)}, "no new code"},
	{ALL, {"mprotect", WITHOUT(3, PROT_EXEC)}, "no new code"},
	{ALL, {"munmap"}},
	{ALL, {"mremap"}},
	{ALL, {"madvise"}},
	{V | S | C, {"mlock"}, "libsodium's guarded memory: keys, tokens"},
	{V | S | C, {"munlock"}},

	/* waiting, and the edges to the other roles */
	{ALL, {"epoll_wait"}},
	{ALL, {"epoll_pwait"}},
	{ALL, {"epoll_ctl"}},
	{ALL, {"poll"}, "whether a peer is gone; what is still to be sent at the end"},
	{ALL, {"recvmsg"}},
	{ALL, {"sendmsg", WITHOUT(3, MSG_FASTOPEN)}, "that would connect"},
	{ALL, {"close"}},
	{ALL, {"restart_syscall"}, "the kernel's own, after a stop"},

	/* the little that every program does */
	{ALL, {"write", IS(1, 2)}, "standard error alone"},
	{ALL, {"futex"}, "locks in libraries; there is one thread"},
	{ALL, {"getrandom"}},
	{ALL, {"clock_gettime"}, "where the vDSO does not serve"},
	{ALL, {"gettimeofday"}},
	{ALL, {"time"}},
	{ALL, {"getpid"}, "libcrypto asks whether it was forked"},
	{ALL, {"gettid"}},
	{ALL, {"exit_group"}},
	{ALL, {"exit"}},
	{ALL, {"rt_sigreturn"}},
	{ALL, {"rt_sigprocmask"}, "abort()"},
	{ALL, {"rt_sigaction"}, "abort()"},

	/* front: connections that come in */
	{F, {"accept4"}},
	{F, {"recvfrom"}},
	{F, {"sendto", WITHOUT(4, MSG_FASTOPEN)}, "that would connect"},
	{F, {"shutdown"}},
	{F, {"getsockopt", IS(3, SO_PEERCRED)}, "who is at the other end of a Unix socket"},

	/* scribe: the log, below the directory that it was given */
	{S, {"openat"}},
	{S, {"newfstatat"}},
	{S, {"fstat"}},
	{S, {"fcntl", IS(2, F_GETFL)}, "fdopendir()"},
	{S, {"fcntl", IS(2, F_SETFD)}, "fdopendir()"},
	{S, {"fcntl", IS(2, F_DUPFD_CLOEXEC)}},
	{S, {"dup"}},
	{S, {"getdents64"}},
	{S, {"lseek"}},
	{S, {"flock"}},
	{S, {"fallocate"}},
	{S, {"ftruncate"}},
	{S, {"pread64"}},
	{S, {"pwrite64"}},
	{S, {"fsync"}},
	{S, {"fdatasync"}},
	{S, {"unlinkat"}},

	/* couriers and resolver: connections that go out, TCP, and UDP for DNS */
	{C | R, {"socket", IS(1, AF_INET)}},
	{C | R, {"socket", IS(1, AF_INET6)}},
	{C | R, {"connect"}},
	{C | R, {"sendto", WITHOUT(4, MSG_FASTOPEN)}},
	{C | R, {"recvfrom"}},
	{C | R, {"getsockopt"}},
	{C | R, {"setsockopt"}},
	{C | R, {"getsockname"}},
	{C | R, {"fcntl", IS(2, F_GETFL)}},
	{C | R, {"fcntl", IS(2, F_SETFL)}, "not to block"},
	{C | R, {"fcntl", IS(2, F_SETFD)}},
	{C | R, {"ioctl", IS(2, 0x5421)}, "FIONBIO, c-ares"},
	{C | R, {"writev"}, "c-ares, where DNS goes over TCP: an answer was cut"},

	/* couriers: the hosts file */
	{C, {"shutdown"}},
	{C, {"read"}},
	{C,
	 {"openat", WITHOUT(3, O_ACCMODE | O_CREAT | O_TRUNC)},
	 "/etc/hosts, which Landlock leaves"},
	{C, {"newfstatat"}},
	{C, {"fstat"}},
	{C, {"lseek"}},
	{C, {"sysinfo"}, "qsort() asks how much memory there is"},
#ifdef SANITIZED
	/* sanitizers */
	{ALL, {"sched_yield"}},
	{ALL, {"ioctl", IS(2, 0x5401)}, "TCGETS: whether a report may have colours"},
	{ALL, {"sigaltstack"}},
	{ALL, {"openat", WITHOUT(3, O_ACCMODE | O_CREAT | O_TRUNC)}},
	{ALL, {"read"}},
	{ALL, {"readlink"}},
	{ALL, {"write"}},
	{ALL, {"mmap"}},
	{ALL, {"prctl"}},
#endif
#ifdef COVERAGE_DIR
	/* gcov, when the role ends */
	{ALL, {"openat"}},
	{ALL, {"newfstatat"}},
	{ALL, {"fcntl"}},
	{ALL, {"read"}},
	{ALL, {"write"}},
	{ALL, {"lseek"}},
	{ALL, {"ftruncate"}},
#endif
};

/* Libraries try these, and do without: a locale, a configuration, a name service. */
static const char *const refused[] = {"open",	"openat",   "stat",	 "newfstatat",
				      "access", "readlink", "faccessat", NULL};
/* The scribe and the couriers have some of them for good. */
static const char *const refused_less[] = {"open", "access", "readlink", "faccessat", NULL};

int confine_filter(enum proc p, pid_t pid, struct buf *program)
{
	/* abort() sends itself a signal; nobody else gets one. */
	const struct syscall_rule own = {"tgkill", IS(1, pid)};
	struct syscall_rule rules[ARRAY_LEN(calls) + 1];
	bool opens = (BIT(SCRIBE) | C) & 1u << p;
	size_t n = 0;

#ifdef COVERAGE_DIR
	opens = true;
#endif
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (calls[i].roles & 1u << p)
			rules[n++] = calls[i].rule;
	rules[n++] = own;
	return seccomp_build(rules, n, opens ? refused_less : refused, program);
}

struct sandbox confine_of(enum proc p, int dir_fd)
{
	static const char *const hosts[] = {"/etc/hosts", NULL};
	bool out = C & 1u << p;

	return (struct sandbox){
		.dir_fd = dir_fd, .read = out ? hosts : NULL, .connect = out || p == PROC_RESOLVER};
}
