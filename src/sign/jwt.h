/* SPDX-License-Identifier: ISC */
#pragma once

/* JSON Web Tokens (RFC 7519), signed with RS256 (RFC 7518 section 3.3). */
#include "sign/digest.h"

/* Append the token. HEADER and CLAIMS are JSON texts, which the caller made. 0, DIGEST_E_KEY, or -errno. */
int jwt_put(struct bytes header, struct bytes claims, struct bytes pem, struct buf *out) must_check;
