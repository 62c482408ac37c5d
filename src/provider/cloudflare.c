/* SPDX-License-Identifier: ISC */
/*
 * Cloudflare, API v4: https://developers.cloudflare.com/api/. Each record has an id; a batch is
 * one transaction.
 */
#include "provider/kit.h"

/* An alias would otherwise go through Cloudflare's proxies. */
static json_t *new_record(const struct op *op)
{
	json_t *record = stock_record(op);

	if (op->type == RR_CNAME)
		(void)json_object_set_new(record, "proxied", json_false());
	return record;
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
		r = json_array_append_new(deletes, json_pack("{s:o}", "id", json_from_bytes(id)));
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
	FIELD_SECRET("api_token", "API token", 512, "[A-Za-z0-9_-]{40,}",
		     "A token with the permissions Zone Read and DNS Edit, limited to the zones it "
		     "is for."),
	{0},
};

#define DASH "https://dash.cloudflare.com"
static const struct login code = OAUTH_LOGIN(DASH, "/oauth2/token", oauth_build_code, "api_token");
static const struct login refresh =
	OAUTH_LOGIN(DASH, "/oauth2/token", oauth_build_refresh, "api_token");
static const struct oauth oauth = {
	.authorize = DASH "/oauth2/auth",
	.scope = "zone.read dns.write offline_access",
	.code = &code,
	.refresh = &refresh,
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
	{"81053", CODE_CONFLICT}, /* an address, or an alias, is in the way */
	{"81054", CODE_CONFLICT},
	{"81057", CODE_OK}, /* the same record is there */
	{"81058", CODE_OK},
	{"81044", CODE_OK}, /* it is gone */
	{0},
};

static const struct shape shape = {
	.zones = "result",
	.zone_id = "id",
	.zone_name = "name",
	/* A record in any other zone is not seen: Cloudflare does not answer for it. */
	.zone_is = {{"status", "active"}, {"type", "full"}},
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
	.caa = {"data.flags", "data.tag", "data.value"},
};

const struct provider provider_cloudflare = {
	.name = "cloudflare",
	.title = "Cloudflare",
	.base = "https://api.cloudflare.com/client/v4",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "api_token"},
	.oauth = &oauth,
	.success = "success",
	.messages = {"errors.0.message"},
	.code = "errors.0.code",
	.errors = errors,
	.shape = &shape,
	.min_ttl = 60,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &batch, &add},
		[OP_REMOVE] = {&get, &remove_}},
};
