/* SPDX-License-Identifier: ISC */
/*
 * PowerDNS Authoritative Server, HTTP API v1: https://doc.powerdns.com/authoritative/http-api/.
 * Record sets. New servers add and remove one record themselves (EXTEND, PRUNE). For all others
 * the set is read and written whole (REPLACE), then read again, for nothing keeps another writer
 * away; the vault keeps at least us apart.
 */
#include "provider/kit.h"

#include <stdio.h>

/* An older server's way to say that there is no such zone. */
static bool error(struct op *op, const struct answer *a)
{
	if (a->status != 422 || op_exchange(op)->changes)
		return false;
	op_fail_answer(op, CODE_ZONE_NOT_FOUND, a);
	return true;
}

/* ---- zones ---- */

static bool is_writable(const json_t *zone)
{
	struct bytes kind = json_get_bytes(zone, "kind");

	return bytes_is(kind, "Native") || bytes_is(kind, "Master") || bytes_is(kind, "Primary");
}

static enum verdict parse_zones(struct op *op, const struct answer *a)
{
	const json_t *z;
	size_t i;

	if (!json_is_array(a->json))
		return op_fail_shape(op);
	json_array_foreach(a->json, i, z)
	{
		if (is_writable(z) &&
		    !op_add_zone(op, json_get_bytes(z, "name"), json_get_bytes(z, "id")))
			return VERDICT_ERROR;
	}
	return VERDICT_NEXT;
}

static int build_zones(const struct op *op, struct request *req)
{
	request_query(req, "dnssec", BYTES("false"));
	return 0;
}

static void query_name(struct request *req, const char *key, struct bytes name)
{
	char text[DNS_NAME_MAX + 2];

	snprintf(text, sizeof(text), "%.*s.", (int)name.n, (const char *)name.p);
	request_query(req, key, bytes_str(text));
}

/* There are no pages, and a large server's list is long: ask for each zone that it could be. */
static int build_find(const struct op *op, struct request *req)
{
	query_name(req, "zone", dns_name_parent(&op->fqdn, op->candidate));
	return build_zones(op, req);
}

static enum verdict parse_find(struct op *op, const struct answer *a)
{
	enum verdict v = parse_zones(op, a);

	if (v == VERDICT_ERROR || op->zone_count > 0)
		return v;
	op->candidate++;
	return op->candidate < op->fqdn.labels ? VERDICT_AGAIN : VERDICT_NEXT;
}

/* ---- record sets ---- */

static bool valid_set(const json_t *set)
{
	const json_t *records = json_object_get(set, "records"), *r;
	uint64_t ttl;
	size_t i;

	if (!json_is_array(records) || !json_get_u64(set, "ttl", UINT32_MAX, &ttl))
		return false;
	json_array_foreach(records, i, r)
	{
		const json_t *disabled = json_object_get(r, "disabled");

		if (!json_is_string(json_object_get(r, "content")) ||
		    (disabled && !json_is_boolean(disabled)))
			return false;
	}
	return true;
}

static bool at_name(const struct op *op, const json_t *set)
{
	return op_at_name(op, json_object_get(set, "name"), NAME_FULL_DOT);
}

/* The answer's record sets, of which those at our name are whole; else NULL. */
static const json_t *all_sets(const struct op *op, const struct answer *a)
{
	const json_t *sets = answer_at(a, "rrsets"), *set;
	size_t i;

	json_array_foreach(sets, i, set)
	{
		if (at_name(op, set) && !valid_set(set))
			return NULL;
	}
	return json_is_array(sets) ? sets : NULL;
}

/* Our name's set of TYPE, or NULL. */
static json_t *find_set(const struct op *op, const json_t *sets, enum rr_type type)
{
	json_t *set;
	size_t i;

	json_array_foreach(sets, i, set)
	{
		if (rr_type_parse(json_get_bytes(set, "type")) == type && at_name(op, set))
			return set;
	}
	return NULL;
}

static bool is_disabled(const json_t *record)
{
	return json_is_true(json_object_get(record, "disabled"));
}

/* The record in SET that holds our value; one that is served before one that is disabled. */
static json_t *our_record(const struct op *op, const json_t *set)
{
	json_t *r, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(set, "records"), i, r)
	{
		if (record_value_matches(op->type, json_get_bytes(r, "content"), op->value) &&
		    (!found || is_disabled(found)))
			found = r;
	}
	return found;
}

/*
 * The answer's record sets, after noting whether our value is served. NULL: the operation has failed,
 * also where our value is disabled: Postern does not know what that was meant for.
 */
static const json_t *look_at(struct op *op, const struct answer *a)
{
	const json_t *sets = all_sets(op, a);
	const json_t *ours = our_record(op, find_set(op, sets, op->type));
	bool disabled = ours && is_disabled(ours);

	op_set_found(op, ours && !disabled);
	if (!sets)
		op_fail_shape(op);
	else if (disabled && op->kind == OP_ADD)
		op_fail_text(op, CODE_CONFLICT,
			     "the record is there, but disabled; nothing was changed");
	return op->error == CODE_OK ? sets : NULL;
}

/* ---- look, then EXTEND or PRUNE ---- */

static int query_set(const struct op *op, struct request *req)
{
	query_name(req, "rrset_name", dns_name_text(&op->fqdn));
	request_query(req, "rrset_type", bytes_str(rr_type_text(op->type)));
	return 0;
}

/* A replace must see the other types too. */
static bool replaces(const struct op *op)
{
	return op->kind == OP_ADD && op->mode == MODE_REPLACE;
}

static int build_look(const struct op *op, struct request *req)
{
	return replaces(op) ? BUILD_SKIP : query_set(op, req);
}

static enum verdict parse_look(struct op *op, const struct answer *a)
{
	const json_t *sets = look_at(op, a);

	if (!sets)
		return VERDICT_ERROR;
	op_keep(op, json_incref(find_set(op, sets, op->type)));
	if (op->kind == OP_REMOVE)
		return op->there ? VERDICT_NEXT : op_gone(op);
	return op->there ? VERDICT_DONE : VERDICT_NEXT;
}

/* Takes CONTENT. */
static json_t *new_record(json_t *content, bool disabled)
{
	return json_pack("{s:o, s:b}", "content", content, "disabled", disabled);
}

/* What CHANGE makes of SET, or of a new one. Takes RECORDS; without any the set is deleted. */
static json_t *set_change(const struct op *op, enum rr_type type, const char *change,
			  const json_t *set, json_t *records)
{
	const json_t *known = json_object_get(set, "ttl");
	json_int_t ttl = known ? json_integer_value(known) : (json_int_t)op_ttl(op);
	json_t *name = json_sprintf("%s.", op->fqdn.text);
	bool delete = json_is_array(records) && json_array_size(records) == 0;

	if (!delete)
		return json_pack("{s:o, s:s, s:s, s:I, s:o}", "name", name, "type",
				 rr_type_text(type), "changetype", change, "ttl", ttl, "records",
				 records);
	json_decref(records);
	return json_pack("{s:o, s:s, s:s}", "name", name, "type", rr_type_text(type), "changetype",
			 "DELETE");
}

/* One record more or less in the set that was looked at, or in a new one. */
static int build_one(const struct op *op, struct request *req)
{
	bool add = op->kind == OP_ADD;
	json_t *content, *change;

	if (replaces(op))
		return BUILD_SKIP;
	content = add ? op_present(op)
		      : json_incref(json_object_get(our_record(op, op->kept), "content"));
	change = set_change(op, op->type, add ? "EXTEND" : "PRUNE", op->kept,
			    json_pack("[o]", new_record(content, false)));
	return request_json(req, json_pack("{s:[o]}", "rrsets", change));
}

static enum verdict parse_one(struct op *op, const struct answer *a)
{
	struct bytes text = json_bytes(answer_at(a, op->provider->messages[0]));

	if (a->status == 500)
		return VERDICT_RESTART; /* two changes at once in an SQLite file */
	if (a->status == 422 && bytes_find(text, BYTES("hangetype")) < text.n)
		return VERDICT_NEXT;
	if (a->status == 422)
		return op_fail_answer(op, CODE_PROVIDER_REJECTED, a);
	op->removed = op->kind == OP_REMOVE;
	return VERDICT_DONE;
}

/* ---- the whole zone, for a filter leaves disabled records out; then REPLACE ---- */

/* Does the record stay in its set of TYPE? What is disabled does. */
static bool stays(const struct op *op, enum rr_type type, const json_t *record)
{
	bool ours = type == op->type &&
		    record_value_matches(type, json_get_bytes(record, "content"), op->value);

	if (is_disabled(record))
		return true;
	if (op->kind == OP_REMOVE)
		return !ours;
	return ours || op->mode == MODE_COEXIST;
}

/* Append to CHANGES what the set of TYPE must become, if it must change. 0 or -1. */
static int change_set(struct op *op, enum rr_type type, const json_t *set, json_t *changes)
{
	bool add = op->kind == OP_ADD && type == op->type && !op->there, change = add;
	json_t *records = json_array(), *r;
	uint64_t ttl = 0;
	int failed = 0;
	size_t i;

	(void)json_get_u64(set, "ttl", UINT32_MAX, &ttl);
	json_array_foreach(json_object_get(set, "records"), i, r)
	{
		json_t *content = json_object_get(r, "content");

		if (stays(op, type, r)) {
			r = new_record(json_incref(content), is_disabled(r));
			failed |= json_array_append_new(records, r);
			continue;
		}
		change = true;
		if (op->kind == OP_ADD)
			op_note_replaced(op, rr_type_text(type), json_bytes(content), ttl);
	}
	if (add)
		failed |= json_array_append_new(records, new_record(op_present(op), false));
	if (change) {
		r = set_change(op, type, "REPLACE", set, json_incref(records));
		failed |= json_array_append_new(changes, r);
	}
	json_decref(records);
	return failed;
}

/* A CNAME allows nothing beside it. */
static bool is_obstacle(const struct op *op, const json_t *sets)
{
	const json_t *set, *r;
	size_t i, k;

	json_array_foreach(sets, i, set)
	{
		if (!at_name(op, set) || rr_type_parse(json_get_bytes(set, "type")) != RR_NONE)
			continue;
		json_array_foreach(json_object_get(set, "records"), k, r)
		{
			if (!is_disabled(r))
				return replaces(op) && op->type == RR_CNAME;
		}
	}
	return false;
}

/* Works out all that has to change, and keeps it as the body of the change. */
static enum verdict parse_zone(struct op *op, const struct answer *a)
{
	const json_t *sets = look_at(op, a);
	json_t *changes cleanup(json_cleanup) = json_array();
	int failed = 0;

	if (!sets)
		return VERDICT_ERROR;
	if (is_obstacle(op, sets))
		return op_fail_text(
			op, CODE_CONFLICT,
			"records of other types stand at the name; nothing was changed");
	/*
	 * Ours comes last: 4.7.3 refuses a TXT whose name has a CNAME that only the next change
	 * deletes.
	 */
	for (enum rr_type t = RR_TXT; t < RR_TYPES && replaces(op); t++) {
		if (t != op->type && !(t == RR_NS && op_at_apex(op)))
			failed |= change_set(op, t, find_set(op, sets, t), changes);
	}
	failed |= change_set(op, op->type, find_set(op, sets, op->type), changes);
	if (!failed && json_array_size(changes) == 0)
		return op->kind == OP_REMOVE ? op_gone(op) : VERDICT_DONE;
	op_keep(op, failed ? NULL : json_pack("{s:O}", "rrsets", changes));
	return VERDICT_NEXT;
}

/* What parse_zone kept; NULL when it found no memory. */
static int build_replace(const struct op *op, struct request *req)
{
	return request_json(req, json_incref(op->kept));
}

static enum verdict parse_replace(struct op *op, const struct answer *a)
{
	return a->status == 500 ? VERDICT_RESTART : VERDICT_NEXT;
}

static enum verdict parse_check(struct op *op, const struct answer *a)
{
	if (!look_at(op, a))
		return VERDICT_ERROR;
	if (op->there != (op->kind == OP_ADD))
		return VERDICT_RESTART; /* another writer undid it */
	op->removed = op->kind == OP_REMOVE;
	return VERDICT_DONE;
}

#define ZONES "/servers/{=server_id}/zones"
#define ZONE  ZONES "/{zone}"
static const struct exchange zones = EXCHANGE_READ("zones", ZONES, build_zones, parse_zones);
static const struct exchange find = EXCHANGE_READ("find", ZONES, build_find, parse_find);
static const struct exchange look = EXCHANGE_READ("look", ZONE, build_look, parse_look);
static const struct exchange extend =
	EXCHANGE_CHANGE("extend", "PATCH", ZONE, build_one, parse_one, 422, 500);
static const struct exchange prune =
	EXCHANGE_CHANGE("prune", "PATCH", ZONE, build_one, parse_one, 422, 500);
static const struct exchange zone = EXCHANGE_READ("zone", ZONE, NULL, parse_zone);
static const struct exchange replace =
	EXCHANGE_CHANGE("replace", "PATCH", ZONE, build_replace, parse_replace, 500);
static const struct exchange check = EXCHANGE_READ("check", ZONE, query_set, parse_check);

static const struct field_def fields[] = {
	{.name = "url",
	 .label = "URL",
	 .help = "Where the server's API is, without /api/v1: https://dns.example.com:8081.",
	 .pattern = "https?://([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?"
		    "(/[A-Za-z0-9._~-]+)*/?",
	 .max = 512},
	{.name = "api_key",
	 .label = "API key",
	 .help = "The server's api-key. It may do everything on that server.",
	 .pattern = "[!-~]+",
	 .max = 512,
	 .secret = true},
	{.name = "server_id",
	 .label = "Server",
	 .help = "The server's id, which is localhost unless a proxy stands in front.",
	 .pattern = "[A-Za-z0-9_-][A-Za-z0-9._-]*",
	 .preset = "localhost",
	 .max = 64},
	{0},
};

const struct provider provider_powerdns = {
	.name = "powerdns",
	.title = "PowerDNS",
	.zone_id_is_name = true, /* with a dot behind it */
	.self_hosted = true,
	.serialise = true,
	.base = "/api/v1",
	.base_field = "url",
	.fields = fields,
	.auth = {AUTH_HEADER, "X-API-Key", "", "api_key"},
	.messages = {"error"},
	.ops = {[OP_ZONES] = {&zones},
		[OP_FIND_ZONE] = {&find},
		[OP_ADD] = {&look, &extend, &zone, &replace, &check},
		[OP_REMOVE] = {&look, &prune, &zone, &replace, &check}},
	.error = error,
};
