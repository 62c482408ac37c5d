/* SPDX-License-Identifier: ISC */
#include "sign/jwt.h"

#include "base/text.h"

#define TOKEN_MAX (16 * 1024)

int jwt_put(struct bytes header, struct bytes claims, struct bytes pem, struct buf *out)
{
	struct buf token = BUF_INIT(TOKEN_MAX), signature = BUF_INIT(TOKEN_MAX);
	int r;

	text_put_b64url(&token, header);
	buf_putc(&token, '.');
	text_put_b64url(&token, claims);
	r = buf_status(&token);
	if (r == 0)
		r = digest_sign_rs256(pem, buf_bytes(&token), &signature);
	if (r == 0) {
		buf_putc(&token, '.');
		text_put_b64url(&token, buf_bytes(&signature));
		r = buf_status(&token);
	}
	if (r == 0) {
		buf_put_bytes(out, buf_bytes(&token));
		r = buf_status(out);
	}
	buf_done(&token);
	buf_done(&signature);
	return r;
}
