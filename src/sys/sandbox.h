/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * What a process gives up for good once it has all that it needs: system calls, by a seccomp filter (seccomp(2)); files, ports, and the
 * processes around it, by Landlock (landlock(7)).
 */
#include "base/buf.h"

/* AddressSanitizer is built in: it needs more. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#define SANDBOX_FILTER_MAX (32 * 1024) /* bytes of a filter */

/* ---- the filter: made by the supervisor, so that no role needs libseccomp ---- */

/* A system call that may be made; when ARG is not 0, only if its argument number ARG (from 1) under MASK is VALUE. Several rules for one call: any of them. */
struct syscall_rule {
	const char *name;
	unsigned arg;
	uint64_t mask, value;
};

enum {
	SANDBOX_E_NONE = 1, /* this system has no libseccomp, or no seccomp */
};
/*
 * Append to PROGRAM what seccomp(2) takes. All that is not in ALLOW ends the process (SIGSYS); what is in REFUSE, a list of names that ends with NULL, fails with EACCES. 0,
 * SANDBOX_E_NONE or -errno.
 */
int seccomp_build(const struct syscall_rule *allow, size_t n, const char *const *refuse,
		  struct buf *program) must_check;

/* ---- entering ---- */

struct sandbox {
	struct bytes filter; /* empty: none */
	int dir_fd; /* a directory below which files may be read, made and removed; -1: none */
	const char *const *
		read; /* files that may be read; ends with NULL; those that are not there are left out */
	bool connect; /* TCP connections may be made */
	bool off;     /* nothing is given up: for tests that show what the rest is good for */
};

/* What holds after it. */
#define SANDBOX_HOLDS(X)                                                                           \
	X(SYSCALLS, "system calls")                                                                \
	X(FILES, "files")                                                                          \
	X(PORTS, "ports")                                                                          \
	X(SCOPE, "signals and abstract sockets")
enum {
#define X(id, text) SANDBOX_BIT_##id,
	SANDBOX_HOLDS(X)
#undef X
		SANDBOX_BITS
};
#define SANDBOX_ALL ((1u << SANDBOX_BITS) - 1)
/*
 * Without these a role could do more than is its work. The filter leaves no way to a port or to a signal either: the other two, which came to Landlock after Debian 12's kernel, are
 * a second wall.
 */
#define SANDBOX_REQUIRED (1u << SANDBOX_BIT_SYSCALLS | 1u << SANDBOX_BIT_FILES)
/* "files"; BIT is one of SANDBOX_BIT_…. */
const char *sandbox_text(unsigned bit);

/* *HOLDS: bits 1 << SANDBOX_BIT_…. What this kernel lacks is left out there, and is no error. 0 or -errno. */
int sandbox_enter(const struct sandbox *s, unsigned *holds) must_check;
/* The kernel's Landlock ABI version; 0: none. */
unsigned sandbox_landlock_abi(void);
