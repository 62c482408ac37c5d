/* SPDX-License-Identifier: ISC */
/* Vultr, API v2: https://www.vultr.com/api/#tag/dns. Each record has an id; a zone's id is its name. */
#include "provider/kit.h"

#define RECORDS "/domains/{zone}/records"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/domains", stock_build_zones, stock_parse_zones);
static const struct exchange look =
	EXCHANGE_READ("look", RECORDS, stock_build_look, stock_parse_look);
static const struct exchange clear = EXCHANGE_CHANGE("clear", "DELETE", RECORDS "/{other}",
						     stock_build_clear, stock_parse_clear, 404);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", RECORDS, stock_build_add, stock_parse_add);
static const struct exchange get =
	EXCHANGE_READ("get", RECORDS "/{record}", NULL, stock_parse_get, 404);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", RECORDS "/{record}", NULL, stock_parse_remove, 404);

static const struct field_def fields[] = {
	FIELD_SECRET("api_key", "API key", 36, "[A-Za-z0-9]{36}",
		     "Its access control must allow the addresses of this gateway."),
	{0},
};

static const struct shape shape = {
	.zones = "domains",
	.zone_id = "domain",
	.zone_name = "domain",
	.zone_pages = {PAGING_CURSOR, "meta.links.next", "cursor", "per_page", 500},
	.records = "records",
	.record = "record",
	.record_pages = {PAGING_CURSOR, "meta.links.next", "cursor", "per_page", 500},
	.id = "id",
	.name = "name",
	.type = "type",
	.content = "data",
	.ttl = "ttl",
	.names = {.body = NAME_LABEL, .answer = NAME_LABEL},
	.extra = "{\"priority\":0}",
};

const struct provider provider_vultr = {
	.name = "vultr",
	.title = "Vultr",
	.base = "https://api.vultr.com/v2",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "api_key"},
	.zone_id_is_name = true,
	.messages = {"error"},
	.shape = &shape,
	.min_ttl = 120,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &clear, &add},
		[OP_REMOVE] = {&get, &remove_}},
};
