/* SPDX-License-Identifier: ISC */
#include "base/idmap.h"

#include <stdlib.h>

static struct idmap_node **slot(const struct idmap *m, uint64_t id)
{
	return &m->slots[(id * 0x9e3779b97f4a7c15u >> 32) & (m->size - 1)];
}

static int grow(struct idmap *m)
{
	struct idmap bigger = {.size = m->size ? m->size * 2 : 64};

	bigger.slots = calloc(bigger.size, sizeof(struct idmap_node *));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->size; i++)
		for (struct idmap_node *n = m->slots[i], *next; n; n = next) {
			struct idmap_node **to = slot(&bigger, n->id);
			next = n->next;
			n->next = *to;
			*to = n;
		}
	free(m->slots);
	m->slots = bigger.slots;
	m->size = bigger.size;
	return 0;
}

int idmap_put(struct idmap *m, struct idmap_node *node)
{
	struct idmap_node **to;

	if (m->n >= m->size && grow(m) < 0)
		return -ENOMEM;
	to = slot(m, node->id);
	node->next = *to;
	*to = node;
	m->n++;
	return 0;
}

struct idmap_node *idmap_find(const struct idmap *m, uint64_t id)
{
	struct idmap_node *n = m->size ? *slot(m, id) : NULL;

	while (n && n->id != id)
		n = n->next;
	return n;
}

void idmap_remove(struct idmap *m, struct idmap_node *node)
{
	struct idmap_node **at = slot(m, node->id);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	m->n--;
}

int idmap_ids(const struct idmap *m, uint64_t **out, size_t *n)
{
	uint64_t *ids = calloc(m->n ? m->n : 1, sizeof(*ids));
	size_t at = 0;

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < m->size; i++)
		for (struct idmap_node *node = m->slots[i]; node; node = node->next)
			ids[at++] = node->id;
	*out = ids;
	*n = at;
	return 0;
}

void idmap_each(struct idmap *m, void (*fn)(struct idmap_node *node, void *arg), void *arg)
{
	for (size_t i = 0; i < m->size; i++)
		for (struct idmap_node *n = m->slots[i], *next; n; n = next) {
			next = n->next;
			fn(n, arg);
		}
}

void idmap_done(struct idmap *m)
{
	free(m->slots);
	*m = (struct idmap){0};
}
