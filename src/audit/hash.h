/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * SHA-256 as RFC 6962 section 2.1 uses it: SHA-256(PREFIX ‖ A ‖ B). It is most of what a line costs the scribe, and libsodium's is portable C. libnettle's uses the processor's own
 * instructions, and takes a fifth of the time; so the scribe, and whoever reads whole logs, fills this table in at its start (sys/nettle.h). Without, libsodium's serves: they say the same.
 */
#include "base/bytes.h"

#include <nettle/sha2.h>

struct audit_nettle {
	__typeof__(&nettle_sha256_init) init; /* NULL: not there */
	__typeof__(&nettle_sha256_update) update;
	__typeof__(&nettle_sha256_digest) digest;
};
extern struct audit_nettle audit_nettle;

void audit_hash(unsigned char prefix, struct bytes a, struct bytes b, unsigned char out[32]);
