/* SPDX-License-Identifier: ISC */
/* OAuth's codes: each is traded once, for what the vault then seals into a handle. */
#include "role/courier.h"
#include "sys/log.h"

#include <stdlib.h>

/* A call whose code is being traded. */
struct trade {
	struct idmap_node node; /* by call */
	const struct provider *provider;
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
	return (struct login_key){.provider = t->provider,
				  .login = t->provider->oauth->code,
				  .credentials = buf_bytes(&t->fields)};
}

static void on_traded(struct login_wait *w, enum code code, bool sent, const char *detail)
{
	struct trade *t = (struct trade *)((char *)w - offsetof(struct trade, wait));
	const struct login_key key = trade_key(t);
	struct bytes fields = {0};

	if (code == CODE_OK && login_get(&key, w, &fields) != 1)
		code = CODE_PROVIDER_UNAVAILABLE;
	channel_send(&courier.vault, cv_traded, .call = t->node.id, .code = (uint8_t)code,
		     .detail = bytes_str(detail), .fields = fields);
	login_spoil(&key, &t->wait);
	trade_free(t);
}

void trade_begin(const struct vc_trade *m)
{
	const struct provider *provider = provider_by_name(m->provider);
	struct login_key key;
	struct bytes none;
	struct trade *t;

	if (!provider || !provider->oauth || self_hosted() ||
	    idmap_find(&courier.trades, m->call)) {
		channel_reject(&courier.vault);
		return;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		log_fatal("out of memory");
	t->node.id = m->call;
	t->provider = provider;
	t->fields = BUF_INIT(IPC_CREDENTIALS_MAX);
	t->wait.fn = on_traded;
	buf_put_bytes(&t->fields, m->fields);
	if (buf_status(&t->fields) < 0 || idmap_put(&courier.trades, &t->node) < 0)
		log_fatal("out of memory");
	key = trade_key(t);
	if (login_get(&key, &t->wait, &none) != 0)
		log_fatal("out of memory");
}

void trade_end(uint64_t call)
{
	struct idmap_node *node = idmap_find(&courier.trades, call);

	if (node)
		trade_free(idmap_entry(node, struct trade, node));
}

static void forget(struct idmap_node *node, void *arg)
{
	trade_free(idmap_entry(node, struct trade, node));
}

void trades_end(void)
{
	idmap_each(&courier.trades, forget, NULL);
}
