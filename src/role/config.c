/* SPDX-License-Identifier: ISC */
#include "role/config_read.h"

#include "base/memory.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"

int config_bad(char *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, CONFIG_ERROR_MAX, fmt, ap);
	va_end(ap);
	for (char *c = err; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return CONFIG_E_BAD;
}

int config_new(struct config **out, char *err)
{
	struct config *c = sodium_init() < 0 ? NULL : sodium_malloc(sizeof(*c));

	if (!c) {
		config_bad(err, "out of memory");
		return -ENOMEM;
	}
	memset(c, 0, sizeof(*c));
	c->tables = calloc(1, sizeof(*c->tables));
	c->ca_file = strdup(CA_FILE);
	if (!c->tables || !c->ca_file) {
		config_free(c);
		config_bad(err, "out of memory");
		return -ENOMEM;
	}
	c->callers = c->tables->callers;
	c->identities = c->tables->identities;
	c->httpreq = c->tables->httpreq;
	c->policy_loosest = c->policy_default = POLICY_GUARDED;
	c->targets = BUF_INIT(16 * 1024); /* what s_vault carries */
	c->authorities = BUF_INIT(16 * 1024);
	c->resolver_servers = BUF_INIT(IPC_RESOLVERS_MAX);
	config_tls_reset(&c->tls);
	c->denied = BUF_INIT(DENY_MAX * INTEGRATION_ID_BYTES);
	c->caller_limits = (struct config_limits){
		.rate = 200, .burst = 1000, .zones = 1000, .in_flight = UINT32_MAX};
	c->integration_limits = (struct config_limits){.rate = 20, .burst = 200};
	c->segment_bytes = 64ull << 20;
	c->connections_max = CONFIG_CONNECTIONS;
	c->calls_max = CONFIG_CALLS;
	c->call_seconds = 30;
	c->drain_seconds = 35; /* longer than any call */
	c->uid_base = CONFIG_UID_BASE;
	*out = c;
	return 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	free(c->unix_socket);
	free(c->audit_dir);
	free(c->ca_file);
	free(c->callers_file);
	free(c->denied_file);
	for (size_t i = 0; i < CONFIG_KEYS_MAX; i++)
		free(c->keys[i].source);
	for (size_t i = 0; i < STORE_SIGNERS_MAX; i++)
		free(c->checkpoint_sources[i]);
	buf_done(&c->targets);
	buf_done(&c->authorities);
	buf_done(&c->resolver_servers);
	buf_done(&c->denied);
	config_tls_reset(&c->tls);
	for (size_t i = 0; i < c->n_providers; i++) {
		buf_done(&c->providers[i].open);
		buf_done(&c->providers[i].secret);
	}
	for (size_t i = 0; i < c->n_httpreq; i++)
		httpreq_draft_done(&c->httpreq[i]);
	wiping_free(c->tables);
	sodium_free(c); /* wipes */
}

/* ---- shared by the readers ---- */

static const char *text_file_problem(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "is not a regular file";
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return "must be owned by root or by who runs this";
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return "must not be writable for group or others";
	return NULL;
}

static int read_all(int fd, struct buf *out)
{
	unsigned char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(out, chunk, (size_t)n);
	return n < 0 ? -errno : buf_status(out);
}

int config_read_text(const char *path, struct buf *out, char *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;
	const char *why;

	if (fd < 0)
		return config_bad(err, "%s: %s", path, strerror(errno));
	why = text_file_problem(fd);
	if (!why)
		r = read_all(fd, out);
	close(fd);
	if (why)
		return config_bad(err, "%s: %s", path, why);
	if (r < 0)
		return config_bad(err, "%s: %s", path,
				  r == -ENOBUFS ? "is too long" : strerror(-r));
	if (out->n && memchr(out->p, 0, out->n))
		return config_bad(err, "%s: is not a text file", path);
	return 0;
}

static void set_address(struct config_listen *l, const struct ip *ip, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&l->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&l->address;

	if (ip->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, ip->a, 4);
		l->length = sizeof(*v4);
	} else {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, ip->a, 16);
		l->length = sizeof(*v6);
	}
}

const char *config_split_address(struct bytes text, struct ip *ip, uint16_t *port)
{
	size_t colon = text.n;
	struct bytes host;
	uint64_t n;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	host = bytes_of(text.p, colon ? colon - 1 : 0);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = bytes_of(host.p + 1, host.n - 2);
	else if (bytes_find(host, BYTES(":")) < host.n)
		return "must have an IPv6 address in brackets, such as [::1]:8080";
	if (ip_parse(host, ip) != 0 || text_to_u64(bytes_skip(text, colon), UINT16_MAX, &n) != 0)
		return "must be an address and a port, such as 127.0.0.1:8080";
	*port = (uint16_t)n;
	return NULL;
}

const char *config_add_listen(struct config *c, struct bytes text, bool tls)
{
	struct ip ip;
	uint16_t port;
	const char *why = config_split_address(text, &ip, &port);

	if (why)
		return why;
	if (!tls && !ip_is_loopback(&ip))
		return "must be a loopback address: without TLS there is no listening elsewhere";
	if (c->listens == CONFIG_LISTEN_MAX)
		return "has too many addresses";
	c->listen[c->listens].tls = tls;
	set_address(&c->listen[c->listens++], &ip, port);
	return NULL;
}

/* ---- serve --dev ---- */

int config_make_dir(const char *path)
{
	char part[IPC_PATH_MAX];
	size_t n = strlen(path);
	struct stat st;

	if (n == 0 || n >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != 0)
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int read_or_make_key(const char *state_dir, const char *name,
			    unsigned char secret[ROOT_KEY_BYTES], char *err)
{
	char path[IPC_PATH_MAX + 32];
	int r = 0;

	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		r = config_make_key(path, err);
	return r != 0 ? r : config_read_key(path, secret, err);
}

static int dev_keys(struct config *c, const char *state_dir, char *err)
{
	int r = read_or_make_key(state_dir, "root.key", c->keys[0].secret, err);

	c->keys[0].state = KEY_ACTIVE;
	c->n_keys = 1;
	if (r == 0)
		r = read_or_make_key(state_dir, "checkpoint.key", c->checkpoint_seeds[0], err);
	c->n_checkpoint_keys = 1;
	memcpy(c->origin, "postern-dev", sizeof("postern-dev"));
	return r;
}

static void dev_caller(struct config *c, char token[TOKEN_TEXT_MAX])
{
	struct config_caller *dev = &c->callers[0];

	memcpy(dev->name, "dev", sizeof("dev"));
	dev->verbs = VERBS_ALL;
	dev->providers = UINT64_MAX;
	dev->loosest = POLICY_ARTICLE;
	c->n_callers = 1;
	c->identities[0].kind = IDENTITY_TOKEN;
	config_make_token(token, c->identities[0].id);
	c->n_identities = 1;
}

static void dev_addresses(struct config *c)
{
	static const struct address_rule loopback[] = {
		{.net = {.family = 4, .a = {127}}, .bits = 8, .plain_http = true},
		{.net = {.family = 6, .a = {[15] = 1}}, .bits = 128, .plain_http = true},
	};

	memcpy(c->self_hosted.rules, loopback, sizeof(loopback));
	c->self_hosted.n = ARRAY_LEN(loopback);
	c->resolver_allow = c->self_hosted;
}

static int fill_dev(struct config *c, const char *listen, const char *state_dir, char *token,
		    char *err)
{
	const char *why = config_add_listen(c, bytes_str(listen), false);
	int r;

	if (why)
		return config_bad(err, "listen: %s", why);
	r = config_make_dir(state_dir);
	if (r < 0)
		return config_bad(err, "%s: %s", state_dir, strerror(-r));
	if (asprintf(&c->audit_dir, "%s/audit", state_dir) < 0) {
		c->audit_dir = NULL;
		config_bad(err, "out of memory");
		return -ENOMEM;
	}
	r = dev_keys(c, state_dir, err);
	if (r != 0)
		return r;
	dev_addresses(c);
	c->integration_limits = (struct config_limits){.rate = 0};
	c->policy_loosest = POLICY_ARTICLE;
	dev_caller(c, token);
	return 0;
}

int config_dev(const char *listen, const char *state_dir, struct config **out, char *token,
	       char *err)
{
	struct config *c;
	int r = config_new(&c, err);

	if (r < 0)
		return r;
	r = fill_dev(c, listen, state_dir, token, err);
	if (r != 0) {
		config_free(c);
		return r;
	}
	*out = c;
	return 0;
}
