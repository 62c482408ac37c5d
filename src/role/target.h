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
	TARGET_E_ZONE = 3,  /* a change of another zone or name than the one that was permitted */
};

/* What the vault lets a call change. */
struct permit {
	struct bytes zone_id;
	struct dns_name zone, fqdn;
	enum rr_type type;
	bool all_types; /* a replace: records of all our types at the name */
};

/* Where the provider is: its fixed base, the one of its list that the credential chooses, or the customer's URL. The path of *OUT lies in P's table or CREDENTIALS. 0 or TARGET_E_FIELD. */
int target_base(const struct provider *p, struct bytes credentials, struct url *out) must_check;
/* The same for a login; what chooses may stand in what the gateway has of its own. */
int target_login_base(const struct login *l, struct bytes credentials, struct bytes gateway,
		      struct url *out) must_check;

/*
 * Append path and query. Each argument becomes one percent-encoded segment (see path_segment()). When E changes something, {zone} must be PERMIT's, {name} its name in
 * one of the forms, {type} its type. 0, TARGET_E_ARGS, TARGET_E_FIELD, TARGET_E_ZONE or -errno.
 */
int target_build(const struct provider *p, const struct exchange *e, const struct url *base,
		 struct bytes credentials, struct bytes args, struct bytes query,
		 const struct permit *permit, struct buf *out) must_check;
/* A login's, of {=field}s alone. */
int target_login(const struct login *l, const struct provider *p, const struct url *base,
		 struct bytes credentials, struct buf *out) must_check;

/* Append header lines for the PAIRS that a planner sends: only names of P's list, only printable values. 0, TARGET_E_ARGS or -errno. */
int target_headers(const struct provider *p, struct bytes pairs, struct buf *headers) must_check;

/*
 * Put the credential on a finished request: append lines to the plist HEADERS, or members to BODY. S holds the request (its body: BODY's bytes) and the fields. 0, TARGET_E_FIELD or
 * -errno.
 */
int target_auth(const struct auth *auth, const struct signing *s, struct buf *headers,
		struct buf *body) must_check;
