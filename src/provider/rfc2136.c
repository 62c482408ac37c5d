/* SPDX-License-Identifier: ISC */
/*
 * Dynamic update (RFC 2136) with TSIG (RFC 8945), over TCP. Records are added and removed one by one by the server itself, so two writers do not meet. Whole zones are never read: only
 * what stands at the name.
 */
#include "provider/kit.h"

#include "dns/message.h"

#define ID 0 /* the courier gives each message its own */

/* ---- zones: those that the customer names, where the server says that they are its own ---- */

/* The Nth name of the list, or empty. */
static struct bytes nth_zone(const struct op *op, unsigned n)
{
	struct bytes rest = op_field(op, "zones"), zone = {0};

	for (unsigned i = 0; i <= n; i++) {
		while (rest.n && (rest.p[0] == ',' || rest.p[0] == ' '))
			rest = bytes_skip(rest, 1);
		zone = rest;
		for (zone.n = 0; zone.n < rest.n && rest.p[zone.n] != ',' && rest.p[zone.n] != ' ';)
			zone.n++;
		rest = bytes_skip(rest, zone.n);
	}
	return zone;
}

static int build_zones(const struct op *op, struct request *req)
{
	struct dns_name zone;

	if (dns_name_parse(&zone, nth_zone(op, op->candidate)) != 0)
		return BUILD_SKIP;
	return message_put_query(&req->body, ID, &zone, DNS_TYPE_SOA);
}

static enum verdict parse_zones(struct op *op, const struct answer *a)
{
	struct bytes text = nth_zone(op, op->candidate);
	struct dns_name zone, found;
	struct message m;

	if (message_parse(&m, a->body) != 0 || dns_name_parse(&zone, text) != 0)
		return op_fail_shape(op);
	if (m.rcode == DNS_NOERROR && m.authoritative && message_zone(&m, &zone, &found) == 0 &&
	    dns_name_eq(&found, &zone) &&
	    !op_add_zone(op, dns_name_text(&zone), dns_name_text(&zone)))
		return VERDICT_ERROR;
	op->candidate++;
	if (nth_zone(op, op->candidate).n)
		return VERDICT_AGAIN;
	if (op->kind == OP_ZONES && !op->zones.n)
		return op_fail_text(op, CODE_ZONE_NOT_FOUND, "the server has none of the zones");
	return VERDICT_NEXT;
}

/* ---- what stands at the name ---- */

static bool replaces(const struct op *op)
{
	return op->kind == OP_ADD && op->mode == MODE_REPLACE;
}

/* The type that is asked for: ours, then those that a replace removes. */
static enum rr_type nth_type(const struct op *op, unsigned n)
{
	if (n == 0)
		return op->type;
	for (enum rr_type t = RR_TXT; t < RR_TYPES && replaces(op); t++)
		if (t != op->type && !(t == RR_NS && op_at_apex(op)) && --n == 0)
			return t;
	return RR_NONE;
}

/* On the wire; behind them what a CNAME cannot stand beside. 0: all were asked for. */
static uint16_t type_asked(const struct op *op)
{
	static const uint16_t obstacles[] = {1 /* A */, 28 /* AAAA */, 15 /* MX */};
	unsigned n = 0;

	if (nth_type(op, op->looked) != RR_NONE)
		return wire_type(nth_type(op, op->looked));
	while (nth_type(op, n) != RR_NONE)
		n++;
	n = op->looked - n;
	return replaces(op) && op->type == RR_CNAME && n < ARRAY_LEN(obstacles) ? obstacles[n] : 0;
}

static int build_look(const struct op *op, struct request *req)
{
	return message_put_query(&req->body, ID, &op->fqdn, type_asked(op));
}

/* A record at the name, of the type that was asked for. The rdata of ours is kept: that, and not another cut of the same text, is removed. */
static int see(struct op *op, const struct message *m, const struct rr *rr)
{
	enum rr_type type = nth_type(op, op->looked);
	struct buf value = BUF_INIT(2 * RECORD_VALUE_MAX);
	int r = message_value(m, rr, &value);

	if (r == 0 && type == op->type && bytes_eq(buf_bytes(&value), op->value)) {
		op->there = true;
		buf_reset(&op->others);
		plist_put(&op->others, bytes_of(m->bytes.p + rr->at, rr->n));
	} else if (r == 0 && replaces(op)) {
		struct buf text = BUF_INIT(8 * RECORD_VALUE_MAX);

		op->obstacle = true; /* there is something to remove */
		record_value_present(type, buf_bytes(&value), &text);
		op_note_replaced(op, rr_type_text(type), buf_bytes(&text), rr->ttl);
		buf_done(&text);
	}
	buf_done(&value);
	return r < 0 ? r : 0;
}

/* False when it is no answer. */
static bool see_all(struct op *op, const struct answer *a)
{
	enum rr_type ours = nth_type(op, op->looked);
	uint16_t type = type_asked(op);
	struct rr_cursor c = {0};
	struct message m;
	struct rr rr;

	if (message_parse(&m, a->body) != 0 || m.truncated)
		return false;
	while (message_next(&m, &c, &rr)) {
		if (rr.section != DNS_ANSWER || rr.type != type ||
		    !wire_name_is(&rr.owner, &op->fqdn))
			continue;
		/* The set's TTL stays. */
		if (ours == op->type && op->kind == OP_ADD)
			op->ttl = rr.ttl;
		if (ours == RR_NONE)
			op_fail_text(
				op, CODE_CONFLICT,
				"records of other types stand at the name; nothing was changed");
		else if (see(op, &m, &rr) < 0)
			op_fail_text(op, CODE_OVERLOADED, "out of memory");
	}
	return true;
}

static enum verdict parse_look(struct op *op, const struct answer *a)
{
	if (!see_all(op, a))
		return op_fail_shape(op);
	if (op->error != CODE_OK)
		return VERDICT_ERROR;
	op->looked++;
	if (type_asked(op))
		return VERDICT_AGAIN;
	if (op->kind == OP_REMOVE)
		return op->there ? VERDICT_NEXT : op_gone(op);
	op_set_found(op, op->there);
	return op->there && !op->obstacle ? VERDICT_DONE : VERDICT_NEXT;
}

/* ---- changes ---- */

static int build_add(const struct op *op, struct request *req)
{
	int r = update_begin(&req->body, ID, &op->zone);

	for (unsigned n = 0; r == 0 && replaces(op) && nth_type(op, n) != RR_NONE; n++)
		r = update_delete_set(&req->body, &op->fqdn, nth_type(op, n));
	if (r == 0)
		r = update_add(&req->body, &op->fqdn, op->type, op_ttl(op), op->value);
	return r > 0 ? -EINVAL : r;
}

static int build_remove(const struct op *op, struct request *req)
{
	struct bytes list = buf_bytes(&op->others), rdata = {0};
	int r = update_begin(&req->body, ID, &op->zone);

	(void)plist_next(&list, &rdata);
	if (r == 0)
		r = op->type == RR_TXT || op->type == RR_CAA
			    ? update_delete_rdata(&req->body, &op->fqdn, op->type, rdata)
			    : update_delete(&req->body, &op->fqdn, op->type, op->value);
	return r > 0 ? -EINVAL : r;
}

/* The look that follows says what came of it: a server may do nothing, and say that all is well. */
static enum verdict parse_update(struct op *op, const struct answer *a)
{
	struct message m;

	if (message_parse(&m, a->body) != 0)
		return op_fail_shape(op);
	op->looked = 0;
	op->there = false;
	return VERDICT_NEXT;
}

static enum verdict parse_check(struct op *op, const struct answer *a)
{
	if (!see_all(op, a))
		return op_fail_shape(op);
	if (op->kind == OP_ADD && !op->there)
		return op_fail_text(
			op, CODE_CONFLICT,
			"the server took the update and did not make the record: a CNAME "
			"stands in its way, or it in others'");
	if (op->kind == OP_REMOVE && op->there)
		return VERDICT_RESTART;
	op->removed = op->kind == OP_REMOVE;
	return VERDICT_DONE;
}

static int build_check(const struct op *op, struct request *req)
{
	return message_put_query(&req->body, ID, &op->fqdn, wire_type(op->type));
}

/* The courier has made HTTP's status of the rcode; the text shall say what it was. */
static bool error(struct op *op, const struct answer *a)
{
	static const struct {
		unsigned rcode;
		enum code code;
		const char *text;
	} known[] = {
		{DNS_REFUSED, CODE_PROVIDER_REJECTED, "the server answered REFUSED"},
		{DNS_NOTAUTH, CODE_ZONE_NOT_FOUND, "the server answered NOTAUTH: not its zone"},
		{DNS_NOTZONE, CODE_ZONE_NOT_FOUND, "the server answered NOTZONE"},
		{DNS_NOTIMP, CODE_PROVIDER_REJECTED, "the server does not take updates (NOTIMP)"},
	};
	bool listing = op->kind == OP_ZONES || op->kind == OP_FIND_ZONE;
	struct message m;

	/* A zone that is not there is passed over. */
	if (message_parse(&m, a->body) != 0 || listing)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (m.rcode == known[i].rcode) {
			op_fail_text(op, known[i].code, known[i].text);
			return true;
		}
	return false;
}

#define QUERY(name_, path_, build_, parse_, ...)                                                   \
	{                                                                                          \
		.name = name_, .method = "QUERY", .path = path_, .build = build_, .parse = parse_, \
		.also = {__VA_ARGS__},                                                             \
	}
static const struct exchange zones = QUERY("zones", "/", build_zones, parse_zones, 403, 404);
static const struct exchange look = QUERY("look", "/", build_look, parse_look);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "UPDATE", "/{zone}", build_add, parse_update);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "UPDATE", "/{zone}", build_remove, parse_update);
static const struct exchange check = QUERY("check", "/", build_check, parse_check);

#define NAME "[A-Za-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]{1,63})*\\.?"
static const struct field_def fields[] = {
	{.name = "server",
	 .label = "Server",
	 .help = "The primary name server, as host or host:port; the port is 53 otherwise.",
	 .pattern = "([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?",
	 .max = 260},
	{.name = "zones",
	 .label = "Zones",
	 .help = "The zones that the key may change, with commas between.",
	 .pattern = NAME "([, ]+" NAME ")*",
	 .max = 4096},
	{.name = "tsig_name",
	 .label = "Key name",
	 .help = "The name of the TSIG key; best one that may change TXT records of "
		 "_acme-challenge names only.",
	 .pattern = NAME,
	 .max = 253},
	{.name = "tsig_algorithm",
	 .label = "Algorithm",
	 .help = "As the server has it.",
	 .pattern = "hmac-sha(1|224|256|384|512)",
	 .preset = "hmac-sha256",
	 .max = 16},
	{.name = "tsig_secret",
	 .label = "Secret",
	 .help = "In base64, as the server's configuration has it.",
	 .pattern = "([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)",
	 .max = 700,
	 .secret = true},
	{0},
};

static const struct shape shape = {.zones = ""};

const struct provider provider_rfc2136 = {
	.name = "rfc2136",
	.title = "Dynamic update (RFC 2136)",
	.zone_id_is_name = true,
	.self_hosted = true,
	.dns = true,
	.base = "",
	.base_field = "server",
	.fields = fields,
	.auth = {AUTH_TSIG, "tsig_algorithm", NULL, "tsig_name", "tsig_secret"},
	.shape = &shape,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &add, &check},
		[OP_REMOVE] = {&look, &remove_, &check}},
	.error = error,
};
