/* SPDX-License-Identifier: ISC */
#pragma once

/* Answers as libcurl reads them, for fuzz_http_answer. */
#include "base/buf.h"

/* True when libcurl takes IN, which fits a socket, as an answer to GET (or HEAD), with this status, these fields (a plist of pairs) among its own, and this body. */
bool other_answer_agrees(struct bytes in, bool head, unsigned status, struct bytes fields,
			 struct bytes body);
