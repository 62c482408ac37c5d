/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The error codes of the API (docs/api.md), shared by every role that can refuse something.
 * One list makes the enum, the texts, the HTTP status and the title.
 */
#include "base/bytes.h"

#define CODE_LIST(X)                                                                               \
	X(OK, "ok", 200, "OK")                                                                     \
	X(INVALID_REQUEST, "invalid_request", 400, "Invalid request")                              \
	X(UNAUTHENTICATED, "unauthenticated", 401, "Not authenticated")                            \
	X(FORBIDDEN, "forbidden", 403, "Not allowed for this caller")                              \
	X(POLICY_DENIED, "policy_denied", 403, "Refused by policy")                                \
	X(HANDLE_MISMATCH, "handle_mismatch", 403, "Handle made for another integration")          \
	X(NOT_FOUND, "not_found", 404, "Not found")                                                \
	X(CONFLICT, "conflict", 409, "Conflict")                                                   \
	X(HANDLE_INVALID, "handle_invalid", 422, "Handle not valid")                               \
	X(PROVIDER_AUTH_FAILED, "provider_auth_failed", 422, "Provider refused the credential")    \
	X(PROVIDER_REJECTED, "provider_rejected", 422, "Provider rejected the request")            \
	X(ZONE_NOT_FOUND, "zone_not_found", 422, "No such zone in the account")                    \
	X(RATE_LIMITED, "rate_limited", 429, "Too many requests")                                  \
	X(PROVIDER_RATE_LIMITED, "provider_rate_limited", 429, "Provider asks to slow down")       \
	X(PROVIDER_UNAVAILABLE, "provider_unavailable", 502, "Provider not available")             \
	X(AUDIT_UNAVAILABLE, "audit_unavailable", 503, "Audit log not writable")                   \
	X(OVERLOADED, "overloaded", 503, "Overloaded")                                             \
	X(PROVIDER_TIMEOUT, "provider_timeout", 504, "Provider did not answer in time")

enum code {
#define X(name, text, status, title) CODE_##name,
	CODE_LIST(X)
#undef X
		CODE_COUNT
};

/* "policy_denied"… An unknown code gives "unknown". */
const char *code_text(enum code c);
const char *code_title(enum code c);
/* The HTTP status of the code. */
unsigned code_status(enum code c);
