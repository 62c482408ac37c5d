/* SPDX-License-Identifier: ISC */
/* Hetzner DNS, in the Cloud API: https://docs.hetzner.cloud/reference/cloud#zones. Record sets, to which the server itself adds single values: two writers do not meet. */
#include "provider/kit.h"

#define POLL_MS 500 /* an action takes some seconds */

static int build_look(const struct op *op, struct request *req)
{
	request_query(req, "type", bytes_str(set_type_asked(op)));
	return stock_build_look(op, req);
}

static json_t *new_value(const struct op *op)
{
	return json_pack("{s:o}", "value", op_present(op));
}

/* The values of A that B has not, without what else hangs on them. */
static json_t *without(const json_t *a, const json_t *b)
{
	json_t *rest = json_array(), *v, *other;
	size_t i, k;
	int failed = 0;

	json_array_foreach(a, i, v)
	{
		bool same = false;

		json_array_foreach(b, k, other)
		{
			same = same || json_equal(v, other);
		}
		if (!same)
			failed |= json_array_append_new(
				rest, json_pack("{s:O}", "value", json_object_get(v, "value")));
	}
	if (!failed)
		return rest;
	json_decref(rest);
	return NULL;
}

/* One value more. Only a new set is told its TTL. */
static int build_add(const struct op *op, struct request *req)
{
	struct set_change c;

	if (set_is_remove(op) == 0 || !set_head(op, &c) || (c.set && op->mode == MODE_REPLACE))
		return BUILD_SKIP;
	return request_json(req, json_pack("{s:o*, s:o}", "ttl", c.set ? NULL : json_integer(c.ttl),
					   "records", without(c.new, c.old)));
}

static int build_take(const struct op *op, struct request *req)
{
	struct set_change c;

	return set_head(op, &c)
		       ? request_json(req, json_pack("{s:o}", "records", without(c.old, c.new)))
		       : BUILD_SKIP;
}

/* Changes are actions, which may take a while. */
static enum verdict parse_action(struct op *op, const struct answer *a)
{
	struct bytes status = json_bytes(answer_at(a, "action.status"));

	/* Another change is under way, or somebody was faster. */
	if (a->status >= 400)
		return VERDICT_RESTART;
	if (bytes_is(status, "error"))
		return op_fail(op, CODE_PROVIDER_REJECTED,
			       json_bytes(answer_at(a, "action.error.message")));
	if (!status.n)
		return op_fail_shape(op);
	op->pending = op->pending || !bytes_is(status, "success");
	return set_parse_change(op, a);
}

/* Removing what is not there any more is refused, in one way or the other: look again. */
static enum verdict parse_take(struct op *op, const struct answer *a)
{
	if (a->status == 422 || bytes_is(json_bytes(answer_at(a, "action.status")), "error"))
		return op_look_again(op, a);
	return parse_action(op, a);
}

/* What stands in the way of a replace must be gone before ours is made: the zone is locked meanwhile. */
static enum verdict parse_clear(struct op *op, const struct answer *a)
{
	enum verdict v = parse_action(op, a);

	if (v != VERDICT_AGAIN && v != VERDICT_NEXT)
		return v;
	if (op->pending) {
		buf_reset(&op->account);
		if (!op_set_id(&op->account, answer_at(a, "action.id")))
			return op_fail_shape(op);
	}
	return VERDICT_NEXT;
}

static int build_await(const struct op *op, struct request *req)
{
	return op->account.n ? 0 : BUILD_SKIP;
}

static enum verdict parse_await(struct op *op, const struct answer *a)
{
	struct bytes status = json_bytes(answer_at(a, "action.status"));

	if (bytes_is(status, "running")) {
		op_pause(op, POLL_MS);
		return VERDICT_AGAIN;
	}
	if (bytes_is(status, "error"))
		return op_fail(op, CODE_PROVIDER_REJECTED,
			       json_bytes(answer_at(a, "action.error.message")));
	if (!bytes_is(status, "success"))
		return op_fail_shape(op);
	buf_reset(&op->account);
	op->pending = false;
	return VERDICT_NEXT;
}

#define SETS	"/zones/{zone}/rrsets"
#define SET	SETS "/{name}/{type}"
#define ACTIONS SET "/actions"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/zones", stock_build_zones, stock_parse_zones);
static const struct exchange look = EXCHANGE_READ("look", SETS, build_look, set_parse_look);
static const struct exchange clear =
	EXCHANGE_CHANGE("clear", "DELETE", SET, set_build_remove, parse_clear, 404, 409, 423);
static const struct exchange await =
	EXCHANGE_READ("await", "/zones/actions/{account}", build_await, parse_await);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", ACTIONS "/add_records", build_add, parse_action, 409, 423);
static const struct exchange edit = EXCHANGE_CHANGE("edit", "POST", ACTIONS "/set_records",
						    set_build_edit, parse_action, 404, 409, 423);
static const struct exchange remove_ = EXCHANGE_CHANGE("remove", "POST", ACTIONS "/remove_records",
						       build_take, parse_take, 404, 409, 422, 423);

static const struct field_def fields[] = {
	FIELD_SECRET("token", "API token", 64, "[A-Za-z0-9]{64}",
		     "Of the project that holds the zones and, at best, nothing else; with read "
		     "and write permission."),
	{0},
};

static const struct error_def errors[] = {
	{"rate_limit_exceeded", CODE_PROVIDER_RATE_LIMITED},
	{"unauthorized", CODE_PROVIDER_AUTH_FAILED},
	{"token_readonly", CODE_PROVIDER_AUTH_FAILED},
	{0},
};

static const struct shape shape = {
	.zones = "zones",
	.zone_id = "id",
	.zone_name = "name",
	.zone_is = {{"mode", "primary"}},
	.zone_pages = {PAGING_MORE, "meta.pagination.next_page", "page", "per_page", 50},
	.records = "rrsets",
	.filter = "name",
	.name = "name",
	.type = "type",
	.content = "value",
	.ttl = "ttl",
	.values = "records",
	.names = {NAME_LABEL_AT, NAME_LABEL_AT, NAME_LABEL_AT},
	.new_value = new_value,
	.ttl_or_null = true,
	.relative = true,
};

const struct provider provider_hetzner = {
	.name = "hetzner",
	.title = "Hetzner",
	.base = "https://api.hetzner.cloud/v1",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "token"},
	.serialise = true,
	.messages = {"error.message"},
	.code = "error.code",
	.errors = errors,
	.shape = &shape,
	.min_ttl = 60,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &clear, &await, &clear, &await, &clear, &await, &add, &edit},
		[OP_REMOVE] = {&look, &remove_}},
};
