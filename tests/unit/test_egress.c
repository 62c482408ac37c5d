/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "egress/address.h"
#include "egress/retry.h"
#include "egress/url.h"

static const struct address_rules no_rules;

static struct ip ip(const char *text)
{
	struct ip a;

	if (ip_parse(bytes_str(text), &a) != 0)
		fail_msg("%s: no address", text);
	return a;
}

static bool allowed(const struct address_rules *rules, const char *text, bool plain)
{
	struct ip a = ip(text);

	return address_allowed(rules, &a, plain);
}

static struct address_rules rules_of(const char *const *texts, bool plain_http)
{
	struct address_rules r = {.n = 0};

	for (; *texts; texts++) {
		if (address_rule_parse(bytes_str(*texts), &r.rules[r.n]) != 0)
			fail_msg("%s: no rule", *texts);
		r.rules[r.n++].plain_http = plain_http;
	}
	return r;
}

#define RULES(plain_http, ...) rules_of((const char *const[]){__VA_ARGS__, NULL}, plain_http)

static void test_ip_parse(void **state)
{
	static const char *const good[] = {"0.0.0.0",
					   "255.255.255.255",
					   "::",
					   "2001:db8::1",
					   "::ffff:192.0.2.1",
					   "1:2:3:4:5:6:7:8",
					   "1111:2222:3333:4444:5555:6666:255.255.255.255"};
	static const char *const bad[] = {"",
					  "1",
					  "1.2.3",
					  "1.2.3.4.5",
					  "256.1.1.1",
					  "01.2.3.4",
					  "1.2.3.4 ",
					  " 1.2.3.4",
					  "0x7f.1",
					  "127.1",
					  "1.2.3.-4",
					  "[::1]",
					  "fe80::1%1",
					  "::1%lo",
					  ":::",
					  "1::2::3",
					  "12345::",
					  "g::",
					  "1.2.3.4/8",
					  "::1.2.3",
					  "1:2:3:4:5:6:7:8:9",
					  "1111:2222:3333:4444:5555:6666:255.255.255.2555"};
	struct ip a;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(ip_parse(bytes_str(good[i]), &a), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct bytes b = bytes_str(bad[i]);
		unsigned char *p = test_exact(b);
		assert_int_equal(ip_parse(bytes_of(p, b.n), &a), ADDRESS_E_BAD);
		free(p);
	}
	assert_int_equal(ip_parse(bytes_of("1.2.3.4\0", 8), &a), ADDRESS_E_BAD);
}

/*
 * Of each range: its first and last address, and their neighbours outside; NULL where those are
 * another's.
 */
static const struct range {
	const char *first, *last, *before, *after;
} ranges[] = {
	{"0.0.0.0", "0.255.255.255", NULL, "1.0.0.0"},
	{"10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
	{"100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"},
	{"127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"},
	{"168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17"},
	{"169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"},
	{"172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"},
	{"192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"},
	{"192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"},
	{"192.31.196.0", "192.31.196.255", "192.31.195.255", "192.31.197.0"},
	{"192.52.193.0", "192.52.193.255", "192.52.192.255", "192.52.194.0"},
	{"192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"},
	{"192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"},
	{"192.175.48.0", "192.175.48.255", "192.175.47.255", "192.175.49.0"},
	{"198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"},
	{"198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"},
	{"203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"},
	{"224.0.0.0", "239.255.255.255", "223.255.255.255", NULL},
	{"240.0.0.0", "255.255.255.255", NULL, NULL},
	/* unspecified, loopback, IPv4-compatible */
	{"::", "::ffff:ffff", NULL, NULL},
	{"::1", "::1", NULL, NULL},
	/* NAT64, discard-only, and all else below global unicast */
	{"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", NULL, NULL},
	{"100::", "100::ffff:ffff:ffff:ffff", NULL, NULL},
	{"1fff::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, "2000::"},
	{"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
	 "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
	{"2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", NULL, NULL},
	{"2001:10::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL},
	{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
	 "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
	{"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	 "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
	{"2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
	 "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", "2620:4f:8001::"},
	{"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
	 "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
	/*
	 * above global unicast: SRv6, ULA with two clouds' metadata, link-local, site-local,
	 * multicast
	 */
	{"4000::", "4000::ffff", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
	{"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL},
	{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL},
	{"fd00:ec2::254", "fd20:ce::254", NULL, NULL},
	{"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL},
	{"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL},
	{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL},
};

static void check_special(const char *text)
{
	struct address_rules listed = RULES(false, text), listed_plain = RULES(true, text);

	if (allowed(&no_rules, text, false) || allowed(&no_rules, text, true))
		fail_msg("%s is allowed", text);
	/* 6to4, Teredo and NAT64 wrap a second address, which no rule lists here. */
	if (ip(text).a[0] == 0x20 || strncmp(text, "64:", 3) == 0)
		return;
	if (!allowed(&listed, text, false) || allowed(&listed, text, true) ||
	    !allowed(&listed_plain, text, true) || !allowed(&listed_plain, text, false))
		fail_msg("%s: its rule does not hold", text);
}

static void check_public(const char *text)
{
	struct address_rules listed_plain;

	if (!text)
		return;
	listed_plain = RULES(true, text);
	if (!allowed(&no_rules, text, false) || allowed(&no_rules, text, true) ||
	    !allowed(&listed_plain, text, true))
		fail_msg("%s is refused", text);
}

static void test_special_ranges(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		check_special(ranges[i].first);
		check_special(ranges[i].last);
		check_public(ranges[i].before);
		check_public(ranges[i].after);
	}
}

static void test_public(void **state)
{
	static const char *const list[] = {"1.1.1.1",	   "8.8.8.8",	     "104.16.0.1",
					   "198.41.0.4",   "223.5.5.5",	     "2606:4700::1111",
					   "2a00:1450::1", "2001:4860::8888"};

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		check_public(list[i]);
}

/* Both the address and the one inside must pass. */
static void test_wrapped(void **state)
{
	static const struct {
		const char *net, *of_public, *of_private; /* 8.8.8.8, 10.0.0.1 */
	} cases[] = {
		{"::ffff:0:0/96", "::ffff:8.8.8.8", "::ffff:10.0.0.1"},
		{"64:ff9b::/96", "64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1"},
		{"64:ff9b:1::/48", "64:ff9b:1:2::8.8.8.8", "64:ff9b:1:2::10.0.0.1"},
		{"2002::/16", "2002:808:808::1", "2002:a00:1::1"},
		/* Teredo: server, then the client's address inverted */
		{"2001::/32", "2001:0:808:808:0:0:f7f7:f7f7", "2001:0:808:808:0:0:f5ff:fffe"},
		{"2001::/32", "2001:0:808:808:0:0:f7f7:f7f7", "2001:0:a00:1:0:0:f7f7:f7f7"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address_rules outer = RULES(false, cases[i].net);
		struct address_rules inner = RULES(false, "10.0.0.0/8");
		struct address_rules both = RULES(false, cases[i].net, "10.0.0.0/8");
		struct address_rules plain = RULES(true, cases[i].net);

		assert_false(allowed(&no_rules, cases[i].of_public, false));
		assert_false(allowed(&no_rules, cases[i].of_private, false));
		assert_true(allowed(&outer, cases[i].of_public, false));
		assert_false(allowed(&outer, cases[i].of_private, false));
		assert_false(allowed(&inner, cases[i].of_private, false));
		assert_true(allowed(&both, cases[i].of_private, false));
		assert_false(allowed(&both, cases[i].of_private, true));
		assert_false(allowed(&plain, cases[i].of_public, true));
	}
}

static void test_rules(void **state)
{
	static const char *const bad[] = {"",
					  "/",
					  "10.0.0.0/",
					  "10.0.0.0/33",
					  "10.0.0.1/8",
					  "10.0.0.0/08",
					  "10.0.0.0/ 8",
					  "10.0.0.0/8/8",
					  "10.0.0.0/-1",
					  "::/129",
					  "fd00::1/8",
					  "localhost",
					  "10.0/16",
					  "fd00::/7",
					  "1.2.3.4/0",
					  "[fd00::]/8"};
	struct address_rules r =
		RULES(false, "10.1.0.0/16", "fc00::/7", "192.168.1.129", "::1", "172.16.128.0/17");
	struct address_rule rule;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (address_rule_parse(bytes_str(bad[i]), &rule) != ADDRESS_E_BAD)
			fail_msg("%s is a rule", bad[i]);
	assert_int_equal(address_rule_parse((struct bytes){NULL, 0}, &rule), ADDRESS_E_BAD);
	assert_int_equal(r.rules[2].bits, 32);
	assert_int_equal(r.rules[3].bits, 128);
	assert_true(allowed(&r, "10.1.255.255", false));
	assert_false(allowed(&r, "10.2.0.0", false));
	assert_false(allowed(&r, "10.0.255.255", false));
	assert_true(allowed(&r, "fdff::1", false));
	assert_true(allowed(&r, "192.168.1.129", false));
	assert_false(allowed(&r, "192.168.1.128", false));
	assert_true(allowed(&r, "::1", false));
	assert_false(allowed(&r, "::2", false));
	assert_false(allowed(&r, "172.16.127.255", false));
	assert_true(allowed(&r, "172.16.128.0", false));
	/*
	 * A rule for IPv4 says nothing of IPv6 whose first bytes are the same, nor the other way
	 * round.
	 */
	assert_false(allowed(&r, "a01::1", false));
	r = RULES(true, "0.0.0.0/0");
	assert_true(allowed(&r, "127.0.0.1", true));
	assert_false(allowed(&r, "::1", true));
}

static const struct {
	const char *text;
	bool tls, is_ip;
	const char *host;
	uint16_t port;
	const char *path;
} urls[] = {
	{"https://a", true, false, "a", 443, ""},
	{"https://api.example.com", true, false, "api.example.com", 443, ""},
	{"http://API.Example.COM:8081/", false, false, "api.example.com", 8081, ""},
	{"https://xn--bcher-kva.example:65535/a/B/9", true, false, "xn--bcher-kva.example", 65535,
	 "/a/B/9"},
	{"https://pdns.example/api/v1.2/", true, false, "pdns.example", 443, "/api/v1.2"},
	{"https://h/a.b/..c/~d/_e/-f/...", true, false, "h", 443, "/a.b/..c/~d/_e/-f/..."},
	{"http://127.0.0.1:80", false, true, "127.0.0.1", 80, ""},
	{"https://[2001:DB8::1]:8443/x", true, true, "2001:db8::1", 8443, "/x"},
	{"https://[0:0:0:0:0:0:0:1]", true, true, "::1", 443, ""},
	{"https://1.2.3.4.example", true, false, "1.2.3.4.example", 443, ""},
	{"https://9.a1-b", true, false, "9.a1-b", 443, ""},
};

static void test_url_good(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct url u;

		if (url_parse(bytes_str(urls[i].text), &u) != 0)
			fail_msg("%s is refused", urls[i].text);
		assert_int_equal(u.tls, urls[i].tls);
		assert_int_equal(u.is_ip, urls[i].is_ip);
		assert_string_equal(u.host, urls[i].host);
		assert_int_equal(u.port, urls[i].port);
		assert_true(bytes_is(u.path, urls[i].path));
	}
}

static const char *const bad_urls[] = {
	"",
	"https://",
	"https:///x",
	"HTTPS://h",
	"ftp://h",
	"//h",
	"h",
	" https://h",
	"https://h ",
	"https://user@h",
	"https://user:pw@h",
	"https://h@evil",
	"https://h:",
	"https://h:0",
	"https://h:00443",
	"https://h:65536",
	"https://h:+1",
	"https://h:1:2",
	"https://:443",
	"https://h?q",
	"https://h/?q",
	"https://h#f",
	"https://h/#f",
	"https://h/a?b",
	"https://h//",
	"https://h//a",
	"https://h/a//",
	"https://h/a//b",
	"https://h/.",
	"https://h/./",
	"https://h/..",
	"https://h/a/../b",
	"https://h/%41",
	"https://h/a b",
	"https://h/a;b",
	"https://h/a\\b",
	"https://h\\@evil",
	"https://h/\xc3\xa9",
	"https://b\xc3\xbc.example",
	"https://h.",
	"https://.h",
	"https://a..h",
	"https://-a.h",
	"https://a-.h",
	"https://a_b.h",
	"https://*.h",
	/* what others read as an IPv4 address */
	"https://2130706433",
	"https://127.1",
	"https://0x7f.1",
	"https://0x7f000001",
	"https://0177.0.0.1",
	"https://127.0.0.01",
	"https://127.0.0.1.",
	"https://127.0.0.0x1",
	"https://1.2.3.4.5",
	"https://a.1",
	"https://a.0x1",
	"https://0",
	"https://0x0",
	"https://017700000001",
	"https://0x7f.0x0.0x0.0x1",
	"https://4294967297",
	"https://127.0.1",
	"https://127.000.000.001",
	"https://256.256.256.256",
	/* full-width digits and dots, circled letters, a soft hyphen */
	"https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1",
	"https://127\xe3\x80\x82"
	"0.0.1",
	"https://\xe2\x93\x9b\xe2\x93\x9e\xe2\x93\x92\xe2\x93\x90lhost",
	"https://loc\xc2\xad"
	"alhost",
	"https://localhost.",
	"https://127.0.0.1%2f@h",
	"https://127.0.0.1\\@h",
	"https://%6c%6fcalhost",
	"https://[::ffff:127.1]",
	"https://[::1%lo]",
	"https://[v1.x]",
	"https://[::1].",
	"https://[::1",
	"https://::1",
	"https://::1]",
	"https://[::1]x",
	"https://[::1]:",
	"https://[[::1]]",
	"https://[127.0.0.1]",
	"https://[h]",
	"https://[]",
	"https://[fe80::1%25lo]",
	"https://[::1]@h",
	"https://h]:80",
	"https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	"https://h\r\n",
};

static void test_url_bad(void **state)
{
	struct url u;

	for (size_t i = 0; i < ARRAY_LEN(bad_urls); i++)
		if (url_parse(bytes_str(bad_urls[i]), &u) != URL_E_BAD)
			fail_msg("%s is accepted", bad_urls[i]);
	assert_int_equal(url_parse((struct bytes){NULL, 0}, &u), URL_E_BAD);
	assert_int_equal(url_parse(bytes_of("https://a\0b", 11), &u), URL_E_BAD);
	assert_int_equal(url_parse(bytes_of("https://a/\0b", 12), &u), URL_E_BAD);
}

static void test_url_longest_host(void **state)
{
	char text[8 + URL_HOST_MAX + 2] = "https://";
	struct url u;

	for (size_t i = 0; i < URL_HOST_MAX; i++)
		text[8 + i] = i % 50 == 49 ? '.' : 'a';
	assert_int_equal(url_parse(bytes_of(text, 8 + URL_HOST_MAX), &u), 0);
	assert_int_equal(strlen(u.host), URL_HOST_MAX);
	text[8 + URL_HOST_MAX] = 'a';
	assert_int_equal(url_parse(bytes_of(text, 8 + URL_HOST_MAX + 1), &u), URL_E_BAD);
}

/* What is left of a URL may be one too; it is never read past its end. */
static void test_url_cut(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct bytes whole = bytes_str(urls[i].text);

		for (size_t n = 0; n < whole.n; n++) {
			unsigned char *p = test_exact(bytes_of(whole.p, n));
			struct url u;

			if (url_parse(bytes_of(p, n), &u) == 0) {
				assert_true(u.tls == urls[i].tls && u.port && u.host[0]);
				assert_true(u.path.n == 0 || u.path.p[0] == '/');
				assert_true(u.path.p <= p + n);
			}
			free(p);
		}
	}
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *in;
		int64_t want; /* -1: refused */
	} cases[] = {
		{"0", 0},
		{"120", 120},
		{"86400", 86400},
		{"86401", 86400},
		{"1000000000000000000", 86400},
		{"18446744073709551615", 86400},
		{"Sun, 06 Nov 1994 08:49:37 GMT", 1},
		{"Sun, 06 Nov 1994 08:49:36 GMT", 0},
		{"Sun, 06 Nov 1994 08:50:36 GMT", 60},
		{"Mon, 07 Nov 1994 08:49:36 GMT", 86400},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 86400},
		{"Thu, 29 Feb 1996 00:00:00 GMT", 86400},
		{"Sat, 01 Jan 1994 00:00:00 GMT", 0},
		{"", -1},
		{"-1", -1},
		{"+1", -1},
		{"1.5", -1},
		{"1 ", -1},
		{"1s", -1},
		{"18446744073709551616", -1},
		{"1e18", -1},
		{"0x10", -1},
		{"17, 18", -1},
		{"Sunday, 06-Nov-94 08:49:37 GMT", -1},
		{"Sun Nov  6 08:49:37 1994", -1},
		{"Sun, 06 Nov 1994 08:49:37 UTC", -1},
		{"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
		{"sun, 06 Nov 1994 08:49:37 GMT", -1},
		{"Sun, 06 nov 1994 08:49:37 GMT", -1},
		{"Sun, 6 Nov 1994 08:49:37 GMT", -1},
		{"Sun,  6 Nov 1994 08:49:37 GMT", -1},
		{"Sun, 31 Nov 1994 08:49:37 GMT", -1},
		{"Wed, 29 Feb 1995 00:00:00 GMT", -1},
		{"Sun, 06 Nov 1994 24:49:37 GMT", -1},
		{"Sun, 06 Nov 1994 08:49:60 GMT", -1},
		{"Sun, 06 Nov 1994 08-49-37 GMT", -1},
		{"unN, 06 Nov 1994 08:49:37 GMT", -1},
	};
	/* Half a second after 08:49:36. */
	const int64_t now = 784111776500000;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes b = bytes_str(cases[i].in);
		unsigned char *p = test_exact(b);
		uint32_t v = 7;

		if (retry_after_parse(bytes_of(p, b.n), now, &v) !=
			    (cases[i].want < 0 ? RETRY_E_BAD : 0) ||
		    v != (cases[i].want < 0 ? 7 : cases[i].want))
			fail_msg("\"%s\" gives %u", cases[i].in, v);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip_parse), cmocka_unit_test(test_special_ranges),
		cmocka_unit_test(test_public),	 cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_rules),	 cmocka_unit_test(test_url_good),
		cmocka_unit_test(test_url_bad),	 cmocka_unit_test(test_url_longest_host),
		cmocka_unit_test(test_url_cut),	 cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests_name("egress", tests, NULL, NULL);
}
