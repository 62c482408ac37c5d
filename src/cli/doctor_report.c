/* SPDX-License-Identifier: ISC */
#include "cli/doctor.h"

#include <stdio.h>

void report(struct report *r, enum grade grade, const char *subject, const char *todo,
	    const char *fmt, ...)
{
	char what[WHAT_MAX];
	const struct finding f = {.grade = grade, .subject = subject, .what = what, .todo = todo};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	for (char *c = what; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	if (grade > r->worst)
		r->worst = grade;
	r->tell(r->arg, &f);
}
