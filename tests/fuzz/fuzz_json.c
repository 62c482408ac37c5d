/* SPDX-License-Identifier: ISC */
/*
 * JSON in: what we take jansson takes too, and another library, and they find the same in it; and what jansson takes we take, within our limits. JSON out: any bytes as a string are ASCII, and come back. What we take and write
 * again with our own writer is taken, and is the same.
 */
#include "base/json.h"
#include "fuzz.h"

#ifdef OTHER_JSON
#include "other_json.h"
#endif

#define DEPTH 32

static void put(struct buf *b, const json_t *v);

static void put_members(struct buf *b, const json_t *v)
{
	const char *comma = "", *key;
	json_t *member;
	size_t i;

	buf_putc(b, json_is_array(v) ? '[' : '{');
	json_array_foreach(v, i, member)
	{
		buf_puts(b, comma);
		put(b, member);
		comma = ",";
	}
	json_object_foreach((json_t *)v, key, member)
	{
		buf_puts(b, comma);
		json_put_string(b, bytes_str(key));
		buf_putc(b, ':');
		put(b, member);
		comma = ",";
	}
	buf_putc(b, json_is_array(v) ? ']' : '}');
}

static void put(struct buf *b, const json_t *v)
{
	char number[400];

	if (json_is_string(v))
		json_put_string(b, json_bytes(v));
	else if (json_is_integer(v))
		buf_printf(b, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v)) {
		snprintf(number, sizeof(number), "%.17g", json_real_value(v));
		buf_puts(b, number);
		if (!number[strcspn(number, ".eE")])
			buf_puts(b, ".0");
	} else if (json_is_null(v))
		buf_puts(b, "null");
	else if (json_is_boolean(v))
		buf_puts(b, json_is_true(v) ? "true" : "false");
	else
		put_members(b, v);
}

static unsigned depth_of(const json_t *v)
{
	unsigned deepest = 0, d;
	const char *key;
	json_t *member;
	size_t i;

	json_array_foreach(v, i, member)
	{
		d = depth_of(member);
		deepest = d > deepest ? d : deepest;
	}
	json_object_foreach((json_t *)v, key, member)
	{
		CHECK(bytes_utf8(bytes_str(key)));
		d = depth_of(member);
		deepest = d > deepest ? d : deepest;
	}
	CHECK(!json_is_string(v) ||
	      (bytes_utf8(json_bytes(v)) && !memchr(json_bytes(v).p, 0, json_bytes(v).n)));
	return json_is_array(v) || json_is_object(v) ? deepest + 1 : 0;
}

/* As json_read.c would have it if jansson read. NULL: it is refused. */
static json_t *read_by_jansson(struct bytes in)
{
	return json_loadb(in.n ? (const char *)in.p : "", in.n,
			  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

static void check_taken(struct bytes in, const json_t *v)
{
	json_t *theirs cleanup(json_cleanup) = read_by_jansson(in);

	struct buf text = BUF_INIT(1 << 22);
	json_t *again cleanup(json_cleanup) = NULL;

	CHECK(theirs && json_equal(v, theirs));
	CHECK(depth_of(v) <= DEPTH && bytes_utf8(in));
	put(&text, v);
	CHECK(buf_status(&text) == 0 && bytes_printable(buf_bytes(&text)));
	CHECK(json_parse(buf_bytes(&text), DEPTH, &again, NULL, 0) == 0 && json_equal(v, again));
	buf_done(&text);
#ifdef OTHER_JSON
	CHECK(other_json_agrees(in, v));
#endif
}

static void check_refused(struct bytes in, const json_t *v, const char *err)
{
	CHECK(!v && *err && bytes_printable(bytes_str(err)));
	/* jansson loses a NUL that follows a number, and would take "[1\0]" */
	if (strncmp(err, "line ", 5) == 0 && (in.n == 0 || !memchr(in.p, 0, in.n)))
		CHECK(!read_by_jansson(in));
	/* Of the input it tells nothing but where. */
	CHECK(strncmp(err, "line ", 5) == 0 || strncmp(err, "duplicate key at line ", 22) == 0 ||
	      strcmp(err, "nested too deep") == 0 || strcmp(err, "too many values") == 0);
	CHECK(strlen(err) < 60);
}

/* What is below the members that are named is there, and nothing else; NULL where V is nothing of the kind. */
static json_t *members_of(const json_t *v)
{
	json_t *some = json_is_object(v) ? json_object() : json_array(), *member;
	const char *key;
	size_t i;

	if (!json_is_object(v) && !json_is_array(v)) {
		json_decref(some);
		return json_deep_copy(v);
	}
	json_array_foreach(v, i, member)
	{
		CHECK(json_array_append_new(some, members_of(member)) == 0);
	}
	json_object_foreach((json_t *)v, key, member)
	{
		if (strcmp(key, "a") == 0 || strcmp(key, "id") == 0)
			CHECK(json_object_set_new(some, key, members_of(member)) == 0);
	}
	return some;
}

/* Where the whole is taken, so are some of its members; where these are not, the whole is not either. */
static void try_members(struct bytes in, const json_t *whole)
{
	static const struct bytes names[] = {BYTES("a"), BYTES("id")};
	json_t *some cleanup(json_cleanup) = NULL;
	json_t *want cleanup(json_cleanup) = whole ? members_of(whole) : NULL;
	int r = json_parse_members(in, DEPTH, names, ARRAY_LEN(names), &some);

	CHECK(r == 0 || (r == JSON_E_BAD && !some && !whole));
	CHECK(!whole || json_equal(some, want));
}

static void try_string(struct bytes in)
{
	struct buf text = BUF_INIT(1 << 22);
	json_t *v cleanup(json_cleanup) = NULL;

	if (in.n && memchr(in.p, 0, in.n))
		return; /* is written, and not taken */
	json_put_string(&text, in);
	CHECK(buf_status(&text) == 0 && bytes_printable(buf_bytes(&text)));
	CHECK(json_parse(buf_bytes(&text), 1, &v, NULL, 0) == 0 && json_is_string(v));
	CHECK(!bytes_utf8(in) || bytes_eq(json_bytes(v), in));
#ifdef OTHER_JSON
	CHECK(other_json_agrees(buf_bytes(&text), v));
#endif
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	json_t *v = NULL;
	char err[80] = "";
	int r = json_parse(in, DEPTH, &v, err, sizeof(err));

	CHECK(r == 0 || r == JSON_E_BAD);
	if (r == 0)
		check_taken(in, v);
	else
		check_refused(in, v, err);
	try_members(in, v);
	try_string(in);
	json_decref(v);
	return 0;
}
