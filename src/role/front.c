/* SPDX-License-Identifier: ISC */
/*
 * The front: HTTP and JSON, in and out, and who calls. It meets the network first, so it has nothing: no key, no file, no outgoing socket.
 */
#include "role/front.h"

#include "sys/harden.h"
#include "sys/log.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * At its start the front takes no connection before there is something to serve: they wait in the backlog, where an instance that stops leaves them to the one that follows.
 * But not for ever: somebody may ask /readyz what is wrong.
 */
#define UNREADY_MS 10000

struct front front;

/* Tokens are looked for by their hashes, all of them each time, so that time tells nothing about which one it is. */
const struct caller *front_caller_of(struct bytes token)
{
	const struct caller *found = NULL;
	unsigned char hash[32];

	crypto_hash_sha256(hash, token.p, token.n);
	for (size_t i = 0; i < front.now.n_identities; i++) {
		const struct identity *id = &front.now.identities[i].identity;
		if (id->kind == IDENTITY_TOKEN && sodium_memcmp(id->id, hash, sizeof(hash)) == 0)
			found = &front.now.list[front.now.identities[i].caller];
	}
	sodium_memzero(hash, sizeof(hash));
	return found;
}

/* "Bearer " and the token, the scheme in any case (RFC 9110 section 11.1). */
static const struct caller *caller_by_bearer(struct bytes authorization)
{
	static const char scheme[] = "Bearer ";
	size_t n = sizeof(scheme) - 1;

	if (authorization.n <= n ||
	    !bytes_eq_nocase(bytes_of(authorization.p, n), bytes_str(scheme)))
		return NULL;
	return front_caller_of(bytes_skip(authorization, n));
}

static const struct caller *caller_by_identity(const struct identity *id)
{
	for (size_t i = 0; i < front.now.n_identities; i++) {
		const struct identity *known = &front.now.identities[i].identity;
		if (known->kind == id->kind && memcmp(known->id, id->id, sizeof(id->id)) == 0)
			return &front.now.list[front.now.identities[i].caller];
	}
	return NULL;
}

const struct caller *front_caller(struct conn *c)
{
	const struct caller *found = NULL;

	if (c->head.authorization.n)
		return caller_by_bearer(c->head.authorization);
	io_judge(c);
	for (size_t i = 0; i < c->n_identities; i++) {
		const struct caller *one = caller_by_identity(&c->identities[i]);
		/* A certificate with the names of two callers is neither's. */
		if (one && found && one != found)
			return NULL;
		if (one)
			found = one;
	}
	return found;
}

static void add_caller(const struct s_caller *m)
{
	struct caller *c = &front.next.list[front.next.n];

	if (front.next.n == FRONT_CALLERS_MAX)
		log_fatal("too many callers");
	*c = (struct caller){.verbs = m->verbs};
	if (bytes_to_str(m->name, c->name, sizeof(c->name)) < 0)
		log_fatal("bug: a caller's name");
	front.next.n++;
}

/* Of the tables only what is in use is touched: they have room for far more. */
static void callers_reset(struct callers *c)
{
	sodium_memzero(c->list, c->n * sizeof(c->list[0]));
	sodium_memzero(c->identities, c->n_identities * sizeof(c->identities[0]));
	c->n = c->n_identities = 0;
}

static void callers_apply(void)
{
	struct callers *now = &front.now, *next = &front.next;

	callers_reset(now);
	now->n = next->n;
	memcpy(now->list, next->list, now->n * sizeof(now->list[0]));
	now->n_identities = next->n_identities;
	memcpy(now->identities, next->identities, now->n_identities * sizeof(now->identities[0]));
	now->connections_max = next->connections_max;
	now->calls_max = next->calls_max;
}

static void add_identity(const struct s_identity *m)
{
	struct callers *next = &front.next;

	if (next->n_identities == FRONT_IDENTITIES_MAX || next->n == 0)
		log_fatal("bug: too many identities");
	next->identities[next->n_identities].caller = next->n - 1;
	next->identities[next->n_identities].identity.kind = (enum identity_kind)m->kind;
	memcpy(next->identities[next->n_identities].identity.id, m->id, sizeof(m->id));
	next->n_identities++;
}

/* ---- what TLS is served with ---- */

/* It was looked at before it was told (config_tls.c); what goes wrong now leaves us with the old one, if there is any. */
static void apply_tls(void)
{
	struct tls_files files = config_tls_files(&front.tls_next);
	enum tls_part part;
	char why[TLS_WHY_MAX] = "";
	struct tls_server *s;
	int r;

	if (!files.certificate.n)
		return;
	r = tls_server_new(&s, &files, &part, why);
	config_tls_reset(&front.tls_next);
	if (r != 0 && !front.tls)
		log_fatal("TLS cannot be served: %s", r < 0 ? strerror(-r) : why);
	if (r != 0) {
		log_warn("the new certificate is not taken: %s", r < 0 ? strerror(-r) : why);
		return;
	}
	tls_server_free(front.tls);
	front.tls = s;
	front.tls_epoch++;
}

static void add_listener(const struct s_listener *m, int fd)
{
	struct loop_fd *w = &front.listeners[front.n_listeners];

	if (fd < 0 || front.n_listeners == ARRAY_LEN(front.listeners))
		log_fatal("bug: listeners");
	*w = (struct loop_fd){.fd = fd, .fn = conn_accept, .arg = w};
	front.listener_kinds[front.n_listeners++] = (enum ipc_listener)m->kind;
}

static void take_role(const struct s_role *m)
{
	front.roles[m->proc] = (struct front_role){
		.known = true, .up = m->up, .holds = m->holds, .restarts = m->restarts};
}

static void listen_now(void)
{
	if (!front.started || front.listening || front.role->stopping)
		return;
	front.listening = true;
	loop_timer_clear(front.role->loop, &front.unready);
	for (size_t i = 0; i < front.n_listeners; i++) {
		struct loop_fd *w = &front.listeners[i];
		if (loop_watch(front.role->loop, w, w->fd, EPOLLIN) < 0)
			log_fatal("listening: %m");
	}
}

static void on_unready(void *arg)
{
	listen_now();
}

static void on_vault(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd)
{
	if (number != MSG_vf_status) {
		api_answer(number, msg);
		return;
	}
	const struct vf_status *m = msg;
	front.ready = m->ready;
	if (bytes_to_str(m->reason, front.reason, sizeof(front.reason)) < 0)
		front.reason[0] = 0;
	front.heard = true;
	if (front.ready && !front.ready_sent) {
		front.ready_sent = true;
		role_ready(front.role);
		listen_now();
	}
}

static void fail_call(struct idmap_node *node, void *arg)
{
	struct conn *c = idmap_holder(node, struct conn, node);

	if (c->verb == VERB_METRICS)
		metrics_reply(c);
	else
		conn_problem(c, CODE_OVERLOADED, 0, BYTES(""),
			     BYTES("the gateway's vault restarts; whether the request took effect "
				   "is not "
				   "known, and trying again is safe"),
			     1);
}

static void on_vault_closed(void *arg, struct channel *ch, bool bad)
{
	if (bad)
		role_bad_peer(front.role, PROC_VAULT);
	front.ready = false;
	memcpy(front.reason, "the vault restarts", sizeof("the vault restarts"));
	idmap_each(&front.calls, fail_call, NULL);
}

/* ---- life ---- */

static void front_init(struct role *r)
{
	front.role = r;
	front.next_call = 1;
	memcpy(front.reason, "starting", sizeof("starting"));
	harden_json();
	harden_raise_files();
	channel_init(&front.vault, r->loop, &edge_front_vault, SIDE_A, on_vault, on_vault_closed,
		     NULL);
	if (api_init() < 0)
		log_fatal("out of memory");
}

static void front_control(struct role *r, uint16_t number, const void *msg, int fd)
{
	const struct s_front *m = msg;

	switch (number) {
	case MSG_s_front:
		callers_reset(&front.next);
		front.next.connections_max = m->connections_max;
		front.next.calls_max = m->calls_max;
		front.tls_next.require = m->certificates_required;
		config_tls_reset(&front.tls_next);
		httpreq_begin();
		break;
	case MSG_s_caller:
		add_caller(msg);
		break;
	case MSG_s_identity:
		add_identity(msg);
		break;
	case MSG_s_httpreq:
		httpreq_add(msg);
		break;
	case MSG_s_tls:
		buf_put_bytes(&front.tls_next.parts[((const struct s_tls *)msg)->part],
			      ((const struct s_tls *)msg)->pem);
		break;
	case MSG_s_apply:
		callers_apply();
		httpreq_apply();
		apply_tls();
		break;
	case MSG_s_role:
		take_role(msg);
		break;
	case MSG_s_listener:
		add_listener(msg, fd);
		break;
	default:
		if (fd >= 0)
			close(fd);
	}
}

static void front_peer(struct role *r, const struct s_peer *m, int fd)
{
	role_take_edge(&front.vault, PROC_VAULT, fd);
}

static void front_start(struct role *r)
{
	front.started = true;
	front.unready.fn = on_unready;
	if (loop_timer_set(r->loop, &front.unready, UNREADY_MS) < 0)
		log_fatal("out of memory");
	if (front.ready_sent)
		listen_now();
}

void front_maybe_end(void)
{
	if (front.role->stopping && front.connections == 0)
		loop_stop(front.role->loop);
}

static void front_stop(struct role *r)
{
	for (size_t i = 0; i < front.n_listeners; i++) {
		int fd = front.listeners[i].fd;
		loop_unwatch(r->loop, &front.listeners[i]);
		close(fd);
	}
	conns_stop();
	front_maybe_end();
}

const struct role_ops front_ops = {
	.init = front_init,
	.control = front_control,
	.peer = front_peer,
	.start = front_start,
	.stop = front_stop,
};
