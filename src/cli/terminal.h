/* SPDX-License-Identifier: ISC */
#pragma once

/* What is shown to a person who watches, and to nobody else. */
#include <stdbool.h>
#include <stdint.h>

/* Is FD a terminal that knows what a cursor is ($TERM)? */
bool terminal_is(int fd);
/* And are colours wanted there? $NO_COLOR (no-color.org) says that they are not. */
bool terminal_colour(int fd);

/* How far something is, on standard error, which must be a terminal. All zero to begin with. */
struct progress {
	bool shown;
	uint64_t done;
	int64_t next; /* when to show it again, by the steady clock, microseconds */
};
/* "WHAT: 42 %" of ALL bytes, some times a second at most. ALL 0: nobody knows how many there are. */
void progress_show(struct progress *p, const char *what, uint64_t done, uint64_t all);
/* Take the line away again, if there was one. */
void progress_end(struct progress *p);
