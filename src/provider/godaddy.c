/* SPDX-License-Identifier: ISC */
/* GoDaddy, v1: https://developer.godaddy.com/doc/endpoint/domains. Records without ids; PATCH adds some, PUT makes the set. Nothing guards a removal against another writer. */
#include "provider/kit.h"

/* Of a domain that is merely registered here the name servers are others'. */
static bool is_served(const struct op *op, const json_t *zone)
{
	const json_t *servers = json_object_get(zone, "nameServers"), *s;
	bool known = false, ours = false;
	size_t i;

	(void)op;
	json_array_foreach(servers, i, s)
	{
		struct bytes name = json_bytes(s), end = BYTES(".domaincontrol.com");

		known = known || name.n;
		ours = ours ||
		       (name.n > end.n && bytes_eq_nocase(bytes_skip(name, name.n - end.n), end));
	}
	return ours || !known;
}

static json_t *new_value(const struct op *op)
{
	return json_pack("{s:o, s:I}", "data", op_content(op), "ttl", (json_int_t)op_ttl(op));
}

/* Our value alone, in a set that keeps the others. */
static int build_add(const struct op *op, struct request *req)
{
	struct set_change c;

	if (op->mode == MODE_REPLACE || !set_head(op, &c))
		return BUILD_SKIP;
	return request_json(req, json_pack("[{s:s, s:o, s:o, s:I}]", "type", rr_type_text(op->type),
					   "name", op_name(op), "data", op_content(op), "ttl",
					   (json_int_t)c.ttl));
}

static int build_edit(const struct op *op, struct request *req)
{
	struct set_change c;

	if (set_is_remove(op) == 0 || !set_head(op, &c))
		return BUILD_SKIP;
	return request_json(req, json_incref((json_t *)c.new));
}

/* How long to wait stands in the body. */
static bool error(struct op *op, const struct answer *a)
{
	uint64_t seconds;

	if (a->status == 429 &&
	    json_get_u64(a->json, "retryAfterSec", PROVIDER_RETRY_MAX, &seconds))
		op->retry_after = (uint32_t)seconds;
	return false;
}

#define RECORDS "/domains/{zone}/records"
#define SET	RECORDS "/{type}/{name}"
static int build_zones(const struct op *op, struct request *req)
{
	request_query(req, "statuses", BYTES("ACTIVE"));
	return stock_build_zones(op, req);
}

static const struct exchange zones =
	EXCHANGE_READ("zones", "/domains", build_zones, stock_parse_zones);
static const struct exchange look = EXCHANGE_READ("look", SET, NULL, set_parse_look);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", SET, set_build_remove, set_parse_change, 404);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "PATCH", RECORDS, build_add, set_parse_change);
static const struct exchange edit =
	EXCHANGE_CHANGE("edit", "PUT", SET, build_edit, set_parse_change);
static const struct exchange check = EXCHANGE_READ("check", SET, NULL, set_parse_check);

static const struct field_def fields[] = {
	FIELD_SECRET("api_key", "API key", 128, "[A-Za-z0-9_]{20,}",
		     "A production key; the API is for accounts with ten domains or more."),
	FIELD_SECRET("api_secret", "API secret", 128, "[A-Za-z0-9_]{16,}",
		     "What was shown once, when the key was made."),
	{0},
};

static const struct error_def errors[] = {
	{"UNKNOWN_DOMAIN", CODE_ZONE_NOT_FOUND},
	{"DUPLICATE_RECORD", CODE_OK},
	{0},
};

static const struct shape shape = {
	.zones = "",
	.zone_id = "domain",
	.zone_name = "domain",
	.zone_is = {{"status", "ACTIVE"}},
	.zone_ok = is_served,
	.zone_pages = {PAGING_LAST, NULL, "marker", "limit", 1000},
	.records = "",
	.flat = true,
	.content = "data",
	.ttl = "ttl",
	.names = {NAME_LABEL_AT, NAME_LABEL_AT, NAME_LABEL_AT},
	.bare = true,
	.new_value = new_value,
};

const struct provider provider_godaddy = {
	.name = "godaddy",
	.title = "GoDaddy",
	.base = "https://api.godaddy.com/v1",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "sso-key ", "api_key", "api_secret"},
	.zone_id_is_name = true,
	.serialise = true,
	.messages = {"message"},
	.code = "code",
	.errors = errors,
	.shape = &shape,
	.min_ttl = 600,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &remove_, &add, &edit, &check},
		[OP_REMOVE] = {&look, &remove_, &edit, &check}},
	.error = error,
};
