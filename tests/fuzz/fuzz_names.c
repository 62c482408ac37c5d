/* SPDX-License-Identifier: ISC */
/* A name that parses has one canonical form, and its parts fit together. */
#include "dns/name.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_name a, b;
	size_t total = 0;

	if (dns_name_parse(&a, bytes_of(data, size)) != 0)
		return 0;
	CHECK(a.labels >= 2 && a.len <= DNS_NAME_MAX && strlen(a.text) == a.len);
	CHECK(a.len == size || a.len + 1u == size);
	CHECK(bytes_eq_nocase(dns_name_text(&a), bytes_of(data, a.len)));
	CHECK(dns_name_parse(&b, dns_name_text(&a)) == 0);
	CHECK(memcmp(&a, &b, sizeof(a)) == 0 && dns_name_eq(&a, &b));
	for (unsigned i = 0; i < a.labels; i++) {
		struct bytes label = dns_name_label(&a, i), parent = dns_name_parent(&a, i);

		CHECK(label.n >= 1 && label.n <= DNS_LABEL_MAX);
		CHECK(bytes_starts(parent, label));
		total += label.n + 1;
		if (dns_name_parse(&b, parent) != 0) {
			CHECK(i + 1u == a.labels);
			continue;
		}
		CHECK(dns_name_within(&a, &b) && dns_name_within(&b, &a) == (i == 0));
		CHECK(dns_name_relative(&a, &b).n == (i ? total - label.n - 2 : 0));
	}
	CHECK(total == a.len + 1u && dns_name_parent(&a, a.labels).n == 0);
	return 0;
}
