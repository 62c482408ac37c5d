/* SPDX-License-Identifier: ISC */
/*
 * The vault's lines for the audit log. A line is kept, as it was sent, until the scribe confirms it: what happened at a provider is said again to the
 * next scribe, if need be.
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "role/vault.h"
#include "sys/log.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRIBE_HANGS_MS 5000 /* a batch and its sync take far less, on a disk that works */

#define LOG_ID_MAX   256		  /* bytes of a provider's id in the log */
#define REPLACED_MAX (AUDIT_LINE_MAX / 4) /* escaped bytes of overwritten records beside a value… */
#define REPLACED_OWN                                                                               \
	(AUDIT_LINE_MAX * 3 / 4) /* …and on a line of their own, where one item always fits: */
static_assert(6 * REPLACED_ITEM_MAX + 3 <= REPLACED_OWN, "a byte becomes \\uXXXX at most");

#define LINE_TYPICAL 768 /* bytes of a message */
#define EVENT_MAX    40

enum line_kind {
	LINE_INTENT,  /* the call waits, and must not act before */
	LINE_ANSWER,  /* the call waits, and answers after */
	LINE_OUTCOME, /* nobody waits; it must get there */
	LINE_NOTE,    /* nobody waits; it may be lost with the scribe */
};

struct line {
	struct idmap_node node; /* by token */
	enum line_kind kind;
	uint64_t call; /* LINE_INTENT, LINE_ANSWER */
	struct idmap_node
		request; /* LINE_OUTCOME of a call: its place in vault.requests, until it is written */
	bool has_request;
	char request_id[IPC_REQUEST_ID_MAX + 1];
	struct buf wire; /* LINE_OUTCOME: the message, to be sent again */
	bool sent;
};

static void line_free(struct line *l)
{
	idmap_remove(&vault.lines, &l->node);
	if (l->has_request)
		idmap_remove(&vault.requests, &l->request);
	buf_done(&l->wire);
	free(l);
}

/* ---- a scribe that hangs ---- */

/* It has something to say, and has said nothing for so long: nobody shall wait for it any more, and the supervisor starts another. */
static void on_scribe_hangs(void *arg)
{
	if (!vault.unheard)
		return;
	log_warn("the scribe does not answer");
	channel_reject(&vault.scribe);
}

/* It is alive, or has just been asked something. */
static void await_scribe(void)
{
	if (loop_timer_set(vault.role->loop, &vault.scribe_hangs, SCRIBE_HANGS_MS) < 0)
		log_fatal("out of memory");
}

void lines_init(void)
{
	vault.scribe_hangs.fn = on_scribe_hangs;
}

/* L was sent, or not, as the scribe is there or not. */
static void note_sent(struct line *l)
{
	l->sent = channel_is_open(&vault.scribe);
	if (l->sent && vault.unheard++ == 0)
		await_scribe();
}

static void note_heard(struct line *l)
{
	if (l->sent)
		vault.unheard--;
	l->sent = false;
}

static const struct wire_msg *line_msg(void)
{
	return &edge_vault_scribe.rows[MSG_vs_line].msg;
}

static void send_again(struct line *l)
{
	struct bytes wire = buf_bytes(&l->wire);
	struct vs_line m;

	if (wire_decode(line_msg(), &wire, &m) < 0)
		log_fatal("bug: a kept line does not decode");
	channel_send_fd(&vault.scribe, MSG_vs_line, &m, -1);
	note_sent(l);
}

/* The request id is taken until the outcome is in the log, though the call ends now. */
static void hand_over_request(struct call *c, struct line *l)
{
	idmap_remove(&vault.requests, &c->request);
	c->has_request = false;
	l->has_request = true;
	l->request.id = c->request.id;
	if (idmap_put(&vault.requests, &l->request) < 0)
		log_fatal("out of memory");
}

/* M's token is set here. Its AGAIN is for what is kept: the line as it is said now is new. */
static void send_line(struct vs_line *m, enum line_kind kind, struct call *c)
{
	struct line *l = memory_alloc(sizeof(*l));

	if (!l)
		log_fatal("out of memory");
	*l = (struct line){.node.id = vault.next_token++,
			   .kind = kind,
			   .call = c ? c->node.id : 0,
			   .wire = BUF_INIT(WIRE_MAX)};
	m->token = l->node.id;
	if (c)
		memcpy(l->request_id, c->request_id, sizeof(l->request_id));
	if (idmap_put(&vault.lines, &l->node) < 0)
		log_fatal("out of memory");
	if (kind == LINE_OUTCOME) {
		buf_reserve(&l->wire, LINE_TYPICAL);
		if (wire_encode(MSG_vs_line, line_msg(), m, &l->wire) < 0)
			log_fatal("bug: a line does not encode");
		if (c)
			hand_over_request(c, l);
	}
	m->again = 0;
	channel_send_fd(&vault.scribe, MSG_vs_line, m, -1);
	note_sent(l);
}

/* ---- what a line says ---- */

static struct bytes at_most(struct bytes v, size_t n)
{
	return bytes_of(v.p, v.n < n ? v.n : n);
}

/* What is known of the call. INTEGRATION takes what must live until the line is sent. */
static void fill(struct vs_line *m, const struct call *c,
		 char integration[2 * INTEGRATION_ID_BYTES + 1])
{
	*m = (struct vs_line){.request_id = bytes_str(c->request_id),
			      .caller = bytes_str(c->rules.name),
			      .customer = bytes_str(c->customer),
			      .duration_ms = -1};
	if (c->provider)
		m->provider = bytes_str(c->provider->name);
	if (c->has_integration) {
		sodium_bin2hex(integration, 2 * INTEGRATION_ID_BYTES + 1, c->integration.id,
			       INTEGRATION_ID_BYTES);
		m->integration = bytes_str(integration);
		m->profile = bytes_str(policy_profile_text(c->profile));
	}
	if (c->has_zone)
		m->zone = dns_name_text(&c->zone);
	m->fqdn = c->fqdn.len ? dns_name_text(&c->fqdn)
			      : at_most(buf_bytes(&c->fqdn_text), DNS_NAME_MAX);
	if (c->verb == VERB_ADD_RECORD || c->has_record || c->clean) {
		m->type = c->type ? bytes_str(rr_type_text(c->type)) : buf_bytes(&c->type_text);
		m->mode = bytes_str(record_mode_text(c->mode));
	}
	m->value = buf_bytes(&c->value);
}

static void fill_outcome(struct vs_line *m, const struct call *c)
{
	/* Nobody could read how it ended. */
	bool lost = c->code == CODE_PROVIDER_TIMEOUT || c->code == CODE_PROVIDER_UNAVAILABLE ||
		    c->code == CODE_OVERLOADED;
	const char *result = "ok";

	if (c->refused)
		result = "refused";
	else if (c->code != CODE_OK)
		result = c->changed && lost ? "unknown" : "error";
	else if (c->verb == VERB_ADD_RECORD && c->found)
		result = "found";
	else if (c->verb == VERB_REMOVE_RECORD && !c->removed)
		result = c->has_intent || c->clean ? "gone" : "kept";
	m->result = bytes_str(result);
	if (c->code != CODE_OK)
		m->code = bytes_str(code_text(c->code));
	if (bytes_printable(buf_bytes(&c->record_id)))
		m->provider_record_id = at_most(buf_bytes(&c->record_id), LOG_ID_MAX);
	m->duration_ms = loop_now(vault.role->loop) - c->started;
}

static struct bytes event_text(char text[EVENT_MAX], enum verb verb, const char *moment)
{
	snprintf(text, EVENT_MAX, "%s.%s", verb_text(verb), moment);
	return bytes_str(text);
}

/* In items that fit a line, whatever the provider had there. */
void line_replaced(struct call *c, struct channel *ch, struct bytes lines)
{
	struct bytes line;

	while (plist_next(&lines, &line)) {
		struct buf item = BUF_INIT(REPLACED_ITEM_MAX);
		bool first = true;

		while (line.n || first) {
			size_t room = REPLACED_ITEM_MAX - 1, n = line.n < room ? line.n : room;

			buf_reset(&item);
			if (!first)
				buf_putc(&item, '+');
			buf_put(&item, line.p, n);
			plist_put(&c->replaced, buf_bytes(&item));
			line = bytes_skip(line, n);
			first = false;
		}
		buf_done(&item);
	}
	if (role_out_of_memory(vault.role))
		call_fail(c, CODE_OVERLOADED, "",
			  "out of memory"); /* what is to be logged is not whole */
	else if (buf_status(&c->replaced) < 0)
		channel_reject(ch); /* no planner of ours says as much; C is gone behind this */
}

/* Take as many items off *LIST as are at most MAX bytes in the log; none, when the first is more. */
static struct bytes take_items(struct bytes *list, size_t max)
{
	struct bytes rest = *list, item, taken = {list->p, 0};
	struct buf escaped = BUF_INIT(max);

	while (plist_next(&rest, &item)) {
		json_put_string(&escaped, item);
		buf_putc(&escaped, ',');
		if (buf_status(&escaped) < 0)
			break;
		taken.n = (size_t)(rest.p - list->p);
	}
	buf_done(&escaped);
	*list = bytes_skip(*list, taken.n);
	return taken;
}

/* Overwritten records that do not fit beside the outcome's value go before it, on lines of their own. */
static void put_replaced(const struct call *c, struct vs_line *m)
{
	struct bytes list = buf_bytes(&c->replaced), rest;
	struct vs_line own = *m;
	char event[EVENT_MAX];

	own.event = event_text(event, c->verb, "replaced");
	own.value = own.result = own.code = bytes_of(NULL, 0);
	own.duration_ms = -1;
	/* The log does not know which of these it has: rather twice than not at all. */
	own.again = 0;
	while (list.n) {
		rest = list;
		m->replaced = take_items(&rest, REPLACED_MAX);
		if (!rest.n && bytes_printable(buf_bytes(&c->value)))
			break;
		m->replaced = bytes_of(NULL, 0);
		own.replaced = take_items(&list, REPLACED_OWN);
		if (!own.replaced.n)
			log_fatal("bug: an overwritten record that fits no line");
		send_line(&own, LINE_OUTCOME, NULL);
	}
}

void line_intent(struct call *c)
{
	char integration[2 * INTEGRATION_ID_BYTES + 1], event[EVENT_MAX];
	struct vs_line m;

	fill(&m, c, integration);
	m.event = event_text(event, c->verb, "intent");
	send_line(&m, LINE_INTENT, c);
}

/* What the call's last line said could not be made durable, or there is no scribe. */
static void answer_without_log(struct call *c)
{
	if (c->code == CODE_OK) {
		c->code = CODE_AUDIT_UNAVAILABLE;
		/* The scribe says why only behind this; until then the title does. */
		call_say(c, "", vault.reason);
	}
	answer(c);
	call_free(c);
}

void line_last(struct call *c)
{
	char integration[2 * INTEGRATION_ID_BYTES + 1], event[EVENT_MAX];
	struct vs_line m;

	fill(&m, c, integration);
	fill_outcome(&m, c);
	m.event = event_text(event, c->verb, c->refused ? "refused" : "outcome");
	m.again = c->has_intent;
	if (c->has_intent || c->intent_lost) {
		put_replaced(c, &m);
		send_line(&m, LINE_OUTCOME, c);
		answer(c);
		call_free(c);
	} else if (channel_is_open(&vault.scribe) && vault.writable) {
		send_line(&m, LINE_ANSWER, c);
	} else {
		answer_without_log(c);
	}
}

/* It counts as a call, though it did not come so far: a thief of a token that may little shall not fill the disk that all need. */
void line_refused(const struct fv_refused *m)
{
	const struct caller_rules *rules = rules_of(m->caller);
	char event[EVENT_MAX];
	struct vs_line line = {.request_id = m->request_id,
			       .caller = m->caller,
			       .customer = m->customer,
			       .fqdn = at_most(m->fqdn, DNS_NAME_MAX),
			       .type = m->type,
			       .result = BYTES("refused"),
			       .code = bytes_str(code_text((enum code)m->code)),
			       .duration_ms = -1};

	line.event = event_text(event, (enum verb)m->verb, "refused");
	if ((!rules || !limit_caller(rules)) && channel_is_open(&vault.scribe))
		send_line(&line, LINE_NOTE, NULL);
}

void line_limited(struct bytes caller, uint32_t count)
{
	char value[40];
	struct vs_line line = {.event = BYTES("calls.refused"),
			       .caller = caller,
			       .result = BYTES("refused"),
			       .code = bytes_str(code_text(CODE_RATE_LIMITED)),
			       .duration_ms = -1};

	snprintf(value, sizeof(value), "%u calls", count);
	line.value = bytes_str(value);
	if (channel_is_open(&vault.scribe))
		send_line(&line, LINE_NOTE, NULL);
}

/* ---- with the scribe ---- */

static void written(struct line *l, const struct sv_written *m)
{
	struct call *c = call_by_id(l->call); /* there is one, as long as it waits for L */
	enum line_kind kind = l->kind;

	note_heard(l);
	if (kind == LINE_OUTCOME && !m->durable)
		return; /* until lines_again() */
	line_free(l);
	if (kind == LINE_INTENT) {
		call_intent_written(c, m->durable, m->seq, m->leaf);
	} else if (kind == LINE_ANSWER && !m->durable) {
		answer_without_log(c);
	} else if (kind == LINE_ANSWER) {
		answer(c);
		call_free(c);
	}
}

void on_scribe(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd)
{
	if (number == MSG_sv_written) {
		const struct sv_written *m = msg;
		struct line *l = idmap_entry(idmap_find(&vault.lines, m->token), struct line, node);
		await_scribe();
		if (l)
			written(l, m);
	} else if (number == MSG_sv_status) {
		const struct sv_status *m = msg;
		vault.writable = m->writable;
		if (bytes_to_str(m->reason, vault.reason, sizeof(vault.reason)) < 0)
			vault.reason[0] = 0;
		if (vault.writable)
			lines_again();
		answer_status();
	} else if (number == MSG_sv_numbers) {
		metrics_numbers(msg);
	}
}

static void send_unsent(struct idmap_node *node, void *arg)
{
	struct line *l = idmap_holder(node, struct line, node);

	if (l->kind == LINE_OUTCOME && !l->sent)
		send_again(l);
}

void lines_again(void)
{
	idmap_each(&vault.lines, send_unsent, NULL);
}

static void put_live_call(struct idmap_node *node, void *arg)
{
	const struct call *c = idmap_holder(node, struct call, node);

	if (c->has_intent)
		plist_put(arg, bytes_str(c->request_id));
}

static void put_live_line(struct idmap_node *node, void *arg)
{
	const struct line *l = idmap_holder(node, struct line, node);

	if (l->request_id[0]) /* only outcomes outlive a scribe */
		plist_put(arg, bytes_str(l->request_id));
}

void lines_greet(void)
{
	struct buf live = BUF_INIT(64u << 20);
	struct bytes list, piece;

	idmap_each(&vault.calls, put_live_call, &live);
	idmap_each(&vault.lines, put_live_line, &live);
	if (buf_status(&live) < 0)
		log_fatal("out of memory");
	list = buf_bytes(&live);
	do {
		piece = plist_take(&list, 1, IPC_PIECE_MAX);
		channel_send(&vault.scribe, vs_live, .request_ids = piece, .more = list.n > 0);
	} while (list.n);
	buf_done(&live);
	lines_again();
}

void lines_lost(void)
{
	size_t n;
	uint64_t *tokens;

	vault.writable = false;
	memcpy(vault.reason, "the scribe restarts", sizeof("the scribe restarts"));
	if (idmap_ids(&vault.lines, &tokens, &n) < 0)
		log_fatal("out of memory");
	for (size_t i = 0; i < n; i++) {
		struct idmap_node *node = idmap_find(&vault.lines, tokens[i]);
		const struct sv_written none = {0};
		written(idmap_holder(node, struct line, node), &none); /* ends no other */
	}
	free(tokens);
	answer_status();
}
