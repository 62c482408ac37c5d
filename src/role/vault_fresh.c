/* SPDX-License-Identifier: ISC */
/*
 * Credentials that were renewed: a refresh token that rotated makes the handle that the backend has an old one. Every answer to it carries the fresh one, for as long as this vault remembers.
 */
#include "role/vault.h"

#include "base/text.h"
#include "sys/log.h"

#include <stdio.h>
#include <stdlib.h>

#define REMEMBERED_MAX 10000

/* The newest credential of an integration. */
struct newest {
	struct idmap_node node; /* by the first bytes of ID */
	unsigned char id[INTEGRATION_ID_BYTES];
	struct buf credentials;
	struct newest *newer, *older;
};

static struct newest *first, *last;

static uint64_t id_of(const unsigned char id[INTEGRATION_ID_BYTES])
{
	uint64_t n;

	memcpy(&n, id, sizeof(n));
	return n;
}

static struct newest *find(const unsigned char id[INTEGRATION_ID_BYTES])
{
	struct newest *n = idmap_entry(idmap_find(&vault.newest, id_of(id)), struct newest, node);

	return n && memcmp(n->id, id, INTEGRATION_ID_BYTES) == 0 ? n : NULL;
}

static void forget(struct newest *n)
{
	idmap_remove(&vault.newest, &n->node);
	*(n->newer ? &n->newer->older : &first) = n->older;
	*(n->older ? &n->older->newer : &last) = n->newer;
	buf_done(&n->credentials);
	free(n);
}

static void remember(const unsigned char id[INTEGRATION_ID_BYTES], struct bytes credentials)
{
	struct newest *n = find(id);

	if (n)
		forget(n);
	else if (vault.newest.n >= REMEMBERED_MAX)
		forget(last);
	n = calloc(1, sizeof(*n));
	if (!n)
		log_fatal("out of memory");
	n->node.id = id_of(id);
	memcpy(n->id, id, INTEGRATION_ID_BYTES);
	n->credentials = BUF_INIT(IPC_CREDENTIALS_MAX);
	buf_put_bytes(&n->credentials, credentials);
	if (buf_status(&n->credentials) < 0 || idmap_find(&vault.newest, n->node.id) ||
	    idmap_put(&vault.newest, &n->node) < 0) {
		buf_done(&n->credentials);
		free(n);
		return;
	}
	n->older = first;
	*(first ? &first->newer : &last) = n;
	first = n;
}

/* How often it was renewed: the more, the newer it is. */
static uint64_t renewed(struct bytes credentials)
{
	struct bytes text;
	uint64_t n = 0;

	return plist_get(credentials, CREDENTIALS_RENEWED, &text) &&
			       text_to_u64(text, UINT32_MAX, &n) == 0
		       ? n
		       : 0;
}

/* The call goes on with that credential. */
static void take(struct call *c, struct bytes credentials)
{
	struct buf copy = BUF_INIT(IPC_CREDENTIALS_MAX);

	buf_put_bytes(&copy, credentials);
	if (buf_status(&copy) < 0)
		log_fatal("out of memory");
	buf_done(&c->credentials);
	c->credentials = copy;
	c->integration.credentials = buf_bytes(&c->credentials);
	c->fresh = true;
}

void fresh_look(struct call *c)
{
	const struct newest *n = find(c->integration.id);

	if (n && renewed(buf_bytes(&n->credentials)) > renewed(c->integration.credentials))
		take(c, buf_bytes(&n->credentials));
}

/* OLD with what the login gave in place of what it had, and counted. */
static void put_renewed(struct bytes old, struct bytes fields, struct buf *all)
{
	uint64_t n = renewed(old) + 1;
	struct bytes name, value, other;
	char text[64];

	while (plist_next(&old, &name) && plist_next(&old, &value)) {
		if (bytes_to_str(name, text, sizeof(text)) < 0 ||
		    strcmp(text, CREDENTIALS_RENEWED) == 0)
			continue;
		plist_put(all, name);
		plist_put(all, plist_get(fields, text, &other) ? other : value);
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	plist_put(all, BYTES(CREDENTIALS_RENEWED));
	plist_put(all, bytes_str(text));
}

void fresh_rotated(struct call *c, struct bytes fields)
{
	const struct newest *known = find(c->integration.id);
	struct buf all = BUF_INIT(IPC_CREDENTIALS_MAX);

	put_renewed(c->integration.credentials, fields, &all);
	if (buf_status(&all) < 0) {
		log_warn("a renewed credential is too long for a handle");
	} else if (known && renewed(buf_bytes(&known->credentials)) > renewed(buf_bytes(&all))) {
		/* This one came late: another call's is newer. */
		take(c, buf_bytes(&known->credentials));
	} else {
		take(c, buf_bytes(&all));
		remember(c->integration.id, buf_bytes(&all));
	}
	buf_done(&all);
}
