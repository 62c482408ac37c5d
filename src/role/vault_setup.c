/* SPDX-License-Identifier: ISC */
/*
 * Integrations that a customer sets up in two steps: OAuth 2, and trust that he gives the gateway by name. What must hold between the steps lies sealed in the setup handle, and
 * the customer is bound to it: nobody else's set-up, code or role can be slipped in.
 */
#include "role/vault.h"

#include "base/text.h"
#include "sys/log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define OAUTH_SECONDS	  (15 * 60)
#define DELEGATED_SECONDS (30 * 24 * 3600)
#define EXTERNAL_BYTES	  32
#define VERIFIER_BYTES	  32
#define USED_MAX	  10000

/* ---- begin_integration ---- */

static struct bytes gateway_of(const struct provider *p)
{
	struct bytes fields;

	return plist_get(buf_bytes(&vault.config->gateway), p->name, &fields) ? fields
									      : bytes_of(NULL, 0);
}

/* The customer's browser comes back there. */
static bool is_redirect_uri(struct bytes uri)
{
	static const char *const ok[] = {
		"https://",	     "http://127.0.0.1:", "http://127.0.0.1/",
		"http://localhost:", "http://localhost/", "http://[::1]:"};

	for (size_t i = 0; i < ARRAY_LEN(ok); i++)
		if (bytes_starts(uri, bytes_str(ok[i])))
			return bytes_printable(uri) && !memchr(uri.p, ' ', uri.n) &&
			       !memchr(uri.p, '#', uri.n);
	return false;
}

static void query(struct buf *url, const char *name, struct bytes value)
{
	buf_putc(url, memchr(url->p, '?', url->n) ? '&' : '?');
	buf_puts(url, name);
	buf_putc(url, '=');
	text_put_pct(url, value);
}

static void put_authorize_url(struct call *c, const struct oauth *oauth, struct bytes client_id)
{
	const struct setup *s = &c->setup;
	unsigned char digest[crypto_hash_sha256_BYTES];
	struct buf text = BUF_INIT(256), *url = &c->authorize_url;
	struct bytes other;

	buf_puts(url, oauth->authorize);
	if (plist_get(gateway_of(c->provider), ".authorize", &other)) {
		buf_reset(url);
		buf_put_bytes(url, other);
	}
	query(url, "response_type", BYTES("code"));
	query(url, "client_id", client_id);
	query(url, "redirect_uri", s->redirect_uri);
	if (oauth->scope)
		query(url, "scope", bytes_str(oauth->scope));
	text_put_b64url(&text, s->state);
	query(url, "state", buf_bytes(&text));
	buf_reset(&text);
	crypto_hash_sha256(digest, s->verifier.p, s->verifier.n);
	text_put_b64url(&text, bytes_of(digest, sizeof(digest)));
	query(url, "code_challenge", buf_bytes(&text));
	query(url, "code_challenge_method", BYTES("S256"));
	buf_done(&text);
}

/* Fresh randomness, as base64url or hex, in BUF. */
static struct bytes random_text(struct buf *b, size_t n, void (*put)(struct buf *, struct bytes))
{
	unsigned char raw[64];

	randombytes_buf(raw, n);
	put(b, bytes_of(raw, n));
	sodium_memzero(raw, sizeof(raw));
	return buf_bytes(b);
}

static void begin_oauth(struct call *c, struct bytes redirect_uri)
{
	struct setup *s = &c->setup;
	struct bytes client_id;

	if (!plist_get(gateway_of(c->provider), "client_id", &client_id)) {
		call_refuse(c, CODE_INVALID_REQUEST, "provider",
			    "this gateway is no OAuth client there");
		return;
	}
	if (!is_redirect_uri(redirect_uri)) {
		call_refuse(c, CODE_INVALID_REQUEST, "redirect_uri",
			    "must be an https:// URL without a fragment");
		return;
	}
	s->way = SETUP_OAUTH;
	buf_put_bytes(&c->redirect_uri, redirect_uri);
	s->redirect_uri = buf_bytes(&c->redirect_uri);
	randombytes_buf(c->state_bytes, sizeof(c->state_bytes));
	s->state = bytes_of(c->state_bytes, sizeof(c->state_bytes));
	s->verifier = random_text(&c->verifier, VERIFIER_BYTES, text_put_b64url);
	s->expires = s->created + OAUTH_SECONDS;
	put_authorize_url(c, c->provider->oauth, client_id);
}

static void begin_delegated(struct call *c)
{
	struct setup *s = &c->setup;
	int r;

	s->way = SETUP_DELEGATED;
	s->external_id = random_text(&c->verifier, EXTERNAL_BYTES, text_put_hex);
	s->expires = s->created + DELEGATED_SECONDS;
	r = c->provider->delegated->instructions(gateway_of(c->provider), s->external_id,
						 &c->instructions);
	if (r < 0)
		log_fatal("out of memory");
	if (r > 0)
		call_refuse(c, CODE_INVALID_REQUEST, "provider",
			    "this gateway has no account there that a customer could trust");
}

void setup_begin(struct call *c, const struct fv_begin_integration *m)
{
	struct setup *s = &c->setup;

	c->provider = provider_by_name(m->provider);
	if (!c->provider) {
		call_refuse(c, CODE_INVALID_REQUEST, "provider", "no such provider");
		return;
	}
	if (!may_use_provider(c, "provider"))
		return;
	s->provider = bytes_str(c->provider->name);
	s->customer = bytes_str(c->customer);
	s->created = clock_usec() / 1000000;
	randombytes_buf(s->id, sizeof(s->id));
	if (c->provider->oauth)
		begin_oauth(c, m->redirect_uri);
	else if (m->redirect_uri.n)
		call_refuse(c, CODE_INVALID_REQUEST, "redirect_uri",
			    "this provider has no OAuth: leave it out");
	else if (c->provider->delegated)
		begin_delegated(c);
	else
		call_refuse(c, CODE_INVALID_REQUEST, "provider",
			    "this provider has static credentials only");
	if (c->failed)
		return;
	/* The customer is sent nowhere with half a URL. */
	if (!call_is_whole(c) || role_out_of_memory(vault.role))
		call_fail(c, CODE_OVERLOADED, "", "out of memory");
	else
		call_finish(c);
}

/* ---- make_integration with what came of it ---- */

/* A code must not be traded twice, even if its server would let us. */
struct used {
	struct idmap_node node; /* by the setup's id */
	int64_t expires;
};

static void drop_expired(struct idmap_node *node, void *arg)
{
	struct used *u = idmap_holder(node, struct used, node);

	if (u->expires < *(const int64_t *)arg) {
		idmap_remove(&vault.used_setups, node);
		free(u);
	}
}

/* False when it was used already, or nothing more can be remembered. */
static bool use(const struct setup *s)
{
	int64_t now = clock_usec() / 1000000;
	struct used *u;
	uint64_t id;

	memcpy(&id, s->id, sizeof(id));
	if (vault.used_setups.n >= USED_MAX)
		idmap_each(&vault.used_setups, drop_expired, &now);
	if (vault.used_setups.n >= USED_MAX || idmap_find(&vault.used_setups, id))
		return false;
	u = calloc(1, sizeof(*u));
	if (!u)
		log_fatal("out of memory");
	u->node.id = id;
	u->expires = s->expires;
	if (idmap_put(&vault.used_setups, &u->node) < 0)
		log_fatal("out of memory");
	return true;
}

static bool open_setup(struct call *c, const struct fv_make_integration *m)
{
	struct setup *s = &c->setup;
	int r = setup_open(&vault.config->keys, m->setup, bytes_str(c->customer), &c->setup_plain,
			   s);

	if (r < 0)
		log_fatal("out of memory");
	if (r != 0) {
		call_refuse(c, CODE_HANDLE_INVALID, "setup_handle", "the handle is not valid");
		return false;
	}
	metrics_opened(HANDLE_SETUP, s->key_id);
	if (!bytes_eq(s->provider, m->provider)) {
		call_refuse(c, CODE_HANDLE_MISMATCH, "setup_handle", "made for another provider");
		return false;
	}
	if (s->expires <= clock_usec() / 1000000) {
		call_refuse(c, CODE_HANDLE_INVALID, "setup_handle",
			    "the handle has expired; begin again");
		return false;
	}
	return true;
}

/* Is it the state that we gave out? */
static bool is_state(const struct setup *s, struct bytes text)
{
	struct buf mine = BUF_INIT(128);
	bool same;

	text_put_b64url(&mine, s->state);
	same = mine.n == text.n && sodium_memcmp(mine.p, text.p, mine.n) == 0;
	buf_done(&mine);
	return same;
}

static void trade(struct call *c, const struct fv_make_integration *m)
{
	struct buf fields = BUF_INIT(IPC_CREDENTIALS_MAX);
	struct bytes code, state;

	if (plist_count(m->credentials) != 4 || !plist_get(m->credentials, "code", &code) ||
	    !plist_get(m->credentials, "state", &state) || !code.n || !bytes_printable(code)) {
		call_refuse(c, CODE_INVALID_REQUEST, "credentials",
			    "must be code and state, as the provider sent them back");
		return;
	}
	if (!is_state(&c->setup, state)) {
		call_refuse(c, CODE_INVALID_REQUEST, "credentials.state",
			    "is not the one that this set-up began with");
		return;
	}
	if (!use(&c->setup)) {
		call_refuse(c, CODE_HANDLE_INVALID, "setup_handle",
			    "the handle was used already; begin again");
		return;
	}
	plist_put(&fields, BYTES("code"));
	plist_put(&fields, code);
	plist_put(&fields, BYTES("redirect_uri"));
	plist_put(&fields, c->setup.redirect_uri);
	plist_put(&fields, BYTES("code_verifier"));
	plist_put(&fields, c->setup.verifier);
	plist_put(&fields, BYTES("state"));
	plist_put(&fields, state);
	if (buf_status(&fields) < 0)
		call_refuse(c, CODE_INVALID_REQUEST, "credentials.code", "is too long");
	else
		call_trade(c, false, buf_bytes(&fields));
	buf_done(&fields);
}

static void put_way(struct call *c, enum category way)
{
	plist_put(&c->credentials, BYTES(CREDENTIALS_WAY));
	plist_put(&c->credentials, bytes_str(category_text(way)));
}

/* A stranger would be refused: now we. */
static void probed(struct call *c, enum code code, const char *detail)
{
	if (code == CODE_OK)
		call_refuse(c, CODE_INVALID_REQUEST, "credentials", c->provider->delegated->why);
	else if (code == CODE_PROVIDER_AUTH_FAILED)
		make_go(c);
	else
		call_fail(c, code, "", detail);
}

void setup_traded(struct call *c, enum code code, struct bytes fields, const char *detail)
{
	struct bytes name, value;

	if (c->setup.way == SETUP_DELEGATED) {
		probed(c, code, detail);
		return;
	}
	if (code != CODE_OK) {
		call_fail(c, code, "", detail);
		return;
	}
	put_way(c, CATEGORY_OAUTH);
	while (plist_next_pair(&fields, &name, &value)) {
		plist_put(&c->credentials, name);
		plist_put(&c->credentials, value);
	}
	if (buf_status(&c->credentials) < 0)
		call_fail(c, CODE_PROVIDER_UNAVAILABLE, "", "the provider's token is too long");
	else
		make_go(c);
}

/* A role, an account or a subscription that the customer named. */
static void assume(struct call *c, const struct fv_make_integration *m)
{
	const char *field = "", *why = "";
	char path[IPC_FIELD_MAX + 1];
	int r;

	put_way(c, CATEGORY_DELEGATED);
	plist_put(&c->credentials, BYTES(CREDENTIALS_EXTERNAL));
	plist_put(&c->credentials, c->setup.external_id);
	r = provider_check_credentials(c->provider, CATEGORY_DELEGATED, m->credentials,
				       &c->credentials, &field, &why);
	if (r == 0 && c->provider->delegated->check)
		r = c->provider->delegated->check(gateway_of(c->provider),
						  buf_bytes(&c->credentials), &field, &why);
	if (r < 0) {
		call_refuse(c, CODE_INVALID_REQUEST, "credentials", "too large");
		return;
	}
	if (r > 0) {
		snprintf(path, sizeof(path), "credentials.%s", field);
		call_refuse(c, CODE_INVALID_REQUEST,
			    strcmp(field, "credentials") == 0 ? field : path, why);
		return;
	}
	if (c->provider->delegated->probe)
		call_trade(c, true, buf_bytes(&c->credentials));
	else
		make_go(c);
}

void setup_make(struct call *c, const struct fv_make_integration *m)
{
	if (!open_setup(c, m))
		return;
	if (!m->verify)
		call_refuse(c, CODE_INVALID_REQUEST, "verify",
			    "what was set up in two steps is always verified");
	else if (c->setup.way == SETUP_OAUTH && c->provider->oauth)
		trade(c, m);
	else if (c->setup.way == SETUP_DELEGATED && c->provider->delegated)
		assume(c, m);
	else
		call_refuse(c, CODE_HANDLE_INVALID, "setup_handle", "the handle is not valid");
}
