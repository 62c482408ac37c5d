/* SPDX-License-Identifier: ISC */
#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EACH_USEC  100000
#define EACH_BYTES (256 * 1024)
#define BACK_CLEAR "\r\033[K" /* to the line's begin, and erase it (ECMA-48) */

bool terminal_is(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool terminal_colour(int fd)
{
	const char *no = getenv("NO_COLOR");

	return terminal_is(fd) && !(no && *no);
}

static int64_t steady_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void progress_show(struct progress *p, const char *what, uint64_t done, uint64_t all)
{
	int64_t now;

	/* The clock is dear where a line takes three microseconds. */
	if (done < p->done + EACH_BYTES && p->shown)
		return;
	now = steady_usec();
	if (now < p->next)
		return;
	p->shown = true;
	p->done = done;
	p->next = now + EACH_USEC;
	if (all)
		fprintf(stderr, BACK_CLEAR "%s: %d %%", what,
			(int)((double)(done < all ? done : all) * 100 / (double)all));
	else
		fprintf(stderr, BACK_CLEAR "%s: %llu MiB", what, (unsigned long long)done >> 20);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs(BACK_CLEAR, stderr);
}
