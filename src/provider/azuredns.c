/* SPDX-License-Identifier: ISC */
/*
 * Azure DNS, public zones: https://learn.microsoft.com/rest/api/dns/. Record sets, with an ETag for compare-and-swap. A zone's id here is its resource group, a slash and
 * its name.
 */
#include "provider/azuredns.h"

#define VERSION "2018-05-01"

/* Keys of a set's properties; their case has varied. */
static const char *const keys[RR_TYPES] = {NULL, "TXTRecords", "caaRecords", "CNAMERecord",
					   "NSRecords"};

static const json_t *get_any_case(const json_t *o, const char *want)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)o, key, v)
	{
		if (bytes_eq_nocase(bytes_str(key), bytes_str(want)))
			return v;
	}
	return NULL;
}

/* ---- zones ---- */

/* Where trust is given by name, a zone must show that its owner gave it: by a tag with the id that only he was told. */
static bool zone_ok(const struct op *op, const json_t *zone)
{
	struct bytes external = op_field(op, CREDENTIALS_EXTERNAL);

	return !external.n || bytes_eq(json_bytes_at(zone, "tags." AZURE_TAG), external);
}

/* "/subscriptions/…/resourceGroups/<group>/providers/…/<name>" */
static bool zone_id_of(const json_t *zone, struct buf *id)
{
	struct bytes text = json_get_bytes(zone, "id"), name = json_get_bytes(zone, "name");
	size_t n;

	for (int i = 0; i < 3 && text.n; i++)
		text = bytes_skip(text, bytes_find(bytes_skip(text, 1), BYTES("/")) + 1);
	text = bytes_skip(text, 1);
	n = bytes_find(text, BYTES("/"));
	buf_put(id, text.p, n);
	buf_putc(id, '/');
	buf_put_bytes(id, name);
	return n > 0 && n < text.n && name.n > 0 && buf_status(id) == 0;
}

static enum verdict parse_zones(struct op *op, const struct answer *a)
{
	enum verdict v = stock_parse_zones(op, a);

	if (v == VERDICT_NEXT && op->kind == OP_ZONES && op->zone_count == 0 &&
	    op_field(op, CREDENTIALS_EXTERNAL).n)
		return op_fail_text(op, CODE_PROVIDER_AUTH_FAILED,
				    "no zone that the gateway sees has the tag \"" AZURE_TAG
				    "\" with this set-up's external id");
	return v;
}

/* Before each change too, for the owner may have taken the tag away. */
static int build_zone(const struct op *op, struct request *req)
{
	if (!op_field(op, CREDENTIALS_EXTERNAL).n)
		return BUILD_SKIP;
	request_query(req, "api-version", BYTES(VERSION));
	return 0;
}

static enum verdict parse_zone(struct op *op, const struct answer *a)
{
	if (!json_is_object(a->json))
		return op_fail_shape(op);
	return zone_ok(op, a->json) ? VERDICT_NEXT
				    : op_fail_text(op, CODE_ZONE_NOT_FOUND,
						   "the zone has not the tag \"" AZURE_TAG
						   "\" with this set-up's external id");
}

static int build_zones(const struct op *op, struct request *req)
{
	request_query(req, "api-version", BYTES(VERSION));
	return stock_build_zones(op, req);
}

/* ---- record sets ---- */

static int build_look(const struct op *op, struct request *req)
{
	request_query(req, "api-version", BYTES(VERSION));
	return 0;
}

static enum verdict parse_look(struct op *op, const struct answer *a)
{
	const json_t *properties = json_at(a->json, "properties"), *values;
	enum rr_type type = rr_type_parse(bytes_str(set_type_asked(op)));
	json_t *one cleanup(json_cleanup) = NULL;
	uint64_t ttl;

	if (a->status == 404)
		return set_seen(op, NULL, NULL, 0);
	if (!json_get_u64(properties, "TTL", UINT32_MAX, &ttl))
		return op_fail_shape(op);
	if (json_bytes_at(get_any_case(properties, "targetResource"), "id").n)
		return op_fail_text(op, CODE_CONFLICT, "the name is an alias; nothing was changed");
	/* A set of another type only stands in the way; what is in it is of no interest. */
	values = type ? get_any_case(properties, keys[type]) : a->json;
	if (json_is_object(values))
		values = one = json_pack("[O]", values);
	return values ? set_seen(op, a->json, values, ttl) : op_fail_shape(op);
}

/* What is neither a text nor a CAA. */
static struct bytes content_of(const json_t *value, struct buf *space)
{
	(void)space;
	return json_bytes_at(value, json_object_get(value, "cname") ? "cname" : "nsdname");
}

static json_t *new_text(const struct op *op)
{
	json_t *parts = json_array();
	struct bytes rest = op->value;
	int failed = 0;

	while (rest.n && !failed) {
		size_t n = rest.n < 255 ? rest.n : 255;

		/* Never within a character: JSON could not hold the halves. */
		while (n < rest.n && (rest.p[n] & 0xc0) == 0x80 && n > 1)
			n--;
		failed = json_array_append_new(parts, json_from_bytes(bytes_of(rest.p, n)));
		rest = bytes_skip(rest, n);
	}
	return failed ? NULL : json_pack("{s:o}", "value", parts);
}

static json_t *new_value(const struct op *op)
{
	json_t *caa;

	if (op->type == RR_TXT)
		return new_text(op);
	if (op->type == RR_CNAME || op->type == RR_NS)
		return json_pack("{s:o}", op->type == RR_NS ? "nsdname" : "cname", op_present(op));
	caa = json_object();
	if (shape_put_caa(op, caa) == 0)
		return caa;
	json_decref(caa);
	return NULL;
}

static int build_remove(const struct op *op, struct request *req)
{
	struct set_change c;

	if (set_is_remove(op) != 0 || !set_head(op, &c))
		return BUILD_SKIP;
	request_header(req, "If-Match", bytes_str(c.etag));
	return build_look(op, req);
}

static int build_put(const struct op *op, struct request *req)
{
	struct set_change c;
	json_t *metadata, *values;

	if (set_is_remove(op) == 0 || !set_head(op, &c))
		return BUILD_SKIP;
	if (c.set)
		request_header(req, "If-Match", bytes_str(c.etag));
	else
		request_header(req, "If-None-Match", BYTES("*"));
	metadata = (json_t *)json_at(c.set, "properties.metadata");
	values = (json_t *)(c.type == RR_CNAME ? json_array_get(c.new, 0) : c.new);
	build_look(op, req);
	return request_json(req, json_pack("{s:{s:I, s:O, s:O*}}", "properties", "TTL",
					   (json_int_t)c.ttl, keys[c.type], values, "metadata",
					   metadata));
}

/* A good answer shows the set. */
static enum verdict parse_put(struct op *op, const struct answer *a)
{
	return a->status == 412 || json_is_object(answer_at(a, "properties"))
		       ? set_parse_change(op, a)
		       : op_fail_shape(op);
}

#define SUBSCRIPTION "/subscriptions/{=subscription_id}"
#define ZONE	     SUBSCRIPTION "/resourceGroups/{zone/1}/providers/Microsoft.Network/dnsZones/{zone/2}"
#define SET	     ZONE "/{type}/{name}"
static const struct exchange zones = EXCHANGE_READ(
	"zones", SUBSCRIPTION "/providers/Microsoft.Network/dnsZones", build_zones, parse_zones);
static const struct exchange zone = EXCHANGE_READ("zone", ZONE, build_zone, parse_zone);
static const struct exchange look = EXCHANGE_READ("look", SET, build_look, parse_look, 404);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", SET, build_remove, set_parse_change, 412);
static const struct exchange add = EXCHANGE_CHANGE("add", "PUT", SET, build_put, parse_put, 412);

static const struct choice bases[] = {
	{"public", "https://management.azure.com"},
	{"usgovernment", "https://management.usgovcloudapi.net"},
	{"china", "https://management.chinacloudapi.cn"},
	{0},
};

#define UUID "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
#define BOTH (1u << CATEGORY_STATIC | 1u << CATEGORY_DELEGATED)
static const struct field_def fields[] = {
	{.name = "tenant_id",
	 .label = "Directory (tenant) ID",
	 .help = "Of the directory that the subscription belongs to.",
	 .pattern = UUID "|[A-Za-z0-9.-]+",
	 .max = 253,
	 .ways = BOTH},
	{.name = "subscription_id",
	 .label = "Subscription ID",
	 .help = "The subscription that holds the zones.",
	 .pattern = UUID,
	 .max = 36,
	 .ways = BOTH},
	{.name = "environment",
	 .label = "Cloud",
	 .help = "public, usgovernment or china.",
	 .pattern = "public|usgovernment|china",
	 .preset = "public",
	 .max = 16,
	 .ways = BOTH},
	{.name = "client_id",
	 .label = "Application (client) ID",
	 .help = "Of a service principal with the role DNS Zone Contributor on the zones.",
	 .pattern = UUID,
	 .max = 36},
	{.name = "client_secret",
	 .label = "Client secret",
	 .help = "The secret's value, not its ID.",
	 .pattern = "[!-~]+",
	 .max = 256,
	 .secret = true},
	{0},
};

static const struct error_def errors[] = {
	{"ParentResourceNotFound", CODE_ZONE_NOT_FOUND},
	{"ResourceGroupNotFound", CODE_ZONE_NOT_FOUND},
	{"SubscriptionNotFound", CODE_ZONE_NOT_FOUND},
	{0},
};

static const struct shape shape = {
	.zones = "value",
	.zone_name = "name",
	.zone_is = {{"properties.zoneType", "!Private"}},
	.zone_ok = zone_ok,
	.zone_id_of = zone_id_of,
	.zone_pages = {PAGING_URL, "nextLink", "$skipToken"},
	.etag = "etag",
	.content = "value",
	.caa = {"flags", "tag", "value"},
	.content_of = content_of,
	.new_value = new_value,
	.names = {NAME_LABEL_AT, NAME_LABEL_AT, NAME_LABEL_AT},
};

const struct provider provider_azuredns = {
	.name = "azuredns",
	.title = "Azure DNS",
	.bases = bases,
	.base_field = "environment",
	.fields = fields,
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "access_token"},
	.login = &azure_login,
	.assume = &azure_assume,
	.delegated = &azure_delegated,
	.serialise = true,
	.sends = {"If-Match", "If-None-Match"},
	.messages = {"error.message", "message"},
	.code = "error.code",
	.code_or = "code",
	.errors = errors,
	.shape = &shape,
	.min_ttl = 1,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&zone, &look, &remove_, &add},
		[OP_REMOVE] = {&zone, &look, &remove_, &add}},
};
