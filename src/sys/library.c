/* SPDX-License-Identifier: ISC */
#include "sys/library.h"

#include <dlfcn.h>
#include <string.h>

int library_open(const char *file, const struct library_function *functions, size_t n)
{
	void *lib = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return -ELIBACC;
	for (size_t i = 0; i < n; i++) {
		void *p = dlsym(lib, functions[i].name);

		if (!p)
			return -ELIBBAD;
		memcpy(functions[i].slot, &p, sizeof(p));
	}
	return 0;
}
