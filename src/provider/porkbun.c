/* SPDX-License-Identifier: ISC */
/* Porkbun, JSON v3: https://porkbun.com/api/json/v3/documentation. Each record has an id; everything is a POST, with the keys in its body. */
#include "provider/kit.h"

#define PAGE 1000

static int build_zones(const struct op *op, struct request *req)
{
	return request_json(req,
			    json_pack("{s:o}", "start", json_sprintf("%u", (op->page - 1) * PAGE)));
}

/* Is the record gone, by us or by somebody else? */
static bool is_gone(const struct answer *a)
{
	struct bytes text = json_bytes_at(a->json, "message");

	return bytes_is(json_bytes_at(a->json, "status"), "SUCCESS") ||
	       bytes_find(text, BYTES("Invalid record ID")) < text.n;
}

static enum verdict parse_remove(struct op *op, const struct answer *a)
{
	if (!is_gone(a))
		return a->status == 400 ? op_fail_answer(op, CODE_PROVIDER_REJECTED, a)
					: op_fail_shape(op);
	return a->status == 400 ? op_gone(op) : stock_parse_remove(op, a);
}

static enum verdict parse_clear(struct op *op, const struct answer *a)
{
	if (!is_gone(a))
		return a->status == 400 ? op_fail_answer(op, CODE_PROVIDER_REJECTED, a)
					: op_fail_shape(op);
	return stock_parse_clear(op, a);
}

/* POST is how one reads here. */
#define READ(name_, path_, build_, parse_)                                                         \
	{                                                                                          \
		.name = name_, .method = "POST", .path = path_, .build = build_, .parse = parse_,  \
	}
static const struct exchange zones =
	READ("zones", "/domain/listAll", build_zones, stock_parse_zones);
static const struct exchange look = READ("look", "/dns/retrieve/{zone}", NULL, stock_parse_look);
static const struct exchange clear = EXCHANGE_CHANGE("clear", "POST", "/dns/delete/{zone}/{other}",
						     stock_build_clear, parse_clear, 400);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", "/dns/create/{zone}", stock_build_add, stock_parse_add);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "POST", "/dns/delete/{zone}/{record}", NULL, parse_remove, 400);

static const struct field_def fields[] = {
	FIELD_SECRET("api_key", "API key", 128, "pk1_[A-Za-z0-9]+",
		     "API access must be switched on for each domain too."),
	FIELD_SECRET("secret_api_key", "Secret API key", 128, "sk1_[A-Za-z0-9]+",
		     "What was shown once, when the key was made."),
	{0},
};

/* What is wrong stands in words only. */
static const struct error_def errors[] = {
	{"Invalid API key", CODE_PROVIDER_AUTH_FAILED, true},
	{"opted in to API access", CODE_PROVIDER_AUTH_FAILED, true},
	{"Invalid domain", CODE_ZONE_NOT_FOUND, true},
	{0},
};

static const struct shape shape = {
	.zones = "domains",
	.zone_id = "domain",
	.zone_name = "domain",
	.zone_is = {{"status", "ACTIVE"}},
	.zone_pages = {PAGING_FULL, .size = PAGE},
	.records = "records",
	.record = "",
	.id = "id",
	.name = "name",
	.type = "type",
	.content = "content",
	.ttl = "ttl",
	.names = {.body = NAME_LABEL, .answer = NAME_FULL},
	.bare = true,
	.ttl_is_text = true,
};

const struct provider provider_porkbun = {
	.name = "porkbun",
	.title = "Porkbun",
	.base = "https://api.porkbun.com/api/json/v3",
	.fields = fields,
	.auth = {AUTH_JSON, "apikey", NULL, "api_key", "secret_api_key", "secretapikey"},
	.zone_id_is_name = true,
	.success = "status",
	.success_is = "SUCCESS",
	.messages = {"message"},
	.errors = errors,
	.shape = &shape,
	.min_ttl = 600,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &clear, &add},
		[OP_REMOVE] = {&look, &remove_}},
};
