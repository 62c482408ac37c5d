/* SPDX-License-Identifier: ISC */
/*
 * Addresses, and where a courier may connect. Input: up to a newline a rule, then an address. What is a rule holds what it says, by naive arithmetic; it opens what is in it and nothing else; no
 * spelling of an address in another opens more than both do.
 */
#include "egress/address.h"
#include "fuzz.h"

#include <arpa/inet.h>

static unsigned bit(const struct ip *ip, unsigned i)
{
	return ip->a[i / 8] >> (7 - i % 8) & 1;
}

static bool naive_within(const struct ip *ip, const struct address_rule *rule)
{
	for (unsigned i = 0; i < rule->bits; i++)
		if (bit(ip, i) != bit(&rule->net, i))
			return false;
	return ip->family == rule->net.family;
}

static struct ip wrapped(const struct ip *v4, const uint8_t *prefix, size_t n, uint8_t mask)
{
	struct ip ip = {.family = 6};

	memcpy(ip.a, prefix, n);
	for (size_t i = 0; i < 4; i++)
		ip.a[n + i] = v4->a[i] ^ mask;
	return ip;
}

/* Whatever is allowed beside it: an IPv4 address in IPv6's clothes is no more reachable than by itself. */
static void check_wraps(const struct ip *v4)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff},
			     nat64[12] = {0, 0x64, 0xff, 0x9b}, six_to_four[2] = {0x20, 0x02},
			     teredo[12] = {0x20, 0x01};
	const struct address_rules none = {.n = 0},
				   all6 = {.n = 1, .rules = {{.net = {.family = 6}}}};
	const struct ip forms[] = {wrapped(v4, mapped, 12, 0), wrapped(v4, nat64, 12, 0),
				   wrapped(v4, six_to_four, 2, 0), wrapped(v4, teredo, 12, 0xff)};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		CHECK(!address_allowed(&none, &forms[i], false));
		CHECK(!address_allowed(&all6, &forms[i], false) ||
		      address_allowed(&none, v4, false));
	}
}

static void check_address(const struct address_rules *rules, const struct ip *ip)
{
	const struct address_rules none = {.n = 0};
	bool listed = rules->n && naive_within(ip, &rules->rules[0]);

	CHECK(address_listed(rules, ip, false) == listed);
	CHECK(address_listed(rules, ip, true) == (listed && rules->rules[0].plain_http));
	CHECK(!address_allowed(&none, ip, true));
	/* Without a rule for it, as if there were none. */
	if (!listed)
		CHECK(!address_allowed(rules, ip, true) &&
		      (!address_allowed(rules, ip, false) || address_allowed(&none, ip, false)));
	CHECK(!address_allowed(rules, ip, true) || address_allowed(rules, ip, false));
	if (ip->family == 4) {
		/* The plainest of the private ones. */
		if (ip->a[0] == 0 || ip->a[0] == 10 || ip->a[0] == 127 || ip->a[0] >= 224)
			CHECK(!address_allowed(&none, ip, false));
		check_wraps(ip);
		if (listed && !rules->rules[0].plain_http)
			CHECK(address_allowed(rules, ip, false));
	} else if (ip->a[0] >> 5 != 1) {
		CHECK(!address_allowed(&none, ip, false));
	}
}

static void check_spelling(const struct ip *ip)
{
	char text[INET6_ADDRSTRLEN];
	struct ip again;

	CHECK(inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->a, text, sizeof(text)));
	CHECK(ip_parse(bytes_str(text), &again) == 0 && memcmp(ip, &again, sizeof(again)) == 0);
}

static void check_rule(const struct address_rule *rule)
{
	char net[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];
	struct address_rule again;
	unsigned width = rule->net.family == 4 ? 32 : 128;

	CHECK(rule->bits <= width && !rule->plain_http);
	for (unsigned i = rule->bits; i < width; i++)
		CHECK(bit(&rule->net, i) == 0);
	inet_ntop(width == 32 ? AF_INET : AF_INET6, rule->net.a, net, sizeof(net));
	snprintf(text, sizeof(text), "%s/%u", net, rule->bits);
	CHECK(address_rule_parse(bytes_str(text), &again) == 0);
	CHECK(again.bits == rule->bits && memcmp(&again.net, &rule->net, sizeof(rule->net)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), text = fuzz_part(&in, '\n');
	struct address_rules rules = {.n = 0};
	struct ip ip;

	if (address_rule_parse(text, &rules.rules[0]) == 0) {
		check_rule(&rules.rules[0]);
		rules.rules[0].plain_http = size & 1;
		rules.n = 1;
		check_address(&rules, &rules.rules[0].net);
	}
	if (ip_parse(in, &ip) == 0) {
		check_spelling(&ip);
		check_address(&rules, &ip);
	}
	/* Four bytes, or sixteen, as an address. */
	if (in.n >= 16) {
		ip = (struct ip){.family = in.p[0] & 1 ? 4 : 6};
		memcpy(ip.a, in.p, ip.family == 4 ? 4 : 16);
		check_address(&rules, &ip);
	}
	return 0;
}
