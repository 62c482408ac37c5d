/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the resolver: DNS for the vault. It has no credential and no file, and nothing that is told here is a secret. resolver.c: its life, its edge. resolver_check.c: do a zone's servers show a record?
 * resolver_follow.c: where do CNAMEs lead?
 */
#include "base/idmap.h"
#include "dns/answer.h"
#include "egress/dnsask.h"
#include "role/role.h"

#define RESOLVER_ERRANDS_MAX 10000 /* checks and follows at once */
#define RESOLVER_CHECK_MS    20000 /* a whole check, */
#define RESOLVER_FOLLOW_MS   10000 /* or follow, */
#define RESOLVER_LOOK_MS     6000  /* and one question to the recursive servers */
#define RESOLVER_CNAMES_MAX  8

struct resolver_role {
	struct role *role;
	struct channel vault;
	struct resolver *recursive;
	struct address_rules rules;
	char servers[IPC_RESOLVERS_MAX + 1]; /* "": those of resolv.conf */
	struct dnsask authorities;
	struct idmap checks, follows; /* by call */
};
extern struct resolver_role resolver;

/* ---- resolver.c ---- */

/* Set T; it must not fail. */
void resolver_timer(struct loop_timer *t, int64_t msec);
/* ANSWER, as question_fn has it, is a good one to the question for NAME and TYPE, and goes to *M. */
bool resolver_understands(struct bytes answer, const struct dns_name *name, uint16_t type,
			  struct message *m) must_check;

/* ---- resolver_check.c ---- */

/* -EBADMSG: the vault says no such thing. What else there is to say is told the vault. */
int check_begin(const struct vr_check *m) must_check;
/* False: there is no such check. */
bool check_abort(uint64_t call);
void checks_end(void);

/* ---- resolver_follow.c ---- */

int follow_begin(const struct vr_follow *m) must_check;
void follow_abort(uint64_t call);
void follows_end(void);
