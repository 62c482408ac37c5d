/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * What provider files are made with. op.c: failing, zones, values, requests. paging.c: lists in pages. stock.c: the steps of an API where each record has an
 * id. set.c: the steps of an API of record sets.
 */
#include "provider/provider.h"

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

/* A credential field that is a secret. */
#define FIELD_SECRET(name_, label_, max_, pattern_, help_)                                         \
	{                                                                                          \
		.name = name_, .label = label_, .help = help_, .pattern = pattern_, .max = max_,   \
		.secret = true,                                                                    \
	}

/* ---- op.c ---- */

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

/* The next request waits for so many milliseconds, at most PROVIDER_PAUSE_MAX: something is under way at the provider. */
void op_pause(struct op *op, unsigned ms);

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

/* Is NAME, a JSON string of that form, op->fqdn? Full ones with or without the final dot. */
bool op_at_name(const struct op *op, const json_t *name, enum name_form form);
/* Append op->fqdn in that form. */
void op_put_name(const struct op *op, enum name_form form, struct buf *out);
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
/* A JSON integer, or the text of one. False when it is neither, or over MAX. */
bool op_read_number(const json_t *v, uint64_t max, uint64_t *out) must_check;
/* Keep V, or NULL, in place of what was kept. Takes V. */
void op_keep(struct op *op, json_t *v);
/* The TTL to ask for: the caller's or the default, at least the provider's minimum. */
uint32_t op_ttl(const struct op *op);
/*
 * As JSON, or NULL when there is no memory: the value in presentation form, or canonical; the value as the shape writes contents; the name as its bodies
 * have it; the type.
 */
json_t *op_present(const struct op *op);
json_t *op_canonical(const struct op *op);
json_t *op_content(const struct op *op);
json_t *op_name(const struct op *op);
json_t *op_type(const struct op *op);

/* Append a request query pair, a header. */
void request_query(struct request *r, const char *name, struct bytes value);
void request_query_num(struct request *r, const char *name, uint64_t value);
void request_header(struct request *r, const char *name, struct bytes value);
/* Append a JSON text as the body. Takes V (frees it), NULL is -ENOMEM. */
int request_json(struct request *r, json_t *v) must_check;

/* ---- shape.c ---- */

/* Is it a zone that we may change, as the shape says? */
bool shape_zone_ok(const struct op *op, const json_t *zone);
/*
 * The content of a record, or of a value of a set, in presentation form as the shape says; empty when there is none. May be written to SPACE.
 */
struct bytes shape_content(const struct op *op, enum rr_type type, const json_t *v,
			   struct buf *space);
/* Is it one that the provider makes by itself, from a template or a script? It is not ours to remove. */
bool shape_is_fixed(const struct op *op, const json_t *record);
/* Does the API have a place for all that the value says? (A CAA's flag may have none.) */
bool shape_can_say(const struct op *op);
/* Put the CAA record into O, in members as the shape says. 0, or -1: no memory, or it cannot be said so. */
int shape_put_caa(const struct op *op, json_t *o) must_check;

/* ---- paging.c ---- */

/* Ask for the page that op is at. */
void paging_ask(const struct paging *p, const struct op *op, struct request *r);
/*
 * After a page with N items, the last of them named LAST (or empty): VERDICT_AGAIN for the next page, VERDICT_NEXT behind the last one, or VERDICT_ERROR where
 * the answer does not say, says the same cursor twice, or after PROVIDER_PAGES_MAX.
 */
enum verdict paging_next(const struct paging *p, struct op *op, const struct answer *a, size_t n,
			 struct bytes last);

/* ---- login.c: for logins ---- */

/* Append "NAME=VALUE" to a form (application/x-www-form-urlencoded), with "&" between. */
void form_put(struct buf *body, const char *name, struct bytes value);

/* Bodies of the token requests of RFC 6749 sections 4.1.3 and 6, the client's secret in them. */
int oauth_build_code(const struct login_input *in, struct buf *body);
int oauth_build_code_and_state(const struct login_input *in, struct buf *body);
int oauth_build_refresh(const struct login_input *in, struct buf *body);
/* Such a request, whose access token becomes FIELD. */
#define OAUTH_LOGIN(base_, path_, build_, field_)                                                  \
	{                                                                                          \
		.base = base_, .path = path_, .build = build_,                                     \
		.content_type = "application/x-www-form-urlencoded",                               \
		.takes = {{"access_token", field_}, {"refresh_token", CREDENTIALS_REFRESH}},       \
		.expires_in = "expires_in",                                                        \
	}

/*
 * ---- stock.c: where each record has an id ----
 *
 * OP_ADD looks at all records of the name, takes what a replace removes out of the way (in one
 * request of the provider's own, or with stock_build_clear, one by one), and creates. OP_REMOVE
 * gets the record by its id (or looks for it), and deletes it only if it still is the one that was added.
 */

int stock_build_zones(const struct op *op, struct request *req);
enum verdict stock_parse_zones(struct op *op, const struct answer *a);
/*
 * The names of all members that stock_parse_zones(), and what judges an answer before it, reads of P's answers: their number; 0 where P has functions of its own for that. At most
 * STOCK_MEMBERS_MAX, borrowed from P.
 */
#define STOCK_MEMBERS_MAX 32
size_t stock_zone_members(const struct provider *p, struct bytes *names);
int stock_build_look(const struct op *op, struct request *req);
enum verdict stock_parse_look(struct op *op, const struct answer *a);
int stock_build_clear(const struct op *op, struct request *req);
enum verdict stock_parse_clear(struct op *op, const struct answer *a); /* .also = {404} */
int stock_build_add(const struct op *op, struct request *req);
enum verdict stock_parse_add(struct op *op, const struct answer *a);
enum verdict stock_parse_get(struct op *op, const struct answer *a);	/* .also = {404} */
enum verdict stock_parse_remove(struct op *op, const struct answer *a); /* .also = {404} */
/* For lists that are not the stock look's: one record of the answer; then, behind the last, what it comes to. */
enum verdict stock_see_record(struct op *op, const json_t *record);
enum verdict stock_looked(struct op *op);
/* A new record, of the shape. NULL: no memory. */
json_t *stock_record(const struct op *op);

/*
 * ---- set.c: where a name and type have one set of values ----
 *
 * A look at the set (a replace looks at the sets of all our types, one by one) works out a list of changes, kept in op: first the sets that go, then ours. Steps for "remove", "add",
 * "edit" (in that order) then each do those that are of their kind, and skip the others; a provider that takes all at once builds its one request from the whole list.
 * Where the provider has no compare-and-swap a step with set_parse_check comes last.
 */

/* One change: what is there, and what shall be. */
struct set_change {
	enum rr_type type;
	uint32_t ttl;	   /* of the set that is there, or the one to ask for */
	const json_t *set; /* as it was read; NULL: there is none */
	const json_t *old,
		*new; /* arrays of values, as the API shows them, in its order; the new one behind them */
	const char *etag; /* or NULL */
};

/* The change under way; false when there is none. */
bool set_head(const struct op *op, struct set_change *out);
/* The one behind I others, for providers that take them all at once. */
bool set_nth(const struct op *op, size_t i, struct set_change *out);
/* 0 when the change under way makes a set (add), alters one (edit) or lets one go (remove); else BUILD_SKIP. */
int set_is_add(const struct op *op);
int set_is_edit(const struct op *op);
int set_is_remove(const struct op *op);

/* For such steps: what is let go needs no body; what is altered is sent as the array of its values; what is made or altered comes back whole (.also: another writer was faster). */
int set_build_remove(const struct op *op, struct request *req);
int set_build_edit(const struct op *op, struct request *req);
enum verdict set_parse_put(struct op *op, const struct answer *a);

/* The type that the look asks for. */
const char *set_type_asked(const struct op *op);
int set_build_look(const struct op *op,
		   struct request *req); /* filter and pages as the shape says; else nothing */
enum verdict set_parse_look(struct op *op,
			    const struct answer *a); /* .also = {404}: there is none */
/* For answers of another form: SET is the one asked for, or NULL; VALUES its array of values. */
enum verdict set_seen(struct op *op, const json_t *set, const json_t *values, uint64_t ttl);
/*
 * The change under way was made (all of them, with set_parse_all); a 409 or 412, where .also names it: another writer was faster, begin again.
 */
enum verdict set_parse_change(struct op *op, const struct answer *a);
enum verdict set_parse_all(struct op *op, const struct answer *a);
/* Look again, at our set: has our change lasted? */
enum verdict set_parse_check(struct op *op, const struct answer *a); /* .also = {404} */
