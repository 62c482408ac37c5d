/* SPDX-License-Identifier: ISC */
/*
 * The planner: says what to ask a provider and what its answers mean, in a process that has no credential, no socket and no file. (The courier reads HTTP, and what logins answer.)
 */
#include "base/idmap.h"
#include "base/shelf.h"
#include "egress/client.h"
#include "provider/engine.h"
#include "provider/kit.h"
#include "role/role.h"
#include "sys/harden.h"
#include "sys/log.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

/* One operation in flight. It waits for the courier's answer, or pauses before the next request: whatever else happens is done at once. */
struct plan {
	struct idmap_node node; /* by call */
	struct engine engine;
	struct buf fields, value, wanted_id; /* what the op borrows */
	struct answer answer;		     /* being put together from pieces */
	struct buf headers, body;
	struct loop_timer pause;    /* before NEXT is sent */
	struct engine_request next; /* borrowed from the engine */
	bool pausing;
	size_t told; /* bytes of op.replaced that the vault has */
};

static struct planner {
	struct role *role;
	struct channel vault, courier;
	struct idmap plans;
} planner;

static struct shelf plans = SHELF_OF(struct plan);

/* The couriers and vaults of this class. */
static bool self_hosted(void)
{
	return planner.role->self == PROC_PLANNER_SELF;
}

static void plan_free(struct plan *p)
{
	idmap_remove(&planner.plans, &p->node);
	loop_timer_clear(planner.role->loop, &p->pause);
	engine_done(&p->engine);
	buf_done(&p->fields);
	buf_done(&p->value);
	buf_done(&p->wanted_id);
	buf_done(&p->headers);
	buf_done(&p->body);
	shelf_give(&plans, p);
}

static struct plan *plan_by_call(uint64_t call)
{
	return idmap_entry(idmap_find(&planner.plans, call), struct plan, node);
}

static_assert(sizeof(uint32_t) + PROVIDER_LINE_MAX <= IPC_PIECE_MAX,
	      "a piece holds the longest record that may be overwritten");

/* What is about to be overwritten is told before the request that does it, so that it is known whatever becomes of us. */
static void send_replaced(struct plan *p)
{
	struct bytes list = bytes_skip(buf_bytes(&p->engine.op.replaced), p->told), piece;

	while ((piece = plist_take(&list, 1, IPC_PIECE_MAX)).n)
		channel_send(&planner.vault, pv_replaced, .call = p->node.id, .lines = piece);
	p->told = p->engine.op.replaced.n;
}

static void send_result(struct plan *p)
{
	const struct op *op = &p->engine.op;
	uint64_t call = p->node.id;
	struct bytes list = buf_bytes(&op->zones), piece, zone = {0}, zone_id = {0};

	if (op->kind == OP_ZONES && op->error == CODE_OK)
		while ((piece = plist_take(&list, 2, IPC_PIECE_MAX)).n)
			channel_send(&planner.vault, pv_zones, .call = call, .zones = piece);
	if (op->kind == OP_FIND_ZONE && plist_next(&list, &zone))
		plist_next(&list, &zone_id);
	send_replaced(p);
	channel_send(&planner.vault, pv_result, .call = call, .code = (uint8_t)op->error,
		     .retry_after = op->retry_after, .detail = bytes_str(op->detail),
		     .changed = op->changed, .found = op->found, .removed = op->removed,
		     .pending = op->pending, .record_id = buf_bytes(&op->record_id), .zone = zone,
		     .zone_id = zone_id);
}

static void send_request(uint64_t call, const struct engine_request *r)
{
	struct bytes rest = r->body;
	bool first = true;

	do {
		size_t n = rest.n < IPC_PIECE_MAX ? rest.n : IPC_PIECE_MAX;
		struct bytes piece = bytes_of(rest.p, n);

		rest = bytes_skip(rest, n);
		if (first)
			channel_send(&planner.courier, pc_exchange, .call = call,
				     .number = r->number, .args = r->args, .query = r->query,
				     .headers = r->headers, .body = piece, .more = rest.n > 0);
		else
			channel_send(&planner.courier, pc_body, .call = call, .body = piece,
				     .more = rest.n > 0);
		first = false;
	} while (rest.n);
}

static void ask(struct plan *p)
{
	buf_reset(&p->headers);
	buf_reset(&p->body);
	p->pausing = false;
	if (p->next.exchange->changes)
		send_replaced(p);
	send_request(p->node.id, &p->next);
}

static void on_pause_over(void *arg)
{
	ask(arg);
}

/* Others who wait for the same shall not all come back at once. */
static void pause_before(struct plan *p, unsigned ms)
{
	p->pausing = true;
	if (loop_timer_set(planner.role->loop, &p->pause, ms + randombytes_uniform(ms / 2 + 1)) < 0)
		log_fatal("out of memory");
}

/* Go on until the next request, or the end. */
static void plan_step(struct plan *p)
{
	int r = engine_next(&p->engine, &p->next);

	if (r == ENGINE_SEND && !channel_is_open(&planner.courier)) {
		engine_lost(&p->engine, CODE_PROVIDER_UNAVAILABLE, false, "the courier restarts");
		r = engine_next(&p->engine, &p->next);
	}
	if (r == ENGINE_SEND && p->next.wait_ms) {
		pause_before(p, p->next.wait_ms);
		return;
	}
	if (r == ENGINE_SEND) {
		ask(p);
		return;
	}
	if (r < 0)
		op_fail_text(&p->engine.op, CODE_OVERLOADED, "out of memory");
	send_result(p);
	plan_free(p);
}

/* ---- from the vault ---- */

static int fill(struct plan *p, const struct vp_op *m)
{
	struct op *op = &p->engine.op;

	op->now = m->now;
	buf_put_bytes(&p->fields, m->fields);
	buf_put_bytes(&p->value, m->value);
	buf_put_bytes(&p->wanted_id, m->record_id);
	buf_put_bytes(&op->zone_id, m->zone_id);
	op->fields = buf_bytes(&p->fields);
	op->value = buf_bytes(&p->value);
	op->wanted_id = buf_bytes(&p->wanted_id);
	op->type = m->type;
	op->mode = m->mode;
	op->ttl = m->ttl;
	op->look = m->look;
	if ((m->fqdn.n && dns_name_parse(&op->fqdn, m->fqdn) != 0) ||
	    (m->zone.n && dns_name_parse(&op->zone, m->zone) != 0))
		return -EBADMSG;
	if (buf_status(&p->fields) < 0 || buf_status(&p->value) < 0 ||
	    buf_status(&p->wanted_id) < 0)
		return -ENOMEM;
	return buf_status(&op->zone_id);
}

static void on_op(const struct vp_op *m)
{
	const struct provider *provider = provider_by_name(m->provider);
	struct plan *p;
	int r;

	if (!provider || provider->self_hosted != self_hosted() || plan_by_call(m->call)) {
		channel_reject(&planner.vault);
		return;
	}
	p = shelf_take(&plans);
	if (!p)
		log_fatal("out of memory");
	engine_init(&p->engine, provider, (enum op_kind)m->op);
	p->fields = BUF_INIT(IPC_CREDENTIALS_MAX);
	p->value = BUF_INIT(RECORD_VALUE_MAX);
	p->wanted_id = BUF_INIT(PROVIDER_ID_MAX);
	p->headers = BUF_INIT(EGRESS_HEADERS_MAX);
	p->body = BUF_INIT(PROVIDER_BODY_MAX);
	p->pause = (struct loop_timer){.fn = on_pause_over, .arg = p};
	p->node.id = m->call;
	r = fill(p, m);
	if (r == 0)
		r = idmap_put(&planner.plans, &p->node);
	if (r < 0)
		log_fatal("operation: %s", strerror(-r));
	plan_step(p);
}

static void on_vault(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	if (number == MSG_vp_op) {
		on_op(msg);
	} else if (number == MSG_vp_abort) {
		struct plan *p = plan_by_call(((const struct vp_abort *)msg)->call);
		if (p)
			plan_free(p);
	}
}

static void forget(struct idmap_node *node, void *arg)
{
	plan_free(idmap_holder(node, struct plan, node));
}

static void on_vault_closed(void *arg, struct channel *c, bool bad)
{
	if (bad)
		role_bad_peer(planner.role, PROC_VAULT);
	idmap_each(&planner.plans, forget, NULL);
	if (planner.role->stopping)
		loop_stop(planner.role->loop);
}

/* ---- from the courier ---- */

static void body_piece(struct plan *p, struct bytes piece, bool more)
{
	int r;

	if (more || p->body.n) { /* mostly it is one piece: that is read where it lies */
		buf_put_bytes(&p->body, piece);
		piece = buf_bytes(&p->body);
	}
	if (more)
		return;
	r = bufs_status((const struct buf *const[]){&p->headers, &p->body, NULL});
	if (r == -ENOBUFS) {
		engine_lost(&p->engine, CODE_PROVIDER_UNAVAILABLE, true, "the answer is too large");
	} else if (r < 0) {
		engine_lost(&p->engine, CODE_OVERLOADED, true, "out of memory");
	} else {
		p->answer.headers = buf_bytes(&p->headers);
		p->answer.body = piece;
		r = engine_feed(&p->engine, &p->answer);
		p->answer.headers = p->answer.body = bytes_of(NULL, 0);
		if (r < 0)
			op_fail_text(&p->engine.op, CODE_OVERLOADED, "out of memory");
	}
	plan_step(p);
}

static void on_answer(struct plan *p, const struct cp_answer *m)
{
	p->answer = (struct answer){.status = m->status,
				    .has_retry_after = m->has_retry_after,
				    .retry_after = m->retry_after};
	buf_put_bytes(&p->headers, m->headers);
	body_piece(p, m->body, m->more);
}

static void on_failed(struct plan *p, const struct cp_failed *m)
{
	char detail[PROVIDER_DETAIL_MAX + 1];

	if (bytes_to_str(m->detail, detail, sizeof(detail)) < 0)
		detail[0] = 0;
	engine_lost(&p->engine, m->code ? (enum code)m->code : CODE_PROVIDER_UNAVAILABLE, m->sent,
		    detail);
	plan_step(p);
}

static void on_courier(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	/* Each of these messages begins with its call. */
	struct plan *p = plan_by_call(*(const uint64_t *)msg);

	if (!p)
		return; /* aborted meanwhile */
	if (p->pausing) {
		channel_reject(&planner.courier);
		return;
	}
	if (number == MSG_cp_answer) {
		on_answer(p, msg);
	} else if (number == MSG_cp_body) {
		const struct cp_body *m = msg;
		body_piece(p, m->body, m->more);
	} else if (number == MSG_cp_failed) {
		on_failed(p, msg);
	}
}

static void lose(struct idmap_node *node, void *arg)
{
	struct plan *p = idmap_holder(node, struct plan, node);

	loop_timer_clear(planner.role->loop, &p->pause);
	engine_lost(&p->engine, CODE_PROVIDER_UNAVAILABLE, !p->pausing, "the courier restarts");
	p->pausing = false;
	plan_step(p);
}

static void on_courier_closed(void *arg, struct channel *c, bool bad)
{
	if (bad)
		role_bad_peer(planner.role, self_hosted() ? PROC_COURIER_SELF : PROC_COURIER);
	idmap_each(&planner.plans, lose, NULL);
}

/* ---- life ---- */

static void planner_init(struct role *r)
{
	planner.role = r;
	harden_json();
	channel_init(&planner.vault, r->loop, &edge_vault_planner, SIDE_B, on_vault,
		     on_vault_closed, NULL);
	channel_init(&planner.courier, r->loop, &edge_planner_courier, SIDE_A, on_courier,
		     on_courier_closed, NULL);
}

static void planner_control(struct role *r, uint16_t number, const void *msg, int fd)
{
	if (fd >= 0)
		close(fd);
}

static void planner_peer(struct role *r, const struct s_peer *m, int fd)
{
	struct channel *c = m->proc == PROC_VAULT ? &planner.vault : &planner.courier;

	role_take_edge(c, (enum proc)m->proc, fd);
}

/* The vault was stopped before: nothing is in flight. */
static void planner_stop(struct role *r)
{
	loop_stop(r->loop);
}

const struct role_ops planner_ops = {
	.init = planner_init,
	.control = planner_control,
	.peer = planner_peer,
	.start = role_ready,
	.stop = planner_stop,
};
