/* SPDX-License-Identifier: ISC */
/* Not libsystemd: it would bring its own dependencies into the process that reads the root keys, for what are a few datagrams. */
#include "sys/notify.h"

#include "base/text.h"
#include "sys/log.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct {
	int fd; /* -1 or, before notify_open(), 0: nobody is to be told */
	struct sockaddr_un to;
	socklen_t to_size;
} manager;

static int set_address(const char *name)
{
	size_t n = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof(manager.to.sun_path))
		return -EINVAL;
	manager.to = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(manager.to.sun_path, name, n);
	if (name[0] == '@')
		manager.to.sun_path[0] = 0;
	/* An abstract name ends where its size says. */
	manager.to_size =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (name[0] != '@'));
	return 0;
}

int notify_open(void)
{
	static const struct timeval patience = {.tv_sec = 1};
	const char *name = getenv("NOTIFY_SOCKET");
	int r = 0;

	manager.fd = -1;
	if (!name || !*name)
		return 0;
	r = set_address(name);
	unsetenv("NOTIFY_SOCKET");
	if (r < 0)
		return r;
	manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (manager.fd < 0)
		return -errno;
	if (setsockopt(manager.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0)
		return 0;
	r = -errno;
	notify_close();
	return r;
}

void notify_close(void)
{
	if (manager.fd > 0)
		close(manager.fd);
	manager.fd = -1;
}

bool notify_wanted(void)
{
	return manager.fd > 0;
}

void notify_send(const char *lines)
{
	if (notify_wanted() && sendto(manager.fd, lines, strlen(lines), MSG_NOSIGNAL,
				      (const struct sockaddr *)&manager.to, manager.to_size) < 0)
		log_warn("the service manager cannot be told %.*s: %m", (int)strcspn(lines, "\n"),
			 lines);
}

void notify_status(const char *text)
{
	char line[NOTIFY_TEXT_MAX + sizeof("STATUS=")];

	snprintf(line, sizeof(line), "STATUS=%s", text);
	for (char *c = line; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	notify_send(line);
}

void notify_reloading(void)
{
	struct timespec t;
	char lines[80];

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)t.tv_sec * 1000000 + (unsigned long long)t.tv_nsec / 1000);
	notify_send(lines);
}

void notify_stopping(uint32_t seconds)
{
	char lines[80];

	snprintf(lines, sizeof(lines), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%u000000", seconds);
	notify_send(lines);
}

/* The variable NAME, which goes, as a number from 1. False: it is not there, or is none. */
static bool take_number(const char *name, uint64_t *out)
{
	const char *text = getenv(name);
	bool is = text && text_to_u64(bytes_str(text), INT64_MAX, out) == 0 && *out > 0;

	unsetenv(name);
	return is;
}

uint64_t notify_watchdog(void)
{
	bool for_one = getenv("WATCHDOG_PID");
	uint64_t usec = 0, pid = 0;
	bool ours = take_number("WATCHDOG_PID", &pid) ? pid == (uint64_t)getpid() : !for_one;

	return take_number("WATCHDOG_USEC", &usec) && ours ? usec : 0;
}
