/* SPDX-License-Identifier: ISC */
/*
 * Google Cloud DNS, v1: https://cloud.google.com/dns/docs/reference/rest/v1. Record sets; a change is atomic, and what it deletes must be there word for word: compare-and-swap. How one gets
 * in is google_login.c's.
 */
#include "provider/googleclouddns.h"

/* ---- zones ---- */

/* Who has rights on one zone only cannot list: then the customer names it. */
static int build_zone(const struct op *op, struct request *req)
{
	return op_field(op, "managed_zone").n ? 0 : BUILD_SKIP;
}

static enum verdict parse_zone(struct op *op, const struct answer *a)
{
	struct buf id = BUF_INIT(PROVIDER_ID_MAX);
	enum verdict v = VERDICT_NEXT;

	if (!op_set_id(&id, answer_at(a, "id")))
		v = op_fail_shape(op);
	else if (shape_zone_ok(op, a->json) &&
		 !op_add_zone(op, json_bytes(answer_at(a, "dnsName")), buf_bytes(&id)))
		v = VERDICT_ERROR;
	buf_done(&id);
	return v;
}

static int build_zones(const struct op *op, struct request *req)
{
	return op_field(op, "managed_zone").n ? BUILD_SKIP : stock_build_zones(op, req);
}

/* An empty list is left out. */
static enum verdict parse_zones(struct op *op, const struct answer *a)
{
	bool none = bytes_is(json_bytes(answer_at(a, "kind")), "dns#managedZonesListResponse") &&
		    !answer_at(a, "managedZones") && !answer_at(a, "nextPageToken");

	return none ? VERDICT_NEXT : stock_parse_zones(op, a);
}

/* ---- record sets ---- */

static const char *refuse(const json_t *set)
{
	return json_object_get(set, "routingPolicy")
		       ? "the name has a routing policy; nothing was changed"
		       : NULL;
}

static int build_look(const struct op *op, struct request *req)
{
	request_query(req, "type", bytes_str(set_type_asked(op)));
	return stock_build_look(op, req);
}

static json_t *change_of(const struct op *op, const struct set_change *c, const json_t *values)
{
	json_t *name = json_sprintf("%s.", op->fqdn.text);

	return json_pack("{s:o, s:s, s:I, s:O}", "name", name, "type", rr_type_text(c->type), "ttl",
			 (json_int_t)c->ttl, "rrdatas", values);
}

static int build_change(const struct op *op, struct request *req)
{
	json_t *deletions = json_array(), *additions = json_array();
	struct set_change c;
	int failed = 0;

	for (size_t i = 0; set_nth(op, i, &c); i++) {
		if (json_array_size(c.old))
			failed |= json_array_append_new(deletions, change_of(op, &c, c.old));
		if (json_array_size(c.new))
			failed |= json_array_append_new(additions, change_of(op, &c, c.new));
	}
	if (failed) {
		json_decref(deletions);
		json_decref(additions);
		return -ENOMEM;
	}
	return request_json(
		req, json_pack("{s:o, s:o}", "deletions", deletions, "additions", additions));
}

/* A set that is gone and a zone that is not there are told apart by a word. */
static enum verdict parse_change(struct op *op, const struct answer *a)
{
	struct bytes text = json_bytes(answer_at(a, "error.message"));

	if (a->status == 404 && bytes_find(text, BYTES("entity.change")) == text.n)
		return op_fail_answer(op, CODE_ZONE_NOT_FOUND, a);
	if (a->status == 404)
		return VERDICT_RESTART;
	if (a->status < 400 && !json_is_string(answer_at(a, "status")))
		return op_fail_shape(op);
	op->pending = bytes_is(json_bytes(answer_at(a, "status")), "pending");
	return set_parse_all(op, a);
}

#define ZONES "/projects/{=project}/managedZones"
static const struct exchange zone =
	EXCHANGE_READ("zone", ZONES "/{=managed_zone}", build_zone, parse_zone);
static const struct exchange zones = EXCHANGE_READ("zones", ZONES, build_zones, parse_zones);
static const struct exchange look =
	EXCHANGE_READ("look", ZONES "/{zone}/rrsets", build_look, set_parse_look);
static const struct exchange add = EXCHANGE_CHANGE("add", "POST", ZONES "/{zone}/changes",
						   build_change, parse_change, 404, 409, 412);
static const struct exchange remove_ = EXCHANGE_CHANGE("remove", "POST", ZONES "/{zone}/changes",
						       build_change, parse_change, 404, 409, 412);

#define BOTH	(1u << CATEGORY_STATIC | 1u << CATEGORY_DELEGATED)
#define PROJECT "[a-z][a-z0-9.:-]{4,61}[a-z0-9]"
#define KEY	"service_account_json"
static const struct field_def fields[] = {
	{.name = KEY,
	 .label = "Key of a service account",
	 .help = "The JSON file, whole; its account needs the role DNS Administrator on the "
		 "project or "
		 "the zone.",
	 .max = 8192,
	 .secret = true,
	 .optional = true,
	 .whole = true},
	{.name = "type",
	 .label = "Type of the key",
	 .help = "What the file says.",
	 .pattern = "service_account",
	 .max = 32,
	 .optional = true,
	 .part_of = KEY},
	{.name = "client_email",
	 .label = "Service account",
	 .help = "What the file says.",
	 .pattern = "[a-z0-9@.-]+",
	 .max = 256,
	 .part_of = KEY},
	{.name = "private_key_id",
	 .label = "Key ID",
	 .help = "What the file says.",
	 .pattern = "[0-9a-f]+",
	 .max = 128,
	 .part_of = KEY},
	{.name = "private_key",
	 .label = "Private key",
	 .help = "What the file says.",
	 .pattern = "-----BEGIN (RSA )?PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END (RSA )?PRIVATE "
		    "KEY-----\n?",
	 .max = 8192,
	 .secret = true,
	 .multiline = true,
	 .part_of = KEY},
	{.name = "project",
	 .label = "Project",
	 .help = "The project that holds the zones, where it is not the service account's own.",
	 .pattern = PROJECT,
	 .max = 63,
	 .part_of = KEY,
	 .part = "project_id"},
	{.name = "project",
	 .label = "Project",
	 .help = "The project that holds the zones.",
	 .pattern = PROJECT,
	 .max = 63,
	 .ways = 1u << CATEGORY_DELEGATED},
	{.name = "service_account_email",
	 .label = "Service account",
	 .help = "The one that was made for the gateway, with the name that it asked for.",
	 .pattern = "[a-z0-9-]{6,30}@[a-z0-9.-]+\\.iam\\.gserviceaccount\\.com",
	 .max = 256,
	 .ways = 1u << CATEGORY_DELEGATED},
	{.name = "managed_zone",
	 .label = "Managed zone",
	 .help = "Its name, where the account has rights on this zone only.",
	 .pattern = "[a-z0-9-]{1,63}",
	 .max = 63,
	 .optional = true,
	 .ways = BOTH},
	{0},
};

static const struct error_def errors[] = {
	{"rateLimitExceeded", CODE_PROVIDER_RATE_LIMITED},
	{"userRateLimitExceeded", CODE_PROVIDER_RATE_LIMITED},
	{"quotaExceeded", CODE_PROVIDER_RATE_LIMITED},
	{"parameters.managedZone", CODE_ZONE_NOT_FOUND, true},
	{0},
};

static const struct shape shape = {
	.zones = "managedZones",
	.zone_id = "id",
	.zone_name = "dnsName",
	.zone_is = {{"visibility", "|public"}},
	.zone_pages = {PAGING_CURSOR, "nextPageToken", "pageToken", "maxResults", 100},
	.records = "rrsets",
	.filter = "name",
	.name = "name",
	.type = "type",
	.ttl = "ttl",
	.values = "rrdatas",
	.names = {NAME_FULL_DOT, NAME_FULL_DOT, NAME_FULL_DOT},
	.dotted = true,
	.refuse = refuse,
};

const struct provider provider_googleclouddns = {
	.name = "googleclouddns",
	.title = "Google Cloud DNS",
	.base = "https://dns.googleapis.com/dns/v1",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "access_token"},
	.login = &google_login,
	.assume = &google_assume,
	.delegated = &google_delegated,
	.serialise = true,
	.messages = {"error.message"},
	.code = "error.errors.0.reason",
	.errors = errors,
	.shape = &shape,
	.ops = {[OP_ZONES] = {&zone, &zones},
		[OP_ADD] = {&look, &add},
		[OP_REMOVE] = {&look, &remove_}},
};
