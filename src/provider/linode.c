/* SPDX-License-Identifier: ISC */
/* Linode (Akamai Cloud), API v4: https://techdocs.akamai.com/linode-api/reference/. Each record has an id. */
#include "provider/kit.h"

/* Others are rounded, up or down: ask for the next one that there is. */
static json_int_t step_of(uint32_t ttl)
{
	static const uint32_t steps[] = {30, 120, 300, 3600, 7200, 14400, 28800, 57600, 86400};
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(steps) && steps[i] < ttl)
		i++;
	return steps[i];
}

static int build_add(const struct op *op, struct request *req)
{
	json_t *record = op->there ? NULL : stock_record(op);

	if (op->there)
		return BUILD_SKIP;
	if (json_object_set_new(record, "ttl_sec", json_integer(step_of(op_ttl(op)))) != 0) {
		json_decref(record);
		record = NULL;
	}
	return request_json(req, record);
}

#define RECORDS "/domains/{zone}/records"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/domains", stock_build_zones, stock_parse_zones);
static const struct exchange look =
	EXCHANGE_READ("look", RECORDS, stock_build_look, stock_parse_look);
static const struct exchange clear = EXCHANGE_CHANGE("clear", "DELETE", RECORDS "/{other}",
						     stock_build_clear, stock_parse_clear, 404);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", RECORDS, build_add, stock_parse_add);
static const struct exchange get =
	EXCHANGE_READ("get", RECORDS "/{record}", NULL, stock_parse_get, 404);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", RECORDS "/{record}", NULL, stock_parse_remove, 404);

static const struct field_def fields[] = {
	FIELD_SECRET("token", "Personal access token", 64, "[A-Za-z0-9]{64}",
		     "With read and write access to Domains and nothing else."),
	{0},
};

static const struct error_def errors[] = {{"Record conflict", CODE_CONFLICT, true}, {0}};

#define LOGIN "https://login.linode.com"
static const struct login code = OAUTH_LOGIN(LOGIN, "/oauth/token", oauth_build_code, "token");
static const struct login refresh =
	OAUTH_LOGIN(LOGIN, "/oauth/token", oauth_build_refresh, "token");
static const struct oauth oauth = {
	.authorize = LOGIN "/oauth/authorize",
	.scope = "domains:read_write",
	.code = &code,
	.refresh = &refresh,
};

static const struct shape shape = {
	.zones = "data",
	.zone_id = "id",
	.zone_name = "domain",
	.zone_is = {{"type", "master"}, {"status", "active"}},
	.zone_pages = {PAGING_TOTAL, "pages", "page", "page_size", 100},
	.records = "data",
	.record = "",
	.record_pages = {PAGING_TOTAL, "pages", "page", "page_size", 500},
	.id = "id",
	.name = "name",
	.type = "type",
	.content = "target",
	.ttl = "ttl_sec",
	.names = {.body = NAME_LABEL, .answer = NAME_LABEL},
	.bare = true,
	.caa = {NULL, "tag", "target"},
};

const struct provider provider_linode = {
	.name = "linode",
	.title = "Linode",
	.base = "https://api.linode.com/v4",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "token"},
	.oauth = &oauth,
	.messages = {"errors.0.reason"},
	.errors = errors,
	.shape = &shape,
	.min_ttl = 30,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &clear, &add},
		[OP_REMOVE] = {&get, &remove_}},
};
