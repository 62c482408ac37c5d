/* SPDX-License-Identifier: ISC */
#include "egress/nghttp2.h"

#include "sys/library.h"

int nghttp2_load(struct nghttp2 *out)
{
	const struct library_function functions[] = {
#define F(name) {#name, &out->name},
		NGHTTP2_FUNCTIONS(F)
#undef F
	};

	return library_open("libnghttp2.so.14", functions, ARRAY_LEN(functions));
}
