/* SPDX-License-Identifier: ISC */
/*
 * Amazon Route 53: https://docs.aws.amazon.com/Route53/latest/APIReference/. Record sets; a batch is applied wholly or not at all, and a DELETE must name what is there, so that DELETE and
 * CREATE together are a compare-and-swap. The trust that a customer gives by a role is route53_role.c's.
 */
#include "provider/route53.h"

#include "base/xml.h"
#include "sign/sigv4.h"

#define NAMESPACE "https://route53.amazonaws.com/doc/2013-04-01/"

/* ---- zones ---- */

static bool zone_id_of(const json_t *zone, struct buf *id)
{
	static const char prefix[] = "/hostedzone/";
	struct bytes text = json_bytes_at(zone, "Id.0");

	if (!bytes_starts(text, bytes_str(prefix)))
		return false;
	buf_put_bytes(id, bytes_skip(text, strlen(prefix)));
	return id->n > 0 && buf_status(id) == 0;
}

/* A customer may name the one zone, and need not let us list the others. */
static int build_zone(const struct op *op, struct request *req)
{
	return op_field(op, "hosted_zone_id").n ? 0 : BUILD_SKIP;
}

static enum verdict parse_zone(struct op *op, const struct answer *a)
{
	const json_t *zone = answer_at(a, "GetHostedZoneResponse.HostedZone.0");
	struct buf id = BUF_INIT(PROVIDER_ID_MAX);
	enum verdict v = VERDICT_NEXT;

	if (!zone_id_of(zone, &id))
		v = op_fail_shape(op);
	else if (shape_zone_ok(op, zone) &&
		 !op_add_zone(op, json_bytes_at(zone, "Name.0"), buf_bytes(&id)))
		v = VERDICT_ERROR;
	buf_done(&id);
	return v;
}

static int build_zones(const struct op *op, struct request *req)
{
	return op_field(op, "hosted_zone_id").n ? BUILD_SKIP : stock_build_zones(op, req);
}

/* An element with nothing in it is no list. */
static enum verdict parse_zones(struct op *op, const struct answer *a)
{
	return bytes_is(json_bytes_at(answer_at(a, "ListHostedZonesResponse.IsTruncated"), "0"),
			"false") &&
			       json_is_string(answer_at(a, "ListHostedZonesResponse.HostedZones.0"))
		       ? VERDICT_NEXT
		       : stock_parse_zones(op, a);
}

/* ---- record sets ---- */

static int build_look(const struct op *op, struct request *req)
{
	struct buf name = BUF_INIT(DNS_NAME_MAX + 2);

	op_put_name(op, NAME_FULL_DOT, &name);
	request_query(req, "name", buf_bytes(&name));
	request_query(req, "type", bytes_str(set_type_asked(op)));
	request_query_num(req, "maxitems", 1);
	buf_done(&name);
	return 0;
}

/* The listing begins at the name and type; an empty one has no list in it. */
static enum verdict parse_look(struct op *op, const struct answer *a)
{
	return json_is_string(answer_at(a, "ListResourceRecordSetsResponse.ResourceRecordSets.0"))
		       ? set_seen(op, NULL, NULL, 0)
		       : set_parse_look(op, a);
}

static const char *refuse(const json_t *set)
{
	if (json_object_get(set, "SetIdentifier"))
		return "the name has several sets (weighted, geographic…); nothing was changed";
	if (json_object_get(set, "AliasTarget"))
		return "the name is an alias; nothing was changed";
	return NULL;
}

static bool is_octal(unsigned char c)
{
	return c >= '0' && c <= '7';
}

/* Escapes are \ooo here, octal; elsewhere in DNS \DDD, decimal. */
static struct bytes content_of(const json_t *value, struct buf *space)
{
	struct bytes in = json_bytes_at(value, "Value.0");

	for (size_t i = 0; i < in.n; i++) {
		const unsigned char *p = in.p + i;

		if (*p != '\\' || in.n - i < 4 || !is_octal(p[1]) || !is_octal(p[2]) ||
		    !is_octal(p[3])) {
			buf_putc(space, *p);
			/* What is escaped by itself is not looked at again. */
			if (*p == '\\' && i + 1 < in.n)
				buf_putc(space, in.p[++i]);
			continue;
		}
		buf_printf(space, "\\%03d", (p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
		i += 3;
	}
	return buf_bytes(space);
}

/* The presentation form, its decimal escapes made octal. */
static json_t *new_value(const struct op *op)
{
	struct buf text = BUF_INIT(4 * RECORD_VALUE_MAX + 64), out = BUF_INIT(text.max);
	json_t *v = NULL;

	record_value_present(op->type, op->value, &text);
	for (size_t i = 0; i < text.n; i++) {
		const unsigned char *p = text.p + i;

		buf_putc(&out, *p);
		if (*p != '\\' || text.n - i < 2)
			continue;
		if (p[1] < '0' || p[1] > '9' || text.n - i < 4) {
			buf_putc(&out, text.p[++i]);
			continue;
		}
		buf_printf(&out, "%03o",
			   (unsigned)(100 * (p[1] - '0') + 10 * (p[2] - '0') + p[3] - '0'));
		i += 3;
	}
	if (buf_status(&text) == 0 && buf_status(&out) == 0)
		v = json_pack("{s:[o]}", "Value", json_from_bytes(buf_bytes(&out)));
	buf_done(&text);
	buf_done(&out);
	return v;
}

static void put_change(const struct op *op, const char *action, const struct set_change *c,
		       const json_t *values, struct buf *out)
{
	const json_t *v;
	size_t i;

	buf_printf(out,
		   "<Change><Action>%s</Action><ResourceRecordSet><Name>%s.</Name><Type>%s</Type>"
		   "<TTL>%u</TTL><ResourceRecords>",
		   action, op->fqdn.text, rr_type_text(c->type), (unsigned)c->ttl);
	json_array_foreach(values, i, v)
	{
		buf_puts(out, "<ResourceRecord><Value>");
		xml_put(out, json_bytes_at(v, "Value.0"));
		buf_puts(out, "</Value></ResourceRecord>");
	}
	buf_puts(out, "</ResourceRecords></ResourceRecordSet></Change>");
}

static int build_change(const struct op *op, struct request *req)
{
	struct set_change c;

	buf_puts(&req->body,
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ChangeResourceRecordSetsRequest "
		 "xmlns=\"" NAMESPACE "\"><ChangeBatch><Changes>");
	for (size_t i = 0; set_nth(op, i, &c); i++) {
		if (json_array_size(c.old))
			put_change(op, "DELETE", &c, c.old, &req->body);
		if (json_array_size(c.new))
			put_change(op, "CREATE", &c, c.new, &req->body);
	}
	buf_puts(&req->body, "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>");
	return 0;
}

/* Somebody else changed the set, or is about to. */
static bool lost_race(const struct answer *a)
{
	static const char *const texts[] = {"not found", "do not match", "already exists"};
	struct bytes text = json_bytes(answer_at(a, "ErrorResponse.Error.0.Message.0"));

	if (bytes_is(json_bytes(answer_at(a, "ErrorResponse.Error.0.Code.0")),
		     "PriorRequestNotComplete"))
		return true;
	if (!text.n)
		text = json_bytes(answer_at(a, "InvalidChangeBatch.Messages.0.Message.0"));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (bytes_find(text, bytes_str(texts[i])) < text.n)
			return true;
	return false;
}

/* The change's id, for a look at how far it is (OP_STATUS). It is of no use for removing. */
static bool take_change_id(struct op *op, const struct answer *a)
{
	static const char prefix[] = "/change/";
	struct bytes id =
		json_bytes(answer_at(a, "ChangeResourceRecordSetsResponse.ChangeInfo.0.Id.0"));

	if (!bytes_starts(id, bytes_str(prefix)) || !op_usable_id(bytes_skip(id, strlen(prefix))))
		return false;
	buf_reset(&op->record_id);
	buf_put_bytes(&op->record_id, bytes_skip(id, strlen(prefix)));
	return true;
}

static enum verdict parse_change(struct op *op, const struct answer *a)
{
	struct bytes status =
		json_bytes(answer_at(a, "ChangeResourceRecordSetsResponse.ChangeInfo.0.Status.0"));

	if (a->status == 400)
		return lost_race(a) ? VERDICT_RESTART
				    : op_fail_answer(op, CODE_PROVIDER_REJECTED, a);
	if (!status.n || !take_change_id(op, a))
		return op_fail_shape(op);
	op->pending = !bytes_is(status, "INSYNC");
	return set_parse_all(op, a);
}

/* ---- how far a change is ---- */

static int build_status(const struct op *op, struct request *req)
{
	return op->wanted_id.n ? 0 : BUILD_SKIP;
}

/* Who may not ask (GetChange is a permission of its own), or asks for a change that is forgotten by now, does not know: the servers then have the only word. */
static enum verdict parse_status(struct op *op, const struct answer *a)
{
	struct bytes status = json_bytes(answer_at(a, "GetChangeResponse.ChangeInfo.0.Status.0")),
		     code = json_bytes(answer_at(a, "ErrorResponse.Error.0.Code.0"));

	if (a->status == 404 || (a->status == 403 && bytes_is(code, "AccessDenied")))
		return VERDICT_DONE;
	if (a->status == 403)
		return op_fail_answer(op, CODE_PROVIDER_AUTH_FAILED, a);
	op->pending = bytes_is(status, "PENDING");
	return op->pending || bytes_is(status, "INSYNC") ? VERDICT_DONE : op_fail_shape(op);
}

static int sign(const struct signing *s, struct buf *headers)
{
	struct bytes partition = {0};

	(void)plist_get(s->credentials, "partition", &partition);
	return sigv4_sign(s,
			  bytes_is(partition, "aws-cn")	      ? "cn-northwest-1"
			  : bytes_is(partition, "aws-us-gov") ? "us-gov-west-1"
							      : "us-east-1",
			  "route53", headers);
}

static const struct exchange zone =
	EXCHANGE_READ("zone", "/hostedzone/{=hosted_zone_id}", build_zone, parse_zone);
static const struct exchange zones =
	EXCHANGE_READ("zones", "/hostedzone", build_zones, parse_zones);
static const struct exchange look =
	EXCHANGE_READ("look", "/hostedzone/{zone}/rrset", build_look, parse_look);
static const struct exchange add = EXCHANGE_CHANGE("add", "POST", "/hostedzone/{zone}/rrset/",
						   build_change, parse_change, 400);
static const struct exchange remove_ = EXCHANGE_CHANGE(
	"remove", "POST", "/hostedzone/{zone}/rrset/", build_change, parse_change, 400);

static const struct exchange status =
	EXCHANGE_READ("status", "/change/{record}", build_status, parse_status, 403, 404);

static const struct choice bases[] = {
	{"aws", "https://route53.amazonaws.com/2013-04-01"},
	{"aws-cn", "https://route53.amazonaws.com.cn/2013-04-01"},
	{"aws-us-gov", "https://route53.us-gov.amazonaws.com/2013-04-01"},
	{0},
};

#define BOTH (1u << CATEGORY_STATIC | 1u << CATEGORY_DELEGATED)
static const struct field_def fields[] = {
	{.name = "access_key_id",
	 .label = "Access key ID",
	 .help = "Of a user who may do nothing but list and change these zones.",
	 .pattern = "A[A-Z0-9]{15,127}",
	 .max = 128},
	{.name = "secret_access_key",
	 .label = "Secret access key",
	 .help = "What was shown once, when the key was made.",
	 .pattern = "[A-Za-z0-9/+=]{40,}",
	 .max = 256,
	 .secret = true},
	{.name = "session_token",
	 .label = "Session token",
	 .help = "Of a temporary key.",
	 .pattern = "[!-~]+",
	 .max = 4096,
	 .secret = true,
	 .optional = true},
	{.name = "role_arn",
	 .label = "Role",
	 .help = "The ARN of the role that trusts the gateway.",
	 .pattern = "arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}",
	 .max = 600,
	 .ways = 1u << CATEGORY_DELEGATED},
	{.name = "partition",
	 .label = "Partition",
	 .help = "aws, aws-cn or aws-us-gov.",
	 .pattern = "aws|aws-cn|aws-us-gov",
	 .preset = "aws",
	 .max = 16,
	 .ways = BOTH},
	{.name = "hosted_zone_id",
	 .label = "Hosted zone",
	 .help = "The one zone to use, where the gateway shall not list them all.",
	 .pattern = "Z[A-Z0-9]{1,31}",
	 .max = 32,
	 .optional = true,
	 .ways = BOTH},
	{0},
};

static const struct error_def errors[] = {
	{"Throttling", CODE_PROVIDER_RATE_LIMITED},
	{"ThrottlingException", CODE_PROVIDER_RATE_LIMITED},
	{"NoSuchHostedZone", CODE_ZONE_NOT_FOUND},
	{"InvalidClientTokenId", CODE_PROVIDER_AUTH_FAILED},
	{"SignatureDoesNotMatch", CODE_PROVIDER_AUTH_FAILED},
	{"ExpiredToken", CODE_PROVIDER_AUTH_FAILED},
	{0},
};

static const struct shape shape = {
	.zones = "ListHostedZonesResponse.HostedZones.0.HostedZone",
	.zone_name = "Name.0",
	.zone_is = {{"Config.0.PrivateZone.0", "!true"}},
	.zone_id_of = zone_id_of,
	.zone_pages = {PAGING_CURSOR, "ListHostedZonesResponse.NextMarker.0", "marker", "maxitems",
		       100},
	.records = "ListResourceRecordSetsResponse.ResourceRecordSets.0.ResourceRecordSet",
	.name = "Name.0",
	.type = "Type.0",
	.ttl = "TTL.0",
	.values = "ResourceRecords.0.ResourceRecord",
	.names = {NAME_FULL_DOT, NAME_FULL_DOT, NAME_FULL_DOT},
	.content_of = content_of,
	.new_value = new_value,
	.refuse = refuse,
};

const struct provider provider_route53 = {
	.name = "route53",
	.title = "Amazon Route 53",
	.bases = bases,
	.base_field = "partition",
	.fields = fields,
	.auth = {AUTH_SIGN, .sign = sign},
	.assume = &route53_assume,
	.delegated = &route53_delegated,
	.login_stale = 403,
	.serialise = true,
	.xml = true,
	.messages = {"ErrorResponse.Error.0.Message.0", "InvalidChangeBatch.Messages.0.Message.0"},
	.code = "ErrorResponse.Error.0.Code.0",
	.errors = errors,
	.shape = &shape,
	.ops = {[OP_ZONES] = {&zone, &zones},
		[OP_ADD] = {&look, &add},
		[OP_REMOVE] = {&look, &remove_},
		[OP_STATUS] = {&status}},
};
