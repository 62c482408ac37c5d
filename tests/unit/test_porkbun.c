/* SPDX-License-Identifier: ISC */
#include "exchange.h"

/* Answers that begin with '@' are recordings, or made in their shape where it says so (SOURCE); the rest is made in their shape. */
#define BASE .provider = &provider_porkbun, .zone = "example.com", .zone_id = "example.com"

static const struct script scripts[] = {
	{"zones: two pages", BASE, .kind = OP_ZONES,
	 .steps = {{"POST /domain/listAll", "{\"start\":\"0\"}", 200,
		    "@porkbun/made/full-page.json"},
		   {"POST /domain/listAll", "{\"start\":\"1000\"}", 200,
		    "{\"status\":\"SUCCESS\",\"domains\":[{\"domain\":\"a.example\",\"status\":"
		    "\"ACTIVE\"}]}"}},
	 .zones = "d7.example=d7.example a.example=a.example"},
	{"zones: wrong key", BASE, .kind = OP_ZONES,
	 .steps = {{"POST /domain/listAll", "{\"start\":\"0\"}", 400,
		    "{\"status\":\"ERROR\",\"message\":\"Invalid API key. (002)\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Invalid API key"},
	{"zones: slow down", BASE, .kind = OP_ZONES,
	 .steps = {{"POST /domain/listAll", "{\"start\":\"0\"}", 429, "", .retry_after = 4}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 4},
	{"zones: an error inside a 200", BASE, .kind = OP_ZONES,
	 .steps = {{"POST /domain/listAll", "{\"start\":\"0\"}", 200,
		    "{\"status\":\"ERROR\",\"message\":\"no luck\"}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "no luck"},
	{"zones: HTML from the front", BASE, .kind = OP_ZONES,
	 .steps = {{"POST /domain/listAll", "{\"start\":\"0\"}", 503, "<html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"find: none", BASE, .kind = OP_FIND_ZONE, .fqdn = "example.net",
	 .steps = {{"POST /domain/listAll", "{\"start\":\"0\"}", 200,
		    "{\"status\":\"SUCCESS\",\"domains\":[]}"}},
	 .error = CODE_ZONE_NOT_FOUND},
	{"add: recorded", .provider = &provider_porkbun, .zone = "example.xyz",
	 .zone_id = "example.xyz", .kind = OP_ADD, .fqdn = "_acme-challenge.noop.example.xyz",
	 .value = "challengetoken", .type = RR_TXT, .ttl = 3600,
	 .steps = {{"POST /dns/retrieve/example.xyz", NULL, 200,
		    "@porkbun/lexicon/"
		    "test_provider_when_calling_create_record_with_duplicate_records_should_be_"
		    "noop.json 2"},
		   {"POST /dns/create/example.xyz",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge.noop\",\"content\":"
		    "\"challengetoken\",\"ttl\":\"3600\"}",
		    200,
		    "@porkbun/lexicon/"
		    "test_provider_when_calling_create_record_with_duplicate_records_should_be_"
		    "noop.json 3"}},
	 .record_id = "432480916"},
	{"add: exists", .provider = &provider_porkbun, .zone = "example.xyz",
	 .zone_id = "example.xyz", .kind = OP_ADD, .fqdn = "_acme-challenge.noop.example.xyz",
	 .value = "challengetoken", .type = RR_TXT,
	 .steps = {{"POST /dns/retrieve/example.xyz", NULL, 200,
		    "@porkbun/lexicon/"
		    "test_provider_when_calling_create_record_with_duplicate_records_should_be_"
		    "noop.json 4"}},
	 .record_id = "432480916", .found = true, .unchanged = true},
	{"add: a second value", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "two", .type = RR_TXT,
	 .steps = {{"POST /dns/retrieve/example.com", NULL, 200,
		    "{\"status\":\"SUCCESS\",\"records\":[{\"id\":\"11\",\"name\":\"_acme-"
		    "challenge.example.com\",\"type\":\"TXT\",\"content\":\"one\",\"ttl\":\"300\","
		    "\"prio\":\"0\",\"notes\":null}]}"},
		   {"POST /dns/create/example.com",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"content\":\"two\",\"ttl\":"
		    "\"600\"}",
		    200, "{\"status\":\"SUCCESS\",\"id\":22}"}},
	 .record_id = "22"},
	{"add: replace", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "new", .type = RR_TXT, .mode = MODE_REPLACE,
	 .steps = {{"POST /dns/retrieve/example.com", NULL, 200,
		    "{\"status\":\"SUCCESS\",\"records\":[{\"id\":\"11\",\"name\":\"_acme-"
		    "challenge.example.com\",\"type\":\"TXT\",\"content\":\"one\",\"ttl\":\"300\","
		    "\"prio\":\"0\",\"notes\":null},{\"id\":\"12\",\"name\":\"_acme-challenge."
		    "example.com\",\"type\":\"CNAME\",\"content\":\"x.example\",\"ttl\":\"300\","
		    "\"prio\":\"0\",\"notes\":null}]}"},
		   {"POST /dns/delete/example.com/11", NULL, 200, "{\"status\":\"SUCCESS\"}"},
		   {"POST /dns/delete/example.com/12", NULL, 400,
		    "{\"status\":\"ERROR\",\"message\":\"Invalid record ID.\"}"},
		   {"POST /dns/create/example.com",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"content\":\"new\",\"ttl\":"
		    "\"600\"}",
		    200, "{\"status\":\"SUCCESS\",\"id\":33}"}},
	 .record_id = "33",
	 .replaced = "_acme-challenge.example.com. 300 TXT one|_acme-challenge.example.com. 300 "
		     "CNAME x.example"},
	{"add: zone missing", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"POST /dns/retrieve/example.com", NULL, 400,
		    "{\"status\":\"ERROR\",\"message\":\"Invalid domain.\"}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: not opted in", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps =
		 {{"POST /dns/retrieve/example.com", NULL, 400,
		   "{\"status\":\"ERROR\",\"message\":\"Domain is not opted in to API access.\"}"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "opted in", .unchanged = true},
	{"add: refused", BASE, .kind = OP_ADD, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT,
	 .steps = {{"POST /dns/retrieve/example.com", NULL, 200,
		    "{\"status\":\"SUCCESS\",\"records\":[]}"},
		   {"POST /dns/create/example.com",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"content\":\"one\",\"ttl\":"
		    "\"600\"}",
		    400, "{\"status\":\"ERROR\",\"message\":\"TTL is bad\"}"}},
	 .error = CODE_PROVIDER_REJECTED, .detail = "TTL is bad"},
	{"add: made though the answer was an error", BASE, .kind = OP_ADD,
	 .fqdn = "_acme-challenge.example.com", .value = "one", .type = RR_TXT,
	 .steps = {{"POST /dns/retrieve/example.com", NULL, 200,
		    "{\"status\":\"SUCCESS\",\"records\":[]}"},
		   {"POST /dns/create/example.com",
		    "{\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"content\":\"one\",\"ttl\":"
		    "\"600\"}",
		    503, "<html>"},
		   {"POST /dns/retrieve/example.com", NULL, 200,
		    "{\"status\":\"SUCCESS\",\"records\":[{\"id\":\"11\",\"name\":\"_acme-"
		    "challenge.example.com\",\"type\":\"TXT\",\"content\":\"one\",\"ttl\":\"300\","
		    "\"prio\":\"0\",\"notes\":null}]}"}},
	 .record_id = "11"},
	{"remove: recorded", .provider = &provider_porkbun, .zone = "example.xyz",
	 .zone_id = "example.xyz", .kind = OP_REMOVE, .fqdn = "delete.testid.example.xyz",
	 .value = "challengetoken", .type = RR_TXT, .wanted_id = "432480966",
	 .steps = {{"POST /dns/retrieve/example.xyz", NULL, 200,
		    "@porkbun/lexicon/"
		    "test_provider_when_calling_delete_record_by_identifier_should_remove_record."
		    "json 4"},
		   {"POST /dns/delete/example.xyz/432480966", NULL, 200,
		    "@porkbun/lexicon/"
		    "test_provider_when_calling_delete_record_by_identifier_should_remove_record."
		    "json 5"}},
	 .removed = true},
	{"remove: gone", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"POST /dns/retrieve/example.com", NULL, 200,
		    "{\"status\":\"SUCCESS\",\"records\":[{\"id\":\"12\",\"name\":\"_acme-"
		    "challenge.example.com\",\"type\":\"TXT\",\"content\":\"two\",\"ttl\":\"300\","
		    "\"prio\":\"0\",\"notes\":null}]}"}},
	 .unchanged = true},
	{"remove: one of two", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"POST /dns/retrieve/example.com", NULL, 200,
		    "{\"status\":\"SUCCESS\",\"records\":[{\"id\":\"11\",\"name\":\"_acme-"
		    "challenge.example.com\",\"type\":\"TXT\",\"content\":\"one\",\"ttl\":\"300\","
		    "\"prio\":\"0\",\"notes\":null},{\"id\":\"12\",\"name\":\"_acme-challenge."
		    "example.com\",\"type\":\"TXT\",\"content\":\"two\",\"ttl\":\"300\",\"prio\":"
		    "\"0\",\"notes\":null}]}"},
		   {"POST /dns/delete/example.com/11", NULL, 200, "{\"status\":\"SUCCESS\"}"}},
	 .removed = true},
	{"remove: gone meanwhile", BASE, .kind = OP_REMOVE, .fqdn = "_acme-challenge.example.com",
	 .value = "one", .type = RR_TXT, .wanted_id = "11",
	 .steps = {{"POST /dns/retrieve/example.com", NULL, 200,
		    "{\"status\":\"SUCCESS\",\"records\":[{\"id\":\"11\",\"name\":\"_acme-"
		    "challenge.example.com\",\"type\":\"TXT\",\"content\":\"one\",\"ttl\":\"300\","
		    "\"prio\":\"0\",\"notes\":null}]}"},
		   {"POST /dns/delete/example.com/11", NULL, 400,
		    "{\"status\":\"ERROR\",\"message\":\"Invalid record ID.\"}"}}},
};

int main(void)
{
	return run_scripts("porkbun", scripts, ARRAY_LEN(scripts));
}
