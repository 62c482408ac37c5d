/* SPDX-License-Identifier: ISC */
/*
 * Part of postern-counted, which is postern but for this and count.c. Roles have no environment, and may not open anything once they are in their sandbox: each maps its counters before its main()
 * begins, from a file in the working directory, which they have from who started the gateway. Without that file it is a postern like any other.
 */
#include "count_roles.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OURS 2 /* frames: see_allocation() and the allocator */

static struct counted_process *self;

static void copy_name(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static void describe(struct counted_frame *f, void *address)
{
	Dl_info info;
	const char *slash;

	/* The address is that of the instruction behind the call. */
	if (!dladdr((char *)address - 1, &info))
		return;
	slash = strrchr(info.dli_fname, '/');
	f->offset = (uint64_t)((uintptr_t)address - 1 - (uintptr_t)info.dli_fbase);
	copy_name(f->object, sizeof(f->object), slash ? slash + 1 : info.dli_fname);
	copy_name(f->symbol, sizeof(f->symbol), info.dli_sname);
}

/* FNV-1a over addresses. */
static uint64_t hash_of(void *const *frames, int n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (int i = 0; i < n; i++)
		h = (h ^ (uintptr_t)frames[i]) * UINT64_C(0x100000001b3);
	return h ? h : 1;
}

static struct counted_site *site_of(uint64_t hash)
{
	for (size_t i = 0; i < COUNTED_SITES; i++) {
		struct counted_site *s = &self->site[(hash + i) % COUNTED_SITES];

		if (s->hash == hash || s->hash == 0)
			return s;
	}
	return NULL;
}

static void see_allocation(size_t bytes)
{
	static bool inside; /* one thread each; what is asked below must not allocate, but may */
	void *all[OURS + COUNTED_FRAMES], **frames = all + OURS;
	struct counted_site *s;
	uint64_t hash;
	int n;

	if (inside)
		return;
	inside = true;
	n = backtrace(all, OURS + COUNTED_FRAMES) - OURS;
	hash = hash_of(frames, n > 0 ? n : 0);
	s = site_of(hash);
	if (!s) {
		self->sites_lost++;
		inside = false;
		return;
	}
	if (!s->hash) {
		s->hash = hash;
		for (int i = 0; i < n; i++)
			describe(&s->frame[i], frames[i]);
		s->frames = n > 0 ? (uint64_t)n : 0;
	}
	s->count++;
	s->bytes += bytes;
	inside = false;
}

static void __attribute__((constructor)) map_counters(void)
{
	int fd = open(ROLES_COUNTED_FILE, O_RDWR | O_CLOEXEC);
	struct roles_counted *all;
	struct stat st;
	uint64_t place;
	void *first[1];

	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size != sizeof(*all)) {
		fprintf(stderr, "%s: %s is not what postern-counted writes to\n",
			program_invocation_short_name, ROLES_COUNTED_FILE);
		exit(1);
	}
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (all == MAP_FAILED)
		exit(1);
	place = __atomic_fetch_add(&all->processes, 1, __ATOMIC_RELAXED);
	if (place >= COUNTED_PROCESSES)
		return;
	self = &all->process[place];
	copy_name(self->name, sizeof(self->name), program_invocation_short_name);
	self->pid = (uint64_t)getpid();
	(void)backtrace(first, 1); /* loads what it needs, as long as that may be opened */
	counts = &self->counts;
	counts_seen = see_allocation;
}
