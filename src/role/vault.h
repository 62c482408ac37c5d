/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the vault. vault.c: its life, its edges, and what the front asks. vault_config.c: what the operator wants. vault_call.c: a call's way through planner, scribe and courier.
 * vault_limits.c: how much of it. vault_lane.c: which change of a zone comes when. vault_line.c: lines for the audit log. vault_answer.c: what the front is told. vault_setup.c: integrations in two steps. vault_clean.c: removing without a record handle. vault_fresh.c: credentials that were renewed. vault_check.c: what DNS is asked. vault_metrics.c: what is counted.
 */
#include "base/idmap.h"
#include "role/role.h"

/*
 * Bytes of one item of what the log calls `replaced`. A longer record goes on in the next item, which then begins with "+".
 */
#define REPLACED_ITEM_MAX 2000

/*
 * A call's states, in the order it takes them; not every verb needs all.
 *
 *   TRADING   the courier trades a code of OAuth
 *   ASKING    the resolver finds out: what the servers show, or where CNAMEs lead
 *   READING   courier and planner have the call: the planner finds out the zones, or the zone
 *   QUEUED    another change is under way in the zone
 *   INTENT    the intent is being made durable
 *   CHANGING  the planner looks and changes
 *   LOGGING   the answer waits until its line is durable
 */
enum call_state {
	CALL_NEW,
	CALL_TRADING,
	CALL_ASKING,
	CALL_READING,
	CALL_QUEUED,
	CALL_INTENT,
	CALL_CHANGING,
	CALL_LOGGING,
	CALL_STATES
};

/* The changes of one zone on one server, one at a time; its head is under way. */
struct lane {
	struct idmap_node
		node; /* by a keyed hash of server and zone; two that collide merely wait for each other */
	struct call *head, **tail;
	struct loop_timer next; /* the head's turn comes */
};

#define VAULT_CALLERS_MAX 256

/* What a caller may do: the front has looked at its verbs. */
struct caller_rules {
	char name[IPC_CALLER_MAX + 1];
	uint64_t providers; /* bit 1 << its place in the table */
	enum policy_profile loosest;
	uint32_t rate, burst, zones, in_flight; /* see FIELDS_s_caller */
};

/* The calls of a caller that are under way. There is none without a call. */
struct under_way {
	struct idmap_node node; /* by a keyed hash of the caller's name */
	uint32_t n;
};

struct caller_count {
	char name[IPC_CALLER_MAX + 1];
	uint32_t refused; /* calls over a rate, of which the log was not told yet */
	uint32_t zones;	  /* in which it made changes within this hour */
	bool told;	  /* that these are too many */
};

struct call {
	struct idmap_node node;	   /* by the vault's own id */
	struct idmap_node request; /* in vault.requests, while HAS_REQUEST */
	bool has_request;
	uint64_t front_call;
	uint64_t front_epoch; /* of which front; answers to an earlier one are dropped */
	enum verb verb;
	enum call_state state;
	bool opening;	 /* counted in vault.opening */
	bool planning;	 /* the planner was told to do something, and has not said how that ended */
	int64_t started; /* loop_now() */
	struct loop_timer timer;

	char request_id[IPC_REQUEST_ID_MAX + 1];
	char customer[CUSTOMER_MAX + 1];
	struct caller_rules rules;   /* as they were when it began */
	struct under_way *under_way; /* NULL: its caller has no limit */

	const struct provider *provider; /* NULL until known */
	struct integration
		integration;  /* borrows from plain, or from credentials and zones_asked */
	struct record record; /* remove, inspect: borrows from record_plain */
	struct buf plain, record_plain, credentials;
	struct buf
		zones_asked; /* make_integration: for the handle; add, clean: the record is in one of these, unless there are none */
	bool has_integration, has_record;
	bool clean;	    /* remove_record without a record handle: vault_clean.c */
	bool fresh;	    /* the credential is newer than the caller's handle */
	struct setup setup; /* borrows from setup_plain, or from the next */
	struct buf setup_plain, redirect_uri, verifier;
	unsigned char state_bytes[SETUP_STATE_BYTES];
	struct buf authorize_url, instructions;
	enum handle_kind kind;		    /* inspect, rewrap */
	unsigned char key_id[KEY_ID_BYTES]; /* inspect: what the handle is sealed with */

	struct buf fqdn_text, type_text; /* as asked, for the log */
	struct dns_name fqdn, zone;
	bool has_zone;
	enum rr_type type;
	enum record_mode mode;
	uint32_t ttl;
	struct buf value; /* canonical */
	struct buf zone_id;
	enum policy_profile profile;

	/* what came of it */
	struct buf zones, replaced, record_id, handle;
	struct buf servers; /* check_record: as vf_checked has them */
	bool visible;
	bool heard; /* the planner told the end of the change; else it is not known */
	bool changed, found, removed, pending;
	enum code code;
	struct buf field, detail; /* for the error; without a detail, the code's title does */
	uint32_t retry_after;
	bool refused; /* by us, before anything was done */

	bool has_intent, failed;
	bool intent_lost; /* not durable; but it may stand in the log */
	uint64_t intent_seq;
	unsigned char leaf[LEAF_HASH_BYTES];

	struct lane *lane;
	struct call *lane_next;
};

/* What the operator decided; told anew at a reload, and then swapped as a whole. Lies in sodium_malloc() memory, for the keys' sake. */
struct vault_config {
	struct keyring keys;
	struct policy_config policy; /* borrows from the next two */
	struct buf targets, authorities;
	struct buf
		gateway; /* plist of pairs: a provider's name, and what is open of the gateway's own there */
	enum policy_profile policy_default;
	uint32_t call_ms;
	struct caller_rules callers[VAULT_CALLERS_MAX];
	size_t n_callers;
	uint32_t integration_rate, integration_burst;
	struct buf denied; /* ids of integrations that are called off, sorted */
	uint64_t opened[KEYRING_MAX][HANDLE_KINDS]; /* handles, with each of the keys */
};

struct vault {
	struct role *role;
	struct channel front, scribe;
	struct channel resolver;
	struct channel planner[2], courier[2]; /* [1]: self-hosted providers */
	bool courier_hears[2]; /* its cv_hello has come, or it will hear us when it comes */
	uint64_t front_epoch, next_id, next_token;
	struct idmap calls, lanes, lines;
	struct idmap
		requests; /* what is in flight, or not in the log yet, by a keyed hash of its request id */
	struct idmap newest;	  /* vault_fresh.c */
	struct idmap used_setups; /* vault_setup.c */
	/* vault_limits.c */
	struct idmap limits, zones_seen, under_way;
	struct caller_count counts[VAULT_CALLERS_MAX + 1];
	size_t n_counts;
	int64_t hour; /* loop_now() when it began */
	struct loop_timer tell_limits;
	size_t opening; /* calls of which the courier is to tell that it has taken them on */
	struct loop_timer hold; /* the front is not listened to until then */
	bool silent;		/* that was not enough: the courier has not spoken since */
	struct vault_config *config, *next_config;
	unsigned char hash_key[16];
	size_t unheard; /* lines that this scribe was sent and has not answered */
	struct loop_timer scribe_hangs;
	bool writable; /* the scribe says so */
	char reason[IPC_REASON_MAX + 1];
	bool told;			      /* the front heard something… */
	char told_reason[IPC_REASON_MAX + 1]; /* …and this was it; "" for ready */
	bool ready_sent;
};
extern struct vault vault;

/* ---- vault.c ---- */

/* May the call's caller use its provider? False when the call is over; FIELD is named then. */
bool may_use_provider(struct call *c, const char *field) must_check;
/* make_integration: the credential is known; verify it, and seal. */
void make_go(struct call *c);

/*
 * Open the handle; take a record as it is asked for, and in which of its zones it may be. False when the call is over.
 */
struct asked {
	struct bytes handle, fqdn, type, value, zones;
};
bool take_record(struct call *c, const struct asked *asked) must_check;
/* The record is known that is to be added, or cleaned up: at its name, or where CNAMEs lead from there? */
void record_go(struct call *c, bool follow);
/* It is known at which name: may it be, and if so, on to the provider. */
void add_go(struct call *c);

/* ---- vault_clean.c ---- */

void clean_record(struct call *c, const struct fv_clean_record *m);

/* ---- vault_check.c ---- */

/* The record's handle is open: ask the provider, if it has a word for it, and then the zone's servers. */
void call_check(struct call *c);
void call_check_servers(struct call *c);
/* Where do CNAMEs at C->fqdn lead? add_go() follows. */
void call_follow(struct call *c);
void on_resolver(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd);
/* It went away: what it was asked ends. */
void resolver_lost(void);

/* ---- vault_config.c ---- */

/* There is one, if an empty one. */
void vault_config_init(void);
void vault_control(struct role *r, uint16_t number, const void *msg, int fd);

/* ---- vault_setup.c ---- */

void setup_begin(struct call *c, const struct fv_begin_integration *m);
/* make_integration with a setup handle; the zones, the policy and so on are taken already. */
void setup_make(struct call *c, const struct fv_make_integration *m);
/* What a code was traded for, or what became of a probe. */
void setup_traded(struct call *c, enum code code, struct bytes fields, const char *detail);

/* ---- vault_fresh.c ---- */

/* Is a newer credential known than the call's? Then it has that from now on. */
void fresh_look(struct call *c);
/* A courier was given new FIELDS for the credential of that integration. Wiped when the vault ends. */
void fresh_rotated(const unsigned char id[INTEGRATION_ID_BYTES], struct bytes fields);

/* ---- vault_call.c ---- */

void call_free(struct call *c);
struct call *call_by_id(uint64_t id);
/*
 * A call begins, in *OUT; it must end with call_finish() or call_fail(). 0; CALL_E_REQUEST_ID: a request of that id is in flight, or its
 * outcome not in the log yet, and the log tells whose outcome it is by the id; -ENOMEM.
 */
enum { CALL_E_REQUEST_ID = 1 };
int call_new(struct call **out, enum verb verb, uint64_t front_call, struct bytes request_id,
	     const struct caller_rules *rules, struct bytes customer) must_check;
/* Have a code traded for what FIELDS say. */
void call_trade(struct call *c, bool probe, struct bytes fields);
/* On to the provider. The call's integration is open, its record known. */
void call_go(struct call *c);
/* It is over, well or not: let go of everything, write the line, answer. */
void call_finish(struct call *c);
/* False: there was not the memory for all that the call consists of. */
bool call_is_whole(struct call *c);
/* It is over, with CODE. The rest is as for call_say(). */
void call_fail(struct call *c, enum code code, const char *field, const char *detail);
/* Answered as over a limit, and gone: the log is told how many there were, not of each. */
void call_limited(struct call *c, uint32_t retry_after);
/* As call_fail, for what we refuse ourselves. */
void call_refuse(struct call *c, enum code code, const char *field, const char *detail);
/* Milliseconds that the operator still gives it. */
int64_t call_time_left(const struct call *c);
/* It ends when these are over, whoever it waits for. */
void call_await(struct call *c);
/* 0: public providers; 1: self-hosted ones. */
unsigned call_class(const struct call *c);

void on_courier(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd);
void on_planner(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd);
/* A planner or courier of that class went away: its calls end. */
void calls_lost(unsigned class, const char *what);
/* The intent's fate, from vault_line.c. */
void call_intent_written(struct call *c, bool durable, uint64_t seq, const unsigned char *leaf);

/* The change may be made, and nothing else is under way in its lane: have its intent written. */
void call_begin_intent(struct call *c);

/* ---- vault_limits.c ---- */

void limits_init(void);
/* A new configuration holds. */
void limits_apply(void);
/* NULL: there is no such caller. */
const struct caller_rules *rules_of(struct bytes caller);
bool caller_may_use(const struct call *c, const struct provider *p);
/* Is the integration called off? */
bool is_denied(const unsigned char id[INTEGRATION_ID_BYTES]);
/*
 * One more call of a caller, or of the call's integration; one more change in the call's zone. 0, or after how many seconds it may be tried again. Refusals for rate are counted for
 * the log, which gets a line a second.
 */
uint32_t limit_caller(const struct caller_rules *rules) must_check;
uint32_t limit_integration(const struct call *c) must_check;
uint32_t limit_zone(const struct call *c) must_check;
/* One more call under way of its caller; the call's end calls limit_over(). As above. */
uint32_t limit_under_way(struct call *c) must_check;
void limit_over(struct call *c);
/*
 * The courier is given the call. True: it is to tell when it has taken it on, and for as long as too many wait for that the front is not listened to. limit_opened(): it has, or the call
 * is over; of any call, and more than once.
 */
bool limit_opening(struct call *c);
void limit_opened(struct call *c);
/* A courier of cloud providers has spoken, or is gone. */
void limit_courier_spoke(void);

/* ---- vault_metrics.c ---- */

enum limit_kind { LIMIT_CALLER, LIMIT_INTEGRATION, LIMIT_ZONES, LIMIT_IN_FLIGHT, LIMITS };

/* A call is answered. */
void metrics_answered(const struct call *c);
/* A record was refused by RULE; RULE_ALLOWED: as it lies outside the handle's zones. */
void metrics_denied(enum policy_rule rule);
void metrics_limited(enum limit_kind kind);
/* A handle was opened with that key of the keyring. */
void metrics_opened(enum handle_kind kind, const unsigned char key_id[KEY_ID_BYTES]);
/* NOW takes BEFORE's place: what was counted of the keys that stay is kept. */
void metrics_keep(struct vault_config *now, const struct vault_config *before);
/* The front wants to know; the answer goes by way of the scribe, if there is one. */
void metrics_ask(const struct fv_metrics *m);
void metrics_numbers(const struct sv_numbers *m);

/* ---- vault_lane.c ---- */

/* The call's zone is known: its change begins when those before it are over. */
void lane_enter(struct call *c);
/* It is over: the next one's turn, from the loop. */
void lane_leave(struct call *c);

/* ---- vault_line.c ---- */

void line_intent(struct call *c);
/* A planner tells of records that the call's change overwrites. */
void line_replaced(struct call *c, struct channel *ch, struct bytes lines);
/* The last line of a call. With an intent behind it, it is kept until it is durable and nothing waits; else the answer waits for it. */
void line_last(struct call *c);
/* So many calls of the caller were refused for their rate. */
void line_limited(struct bytes caller, uint32_t count);
/* The front refused a known caller. One over its rate is counted, as calls are. */
void line_refused(const struct fv_refused *m);
/* A new scribe: name what is in flight, then say again what it has not confirmed. */
void lines_greet(void);
/* The scribe went away: nothing waits for it. */
void lines_lost(void);
void lines_init(void);
/* The log can be written again: say again what was refused. */
void lines_again(void);
void on_scribe(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd);

/* ---- vault_answer.c ---- */

/* What an error says beside its code; copied, and cut off where it is too long. Where there is no memory, the code alone says it. */
void call_say(struct call *c, const char *field, const char *detail);
/* Tell the front what came of the call. */
void answer(struct call *c);
/* Whether the gateway can serve, to the front, when it has changed. */
void answer_status(void);
/* Calls of that class (call_class()) can be made: planner and courier are there, and the courier hears us both. */
bool class_is_there(unsigned class);
/* The same, to the supervisor. */
void vault_report(struct role_report *out);
