/* SPDX-License-Identifier: ISC */
/*
 * What the vault counts, and what the scribe tells of itself, as text for the front. It is memory, and begins anew with the vault. No customer, no zone, no name of a record is in it.
 */
#include "role/vault.h"
#include "sys/log.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX      (8u << 20)
#define LABELS_MAX    256
#define PROVIDERS_MAX 64 /* as many as FIELDS_s_caller has bits for */

static struct {
	/* By verb, and by provider's place in the table; behind the last one those of which the provider is not known. */
	uint64_t answers[VERB_COUNT][PROVIDERS_MAX + 1][CODE_COUNT];
	struct histogram durations[VERB_COUNT][PROVIDERS_MAX + 1];
	uint64_t
		denials[POLICY_RULE_COUNT]; /* RULE_ALLOWED: by the handle's zones, not by a rule */
	uint64_t limited[LIMITS];
} seen;

/* ---- counting ---- */

/* NULL is what the table ends with. */
static size_t index_of(const struct provider *p)
{
	size_t i = 0;

	while (providers[i] != p)
		i++;
	return i;
}

void metrics_answered(const struct call *c)
{
	size_t i = index_of(c->provider);

	if (c->verb >= VERB_COUNT)
		return; /* nor has it an answer */
	seen.answers[c->verb][i][c->code]++;
	histogram_add(&seen.durations[c->verb][i],
		      (loop_now(vault.role->loop) - c->started) * 1000);
}

void metrics_denied(enum policy_rule rule)
{
	seen.denials[rule]++;
}

void metrics_limited(enum limit_kind kind)
{
	seen.limited[kind]++;
}

void metrics_opened(enum handle_kind kind, const unsigned char key_id[KEY_ID_BYTES])
{
	const struct keyring *ring = &vault.config->keys;
	size_t i = 0;

	/* It is there, for it has opened something. */
	while (memcmp(ring->keys[i].id, key_id, KEY_ID_BYTES) != 0)
		i++;
	vault.config->opened[i][kind]++;
}

void metrics_keep(struct vault_config *now, const struct vault_config *before)
{
	for (size_t i = 0; i < now->keys.n; i++)
		for (size_t k = 0; k < before->keys.n; k++)
			if (memcmp(now->keys.keys[i].id, before->keys.keys[k].id, KEY_ID_BYTES) ==
			    0)
				memcpy(now->opened[i], before->opened[k], sizeof(now->opened[i]));
}

/* ---- telling ---- */

static const char *labels_of(char out[LABELS_MAX], enum verb v, size_t provider)
{
	snprintf(out, LABELS_MAX, "endpoint=\"%s\",provider=\"%s\"", verb_text(v),
		 providers[provider] ? providers[provider]->name : "");
	return out;
}

static void put_answers(struct buf *b, enum verb v, size_t provider)
{
	char labels[LABELS_MAX];

	for (enum code code = 0; code < CODE_COUNT; code++) {
		uint64_t n = seen.answers[v][provider][code];
		size_t at;

		if (!n)
			continue;
		at = strlen(labels_of(labels, v, provider));
		snprintf(labels + at, sizeof(labels) - at, ",code=\"%s\"", code_text(code));
		metrics_put(b, "postern_calls_total", labels, n);
	}
}

/* Those that there were: of some 4,000 combinations a gateway sees a few. */
static void put_calls(struct buf *b)
{
	char labels[LABELS_MAX];
	size_t all = index_of(NULL) + 1;

	metrics_family(b, "postern_calls_total", "counter",
		       "Calls that the vault has answered, by how they ended; the provider is "
		       "empty where it was not known.");
	for (enum verb v = 0; v < VERB_COUNT; v++)
		for (size_t i = 0; i < all; i++)
			put_answers(b, v, i);
	metrics_family(b, "postern_call_duration_seconds", "histogram",
		       "How long these calls took, the log's sync and the provider included.");
	for (enum verb v = 0; v < VERB_COUNT; v++)
		for (size_t i = 0; i < all; i++)
			if (histogram_count(&seen.durations[v][i]))
				metrics_put_histogram(b, "postern_call_duration_seconds",
						      labels_of(labels, v, i),
						      &seen.durations[v][i]);
}

static void count_state(struct idmap_node *node, void *arg)
{
	((uint64_t *)arg)[idmap_holder(node, struct call, node)->state]++;
}

static void put_in_flight(struct buf *b)
{
	static const char *const states[CALL_STATES] = {
		"new", "trading", "asking", "reading", "queued", "intent", "changing", "logging",
	};
	uint64_t n[CALL_STATES] = {0};
	char labels[LABELS_MAX];

	idmap_each(&vault.calls, count_state, n);
	metrics_family(
		b, "postern_calls_in_flight", "gauge",
		"Calls under way, by what they wait for: queued is for other changes of the zone, "
		"intent and logging for the log, asking for DNS, the others for provider and "
		"planner.");
	for (size_t i = 0; i < CALL_STATES; i++) {
		snprintf(labels, sizeof(labels), "state=\"%s\"", states[i]);
		metrics_put(b, "postern_calls_in_flight", labels, n[i]);
	}
}

static void put_refusals(struct buf *b)
{
	static const char *const limits[LIMITS] = {"caller", "integration", "zones", "in_flight"};
	char labels[LABELS_MAX];

	metrics_family(b, "postern_policy_refusals_total", "counter",
		       "Records that were refused, by the rule of the policy; outside_zones: the "
		       "handle does not cover the name.");
	for (enum policy_rule r = 0; r < POLICY_RULE_COUNT; r++) {
		snprintf(labels, sizeof(labels), "rule=\"%s\"",
			 r == RULE_ALLOWED ? "outside_zones" : policy_rule_text(r));
		metrics_put(b, "postern_policy_refusals_total", labels, seen.denials[r]);
	}
	metrics_family(b, "postern_limited_total", "counter",
		       "Calls that were refused for a limit: of the caller's rate, of the "
		       "integration's, of the caller's zones in an hour, of its calls under way.");
	for (enum limit_kind k = 0; k < LIMITS; k++) {
		snprintf(labels, sizeof(labels), "limit=\"%s\"", limits[k]);
		metrics_put(b, "postern_limited_total", labels, seen.limited[k]);
	}
}

static void put_keys(struct buf *b)
{
	static const char *const kinds[HANDLE_KINDS] = {"integration", "record", "setup"};
	const struct keyring *ring = &vault.config->keys;
	char labels[LABELS_MAX];

	metrics_family(b, "postern_key_opens_total", "counter",
		       "Handles opened, by the root key that they are sealed with.");
	for (size_t i = 0; i < ring->n; i++)
		for (enum handle_kind k = 0; k < HANDLE_KINDS; k++) {
			const unsigned char *id = ring->keys[i].id;
			snprintf(labels, sizeof(labels), "key_id=\"%02x%02x%02x%02x\",kind=\"%s\"",
				 id[0], id[1], id[2], id[3], kinds[k]);
			metrics_put(b, "postern_key_opens_total", labels,
				    vault.config->opened[i][k]);
		}
}

static void put_log(struct buf *b, const struct sv_numbers *m)
{
	struct histogram syncs;

	metrics_family(b, "postern_log_lines_waiting", "gauge",
		       "Lines of the vault that the log has not confirmed.");
	metrics_put(b, "postern_log_lines_waiting", "", vault.lines.n);
	metrics_family(b, "postern_log_writable", "gauge",
		       "1 while the audit log can be written; without it nothing is changed.");
	metrics_put(b, "postern_log_writable", "", vault.writable);
	if (!m)
		return;
	memcpy(&syncs, m->syncs, sizeof(syncs));
	metrics_family(b, "postern_log_sync_duration_seconds", "histogram",
		       "How long it took to make lines durable, a batch at a time.");
	metrics_put_histogram(b, "postern_log_sync_duration_seconds", "", &syncs);
	metrics_family(b, "postern_log_lines_total", "counter", "Lines that were made durable.");
	metrics_put(b, "postern_log_lines_total", "", m->lines);
	metrics_family(b, "postern_log_failures_total", "counter",
		       "Batches of lines that could not be made durable.");
	metrics_put(b, "postern_log_failures_total", "", m->failures);
	metrics_family(b, "postern_log_unresolved_intents", "gauge",
		       "Intents in the log without an outcome: those under way, and those that "
		       "were not closed yet.");
	metrics_put(b, "postern_log_unresolved_intents", "", m->unresolved);
	metrics_family(
		b, "postern_log_checkpoint_timestamp_seconds", "gauge",
		"When everything was last covered by a checkpoint; 0: not since the scribe began.");
	metrics_put(b, "postern_log_checkpoint_timestamp_seconds", "", (uint64_t)m->signed_at);
}

/* M: NULL without a scribe. */
static void tell(uint64_t call, const struct sv_numbers *m)
{
	struct buf b = BUF_INIT(TEXT_MAX);
	struct bytes rest;

	put_calls(&b);
	put_in_flight(&b);
	put_refusals(&b);
	put_keys(&b);
	put_log(&b, m);
	/* No memory for it: better nothing than a part that looks whole. */
	rest = buf_status(&b) < 0 ? bytes_of(NULL, 0) : buf_bytes(&b);
	do {
		size_t n = rest.n < IPC_PIECE_MAX ? rest.n : IPC_PIECE_MAX;
		struct bytes piece = bytes_of(rest.p, n);

		rest = bytes_skip(rest, n);
		channel_send(&vault.front, vf_metrics, .call = call, .text = piece,
			     .more = rest.n > 0);
	} while (rest.n);
	buf_done(&b);
}

void metrics_ask(const struct fv_metrics *m)
{
	if (channel_is_open(&vault.scribe))
		channel_send(&vault.scribe, vs_numbers, .call = m->call,
			     .epoch = vault.front_epoch);
	else
		tell(m->call, NULL);
}

void metrics_numbers(const struct sv_numbers *m)
{
	if (m->epoch == vault.front_epoch)
		tell(m->call, m);
}
