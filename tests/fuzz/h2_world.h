/* SPDX-License-Identifier: ISC */
#pragma once

/* What fuzz_h2 has in place of the clock, of names, sockets and TLS; and who looks at what goes by. */
#include "egress/client.h"
#include "fuzz.h"

#include <nghttp2/nghttp2.h>

#define CALLS_MAX   24
#define CONNS_MAX   24
#define STREAMS_MAX 1024
#define FRAME_HEAD  9

enum {
	NEXT_FAILS = 1,
	NEXT_FORBIDDEN = 2,
	NEXT_NO_MEMORY = 4,
	NEXT_BAD_HANDS = 8,
	NEXT_HTTP1 = 16,
	NEXT_SLOW = 3 << 6, /* its handshake takes so many turns */
};

/* Frames, as they go by. */
struct frames {
	size_t before; /* bytes that are none */
	unsigned char part[FRAME_HEAD + 1024];
	size_t n; /* of this one; what PART has no room for is counted only */
};

struct tls_conn {
	int client, server;
	unsigned plan; /* NEXT_… */
	bool rude;     /* it hung up without a word */
	struct frames sent, served;
	nghttp2_hd_inflater *heads;
	/* What the server has not looked at, as it says. */
	uint32_t last;
	bool refused[STREAMS_MAX];
};

struct call {
	struct egress_call *call; /* NULL: it is over */
	unsigned how;		  /* START_… */
	struct tls_conn *conn;	  /* that it was last seen on; NULL: on none */
	uint32_t stream;
};

struct h2_world {
	struct egress *egress;
	struct call calls[CALLS_MAX];
	size_t n_calls;
	struct tls_conn *conns[CONNS_MAX];
	size_t n_conns, which;
	size_t takes, reads, served;
	unsigned short_reads; /* so many more; each is work for the kernel */
	unsigned blocked, next;
	bool starting, freed;
};

extern struct h2_world at;
extern struct loop *loop;
extern int64_t now;  /* the clock, in milliseconds */
extern int patience; /* the loop's, in milliseconds, when it waited last; -1: it had no timer */

/* Of the loop. */
void turns(unsigned n);
/* C's server sends B; that it comes whole is not said. */
void serve(struct tls_conn *c, struct bytes b);
void hang_up(struct tls_conn *c, bool rude);
/* The server has said that it did not look at what came on STREAM. */
bool not_looked_at(const struct tls_conn *c, uint32_t stream);
