/* SPDX-License-Identifier: ISC */
/* IBM NS1 Connect, API v1: https://developer.ibm.com/apis/catalog/ns1--ibm-ns1-connect-api/. A "record" is a set of answers. PUT makes one only where there is none, and that is all there is
 * against another writer. */
#include "provider/kit.h"

static bool zone_ok(const json_t *zone)
{
	const json_t *link = json_object_get(zone, "link");

	return !json_is_true(json_at(zone, "secondary.enabled")) && (!link || json_is_null(link));
}

/* An answer is an array: of one text, or of a CAA's three parts. */
static struct bytes content_of(const json_t *value, struct buf *space)
{
	const json_t *parts = json_object_get(value, "answer"), *part;
	size_t i;

	if (json_array_size(parts) == 3 &&
	    op_read_number(json_array_get(parts, 0), 255, &(uint64_t){0})) {
		buf_put_bytes(space, json_bytes_at(parts, "0"));
		buf_putc(space, ' ');
		buf_put_bytes(space, json_bytes_at(parts, "1"));
		buf_puts(space, " \"");
		buf_put_bytes(space, json_bytes_at(parts, "2"));
		buf_putc(space, '"');
		return buf_bytes(space);
	}
	json_array_foreach(parts, i, part)
	{
		buf_put_bytes(space, json_bytes(part));
	}
	return buf_bytes(space);
}

static json_t *new_value(const struct op *op)
{
	struct caa caa;

	if (op->type != RR_CAA)
		return json_pack("{s:[o]}", "answer", op_canonical(op));
	if (caa_parse(&caa, op->value) != 0)
		return NULL;
	return json_pack("{s:[o, s, s%]}", "answer", json_sprintf("%u", caa.flags), caa.tag,
			 caa.value.p, caa.value.n);
}

static const char *refuse(const json_t *set)
{
	const json_t *link = json_object_get(set, "link");

	return link && !json_is_null(link) ? "the record mirrors another; nothing was changed"
					   : NULL;
}

static int build_add(const struct op *op, struct request *req)
{
	struct set_change c;

	if (set_is_add(op) != 0 || !set_head(op, &c))
		return BUILD_SKIP;
	return request_json(req, json_pack("{s:s, s:s, s:s, s:I, s:O}", "zone", op->zone.text,
					   "domain", op->fqdn.text, "type", rr_type_text(c.type),
					   "ttl", (json_int_t)c.ttl, "answers", c.new));
}

/* What is not sent stays: filters, regions, meta. */
static int build_edit(const struct op *op, struct request *req)
{
	struct set_change c;

	if (set_is_edit(op) != 0 || !set_head(op, &c))
		return BUILD_SKIP;
	return request_json(req, json_pack("{s:O}", "answers", c.new));
}

static int build_remove(const struct op *op, struct request *req)
{
	return set_is_remove(op);
}

/* A good answer shows the set. */
static enum verdict parse_put(struct op *op, const struct answer *a)
{
	struct bytes why = json_bytes_at(a->json, "message");

	if (a->status == 400 && bytes_find(why, BYTES("already exists")) < why.n)
		return VERDICT_RESTART;
	if (a->status == 400)
		return op_fail_answer(op, CODE_PROVIDER_REJECTED, a);
	return json_is_array(answer_at(a, "answers")) ? set_parse_change(op, a) : op_fail_shape(op);
}

/* A set that is not there and a zone that is not there are told apart by a word. */
static bool error(struct op *op, const struct answer *a)
{
	if (a->status != 404 || bytes_is(json_bytes_at(a->json, "message"), "record not found"))
		return false;
	op_fail_answer(op, CODE_ZONE_NOT_FOUND, a);
	return true;
}

#define SET "/zones/{zone}/{name}/{type}"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/zones", stock_build_zones, stock_parse_zones);
static const struct exchange look = EXCHANGE_READ("look", SET, set_build_look, set_parse_look, 404);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", SET, build_remove, set_parse_change, 404);
static const struct exchange add = EXCHANGE_CHANGE("add", "PUT", SET, build_add, parse_put, 400);
static const struct exchange edit = EXCHANGE_CHANGE("edit", "POST", SET, build_edit, parse_put);
static const struct exchange check = EXCHANGE_READ("check", SET, NULL, set_parse_check, 404);

static const struct field_def fields[] = {
	{.name = "api_key",
	 .label = "API key",
	 .help = "With the permissions to view and manage zones, limited to the zones it is for.",
	 .pattern = "[A-Za-z0-9]{20,}",
	 .max = 128,
	 .secret = true},
	{0},
};

static const struct shape shape = {
	.zones = "",
	.zone_id = "zone",
	.zone_name = "zone",
	.zone_ok = zone_ok,
	.zone_pages = {PAGING_LINK, NULL, "after"},
	.records = "",
	.ttl = "ttl",
	.values = "answers",
	.content_of = content_of,
	.new_value = new_value,
	.refuse = refuse,
};

const struct provider provider_ns1 = {
	.name = "ns1",
	.title = "IBM NS1 Connect",
	.base = "https://api.nsone.net/v1",
	.fields = fields,
	.auth = {AUTH_HEADER, "X-NSONE-Key", "", "api_key"},
	.zone_id_is_name = true,
	.serialise = true,
	.headers = {"Link"},
	.message = "message",
	.shape = &shape,
	.min_ttl = 1,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &remove_, &add, &edit, &check},
		[OP_REMOVE] = {&look, &remove_, &edit, &check}},
	.error = error,
};
