/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the client. client.c: calls, from their start to their end. request.c: the bytes of a request. exchange.c: a request and its answer on a connection. link.c: connections,
 * and which are kept. Nobody else includes this.
 */
#include "egress/client.h"
#include "egress/connect.h"
#include "egress/resolve.h"
#include "http/answer.h"
#include "tls/client.h"

struct link;

#define LINK_BUCKETS 256

struct egress {
	struct loop *loop;
	const struct address_rules *rules;
	struct resolver *resolver;
	struct tls_client *tls;
	struct egress_call *calls;
	size_t large; /* bytes of all their answers, but for the first EGRESS_SMALL of each */

	size_t links; /* all there are */
	/* Kept connections (link.c). */
	struct link *first, *last, *buckets[LINK_BUCKETS];
	size_t idle, idle_max;
	struct loop_timer sweep; /* the last one's time is over */

	size_t turns;			      /* handshakes that have just begun; */
	struct link *waiting, **waiting_tail; /* and who waits for his turn */
	struct loop_end let_shake;
};

struct egress_call {
	struct egress *egress;
	struct egress_call *next, **at; /* *at points here */
	egress_done_fn *done;
	void *arg;
	struct loop_timer deadline; /* of all, names included */
	struct url url;
	bool safe; /* GET or HEAD: may be sent again */

	/* One of them, until it is over. */
	struct resolve *resolve;
	struct link *link;

	struct buf request; /* the part up to SENT_BYTES was sent */
	size_t sent_bytes;
	bool sent; /* as in the answer */

	const char *const *want_headers;
	size_t wanted;
	struct http_answer answer;
	bool has_retry_after;
	uint32_t retry_after;
	struct buf got_headers, got_body;
};

/* ---- request.c ---- */

/* Would url_parse() have given it back? Else it must not be sent: it stands in the head. */
bool request_host_ok(const struct url *u);
/* The bytes of R. 0; -EINVAL when it is malformed; -ENOMEM. */
int request_put(struct buf *out, const struct egress_request *r) must_check;

/* ---- client.c ---- */

/* Tell how the call ended, and free it. */
void call_end(struct egress_call *c, enum egress_failure f);
/* Look its host up, then connect. */
void call_connect(struct egress_call *c);

/* ---- link.c ---- */

struct link {
	struct egress *egress;
	struct egress_call *call; /* whose it is; NULL while it is kept */
	/* While it is kept: its neighbours by age. In its bucket, or while it waits: the next, and what points here. */
	struct link *newer, *older, *next, **at;
	struct connecting *connecting; /* until it is connected */
	struct loop_timer hurry;       /* to connect; to shake hands */
	struct loop_fd fd;
	struct tls_conn *tls;  /* NULL: http */
	bool waiting, shaking; /* for its turn to shake hands; hands */
	bool turn;	       /* its turn it is still */
	bool used;	       /* it has served a call before */
	int64_t born, kept;    /* loop_now() */

	/* With whom. */
	bool is_tls;
	uint16_t port;
	char host[URL_HOST_MAX + 1];
};

/*
 * Make one for C, to one of IPS (N, not 0), which were judged; exchange_begin() is called when it is there, call_end() when that fails. 0 or -ENOMEM.
 */
int link_open(struct egress_call *c, const struct ip *ips, size_t n) must_check;
/* Give C one that was kept. False: there is none. */
bool link_reuse(struct egress_call *c) must_check;
/* The exchange is over, and the server is in step: keep it. */
void link_keep(struct link *k);
/* The one of a call, which then has none. */
void link_free(struct link *k);
/* Of all that are kept. */
void links_init(struct egress *e);
void links_free(struct egress *e);
/* It waits now. */
void link_rest(struct link *k);
/* As tls_recv() and tls_send(). */
int link_recv(struct link *k, void *p, size_t n, size_t *got) must_check;
int link_send(struct link *k, struct bytes b, size_t *sent) must_check;

/* ---- exchange.c ---- */

/* C has a connection: send its request. Does not end the call. */
void exchange_begin(struct egress_call *c);
/* Its socket is ready. */
void exchange_go_on(struct egress_call *c);
/* What came so far, but for the first EGRESS_SMALL. */
size_t exchange_large(const struct egress_call *c);
