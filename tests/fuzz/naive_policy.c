/* SPDX-License-Identifier: ISC */
#include "naive_policy.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From tests/vectors/iana/node-names.txt, without _acme-challenge and the two contact labels. */
#define FOREIGN                                                                                    \
	"acct|dane|dccp|dmarc|dns|domainkey|dsync|email|ems|er|example|fax|for-sale|ft|"           \
	"h323|http|https|iax|ical-access|ical-sched|ifax|im|ipv6|ldap|mms|mta-sts|ocsp|"           \
	"openpgpkey|pres|pstn|sctp|signal|sip|smimecert|sms|spf|sztp|ta-[^.]*|tcp|udp|"            \
	"unifmsg|vcard|videomsg|voice|voicemsg|vouch|vpim|web|xmpp"
#define CONTACT	 "validation-contactemail|validation-contactphone"
#define STANDING "validation-persist|ip-validation-persist|" CONTACT

/* Patterns are literals: compiled once each, known by their address. */
static bool matches(const char *text, const char *pattern)
{
	static struct {
		const char *pattern;
		regex_t compiled;
	} known[32];
	size_t i = 0;

	while (known[i].pattern && known[i].pattern != pattern)
		i++;
	if (!known[i].pattern) {
		if (i == 31 || regcomp(&known[i].compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
			abort();
		known[i].pattern = pattern;
	}
	return regexec(&known[i].compiled, text, 0, NULL, 0) == 0;
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool article(const struct naive_case *c)
{
	if (is(c->mode, "coexist"))
		return is(c->type, "TXT") || is(c->type, "CAA");
	if (!matches(c->type, "^(TXT|CAA|CNAME|NS)$"))
		return false;
	return matches(c->name, "^_[^.]") && !matches(c->name, "^_(" FOREIGN "|" CONTACT ")\\.");
}

static bool guarded(const struct naive_case *c)
{
	if (matches(c->name, "(^|\\.)_(" FOREIGN ")(\\.|$)"))
		return false;
	for (const char *p = strstr(c->name, "._"); p; p = strstr(p + 1, "._"))
		if (strncmp(p, "._acme-challenge.", 17) != 0)
			return false;
	if (is(c->type, "TXT") && matches(c->value, "^[ \t\r\n\v\f]*[vV][ \t\r\n\v\f]*="))
		return false;
	if (c->standing)
		return true;
	if (is(c->type, "CAA") && matches(c->value, "^[0-9]+ contact(email|phone) "))
		return false;
	return !matches(c->name, "(^|\\.)_(" STANDING ")\\.");
}

static bool strict_name(const struct naive_case *c)
{
	if (is(c->type, "CAA") && is(c->mode, "coexist") && !matches(c->name, "(^|\\.)_"))
		return true;
	if (matches(c->name, "^_[a-z2-7]{16}\\._acme-challenge\\.([^_.][^.]*\\.)*[^_.][^.]*$"))
		return true;
	if (matches(c->name, "\\._"))
		return false;
	if (c->standing && matches(c->name, "^_(" STANDING ")\\."))
		return true;
	return matches(c->name, "^_(acme-challenge|dnsauth|globalsign-domain-verification|"
				"[0-9a-f]{32}|[0-9a-z]{20,40})\\.");
}

static bool strict_target(const struct naive_case *c)
{
	size_t n = strlen(c->value);

	for (size_t i = 0; c->targets[i]; i++) {
		size_t m = strlen(c->targets[i]);

		if (is(c->value, c->targets[i]) ||
		    (n > m && c->value[n - m - 1] == '.' && is(c->value + n - m, c->targets[i])))
			return true;
	}
	return false;
}

static bool strict_authority(const struct naive_case *c)
{
	char issuer[4096];
	size_t n;

	if (matches(c->value, "^[0-9]+ contact(email|phone) "))
		return true; /* guarded let it pass */
	if (!matches(c->value, "^[0-9]+ issue(wild|mail|vmc)? "))
		return false;
	snprintf(issuer, sizeof(issuer), "%s", strchr(c->value, '"') + 1);
	issuer[strcspn(issuer, "\";")] = 0;
	memmove(issuer, issuer + strspn(issuer, " "), strlen(issuer + strspn(issuer, " ")) + 1);
	for (n = strlen(issuer); n && issuer[n - 1] == ' '; n--)
		issuer[n - 1] = 0;
	if (n == 0)
		return true;
	if (issuer[n - 1] == '.')
		issuer[n - 1] = 0;
	for (size_t i = 0; issuer[i]; i++)
		issuer[i] = (char)tolower((unsigned char)issuer[i]);
	for (size_t i = 0; c->authorities[i]; i++)
		if (is(issuer, c->authorities[i]))
			return true;
	return false;
}

static bool strict(const struct naive_case *c)
{
	if (!strict_name(c))
		return false;
	if (is(c->type, "NS") && !matches(c->name, "^_acme-challenge\\."))
		return false;
	if (is(c->type, "CNAME") || is(c->type, "NS"))
		return strict_target(c);
	return !is(c->type, "CAA") || strict_authority(c);
}

bool naive_policy_allows(const struct naive_case *c)
{
	if (is(c->profile, "article"))
		return article(c);
	if (is(c->profile, "guarded"))
		return article(c) && guarded(c);
	return article(c) && guarded(c) && strict(c);
}
