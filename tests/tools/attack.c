/* SPDX-License-Identifier: ISC */
/*
 * attack BINARY UID_BASE DIR [off]: from inside each role, what somebody would try who has taken it over. DIR/log is the scribe's directory; in DIR/open anybody may make files.
 *
 * Each role is started and put into its sandbox as the supervisor does it. Then its registers are set by ptrace(2) so that it makes one system call, in its real state: what a
 * successful exploit can do next. A line for each: "ROLE TRY OUTCOME", where OUTCOME is the call's result, "-ERRNO" or "killed". With "off" there is no sandbox: to show that the tries are real. Needs root; x86-64.
 */
#include "role/child.h"
#include "role/confine.h"
#include "sys/log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRATCH 4096 /* below the stack pointer: strings and structs */

static struct {
	struct loop *loop;
	int exe_fd, dir_fd;
	const char *dir;
	bool off;
	uint16_t port; /* where somebody listens */
	int listener;  /* one that the front is given */
	bool confined;
} lab;

/* ---- a role ---- */

static void on_control(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	if (number == MSG_r_confined) {
		lab.confined = true;
		loop_stop(lab.loop);
	}
}

static void on_closed(void *arg, struct channel *c, bool bad)
{
	loop_stop(lab.loop);
}

static void must(bool ok, const char *what)
{
	if (!ok)
		log_fatal("%s: %m", what);
}

static void start(struct child *c, enum proc proc, uint32_t uid)
{
	struct buf filter = BUF_INIT(SANDBOX_FILTER_MAX);

	*c = (struct child){.proc = proc};
	lab.confined = false;
	channel_init(&c->control, lab.loop, &edge_supervisor, SIDE_A, on_control, on_closed, NULL);
	must(child_start(c, lab.loop, lab.exe_fd, uid) == 0, "start");
	if (proc == PROC_FRONT)
		channel_send_fd(&c->control, MSG_s_listener,
				&(const struct s_listener){.kind = LISTEN_TCP}, lab.listener);
	if (proc == PROC_SCRIBE)
		channel_send_fd(&c->control, MSG_s_log_dir, &(const struct s_log_dir){0},
				lab.dir_fd);
	must(confine_filter(proc, c->pid, &filter) == 0, "filter");
	channel_send(&c->control, s_confine, .filter = buf_bytes(&filter), .off = lab.off);
	must(loop_run(lab.loop, NULL, NULL) == 0 && lab.confined, proc_name(proc));
	buf_done(&filter);
}

static void end(struct child *c)
{
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) == c->pid)
		;
	child_ended(c);
}

/* ---- a system call in it ---- */

struct victim {
	pid_t pid;
	struct user_regs_struct regs;
	bool dead;
};

static void attach(struct victim *v, pid_t pid)
{
	int status = 0;

	*v = (struct victim){.pid = pid};
	must(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL) == 0 &&
		     ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid &&
		     WIFSTOPPED(status),
	     "ptrace");
	must(ptrace(PTRACE_GETREGS, pid, 0, &v->regs) == 0, "registers");
}

/* What SIZE bytes at P are for the role: an address OFFSET into its scratch. */
static uint64_t put(const struct victim *v, size_t offset, const void *p, size_t size)
{
	uint64_t at = (v->regs.rsp - 2 * SCRATCH + offset) & ~UINT64_C(15);
	struct iovec mine = {(void *)(uintptr_t)p, size}, its = {(void *)(uintptr_t)at, size};

	must(process_vm_writev(v->pid, &mine, 1, &its, 1, 0) == (ssize_t)size, "write");
	return at;
}

/* The result, or LONG_MIN: it was killed for it. */
static long call(struct victim *v, long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		 uint64_t e, uint64_t f)
{
	struct user_regs_struct r = v->regs;
	int status = 0;

	if (v->dead)
		return LONG_MIN;
	r.rip -= 2; /* the SYSCALL that it waits in */
	r.orig_rax = (uint64_t)-1;
	r.rax = (uint64_t)number;
	r.rdi = a;
	r.rsi = b;
	r.rdx = c;
	r.r10 = d;
	r.r8 = e;
	r.r9 = f;
	must(ptrace(PTRACE_SETREGS, v->pid, 0, &r) == 0 &&
		     ptrace(PTRACE_SINGLESTEP, v->pid, 0, 0) == 0 &&
		     waitpid(v->pid, &status, 0) == v->pid,
	     "step");
	v->dead = WIFSIGNALED(status) || WIFEXITED(status);
	if (v->dead || (WIFSTOPPED(status) && WSTOPSIG(status) == SIGSYS)) {
		v->dead = true;
		return LONG_MIN;
	}
	must(ptrace(PTRACE_GETREGS, v->pid, 0, &r) == 0, "registers");
	return (long)r.rax;
}

#define CALL(v, nr, ...) CALL_(v, nr, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(v, nr, a, b, c, d, e, f, ...)                                                        \
	call(v, nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e),     \
	     (uint64_t)(f))
#define TEXT(v, s) put(v, 0, s, strlen(s) + 1)

/* ---- the tries; SIBLING is a role of the same kind ---- */

static long open_path(struct victim *v, const char *path, int flags)
{
	return CALL(v, SYS_openat, AT_FDCWD, TEXT(v, path), flags, 0600);
}

static long open_of(struct victim *v, pid_t sibling, const char *file, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)sibling, file);
	return open_path(v, path, flags);
}

/* Good until the next call. */
static const char *in_dir(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", lab.dir, name);
	return path;
}

static long read_file(struct victim *v, pid_t s)
{
	return open_path(v, "/etc/passwd", O_RDONLY);
}

static long write_file(struct victim *v, pid_t s)
{
	return open_path(v, in_dir("open/file"), O_WRONLY | O_CREAT | O_EXCL);
}

/* By its path; what the scribe may do is open it below the directory that it was given. */
static long read_log(struct victim *v, pid_t s)
{
	return open_path(v, in_dir("log/audit-00000000000000000000.jsonl"), O_RDONLY);
}

static long connect_out(struct victim *v, pid_t s)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(lab.port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	long fd = CALL(v, SYS_socket, AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? fd : CALL(v, SYS_connect, fd, put(v, 0, &to, sizeof(to)), sizeof(to));
}

/* The victim's descriptor that is the same as our FD; -1: it has none. */
static long same_as(const struct victim *v, int fd)
{
	char path[64], its[64], ours[64];
	ssize_t n, m;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, ours, sizeof(ours));
	for (int i = 3; i < 64; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)v->pid, i);
		m = readlink(path, its, sizeof(its));
		if (m == n && n > 0 && memcmp(its, ours, (size_t)n) == 0)
			return i;
	}
	return -1;
}

/* TCP that connects with its first byte: by a socket of its own or, where that may not be made, by the front's listener once it listens no more. */
static long connect_by_sending(struct victim *v, pid_t s)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(lab.port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	long fd = same_as(v, lab.listener);

	if (fd >= 0)
		CALL(v, SYS_shutdown, fd, SHUT_RDWR);
	else
		fd = CALL(v, SYS_socket, AF_INET, SOCK_STREAM, 0);
	return fd < 0 ? fd
		      : CALL(v, SYS_sendto, fd, put(v, 512, "x", 1), 1, MSG_FASTOPEN,
			     put(v, 0, &to, sizeof(to)), sizeof(to));
}

static long send_datagram(struct victim *v, pid_t s)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(lab.port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	long fd = CALL(v, SYS_socket, AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? fd
		      : CALL(v, SYS_sendto, fd, put(v, 512, "x", 1), 1, 0,
			     put(v, 0, &to, sizeof(to)), sizeof(to));
}

static long listen_on(struct victim *v, pid_t s)
{
	const struct sockaddr_in at = {.sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	long fd = CALL(v, SYS_socket, AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? fd : CALL(v, SYS_bind, fd, put(v, 0, &at, sizeof(at)), sizeof(at));
}

static long unix_socket(struct victim *v, pid_t s)
{
	return CALL(v, SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}

static long netlink(struct victim *v, pid_t s)
{
	return CALL(v, SYS_socket, AF_NETLINK, SOCK_RAW, 0);
}

static long new_process(struct victim *v, pid_t s)
{
	return CALL(v, SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static long run_program(struct victim *v, pid_t s)
{
	return CALL(v, SYS_execve, TEXT(v, "/bin/true"), 0, 0);
}

static long new_code(struct victim *v, pid_t s)
{
	return CALL(v, SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static long stack_as_code(struct victim *v, pid_t s)
{
	return CALL(v, SYS_mprotect, v->regs.rsp & ~UINT64_C(4095), 4096,
		    PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long trace_sibling(struct victim *v, pid_t s)
{
	return CALL(v, SYS_ptrace, PTRACE_SEIZE, s, 0, 0);
}

static long read_sibling(struct victim *v, pid_t s)
{
	return open_of(v, s, "mem", O_RDONLY);
}

static long write_siblings_edge(struct victim *v, pid_t s)
{
	return open_of(v, s, "fd/3", O_WRONLY);
}

static long take_siblings_edge(struct victim *v, pid_t s)
{
	long fd = CALL(v, SYS_pidfd_open, s, 0);

	return fd < 0 ? fd : CALL(v, SYS_pidfd_getfd, fd, 3, 0);
}

static long end_sibling(struct victim *v, pid_t s)
{
	return CALL(v, SYS_kill, s, SIGTERM);
}

static long abort_sibling(struct victim *v, pid_t s)
{
	return CALL(v, SYS_tgkill, s, s, SIGABRT);
}

static long raise_limit(struct victim *v, pid_t s)
{
	const struct rlimit l = {RLIM_INFINITY, RLIM_INFINITY};

	return CALL(v, SYS_prlimit64, 0, RLIMIT_CORE, put(v, 0, &l, sizeof(l)), 0);
}

static long be_dumpable(struct victim *v, pid_t s)
{
	return CALL(v, SYS_prctl, PR_SET_DUMPABLE, 1, 0);
}

static long be_root(struct victim *v, pid_t s)
{
	return CALL(v, SYS_setuid, 0);
}

static long new_namespace(struct victim *v, pid_t s)
{
	return CALL(v, SYS_unshare, CLONE_NEWUSER);
}

static long use_bpf(struct victim *v, pid_t s)
{
	const union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY};

	return CALL(v, SYS_bpf, BPF_MAP_CREATE, put(v, 0, &attr, sizeof(attr)), sizeof(attr));
}

static long use_io_uring(struct victim *v, pid_t s)
{
	char params[256] = {0};

	return CALL(v, SYS_io_uring_setup, 1, put(v, 0, params, sizeof(params)));
}

static long use_keyring(struct victim *v, pid_t s)
{
	return CALL(v, SYS_keyctl, 0, -1, 1);
}

static long make_directory(struct victim *v, pid_t s)
{
	return CALL(v, SYS_mkdirat, AT_FDCWD, TEXT(v, in_dir("open/directory")), 0700);
}

static const struct {
	const char *name;
	long (*fn)(struct victim *v, pid_t sibling);
} tries[] = {
	{"read-a-file", read_file},
	{"write-a-file", write_file},
	{"make-a-directory", make_directory},
	{"read-the-log", read_log},
	{"connect-out", connect_out},
	{"connect-by-sending", connect_by_sending},
	{"send-a-datagram", send_datagram},
	{"listen", listen_on},
	{"unix-socket", unix_socket},
	{"netlink-socket", netlink},
	{"fork", new_process},
	{"exec", run_program},
	{"map-new-code", new_code},
	{"make-the-stack-code", stack_as_code},
	{"trace-a-sibling", trace_sibling},
	{"read-a-siblings-memory", read_sibling},
	{"open-a-siblings-edge", write_siblings_edge},
	{"take-a-siblings-edge", take_siblings_edge},
	{"end-a-sibling", end_sibling},
	{"abort-a-sibling", abort_sibling},
	{"raise-a-limit", raise_limit},
	{"become-dumpable", be_dumpable},
	{"become-root", be_root},
	{"new-namespace", new_namespace},
	{"bpf", use_bpf},
	{"io_uring", use_io_uring},
	{"keyring", use_keyring},
};

static void report(enum proc p, const char *name, long result)
{
	if (result == LONG_MIN)
		printf("%s %s killed\n", proc_name(p), name);
	else if (result < 0 && result > -4096)
		printf("%s %s -%s\n", proc_name(p), name, strerrorname_np((int)-result));
	else
		printf("%s %s done\n", proc_name(p), name);
}

static int listener(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 && listen(fd, 100) == 0 &&
		     getsockname(fd, (struct sockaddr *)&a, &n) == 0,
	     "listen");
	*port = ntohs(a.sin_port);
	return fd;
}

static void attack_role(enum proc p, uint32_t uid)
{
	struct child sibling, c;

	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		struct victim v;
		uint16_t port;

		lab.listener = listener(&port);
		start(&sibling, p, uid);
		start(&c, p, uid);
		attach(&v, c.pid);
		report(p, tries[i].name, tries[i].fn(&v, sibling.pid));
		end(&c);
		end(&sibling);
		close(lab.listener);
		unlink(in_dir("open/file"));
		rmdir(in_dir("open/directory"));
	}
}

int main(int argc, char **argv)
{
	uint32_t base = argc > 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;

	if (argc != 4 && argc != 5) {
		fputs("usage: attack BINARY UID_BASE DIR [off]\n", stderr);
		return 2;
	}
	log_init("attack");
	lab.off = argc == 5;
	lab.dir = argv[3];
	lab.exe_fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	lab.dir_fd = open(in_dir("log"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(lab.exe_fd >= 0 && lab.dir_fd >= 0 && loop_new(&lab.loop) == 0, argv[1]);
	listener(&lab.port);
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		attack_role(p, base + (uint32_t)p);
	loop_free(lab.loop);
	return 0;
}
