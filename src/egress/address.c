/* SPDX-License-Identifier: ISC */
#include "egress/address.h"

#include "base/text.h"

#include <arpa/inet.h>

/* A network's first bytes, and how many bits of them count. */
struct net {
	uint8_t a[16];
	uint8_t bits;
};

static const struct net special4[] = {
	{{0}, 8},		  /* this network */
	{{10}, 8},		  /* private */
	{{100, 64}, 10},	  /* CGNAT; Alibaba's metadata */
	{{127}, 8},		  /* loopback */
	{{168, 63, 129, 16}, 32}, /* Azure's metadata, in a public range */
	{{169, 254}, 16},	  /* link-local; most clouds' metadata */
	{{172, 16}, 12},	  /* private */
	{{192, 0, 0}, 24},	  /* protocol assignments; Oracle's metadata */
	{{192, 0, 2}, 24},	  /* documentation */
	{{192, 31, 196}, 24},	  /* AS112 */
	{{192, 52, 193}, 24},	  /* AMT */
	{{192, 88, 99}, 24},	  /* 6to4 relays */
	{{192, 168}, 16},	  /* private */
	{{192, 175, 48}, 24},	  /* AS112 */
	{{198, 18}, 15},	  /* benchmarks */
	{{198, 51, 100}, 24},	  /* documentation */
	{{203, 0, 113}, 24},	  /* documentation */
	{{224}, 4},		  /* multicast */
	{{240}, 4},		  /* reserved; broadcast */
};

/* Of 2000::/3, the only part of IPv6 that is global unicast. */
static const struct net special6[] = {
	{{0x20, 0x01}, 23},		      /* protocol assignments; Teredo, benchmarks, ORCHID */
	{{0x20, 0x01, 0x0d, 0xb8}, 32},	      /* documentation */
	{{0x20, 0x02}, 16},		      /* 6to4 */
	{{0x26, 0x20, 0x00, 0x4f, 0x80}, 48}, /* AS112 */
	{{0x3f, 0xff}, 20},		      /* documentation */
};

static const struct net global6 = {{0x20}, 3};

/* Where an IPv4 address stands in IPv6 addresses of a network; inverted in Teredo's clients. */
static const struct wrap {
	struct net net;
	uint8_t at;
	uint8_t mask;
} wraps[] = {
	{{{[10] = 0xff, [11] = 0xff}, 96}, 12, 0x00}, /* IPv4-mapped */
	{{{0x00, 0x64, 0xff, 0x9b}, 96}, 12, 0x00},   /* NAT64 */
	{{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48},
	 12,
	 0x00},					    /* NAT64, local; RFC 6052's /96 form */
	{{{0x20, 0x02}, 16}, 2, 0x00},		    /* 6to4 */
	{{{0x20, 0x01, 0x00, 0x00}, 32}, 4, 0x00},  /* Teredo's server */
	{{{0x20, 0x01, 0x00, 0x00}, 32}, 12, 0xff}, /* Teredo's client */
};

static bool within(const uint8_t *a, const uint8_t *net, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, net, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ net[whole]) >> (8 - rest)) == 0;
}

static bool in_any(const uint8_t *a, const struct net *nets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (within(a, nets[i].a, nets[i].bits))
			return true;
	return false;
}

int ip_parse(struct bytes text, struct ip *out)
{
	struct ip ip = {.family = 4};
	char s[INET6_ADDRSTRLEN];

	if (bytes_to_str(text, s, sizeof(s)) < 0)
		return ADDRESS_E_BAD;
	if (inet_pton(AF_INET, s, ip.a) != 1) {
		ip.family = 6;
		if (inet_pton(AF_INET6, s, ip.a) != 1)
			return ADDRESS_E_BAD;
	}
	*out = ip;
	return 0;
}

int address_rule_parse(struct bytes text, struct address_rule *out)
{
	static const uint8_t zero[16];
	size_t slash = bytes_find(text, BYTES("/"));
	struct address_rule rule = {.plain_http = false};
	uint64_t bits, width;
	struct ip host;

	if (ip_parse(bytes_of(text.p, slash), &rule.net) != 0)
		return ADDRESS_E_BAD;
	width = bits = rule.net.family == 4 ? 32 : 128;
	if (slash < text.n &&
	    text_to_u64(bytes_of(text.p + slash + 1, text.n - slash - 1), width, &bits) != 0)
		return ADDRESS_E_BAD;
	rule.bits = (uint8_t)bits;
	host = rule.net;
	for (size_t i = 0; i < bits; i++)
		host.a[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	if (memcmp(host.a, zero, sizeof(zero)) != 0)
		return ADDRESS_E_BAD;
	*out = rule;
	return 0;
}

bool address_listed(const struct address_rules *rules, const struct ip *ip, bool plain)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct address_rule *rule = &rules->rules[i];
		if (rule->net.family == ip->family && within(ip->a, rule->net.a, rule->bits) &&
		    (rule->plain_http || !plain))
			return true;
	}
	return false;
}

bool ip_is_loopback(const struct ip *ip)
{
	static const uint8_t one[16] = {[15] = 1};

	return ip->family == 4 ? ip->a[0] == 127 : memcmp(ip->a, one, sizeof(one)) == 0;
}

static bool is_public(const struct ip *ip)
{
	if (ip->family == 4)
		return !in_any(ip->a, special4, ARRAY_LEN(special4));
	return within(ip->a, global6.a, global6.bits) &&
	       !in_any(ip->a, special6, ARRAY_LEN(special6));
}

bool address_allowed(const struct address_rules *rules, const struct ip *ip, bool plain)
{
	if (!address_listed(rules, ip, plain) && (plain || !is_public(ip)))
		return false;
	for (size_t i = 0; ip->family == 6 && i < ARRAY_LEN(wraps); i++) {
		const struct wrap *w = &wraps[i];
		struct ip inner = {.family = 4};

		if (!within(ip->a, w->net.a, w->net.bits))
			continue;
		for (size_t j = 0; j < 4; j++)
			inner.a[j] = ip->a[w->at + j] ^ w->mask;
		if (!address_allowed(rules, &inner, plain))
			return false;
	}
	return true;
}

size_t addresses_allowed(const struct address_rules *rules, const struct ip *ips, size_t n,
			 bool plain, struct ip *out)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (address_allowed(rules, &ips[i], plain))
			out[count++] = ips[i];
	return count;
}
