/* SPDX-License-Identifier: ISC */
/* The sockets that libcurl has open, and between whom each is. */
#include "egress/transfer.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

struct egress_socket {
	struct egress_socket *next;
	int fd;
	bool known; /* it was found connected, and ENDS says so */
	struct endpoints ends;
};

int socket_open(struct egress *e, const struct curl_sockaddr *a)
{
	int fd = socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);
	struct egress_socket *s;

	if (fd < 0)
		return -1;
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		return -1;
	}
	s->fd = fd;
	s->next = e->sockets;
	e->sockets = s;
	return fd;
}

void socket_close(struct egress *e, int fd)
{
	struct egress_socket **at = &e->sockets, *s;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	s = *at;
	if (s) {
		*at = s->next;
		free(s);
	}
	close(fd);
}

static bool end_of(const struct sockaddr_storage *a, struct ip *ip, uint16_t *port)
{
	struct sockaddr_in in;

	memcpy(&in, a, sizeof(in)); /* the port of sockaddr_in6 lies where its does */
	*port = ntohs(in.sin_port);
	return ip_of_sockaddr((const struct sockaddr *)a, ip);
}

static bool look(int fd, struct endpoints *out)
{
	struct sockaddr_storage self = {0}, peer = {0};
	socklen_t n = sizeof(self), m = sizeof(peer);

	return getsockname(fd, (struct sockaddr *)&self, &n) == 0 &&
	       getpeername(fd, (struct sockaddr *)&peer, &m) == 0 &&
	       end_of(&self, &out->self, &out->self_port) &&
	       end_of(&peer, &out->peer, &out->peer_port);
}

static bool same(const struct endpoints *a, const struct endpoints *b)
{
	return a->self_port == b->self_port && a->peer_port == b->peer_port &&
	       memcmp(&a->self, &b->self, sizeof(a->self)) == 0 &&
	       memcmp(&a->peer, &b->peer, sizeof(a->peer)) == 0;
}

int socket_find(struct egress *e, const struct endpoints *ends)
{
	for (struct egress_socket *s = e->sockets; s; s = s->next) {
		if (!s->known)
			s->known = look(s->fd, &s->ends);
		if (s->known && same(&s->ends, ends))
			return s->fd;
	}
	return -1;
}
