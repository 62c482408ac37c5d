/* SPDX-License-Identifier: ISC */
/* What the log says of a configuration: its hash, the ids of its keys. */
#include "base/text.h"
#include "role/events.h"
#include "sys/log.h"

#include <sodium.h>
#include <stdio.h>

static void add(struct events *e, const char *event, struct buf *text)
{
	buf_putc(text, 0);
	if (buf_status(text) == 0)
		events_add(e, event, (const char *)text->p);
	buf_done(text);
}

static void add_root_keys(struct events *e, const struct config *c)
{
	struct keyring *ring = sodium_malloc(sizeof(*ring));

	if (!ring)
		log_fatal("out of memory");
	ring->n = 0;
	for (size_t i = 0; i < c->n_keys; i++) {
		struct buf text = BUF_INIT(2 * KEY_ID_BYTES + 32);

		if (keyring_add(ring, c->keys[i].secret, c->keys[i].state) < 0)
			continue;
		text_put_hex(&text, bytes_of(ring->keys[ring->n - 1].id, KEY_ID_BYTES));
		buf_puts(&text, c->keys[i].state == KEY_ACTIVE ? " active" : " open-only");
		add(e, "key.load", &text);
	}
	keyring_wipe(ring);
	sodium_free(ring);
}

/* As those who check the log want them. */
static void add_checkpoint_keys(struct events *e, const struct config *c)
{
	for (size_t i = 0; i < c->n_checkpoint_keys; i++) {
		struct buf text = BUF_INIT(2 * NOTE_NAME_MAX + 100);
		struct note_signer signer;

		note_signer_init(&signer, bytes_str(c->origin), c->checkpoint_seeds[i]);
		note_put_verifier(&text, &signer.verifier);
		sodium_memzero(&signer, sizeof(signer));
		add(e, "checkpoint.key", &text);
	}
}

void events_config(struct events *e, const struct config *c, bool dev)
{
	struct buf hash = BUF_INIT(2 * sizeof(c->hash) + 32);

	if (dev)
		buf_puts(&hash, "development mode");
	else
		text_put_hex(&hash, bytes_of(c->hash, sizeof(c->hash)));
	add(e, "config.load", &hash);
	add_root_keys(e, c);
	add_checkpoint_keys(e, c);
}
