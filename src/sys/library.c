/* SPDX-License-Identifier: ISC */
#include "sys/library.h"

#include <dlfcn.h>
#include <string.h>

bool library_find(void *lib, const char *name, void *slot)
{
	void *p = dlsym(lib, name);

	memcpy(slot, &p, sizeof(p));
	return p != NULL;
}
