/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Recorded exchanges: a JSON array of {method, uri, request_headers, request_body, status, response_headers, body}, as anybody's tools may have written it. What is missing or of another
 * type is taken for empty.
 */
#include "provider/engine.h"

#define RECORDING_SEGMENTS 64

struct recording {
	struct bytes method;
	struct buf path;  /* decoded nowhere: as it was recorded, without host and query */
	struct buf query; /* plist of pairs, decoded */
	struct bytes segments[RECORDING_SEGMENTS]; /* of PATH, those that are not empty */
	size_t n_segments;
	struct answer answer; /* but for .json; lives as long as the recording and its JSON */
	struct buf headers, body;
};

/* P says which headers are taken along. Then recording_done(). */
void recording_read(struct recording *r, const struct provider *p, const json_t *o);
void recording_done(struct recording *r);

/* Cut PATH at its slashes; empty pieces do not count. Returns how many there are, at most MAX. */
size_t path_segments(struct bytes path, struct bytes *out, size_t max);
