/* SPDX-License-Identifier: ISC */
/* What provider files have in common. */
#include "provider/kit.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

const struct exchange *op_exchange(const struct op *op)
{
	const struct exchange *const *list = op->provider->ops[op->kind];

	if (op->kind == OP_FIND_ZONE && !list[0])
		list = op->provider->ops[OP_ZONES];
	return list[op->step];
}

struct bytes op_field(const struct op *op, const char *name)
{
	struct bytes v;

	return plist_get(op->fields, name, &v) ? v : bytes_of(NULL, 0);
}

/* ---- failing ---- */

enum verdict op_fail(struct op *op, enum code code, struct bytes detail)
{
	size_t n = detail.n < PROVIDER_DETAIL_MAX ? detail.n : PROVIDER_DETAIL_MAX;

	op->error = code;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = detail.p[i];
		op->detail[i] = (char)(c >= 0x20 && c <= 0x7e ? c : '?');
	}
	op->detail[n] = 0;
	return VERDICT_ERROR;
}

enum verdict op_fail_text(struct op *op, enum code code, const char *detail)
{
	return op_fail(op, code, bytes_str(detail));
}

enum verdict op_fail_answer(struct op *op, enum code code, const struct answer *a)
{
	struct bytes text = {0};
	char status[40];

	for (size_t i = 0; i < PROVIDER_MESSAGES && !text.n && op->provider->messages[i]; i++)
		text = json_bytes(answer_at(a, op->provider->messages[i]));
	if (text.n)
		return op_fail(op, code, text);
	snprintf(status, sizeof(status), "the provider answered HTTP %u", a->status);
	return op_fail_text(op, code, status);
}

enum verdict op_fail_shape(struct op *op)
{
	return op_fail_text(op, CODE_PROVIDER_UNAVAILABLE,
			    "the provider's answer is not what its API promises");
}

void op_pause(struct op *op, unsigned ms)
{
	op->pause_ms = ms < PROVIDER_PAUSE_MAX ? ms : PROVIDER_PAUSE_MAX;
}

const json_t *answer_at(const struct answer *a, const char *path)
{
	return json_at(a->json, path);
}

/* ---- lists ---- */

bool op_usable_id(struct bytes id)
{
	return id.n > 0 && id.n <= PROVIDER_ID_MAX && bytes_printable(id) && !bytes_is(id, ".") &&
	       !bytes_is(id, "..");
}

/*
 * OP_FIND_ZONE: is ZONE better than what we have? Two zones of one length that both hold a name
 * are the same.
 */
static bool better_zone(struct op *op, const struct dns_name *zone, struct bytes id)
{
	struct bytes list = buf_bytes(&op->zones), name, known;

	if (!dns_name_within(&op->fqdn, zone))
		return false;
	if (!plist_next(&list, &name) || !plist_next(&list, &known))
		return true;
	if (name.n == zone->len && !bytes_eq(known, id))
		op->zone_clash = true;
	if (name.n >= zone->len)
		return false;
	op->zone_clash = false;
	op->zone_count = 0;
	buf_reset(&op->zones);
	return true;
}

bool op_add_zone(struct op *op, struct bytes name, struct bytes id)
{
	struct dns_name zone;

	if (dns_name_parse(&zone, name) != 0)
		return true;
	if (!op_usable_id(id)) {
		op_fail_shape(op);
		return false;
	}
	if (op->kind == OP_FIND_ZONE && !better_zone(op, &zone, id))
		return true;
	if (op->zone_count == PROVIDER_ZONES_MAX) {
		op_fail_text(op, CODE_PROVIDER_REJECTED, "the account has too many zones");
		return false;
	}
	plist_put(&op->zones, dns_name_text(&zone));
	plist_put(&op->zones, id);
	op->zone_count++;
	return true;
}

/* ---- records ---- */

bool op_at_name(const struct op *op, const json_t *name, enum name_form form)
{
	struct bytes text = json_bytes(name), label;
	struct dns_name full;

	if (!json_is_string(name))
		return false;
	if (form == NAME_FULL || form == NAME_FULL_DOT)
		return dns_name_parse(&full, text) == 0 && dns_name_eq(&full, &op->fqdn);
	label = dns_name_relative(&op->fqdn, &op->zone);
	return bytes_eq_nocase(text, label) || (label.n == 0 && bytes_is(text, "@"));
}

void op_put_name(const struct op *op, enum name_form form, struct buf *out)
{
	bool full = form == NAME_FULL || form == NAME_FULL_DOT;
	struct bytes name =
		full ? dns_name_text(&op->fqdn) : dns_name_relative(&op->fqdn, &op->zone);

	buf_put_bytes(out, name);
	if (form == NAME_FULL_DOT)
		buf_putc(out, '.');
	else if (form == NAME_LABEL_AT && name.n == 0)
		buf_putc(out, '@');
}

bool op_at_apex(const struct op *op)
{
	return dns_name_eq(&op->fqdn, &op->zone);
}

bool op_is_ours(const struct op *op, struct bytes type, struct bytes content)
{
	return rr_type_parse(type) == op->type &&
	       record_value_matches(op->type, content, op->value);
}

void op_set_found(struct op *op, bool there)
{
	op->there = there;
	op->found = op->kind == OP_ADD && there && (op->found || !op->applied);
}

enum verdict op_gone(struct op *op)
{
	op->removed = op->applied;
	return VERDICT_DONE;
}

enum verdict op_look_again(struct op *op, const struct answer *a)
{
	if (op->looked_again)
		return op_fail_answer(op, CODE_PROVIDER_REJECTED, a);
	op->looked_again = true;
	return VERDICT_RESTART;
}

/* After a restart the same records may be seen again. */
void op_note_replaced(struct op *op, const char *type, struct bytes content, uint64_t ttl)
{
	struct buf line = BUF_INIT(PROVIDER_LINE_MAX);

	buf_printf(&line, "%s. %" PRIu64 " %s ", op->fqdn.text, ttl, type);
	buf_put_bytes(&line, content);
	if (buf_status(&line) < 0)
		op->replaced.failed = buf_status(&line);
	else if (!plist_has(buf_bytes(&op->replaced), buf_bytes(&line)))
		plist_put(&op->replaced, buf_bytes(&line));
	buf_done(&line);
}

bool op_set_id(struct buf *id, const json_t *v)
{
	struct bytes text = json_bytes(v);
	char digits[24];

	if (json_is_integer(v)) {
		snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		text = bytes_str(digits);
	}
	if (!op_usable_id(text))
		return false;
	buf_reset(id);
	buf_put_bytes(id, text);
	return true;
}

void op_keep(struct op *op, json_t *v)
{
	json_decref(op->kept);
	op->kept = v;
}

uint32_t op_ttl(const struct op *op)
{
	uint32_t ttl = op->ttl ? op->ttl : PROVIDER_DEFAULT_TTL;

	return ttl < op->provider->min_ttl ? op->provider->min_ttl : ttl;
}

json_t *op_present(const struct op *op)
{
	struct buf text = BUF_INIT(4 * RECORD_VALUE_MAX + 64);
	json_t *v = NULL;

	record_value_present(op->type, op->value, &text);
	if (buf_status(&text) == 0)
		v = json_from_bytes(buf_bytes(&text));
	buf_done(&text);
	return v;
}

json_t *op_canonical(const struct op *op)
{
	return json_from_bytes(op->value);
}

json_t *op_content(const struct op *op)
{
	const struct shape *shape = op->provider->shape;
	bool name = op->type == RR_CNAME || op->type == RR_NS;

	return (op->type == RR_TXT && shape->bare) || (name && !shape->dotted) ? op_canonical(op)
									       : op_present(op);
}

json_t *op_name(const struct op *op)
{
	struct buf text = BUF_INIT(DNS_NAME_MAX + 2);
	json_t *v = NULL;

	op_put_name(op, op->provider->shape->names.body, &text);
	if (buf_status(&text) == 0)
		v = json_from_bytes(buf_bytes(&text));
	buf_done(&text);
	return v;
}

json_t *op_type(const struct op *op)
{
	const unsigned *numbers = op->provider->shape->type_numbers;

	return numbers ? json_integer(numbers[op->type]) : json_string(rr_type_text(op->type));
}

/* ---- requests ---- */

void request_query(struct request *r, const char *name, struct bytes value)
{
	plist_put(&r->query, bytes_str(name));
	plist_put(&r->query, value);
}

void request_query_num(struct request *r, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	request_query(r, name, bytes_str(text));
}

void request_header(struct request *r, const char *name, struct bytes value)
{
	plist_put(&r->headers, bytes_str(name));
	plist_put(&r->headers, value);
}

static int put_chunk(const char *p, size_t n, void *body)
{
	buf_put(body, p, n);
	return buf_status(body);
}

int request_json(struct request *r, json_t *v)
{
	int failed;

	if (!v)
		return -ENOMEM;
	failed = json_dump_callback(v, put_chunk, &r->body, JSON_COMPACT);
	json_decref(v);
	if (buf_status(&r->body) < 0)
		return buf_status(&r->body);
	return failed ? -ENOMEM : 0;
}
