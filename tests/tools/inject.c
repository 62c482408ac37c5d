/* SPDX-License-Identifier: ISC */
/*
 * inject CONTROL_FD COMMAND [ARG…]: run COMMAND and all its processes under ptrace(2), and let what they ask of the kernel, or of malloc(3), fail when told to. The binary is the one that is shipped, in its sandbox.
 *
 * A line on CONTROL_FD, and a line back:
 *	arm PROCESS CALLS NTH ACTION	the NTH (from 1) of CALLS that PROCESS makes from now on. "armed"
 *	disarm				"SEEN DONE NAME": how many CALLS there were, how many were acted on, which was the last of these
 *	clock SECONDS			what CLOCK_REALTIME is ahead from now on. "set"
 * PROCESS: "postern" (the supervisor), "postern-vault"…, or "*". CALLS: names with commas between, "malloc", or "*": all in `failures` in inject_plan.c.
 * ACTION:
 *	count		nothing
 *	fail		that call fails, as `failures` has it; fail+: all from the NTH on
 *	error=NUMBER	that call fails with that errno; error+=NUMBER: all from the NTH on
 *	short		it reads or writes one byte; short+: all from the NTH on
 *	kill		the process is killed instead; killed: right after
 *	end		all processes are; ended: right after
 * It ends when all its processes have, with COMMAND's status; the last that it says is "SEEN DONE NAME", "ended", and a line for each file that was written and an empty one:
 * "SIZE NAMED PATH": how many bytes of it, and whether its name, would be there after a loss of power. x86-64, glibc.
 */
#include "inject.h"
#include "sys/log.h"

#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 64

/* ---- processes ---- */

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

bool is_meant(const struct process *p)
{
	return plan.armed && (strcmp(plan.process, "*") == 0 || strcmp(plan.process, p->name) == 0);
}

static void go_on(struct process *p, int sig)
{
	/* ESRCH: it was killed meanwhile. */
	must(ptrace(PTRACE_SYSCALL, p->pid, 0, sig) == 0 || errno == ESRCH, "ptrace");
}

void get_regs(struct process *p, struct user_regs_struct *r)
{
	must(ptrace(PTRACE_GETREGS, p->pid, 0, r) == 0 || errno == ESRCH, "registers");
}

void set_regs(struct process *p, const struct user_regs_struct *r)
{
	must(ptrace(PTRACE_SETREGS, p->pid, 0, r) == 0 || errno == ESRCH, "registers");
}

uint64_t peek(struct process *p, uint64_t at)
{
	return (uint64_t)ptrace(PTRACE_PEEKDATA, p->pid, at, 0);
}

void poke(struct process *p, uint64_t at, uint64_t word)
{
	must(ptrace(PTRACE_POKEDATA, p->pid, at, word) == 0 || errno == ESRCH, "poke");
}

static void end_all(void)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++)
		if (processes[i].pid)
			kill(processes[i].pid, SIGKILL);
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
		make_fail(p, plan_error(p->nr));
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

static void on_entry(struct process *p, const struct __ptrace_syscall_info *info)
{
	p->nr = (long)info->entry.nr;
	for (int i = 0; i < 6; i++)
		p->args[i] = info->entry.args[i];
	/* A process that gives back its text's pages (sys/settle.c) would have lost the breakpoints in them. */
	if (p->trapped && p->nr == SYS_madvise && p->args[2] == MADV_DONTNEED) {
		make_fail(p, EINVAL);
		return;
	}
	if (is_meant(p) && plan_is_for(p->nr)) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)p->nr);

		if (plan_is_due(name ? name : "?"))
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

static void kill_after(struct process *p)
{
	p->kill_after = false;
	if (plan.action == END)
		end_all();
	else
		kill(p->pid, SIGKILL);
}

/* A call that was counted and waits for something, for ever perhaps: what was to come after it comes now. */
static void kill_waiting(void)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++)
		if (processes[i].pid && processes[i].kill_after)
			kill_after(&processes[i]);
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
	if (p->kill_after)
		kill_after(p);
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
	list_files(out);
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
		plan_arm(line);
		fputs("armed\n", out);
	} else if (strncmp(line, "disarm", 6) == 0) {
		plan.armed = false;
		kill_waiting();
		tell_count(out);
	} else if (strncmp(line, "clock ", 6) == 0) {
		plan.clock = strtol(line + 6, NULL, 10);
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
	plan_init();
	p[0].fd = (int)strtol(argv[1], NULL, 10);
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
