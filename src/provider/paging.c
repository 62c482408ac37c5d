/* SPDX-License-Identifier: ISC */
/* Lists in pages. Of a link to the next page only what identifies it is taken: where to ask stands in the table. */
#include "provider/kit.h"

#include "base/text.h"

void paging_ask(const struct paging *p, const struct op *op, struct request *r)
{
	bool by_cursor = p->kind == PAGING_CURSOR || p->kind == PAGING_URL ||
			 p->kind == PAGING_LINK || p->kind == PAGING_LAST;

	if (p->kind == PAGING_NONE)
		return;
	if (p->param && by_cursor && op->cursor.n)
		request_query(r, p->param, buf_bytes(&op->cursor));
	else if (p->param && !by_cursor)
		request_query_num(r, p->param, op->page - p->from_zero);
	if (p->size_param)
		request_query_num(r, p->size_param, p->size);
}

/* Is it NAME, percent-encoded or not, in whatever case? */
static bool is_key(struct bytes key, const char *name)
{
	struct buf plain = BUF_INIT(256);
	bool same = text_from_pct(key, &plain) == 0 &&
		    bytes_eq_nocase(buf_bytes(&plain), bytes_str(name));

	buf_done(&plain);
	return same;
}

/* The value of NAME in the URL's query, its percent-encoding undone, to OUT. False when it is not there. */
static bool query_value(struct bytes url, const char *name, struct buf *out)
{
	struct bytes rest = bytes_skip(url, bytes_find(url, BYTES("?")));

	while (rest.n) {
		struct bytes pair = bytes_skip(rest, 1), value;
		size_t n = bytes_find(pair, BYTES("&")), eq;

		rest = bytes_skip(pair, n);
		pair.n = n < pair.n ? n : pair.n;
		eq = bytes_find(pair, BYTES("="));
		value = bytes_skip(pair, eq + 1);
		if (!is_key(bytes_of(pair.p, eq), name))
			continue;
		buf_reset(out);
		return text_from_pct(value, out) == 0 && out->n > 0;
	}
	return false;
}

/* The target of the link with rel="next" in one Link header (RFC 8288 section 3); empty when there is none. */
static struct bytes next_link_in(struct bytes header)
{
	while (header.n) {
		size_t end = bytes_find(header, BYTES(">"));
		size_t begin = bytes_find(header, BYTES("<"));
		struct bytes url, params;
		size_t comma;

		if (begin >= end || end >= header.n)
			break;
		url = bytes_of(header.p + begin + 1, end - begin - 1);
		params = bytes_skip(header, end + 1);
		comma = bytes_find(params, BYTES(","));
		header = bytes_skip(params, comma + 1);
		params.n = comma < params.n ? comma : params.n;
		if (bytes_find(params, BYTES("rel=\"next\"")) < params.n ||
		    bytes_find(params, BYTES("rel=next")) < params.n)
			return url;
	}
	return bytes_of(NULL, 0);
}

/* The same, in all of an answer's Link headers. */
static struct bytes next_link(struct bytes headers)
{
	struct bytes name, value, url;

	while (plist_next(&headers, &name) && plist_next(&headers, &value)) {
		url = bytes_is(name, "Link") ? next_link_in(value) : bytes_of(NULL, 0);
		if (url.n)
			return url;
	}
	return bytes_of(NULL, 0);
}

/* Go on at CURSOR, unless we are there already. */
static enum verdict at_cursor(struct op *op, struct bytes cursor)
{
	if (bytes_eq(cursor, buf_bytes(&op->cursor)) || op->page == PROVIDER_PAGES_MAX)
		return op_fail_text(op, CODE_PROVIDER_REJECTED, "the list does not end");
	buf_reset(&op->cursor);
	buf_put_bytes(&op->cursor, cursor);
	op->page++;
	return VERDICT_AGAIN;
}

static enum verdict at_link(const struct paging *p, struct op *op, struct bytes url)
{
	struct buf cursor = BUF_INIT(4096);
	enum verdict v = VERDICT_NEXT;

	if (url.n && query_value(url, p->param, &cursor))
		v = at_cursor(op, buf_bytes(&cursor));
	else if (url.n)
		v = op_fail_shape(op);
	buf_done(&cursor);
	return v;
}

static enum verdict at_page(struct op *op, bool more)
{
	if (!more)
		return VERDICT_NEXT;
	if (op->page == PROVIDER_PAGES_MAX)
		return op_fail_text(op, CODE_PROVIDER_REJECTED, "the list has too many pages");
	op->page++;
	return VERDICT_AGAIN;
}

static bool says_more(const json_t *v)
{
	return json_is_true(v) || (json_is_integer(v) && json_integer_value(v) > 0) ||
	       json_bytes(v).n > 0;
}

enum verdict paging_next(const struct paging *p, struct op *op, const struct answer *a, size_t n,
			 struct bytes last)
{
	const json_t *v = p->path ? answer_at(a, p->path) : NULL;
	uint64_t total;

	switch (p->kind) {
	case PAGING_NONE:
		return VERDICT_NEXT;
	case PAGING_TOTAL:
		if (!json_is_integer(v) || json_integer_value(v) < 0)
			return op_fail_shape(op);
		total = (uint64_t)json_integer_value(v);
		return at_page(op, op->page < total);
	case PAGING_MORE:
		return at_page(op, says_more(v));
	case PAGING_CURSOR:
		if (v && !json_is_null(v) && !json_is_string(v))
			return op_fail_shape(op);
		return json_bytes(v).n ? at_cursor(op, json_bytes(v)) : VERDICT_NEXT;
	case PAGING_URL:
		return at_link(p, op, json_bytes(v));
	case PAGING_LINK:
		return at_link(p, op, next_link(a->headers));
	case PAGING_LAST:
		return n >= p->size && last.n ? at_cursor(op, last) : VERDICT_NEXT;
	case PAGING_FULL:
		return at_page(op, n >= p->size);
	}
	return VERDICT_NEXT;
}
