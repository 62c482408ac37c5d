/* SPDX-License-Identifier: ISC */
/* A request goes out: the credential is put on it here, perhaps after a login. */
#include "role/courier.h"

static int find_base(const struct errand *e, struct url *out)
{
	if (!e->provider->self_hosted && gateway_url(e->provider, ".base", out))
		return 0;
	return target_base(e->provider, buf_bytes(&e->credentials), out);
}

int errand_base(struct errand *e, const struct url **out)
{
	if (e->base_epoch != courier.gateway_epoch) {
		int r = find_base(e, &e->base);

		if (r != 0)
			return r;
		e->base_epoch = courier.gateway_epoch;
	}
	*out = &e->base;
	return 0;
}

static struct login_key key_of(const struct errand *e)
{
	struct login_key key = {.provider = e->provider,
				.login = provider_login(e->provider, buf_bytes(&e->credentials)),
				.credentials = buf_bytes(&e->credentials),
				.integration = e->integration};

	if (e->may_change) {
		key.type = e->permit.type;
		key.all_types = e->permit.all_types;
		key.zone_id = e->permit.zone_id;
		key.fqdn = dns_name_text(&e->permit.fqdn);
	}
	return key;
}

/* What a login gave may be refused before its time: one more login, then the same again. */
static bool login_again(struct errand *e, const struct egress_answer *a)
{
	const struct login_key key = key_of(e);

	if (!key.login || e->logged_in_again ||
	    !(a->status == 401 || (a->status == e->provider->login_stale && a->status)))
		return false;
	login_spoil(&key, &e->login);
	e->logged_in_again = true;
	errand_launch(e);
	return true;
}

static void on_done(void *arg, const struct egress_answer *a)
{
	struct errand *e = arg;

	e->sent = NULL;
	if (a->failure == EGRESS_OK && login_again(e, a))
		return;
	if (a->failure == EGRESS_OK) {
		answer_deliver(e, a);
		return;
	}
	exchange_over(e);
	send_failed(e->node.id, failure_code(a->failure), a->sent, egress_failure_text(a->failure));
}

/* HEADERS and BODY get what the credential adds. FIELDS is what stands for it, OWN those of them that a login gave. */
static int send_exchange(struct errand *e, const struct url *base, struct bytes fields,
			 struct bytes own, struct buf *headers, struct buf *body)
{
	const struct provider *p = e->provider;
	struct bytes accept =
		p->xml ? BYTES("Accept: text/xml") : BYTES("Accept: application/json");
	struct bytes type =
		p->xml ? BYTES("Content-Type: text/xml") : BYTES("Content-Type: application/json");
	struct buf host = BUF_INIT(URL_HOST_MAX + 16);
	struct signing s = {.method = e->exchange->method,
			    .target = buf_bytes(&e->target),
			    .content_type = e->body.n ? bytes_skip(type, strlen("Content-Type: "))
						      : BYTES(""),
			    .body = buf_bytes(&e->body),
			    .now = clock_usec() / 1000000,
			    .credentials = fields};
	size_t wanted = 0, lines;
	int r;

	url_put_authority(base, &host);
	s.host = buf_bytes(&host);
	plist_put(headers, accept);
	buf_put_bytes(body, buf_bytes(&e->body));
	lines = headers->n;
	/* A body that there was no memory for must not go out as an empty one. */
	r = bufs_status((const struct buf *const[]){&host, body, &e->target, NULL});
	if (r == 0)
		r = target_auth(&p->auth, &s, headers, body);
	buf_reset(&e->shown);
	secrets_note(p, own, bytes_skip(buf_bytes(headers), lines), &e->shown);
	if (body->n)
		plist_put(headers, type);
	if (r == 0)
		r = bufs_status((const struct buf *const[]){headers, body, &e->shown, NULL});
	buf_done(&host);
	while (wanted < PROVIDER_HEADERS && p->headers[wanted])
		wanted++;
	if (r != 0)
		return r;
	return egress_start(courier.egress,
			    &(const struct egress_request){
				    .method = e->exchange->method,
				    .url = base,
				    .target = buf_bytes(&e->target),
				    .headers = buf_bytes(headers),
				    .body = buf_bytes(body),
				    .timeout_ms = e->deadline - loop_now(courier.role->loop),
				    .want_headers = p->headers,
				    .wanted = wanted,
			    },
			    on_done, e, &e->sent);
}

/* With what a login gave before the credential's own fields; OWN may be empty. */
static int authenticate_and_send(struct errand *e, struct bytes own)
{
	struct buf fields = BUF_INIT(2 * IPC_CREDENTIALS_MAX), body = BUF_INIT(e->body.max),
		   headers = BUF_INIT(EGRESS_HEADERS_MAX);
	struct bytes all = buf_bytes(&e->credentials);
	const struct url *base = NULL;
	int r = errand_base(e, &base);

	if (own.n) {
		buf_put_bytes(&fields, own);
		buf_put_bytes(&fields, all);
		all = buf_bytes(&fields);
	}
	buf_put_bytes(&headers, buf_bytes(&e->headers));
	if (r == 0)
		r = bufs_status((const struct buf *const[]){&fields, &headers, &e->headers,
							    &e->body, NULL});
	if (r == 0 && e->provider->dns)
		r = dns_send(e, base, all);
	else if (r == 0)
		r = send_exchange(e, base, all, own, &headers, &body);
	buf_done(&fields);
	buf_done(&headers);
	buf_done(&body);
	return r;
}

/* The credential was renewed, and this call is served with it: the vault seals a fresh handle. */
static void tell_rotated(struct errand *e, struct bytes own)
{
	if (e->told != e->login.login)
		login_tell(e->node.id, e->integration, own);
	e->told = e->login.login;
}

void errand_launch(struct errand *e)
{
	const struct login_key key = key_of(e);
	struct bytes own = {0};
	int r = 1;

	if (e->deadline <= loop_now(courier.role->loop))
		r = -ETIMEDOUT;
	else if (key.login)
		r = login_get(&key, &e->login, &own);
	if (r == 0)
		return; /* errand_on_login() */
	if (r == 1) {
		tell_rotated(e, own);
		r = authenticate_and_send(e, own);
	}
	if (r == 0)
		return;
	exchange_over(e);
	if (r == TARGET_E_ARGS)
		courier_bad_planner("a message for another zone or name");
	else if (r == TARGET_E_FIELD)
		send_failed(e->node.id, CODE_PROVIDER_AUTH_FAILED, false,
			    "a field of the credential cannot be used as it is");
	else if (r == -EAGAIN)
		send_failed(e->node.id, CODE_OVERLOADED, false, "too many logins are under way");
	else if (r == -ETIMEDOUT)
		send_failed(e->node.id, CODE_PROVIDER_TIMEOUT, false,
			    egress_failure_text(EGRESS_TIMEOUT));
	else
		send_failed(e->node.id, CODE_PROVIDER_UNAVAILABLE, false,
			    egress_failure_text(EGRESS_INTERNAL));
}

void errand_on_login(struct login_wait *w, enum code code, bool sent, const char *detail)
{
	struct errand *e = (struct errand *)((char *)w - offsetof(struct errand, login));

	if (code == CODE_OK) {
		errand_launch(e);
		return;
	}
	exchange_over(e);
	send_failed(e->node.id, code, false, detail);
}
