/* SPDX-License-Identifier: ISC */
#include "base/json.h"

#include "base/memory.h"
#include "base/text.h"

void json_cleanup(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

json_t *json_from_bytes(struct bytes v)
{
	return json_stringn(v.n ? (const char *)v.p : "", v.n);
}

struct bytes json_bytes(const json_t *v)
{
	if (!json_is_string(v))
		return bytes_of(NULL, 0);
	return bytes_of(json_string_value(v), json_string_length(v));
}

struct bytes json_get_bytes(const json_t *o, const char *key)
{
	return json_bytes(json_object_get(o, key));
}

bool json_get_u64(const json_t *o, const char *key, uint64_t max, uint64_t *out)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return false;
	*out = (uint64_t)json_integer_value(v);
	return true;
}

/* One UTF-8 character off the front of S; U+FFFD and one byte where it is not well-formed. */
static uint32_t take_char(struct bytes *s)
{
	static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t len = 1;
	uint32_t c;

	while (len < 4 && len < s->n && !bytes_utf8(bytes_of(s->p, len)))
		len++;
	if (!bytes_utf8(bytes_of(s->p, len))) {
		*s = bytes_skip(*s, 1);
		return 0xfffd;
	}
	c = s->p[0] & mask[len];
	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s->p[i] & 0x3f);
	*s = bytes_skip(*s, len);
	return c;
}

static void put_escape(struct buf *b, uint32_t c)
{
	switch (c) {
	case '"':
		buf_puts(b, "\\\"");
		return;
	case '\\':
		buf_puts(b, "\\\\");
		return;
	case '\n':
		buf_puts(b, "\\n");
		return;
	case '\r':
		buf_puts(b, "\\r");
		return;
	case '\t':
		buf_puts(b, "\\t");
		return;
	default:
		if (c < 0x10000)
			buf_printf(b, "\\u%04x", (unsigned)c);
		else
			buf_printf(b, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)),
				   (unsigned)(0xdc00 + (c & 0x3ff)));
	}
}

void json_put_string(struct buf *b, struct bytes s)
{
	buf_putc(b, '"');
	while (s.n) {
		size_t plain = 0;
		while (plain < s.n && s.p[plain] >= 0x20 && s.p[plain] <= 0x7e &&
		       s.p[plain] != '"' && s.p[plain] != '\\')
			plain++;
		buf_put(b, s.p, plain);
		s = bytes_skip(s, plain);
		if (s.n)
			put_escape(b, take_char(&s));
	}
	buf_putc(b, '"');
}

const json_t *json_at(const json_t *v, const char *path)
{
	char key[64];

	while (v && *path) {
		size_t n = strcspn(path, ".");
		uint64_t index;

		if (bytes_to_str(bytes_of(path, n), key, sizeof(key)) < 0)
			return NULL;
		if (!json_is_array(v))
			v = json_object_get(v, key);
		else
			v = text_to_u64(bytes_of(path, n), SIZE_MAX, &index) == 0
				    ? json_array_get(v, index)
				    : NULL;
		path += n + (path[n] == '.');
	}
	return v;
}

struct bytes json_bytes_at(const json_t *v, const char *path)
{
	return json_bytes(json_at(v, path));
}
