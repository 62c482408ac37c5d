/* SPDX-License-Identifier: ISC */
#pragma once

/* JSON as another library reads it (yajl), for fuzz_json. Not there where that library is not: OTHER_JSON says. */
#include "base/json.h"

/* True when it takes IN too, and finds in it what V is. */
bool other_json_agrees(struct bytes in, const json_t *v);
