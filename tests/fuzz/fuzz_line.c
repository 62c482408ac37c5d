/* SPDX-License-Identifier: ISC */
/*
 * The audit log's line, of any values: one line of ASCII, JSON, and every field is in it as it was. Input: sequence number and time (8 bytes each), then the
 * fields, each ended by a 0xff, which is in no UTF-8; a 0xfe ends an item of the list.
 */
#include "audit/line.h"
#include "base/json.h"
#include "fuzz.h"

#include <sodium.h>

static uint64_t take_u64(struct bytes *in)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | fuzz_byte(in);
	return v;
}

static struct bytes take_TEXT(struct bytes *in, struct buf *list)
{
	return fuzz_part(in, (char)0xff);
}

static struct bytes take_LIST(struct bytes *in, struct buf *list)
{
	struct bytes items = fuzz_part(in, (char)0xff);

	while (items.n)
		plist_put(list, fuzz_part(&items, (char)0xfe));
	return buf_bytes(list);
}

static int64_t take_NUMBER(struct bytes *in, struct buf *list)
{
	return (int64_t)fuzz_byte(in) - 100;
}

/* What is not UTF-8 is written as U+FFFD, and then is not the same any more. */
static void check_text(const json_t *v, struct bytes want)
{
	CHECK(json_is_string(v));
	CHECK(!bytes_utf8(want) || bytes_eq(json_bytes(v), want));
	CHECK(bytes_utf8(json_bytes(v)));
}

static void check_TEXT(const json_t *v, struct bytes want)
{
	if (want.n)
		check_text(v, want);
	else
		CHECK(json_is_null(v));
}

static void check_LIST(const json_t *v, struct bytes want)
{
	struct bytes item;

	if (!want.n) {
		CHECK(json_is_null(v));
		return;
	}
	CHECK(json_is_array(v) && json_array_size(v) == plist_count(want));
	for (size_t i = 0; plist_next(&want, &item); i++)
		check_text(json_array_get(v, i), item);
}

static void check_NUMBER(const json_t *v, int64_t want)
{
	if (want < 0)
		CHECK(json_is_null(v));
	else
		CHECK(json_is_integer(v) && json_integer_value(v) == want);
}

static void check_line(const struct audit_line *line, struct bytes text)
{
	unsigned char leaf[32], want[32], prefixed[AUDIT_LINE_MAX] = {0};
	json_t *o cleanup(json_cleanup) = NULL;

	CHECK(text.n && text.n <= AUDIT_LINE_MAX && text.p[text.n - 1] == '\n');
	text.n--;
	CHECK(bytes_printable(text) && json_parse(text, 4, &o, NULL, 0) == 0);
	CHECK(json_is_integer(json_object_get(o, "seq")));
	CHECK((uint64_t)json_integer_value(json_object_get(o, "seq")) == line->seq);
#define X(kind, name) check_##kind(json_object_get(o, #name), line->name);
	AUDIT_FIELDS(X)
#undef X
	memcpy(prefixed + 1, text.p, text.n);
	crypto_hash_sha256(want, prefixed, text.n + 1);
	audit_line_leaf(text, leaf);
	CHECK(memcmp(leaf, want, sizeof(leaf)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf list = BUF_INIT(1 << 20), out = BUF_INIT(2 * AUDIT_LINE_MAX);
	struct audit_line line = audit_line_empty();
	struct bytes in = bytes_of(data, size);
	int r;

	/* A NUL stands in no field: the wire takes none but in values, and those have none. */
	if (in.n > 16 && memchr(in.p + 16, 0, in.n - 16))
		return 0;
	line.seq = take_u64(&in) & INT64_MAX;
	line.time = (int64_t)(take_u64(&in) % UINT64_C(253402300800000000)); /* the year 10000 */
#define X(kind, name) line.name = take_##kind(&in, &list);
	AUDIT_FIELDS(X)
#undef X
	buf_puts(&out, "x");
	r = audit_line_put(&line, &out);
	CHECK(r == 0 || r == -EMSGSIZE);
	if (r == 0)
		check_line(&line, bytes_skip(buf_bytes(&out), 1));
	else
		CHECK(out.n == 1);
	buf_done(&list);
	buf_done(&out);
	return 0;
}
