/* SPDX-License-Identifier: ISC */
#include "cli/args.h"

#include "base/text.h"

#define KEY_PART_MAX 64
#define AGO_MAX	     1000000 /* of any unit: no overflow, and long before 1970 */

int args_split(struct bytes arg, struct bytes *key, struct bytes *value, bool *raw)
{
	size_t equals = bytes_find(arg, BYTES("="));
	size_t n = equals;
	bool colon = n > 0 && n < arg.n && arg.p[n - 1] == ':';

	n -= colon;
	if (equals == arg.n || n == 0)
		return ARGS_E_BAD;
	*key = bytes_of(arg.p, n);
	*value = bytes_of(arg.p + equals + 1, arg.n - equals - 1);
	*raw = colon;
	return 0;
}

/* The object under NAME in O, made when missing. NULL: something else is there, or no memory. */
static json_t *object_under(json_t *o, const char *name)
{
	json_t *inner = json_object_get(o, name);

	if (!inner) {
		if (json_object_set_new(o, name, json_object()) < 0)
			return NULL;
		inner = json_object_get(o, name);
	}
	return json_is_object(inner) ? inner : NULL;
}

static const char *set(json_t *o, struct bytes key, json_t *v)
{
	char part[KEY_PART_MAX + 1];

	for (;;) {
		size_t dot = bytes_find(key, BYTES("."));

		if (dot == 0 || bytes_to_str(bytes_of(key.p, dot), part, sizeof(part)) < 0)
			return "is no name of a field";
		if (dot == key.n)
			break;
		o = object_under(o, part);
		if (!o)
			return "stands below something that is no object";
		key = bytes_of(key.p + dot + 1, key.n - dot - 1);
	}
	if (json_object_get(o, part))
		return "is given twice";
	/* The one thing that can be wrong with the name now is its encoding. */
	return json_object_set(o, part, v) < 0 ? "is not UTF-8" : NULL;
}

const char *args_set(json_t *o, struct bytes key, json_t *v)
{
	const char *why = v ? set(o, key, v) : "out of memory";

	json_decref(v);
	return why;
}

int args_time(struct bytes text, int64_t now, int64_t *out)
{
	static const struct {
		unsigned char unit;
		unsigned seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	uint64_t n;

	if (text_to_time(text, out) == 0)
		return 0;
	if (text.n < 2 || text_to_u64(bytes_of(text.p, text.n - 1), AGO_MAX, &n) != 0)
		return ARGS_E_BAD;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		int64_t ago = (int64_t)(n * units[i].seconds) * 1000000;

		if (text.p[text.n - 1] == units[i].unit) {
			*out = ago < now ? now - ago : 0;
			return 0;
		}
	}
	return ARGS_E_BAD;
}

/* ---- for people ---- */

static void put_text(struct buf *b, struct bytes s)
{
	if (bytes_printable(s) && s.n)
		buf_put_bytes(b, s);
	else
		json_put_string(b, s);
}

static void put_scalar(struct buf *b, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		put_text(b, json_bytes(v));
		break;
	case JSON_INTEGER:
		buf_printf(b, "%lld", (long long)json_integer_value(v));
		break;
	case JSON_REAL:
		buf_printf(b, "%.17g", json_real_value(v));
		break;
	case JSON_TRUE:
		buf_puts(b, "true");
		break;
	case JSON_FALSE:
		buf_puts(b, "false");
		break;
	default:
		buf_puts(b, "null");
	}
}

static size_t size_of(const json_t *v)
{
	return json_is_object(v) ? json_object_size(v) : json_array_size(v);
}

static void put_nested(struct buf *b, const json_t *v, unsigned indent, bool begun);

/* V behind a "key:" or, in a list, a dash. */
static void put_behind(struct buf *b, const json_t *v, unsigned indent, bool dash)
{
	if (!json_is_object(v) && !json_is_array(v)) {
		buf_putc(b, ' ');
		put_scalar(b, v);
		buf_putc(b, '\n');
	} else if (size_of(v) == 0) {
		buf_puts(b, " none\n");
	} else {
		buf_putc(b, dash ? ' ' : '\n');
		put_nested(b, v, indent + 2, dash);
	}
}

static void pad(struct buf *b, unsigned n)
{
	while (n--)
		buf_putc(b, ' ');
}

/* BEGUN: the first line stands behind a dash and needs no indent. */
static void put_nested(struct buf *b, const json_t *v, unsigned indent, bool begun)
{
	const json_t *item;
	const char *key;
	size_t i;

	json_array_foreach(v, i, item)
	{
		pad(b, begun ? 0 : indent);
		buf_putc(b, '-');
		put_behind(b, item, indent, true);
		begun = false;
	}
	/* The iterator wants a json_t that may be changed; nothing here does. */
	json_object_foreach((json_t *)(uintptr_t)v, key, item)
	{
		pad(b, begun ? 0 : indent);
		put_text(b, bytes_str(key));
		buf_putc(b, ':');
		put_behind(b, item, indent, false);
		begun = false;
	}
}

void args_print(struct buf *b, const json_t *v)
{
	if (json_is_object(v) || json_is_array(v)) {
		put_nested(b, v, 0, false);
	} else {
		put_scalar(b, v);
		buf_putc(b, '\n');
	}
}
