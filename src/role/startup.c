/* SPDX-License-Identifier: ISC */
#include "role/startup.h"

#include "sys/listen_fds.h"
#include "sys/log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void add_listener(struct startup *s, int fd, enum ipc_listener kind)
{
	s->listeners[s->n_listeners++] = (struct listener){.fd = fd, .kind = kind};
}

/* ---- sockets that were handed over ---- */

/* By the address that wants it; -1: none was. */
struct handed {
	int tcp[CONFIG_LISTEN_MAX];
	int unix_fd;
};

#define ADDRESS_TEXT_MAX 128

/* As an operator writes it: 127.0.0.1:8080, [::1]:8080, a path, @ and an abstract name. */
static void address_text(const struct sockaddr_storage *a, socklen_t n, char *text, size_t size)
{
	const struct sockaddr_un *local = (const struct sockaddr_un *)a;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
	char host[INET6_ADDRSTRLEN];

	if (a->ss_family == AF_UNIX && n > offsetof(struct sockaddr_un, sun_path)) {
		bool abstract = !local->sun_path[0];
		int room = (int)(n - offsetof(struct sockaddr_un, sun_path)) - abstract;
		snprintf(text, size, "%s%.*s", abstract ? "@" : "", room,
			 local->sun_path + abstract);
	} else if (a->ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(text, size, "%s:%u", host, ntohs(v4->sin_port));
	} else if (a->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(text, size, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		snprintf(text, size, "without an address");
	}
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a,
				 *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a,
				  *b6 = (const struct sockaddr_in6 *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

/* The place in H of who wants a socket at that address; NULL: nobody does. A port 0 in the configuration is nobody's. */
static int *place_of(struct handed *h, const struct config *config,
		     const struct sockaddr_storage *a, socklen_t n)
{
	const struct sockaddr_un *local = (const struct sockaddr_un *)a;
	size_t room = n - offsetof(struct sockaddr_un, sun_path);

	if (a->ss_family == AF_UNIX)
		return config->unix_socket && n > offsetof(struct sockaddr_un, sun_path) &&
				       strnlen(local->sun_path, room) ==
					       strlen(config->unix_socket) &&
				       memcmp(local->sun_path, config->unix_socket,
					      strlen(config->unix_socket)) == 0
			       ? &h->unix_fd
			       : NULL;
	if (a->ss_family != AF_INET && a->ss_family != AF_INET6)
		return NULL;
	for (size_t i = 0; i < config->listens; i++)
		if (same_address(a, &config->listen[i].address))
			return &h->tcp[i];
	return NULL;
}

static bool has_option(int fd, int option, int want)
{
	int value;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &n) == 0 && value == want;
}

static void take_one(struct handed *h, const struct config *config, int fd)
{
	struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
	char text[ADDRESS_TEXT_MAX];
	socklen_t n = sizeof(a);
	int *place;

	if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		log_fatal("descriptor %d was handed over to listen on: %m", fd);
	address_text(&a, n, text, sizeof(text));
	if (!has_option(fd, SO_TYPE, SOCK_STREAM) || !has_option(fd, SO_ACCEPTCONN, 1))
		log_fatal("descriptor %d, %s, was handed over: not a stream socket that listens",
			  fd, text);
	place = place_of(h, config, &a, n);
	if (!place)
		log_fatal("descriptor %d, %s, was handed over: no such address is configured", fd,
			  text);
	if (*place >= 0)
		log_fatal("descriptor %d, %s, was handed over twice", fd, text);
	*place = fd;
}

static void take_handed(struct handed *h, const struct config *config)
{
	int n = listen_fds_take();

	if (n < 0)
		log_fatal("LISTEN_FDS: %s", strerror(-n));
	*h = (struct handed){.unix_fd = -1};
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		h->tcp[i] = -1;
	for (int i = 0; i < n; i++)
		take_one(h, config, LISTEN_FDS_START + i);
}

/* ---- our own ---- */

static int bind_tcp(const struct config_listen *l)
{
	int on = 1, fd;

	fd = socket(l->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* [::] is not 0.0.0.0 too, or the two could not stand beside each other. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (l->address.ss_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, (const struct sockaddr *)&l->address, l->length) < 0 ||
	    listen(fd, STARTUP_BACKLOG) < 0)
		log_fatal("listen: %m");
	return fd;
}

static int bind_unix(struct startup *s, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct stat st;
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		log_fatal("%s: too long for a socket's path", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	/* What an earlier run left; anything else there is not ours to remove. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, STARTUP_BACKLOG) < 0 || lstat(path, &st) < 0)
		log_fatal("%s: %m", path);
	s->unix_path = strdup(path);
	if (!s->unix_path)
		log_fatal("out of memory");
	s->unix_dev = st.st_dev;
	s->unix_ino = st.st_ino;
	return fd;
}

static void open_listeners(struct startup *s, const struct config *config)
{
	struct handed h;

	take_handed(&h, config);
	for (size_t i = 0; i < config->listens; i++)
		add_listener(s, h.tcp[i] >= 0 ? h.tcp[i] : bind_tcp(&config->listen[i]),
			     config->listen[i].tls ? LISTEN_TLS : LISTEN_TCP);
	if (config->unix_socket)
		add_listener(s, h.unix_fd >= 0 ? h.unix_fd : bind_unix(s, config->unix_socket),
			     LISTEN_UNIX);
}

void startup_announce(const struct startup *s)
{
	for (size_t i = 0; i < s->n_listeners; i++) {
		const struct listener *l = &s->listeners[i];
		struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
		char text[ADDRESS_TEXT_MAX];
		socklen_t n = sizeof(a);

		if (l->kind == LISTEN_UNIX)
			continue;
		if (getsockname(l->fd, (struct sockaddr *)&a, &n) < 0)
			log_fatal("getsockname: %m");
		address_text(&a, n, text, sizeof(text));
		printf("listen=%s://%s\n", l->kind == LISTEN_TLS ? "https" : "http", text);
	}
}

/* ---- files ---- */

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
	open_listeners(s, config);
}

void startup_stop_listening(struct startup *s)
{
	struct stat st;

	for (size_t i = 0; i < s->n_listeners; i++)
		close(s->listeners[i].fd);
	s->n_listeners = 0;
	/* The one that follows us may have put its own there already. */
	if (s->unix_path && lstat(s->unix_path, &st) == 0 && st.st_dev == s->unix_dev &&
	    st.st_ino == s->unix_ino)
		unlink(s->unix_path);
	free(s->unix_path);
	s->unix_path = NULL;
}
