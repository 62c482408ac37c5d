/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Names to addresses, by c-ares on the event loop: the hosts file first, then DNS. Never
 * getaddrinfo(), which brings threads, NSS modules and files into the sandbox. Names are taken as
 * they are: no search domains, no HOSTALIASES. resolv.conf is read once, by resolver_new().
 */
#include "dns/wire.h"
#include "egress/address.h"
#include "sys/loop.h"

#include <sys/socket.h>

#define RESOLVE_MAX	16   /* addresses of a name; more are not looked at */
#define RESOLVE_AT_ONCE 4000 /* questions; further ones wait for their turn. An id has 16 bits */

struct resolver;
struct resolve;
struct question;

/*
 * N is 0 when there is no such name or no answer. The addresses are borrowed for the call; nothing
 * has judged them.
 */
typedef void resolve_fn(void *arg, const struct ip *ips, size_t n);

/* SERVERS: "127.0.0.1:5353,…" instead of resolv.conf's, or NULL. */
int resolver_new(struct resolver **out, struct loop *loop, const char *servers) must_check;
/* The same, for questions (question_start()): no hosts file, and it is known sooner that nobody answers. */
int resolver_new_dns(struct resolver **out, struct loop *loop, const char *servers) must_check;
/* Every resolve and question must have ended or been cancelled. */
void resolver_free(struct resolver *r);
/*
 * Look up HOST; an address literal is its own answer. FN is called once, never before this has
 * returned; the resolve is over then. 0 or -ENOMEM (FN is then not called).
 */
int resolve_start(struct resolver *r, const char *host, resolve_fn *fn, void *arg,
		  struct resolve **out) must_check;
/* FN will not be called. */
void resolve_cancel(struct resolve *q);

/* ANSWER is what came, from whoever it was, as it came; empty: nobody answered. Borrowed for the call. */
typedef void question_fn(void *arg, struct bytes answer);
/*
 * Ask the recursive servers for the records of NAME and TYPE (enum dns_type). FN as with resolve_start(). 0 or -ENOMEM.
 */
int question_start(struct resolver *r, const struct dns_name *name, uint16_t type, question_fn *fn,
		   void *arg, struct question **out) must_check;
/* FN will not be called. */
void question_cancel(struct question *q);

/* False when it is neither IPv4 nor IPv6. */
bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *out) must_check;
/* The length of what *OUT is then. */
socklen_t ip_to_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *out);
/* FD is connected to PEER, whose address was allowed. Is it allowed still? On this machine itself (both ends have one address, or that cannot be told) only where a rule lists it. */
bool socket_allowed(int fd, const struct address_rules *rules, const struct ip *peer,
		    bool plain) must_check;
