/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE                                                                                       \
	.provider = &provider_azuredns, .zone = "example.com", .zone_id = "rg/example.com",        \
	.fields = {"subscription_id", "S1"}

static const struct script scripts[] = {
	{"zones: recorded", BASE, .kind = OP_ZONES,
	 .steps = {{"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01",
		    NULL, 200,
		    "@azuredns/lexicon/"
		    "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		    "set.json 1"}},
	 .zones = "full4ir.tk=dns-test/full4ir.tk"},
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01",
		    NULL, 200,
		    "{\"value\":[{\"id\":\"/subscriptions/S1/resourceGroups/RG-1/providers/"
		    "Microsoft.Network/dnszones/"
		    "a.example\",\"name\":\"a.example\",\"properties\":{\"zoneType\":\"Public\"}},{"
		    "\"id\":\"/subscriptions/S1/resourceGroups/r/providers/Microsoft.Network/"
		    "dnszones/"
		    "b.example\",\"name\":\"b.example\",\"properties\":{\"zoneType\":\"Private\"}}]"
		    ",\"nextLink\":\"https://evil.example/"
		    "x?api-version=2018-05-01&$skiptoken=abc%3D\"}"},
		   {"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/"
		    "dnsZones?api-version=2018-05-01&%24skipToken=abc%3D",
		    NULL, 200,
		    "{\"value\":[{\"id\":\"/subscriptions/S1/resourceGroups/r2/providers/"
		    "Microsoft.Network/dnszones/c.example\",\"name\":\"c.example\"}]}"}},
	 .zones = "a.example=RG-1/a.example c.example=r2/c.example"},
	{"zones: of trust by name, only those with the tag", .provider = &provider_azuredns,
	 .fields = {"subscription_id", "S1", "external_id", "e1"}, .kind = OP_ZONES,
	 .steps = {{"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01",
		    NULL, 200,
		    "{\"value\":[{\"id\":\"/subscriptions/S1/resourceGroups/r/"
		    "x\",\"name\":\"a.example\",\"tags\":{\"postern\":\"e2\"}},"
		    "{\"id\":\"/subscriptions/S1/resourceGroups/r/"
		    "x\",\"name\":\"b.example\",\"tags\":{\"postern\":\"e1\"}},"
		    "{\"id\":\"/subscriptions/S1/resourceGroups/r/x\",\"name\":\"c.example\"}]}"}},
	 .zones = "b.example=r/b.example"},
	{"zones: of trust by name, none with the tag", .provider = &provider_azuredns,
	 .fields = {"subscription_id", "S1", "external_id", "e1"}, .kind = OP_ZONES,
	 .steps = {{"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01",
		    NULL, 200,
		    "{\"value\":[{\"id\":\"/subscriptions/S1/resourceGroups/r/"
		    "x\",\"name\":\"a.example\",\"tags\":{\"postern\":\"e2\"}}]}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "no zone"},
	{"zones: an id that is none", BASE, .kind = OP_ZONES,
	 .steps = {{"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01",
		    NULL, 200, "{\"value\":[{\"id\":\"/a/b\",\"name\":\"a.example\"}]}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01",
		    NULL, 401,
		    "{\"error\":{\"code\":\"InvalidAuthenticationToken\",\"message\":\"The access "
		    "token is invalid.\"}}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "access token"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01",
		    NULL, 429, "@azuredns/made/error-429.json 0", .retry_after = 7}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 7},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01",
		    NULL, 200, "{\"error\":{\"code\":\"x\",\"message\":\"oops\"}}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: not JSON", BASE, .kind = OP_ZONES,
	 .steps = {{"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01",
		    NULL, 200, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"GET "
		    "/subscriptions/S1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01",
		    NULL, 200, "{\"value\":[]}"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_azuredns, .zone = "full4ir.tk",
	 .zone_id = "dns-test/full4ir.tk", .fields = {"subscription_id", "S1"}, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.createrecordset.full4ir.tk", .value = "challengetoken1",
	 .type = RR_TXT, .ttl = 3600,
	 .steps =
		 {{"GET "
		   "/subscriptions/S1/resourceGroups/dns-test/providers/Microsoft.Network/dnsZones/"
		   "full4ir.tk/TXT/_acme-challenge.createrecordset?api-version=2018-05-01",
		   NULL, 404, "@azuredns/made/error-404-set.json 0"},
		  {"PUT "
		   "/subscriptions/S1/resourceGroups/dns-test/providers/Microsoft.Network/dnsZones/"
		   "full4ir.tk/TXT/_acme-challenge.createrecordset?api-version=2018-05-01 "
		   "[If-None-Match: *]",
		   "{\"properties\":{\"TTL\":3600,\"TXTRecords\":[{\"value\":[\"challengetoken1\"]}"
		   "]}}",
		   201,
		   "@azuredns/lexicon/"
		   "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		   "set.json 3"}}},
	{"add: a second value, recorded", .provider = &provider_azuredns, .zone = "full4ir.tk",
	 .zone_id = "dns-test/full4ir.tk", .fields = {"subscription_id", "S1"}, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.createrecordset.full4ir.tk", .value = "challengetoken2",
	 .type = RR_TXT,
	 .steps =
		 {{"GET "
		   "/subscriptions/S1/resourceGroups/dns-test/providers/Microsoft.Network/dnsZones/"
		   "full4ir.tk/TXT/_acme-challenge.createrecordset?api-version=2018-05-01",
		   NULL, 200,
		   "@azuredns/lexicon/"
		   "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		   "set.json 3"},
		  {"PUT "
		   "/subscriptions/S1/resourceGroups/dns-test/providers/Microsoft.Network/dnsZones/"
		   "full4ir.tk/TXT/_acme-challenge.createrecordset?api-version=2018-05-01 "
		   "[If-Match: 1873c626-bfa2-4b66-afcc-b7007c675883]",
		   "{\"properties\":{\"TTL\":3600,\"TXTRecords\":[{\"value\":[\"challengetoken1\"]}"
		   ",{\"value\":[\"challengetoken2\"]}]}}",
		   200,
		   "@azuredns/lexicon/"
		   "test_provider_when_calling_create_record_multiple_times_should_create_record_"
		   "set.json 5"}}},
	{"add: metadata and a value in parts stay", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"etag\":\"e\",\"properties\":{\"TTL\":9,\"txtrecords\":[{\"value\":[\"a\","
		    "\"b\"]}],\"metadata\":{\"k\":\"v\"}}}"},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-Match: e]",
		    "{\"properties\":{\"TTL\":9,\"TXTRecords\":[{\"value\":[\"a\",\"b\"]},{"
		    "\"value\":[\"one\"]}],\"metadata\":{\"k\":\"v\"}}}",
		    200, "{\"properties\":{}}"}}},
	{"add: exists, in parts", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"etag\":\"e\",\"properties\":{\"TTL\":9,\"TXTRecords\":[{\"value\":[\"o\","
		    "\"ne\"]}]}}"}},
	 .found = true, .unchanged = true},
	{"add: a long value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	 .type = RR_TXT,
	 .steps =
		 {{"GET "
		   "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		   "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		   NULL, 404, "{\"code\":\"NotFound\",\"message\":\"no\"}"},
		  {"PUT "
		   "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		   "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-None-Match: *]",
		   "{\"properties\":{\"TTL\":60,\"TXTRecords\":[{\"value\":["
		   "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		   "xxxxxxxxxxxxxxxxxxxx\",\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]}]}}",
		   201, "{\"properties\":{}}"}}},
	{"add: an alias", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"etag\":\"e\",\"properties\":{\"TTL\":9,\"TXTRecords\":[],"
		    "\"targetResource\":{\"id\":\"/x\"}}}"}},
	 .error = CODE_CONFLICT, .detail = "alias", .unchanged = true},
	{"add: not allowed (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "{\"code\":\"NotFound\",\"message\":\"no\"}"},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-None-Match: *]",
		    "{\"properties\":{\"TTL\":60,\"TXTRecords\":[{\"value\":[\"one\"]}]}}", 403,
		    "@azuredns/made/error-403.json 0"}},
	 .error = CODE_PROVIDER_AUTH_FAILED},
	{"add: exists (made)", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"one\"]}],\"provisioningState\":"
		    "\"Succeeded\"}}"}},
	 .found = true, .unchanged = true},
	{"add: the first value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-None-Match: *]",
		    "{\"properties\":{\"TTL\":60,\"TXTRecords\":[{\"value\":[\"one\"]}]}}", 201,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":60,\"TXTRecords\":[{\"value\":[\"one\"]}],\"provisioningState\":"
		    "\"Succeeded\"}}"}}},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"one\"]}],\"provisioningState\":"
		    "\"Succeeded\"}}"},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-Match: e-1]",
		    "{\"properties\":{\"TTL\":300,\"TXTRecords\":[{\"value\":[\"one\"]},{\"value\":"
		    "[\"two\"]}]}}",
		    200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-2\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"one\"]},{\"value\":[\"two\"]}],"
		    "\"provisioningState\":\"Succeeded\"}}"}}},
	{"add: a CAA", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "0 issue \"ca.example\"", .type = RR_CAA,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/CAA/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/CAA/_acme-challenge?api-version=2018-05-01 [If-None-Match: *]",
		    "{\"properties\":{\"TTL\":60,\"caaRecords\":[{\"flags\":0,\"tag\":\"issue\","
		    "\"value\":\"ca.example\"}]}}",
		    201,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":60,\"caaRecords\":[{\"flags\":0,\"tag\":\"issue\",\"value\":\"ca."
		    "example\"}],\"provisioningState\":\"Succeeded\"}}"}}},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-2\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"one\"]},{\"value\":[\"two\"]}],"
		    "\"provisioningState\":\"Succeeded\"}}"},
		   {"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/CAA/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/CNAME/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":300,\"CNAMERecord\":{\"cname\":\"else.example.net.\"},"
		    "\"provisioningState\":\"Succeeded\"}}"},
		   {"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/NS/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"DELETE "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/CNAME/_acme-challenge?api-version=2018-05-01 [If-Match: e-1]",
		    NULL, 200, ""},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-Match: e-2]",
		    "{\"properties\":{\"TTL\":300,\"TXTRecords\":[{\"value\":[\"new\"]}]}}", 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"new\"]}],\"provisioningState\":"
		    "\"Succeeded\"}}"}},
	 .replaced = "_acme-challenge.example.com. 300 TXT one|_acme-challenge.example.com. 300 "
		     "TXT two|_acme-challenge.example.com. 300 CNAME else.example.net."},
	{"add: a CNAME where an A stands", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "target.example.net", .type = RR_CNAME,
	 .mode = MODE_REPLACE,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/CNAME/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/CAA/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/NS/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/A/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":300,\"ARecords\":[{\"ipv4Address\":\"192.0.2.1\"}],"
		    "\"provisioningState\":\"Succeeded\"}}"}},
	 .error = CODE_CONFLICT, .unchanged = true},
	{"add: another writer was faster", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-None-Match: *]",
		    "{\"properties\":{\"TTL\":60,\"TXTRecords\":[{\"value\":[\"one\"]}]}}", 412,
		    "@azuredns/made/error-412.json 0"},
		   {"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"two\"]}],\"provisioningState\":"
		    "\"Succeeded\"}}"},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-Match: e-1]",
		    "{\"properties\":{\"TTL\":300,\"TXTRecords\":[{\"value\":[\"two\"]},{\"value\":"
		    "[\"one\"]}]}}",
		    200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-2\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"two\"]},{\"value\":[\"one\"]}],"
		    "\"provisioningState\":\"Succeeded\"}}"}}},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 404,
		    "{\"error\":{\"code\":\"ParentResourceNotFound\",\"message\":\"zone gone\"}}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-None-Match: *]",
		    "{\"properties\":{\"TTL\":60,\"TXTRecords\":[{\"value\":[\"one\"]}]}}", 400,
		    "{\"code\":\"BadRequest\",\"message\":\"The domain name is bad\"}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "The domain name is bad"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-None-Match: *]",
		    "{\"properties\":{\"TTL\":60,\"TXTRecords\":[{\"value\":[\"one\"]}]}}", 502,
		    "<html>"},
		   {"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"one\"]}],\"provisioningState\":"
		    "\"Succeeded\"}}"}}},
	{"remove: recorded", .provider = &provider_azuredns, .zone = "full4ir.tk",
	 .zone_id = "dns-test/full4ir.tk", .fields = {"subscription_id", "S1"}, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.deleterecordinset.full4ir.tk", .value = "challengetoken1",
	 .type = RR_TXT,
	 .steps =
		 {{"GET "
		   "/subscriptions/S1/resourceGroups/dns-test/providers/Microsoft.Network/dnsZones/"
		   "full4ir.tk/TXT/_acme-challenge.deleterecordinset?api-version=2018-05-01",
		   NULL, 200,
		   "@azuredns/lexicon/"
		   "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		   "leave_others_untouched.json 5"},
		  {"PUT "
		   "/subscriptions/S1/resourceGroups/dns-test/providers/Microsoft.Network/dnsZones/"
		   "full4ir.tk/TXT/_acme-challenge.deleterecordinset?api-version=2018-05-01 "
		   "[If-Match: 8dd01c0b-48ba-4172-8ad5-873ce8f0a1fb]",
		   "{\"properties\":{\"TTL\":3600,\"TXTRecords\":[{\"value\":[\"challengetoken2\"]}"
		   "]}}",
		   200,
		   "@azuredns/lexicon/"
		   "test_provider_when_calling_delete_record_with_record_set_by_content_should_"
		   "leave_others_untouched.json 7"}},
	 .removed = true},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"two\"]}],\"provisioningState\":"
		    "\"Succeeded\"}}"}},
	 .unchanged = true},
	{"remove: gone with its set", BASE, .kind = OP_REMOVE,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 404, "@azuredns/made/error-404-set.json 0"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-2\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"one\"]},{\"value\":[\"two\"]}],"
		    "\"provisioningState\":\"Succeeded\"}}"},
		   {"PUT "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-Match: e-2]",
		    "{\"properties\":{\"TTL\":300,\"TXTRecords\":[{\"value\":[\"two\"]}]}}", 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"two\"]}],\"provisioningState\":"
		    "\"Succeeded\"}}"}},
	 .removed = true},
	{"remove: the last one", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"GET "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01",
		    NULL, 200,
		    "{\"id\":\"x\",\"name\":\"_acme-challenge\",\"etag\":\"e-1\",\"properties\":{"
		    "\"TTL\":300,\"TXTRecords\":[{\"value\":[\"one\"]}],\"provisioningState\":"
		    "\"Succeeded\"}}"},
		   {"DELETE "
		    "/subscriptions/S1/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
		    "example.com/TXT/_acme-challenge?api-version=2018-05-01 [If-Match: e-1]",
		    NULL, 200, ""}},
	 .removed = true},
};

static void test_login(void **state)
{
	static const char *const list[] = {"client_id", "c1", "client_secret", "s&1", "environment",
					   "china",	NULL};
	struct buf c = BUF_INIT(1000), body = BUF_INIT(1000);
	struct login_input in = {0};

	assert_int_equal(provider_azuredns.login->build(&in, &body), SIGN_E_FIELD);
	for (size_t i = 0; list[i]; i++)
		plist_put(&c, bytes_str(list[i]));
	in.credentials = buf_bytes(&c);
	buf_reset(&body);
	assert_int_equal(provider_azuredns.login->build(&in, &body), 0);
	assert_true(bytes_is(buf_bytes(&body),
			     "grant_type=client_credentials&client_id=c1&client_secret=s%261&scope="
			     "https%3A%2F%2Fmanagement.chinacloudapi.cn%2F.default"));
	in.gateway = in.credentials;
	in.credentials = bytes_of(NULL, 0);
	assert_int_equal(provider_azuredns.assume->build(&in, &body), SIGN_E_FIELD);
	buf_done(&c);
	buf_done(&body);
}

/* The customer's directory, the gateway's own application. */
static void test_assume(void **state)
{
	static const char *const theirs[] = {"tenant_id", "t1", "environment", "public", NULL};
	static const char *const own[] = {"client_id", "g1", "client_secret", "gs", NULL};
	struct buf c = BUF_INIT(1000), g = BUF_INIT(1000), body = BUF_INIT(1000);
	struct login_input in;

	for (size_t i = 0; theirs[i]; i++)
		plist_put(&c, bytes_str(theirs[i]));
	for (size_t i = 0; own[i]; i++)
		plist_put(&g, bytes_str(own[i]));
	in = (struct login_input){.credentials = buf_bytes(&c), .gateway = buf_bytes(&g)};
	assert_int_equal(provider_azuredns.assume->build(&in, &body), 0);
	assert_true(bytes_is(buf_bytes(&body),
			     "grant_type=client_credentials&client_id=g1&client_secret=gs&scope="
			     "https%3A%2F%2Fmanagement.azure.com%2F.default"));
	buf_done(&c);
	buf_done(&g);
	buf_done(&body);
}

static void test_instructions(void **state)
{
	struct buf g = BUF_INIT(1000), out = BUF_INIT(8192);
	struct bytes text;

	assert_int_equal(provider_azuredns.delegated->instructions(BYTES(""), BYTES("e1"), &out),
			 SIGN_E_FIELD);
	buf_reset(&out);
	plist_put(&g, BYTES("client_id"));
	plist_put(&g, BYTES("g1"));
	assert_int_equal(
		provider_azuredns.delegated->instructions(buf_bytes(&g), BYTES("e1"), &out), 0);
	assert_true(plist_get(buf_bytes(&out), "commands", &text));
	assert_true(bytes_find(text, BYTES("tags.postern=e1")) < text.n);
	assert_true(bytes_find(text, BYTES("az ad sp create --id g1 ")) < text.n);
	buf_done(&g);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_login),
					   cmocka_unit_test(test_assume),
					   cmocka_unit_test(test_instructions)};

	return run_scripts_and("azuredns", scripts, ARRAY_LEN(scripts), tests, ARRAY_LEN(tests));
}
