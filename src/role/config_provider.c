/* SPDX-License-Identifier: ISC */
/* `provider "NAME" { … }`: what the gateway has of its own at a provider. */
#include "role/config_read.h"

#include "base/json.h"
#include "egress/url.h"

#include <stdio.h>

#define SECRET_FILE_MAX (16 * 1024)

/* Without the line's end that editors put there. */
static const char *read_secret(struct bytes value, struct buf *out)
{
	const char *why = config_read_secret(value, out);

	while (out->n && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
		buf_truncate(out, out->n - 1);
	return !why && !out->n ? "is empty" : why;
}

static const char *put(struct buf *fields, const char *name, struct bytes value)
{
	struct bytes known;

	if (plist_get(buf_bytes(fields), name, &known))
		return "is given twice";
	plist_put(fields, bytes_str(name));
	plist_put(fields, value);
	return buf_status(fields) == 0 ? NULL : "is too long";
}

static const char *take_public(struct provider_draft *d, const char *key, struct bytes value)
{
	const char *why = put(&d->open, key, value);

	return !value.n || !bytes_printable(value) ? "must be a printable text" : why;
}

static const char *take_secret(struct provider_draft *d, const char *key, struct bytes value)
{
	struct buf secret cleanup(buf_done) = BUF_INIT(SECRET_FILE_MAX);
	char name[64];
	const char *why = read_secret(value, &secret);

	/* "client_secret_file" gives "client_secret" */
	if (bytes_to_str(bytes_of(key, strlen(key) - strlen("_file")), name, sizeof(name)) < 0)
		return "is too long";
	if (!why && !bytes_printable(buf_bytes(&secret)))
		why = "is not a printable text on one line";
	return why ? why : put(&d->secret, name, buf_bytes(&secret));
}

/* A service account's key file, taken apart. */
static const char *take_account(struct provider_draft *d, const char *key, struct bytes value)
{
	static const char *const parts[] = {"client_email", "private_key_id", "private_key"};
	struct buf text cleanup(buf_done) = BUF_INIT(SECRET_FILE_MAX);
	json_t *o cleanup(json_cleanup) = NULL;
	const char *why = read_secret(value, &text);

	if (why)
		return why;
	if (json_parse(buf_bytes(&text), 4, &o, NULL, 0) != 0 ||
	    !bytes_is(json_get_bytes(o, "type"), "service_account"))
		return "is not the JSON key of a service account";
	for (size_t i = 0; i < ARRAY_LEN(parts) && !why; i++) {
		struct bytes v = json_get_bytes(o, parts[i]);

		why = v.n ? put(i == 0 ? &d->open : &d->secret, parts[i], v)
			  : "lacks something that such a key has";
	}
	return why;
}

static const char *take_url(struct provider_draft *d, const char *key, struct bytes value)
{
	char name[64];
	struct url url;

	snprintf(name, sizeof(name), ".%s", key);
	if (url_parse(value, &url) != 0)
		return "must be a URL such as https://api.example.com/v2";
	return put(&d->open, name, value);
}

static const struct {
	const char *key;
	const char *(*take)(struct provider_draft *d, const char *key, struct bytes value);
} keys[] = {
	{"base", take_url},
	{"login", take_url},
	{"authorize", take_url},
	{"client_id", take_public},
	{"client_secret_file", take_secret},
	{"account_id", take_public},
	{"region", take_public},
	{"access_key_id", take_public},
	{"secret_access_key_file", take_secret},
	{"service_account_file", take_account},
};

const char *provider_draft_take(struct provider_draft *d, const char *key, struct bytes value)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].take(d, key, value);
	return "there is no such key";
}

/* A test server or a sandbox at an address that is not public is the operator's own choice. */
static const char *allow(struct address_rules *rules, struct bytes text)
{
	struct address_rule rule;
	struct url url;

	if (!text.n || url_parse(text, &url) != 0 || (!url.is_ip && url.tls))
		return NULL;
	if (!url.is_ip)
		return "plain http:// goes to an address only, not to a name";
	if (address_rule_parse(bytes_str(url.host), &rule) != 0 || rules->n == ADDRESS_RULES_MAX)
		return "is one address too many";
	rule.plain_http = !url.tls;
	rules->rules[rules->n++] = rule;
	return NULL;
}

const char *provider_draft_finish(struct provider_draft *d, const char *name, struct config *c)
{
	struct config_provider *p = &c->providers[c->n_providers];
	const struct provider *known = provider_by_name(bytes_str(name));
	struct bytes base = {0}, login = {0};
	const char *why;

	if (!known)
		return "there is no such provider";
	if (c->n_providers == CONFIG_PROVIDERS_MAX)
		return "is one provider too many";
	plist_get(buf_bytes(&d->open), ".base", &base);
	plist_get(buf_bytes(&d->open), ".login", &login);
	why = allow(&c->chosen, base);
	if (!why)
		why = allow(&c->chosen, login);
	if (why)
		return why;
	*p = (struct config_provider){.provider = known, .open = d->open, .secret = d->secret};
	c->n_providers++;
	*d = (struct provider_draft)PROVIDER_DRAFT;
	return NULL;
}

void provider_draft_done(struct provider_draft *d)
{
	buf_done(&d->open);
	buf_done(&d->secret);
}
