/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Names to addresses, by c-ares on the event loop: the hosts file first, then DNS. Never
 * getaddrinfo(), which brings threads, NSS modules and files into the sandbox. Names are taken as
 * they are: no search domains, no HOSTALIASES. resolv.conf is read once, by resolver_new().
 */
#include "egress/address.h"
#include "sys/loop.h"

#include <sys/socket.h>

#define RESOLVE_MAX 16 /* addresses of a name; more are not looked at */

struct resolver;
struct resolve;

/*
 * N is 0 when there is no such name or no answer. The addresses are borrowed for the call; nothing
 * has judged them.
 */
typedef void resolve_fn(void *arg, const struct ip *ips, size_t n);

/* SERVERS: "127.0.0.1:5353,…" instead of resolv.conf's, or NULL. */
int resolver_new(struct resolver **out, struct loop *loop, const char *servers) must_check;
/* Every resolve must have ended or been cancelled. */
void resolver_free(struct resolver *r);
/*
 * Look up HOST; an address literal is its own answer. FN is called once, never before this has
 * returned; the resolve is over then. 0 or -ENOMEM (FN is then not called).
 */
int resolve_start(struct resolver *r, const char *host, resolve_fn *fn, void *arg,
		  struct resolve **out) must_check;
/* FN will not be called. */
void resolve_cancel(struct resolve *q);

/* False when it is neither IPv4 nor IPv6. */
bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *out) must_check;
