/* SPDX-License-Identifier: ISC */
/*
 * What each caller may do and how often; how often each integration is used; in how many zones a caller makes changes; how many calls are begun at once. All of it is memory, and begins
 * anew with the vault.
 */
#include "role/vault.h"

#include "base/text.h"
#include "role/bucket.h"
#include "sys/log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define BUCKETS_MAX 200000 /* under limit at once; some 50 bytes each */
#define TELL_MS	    1000   /* refusals for rate are counted, and a line a second tells how many */
#define HOUR_MS	    (3600 * 1000)

struct limit {
	struct idmap_node node; /* by a keyed hash of whose it is */
	struct bucket bucket;
};

/* A zone that a caller has made changes in, within this hour. */
struct seen {
	struct idmap_node node; /* by a keyed hash of both */
};

/* ---- who may what ---- */

const struct caller_rules *rules_of(struct bytes caller)
{
	for (size_t i = 0; i < vault.config->n_callers; i++)
		if (bytes_is(caller, vault.config->callers[i].name))
			return &vault.config->callers[i];
	return NULL;
}

bool caller_may_use(const struct call *c, const struct provider *p)
{
	size_t i = 0;

	while (providers[i] != p)
		i++;
	return c->rules.providers >> i & 1;
}

bool is_denied(const unsigned char id[INTEGRATION_ID_BYTES])
{
	struct bytes ids = buf_bytes(&vault.config->denied);
	size_t lo = 0, hi = ids.n / INTEGRATION_ID_BYTES;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = memcmp(ids.p + mid * INTEGRATION_ID_BYTES, id, INTEGRATION_ID_BYTES);

		if (order == 0)
			return true;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* ---- what is counted of each caller ---- */

void limits_apply(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < vault.n_counts; i++)
		if (rules_of(bytes_str(vault.counts[i].name)))
			vault.counts[kept++] = vault.counts[i];
	vault.n_counts = kept;
}

/* There is room for all callers, and one that is none any more but has a call under way. */
static struct caller_count *count_of(const char *name)
{
	struct caller_count *c = vault.counts;

	while (c < vault.counts + vault.n_counts && strcmp(c->name, name) != 0)
		c++;
	if (c < vault.counts + vault.n_counts)
		return c;
	if (vault.n_counts == ARRAY_LEN(vault.counts))
		limits_apply();
	c = &vault.counts[vault.n_counts++];
	*c = (struct caller_count){.zones = 0};
	snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
}

static void on_tell(void *arg)
{
	for (size_t i = 0; i < vault.n_counts; i++) {
		struct caller_count *c = &vault.counts[i];

		if (c->refused)
			line_limited(bytes_str(c->name), c->refused);
		c->refused = 0;
	}
}

static void note_refused(const char *name, enum limit_kind kind)
{
	metrics_limited(kind);
	count_of(name)->refused++;
	if (!vault.tell_limits.due &&
	    loop_timer_set(vault.role->loop, &vault.tell_limits, TELL_MS) < 0)
		log_fatal("out of memory");
}

/* ---- how much at once ---- */

/*
 * A call's memory is cold when its next step comes, if a thousand others took theirs in between, and so is its connection: where all that come are begun at once, each costs a
 * third more. So where there are many, of those that come only few are what the courier has not taken on yet (as many, and what one packet of the front's brings), and requests wait where they take
 * least, with the front. A provider that is slow holds nobody up, for what waits for it the courier has taken on; and a courier that does not answer holds up once, for HOLD_MS.
 */
#define OPENING_MAX 8
#define HOLD_MS	    20

static void on_hold(void *arg)
{
	vault.silent = true;
	channel_pause(&vault.front, false);
}

bool limit_opening(struct call *c)
{
	if (call_class(c) != 0 || vault.calls.n <= ROLE_CALLS_MANY)
		return false;
	c->opening = true;
	if (++vault.opening < OPENING_MAX || vault.silent)
		return true;
	channel_pause(&vault.front, true);
	if (!vault.hold.due && loop_timer_set(vault.role->loop, &vault.hold, HOLD_MS) < 0)
		log_fatal("out of memory");
	return true;
}

void limit_opened(struct call *c)
{
	if (!c->opening)
		return;
	c->opening = false;
	if (--vault.opening >= OPENING_MAX)
		return;
	loop_timer_clear(vault.role->loop, &vault.hold);
	channel_pause(&vault.front, false);
}

void limit_courier_spoke(void)
{
	vault.silent = false;
}

void limits_init(void)
{
	vault.tell_limits.fn = on_tell;
	vault.hold.fn = on_hold;
}

/* ---- how often ---- */

/*
 * Of WHAT, A and B, with a key of ours, so that nobody can choose names that share a limit. Half of the key is replaced by WHAT's hash, then by A's with that key.
 */
static uint64_t hash_of(char what, struct bytes a, struct bytes b)
{
	unsigned char key[crypto_shorthash_KEYBYTES], h[crypto_shorthash_BYTES];
	uint64_t id;

	memcpy(key, vault.hash_key, sizeof(key));
	crypto_shorthash(key, (const unsigned char *)&what, 1, vault.hash_key);
	crypto_shorthash(h, a.p, a.n, key);
	memcpy(key, h, sizeof(h));
	crypto_shorthash(h, b.p, b.n, key);
	memcpy(&id, h, sizeof(id));
	explicit_bzero(key, sizeof(key));
	return id;
}

static void drop_if_full(struct idmap_node *node, void *now)
{
	struct limit *l = idmap_holder(node, struct limit, node);

	if (!bucket_is_full(&l->bucket, *(const int64_t *)now))
		return;
	idmap_remove(&vault.limits, node);
	free(l);
}

/* Those that are full are as good as none. NULL: there are too many. */
static struct limit *limit_of(uint64_t id, int64_t now)
{
	struct limit *l = idmap_entry(idmap_find(&vault.limits, id), struct limit, node);

	if (l)
		return l;
	if (vault.limits.n >= BUCKETS_MAX)
		idmap_each(&vault.limits, drop_if_full, &now);
	if (vault.limits.n >= BUCKETS_MAX)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (!l)
		log_fatal("out of memory");
	l->node.id = id;
	if (idmap_put(&vault.limits, &l->node) < 0)
		log_fatal("out of memory");
	return l;
}

/* Milliseconds until there is room for another one of ID's, 0: now. */
static uint64_t take_one(uint64_t id, uint32_t rate, uint32_t burst)
{
	int64_t now = loop_now(vault.role->loop) * 1000;
	struct limit *l;

	if (rate == 0)
		return 0;
	l = limit_of(id, now);
	return l ? bucket_take(&l->bucket, rate, burst, now) : 1000;
}

static uint32_t seconds(uint64_t msec)
{
	return (uint32_t)((msec + 999) / 1000);
}

uint32_t limit_caller(const struct caller_rules *rules)
{
	struct bytes name = bytes_str(rules->name);
	uint64_t msec = take_one(hash_of('c', name, BYTES("")), rules->rate, rules->burst);

	if (msec)
		note_refused(rules->name, LIMIT_CALLER);
	return seconds(msec);
}

uint32_t limit_integration(const struct call *c)
{
	struct bytes id = bytes_of(c->integration.id, sizeof(c->integration.id));
	uint64_t msec = take_one(hash_of('i', id, BYTES("")), vault.config->integration_rate,
				 vault.config->integration_burst);

	if (msec)
		note_refused(c->rules.name, LIMIT_INTEGRATION);
	return seconds(msec);
}

/* ---- how many at once ---- */

uint32_t limit_under_way(struct call *c)
{
	struct under_way *u;
	uint64_t id;

	if (c->rules.in_flight == 0)
		return 0;
	id = hash_of('u', bytes_str(c->rules.name), BYTES(""));
	u = idmap_entry(idmap_find(&vault.under_way, id), struct under_way, node);
	if (u && u->n >= c->rules.in_flight) {
		note_refused(c->rules.name, LIMIT_IN_FLIGHT);
		return 1;
	}
	if (!u) {
		u = calloc(1, sizeof(*u));
		if (!u)
			log_fatal("out of memory");
		u->node.id = id;
		if (idmap_put(&vault.under_way, &u->node) < 0)
			log_fatal("out of memory");
	}
	u->n++;
	c->under_way = u;
	return 0;
}

void limit_over(struct call *c)
{
	struct under_way *u = c->under_way;

	if (!u || --u->n > 0)
		return;
	idmap_remove(&vault.under_way, &u->node);
	free(u);
}

/* ---- the brake ---- */

static void forget_seen(struct idmap_node *node, void *arg)
{
	idmap_remove(&vault.zones_seen, node);
	free(idmap_holder(node, struct seen, node));
}

/* A new hour, from the first change on: for all callers together, so that one number tells when. */
static void begin_hour(int64_t now)
{
	idmap_each(&vault.zones_seen, forget_seen, NULL);
	for (size_t i = 0; i < vault.n_counts; i++) {
		vault.counts[i].zones = 0;
		vault.counts[i].told = false;
	}
	vault.hour = now;
}

static void see(uint64_t id)
{
	struct seen *s = calloc(1, sizeof(*s));

	if (!s)
		log_fatal("out of memory");
	s->node.id = id;
	if (idmap_put(&vault.zones_seen, &s->node) < 0)
		log_fatal("out of memory");
}

uint32_t limit_zone(const struct call *c)
{
	int64_t now = loop_now(vault.role->loop);
	struct caller_count *count;
	uint64_t id;

	if (c->rules.zones == 0)
		return 0;
	if (vault.zones_seen.n == 0 || now - vault.hour >= HOUR_MS)
		begin_hour(now);
	id = hash_of('z', bytes_str(c->rules.name), dns_name_text(&c->zone));
	if (idmap_find(&vault.zones_seen, id))
		return 0;
	count = count_of(c->rules.name);
	if (count->zones < c->rules.zones) {
		see(id);
		count->zones++;
		return 0;
	}
	metrics_limited(LIMIT_ZONES);
	if (!count->told)
		log_warn("the brake: %s has made changes in %u zones within the hour",
			 c->rules.name, count->zones);
	count->told = true;
	return seconds((uint64_t)(vault.hour + HOUR_MS - now));
}
