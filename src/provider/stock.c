/* SPDX-License-Identifier: ISC */
/* Stock steps for APIs where each record has an id. */
#include "provider/provider.h"

static enum verdict see_zone(struct op *op, const json_t *zone)
{
	const struct shape *shape = op->provider->shape;
	struct buf id = BUF_INIT(PROVIDER_ID_MAX);
	enum verdict v = VERDICT_NEXT;

	if (!shape->zone_ok(zone))
		return VERDICT_NEXT;
	if (!op_set_id(&id, json_object_get(zone, shape->zone_id)))
		v = op_fail_shape(op);
	else if (!op_add_zone(op, json_get_bytes(zone, shape->zone_name), buf_bytes(&id)))
		v = VERDICT_ERROR;
	buf_done(&id);
	return v;
}

enum verdict stock_parse_zones(struct op *op, const struct answer *a)
{
	const json_t *zones = answer_at(a, op->provider->shape->zones), *z;
	size_t i;

	if (!json_is_array(zones))
		return op_fail_shape(op);
	json_array_foreach(zones, i, z)
	{
		if (see_zone(op, z) == VERDICT_ERROR)
			return VERDICT_ERROR;
	}
	return op_next_page(op, answer_at(a, op->provider->shape->pages));
}

/* ---- records ---- */

/* A record at op->fqdn, as an answer shows it. */
struct seen {
	const json_t *id;
	struct bytes type, content;
	uint64_t ttl;
	struct buf space; /* for CONTENT, where the provider takes it apart */
};

/* False when it is another name's, or no record at all. */
static bool read_record(const struct op *op, const json_t *record, struct seen *out)
{
	const struct shape *shape = op->provider->shape;

	if (!op_at_name(op, json_object_get(record, shape->name), shape->relative))
		return false;
	*out = (struct seen){.id = json_object_get(record, shape->id),
			     .type = json_get_bytes(record, shape->type),
			     .content = json_get_bytes(record, shape->content),
			     .space = BUF_INIT(PROVIDER_BODY_MAX)};
	if (shape->content_of && !json_is_string(json_object_get(record, shape->content)))
		out->content = shape->content_of(record, &out->space);
	(void)json_get_u64(record, shape->ttl, UINT32_MAX, &out->ttl);
	return true;
}

/* A replace removes it. One that slid to the next page while we read is met twice. */
static enum verdict add_other(struct op *op, const struct seen *s, enum rr_type type)
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
	op_note_replaced(op, rr_type_text(type), s->content, s->ttl);
	return VERDICT_NEXT;
}

static enum verdict see_record(struct op *op, const struct seen *s)
{
	enum rr_type type = rr_type_parse(s->type);

	if (op_is_ours(op, s->type, s->content)) {
		if (!op->there && !op_set_id(&op->record_id, s->id))
			return op_fail_shape(op);
		op->there = true;
		return VERDICT_NEXT;
	}
	if (op->mode != MODE_REPLACE || (type == RR_NS && op_at_apex(op)))
		return VERDICT_NEXT;
	if (type != RR_NONE)
		return add_other(op, s, type);
	if (op->type == RR_CNAME)
		op->obstacle = true;
	return VERDICT_NEXT;
}

/* All records at the name were seen. */
static enum verdict looked(struct op *op)
{
	if (op->obstacle)
		return op_fail_text(
			op, CODE_CONFLICT,
			"records of other types stand at the name; nothing was changed");
	op_set_found(op, op->there);
	return op->there && op->others.n == 0 ? VERDICT_DONE : VERDICT_NEXT;
}

enum verdict stock_parse_look(struct op *op, const struct answer *a)
{
	const json_t *records = answer_at(a, op->provider->shape->records), *r;
	enum verdict v;
	size_t i;

	if (!json_is_array(records))
		return op_fail_shape(op);
	json_array_foreach(records, i, r)
	{
		struct seen s;

		if (!read_record(op, r, &s))
			continue;
		v = see_record(op, &s);
		buf_done(&s.space);
		if (v == VERDICT_ERROR)
			return v;
	}
	v = op_next_page(op, answer_at(a, op->provider->shape->pages));
	return v == VERDICT_NEXT ? looked(op) : v;
}

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

enum verdict stock_parse_create(struct op *op, const struct answer *a)
{
	const struct shape *shape = op->provider->shape;
	const json_t *record = answer_at(a, shape->record);

	if (!op_set_id(&op->record_id, json_object_get(record, shape->id)))
		return op_fail_shape(op);
	return VERDICT_DONE;
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
	ours = op_is_ours(op, s.type, s.content);
	buf_done(&s.space);
	return ours ? VERDICT_NEXT : op_gone(op);
}

enum verdict stock_parse_delete(struct op *op, const struct answer *a)
{
	if (a->status == 404)
		return op_gone(op);
	op->removed = true;
	return VERDICT_DONE;
}
