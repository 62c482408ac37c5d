/* SPDX-License-Identifier: ISC */
/* deSEC: https://desec.readthedocs.io/en/latest/dns/rrsets.html. Record sets; POST makes one only where there is none, and that is all there is against another writer. */
#include "provider/kit.h"

static int build_look(const struct op *op, struct request *req)
{
	request_query(req, "subname", dns_name_relative(&op->fqdn, &op->zone));
	request_query(req, "type", bytes_str(set_type_asked(op)));
	return 0;
}

static int build_add(const struct op *op, struct request *req)
{
	struct set_change c;

	if (set_is_add(op) != 0 || !set_head(op, &c))
		return BUILD_SKIP;
	return request_json(req, json_pack("{s:o, s:s, s:I, s:O}", "subname", op_name(op), "type",
					   rr_type_text(c.type), "ttl", (json_int_t)c.ttl,
					   "records", c.new));
}

static int build_edit(const struct op *op, struct request *req)
{
	struct set_change c;

	if (set_is_edit(op) != 0 || !set_head(op, &c))
		return BUILD_SKIP;
	return request_json(req, json_pack("{s:O}", "records", c.new));
}

static int build_remove(const struct op *op, struct request *req)
{
	return set_is_remove(op);
}

/* Another writer made the set, or took it away. */
static enum verdict parse_put(struct op *op, const struct answer *a)
{
	struct bytes why = json_bytes_at(a->json, "non_field_errors.0");

	if (a->status == 404 ||
	    (a->status == 400 && bytes_find(why, BYTES("same subname")) < why.n))
		return VERDICT_RESTART;
	if (a->status == 400)
		return op_fail(op, CODE_PROVIDER_REJECTED,
			       why.n ? why : json_bytes_at(a->json, "ttl.0"));
	return json_is_array(answer_at(a, "records")) ? set_parse_change(op, a) : op_fail_shape(op);
}

#define SETS "/domains/{zone}/rrsets/"
#define SET  SETS "{name}/{type}/"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/domains/", stock_build_zones, stock_parse_zones);
static const struct exchange look = EXCHANGE_READ("look", SETS, build_look, set_parse_look);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", SET, build_remove, set_parse_change);
static const struct exchange add = EXCHANGE_CHANGE("add", "POST", SETS, build_add, parse_put, 400);
static const struct exchange edit =
	EXCHANGE_CHANGE("edit", "PATCH", SET, build_edit, parse_put, 400, 404);
static const struct exchange check = EXCHANGE_READ("check", SETS, build_look, set_parse_check);

static const struct field_def fields[] = {
	{.name = "token",
	 .label = "Token",
	 .help = "Best with a policy that lets it write the record types and names it is for, and "
		 "read the rest.",
	 .pattern = "[A-Za-z0-9_.-]{20,}",
	 .max = 128,
	 .secret = true},
	{0},
};

static const struct shape shape = {
	.zones = "",
	.zone_id = "name",
	.zone_name = "name",
	.zone_pages = {PAGING_LINK, NULL, "cursor"},
	.records = "",
	.name = "name",
	.type = "type",
	.ttl = "ttl",
	.values = "records",
	.names = {.body = NAME_LABEL, .answer = NAME_FULL_DOT, .path = NAME_LABEL_AT},
	.dotted = true,
};

const struct provider provider_desec = {
	.name = "desec",
	.title = "deSEC",
	.base = "https://desec.io/api/v1",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Token ", "token"},
	.zone_id_is_name = true,
	.serialise = true,
	.headers = {"Link"},
	.message = "detail",
	.shape = &shape,
	.min_ttl = 3600,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &remove_, &add, &edit, &check},
		[OP_REMOVE] = {&look, &remove_, &edit, &check}},
};
