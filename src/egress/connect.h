/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * TCP to whichever of some addresses answers first. They are tried in order, the families by turns and IPv6 first, a new one every CONNECT_NEXT_MS or as soon as those under way have failed
 * (RFC 8305, Happy Eyeballs).
 */
#include "egress/address.h"
#include "sys/loop.h"

#define CONNECT_NEXT_MS 250
#define CONNECT_MAX	16 /* addresses; more are not tried */

struct connecting;

/* FD is connected to PEER, and now the caller's; or -1, where none of them answered. */
typedef void connect_fn(void *arg, int fd, const struct ip *peer);

/*
 * IPS are copied; N is not 0. FN is called once, never before this has returned; *OUT is gone once it begins. It is for the caller to set a time limit. 0 or -ENOMEM (FN is then
 * not called).
 */
int connect_start(struct connecting **out, struct loop *loop, const struct ip *ips, size_t n,
		  uint16_t port, connect_fn *fn, void *arg) must_check;
/* FN will not be called. */
void connect_cancel(struct connecting *c);
