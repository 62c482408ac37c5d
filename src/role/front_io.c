/* SPDX-License-Identifier: ISC */
/* A connection's bytes, as they are or through TLS, and who is at its other end. */
#include "role/front.h"

#include "sys/log.h"

#include <stdlib.h>
#include <sys/socket.h>

/* A certificate is looked at again when so old is the last look: it may have expired, or been revoked. */
#define JUDGED_MS 60000

/* ---- bytes ---- */

/* What an outcome of tls/server.h is as one of ours. */
static ssize_t wanted(struct conn *c, int outcome)
{
	switch (outcome) {
	case TLS_WANTS_READ:
		conn_watch(c, EPOLLIN);
		return -EAGAIN;
	case TLS_WANTS_WRITE:
		conn_watch(c, EPOLLOUT);
		return -EAGAIN;
	case TLS_ENDED:
		return 0;
	default:
		return outcome;
	}
}

ssize_t io_recv(struct conn *c, void *p, size_t n)
{
	size_t got;
	ssize_t r;
	int outcome;

	if (c->tls) {
		outcome = tls_recv(c->tls, p, n, &got);
		return outcome == 0 ? (ssize_t)got : wanted(c, outcome);
	}
	r = recv(c->watch.fd, p, n, MSG_DONTWAIT);
	if (r < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return r;
}

ssize_t io_send(struct conn *c, const void *p, size_t n)
{
	size_t sent;
	ssize_t r;
	int outcome;

	if (c->tls) {
		outcome = tls_send(c->tls, p, n, &sent);
		return outcome == 0 ? (ssize_t)sent
				    : wanted(c, outcome == TLS_ENDED ? -EPROTO : outcome);
	}
	do {
		r = send(c->watch.fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EAGAIN)
		conn_watch(c, EPOLLOUT);
	return r < 0 ? -errno : r;
}

bool io_pending(const struct conn *c)
{
	return c->tls && c->state != CONN_GREETING && tls_pending(c->tls);
}

void io_shutdown(struct conn *c)
{
	if (c->tls)
		tls_close(c->tls);
	shutdown(c->watch.fd, SHUT_WR);
}

/* ---- who it is ---- */

static void forget_identities(struct conn *c)
{
	free(c->identities);
	c->identities = NULL;
	c->n_identities = 0;
}

static void learn(void *arg, enum tls_identity kind, struct bytes value)
{
	static const enum identity_kind kinds[] = {
		[TLS_SPKI] = IDENTITY_SPKI, [TLS_DNS] = IDENTITY_DNS, [TLS_URI] = IDENTITY_URI};
	struct conn *c = arg;
	struct identity *id = &c->identities[c->n_identities];
	struct dns_name name;

	id->kind = kinds[kind];
	if (kind == TLS_DNS) {
		if (dns_name_parse(&name, value) != 0)
			return; /* a wildcard, say: no caller is called so */
		value = dns_name_text(&name);
	}
	identity_hash(value, id->id);
	c->n_identities++;
}

static int learn_peer(struct conn *c)
{
	c->identities = calloc(TLS_IDENTITIES_MAX, sizeof(*c->identities));
	if (!c->identities)
		return -ENOMEM;
	tls_peer(c->tls, learn, c);
	if (!c->n_identities)
		forget_identities(c);
	c->tls_epoch = front.tls_epoch;
	c->judged = loop_now(front.role->loop);
	return 0;
}

static int learn_user(struct conn *c, int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return -errno;
	c->identities = calloc(1, sizeof(*c->identities));
	if (!c->identities)
		return -ENOMEM;
	c->identities->kind = IDENTITY_UID;
	memcpy(c->identities->id, &peer.uid, sizeof(peer.uid));
	c->n_identities = 1;
	return 0;
}

int io_begin(struct conn *c, int fd, enum ipc_listener kind)
{
	if (kind == LISTEN_UNIX)
		return learn_user(c, fd);
	return kind == LISTEN_TLS ? tls_conn_new(&c->tls, front.tls, fd) : 0;
}

int io_greet(struct conn *c)
{
	int r = tls_handshake(c->tls);

	if (r == 0)
		return learn_peer(c);
	r = (int)wanted(c, r);
	return r == 0 ? -EPROTO : r;
}

void io_judge(struct conn *c)
{
	int64_t now;

	if (!c->tls || !c->n_identities)
		return;
	now = loop_now(front.role->loop);
	if (c->tls_epoch == front.tls_epoch && now - c->judged < JUDGED_MS)
		return;
	c->tls_epoch = front.tls_epoch;
	c->judged = now;
	if (!tls_peer_good(c->tls, front.tls))
		forget_identities(c);
}

void io_done(struct conn *c)
{
	tls_conn_free(c->tls);
	forget_identities(c);
}
