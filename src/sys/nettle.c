/* SPDX-License-Identifier: ISC */
#include "sys/nettle.h"

#include "audit/hash.h"
#include "sys/library.h"

#include <string.h>

/* The same of a text of two blocks and some. */
static bool agrees(const struct audit_nettle *n)
{
	static const unsigned char text[150] = "SHA-256";
	const struct bytes a = bytes_of(text, 70), b = bytes_of(text + 70, 80);
	unsigned char theirs[32], sodium[32];

	audit_nettle = (struct audit_nettle){0};
	audit_hash(1, a, b, sodium);
	audit_nettle = *n;
	audit_hash(1, a, b, theirs);
	return memcmp(theirs, sodium, sizeof(theirs)) == 0;
}

bool nettle_load(void)
{
	struct audit_nettle n;
	const struct library_function functions[] = {
		{"nettle_sha256_init", &n.init},
		{"nettle_sha256_update", &n.update},
		{"nettle_sha256_digest", &n.digest},
	};

	if (library_open("libnettle.so.8", functions, ARRAY_LEN(functions)) == 0 && agrees(&n))
		return true;
	audit_nettle = (struct audit_nettle){0};
	return false;
}
