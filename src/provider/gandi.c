/* SPDX-License-Identifier: ISC */
/*
 * Gandi LiveDNS, v5: https://api.gandi.net/docs/livedns/. Record sets; POST makes one only where there is none, and that is all there is against
 * another writer.
 */
#include "provider/kit.h"

static int build_zones(const struct op *op, struct request *req)
{
	if (op_field(op, "sharing_id").n)
		request_query(req, "sharing_id", op_field(op, "sharing_id"));
	return stock_build_zones(op, req);
}

static int put_set(const struct op *op, struct request *req)
{
	struct set_change c;

	if (!set_head(op, &c))
		return BUILD_SKIP;
	return request_json(req, json_pack("{s:I, s:O}", "rrset_ttl", (json_int_t)c.ttl,
					   "rrset_values", c.new));
}

static int build_add(const struct op *op, struct request *req)
{
	return set_is_add(op) == 0 ? put_set(op, req) : BUILD_SKIP;
}

static int build_edit(const struct op *op, struct request *req)
{
	return set_is_edit(op) == 0 ? put_set(op, req) : BUILD_SKIP;
}

/* A good answer says so. */
static enum verdict parse_put(struct op *op, const struct answer *a)
{
	return a->status >= 400 || json_bytes_at(a->json, "message").n ? set_parse_change(op, a)
								       : op_fail_shape(op);
}

/* A set that is not there and a zone that is not there are told apart by a word. */
static bool error(struct op *op, const struct answer *a)
{
	if (a->status != 404 || bytes_is(json_bytes_at(a->json, "object"), "dns-record"))
		return false;
	op_fail_answer(op, CODE_ZONE_NOT_FOUND, a);
	return true;
}

#define SET "/domains/{zone}/records/{name}/{type}"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/domains", build_zones, stock_parse_zones);
static const struct exchange look = EXCHANGE_READ("look", SET, set_build_look, set_parse_look, 404);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", SET, set_build_remove, set_parse_change, 404);
static const struct exchange add = EXCHANGE_CHANGE("add", "POST", SET, build_add, parse_put, 409);
static const struct exchange edit = EXCHANGE_CHANGE("edit", "PUT", SET, build_edit, parse_put);
static const struct exchange check = EXCHANGE_READ("check", SET, NULL, set_parse_check, 404);

static const struct field_def fields[] = {
	FIELD_SECRET(
		"token", "Personal access token", 256, "[A-Za-z0-9_-]{20,}",
		"With the permission to manage domain name technical configurations, limited to "
		"the domains it is for. It expires after a year at most."),
	{.name = "sharing_id",
	 .label = "Organization",
	 .help = "The id of the organization whose domains are meant, where the token sees "
		 "several.",
	 .pattern = "[0-9A-Fa-f-]{36}",
	 .max = 36,
	 .optional = true},
	{0},
};

static const struct shape shape = {
	.zones = "",
	.zone_id = "fqdn",
	.zone_name = "fqdn",
	.zone_pages = {PAGING_LINK, NULL, "page", "per_page", 100},
	.records = "",
	.ttl = "rrset_ttl",
	.values = "rrset_values",
	.names = {NAME_LABEL_AT, NAME_LABEL_AT, NAME_LABEL_AT},
	.dotted = true,
	.relative = true,
};

const struct provider provider_gandi = {
	.name = "gandi",
	.title = "Gandi LiveDNS",
	.base = "https://api.gandi.net/v5/livedns",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "token"},
	.zone_id_is_name = true,
	.serialise = true,
	.headers = {"Link"},
	.messages = {"message", "errors.0.description"},
	.shape = &shape,
	.min_ttl = 300,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &remove_, &add, &edit, &check},
		[OP_REMOVE] = {&look, &remove_, &edit, &check}},
	.error = error,
};
