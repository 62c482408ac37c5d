/* SPDX-License-Identifier: ISC */
#include "role/startup.h"

#include "sys/log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void add_listener(struct startup *s, int fd, enum ipc_listener kind)
{
	s->listeners[s->n_listeners++] = (struct listener){.fd = fd, .kind = kind};
}

static void open_tcp(struct startup *s, const struct config *config)
{
	for (size_t i = 0; i < config->listens; i++) {
		const struct config_listen *l = &config->listen[i];
		int on = 1, fd;

		fd = socket(l->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		    bind(fd, (const struct sockaddr *)&l->address, l->length) < 0 ||
		    listen(fd, STARTUP_BACKLOG) < 0)
			log_fatal("listen: %m");
		add_listener(s, fd, l->tls ? LISTEN_TLS : LISTEN_TCP);
	}
}

static void open_unix(struct startup *s, const struct config *config)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *path = config->unix_socket;
	struct stat st;
	int fd;

	if (!path)
		return;
	if (strlen(path) >= sizeof(a.sun_path))
		log_fatal("%s: too long for a socket's path", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	/* What an earlier run left; anything else there is not ours to remove. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, STARTUP_BACKLOG) < 0)
		log_fatal("%s: %m", path);
	add_listener(s, fd, LISTEN_UNIX);
}

static void open_log_dir(struct startup *s, const struct config *config)
{
	const char *path = config->audit_dir;
	uint32_t uid = config->uid_base + PROC_SCRIBE;
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		log_fatal("%s: %m", path);
	s->log_dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->log_dir_fd < 0)
		log_fatal("%s: %m", path);
	if (geteuid() != 0)
		return;
	/* A root without CAP_CHOWN can do with a directory that is the scribe's already. */
	if (fstat(s->log_dir_fd, &st) < 0 ||
	    (st.st_uid != uid && fchown(s->log_dir_fd, uid, uid) < 0))
		log_fatal("%s: %m", path);
}

void startup_open(struct startup *s, const struct config *config)
{
	s->exe_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (s->exe_fd < 0)
		log_fatal("/proc/self/exe: %m");
	s->ca_fd = open(config->ca_file, O_RDONLY | O_CLOEXEC);
	if (s->ca_fd < 0)
		log_warn("%s: %m: no provider can be reached over HTTPS", config->ca_file);
	open_log_dir(s, config);
	open_tcp(s, config);
	open_unix(s, config);
}

void startup_close(struct startup *s, const struct config *config)
{
	for (size_t i = 0; i < s->n_listeners; i++)
		if (s->listeners[i].kind == LISTEN_UNIX)
			unlink(config->unix_socket);
}
