/* SPDX-License-Identifier: ISC */
/* DNS Made Easy, API V2.0: https://api-docs.dnsmadeeasy.com/. Each record has an id. What is signed is the time alone. */
#include "provider/kit.h"

#include "base/text.h"
#include "sign/digest.h"

#include <stdio.h>

/* "Sat, 12 Feb 2011 20:59:04 GMT" (RFC 9110 section 5.6.7). */
static void put_date(int64_t now, struct buf *out)
{
	static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct buf t = BUF_INIT(64);
	uint64_t month = 1;

	/* "2011-02-12T20:59:04.000000Z"; 1970 began on a Thursday */
	text_put_time(&t, now * 1000000);
	if (t.n > 18 && t.p[5] == '0')
		month = t.p[6] - '0';
	else if (t.n > 18)
		month = 10 + t.p[6] - '0';
	if (t.n > 18)
		buf_printf(out, "%s, %.2s %s %.4s %.8s GMT", days[now / 86400 % 7],
			   (const char *)t.p + 8, months[month - 1], (const char *)t.p,
			   (const char *)t.p + 11);
	buf_done(&t);
}

static int sign(const struct signing *s, struct buf *headers)
{
	struct buf date = BUF_INIT(64), line = BUF_INIT(256);
	struct bytes key, secret;
	int r;

	if (!plist_get(s->credentials, "api_key", &key) ||
	    !plist_get(s->credentials, "secret_key", &secret) || !bytes_printable(key))
		return SIGN_E_FIELD;
	put_date(s->now, &date);
	buf_puts(&line, "x-dnsme-apiKey: ");
	buf_put_bytes(&line, key);
	plist_put(headers, buf_bytes(&line));
	buf_reset(&line);
	buf_puts(&line, "x-dnsme-requestDate: ");
	buf_put_bytes(&line, buf_bytes(&date));
	plist_put(headers, buf_bytes(&line));
	buf_reset(&line);
	buf_puts(&line, "x-dnsme-hmac: ");
	r = digest_put_hmac(DIGEST_SHA1, secret, buf_bytes(&date), &line);
	plist_put(headers, buf_bytes(&line));
	buf_done(&date);
	buf_done(&line);
	return r < 0 ? r : buf_status(headers);
}

#define RECORDS "/dns/managed/{zone}/records"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/dns/managed/", stock_build_zones, stock_parse_zones);
static const struct exchange look =
	EXCHANGE_READ("look", RECORDS, stock_build_look, stock_parse_look);
static const struct exchange clear = EXCHANGE_CHANGE("clear", "DELETE", RECORDS "/{other}",
						     stock_build_clear, stock_parse_clear, 404);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", RECORDS "/", stock_build_add, stock_parse_add);
static const struct exchange remove_ =
	EXCHANGE_CHANGE("remove", "DELETE", RECORDS "/{record}", NULL, stock_parse_remove, 404);

#define UUID "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
static const struct field_def fields[] = {
	FIELD_SECRET("api_key", "API key", 36, UUID,
		     "Of the account; it is good for all of its domains."),
	FIELD_SECRET("secret_key", "Secret key", 36, UUID, "What stands beside the API key."),
	{0},
};

/* A 400 is one of several things, told apart by words. */
static const struct error_def errors[] = {
	{"ate limit", CODE_PROVIDER_RATE_LIMITED, true},
	{"already exists", CODE_OK, true},
	{0},
};

static const struct shape shape = {
	.zones = "data",
	.zone_id = "id",
	.zone_name = "name",
	.zone_is = {{"pendingActionId", "|0"}},
	.zone_pages = {PAGING_TOTAL, "totalPages", "page", "rows", 100, true},
	.fixed = {"source", "0"},
	.records = "data",
	.record = "",
	.record_pages = {PAGING_TOTAL, "totalPages", "page", "rows", 100, true},
	.filter = "recordName",
	.id = "id",
	.name = "name",
	.type = "type",
	.content = "value",
	.ttl = "ttl",
	.names = {.body = NAME_LABEL, .answer = NAME_LABEL, .path = NAME_LABEL},
	.dotted = true,
	.relative = true,
	.caa = {"issuerCritical", "caaType", "value"},
	.extra = "{\"gtdLocation\":\"DEFAULT\"}",
};

const struct provider provider_dnsmadeeasy = {
	.name = "dnsmadeeasy",
	.title = "DNS Made Easy",
	.base = "https://api.dnsmadeeasy.com/V2.0",
	.fields = fields,
	.auth = {AUTH_SIGN, .sign = sign},
	.messages = {"error.0"},
	.errors = errors,
	.shape = &shape,
	.min_ttl = 5,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&look, &clear, &add},
		[OP_REMOVE] = {&look, &remove_}},
};
