/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * A provider is data plus pure functions (DESIGN section 7). An operation is a list of exchanges;
 * each has its method and path as data, a build that says what to ask, and a parse that says what
 * the answer means. No socket, no clock, no random source, no log, no secret: what is needed comes
 * in with struct op.
 *
 * A provider file defines one `const struct provider`; provider/table.c lists them.
 */
#include "base/buf.h"
#include "base/code.h"
#include "base/json.h"
#include "dns/record.h"

#define PROVIDER_STEPS_MAX    8	  /* exchanges in one operation's list */
#define PROVIDER_EXCHANGES    400 /* sent for one operation, repeats included */
#define PROVIDER_RESTARTS     4	  /* times an operation may begin again */
#define PROVIDER_PAGES_MAX    200
#define PROVIDER_ZONES_MAX    10000
#define PROVIDER_JSON_DEPTH   32
#define PROVIDER_ID_MAX	      1024 /* bytes of a record's or zone's id */
#define PROVIDER_DETAIL_MAX   200  /* bytes of a provider's message that may reach the caller */
#define PROVIDER_BODY_MAX     (4 * 1024 * 1024)
#define PROVIDER_REQUEST_MAX  (1024 * 1024)
#define PROVIDER_REPLACED_MAX (256 * 1024) /* bytes of a plist of overwritten records */
#define PROVIDER_LINE_MAX     (16 * 1024)  /* bytes of one of them */
#define PROVIDER_OTHERS_MAX   100   /* records that one replace may remove, where each has an id */
#define PROVIDER_RETRY_MAX    86400 /* seconds of waiting that we believe */
#define PROVIDER_HEADERS      4
#define PROVIDER_ALSO	      3
#define PROVIDER_DEFAULT_TTL  60

enum category { CATEGORY_STATIC, CATEGORY_OAUTH, CATEGORY_DELEGATED };

/* A credential field, as GET /providers shows it and as make_integration checks it. */
struct field_def {
	const char *name;  /* the name that the API uses */
	const char *label; /* for a form */
	const char *help;  /* one sentence for the customer */
	/*
	 * A regular expression, both POSIX extended and ECMAScript, that the whole value matches.
	 */
	const char *pattern;
	/* The value when it is left out; NULL: the field must be given, unless optional. */
	const char *preset;
	size_t max;  /* bytes */
	bool secret; /* never shown to build or parse, never logged */
	bool optional;
};

/* Where the credential goes. Only the courier puts it there. */
enum auth_kind {
	AUTH_NONE,
	AUTH_HEADER, /* "NAME: PREFIX" ‖ field */
};

struct auth {
	enum auth_kind kind;
	const char *name;
	const char *prefix; /* "" or "Bearer " */
	const char *field;
};

struct op;

/*
 * What one exchange asks beyond its method and path. Both buffers are the engine's; build appends.
 */
struct request {
	struct buf query; /* plist of pairs, unencoded */
	struct buf body;  /* empty: no body; else JSON */
};

struct answer {
	unsigned status; /* HTTP */
	bool has_retry_after;
	uint32_t retry_after; /* seconds */
	struct bytes headers; /* plist of pairs: those of provider->headers that came */
	struct bytes body;
	const json_t *json; /* NULL unless the body is JSON within our limits */
};

enum verdict {
	VERDICT_NEXT,	 /* the list's next step; past its end: done */
	VERDICT_AGAIN,	 /* this step once more: the next page, the next candidate */
	VERDICT_RESTART, /* the list from its start: somebody interfered; PROVIDER_RESTARTS */
	VERDICT_DONE,
	VERDICT_ERROR, /* op_fail() has said what */
};

enum {
	BUILD_SKIP = 1, /* nothing to ask here: on to the next step */
};

struct exchange {
	const char *name;   /* "zones", "look", "create": for tests and the replay tool */
	const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
	/*
	 * Segments in braces are filled in and percent-encoded by the courier, so that no value
	 * can leave the template: {zone} the zone's id, {record} the record's id, {other} the
	 * first of op->others, {account} what an earlier step found, {=field} a credential field
	 * that is not secret, which the courier takes from the credential itself.
	 */
	const char *path;
	/* May change the customer's zone: refused by the courier until an intent is durable. */
	bool changes;
	/*
	 * Statuses beyond 2xx that parse wants to see; the engine judges all others. Zeroes fill
	 * it up.
	 */
	unsigned also[PROVIDER_ALSO];
	/* NULL: no query, no body. Returns 0, BUILD_SKIP, or -errno. */
	int (*build)(const struct op *op, struct request *req);
	enum verdict (*parse)(struct op *op, const struct answer *a);
};

/* For tables: .also may follow. */
#define EXCHANGE_READ(name_, path_, build_, parse_, ...)                                           \
	{                                                                                          \
		.name = name_, .method = "GET", .path = path_, .build = build_, .parse = parse_,   \
		.also = {__VA_ARGS__},                                                             \
	}
#define EXCHANGE_CHANGE(name_, method_, path_, build_, parse_, ...)                                \
	{                                                                                          \
		.name = name_, .method = method_, .path = path_, .changes = true, .build = build_, \
		.parse = parse_, .also = {__VA_ARGS__},                                            \
	}

/* One of the provider's own error codes. */
struct error_def {
	const char *text; /* an integer in decimal */
	/*
	 * CODE_OK: a change may be done already, or somebody interfered: begin again and look,
	 * once.
	 */
	enum code means;
};

/*
 * How an API where each record has an id shows zones and records: what the stock parses read.
 * Paths are answer_at()'s.
 */
struct shape {
	const char *zones; /* path of an array */
	const char *zone_id, *zone_name;
	bool (*zone_ok)(const json_t *zone); /* active, writable and public */
	const char *records;		     /* path of an array */
	const char *record;		     /* path of one, in the answer to a create or a get */
	const char *pages; /* path of the number of pages, of zones and of records */
	const char *id, *name, *type, *content, *ttl; /* of a record */
	bool relative; /* names are relative to the zone, "" or "@" at the apex */
	/*
	 * Presentation content where it is not the string CONTENT: written to SPACE. NULL: it
	 * always is.
	 */
	struct bytes (*content_of)(const json_t *record, struct buf *space);
};

enum op_kind {
	OP_ZONES,     /* list the account's zones: op_add_zone() for each */
	OP_FIND_ZONE, /* the longest zone that holds op->fqdn: op_add_zone() keeps just that */
	OP_ADD,	      /* look, then add: op->found, op->record_id */
	OP_REMOVE,    /* look, then remove what was added: op->removed */
	OP_KINDS,
};

struct provider {
	const char *name;  /* "cloudflare" */
	const char *title; /* "Cloudflare" */
	enum category category;
	bool zone_id_is_name; /* a zone's id is its name, so that the vault can check what the planner says */
	bool self_hosted; /* the customer names the host in field base_field */
	/*
	 * The vault lets one change at a time into a zone (per server). For record sets without
	 * compare-and-swap, and for servers that cannot take two at once.
	 */
	bool serialise;
	/* "https://api.cloudflare.com/client/v4", or a path under the customer's URL. */
	const char *base;
	const char *base_field;		/* self-hosted: the field with the URL */
	const struct field_def *fields; /* ends with a NULL name */
	struct auth auth;
	const char *account_field; /* fills {account} when the customer gave it; or NULL */
	const char *headers[PROVIDER_HEADERS]; /* of the answer, that parse wants to see */
	/* Paths in an answer's JSON, or NULL: */
	const char *success; /* true in every good answer; an error may come with status 200 */
	const char *message; /* an error's text */
	const char *code;    /* an error's code, a string or an integer: */
	const struct error_def *errors; /* what it means; ends with a NULL text */
	const struct shape *shape;	/* for stock.c */
	uint32_t min_ttl;
	/* The lists; each ends with NULL. OP_FIND_ZONE may be left out: then OP_ZONES is run. */
	const struct exchange *ops[OP_KINDS][PROVIDER_STEPS_MAX];
	/*
	 * Judges an answer before all else, where tables do not do: the provider's way to say
	 * "wrong credential", "slow down", "no such zone". Returns true when it called op_fail().
	 * May be NULL.
	 */
	bool (*error)(struct op *op, const struct answer *a);
};

/*
 * One operation, from what the vault asks to what it gets. The engine owns it; providers read and
 * fill it.
 */
struct op {
	/* in */
	const struct provider *provider;
	enum op_kind kind;
	int64_t now;	      /* seconds since 1970 */
	struct bytes fields;  /* plist of pairs: the fields that are not secret */
	struct dns_name fqdn; /* all but OP_ZONES */
	struct dns_name zone; /* OP_ADD, OP_REMOVE */
	enum rr_type type;
	struct bytes value; /* canonical */
	enum record_mode mode;
	uint32_t ttl; /* 0: the provider's default */
	struct bytes
		wanted_id; /* OP_REMOVE: the record's id from its handle; empty for record sets */

	/* between steps */
	struct buf zone_id;   /* {zone}; OP_ADD and OP_REMOVE: given */
	struct buf record_id; /* {record}; also out; OP_REMOVE: wanted_id */
	struct buf account;   /* {account} */
	struct buf others;    /* {other}: plist of ids, of the records that a replace removes */
	struct buf cursor;    /* the next page's cursor, where it is text */
	unsigned page;	      /* from 1 */
	unsigned candidate;   /* OP_FIND_ZONE by names: labels cut off so far */
	unsigned step, sent, restarts;
	bool changed;	   /* an exchange with .changes was sent: the zone may have changed */
	bool applied;	   /* and the provider did not refuse it */
	bool there;	   /* our value was seen at the name */
	bool obstacle;	   /* OP_ADD: and something that must not be removed stands in its way */
	bool looked_again; /* the one restart after a change with an unclear end is spent */
	bool zone_clash;   /* OP_FIND_ZONE: the longest zone is there twice */
	json_t *kept;	   /* something to keep between steps; see op_keep() */

	/* out */
	struct buf zones; /* plist: name, id, name, id… */
	size_t zone_count;
	bool found, removed, pending;
	struct buf replaced;  /* plist of presentation lines: "name ttl TYPE content" */
	enum code error;      /* CODE_OK unless VERDICT_ERROR */
	uint32_t retry_after; /* seconds; 0: not said */
	char detail[PROVIDER_DETAIL_MAX + 1]; /* a short printable text, or "" */
};

/* ---- for providers (provider/op.c) ---- */

/* The exchange under way; NULL past the list's end. */
const struct exchange *op_exchange(const struct op *op);
/* A credential field that is not secret; empty when absent. */
struct bytes op_field(const struct op *op, const char *name);

/*
 * Fail with CODE and a text of ours, or of the provider (cleaned: printable, cut to size). Returns
 * VERDICT_ERROR.
 */
enum verdict op_fail(struct op *op, enum code code, struct bytes detail);
enum verdict op_fail_text(struct op *op, enum code code, const char *detail);
/* Fail with CODE and the answer's own text, or its status where it has none. */
enum verdict op_fail_answer(struct op *op, enum code code, const struct answer *a);
/* Fail because the answer lacks what the API promises. */
enum verdict op_fail_shape(struct op *op);

/*
 * What lies at PATH in the answer's JSON: keys and indices with dots between ("errors.0.code"). NULL
 * when there is nothing.
 */
const json_t *answer_at(const struct answer *a, const char *path);

/*
 * A zone of the account, by the name the provider gives. Names we cannot take are passed over.
 * OP_FIND_ZONE keeps the longest that holds op->fqdn; the same name with another id is
 * CODE_CONFLICT at the end. False when it called op_fail().
 */
bool op_add_zone(struct op *op, struct bytes name, struct bytes id) must_check;
/*
 * After a page of a list whose last page has number TOTAL, a JSON integer: VERDICT_AGAIN, or
 * VERDICT_NEXT at its end.
 */
enum verdict op_next_page(struct op *op, const json_t *total);

/* Is NAME, a JSON string, op->fqdn? In full, with or without a final dot, or RELATIVE to the zone. */
bool op_at_name(const struct op *op, const json_t *name, bool relative);
/* The zone's own name: its NS and SOA records are never touched. */
bool op_at_apex(const struct op *op);
/* Is this the record that op is about, its name aside? */
bool op_is_ours(const struct op *op, struct bytes type, struct bytes content);

/*
 * OP_ADD: sets op->found for what a look has shown. A value that appeared after a change of ours
 * was not found but made.
 */
void op_set_found(struct op *op, bool there);
/*
 * OP_REMOVE: the record is not there, perhaps because an earlier try has removed it. Returns
 * VERDICT_DONE.
 */
enum verdict op_gone(struct op *op);
/*
 * A change was refused in a way that may mean that it is already done ("duplicate"): begin again
 * and look. The second time it is CODE_PROVIDER_REJECTED.
 */
enum verdict op_look_again(struct op *op, const struct answer *a);

/* What a replace is about to overwrite: type and content as the provider shows them. */
void op_note_replaced(struct op *op, const char *type, struct bytes content, uint64_t ttl);
/* Will the courier take it as a path's segment: printable, of fit length, not "." or ".."? */
bool op_usable_id(struct bytes id);
/* An id, as the text of a JSON string or integer. False when it is neither, or not usable. */
bool op_set_id(struct buf *id, const json_t *v);
/* Keep V, or NULL, in place of what was kept. Takes V. */
void op_keep(struct op *op, json_t *v);
/* The TTL to ask for: the caller's or the default, at least the provider's minimum. */
uint32_t op_ttl(const struct op *op);
/* The value as a JSON string: in presentation form (op_present), or canonical. NULL: no memory. */
json_t *op_present(const struct op *op);
json_t *op_canonical(const struct op *op);

/* Append "page=N" and NAME=SIZE to the query. */
void request_page(struct request *r, const struct op *op, const char *name, unsigned size);
/* Append a request query pair. */
void request_query(struct request *r, const char *name, struct bytes value);
void request_query_num(struct request *r, const char *name, uint64_t value);
/* Append a JSON text as the body. Takes V (frees it), NULL is -ENOMEM. */
int request_json(struct request *r, json_t *v) must_check;

/*
 * ---- for APIs where each record has an id (provider/stock.c) ----
 *
 * OP_ADD looks at all records of the name, takes what a replace removes out of the way (in one
 * request of the provider's own, or with stock_build_clear, one by one), and creates. OP_REMOVE
 * gets the record by its id and deletes it only if it still is the one that was added.
 */

enum verdict stock_parse_zones(struct op *op, const struct answer *a);
enum verdict stock_parse_look(struct op *op, const struct answer *a);
int stock_build_clear(const struct op *op, struct request *req);
enum verdict stock_parse_clear(struct op *op, const struct answer *a); /* .also = {404} */
enum verdict stock_parse_create(struct op *op, const struct answer *a);
enum verdict stock_parse_get(struct op *op, const struct answer *a);	/* .also = {404} */
enum verdict stock_parse_delete(struct op *op, const struct answer *a); /* .also = {404} */

/* ---- the table (provider/table.c) ---- */

/* All there are; each NAME is a provider_NAME in NAME.c. */
#define PROVIDER_LIST(X)                                                                           \
	X(cloudflare)                                                                              \
	X(dnsimple)                                                                                \
	X(powerdns)

#define X(name) extern const struct provider provider_##name;
PROVIDER_LIST(X)
#undef X

extern const struct provider *const providers[]; /* ends with NULL */
/* NULL when there is none of that name. */
const struct provider *provider_by_name(struct bytes name);
/*
 * The exchange with this number of the provider's flat list (see provider_exchange_number), or
 * NULL.
 */
const struct exchange *provider_exchange(const struct provider *p, unsigned number);
/*
 * Numbers are stable within one binary: all roles run the same. -1 when the exchange is not the
 * provider's.
 */
int provider_exchange_number(const struct provider *p, const struct exchange *e);
/*
 * Check credentials against the provider's fields: all known, none missing, within size, matching.
 * PAIRS is a plist of pairs. Appends them to OUT with presets filled in. Returns 0;
 * PROVIDER_E_FIELD with *FIELD the field at fault (a static name of the table, or "credentials")
 * and *WHY a static sentence; or -errno.
 */
enum { PROVIDER_E_FIELD = 1 };
int provider_check_credentials(const struct provider *p, struct bytes pairs, struct buf *out,
			       const char **field, const char **why) must_check;
/* Copy only the fields that are not secret. */
int provider_public_fields(const struct provider *p, struct bytes pairs,
			   struct buf *out) must_check;
