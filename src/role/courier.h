/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the courier. courier.c: its life, its edges, and requests. courier_login.c: what credentials are traded for. courier_trade.c: codes of OAuth.
 */
#include "base/idmap.h"
#include "egress/client.h"
#include "role/role.h"
#include "role/target.h"

struct errand;

/* Somebody waits for a login. */
struct login_wait {
	struct login_wait *next, **prev; /* PREV: NULL while nobody is waited for */
	void (*fn)(struct login_wait *w, enum code code, bool sent, const char *detail);
};

struct courier {
	struct role *role;
	struct channel vault, planner;
	struct idmap errands, trades;
	struct egress *egress;
	struct address_rules rules;
	struct bytes ca;
	struct buf
		gateway; /* plist of pairs: a provider's name, and what the gateway has of its own there */
};
extern struct courier courier;

/* Why an exchange or a login failed, as the planner and the vault are told. */
enum code failure_code(enum egress_failure f);

/* Which login. */
struct login_key {
	const struct provider *provider;
	const struct login *login;
	struct bytes credentials;   /* plist of pairs */
	struct bytes zone_id, fqdn; /* a scoped one: what is to be changed */
};

/*
 * What the credentials are traded for: *FIELDS, a plist that is good for this turn of the loop, and 1; or 0, and W->fn is called once, perhaps before login_get() returns: with
 * CODE_OK (then ask again), or with what went wrong. -errno.
 */
int login_get(const struct login_key *key, struct login_wait *w, struct bytes *fields) must_check;
/* W does not wait any more. */
void login_leave(struct login_wait *w);
/* What they were traded for is refused, or was for this once: forget it. False when there was nothing to forget. */
bool login_spoil(const struct login_key *key);
/* ---- courier_trade.c ---- */

void trade_begin(const struct vc_trade *m);
/* The vault does not want to know any more. */
void trade_end(uint64_t call);
void trades_end(void);

/* ---- courier.c ---- */

bool self_hosted(void); /* this is the courier of self-hosted providers */

/* ---- courier_login.c ---- */

/* What the gateway has of its own at the provider; empty when nothing. */
struct bytes gateway_fields(const struct provider *provider);
/* FIELD of it, which is an address: parsed to *OUT. False when there is none. */
bool gateway_url(const struct provider *provider, const char *field, struct url *out);
