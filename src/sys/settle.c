/* SPDX-License-Identifier: ISC */
#include "sys/settle.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

/* Whole pages of those segments that nobody has written to. */
static int drop(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + h->p_vaddr) & ~(page - 1);
		uintptr_t to = info->dlpi_addr + h->p_vaddr + h->p_memsz;

		if (h->p_type == PT_LOAD && !(h->p_flags & PF_W))
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

/*
 * What lies below this function's own frame, and a page for those that it calls: start-up went deeper, and nobody reads that again. The kernel keeps more than DEEP free of other mappings
 * below a stack.
 */
#define DEEP (256 * 1024)

static void drop_stack(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned char *here = __builtin_frame_address(0);

	here -= (uintptr_t)here % page + page;
	(void)madvise(here - DEEP, DEEP, MADV_DONTNEED);
}

static void settle(void *arg)
{
	drop_stack();
	(void)malloc_trim(0);
	(void)dl_iterate_phdr(drop, NULL);
}

int settle_later(struct loop *l)
{
	static struct loop_timer timer = {.fn = settle};

	return loop_timer_set(l, &timer, SETTLE_MS);
}
