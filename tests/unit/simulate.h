/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * A provider's record sets, behind the provider's own requests and answers, with its own compare-and-swap: Route 53's batches (a DELETE names what is there, a CREATE needs that
 * nothing is), Google's deletions and additions, Azure's ETags. One zone, example.com.
 */
#include "provider/engine.h"

#define SIM_ZONE "example.com"
#define SIM_SETS 16

enum sim_mode {
	SIM_TRUE,  /* as the provider does it */
	SIM_BLIND, /* no compare-and-swap: the last writer wins */
	SIM_LIES,  /* a change that lost its race is answered as if it had won */
};

struct sim_set {
	char name[80]; /* "a.example.com" */
	char type[8];
	json_int_t ttl;
	json_t *values; /* as the API has them */
	unsigned version;
};

struct sim {
	const struct provider *provider; /* route53, googleclouddns or azuredns */
	enum sim_mode mode;
	struct sim_set sets[SIM_SETS];
	size_t n;
	unsigned versions;
	const char *
		complaint; /* what a request did that none may do: other values, their order, a TTL; or NULL */
};

void sim_init(struct sim *s, const struct provider *p, enum sim_mode mode);
void sim_done(struct sim *s);
const char *sim_zone_id(const struct sim *s);
/* Do what OP's request R asks, and answer. */
void sim_serve(struct sim *s, const struct op *op, const struct engine_request *r, unsigned *status,
	       struct buf *body);

/* Past the API: is TEXT a value of the TXT set? Another writer adds it, or takes it away. */
bool sim_has(const struct sim *s, const char *name, const char *text);
size_t sim_count(const struct sim *s, const char *name);
void sim_add(struct sim *s, const char *name, const char *text);
void sim_remove(struct sim *s, const char *name, const char *text);
