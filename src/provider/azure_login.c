/* SPDX-License-Identifier: ISC */
/*
 * Azure's logins: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow. A service principal of the customer's; or the gateway's own application, which the customer lets
 * into his directory. Azure has no external id: the application, once let in by customer A, would serve customer B who names A's directory. So a zone is seen only when it has ours as a tag.
 */
#include "provider/azuredns.h"

static int put_login(const struct login_input *in, struct bytes client, struct buf *body)
{
	struct bytes id, secret, cloud;

	if (!plist_get(client, "client_id", &id) || !plist_get(client, "client_secret", &secret) ||
	    !plist_get(in->credentials, "environment", &cloud))
		return SIGN_E_FIELD;
	form_put(body, "grant_type", BYTES("client_credentials"));
	form_put(body, "client_id", id);
	form_put(body, "client_secret", secret);
	form_put(body, "scope",
		 bytes_is(cloud, "usgovernment")
			 ? BYTES("https://management.usgovcloudapi.net/.default")
		 : bytes_is(cloud, "china") ? BYTES("https://management.chinacloudapi.cn/.default")
					    : BYTES("https://management.azure.com/.default"));
	return buf_status(body);
}

static int build_login(const struct login_input *in, struct buf *body)
{
	return put_login(in, in->credentials, body);
}

static int build_assume(const struct login_input *in, struct buf *body)
{
	return put_login(in, in->gateway, body);
}

static const struct choice login_bases[] = {
	{"public", "https://login.microsoftonline.com"},
	{"usgovernment", "https://login.microsoftonline.us"},
	{"china", "https://login.chinacloudapi.cn"},
	{0},
};

#define LOGIN(build_)                                                                              \
	{                                                                                          \
		.bases = login_bases, .chosen_by = "environment",                                  \
		.path = "/{=tenant_id}/oauth2/v2.0/token", .build = build_,                        \
		.content_type = "application/x-www-form-urlencoded",                               \
		.takes = {{"access_token", "access_token"}}, .expires_in = "expires_in",           \
	}
const struct login azure_login = LOGIN(build_login);
const struct login azure_assume = LOGIN(build_assume);

/* ---- what the customer must do ---- */

static int instructions(struct bytes gateway, struct bytes external_id, struct buf *out)
{
	struct buf text = BUF_INIT(2048);
	struct bytes client;

	if (!plist_get(gateway, "client_id", &client))
		return SIGN_E_FIELD;
	plist_put(out, BYTES("application_id"));
	plist_put(out, client);
	plist_put(out, BYTES("external_id"));
	plist_put(out, external_id);
	buf_printf(&text,
		   "az ad sp create --id %.*s && az role assignment create --assignee %.*s --role "
		   "\"DNS Zone Contributor\" --scope /subscriptions/SUBSCRIPTION/resourceGroups/"
		   "GROUP/providers/Microsoft.Network/dnszones/ZONE && az network dns zone update "
		   "--resource-group GROUP --name ZONE --set tags." AZURE_TAG "=%.*s",
		   (int)client.n, (const char *)client.p, (int)client.n, (const char *)client.p,
		   (int)external_id.n, (const char *)external_id.p);
	plist_put(out, BYTES("commands"));
	plist_put(out, buf_bytes(&text));
	plist_put(out, BYTES("next"));
	plist_put(out, BYTES("Give tenant_id and subscription_id to make_integration as "
			     "credentials, with this setup_handle. Zones without the tag are not "
			     "seen."));
	buf_done(&text);
	return buf_status(out);
}

/* What binds the directory to the customer is the tag, whenever zones are listed. */
const struct delegated azure_delegated = {.instructions = instructions};
