/* SPDX-License-Identifier: ISC */
/* Allocations fail by breakpoints: the C library is the same in all processes, this one too. */
#include "inject.h"
#include "sys/log.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static const char *const allocators[] = {"malloc", "calloc", "realloc"};

/* In this program, and so in all that have the same libc. */
static uint64_t offset_in_libc(const char *symbol)
{
	void *at = dlsym(RTLD_DEFAULT, symbol);
	Dl_info info;

	must(at && dladdr(at, &info), symbol);
	return (uint64_t)(uintptr_t)at - (uint64_t)(uintptr_t)info.dli_fbase;
}

static uint64_t libc_of(const struct process *p)
{
	char path[64], line[512];
	unsigned long long at = 0, one;
	bool code = false; /* its text is mapped last, over the rest */
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "/libc.so.6") || sscanf(line, "%llx-", &one) != 1)
			continue;
		at = at ? at : one;
		code = code || strstr(line, " r-xp ");
	}
	if (f)
		fclose(f);
	return code ? at : 0;
}

/* The byte at an allocator's start, here and there the same. */
static uint64_t first_byte(const char *symbol)
{
	return *(const unsigned char *)dlsym(RTLD_DEFAULT, symbol);
}

#define BREAKPOINT 0xcc

static void set_byte(struct process *p, uint64_t at, uint64_t was, uint64_t byte)
{
	uint64_t word = peek(p, at);

	if ((word & 0xff) != was)
		log_fatal("the libc of %s is not ours", p->name);
	poke(p, at, (word & ~UINT64_C(0xff)) | byte);
}

static bool is_loaded(struct process *p)
{
	if (!p->libc)
		p->libc = libc_of(p);
	for (size_t i = 0; p->libc && i < ARRAY_LEN(allocators); i++)
		if ((peek(p, p->libc + offset_in_libc(allocators[i])) & 0xff) !=
		    first_byte(allocators[i]))
			return false;
	return p->libc != 0;
}

void trap_malloc(struct process *p, bool on)
{
	if (p->trapped == on || (on && !is_loaded(p)))
		return;
	for (size_t i = 0; i < ARRAY_LEN(allocators); i++) {
		uint64_t at = p->libc + offset_in_libc(allocators[i]);
		uint64_t byte = first_byte(allocators[i]);

		set_byte(p, at, on ? byte : BREAKPOINT, on ? BREAKPOINT : byte);
	}
	p->trapped = on;
}

/* errno's address is the thread's plus an offset that __errno_location() loads: mov OFFSET(%rip),%rax; add %fs:0,%rax; ret */
static void set_errno(struct process *p, const struct user_regs_struct *r, int error)
{
	uint64_t fn = p->libc + offset_in_libc("__errno_location"), at;

	if ((uint32_t)peek(p, fn) == 0xfa1e0ff3)
		fn += 4; /* endbr64 */
	must((peek(p, fn) & 0xffffff) == 0x058b48, "__errno_location");
	at = r->fs_base +
	     peek(p, fn + 7 + (uint64_t)(int64_t)(int32_t)(uint32_t)(peek(p, fn) >> 24));
	poke(p, at, (peek(p, at) & ~UINT64_C(0xffffffff)) | (uint32_t)error);
}

/* Through the instruction that the breakpoint stands on. */
static void step_over(struct process *p, const char *symbol, struct user_regs_struct *r)
{
	int status = 0;

	r->rip--;
	set_regs(p, r);
	set_byte(p, r->rip, BREAKPOINT, first_byte(symbol));
	must(ptrace(PTRACE_SINGLESTEP, p->pid, 0, 0) == 0 && waitpid(p->pid, &status, 0) == p->pid,
	     "step");
	if (WIFSTOPPED(status))
		set_byte(p, r->rip, first_byte(symbol), BREAKPOINT);
}

/* True when P stopped in an allocator. */
bool at_allocator(struct process *p)
{
	struct user_regs_struct r;

	get_regs(p, &r);
	if (!p->libc)
		p->libc = libc_of(p); /* a child, made with its parent's breakpoints */
	for (size_t i = 0; i < ARRAY_LEN(allocators); i++) {
		if (r.rip - 1 != p->libc + offset_in_libc(allocators[i]))
			continue;
		if (is_meant(p) && plan.malloc && plan_is_due(allocators[i]) &&
		    plan.action == FAIL) {
			set_errno(p, &r, ENOMEM);
			r.rax = 0;
			r.rip = peek(p, r.rsp);
			r.rsp += 8;
			set_regs(p, &r);
		} else {
			step_over(p, allocators[i], &r);
		}
		return true;
	}
	return false;
}
