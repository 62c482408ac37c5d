/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The audit log's line: one JSON object, ASCII, fields in fixed order, all of them present, null where
 * there is nothing. Pure: time and sequence number come in. The format is final: `postern-audit(5)` documents it.
 */
#include "base/buf.h"
#include "base/code.h"

#define AUDIT_LINE_MAX	(16 * 1024) /* bytes, with the newline */
#define AUDIT_VALUE_MAX 2048

/* The fields after seq and time, in order. TEXT: string or null. LIST: array of strings or null. NUMBER: integer or null. */
#define AUDIT_FIELDS(X)                                                                            \
	X(TEXT, event)                                                                             \
	X(TEXT, request_id)                                                                        \
	X(TEXT, caller)                                                                            \
	X(TEXT, customer)                                                                          \
	X(TEXT, integration)                                                                       \
	X(TEXT, provider)                                                                          \
	X(TEXT, zone)                                                                              \
	X(TEXT, fqdn)                                                                              \
	X(TEXT, type)                                                                              \
	X(TEXT, value)                                                                             \
	X(TEXT, mode)                                                                              \
	X(TEXT, profile)                                                                           \
	X(TEXT, result)                                                                            \
	X(TEXT, code)                                                                              \
	X(TEXT, provider_record_id)                                                                \
	X(LIST, replaced)                                                                          \
	X(NUMBER, duration_ms)

/* Events that are no call's, and results: what those who search the log can ask for. */
#define AUDIT_OWN_EVENTS                                                                           \
	"calls.refused", "checkpoint.gap", "checkpoint.key", "config.load", "gateway.heartbeat",   \
		"gateway.start", "gateway.stop", "key.load", "log.open", "log.repaired",           \
		"role.restart"
#define AUDIT_RESULTS "ok", "found", "gone", "kept", "refused", "error", "unknown"

struct audit_line {
	uint64_t seq; /* counts from 0, never reused */
	int64_t time; /* microseconds since 1970 */
#define AUDIT_C_TEXT   struct bytes
#define AUDIT_C_LIST   struct bytes /* plist */
#define AUDIT_C_NUMBER int64_t	    /* -1: null */
#define X(kind, name)  AUDIT_C_##kind name;
	AUDIT_FIELDS(X)
#undef X
};

/* A line with nothing in it: every field null. */
struct audit_line audit_line_empty(void);

/*
 * Append the line, newline included. Returns 0; -EMSGSIZE for a line over AUDIT_LINE_MAX, when nothing is appended (a
 * list that would not fit is the caller's to cut); or OUT's failure.
 */
int audit_line_put(const struct audit_line *line, struct buf *out) must_check;

/* RFC 6962 section 2.1 leaf hash of the line's bytes, newline left out: SHA-256(0x00 ‖ line). */
void audit_line_leaf(struct bytes line, unsigned char leaf[32]);
