/* SPDX-License-Identifier: ISC */
#include "store/internal.h"

#include <sodium.h>
#include <stdlib.h>

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

/* Keyed, so that whoever chooses request ids cannot choose ones that collide. */
static uint64_t id_hash(const struct store *s, struct bytes request_id)
{
	unsigned char h[crypto_shorthash_BYTES];
	uint64_t id;

	crypto_shorthash(h, request_id.p, request_id.n, s->hash_key);
	memcpy(&id, h, sizeof(id));
	return id;
}

struct unresolved *unresolved_find(struct store *s, struct bytes request_id)
{
	return idmap_entry(idmap_find(&s->unresolved, id_hash(s, request_id)), struct unresolved,
			   node);
}

int unresolved_add(struct store *s, struct bytes request_id, uint64_t seq, struct bytes line,
		   struct unresolved **out)
{
	struct unresolved *u;

	if (unresolved_find(s, request_id))
		return -EEXIST;
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->node.id = id_hash(s, request_id);
	u->seq = seq;
	u->line = BUF_INIT(AUDIT_LINE_MAX);
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
	const struct unresolved *u = idmap_entry(node, struct unresolved, node);
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
	unresolved_drop(arg, idmap_entry(node, struct unresolved, node));
}

void unresolved_done(struct store *s)
{
	idmap_each(&s->unresolved, drop, s);
	idmap_done(&s->unresolved);
}
