/* SPDX-License-Identifier: ISC */
/*
 * What this machine's kernel takes for a system call, and for another process's turn: machines differ in both,
 * and nine processes pay them more often than one.
 */
#include "micro.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void system_calls(void *arg, uint64_t n)
{
	while (n--)
		syscall(SYS_getppid);
}

/* Each byte is two writes, two reads, and twice another process's turn. */
static void bytes_there_and_back(void *arg, uint64_t n)
{
	const int *fd = arg;
	char c = 0;

	while (n--)
		must(write(*fd, &c, 1) == 1 && read(*fd, &c, 1) == 1, "the other process");
}

static _Noreturn void echo(int fd)
{
	char c;

	while (read(fd, &c, 1) == 1)
		must(write(fd, &c, 1) == 1, "write");
	_exit(0);
}

void micro_kernel(void)
{
	cpu_set_t before;
	int fds[2];
	pid_t pid;

	micro_run(system_calls, NULL, "a system call that does nothing");
	must(sched_getaffinity(0, sizeof(before), &before) == 0, "sched_getaffinity");
	micro_pin(sched_getcpu());
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		close(fds[0]);
		echo(fds[1]);
	}
	close(fds[1]);
	micro_run(bytes_there_and_back, &fds[0], "a byte to another process and back, on one core");
	close(fds[0]);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	must(sched_setaffinity(0, sizeof(before), &before) == 0, "sched_setaffinity");
}
