/* SPDX-License-Identifier: ISC */
/* Lanes: changes of one zone on one server come one after the other, for providers that take a record set as a whole. */
#include "role/vault.h"

#include "sys/log.h"

#include <sodium.h>
#include <stdlib.h>

static uint64_t lane_hash(const struct call *c)
{
	struct buf key = BUF_INIT(IPC_CREDENTIALS_MAX + DNS_NAME_MAX + 64);
	unsigned char h[8];
	uint64_t id;

	plist_put(&key, bytes_str(c->provider->name));
	plist_put(&key, dns_name_text(&c->zone));
	/* What is not secret of the credential names the server. */
	if (provider_public_fields(c->provider, c->integration.credentials, &key) < 0)
		log_fatal("out of memory");
	crypto_shorthash(h, key.p, key.n, vault.hash_key);
	buf_done(&key);
	memcpy(&id, h, sizeof(id));
	return id;
}

/* From the loop, not from the call before: a thousand refusals in a row would nest as deep. */
static void on_lane_next(void *arg)
{
	struct lane *l = arg;

	call_begin_intent(l->head); /* there is one, or the lane were gone; and it waits for this */
}

void lane_enter(struct call *c)
{
	uint64_t id = lane_hash(c);
	struct lane *l = idmap_entry(idmap_find(&vault.lanes, id), struct lane, node);

	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			log_fatal("out of memory");
		l->node.id = id;
		l->next = (struct loop_timer){.fn = on_lane_next, .arg = l};
		l->tail = &l->head;
		if (idmap_put(&vault.lanes, &l->node) < 0)
			log_fatal("out of memory");
	}
	c->lane = l;
	*l->tail = c;
	l->tail = &c->lane_next;
	c->state = CALL_QUEUED;
	if (l->head == c)
		call_begin_intent(c);
}

void lane_leave(struct call *c)
{
	struct lane *l = c->lane;
	bool was_head = l->head == c;
	struct call **at = &l->head;

	while (*at != c)
		at = &(*at)->lane_next;
	*at = c->lane_next;
	if (l->tail == &c->lane_next)
		l->tail = at;
	c->lane = NULL;
	c->lane_next = NULL;
	if (!l->head) {
		loop_timer_clear(vault.role->loop, &l->next);
		idmap_remove(&vault.lanes, &l->node);
		free(l);
	} else if (was_head && loop_timer_set(vault.role->loop, &l->next, 0) < 0) {
		log_fatal("out of memory");
	}
}
