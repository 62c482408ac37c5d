/* SPDX-License-Identifier: ISC */
/* What logins have in common. */
#include "base/text.h"
#include "provider/kit.h"

void form_put(struct buf *body, const char *name, struct bytes value)
{
	if (body->n)
		buf_putc(body, '&');
	text_put_pct(body, bytes_str(name));
	buf_putc(body, '=');
	text_put_pct(body, value);
}
