/* SPDX-License-Identifier: ISC */
/* LuaDNS, API v1: https://luadns.com/api.html. Each record has an id; what a zone's Lua script makes is "generated". */
#include "provider/kit.h"

/* A record that only the script can take away: the next run would bring it back. */
static bool is_generated(const struct op *op, const json_t *record)
{
	enum rr_type type = rr_type_parse(json_bytes_at(record, "type"));

	return json_is_true(json_at(record, "generated")) && type != RR_NONE &&
	       !(type == RR_NS && op_at_apex(op)) &&
	       op_at_name(op, json_at(record, "name"), NAME_FULL_DOT);
}

static enum verdict parse_look(struct op *op, const struct answer *a)
{
	const json_t *r;
	size_t i;

	if (!json_is_array(a->json))
		return op_fail_shape(op);
	json_array_foreach(a->json, i, r)
	{
		bool generated = is_generated(op, r);

		if (generated && op->kind == OP_ADD && op->mode == MODE_REPLACE)
			return op_fail_text(op, CODE_CONFLICT,
					    "a record of the zone's script stands at the name; "
					    "nothing was changed");
		if (!(generated && op->kind == OP_REMOVE) &&
		    stock_see_record(op, r) == VERDICT_ERROR)
			return VERDICT_ERROR;
	}
	return stock_looked(op);
}

#define RECORDS "/zones/{zone}/records"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/zones", stock_build_zones, stock_parse_zones);
static const struct exchange look = EXCHANGE_READ("look", RECORDS, stock_build_look, parse_look);
static const struct exchange clear = EXCHANGE_CHANGE("clear", "DELETE", RECORDS "/{other}",
						     stock_build_clear, stock_parse_clear, 404);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", RECORDS, stock_build_add, stock_parse_add);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", RECORDS "/{record}", NULL, stock_parse_remove, 404);

static const struct field_def fields[] = {
	{.name = "email",
	 .label = "E-mail address",
	 .help = "Of the account; API access must be enabled in its settings.",
	 .pattern = "[^@: ]+@[^@: ]+",
	 .max = 254},
	FIELD_SECRET("token", "API key", 128, "[A-Za-z0-9]{16,}",
		     "It can be restricted to a single zone."),
	{0},
};

static const struct shape shape = {
	.zones = "",
	.zone_id = "id",
	.zone_name = "name",
	.records = "",
	.record = "",
	.id = "id",
	.name = "name",
	.type = "type",
	.content = "content",
	.ttl = "ttl",
	.names = {.body = NAME_FULL_DOT, .answer = NAME_FULL_DOT},
	.bare = true,
	.dotted = true,
};

const struct provider provider_luadns = {
	.name = "luadns",
	.title = "LuaDNS",
	.base = "https://api.luadns.com/v1",
	.fields = fields,
	.auth = {AUTH_BASIC, .field = "email", .field2 = "token"},
	.messages = {"message"},
	.shape = &shape,
	.min_ttl = 300,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &clear, &add},
		[OP_REMOVE] = {&look, &remove_}},
};
