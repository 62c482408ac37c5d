/* SPDX-License-Identifier: ISC */
#include "base/scrub.h"

#include "base/text.h"

#define FORM_MAX   (64 * 1024)
#define ESCAPE_MAX 8 /* bytes of the longest escape */

/* An item of the list: two lengths (be16: whole, beginning; in bytes of the form that must match), then the form. */
#define HEAD 4

/* ---- forms ---- */

/* PER bytes of SECRET are worth ICH characters of FORM. */
static void put_form(struct buf *forms, struct bytes form, size_t least, bool in_data)
{
	struct buf item = BUF_INIT(FORM_MAX + HEAD);

	buf_put_be16(&item, (uint16_t)(in_data ? 1 : 0));
	buf_put_be16(&item, (uint16_t)least);
	buf_put_bytes(&item, form);
	if (buf_status(&item) == 0)
		plist_put(forms, buf_bytes(&item));
	else
		forms->failed = buf_status(&item);
	buf_done(&item);
}

/* What any base64 holds of SECRET when SHIFT bytes stand before it in a group of three: all but what it shares with others. */
static void put_base64(struct buf *forms, struct bytes secret, size_t shift, bool in_data,
		       void (*encode)(struct buf *, struct bytes))
{
	struct buf plain = BUF_INIT(FORM_MAX), coded = BUF_INIT(2 * FORM_MAX);
	size_t from = shift ? shift + 1 : 0;
	struct bytes form;

	buf_put(&plain, "\0\0", shift);
	buf_put_bytes(&plain, secret);
	encode(&coded, buf_bytes(&plain));
	form = bytes_skip(buf_bytes(&coded), from);
	form.n = plain.n * 8 / 6 - from;
	if (buf_status(&plain) == 0 && buf_status(&coded) == 0)
		put_form(forms, form, SCRUB_MIN * 8 / 6 - from % 2, in_data);
	else
		forms->failed = -ENOMEM;
	buf_done(&plain);
	buf_done(&coded);
}

static void put_hex(struct buf *forms, struct bytes secret, bool upper, bool in_data)
{
	struct buf text = BUF_INIT(FORM_MAX);

	text_put_hex(&text, secret);
	for (size_t i = 0; upper && i < text.n; i++)
		if (text.p[i] >= 'a')
			text.p[i] -= 'a' - 'A';
	put_form(forms, buf_bytes(&text), (size_t)2 * SCRUB_MIN, in_data);
	buf_done(&text);
}

void scrub_add(struct buf *forms, struct bytes secret)
{
	bool in_data = secret.n >= SCRUB_WHOLE_MIN;

	if (secret.n < SCRUB_MIN)
		return;
	put_form(forms, secret, SCRUB_MIN, in_data);
	put_hex(forms, secret, false, in_data);
	put_hex(forms, secret, true, in_data);
	for (size_t shift = 0; shift < 3; shift++) {
		put_base64(forms, secret, shift, in_data, text_put_b64);
		put_base64(forms, secret, shift, in_data, text_put_b64url);
	}
}
