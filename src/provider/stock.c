/* SPDX-License-Identifier: ISC */
/* Stock steps for APIs where each record has an id. */
#include "provider/kit.h"

#include <inttypes.h>

/* ---- zones ---- */

int stock_build_zones(const struct op *op, struct request *req)
{
	paging_ask(&op->provider->shape->zone_pages, op, req);
	return 0;
}

/* ID: room for its id. */
static enum verdict see_zone(struct op *op, const json_t *zone, struct buf *id)
{
	const struct shape *shape = op->provider->shape;

	if (!shape_zone_ok(op, zone))
		return VERDICT_NEXT;
	buf_reset(id);
	if (shape->zone_id_of ? !shape->zone_id_of(zone, id)
			      : !op_set_id(id, json_at(zone, shape->zone_id)))
		return op_fail_shape(op);
	return op_add_zone(op, json_bytes_at(zone, shape->zone_name), buf_bytes(id))
		       ? VERDICT_NEXT
		       : VERDICT_ERROR;
}

enum verdict stock_parse_zones(struct op *op, const struct answer *a)
{
	const struct shape *shape = op->provider->shape;
	const json_t *zones = answer_at(a, shape->zones), *z = NULL;
	struct buf id = BUF_INIT(PROVIDER_ID_MAX);
	enum verdict v = VERDICT_NEXT;
	size_t i;

	if (!json_is_array(zones))
		return op_fail_shape(op);
	json_array_foreach(zones, i, z)
	{
		v = see_zone(op, z, &id);
		if (v == VERDICT_ERROR)
			break;
	}
	buf_done(&id);
	if (v == VERDICT_ERROR)
		return v;
	z = json_array_get(zones, json_array_size(zones) - 1);
	return paging_next(&shape->zone_pages, op, a, json_array_size(zones),
			   json_bytes_at(z, shape->zone_name));
}

/* The names in PATH, behind the N that NAMES has. NULL has none; nor does an array's index name anything. */
static size_t add_names(const char *path, struct bytes *names, size_t n)
{
	for (const char *end; path && *path && n < STOCK_MEMBERS_MAX; path = end + (*end == '.')) {
		end = path + strcspn(path, ".");
		names[n++] = bytes_of(path, (size_t)(end - path));
	}
	return n;
}

size_t stock_zone_members(const struct provider *p, struct bytes *names)
{
	const struct shape *shape = p->shape;
	const char *const paths[] = {shape->zones, shape->zone_id,	   shape->zone_name,
				     p->success,   shape->zone_pages.path, p->code,
				     p->code_or};
	size_t n = 0;

	if (p->error || shape->zone_ok || shape->zone_id_of)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		n = add_names(paths[i], names, n);
	for (size_t i = 0; i < ARRAY_LEN(p->messages); i++)
		n = add_names(p->messages[i], names, n);
	for (size_t i = 0; i < PROVIDER_RULES; i++)
		n = add_names(shape->zone_is[i].path, names, n);
	return n < STOCK_MEMBERS_MAX ? n : 0; /* some may be missing */
}

/* ---- records ---- */

/* A record at op->fqdn, as an answer shows it. */
struct seen {
	const json_t *id;
	enum rr_type type; /* RR_NONE: none of ours */
	struct bytes content;
	uint64_t ttl;
	struct buf space; /* for CONTENT, where it is taken apart */
};

static enum rr_type read_type(const struct shape *shape, const json_t *record)
{
	const json_t *type = json_at(record, shape->type);

	if (!shape->type_numbers)
		return rr_type_parse(json_bytes(type));
	for (enum rr_type t = RR_TXT; t < RR_TYPES; t++)
		if (json_is_integer(type) && json_integer_value(type) == shape->type_numbers[t])
			return t;
	return RR_NONE;
}

/* False when it is another name's, or no record at all. */
static bool read_record(const struct op *op, const json_t *record, struct seen *out)
{
	const struct shape *shape = op->provider->shape;

	if (!op_at_name(op, json_at(record, shape->name), shape->names.answer))
		return false;
	*out = (struct seen){.id = json_at(record, shape->id),
			     .type = read_type(shape, record),
			     .space = BUF_INIT(PROVIDER_BODY_MAX)};
	out->content = shape_content(op, out->type, record, &out->space);
	if (!op_read_number(json_at(record, shape->ttl), UINT32_MAX, &out->ttl))
		out->ttl = 0;
	return true;
}

static bool is_ours(const struct op *op, const struct seen *s)
{
	return s->type == op->type && record_value_matches(op->type, s->content, op->value);
}

/* Is this the id that the record's handle holds? */
static bool is_wanted(const struct op *op, const json_t *id)
{
	struct buf text = BUF_INIT(PROVIDER_ID_MAX);
	bool same = op_set_id(&text, id) && bytes_eq(buf_bytes(&text), op->wanted_id);

	buf_done(&text);
	return same;
}

/* A replace removes it. One that slid to the next page while we read is met twice. */
static enum verdict add_other(struct op *op, const struct seen *s)
{
	struct buf id = BUF_INIT(PROVIDER_ID_MAX);
	bool usable = op_set_id(&id, s->id);

	if (usable && !plist_has(buf_bytes(&op->others), buf_bytes(&id)))
		plist_put(&op->others, buf_bytes(&id));
	buf_done(&id);
	if (!usable)
		return op_fail_shape(op);
	if (plist_count(buf_bytes(&op->others)) > PROVIDER_OTHERS_MAX)
		return op_fail_text(op, CODE_PROVIDER_REJECTED,
				    "too many records at the name; nothing was changed");
	op_note_replaced(op, rr_type_text(s->type), s->content, s->ttl);
	return VERDICT_NEXT;
}

static enum verdict see(struct op *op, const struct seen *s)
{
	if (is_ours(op, s)) {
		if (op->kind == OP_REMOVE && !is_wanted(op, s->id))
			return VERDICT_NEXT; /* the same value, but another's record */
		if (!op->there && !op_set_id(&op->record_id, s->id))
			return op_fail_shape(op);
		op->there = true;
		return VERDICT_NEXT;
	}
	if (op->kind != OP_ADD || op->mode != MODE_REPLACE || (s->type == RR_NS && op_at_apex(op)))
		return VERDICT_NEXT;
	if (s->type != RR_NONE)
		return add_other(op, s);
	if (op->type == RR_CNAME)
		op->obstacle = true;
	return VERDICT_NEXT;
}

/* What the provider makes by itself stays: it cannot be replaced, and a removal leaves it. */
static enum verdict see_fixed(struct op *op, const struct seen *s)
{
	if (op->kind != OP_ADD)
		return VERDICT_NEXT;
	if (op->mode == MODE_REPLACE && s->type != RR_NONE && !is_ours(op, s) &&
	    !(s->type == RR_NS && op_at_apex(op)))
		return op_fail_text(
			op, CODE_CONFLICT,
			"a template or a script makes records at the name; nothing was changed");
	return see(op, s);
}

enum verdict stock_see_record(struct op *op, const json_t *record)
{
	struct seen s;
	enum verdict v;

	if (!read_record(op, record, &s))
		return VERDICT_NEXT;
	v = shape_is_fixed(op, record) ? see_fixed(op, &s) : see(op, &s);
	buf_done(&s.space);
	return v;
}

enum verdict stock_looked(struct op *op)
{
	if (op->kind == OP_REMOVE)
		return op->there ? VERDICT_NEXT : op_gone(op);
	if (op->obstacle)
		return op_fail_text(
			op, CODE_CONFLICT,
			"records of other types stand at the name; nothing was changed");
	op_set_found(op, op->there);
	return op->there && op->others.n == 0 ? VERDICT_DONE : VERDICT_NEXT;
}

int stock_build_look(const struct op *op, struct request *req)
{
	const struct shape *shape = op->provider->shape;
	struct buf name = BUF_INIT(DNS_NAME_MAX + 2);

	op_put_name(op, shape->names.path, &name);
	if (shape->filter)
		request_query(req, shape->filter, buf_bytes(&name));
	buf_done(&name);
	paging_ask(&shape->record_pages, op, req);
	return 0;
}

enum verdict stock_parse_look(struct op *op, const struct answer *a)
{
	const struct shape *shape = op->provider->shape;
	const json_t *records = answer_at(a, shape->records), *r;
	enum verdict v;
	size_t i;

	if (!json_is_array(records))
		return op_fail_shape(op);
	json_array_foreach(records, i, r)
	{
		v = stock_see_record(op, r);
		if (v == VERDICT_ERROR)
			return v;
	}
	v = paging_next(&shape->record_pages, op, a, json_array_size(records), bytes_of(NULL, 0));
	return v == VERDICT_NEXT ? stock_looked(op) : v;
}

/* ---- changes ---- */

int stock_build_clear(const struct op *op, struct request *req)
{
	return op->others.n ? 0 : BUILD_SKIP;
}

enum verdict stock_parse_clear(struct op *op, const struct answer *a)
{
	struct bytes rest = buf_bytes(&op->others), id;

	if (plist_next(&rest, &id))
		buf_consume(&op->others, op->others.n - rest.n);
	return op->others.n ? VERDICT_AGAIN : VERDICT_NEXT;
}

static json_t *record_ttl(const struct op *op)
{
	return op->provider->shape->ttl_is_text ? json_sprintf("%" PRIu32, op_ttl(op))
						: json_integer(op_ttl(op));
}

json_t *stock_record(const struct op *op)
{
	const struct shape *shape = op->provider->shape;
	json_t *record = json_object();
	json_t *extra cleanup(json_cleanup) =
		shape->extra ? json_loads(shape->extra, 0, NULL) : json_object();
	int failed = json_object_set_new(record, shape->type, op_type(op));

	failed |= json_object_set_new(record, shape->name, op_name(op));
	if (op->type == RR_CAA && shape->caa.tag)
		failed |= shape_put_caa(op, record);
	else
		failed |= json_object_set_new(record, shape->content, op_content(op));
	failed |= json_object_set_new(record, shape->ttl, record_ttl(op));
	failed |= json_object_update(record, extra);
	if (!failed)
		return record;
	json_decref(record);
	return NULL;
}

int stock_build_add(const struct op *op, struct request *req)
{
	return op->there ? BUILD_SKIP : request_json(req, stock_record(op));
}

enum verdict stock_parse_add(struct op *op, const struct answer *a)
{
	const struct shape *shape = op->provider->shape;

	if (!op_set_id(&op->record_id, json_at(answer_at(a, shape->record), shape->id)))
		return op_fail_shape(op);
	return VERDICT_NEXT;
}

/* An id of ours must still name what we added. */
enum verdict stock_parse_get(struct op *op, const struct answer *a)
{
	const json_t *record = answer_at(a, op->provider->shape->record);
	struct seen s;
	bool ours;

	if (a->status == 404)
		return op_gone(op);
	if (!json_is_object(record))
		return op_fail_shape(op);
	if (!read_record(op, record, &s))
		return op_gone(op);
	ours = is_ours(op, &s);
	buf_done(&s.space);
	return ours ? VERDICT_NEXT : op_gone(op);
}

enum verdict stock_parse_remove(struct op *op, const struct answer *a)
{
	if (a->status == 404)
		return op_gone(op);
	op->removed = true;
	return VERDICT_NEXT;
}
