/* SPDX-License-Identifier: ISC */
/*
 * Cloudflare, API v4: https://developers.cloudflare.com/api/. Each record has an id; a batch is
 * one transaction.
 */
#include "provider/kit.h"

/* A record in any other zone is not seen: Cloudflare does not answer for it. */
static bool zone_ok(const json_t *zone)
{
	return bytes_is(json_get_bytes(zone, "status"), "active") &&
	       bytes_is(json_get_bytes(zone, "type"), "full");
}

/* A CAA may come as "data" alone. */
static struct bytes content_of(const json_t *record, struct buf *space)
{
	const json_t *data = json_object_get(record, "data");
	struct caa caa = {.value = json_get_bytes(data, "value")};
	uint64_t flags;

	if (!json_get_u64(data, "flags", UINT8_MAX, &flags) ||
	    bytes_to_str(json_get_bytes(data, "tag"), caa.tag, sizeof(caa.tag)) < 0)
		return bytes_of(NULL, 0);
	caa.flags = (uint8_t)flags;
	caa_put(space, &caa);
	return buf_bytes(space);
}

static json_t *caa_data(const struct op *op)
{
	struct caa caa;

	if (caa_parse(&caa, op->value) != 0)
		return NULL;
	return json_pack("{s:i, s:s, s:s%}", "flags", caa.flags, "tag", caa.tag, "value",
			 caa.value.p, caa.value.n);
}

static json_t *new_record(const struct op *op)
{
	bool caa = op->type == RR_CAA, cname = op->type == RR_CNAME;
	json_t *value = caa ? caa_data(op) : op_content(op);

	return json_pack("{s:s, s:s, s:o, s:I, s:o*}", "type", rr_type_text(op->type), "name",
			 op->fqdn.text, caa ? "data" : "content", value, "ttl",
			 (json_int_t)op_ttl(op), "proxied", cname ? json_false() : NULL);
}

static int build_add(const struct op *op, struct request *req)
{
	return request_json(req, new_record(op));
}

/* A replace that has something to remove does all at once: deletes come before posts. */
static int build_batch(const struct op *op, struct request *req)
{
	struct bytes others = buf_bytes(&op->others), id;
	json_t *deletes;
	int r = 0;

	if (op->others.n == 0)
		return BUILD_SKIP;
	deletes = json_array();
	while (r == 0 && plist_next(&others, &id))
		r = json_array_append_new(deletes, json_pack("{s:s%}", "id", id.p, id.n));
	if (r != 0) {
		json_decref(deletes);
		return -ENOMEM;
	}
	if (op->there)
		return request_json(req, json_pack("{s:o}", "deletes", deletes));
	return request_json(req,
			    json_pack("{s:o, s:[o]}", "deletes", deletes, "posts", new_record(op)));
}

static enum verdict parse_batch(struct op *op, const struct answer *a)
{
	if (!op->there && !op_set_id(&op->record_id, answer_at(a, "result.posts.0.id")))
		return op_fail_shape(op);
	return VERDICT_DONE;
}

#define RECORDS "/zones/{zone}/dns_records"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/zones", stock_build_zones, stock_parse_zones);
static const struct exchange look =
	EXCHANGE_READ("look", RECORDS, stock_build_look, stock_parse_look);
static const struct exchange batch =
	EXCHANGE_CHANGE("batch", "POST", RECORDS "/batch", build_batch, parse_batch);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", RECORDS, build_add, stock_parse_add);
static const struct exchange get =
	EXCHANGE_READ("get", RECORDS "/{record}", NULL, stock_parse_get, 404);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", RECORDS "/{record}", NULL, stock_parse_remove, 404);

static const struct field_def fields[] = {
	{.name = "api_token",
	 .label = "API token",
	 .help = "A token with the permissions Zone Read and DNS Edit, limited to the zones it is "
		 "for.",
	 .pattern = "[A-Za-z0-9_-]{40,}",
	 .max = 512,
	 .secret = true},
	{0},
};

static const struct error_def errors[] = {
	{"1000", CODE_PROVIDER_AUTH_FAILED},
	{"6003", CODE_PROVIDER_AUTH_FAILED},
	{"9109", CODE_PROVIDER_AUTH_FAILED},
	{"10000", CODE_PROVIDER_AUTH_FAILED},
	{"7000", CODE_ZONE_NOT_FOUND},
	{"7003", CODE_ZONE_NOT_FOUND},
	{"971", CODE_PROVIDER_RATE_LIMITED},
	{"10429", CODE_PROVIDER_RATE_LIMITED},
	{"81053", CODE_CONFLICT},
	/* CNAME */ {"81054", CODE_CONFLICT},
	{"81057", CODE_OK},
	/* identical */ {"81058", CODE_OK},
	{"81044", CODE_OK},
	/* no such */ {0},
};

static const struct shape shape = {
	.zones = "result",
	.zone_id = "id",
	.zone_name = "name",
	.zone_ok = zone_ok,
	.records = "result",
	.record = "result",
	.zone_pages = {PAGING_TOTAL, "result_info.total_pages", "page", "per_page", 50},
	.record_pages = {PAGING_TOTAL, "result_info.total_pages", "page", "per_page", 50},
	.filter = "name",
	.id = "id",
	.name = "name",
	.type = "type",
	.content = "content",
	.ttl = "ttl",
	.content_of = content_of,
};

const struct provider provider_cloudflare = {
	.name = "cloudflare",
	.title = "Cloudflare",
	.base = "https://api.cloudflare.com/client/v4",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "api_token"},
	.success = "success",
	.message = "errors.0.message",
	.code = "errors.0.code",
	.errors = errors,
	.shape = &shape,
	.min_ttl = 60,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &batch, &add},
		[OP_REMOVE] = {&get, &remove_}},
};
