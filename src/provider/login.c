/* SPDX-License-Identifier: ISC */
/* What logins have in common. */
#include "base/text.h"
#include "provider/kit.h"

#include <stdio.h>

#define DEFAULT_LIFE 300 /* seconds, where the answer does not say */

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

/* ---- answers ---- */

/* Seconds as a number, or as its text; 0 when there are none. */
static uint64_t seconds_at(const json_t *v)
{
	uint64_t n;

	return op_read_number(v, INT32_MAX, &n) ? n : 0;
}

static int64_t expiry(const struct login *login, int64_t now, const struct answer *a)
{
	int64_t usec;
	uint64_t life = 0;

	if (login->expires_at &&
	    text_to_time(json_bytes(answer_at(a, login->expires_at)), &usec) == 0)
		return usec / 1000000;
	if (login->expires_in)
		life = seconds_at(answer_at(a, login->expires_in));
	return now + (int64_t)(life ? life : DEFAULT_LIFE);
}

/* False when something is missing. */
static bool take(const struct login *login, struct bytes credentials, const struct answer *a,
		 struct buf *fields)
{
	for (size_t i = 0; i < PROVIDER_LOGIN_TAKES && login->takes[i].path; i++) {
		struct bytes v = json_bytes(answer_at(a, login->takes[i].path));
		bool refresh = strcmp(login->takes[i].field, CREDENTIALS_REFRESH) == 0;

		if (!v.n && refresh)
			(void)plist_get(credentials, CREDENTIALS_REFRESH, &v);
		if ((!v.n && !refresh) || !bytes_printable(v))
			return false;
		if (!v.n)
			continue;
		plist_put(fields, bytes_str(login->takes[i].field));
		plist_put(fields, v);
	}
	return true;
}

/* An error's name is a word of a few letters; all else that stands in such an answer stays here. */
static struct bytes error_name(const struct answer *a)
{
	static const char *const paths[] = {"error", "error.status",
					    "ErrorResponse.Error.0.Code.0"};
	struct bytes word = {0};

	for (size_t i = 0; i < ARRAY_LEN(paths) && !word.n; i++)
		word = json_bytes(answer_at(a, paths[i]));
	if (word.n > 40)
		word.n = 0;
	for (size_t i = 0; i < word.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", word.p[i]))
			word.n = 0;
	return word;
}

/* Names that do not mean that the customer's trust has ended. OURS: the login is made with a credential of the gateway's, and that is what is refused. */
static const struct {
	const char *name;
	enum code means;
	bool ours;
} others[] = {
	{"Throttling", CODE_PROVIDER_RATE_LIMITED},
	{"ThrottlingException", CODE_PROVIDER_RATE_LIMITED},
	{"RequestLimitExceeded", CODE_PROVIDER_RATE_LIMITED},
	{"slow_down", CODE_PROVIDER_RATE_LIMITED},
	{"RESOURCE_EXHAUSTED", CODE_PROVIDER_RATE_LIMITED},
	{"temporarily_unavailable", CODE_PROVIDER_UNAVAILABLE},
	{"server_error", CODE_PROVIDER_UNAVAILABLE},
	{"UNAVAILABLE", CODE_PROVIDER_UNAVAILABLE},
	{"invalid_client", CODE_PROVIDER_UNAVAILABLE, true},
	{"UNAUTHENTICATED", CODE_PROVIDER_UNAVAILABLE, true},
	{"InvalidClientTokenId", CODE_PROVIDER_UNAVAILABLE, true},
	{"SignatureDoesNotMatch", CODE_PROVIDER_UNAVAILABLE, true},
	{"IncompleteSignature", CODE_PROVIDER_UNAVAILABLE, true},
	{"ExpiredToken", CODE_PROVIDER_UNAVAILABLE, true},
	{"ExpiredTokenException", CODE_PROVIDER_UNAVAILABLE, true},
};

static enum code refused(const struct provider *p, const struct login *login,
			 const struct answer *a, char *detail)
{
	bool refresh = p->oauth && login == p->oauth->refresh;
	struct bytes word = error_name(a);

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (bytes_is(word, others[i].name) && (!others[i].ours || login != p->login)) {
			snprintf(detail, PROVIDER_DETAIL_MAX + 1, "%s: %s",
				 others[i].ours ? "the gateway's own credential there was refused"
						: "the login server does not serve now",
				 others[i].name);
			return others[i].means;
		}
	snprintf(detail, PROVIDER_DETAIL_MAX + 1, "the login was refused%s%.*s%s",
		 word.n ? ": " : "", (int)word.n, word.n ? (const char *)word.p : "",
		 refresh ? "; if a newer integration_handle was given out, use that one" : "");
	return CODE_PROVIDER_AUTH_FAILED;
}

enum code login_read(const struct provider *p, const struct login *login, struct bytes credentials,
		     int64_t now, const struct answer *a, struct buf *fields, int64_t *expires,
		     char *detail)
{
	const char *why = "the login server does not answer well";
	enum code code = CODE_PROVIDER_UNAVAILABLE;
	char text[24];

	/* Some say so in a 200. */
	if ((a->status >= 400 && a->status < 500 && a->status != 429) ||
	    (a->status < 300 && error_name(a).n))
		return refused(p, login, a, detail);
	if (a->status == 429) {
		code = CODE_PROVIDER_RATE_LIMITED;
		why = "the login server asks to slow down";
	} else if (a->status >= 200 && a->status < 300) {
		why = "the login server's answer is not what it promises";
		if (take(login, credentials, a, fields)) {
			*expires = expiry(login, now, a);
			snprintf(text, sizeof(text), "%lld", (long long)*expires);
			plist_put(fields, BYTES(CREDENTIALS_EXPIRES));
			plist_put(fields, bytes_str(text));
			code = CODE_OK;
			why = "";
		}
	}
	snprintf(detail, PROVIDER_DETAIL_MAX + 1, "%s", why);
	return code;
}
