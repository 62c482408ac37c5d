/* SPDX-License-Identifier: ISC */
/*
 * Stock steps for APIs of record sets. op->kept is the list of changes: objects with "type" (a number of ours), "ttl", "set" (as it was read, or null), "old" and
 * "new" (arrays of values as the API shows them).
 */
#include "provider/kit.h"

/* ---- the list ---- */

bool set_nth(const struct op *op, size_t i, struct set_change *out)
{
	const json_t *c = json_array_get(op->kept, i), *set = json_object_get(c, "set");
	const char *etag = op->provider->shape->etag;

	if (!c)
		return false;
	*out = (struct set_change){
		.type = (enum rr_type)json_integer_value(json_object_get(c, "type")),
		.ttl = (uint32_t)json_integer_value(json_object_get(c, "ttl")),
		.set = json_is_null(set) ? NULL : set,
		.old = json_object_get(c, "old"),
		.new = json_object_get(c, "new"),
		.etag = etag ? json_string_value(json_at(set, etag)) : NULL};
	return true;
}

bool set_head(const struct op *op, struct set_change *out)
{
	return set_nth(op, 0, out);
}

/* Does it go, come, or stay? */
static int is_kind(const struct op *op, bool before, bool after)
{
	struct set_change c;

	return set_head(op, &c) && (json_array_size(c.old) > 0) == before &&
			       (json_array_size(c.new) > 0) == after
		       ? 0
		       : BUILD_SKIP;
}

int set_is_add(const struct op *op)
{
	return is_kind(op, false, true);
}

int set_is_edit(const struct op *op)
{
	return is_kind(op, true, true);
}

int set_is_remove(const struct op *op)
{
	return is_kind(op, true, false);
}

/* ---- looking ---- */

static bool replaces(const struct op *op)
{
	return op->kind == OP_ADD && op->mode == MODE_REPLACE;
}

/* Ours first; what a replace removes; then what a CNAME cannot stand beside. */
static const char *nth_type(const struct op *op, unsigned n)
{
	static const char *const obstacles[] = {"A", "AAAA", "MX"};

	if (n == 0)
		return rr_type_text(op->type);
	if (!replaces(op))
		return NULL;
	for (enum rr_type t = RR_TXT; t < RR_TYPES; t++)
		if (t != op->type && !(t == RR_NS && op_at_apex(op)) && --n == 0)
			return rr_type_text(t);
	if (op->type == RR_CNAME && n > 0 && n <= ARRAY_LEN(obstacles))
		return obstacles[n - 1];
	return NULL;
}

const char *set_type_asked(const struct op *op)
{
	const char *type = nth_type(op, op->looked);

	return type ? type : rr_type_text(op->type);
}

int set_build_look(const struct op *op, struct request *req)
{
	return op->provider->shape->filter ? stock_build_look(op, req) : 0;
}

/* Sorts OLD's values into those that stay, in NEW, and those that go. 0 or -1. */
static int sort_values(struct op *op, enum rr_type type, const json_t *old, uint64_t ttl,
		       json_t *new)
{
	int failed = 0;
	json_t *v;
	size_t i;

	json_array_foreach(old, i, v)
	{
		struct buf space = BUF_INIT(PROVIDER_BODY_MAX);
		struct bytes content = shape_content(op, type, v, &space);
		bool ours = type == op->type && record_value_matches(type, content, op->value);

		op->there = op->there || ours;
		if (op->kind == OP_REMOVE ? !ours : ours || !replaces(op))
			failed |= json_array_append(new, v);
		else if (op->kind == OP_ADD)
			op_note_replaced(op, rr_type_text(type), content, ttl);
		buf_done(&space);
	}
	return failed;
}

static json_t *own_value(const struct op *op)
{
	return op->provider->shape->new_value ? op->provider->shape->new_value(op) : op_content(op);
}

/* Put into the list what must become of the set of TYPE, if it must change: ours at the end. 0 or -1. */
static int plan(struct op *op, enum rr_type type, const json_t *set, const json_t *old,
		uint64_t ttl)
{
	json_t *new cleanup(json_cleanup) = json_array();
	int failed = sort_values(op, type, old, ttl, new);
	bool add = type == op->type && op->kind == OP_ADD && !op->there;
	json_t *change;

	if (add)
		failed |= json_array_append_new(new, own_value(op));
	if (failed || (!add && json_array_size(new) == json_array_size(old)))
		return failed;
	if (!op->kept)
		op_keep(op, json_array());
	change = json_pack("{s:i, s:I, s:O?, s:O, s:O}", "type", (int)type, "ttl",
			   (json_int_t)(json_array_size(old) ? ttl : op_ttl(op)), "set", set, "old",
			   old, "new", new);
	return type == op->type ? json_array_append_new(op->kept, change)
				: json_array_insert_new(op->kept, 0, change);
}

/* All sets were seen. */
static enum verdict looked(struct op *op)
{
	if (op->kind == OP_ADD)
		op_set_found(op, op->there);
	else if (!op->there)
		return op_gone(op);
	return json_array_size(op->kept) ? VERDICT_NEXT : VERDICT_DONE;
}

/* It guards the change, in a header: none would guard nothing, and the courier takes no other for a header's value. */
static bool usable_etag(struct bytes etag)
{
	return etag.n > 0 && bytes_printable(etag);
}

enum verdict set_seen(struct op *op, const json_t *set, const json_t *values, uint64_t ttl)
{
	const struct shape *shape = op->provider->shape;
	enum rr_type type = rr_type_parse(bytes_str(set_type_asked(op)));
	const char *why = set && shape->refuse ? shape->refuse(set) : NULL;
	json_t *none cleanup(json_cleanup) = json_array();

	if (why)
		return op_fail_text(op, CODE_CONFLICT, why);
	if (set && shape->etag && !usable_etag(json_bytes_at(set, shape->etag)))
		return op_fail_shape(op);
	if (type == RR_NONE && json_array_size(values))
		return op_fail_text(
			op, CODE_CONFLICT,
			"records of other types stand at the name; nothing was changed");
	if (!none || (type != RR_NONE && plan(op, type, set, values ? values : none, ttl) != 0))
		return op_fail_text(op, CODE_OVERLOADED, "out of memory");
	op->looked++;
	if (nth_type(op, op->looked))
		return VERDICT_AGAIN;
	return looked(op);
}

/* The values of a flat set: whether there is one shows in whether there are any. */
static bool read_flat(const struct op *op, const json_t *array, const json_t **set,
		      const json_t **values, uint64_t *ttl)
{
	const json_t *first = json_array_get(array, 0);

	*set = first ? array : NULL;
	*values = array;
	return json_is_array(array) &&
	       (!first ||
		op_read_number(json_at(first, op->provider->shape->ttl), UINT32_MAX, ttl));
}

/* Of the sets in an answer the one that was asked for; NULL: it is not there. */
static const json_t *asked_set(const struct op *op, const json_t *sets)
{
	const struct shape *shape = op->provider->shape;
	struct bytes type = bytes_str(set_type_asked(op));
	const json_t *s;
	size_t i;

	if (json_is_object(sets))
		return sets;
	json_array_foreach(sets, i, s)
	{
		if (bytes_eq(json_bytes_at(s, shape->type), type) &&
		    op_at_name(op, json_at(s, shape->name), shape->names.answer))
			return s;
	}
	return NULL;
}

/* The set of the answer that was asked for, its values and TTL; nothing where there is none. False when the answer has not the form. */
static bool read_set(const struct op *op, const struct answer *a, const json_t **set,
		     const json_t **values, uint64_t *ttl)
{
	const struct shape *shape = op->provider->shape;
	const json_t *sets = a->status == 404 ? NULL : answer_at(a, shape->records);
	/* Where sets do not say what they are, the answer is the one set that was asked for. */
	bool is_list = json_is_array(sets) && shape->type && shape->name;

	*ttl = 0;
	if (shape->flat)
		return read_flat(op, sets, set, values, ttl);
	*set = json_is_object(sets) || is_list ? asked_set(op, sets) : NULL;
	*values = NULL;
	if (a->status != 404 && !json_is_object(sets) && !is_list)
		return false;
	if (!*set || (shape->refuse && shape->refuse(*set)))
		return true;
	*values = json_at(*set, shape->values);
	if (shape->ttl_or_null && json_is_null(json_at(*set, shape->ttl)))
		return json_is_array(*values);
	return json_is_array(*values) && op_read_number(json_at(*set, shape->ttl), UINT32_MAX, ttl);
}

enum verdict set_parse_look(struct op *op, const struct answer *a)
{
	const json_t *set, *values;
	uint64_t ttl;

	if (!read_set(op, a, &set, &values, &ttl))
		return op_fail_shape(op);
	return set_seen(op, set, values, ttl);
}

/* ---- changing ---- */

/* The change under way is made. */
static void made(struct op *op)
{
	struct set_change c;

	if (set_head(op, &c) && c.type == op->type && op->kind == OP_REMOVE)
		op->removed = true;
	json_array_remove(op->kept, 0);
}

static bool was_faster(const struct answer *a)
{
	return a->status == 409 || a->status == 412;
}

enum verdict set_parse_change(struct op *op, const struct answer *a)
{
	bool remove = set_is_remove(op) == 0;

	if (was_faster(a))
		return VERDICT_RESTART;
	made(op);
	return remove && set_is_remove(op) == 0 ? VERDICT_AGAIN : VERDICT_NEXT;
}

int set_build_remove(const struct op *op, struct request *req)
{
	return set_is_remove(op);
}

int set_build_edit(const struct op *op, struct request *req)
{
	struct set_change c;

	if (set_is_edit(op) != 0 || !set_head(op, &c))
		return BUILD_SKIP;
	return request_json(req, json_pack("{s:O}", op->provider->shape->values, c.new));
}

enum verdict set_parse_put(struct op *op, const struct answer *a)
{
	if (a->status >= 400)
		return VERDICT_RESTART;
	if (a->status != 204 && !json_is_array(answer_at(a, op->provider->shape->values)))
		return op_fail_shape(op);
	return set_parse_change(op, a);
}

enum verdict set_parse_all(struct op *op, const struct answer *a)
{
	if (was_faster(a))
		return VERDICT_RESTART;
	while (json_array_size(op->kept))
		made(op);
	return VERDICT_NEXT;
}

enum verdict set_parse_check(struct op *op, const struct answer *a)
{
	const json_t *set, *values, *v;
	bool there = false;
	uint64_t ttl;
	size_t i;

	if (!read_set(op, a, &set, &values, &ttl))
		return op_fail_shape(op);
	json_array_foreach(values, i, v)
	{
		struct buf space = BUF_INIT(PROVIDER_BODY_MAX);

		there = there ||
			record_value_matches(op->type, shape_content(op, op->type, v, &space),
					     op->value);
		buf_done(&space);
	}
	return there == (op->kind == OP_ADD) ? VERDICT_DONE : VERDICT_RESTART;
}
