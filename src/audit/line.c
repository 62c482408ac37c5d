/* SPDX-License-Identifier: ISC */
#include "audit/line.h"

#include "audit/hash.h"
#include "base/json.h"
#include "base/text.h"

#define TYPICAL 1024 /* bytes of a line */

struct audit_line audit_line_empty(void)
{
	return (struct audit_line){.duration_ms = -1};
}

static void put_TEXT(struct buf *b, struct bytes v)
{
	if (v.n)
		json_put_string(b, v);
	else
		buf_puts(b, "null");
}

static void put_LIST(struct buf *b, struct bytes list)
{
	struct bytes item;

	if (!list.n) {
		buf_puts(b, "null");
		return;
	}
	buf_putc(b, '[');
	for (bool first = true; plist_next(&list, &item); first = false) {
		if (!first)
			buf_putc(b, ',');
		json_put_string(b, item);
	}
	buf_putc(b, ']');
}

static void put_NUMBER(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_puts(b, "null");
	else
		buf_put_decimal(b, (uint64_t)v);
}

int audit_line_put(const struct audit_line *line, struct buf *out)
{
	struct buf b = BUF_INIT(AUDIT_LINE_MAX);
	int r;

	buf_reserve(&b, TYPICAL);

	buf_puts(&b, "{\"seq\":");
	buf_put_decimal(&b, line->seq);
	buf_puts(&b, ",\"time\":\"");
	text_put_time(&b, line->time);
	buf_putc(&b, '"');
#define X(kind, name)                                                                              \
	buf_puts(&b, ",\"" #name "\":");                                                           \
	put_##kind(&b, line->name);
	AUDIT_FIELDS(X)
#undef X
	buf_puts(&b, "}\n");
	r = buf_status(&b) == -ENOBUFS ? -EMSGSIZE : buf_status(&b);
	if (r == 0) {
		buf_put_bytes(out, buf_bytes(&b));
		r = buf_status(out);
	}
	buf_done(&b);
	return r;
}

void audit_line_leaf(struct bytes line, unsigned char leaf[32])
{
	audit_hash(0, line, bytes_of(NULL, 0), leaf);
}
