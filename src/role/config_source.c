/* SPDX-License-Identifier: ISC */
/* Where secrets are read from: files, systemd's credentials, inherited descriptors. */
#include "role/config_read.h"

#include "base/text.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 8

/* The descriptor stays open, and is no child's. Another one at the same place of a file, or the pipe itself. */
static const char *open_inherited(struct bytes digits, int *fd)
{
	uint64_t number;

	if (text_to_u64(digits, INT_MAX, &number) != 0 || number < 3)
		return "must have the number of a descriptor after fd:";
	if (fcntl((int)number, F_SETFD, FD_CLOEXEC) < 0)
		return "is not open";
	*fd = fcntl((int)number, F_DUPFD_CLOEXEC, 3);
	return *fd < 0 ? "is not open" : NULL;
}

/* PATH is a symbolic link: where it leads, in its place. What the link says is read from the very link that was looked at. */
static const char *follow(char path[IPC_PATH_MAX])
{
	char target[IPC_PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) + 1 : 0;
	int link = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	const char *why = NULL;
	struct stat st;
	ssize_t n = -1;

	if (link < 0 || fstat(link, &st) < 0 ||
	    (n = readlinkat(link, "", target, sizeof(target))) < 0)
		why = strerror(errno);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		why = "is a symbolic link that belongs neither to root nor to who runs this";
	if (link >= 0)
		close(link);
	if (why)
		return why;
	if (n > 0 && target[0] == '/')
		dir = 0;
	if (dir + (size_t)n >= IPC_PATH_MAX)
		return "is too long";
	memcpy(path + dir, target, (size_t)n);
	path[dir + (size_t)n] = 0;
	return NULL;
}

/* Links are how Let's Encrypt's clients and Kubernetes exchange one file for the next. Those of somebody else are not followed. */
static const char *open_path(const char *path, int *fd)
{
	char at[IPC_PATH_MAX];
	const char *why = NULL;

	if ((size_t)snprintf(at, sizeof(at), "%s", path) >= sizeof(at))
		return "is too long";
	for (int links = 0; !why && links <= LINKS_MAX; links++) {
		*fd = open(at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		if (*fd >= 0)
			return NULL;
		why = errno == ELOOP ? follow(at) : strerror(errno);
	}
	return why ? why : "leads through too many symbolic links";
}

/*
 * Files of ours alone. Root's may be our group's to read, where we are not root: there is no other way to be given one. Who may read systemd's credentials is systemd's to see to: it uses access control
 * lists, which look like a group's permission.
 */
static const char *file_problem(int fd, bool of_systemd)
{
	struct stat st;
	mode_t others;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "is not a regular file";
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return "must be owned by root or by who runs this";
	others = st.st_mode & (S_IRWXG | S_IRWXO);
	if (of_systemd || !others)
		return NULL;
	if (others == S_IRGRP && st.st_uid == 0 && geteuid() != 0 && st.st_gid == getegid())
		return NULL;
	return "must have no permission for group or others (chmod 600)";
}

static const char *open_checked(const char *path, bool of_systemd, int *fd)
{
	const char *why = open_path(path, fd);

	if (!why) {
		why = file_problem(*fd, of_systemd);
		if (why)
			close(*fd);
	}
	return why;
}

static const char *open_file(struct bytes source, int *fd)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	bool named = source.n && !memchr(source.p, '/', source.n);
	char path[IPC_PATH_MAX];

	if (!named && (!source.n || source.p[0] != '/'))
		return CONFIG_SOURCE_WORDS;
	if (named && !dir)
		return CONFIG_NO_CREDENTIALS;
	if ((size_t)snprintf(path, sizeof(path), "%s%s%.*s", named ? dir : "", named ? "/" : "",
			     (int)source.n, (const char *)source.p) >= sizeof(path))
		return "is too long";
	return open_checked(path, named, fd);
}

/* From its begin, where it has one, so that a reload finds the same again. */
static const char *read_whole(int fd, struct buf *out)
{
	unsigned char chunk[4096];
	bool seeks = lseek(fd, 0, SEEK_CUR) >= 0;
	off_t at = 0;
	ssize_t n;

	while ((n = seeks ? pread(fd, chunk, sizeof(chunk), at) : read(fd, chunk, sizeof(chunk))) >
	       0) {
		buf_put(out, chunk, (size_t)n);
		at += n;
	}
	explicit_bzero(chunk, sizeof(chunk));
	if (n < 0 || buf_status(out) == -ENOMEM)
		return "cannot be read";
	if (buf_status(out) < 0)
		return "is too long";
	return out->n ? NULL : seeks ? "is empty" : "is empty, or was read before";
}

const char *config_read_secret_file(const char *path, struct buf *out)
{
	int fd;
	const char *why = open_checked(path, false, &fd);

	if (why)
		return why;
	why = read_whole(fd, out);
	close(fd);
	return why;
}

const char *config_read_secret(struct bytes source, struct buf *out)
{
	const char *why;
	int fd = -1;

	if (bytes_starts(source, BYTES("fd:")))
		why = open_inherited(bytes_skip(source, 3), &fd);
	else
		why = open_file(source, &fd);
	if (why)
		return why;
	why = read_whole(fd, out);
	close(fd);
	return why;
}

bool config_source_valid(struct bytes source)
{
	return source.n && source.n < IPC_PATH_MAX && !memchr(source.p, 0, source.n) &&
	       (source.p[0] == '/' || !memchr(source.p, '/', source.n));
}
