/* SPDX-License-Identifier: ISC */
/* IBM NS1 Connect, API v1: https://developer.ibm.com/apis/catalog/ns1--ibm-ns1-connect-api/. A "record" is a set of answers. PUT makes one only where there is none, and that is all there is
 * against another writer. */
#include "provider/kit.h"

#include "base/text.h"

static json_t *new_value(const struct op *op)
{
	struct caa caa;

	if (op->type != RR_CAA)
		return json_pack("{s:[o]}", "answer", op_canonical(op));
	if (caa_parse(&caa, op->value) != 0)
		return NULL;
	return json_pack("{s:[o, s, o]}", "answer", json_sprintf("%u", caa.flags), caa.tag,
			 json_from_bytes(caa.value));
}

static const char *refuse(const json_t *set)
{
	const json_t *link = json_object_get(set, "link");

	return link && !json_is_null(link) ? "the record mirrors another; nothing was changed"
					   : NULL;
}

static int build_add(const struct op *op, struct request *req)
{
	struct set_change c;

	if (set_is_add(op) != 0 || !set_head(op, &c))
		return BUILD_SKIP;
	return request_json(req, json_pack("{s:s, s:s, s:s, s:I, s:O}", "zone", op->zone.text,
					   "domain", op->fqdn.text, "type", rr_type_text(c.type),
					   "ttl", (json_int_t)c.ttl, "answers", c.new));
}

/* The bucket fills evenly: one more request after PERIOD/LIMIT seconds. */
static void note_rate(struct op *op, const struct answer *a)
{
	struct bytes text;
	uint64_t period, limit;

	if (a->status == 429 && plist_get(a->headers, "X-RateLimit-Period", &text) &&
	    text_to_u64(text, PROVIDER_RETRY_MAX, &period) == 0 &&
	    plist_get(a->headers, "X-RateLimit-Limit", &text) &&
	    text_to_u64(text, UINT32_MAX, &limit) == 0 && limit > 0)
		op->retry_after = (uint32_t)((period + limit - 1) / limit);
}

/* A set that is not there and a zone that is not there are told apart by a word. */
static bool error(struct op *op, const struct answer *a)
{
	note_rate(op, a);
	if (a->status != 404 || bytes_is(json_bytes_at(a->json, "message"), "record not found"))
		return false;
	op_fail_answer(op, CODE_ZONE_NOT_FOUND, a);
	return true;
}

#define SET "/zones/{zone}/{name}/{type}"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/zones", stock_build_zones, stock_parse_zones);
static const struct exchange look = EXCHANGE_READ("look", SET, set_build_look, set_parse_look, 404);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", SET, set_build_remove, set_parse_change, 404);
static const struct exchange add = EXCHANGE_CHANGE("add", "PUT", SET, build_add, set_parse_put);
static const struct exchange edit =
	EXCHANGE_CHANGE("edit", "POST", SET, set_build_edit, set_parse_put, 404);
static const struct exchange check = EXCHANGE_READ("check", SET, NULL, set_parse_check, 404);

static const struct field_def fields[] = {
	FIELD_SECRET(
		"api_key", "API key", 128, "[A-Za-z0-9]{20,}",
		"With the permissions to view and manage zones, limited to the zones it is for."),
	{0},
};

/* Another writer made the set. */
static const struct error_def errors[] = {{"already exists", CODE_OK, true}, {0}};

static const struct shape shape = {
	.zones = "",
	.zone_id = "zone",
	.zone_name = "zone",
	.zone_is = {{"secondary.enabled", "!true"}, {"link", ""}},
	.zone_pages = {PAGING_LINK, NULL, "after"},
	.records = "",
	.ttl = "ttl",
	.values = "answers",
	.content = "answer",
	.caa = {"answer.0", "answer.1", "answer.2"},
	.new_value = new_value,
	.refuse = refuse,
};

const struct provider provider_ns1 = {
	.name = "ns1",
	.title = "IBM NS1 Connect",
	.base = "https://api.nsone.net/v1",
	.fields = fields,
	.auth = {AUTH_HEADER, "X-NSONE-Key", "", "api_key"},
	.zone_id_is_name = true,
	.serialise = true,
	.headers = {"Link", "X-RateLimit-Limit", "X-RateLimit-Period"},
	.messages = {"message"},
	.errors = errors,
	.shape = &shape,
	.min_ttl = 1,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &remove_, &add, &edit, &check},
		[OP_REMOVE] = {&look, &remove_, &edit, &check}},
	.error = error,
};
