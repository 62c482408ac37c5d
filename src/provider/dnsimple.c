/* SPDX-License-Identifier: ISC */
/* DNSimple, API v2: https://developer.dnsimple.com/v2/. Each record has an id; a zone's id is its name. */
#include "provider/kit.h"

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

/* DNSimple quotes and splits a bare text itself; one that has quotes it takes as presentation form. */
static bool is_plain(struct bytes text)
{
	return bytes_printable(text) && !memchr(text.p, '"', text.n) &&
	       !memchr(text.p, '\\', text.n);
}

static int build_add(const struct op *op, struct request *req)
{
	json_t *record = op->there ? NULL : stock_record(op);

	if (op->there)
		return BUILD_SKIP;
	if (op->type == RR_TXT && is_plain(op->value) &&
	    json_object_set_new(record, "content", op_canonical(op)) != 0) {
		json_decref(record);
		record = NULL;
	}
	return request_json(req, record);
}

/* A duplicate is refused like anything else. */
static enum verdict parse_add(struct op *op, const struct answer *a)
{
	return a->status == 400 ? op_look_again(op, a) : stock_parse_add(op, a);
}

#define RECORDS "/{account}/zones/{zone}/records"
static const struct exchange whoami =
	EXCHANGE_READ("whoami", "/whoami", build_account, parse_whoami);
static const struct exchange accounts =
	EXCHANGE_READ("accounts", "/accounts", build_account, parse_accounts);
static const struct exchange zones =
	EXCHANGE_READ("zones", "/{account}/zones", stock_build_zones, stock_parse_zones);
static const struct exchange look =
	EXCHANGE_READ("look", RECORDS, stock_build_look, stock_parse_look);
static const struct exchange clear = EXCHANGE_CHANGE("clear", "DELETE", RECORDS "/{other}",
						     stock_build_clear, stock_parse_clear, 404);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", RECORDS, build_add, parse_add, 400);
static const struct exchange get =
	EXCHANGE_READ("get", RECORDS "/{record}", NULL, stock_parse_get, 404);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", RECORDS "/{record}", NULL, stock_parse_remove, 404);

static const struct field_def fields[] = {
	FIELD_SECRET("token", "API token", 256, "[A-Za-z0-9_-]+",
		     "An account token, limited to the zones it is for."),
	{.name = "account_id",
	 .label = "Account number",
	 .help = "Needed for a user token whose user has several accounts.",
	 .pattern = "[0-9]+",
	 .max = 20,
	 .optional = true},
	{0},
};

/* Its tokens live until the customer takes them back. */
static const struct login code = OAUTH_LOGIN("https://api.dnsimple.com", "/v2/oauth/access_token",
					     oauth_build_code_and_state, "token");
static const struct oauth oauth = {.authorize = "https://dnsimple.com/oauth/authorize",
				   .code = &code};

static const struct shape shape = {
	.zones = "data",
	.zone_id = "name",
	.zone_name = "name",
	.zone_is = {{"secondary", "false"}, {"active", "!false"}},
	.records = "data",
	.record = "data",
	.zone_pages = {PAGING_TOTAL, "pagination.total_pages", "page", "per_page", 100},
	.record_pages = {PAGING_TOTAL, "pagination.total_pages", "page", "per_page", 100},
	.filter = "name",
	.id = "id",
	.name = "name",
	.type = "type",
	.content = "content",
	.ttl = "ttl",
	.names = {NAME_LABEL, NAME_LABEL, NAME_LABEL},
};

const struct provider provider_dnsimple = {
	.name = "dnsimple",
	.title = "DNSimple",
	.base = "https://api.dnsimple.com/v2",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "token"},
	.oauth = &oauth,
	.zone_id_is_name = true,
	.account_field = "account_id",
	.headers = {"X-RateLimit-Reset"},
	.reset_header = "X-RateLimit-Reset",
	.messages = {"message"},
	.shape = &shape,
	.min_ttl = 60,
	.ops = {[OP_ZONES] = {&whoami, &accounts, &zones},
		[OP_ADD] = {&whoami, &accounts, &look, &clear, &add},
		[OP_REMOVE] = {&whoami, &accounts, &get, &remove_}},
};
