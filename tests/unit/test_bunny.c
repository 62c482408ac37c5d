/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_bunny, .zone = "example.com", .zone_id = "z1"

static const struct script scripts[] = {
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dnszone?page=1&perPage=1000", NULL, 200,
		    "{\"Items\":[{\"Id\":7,\"Domain\":\"a.example\",\"Records\":[]}],"
		    "\"CurrentPage\":1,\"HasMoreItems\":true}"},
		   {"GET /dnszone?page=2&perPage=1000", NULL, 200,
		    "{\"Items\":[{\"Id\":8,\"Domain\":\"b.example\",\"Records\":[]}],"
		    "\"CurrentPage\":2,\"HasMoreItems\":false}"}},
	 .zones = "a.example=7 b.example=8"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dnszone?page=1&perPage=1000", NULL, 401, ""}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "HTTP 401"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dnszone?page=1&perPage=1000", NULL, 429, "{\"Message\":\"slow\"}",
		    .retry_after = 3}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 3},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dnszone?page=1&perPage=1000", NULL, 200,
		    "{\"ErrorKey\":\"x\",\"Message\":\"oops\"}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES,
	 .steps = {{"GET /dnszone?page=1&perPage=1000", NULL, 200, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET /dnszone?page=1&perPage=1000", NULL, 200,
		    "{\"Items\":[],\"HasMoreItems\":false}"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":11,\"Type\":3,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":300,\"Flags\":0,"
		    "\"Tag\":\"issue\"}]}"}},
	 .record_id = "11", .found = true, .unchanged = true},
	{"add: the first value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[]}"},
		   {"PUT /dnszone/z1/records",
		    "{\"Type\":3,\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":60}", 201,
		    "{\"Id\":11}"}},
	 .record_id = "11"},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":11,\"Type\":3,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":300,\"Flags\":0,"
		    "\"Tag\":\"issue\"}]}"},
		   {"PUT /dnszone/z1/records",
		    "{\"Type\":3,\"Name\":\"_acme-challenge\",\"Value\":\"two\",\"Ttl\":60}", 201,
		    "{\"Id\":22}"}},
	 .record_id = "22"},
	{"add: a CAA", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[]}"},
		   {"PUT /dnszone/z1/records",
		    "{\"Type\":9,\"Name\":\"_acme-challenge\",\"Flags\":0,\"Tag\":\"issue\","
		    "\"Value\":\"ca.example\",\"Ttl\":60}",
		    201, "{\"Id\":33}"}},
	 .record_id = "33"},
	{"add: a CAA exists", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":33,\"Type\":9,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"ca.example\",\"Ttl\":300,\"Flags\":0,"
		    "\"Tag\":\"issue\"}]}"}},
	 .record_id = "33", .found = true, .unchanged = true},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":11,\"Type\":3,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":300,\"Flags\":0,"
		    "\"Tag\":\"issue\"},{\"Id\":22,\"Type\":3,\"Name\":\"_acme-challenge\","
		    "\"Value\":\"two\",\"Ttl\":300,\"Flags\":0,\"Tag\":\"issue\"},{\"Id\":44,"
		    "\"Type\":0,\"Name\":\"_acme-challenge\",\"Value\":\"192.0.2.1\",\"Ttl\":300,"
		    "\"Flags\":0,\"Tag\":\"issue\"}]}"},
		   {"DELETE /dnszone/z1/records/11", NULL, 204, ""},
		   {"DELETE /dnszone/z1/records/22", NULL, 404, ""},
		   {"PUT /dnszone/z1/records",
		    "{\"Type\":3,\"Name\":\"_acme-challenge\",\"Value\":\"new\",\"Ttl\":60}", 201,
		    "{\"Id\":55}"}},
	 .record_id = "55",
	 .replaced = "_acme-challenge.example.com. 300 TXT one|_acme-challenge.example.com. 300 "
		     "TXT two"},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":44,\"Type\":0,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"192.0.2.1\",\"Ttl\":300,\"Flags\":0,"
		    "\"Tag\":\"issue\"}]}"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: a CNAME", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "target.example.net", .type = RR_CNAME, .mode = MODE_REPLACE,
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[]}"},
		   {"PUT /dnszone/z1/records",
		    "{\"Type\":2,\"Name\":\"_acme-challenge\",\"Value\":\"target.example.net\","
		    "\"Ttl\":60}",
		    201, "{\"Id\":66}"}},
	 .record_id = "66"},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /dnszone/z1", NULL, 404,
		    "{\"ErrorKey\":\"dnszone.zone.not_found\",\"Message\":\"gone\"}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[]}"},
		   {"PUT /dnszone/z1/records",
		    "{\"Type\":3,\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":60}", 400,
		    "{\"ErrorKey\":\"validation_error\",\"Message\":\"TTL is bad\"}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "TTL is bad"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[]}"},
		   {"PUT /dnszone/z1/records",
		    "{\"Type\":3,\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":60}", 502,
		    "<html>"},
		   {"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":11,\"Type\":3,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":300,\"Flags\":0,"
		    "\"Tag\":\"issue\"}]}"}},
	 .record_id = "11"},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":22,\"Type\":3,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"two\",\"Ttl\":300,\"Flags\":0,"
		    "\"Tag\":\"issue\"}]}"}},
	 .unchanged = true},
	{"remove: the value", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":11,\"Type\":3,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":300}]}"},
		   {"DELETE /dnszone/z1/records/11", NULL, 204, ""}},
	 .removed = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":11,\"Type\":3,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":300,\"Flags\":0,"
		    "\"Tag\":\"issue\"},{\"Id\":22,\"Type\":3,\"Name\":\"_acme-challenge\","
		    "\"Value\":\"two\",\"Ttl\":300,\"Flags\":0,\"Tag\":\"issue\"}]}"},
		   {"DELETE /dnszone/z1/records/11", NULL, 204, ""}},
	 .removed = true},
	{"remove: the value is another's record now", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":99,\"Type\":3,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":300,\"Flags\":0,"
		    "\"Tag\":\"issue\"}]}"}},
	 .unchanged = true},
	{"remove: gone meanwhile", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"GET /dnszone/z1", NULL, 200,
		    "{\"Id\":1,\"Domain\":\"example.com\",\"Records\":[{\"Id\":11,\"Type\":3,"
		    "\"Name\":\"_acme-challenge\",\"Value\":\"one\",\"Ttl\":300,\"Flags\":0,"
		    "\"Tag\":\"issue\"}]}"},
		   {"DELETE /dnszone/z1/records/11", NULL, 404, ""}}},
};

int main(void)
{
	return run_scripts("bunny", scripts, ARRAY_LEN(scripts));
}
