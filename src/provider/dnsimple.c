/* SPDX-License-Identifier: ISC */
/*
 * DNSimple, API v2: https://developer.dnsimple.com/v2/. Each record has an id; a zone's id is its
 * name.
 */
#include "provider/provider.h"

#include "base/text.h"

#define PER_PAGE 100

/* After too many requests DNSimple says when its hour is over, not for how long to wait. */
static bool error(struct op *op, const struct answer *a)
{
	struct bytes reset;
	uint64_t at;

	if (a->status == 429 && plist_get(a->headers, "X-RateLimit-Reset", &reset) &&
	    text_to_u64(reset, UINT32_MAX, &at) == 0 && (int64_t)at > op->now)
		op->retry_after = (uint32_t)((int64_t)at - op->now);
	return false;
}

/* The account: the customer's field, or the token's own, or the only one of the token's user. */
static int build_account(const struct op *op, struct request *req)
{
	return op->account.n ? BUILD_SKIP : 0;
}

static enum verdict parse_whoami(struct op *op, const struct answer *a)
{
	if (op_set_id(&op->account, answer_at(a, "data.account.id")) ||
	    json_is_object(answer_at(a, "data.user")))
		return VERDICT_NEXT;
	return op_fail_shape(op);
}

static enum verdict parse_accounts(struct op *op, const struct answer *a)
{
	const json_t *accounts = answer_at(a, "data");

	if (json_is_array(accounts) && json_array_size(accounts) != 1)
		return op_fail_text(op, CODE_PROVIDER_REJECTED,
				    "the token's user has not just one account: give account_id");
	if (!op_set_id(&op->account, answer_at(a, "data.0.id")))
		return op_fail_shape(op);
	return VERDICT_NEXT;
}

static bool zone_ok(const json_t *zone)
{
	return json_is_false(json_object_get(zone, "secondary")) &&
	       !json_is_false(json_object_get(zone, "active"));
}

static int build_zones(const struct op *op, struct request *req)
{
	request_page(req, op, "per_page", PER_PAGE);
	return 0;
}

static int build_look(const struct op *op, struct request *req)
{
	request_query(req, "name", dns_name_relative(&op->fqdn, &op->zone));
	request_page(req, op, "per_page", PER_PAGE);
	return 0;
}

/*
 * DNSimple quotes and splits a bare text itself; one that has quotes it takes as presentation
 * form.
 */
static bool is_plain(struct bytes text)
{
	return bytes_printable(text) && !memchr(text.p, '"', text.n) &&
	       !memchr(text.p, '\\', text.n);
}

static int build_create(const struct op *op, struct request *req)
{
	struct bytes name = dns_name_relative(&op->fqdn, &op->zone);
	bool plain = op->type != RR_TXT || is_plain(op->value);

	if (op->there)
		return BUILD_SKIP;
	return request_json(req, json_pack("{s:s%, s:s, s:o, s:I}", "name",
					   name.n ? (const char *)name.p : "", name.n, "type",
					   rr_type_text(op->type), "content",
					   plain ? op_canonical(op) : op_present(op), "ttl",
					   (json_int_t)op_ttl(op)));
}

/* A duplicate is refused like anything else. */
static enum verdict parse_create(struct op *op, const struct answer *a)
{
	return a->status == 400 ? op_look_again(op, a) : stock_parse_create(op, a);
}

#define RECORDS "/{account}/zones/{zone}/records"
static const struct exchange whoami =
	EXCHANGE_READ("whoami", "/whoami", build_account, parse_whoami);
static const struct exchange accounts =
	EXCHANGE_READ("accounts", "/accounts", build_account, parse_accounts);
static const struct exchange zones =
	EXCHANGE_READ("zones", "/{account}/zones", build_zones, stock_parse_zones);
static const struct exchange look = EXCHANGE_READ("look", RECORDS, build_look, stock_parse_look);
static const struct exchange clear = EXCHANGE_CHANGE("clear", "DELETE", RECORDS "/{other}",
						     stock_build_clear, stock_parse_clear, 404);
static const struct exchange create =
	EXCHANGE_CHANGE("create", "POST", RECORDS, build_create, parse_create, 400);
static const struct exchange get =
	EXCHANGE_READ("get", RECORDS "/{record}", NULL, stock_parse_get, 404);
static const struct exchange delete =
	EXCHANGE_CHANGE("delete", "DELETE", RECORDS "/{record}", NULL, stock_parse_delete, 404);

static const struct field_def fields[] = {
	{.name = "token",
	 .label = "API token",
	 .help = "An account token, limited to the zones it is for.",
	 .pattern = "[A-Za-z0-9_-]+",
	 .max = 256,
	 .secret = true},
	{.name = "account_id",
	 .label = "Account number",
	 .help = "Needed for a user token whose user has several accounts.",
	 .pattern = "[0-9]+",
	 .max = 20,
	 .optional = true},
	{0},
};

static const struct shape shape = {
	.zones = "data",
	.zone_id = "name",
	.zone_name = "name",
	.zone_ok = zone_ok,
	.records = "data",
	.record = "data",
	.pages = "pagination.total_pages",
	.id = "id",
	.name = "name",
	.type = "type",
	.content = "content",
	.ttl = "ttl",
	.relative = true,
};

const struct provider provider_dnsimple = {
	.name = "dnsimple",
	.title = "DNSimple",
	.category = CATEGORY_STATIC,
	.base = "https://api.dnsimple.com/v2",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "token"},
	.zone_id_is_name = true,
	.account_field = "account_id",
	.headers = {"X-RateLimit-Reset"},
	.message = "message",
	.shape = &shape,
	.min_ttl = 60,
	.ops = {[OP_ZONES] = {&whoami, &accounts, &zones},
		[OP_ADD] = {&whoami, &accounts, &look, &clear, &create},
		[OP_REMOVE] = {&whoami, &accounts, &get, &delete}},
	.error = error,
};
