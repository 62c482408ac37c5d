/* SPDX-License-Identifier: ISC */
#include "ipc/wire.h"

#define LIST_ITEM_MAX WIRE_MAX

static int check_run(const struct wire_field *f, struct bytes v)
{
	if (v.n > f->cap)
		return -EBADMSG;
	if (f->type == WIRE_TEXT && v.n && memchr(v.p, 0, v.n))
		return -EBADMSG;
	if (f->type == WIRE_LIST && !plist_valid(v, SIZE_MAX, LIST_ITEM_MAX))
		return -EBADMSG;
	return 0;
}

static int put_run(const struct wire_field *f, const void *at, struct buf *out)
{
	struct bytes v;
	int r;

	memcpy(&v, at, sizeof(v));
	r = check_run(f, v);
	if (r < 0)
		return r;
	plist_put(out, v);
	return 0;
}

static int put_field(const struct wire_field *f, const unsigned char *in, struct buf *out)
{
	const unsigned char *at = in + f->offset;
	uint32_t u32;
	uint64_t u64;

	switch (f->type) {
	case WIRE_U8:
		if (*at > f->cap)
			return -EBADMSG;
		buf_putc(out, *at);
		return 0;
	case WIRE_U32:
		memcpy(&u32, at, sizeof(u32));
		if (u32 > f->cap)
			return -EBADMSG;
		buf_put_be32(out, u32);
		return 0;
	case WIRE_U64:
	case WIRE_I64:
		memcpy(&u64, at, sizeof(u64));
		buf_put_be64(out, u64);
		return 0;
	case WIRE_FIXED:
		buf_put(out, at, f->cap);
		return 0;
	default:
		return put_run(f, at, out);
	}
}

int wire_encode(uint16_t number, const struct wire_msg *msg, const void *in, struct buf *out)
{
	size_t before = out->n;

	buf_put_be16(out, number);
	for (size_t i = 0; i < msg->nfields; i++) {
		int r = put_field(&msg->fields[i], in, out);
		if (r < 0)
			return r;
	}
	return out->n - before > WIRE_MAX ? -ENOBUFS : buf_status(out);
}

int wire_number(struct bytes in, uint16_t *number)
{
	if (in.n < 2)
		return -EBADMSG;
	*number = (uint16_t)(in.p[0] << 8 | in.p[1]);
	return 0;
}

static bool take(struct bytes *in, size_t n, struct bytes *out)
{
	if (in->n < n)
		return false;
	*out = bytes_of(in->p, n);
	*in = bytes_skip(*in, n);
	return true;
}

static bool take_int(struct bytes *in, size_t n, uint64_t *out)
{
	struct bytes raw;

	if (!take(in, n, &raw))
		return false;
	*out = 0;
	for (size_t i = 0; i < n; i++)
		*out = *out << 8 | raw.p[i];
	return true;
}

static int get_field(const struct wire_field *f, struct bytes *in, unsigned char *out)
{
	unsigned char *at = out + f->offset;
	struct bytes v;
	uint64_t u64;
	uint32_t u32;

	switch (f->type) {
	case WIRE_U8:
		if (!take_int(in, 1, &u64) || u64 > f->cap)
			return -EBADMSG;
		*at = (unsigned char)u64;
		return 0;
	case WIRE_U32:
		if (!take_int(in, 4, &u64) || u64 > f->cap)
			return -EBADMSG;
		u32 = (uint32_t)u64;
		memcpy(at, &u32, sizeof(u32));
		return 0;
	case WIRE_U64:
	case WIRE_I64:
		if (!take_int(in, 8, &u64))
			return -EBADMSG;
		memcpy(at, &u64, sizeof(u64));
		return 0;
	case WIRE_FIXED:
		if (!take(in, f->cap, &v))
			return -EBADMSG;
		memcpy(at, v.p, v.n);
		return 0;
	default:
		if (!plist_next(in, &v) || check_run(f, v) < 0)
			return -EBADMSG;
		memcpy(at, &v, sizeof(v));
		return 0;
	}
}

int wire_decode(const struct wire_msg *msg, struct bytes *in, void *out)
{
	struct bytes rest = bytes_skip(*in, 2);

	memset(out, 0, msg->size);
	if (in->n < 2)
		return -EBADMSG;
	for (size_t i = 0; i < msg->nfields; i++)
		if (get_field(&msg->fields[i], &rest, out) < 0) {
			memset(out, 0, msg->size);
			return -EBADMSG;
		}
	*in = rest;
	return 0;
}
