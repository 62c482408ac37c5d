/* SPDX-License-Identifier: ISC */
/* bunny.net DNS: https://docs.bunny.net/reference/dnszonepublic_index. Each record has an id, and stands in its zone's answer; types are numbers. */
#include "provider/kit.h"

static const struct exchange zones =
	EXCHANGE_READ("zones", "/dnszone", stock_build_zones, stock_parse_zones);
static const struct exchange look =
	EXCHANGE_READ("look", "/dnszone/{zone}", stock_build_look, stock_parse_look);
static const struct exchange clear =
	EXCHANGE_CHANGE("clear", "DELETE", "/dnszone/{zone}/records/{other}", stock_build_clear,
			stock_parse_clear, 404);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "PUT", "/dnszone/{zone}/records", stock_build_add, stock_parse_add);
static const struct exchange remove_ = EXCHANGE_CHANGE(
	"remove", "DELETE", "/dnszone/{zone}/records/{record}", NULL, stock_parse_remove, 404);

static const struct field_def fields[] = {
	FIELD_SECRET("api_key", "API key", 128, "[A-Za-z0-9-]{36,}",
		     "It is good for all of the account's products."),
	{0},
};

static const unsigned types[RR_TYPES] = {[RR_TXT] = 3, [RR_CAA] = 9, [RR_CNAME] = 2, [RR_NS] = 12};

static const struct shape shape = {
	.zones = "Items",
	.zone_id = "Id",
	.zone_name = "Domain",
	.zone_pages = {PAGING_MORE, "HasMoreItems", "page", "perPage", 1000},
	.records = "Records",
	.record = "",
	.id = "Id",
	.name = "Name",
	.type = "Type",
	.content = "Value",
	.ttl = "Ttl",
	.names = {.body = NAME_LABEL, .answer = NAME_LABEL},
	.bare = true,
	.caa = {"Flags", "Tag", "Value"},
	.type_numbers = types,
};

const struct provider provider_bunny = {
	.name = "bunny",
	.title = "bunny.net",
	.base = "https://api.bunny.net",
	.fields = fields,
	.auth = {AUTH_HEADER, "AccessKey", "", "api_key"},
	.messages = {"Message"},
	.shape = &shape,
	.min_ttl = 15,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &clear, &add},
		[OP_REMOVE] = {&look, &remove_}},
};
