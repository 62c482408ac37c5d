/* SPDX-License-Identifier: ISC */
/*
 * Google's logins: a service account's key signs an assertion (RFC 7523), which its server trades for a token; or the gateway's own service account impersonates one that a customer made for it:
 * https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken.
 *
 * The URLs in a key file are never used.
 */
#include "provider/googleclouddns.h"

#include "sign/jwt.h"

#define TOKEN_URL "https://oauth2.googleapis.com/token"
#define DNS_SCOPE "https://www.googleapis.com/auth/ndev.clouddns.readwrite"
#define IAM_SCOPE "https://www.googleapis.com/auth/iam"
#define NAME_PART                                                                                  \
	22 /* characters of the external id in a service account's name, which has 30 at most */

static int put_json(json_t *v, struct buf *out)
{
	struct request text = {.body = BUF_INIT(4096)};
	int r = request_json(&text, v);

	buf_put_bytes(out, buf_bytes(&text.body));
	buf_done(&text.body);
	return r < 0 ? r : buf_status(out);
}

static int put_assertion(const struct login_input *in, const char *scope, struct buf *body)
{
	struct buf header = BUF_INIT(1024), claims = BUF_INIT(2048), token = BUF_INIT(8192);
	struct bytes email, id, key;
	int r;

	if (!plist_get(in->credentials, "client_email", &email) ||
	    !plist_get(in->credentials, "private_key_id", &id) ||
	    !plist_get(in->credentials, "private_key", &key))
		return SIGN_E_FIELD;
	r = put_json(json_pack("{s:s, s:s, s:o}", "alg", "RS256", "typ", "JWT", "kid",
			       json_from_bytes(id)),
		     &header);
	if (r == 0)
		r = put_json(json_pack("{s:o, s:s, s:s, s:I, s:I}", "iss", json_from_bytes(email),
				       "scope", scope, "aud", TOKEN_URL, "iat", (json_int_t)in->now,
				       "exp", (json_int_t)in->now + 3600),
			     &claims);
	if (r == 0)
		r = jwt_put(buf_bytes(&header), buf_bytes(&claims), key, &token);
	form_put(body, "grant_type", BYTES("urn:ietf:params:oauth:grant-type:jwt-bearer"));
	form_put(body, "assertion", buf_bytes(&token));
	buf_done(&header);
	buf_done(&claims);
	buf_done(&token);
	return r == DIGEST_E_KEY ? SIGN_E_FIELD : r < 0 ? r : buf_status(body);
}

static int build_login(const struct login_input *in, struct buf *body)
{
	return put_assertion(in, DNS_SCOPE, body);
}

static int build_own_login(const struct login_input *in, struct buf *body)
{
	return put_assertion(in, IAM_SCOPE, body);
}

static int build_assume(const struct login_input *in, struct buf *body)
{
	return put_json(json_pack("{s:[s], s:s}", "scope", DNS_SCOPE, "lifetime", "3600s"), body);
}

#define ASSERTION(build_)                                                                          \
	{                                                                                          \
		.base = "https://oauth2.googleapis.com", .path = "/token", .build = build_,        \
		.content_type = "application/x-www-form-urlencoded",                               \
		.takes = {{"access_token", "access_token"}}, .expires_in = "expires_in",           \
	}
const struct login google_login = ASSERTION(build_login);
static const struct login own_login = ASSERTION(build_own_login);

const struct login google_assume = {
	.base = "https://iamcredentials.googleapis.com",
	.path = "/v1/projects/-/serviceAccounts/{=service_account_email}:generateAccessToken",
	.build = build_assume,
	.content_type = "application/json",
	.auth = {AUTH_HEADER, "Authorization", "Bearer ", "access_token"},
	.first = &own_login,
	.takes = {{"accessToken", "access_token"}},
	.expires_at = "expireTime",
};

/* ---- what the customer must do ---- */

/* "postern-0123…": only the customer who was told it can have made an account of that name. */
static void put_account(struct bytes external_id, struct buf *out)
{
	buf_puts(out, "postern-");
	buf_put(out, external_id.p, external_id.n < NAME_PART ? external_id.n : NAME_PART);
}

static int instructions(struct bytes gateway, struct bytes external_id, struct buf *out)
{
	struct buf name = BUF_INIT(64), text = BUF_INIT(2048);
	struct bytes own;

	if (!plist_get(gateway, "client_email", &own))
		return SIGN_E_FIELD;
	put_account(external_id, &name);
	plist_put(out, BYTES("gateway_service_account"));
	plist_put(out, own);
	plist_put(out, BYTES("service_account_name"));
	plist_put(out, buf_bytes(&name));
	buf_printf(&text,
		   "gcloud iam service-accounts create %.*s --project PROJECT && gcloud projects "
		   "add-iam-policy-binding PROJECT --member "
		   "serviceAccount:%.*s@PROJECT.iam.gserviceaccount.com --role roles/dns.admin && "
		   "gcloud iam service-accounts add-iam-policy-binding "
		   "%.*s@PROJECT.iam.gserviceaccount.com --member serviceAccount:%.*s --role "
		   "roles/iam.serviceAccountTokenCreator",
		   (int)name.n, (const char *)name.p, (int)name.n, (const char *)name.p,
		   (int)name.n, (const char *)name.p, (int)own.n, (const char *)own.p);
	plist_put(out, BYTES("commands"));
	plist_put(out, buf_bytes(&text));
	plist_put(out, BYTES("next"));
	plist_put(out,
		  BYTES("Give project and the account's e-mail address (service_account_email) to "
			"make_integration as credentials, with this setup_handle."));
	buf_done(&name);
	buf_done(&text);
	return buf_status(out);
}

/* Google has no external id: the name of the account is one. */
static int check(struct bytes gateway, struct bytes credentials, const char **field,
		 const char **why)
{
	struct buf name = BUF_INIT(64);
	struct bytes email, external;
	bool ok;

	*field = "service_account_email";
	*why = "must be the account with the name that begin_integration asked for";
	if (!plist_get(credentials, "service_account_email", &email) ||
	    !plist_get(credentials, CREDENTIALS_EXTERNAL, &external))
		return PROVIDER_E_FIELD;
	put_account(external, &name);
	buf_putc(&name, '@');
	ok = external.n >= NAME_PART && bytes_starts(email, buf_bytes(&name));
	buf_done(&name);
	return ok ? 0 : PROVIDER_E_FIELD;
}

const struct delegated google_delegated = {.instructions = instructions, .check = check};
