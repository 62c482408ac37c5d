/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Give back what start-up alone needed: free memory at the heap's end, the stack that is not in use, and the pages of program and libraries, which are files' and come again, from the page cache, where they are
 * needed. Once, SETTLE_MS after L has begun to run: start-up itself is not to wait for it. One loop of a process. 0 or -ENOMEM.
 */
#include "sys/loop.h"

#define SETTLE_MS 1000
int settle_later(struct loop *l) must_check;
