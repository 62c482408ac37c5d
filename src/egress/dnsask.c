/* SPDX-License-Identifier: ISC */
#include "egress/dnsask.h"

#include "sys/log.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define DATAGRAMS_A_TURN 16 /* somebody who floods us has to wait for the others */
#define DATAGRAM_MAX                                                                               \
	4096 /* bytes; without EDNS, which is not spoken, 512 would do (RFC 1035 section 4.2.1) */
#define QUESTION_MAX (MESSAGE_HEAD + WIRE_NAME_MAX + 4)

struct asking {
	struct dnsask *shared;
	dnsask_fn *fn;
	void *arg;
	struct asking *next, **prev; /* PREV: while it waits for its turn; else NULL */
	struct ip ip;
	struct dns_name name;
	uint16_t type;
	int64_t deadline; /* loop_now() */
	struct loop_fd udp;
	enum dnsask_end verdict; /* where there is no socket to wait for */
	bool sent_again;
	struct loop_timer timer;
	struct dnstcp_call *tcp;
	struct buf request;
};

static struct loop *loop_of(const struct asking *a)
{
	return a->shared->tcp.loop;
}

/* ---- turns ---- */

static void on_turn(void *arg);

static void join_queue(struct asking *a)
{
	a->prev = a->shared->last;
	*a->shared->last = a;
	a->shared->last = &a->next;
}

static void leave_queue(struct asking *a)
{
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	else
		a->shared->last = a->prev;
	a->prev = NULL;
	a->next = NULL;
}

static void next_turn(struct dnsask *d)
{
	if (d->first && loop_timer_set(d->tcp.loop, &d->turn, 0) < 0)
		log_fatal("out of memory");
}

void dnsask_init(struct dnsask *d, struct loop *loop, struct resolver *resolver,
		 const struct address_rules *rules, size_t max)
{
	*d = (struct dnsask){.tcp = {.loop = loop, .resolver = resolver, .rules = rules},
			     .port = 53,
			     .max = max};
	d->last = &d->first;
	d->turn = (struct loop_timer){.fn = on_turn, .arg = d};
}

/* ---- the end ---- */

static void hang_up(struct asking *a)
{
	int fd = a->udp.fd;

	loop_unwatch(loop_of(a), &a->udp);
	if (fd >= 0)
		close(fd);
}

static void asking_free(struct asking *a)
{
	if (a->prev)
		leave_queue(a);
	else
		a->shared->at_once--;
	hang_up(a);
	if (a->tcp)
		dnstcp_cancel(a->tcp);
	loop_timer_clear(loop_of(a), &a->timer);
	next_turn(a->shared);
	buf_done(&a->request);
	free(a);
}

static void end(struct asking *a, enum dnsask_end how, const struct message *m)
{
	a->fn(a->arg, how, m);
	asking_free(a);
}

void dnsask_cancel(struct asking *a)
{
	asking_free(a);
}

/* ---- the question ---- */

/* Anew, with another id. False: no memory. */
static bool make_request(struct asking *a)
{
	uint16_t id;

	randombytes_buf(&id, sizeof(id));
	buf_reset(&a->request);
	return message_put_query(&a->request, id, &a->name, a->type) == 0;
}

static bool is_answer(const struct asking *a, struct bytes in, struct message *m)
{
	struct message request;

	return message_parse(&request, buf_bytes(&a->request)) == 0 && message_parse(m, in) == 0 &&
	       message_answers(m, &request);
}

/* ---- over TCP ---- */

static void on_tcp(void *arg, const struct dnstcp_answer *answer)
{
	struct asking *a = arg;
	struct message m;

	a->tcp = NULL;
	if (answer->failure == EGRESS_OK && is_answer(a, answer->message, &m))
		end(a, DNSASK_ANSWERED, &m);
	else
		end(a, answer->failure == EGRESS_REFUSED ? DNSASK_FORBIDDEN : DNSASK_SILENT, NULL);
}

static void ask_by_tcp(struct asking *a)
{
	char host[INET6_ADDRSTRLEN];
	int64_t left = a->deadline - loop_now(loop_of(a));
	struct dnstcp_request r = {.host = host, .port = a->shared->port, .timeout_ms = left};

	hang_up(a);
	loop_timer_clear(loop_of(a), &a->timer);
	if (!make_request(a) ||
	    !inet_ntop(a->ip.family == 4 ? AF_INET : AF_INET6, a->ip.a, host, sizeof(host))) {
		end(a, DNSASK_SILENT, NULL);
		return;
	}
	r.message = buf_bytes(&a->request);
	if (dnstcp_start(&a->shared->tcp, &r, on_tcp, a, &a->tcp) < 0)
		end(a, DNSASK_SILENT, NULL);
}

/* ---- over UDP ---- */

static void wait_until(struct asking *a, int64_t msec)
{
	if (loop_timer_set(loop_of(a), &a->timer, msec) < 0)
		log_fatal("out of memory");
}

static void send_datagram(struct asking *a)
{
	ssize_t n;

	/* What fails here shows in that nothing comes. */
	do
		n = send(a->udp.fd, a->request.p, a->request.n, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
}

static void on_timer(void *arg)
{
	struct asking *a = arg;

	if (a->udp.fd < 0) {
		end(a, a->verdict, NULL);
	} else if (a->sent_again) {
		ask_by_tcp(a);
	} else {
		a->sent_again = true;
		send_datagram(a);
		wait_until(a, DNSASK_TCP_MS - DNSASK_AGAIN_MS);
	}
}

static void on_datagram(void *arg, uint32_t events)
{
	static unsigned char in[DATAGRAM_MAX + 1]; /* one at a time, and read before the next */
	struct asking *a = arg;
	struct message m;

	for (unsigned i = 0; i < DATAGRAMS_A_TURN; i++) {
		ssize_t n = recv(a->udp.fd, in, sizeof(in), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) { /* nobody listens there, says the machine or a router */
			ask_by_tcp(a);
			return;
		}
		if (n > DATAGRAM_MAX || !is_answer(a, bytes_of(in, (size_t)n), &m))
			continue;
		if (m.truncated)
			ask_by_tcp(a);
		else
			end(a, DNSASK_ANSWERED, &m);
		return;
	}
}

/* A socket that hears nobody but IP. */
static enum dnsask_end open_udp(struct asking *a)
{
	struct sockaddr_storage to;
	socklen_t n = ip_to_sockaddr(&a->ip, a->shared->port, &to);
	int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return DNSASK_SILENT;
	if (connect(fd, (struct sockaddr *)&to, n) < 0) {
		close(fd);
		return DNSASK_SILENT;
	}
	if (!socket_allowed(fd, a->shared->tcp.rules, &a->ip, false)) {
		close(fd);
		return DNSASK_FORBIDDEN;
	}
	if (loop_watch(loop_of(a), &a->udp, fd, EPOLLIN) < 0) {
		close(fd);
		return DNSASK_SILENT;
	}
	return DNSASK_ANSWERED;
}

/* ---- questions ---- */

/* Its turn. Nothing is told before the loop turns. */
static void begin(struct asking *a)
{
	a->shared->at_once++;
	a->deadline = loop_now(loop_of(a)) + DNSASK_MS;
	if (!address_allowed(a->shared->tcp.rules, &a->ip, false))
		a->verdict = DNSASK_FORBIDDEN;
	else if (!make_request(a))
		a->verdict = DNSASK_SILENT;
	else
		a->verdict = open_udp(a);
	if (a->verdict == DNSASK_ANSWERED)
		send_datagram(a);
	wait_until(a, a->verdict == DNSASK_ANSWERED ? DNSASK_AGAIN_MS : 0);
}

static void on_turn(void *arg)
{
	struct dnsask *d = arg;

	while (d->first && d->at_once < d->max) {
		struct asking *a = d->first;

		leave_queue(a);
		begin(a);
	}
}

int dnsask_start(struct dnsask *d, const struct ip *ip, const struct dns_name *name, uint16_t type,
		 dnsask_fn *fn, void *arg, struct asking **out)
{
	struct asking *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	*a = (struct asking){
		.shared = d, .fn = fn, .arg = arg, .ip = *ip, .name = *name, .type = type};
	a->udp = (struct loop_fd){.fd = -1, .fn = on_datagram, .arg = a};
	a->timer = (struct loop_timer){.fn = on_timer, .arg = a};
	a->request = BUF_INIT(QUESTION_MAX);
	if (d->at_once < d->max)
		begin(a);
	else
		join_queue(a);
	*out = a;
	return 0;
}
