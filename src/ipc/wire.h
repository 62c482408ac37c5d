/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Messages between roles as data. A message is a struct and a table of its fields; one encoder and one decoder
 * walk the table. On the wire: be16 message number, then the fields in order, integers big-endian, byte runs behind a be32 length.
 * Too short, too long, over a cap, an enum out of range, a list with broken framing: -EBADMSG, and the
 * receiver has the sender ended (ipc/channel.h).
 */
#include "base/buf.h"

#define WIRE_MAX (128 * 1024) /* bytes of one message */

enum wire_type {
	WIRE_U8,    /* uint8_t; cap: the largest value */
	WIRE_U32,   /* uint32_t; cap: the largest value */
	WIRE_U64,   /* uint64_t, no cap */
	WIRE_I64,   /* int64_t, no cap */
	WIRE_TEXT,  /* struct bytes without NUL; cap: bytes */
	WIRE_BYTES, /* struct bytes; cap: bytes */
	WIRE_FIXED, /* unsigned char[cap], inline */
	WIRE_LIST,  /* struct bytes, a plist; cap: bytes of the whole */
};

struct wire_field {
	const char *name;
	enum wire_type type;
	uint32_t offset; /* in the message's struct */
	uint32_t cap;
};

struct wire_msg {
	const char *name;
	size_t size; /* of the struct */
	const struct wire_field *fields;
	size_t nfields;
};

/*
 * Append message number NUMBER to OUT. Our own values are checked like a peer's: -EBADMSG for what the decoder would refuse, -ENOBUFS for more than WIRE_MAX bytes. What was
 * appended then is to be cut off again. 0 or -errno.
 */
int wire_encode(uint16_t number, const struct wire_msg *msg, const void *in,
		struct buf *out) must_check;

/* The number in front of a message; -EBADMSG when there is none. */
int wire_number(struct bytes in, uint16_t *number) must_check;

/*
 * Take a message, its number too, off the front of *IN, into OUT, a struct of msg->size bytes; byte runs are borrowed from IN. 0 or -EBADMSG; then OUT is zeroed, and *IN as it
 * was.
 */
int wire_decode(const struct wire_msg *msg, struct bytes *in, void *out) must_check;
