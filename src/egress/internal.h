/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the client. client.c: calls, from their start to their end. request.c: the bytes of a request. exchange.c: a request and its answer on a connection, by HTTP/1.1; h2.c: many on one, by HTTP/2. link.c: connections,
 * and which are kept. Nobody else includes this.
 */
#include "egress/client.h"
#include "egress/connect.h"
#include "egress/resolve.h"
#include "http/answer.h"
#include "tls/client.h"

struct link;
struct h2;

#define LINK_BUCKETS 256

struct egress {
	struct loop *loop;
	const struct address_rules *rules;
	struct resolver *resolver;
	struct tls_client *tls;
	struct egress_call *calls;
	size_t large; /* bytes of all their answers, but for the first EGRESS_SMALL of each */

	bool h2;      /* HTTP/2 is offered */
	size_t links; /* all there are */
	/* Kept connections (link.c). */
	struct link *first, *last, *buckets[LINK_BUCKETS];
	/* How many calls the bucket's last server that spoke HTTP/2 takes at once; 0: the last one did not. */
	uint32_t together[LINK_BUCKETS];
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
	struct egress_call *beside, **beside_at; /* the others on that link */
	bool waits;				 /* for it to be ready */
	bool on_new_one; /* it was sent once on a kept one that may have been dead */

	struct buf request; /* the part up to SENT_BYTES was sent */
	size_t sent_bytes;
	bool sent; /* as in the answer */

	const char *const *want_headers;
	size_t wanted;
	struct http_answer answer;
	bool has_retry_after;
	uint32_t retry_after;
	struct buf got_headers, got_body;

	/* HTTP/2 */
	int32_t stream; /* which it is; 0: none, or none any more */
	int64_t begun;	/* loop_now() */
	uint8_t again;	/* how often it was sent anew */
	bool trailers;	/* the head was before */
	bool whole;	/* so is the answer */
	/* It has ended, and is to be told, or sent anew. */
	bool over, anew;
	enum egress_failure outcome;
	struct egress_call *next_over;
};

/* ---- request.c ---- */

/* Would url_parse() have given it back? Else it must not be sent: it stands in the head. */
bool request_host_ok(const struct url *u);
/* The bytes of R. 0; -EINVAL when it is malformed; -ENOMEM. */
int request_put(struct buf *out, const struct egress_request *r) must_check;

/* What request_put() wrote, in parts. They borrow from it. */
struct request_parts {
	struct bytes method, target, authority, body;
	struct bytes lines; /* of the head, that were not given out yet */
};
/* Fields' names become lower case in REQUEST, which HTTP/2 wants, and HTTP/1.1 does not mind. */
void request_split(struct buf *request, struct request_parts *out);
/* The next field, but for Host. False: there is none. */
bool request_next(struct request_parts *p, struct bytes *name, struct bytes *value);

/* ---- client.c ---- */

/* Tell how the call ended, and free it. */
void call_end(struct egress_call *c, enum egress_failure f);
/* Look its host up, then connect. */
void call_connect(struct egress_call *c);
/* It leaves its connection for another one: for a new one, or for whichever there is. */
void call_reconnect(struct egress_call *c, bool on_new_one);

/* ---- link.c ---- */

struct link {
	struct egress *egress;
	struct egress_call *
		calls; /* whose it is; NULL while it is kept. By HTTP/1.1 one's, by HTTP/2 many's; those of a server that speaks HTTP/2 may wait for it together */
	struct egress_call **calls_end;
	size_t n_calls;
	bool ready;    /* connected, hands shaken */
	struct h2 *h2; /* NULL: HTTP/1.1, or not ready yet */
	bool shut;     /* no call is to come any more */
	unsigned busy; /* somebody up the stack still needs it */
	bool resting;  /* it is kept, in the list by age: with these neighbours */
	struct link *newer, *older;
	struct link *next, **at;	  /* in its bucket; AT is NULL when it is in none */
	struct link *after, **waiting_at; /* while it waits */
	struct connecting *connecting;	  /* until it is connected */
	struct loop_timer hurry;	  /* to connect; to shake hands */
	struct loop_fd fd;
	struct tls_conn *tls;  /* NULL: http */
	bool waiting, shaking; /* for its turn to shake hands; hands */
	bool turn;	       /* its turn it is still */
	bool used;	       /* it has served a call before */
	int64_t born, kept;    /* loop_now() */

	/* With whom. */
	unsigned bucket;
	bool is_tls, is_ip;
	uint16_t port;
	char host[URL_HOST_MAX + 1];
};

/*
 * Make one for C, to one of IPS (N, not 0), which were judged; exchange_begin() is called when it is there, call_end() when that fails. 0 or -ENOMEM.
 */
int link_open(struct egress_call *c, const struct ip *ips, size_t n) must_check;
/* Give C one that was kept, or has room for one more. False: there is none. */
bool link_reuse(struct egress_call *c) must_check;
/* The exchange is over, and the server is in step: keep it. */
void link_keep(struct link *k);
/* C has none any more. */
void link_leave(struct egress_call *c);
/* By HTTP/2: the server has said how many calls it takes at once. */
void link_takes(struct link *k, uint32_t calls);
/* No more calls: it ends with those that it has. */
void link_shut(struct link *k);
/* It is not busy any more: where nobody has it, it is kept, or it ends. */
void link_settle(struct link *k);
/* Of all that are kept. */
void links_init(struct egress *e);
void links_free(struct egress *e);
/* It waits now. */
void link_rest(struct link *k);
/* As tls_recv() and tls_send(). */
int link_recv(struct link *k, void *p, size_t n, size_t *got) must_check;
int link_send(struct link *k, struct bytes b, size_t *sent) must_check;

/* ---- exchange.c ---- */

/* C has a connection: send its request, once that is ready. Does not end the call. */
void exchange_begin(struct egress_call *c);
/* Its socket is ready. */
void exchange_go_on(struct egress_call *c);
/* What came so far, but for the first EGRESS_SMALL. */
size_t exchange_large(const struct egress_call *c);
/* C's connection broke off, and may have been dead already: C is safe, and may be sent once more, on a new one. */
bool exchange_may_repeat(const struct egress_call *c) must_check;
/* A field of the answer's head, and a piece of its body: what is wanted of them is kept. EGRESS_OK, or how the call ends. */
enum egress_failure exchange_field(struct egress_call *c, struct bytes name,
				   struct bytes value) must_check;
enum egress_failure exchange_body(struct egress_call *c, struct bytes piece) must_check;

/* ---- h2.c ---- */

/* Open the library: before any other of these. False when there is none. */
bool h2_load(void);
/* K is connected, and speaks it; it takes TOGETHER calls at once, until it says how many. 0 or -ENOMEM. */
int h2_new(struct h2 **out, struct link *k, uint32_t together) must_check;
void h2_free(struct h2 *h); /* NULL is fine */
/* How many calls it may have at once. */
uint32_t h2_room(const struct h2 *h);
/* Send C's request. Does not end the call. */
void h2_begin(struct egress_call *c);
/* C leaves, whatever comes. */
void h2_forget(struct h2 *h, struct egress_call *c);
/* C's time is over. Where the server has answered nobody since it began, others shall not wait for it too. */
void h2_late(struct egress_call *c);
/* Its socket is ready. Calls end; K may be gone. */
void h2_go_on(struct link *k);
