/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * A growing buffer that knows its maximum from birth. A write that does not fit, or that finds no
 * memory, sets a sticky failure: the buffer then stays as it is and every later write does nothing,
 * so a writer checks once, at the end, with buf_status(). All that was written is wiped before it is
 * freed, because any buffer here may hold a secret.
 */
#include "base/bytes.h"
#include "base/error.h"

#include <stdarg.h>

struct buf {
	unsigned char *p; /* owned; NULL while nothing was written */
	uint32_t n;	  /* bytes written; what lies behind them was never written, or is wiped */
	uint32_t cap;	  /* bytes allocated */
	uint32_t max;	  /* n never exceeds this */
	int failed;	  /* 0, -ENOBUFS (over max) or -ENOMEM */
};

/*
 * Sizes are of 32 bits, for a call has dozens of buffers: so is LIMIT. A constant that is larger does not compile; of a variable the lower bits would count, and the buffer be full sooner.
 */
#define BUF_INIT(limit) ((struct buf){.max = (limit)})

void buf_init(struct buf *b, size_t max);
/* Wipe and free; the buffer is empty and usable again, with the same maximum. */
void buf_done(struct buf *b);
/* Wipe the content and the failure, keep the memory. */
void buf_reset(struct buf *b);

/* For buf_extend(), where the memory at hand does not do. */
void *buf_extend_more(struct buf *b, size_t n);
/* Reserve N bytes and return where they begin, for the caller to fill; NULL on failure. Inline, as the next few are: they are most of what many functions do. */
static inline void *buf_extend(struct buf *b, size_t n)
{
	if (b->failed || !b->p || n > b->cap - b->n)
		return buf_extend_more(b, n);
	b->n += (uint32_t)n;
	return b->p + (b->n - n);
}

static inline void buf_put(struct buf *b, const void *p, size_t n)
{
	void *at = n ? buf_extend(b, n) : NULL;

	if (at)
		memcpy(at, p, n);
}

static inline void buf_put_bytes(struct buf *b, struct bytes a)
{
	buf_put(b, a.p, a.n);
}

static inline void buf_putc(struct buf *b, unsigned char c)
{
	unsigned char *at = buf_extend(b, 1);

	if (at)
		*at = c;
}

static inline void buf_puts(struct buf *b, const char *s)
{
	buf_put_bytes(b, bytes_str(s));
}

void buf_put_be16(struct buf *b, uint16_t v);
void buf_put_be32(struct buf *b, uint32_t v);
void buf_put_be64(struct buf *b, uint64_t v);
void buf_put_decimal(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
/* There will be some N more, if they fit: room for them is made at once. */
void buf_reserve(struct buf *b, size_t n);
/* Drop the first N bytes (all, when there are fewer) and wipe what becomes free. */
void buf_consume(struct buf *b, size_t n);
/* Forget what comes after the first N bytes, wiping it. */
void buf_truncate(struct buf *b, size_t n);

/* 0, or the sticky failure. */
int buf_status(const struct buf *b) must_check;
/* Of several, with NULL behind the last: 0, or the first one's failure. */
int bufs_status(const struct buf *const *bufs) must_check;

static inline struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

/*
 * Packed lists: items of be32 length and bytes, one after the other. This is how lists travel
 * between processes and lie in structs. A plist of pairs holds name, value, name, value…
 */
/* All of it or, with a failure, nothing: a list never ends within an item. */
void plist_put(struct buf *b, struct bytes item);
/*
 * Take the next item off *LIST. Returns true with *ITEM borrowed from the list; false at its end,
 * or where the framing is broken (see plist_valid).
 */
bool plist_next(struct bytes *list, struct bytes *item);
/* The next two: in a list of pairs, a name and its value. False when there are not two. */
bool plist_next_pair(struct bytes *pairs, struct bytes *name, struct bytes *value);
/*
 * Cut the longest front off *LIST that is at most MAX bytes and holds whole groups of GROUP items: what travels in pieces. Empty when the
 * first group is longer, or is not whole.
 */
struct bytes plist_take(struct bytes *list, size_t group, size_t max);
/* The framing is whole, with at most MAX_ITEMS items, none longer than MAX_SIZE bytes. */
bool plist_valid(struct bytes list, size_t max_items, size_t max_size);
size_t plist_count(struct bytes list);
/* In a list of pairs: the value behind NAME. Returns false when there is none. */
bool plist_get(struct bytes pairs, const char *name, struct bytes *value);
/* Is ITEM one of the items? */
bool plist_has(struct bytes list, struct bytes item);
