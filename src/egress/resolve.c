/* SPDX-License-Identifier: ISC */
#include "egress/resolve.h"

#include "dns/message.h"
#include "sys/log.h"

#include <ares.h>
#include <netinet/in.h>
#include <stdlib.h>

/* Of the first try; each further one waits twice as long. The caller's deadline is above all. */
#define TRY_MS	   2000
#define TRIES	   3
#define TRY_DNS_MS 1500
#define TRIES_DNS  2

/* A socket of c-ares: few, one or two a server. */
struct watch {
	struct watch *next;
	struct resolver *resolver;
	struct loop_fd fd;
};

struct resolver {
	struct loop *loop;
	ares_channel channel;
	struct watch *watches;
	struct loop_timer timer;
	size_t asked;			/* questions that c-ares holds */
	struct question *first, **last; /* those that wait for their turn */
	struct loop_timer turn;
};

struct resolve {
	struct resolver *resolver;
	resolve_fn *fn;
	void *arg;
	bool asked;	/* c-ares holds this */
	bool cancelled; /* it is freed when c-ares lets go: single queries cannot be called back */
	struct loop_timer ready;
	size_t n;
	struct ip ips[RESOLVE_MAX];
};

struct question {
	struct resolver *resolver;
	question_fn *fn;
	void *arg;
	struct question *next, **prev; /* PREV: while it waits for its turn; else NULL */
	bool asked, cancelled;	       /* as above */
	struct loop_timer ready;
	uint16_t type;
	char name[DNS_NAME_MAX + 1];
	struct buf answer;
};

/* In callbacks of c-ares, where no error can be returned. */
static void timer_set(struct loop *l, struct loop_timer *t, int64_t msec)
{
	if (loop_timer_set(l, t, msec) < 0)
		log_fatal("out of memory");
}

/* After anything that c-ares did: when does it want to be called next? */
static void ask_again_later(struct resolver *r)
{
	struct timeval tv;

	loop_timer_clear(r->loop, &r->timer);
	if (ares_timeout(r->channel, NULL, &tv))
		timer_set(r->loop, &r->timer, tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

static void process(struct resolver *r, int in, int out)
{
	ares_process_fd(r->channel, in, out);
	ask_again_later(r);
}

static void on_timer(void *arg)
{
	process(arg, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void on_socket_ready(void *arg, uint32_t events)
{
	const struct watch *w = arg;
	const uint32_t broken = EPOLLERR | EPOLLHUP;

	process(w->resolver, (events & (EPOLLIN | broken)) ? w->fd.fd : ARES_SOCKET_BAD,
		(events & (EPOLLOUT | broken)) ? w->fd.fd : ARES_SOCKET_BAD);
}

static void watch_add(struct resolver *r, int fd, uint32_t events)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		log_fatal("out of memory");
	*w = (struct watch){.next = r->watches, .resolver = r};
	w->fd = (struct loop_fd){.fd = -1, .fn = on_socket_ready, .arg = w};
	/* A query on a socket that is not watched runs into its time-out. */
	if (loop_watch(r->loop, &w->fd, fd, events) < 0) {
		log_warn("a DNS socket cannot be watched");
		free(w);
		return;
	}
	r->watches = w;
}

/* Neither readable nor writable: c-ares is about to close it. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = arg;
	uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
	struct watch **at = &r->watches, *w;

	while (*at && (*at)->fd.fd != fd)
		at = &(*at)->next;
	w = *at;
	if (w && events) {
		if (loop_change(r->loop, &w->fd, events) < 0)
			log_warn("a DNS socket cannot be watched");
	} else if (w) {
		loop_unwatch(r->loop, &w->fd);
		*at = w->next;
		free(w);
	} else if (events) {
		watch_add(r, fd, events);
	}
}

static void on_turn(void *arg);

static int make(struct resolver **out, struct loop *loop, const char *servers, char *lookups,
		int try_ms, int tries)
{
	struct resolver *r = calloc(1, sizeof(*r));
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = try_ms,
		.tries = tries,
		.ndomains = 0,
		.lookups = lookups,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = r,
	};
	int status;

	if (!r)
		return -ENOMEM;
	r->loop = loop;
	r->timer = (struct loop_timer){.fn = on_timer, .arg = r};
	r->turn = (struct loop_timer){.fn = on_turn, .arg = r};
	r->last = &r->first;
	status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS)
		status = ares_init_options(&r->channel, &o,
					   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
						   ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS |
						   ARES_OPT_SOCK_STATE_CB);
	if (status == ARES_SUCCESS && servers)
		status = ares_set_servers_ports_csv(r->channel, servers);
	if (status != ARES_SUCCESS) {
		resolver_free(r);
		return status == ARES_ENOMEM ? -ENOMEM : -EIO;
	}
	*out = r;
	return 0;
}

int resolver_new(struct resolver **out, struct loop *loop, const char *servers)
{
	char lookups[] = "fb";

	return make(out, loop, servers, lookups, TRY_MS, TRIES);
}

int resolver_new_dns(struct resolver **out, struct loop *loop, const char *servers)
{
	char lookups[] = "b";

	return make(out, loop, servers, lookups, TRY_DNS_MS, TRIES_DNS);
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	/* Closes its sockets, and lets go of the cancelled. */
	if (r->channel)
		ares_destroy(r->channel);
	loop_timer_clear(r->loop, &r->timer);
	loop_timer_clear(r->loop, &r->turn);
	ares_library_cleanup();
	free(r);
}

bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *out)
{
	struct ip ip = {.family = 4};

	if (sa->sa_family == AF_INET) {
		memcpy(ip.a, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		ip.family = 6;
		memcpy(ip.a, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	} else {
		return false;
	}
	*out = ip;
	return true;
}

socklen_t ip_to_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	*out = (struct sockaddr_storage){0};
	memcpy(&v4.sin_addr, ip->a, 4);
	memcpy(&v6.sin6_addr, ip->a, 16);
	if (ip->family == 6)
		memcpy(out, &v6, sizeof(v6));
	else
		memcpy(out, &v4, sizeof(v4));
	return ip->family == 6 ? sizeof(v6) : sizeof(v4);
}

/* Both ends have one address: PEER is on this machine. True also when that cannot be told. */
static bool is_own(int fd, const struct ip *peer)
{
	struct sockaddr_storage a = {0};
	socklen_t n = sizeof(a);
	struct ip self;

	if (getsockname(fd, (struct sockaddr *)&a, &n) < 0 ||
	    !ip_of_sockaddr((struct sockaddr *)&a, &self))
		return true;
	return self.family == peer->family && memcmp(self.a, peer->a, sizeof(self.a)) == 0;
}

bool socket_allowed(int fd, const struct address_rules *rules, const struct ip *peer, bool plain)
{
	return !is_own(fd, peer) || address_listed(rules, peer, plain);
}

static void on_addrinfo(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct resolve *q = arg;
	const struct ares_addrinfo_node *node = status == ARES_SUCCESS && info ? info->nodes : NULL;

	q->asked = false;
	for (; node && q->n < RESOLVE_MAX; node = node->ai_next)
		q->n += ip_of_sockaddr(node->ai_addr, &q->ips[q->n]);
	ares_freeaddrinfo(info);
	/* Not at once: we may be inside resolve_start(). */
	if (q->cancelled)
		free(q);
	else
		timer_set(q->resolver->loop, &q->ready, 0);
}

static void on_ready(void *arg)
{
	struct resolve *q = arg;

	q->fn(q->arg, q->ips, q->n);
	free(q);
}

int resolve_start(struct resolver *r, const char *host, resolve_fn *fn, void *arg,
		  struct resolve **out)
{
	/* Their order is egress/connect.h's to choose; sorting would open a socket for each address. */
	const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
	struct resolve *q = calloc(1, sizeof(*q));
	int rc;

	if (!q)
		return -ENOMEM;
	*q = (struct resolve){.resolver = r, .fn = fn, .arg = arg};
	q->ready = (struct loop_timer){.fn = on_ready, .arg = q};
	if (ip_parse(bytes_str(host), &q->ips[0]) == 0) {
		q->n = 1;
		rc = loop_timer_set(r->loop, &q->ready, 0);
		if (rc < 0) {
			free(q);
			return rc;
		}
	} else {
		q->asked = true;
		ares_getaddrinfo(r->channel, host, NULL, &hints, on_addrinfo, q);
		ask_again_later(r);
	}
	*out = q;
	return 0;
}

void resolve_cancel(struct resolve *q)
{
	loop_timer_clear(q->resolver->loop, &q->ready);
	if (q->asked)
		q->cancelled = true;
	else
		free(q);
}

/* ---- questions ---- */

static void question_free(struct question *q)
{
	loop_timer_clear(q->resolver->loop, &q->ready);
	buf_done(&q->answer);
	free(q);
}

/* A status says little more than what the answer itself does: there is one, or there is none. */
static void on_answer(void *arg, int status, int timeouts, unsigned char *p, int n)
{
	struct question *q = arg;
	struct resolver *r = q->resolver;

	q->asked = false;
	r->asked--;
	if (p && n > 0)
		buf_put(&q->answer, p, (size_t)n);
	if (r->first && status != ARES_EDESTRUCTION)
		timer_set(r->loop, &r->turn, 0);
	/* Not at once, as above. */
	if (q->cancelled)
		question_free(q);
	else
		timer_set(r->loop, &q->ready, 0);
}

static void on_question_ready(void *arg)
{
	struct question *q = arg;

	/* Without the memory for it there is no answer. */
	q->fn(q->arg, buf_status(&q->answer) < 0 ? bytes_of(NULL, 0) : buf_bytes(&q->answer));
	question_free(q);
}

static void ask(struct question *q)
{
	q->asked = true;
	q->resolver->asked++;
	ares_query(q->resolver->channel, q->name, DNS_CLASS_IN, q->type, on_answer, q);
}

static void join_queue(struct question *q)
{
	struct resolver *r = q->resolver;

	q->prev = r->last;
	*r->last = q;
	r->last = &q->next;
}

static void leave_queue(struct question *q)
{
	*q->prev = q->next;
	if (q->next)
		q->next->prev = q->prev;
	else
		q->resolver->last = q->prev;
	q->prev = NULL;
	q->next = NULL;
}

static void on_turn(void *arg)
{
	struct resolver *r = arg;
	struct question *q;

	while ((q = r->first) != NULL && r->asked < RESOLVE_AT_ONCE) {
		leave_queue(q);
		ask(q);
	}
	ask_again_later(r);
}

int question_start(struct resolver *r, const struct dns_name *name, uint16_t type, question_fn *fn,
		   void *arg, struct question **out)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	*q = (struct question){.resolver = r, .fn = fn, .arg = arg, .type = type};
	q->ready = (struct loop_timer){.fn = on_question_ready, .arg = q};
	q->answer = BUF_INIT(MESSAGE_MAX);
	memcpy(q->name, name->text, name->len);
	if (r->asked < RESOLVE_AT_ONCE) {
		ask(q);
		ask_again_later(r);
	} else {
		join_queue(q);
	}
	*out = q;
	return 0;
}

void question_cancel(struct question *q)
{
	if (q->prev)
		leave_queue(q);
	loop_timer_clear(q->resolver->loop, &q->ready);
	if (q->asked)
		q->cancelled = true;
	else
		question_free(q);
}
