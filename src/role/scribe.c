/* SPDX-License-Identifier: ISC */
/*
 * The scribe: appends to the audit log, makes it durable, and says so. Only it can write there, and it can do nothing else.
 *
 * The vault's lines that arrive while a sync runs wait in its socket and make the next batch: one fdatasync for all of them.
 */
#include "role/role.h"
#include "store/store.h"
#include "sys/harden.h"
#include "sys/log.h"
#include "sys/nettle.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH_MAX    1024   /* lines that one sync may stand for */
#define CHECK_MS     1000   /* how often an idle log is looked at, a broken one tried again */
#define HEARTBEAT_MS 600000 /* so that silence in the log means something */
#define SIGN_MS	     60000  /* what is older than that is covered by a checkpoint */

struct waiting {
	uint64_t token; /* the vault's; of an event, the supervisor's number */
	bool event;
	bool staged;
	struct store_receipt receipt;
};

static struct scribe {
	struct role *role;
	struct channel vault;
	struct store_config config;
	struct store *store;	/* NULL while it cannot be opened */
	const char *why_closed; /* while STORE is NULL */
	int dir_fd;
	struct waiting batch[BATCH_MAX];
	size_t n;
	uint64_t staged; /* lines that wait for a commit */
	bool greeted;	 /* the vault has named its live intents */
	struct buf live; /* plist of their request ids */
	bool close_due;	 /* intents that are not live are to be closed as unknown */
	bool failed;	 /* a line could not be made durable since the last check */
	int told;	 /* what the vault heard last: 1 writable, 0 not, -1 nothing */
	const char *told_why;
	struct loop_timer check, heartbeat;
	struct note_signer *signers; /* sodium_malloc(): STORE_SIGNERS_MAX of them */
	int64_t signed_at;	     /* loop_now() of the last checkpoint */
	bool sign_failed;
	/* counted, for whoever asks */
	struct histogram syncs;
	uint64_t lines, failures;
	int64_t signed_wall; /* seconds since 1970 of the last checkpoint; 0: none */
} scribe;

static const char *problem(void)
{
	const char *why = scribe.store ? store_problem(scribe.store) : scribe.why_closed;

	return why[0] ? why : "a line could not be written";
}

/* After a line was lost the log counts as broken until the next check: the vault then says again what it could not get written. */
static bool writable(void)
{
	return scribe.store && store_healthy(scribe.store) && !scribe.failed;
}

static void tell_status(void)
{
	int now = writable() && !scribe.close_due;
	const char *why = now ? "" : problem();

	/* "It starts" is not the last word. */
	if (!scribe.greeted || (now == scribe.told && (now || why == scribe.told_why)))
		return;
	scribe.told = now;
	scribe.told_why = why;
	if (now)
		log_info("the log can be written");
	else
		log_warn("the log cannot be written: %s", why);
	channel_send(&scribe.vault, sv_status, .writable = (uint8_t)now, .reason = bytes_str(why));
}

static void answer(const struct waiting *w, bool durable)
{
	struct sv_written m = {.token = w->token, .durable = durable, .seq = w->receipt.seq};

	scribe.failed = scribe.failed || !durable;
	if (w->event) {
		channel_send(&scribe.role->control, r_event, .number = w->token,
			     .durable = durable);
		return;
	}
	memcpy(m.leaf, w->receipt.leaf, sizeof(m.leaf));
	channel_send_fd(&scribe.vault, MSG_sv_written, &m, -1);
}

/* What is staged is staged in a store. */
static bool commit_staged(void)
{
	int64_t before = steady_usec();
	bool durable = store_commit(scribe.store, clock_usec()) == 0;

	histogram_add(&scribe.syncs, steady_usec() - before);
	if (durable)
		scribe.lines += scribe.staged;
	else
		scribe.failures++;
	scribe.staged = 0;
	return durable;
}

/* Make everything staged durable and tell who waits. */
static void commit(void)
{
	bool durable = !scribe.staged || commit_staged();

	scribe.failed = scribe.failed || !durable;
	for (size_t i = 0; i < scribe.n; i++)
		answer(&scribe.batch[i], scribe.batch[i].staged && durable);
	scribe.n = 0;
	if (scribe.failed)
		tell_status();
}

static bool stage(struct audit_line *line, struct store_receipt *receipt)
{
	line->time = clock_usec();
	if (!scribe.store || store_stage(scribe.store, line, receipt) != 0)
		return false;
	scribe.staged++;
	return true;
}

/* A former scribe wrote it, and was gone before it could say so. */
static bool is_in_log(const struct vs_line *m)
{
	return m->again && scribe.store && !store_awaits(scribe.store, m->event, m->request_id);
}

/* LINE waits for the next commit; who sent it is told then. */
static void take(struct audit_line *line, uint64_t token, bool event)
{
	struct waiting *w = &scribe.batch[scribe.n++];

	*w = (struct waiting){.token = token, .event = event};
	w->staged = stage(line, &w->receipt);
	if (scribe.n == BATCH_MAX)
		commit();
}

static void on_event(const struct s_event *m)
{
	struct audit_line line = audit_line_empty();

	line.event = m->event;
	line.value = m->value;
	take(&line, m->number, true);
}

static void close_unresolved(void)
{
	if (!scribe.close_due || !scribe.store)
		return;
	commit();
	if (store_close_unresolved(scribe.store, buf_bytes(&scribe.live), clock_usec()) == 0)
		scribe.close_due = false;
}

static void on_live(const struct vs_live *m)
{
	if (scribe.greeted) {
		channel_reject(&scribe.vault);
		return;
	}
	buf_put_bytes(&scribe.live, m->request_ids);
	if (buf_status(&scribe.live) < 0)
		log_fatal("the vault's live intents: %s", strerror(-buf_status(&scribe.live)));
	if (m->more)
		return;
	scribe.greeted = true;
	scribe.close_due = true;
	close_unresolved();
	tell_status();
}

static void on_line(const struct vs_line *m)
{
	struct audit_line line = audit_line_empty();

	if (!scribe.greeted) {
		channel_reject(&scribe.vault);
		return;
	}
	if (is_in_log(m)) {
		channel_send(&scribe.vault, sv_written, .token = m->token, .durable = 1);
		return;
	}
	line.event = m->event;
	line.request_id = m->request_id;
	line.caller = m->caller;
	line.customer = m->customer;
	line.integration = m->integration;
	line.provider = m->provider;
	line.zone = m->zone;
	line.fqdn = m->fqdn;
	line.type = m->type;
	line.value = m->value;
	line.mode = m->mode;
	line.profile = m->profile;
	line.result = m->result;
	line.code = m->code;
	line.provider_record_id = m->provider_record_id;
	line.replaced = m->replaced;
	line.duration_ms = m->duration_ms;
	take(&line, m->token, false);
}

static void on_numbers(const struct vs_numbers *q)
{
	struct sv_numbers m = {.call = q->call,
			       .epoch = q->epoch,
			       .lines = scribe.lines,
			       .failures = scribe.failures,
			       .unresolved = scribe.store ? store_unresolved(scribe.store) : 0,
			       .signed_at = scribe.signed_wall};

	memcpy(m.syncs, &scribe.syncs, sizeof(m.syncs));
	channel_send_fd(&scribe.vault, MSG_sv_numbers, &m, -1);
}

static void on_vault(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	if (number == MSG_vs_live)
		on_live(msg);
	else if (number == MSG_vs_line)
		on_line(msg);
	else /* MSG_vs_numbers: the edge has no other for us */
		on_numbers(msg);
}

/* What the vault had in flight is in flight no more, and nobody will tell how it ended. */
static void vault_gone(void)
{
	commit();
	buf_reset(&scribe.live);
	scribe.greeted = false;
	scribe.told = -1;
	scribe.close_due = true;
	close_unresolved();
}

static void on_vault_closed(void *arg, struct channel *c, bool bad)
{
	if (bad)
		role_bad_peer(scribe.role, PROC_VAULT);
	vault_gone();
}

/* Whoever keeps what standard error says is a witness of the log. */
static void tell_signed(void)
{
	char hex[2 * TREE_HASH_BYTES + 1];
	struct tree_hash root;
	uint64_t size;

	if (!scribe.store || !store_signed(scribe.store, &size, &root))
		return;
	sodium_bin2hex(hex, sizeof(hex), root.b, sizeof(root.b));
	log_info("signed: %llu lines, root %s", (unsigned long long)size, hex);
}

/* What was there was without a checkpoint for longer than it can be: somebody may have taken those away and changed lines. The store has put that into the log. */
static void tell_gap(void)
{
	uint64_t from, to, n;

	if (!store_gap(scribe.store, &from, &to))
		return;
	n = to - from + 1;
	log_warn("%llu lines of the log, %llu to %llu, had no checkpoint, or are gone",
		 (unsigned long long)n, (unsigned long long)from, (unsigned long long)to);
}

static void open_store(void)
{
	const char *before = scribe.why_closed;
	int r;

	if (scribe.store || scribe.dir_fd < 0)
		return;
	r = store_open(&scribe.store, scribe.dir_fd, &scribe.config, clock_usec());
	if (r < 0)
		scribe.why_closed = r == -EWOULDBLOCK ? "another gateway has the log open"
				    : r == -EBADMSG
					    ? "the log was damaged elsewhere than at its end"
					    : "the log cannot be opened";
	if (r < 0 && scribe.why_closed != before)
		log_warn("%s: %s", scribe.why_closed, strerror(-r));
	if (r == 0)
		tell_gap();
}

static void sign(void)
{
	int r = scribe.store ? store_checkpoint(scribe.store) : 0;

	if (r < 0 && !scribe.sign_failed)
		log_warn("a checkpoint cannot be written: %s", strerror(-r));
	scribe.sign_failed = r < 0;
	if (r == 0 && scribe.store && scribe.config.n_signers)
		scribe.signed_wall = clock_usec() / 1000000;
	scribe.signed_at = loop_now(scribe.role->loop);
}

static void on_check(void *arg)
{
	bool closed = !scribe.store;

	commit();
	open_store();
	if ((closed && scribe.store) || loop_now(scribe.role->loop) - scribe.signed_at >= SIGN_MS)
		sign();
	if (closed)
		tell_signed();
	if (scribe.store && !store_healthy(scribe.store) &&
	    store_recover(scribe.store, clock_usec()) == 0)
		log_info("the log is mended");
	close_unresolved();
	scribe.failed = false;
	tell_status();
	if (loop_timer_set(scribe.role->loop, &scribe.check, CHECK_MS) < 0)
		log_fatal("out of memory");
}

static void on_heartbeat(void *arg)
{
	struct audit_line line = audit_line_empty();
	struct store_receipt receipt;

	line.event = BYTES("gateway.heartbeat");
	if (!stage(&line, &receipt))
		log_warn("the heartbeat is not in the log");
	if (loop_timer_set(scribe.role->loop, &scribe.heartbeat, HEARTBEAT_MS) < 0)
		log_fatal("out of memory");
}

static void scribe_init(struct role *r)
{
	harden_json(); /* the log that is there */
	scribe.role = r;
	scribe.dir_fd = -1;
	scribe.told = -1;
	scribe.why_closed = "the scribe starts";
	scribe.live = BUF_INIT(16u << 20);
	scribe.check.fn = on_check;
	scribe.heartbeat.fn = on_heartbeat;
	channel_init(&scribe.vault, r->loop, &edge_vault_scribe, SIDE_B, on_vault, on_vault_closed,
		     &scribe);
}

static void scribe_prepare(struct role *r)
{
	if (!nettle_load())
		log_info("lines are hashed by libsodium: libnettle is not there, or not as it "
			 "should be");
}

static void add_signer(const struct s_signer *m)
{
	struct store_config *c = &scribe.config;

	if (!scribe.signers)
		scribe.signers = sodium_malloc(STORE_SIGNERS_MAX * sizeof(*scribe.signers));
	if (!scribe.signers || c->n_signers == STORE_SIGNERS_MAX)
		log_fatal("no room for the checkpoints' keys");
	note_signer_init(&scribe.signers[c->n_signers++], m->name, m->seed);
	c->signers = scribe.signers;
}

static void scribe_control(struct role *r, uint16_t number, const void *msg, int fd)
{
	if (number == MSG_s_scribe) {
		const struct s_scribe *m = msg;
		scribe.config.segment_bytes = m->segment_bytes;
		scribe.config.segment_seconds = m->segment_seconds;
	} else if (number == MSG_s_signer) {
		add_signer(msg);
	} else if (number == MSG_s_log_dir) {
		scribe.dir_fd = r->dir_fd = fd;
	} else if (number == MSG_s_event) {
		on_event(msg);
	}
}

static void scribe_peer(struct role *r, const struct s_peer *m, int fd)
{
	if (m->proc != PROC_VAULT) {
		close(fd);
		return;
	}
	role_take_edge(&scribe.vault, PROC_VAULT, fd);
}

static void scribe_start(struct role *r)
{
	on_check(NULL);
	if (loop_timer_set(r->loop, &scribe.heartbeat, HEARTBEAT_MS) < 0)
		log_fatal("out of memory");
	role_ready(r);
}

static void scribe_stop(struct role *r)
{
	commit();
	sign();
	tell_signed();
	/* What is due in the same turn of the loop must not open it again, without the keys. */
	loop_timer_clear(r->loop, &scribe.check);
	loop_timer_clear(r->loop, &scribe.heartbeat);
	store_free(scribe.store);
	scribe.store = NULL;
	sodium_free(scribe.signers);
	loop_stop(r->loop);
}

static void scribe_after(struct role *r)
{
	if (scribe.n || scribe.staged)
		commit();
}

const struct role_ops scribe_ops = {
	.init = scribe_init,
	.prepare = scribe_prepare,
	.control = scribe_control,
	.peer = scribe_peer,
	.start = scribe_start,
	.stop = scribe_stop,
	.after = scribe_after,
};
