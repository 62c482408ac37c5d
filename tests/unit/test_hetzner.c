/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_hetzner, .zone = "example.com", .zone_id = "z1"

#define LOOK(type) "GET /zones/z1/rrsets?type=" type "&name=_acme-challenge", NULL, 200
#define NONE	   "{\"rrsets\":[]}"
#define TXT                                                                                        \
	"{\"rrsets\":[{\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":300,\"records\":[{"   \
	"\"value\":\"\\\"one\\\"\"}]}]}"
#define CNAME(target)                                                                              \
	"{\"rrsets\":[{\"name\":\"_acme-challenge\",\"type\":\"CNAME\",\"ttl\":300,\"records\":[{" \
	"\"value\":\"" target "\"}]}]}"
#define ACTION(text) "{\"action\":{\"id\":7,\"status\":" text "}}"
#define RUNNING	     ACTION("\"running\"")
#define SUCCESS	     ACTION("\"success\"")
#define FAILED	     ACTION("\"error\",\"error\":{\"code\":\"x\",\"message\":\"it failed\"}")
#define LOCKED	     "{\"error\":{\"code\":\"locked\",\"message\":\"zone is locked\"}}"
#define NO_ZONE                                                                                    \
	"{\"error\":{\"code\":\"incorrect_zone_mode\",\"message\":\"the zone is a secondary\"}}"
#define ONE                                                                                        \
	"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",                           \
		"{\"ttl\":60,\"records\":[{\"value\":\"\\\"one\\\"\"}]}"
#define TAKE                                                                                       \
	"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/remove_records",                        \
		"{\"records\":[{\"value\":\"\\\"one\\\"\"}]}"

static const struct script scripts[] = {
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /zones?page=1&per_page=50", NULL, 200,
		    "{\"zones\":[{\"id\":1,\"name\":\"a.example\",\"mode\":\"primary\"},{\"id\":2,"
		    "\"name\":\"b.example\",\"mode\":\"secondary\"}],\"meta\":{\"pagination\":{"
		    "\"page\":1,\"next_page\":2}}}"},
		   {"GET /zones?page=2&per_page=50", NULL, 200,
		    "{\"zones\":[{\"id\":3,\"name\":\"c.example\",\"mode\":\"primary\"}],\"meta\":{"
		    "\"pagination\":{\"page\":2,\"next_page\":null}}}"}},
	 .zones = "a.example=1 c.example=3"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /zones?page=1&per_page=50", NULL, 401,
		    "{\"error\":{\"code\":\"unauthorized\",\"message\":\"unable to "
		    "authenticate\"}}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "unable to authenticate"},
	/* RateLimit-Reset is when the whole bucket is full again, an hour away: nobody has to wait for that. */
	{"zones: slow down", BASE, .kind = OP_ZONES, .now = 1790000000,
	 .steps = {{"GET /zones?page=1&per_page=50", NULL, 429, "@hetzner/made/error-429.json 0",
		    .header = {"RateLimit-Reset", "1790003600"}}},
	 .error = CODE_PROVIDER_RATE_LIMITED},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /zones?page=1&per_page=50", NULL, 200,
		    "{\"error\":{\"code\":\"x\",\"message\":\"oops\"}}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /zones?page=1&per_page=50", NULL, 200, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /zones?page=1&per_page=50", NULL, 200, "{\"zones\":[]}"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_hetzner, .zone = "devcoop.de", .zone_id = "53091",
	 .kind = OP_ADD, .fqdn = "_acme-challenge.deleterecordinset.devcoop.de",
	 .value = "challengetoken1", .type = RR_TXT, .ttl = 3600,
	 .steps = {{"GET /zones/53091/rrsets?type=TXT&name=_acme-challenge.deleterecordinset", NULL,
		    200,
		    "@hetzner/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 1"},
		   {"POST "
		    "/zones/53091/rrsets/_acme-challenge.deleterecordinset/TXT/actions/add_records",
		    "{\"ttl\":3600,\"records\":[{\"value\":\"\\\"challengetoken1\\\"\"}]}", 201,
		    "@hetzner/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 2"}}},
	{"add: a second value, recorded", .provider = &provider_hetzner, .zone = "devcoop.de",
	 .zone_id = "53091", .kind = OP_ADD, .fqdn = "_acme-challenge.deleterecordinset.devcoop.de",
	 .value = "challengetoken2", .type = RR_TXT, .ttl = 3600,
	 .steps = {{"GET /zones/53091/rrsets?type=TXT&name=_acme-challenge.deleterecordinset", NULL,
		    200,
		    "@hetzner/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 8"},
		   {"POST "
		    "/zones/53091/rrsets/_acme-challenge.deleterecordinset/TXT/actions/add_records",
		    "{\"records\":[{\"value\":\"\\\"challengetoken2\\\"\"}]}", 201,
		    "@hetzner/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 9"}}},
	{"add: still running", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",
		    "{\"ttl\":60,\"records\":[{\"value\":\"\\\"one\\\"\"}]}", 201,
		    "@hetzner/lego/hetznerv1/get_action_running.json"}}},
	{"add: the action failed", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",
		    "{\"ttl\":60,\"records\":[{\"value\":\"\\\"one\\\"\"}]}", 201,
		    "{\"action\":{\"id\":1,\"status\":\"error\",\"error\":{\"code\":\"x\","
		    "\"message\":\"it failed\"}}}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "it failed"},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[{\"id\":\"_acme-challenge/"
		    "TXT\",\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":300,\"records\":[{"
		    "\"value\":\"\\\"one\\\"\",\"comment\":\"kept\"}]}]}"}},
	 .found = true, .unchanged = true},
	{"add: the first value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",
		    "{\"ttl\":60,\"records\":[{\"value\":\"\\\"one\\\"\"}]}", 201,
		    "@hetzner/lego/hetznerv1/get_action_success.json"}}},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[{\"id\":\"_acme-challenge/"
		    "TXT\",\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":300,\"records\":[{"
		    "\"value\":\"\\\"one\\\"\",\"comment\":\"kept\"}]}]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",
		    "{\"records\":[{\"value\":\"\\\"two\\\"\"}]}", 201,
		    "@hetzner/lego/hetznerv1/get_action_success.json"}}},
	{"add: a CAA", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /zones/z1/rrsets?type=CAA&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/CAA/actions/add_records",
		    "{\"ttl\":60,\"records\":[{\"value\":\"0 issue \\\"ca.example\\\"\"}]}", 201,
		    "@hetzner/lego/hetznerv1/get_action_success.json"}}},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[{\"id\":\"_acme-challenge/"
		    "TXT\",\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":300,\"records\":[{"
		    "\"value\":\"\\\"one\\\"\",\"comment\":\"kept\"},{\"value\":\"\\\"two\\\"\","
		    "\"comment\":\"kept\"}]}]}"},
		   {"GET /zones/z1/rrsets?type=CAA&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"GET /zones/z1/rrsets?type=CNAME&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[{\"id\":\"_acme-challenge/"
		    "CNAME\",\"name\":\"_acme-challenge\",\"type\":\"CNAME\",\"ttl\":300,"
		    "\"records\":[{\"value\":\"else.example.net.\",\"comment\":\"kept\"}]}]}"},
		   {"GET /zones/z1/rrsets?type=NS&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"DELETE /zones/z1/rrsets/_acme-challenge/CNAME", NULL, 201,
		    "@hetzner/lego/hetznerv1/get_action_success.json"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/set_records",
		    "{\"records\":[{\"value\":\"\\\"new\\\"\"}]}", 201,
		    "@hetzner/lego/hetznerv1/get_action_success.json"}},
	 .replaced = "_acme-challenge.example.com. 300 TXT \"one\"|_acme-challenge.example.com. "
		     "300 TXT \"two\"|_acme-challenge.example.com. 300 CNAME else.example.net."},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET /zones/z1/rrsets?type=CNAME&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"GET /zones/z1/rrsets?type=CAA&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"GET /zones/z1/rrsets?type=NS&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"GET /zones/z1/rrsets?type=A&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[{\"id\":\"_acme-challenge/"
		    "A\",\"name\":\"_acme-challenge\",\"type\":\"A\",\"ttl\":300,\"records\":[{"
		    "\"value\":\"192.0.2.1\",\"comment\":\"kept\"}]}]}"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: another writer was faster", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",
		    "{\"ttl\":60,\"records\":[{\"value\":\"\\\"one\\\"\"}]}", 423,
		    "@hetzner/made/error-423.json 0"},
		   {"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[{\"id\":\"_acme-challenge/"
		    "TXT\",\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":300,\"records\":[{"
		    "\"value\":\"\\\"two\\\"\",\"comment\":\"kept\"}]}]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",
		    "{\"records\":[{\"value\":\"\\\"one\\\"\"}]}", 201,
		    "@hetzner/lego/hetznerv1/get_action_success.json"}}},
	{"add: to a set with the zone's TTL", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "two", .type = RR_TXT,
	 .steps = {{LOOK("TXT"), "{\"rrsets\":[{\"name\":\"_acme-challenge\",\"type\":\"TXT\","
				 "\"ttl\":null,\"records\":[{\"value\":\"\\\"one\\\"\"}]}]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",
		    "{\"records\":[{\"value\":\"\\\"two\\\"\"}]}", 201, SUCCESS}}},
	{"add: replace, while the zone is locked", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "new", .type = RR_TXT,
	 .mode = MODE_REPLACE,
	 .steps = {{LOOK("TXT"), NONE},
		   {LOOK("CAA"), NONE},
		   {LOOK("CNAME"), CNAME("else.example.net.")},
		   {LOOK("NS"), NONE},
		   {"DELETE /zones/z1/rrsets/_acme-challenge/CNAME", NULL, 201, RUNNING},
		   {"GET /zones/actions/7", NULL, 200, RUNNING},
		   {"GET /zones/actions/7", NULL, 200, RUNNING, .pause = 500},
		   {"GET /zones/actions/7", NULL, 200, SUCCESS, .pause = 500},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",
		    "{\"ttl\":60,\"records\":[{\"value\":\"\\\"new\\\"\"}]}", 201, SUCCESS}},
	 .replaced = "_acme-challenge.example.com. 300 CNAME else.example.net."},
	{"add: replace, whose removal failed", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "new", .type = RR_TXT,
	 .mode = MODE_REPLACE,
	 .steps = {{LOOK("TXT"), NONE},
		   {LOOK("CAA"), NONE},
		   {LOOK("CNAME"), CNAME("else.example.net.")},
		   {LOOK("NS"), NONE},
		   {"DELETE /zones/z1/rrsets/_acme-challenge/CNAME", NULL, 201, RUNNING},
		   {"GET /zones/actions/7", NULL, 200, FAILED}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "it failed",
	 .replaced = "_acme-challenge.example.com. 300 CNAME else.example.net."},
	{"add: a relative target is another", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "docs.example.com", .type = RR_CNAME,
	 .steps = {{LOOK("CNAME"), CNAME("docs.example.com")},
		   {"POST /zones/z1/rrsets/_acme-challenge/CNAME/actions/add_records",
		    "{\"records\":[{\"value\":\"docs.example.com.\"}]}", 201, SUCCESS}}},
	{"add: a relative target is ours", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "docs.example.com", .type = RR_CNAME,
	 .steps = {{LOOK("CNAME"), CNAME("docs")}}, .found = true, .unchanged = true},
	{"add: locked again and again", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{LOOK("TXT"), NONE},
		   {ONE, 423, LOCKED},
		   {LOOK("TXT"), NONE, .pause = 50},
		   {ONE, 423, LOCKED},
		   {LOOK("TXT"), NONE, .pause = 100},
		   {ONE, 423, LOCKED},
		   {LOOK("TXT"), NONE, .pause = 200},
		   {ONE, 201, SUCCESS}}},
	{"remove: refused, for it is gone", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{LOOK("TXT"), TXT},
		   {TAKE, 422, "{\"error\":{\"code\":\"invalid_input\"}}"},
		   {LOOK("TXT"), NONE}}},
	{"remove: refused", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{LOOK("TXT"), TXT},
		   {TAKE, 422, NO_ZONE},
		   {LOOK("TXT"), TXT},
		   {TAKE, 422, NO_ZONE}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "secondary"},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 404,
		    "{\"error\":{\"code\":\"not_found\",\"message\":\"zone not found\"}}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",
		    "{\"ttl\":60,\"records\":[{\"value\":\"\\\"one\\\"\"}]}", 422,
		    "@hetzner/lego/hetznerv1/error-invalid_input.json"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = ""},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/add_records",
		    "{\"ttl\":60,\"records\":[{\"value\":\"\\\"one\\\"\"}]}", 502, "<html>"},
		   {"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[{\"id\":\"_acme-challenge/"
		    "TXT\",\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":300,\"records\":[{"
		    "\"value\":\"\\\"one\\\"\",\"comment\":\"kept\"}]}]}"}}},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[{\"id\":\"_acme-challenge/"
		    "TXT\",\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":300,\"records\":[{"
		    "\"value\":\"\\\"two\\\"\",\"comment\":\"kept\"}]}]}"}},
	 .unchanged = true},
	{"remove: gone with its set", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[]}"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[{\"id\":\"_acme-challenge/"
		    "TXT\",\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":300,\"records\":[{"
		    "\"value\":\"\\\"one\\\"\",\"comment\":\"kept\"},{\"value\":\"\\\"two\\\"\","
		    "\"comment\":\"kept\"}]}]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/remove_records",
		    "{\"records\":[{\"value\":\"\\\"one\\\"\"}]}", 201,
		    "@hetzner/lego/hetznerv1/get_action_success.json"}},
	 .removed = true},
	{"remove: recorded", .provider = &provider_hetzner, .zone = "devcoop.de",
	 .zone_id = "53091", .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.deleterecordinset.devcoop.de", .value = "challengetoken1",
	 .type = RR_TXT,
	 .steps = {{"GET /zones/53091/rrsets?type=TXT&name=_acme-challenge.deleterecordinset", NULL,
		    200,
		    "@hetzner/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 8"},
		   {"POST "
		    "/zones/53091/rrsets/_acme-challenge.deleterecordinset/TXT/actions/"
		    "remove_records",
		    "{\"records\":[{\"value\":\"\\\"challengetoken1\\\"\"}]}", 201,
		    "@hetzner/lexicon/"
		    "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		    "leave_others_untouched.json 19"}},
	 .removed = true},
	{"remove: the last one", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /zones/z1/rrsets?type=TXT&name=_acme-challenge", NULL, 200,
		    "{\"rrsets\":[{\"id\":\"_acme-challenge/"
		    "TXT\",\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":300,\"records\":[{"
		    "\"value\":\"\\\"one\\\"\",\"comment\":\"kept\"}]}]}"},
		   {"POST /zones/z1/rrsets/_acme-challenge/TXT/actions/remove_records",
		    "{\"records\":[{\"value\":\"\\\"one\\\"\"}]}", 201,
		    "@hetzner/lego/hetznerv1/get_action_success.json"}},
	 .removed = true},
};

int main(void)
{
	return run_scripts("hetzner", scripts, ARRAY_LEN(scripts));
}
