/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The log, read by people: `postern audit`. It takes no lock, changes nothing, and goes on where a line is not one.
 */
#include "base/buf.h"
#include "base/json.h"

enum log_line_state {
	LOG_LINE_GOOD,
	LOG_LINE_BAD,  /* not a line of ours: OBJECT is NULL */
	LOG_LINE_TORN, /* the last one, without its newline: being written, or cut by a crash */
};

struct log_line {
	enum log_line_state state;
	const char *segment; /* its file's name */
	uint64_t number;     /* of the line in it, from 1 */
	struct bytes text;   /* without the newline */
	const json_t *object;
	bool is_void; /* the next segment says that it could not be made durable, and does not count */
};

/* Return 0 to go on; anything else ends the reading, and is returned. */
typedef int log_line_fn(void *arg, const struct log_line *line);

/* All lines of all segments in DIR, in order. 0, what FN returned, or -errno. */
int log_read(const char *dir, log_line_fn *fn, void *arg) must_check;

/* What an investigator asks for; empty fields match everything. */
struct log_filter {
	int64_t since, until; /* microseconds; UNTIL 0: no end */
	struct bytes customer, integration, caller, result, request_id;
	struct bytes event; /* the whole event, or the verb before its dot */
	struct bytes zone;  /* the line's zone, or one that its fqdn lies in */
};

/* EVENT is WANT, or WANT is what stands before its dot; an empty one is every event's. */
bool log_is_event(struct bytes want, struct bytes event);
bool log_matches(const struct log_filter *f, const json_t *line);
