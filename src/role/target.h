/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * From a provider's table and a planner's arguments to the finished request target and the credential's header. Pure, and the courier's last
 * word: nothing a planner says can lead outside the table's method, host and path templates.
 */
#include "egress/url.h"
#include "provider/provider.h"

#define TARGET_MAX	     (16 * 1024)
#define CREDENTIALS_LINE_MAX (20 * 1024)

enum {
	TARGET_E_ARGS = 1,  /* the arguments do not fit the template: the planner broke the rules */
	TARGET_E_FIELD = 2, /* the credential lacks a field, or its URL is none of ours */
	TARGET_E_ZONE = 3,  /* a change of another zone than the one that was permitted */
};

/* Where the provider is: its fixed base, or the customer's URL. The path of *OUT lies in P's table or CREDENTIALS. 0 or TARGET_E_FIELD. */
int target_base(const struct provider *p, struct bytes credentials, struct url *out) must_check;

/*
 * Append path and query. Each argument becomes one percent-encoded segment: not empty, not "." or "..". ZONE_ID, when E changes
 * something, is the only value that {zone} may have. 0, TARGET_E_ARGS, TARGET_E_FIELD, TARGET_E_ZONE or -errno.
 */
int target_build(const struct provider *p, const struct exchange *e, const struct url *base,
		 struct bytes credentials, struct bytes args, struct bytes query,
		 struct bytes zone_id, struct buf *out) must_check;

/* Append the credential's header line to a plist of lines. 0, TARGET_E_FIELD or -errno. */
int target_auth(const struct provider *p, struct bytes credentials, struct buf *headers) must_check;
