/* SPDX-License-Identifier: ISC */
/*
 * inject CONTROL_FD COMMAND [ARG…]: run COMMAND and all its processes under ptrace(2), and let what they ask of the kernel, or of malloc(3), fail when told to. The binary is the one that is shipped, in its sandbox.
 *
 * A line on CONTROL_FD, and a line back:
 *	arm PROCESS CALLS NTH ACTION	the NTH (from 1) of CALLS that PROCESS makes from now on. "armed"
 *	disarm				"SEEN DONE NAME": how many CALLS there were, how many were acted on, which was the last of these
 *	clock SECONDS			what CLOCK_REALTIME is ahead from now on. "set"
 * PROCESS: "postern" (the supervisor), "postern-vault"…, or "*". CALLS: names with commas between, "malloc", or "*": all in `failures` below.
 * ACTION:
 *	count		nothing
 *	fail		that call fails, as `failures` has it; fail+: all from the NTH on
 *	error=NUMBER	that call fails with that errno; error+=NUMBER: all from the NTH on
 *	short		it reads or writes one byte
 *	kill		the process is killed instead; killed: right after
 *	end		all processes are; ended: right after
 * It ends when all its processes have, with COMMAND's status; the last that it says is "SEEN DONE NAME", "ended", and a line for each file that was written and an empty one:
 * "SIZE NAMED PATH": how many bytes of it, and whether its name, would be there after a loss of power. x86-64, glibc.
 */
#include "base/buf.h"
#include "sys/log.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 64
#define FILES_MAX     64
#define CALLS_MAX     16

enum action { COUNT, FAIL, SHORT, KILL, END };

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

/* ---- what is to be done ---- */

static struct {
	bool armed, malloc, every;
	char process[32];
	bool calls[512];
	enum action action;
	bool after, onwards;
	int error; /* 0: as `failures` has it */
	unsigned long nth, seen, done;
	char last[32];
	long clock; /* seconds ahead */
} plan;

static void must(bool ok, const char *what)
{
	if (!ok)
		log_fatal("%s: %m", what);
}

static void init_failures(void)
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
		{"kill", KILL, false, false},	{"killed", KILL, true, false},
		{"end", END, false, false},	{"ended", END, true, false},
	};
	size_t n = strcspn(text, "=");

	plan.error = text[n] ? atoi(text + n + 1) : 0;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strlen(all[i].name) == n && strncmp(all[i].name, text, n) == 0) {
			plan.action = all[i].action;
			plan.after = all[i].after;
			plan.onwards = all[i].onwards;
			return;
		}
	log_fatal("no action is called %s", text);
}

static void arm(char *line)
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
static bool is_due(const char *name)
{
	plan.seen++;
	if (plan.onwards ? plan.seen < plan.nth : plan.seen != plan.nth)
		return false;
	plan.done++;
	snprintf(plan.last, sizeof(plan.last), "%s", name);
	return true;
}

/* ---- processes ---- */

struct process {
	pid_t pid;
	char name[32];
	long nr; /* the system call that it is in; -1: none */
	uint64_t args[6];
	bool changed; /* its registers are to be put back */
	int error;    /* what the call shall give; 0: what it gives */
	bool kill_after;
	struct user_regs_struct regs; /* as they were */
	uint64_t libc;		      /* where it is; 0: not known */
	bool trapped;		      /* its malloc is watched */
};

static struct process processes[PROCESSES_MAX];
static pid_t first;
static int first_status;

static void read_name(struct process *p)
{
	char path[64], text[128] = "";
	const char *slash;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)p->pid);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = 0;
		fclose(f);
	}
	slash = strrchr(text, '/');
	snprintf(p->name, sizeof(p->name), "%.31s", slash ? slash + 1 : text);
}

static struct process *process_of(pid_t pid)
{
	struct process *free_one = NULL;

	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		if (processes[i].pid == pid)
			return &processes[i];
		if (!processes[i].pid)
			free_one = &processes[i];
	}
	must(free_one != NULL, "too many processes");
	*free_one = (struct process){.pid = pid, .nr = -1};
	read_name(free_one);
	return free_one;
}

static bool is_meant(const struct process *p)
{
	return plan.armed && (strcmp(plan.process, "*") == 0 || strcmp(plan.process, p->name) == 0);
}

static void go_on(struct process *p, int sig)
{
	/* ESRCH: it was killed meanwhile. */
	must(ptrace(PTRACE_SYSCALL, p->pid, 0, sig) == 0 || errno == ESRCH, "ptrace");
}

static void get_regs(struct process *p, struct user_regs_struct *r)
{
	must(ptrace(PTRACE_GETREGS, p->pid, 0, r) == 0 || errno == ESRCH, "registers");
}

static void set_regs(struct process *p, const struct user_regs_struct *r)
{
	must(ptrace(PTRACE_SETREGS, p->pid, 0, r) == 0 || errno == ESRCH, "registers");
}

static uint64_t peek(struct process *p, uint64_t at)
{
	return (uint64_t)ptrace(PTRACE_PEEKDATA, p->pid, at, 0);
}

static void poke(struct process *p, uint64_t at, uint64_t word)
{
	must(ptrace(PTRACE_POKEDATA, p->pid, at, word) == 0 || errno == ESRCH, "poke");
}

static void end_all(void)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++)
		if (processes[i].pid)
			kill(processes[i].pid, SIGKILL);
}

/* ---- what is durable ---- */

static struct {
	char path[256];
	long size;
	bool named;
} files[FILES_MAX];

static size_t file_of(const char *path)
{
	size_t i = 0;

	while (i < FILES_MAX && files[i].path[0] && strcmp(files[i].path, path) != 0)
		i++;
	must(i < FILES_MAX, "too many files");
	snprintf(files[i].path, sizeof(files[i].path), "%s", path);
	return i;
}

/* Once a directory is synced, the names in it are there to stay. */
static void name_all(const char *directory)
{
	for (size_t i = 0; i < FILES_MAX && files[i].path[0]; i++) {
		size_t n = strlen(directory);

		if (strncmp(files[i].path, directory, n) == 0 && files[i].path[n] == '/' &&
		    access(files[i].path, F_OK) == 0)
			files[i].named = true;
	}
}

static const char *path_of(const struct process *p, uint64_t fd, char path[256])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)p->pid, (int)fd);
	n = readlink(link, path, 255);
	path[n < 0 ? 0 : n] = 0;
	return path;
}

static void note_sync(struct process *p)
{
	char path[256];
	struct stat st;

	if (stat(path_of(p, p->args[0], path), &st) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		name_all(path);
	else
		files[file_of(path)].size = (long)st.st_size;
}

/* What is in a file that is opened to be written was there before; one that is empty may be new. */
static void note_open(struct process *p, long fd)
{
	char path[256];
	struct stat st;
	size_t before, i;

	if (fd < 0 || !(p->args[2] & (O_CREAT | O_ACCMODE)) ||
	    stat(path_of(p, (uint64_t)fd, path), &st) < 0 || !S_ISREG(st.st_mode))
		return;
	for (before = 0; before < FILES_MAX && files[before].path[0]; before++)
		;
	i = file_of(path);
	if (i == before) {
		files[i].size = (long)st.st_size;
		files[i].named = st.st_size > 0 || !(p->args[2] & O_CREAT);
	}
}

/* ---- malloc ---- */

static const char *const allocators[] = {"malloc", "calloc", "realloc"};

/* In this program, and so in all that have the same libc. */
static uint64_t offset_in_libc(const char *symbol)
{
	void *at = dlsym(RTLD_DEFAULT, symbol);
	Dl_info info;

	must(at && dladdr(at, &info), symbol);
	return (uint64_t)(uintptr_t)at - (uint64_t)(uintptr_t)info.dli_fbase;
}

static uint64_t libc_of(const struct process *p)
{
	char path[64], line[512];
	unsigned long long at = 0, one;
	bool code = false; /* its text is mapped last, over the rest */
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "/libc.so.6") || sscanf(line, "%llx-", &one) != 1)
			continue;
		at = at ? at : one;
		code = code || strstr(line, " r-xp ");
	}
	if (f)
		fclose(f);
	return code ? at : 0;
}

/* The byte at an allocator's start, here and there the same. */
static uint64_t first_byte(const char *symbol)
{
	return *(const unsigned char *)dlsym(RTLD_DEFAULT, symbol);
}

#define BREAKPOINT 0xcc

static void set_byte(struct process *p, uint64_t at, uint64_t was, uint64_t byte)
{
	uint64_t word = peek(p, at);

	if ((word & 0xff) != was)
		log_fatal("the libc of %s is not ours", p->name);
	poke(p, at, (word & ~UINT64_C(0xff)) | byte);
}

static bool is_loaded(struct process *p)
{
	if (!p->libc)
		p->libc = libc_of(p);
	for (size_t i = 0; p->libc && i < ARRAY_LEN(allocators); i++)
		if ((peek(p, p->libc + offset_in_libc(allocators[i])) & 0xff) !=
		    first_byte(allocators[i]))
			return false;
	return p->libc != 0;
}

static void trap_malloc(struct process *p, bool on)
{
	if (p->trapped == on || (on && !is_loaded(p)))
		return;
	for (size_t i = 0; i < ARRAY_LEN(allocators); i++) {
		uint64_t at = p->libc + offset_in_libc(allocators[i]);
		uint64_t byte = first_byte(allocators[i]);

		set_byte(p, at, on ? byte : BREAKPOINT, on ? BREAKPOINT : byte);
	}
	p->trapped = on;
}

/* errno's address is the thread's plus an offset that __errno_location() loads: mov OFFSET(%rip),%rax; add %fs:0,%rax; ret */
static void set_errno(struct process *p, const struct user_regs_struct *r, int error)
{
	uint64_t fn = p->libc + offset_in_libc("__errno_location"), at;

	if ((uint32_t)peek(p, fn) == 0xfa1e0ff3)
		fn += 4; /* endbr64 */
	must((peek(p, fn) & 0xffffff) == 0x058b48, "__errno_location");
	at = r->fs_base +
	     peek(p, fn + 7 + (uint64_t)(int64_t)(int32_t)(uint32_t)(peek(p, fn) >> 24));
	poke(p, at, (peek(p, at) & ~UINT64_C(0xffffffff)) | (uint32_t)error);
}

/* Through the instruction that the breakpoint stands on. */
static void step_over(struct process *p, const char *symbol, struct user_regs_struct *r)
{
	int status;

	r->rip--;
	set_regs(p, r);
	set_byte(p, r->rip, BREAKPOINT, first_byte(symbol));
	must(ptrace(PTRACE_SINGLESTEP, p->pid, 0, 0) == 0 && waitpid(p->pid, &status, 0) == p->pid,
	     "step");
	if (WIFSTOPPED(status))
		set_byte(p, r->rip, first_byte(symbol), BREAKPOINT);
}

/* True when P stopped in an allocator. */
static bool at_allocator(struct process *p)
{
	struct user_regs_struct r;

	get_regs(p, &r);
	if (!p->libc)
		p->libc = libc_of(p); /* a child, made with its parent's breakpoints */
	for (size_t i = 0; i < ARRAY_LEN(allocators); i++) {
		if (r.rip - 1 != p->libc + offset_in_libc(allocators[i]))
			continue;
		if (is_meant(p) && plan.malloc && is_due(allocators[i]) && plan.action == FAIL) {
			set_errno(p, &r, ENOMEM);
			r.rax = 0;
			r.rip = peek(p, r.rsp);
			r.rsp += 8;
			set_regs(p, &r);
		} else {
			step_over(p, allocators[i], &r);
		}
		return true;
	}
	return false;
}

/* ---- system calls ---- */

/* Something that every role may do stands in for the call; its result is replaced. */
static void make_fail(struct process *p, int error)
{
	struct user_regs_struct r;

	get_regs(p, &p->regs);
	r = p->regs;
	p->changed = true;
	p->error = error;
	if (p->nr == SYS_brk) {
		r.rdi = 0; /* it says what it has */
		p->error = 0;
	} else if (p->nr != SYS_close) {
		r.orig_rax = SYS_getpid;
	}
	set_regs(p, &r);
}

static void make_short(struct process *p)
{
	struct user_regs_struct r;

	get_regs(p, &p->regs);
	r = p->regs;
	p->changed = true;
	if (r.rdx > 1)
		r.rdx = 1;
	set_regs(p, &r);
}

static void act(struct process *p)
{
	switch (plan.action) {
	case FAIL:
		make_fail(p, plan.error ? plan.error : failure_of[p->nr]);
		break;
	case SHORT:
		make_short(p);
		break;
	case KILL:
	case END:
		if (plan.after)
			p->kill_after = true;
		else if (plan.action == END)
			end_all();
		else
			kill(p->pid, SIGKILL);
		break;
	case COUNT:
		break;
	}
}

static bool is_asked_for(long nr)
{
	if (nr < 0 || nr >= (long)ARRAY_LEN(plan.calls) || plan.malloc)
		return false;
	return plan.every ? failure_of[nr] != 0 : plan.calls[nr];
}

static void on_entry(struct process *p, const struct __ptrace_syscall_info *info)
{
	p->nr = (long)info->entry.nr;
	for (int i = 0; i < 6; i++)
		p->args[i] = info->entry.args[i];
	if (is_meant(p) && is_asked_for(p->nr)) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)p->nr);

		if (is_due(name ? name : "?"))
			act(p);
		free(name);
	}
}

static void put_back(struct process *p)
{
	struct user_regs_struct r;

	get_regs(p, &r);
	r.rdi = p->regs.rdi;
	r.rdx = p->regs.rdx;
	if (p->error)
		r.rax = (uint64_t)(int64_t)-p->error;
	set_regs(p, &r);
	p->changed = false;
	p->error = 0;
}

static void on_exit_of_call(struct process *p, long result)
{
	if (p->changed)
		put_back(p);
	else if ((p->nr == SYS_fdatasync || p->nr == SYS_fsync) && result == 0)
		note_sync(p);
	else if (p->nr == SYS_openat)
		note_open(p, result);
	else if (p->nr == SYS_clock_gettime && p->args[0] == CLOCK_REALTIME && plan.clock)
		poke(p, p->args[1], peek(p, p->args[1]) + (uint64_t)plan.clock);
	p->nr = -1;
	if (p->kill_after && plan.action == END)
		end_all();
	else if (p->kill_after)
		kill(p->pid, SIGKILL);
}

static void on_syscall(struct process *p)
{
	struct __ptrace_syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_entry(p, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT && p->nr >= 0)
		on_exit_of_call(p, (long)info.exit.rval);
	/* The memory of one that is in a call is at rest. */
	trap_malloc(p, is_meant(p) && plan.malloc);
}

/* ---- stops ---- */

/* Without the vDSO the clock is a system call. Behind the arguments and the environment stand pairs of a type and a value. */
static void hide_vdso(struct process *p)
{
	struct user_regs_struct r;
	uint64_t at;

	get_regs(p, &r);
	at = r.rsp + 8 * (peek(p, r.rsp) + 2);
	while (peek(p, at))
		at += 8;
	for (at += 8; peek(p, at); at += 16)
		if (peek(p, at) == AT_SYSINFO_EHDR)
			poke(p, at, AT_IGNORE);
}

static void on_exec(struct process *p)
{
	read_name(p);
	p->libc = 0;
	p->trapped = false;
	p->nr = -1;
	hide_vdso(p);
}

static void on_stop(struct process *p, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (sig == (SIGTRAP | 0x80))
		on_syscall(p);
	else if (event == PTRACE_EVENT_EXEC)
		on_exec(p);
	else if (!event && (sig != SIGTRAP || !at_allocator(p))) {
		go_on(p, sig);
		return;
	}
	go_on(p, 0);
}

static bool any_left(void)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++)
		if (processes[i].pid)
			return true;
	return false;
}

static void on_children(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		struct process *p = process_of(pid);

		if (WIFSTOPPED(status)) {
			on_stop(p, status);
			continue;
		}
		if (pid == first)
			first_status =
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		p->pid = 0;
	}
}

/* ---- control ---- */

static void tell_count(FILE *out)
{
	fprintf(out, "%lu %lu %s\n", plan.seen, plan.done, plan.last);
}

static void tell_end(FILE *out)
{
	tell_count(out);
	fputs("ended\n", out);
	for (size_t i = 0; i < FILES_MAX && files[i].path[0]; i++)
		fprintf(out, "%ld %d %s\n", files[i].size, files[i].named, files[i].path);
	fputc('\n', out);
}

/* False when nobody is there any more. */
static bool on_control(int fd, FILE *out)
{
	char line[1024];
	ssize_t n = read(fd, line, sizeof(line) - 1);

	if (n <= 0)
		return false;
	line[n] = 0;
	if (strncmp(line, "arm ", 4) == 0) {
		arm(line);
		fputs("armed\n", out);
	} else if (strncmp(line, "disarm", 6) == 0) {
		plan.armed = false;
		tell_count(out);
	} else if (strncmp(line, "clock ", 6) == 0) {
		plan.clock = atol(line + 6);
		fputs("set\n", out);
	} else {
		log_fatal("what is %s", line);
	}
	fflush(out);
	return true;
}

static void start(char **argv)
{
	int fds[2];
	char c = 0;

	must(pipe2(fds, O_CLOEXEC) == 0, "pipe");
	first = fork();
	must(first >= 0, "fork");
	if (first == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (read(fds[0], &c, 1) != 1)
			_exit(127);
		execv(argv[0], argv);
		_exit(127);
	}
	(void)process_of(first);
	must(ptrace(PTRACE_SEIZE, first, 0,
		    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) == 0 &&
		     ptrace(PTRACE_INTERRUPT, first, 0, 0) == 0,
	     "ptrace");
	must(write(fds[1], &c, 1) == 1, "pipe");
	close(fds[0]);
	close(fds[1]);
}

int main(int argc, char **argv)
{
	struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};
	sigset_t children;
	FILE *out;

	if (argc < 3) {
		fputs("usage: inject CONTROL_FD COMMAND [ARG…]\n", stderr);
		return 2;
	}
	log_init("inject");
	init_failures();
	p[0].fd = atoi(argv[1]);
	out = fdopen(dup(p[0].fd), "w");
	must(out && fcntl(p[0].fd, F_SETFD, FD_CLOEXEC) == 0 &&
		     fcntl(fileno(out), F_SETFD, FD_CLOEXEC) == 0,
	     "control");
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	p[1].fd = signalfd(-1, &children, SFD_CLOEXEC);
	must(p[1].fd >= 0, "signalfd");
	/* What is armed first is there from the first call on. */
	if (!on_control(p[0].fd, out))
		return 2;
	start(argv + 2);
	while (any_left()) {
		struct signalfd_siginfo info;

		must(poll(p, 2, -1) > 0 || errno == EINTR, "poll");
		if (p[0].revents && !on_control(p[0].fd, out))
			end_all();
		if (p[1].revents && read(p[1].fd, &info, sizeof(info)) < 0)
			break;
		on_children();
	}
	tell_end(out);
	fclose(out);
	return first_status;
}
