/* SPDX-License-Identifier: ISC */
/* Name.com, API v4: https://www.name.com/api-docs. Each record has an id; a zone's id is its name. */
#include "provider/kit.h"

/* An empty list is left out. */
static enum verdict parse_zones(struct op *op, const struct answer *a)
{
	return json_is_object(a->json) && json_object_size(a->json) == 0 ? VERDICT_NEXT
									 : stock_parse_zones(op, a);
}

static enum verdict parse_look(struct op *op, const struct answer *a)
{
	return json_is_object(a->json) && json_object_size(a->json) == 0 ? stock_looked(op)
									 : stock_parse_look(op, a);
}

#define RECORDS "/domains/{zone}/records"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/domains", stock_build_zones, parse_zones);
static const struct exchange look = EXCHANGE_READ("look", RECORDS, stock_build_look, parse_look);
static const struct exchange clear = EXCHANGE_CHANGE("clear", "DELETE", RECORDS "/{other}",
						     stock_build_clear, stock_parse_clear, 404);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", RECORDS, stock_build_add, stock_parse_add);
static const struct exchange get =
	EXCHANGE_READ("get", RECORDS "/{record}", NULL, stock_parse_get, 404);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", RECORDS "/{record}", NULL, stock_parse_remove, 404);

static const struct field_def fields[] = {
	{.name = "username",
	 .label = "User name",
	 .help = "Of the account; API access must be enabled where it has two-step verification.",
	 .pattern = "[A-Za-z0-9._@-]+",
	 .max = 128},
	FIELD_SECRET("token", "API token", 128, "[A-Za-z0-9]{20,}",
		     "It is good for everything in the account, transfers too."),
	{0},
};

/* A record that is there already is refused like anything else. */
static const struct error_def errors[] = {{"Duplicate", CODE_OK, true}, {0}};

static const struct shape shape = {
	.zones = "domains",
	.zone_id = "domainName",
	.zone_name = "domainName",
	.zone_pages = {PAGING_MORE, "nextPage", "page", "perPage", 1000},
	.records = "records",
	.record = "",
	.record_pages = {PAGING_MORE, "nextPage", "page", "perPage", 1000},
	.id = "id",
	.name = "host",
	.type = "type",
	.content = "answer",
	.ttl = "ttl",
	.names = {.body = NAME_LABEL, .answer = NAME_LABEL},
	.bare = true,
};

const struct provider provider_namecom = {
	.name = "namecom",
	.title = "Name.com",
	.base = "https://api.name.com/v4",
	.fields = fields,
	.auth = {AUTH_BASIC, .field = "username", .field2 = "token"},
	.zone_id_is_name = true,
	.messages = {"details", "message"},
	.errors = errors,
	.shape = &shape,
	.min_ttl = 300,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &clear, &add},
		[OP_REMOVE] = {&get, &remove_}},
};
