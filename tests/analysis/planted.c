/* SPDX-License-Identifier: ISC */
/*
 * Bugs that scripts/analyze must find, so that it is known that it can. Never built. The headers are the product's own, for a tool that cannot
 * see through them would be blind there too.
 */
#include "base/buf.h"
#include "base/idmap.h"

#include <stdlib.h>

struct thing {
	struct idmap_node node;
	char *name;
	int n;
};

int used_after_free(void);
int leaked(int n);
int null_followed(int n);
int freed_twice(int n);
int never_set(int n);
int past_the_end(int n);
int sizeof_pointer(struct thing *t);

int used_after_free(void)
{
	char *p = calloc(1, 8);

	if (!p)
		return -ENOMEM;
	free(p);
	*p = 3; /* found by gcc, clang-tidy, cppcheck */
	return 0;
}

int leaked(int n)
{
	struct thing *t = malloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->n = n;
	if (n < 0)
		return -EINVAL; /* found by gcc, clang-tidy, cppcheck */
	n = t->n;
	free(t);
	return n;
}

int null_followed(int n)
{
	struct thing *t = NULL;

	if (n > 3)
		t = calloc(1, sizeof(*t));
	t->n = n; /* found by gcc, clang-tidy, cppcheck */
	free(t);
	return n;
}

int freed_twice(int n)
{
	char *p = malloc(8);

	if (n > 3)
		free(p);
	free(p); /* found by gcc, clang-tidy, cppcheck */
	return n;
}

int never_set(int n)
{
	int v;

	if (n > 3)
		v = 1;
	return v; /* found by gcc, clang-tidy, cppcheck */
}

int past_the_end(int n)
{
	int a[4] = {n};

	for (int i = 0; i <= 4; i++)
		n += a[i]; /* found by cppcheck */
	return n;
}

int sizeof_pointer(struct thing *t)
{
	struct thing *copy = malloc(sizeof(t));

	if (!copy)
		return -ENOMEM;
	memset(copy, 0, sizeof(copy)); /* found by clang-tidy, cppcheck */
	free(copy);
	return 0;
}
