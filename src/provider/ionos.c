/* SPDX-License-Identifier: ISC */
/* IONOS, hosting DNS API v1: https://developer.hosting.ionos.com/docs/dns. Each record has an id; a create takes and gives an array, and errors come in one. */
#include "provider/kit.h"

/* Is it a record of ours that is not served? */
static bool is_ours_disabled(const struct op *op, const json_t *record)
{
	return op_at_name(op, json_at(record, "name"), NAME_FULL) &&
	       op_is_ours(op, json_bytes_at(record, "type"), json_bytes_at(record, "content"));
}

/* What is disabled is not found, nor replaced: Postern does not know what it was meant for. */
static enum verdict parse_look(struct op *op, const struct answer *a)
{
	const json_t *records = answer_at(a, "records"), *r;
	bool disabled = false;
	size_t i;

	if (!json_is_array(records))
		return op_fail_shape(op);
	json_array_foreach(records, i, r)
	{
		if (op->kind == OP_ADD && json_is_true(json_at(r, "disabled")))
			disabled = disabled || is_ours_disabled(op, r);
		else if (stock_see_record(op, r) == VERDICT_ERROR)
			return VERDICT_ERROR;
	}
	if (disabled && !op->there)
		return op_fail_text(op, CODE_CONFLICT,
				    "the record is there, but disabled; nothing was changed");
	return stock_looked(op);
}

static int build_add(const struct op *op, struct request *req)
{
	return op->there ? BUILD_SKIP : request_json(req, json_pack("[o]", stock_record(op)));
}

#define RECORDS "/zones/{zone}/records"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/zones", stock_build_zones, stock_parse_zones);
static const struct exchange look =
	EXCHANGE_READ("look", "/zones/{zone}", stock_build_look, parse_look);
static const struct exchange clear = EXCHANGE_CHANGE("clear", "DELETE", RECORDS "/{other}",
						     stock_build_clear, stock_parse_clear, 404);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", RECORDS, build_add, stock_parse_add);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", RECORDS "/{record}", NULL, stock_parse_remove, 404);

static const struct field_def fields[] = {
	FIELD_SECRET("api_key", "API key", 256, "[A-Za-z0-9_-]{8,}[.][A-Za-z0-9_-]{16,}",
		     "The public prefix and the secret, with a dot between."),
	{0},
};

static const struct error_def errors[] = {
	{"ZONE_NOT_FOUND", CODE_ZONE_NOT_FOUND},
	{0},
};

static const struct shape shape = {
	.zones = "",
	.zone_id = "id",
	.zone_name = "name",
	/* What has no type is no zone: an error inside a 200 is not passed over. */
	.zone_is = {{"type", "NATIVE|"}},
	.records = "records",
	.record = "0",
	.filter = "recordName",
	.id = "id",
	.name = "name",
	.type = "type",
	.content = "content",
	.ttl = "ttl",
	.bare = true,
	.extra = "{\"prio\":0,\"disabled\":false}",
};

const struct provider provider_ionos = {
	.name = "ionos",
	.title = "IONOS",
	.base = "https://api.hosting.ionos.com/dns/v1",
	.fields = fields,
	.auth = {AUTH_HEADER, "X-API-Key", "", "api_key"},
	.messages = {"0.message", "0.code"},
	.code = "0.code",
	.errors = errors,
	.shape = &shape,
	.min_ttl = 60,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &clear, &add},
		[OP_REMOVE] = {&look, &remove_}},
};
