/* SPDX-License-Identifier: ISC */
/*
 * Logins: credentials that are traded for something short-lived before they are used. What came is kept in locked memory until shortly before it expires; whoever needs the same
 * while it is on its way waits for it, so that a refresh token is never used twice at once. What is renewed the vault is told at once, whether somebody still waits or not.
 *
 * A login's answer holds a secret, so it is read here and not in the planner. It comes from the provider's own login server, whose name stands in the table.
 */
#include "base/json.h"
#include "base/text.h"
#include "base/xml.h"
#include "role/courier.h"
#include "sys/log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define TOKENS_MAX     1024
#define TOKEN_MAX      (16 * 1024) /* bytes of the fields that one login gives */
#define EARLY_SECONDS  60	   /* before it expires it is not used any more */
#define LOGIN_MS       15000
#define LOGIN_BODY_MAX (64 * 1024)
#define HASH_BYTES     32
#define SWEEP_MS       60000

struct token {
	struct idmap_node node; /* by the first bytes of HASH */
	unsigned char hash[HASH_BYTES];
	const struct provider *provider;
	const struct login *login;
	unsigned char integration[INTEGRATION_ID_BYTES];
	bool has_integration;
	struct buf credentials, zone_id, fqdn; /* while it is on its way */
	enum rr_type type;
	bool all_types;
	uint64_t renewals;     /* of the credential, as far as is known here */
	uint64_t number;       /* of what is kept: no two logins have the same */
	unsigned char *fields; /* sodium_malloc(): a plist of pairs; NULL: none */
	size_t n;
	int64_t until; /* it is used, in seconds since 1970: a little less than it lives */
	struct token *newer, *older;
	struct egress_call *sent;
	struct login_wait first; /* for the gateway's own login */
	struct login_wait *waiting;
};

static struct {
	struct loop_timer sweep;
	struct idmap tokens;
	struct token *newest, *oldest;
	uint64_t last_number;
} logins;

static int64_t now_seconds(void)
{
	return clock_usec() / 1000000;
}

/* ---- what is known ---- */

static void hash_part(crypto_generichash_state *h, const void *p, size_t n)
{
	crypto_generichash_update(h, (const unsigned char *)&n, sizeof(n));
	if (n)
		crypto_generichash_update(h, p, n);
}

static void hash_of(const struct login_key *key, unsigned char hash[HASH_BYTES])
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, HASH_BYTES);
	hash_part(&h, &key->login, sizeof(key->login));
	hash_part(&h, key->credentials.p, key->credentials.n);
	if (key->login->scoped) {
		hash_part(&h, key->zone_id.p, key->zone_id.n);
		hash_part(&h, key->fqdn.p, key->fqdn.n);
		hash_part(&h, &key->type, sizeof(key->type));
		hash_part(&h, &key->all_types, sizeof(key->all_types));
	}
	crypto_generichash_final(&h, hash, HASH_BYTES);
	sodium_memzero(&h, sizeof(h));
}

static uint64_t id_of(const unsigned char hash[HASH_BYTES])
{
	uint64_t id;

	memcpy(&id, hash, sizeof(id));
	return id;
}

static struct token *find(const unsigned char hash[HASH_BYTES])
{
	struct token *t = idmap_entry(idmap_find(&logins.tokens, id_of(hash)), struct token, node);

	return t && sodium_memcmp(t->hash, hash, HASH_BYTES) == 0 ? t : NULL;
}

static void forget_inputs(struct token *t)
{
	buf_done(&t->credentials);
	buf_done(&t->zone_id);
	buf_done(&t->fqdn);
}

static void forget_fields(struct token *t)
{
	sodium_free(t->fields); /* wipes */
	t->fields = NULL;
	t->n = 0;
	t->until = 0;
}

static bool is_busy(const struct token *t)
{
	return t->sent || t->first.prev || t->waiting;
}

static void token_free(struct token *t)
{
	idmap_remove(&logins.tokens, &t->node);
	*(t->newer ? &t->newer->older : &logins.newest) = t->older;
	*(t->older ? &t->older->newer : &logins.oldest) = t->newer;
	login_leave(&t->first);
	if (t->sent)
		egress_cancel(t->sent);
	forget_fields(t);
	forget_inputs(t);
	free(t);
}

/* The oldest that nobody waits for makes room. False when all are under way. */
static bool make_room(void)
{
	struct token *t = logins.oldest;

	if (logins.tokens.n < TOKENS_MAX)
		return true;
	while (t && is_busy(t))
		t = t->newer;
	if (t)
		token_free(t);
	return t != NULL;
}

static void forget_if(struct idmap_node *node, void *until)
{
	struct token *t = idmap_holder(node, struct token, node);

	if (!is_busy(t) && t->until <= *(const int64_t *)until)
		token_free(t);
}

/* What cannot be used any more does not stay. */
static void on_sweep(void *arg)
{
	int64_t now = now_seconds();

	idmap_each(&logins.tokens, forget_if, &now);
	if (logins.tokens.n && loop_timer_set(courier.role->loop, &logins.sweep, SWEEP_MS) < 0)
		log_fatal("out of memory");
}

void logins_forget(void)
{
	int64_t end = INT64_MAX;

	idmap_each(&logins.tokens, forget_if, &end);
}

static struct token *token_new(const struct login_key *key, const unsigned char hash[HASH_BYTES])
{
	struct token *t = make_room() ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	if (!logins.sweep.due) {
		logins.sweep = (struct loop_timer){.fn = on_sweep};
		if (loop_timer_set(courier.role->loop, &logins.sweep, SWEEP_MS) < 0)
			log_fatal("out of memory");
	}
	t->node.id = id_of(hash);
	memcpy(t->hash, hash, HASH_BYTES);
	t->provider = key->provider;
	t->login = key->login;
	t->credentials = BUF_INIT(IPC_CREDENTIALS_MAX);
	t->zone_id = BUF_INIT(PROVIDER_ID_MAX);
	t->fqdn = BUF_INIT(DNS_NAME_MAX);
	if (idmap_find(&logins.tokens, t->node.id) || idmap_put(&logins.tokens, &t->node) < 0) {
		free(t);
		return NULL;
	}
	t->older = logins.newest;
	*(t->older ? &t->older->newer : &logins.oldest) = t;
	logins.newest = t;
	return t;
}

/* ---- waiting ---- */

static void wait_for(struct token *t, struct login_wait *w)
{
	w->next = t->waiting;
	if (w->next)
		w->next->prev = &w->next;
	w->prev = &t->waiting;
	t->waiting = w;
}

void login_leave(struct login_wait *w)
{
	if (!w->prev)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = NULL;
}

/* Is what it gives a renewal of the credential itself? */
static bool renews(const struct token *t)
{
	return t->provider->oauth && t->login == t->provider->oauth->refresh;
}

/* Whoever waits hears it; a waiter may ask again at once. A renewal that did not come leaves the last refresh token: it may be the only one that is still good. */
static void over(struct token *t, enum code code, bool sent, const char *detail)
{
	struct login_wait *list = t->waiting, *w;

	forget_inputs(t);
	t->waiting = NULL;
	if (list)
		list->prev = &list;
	if (code == CODE_PROVIDER_AUTH_FAILED || (code != CODE_OK && !renews(t)))
		forget_fields(t);
	else if (code != CODE_OK)
		t->until = 0;
	while ((w = list)) {
		login_leave(w);
		w->fn(w, code, sent, detail);
	}
}

/* ---- the answer ---- */

/* Keep FIELDS. False when there is no memory. */
static bool keep_fields(struct token *t, const struct buf *fields, int64_t until)
{
	forget_fields(t);
	if (buf_status(fields) == 0 && fields->n)
		t->fields = sodium_malloc(fields->n);
	if (!t->fields)
		return false;
	memcpy(t->fields, fields->p, fields->n);
	t->n = fields->n;
	t->until = until;
	t->number = ++logins.last_number;
	return true;
}

/* A handle may hold what an earlier login gave. */
static void seed(struct token *t, struct bytes credentials)
{
	struct buf fields = BUF_INIT(TOKEN_MAX);
	struct bytes text, v;
	uint64_t expires;

	if (plist_get(credentials, CREDENTIALS_EXPIRES, &text) &&
	    text_to_u64(text, INT64_MAX, &expires) == 0 &&
	    plist_get(credentials, t->login->takes[0].field, &v)) {
		plist_put(&fields, bytes_str(t->login->takes[0].field));
		plist_put(&fields, v);
		(void)keep_fields(t, &fields, (int64_t)expires - EARLY_SECONDS);
	}
	buf_done(&fields);
}

/* What has just come is always good for those who waited for it, however short it lives. */
static int64_t use_until(int64_t expires, int64_t now)
{
	int64_t life = expires > now + 2 ? expires - now : 2;

	return now + life - (life / 2 < EARLY_SECONDS ? life / 2 : EARLY_SECONDS);
}

/* A server that refuses may name what it refuses: cover what of that the login showed. */
static void scrub_detail(const struct token *t, char *detail)
{
	struct buf forms = BUF_INIT(SECRETS_FORMS_MAX);
	size_t stars;

	secrets_forms(t->provider, buf_bytes(&t->credentials), &forms);
	secrets_forms(t->provider, gateway_fields(t->provider), &forms);
	if (buf_status(&forms) < 0 || scrub(buf_bytes(&forms), SCRUB_TEXT, (unsigned char *)detail,
					    strlen(detail), &stars) != 0)
		detail[0] = '\0';
	buf_done(&forms);
}

static uint64_t renewals_of(struct bytes credentials)
{
	struct bytes text;
	uint64_t n;

	return plist_get(credentials, CREDENTIALS_RENEWED, &text) &&
			       text_to_u64(text, UINT32_MAX, &n) == 0
		       ? n
		       : 0;
}

/* Each renewal has a number, so that the vault sees which is the newest. */
static void count_renewal(struct token *t, struct buf *fields)
{
	uint64_t known = renewals_of(buf_bytes(&t->credentials));
	char text[24];

	t->renewals = (known > t->renewals ? known : t->renewals) + 1;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)t->renewals);
	plist_put(fields, BYTES(CREDENTIALS_RENEWED));
	plist_put(fields, bytes_str(text));
}

void login_tell(uint64_t call, const unsigned char *integration, struct bytes fields)
{
	struct cv_rotated m = {.call = call, .fields = fields};

	if (!plist_get(fields, CREDENTIALS_RENEWED, &(struct bytes){0}))
		return;
	memcpy(m.integration, integration, sizeof(m.integration));
	channel_send_fd(&courier.vault, MSG_cv_rotated, &m, -1);
}

/* Keep what the answer gives; or say what is wrong with it. */
static void read_answer(struct token *t, const struct answer *a)
{
	struct buf fields = BUF_INIT(TOKEN_MAX);
	char detail[PROVIDER_DETAIL_MAX + 1];
	int64_t expires, now = now_seconds();
	enum code code = login_read(t->provider, t->login, buf_bytes(&t->credentials), now, a,
				    &fields, &expires, detail);

	if (code == CODE_OK && renews(t))
		count_renewal(t, &fields);
	if (code == CODE_OK && !keep_fields(t, &fields, use_until(expires, now))) {
		code = CODE_PROVIDER_UNAVAILABLE;
		snprintf(detail, sizeof(detail), "the login server's answer is too large");
	}
	if (code == CODE_OK && t->has_integration)
		login_tell(0, t->integration, bytes_of(t->fields, t->n));
	if (code != CODE_OK)
		scrub_detail(t, detail);
	if (code != CODE_OK && code != CODE_PROVIDER_AUTH_FAILED)
		log_warn("login at %s: %s", t->provider->name, detail);
	over(t, code, false, detail);
	buf_done(&fields);
}

static void on_done(void *arg, const struct egress_answer *got)
{
	struct token *t = arg;
	struct answer a = {.status = got->status, .body = buf_bytes(got->body)};
	json_t *json cleanup(json_cleanup) = NULL;

	t->sent = NULL;
	if (got->failure != EGRESS_OK) {
		over(t, failure_code(got->failure), false, egress_failure_text(got->failure));
		return;
	}
	if ((t->login->xml ? xml_parse(a.body, PROVIDER_JSON_DEPTH, &json)
			   : json_parse(a.body, PROVIDER_JSON_DEPTH, &json, NULL, 0)) < 0)
		log_fatal("out of memory");
	a.json = json;
	read_answer(t, &a);
}

/* ---- the request ---- */

/* What the login itself is authenticated with: what the gateway's own login gave, then the gateway's fields. */
static int put_auth(struct token *t, const struct url *base, struct bytes target, struct bytes own,
		    struct buf *headers, struct buf *body)
{
	struct buf fields = BUF_INIT(IPC_CREDENTIALS_MAX + TOKEN_MAX),
		   host = BUF_INIT(URL_HOST_MAX + 16);
	struct signing s = {.method = "POST",
			    .target = target,
			    .content_type = bytes_str(t->login->content_type),
			    .body = buf_bytes(body),
			    .now = now_seconds()};
	int r;

	url_put_authority(base, &host);
	s.host = buf_bytes(&host);
	buf_put_bytes(&fields, own);
	buf_put_bytes(&fields, gateway_fields(t->provider));
	s.credentials = buf_bytes(&fields);
	r = bufs_status((const struct buf *const[]){&fields, &host, body, NULL});
	if (r == 0)
		r = target_auth(&t->login->auth, &s, headers, body);
	buf_done(&fields);
	buf_done(&host);
	return r;
}

/* OWN: what the gateway's own login gave, or nothing. 0, a positive outcome for what cannot be, or -errno. */
static int send_login(struct token *t, struct bytes own)
{
	const struct login_input in = {.credentials = buf_bytes(&t->credentials),
				       .gateway = gateway_fields(t->provider),
				       .now = now_seconds(),
				       .zone_id = buf_bytes(&t->zone_id),
				       .fqdn = buf_bytes(&t->fqdn),
				       .type = t->type,
				       .all_types = t->all_types};
	struct buf headers = BUF_INIT(EGRESS_HEADERS_MAX), body = BUF_INIT(LOGIN_BODY_MAX),
		   target = BUF_INIT(TARGET_MAX);
	struct url base;
	int r;

	plist_put(&headers, BYTES("Accept: application/json"));
	buf_printf(&body, "Content-Type: %s", t->login->content_type);
	plist_put(&headers, buf_bytes(&body));
	buf_reset(&body);
	r = gateway_url(t->provider, ".login", &base)
		    ? 0
		    : target_login_base(t->login, in.credentials, in.gateway, &base);
	if (r == 0)
		r = target_login(t->login, t->provider, &base, in.credentials, &target);
	if (r == 0)
		r = t->login->build(&in, &body);
	if (r == 0)
		r = put_auth(t, &base, buf_bytes(&target), own, &headers, &body);
	if (r == 0)
		r = bufs_status((const struct buf *const[]){&headers, &body, &target, NULL});
	if (r == 0)
		r = egress_start(courier.egress,
				 &(const struct egress_request){.method = "POST",
								.url = &base,
								.target = buf_bytes(&target),
								.headers = buf_bytes(&headers),
								.body = buf_bytes(&body),
								.timeout_ms = LOGIN_MS},
				 on_done, t, &t->sent);
	buf_done(&headers);
	buf_done(&body);
	buf_done(&target);
	return r;
}

static void start(struct token *t)
{
	struct bytes own = {0};
	int r = 1;

	const struct login_key first = {.provider = t->provider,
					.login = t->login->first,
					.credentials = gateway_fields(t->provider)};

	if (first.login)
		r = login_get(&first, &t->first, &own);
	if (r == 1)
		r = send_login(t, own);
	else if (r == 0)
		return; /* on_first() */
	if (r > 0)
		over(t, CODE_PROVIDER_AUTH_FAILED, false,
		     "the credential, or the gateway's own, lacks what the login needs");
	else if (r == -EAGAIN)
		over(t, CODE_OVERLOADED, false, "too many logins are under way");
	else if (r < 0)
		over(t, CODE_PROVIDER_UNAVAILABLE, false, "the login could not be sent");
}

static void on_first(struct login_wait *w, enum code code, bool sent, const char *detail)
{
	struct token *t = (struct token *)((char *)w - offsetof(struct token, first));

	if (code == CODE_OK)
		start(t);
	else
		over(t, code == CODE_PROVIDER_AUTH_FAILED ? CODE_PROVIDER_UNAVAILABLE : code, sent,
		     detail);
}

/* The credential; but a refresh token that is newer than the handle's, for that one was spent. */
static void put_newest(struct token *t, struct bytes credentials)
{
	struct bytes name, value, newest;
	bool newer =
		t->fields && plist_get(bytes_of(t->fields, t->n), CREDENTIALS_REFRESH, &newest);

	while (plist_next(&credentials, &name) && plist_next(&credentials, &value)) {
		plist_put(&t->credentials, name);
		plist_put(&t->credentials,
			  newer && bytes_is(name, CREDENTIALS_REFRESH) ? newest : value);
	}
}

static int begin(struct token *t, const struct login_key *key)
{
	t->first.fn = on_first;
	t->type = key->type;
	t->all_types = key->all_types;
	put_newest(t, key->credentials);
	buf_put_bytes(&t->zone_id, key->zone_id);
	buf_put_bytes(&t->fqdn, key->fqdn);
	if (buf_status(&t->credentials) < 0 || buf_status(&t->zone_id) < 0 ||
	    buf_status(&t->fqdn) < 0)
		return -ENOMEM;
	start(t);
	return 0;
}

static bool given(const struct token *t, struct login_wait *w, struct bytes *fields)
{
	if (!t->fields || t->until <= now_seconds())
		return false;
	*fields = bytes_of(t->fields, t->n);
	w->login = t->number;
	return true;
}

bool login_peek(const struct login_key *key, struct login_wait *w, struct bytes *fields)
{
	unsigned char hash[HASH_BYTES];
	const struct token *t;

	hash_of(key, hash);
	t = find(hash);
	return t && given(t, w, fields);
}

int login_get(const struct login_key *key, struct login_wait *w, struct bytes *fields)
{
	unsigned char hash[HASH_BYTES];
	struct token *t;
	bool begun;
	int r = 0;

	hash_of(key, hash);
	t = find(hash);
	if (!t) {
		t = token_new(key, hash);
		if (!t)
			return -EAGAIN;
		seed(t, key->credentials);
	}
	if (key->integration) {
		memcpy(t->integration, key->integration, sizeof(t->integration));
		t->has_integration = true;
	}
	if (given(t, w, fields))
		return 1;
	begun = is_busy(t);
	wait_for(t, w);
	if (!begun)
		r = begin(t, key);
	if (r < 0)
		login_leave(w);
	return r;
}

void login_spoil(const struct login_key *key, const struct login_wait *w)
{
	unsigned char hash[HASH_BYTES];
	struct token *t;

	hash_of(key, hash);
	t = find(hash);
	if (!t || !t->fields || t->number != w->login)
		return;
	if (renews(t))
		t->until = 0;
	else
		forget_fields(t);
}
