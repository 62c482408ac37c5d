/* SPDX-License-Identifier: ISC */
/* LuaDNS, API v1: https://luadns.com/api.html. Each record has an id; what a zone's Lua script makes is "generated". */
#include "provider/kit.h"

#define RECORDS "/zones/{zone}/records"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/zones", stock_build_zones, stock_parse_zones);
static const struct exchange look =
	EXCHANGE_READ("look", RECORDS, stock_build_look, stock_parse_look);
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
	 .pattern = "[!-9;-?A-~]+@[!-9;-?A-~]+",
	 .max = 254},
	FIELD_SECRET("token", "API key", 128, "[A-Za-z0-9]{16,}",
		     "It can be restricted to a single zone."),
	{0},
};

static const struct shape shape = {
	.zones = "",
	.zone_id = "id",
	.zone_name = "name",
	.fixed = {"generated", "true"},
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
