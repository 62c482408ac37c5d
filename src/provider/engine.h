/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Runs one operation without I/O: engine_next() says what to send, engine_feed() takes the answer.
 * The planner does so with real answers, tests and the replay tool with recorded ones.
 */
#include "provider/provider.h"

enum {
	ENGINE_SEND = 1, /* *OUT is to be sent; then call engine_feed() or engine_lost() */
	ENGINE_DONE = 2, /* the operation is over: read op->error and the results */
};

struct engine_request {
	unsigned number; /* the exchange, by provider_exchange_number() */
	const struct exchange *exchange;
	/* A plist: the values for the path's {…}, in order, but for those that begin with '='. */
	struct bytes args;
	struct bytes query;   /* plist of pairs, unencoded */
	struct bytes headers; /* plist of pairs */
	struct bytes body;
	unsigned wait_ms; /* at least so long before it is sent */
};

struct engine {
	struct op op;
	struct buf args;
	struct request request;
	bool begun, over;
};

/* Zeroes E. Then fill in the op's inputs and call engine_next(). */
void engine_init(struct engine *e, const struct provider *p, enum op_kind kind);
void engine_done(struct engine *e); /* frees and wipes */

/* The bytes of OUT live until the next call on E. ENGINE_SEND, ENGINE_DONE or -errno. */
int engine_next(struct engine *e, struct engine_request *out) must_check;

/*
 * The answer to the last request; then call engine_next() again. What the provider's parse makes
 * of it is in the op. Returns 0 or -errno. A->json is filled in here.
 */
int engine_feed(struct engine *e, struct answer *a) must_check;

/*
 * No answer came. CODE says why (CODE_PROVIDER_TIMEOUT, CODE_PROVIDER_UNAVAILABLE…), SENT whether
 * the request may have reached the provider. A read, or a request that was never sent, ends the
 * operation with CODE; so does a change, with op->changed set.
 */
void engine_lost(struct engine *e, enum code code, bool sent, const char *detail);

/*
 * What most providers mean by a status: 401/403 provider_auth_failed, 429 provider_rate_limited,
 * 404 in a zone zone_not_found, any other 4xx provider_rejected; all else but 2xx, and a 2xx that
 * should be JSON and is not, provider_unavailable. What the exchange's .also names is left to its
 * parse. Returns true when it called op_fail().
 */
bool engine_common_error(struct op *op, const struct answer *a);
