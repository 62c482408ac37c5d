/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Signatures of DNS messages with a shared secret: TSIG (RFC 8945), as a client has it. Pure; times
 * are given.
 */
#include "dns/message.h"

#define TSIG_SECRET_MAX 512 /* bytes, decoded */
#define TSIG_MAC_MAX	64
#define TSIG_FUDGE	300 /* seconds that the clocks may differ (RFC 8945 section 10) */

/* RFC 8945 section 6; HMAC-MD5, which is not to be used, is left out. */
enum tsig_algorithm {
	TSIG_SHA256, /* the default */
	TSIG_SHA384,
	TSIG_SHA512,
	TSIG_SHA224,
	TSIG_SHA1,
	TSIG_ALGORITHMS,
};

/* "hmac-sha256"…; "" for anything else. */
const char *tsig_algorithm_text(enum tsig_algorithm a);
/* Its exact text, in lower case without a final dot; TSIG_ALGORITHMS when it is none. */
enum tsig_algorithm tsig_algorithm_parse(struct bytes in);

struct tsig_key {
	struct wire_name name;
	enum tsig_algorithm algorithm;
	struct buf secret;
};

enum { TSIG_E_FIELD = 1 };
/*
 * NAME as wire_name_parse() has it; SECRET in padded base64, one to TSIG_SECRET_MAX bytes of it.
 * Returns 0; TSIG_E_FIELD when one is not usable; -ENOMEM.
 */
int tsig_key_init(struct tsig_key *key, struct bytes name, enum tsig_algorithm a,
		  struct bytes secret) must_check;
/* Wipes it; fine for {0}. */
void tsig_key_done(struct tsig_key *key);

/* What is kept of a request, for its answer. No secret. */
struct tsig_mac {
	size_t n;
	unsigned char p[TSIG_MAC_MAX];
};

/*
 * Sign MESSAGE, a whole one and not signed yet: a TSIG record is added as the last. NOW is in
 * seconds since 1970. Returns 0; -EINVAL when it is no such message; -ENOBUFS when it gets too
 * long; -ENOMEM. On failure MESSAGE is spoiled.
 */
int tsig_sign(struct buf *message, const struct tsig_key *key, int64_t now,
	      struct tsig_mac *mac) must_check;

enum {
	TSIG_E_BROKEN =
		1,	 /* no message, or a TSIG record that is not what and where it should be */
	TSIG_E_UNSIGNED, /* nothing says that it comes from the server */
	TSIG_E_FORGED,	 /* signed, but not with this key for this request, or too short */
	TSIG_E_BADSIG,	 /* the server did not find our signature right: another secret */
	TSIG_E_BADKEY,	 /* the server does not know the key by this name and algorithm */
	TSIG_E_BADTIME,	 /* the clocks differ by more than the fudge */
	TSIG_E_BADTRUNC, /* the server would have our MAC longer, which is never cut */
};

/*
 * Check the answer to the request that MAC is of, and take the TSIG record off it, so that it reads
 * as if it had never been signed; the id is again the one that was signed. NOW is in seconds since
 * 1970.
 *
 * Returns 0; or one of the above, with MESSAGE as it was; or -ENOMEM. TSIG_E_BADSIG and
 * TSIG_E_BADKEY are what an answer claims that nobody has signed (RFC 8945 section 5.3.2), so
 * anybody on the way could have: fit to tell, not to rely on. With TSIG_E_BADTIME, which is signed,
 * *SERVER_TIME (else not written) is the server's clock in seconds since 1970. A MAC that was cut
 * is taken if at least half of it, and 10 bytes, are left (section 5.2.2.1).
 */
int tsig_verify(struct buf *message, const struct tsig_key *key, const struct tsig_mac *mac,
		int64_t now, int64_t *server_time) must_check;
