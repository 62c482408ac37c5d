/* SPDX-License-Identifier: ISC */
#include "sys/listen_fds.h"

#include "base/text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* What the variables say: a number, or -EINVAL. */
static int announced(void)
{
	const char *pid_text = getenv("LISTEN_PID"), *n_text = getenv("LISTEN_FDS");
	uint64_t pid, n;

	if (!pid_text || !n_text)
		return 0;
	if (text_to_u64(bytes_str(pid_text), INT32_MAX, &pid) != 0)
		return -EINVAL;
	if (pid != (uint64_t)getpid())
		return 0; /* somebody else's, who did not clean up */
	return text_to_u64(bytes_str(n_text), LISTEN_FDS_MAX, &n) == 0 ? (int)n : -EINVAL;
}

static int make_ours(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int listen_fds_take(void)
{
	int n = announced(), r = 0;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	for (int i = 0; i < n && r == 0; i++)
		r = make_ours(LISTEN_FDS_START + i);
	return r < 0 ? r : n;
}
