/* SPDX-License-Identifier: ISC */
#include "egress/nghttp2.h"

#include "sys/library.h"

static int load(struct nghttp2 *o)
{
	const struct library_function functions[] = {
#define F(name) {#name, &o->name},
		NGHTTP2_FUNCTIONS(F)
#undef F
	};

	return library_open("libnghttp2.so.14", functions, ARRAY_LEN(functions));
}

int nghttp2_load(const struct nghttp2 **out)
{
	static struct nghttp2 table;
	static bool loaded;
	int r = loaded ? 0 : load(&table);

	if (r < 0)
		return r;
	loaded = true;
	*out = &table;
	return 0;
}
