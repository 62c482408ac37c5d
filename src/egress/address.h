/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Which addresses a courier may connect to (docs/hostile.md). Everything that is not plainly
 * public unicast is refused, unless the operator listed it. Pure.
 */
#include "base/buf.h"

#define ADDRESS_RULES_MAX 64

struct ip {
	uint8_t family; /* 4 or 6 */
	uint8_t a[16];	/* network order; the first 4 bytes for IPv4 */
};

/* A network the operator allows, "10.1.0.0/16" or "fd00::/8"; a bare address is /32 or /128. */
struct address_rule {
	struct ip net;
	uint8_t bits;
	bool plain_http; /* http:// may be spoken there too */
};

struct address_rules {
	size_t n;
	struct address_rule rules[ADDRESS_RULES_MAX];
};

enum { ADDRESS_E_BAD = 1 };
int ip_parse(struct bytes text,
	     struct ip *out) must_check; /* 0 or ADDRESS_E_BAD; no zone ids, no brackets */
int address_rule_parse(struct bytes text,
		       struct address_rule *out) must_check; /* host bits must be zero */

/* 127.0.0.0/8, ::1 */
bool ip_is_loopback(const struct ip *ip);

/* A rule lists the address (PLAIN: for http://). */
bool address_listed(const struct address_rules *rules, const struct ip *ip, bool plain) must_check;

/*
 * May one connect there? PLAIN: without TLS. Public addresses: yes with TLS, no without. Loopback,
 * private, CGNAT, link-local, multicast, unspecified, documentation, benchmark, reserved, cloud
 * metadata, IPv4-mapped, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), 6to4, Teredo, ULA, site-local: only
 * where a rule lists it; a wrapped IPv4 address is judged as itself too, and both must pass.
 * Source: IANA's IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), of which even the
 * entries that are globally reachable are refused; in IPv6, all outside 2000::/3.
 */
bool address_allowed(const struct address_rules *rules, const struct ip *ip, bool plain) must_check;
/* To OUT those of N that are allowed; how many they are. */
size_t addresses_allowed(const struct address_rules *rules, const struct ip *ips, size_t n,
			 bool plain, struct ip *out) must_check;
