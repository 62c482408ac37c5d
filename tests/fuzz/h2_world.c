/* SPDX-License-Identifier: ISC */
#include "h2_world.h"

#include "egress/connect.h"
#include "egress/resolve.h"
#include "tls/client.h"

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct connecting {
	struct loop *loop;
	struct loop_timer timer;
	connect_fn *fn;
	void *arg;
	struct ip ip;
};

struct h2_world at;
struct loop *loop;
int64_t now;
int patience;

static struct resolver *resolver;

/* ---- frames, both ways ---- */

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool not_looked_at(const struct tls_conn *c, uint32_t stream)
{
	return stream > c->last || (stream < STREAMS_MAX && c->refused[stream]);
}

static void see_call(struct tls_conn *c, uint32_t stream, struct bytes path)
{
	size_t number = 0;
	struct call *call;

	CHECK(path.n > 1 && path.p[0] == '/');
	for (size_t i = 1; i < path.n; i++)
		number = number * 10 + (path.p[i] - (size_t)'0');
	CHECK(number < at.n_calls);
	call = &at.calls[number];
	/* Said before this came: it was framed already, and went out behind the one that was sent anew. */
	if (not_looked_at(c, stream))
		return;
	if (call->conn && call->how & 1)
		CHECK(not_looked_at(call->conn, call->stream));
	call->conn = c;
	call->stream = stream;
}

/* A head that the client sent. */
static void see_head(struct tls_conn *c, uint32_t stream, const unsigned char *p, size_t n)
{
	int flags = 0;

	while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
		nghttp2_nv field;
		ssize_t used = nghttp2_hd_inflate_hd2(c->heads, &field, &flags, p, n, 1);

		CHECK(used >= 0);
		p += used;
		n -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT && field.namelen == 5 &&
		    memcmp(field.name, ":path", 5) == 0)
			see_call(c, stream, bytes_of(field.value, field.valuelen));
	}
	CHECK(n == 0 && nghttp2_hd_inflate_end_headers(c->heads) == 0);
}

static void see_sent(struct tls_conn *c, const unsigned char *p, size_t n)
{
	CHECK(p[3] != NGHTTP2_CONTINUATION);
	if (p[3] != NGHTTP2_HEADERS)
		return;
	CHECK(p[4] & NGHTTP2_FLAG_END_HEADERS &&
	      !(p[4] & (NGHTTP2_FLAG_PADDED | NGHTTP2_FLAG_PRIORITY)));
	CHECK(n <= sizeof(c->sent.part));
	see_head(c, be32(p + 5), p + FRAME_HEAD, n - FRAME_HEAD);
}

/* Any that might be taken for one: whether the client was to look at it is not asked. */
static void see_served(struct tls_conn *c, const unsigned char *p, size_t n)
{
	uint32_t stream = be32(p + 5) & 0x7fffffff, last;

	if (p[3] == NGHTTP2_RST_STREAM && n >= FRAME_HEAD + 4 && stream < STREAMS_MAX &&
	    be32(p + FRAME_HEAD) == NGHTTP2_REFUSED_STREAM)
		c->refused[stream] = true;
	if (p[3] == NGHTTP2_GOAWAY && n >= FRAME_HEAD + 8) {
		last = be32(p + FRAME_HEAD) & 0x7fffffff;
		c->last = last < c->last ? last : c->last;
	}
}

/* So many more bytes until the head, or the frame, is whole. */
static size_t frame_left(const struct frames *f)
{
	size_t size = be32(f->part) >> 8;

	return FRAME_HEAD + (f->n < FRAME_HEAD ? 0 : size) - f->n;
}

static void see(struct tls_conn *c, struct frames *f, struct bytes in,
		void (*fn)(struct tls_conn *, const unsigned char *, size_t))
{
	f->before -= fuzz_take(&in, f->before).n;
	while (in.n) {
		struct bytes part = fuzz_take(&in, frame_left(f));

		if (f->n < sizeof(f->part))
			memcpy(f->part + f->n, part.p,
			       part.n < sizeof(f->part) - f->n ? part.n : sizeof(f->part) - f->n);
		f->n += part.n;
		if (f->n >= FRAME_HEAD && frame_left(f) == 0) {
			fn(c, f->part, f->n);
			f->n = 0;
		}
	}
}

/* ---- in place of the clock ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __real_epoll_wait(int fd, struct epoll_event *events, int n, int msec);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int n, int msec);
int64_t __wrap_clock_usec(void);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	if (clock != CLOCK_MONOTONIC)
		return __real_clock_gettime(clock, t);
	*t = (struct timespec){.tv_sec = now / 1000, .tv_nsec = now % 1000 * 1000000};
	return 0;
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int n, int msec)
{
	patience = msec;
	return __real_epoll_wait(fd, events, n, 0);
}

int64_t __wrap_clock_usec(void)
{
	return INT64_C(1700000000000000);
}

static void stop(void *arg)
{
	loop_stop(loop);
}

void turns(unsigned n)
{
	while (n--)
		CHECK(loop_run(loop, stop, NULL) == 0);
}

/* ---- in place of names and sockets ---- */

int __real_resolver_new(struct resolver **out, struct loop *l, const char *servers);
int __wrap_resolver_new(struct resolver **out, struct loop *l, const char *servers);
void __wrap_resolver_free(struct resolver *r);
int __wrap_connect_start(struct connecting **out, struct loop *l, const struct ip *ips, size_t n,
			 uint16_t port, connect_fn *fn, void *arg);
void __wrap_connect_cancel(struct connecting *c);
bool __wrap_socket_allowed(int fd, const struct address_rules *rules, const struct ip *peer,
			   bool plain);

/* It reads files; but no name is looked up here. */
int __wrap_resolver_new(struct resolver **out, struct loop *l, const char *servers)
{
	if (!resolver)
		CHECK(__real_resolver_new(&resolver, l, servers) == 0);
	*out = resolver;
	return 0;
}

void __wrap_resolver_free(struct resolver *r)
{
}

static struct tls_conn *conn_new(void)
{
	struct tls_conn *c = calloc(1, sizeof(*c));
	int fds[2];

	CHECK(c && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(nghttp2_hd_inflate_new(&c->heads) == 0);
	c->client = fds[0];
	c->server = fds[1];
	c->plan = at.next;
	c->last = UINT32_MAX;
	c->sent.before = NGHTTP2_CLIENT_MAGIC_LEN;
	return c;
}

static void on_connect(void *arg)
{
	struct connecting *c = arg;
	connect_fn *fn = c->fn;
	void *fn_arg = c->arg;
	struct ip ip = c->ip;
	int fd = -1;

	free(c);
	if (!(at.next & NEXT_FAILS) && at.n_conns < CONNS_MAX) {
		at.conns[at.n_conns++] = conn_new();
		fd = at.conns[at.n_conns - 1]->client;
	}
	fn(fn_arg, fd, &ip);
}

int __wrap_connect_start(struct connecting **out, struct loop *l, const struct ip *ips, size_t n,
			 uint16_t port, connect_fn *fn, void *arg)
{
	struct connecting *c = calloc(1, sizeof(*c));

	CHECK(c && n == 1 && port == 443);
	*c = (struct connecting){.loop = l, .fn = fn, .arg = arg, .ip = ips[0]};
	c->timer = (struct loop_timer){.fn = on_connect, .arg = c};
	CHECK(loop_timer_set(l, &c->timer, 0) == 0);
	*out = c;
	return 0;
}

void __wrap_connect_cancel(struct connecting *c)
{
	loop_timer_clear(c->loop, &c->timer);
	free(c);
}

bool __wrap_socket_allowed(int fd, const struct address_rules *rules, const struct ip *peer,
			   bool plain)
{
	return !(at.next & NEXT_FORBIDDEN);
}

/* ---- in place of TLS ---- */

int __wrap_tls_client_new(struct tls_client **out, struct bytes ca_pem, bool http2);
void __wrap_tls_client_free(struct tls_client *c);
int __wrap_tls_connect(struct tls_conn **out, const struct tls_client *c, int fd, const char *host,
		       bool is_ip);
void __wrap_tls_conn_free(struct tls_conn *c);
int __wrap_tls_handshake(struct tls_conn *c);
bool __wrap_tls_has_h2(const struct tls_conn *c);
int __wrap_tls_recv(struct tls_conn *c, void *p, size_t n, size_t *got);
int __wrap_tls_send(struct tls_conn *c, const void *p, size_t n, size_t *sent);
void __wrap_tls_release(struct tls_conn *c);
bool __wrap_tls_pending(const struct tls_conn *c);

int __wrap_tls_client_new(struct tls_client **out, struct bytes ca_pem, bool http2)
{
	CHECK(http2);
	*out = NULL;
	return 0;
}

void __wrap_tls_client_free(struct tls_client *c)
{
}

int __wrap_tls_connect(struct tls_conn **out, const struct tls_client *c, int fd, const char *host,
		       bool is_ip)
{
	size_t i = at.n_conns;

	CHECK(is_ip);
	/* The newest: numbers are used again. */
	while (i && at.conns[i - 1]->client != fd)
		i--;
	CHECK(i);
	if (at.conns[i - 1]->plan & NEXT_NO_MEMORY)
		return -ENOMEM;
	*out = at.conns[i - 1];
	return 0;
}

/* Its server has it still. */
void __wrap_tls_conn_free(struct tls_conn *c)
{
}

int __wrap_tls_handshake(struct tls_conn *c)
{
	if (c->plan & NEXT_SLOW) {
		c->plan -= NEXT_SLOW & -NEXT_SLOW;
		return TLS_WANTS_WRITE;
	}
	return c->plan & NEXT_BAD_HANDS ? -EPROTO : 0;
}

bool __wrap_tls_has_h2(const struct tls_conn *c)
{
	return !(c->plan & NEXT_HTTP1);
}

int __wrap_tls_recv(struct tls_conn *c, void *p, size_t n, size_t *got)
{
	ssize_t r;

	if (at.short_reads && n > at.reads) {
		at.short_reads--;
		n = at.reads;
	}
	r = recv(c->client, p, n, MSG_DONTWAIT);

	*got = r > 0 ? (size_t)r : 0;
	if (r < 0)
		return errno == EAGAIN ? TLS_WANTS_READ : -EPROTO;
	return r > 0 ? 0 : c->rude ? -EPROTO : TLS_ENDED;
}

int __wrap_tls_send(struct tls_conn *c, const void *p, size_t n, size_t *sent)
{
	static const int then[] = {TLS_WANTS_WRITE, TLS_WANTS_WRITE, TLS_WANTS_READ, -EPROTO};

	*sent = 0;
	CHECK(n);
	n = n < at.takes ? n : at.takes;
	if (n == 0)
		return then[at.blocked];
	if (at.takes != SIZE_MAX)
		at.takes -= n;
	if (!(c->plan & NEXT_HTTP1))
		see(c, &c->sent, bytes_of(p, n), see_sent);
	*sent = n;
	return 0;
}

void __wrap_tls_release(struct tls_conn *c)
{
}

bool __wrap_tls_pending(const struct tls_conn *c)
{
	return false;
}

/* ---- the servers ---- */

void serve(struct tls_conn *c, struct bytes b)
{
	see(c, &c->served, b, see_served);
	for (int i = 0; b.n && i < 8; i++) {
		ssize_t n =
			c->server < 0 ? -1 : send(c->server, b.p, b.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		b = bytes_skip(b, n > 0 ? (size_t)n : 0);
		if (b.n)
			turns(1);
	}
}

void hang_up(struct tls_conn *c, bool rude)
{
	if (c->server >= 0)
		close(c->server);
	c->server = -1;
	c->rude = rude;
}
