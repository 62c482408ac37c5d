/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#include "sys/crypto.h"

#define ROUTE53 .provider = &provider_route53, .fields = {"partition", "aws"}
#define ZONE_ID "Z040120927RX9CM38HPQQ"
#define RECORD(kind_, fqdn_, type_, value_)                                                        \
	ROUTE53, .kind = kind_, .fqdn = fqdn_, .zone = "fullcr1stal.tk", .zone_id = ZONE_ID,       \
		 .type = type_, .value = value_
#define NAME "_acme-challenge.fullcr1stal.tk"
#define TEST "_acme-challenge.test.fullcr1stal.tk"

#define RRSET		 "/hostedzone/" ZONE_ID "/rrset"
#define ZONES		 "GET /hostedzone?maxitems=100", NULL
#define LOOK_AT(n, type) "GET " RRSET "?name=" n ".&type=" type "&maxitems=1", NULL
#define LOOK(type)	 LOOK_AT(NAME, type)
#define CHANGE		 "POST " RRSET "/"

#define XML	 "<?xml version=\"1.0\"?>\n"
#define NS	 " xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\""
#define VALUE(v) "<ResourceRecord><Value>" v "</Value></ResourceRecord>"
#define SET(name, type, ttl, values)                                                               \
	"<ResourceRecordSet><Name>" name ".</Name><Type>" type "</Type><TTL>" ttl "</TTL>"         \
	"<ResourceRecords>" values "</ResourceRecords></ResourceRecordSet>"
#define LIST(sets)                                                                                 \
	XML "<ListResourceRecordSetsResponse" NS "><ResourceRecordSets>" sets                      \
	    "</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems>"          \
	    "</ListResourceRecordSetsResponse>"
#define NONE LIST("")
#define BATCH(changes)                                                                             \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ChangeResourceRecordSetsRequest" NS          \
	"><ChangeBatch><Changes>" changes                                                          \
	"</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
#define ACTION(action, set) "<Change><Action>" action "</Action>" set "</Change>"
#define DONE                                                                                       \
	XML "<ChangeResourceRecordSetsResponse" NS "><ChangeInfo><Id>/change/C1</Id><Status>"      \
	    "PENDING</Status></ChangeInfo></ChangeResourceRecordSetsResponse>"
#define ERROR(code, text)                                                                          \
	XML "<ErrorResponse" NS "><Error><Type>Sender</Type><Code>" code "</Code><Message>" text   \
	    "</Message></Error><RequestId>0</RequestId></ErrorResponse>"
#define STATUS "GET /change/C1", NULL
#define STATUS_OF(status)                                                                          \
	XML "<GetChangeResponse" NS "><ChangeInfo><Id>/change/C1</Id><Status>" status              \
	    "</Status></ChangeInfo></GetChangeResponse>"
#define Q(text) "&quot;" text "&quot;"

#define LEXICON	 "@route53/lexicon/test_provider_when_calling_"
#define MULTIPLE LEXICON "create_record_multiple_times_should_create_record_set.json "
#define NOOP	 LEXICON "create_record_with_duplicate_records_should_be_noop.json "
#define MADE	 "@route53/made/"

/*
 * Answers that begin with '@' are recordings (SOURCE), or made in their shape where it says so; the rest is made in their shape.
 */
static const struct script scripts[] = {
	{"zones: two pages (made)", ROUTE53, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, MADE "zones-page_1_of_2.json 0"},
		   {"GET /hostedzone?marker=Z0000000000000000003&maxitems=100", NULL, 200,
		    MADE "zones-page_1_of_2.json 1"}},
	 .zones = "example.com=Z0000000000000000001 sub.example.com=Z0000000000000000003"},
	{"zones: none", ROUTE53, .kind = OP_ZONES,
	 .steps = {{ZONES, 200,
		    XML "<ListHostedZonesResponse" NS "><HostedZones/><IsTruncated>false"
			"</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>"}}},
	{"zones: the one that was named", .provider = &provider_route53, .kind = OP_ZONES,
	 .fields = {"partition", "aws", "hosted_zone_id", "Z1"},
	 .steps = {{"GET /hostedzone/Z1", NULL, 200,
		    XML "<GetHostedZoneResponse" NS "><HostedZone><Id>/hostedzone/Z1</Id><Name>"
			"a.example.</Name><Config><PrivateZone>false</PrivateZone></Config>"
			"</HostedZone></GetHostedZoneResponse>"}},
	 .zones = "a.example=Z1"},
	{"zones: wrong key", ROUTE53, .kind = OP_ZONES,
	 .steps = {{ZONES, 403,
		    ERROR("InvalidClientTokenId",
			  "The security token included in the request is invalid.")}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "security token"},
	{"zones: not allowed (made)", ROUTE53, .kind = OP_ZONES,
	 .steps = {{ZONES, 403, MADE "error-access_denied.json 0"}},
	 .error = CODE_PROVIDER_AUTH_FAILED},
	{"zones: slow down", ROUTE53, .kind = OP_ZONES,
	 .steps = {{ZONES, 400, ERROR("Throttling", "Rate exceeded")}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .detail = "Rate exceeded"},
	{"zones: an error inside a 200", ROUTE53, .kind = OP_ZONES,
	 .steps = {{ZONES, 200, ERROR("InternalFailure", "oops")}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not XML", ROUTE53, .kind = OP_ZONES, .steps = {{ZONES, 200, "{\"a\":1}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE, .detail = "not XML"},
	{"find: none", ROUTE53, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{ZONES, 200, MADE "zones-page_1_of_2.json 1"}}, .error = CODE_ZONE_NOT_FOUND},
	{"find: twice, but one is private (made)", ROUTE53, .kind = OP_FIND_ZONE,
	 .fqdn = "www.example.com",
	 .steps = {{ZONES, 200, MADE "zones-page_1_of_2.json 0"},
		   {"GET /hostedzone?marker=Z0000000000000000003&maxitems=100", NULL, 200,
		    MADE "zones-page_1_of_2.json 1"}},
	 .zones = "example.com=Z0000000000000000001"},

	{"add: recorded",
	 RECORD(OP_ADD, "_acme-challenge.createrecordset.fullcr1stal.tk", RR_TXT,
		"challengetoken1"),
	 .ttl = 3600,
	 .steps = {{LOOK_AT("_acme-challenge.createrecordset.fullcr1stal.tk", "TXT"), 200,
		    MULTIPLE "1"},
		   {CHANGE,
		    BATCH(ACTION("CREATE", SET("_acme-challenge.createrecordset.fullcr1stal.tk",
					       "TXT", "3600", VALUE(Q("challengetoken1"))))),
		    200, MULTIPLE "2"}},
	 .record_id = "C0593076PNEUDDC7U2P5"},
	{"add: exists", RECORD(OP_ADD, TEST, RR_TXT, "challengetoken"),
	 .steps = {{LOOK_AT(TEST, "TXT"), 200, MULTIPLE "1"}}, .found = true, .unchanged = true},
	{"add: a second value", RECORD(OP_ADD, NAME, RR_TXT, "two"),
	 .steps = {{LOOK("TXT"), 200, LIST(SET(NAME, "TXT", "300", VALUE(Q("one"))))},
		   {CHANGE,
		    BATCH(ACTION("DELETE", SET(NAME, "TXT", "300", VALUE(Q("one")))) ACTION(
			    "CREATE", SET(NAME, "TXT", "300", VALUE(Q("one")) VALUE(Q("two"))))),
		    200, DONE}},
	 .record_id = "C1"},
	{"add: the next name's set is not ours", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200,
		    LIST(SET("_acme-challenge.z.fullcr1stal.tk", "TXT", "300", VALUE(Q("one"))))},
		   {CHANGE, BATCH(ACTION("CREATE", SET(NAME, "TXT", "60", VALUE(Q("one"))))), 200,
		    DONE}},
	 .record_id = "C1"},
	{"add: octal escapes", RECORD(OP_ADD, NAME, RR_TXT, "a\"\\\xc3\xa9"),
	 .steps = {{LOOK("TXT"), 200, LIST(SET(NAME, "TXT", "60", VALUE(Q("\\001\\\\101"))))},
		   {CHANGE,
		    BATCH(ACTION("DELETE", SET(NAME, "TXT", "60", VALUE(Q("\\001\\\\101")))) ACTION(
			    "CREATE",
			    SET(NAME, "TXT", "60",
				VALUE(Q("\\001\\\\101")) VALUE(Q("a\\&quot;\\\\\\303\\251"))))),
		    200, DONE}},
	 .record_id = "C1"},
	{"add: exists, in octal escapes", RECORD(OP_ADD, NAME, RR_TXT, "a\"\\\xc3\xa9"),
	 .steps = {{LOOK("TXT"), 200,
		    LIST(SET(NAME, "TXT", "60", VALUE(Q("a\\&quot;\\\\\\303\\251"))))}},
	 .found = true, .unchanged = true},
	{"add: lost a race, then made (made)", RECORD(OP_ADD, NAME, RR_TXT, "two"),
	 .steps = {{LOOK("TXT"), 200, NONE},
		   {CHANGE, BATCH(ACTION("CREATE", SET(NAME, "TXT", "60", VALUE(Q("two"))))), 400,
		    ERROR("InvalidChangeBatch",
			  "[Tried to create resource record set but it already exists]")},
		   {LOOK("TXT"), 200, LIST(SET(NAME, "TXT", "60", VALUE(Q("one"))))},
		   {CHANGE,
		    BATCH(ACTION("DELETE", SET(NAME, "TXT", "60", VALUE(Q("one")))) ACTION(
			    "CREATE", SET(NAME, "TXT", "60", VALUE(Q("one")) VALUE(Q("two"))))),
		    400, MADE "error-invalid_change_batch-delete_mismatch.json 0"},
		   {LOOK("TXT"), 200, NONE},
		   {CHANGE, BATCH(ACTION("CREATE", SET(NAME, "TXT", "60", VALUE(Q("two"))))), 400,
		    MADE "error-prior_request_not_complete.json 0"},
		   {LOOK("TXT"), 200, NONE},
		   {CHANGE, BATCH(ACTION("CREATE", SET(NAME, "TXT", "60", VALUE(Q("two"))))), 200,
		    DONE}},
	 .record_id = "C1"},
	{"add: made though the answer was an error", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200, NONE},
		   {CHANGE, BATCH(ACTION("CREATE", SET(NAME, "TXT", "60", VALUE(Q("one"))))), 503,
		    "<html>"},
		   {LOOK("TXT"), 200, LIST(SET(NAME, "TXT", "60", VALUE(Q("one"))))}}},
	{"add: replace", RECORD(OP_ADD, NAME, RR_TXT, "new"), .mode = MODE_REPLACE,
	 .steps = {{LOOK("TXT"), 200,
		    LIST(SET(NAME, "TXT", "300", VALUE(Q("one")) VALUE(Q("two"))))},
		   {LOOK("CAA"), 200, NONE},
		   {LOOK("CNAME"), 200,
		    LIST(SET(NAME, "CNAME", "60", VALUE("elsewhere.example.net.")))},
		   {LOOK("NS"), 200, NONE},
		   {CHANGE,
		    BATCH(ACTION("DELETE",
				 SET(NAME, "CNAME", "60", VALUE("elsewhere.example.net.")))
				  ACTION("DELETE",
					 SET(NAME, "TXT", "300", VALUE(Q("one")) VALUE(Q("two"))))
					  ACTION("CREATE",
						 SET(NAME, "TXT", "300", VALUE(Q("new"))))),
		    200, DONE}},
	 .record_id = "C1",
	 .replaced = NAME ". 300 TXT \"one\"|" NAME ". 300 TXT \"two\"|" NAME
			  ". 60 CNAME elsewhere.example.net."},
	{"add: a CNAME where an A stands", RECORD(OP_ADD, NAME, RR_CNAME, "target.example.net"),
	 .mode = MODE_REPLACE,
	 .steps = {{LOOK("CNAME"), 200, NONE},
		   {LOOK("TXT"), 200, NONE},
		   {LOOK("CAA"), 200, NONE},
		   {LOOK("NS"), 200, NONE},
		   {LOOK("A"), 200, LIST(SET(NAME, "A", "60", VALUE("192.0.2.1")))}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: an alias", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200,
		    LIST("<ResourceRecordSet><Name>" NAME
			 ".</Name><Type>TXT</Type><AliasTarget><DNSName>x.</DNSName></AliasTarget>"
			 "</ResourceRecordSet>")}},
	 .error = CODE_CONFLICT, .detail = "alias", .unchanged = true},
	{"add: weighted", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200,
		    LIST("<ResourceRecordSet><Name>" NAME
			 ".</Name><Type>TXT</Type><SetIdentifier>a</SetIdentifier><TTL>60</TTL>"
			 "<ResourceRecords>" VALUE(
				 Q("x")) "</ResourceRecords></ResourceRecordSet>")}},
	 .error = CODE_CONFLICT, .detail = "several sets", .unchanged = true},
	{"add: zone missing (made)", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 404, MADE "error-no_such_hosted_zone.json 0"}},
	 .error = CODE_ZONE_NOT_FOUND, .detail = "No hosted zone", .unchanged = true},
	{"add: refused", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200, NONE},
		   {CHANGE, BATCH(ACTION("CREATE", SET(NAME, "TXT", "60", VALUE(Q("one"))))), 400,
		    NOOP "4"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "Duplicate Resource Record"},

	{"remove: recorded", RECORD(OP_REMOVE, TEST, RR_TXT, "challengetoken"),
	 .steps = {{LOOK_AT(TEST, "TXT"), 200, MULTIPLE "1"},
		   {CHANGE,
		    BATCH(ACTION("DELETE", SET(TEST, "TXT", "3600", VALUE(Q("challengetoken"))))),
		    200, MULTIPLE "2"}},
	 .removed = true},
	{"remove: gone", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200, NONE}}, .unchanged = true},
	{"remove: one of two", RECORD(OP_REMOVE, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200,
		    LIST(SET(NAME, "TXT", "300", VALUE(Q("one")) VALUE(Q("two"))))},
		   {CHANGE,
		    BATCH(ACTION("DELETE", SET(NAME, "TXT", "300", VALUE(Q("one")) VALUE(Q("two"))))
				  ACTION("CREATE", SET(NAME, "TXT", "300", VALUE(Q("two"))))),
		    200, DONE}},
	 .removed = true},
	{"add: a change without an id", RECORD(OP_ADD, NAME, RR_TXT, "one"),
	 .steps = {{LOOK("TXT"), 200, NONE},
		   {CHANGE, BATCH(ACTION("CREATE", SET(NAME, "TXT", "60", VALUE(Q("one"))))), 200,
		    XML "<ChangeResourceRecordSetsResponse" NS
			"><ChangeInfo><Id>C1</Id><Status>PENDING"
			"</Status></ChangeInfo></ChangeResourceRecordSetsResponse>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},

	{"status: recorded", RECORD(OP_STATUS, NAME, RR_TXT, "one"), .wanted_id = "C1",
	 .steps = {{STATUS, 200, "@route53/lego/getChangeResponse.xml"}}},
	{"status: pending", RECORD(OP_STATUS, NAME, RR_TXT, "one"), .wanted_id = "C1",
	 .steps = {{STATUS, 200, STATUS_OF("PENDING")}}, .pending = true},
	{"status: what it means is not known", RECORD(OP_STATUS, NAME, RR_TXT, "one"),
	 .wanted_id = "C1", .steps = {{STATUS, 200, STATUS_OF("ELSE")}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"status: of what was found", RECORD(OP_STATUS, NAME, RR_TXT, "one")},
	{"status: may not be asked (made)", RECORD(OP_STATUS, NAME, RR_TXT, "one"),
	 .wanted_id = "C1", .steps = {{STATUS, 403, MADE "error-access_denied.json 0"}}},
	{"status: forgotten", RECORD(OP_STATUS, NAME, RR_TXT, "one"), .wanted_id = "C1",
	 .steps = {{STATUS, 404, ERROR("NoSuchChange", "A change with id C1 does not exist")}}},
	{"status: wrong key", RECORD(OP_STATUS, NAME, RR_TXT, "one"), .wanted_id = "C1",
	 .steps = {{STATUS, 403,
		    ERROR("InvalidClientTokenId",
			  "The security token included in the request is invalid.")}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "security token"},
	{"status: slow down", RECORD(OP_STATUS, NAME, RR_TXT, "one"), .wanted_id = "C1",
	 .steps = {{STATUS, 400, ERROR("Throttling", "Rate exceeded")}},
	 .error = CODE_PROVIDER_RATE_LIMITED},
};

/* ---- roles ---- */

static struct buf pairs_of(const char *const *list)
{
	struct buf b = BUF_INIT(8192);

	for (; *list; list++)
		plist_put(&b, bytes_str(*list));
	return b;
}

static bool says(const struct buf *body, const char *text)
{
	return bytes_find(buf_bytes(body), bytes_str(text)) < body->n;
}

static void test_assume(void **state)
{
	static const char *const credentials[] = {
		"role_arn",    "arn:aws:iam::123456789012:role/dns",
		"external_id", "0123456789abcdef0123",
		"partition",   "aws",
		NULL};
	static const char *const gateway[] = {
		"access_key_id", "AKIDEXAMPLE", "secret_access_key", "s", "region",
		"eu-west-1",	 NULL};
	struct buf c = pairs_of(credentials), g = pairs_of(gateway), body = BUF_INIT(16384),
		   lines = BUF_INIT(8192);
	struct login_input in = {.credentials = buf_bytes(&c), .gateway = buf_bytes(&g), .now = 1};
	const struct login *l = provider_route53.assume;
	struct signing s = {.method = "POST", .host = BYTES("sts"), .target = BYTES("/"), .now = 1};

	assert_int_equal(l->build(&in, &body), 0);
	assert_true(says(&body,
			 "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%"
			 "3A123456789012%3Arole%2Fdns&RoleSessionName=postern-0123456789abcdef"
			 "&ExternalId=0123456789abcdef0123&DurationSeconds=3600&Policy="));
	assert_true(says(&body, "ListHostedZones"));
	assert_true(says(&body, "route53%3AGetChange"));
	assert_false(says(&body, "ChangeResourceRecordSets%22"));
	buf_reset(&body);
	in.zone_id = BYTES("Z1");
	in.fqdn = BYTES("_acme-challenge.example.com");
	assert_int_equal(l->build(&in, &body), 0);
	assert_true(says(&body, "hostedzone%2FZ1"));
	assert_true(says(&body, "_acme-challenge.example.com"));
	assert_false(says(&body, "ListHostedZones"));
	/* nothing without the external id */
	in.credentials = BYTES("");
	buf_reset(&body);
	assert_int_equal(l->build(&in, &body), SIGN_E_FIELD);
	s.credentials = buf_bytes(&g);
	s.body = buf_bytes(&body);
	assert_int_equal(l->auth.sign(&s, &lines), 0);
	assert_true(says(&lines, "/eu-west-1/sts/aws4_request"));
	buf_done(&c);
	buf_done(&g);
	buf_done(&body);
	buf_done(&lines);
}

static void test_instructions(void **state)
{
	static const char *const gateway[] = {
		"account_id", "999999999999", "access_key_id", "AKID", "region", "eu-west-1", NULL};
	struct buf g = pairs_of(gateway), out = BUF_INIT(16384);
	const struct delegated *d = provider_route53.delegated;
	json_t *policy;
	struct bytes v;

	assert_int_equal(d->instructions(BYTES(""), BYTES("ext"), &out), SIGN_E_FIELD);
	assert_int_equal(d->instructions(buf_bytes(&g), BYTES("ext"), &out), 0);
	assert_true(plist_get(buf_bytes(&out), "external_id", &v) && bytes_is(v, "ext"));
	assert_true(plist_get(buf_bytes(&out), "trust_policy", &v));
	assert_int_equal(json_parse(v, 10, &policy, NULL, 0), 0);
	assert_true(bytes_is(
		json_bytes_at(policy, "Statement.0.Condition.StringEquals.sts:ExternalId"), "ext"));
	json_decref(policy);
	assert_true(plist_get(buf_bytes(&out), "permissions_policy", &v));
	assert_int_equal(json_parse(v, 10, &policy, NULL, 0), 0);
	json_decref(policy);
	buf_done(&g);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_assume),
		cmocka_unit_test(test_instructions),
	};

	if (crypto_load() < 0)
		return 1;
	return run_scripts_and("route53", scripts, ARRAY_LEN(scripts), tests, ARRAY_LEN(tests));
}
