/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the front. front.c: its life, callers, the vault's edge. front_io.c: a connection's bytes, TLS, who is there. front_conn.c: connections and HTTP. front_api.c: endpoints, JSON in.
 * front_httpreq.c: the protocol of that name. front_answer.c: JSON out. front_metrics.c: what is counted. front_openapi.c: the API's description of itself.
 */
#include "base/idmap.h"
#include "base/metrics.h"
#include "http/request.h"
#include "role/config.h"
#include "role/front_fields.h"
#include "role/role.h"
#include "tls/server.h"

#include <sys/types.h>

#define FRONT_CALLERS_MAX    IPC_CALLERS_MAX
#define FRONT_IDENTITIES_MAX 1024
#define FRONT_JSON_DEPTH     8
#define ENDPOINTS	     15

struct caller {
	char name[IPC_CALLER_MAX + 1];
	uint32_t verbs;
};

struct identity {
	enum identity_kind kind;
	unsigned char id[IDENTITY_BYTES];
};

struct caller_identity {
	size_t caller; /* its place in the list */
	struct identity identity;
};

/* Whom we know, and how many we serve at once. */
struct callers {
	struct caller list[FRONT_CALLERS_MAX];
	size_t n;
	struct caller_identity identities[FRONT_IDENTITIES_MAX];
	size_t n_identities;
	size_t connections_max, calls_max;
};

enum conn_state {
	CONN_GREETING, /* TLS's handshake */
	CONN_IDLE,     /* nothing of a request has come yet */
	CONN_HEAD,     /* a part of the head has */
	CONN_BODY,     /* the head is judged; the body comes */
	CONN_CALL,     /* the vault has it */
	CONN_ANSWER,   /* the answer is being sent */
	CONN_CLOSING, /* the answer is sent, and that we close; what still comes is thrown away, so that no reset destroys the answer */
};

struct conn {
	struct idmap_node node; /* by call, while in CONN_CALL */
	struct loop_fd watch;
	struct loop_timer timer;
	struct loop_timer again;  /* the next request is here already */
	struct conn *next, *prev; /* all connections, the one that came first in front */
	struct buf in, out;
	size_t scanned, sent;
	enum conn_state state;
	bool close_after;
	bool spare;		       /* beyond the limit: no calls, and one answer */
	const char *allow;	       /* for a 405: the method that would do; else NULL */
	bool httpreq;		       /* the request is one of httpreq's; */
	const struct field_rule *mode; /* in which of its modes, */
	size_t entry;		       /* by which name, its place in the list, */
	unsigned entry_epoch;	       /* which was told so often */
	struct tls_conn *tls;	       /* NULL: none */
	unsigned tls_epoch;	       /* which front.tls_epoch its certificate was judged under, */
	int64_t judged;		       /* and when */
	struct identity *
		identities; /* who is at the other end: by its certificate, or its user id on the Unix socket */
	size_t n_identities;
	struct http_head head;
	char caller_name[IPC_CALLER_MAX + 1];
	enum verb verb;
	size_t endpoint; /* its place in the table; ENDPOINTS when it is none of ours, or not known yet */
	char request_id[IPC_REQUEST_ID_MAX + 1];
	struct buf
		pieces; /* what the vault sends in several: zones, as a plist of pairs; numbers, as text. httpreq: what is answered if all goes well */
	struct buf fresh; /* a newer integration handle, for the answer */
};

struct front {
	struct role *role;
	struct channel vault;
	struct loop_fd listeners[16];
	enum ipc_listener listener_kinds[16];
	size_t n_listeners;
	struct conn *first, *last;
	size_t connections;
	struct idmap calls;
	uint64_t next_call;
	struct callers now, next;   /* NEXT is being told */
	struct config_tls tls_next; /* what TLS is served with, as it is told */
	struct tls_server *tls;	    /* NULL: TLS is not served */
	unsigned tls_epoch;	    /* how often it has changed */
	bool ready;		    /* the vault says that the gateway can serve */
	char reason[IPC_REASON_MAX + 1];
	bool heard, ready_sent;
	struct loop_timer unready; /* until the vault says so, or it is enough */
	bool started, listening;
	struct buf providers; /* the answer to GET /providers, made once */
	struct front_role {   /* as the supervisor tells */
		bool known;   /* it was started, sooner or later */
		bool up;
		unsigned holds;
		uint64_t restarts;
	} roles[PROC_COUNT];
	/* counted: answers, connections that were taken and that there was no room for */
	uint64_t answers[ENDPOINTS + 1][CODE_COUNT];
	uint64_t accepted, turned_away;
};
extern struct front front;

/* ---- front.c ---- */

/* Who is it? NULL: nobody we know. */
const struct caller *front_caller(struct conn *c);
/* Whose token is it? NULL: nobody's. The time that takes tells nothing of the token. */
const struct caller *front_caller_of(struct bytes token);
/* All calls are answered, and the role is stopping: end. */
void front_maybe_end(void);

/* ---- front_io.c ---- */

/*
 * As recv() and send(), through TLS where there is some: more than 0; 0 for the end (io_recv); -EAGAIN, and the connection's watch waits for what is needed; another negative
 * value where nothing more can come of it.
 */
ssize_t io_recv(struct conn *c, void *p, size_t n) must_check;
ssize_t io_send(struct conn *c, const void *p, size_t n) must_check;
/* There is more to read, though the socket may be silent. */
bool io_pending(const struct conn *c);
/* No more will be sent. */
void io_shutdown(struct conn *c);
/* A new connection: who is at the other end, as far as that is known. 0 or -errno. */
int io_begin(struct conn *c, int fd, enum ipc_listener kind) must_check;
/* On with TLS's handshake: 0 when it is done; -EAGAIN; or -EPROTO. */
int io_greet(struct conn *c) must_check;
/* Is the certificate still as good as when it was taken? Where it is not, nobody is at the other end any more. From time to time, and after each reload. */
void io_judge(struct conn *c);
void io_done(struct conn *c);

/* ---- front_conn.c ---- */

/* Have the loop watch for EVENTS of the connection. */
void conn_watch(struct conn *c, uint32_t events);

void conn_accept(void *arg, uint32_t events);
/* Answer with JSON BODY, and go on with the connection. */
void conn_reply(struct conn *c, unsigned status, struct bytes body);
/* The same with a TYPE of content, which is static. */
void conn_reply_as(struct conn *c, unsigned status, const char *type, struct bytes body);
/* Answer with a problem. FIELD may be empty. */
void conn_problem(struct conn *c, enum code code, unsigned status, struct bytes field,
		  struct bytes detail, uint32_t retry_after);
/* The vault has it: wait for it under C->node.id. */
void conn_wait(struct conn *c);
void conn_close(struct conn *c);
/* No more requests but those that are on their way: what is idle is closed a moment later. */
void conns_stop(void);

/* ---- front_api.c ---- */

/*
 * Judge a request by its head alone: known target, method, caller, media type. False when it was answered; the connection then closes if a body
 * was to come.
 */
bool api_head(struct conn *c);
/* The whole request is there; BODY is borrowed for the call. */
void api_request(struct conn *c, struct bytes body);
/* Known callers' refusals go into the log, with what the request O (or NULL) says that a vault's line would say. */
void api_note_refusal(const struct conn *c, enum code code, const json_t *o);
/* The vault may be asked: the answer is waited for. False: there was not the memory to say what was meant, and that is answered. */
bool api_may_ask(struct conn *c) must_check;
/* "add_record": the endpoint at that place in the table. */
const char *api_endpoint_name(size_t endpoint);

/* ---- front_httpreq.c ---- */

/* The names are told anew; one more; they hold from now on. */
void httpreq_begin(void);
void httpreq_add(const struct s_httpreq *m);
void httpreq_apply(void);
/* There are names: the protocol is spoken. */
bool httpreq_on(void);
/* Who is it, by HTTP Basic (RFC 7617)? NULL: nobody we know. *MAY: the name is one that he may use. */
const struct caller *httpreq_caller(const struct conn *c, bool *may);
#define HTTPREQ_CHALLENGE "Basic realm=\"postern\""
/* The fields that a body must have, by those that O has. */
const struct field_rule *httpreq_rules(struct conn *c, const json_t *o);
void httpreq_present(struct conn *c, json_t *o);
void httpreq_cleanup(struct conn *c, json_t *o);
/* What the log is told of a request that is refused: what the name stands for, as far as its caller may know, and the record's name, written to SPACE. */
void httpreq_describe(const struct conn *c, const json_t *o, struct bytes *customer,
		      struct buf *space);
/* The client's own word for a field of the API's; empty where it has none. */
struct bytes httpreq_field(const struct conn *c, struct bytes field);
/* The name's handle is out of date, and nobody can keep the new one. */
void httpreq_stale(const struct conn *c);

/* ---- front_answer.c ---- */

/* A message from the vault. */
void api_answer(uint16_t number, const void *msg);
/* Make front.providers. 0 or -errno. */
int api_init(void) must_check;

/* ---- front_metrics.c ---- */

/* The vault and, by way of it, the scribe are asked first, and not for longer than METRICS_MS. */
#define METRICS_MS 2000
void metrics_request(struct conn *c);
/* The vault's numbers are there, or will not come. */
void metrics_reply(struct conn *c);

/* ---- front_openapi.c ---- */

/* The answer to GET /openapi.json. */
struct bytes openapi_document(void);
