/* SPDX-License-Identifier: ISC */
/* DigitalOcean, API v2: https://docs.digitalocean.com/reference/api/. Each record has an id; a zone's id is its name. */
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
	FIELD_SECRET(
		"token", "Personal access token", 256, "[A-Za-z0-9_-]{40,}",
		"With the scopes domain:read, domain:create and domain:delete; it is good for all "
		"domains of the team."),
	{0},
};

#define TOKEN "/v1/oauth/token"
#define CLOUD "https://cloud.digitalocean.com"
static const struct login code = OAUTH_LOGIN(CLOUD, TOKEN, oauth_build_code, "token");
static const struct login refresh = OAUTH_LOGIN(CLOUD, TOKEN, oauth_build_refresh, "token");
static const struct oauth oauth = {
	.authorize = CLOUD "/v1/oauth/authorize",
	.scope = "domain:read domain:create domain:delete",
	.code = &code,
	.refresh = &refresh,
};

static const struct shape shape = {
	.zones = "domains",
	.zone_id = "name",
	.zone_name = "name",
	.zone_pages = {PAGING_MORE, "links.pages.next", "page", "per_page", 100},
	.records = "domain_records",
	.record = "domain_record",
	.record_pages = {PAGING_MORE, "links.pages.next", "page", "per_page", 200},
	.filter = "name",
	.id = "id",
	.name = "name",
	.type = "type",
	.content = "data",
	.ttl = "ttl",
	.names = {.body = NAME_LABEL_AT, .answer = NAME_LABEL_AT, .path = NAME_FULL},
	.bare = true,
	.dotted = true,
	.caa = {"flags", "tag", "data", .dotted = true},
};

const struct provider provider_digitalocean = {
	.name = "digitalocean",
	.title = "DigitalOcean",
	.base = "https://api.digitalocean.com/v2",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "token"},
	.oauth = &oauth,
	.zone_id_is_name = true,
	.headers = {"ratelimit-reset"},
	.reset_header = "ratelimit-reset",
	.messages = {"message"},
	.shape = &shape,
	.min_ttl = 30,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &clear, &add},
		[OP_REMOVE] = {&get, &remove_}},
};
