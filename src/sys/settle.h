/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Give back what start-up alone needed: free memory at the heap's end, and the pages of program and libraries, which are files' and come again, from the page cache, where they are
 * needed. Called when a process begins to serve.
 */
void settle(void);
