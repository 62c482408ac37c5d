/* SPDX-License-Identifier: ISC */
#include "base/code.h"

#include "base/error.h"

static const struct {
	const char *text;
	const char *title;
	unsigned status;
} codes[] = {
#define X(name, text_, status_, title_)                                                            \
	[CODE_##name] = {.text = text_, .title = title_, .status = status_},
	CODE_LIST(X)
#undef X
};

const char *code_text(enum code c)
{
	return (unsigned)c < ARRAY_LEN(codes) ? codes[c].text : "unknown";
}

const char *code_title(enum code c)
{
	return (unsigned)c < ARRAY_LEN(codes) ? codes[c].title : "Unknown";
}

unsigned code_status(enum code c)
{
	return (unsigned)c < ARRAY_LEN(codes) ? codes[c].status : 500;
}
