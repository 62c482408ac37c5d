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

/* Several sets at once, all or nothing. */
static int build_all(const struct op *op, struct request *req)
{
	json_t *sets = json_array();
	struct set_change c;
	int failed = 0;

	for (size_t i = 0; set_nth(op, i, &c); i++)
		failed |= json_array_append_new(
			sets, json_pack("{s:o, s:s, s:I, s:O}", "subname", op_name(op), "type",
					rr_type_text(c.type), "ttl", (json_int_t)c.ttl, "records",
					c.new));
	if (json_array_size(sets) > 1 && !failed)
		return request_json(req, sets);
	json_decref(sets);
	return failed ? -ENOMEM : BUILD_SKIP;
}

static enum verdict parse_all(struct op *op, const struct answer *a)
{
	return json_is_array(a->json) ? set_parse_all(op, a) : op_fail_shape(op);
}

#define SETS "/domains/{zone}/rrsets/"
#define SET  SETS "{name}/{type}/"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/domains/", stock_build_zones, stock_parse_zones);
static const struct exchange look = EXCHANGE_READ("look", SETS, build_look, set_parse_look);
static const struct exchange all = EXCHANGE_CHANGE("all", "PATCH", SETS, build_all, parse_all);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", SET, set_build_remove, set_parse_change);
static const struct exchange add = EXCHANGE_CHANGE("add", "POST", SETS, build_add, set_parse_put);
static const struct exchange edit =
	EXCHANGE_CHANGE("edit", "PATCH", SET, set_build_edit, set_parse_put, 404);
static const struct exchange check = EXCHANGE_READ("check", SETS, build_look, set_parse_check);

static const struct field_def fields[] = {
	FIELD_SECRET("token", "Token", 128, "[A-Za-z0-9_.-]{20,}",
		     "Best with a policy that lets it write the record types and names it is for, "
		     "and read the rest."),
	{0},
};

/* Another writer made the set. */
static const struct error_def errors[] = {{"same subname", CODE_OK, true}, {0}};

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
	.messages = {"detail", "non_field_errors.0", "ttl.0"},
	.errors = errors,
	.shape = &shape,
	.min_ttl = 3600,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &all, &remove_, &add, &edit, &check},
		[OP_REMOVE] = {&look, &remove_, &edit, &check}},
};
