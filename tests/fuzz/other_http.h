/* SPDX-License-Identifier: ISC */
#pragma once

/* HTTP as another library reads it (http_parser, which was Node's), for fuzz_http. Not there where that library is not: OTHER_HTTP says. */
#include "base/bytes.h"

/* A head as we read it; http/request.h and the other library's header have names in common. */
struct http_reading {
	bool is_post, has_length, close;
	struct bytes target, content_type, authorization;
	size_t head, body; /* bytes */
};

/* True when the other one takes what begins IN too, and the body behind it, and reads it the same. */
bool other_http_agrees(struct bytes in, const struct http_reading *h);
