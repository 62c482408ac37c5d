/* SPDX-License-Identifier: ISC */
/*
 * From JSON text (RFC 8259) to jansson's values. The reading is ours, for jansson's own takes each byte through several calls, which is what a list of zones costs most by;
 * fuzz_json holds it to jansson's.
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>

#define TEXT_MAX                                                                                   \
	(64 * 1024 * 1024) /* never reached: no text is longer than what it was read from */

struct reader {
	const unsigned char *begin, *p, *end;
	unsigned values;	   /* as JSON_VALUES_MAX counts them */
	struct buf text;	   /* a string that holds escapes */
	const struct bytes *names; /* of members that are wanted; NULL: all are */
	size_t n_names;
	bool skipping; /* in what is not wanted: true stands for any value */
	bool no_memory;
	const char *why; /* a limit; NULL: P is where it went wrong */
	bool duplicate;	 /* the key before P */
};

static json_t *read_value(struct reader *r, unsigned depth);

static void *no_memory(struct reader *r)
{
	r->no_memory = true;
	return NULL;
}

/* One more value may come. */
static bool count(struct reader *r)
{
	if (++r->values > JSON_VALUES_MAX)
		r->why = "too many values";
	return !r->why;
}

static void skip_blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
		r->p++;
}

/* Blanks, then C. */
static bool take(struct reader *r, unsigned char c)
{
	skip_blanks(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

/* ---- strings ---- */

/* Four hex digits. -1: they are none. */
static int32_t take_hex(struct reader *r)
{
	int32_t v = 0;

	if (r->end - r->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = text_hex_digit(r->p[i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	r->p += 4;
	return v;
}

static void put_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_putc(b, (unsigned char)c);
		return;
	}
	if (c < 0x800) {
		buf_putc(b, (unsigned char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_putc(b, (unsigned char)(0xe0 | c >> 12));
		} else {
			buf_putc(b, (unsigned char)(0xf0 | c >> 18));
			buf_putc(b, (unsigned char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_putc(b, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_putc(b, (unsigned char)(0x80 | (c & 0x3f)));
}

/* Behind "\u". No half of a pair may stand alone, and no NUL. */
static bool take_unicode(struct reader *r)
{
	int32_t c = take_hex(r), low;

	if (c >= 0xd800 && c <= 0xdbff && r->end - r->p >= 2 && r->p[0] == '\\' && r->p[1] == 'u') {
		r->p += 2;
		low = take_hex(r);
		if (low < 0xdc00 || low > 0xdfff)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (c <= 0 || (c >= 0xd800 && c <= 0xdfff))
		return false;
	put_utf8(&r->text, (uint32_t)c);
	return true;
}

/* Behind the backslash. */
static bool take_escape(struct reader *r)
{
	static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (r->p == r->end)
		return false;
	if (*r->p == 'u') {
		r->p++;
		return take_unicode(r);
	}
	at = *r->p ? strchr(letters, *r->p) : NULL;
	if (!at)
		return false;
	r->p++;
	buf_putc(&r->text, (unsigned char)means[at - letters]);
	return true;
}

/* Up to the next quote, backslash or control character. False: it is not UTF-8. */
static bool take_plain(struct reader *r, struct bytes *out)
{
	const unsigned char *from = r->p;
	unsigned char high = 0;

	while (r->p < r->end && *r->p != '"' && *r->p != '\\' && *r->p >= 0x20)
		high |= *r->p++;
	*out = bytes_of(from, (size_t)(r->p - from));
	return high < 0x80 || bytes_utf8(*out);
}

/* Behind the first quote; *OUT is borrowed from the input, or good until the next string. */
static bool read_string(struct reader *r, struct bytes *out)
{
	bool plain = true;

	buf_reset(&r->text);
	for (;;) {
		if (!take_plain(r, out) || r->p == r->end || *r->p < 0x20)
			return false;
		if (*r->p == '"' && plain) {
			r->p++;
			return true;
		}
		buf_put_bytes(&r->text, *out);
		plain = false;
		if (*r->p++ == '"')
			break;
		if (!take_escape(r))
			return false;
	}
	*out = buf_bytes(&r->text);
	r->no_memory |= buf_status(&r->text) < 0;
	return !r->no_memory;
}

static json_t *string_value(struct reader *r)
{
	struct bytes s;
	json_t *v;

	if (!read_string(r, &s))
		return NULL;
	if (r->skipping)
		return json_true();
	v = json_stringn_nocheck(s.n ? (const char *)s.p : "", s.n);
	return v ? v : no_memory(r);
}

/* ---- numbers ---- */

static bool take_digits(struct reader *r)
{
	const unsigned char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > from;
}

/* The grammar of RFC 8259, section 6. */
static bool take_number(struct reader *r, bool *whole)
{
	*whole = true;
	if (*r->p == '-')
		r->p++;
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (!take_digits(r))
		return false;
	if (r->p < r->end && *r->p == '.') {
		*whole = false;
		r->p++;
		if (!take_digits(r))
			return false;
	}
	if (r->p < r->end && (*r->p | 0x20) == 'e') {
		*whole = false;
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!take_digits(r))
			return false;
	}
	return true;
}

static json_t *whole_value(struct reader *r, struct bytes text)
{
	bool minus = text.p[0] == '-';
	uint64_t n;
	json_t *v;

	if (text_to_u64(bytes_skip(text, minus), (uint64_t)INT64_MAX + minus, &n) != 0)
		return NULL;
	v = json_integer((json_int_t)(minus ? 0 - n : n));
	return v ? v : no_memory(r);
}

static json_t *number_value(struct reader *r)
{
	const unsigned char *from = r->p;
	struct bytes text;
	json_error_t e;
	json_t *v;
	bool whole;

	if (!take_number(r, &whole))
		return NULL;
	if (r->skipping)
		return json_true();
	text = bytes_of(from, (size_t)(r->p - from));
	if (whole)
		return whole_value(r, text);
	/* Fractions are rare, and their rounding is a science: jansson's. */
	v = json_loadb((const char *)text.p, text.n, JSON_DECODE_ANY, &e);
	if (!v && json_error_code(&e) == json_error_out_of_memory)
		return no_memory(r);
	return v;
}

/* ---- arrays and objects ---- */

static json_t *read_array(struct reader *r, unsigned depth)
{
	json_t *a = r->skipping ? json_true() : json_array(), *v;

	if (!a)
		return no_memory(r);
	if (take(r, ']'))
		return a;
	do {
		v = read_value(r, depth);
		if (v && !r->skipping && json_array_append_new(a, v) < 0)
			v = no_memory(r);
		if (!v)
			break;
		if (take(r, ']'))
			return a;
	} while (take(r, ',') && count(r));
	json_decref(a);
	return NULL;
}

static bool is_wanted(const struct reader *r, struct bytes key)
{
	for (size_t i = 0; i < r->n_names; i++)
		if (bytes_eq(key, r->names[i]))
			return true;
	return !r->names;
}

/* The value of a member that is not wanted. */
static bool skip_member(struct reader *r, unsigned depth)
{
	bool within = r->skipping, ok;

	r->skipping = true;
	ok = take(r, ':') && read_value(r, depth);
	r->skipping = within;
	return ok;
}

static bool set_member(struct reader *r, json_t *o, struct bytes key, unsigned depth)
{
	const size_t members = json_object_size(o);
	const unsigned char *behind = r->p;
	json_t *v = take(r, ':') ? read_value(r, depth) : NULL;

	if (v && json_object_setn_new_nocheck(o, key.n ? (const char *)key.p : "", key.n, v) < 0)
		v = no_memory(r);
	/* It took another's place. */
	if (v && json_object_size(o) == members) {
		r->duplicate = true;
		r->p = behind;
		return false;
	}
	return v != NULL;
}

/* Key and value, into O. */
static bool read_member(struct reader *r, json_t *o, unsigned depth)
{
	struct buf copy = BUF_INIT(TEXT_MAX);
	struct bytes key;
	bool ok;

	if (!take(r, '"') || !read_string(r, &key))
		return false;
	if (r->skipping || !is_wanted(r, key))
		return skip_member(r, depth);
	/* The value's strings would take its place. */
	if (key.p == r->text.p) {
		buf_put_bytes(&copy, key);
		r->no_memory |= buf_status(&copy) < 0;
		key = buf_bytes(&copy);
	}
	ok = !r->no_memory && set_member(r, o, key, depth);
	buf_done(&copy);
	return ok;
}

static json_t *read_object(struct reader *r, unsigned depth)
{
	json_t *o = r->skipping ? json_true() : json_object();

	if (!o)
		return no_memory(r);
	if (take(r, '}'))
		return o;
	do {
		if (!read_member(r, o, depth))
			break;
		if (take(r, '}'))
			return o;
	} while (take(r, ',') && count(r));
	json_decref(o);
	return NULL;
}

static json_t *word_value(struct reader *r, struct bytes word, json_t *v)
{
	if (!bytes_starts(bytes_of(r->p, (size_t)(r->end - r->p)), word))
		return NULL;
	r->p += word.n;
	return v;
}

/* DEPTH: of the arrays and objects that may still begin. */
static json_t *read_value(struct reader *r, unsigned depth)
{
	skip_blanks(r);
	if (r->p == r->end)
		return NULL;
	switch (*r->p) {
	case '[':
	case '{':
		if (depth == 0)
			r->why = "nested too deep";
		if (depth == 0 || !count(r))
			return NULL;
		return *r->p++ == '[' ? read_array(r, depth - 1) : read_object(r, depth - 1);
	case '"':
		r->p++;
		return string_value(r);
	case 't':
		return word_value(r, BYTES("true"), json_true());
	case 'f':
		return word_value(r, BYTES("false"), json_false());
	case 'n':
		return word_value(r, BYTES("null"), json_null());
	default:
		return number_value(r);
	}
}

/* ---- the whole ---- */

static void tell_where(const struct reader *r, char *err, size_t size)
{
	size_t line = 1, column = 1;

	for (const unsigned char *p = r->begin; p < r->p; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	snprintf(err, size, "%sline %zu, column %zu", r->duplicate ? "duplicate key at " : "", line,
		 column);
}

static int parse(struct reader *r, struct bytes in, unsigned depth, json_t **out)
{
	const unsigned long failures = memory_failures();
	json_t *v;

	r->begin = r->p = in.n ? in.p : (const unsigned char *)""; /* not NULL */
	r->end = r->begin + in.n;
	r->values = 1;
	r->text = BUF_INIT(TEXT_MAX);
	v = in.n ? read_value(r, depth) : NULL;
	skip_blanks(r);
	if (v && r->p < r->end) {
		json_decref(v);
		v = NULL;
	}
	buf_done(&r->text);
	if (r->no_memory || memory_failures() != failures) {
		json_decref(v);
		return -ENOMEM;
	}
	if (!v)
		return JSON_E_BAD;
	*out = v;
	return 0;
}

int json_parse(struct bytes in, unsigned depth, json_t **out, char *err, size_t err_size)
{
	struct reader r = {0};
	int rc = parse(&r, in, depth, out);

	if (rc == JSON_E_BAD && err && r.why)
		snprintf(err, err_size, "%s", r.why);
	else if (rc == JSON_E_BAD && err)
		tell_where(&r, err, err_size);
	return rc;
}

int json_parse_members(struct bytes in, unsigned depth, const struct bytes *names, size_t n,
		       json_t **out)
{
	struct reader r = {.names = names, .n_names = n};

	return parse(&r, in, depth, out);
}
