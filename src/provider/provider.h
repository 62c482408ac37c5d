/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * A provider is data plus pure functions (docs/adding-a-provider.md). An operation is a list of exchanges;
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
#include "sign/request.h"

#define PROVIDER_STEPS_MAX	 10 /* exchanges in one operation's list, the NULL behind them too */
#define PROVIDER_EXCHANGES	 400  /* sent for one operation, repeats included */
#define PROVIDER_RESTARTS	 8    /* times an operation may begin again */
#define PROVIDER_RESTART_SECONDS 5    /* after that the caller had better wait so long */
#define PROVIDER_PAUSE_MAX	 5000 /* milliseconds between two requests */
#define PROVIDER_PAGES_MAX	 200
#define PROVIDER_ZONES_MAX	 10000
#define PROVIDER_JSON_DEPTH	 32
#define PROVIDER_ID_MAX		 1024 /* bytes of a record's or zone's id */
#define PROVIDER_DETAIL_MAX	 200  /* bytes of a provider's message that may reach the caller */
#define PROVIDER_BODY_MAX	 (4 * 1024 * 1024)
#define PROVIDER_REQUEST_MAX	 (1024 * 1024)
#define PROVIDER_REPLACED_MAX	 (256 * 1024) /* bytes of a plist of overwritten records */
#define PROVIDER_LINE_MAX	 (16 * 1024)  /* bytes of one of them */
#define PROVIDER_OTHERS_MAX	 100 /* records that one replace may remove, where each has an id */
#define PROVIDER_RETRY_MAX	 86400 /* seconds of waiting that we believe */
#define PROVIDER_HEADERS	 4
#define PROVIDER_ALSO		 4
#define PROVIDER_LOGIN_TAKES	 4
#define PROVIDER_RULES		 3
#define PROVIDER_MESSAGES	 3
#define PROVIDER_DEFAULT_TTL	 60

/* How a customer trusts the gateway. */
enum category { CATEGORY_STATIC, CATEGORY_OAUTH, CATEGORY_DELEGATED, CATEGORIES };

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
	unsigned
		ways; /* bits 1 << enum category, of the ways that it belongs to; 0: static alone */
	/*
	 * The front takes it off that member of the JSON file in the field named (a service account's
	 * key, say), which may be given instead of its parts. NULL: not so.
	 */
	const char *part_of;
	const char *part; /* the member's name, where it is not NAME */
	bool whole;	  /* it is such a file: never sealed, its parts are */
	bool multiline;	  /* may hold line feeds */
};

/* Where the credential goes. Only the courier puts it there. */
enum auth_kind {
	AUTH_NONE,
	AUTH_HEADER, /* "NAME: PREFIX" ‖ FIELD, and ":" ‖ FIELD2 when there is one */
	AUTH_BASIC,  /* user FIELD, password FIELD2 (RFC 7617) */
	AUTH_JSON,   /* members of the body, a JSON object: NAME is FIELD, NAME2 is FIELD2 */
	AUTH_SIGN,   /* SIGN makes header lines of the finished request and the credential */
	AUTH_TSIG, /* a DNS message: key FIELD, algorithm NAME (a field), secret FIELD2 (RFC 8945) */
};

struct auth {
	enum auth_kind kind;
	const char *name;
	const char *prefix; /* "" or "Bearer " */
	const char *field, *field2;
	const char *name2;
	sign_fn *sign;
};

/* Where a provider is, by what a field that is not secret says. */
struct choice {
	const char *text; /* NULL ends the list */
	const char *base;
};

/* What a login is made of: pure, for the courier, which alone has secrets. */
struct login_input {
	struct bytes credentials; /* plist of pairs: the integration's */
	struct bytes
		gateway; /* plist of pairs: what the operator gave for this provider; may be empty */
	int64_t now;	 /* seconds since 1970 */
	/* A scoped login: what is to be changed; empty when nothing is. */
	struct bytes zone_id, fqdn;
	enum rr_type type;
	bool all_types; /* …or what a replace removes at the name */
};

/*
 * Trading the credential for something short-lived. What the answer holds stands, under the names in
 * TAKES, in place of the credential's own fields until it expires.
 */
struct login {
	const char *base;	    /* "https://oauth2.googleapis.com" */
	const struct choice *bases; /* or one of these, by CHOSEN_BY */
	const char *chosen_by;	    /* a field of the credential, or of the gateway's own */
	const char *path;	    /* {=field}: of the credential, not secret */
	/* Written to BODY; "application/json" or "application/x-www-form-urlencoded". 0, SIGN_E_FIELD, -errno. */
	int (*build)(const struct login_input *in, struct buf *body);
	const char *content_type;
	struct auth auth;	   /* of the login itself, by fields of the gateway */
	const struct login *first; /* the gateway's own login, whose fields AUTH uses; NULL: none */
	struct {
		const char *path; /* answer_at()'s */
		const char *field;
	} takes[PROVIDER_LOGIN_TAKES];
	const char *expires_in; /* path of the seconds that it lives, a number or its text… */
	const char *expires_at; /* …or of the time, RFC 3339 */
	bool xml;
	bool scoped; /* what it gives is good for one zone and name, or for reading */
};

/*
 * OAuth 2 with a code (RFC 6749 section 4.1) and PKCE (RFC 7636). What the code is traded for is sealed into the handle: the access token under the name of the field
 * that requests use, CREDENTIALS_REFRESH, CREDENTIALS_EXPIRES.
 */
struct oauth {
	const char *authorize;	     /* URL without query */
	const char *scope;	     /* NULL: none */
	const struct login *code;    /* trades the code */
	const struct login *refresh; /* trades the refresh token; NULL: tokens live for ever */
};

/* Trust that the customer gives the gateway by name, in his own account. */
struct delegated {
	/*
	 * What the customer must do: appends pairs of a name and a text, made of the gateway's fields and EXTERNAL_ID. SIGN_E_FIELD when the gateway lacks a field;
	 * -errno.
	 */
	int (*instructions)(struct bytes gateway, struct bytes external_id, struct buf *out);
	/* Is what the customer named bound to the external id, and none of the gateway's own? As provider_check_credentials(). NULL: all is well. */
	int (*check)(struct bytes gateway, struct bytes credentials, const char **field,
		     const char **why);
	/* A login that must be refused before what the customer named is trusted: as a stranger would try it. NULL: none. WHY says what it means when it is not. */
	const struct login *probe;
	const char *why;
};

/*
 * What one exchange asks beyond its method and path. Both buffers are the engine's; build appends.
 */
struct request {
	struct buf query;   /* plist of pairs, unencoded */
	struct buf headers; /* plist of pairs, of provider->sends */
	struct buf body;    /* empty: no body; else JSON, XML, or a DNS message */
};

struct answer {
	unsigned status; /* HTTP */
	bool has_retry_after;
	uint32_t retry_after; /* seconds */
	struct bytes headers; /* plist of pairs: those of provider->headers that came */
	struct bytes body;
	/* The body as a tree: JSON, or XML as base/xml.h shows it. NULL unless it is well formed and within our limits. */
	const json_t *json;
};

struct op;

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
	const char *name;   /* "zones", "look", "add", "remove": for tests and the replay tool */
	const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
	/*
	 * Segments in braces are filled in and percent-encoded by the courier, so that no value
	 * can leave the template: {zone} the zone's id ({zone/1} and {zone/2}: of one that has a
	 * slash in it, what stands before and behind), {record} the record's id, {other} the
	 * first of op->others, {next} the first of op->kept, {account} what an earlier step found, {name} the record's name in
	 * shape->names.path's form, {type} its type (or the one that is looked at), {=field} a
	 * credential field that is not secret, which the courier takes from the credential itself.
	 * In a change the courier holds {zone}, {name} and {type} against the intent.
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

/* One of the provider's own errors. */
struct error_def {
	const char *text; /* its code, a string or an integer in decimal; or, with .says… */
	/*
	 * CODE_OK: a change may be done already, or somebody interfered: begin again and look,
	 * once.
	 */
	enum code means;
	bool says; /* …a piece of its message */
};

/*
 * What stands at PATH (a string, a number, a boolean; "" where there is nothing, or null) is one of the texts in IS, which have '|'
 * between them; or, when IS begins with '!', none of them.
 */
struct rule {
	const char *path;
	const char *is;
};

/* How names are written. */
enum name_form {
	NAME_FULL,     /* "www.example.com" */
	NAME_FULL_DOT, /* "www.example.com." */
	NAME_LABEL,    /* relative to the zone: "www"; "" is the zone itself */
	NAME_LABEL_AT, /* "www"; "@" is the zone itself */
};

/* How a list's pages follow on each other. */
enum paging_kind {
	PAGING_NONE,  /* one answer holds all */
	PAGING_TOTAL, /* PATH: the number of pages */
	PAGING_MORE, /* PATH: not there, null, false, 0 or "" at the end; else the next page follows */
	PAGING_CURSOR, /* PATH: what to send for the next page; not there, null or "" at the end */
	PAGING_URL,    /* PATH: a URL with that in its query, under the name PARAM */
	PAGING_LINK,   /* header Link, rel="next" (RFC 8288): a URL with that in its query */
	PAGING_LAST, /* a page with SIZE items is followed by another, from the last zone's name on */
	PAGING_FULL, /* a page with SIZE items is followed by another */
};

struct paging {
	enum paging_kind kind;
	const char *path;
	const char *
		param; /* in the query: the page's number, or the cursor; NULL: build says it itself */
	const char *size_param; /* NULL: not asked */
	unsigned size;
	bool from_zero; /* the first page has number 0 */
};

/*
 * How an API shows zones and records: what the stock steps read and write. Paths are answer_at()'s; "" is
 * the answer itself.
 */
struct shape {
	const char *zones;		 /* path of an array */
	const char *zone_id, *zone_name; /* paths in one of them; "": it is a string, the name */
	struct rule zone_is[PROVIDER_RULES]; /* of a zone that is active, writable and public */
	bool (*zone_ok)(const struct op *op,
			const json_t *zone); /* what rules cannot say; or NULL */
	/* Writes the id where it is not what stands at ZONE_ID; false: there is none. NULL: it always is. */
	bool (*zone_id_of)(const json_t *zone, struct buf *id);
	struct paging zone_pages;

	struct rule fixed; /* of a record that the provider makes by itself, from a template, say */
	const char *records; /* path of an array: of records, or of record sets */
	const char *record;  /* path of one, in the answer to a create, or to a get */
	struct paging record_pages;
	const char *
		filter; /* in the query of a look: the name; NULL: all of the zone's records come */
	/* Paths in a record, or in a set. */
	const char *id, *name, *type, *content, *ttl;
	struct {
		enum name_form body, answer, path; /* PATH: of the filter too */
	} names;
	bool bare;   /* TXT as it is; else as quoted strings */
	bool dotted; /* names in values end in a dot */
	bool ttl_is_text;
	bool ttl_or_null; /* of a set: null is the zone's own, and is never sent back */
	bool relative; /* a name in an answer's value that has no final dot is relative to the zone */
	/* CAA in three members; else in presentation form. Paths in a record, or in a set's value. */
	struct {
		const char *flags, *tag, *value; /* FLAGS NULL: it is always 0 */
		bool dotted;			 /* the value ends in a dot */
	} caa;
	const unsigned *type_numbers; /* by enum rr_type, where types are numbers */
	const char *extra;	      /* JSON object: more members of a new record */
	/*
	 * Presentation content where it is not what stands at CONTENT (a string, or the strings of an array, joined): may be written to SPACE.
	 * NULL: it always is. For a set: of one of its values.
	 */
	struct bytes (*content_of)(const json_t *record, struct buf *space);

	/* Record sets only. */
	const char
		*values; /* path in a set: an array, whose elements have their content at CONTENT */
	bool flat;	 /* a set is but such an array, whose elements have the TTL too */
	json_t *(*new_value)(const struct op *op); /* NULL: the string that content is */
	const char *etag;			   /* path in a set; NULL: none */
	const char *(*refuse)(
		const json_t *set); /* why it must be left alone, or NULL; may be NULL */
};

enum op_kind {
	OP_ZONES,     /* list the account's zones: op_add_zone() for each */
	OP_FIND_ZONE, /* the longest zone that holds op->fqdn: op_add_zone() keeps just that */
	OP_ADD,	      /* look, then add: op->found, op->record_id */
	OP_REMOVE,    /* look, then remove what was added: op->removed */
	OP_STATUS, /* does the provider itself still publish what was added? op->pending; only where it has a word for it */
	OP_KINDS,
};

struct provider {
	const char *name;  /* "cloudflare" */
	const char *title; /* "Cloudflare" */
	bool zone_id_is_name; /* a zone's id is its name, so that the vault can check what the planner says */
	bool self_hosted; /* the customer names the host in field base_field */
	/*
	 * The vault lets one change at a time into a zone (per server). For record sets without
	 * compare-and-swap, and for servers that cannot take two at once.
	 */
	bool serialise;
	/* "https://api.cloudflare.com/client/v4", or a path under the customer's URL. */
	const char *base;
	const struct choice *bases; /* in its place: by base_field */
	const char *base_field;	    /* the field with the URL (self-hosted), or with the choice */
	const struct field_def *fields; /* ends with a NULL name */
	/* Of each request; where there is a login, by the fields that it gives. */
	struct auth auth;
	/* What the credential is traded for first, by category; NULL: nothing. */
	const struct login *login;	   /* static */
	const struct oauth *oauth;	   /* NULL: no such way */
	const struct login *assume;	   /* delegated; NULL: no such way */
	const struct delegated *delegated; /* as ASSUME */
	unsigned
		login_stale; /* besides 401, how what a login gave is refused when it ended before its time; or 0 */
	bool xml;		   /* bodies are XML */
	bool dns;		   /* bodies are DNS messages, over TCP */
	const char *account_field; /* fills {account} when the customer gave it; or NULL */
	const char *headers[PROVIDER_HEADERS]; /* of the answer, that parse wants to see */
	const char *sends[PROVIDER_HEADERS];   /* of requests, that build may set */
	/* Which of HEADERS says when a rate limit ends: in Unix time; or NULL. */
	const char *reset_header;
	/* Paths in an answer's JSON, or NULL: */
	const char *success;	/* true in every good answer; an error may come with status 200 */
	const char *success_is; /* or this text */
	const char *messages[PROVIDER_MESSAGES]; /* an error's text: the first that there is */
	const char *code, *code_or;		 /* an error's code, a string or an integer: */
	const struct error_def *errors;		 /* what it means; ends with a NULL text */
	const struct shape *shape;		 /* for stock.c */
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
	struct dns_name zone; /* OP_ADD, OP_REMOVE, OP_STATUS */
	enum rr_type type;
	struct bytes value; /* canonical */
	enum record_mode mode;
	uint32_t ttl; /* 0: the provider's default */
	bool look; /* OP_ADD: over before its first exchange with .changes: was the record there (found, record_id)? */
	struct bytes
		wanted_id; /* OP_REMOVE, OP_STATUS: the record's id from its handle; empty for record sets */

	/* between steps */
	struct buf zone_id;   /* {zone}; OP_ADD, OP_REMOVE, OP_STATUS: given */
	struct buf record_id; /* {record}; also out; OP_REMOVE, OP_STATUS: wanted_id */
	struct buf account;   /* {account} */
	struct buf others;    /* {other}: plist of ids, of the records that a replace removes */
	struct buf cursor;    /* the next page's cursor, where it is text */
	unsigned page;	      /* from 1 */
	unsigned candidate;   /* OP_FIND_ZONE by names: labels cut off so far */
	unsigned step, sent, restarts;
	unsigned pause_ms; /* before the next request: op_pause() */
	bool changed;	   /* an exchange with .changes was sent: the zone may have changed */
	bool applied;	   /* and the provider did not refuse it */
	bool there;	   /* our value was seen at the name */
	bool obstacle;	   /* OP_ADD: and something that must not be removed stands in its way */
	bool looked_again; /* the one restart after a change with an unclear end is spent */
	bool zone_clash;   /* OP_FIND_ZONE: the longest zone is there twice */
	json_t *kept;	   /* something to keep between steps; see op_keep() */
	unsigned looked;   /* record sets: how many types a replace has looked at */

	/* out */
	struct buf zones; /* plist: name, id, name, id… */
	size_t zone_count;
	bool found, removed, pending;
	struct buf
		replaced; /* plist of presentation lines: "name ttl TYPE content"; in the end none, unless something was changed */
	enum code error;  /* CODE_OK unless VERDICT_ERROR */
	uint32_t retry_after;		      /* seconds; 0: not said */
	char detail[PROVIDER_DETAIL_MAX + 1]; /* a short printable text, or "" */
};

/* ---- the table (provider/table.c) ---- */

/* All there are; each NAME is a provider_NAME in NAME.c. */
#define PROVIDER_LIST(X)                                                                           \
	X(azuredns)                                                                                \
	X(bunny)                                                                                   \
	X(cloudflare)                                                                              \
	X(desec)                                                                                   \
	X(digitalocean)                                                                            \
	X(dnsimple)                                                                                \
	X(dnsmadeeasy)                                                                             \
	X(gandi)                                                                                   \
	X(godaddy)                                                                                 \
	X(googleclouddns)                                                                          \
	X(hetzner)                                                                                 \
	X(ionos)                                                                                   \
	X(linode)                                                                                  \
	X(luadns)                                                                                  \
	X(namecom)                                                                                 \
	X(ns1)                                                                                     \
	X(ovh)                                                                                     \
	X(porkbun)                                                                                 \
	X(powerdns)                                                                                \
	X(rfc2136)                                                                                 \
	X(route53)                                                                                 \
	X(vultr)

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
 * Check credentials against the provider's fields of that way: all known, none missing, within size, matching.
 * PAIRS is a plist of pairs. Appends them to OUT with presets filled in. Returns 0;
 * PROVIDER_E_FIELD with *FIELD the field at fault (a static name of the table, or "credentials")
 * and *WHY a static sentence; or -errno.
 */
enum { PROVIDER_E_FIELD = 1 };
int provider_check_credentials(const struct provider *p, enum category way, struct bytes pairs,
			       struct buf *out, const char **field, const char **why) must_check;
/*
 * May V stand as one segment of a path? Printable, of fit length, and, though it is percent-encoded there, without slashes and not dots
 * alone: some servers decode a path before they look for ".." in it.
 */
bool path_segment(struct bytes v);
/* Of an id "a/b" the part before (1) or behind (2) the slash; empty when there is none. */
struct bytes id_part(struct bytes id, unsigned part);
/* The way that a sealed credential goes: what its field CREDENTIALS_WAY says; static without one. */
#define CREDENTIALS_WAY	    ".way"
#define CREDENTIALS_REFRESH "refresh_token"
#define CREDENTIALS_EXPIRES ".expires" /* seconds since 1970, of the access token beside it */
#define CREDENTIALS_RENEWED ".renewed" /* how often it was renewed; left out: never */
#define CREDENTIALS_EXTERNAL                                                                       \
	"external_id" /* delegated trust: what we made for this customer; not secret */
enum category credentials_way(struct bytes pairs);
const char *category_text(enum category c); /* "static", "oauth", "delegated" */
/* Does that way of trust ask for the field? */
bool field_goes_way(const struct field_def *f, enum category way);
/* What a sealed credential is traded for before it is used; NULL: nothing. */
const struct login *provider_login(const struct provider *p, struct bytes pairs);
/*
 * What a login's answer gives. CODE_OK: FIELDS gets pairs, its TAKES and CREDENTIALS_EXPIRES, and *EXPIRES that time; a refresh token that is not in it is the one in CREDENTIALS. Else DETAIL, of
 * PROVIDER_DETAIL_MAX + 1 bytes, says what is wrong: a text of ours, with the name of the error at most. FIELDS may
 * fail when it is too small.
 */
enum code login_read(const struct provider *p, const struct login *login, struct bytes credentials,
		     int64_t now, const struct answer *a, struct buf *fields, int64_t *expires,
		     char *detail);
/* Copy only the fields that are not secret. */
int provider_public_fields(const struct provider *p, struct bytes pairs,
			   struct buf *out) must_check;
