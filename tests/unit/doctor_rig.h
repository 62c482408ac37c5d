/* SPDX-License-Identifier: ISC */
#pragma once

/* For the tests of what `postern doctor` makes of what it has found: what was told, and each judgement from a set-up in which all is well but for one thing. */
#include "test.h"

#include "cli/doctor.h"

/* All that was told, a line each: "warn log: what" and "  todo" behind it. */
static struct buf told;

static inline void keep(void *arg, const struct finding *f)
{
	static const char *const words[] = {"ok", "note", "warn", "FAIL"};

	buf_printf(&told, "%s %s: %s\n", words[f->grade], f->subject, f->what);
	if (f->todo)
		buf_printf(&told, "  %s\n", f->todo);
}

static inline enum grade judge(void (*fn)(struct report *r))
{
	struct report r = {.tell = keep};

	buf_reset(&told);
	fn(&r);
	buf_putc(&told, 0);
	assert_int_equal(buf_status(&told), 0);
	return r.worst;
}

static inline bool says(const char *text)
{
	return strstr((const char *)told.p, text) != NULL;
}

struct judgement {
	void (*change)(void);
	const char *says;
	enum grade worst;
};

/* It is told for its reason only: before the change nothing says so. AGAIN: all is well again. */
static inline void expect_judgement(const struct judgement *j, void (*by)(struct report *r),
				    void (*again)(void))
{
	again();
	judge(by);
	if (says(j->says))
		fail_msg("told without a reason: %s", j->says);
	j->change();
	if (judge(by) != j->worst || !says(j->says))
		fail_msg("wanted: %sgot: %s", j->says, (const char *)told.p);
}
