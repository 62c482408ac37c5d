/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the courier. courier.c: its life, its edges, and what is asked of it. courier_send.c: requests go out. courier_answer.c: what comes back. courier_dns.c: requests that are DNS messages. courier_login.c: what credentials are traded for. courier_trade.c: codes of OAuth.
 */
#include "base/idmap.h"
#include "egress/client.h"
#include "egress/dnstcp.h"
#include "role/role.h"
#include "role/secrets.h"
#include "role/target.h"
#include "sign/tsig.h"

/* Somebody waits for a login. */
struct login_wait {
	struct login_wait *next, **prev; /* PREV: NULL while nobody is waited for */
	void (*fn)(struct login_wait *w, enum code code, bool sent, const char *detail);
	uint64_t login; /* number of the login that login_get() gave last */
};

/* A call of the vault's, for as long as the vault wants it. It has one exchange in flight at most. */
struct errand {
	struct idmap_node node; /* by call */
	const struct provider *provider;
	struct buf credentials;
	int64_t deadline; /* loop_now() */
	struct url base;  /* errand_base()'s, where BASE_EPOCH is still the gateway's */
	uint64_t base_epoch;
	bool may_change;
	unsigned char integration[INTEGRATION_ID_BYTES];
	struct buf zone_id; /* PERMIT's */
	struct permit permit;

	const struct exchange *exchange;  /* being sent, or NULL */
	struct buf target, headers, body; /* without the credential */
	bool more;	  /* of BODY is to come: it is not on its way, and waits for no login */
	struct buf shown; /* secrets_note()'s */
	struct buf forms; /* errand_secrets()'s */
	size_t own_forms; /* bytes of them: the credential's */
	struct login_wait login;
	bool logged_in_again;	  /* the call was refused once with what a login gave */
	uint64_t told;		  /* number of the login whose fields the vault was told */
	struct egress_call *sent; /* not NULL from egress_start() to its end */
	struct dnstcp_call *sent_dns;
	struct tsig_mac mac; /* of what was sent, for its answer */
};

struct courier {
	struct role *role;
	struct channel vault, planner;
	struct idmap errands, trades;
	struct egress *egress;
	struct address_rules rules;
	struct bytes ca;
	/* Plists of pairs: a provider's name, and what the gateway has of its own there; and what is being told anew. */
	struct buf gateway, next_gateway;
	uint64_t gateway_epoch; /* from 1; another one with each GATEWAY */
};
extern struct courier courier;

/* ---- courier.c ---- */

bool self_hosted(void); /* this is the courier of self-hosted providers */
/* What the gateway has of its own at the provider; empty when nothing. */
struct bytes gateway_fields(const struct provider *provider);
/* FIELD of it, which is an address: parsed to *OUT. False when there is none. */
bool gateway_url(const struct provider *provider, const char *field, struct url *out);
/* The answer to the exchange under way holds the credential. */
#define ANSWER_HOLDS_SECRET "the provider's answer holds the credential itself, and was not used"
/* *FORMS: of all that E's request shows, good until the next request. False when there is no memory. */
bool errand_secrets(struct errand *e, struct bytes *forms) must_check;
/* There is no exchange under way any more. */
void exchange_over(struct errand *e);
/* The planner asks for what is not in the table, WHY says how: its channel is closed. */
void courier_bad_planner(const char *why);

/* ---- courier_send.c ---- */

/* Where the provider is; the operator may say something else than the table. *OUT is E's. 0, or as target_base(). */
int errand_base(struct errand *e, const struct url **out) must_check;
/* The request is whole: send it, perhaps after a login, or tell the planner why not. */
void errand_launch(struct errand *e);
/* The login that E waits for is over. */
void errand_on_login(struct login_wait *w, enum code code, bool sent, const char *detail);

/* ---- courier_answer.c ---- */

/* Why an exchange or a login failed, as the planner and the vault are told. */
enum code failure_code(enum egress_failure f);
/* To the planner. An answer for which there is no room fails instead, as overloaded. */
void send_failed(uint64_t call, enum code code, bool sent, const char *detail);
void send_answer(uint64_t call, const struct egress_answer *a);
/* The exchange is over, and its answer goes on, but for what it repeats of the credential: A's buffers are scrubbed where they are. */
void answer_deliver(struct errand *e, const struct egress_answer *a);

/* ---- courier_dns.c ---- */

/*
 * Sign the message in E->body, and send it to SERVER. What comes back goes to the planner with HTTP's status for the rcode: 200, 400, 403, 404 or 503. 0, TARGET_E_ARGS when it is not what the
 * exchange may be, TARGET_E_FIELD, -errno.
 */
int dns_send(struct errand *e, const struct url *server, struct bytes fields) must_check;

/* ---- courier_login.c ---- */

/* Which login. */
struct login_key {
	const struct provider *provider;
	const struct login *login;
	struct bytes credentials;   /* plist of pairs */
	struct bytes zone_id, fqdn; /* a scoped one: what is to be changed… */
	enum rr_type type;
	bool all_types;
	const unsigned char *integration; /* whose it is, for what is renewed; NULL: nobody's yet */
};

/*
 * What the credentials are traded for: *FIELDS, a plist that is good for this turn of the loop, and 1; or 0, and W->fn is called once, perhaps before login_get() returns: with
 * CODE_OK (then ask again), or with what went wrong. -EAGAIN: too many are under way; -errno.
 */
int login_get(const struct login_key *key, struct login_wait *w, struct bytes *fields) must_check;
/* As login_get() where that is 1; or false, and no login is begun. */
bool login_peek(const struct login_key *key, struct login_wait *w, struct bytes *fields) must_check;
/* W does not wait any more. */
void login_leave(struct login_wait *w);
/* What login_get() gave W is refused, or was for this once: it is not given out again. What came since then stays, and a refresh token is still good for the next login. */
void login_spoil(const struct login_key *key, const struct login_wait *w);
/* Tell the vault what a renewal gave, and CALL, if not 0, that was served with it. Nothing when FIELDS is no such thing. */
void login_tell(uint64_t call, const unsigned char *integration, struct bytes fields);
/* The gateway's own credentials changed: forget all that was got with them. */
void logins_forget(void);

/* ---- courier_trade.c ---- */

void trade_begin(const struct vc_trade *m);
/* The vault does not want to know any more. */
void trade_end(uint64_t call);
void trades_end(void);
