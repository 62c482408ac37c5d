/* SPDX-License-Identifier: ISC */
#include "base/json.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>

void json_cleanup(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

/*
 * jansson recurses, to a depth fixed when it was built (2048), and makes eighty bytes of one, so
 * look first. Brackets and commas inside strings do not count; on malformed text the answer does
 * not matter, for the parser will refuse it. Returns what is too much, or NULL.
 */
static const char *too_much(struct bytes in, unsigned depth)
{
	unsigned level = 0, values = 1;
	bool string = false;

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = in.p[i];
		if (string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				string = false;
		} else if (c == '"') {
			string = true;
		} else if (c == '[' || c == '{') {
			values++;
			if (++level > depth)
				return "nested too deep";
		} else if (c == ',') {
			values++;
		} else if ((c == ']' || c == '}') && level > 0) {
			level--;
		}
		if (values > JSON_VALUES_MAX)
			return "too many values";
	}
	return NULL;
}

int json_parse(struct bytes in, unsigned depth, json_t **out, char *err, size_t err_size)
{
	const unsigned char *nul = in.n ? memchr(in.p, 0, in.n) : NULL;
	const unsigned long failures = memory_failures();
	const char *why;
	json_error_t e;
	json_t *v;

	/* jansson loses a NUL that follows a number, and would take "[1\0]" */
	if (nul) {
		if (err)
			snprintf(err, err_size, "NUL at byte %zu", (size_t)(nul - in.p) + 1);
		return JSON_E_BAD;
	}
	why = too_much(in, depth);
	if (why) {
		if (err)
			snprintf(err, err_size, "%s", why);
		return JSON_E_BAD;
	}
	v = json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	/* jansson leaves out of a string what there is no memory for, or calls the text invalid */
	if (memory_failures() != failures ||
	    (!v && json_error_code(&e) == json_error_out_of_memory)) {
		json_decref(v);
		return -ENOMEM;
	}
	if (!v) {
		/* e.text quotes the input: a secret may stand there */
		if (err && json_error_code(&e) == json_error_duplicate_key)
			snprintf(err, err_size, "duplicate key at line %d, column %d", e.line,
				 e.column);
		else if (err)
			snprintf(err, err_size, "line %d, column %d", e.line, e.column);
		return JSON_E_BAD;
	}
	*out = v;
	return 0;
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
