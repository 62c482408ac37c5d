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

/* The gateway's client, and NAME, which the credential has. */
static int put_grant(const struct login_input *in, const char *type, const char *const *names,
		     struct buf *body)
{
	struct bytes v;

	form_put(body, "grant_type", bytes_str(type));
	for (; *names; names++) {
		if (!plist_get(in->credentials, *names, &v))
			return SIGN_E_FIELD;
		form_put(body, *names, v);
	}
	if (!plist_get(in->gateway, "client_id", &v))
		return SIGN_E_FIELD;
	form_put(body, "client_id", v);
	if (!plist_get(in->gateway, "client_secret", &v))
		return SIGN_E_FIELD;
	form_put(body, "client_secret", v);
	return buf_status(body);
}

int oauth_build_code(const struct login_input *in, struct buf *body)
{
	static const char *const names[] = {"code", "redirect_uri", "code_verifier", NULL};

	return put_grant(in, "authorization_code", names, body);
}

int oauth_build_code_and_state(const struct login_input *in, struct buf *body)
{
	static const char *const names[] = {"code", "redirect_uri", "code_verifier", "state", NULL};

	return put_grant(in, "authorization_code", names, body);
}

int oauth_build_refresh(const struct login_input *in, struct buf *body)
{
	static const char *const names[] = {CREDENTIALS_REFRESH, NULL};

	return put_grant(in, "refresh_token", names, body);
}
