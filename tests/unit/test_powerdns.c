/* SPDX-License-Identifier: ISC */
#include "exchange.h"

#define POWERDNS                                                                                   \
	.provider = &provider_powerdns,                                                            \
	.fields = {"url", "https://dns.example", "server_id", "localhost"}
#define RECORD(kind_, type_, value_)                                                               \
	POWERDNS, .kind = kind_, .fqdn = "_acme-challenge.example.org", .zone = "example.org",     \
		  .zone_id = "example.org.", .type = type_, .value = value_
#define ADD(type_, value_)     RECORD(OP_ADD, type_, value_)
#define REPLACE(type_, value_) RECORD(OP_ADD, type_, value_), .mode = MODE_REPLACE
#define REMOVE(type_, value_)  RECORD(OP_REMOVE, type_, value_)

#define ZONE "/servers/localhost/zones/example.org."
#define LOOK "GET " ZONE "?rrset_name=_acme-challenge.example.org.&rrset_type=TXT"
#define CHANGE(type, change)                                                                       \
	"{\"rrsets\":[{\"name\":\"_acme-challenge.example.org.\",\"type\":\"" type                 \
	"\",\"changetype\":\"" change "\",\"ttl\":60,\"records\":["
#define ONE "{\"content\":\"\\\"one\\\"\",\"disabled\":false}"
#define TWO "{\"content\":\"\\\"two\\\"\",\"disabled\":false}"
#define SETS(records)                                                                              \
	"{\"rrsets\":[{\"name\":\"_acme-challenge.example.org.\",\"type\":\"TXT\",\"ttl\":60,"     \
	"\"records\":[" records "]}]}"
#define NONE	       "{\"rrsets\":[]}"
#define OLD_SERVER     422, "{\"error\":\"Changetype not understood\"}"
#define EXTEND(record) "PATCH " ZONE, CHANGE("TXT", "EXTEND") record "]}]}"
#define PRUNE(record)  "PATCH " ZONE, CHANGE("TXT", "PRUNE") record "]}]}"
#define PUT(records)   "PATCH " ZONE, CHANGE("TXT", "REPLACE") records "]}]}"
#define WHOLE	       "GET " ZONE, NULL

/*
 * Those with a file are recordings of a real server; the others are made by hand, in their shape.
 */
static const struct script scripts[] = {
	{"zones: recorded", POWERDNS, .kind = OP_ZONES, .file = "powerdns/zones.json",
	 .zones = "example.org=example.org. sub.example.org=sub.example.org."},
	{"zones: only those that can be written", POWERDNS, .kind = OP_ZONES,
	 .steps = {{"GET /servers/localhost/zones?dnssec=false", NULL, 200,
		    "[{\"id\":\"a.example.\",\"name\":\"a.example.\",\"kind\":\"Slave\"},"
		    "{\"id\":\"b.example.\",\"name\":\"b.example.\",\"kind\":\"Master\"},"
		    "{\"id\":\"c.example.\",\"name\":\"c.example.\",\"kind\":\"Secondary\"},"
		    "{\"id\":\"d.example.\",\"name\":\"d.example.\",\"kind\":\"Primary\"},"
		    "{\"id\":\"0=2F25.2.0.192.in-addr.arpa.\",\"name\":"
		    "\"0/25.2.0.192.in-addr.arpa.\",\"kind\":\"Native\"}]"}},
	 .zones = "b.example=b.example. d.example=d.example."},
	{"zones: an error inside a 200", POWERDNS, .kind = OP_ZONES,
	 .steps = {{"GET /servers/localhost/zones?dnssec=false", NULL, 200,
		    "{\"error\":\"the proxy could not\"}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE},
	{"zones: slow down", POWERDNS, .kind = OP_ZONES,
	 .steps = {{"GET /servers/localhost/zones?dnssec=false", NULL, 429, "slow",
		    .retry_after = 7}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 7},
	{"find: by name, upwards", POWERDNS, .kind = OP_FIND_ZONE,
	 .fqdn = "_acme-challenge.www.example.org", .file = "powerdns/find.json",
	 .zones = "example.org=example.org."},
	{"find: none", POWERDNS, .kind = OP_FIND_ZONE, .fqdn = "a.example.net",
	 .file = "powerdns/find-none.json", .error = CODE_ZONE_NOT_FOUND},
	{"zones: wrong key", POWERDNS, .kind = OP_ZONES, .file = "powerdns/auth-failed.json",
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "Unauthorized"},
	{"zones: wrong key, in plain text", POWERDNS, .kind = OP_ZONES,
	 .steps = {{"GET /servers/localhost/zones?dnssec=false", NULL, 401, "Unauthorized"}},
	 .error = CODE_PROVIDER_AUTH_FAILED, .detail = "HTTP 401"},
	{"add: zone missing", POWERDNS, .kind = OP_ADD, .fqdn = "_acme-challenge.gone.example",
	 .zone = "gone.example", .zone_id = "gone.example.", .type = RR_TXT, .value = "one",
	 .file = "powerdns/zone-missing.json", .error = CODE_ZONE_NOT_FOUND, .unchanged = true},
	{"add: zone missing, older", ADD(RR_TXT, "one"),
	 .steps = {{LOOK, NULL, 422, "{\"error\":\"Could not find domain 'example.org.'\"}"}},
	 .error = CODE_ZONE_NOT_FOUND, .unchanged = true},

	{"add: recorded", ADD(RR_TXT, "one"), .file = "powerdns/add.json"},
	{"add: exists", ADD(RR_TXT, "one"), .file = "powerdns/add-exists.json", .found = true,
	 .unchanged = true},
	{"add: a second value", ADD(RR_TXT, "two"), .file = "powerdns/add-second.json"},
	{"add: there, but disabled", ADD(RR_TXT, "one"), .file = "powerdns/add-disabled.json",
	 .error = CODE_CONFLICT, .detail = "disabled"},
	{"add: refused", ADD(RR_TXT, "one"), .file = "powerdns/add-beside-cname.json",
	 .error = CODE_PROVIDER_REJECTED, .detail = "Conflicts"},
	{"add: CAA", ADD(RR_CAA, "0 issue \"ca.example\""), .file = "powerdns/add-caa.json"},
	{"add: over 255 bytes",
	 ADD(RR_TXT, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
	 .file = "powerdns/add-long.json"},
	{"add: quotes, backslashes, UTF-8", ADD(RR_TXT, "a\"b\\c;\xc3\xa9"),
	 .file = "powerdns/add-escapes.json"},
	{"add: a new server", ADD(RR_TXT, "two"), .ttl = 300,
	 .steps = {{LOOK, NULL, 200, SETS(ONE)}, {EXTEND(TWO), 204, ""}}},
	{"add: a locked database, twice", ADD(RR_TXT, "one"),
	 .steps = {{LOOK, NULL, 200, NONE},
		   {EXTEND(ONE), 500, "{\"error\":\"database is locked\"}"},
		   {LOOK, NULL, 200, NONE},
		   {EXTEND(ONE), 500, "{\"error\":\"database is locked\"}"},
		   {LOOK, NULL, 200, NONE},
		   {EXTEND(ONE), 204, ""}}},
	{"add: done in spite of a 500 is made, not found", ADD(RR_TXT, "one"),
	 .steps = {{LOOK, NULL, 200, NONE},
		   {EXTEND(ONE), 500, "{\"error\":\"database is locked\"}"},
		   {LOOK, NULL, 200, SETS(ONE)}}},
	{"add: another writer takes it away", ADD(RR_TXT, "one"),
	 .steps = {{LOOK, NULL, 200, NONE},
		   {EXTEND(ONE), OLD_SERVER},
		   {WHOLE, 200, NONE},
		   {PUT(ONE), 204, ""},
		   {LOOK, NULL, 200, SETS(TWO)},
		   {LOOK, NULL, 200, SETS(TWO)},
		   {EXTEND(ONE), OLD_SERVER},
		   {WHOLE, 200, SETS(TWO)},
		   {PUT(TWO "," ONE), 204, ""},
		   {LOOK, NULL, 200, SETS(TWO "," ONE)}}},
	{"add: another writer was faster", ADD(RR_TXT, "one"),
	 .steps = {{LOOK, NULL, 200, NONE}, {EXTEND(ONE), OLD_SERVER}, {WHOLE, 200, SETS(ONE)}},
	 .found = true},
	{"add: an answer without records", ADD(RR_TXT, "one"),
	 .steps = {{LOOK, NULL, 200,
		    "{\"rrsets\":[{\"name\":\"_acme-challenge.example.org.\",\"type\":\"TXT\","
		    "\"ttl\":60}]}"}},
	 .error = CODE_PROVIDER_UNAVAILABLE, .unchanged = true},
	{"add: a proxy's HTML", ADD(RR_TXT, "one"), .steps = {{LOOK, NULL, 200, "<html></html>"}},
	 .error = CODE_PROVIDER_UNAVAILABLE, .unchanged = true},
	{"add: slow down", ADD(RR_TXT, "one"),
	 .steps = {{LOOK, NULL, 429, "slow", .retry_after = 7}},
	 .error = CODE_PROVIDER_RATE_LIMITED, .wait = 7, .unchanged = true},

	{"add: replace", REPLACE(RR_CNAME, "target.example.net"),
	 .file = "powerdns/replace-cname.json",
	 .replaced = "_acme-challenge.example.org. 300 TXT \"one\"|"
		     "_acme-challenge.example.org. 300 TXT \"two\"|"
		     "_acme-challenge.example.org. 300 CAA 0 issue \"ca.example\""},
	{"replace: exists", REPLACE(RR_CNAME, "target.example.net"),
	 .file = "powerdns/replace-exists.json", .found = true, .unchanged = true},
	{"replace: TXT for CNAME", REPLACE(RR_TXT, "three"), .file = "powerdns/replace-txt.json",
	 .replaced = "_acme-challenge.example.org. 60 CNAME target.example.net."},
	{"replace: ours is there with others", REPLACE(RR_TXT, "one"),
	 .file = "powerdns/replace-among.json", .found = true,
	 .replaced = "_acme-challenge.example.org. 300 TXT \"two\""},
	{"replace: an address in the way", REPLACE(RR_CNAME, "target.example.net"),
	 .file = "powerdns/replace-obstacle.json", .error = CODE_CONFLICT, .unchanged = true},
	{"replace: NS", REPLACE(RR_NS, "ns1.example.net"), .file = "powerdns/replace-ns.json"},
	{"replace: the zone's own NS stay", POWERDNS, .kind = OP_ADD, .fqdn = "example.org",
	 .zone = "example.org", .zone_id = "example.org.", .type = RR_TXT, .value = "one",
	 .mode = MODE_REPLACE,
	 .steps = {{WHOLE, 200,
		    "{\"rrsets\":[{\"name\":\"example.org.\",\"type\":\"NS\",\"ttl\":60,"
		    "\"records\":[{\"content\":\"ns1.example.net.\",\"disabled\":false}]},"
		    "{\"name\":\"example.org.\",\"type\":\"TXT\",\"ttl\":60,"
		    "\"records\":[" ONE "]}]}"}},
	 .found = true, .unchanged = true},

	{"remove: one of two", REMOVE(RR_TXT, "one"), .file = "powerdns/remove-one-of-two.json",
	 .removed = true},
	{"remove: recorded", REMOVE(RR_TXT, "one"), .file = "powerdns/remove-last.json",
	 .removed = true},
	{"remove: gone", REMOVE(RR_TXT, "one"), .file = "powerdns/remove-gone.json",
	 .unchanged = true},
	{"remove: disabled", REMOVE(RR_TXT, "one"),
	 .steps = {{LOOK, NULL, 200, SETS("{\"content\":\"\\\"one\\\"\",\"disabled\":true}")}},
	 .unchanged = true},
	{"remove: a new server, content as it is stored", REMOVE(RR_TXT, "one"),
	 .steps = {{LOOK, NULL, 200, SETS("{\"content\":\"\\\"o\\\" \\\"ne\\\"\"}")},
		   {PRUNE("{\"content\":\"\\\"o\\\" \\\"ne\\\"\",\"disabled\":false}"), 204, ""}},
	 .removed = true},
	{"remove: done in spite of a 500", REMOVE(RR_TXT, "one"),
	 .steps = {{LOOK, NULL, 200, SETS(ONE)},
		   {PRUNE(ONE), 500, "{\"error\":\"database is locked\"}"},
		   {LOOK, NULL, 200, NONE}},
	 .removed = true},
};

int main(void)
{
	return run_scripts("powerdns", scripts, ARRAY_LEN(scripts));
}
