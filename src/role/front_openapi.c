/* SPDX-License-Identifier: ISC */
/* The API's description of itself: data/openapi.json, made into bytes when the program is built. */
#include "role/front.h"

#include "openapi_json.h"

struct bytes openapi_document(void)
{
	return bytes_of(openapi_json, sizeof(openapi_json) - 1);
}
