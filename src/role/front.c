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

struct front front;

/* "Bearer " and the token, the scheme in any case (RFC 9110 section 11.1). */
static bool bearer_hash(struct bytes authorization, unsigned char hash[32])
{
	static const char scheme[] = "Bearer ";
	size_t n = sizeof(scheme) - 1;

	if (authorization.n <= n ||
	    !bytes_eq_nocase(bytes_of(authorization.p, n), bytes_str(scheme)))
		return false;
	crypto_hash_sha256(hash, authorization.p + n, authorization.n - n);
	return true;
}

/* Tokens are looked for by their hashes, all of them each time, so that time tells nothing about which one it is. */
static const struct caller *caller_by_token(struct bytes authorization)
{
	const struct caller *found = NULL;
	unsigned char hash[32];

	if (!bearer_hash(authorization, hash))
		return NULL;
	for (size_t i = 0; i < front.now.n; i++) {
		const struct caller *c = &front.now.list[i];
		if (!c->by_uid && sodium_memcmp(c->token_sha256, hash, sizeof(hash)) == 0)
			found = c;
	}
	sodium_memzero(hash, sizeof(hash));
	return found;
}

const struct caller *front_caller(const struct conn *c)
{
	if (c->head.authorization.n)
		return caller_by_token(c->head.authorization);
	for (size_t i = 0; i < front.now.n && c->by_unix; i++)
		if (front.now.list[i].by_uid && front.now.list[i].uid == c->uid)
			return &front.now.list[i];
	return NULL;
}

static void add_caller(const struct s_caller *m)
{
	struct caller *c = &front.next.list[front.next.n];

	if (front.next.n == FRONT_CALLERS_MAX)
		log_fatal("too many callers");
	*c = (struct caller){.by_uid = m->by_uid, .uid = m->uid, .verbs = m->verbs};
	memcpy(c->token_sha256, m->token_sha256, sizeof(c->token_sha256));
	if (bytes_to_str(m->name, c->name, sizeof(c->name)) < 0)
		log_fatal("bug: a caller's name");
	front.next.n++;
}

static void add_listener(const struct s_listener *m, int fd)
{
	struct loop_fd *w = &front.listeners[front.n_listeners];

	if (fd < 0 || front.n_listeners == ARRAY_LEN(front.listeners))
		log_fatal("bug: listeners");
	*w = (struct loop_fd){.fd = fd, .fn = conn_accept, .arg = w};
	front.unix_listener[front.n_listeners++] = m->kind == LISTEN_UNIX;
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
	}
}

static void fail_call(struct idmap_node *node, void *arg)
{
	conn_problem(idmap_holder(node, struct conn, node), CODE_OVERLOADED, 0, BYTES(""),
		     BYTES("the gateway's vault restarts; whether the request took effect is not "
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
		sodium_memzero(&front.next, sizeof(front.next));
		front.next.connections_max = m->connections_max;
		front.next.calls_max = m->calls_max;
		break;
	case MSG_s_caller:
		add_caller(msg);
		break;
	case MSG_s_apply:
		front.now = front.next;
		break;
	case MSG_s_listener:
		add_listener(msg, fd);
		break;
	default:
		if (fd >= 0)
			close(fd);
	}
}

static void front_peer(struct role *r, enum proc peer, int fd)
{
	role_take_edge(&front.vault, peer, fd);
}

static void front_start(struct role *r)
{
	for (size_t i = 0; i < front.n_listeners; i++) {
		struct loop_fd *w = &front.listeners[i];
		if (loop_watch(r->loop, w, w->fd, EPOLLIN) < 0)
			log_fatal("listening: %m");
	}
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
