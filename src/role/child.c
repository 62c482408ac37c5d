/* SPDX-License-Identifier: ISC */
#include "role/child.h"

#include "role/role.h"
#include "sys/harden.h"
#include "sys/log.h"

#include <fcntl.h>
#ifdef COVERAGE_DIR
#include <gcov.h>
#endif
#include <linux/close_range.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS	 10000

/*
 * A role's turn of the loop takes milliseconds; the longest, the planner's with 4 MiB of JSON, some tenths of a second, and under AddressSanitizer on a machine with much else to do a
 * few seconds.
 */
#define SILENT_MAX 5 /* pulses: 10 s */
/*
 * Until a role is in its sandbox it loads libraries. The scribe's sync blocks, as long as the disk likes. Whoever waits for it is the vault, which has it ended sooner
 * (SCRIBE_HANGS_MS in vault_line.c): this is for one that nobody asks anything.
 */
#define SILENT_LONG_MAX 30 /* pulses: a minute */

/* In the new process: nothing but stderr and the control edge goes along. */
static _Noreturn void become_role(enum proc proc, int exe_fd, int control_fd, uint32_t uid)
{
	char *const argv[] = {(char *)proc_name(proc), NULL};
	/*
	 * Nothing of ours is inherited. Binding at start, not at a function's first call, matters here: the lazy resolver saves the
	 * vector registers on the stack, and after a memcpy() a secret may be in them. Calls come and go by the dozen, and malloc()'s caches, of 7 pieces of a size, shall hold what they had.
	 */
	char *const envp[] = {(char *)"LD_BIND_NOW=1",
			      (char *)"GLIBC_TUNABLES=glibc.malloc.tcache_count=128",
			      log_environment(), NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Ctrl-C and what systemd sends to all of a unit are for the supervisor, which lets the roles finish. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* These are errors of the call that meets them. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* Both descriptors move out of the way of 3 first. */
	exe_fd = fcntl(exe_fd, F_DUPFD_CLOEXEC, 10);
	control_fd = fcntl(control_fd, F_DUPFD_CLOEXEC, 10);
	if (null < 0 || exe_fd < 0 || control_fd < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(control_fd, ROLE_CONTROL_FD) < 0)
		log_fatal("start of %s: %m", proc_name(proc));
	if (syscall(SYS_close_range, 4u, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		log_fatal("close_range: %m");
	if (uid && harden_become(uid) < 0)
		log_fatal("%s cannot become uid %u: %m", proc_name(proc), uid);
#ifdef COVERAGE_DIR
	__gcov_dump(); /* an exec forgets the counters */
#endif
	fexecve(exe_fd, argv, envp);
	log_fatal("exec of %s: %m", proc_name(proc));
}

int child_start(struct child *c, struct loop *loop, int exe_fd, uint32_t uid)
{
	int fds[2], r;
	pid_t pid;

	r = channel_pair(fds);
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0) {
		r = -errno;
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (pid == 0)
		become_role(c->proc, exe_fd, fds[1], uid);
	close(fds[1]);
	c->pid = pid;
	c->started = loop_now(loop);
	c->ready = false;
	r = channel_open(&c->control, fds[0]);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		c->pid = 0;
	}
	return r;
}

void child_ended(struct child *c)
{
	c->pid = 0;
	c->confined = c->ready = c->told_to_stop = c->hung = c->applying = false;
	c->asked = c->answered = 0;
	c->silent = 0;
	c->calls = 0;
	c->problem[0] = 0;
	channel_close(&c->control);
}

void child_ping(struct child *c)
{
	channel_send(&c->control, s_ping, .number = ++c->asked);
}

void child_heard(struct child *c, const struct r_pong *m)
{
	if (m->number != c->asked)
		return; /* another was sent meanwhile, and is still to be answered */
	c->answered = c->asked;
	c->applying = false;
	c->calls = m->calls;
	if (bytes_to_str(m->problem, c->problem, sizeof(c->problem)) < 0)
		c->problem[0] = 0;
}

/* A scribe that starts reads the log from its last checkpoint on, or all of it; one that ends signs it: the supervisor waits for that as long as it waits for anything. */
static bool may_be_silent(const struct child *c)
{
	return c->proc == PROC_SCRIBE && c->confined && (!c->ready || c->told_to_stop);
}

bool child_pulse(struct child *c)
{
	if (c->confined && c->asked == c->answered)
		child_ping(c);
	else if (!may_be_silent(c))
		c->silent++;
	return c->silent < (c->proc == PROC_SCRIBE || !c->confined ? SILENT_LONG_MAX : SILENT_MAX);
}

int64_t child_backoff(const struct child *c)
{
	if (c->failures <= 1)
		return 0;
	if (c->failures > 8)
		return BACKOFF_MAX_MS;
	return BACKOFF_FIRST_MS << (c->failures - 2);
}
