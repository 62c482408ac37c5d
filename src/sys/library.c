/* SPDX-License-Identifier: ISC */
#include "sys/library.h"

#include <dlfcn.h>
#include <string.h>

static bool find(void *lib, const struct library_function *f)
{
	void *p = dlsym(lib, f->name);

	memcpy(f->slot, &p, sizeof(p));
	return p != NULL;
}

int library_open(const char *file, const struct library_function *functions, size_t n)
{
	void *lib = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return -ELIBACC;
	for (size_t i = 0; i < n; i++)
		if (!find(lib, &functions[i]))
			return -ELIBBAD;
	return 0;
}
