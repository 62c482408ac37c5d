/* SPDX-License-Identifier: ISC */
/*
 * OAuth's codes: each is traded once, for what the vault then seals into a handle. And probes of delegated trust: a login that must be refused, for it shows what a stranger would.
 */
#include "role/courier.h"
#include "sys/log.h"

#include <stdlib.h>

/* A call whose code is being traded. */
struct trade {
	struct idmap_node node; /* by call */
	const struct provider *provider;
	const struct login *login;
	bool probe;
	struct buf fields;
	struct login_wait wait;
};

static void trade_free(struct trade *t)
{
	idmap_remove(&courier.trades, &t->node);
	login_leave(&t->wait);
	buf_done(&t->fields);
	free(t);
}

static struct login_key trade_key(const struct trade *t)
{
	return (struct login_key){
		.provider = t->provider, .login = t->login, .credentials = buf_bytes(&t->fields)};
}

static void on_traded(struct login_wait *w, enum code code, bool sent, const char *detail)
{
	struct trade *t = (struct trade *)((char *)w - offsetof(struct trade, wait));
	const struct login_key key = trade_key(t);
	struct bytes fields = {0};

	/* Another that waited for it may have spoiled it; what a probe gave nobody wants. */
	if (code == CODE_OK && !login_peek(&key, w, &fields) && !t->probe)
		code = CODE_PROVIDER_UNAVAILABLE;
	channel_send(&courier.vault, cv_traded, .call = t->node.id, .code = (uint8_t)code,
		     .detail = bytes_str(detail), .fields = t->probe ? bytes_of(NULL, 0) : fields);
	login_spoil(&key, &t->wait);
	trade_free(t);
}

void trade_begin(const struct vc_trade *m)
{
	const struct provider *provider = provider_by_name(m->provider);
	const struct login *login = NULL;
	struct login_key key;
	struct bytes none;
	struct trade *t;
	int r;

	if (provider && m->probe && provider->delegated)
		login = provider->delegated->probe;
	else if (provider && !m->probe && provider->oauth)
		login = provider->oauth->code;
	if (!login || self_hosted() || idmap_find(&courier.trades, m->call)) {
		channel_reject(&courier.vault);
		return;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		log_fatal("out of memory");
	t->node.id = m->call;
	t->provider = provider;
	t->login = login;
	t->probe = m->probe;
	t->fields = BUF_INIT(IPC_CREDENTIALS_MAX);
	t->wait.fn = on_traded;
	buf_put_bytes(&t->fields, m->fields);
	if (buf_status(&t->fields) < 0 || idmap_put(&courier.trades, &t->node) < 0)
		log_fatal("out of memory");
	key = trade_key(t);
	r = login_get(&key, &t->wait, &none);
	/* 1: it was traded for a call that had ended before the answer came. */
	if (r == 1)
		on_traded(&t->wait, CODE_OK, false, "");
	else if (r < 0)
		on_traded(&t->wait, CODE_OVERLOADED, false, "too many logins are under way");
}

void trade_end(uint64_t call)
{
	struct idmap_node *node = idmap_find(&courier.trades, call);

	if (node)
		trade_free(idmap_holder(node, struct trade, node));
}

static void forget(struct idmap_node *node, void *arg)
{
	trade_free(idmap_holder(node, struct trade, node));
}

void trades_end(void)
{
	idmap_each(&courier.trades, forget, NULL);
}
