/* SPDX-License-Identifier: ISC */
#include "sys/nettle.h"

#include "audit/hash.h"
#include "sys/library.h"

#include <dlfcn.h>
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
	/* Never closed. */
	void *lib = dlopen("libnettle.so.8", RTLD_NOW | RTLD_LOCAL);
	struct audit_nettle n;

	if (lib && library_find(lib, "nettle_sha256_init", &n.init) &&
	    library_find(lib, "nettle_sha256_update", &n.update) &&
	    library_find(lib, "nettle_sha256_digest", &n.digest) && agrees(&n))
		return true;
	audit_nettle = (struct audit_nettle){0};
	return false;
}
