/* SPDX-License-Identifier: ISC */
#include "sys/sandbox.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Landlock's interface as of ABI 6. Debian 12's headers stop at ABI 2, and its C library has no wrappers.
 * https://docs.kernel.org/userspace-api/landlock.html
 */
#define LL_CREATE_RULESET 444
#define LL_ADD_RULE	  445
#define LL_RESTRICT_SELF  446
#define LL_VERSION	  1u /* flag of LL_CREATE_RULESET */
#define LL_PATH_BENEATH	  1  /* kind of rule */

struct ll_ruleset {
	uint64_t fs, net, scoped;
};
struct ll_path_beneath {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

enum {
	LL_READ_FILE = 1 << 2,
	LL_FS_1 = (1 << 13) - 1, /* all of ABI 1 */
	LL_REFER = 1 << 13,	 /* ABI 2 */
	LL_TRUNCATE = 1 << 14,	 /* ABI 3 */
	LL_IOCTL_DEV = 1 << 15,	 /* ABI 5 */
	LL_BIND_TCP = 1 << 0,	 /* ABI 4 */
	LL_CONNECT_TCP = 1 << 1,
	LL_ABSTRACT_UNIX = 1 << 0, /* ABI 6 */
	LL_SIGNAL = 1 << 1,
	/* Below the one directory: files are opened, read, written, truncated, made and removed there; nothing is executed, linked or moved, no directory made. */
	LL_OWN_FILES = 1 << 1 | LL_READ_FILE | 1 << 3 | 1 << 5 | 1 << 8 | LL_TRUNCATE,
};

unsigned sandbox_landlock_abi(void)
{
	long v = syscall(LL_CREATE_RULESET, NULL, 0, LL_VERSION);

	return v > 0 ? (unsigned)v : 0;
}

const char *sandbox_text(unsigned bit)
{
	static const char *const texts[] = {
#define X(id, text) text,
		SANDBOX_HOLDS(X)
#undef X
	};

	return bit < ARRAY_LEN(texts) ? texts[bit] : "";
}

/* ---- Landlock ---- */

static struct ll_ruleset ruleset_for(const struct sandbox *s, unsigned abi)
{
	struct ll_ruleset r = {.fs = LL_FS_1};

	if (abi >= 2)
		r.fs |= LL_REFER;
	if (abi >= 3)
		r.fs |= LL_TRUNCATE;
	if (abi >= 4)
		r.net = LL_BIND_TCP | (s->connect ? 0 : LL_CONNECT_TCP);
	if (abi >= 5)
		r.fs |= LL_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = LL_ABSTRACT_UNIX | LL_SIGNAL;
	return r;
}

static int allow(int ruleset, int fd, uint64_t rights)
{
	const struct ll_path_beneath rule = {.allowed = rights, .fd = fd};

	return syscall(LL_ADD_RULE, ruleset, LL_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static int allow_files(int ruleset, const struct sandbox *s, uint64_t handled)
{
	int r = s->dir_fd >= 0 ? allow(ruleset, s->dir_fd, LL_OWN_FILES & handled) : 0;

	for (const char *const *path = s->read; r == 0 && path && *path; path++) {
		int fd = open(*path, O_PATH | O_CLOEXEC);

		if (fd < 0)
			continue;
		r = allow(ruleset, fd, LL_READ_FILE);
		close(fd);
	}
	return r;
}

#ifdef COVERAGE_DIR
/* gcov writes its counters when the process ends. */
static int allow_counters(int ruleset, uint64_t handled)
{
	int fd = open(COVERAGE_DIR, O_PATH | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = allow(ruleset, fd, LL_OWN_FILES & handled);
	close(fd);
	return r;
}
#endif

static int enter_landlock(const struct sandbox *s, unsigned *holds)
{
	const unsigned abi = sandbox_landlock_abi();
	const struct ll_ruleset rules = ruleset_for(s, abi);
	/* Older kernels know a shorter struct. */
	const size_t size = abi >= 6 ? sizeof(rules) : abi >= 4 ? 16 : 8;
	int fd, r;

	if (abi == 0)
		return 0;
	fd = (int)syscall(LL_CREATE_RULESET, &rules, size, 0);
	if (fd < 0)
		return -errno;
	r = allow_files(fd, s, rules.fs);
#ifdef COVERAGE_DIR
	if (r == 0)
		r = allow_counters(fd, rules.fs);
#endif
	if (r == 0 && syscall(LL_RESTRICT_SELF, fd, 0) < 0)
		r = -errno;
	close(fd);
	if (r == 0)
		*holds |= 1u << SANDBOX_BIT_FILES | (abi >= 4 ? 1u << SANDBOX_BIT_PORTS : 0) |
			  (abi >= 6 ? 1u << SANDBOX_BIT_SCOPE : 0);
	return r;
}

/* ---- seccomp ---- */

static int enter_filter(struct bytes filter, unsigned *holds)
{
	struct sock_filter program[SANDBOX_FILTER_MAX / sizeof(struct sock_filter)];
	const struct sock_fprog prog = {.len = (unsigned short)(filter.n / sizeof(program[0])),
					.filter = program};

	if (!filter.n)
		return 0;
	if (filter.n > sizeof(program) || filter.n % sizeof(program[0]))
		return -EINVAL;
	memcpy(program, filter.p, filter.n); /* for its alignment */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog) != 0)
		return errno == ENOSYS ? 0 : -errno;
	*holds |= 1u << SANDBOX_BIT_SYSCALLS;
	return 0;
}

int sandbox_enter(const struct sandbox *s, unsigned *holds)
{
	int r;

	*holds = 0;
	if (s->off)
		return 0;
	r = enter_landlock(s, holds);
	return r < 0 ? r : enter_filter(s->filter, holds);
}
