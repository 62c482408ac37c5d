/* SPDX-License-Identifier: ISC */
/* OVHcloud: https://api.ovh.com/console/#/domain. Each record has an id; what was changed is published by a refresh of the zone. */
#include "provider/kit.h"

#include "sign/digest.h"

#include <inttypes.h>

/* ---- looking: the ids at the name, then each record ---- */

static int build_ids(const struct op *op, struct request *req)
{
	request_query(req, "subDomain", dns_name_relative(&op->fqdn, &op->zone));
	return 0;
}

/* Whatever is found, the refresh comes: an earlier try may have died before it. */
static enum verdict looked(struct op *op)
{
	enum verdict v = stock_looked(op);

	return v == VERDICT_DONE ? VERDICT_NEXT : v;
}

static enum verdict parse_ids(struct op *op, const struct answer *a)
{
	if (!json_is_array(a->json))
		return op_fail_shape(op);
	op_keep(op, json_deep_copy(a->json));
	return json_array_size(op->kept) ? VERDICT_NEXT : looked(op);
}

static int build_each(const struct op *op, struct request *req)
{
	return json_array_size(op->kept) ? 0 : BUILD_SKIP;
}

/* One that is gone meanwhile is none. */
static enum verdict parse_each(struct op *op, const struct answer *a)
{
	if (a->status != 404 && !json_is_object(a->json))
		return op_fail_shape(op);
	if (a->status != 404 && stock_see_record(op, a->json) == VERDICT_ERROR)
		return VERDICT_ERROR;
	json_array_remove(op->kept, 0);
	return json_array_size(op->kept) ? VERDICT_AGAIN : looked(op);
}

/* ---- removing ---- */

static enum verdict parse_get(struct op *op, const struct answer *a)
{
	enum verdict v = stock_parse_get(op, a);

	op->there = v == VERDICT_NEXT;
	return v == VERDICT_DONE ? VERDICT_NEXT : v;
}

static int build_remove(const struct op *op, struct request *req)
{
	return op->there ? 0 : BUILD_SKIP;
}

static enum verdict parse_refresh(struct op *op, const struct answer *a)
{
	return json_is_null(a->json) ? VERDICT_NEXT : op_fail_shape(op);
}

/* ---- is the zone published? ---- */

/* A key may lack the rule for it: then the servers have the only word. */
static enum verdict parse_status(struct op *op, const struct answer *a)
{
	const json_t *deployed = answer_at(a, "isDeployed");

	if (a->status == 403)
		return bytes_is(json_bytes(answer_at(a, "errorCode")), "NOT_GRANTED_CALL")
			       ? VERDICT_DONE
			       : op_fail_answer(op, CODE_PROVIDER_AUTH_FAILED, a);
	if (!json_is_boolean(deployed))
		return op_fail_shape(op);
	op->pending = json_is_false(deployed);
	return VERDICT_DONE;
}

/* ---- the signature ---- */

static void put(struct buf *b, struct bytes v)
{
	buf_put_bytes(b, v);
	buf_putc(b, '+');
}

static void put_line(struct buf *headers, const char *name, struct bytes value)
{
	struct buf line = BUF_INIT(512);

	buf_printf(&line, "%s: ", name);
	buf_put_bytes(&line, value);
	if (buf_status(&line) == 0)
		plist_put(headers, buf_bytes(&line));
	else
		headers->failed = buf_status(&line);
	buf_done(&line);
}

/* "$1$" and the SHA-1 of secret, consumer, method, URL, body and time, with "+" between. */
static int sign(const struct signing *s, struct buf *headers)
{
	struct buf text = BUF_INIT(2 * PROVIDER_REQUEST_MAX), signature = BUF_INIT(64),
		   time = BUF_INIT(24);
	struct bytes key, secret, consumer;
	int r;

	if (!plist_get(s->credentials, "application_key", &key) ||
	    !plist_get(s->credentials, "application_secret", &secret) ||
	    !plist_get(s->credentials, "consumer_key", &consumer) || !bytes_printable(key) ||
	    !bytes_printable(consumer))
		return SIGN_E_FIELD;
	buf_printf(&time, "%" PRId64, s->now);
	put(&text, secret);
	put(&text, consumer);
	put(&text, bytes_str(s->method));
	buf_puts(&text, "https://");
	buf_put_bytes(&text, s->host);
	put(&text, s->target);
	put(&text, s->body);
	buf_put_bytes(&text, buf_bytes(&time));
	buf_puts(&signature, "$1$");
	r = buf_status(&text);
	if (r == 0)
		r = digest_put_hash(DIGEST_SHA1, buf_bytes(&text), &signature);
	put_line(headers, "X-Ovh-Application", key);
	put_line(headers, "X-Ovh-Consumer", consumer);
	put_line(headers, "X-Ovh-Timestamp", buf_bytes(&time));
	put_line(headers, "X-Ovh-Signature", buf_bytes(&signature));
	buf_done(&text);
	buf_done(&signature);
	buf_done(&time);
	return r < 0 ? r : buf_status(headers);
}

#define ZONE	"/domain/zone/{zone}"
#define RECORDS ZONE "/record"
static const struct exchange zones =
	EXCHANGE_READ("zones", "/domain/zone", NULL, stock_parse_zones);
static const struct exchange ids = EXCHANGE_READ("look", RECORDS, build_ids, parse_ids);
static const struct exchange each =
	EXCHANGE_READ("record", RECORDS "/{next}", build_each, parse_each, 404);
static const struct exchange clear = EXCHANGE_CHANGE("clear", "DELETE", RECORDS "/{other}",
						     stock_build_clear, stock_parse_clear, 404);
static const struct exchange add =
	EXCHANGE_CHANGE("add", "POST", RECORDS, stock_build_add, stock_parse_add);
static const struct exchange get = EXCHANGE_READ("get", RECORDS "/{record}", NULL, parse_get, 404);
static const struct exchange remove_ = EXCHANGE_CHANGE("remove", "DELETE", RECORDS "/{record}",
						       build_remove, stock_parse_remove, 404);
static const struct exchange refresh =
	EXCHANGE_CHANGE("refresh", "POST", ZONE "/refresh", NULL, parse_refresh);

static const struct exchange status =
	EXCHANGE_READ("status", ZONE "/status", NULL, parse_status, 403);

static const struct choice bases[] = {
	{"ovh-eu", "https://eu.api.ovh.com/1.0"},
	{"ovh-ca", "https://ca.api.ovh.com/1.0"},
	{"ovh-us", "https://api.us.ovhcloud.com/1.0"},
	{0},
};

static const struct field_def fields[] = {
	{.name = "endpoint",
	 .label = "Region",
	 .help = "ovh-eu, ovh-ca or ovh-us: where the account is.",
	 .pattern = "ovh-(eu|ca|us)",
	 .preset = "ovh-eu",
	 .max = 8},
	{.name = "application_key",
	 .label = "Application key",
	 .help = "Of an application made for this gateway.",
	 .pattern = "[A-Za-z0-9]{8,}",
	 .max = 64},
	{.name = "application_secret",
	 .label = "Application secret",
	 .help = "What was shown once, when the application was made.",
	 .pattern = "[A-Za-z0-9]{16,}",
	 .max = 128,
	 .secret = true},
	{.name = "consumer_key",
	 .label = "Consumer key",
	 .help = "Best with rules for these zones only.",
	 .pattern = "[A-Za-z0-9]{16,}",
	 .max = 128,
	 .secret = true},
	{0},
};

static const struct error_def errors[] = {
	{"INVALID_SIGNATURE", CODE_PROVIDER_AUTH_FAILED},
	{"INVALID_CREDENTIAL", CODE_PROVIDER_AUTH_FAILED},
	{"INVALID_KEY", CODE_PROVIDER_AUTH_FAILED},
	{"NOT_CREDENTIAL", CODE_PROVIDER_AUTH_FAILED},
	{"NOT_GRANTED_CALL", CODE_PROVIDER_AUTH_FAILED},
	{"QUERY_TIME_OUT", CODE_PROVIDER_AUTH_FAILED},
	{0},
};

static const struct shape shape = {
	.zones = "",
	.zone_id = "",
	.zone_name = "",
	.record = "",
	.id = "id",
	.name = "subDomain",
	.type = "fieldType",
	.content = "target",
	.ttl = "ttl",
	.names = {.body = NAME_LABEL, .answer = NAME_LABEL},
	.dotted = true,
};

const struct provider provider_ovh = {
	.name = "ovh",
	.title = "OVHcloud",
	.bases = bases,
	.base_field = "endpoint",
	.fields = fields,
	.auth = {AUTH_SIGN, .sign = sign},
	.zone_id_is_name = true,
	.messages = {"message"},
	.code = "errorCode",
	.errors = errors,
	.shape = &shape,
	.min_ttl = 60,
	.ops = {[OP_ZONES] = {&zones},
		[OP_ADD] = {&ids, &each, &clear, &add, &refresh},
		[OP_REMOVE] = {&get, &remove_, &refresh},
		[OP_STATUS] = {&status}},
};
