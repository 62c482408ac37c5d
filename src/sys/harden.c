/* SPDX-License-Identifier: ISC */
#include "sys/harden.h"

#include "base/memory.h"
#include "base/pool.h"
#include "sys/sandbox.h"

#include <grp.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

int harden_self(void)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}

int harden_become(uint32_t id)
{
	if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
		return -errno;
	/* There must be no way back. */
	if (setresuid(0, 0, 0) == 0)
		return -EPERM;
	return 0;
}

void harden_raise_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

void harden_json(void)
{
	size_t seed = 0;

#ifdef SANITIZED
	/* It sees what is done with each piece. */
	json_set_alloc_funcs(memory_alloc, wiping_free);
#else
	json_set_alloc_funcs(pool_alloc, pool_free);
#endif
	/* It would open /dev/urandom, at the first object that it makes. */
	if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		json_object_seed(seed);
}
