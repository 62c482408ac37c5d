/* SPDX-License-Identifier: ISC */
/* An answer is read the same however it comes in, and what is taken cannot be read in two ways: libcurl takes it too, and reads the same. */
#include "fuzz.h"
#include "http/answer.h"

#ifdef OTHER_ANSWER
#include "other_answer.h"
#endif

#define IN_MAX 32768 /* a socket takes it whole: other_answer.h */

struct reading {
	enum http_answer_event end;
	unsigned status;
	bool keep;
	size_t used;
	struct buf fields, body;
};

static void check_value(struct bytes v)
{
	for (size_t i = 0; i < v.n; i++)
		CHECK(v.p[i] == '\t' || (v.p[i] >= 0x20 && v.p[i] != 0x7f));
}

/* As far as PIECE goes. */
static void read_piece(struct http_answer *a, struct reading *r, const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct bytes piece, name, value;

	CHECK(copy);
	memcpy(copy, p, n);
	piece = bytes_of(copy, n);
	do {
		r->end = http_answer_next(a, &piece, &name, &value);
		if (r->end == HTTP_ANSWER_FIELD) {
			check_value(name);
			check_value(value);
			plist_put(&r->fields, name);
			plist_put(&r->fields, value);
		}
		if (r->end == HTTP_ANSWER_BODY)
			buf_put_bytes(&r->body, value);
	} while (r->end == HTTP_ANSWER_FIELD || r->end == HTTP_ANSWER_BODY);
	if (r->end == HTTP_ANSWER_MORE)
		CHECK(piece.n == 0);
	r->used += n - piece.n;
	free(copy);
}

static struct reading read_in(struct bytes in, bool head, bool whole)
{
	struct reading r = {
		.end = HTTP_ANSWER_MORE, .fields = BUF_INIT(1 << 20), .body = BUF_INIT(1 << 20)};
	struct http_answer a;

	http_answer_init(&a, head);
	while (r.end == HTTP_ANSWER_MORE && r.used < in.n) {
		size_t left = in.n - r.used, n = whole ? left : 1u + in.p[r.used] % 8u;

		read_piece(&a, &r, in.p + r.used, n < left ? n : left);
	}
	if (r.end == HTTP_ANSWER_MORE)
		r.end = http_answer_end(&a);
	CHECK(a.head_bytes <= HTTP_ANSWER_HEAD_MAX);
	r.status = a.status;
	r.keep = a.keep;
	http_answer_done(&a);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	bool head = fuzz_byte(&in) == 'H';
	struct reading a, b;

	if (in.n > IN_MAX)
		return 0;
	a = read_in(in, head, true);
	b = read_in(in, head, false);
	CHECK(a.end == b.end);
	if (a.end == HTTP_ANSWER_DONE) {
		CHECK(a.used == b.used && a.status == b.status && a.keep == b.keep &&
		      a.status >= 200);
		CHECK(bytes_eq(buf_bytes(&a.fields), buf_bytes(&b.fields)));
		CHECK(bytes_eq(buf_bytes(&a.body), buf_bytes(&b.body)));
#ifdef OTHER_ANSWER
		CHECK(other_answer_agrees(in, head, a.status, buf_bytes(&a.fields),
					  buf_bytes(&a.body)));
#endif
	}
	buf_done(&a.fields);
	buf_done(&b.fields);
	buf_done(&a.body);
	buf_done(&b.body);
	return 0;
}
