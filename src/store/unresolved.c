/* SPDX-License-Identifier: ISC */
#include "base/json.h"
#include "base/memory.h"
#include "store/internal.h"

#include <sodium.h>
#include <stdlib.h>

/* ---- events ---- */

static bool ends_in(struct bytes event, struct bytes end)
{
	return event.n > end.n && bytes_eq(bytes_of(event.p + event.n - end.n, end.n), end);
}

bool event_is_intent(struct bytes event)
{
	return ends_in(event, BYTES(".intent"));
}

bool event_is_outcome(struct bytes event)
{
	return ends_in(event, BYTES(".outcome"));
}

struct bytes event_verb(struct bytes event)
{
	const unsigned char *dot = event.n ? memrchr(event.p, '.', event.n) : NULL;

	return dot ? bytes_of(event.p, (size_t)(dot - event.p)) : event;
}

/* ---- the open intents ---- */

/*
 * Keyed, so that whoever chooses request ids cannot choose ones that collide; each verb has a key of
 * its own.
 */
static uint64_t intent_hash(const struct store *s, struct bytes event, struct bytes request_id)
{
	struct bytes verb = event_verb(event);
	unsigned char key[crypto_shorthash_KEYBYTES], h[crypto_shorthash_BYTES];
	uint64_t id;

	memcpy(key, s->hash_key, sizeof(key));
	crypto_shorthash(key, verb.p, verb.n, s->hash_key);
	crypto_shorthash(h, request_id.p, request_id.n, key);
	memcpy(&id, h, sizeof(id));
	return id;
}

struct unresolved *unresolved_find(struct store *s, struct bytes event, struct bytes request_id)
{
	return idmap_entry(idmap_find(&s->unresolved, intent_hash(s, event, request_id)),
			   struct unresolved, node);
}

int unresolved_add(struct store *s, struct bytes event, struct bytes request_id, uint64_t seq,
		   struct bytes line, struct unresolved **out)
{
	struct unresolved *u;

	if (unresolved_find(s, event, request_id))
		return -EEXIST;
	u = memory_alloc(sizeof(*u));
	if (!u)
		return -ENOMEM;
	*u = (struct unresolved){.node.id = intent_hash(s, event, request_id),
				 .seq = seq,
				 .line = BUF_INIT(AUDIT_LINE_MAX)};
	buf_put_bytes(&u->line, line);
	if (buf_status(&u->line) < 0 || idmap_put(&s->unresolved, &u->node) < 0) {
		buf_done(&u->line);
		free(u);
		return -ENOMEM;
	}
	*out = u;
	return 0;
}

void unresolved_drop(struct store *s, struct unresolved *u)
{
	idmap_remove(&s->unresolved, &u->node);
	buf_done(&u->line);
	free(u);
}

static void smaller(struct idmap_node *node, void *arg)
{
	const struct unresolved *u = idmap_holder(node, struct unresolved, node);
	uint64_t *oldest = arg;

	if (u->seq < *oldest)
		*oldest = u->seq;
}

uint64_t unresolved_oldest(const struct store *s)
{
	uint64_t oldest = UINT64_MAX;

	idmap_each((struct idmap *)&s->unresolved, smaller, &oldest);
	return s->unresolved.n ? oldest : 0;
}

static void drop(struct idmap_node *node, void *arg)
{
	unresolved_drop(arg, idmap_holder(node, struct unresolved, node));
}

void unresolved_done(struct store *s)
{
	idmap_each(&s->unresolved, drop, s);
	idmap_done(&s->unresolved);
}

size_t store_unresolved(const struct store *s)
{
	return s->unresolved.n;
}

/* ---- intents that nobody will tell the end of ---- */

struct closing {
	struct store *store;
	struct bytes live;
	int64_t now;
	int r;
};

/* The intent's line with another event and result. */
static int stage_unknown(struct store *s, const json_t *o, int64_t now)
{
	struct audit_line line = audit_line_empty();
	struct bytes verb = event_verb(json_get_bytes(o, "event"));
	struct buf event cleanup(buf_done) = BUF_INIT(AUDIT_LINE_MAX);
	struct store_receipt receipt;

#define AUDIT_FROM_TEXT(name)	line.name = json_get_bytes(o, #name);
#define AUDIT_FROM_LIST(name)	/* an intent has none */
#define AUDIT_FROM_NUMBER(name) /* nor that */
#define X(kind, name)		AUDIT_FROM_##kind(name)
	AUDIT_FIELDS(X)
#undef X
	buf_put_bytes(&event, verb);
	buf_puts(&event, ".outcome");
	if (buf_status(&event) < 0)
		return buf_status(&event);
	line.event = buf_bytes(&event);
	line.result = BYTES("unknown");
	line.code = bytes_of(NULL, 0);
	line.time = now;
	return store_stage(s, &line, &receipt);
}

static void close_one(struct idmap_node *node, void *arg)
{
	struct closing *c = arg;
	const struct unresolved *u = idmap_holder(node, struct unresolved, node);
	json_t *o cleanup(json_cleanup) = NULL;

	if (c->r != 0 || u->resolving)
		return;
	c->r = json_parse(buf_bytes(&u->line), LINE_DEPTH, &o, NULL, 0);
	if (c->r == 0 && !plist_has(c->live, json_get_bytes(o, "request_id")))
		c->r = stage_unknown(c->store, o, c->now);
}

int store_close_unresolved(struct store *s, struct bytes live, int64_t now)
{
	struct closing c = {.store = s, .live = live, .now = now};

	idmap_each(&s->unresolved, close_one, &c);
	if (store_commit(s, now) != 0 || c.r != 0)
		return STORE_E_UNAVAILABLE;
	return 0;
}
