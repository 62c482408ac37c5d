/* SPDX-License-Identifier: ISC */
/*
 * Credentials that were renewed: a refresh token that rotated makes the handle that the backend has an old one. Every answer to it carries the fresh one, for as long as this vault remembers. What it
 * remembers lies in memory under a key of the moment, as in a handle.
 */
#include "role/vault.h"

#include "base/text.h"
#include "sys/log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define REMEMBERED_MAX 10000

/* What the newest login of an integration gave. */
struct newest {
	struct idmap_node node; /* by the first bytes of ID */
	unsigned char id[INTEGRATION_ID_BYTES];
	uint64_t renewals; /* the more, the newer */
	unsigned char nonce[crypto_secretbox_NONCEBYTES];
	struct buf sealed; /* a plist of pairs */
	struct newest *newer, *older;
};

static struct newest *first, *last;
static unsigned char *key; /* sodium_malloc() */

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
	buf_done(&n->sealed);
	free(n);
}

static bool seal_fields(struct newest *n, struct bytes fields)
{
	unsigned char *out;

	if (!key) {
		key = sodium_malloc(crypto_secretbox_KEYBYTES);
		if (!key)
			log_fatal("no locked memory");
		crypto_secretbox_keygen(key);
	}
	n->sealed = BUF_INIT(IPC_CREDENTIALS_MAX + crypto_secretbox_MACBYTES);
	out = buf_extend(&n->sealed, fields.n + crypto_secretbox_MACBYTES);
	randombytes_buf(n->nonce, sizeof(n->nonce));
	return out && crypto_secretbox_easy(out, fields.p, fields.n, n->nonce, key) == 0;
}

static void remember(const unsigned char id[INTEGRATION_ID_BYTES], uint64_t renewals,
		     struct bytes fields)
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
	n->renewals = renewals;
	memcpy(n->id, id, INTEGRATION_ID_BYTES);
	if (!seal_fields(n, fields) || idmap_find(&vault.newest, n->node.id) ||
	    idmap_put(&vault.newest, &n->node) < 0) {
		buf_done(&n->sealed);
		free(n);
		return;
	}
	n->older = first;
	*(first ? &first->newer : &last) = n;
	first = n;
}

/* How often it was renewed. */
static uint64_t renewals_of(struct bytes fields)
{
	struct bytes text;
	uint64_t n = 0;

	return plist_get(fields, CREDENTIALS_RENEWED, &text) &&
			       text_to_u64(text, UINT32_MAX, &n) == 0
		       ? n
		       : 0;
}

/* May a renewal change it? */
static bool is_renewed(const struct provider *p, struct bytes name)
{
	const struct login *refresh = p->oauth ? p->oauth->refresh : NULL;

	if (!refresh)
		return false;
	for (size_t i = 0; i < PROVIDER_LOGIN_TAKES; i++)
		if (refresh->takes[i].path && bytes_is(name, refresh->takes[i].field))
			return true;
	return bytes_is(name, CREDENTIALS_EXPIRES);
}

/* OLD with what the login gave in place of what it had, and its number. */
static void put_renewed(const struct provider *p, struct bytes old, struct bytes fields,
			struct buf *all)
{
	struct bytes name, value, other;
	char text[64];

	while (plist_next_pair(&old, &name, &value)) {
		if (bytes_to_str(name, text, sizeof(text)) < 0 ||
		    strcmp(text, CREDENTIALS_RENEWED) == 0)
			continue;
		plist_put(all, name);
		plist_put(all,
			  is_renewed(p, name) && plist_get(fields, text, &other) ? other : value);
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)renewals_of(fields));
	plist_put(all, BYTES(CREDENTIALS_RENEWED));
	plist_put(all, bytes_str(text));
}

/* The call goes on with the credential that FIELDS make of its own. */
static void take(struct call *c, struct bytes fields)
{
	struct buf all = BUF_INIT(IPC_CREDENTIALS_MAX);

	put_renewed(c->provider, c->integration.credentials, fields, &all);
	if (buf_status(&all) < 0) {
		log_warn("a renewed credential is too long for a handle");
		buf_done(&all);
		return;
	}
	buf_done(&c->credentials);
	c->credentials = all;
	c->integration.credentials = buf_bytes(&c->credentials);
	c->fresh = true;
}

void fresh_look(struct call *c)
{
	const struct newest *n = find(c->integration.id);
	struct buf fields = BUF_INIT(IPC_CREDENTIALS_MAX);
	unsigned char *out;

	if (!n || n->renewals <= renewals_of(c->integration.credentials))
		return;
	out = buf_extend(&fields, n->sealed.n - crypto_secretbox_MACBYTES);
	if (!out || crypto_secretbox_open_easy(out, n->sealed.p, n->sealed.n, n->nonce, key) != 0)
		log_fatal("what was remembered cannot be read");
	take(c, buf_bytes(&fields));
	buf_done(&fields);
}

void fresh_rotated(const unsigned char id[INTEGRATION_ID_BYTES], struct bytes fields)
{
	const struct newest *known = find(id);

	if (!known || known->renewals < renewals_of(fields))
		remember(id, renewals_of(fields), fields);
}
