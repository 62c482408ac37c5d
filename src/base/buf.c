/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 128

void buf_init(struct buf *b, size_t max)
{
	*b = BUF_INIT(max);
}

void buf_done(struct buf *b)
{
	if (b->p) {
		explicit_bzero(b->p, b->n);
		free(b->p);
	}
	*b = BUF_INIT(b->max);
}

void buf_reset(struct buf *b)
{
	buf_truncate(b, 0);
	b->failed = 0;
}

/* Not realloc(): it may leave a copy of a secret behind. */
static int buf_grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	unsigned char *p;

	while (cap < need)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	p = memory_alloc(cap);
	if (!p)
		return -ENOMEM;
	if (b->p) {
		memcpy(p, b->p, b->n);
		explicit_bzero(b->p, b->n);
		free(b->p);
	}
	b->p = p;
	b->cap = (uint32_t)cap;
	return 0;
}

void *buf_extend_more(struct buf *b, size_t n)
{
	unsigned char *at;

	if (b->failed)
		return NULL;
	if (n > b->max - b->n) {
		b->failed = -ENOBUFS;
		return NULL;
	}
	if (b->n + n > b->cap) {
		b->failed = buf_grow(b, b->n + n);
		if (b->failed)
			return NULL;
	}
	/* Still NULL where N is 0. */
	at = b->p;
	if (b->n)
		at += b->n;
	b->n += (uint32_t)n;
	return at;
}

void buf_reserve(struct buf *b, size_t n)
{
	if (!b->failed && n <= b->max - b->n && b->n + n > b->cap)
		b->failed = buf_grow(b, b->n + n);
}

/* The lowest N bytes of V, the highest first. */
static void put_be(struct buf *b, uint64_t v, size_t n)
{
	unsigned char *p = buf_extend(b, n);

	for (size_t i = 0; p && i < n; i++)
		p[i] = (unsigned char)(v >> (8 * (n - 1 - i)));
}

void buf_put_be16(struct buf *b, uint16_t v)
{
	put_be(b, v, 2);
}

void buf_put_be32(struct buf *b, uint32_t v)
{
	put_be(b, v, 4);
}

void buf_put_be64(struct buf *b, uint64_t v)
{
	put_be(b, v, 8);
}

void buf_put_decimal(struct buf *b, uint64_t v)
{
	unsigned char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (unsigned char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_put(b, digits + n, sizeof(digits) - n);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[256], *text = small;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small)) {
		text = malloc((size_t)n + 1);
		if (text) {
			va_start(ap, fmt);
			vsnprintf(text, (size_t)n + 1, fmt, ap);
			va_end(ap);
		}
	}
	if (n < 0 || !text) {
		if (!b->failed)
			b->failed = -ENOMEM;
		return;
	}
	buf_put(b, text, (size_t)n);
	explicit_bzero(small, sizeof(small));
	if (text == small)
		return;
	explicit_bzero(text, (size_t)n);
	free(text);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n);
	buf_truncate(b, b->n - n);
}

void buf_truncate(struct buf *b, size_t n)
{
	if (n >= b->n)
		return;
	explicit_bzero(b->p + n, b->n - n);
	b->n = (uint32_t)n;
}

int buf_status(const struct buf *b)
{
	return b->failed;
}

int bufs_status(const struct buf *const *bufs)
{
	int r = 0;

	for (; *bufs && r == 0; bufs++)
		r = buf_status(*bufs);
	return r;
}

void plist_put(struct buf *b, struct bytes item)
{
	size_t before = b->n;

	if (item.n > UINT32_MAX) {
		b->failed = b->failed ? b->failed : -ENOBUFS;
		return;
	}
	buf_put_be32(b, (uint32_t)item.n);
	buf_put_bytes(b, item);
	if (b->failed)
		buf_truncate(b, before); /* no length without its item */
}

bool plist_next(struct bytes *list, struct bytes *item)
{
	const unsigned char *p = list->p;
	size_t n;

	if (list->n < 4)
		return false;
	n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (n > list->n - 4)
		return false;
	*item = bytes_of(p + 4, n);
	*list = bytes_of(p + 4 + n, list->n - 4 - n);
	return true;
}

bool plist_next_pair(struct bytes *pairs, struct bytes *name, struct bytes *value)
{
	return plist_next(pairs, name) && plist_next(pairs, value);
}

struct bytes plist_take(struct bytes *list, size_t group, size_t max)
{
	struct bytes rest = *list, item, piece = {list->p, 0};

	for (;;) {
		size_t n = 0;

		while (n < group && plist_next(&rest, &item))
			n++;
		if (n < group || (size_t)(rest.p - list->p) > max)
			break;
		piece.n = (size_t)(rest.p - list->p);
	}
	*list = bytes_skip(*list, piece.n);
	return piece;
}

bool plist_valid(struct bytes list, size_t max_items, size_t max_size)
{
	struct bytes item;
	size_t count = 0;

	while (plist_next(&list, &item))
		if (++count > max_items || item.n > max_size)
			return false;
	return list.n == 0;
}

size_t plist_count(struct bytes list)
{
	struct bytes item;
	size_t count = 0;

	while (plist_next(&list, &item))
		count++;
	return count;
}

bool plist_get(struct bytes pairs, const char *name, struct bytes *value)
{
	struct bytes n, v;

	while (plist_next(&pairs, &n) && plist_next(&pairs, &v))
		if (bytes_is(n, name)) {
			*value = v;
			return true;
		}
	return false;
}

bool plist_has(struct bytes list, struct bytes item)
{
	struct bytes i;

	while (plist_next(&list, &i))
		if (bytes_eq(i, item))
			return true;
	return false;
}
