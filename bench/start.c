/* SPDX-License-Identifier: ISC */
/*
 * start PORT REQUEST PROGRAM ARGUMENT…: from exec to the first good answer. Runs PROGRAM, and sends it the request that stands in the file REQUEST, again and
 * again, ten times a millisecond, until it answers 200. Prints the microseconds since before the fork, ends PROGRAM, and waits for it.
 */
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS	    100000
#define LONGEST_SEC 20

static char request[65536];
static size_t request_len;

static double now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static bool answers(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {LONGEST_SEC, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[4096];
	bool good;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	good = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	       send(fd, request, request_len, MSG_NOSIGNAL) == (ssize_t)request_len &&
	       recv(fd, answer, sizeof(answer), 0) > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0;
	close(fd);
	return good;
}

/* 0 when it was not to be. */
static double first_answer(uint16_t port, pid_t child, double from)
{
	const struct timespec pause = {0, POLL_NS};

	while (!answers(port)) {
		if (waitpid(child, NULL, WNOHANG) != 0 || now_usec() - from > LONGEST_SEC * 1e6)
			return 0;
		nanosleep(&pause, NULL);
	}
	return now_usec() - from;
}

int main(int argc, char **argv)
{
	double from, took;
	uint64_t port;
	pid_t child;
	FILE *f;

	if (argc < 4 || text_to_u64(bytes_str(argv[1]), UINT16_MAX, &port) != 0) {
		fputs("usage: start PORT REQUEST PROGRAM ARGUMENT…\n", stderr);
		return 2;
	}
	f = fopen(argv[2], "r");
	if (!f) {
		perror(argv[2]);
		return 1;
	}
	request_len = fread(request, 1, sizeof(request), f);
	fclose(f);
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	from = now_usec();
	child = fork();
	if (child == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO); /* what it prints is no figure */
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	took = child > 0 ? first_answer((uint16_t)port, child, from) : 0;
	if (took > 0) {
		printf("%.0f\n", took);
		kill(child, SIGTERM);
		waitpid(child, NULL, 0);
		return 0;
	}
	fputs("start: no good answer\n", stderr);
	if (child > 0)
		kill(child, SIGKILL);
	return 1;
}
