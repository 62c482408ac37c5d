/* SPDX-License-Identifier: ISC */
/*
 * A role in the customer's account, assumed by sts:AssumeRole: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html. The external id is ours and unguessable, one for each
 * set-up, so that nobody can name another customer's role (the confused deputy); and a role that does not ask for it is not taken. Each session has a policy that leaves it the reading, or changes of the one name
 * and type.
 */
#include "provider/route53.h"

#include "sign/sigv4.h"

#define POLICY_MAX	2048 /* STS's own limit */
#define SESSION_SECONDS "3600"

static const struct choice regions[] = {
#define REGION(name)                                                                               \
	{                                                                                          \
		name, "https://sts." name ".amazonaws.com"                                         \
	}
	REGION("us-east-1"),
	REGION("us-east-2"),
	REGION("us-west-1"),
	REGION("us-west-2"),
	REGION("ca-central-1"),
	REGION("sa-east-1"),
	REGION("eu-central-1"),
	REGION("eu-central-2"),
	REGION("eu-west-1"),
	REGION("eu-west-2"),
	REGION("eu-west-3"),
	REGION("eu-north-1"),
	REGION("eu-south-1"),
	REGION("ap-northeast-1"),
	REGION("ap-northeast-2"),
	REGION("ap-northeast-3"),
	REGION("ap-south-1"),
	REGION("ap-southeast-1"),
	REGION("ap-southeast-2"),
	REGION("us-gov-west-1"),
	REGION("us-gov-east-1"),
#undef REGION
	{"cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"},
	{"cn-northwest-1", "https://sts.cn-northwest-1.amazonaws.com.cn"},
	{0},
};

static int sign(const struct signing *s, struct buf *headers)
{
	struct bytes text;
	char region[32];

	if (!plist_get(s->credentials, "region", &text) ||
	    bytes_to_str(text, region, sizeof(region)) < 0)
		return SIGN_E_FIELD;
	return sigv4_sign(s, region, "sts", headers);
}

/* What the session may do: read, or change that one name of that one zone, in records of the one type (of all of ours, for a replace). */
static json_t *session_policy(const struct login_input *in, struct bytes partition)
{
	json_t *zone, *condition, *types;

	if (!in->zone_id.n)
		return json_pack("{s:s, s:[{s:s, s:[s, s, s, s], s:s}]}", "Version", "2012-10-17",
				 "Statement", "Effect", "Allow", "Action",
				 "route53:ListHostedZones", "route53:GetHostedZone",
				 "route53:ListResourceRecordSets", "route53:GetChange", "Resource",
				 "*");
	types = json_pack("[s]", rr_type_text(in->type));
	for (enum rr_type t = RR_TXT; in->all_types && t < RR_TYPES; t++)
		if (t != in->type)
			json_array_append_new(types, json_string(rr_type_text(t)));
	zone = json_sprintf("arn:%.*s:route53:::hostedzone/%.*s", (int)partition.n,
			    (const char *)partition.p, (int)in->zone_id.n,
			    (const char *)in->zone_id.p);
	condition =
		json_pack("{s:{s:[o], s:o, s:[s, s]}}", "ForAllValues:StringEquals",
			  "route53:ChangeResourceRecordSetsNormalizedRecordNames",
			  json_from_bytes(in->fqdn), "route53:ChangeResourceRecordSetsRecordTypes",
			  types, "route53:ChangeResourceRecordSetsActions", "CREATE", "DELETE");
	return json_pack("{s:s, s:[{s:s, s:s, s:O}, {s:s, s:s, s:o, s:o}]}", "Version",
			 "2012-10-17", "Statement", "Effect", "Allow", "Action",
			 "route53:ListResourceRecordSets", "Resource", zone, "Effect", "Allow",
			 "Action", "route53:ChangeResourceRecordSets", "Resource", zone,
			 "Condition", condition);
}

static int put_policy(const struct login_input *in, struct bytes partition, struct buf *body)
{
	json_t *policy cleanup(json_cleanup) = session_policy(in, partition);
	struct request text = {.body = BUF_INIT(POLICY_MAX)};
	int r = request_json(&text, json_incref(policy));

	if (r == 0)
		form_put(body, "Policy", buf_bytes(&text.body));
	buf_done(&text.body);
	return r == -ENOBUFS ? SIGN_E_FIELD : r;
}

static void put_external(const char *before, struct bytes external, struct buf *body)
{
	struct buf id = BUF_INIT(256);

	buf_puts(&id, before);
	buf_put_bytes(&id, external);
	form_put(body, "ExternalId", buf_bytes(&id));
	buf_done(&id);
}

static int put_assume(const struct login_input *in, const char *before, struct buf *body)
{
	struct bytes role, external, partition;
	struct buf session = BUF_INIT(64);
	int r;

	if (!plist_get(in->credentials, "role_arn", &role) ||
	    !plist_get(in->credentials, CREDENTIALS_EXTERNAL, &external) ||
	    !plist_get(in->credentials, "partition", &partition))
		return SIGN_E_FIELD;
	/* It stands in the customer's CloudTrail, and he has seen the external id. */
	buf_puts(&session, "postern-");
	buf_put(&session, external.p, external.n < 16 ? external.n : 16);
	form_put(body, "Action", BYTES("AssumeRole"));
	form_put(body, "Version", BYTES("2011-06-15"));
	form_put(body, "RoleArn", role);
	form_put(body, "RoleSessionName", buf_bytes(&session));
	put_external(before, external, body);
	form_put(body, "DurationSeconds", BYTES(SESSION_SECONDS));
	r = put_policy(in, partition, body);
	buf_done(&session);
	return r != 0 ? r : buf_status(body);
}

static int build(const struct login_input *in, struct buf *body)
{
	return put_assume(in, "", body);
}

/* With a wrong external id: a role that lets this in lets everybody in who knows the gateway. */
static int build_probe(const struct login_input *in, struct buf *body)
{
	return put_assume(in, "not-", body);
}

#define RESULT "AssumeRoleResponse.AssumeRoleResult.0.Credentials.0."
#define ASSUME(build_)                                                                             \
	{                                                                                          \
		.bases = regions, .chosen_by = "region", .path = "/", .build = build_,             \
		.content_type = "application/x-www-form-urlencoded",                               \
		.auth = {AUTH_SIGN, .sign = sign},                                                 \
		.takes = {{RESULT "AccessKeyId.0", "access_key_id"},                               \
			  {RESULT "SecretAccessKey.0", "secret_access_key"},                       \
			  {RESULT "SessionToken.0", "session_token"}},                             \
		.expires_at = RESULT "Expiration.0", .xml = true, .scoped = true,                  \
	}
const struct login route53_assume = ASSUME(build);
static const struct login probe = ASSUME(build_probe);

/* ---- what the customer must do ---- */

static void put_pair(struct buf *out, const char *name, const struct buf *text)
{
	plist_put(out, bytes_str(name));
	plist_put(out, buf_bytes(text));
}

/* %s: the partition */
static const char permissions[] =
	"{\"Version\":\"2012-10-17\",\"Statement\":["
	"{\"Effect\":\"Allow\",\"Action\":[\"route53:ListHostedZones\",\"route53:GetChange\"],"
	"\"Resource\":\"*\"},"
	"{\"Effect\":\"Allow\",\"Action\":[\"route53:GetHostedZone\","
	"\"route53:ListResourceRecordSets\",\"route53:ChangeResourceRecordSets\"],"
	"\"Resource\":\"arn:%s:route53:::hostedzone/*\","
	"\"Condition\":{\"ForAllValues:StringEquals\":"
	"{\"route53:ChangeResourceRecordSetsRecordTypes\":[\"TXT\",\"CAA\",\"CNAME\",\"NS\"]}}}]}";

/* Of the gateway's own account: a role of another one it could not assume. */
static const char *partition_of(struct bytes region)
{
	return bytes_starts(region, BYTES("cn-"))	? "aws-cn"
	       : bytes_starts(region, BYTES("us-gov-")) ? "aws-us-gov"
							: "aws";
}

static int instructions(struct bytes gateway, struct bytes external_id, struct buf *out)
{
	struct buf text = BUF_INIT(4096);
	struct bytes account, region;
	const char *partition;

	if (!plist_get(gateway, "account_id", &account) ||
	    !plist_get(gateway, "access_key_id", &(struct bytes){0}) ||
	    !plist_get(gateway, "region", &region))
		return SIGN_E_FIELD;
	partition = partition_of(region);
	plist_put(out, BYTES("account_id"));
	plist_put(out, account);
	plist_put(out, BYTES("external_id"));
	plist_put(out, external_id);
	buf_printf(
		&text,
		"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
		"\"Principal\":{\"AWS\":\"arn:%s:iam::%.*s:root\"},\"Action\":\"sts:AssumeRole\","
		"\"Condition\":{\"StringEquals\":{\"sts:ExternalId\":\"%.*s\"}}}]}",
		partition, (int)account.n, (const char *)account.p, (int)external_id.n,
		(const char *)external_id.p);
	put_pair(out, "trust_policy", &text);
	buf_reset(&text);
	buf_printf(&text, permissions, partition);
	put_pair(out, "permissions_policy", &text);
	buf_reset(&text);
	buf_printf(&text,
		   "aws iam create-role --role-name postern-dns --assume-role-policy-document "
		   "file://trust_policy.json && aws iam put-role-policy --role-name postern-dns "
		   "--policy-name dns --policy-document file://permissions_policy.json && aws iam "
		   "get-role --role-name postern-dns --query Role.Arn");
	put_pair(out, "commands", &text);
	plist_put(out, BYTES("next"));
	plist_put(out, BYTES("Give the role's ARN to make_integration as credentials.role_arn, "
			     "with this setup_handle."));
	buf_done(&text);
	return buf_status(out);
}

/* "arn:aws:iam::ACCOUNT:role/NAME": of a customer's account, not of the gateway's. */
static int check(struct bytes gateway, struct bytes credentials, const char **field,
		 const char **why)
{
	struct bytes account, role;

	*field = "role_arn";
	*why = "must be a role of the customer's own account";
	if (!plist_get(gateway, "account_id", &account) ||
	    !plist_get(credentials, "role_arn", &role))
		return PROVIDER_E_FIELD;
	for (int i = 0; i < 4; i++)
		role = bytes_skip(role, bytes_find(role, BYTES(":")) + 1);
	role.n = bytes_find(role, BYTES(":"));
	return bytes_eq(role, account) ? PROVIDER_E_FIELD : 0;
}

/* AWS itself holds the role against the external id, if its trust policy asks for that: hence the probe. */
const struct delegated route53_delegated = {
	.instructions = instructions,
	.check = check,
	.probe = &probe,
	.why = "the role lets the gateway in without the external id: its trust policy must demand "
	       "it",
};
