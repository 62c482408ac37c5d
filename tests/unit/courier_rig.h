/* SPDX-License-Identifier: ISC */
#pragma once

/* The courier in the test's own process; the test plays planner, vault and provider. */
#include "test.h"

#include "role/courier.h"
#include "sys/log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY	    "canary-s3cret-key"
#define ZONE	    "example.org."
#define NAME	    "_acme-challenge.example.org"
#define PATIENCE_MS 10000

static struct world {
	struct role role;
	struct channel supervisor, vault, planner; /* the test's ends */
	struct loop_timer patience;
	struct loop_fd provider, connection; /* the one that listens, and what it accepted */
	char url[64];
	unsigned begun, hellos, shut, bad;
	enum proc denounced;
	struct cp_failed failed;
	char detail[PROVIDER_DETAIL_MAX + 1];
	unsigned n_failed, n_answers, status;
	char asked[4096]; /* what came to the provider last; "" nothing */
} w;

/* ---- who the courier speaks with ---- */

static inline void on_control(void *arg, struct channel *c, uint16_t number, const void *msg,
			      int fd)
{
	w.role.ops->control(&w.role, number, msg, fd);
}

static inline void on_supervisor(void *arg, struct channel *c, uint16_t number, const void *msg,
				 int fd)
{
	if (number != MSG_r_bad_peer)
		return;
	w.bad++;
	w.denounced = (enum proc)((const struct r_bad_peer *)msg)->proc;
	loop_stop(w.role.loop);
}

static inline void on_vault(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	w.begun += number == MSG_cv_begun;
	w.hellos += number == MSG_cv_hello;
	loop_stop(w.role.loop);
}

static inline void on_planner(void *arg, struct channel *c, uint16_t number, const void *msg,
			      int fd)
{
	if (number == MSG_cp_failed) {
		w.failed = *(const struct cp_failed *)msg;
		w.n_failed++;
		assert_int_equal(bytes_to_str(w.failed.detail, w.detail, sizeof(w.detail)), 0);
	} else if (number == MSG_cp_answer) {
		w.n_answers++;
		w.status = ((const struct cp_answer *)msg)->status;
	}
	loop_stop(w.role.loop);
}

static inline void on_closed(void *arg, struct channel *c, bool bad)
{
	w.shut++;
}

/* The provider: one connection at a time, one request, one answer. */
static inline void on_connection(void *arg, uint32_t events)
{
	int fd = accept4(w.provider.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(loop_watch(w.role.loop, &w.connection, fd, EPOLLIN), 0);
}

/* A request is whole when what its Content-Length says is there. */
static inline bool is_whole(void)
{
	const char *end = strstr(w.asked, "\r\n\r\n"),
		   *length = strstr(w.asked, "Content-Length: ");

	return end && (!length || strlen(end + 4) >= strtoul(length + 16, NULL, 10));
}

static inline void on_request(void *arg, uint32_t events)
{
	static const char answer[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]";
	size_t had = strlen(w.asked);
	int fd = w.connection.fd;
	ssize_t n = recv(fd, w.asked + had, sizeof(w.asked) - 1 - had, 0);

	assert_true(n > 0);
	w.asked[had + (size_t)n] = 0;
	if (!is_whole())
		return;
	assert_int_equal(send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL), sizeof(answer) - 1);
	loop_unwatch(w.role.loop, &w.connection);
	close(fd);
}

static inline void on_patience(void *arg)
{
	fail_msg("nothing happens");
}

/* ---- the rig ---- */

static inline void connect_to(enum proc p)
{
	struct channel *c = p == PROC_VAULT ? &w.vault : &w.planner;
	int fds[2];

	assert_int_equal(channel_pair(fds), 0);
	w.role.ops->peer(&w.role, &(const struct s_peer){.proc = (uint8_t)p}, fds[0]);
	assert_int_equal(channel_open(c, fds[1]), 0);
}

/* Until *COUNT is WANT. */
static inline void run_until(const unsigned *count, unsigned want)
{
	assert_int_equal(loop_timer_set(w.role.loop, &w.patience, PATIENCE_MS), 0);
	while (*count < want)
		assert_int_equal(loop_run(w.role.loop, NULL, NULL), 0);
	loop_timer_clear(w.role.loop, &w.patience);
	assert_int_equal(*count, want);
}

/* URL says where. */
static inline int listen_at(char url[64])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t n = sizeof(a);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	snprintf(url, 64, "http://127.0.0.1:%u", ntohs(a.sin_port));
	return fd;
}

static inline void listen_as_provider(void)
{
	int fd = listen_at(w.url);

	w.provider.fn = on_connection;
	w.connection = (struct loop_fd){.fd = -1, .fn = on_request};
	assert_int_equal(loop_watch(w.role.loop, &w.provider, fd, EPOLLIN), 0);
}

static inline int set_up(void **state)
{
	const struct s_address local = {
		.family = 4, .a = {127, 0, 0, 1}, .bits = 32, .plain_http = 1};
	int fds[2];

	log_init("courier");
	if (sodium_init() < 0 || loop_new(&w.role.loop) < 0 || channel_pair(fds) < 0)
		return -1;
	w.patience.fn = on_patience;
	w.role.self = PROC_COURIER_SELF;
	w.role.ops = &courier_ops;
	channel_init(&w.role.control, w.role.loop, &edge_supervisor, SIDE_B, on_control, on_closed,
		     NULL);
	channel_init(&w.supervisor, w.role.loop, &edge_supervisor, SIDE_A, on_supervisor, on_closed,
		     NULL);
	channel_init(&w.vault, w.role.loop, &edge_vault_courier, SIDE_A, on_vault, on_closed, NULL);
	channel_init(&w.planner, w.role.loop, &edge_planner_courier, SIDE_A, on_planner, on_closed,
		     NULL);
	if (channel_open(&w.role.control, fds[0]) < 0 || channel_open(&w.supervisor, fds[1]) < 0)
		return -1;
	w.role.ops->init(&w.role);
	w.role.ops->control(&w.role, MSG_s_address, &local, -1);
	w.role.ops->prepare(&w.role);
	connect_to(PROC_VAULT);
	connect_to(PROC_PLANNER_SELF);
	listen_as_provider();
	return 0;
}

/* ---- words ---- */

static inline unsigned number_in(const char *provider, const char *name)
{
	const struct provider *p = provider_by_name(bytes_str(provider));

	for (unsigned i = 0; i < 256; i++) {
		const struct exchange *x = provider_exchange(p, i);

		if (x && strcmp(x->name, name) == 0)
			return i;
	}
	fail_msg("no exchange %s", name);
	return 0;
}

static inline unsigned number_of(const char *name)
{
	return number_in("powerdns", name);
}

/* A call for PowerDNS at URL. */
static inline void give(uint64_t call, const char *url, const char *key, uint32_t timeout_ms,
			bool tell)
{
	struct buf b = BUF_INIT(4096);

	plist_put(&b, BYTES("url"));
	plist_put(&b, bytes_str(url));
	plist_put(&b, BYTES("api_key"));
	plist_put(&b, bytes_str(key));
	plist_put(&b, BYTES("server_id"));
	plist_put(&b, BYTES("localhost"));
	channel_send(&w.vault, vc_call, .call = call, .provider = BYTES("powerdns"),
		     .credentials = buf_bytes(&b), .timeout_ms = timeout_ms, .tell = tell);
	buf_done(&b);
}

static inline void begin(uint64_t call, const char *url, const char *key, uint32_t timeout_ms)
{
	unsigned before = w.begun;

	give(call, url, key, timeout_ms, true);
	run_until(&w.begun, before + 1);
}

static inline void permit(uint64_t call)
{
	channel_send(&w.vault, vc_change, .call = call, .zone_id = BYTES(ZONE),
		     .zone = BYTES("example.org"), .fqdn = BYTES(NAME), .type = RR_TXT);
}

/* Items with '|' between. */
static inline struct bytes list_of(const char *items)
{
	static struct buf lists[4];
	static unsigned turn;
	struct buf *b = &lists[turn++ % 4];

	buf_done(b);
	*b = BUF_INIT(16 * 1024);
	while (items && *items) {
		size_t n = strcspn(items, "|");
		plist_put(b, bytes_of(items, n));
		items += n + (items[n] == '|');
	}
	return buf_bytes(b);
}

static inline void ask(uint64_t call, unsigned number, const char *args, bool more)
{
	channel_send(&w.planner, pc_exchange, .call = call, .number = number, .args = list_of(args),
		     .more = more);
}

/* Nothing came to the provider. */
static inline void assert_nothing_asked(void)
{
	assert_int_equal(accept(w.provider.fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_string_equal(w.asked, "");
}

/* P was denounced, and its edge is closed; a new P is there. */
static inline void expect_ended(enum proc p, unsigned bad_before)
{
	run_until(&w.bad, bad_before + 1);
	assert_int_equal(w.denounced, p);
	channel_close(p == PROC_VAULT ? &w.vault : &w.planner);
	connect_to(p);
	assert_nothing_asked();
}

/* Whatever was tried, an honest call is served, and the credential gets to the provider. */
static inline void expect_served(uint64_t call)
{
	unsigned before = w.n_answers;

	ask(call, number_of("look"), ZONE, false);
	run_until(&w.n_answers, before + 1);
	assert_int_equal(w.status, 200);
	assert_non_null(
		strstr(w.asked, "GET /api/v1/servers/localhost/zones/example.org. HTTP/1.1"));
	assert_non_null(strstr(w.asked, "X-API-Key: " KEY));
	w.asked[0] = 0;
}
