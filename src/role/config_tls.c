/* SPDX-License-Identifier: ISC */
/* `tls { … }`: where it listens for TLS, and with what. */
#include "role/config_read.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *take_listen(struct config *c, enum tls_part unused, struct bytes value)
{
	return config_add_listen(c, value, true);
}

static const char *keep_source(struct config *c, enum tls_part part, struct bytes value)
{
	free(c->tls.sources[part]);
	c->tls.sources[part] = strndup((const char *)value.p, value.n);
	return c->tls.sources[part] ? NULL : "out of memory";
}

static const char *take_secret(struct config *c, enum tls_part part, struct bytes value)
{
	const char *why = config_read_secret(value, &c->tls.parts[part]);

	return why ? why : keep_source(c, part, value);
}

/* What everybody may read, but not write. */
static const char *take_file(struct config *c, enum tls_part part, struct bytes value)
{
	static char why[CONFIG_ERROR_MAX];
	char path[IPC_PATH_MAX];

	if (!value.n || value.p[0] != '/' || bytes_to_str(value, path, sizeof(path)) < 0)
		return "must be an absolute path";
	if (config_read_text(path, &c->tls.parts[part], why) != 0)
		return why;
	return keep_source(c, part, value);
}

static const char *take_mode(struct config *c, enum tls_part unused, struct bytes value)
{
	if (!bytes_is(value, "require") && !bytes_is(value, "optional"))
		return "must be require or optional";
	c->tls.require = bytes_is(value, "require");
	return NULL;
}

static const struct {
	const char *key;
	const char *(*take)(struct config *c, enum tls_part part, struct bytes value);
	enum tls_part part;
} keys[] = {
	{"listen", take_listen},
	{"certificate", take_file, TLS_PART_certificate},
	{"key", take_secret, TLS_PART_key},
	{"client_ca", take_file, TLS_PART_client_ca},
	{"client_crl", take_file, TLS_PART_client_crl},
	{"client_certificates", take_mode},
};

const char *tls_take(struct config *c, const char *key, struct bytes value)
{
	size_t i = 0;

	while (strcmp(keys[i].key, key) != 0)
		i++;
	return keys[i].take(c, keys[i].part, value);
}

void config_tls_reset(struct config_tls *t)
{
	for (size_t i = 0; i < TLS_PART_COUNT; i++) {
		buf_done(&t->parts[i]);
		t->parts[i] = BUF_INIT(TLS_PEM_MAX);
		free(t->sources[i]);
		t->sources[i] = NULL;
	}
}

struct tls_files config_tls_files(const struct config_tls *t)
{
	struct tls_files f = {.require = t->require};

#define X(name) f.name = buf_bytes(&t->parts[TLS_PART_##name]);
	TLS_PARTS(X)
#undef X
	return f;
}

/* ---- does it go together? ---- */

static const char *const part_keys[] = {
#define X(name) #name,
	TLS_PARTS(X)
#undef X
};

/* Its end is the process's: what OpenSSL has taken and made goes with it. */
static _Noreturn void look(const struct config *c, int fd)
{
	const struct tls_files files = config_tls_files(&c->tls);
	char why[TLS_WHY_MAX], text[TLS_WHY_MAX + 64];
	enum tls_part part = TLS_PART_certificate;
	struct tls_server *s;
	int r = tls_server_new(&s, &files, &part, why), n;

	if (r == 0)
		_exit(0);
	n = snprintf(text, sizeof(text), "tls.%s: %s", part_keys[part],
		     r == TLS_E_BAD ? why : "OpenSSL 3 cannot be used here");
	if (write(fd, text, (size_t)n) != n)
		_exit(2);
	_exit(1);
}

/* In a process of its own, for the supervisor shall not hold OpenSSL. */
static int look_elsewhere(const struct config *c, char *err)
{
	char text[TLS_WHY_MAX + 64] = "";
	int fds[2], status = -1;
	ssize_t n;
	pid_t pid;

	if (pipe(fds) < 0)
		return config_bad(err, "tls: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		look(c, fds[1]);
	close(fds[1]);
	n = pid < 0 ? -1 : read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return config_bad(err, "tls: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return config_bad(err, "%s", n > 0 ? text : "tls: the certificate could not be looked at");
}

int tls_check(const struct config *c, char *err)
{
	bool listens = false, any = c->tls.require;

	for (size_t i = 0; i < c->listens; i++)
		listens |= c->listen[i].tls;
	for (size_t i = 0; i < TLS_PART_COUNT; i++)
		any |= c->tls.parts[i].n > 0;
	if (!listens)
		return any ? config_bad(err, "tls.listen: is missing") : 0;
	for (size_t i = TLS_PART_certificate; i <= TLS_PART_key; i++)
		if (!c->tls.parts[i].n)
			return config_bad(err, "tls.%s: is missing", part_keys[i]);
	if (!c->tls.parts[TLS_PART_client_ca].n &&
	    (c->tls.require || c->tls.parts[TLS_PART_client_crl].n))
		return config_bad(err, "tls.client_ca: is missing");
	return look_elsewhere(c, err);
}
