/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Domain names, canonicalised once and then compared label by label, never as strings.
 * Accepted: labels of letters, digits, '-' and '_', 1 to 63 bytes, the whole at most 253,
 * one trailing dot. Refused: escapes, wildcards, Unicode, an empty label, a hyphen first or last in a label,
 * "--" in third and fourth place but for "xn--", an A-label that is not valid Punycode. See vectors/dns.
 */
#include "base/bytes.h"
#include "base/error.h"

#define DNS_NAME_MAX   253 /* bytes of presentation text, without the final dot */
#define DNS_LABEL_MAX  63
#define DNS_LABELS_MAX 127

struct dns_name {
	uint8_t labels;		     /* how many; never 0 in a parsed name */
	uint8_t len;		     /* bytes of TEXT, without its NUL */
	char text[DNS_NAME_MAX + 1]; /* lower case, no final dot */
};

enum {
	DNS_E_NAME = 1, /* not a name that we accept */
};

/* Parse and canonicalise. 0 or DNS_E_NAME. */
int dns_name_parse(struct dns_name *out, struct bytes in) must_check;

/* Label I, counted from the left, 0 first. I must be below labels. */
struct bytes dns_name_label(const struct dns_name *n, unsigned i);

/* The canonical text, borrowed from N. */
static inline struct bytes dns_name_text(const struct dns_name *n)
{
	return bytes_of(n->text, n->len);
}

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b);

/* N is ZONE or lies below it, at a label boundary. */
bool dns_name_within(const struct dns_name *n, const struct dns_name *zone);

/* The text of N relative to ZONE: all labels left of it; empty at the apex. N must lie within ZONE. */
struct bytes dns_name_relative(const struct dns_name *n, const struct dns_name *zone);

/* The text of N without its first SKIP labels, borrowed from N; empty when none are left. */
struct bytes dns_name_parent(const struct dns_name *n, unsigned skip);
