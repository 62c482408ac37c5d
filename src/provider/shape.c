/* SPDX-License-Identifier: ISC */
/* Reading and writing what an API shows, by the provider's shape. */
#include "provider/kit.h"

#include "base/text.h"

#include <stdlib.h>

/* ---- numbers and rules ---- */

bool op_read_number(const json_t *v, uint64_t max, uint64_t *out)
{
	if (json_is_string(v))
		return text_to_u64(json_bytes(v), max, out) == 0;
	*out = json_is_integer(v) && json_integer_value(v) >= 0 ? (uint64_t)json_integer_value(v)
								: UINT64_MAX;
	return *out <= max;
}

/* A string, a number or a boolean; empty for nothing. An object is never what a rule names. */
static struct bytes text_of(const json_t *v, struct buf *space)
{
	if (!v || json_is_null(v) || json_is_string(v))
		return json_bytes(v);
	if (json_is_integer(v))
		buf_printf(space, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else
		buf_puts(space, json_is_true(v) ? "true" : json_is_false(v) ? "false" : "?");
	return buf_bytes(space);
}

static bool holds(const struct rule *rule, const json_t *zone)
{
	bool not = rule->is[0] == '!', among = false;
	struct buf space = BUF_INIT(64);
	struct bytes text = text_of(json_at(zone, rule->path), &space);

	for (const char *at = rule->is + not, *end; at; at = *end ? end + 1 : NULL) {
		end = at + strcspn(at, "|");
		among = among || bytes_eq(text, bytes_of(at, (size_t)(end - at)));
	}
	buf_done(&space);
	return among != not ;
}

bool shape_zone_ok(const struct op *op, const json_t *zone)
{
	const struct shape *shape = op->provider->shape;

	for (size_t i = 0; i < PROVIDER_RULES && shape->zone_is[i].path; i++)
		if (!holds(&shape->zone_is[i], zone))
			return false;
	return !shape->zone_ok || shape->zone_ok(op, zone);
}

bool shape_is_fixed(const struct op *op, const json_t *record)
{
	const struct rule *fixed = &op->provider->shape->fixed;

	return fixed->path && holds(fixed, record);
}

/* ---- content ---- */

/* The presentation form of a CAA that comes in parts; empty when it is none. */
static struct bytes caa_of(const struct shape *shape, const json_t *v, struct buf *space)
{
	struct caa caa = {.value = json_bytes_at(v, shape->caa.value)};
	uint64_t flags = 0;

	if ((shape->caa.flags &&
	     !op_read_number(json_at(v, shape->caa.flags), UINT8_MAX, &flags)) ||
	    bytes_to_str(json_bytes_at(v, shape->caa.tag), caa.tag, sizeof(caa.tag)) < 0 ||
	    !caa.tag[0])
		return bytes_of(NULL, 0);
	caa.flags = (uint8_t)flags;
	if (caa.value.n > 1 && caa.value.p[0] == '"' && caa.value.p[caa.value.n - 1] == '"')
		caa.value = bytes_of(caa.value.p + 1, caa.value.n - 2);
	if (shape->caa.dotted && caa.value.n && caa.value.p[caa.value.n - 1] == '.')
		caa.value.n--;
	caa_put(space, &caa);
	return buf_bytes(space);
}

/* Strings of an array are pieces of one text. */
static struct bytes joined(const json_t *v, struct buf *space)
{
	const json_t *part;
	size_t i;

	if (!json_is_array(v))
		return json_bytes(v);
	json_array_foreach(v, i, part)
	{
		buf_put_bytes(space, json_bytes(part));
	}
	return buf_bytes(space);
}

/* NAME with its zone and the final dot, where it has none. */
static struct bytes qualified(const struct op *op, struct bytes name, struct buf *space)
{
	if (space->n || (name.n && name.p[name.n - 1] == '.'))
		return name;
	buf_put_bytes(space, name);
	if (name.n)
		buf_putc(space, '.');
	buf_put_bytes(space, dns_name_text(&op->zone));
	buf_putc(space, '.');
	return buf_bytes(space);
}

struct bytes shape_content(const struct op *op, enum rr_type type, const json_t *v,
			   struct buf *space)
{
	const struct shape *shape = op->provider->shape;
	struct bytes content = {0};

	if (shape->caa.tag && type == RR_CAA)
		content = caa_of(shape, v, space);
	if (!content.n)
		content = joined(json_at(v, shape->content ? shape->content : ""), space);
	if (!content.n && shape->content_of)
		content = shape->content_of(v, space);
	return shape->relative && (type == RR_CNAME || type == RR_NS)
		       ? qualified(op, content, space)
		       : content;
}

/* O[PATH] becomes V, which is taken; of "a.b" the object O.a is made where there is none. */
static int put_at(json_t *o, const char *path, json_t *v)
{
	size_t n = strcspn(path, ".");
	char key[32];
	json_t *inner;

	if (!path[n])
		return json_object_set_new(o, path, v);
	if (bytes_to_str(bytes_of(path, n), key, sizeof(key)) < 0)
		abort();
	inner = json_object_get(o, key);
	if (!inner) {
		inner = json_object();
		(void)json_object_set_new(o, key, inner);
	}
	return put_at(inner, path + n + 1, v);
}

bool shape_can_say(const struct op *op)
{
	const struct shape *shape = op->provider->shape;
	struct caa caa;

	return op->type != RR_CAA || !shape || !shape->caa.tag || shape->caa.flags ||
	       caa_parse(&caa, op->value) != 0 || caa.flags == 0;
}

int shape_put_caa(const struct op *op, json_t *o)
{
	const struct shape *shape = op->provider->shape;
	struct caa caa;
	int failed = 0;

	/* A flag that cannot be said would change what the record means. */
	if (caa_parse(&caa, op->value) != 0 || (caa.flags && !shape->caa.flags))
		return -1;
	if (shape->caa.flags)
		failed = put_at(o, shape->caa.flags, json_integer(caa.flags));
	failed |= put_at(o, shape->caa.tag, json_string(caa.tag));
	failed |= put_at(o, shape->caa.value,
			 json_sprintf("%.*s%s", (int)caa.value.n, (const char *)caa.value.p,
				      shape->caa.dotted && caa.value.n ? "." : ""));
	return failed;
}
