/* SPDX-License-Identifier: ISC */
/* A head is judged the same however it comes in, and a taken one cannot be read in two ways: another parser takes it too, and reads the same. */
#include "fuzz.h"
#include "http/request.h"

#ifdef OTHER_HTTP
#include "other_http.h"
#endif

/* On the heap and of exactly this size, so that a sanitizer sees one byte too far. */
static int read_copy(const uint8_t *data, size_t size, size_t scanned, struct http_head *h)
{
	uint8_t *p = malloc(size ? size : 1);
	int r;

	CHECK(p);
	if (size)
		memcpy(p, data, size);
	r = http_head_read(bytes_of(p, size), scanned, h);
	free(p);
	return r;
}

static void check_inside(struct bytes head, struct bytes part)
{
	CHECK(part.n == 0 || (part.p >= head.p && part.p + part.n <= head.p + head.n));
	for (size_t i = 0; i < part.n; i++)
		CHECK(part.p[i] == '\t' || (part.p[i] >= 0x20 && part.p[i] <= 0x7e));
}

static void check_taken(struct bytes in, const struct http_head *h)
{
	struct bytes head = bytes_of(in.p, h->size);

	CHECK(h->size <= in.n && h->size <= HTTP_HEAD_MAX);
	CHECK(bytes_find(in, BYTES("\r\n\r\n")) + 4 == h->size);
	check_inside(head, h->target);
	check_inside(head, h->content_type);
	check_inside(head, h->authorization);
	CHECK(h->target.n >= 1 && h->target.n <= HTTP_TARGET_MAX && h->target.p[0] == '/');
	CHECK(h->content_length <= HTTP_BODY_MAX);
	CHECK(h->method == HTTP_POST ? h->has_length : h->content_length == 0);
	for (size_t i = 0; i + 20 <= head.n; i++)
		CHECK(!bytes_eq_nocase(bytes_of(head.p + i, 20), BYTES("\r\nTransfer-Encoding:")));
#ifdef OTHER_HTTP
	CHECK(other_http_agrees(head,
				&(const struct http_reading){.is_post = h->method == HTTP_POST,
							     .has_length = h->has_length,
							     .close = h->close,
							     .target = h->target,
							     .content_type = h->content_type,
							     .authorization = h->authorization,
							     .head = h->size,
							     .body = (size_t)h->content_length}));
#endif
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head whole, part;
	int want, r;

	if (size > HTTP_HEAD_MAX + 64)
		return 0;
	want = http_head_read(bytes_of(data, size), 0, &whole);
	if (want == 0)
		check_taken(bytes_of(data, size), &whole);
	/* Steps of 1 to 8 bytes, chosen by the input itself. */
	for (size_t n = 0, last = 0;;) {
		r = read_copy(data, n, last, &part);
		if (r != HTTP_MORE || n == size)
			break;
		CHECK(http_head_read(bytes_of(data, n), 0, &part) == HTTP_MORE);
		last = n;
		n += 1u + data[n] % 8u;
		if (n > size)
			n = size;
	}
	CHECK(r == want);
	if (r == HTTP_BAD)
		CHECK(part.status == whole.status && part.problem == whole.problem);
	if (r == 0)
		CHECK(part.size == whole.size && part.content_length == whole.content_length &&
		      part.close == whole.close && part.target.n == whole.target.n);
	return 0;
}
