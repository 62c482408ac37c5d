/* SPDX-License-Identifier: ISC */
/*
 * Asks and updates real DNS servers through dns/message.h, sign/tsig.h and egress/dnstcp.h, for test_dns_update.py:
 *
 *   dns-update PORT KEY ALGORITHM SECRET CLOCK_OFFSET COMMAND…
 *
 * The server is at 127.0.0.1. The secret is a test's; KEY "-": nothing is signed. COMMAND is one of
 *
 *   query NAME TYPE                      zone NAME
 *   add ZONE NAME TYPE TTL VALUE         remove ZONE NAME TYPE VALUE
 *   first ZONE NAME TYPE TTL VALUE       add, where there is no set yet
 *   replace ZONE NAME TYPE TTL VALUE     the set becomes that
 *   swap ZONE NAME TYPE TTL OLD NEW      replace, where the set is OLD alone
 *
 * Prints one line of JSON: what came of the exchange, the signature, the header, the values and the zone.
 */
#include "base/json.h"
#include "egress/dnstcp.h"
#include "sign/tsig.h"
#include "sys/crypto.h"

#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_ID 0x5a5a

static struct loop *loop;
static bool is_signed;
static struct tsig_key key;
static struct tsig_mac mac;
static struct buf request;
static struct message asked; /* borrows PLAIN: the request before it was signed */
static struct buf plain;
static struct dns_name name;
static int64_t offset;
static json_t *result;

static void die(const char *what)
{
	fprintf(stderr, "dns-update: %s\n", what);
	exit(2);
}

static void check(int r, const char *what)
{
	if (r)
		die(what);
}

static void set(const char *member, json_t *value)
{
	check(json_object_set_new(result, member, value), "out of memory");
}

static int64_t now(void)
{
	return clock_usec() / 1000000 + offset;
}

/* ---- the request ---- */

static struct dns_name name_of(const char *text)
{
	struct dns_name n;

	check(dns_name_parse(&n, bytes_str(text)), "not a name");
	return n;
}

static enum rr_type type_of(const char *text)
{
	enum rr_type t = rr_type_parse(bytes_str(text));

	if (t == RR_NONE)
		die("not a type");
	return t;
}

/* ZONE NAME TYPE TTL VALUE [VALUE] */
static void build_update(const char *command, char **args, int n)
{
	struct dns_name zone = name_of(args[0]), found;
	enum rr_type t = type_of(args[2]);
	bool removes = strcmp(command, "remove") == 0, swaps = strcmp(command, "swap") == 0;
	struct bytes value = bytes_str(args[removes ? 3 : swaps ? 5 : 4]);
	uint32_t ttl = removes ? 0 : (uint32_t)strtoul(args[3], NULL, 10);

	name = name_of(args[1]);
	check(update_begin(&request, MESSAGE_ID, &zone), "update");
	if (swaps)
		check(update_require_value(&request, &name, t, bytes_str(args[4])), "value");
	if (strcmp(command, "first") == 0)
		check(update_require_absent(&request, &name, t), "update");
	if (strcmp(command, "replace") == 0 || swaps)
		check(update_delete_set(&request, &name, t), "update");
	if (removes)
		check(update_delete(&request, &name, t, value), "value");
	else
		check(update_add(&request, &name, t, ttl, value), "value");
	if (dns_name_within(&name, &zone)) {
		check(update_check(buf_bytes(&request), &name, &found), "the check refuses it");
		if (!dns_name_eq(&zone, &found))
			die("the check found another zone");
	}
}

static void build(char **args, int n)
{
	static const struct {
		const char *name;
		int args;
	} commands[] = {{"query", 2}, {"zone", 1},    {"add", 5}, {"remove", 4},
			{"first", 5}, {"replace", 5}, {"swap", 6}};
	size_t i = 0;

	while (i < ARRAY_LEN(commands) && strcmp(args[0], commands[i].name) != 0)
		i++;
	if (i == ARRAY_LEN(commands) || n - 1 != commands[i].args)
		die("no such command");
	if (i > 1) {
		build_update(args[0], args + 1, n - 1);
	} else {
		uint16_t type = i == 0 ? wire_type(type_of(args[2])) : DNS_TYPE_SOA;

		name = name_of(args[1]);
		check(message_put_query(&request, MESSAGE_ID, &name, type), "query");
		if (!message_is_query(buf_bytes(&request)))
			die("the check refuses it");
	}
	buf_put_bytes(&plain, buf_bytes(&request));
	check(message_parse(&asked, buf_bytes(&plain)), "we cannot read what we wrote");
}

/* KEY ALGORITHM SECRET */
static void sign(char **args)
{
	is_signed = strcmp(args[0], "-") != 0;
	if (!is_signed)
		return;
	check(tsig_key_init(&key, bytes_str(args[0]), tsig_algorithm_parse(bytes_str(args[1])),
			    bytes_str(args[2])),
	      "not a key");
	check(tsig_sign(&request, &key, now(), &mac), "signing");
}

/* ---- the answer ---- */

static const char *const signatures[] = {
	[0] = "ok",
	[TSIG_E_BROKEN] = "broken",
	[TSIG_E_UNSIGNED] = "unsigned",
	[TSIG_E_FORGED] = "forged",
	[TSIG_E_BADSIG] = "badsig",
	[TSIG_E_BADKEY] = "badkey",
	[TSIG_E_BADTIME] = "badtime",
	[TSIG_E_BADTRUNC] = "badtrunc",
};

static void show_values(const struct message *m)
{
	json_t *values = json_array();
	struct rr_cursor c = {0};
	struct dns_name zone;
	struct rr rr;

	while (message_next(m, &c, &rr)) {
		struct buf value = BUF_INIT(RECORD_VALUE_MAX);

		if (rr.section == DNS_ANSWER && rr.type == asked.type &&
		    wire_name_is(&rr.owner, &name) && message_value(m, &rr, &value) == 0)
			check(json_array_append_new(
				      values, json_pack("[o,i]", json_from_bytes(buf_bytes(&value)),
							(int)rr.ttl)),
			      "a value is not UTF-8");
		buf_done(&value);
	}
	set("values", values);
	if (message_zone(m, &name, &zone) == 0)
		set("zone", json_string(zone.text));
}

static void show_answer(struct buf *answer)
{
	int64_t server_time = 0;
	int r = is_signed ? tsig_verify(answer, &key, &mac, now(), &server_time) : 0;
	struct message m;

	check(r < 0, "out of memory");
	set("signature", json_string(is_signed ? signatures[r] : "none"));
	if (r == TSIG_E_BADTIME)
		set("server_time", json_integer(server_time));
	if (message_parse(&m, buf_bytes(answer)) != 0)
		return;
	set("rcode", json_integer(m.rcode));
	if (r == 0) {
		set("answers", json_boolean(message_answers(&m, &asked)));
		set("authoritative", json_boolean(m.authoritative));
		show_values(&m);
	}
}

static void on_done(void *arg, const struct dnstcp_answer *a)
{
	struct buf answer = BUF_INIT(DNSTCP_MESSAGE_MAX);

	set("failure", json_integer(a->failure));
	set("sent", json_boolean(a->sent));
	buf_put_bytes(&answer, a->message);
	if (a->failure == EGRESS_OK)
		show_answer(&answer);
	buf_done(&answer);
	loop_stop(loop);
}

int main(int argc, char **argv)
{
	struct address_rules rules = {.n = 1};
	struct resolver *resolver;
	struct dnstcp_call *call;
	struct dnstcp_request r = {.host = "127.0.0.1", .timeout_ms = 10000};
	struct dnstcp d = {.rules = &rules};

	if (argc < 7)
		die("too few arguments");
	check(crypto_load(), "libcrypto");
	result = json_object();
	buf_init(&request, MESSAGE_MAX);
	buf_init(&plain, MESSAGE_MAX);
	r.port = (uint16_t)strtoul(argv[1], NULL, 10);
	offset = strtoll(argv[5], NULL, 10);
	build(argv + 6, argc - 6);
	sign(argv + 2);
	check(address_rule_parse(BYTES("127.0.0.0/8"), &rules.rules[0]), "rule");
	check(loop_new(&loop), "loop");
	check(resolver_new(&resolver, loop, NULL), "resolver");
	d.loop = loop;
	d.resolver = resolver;
	r.message = buf_bytes(&request);
	check(dnstcp_start(&d, &r, on_done, NULL, &call), "start");
	check(loop_run(loop, NULL, NULL), "loop");
	json_dumpf(result, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	printf("\n");
	json_decref(result);
	resolver_free(resolver);
	loop_free(loop);
	tsig_key_done(&key);
	buf_done(&request);
	buf_done(&plain);
	return 0;
}
