/* SPDX-License-Identifier: ISC */
/* Filters, made with libseccomp, which is opened at run time: only the supervisor and `postern doctor` need it, and no role shall have it in its memory. */
#include "sys/library.h"
#include "sys/sandbox.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUNCTIONS(X)                                                                               \
	X(seccomp_init)                                                                            \
	X(seccomp_release)                                                                         \
	X(seccomp_syscall_resolve_name)                                                            \
	X(seccomp_rule_add_array)                                                                  \
	X(seccomp_export_bpf)

static struct {
#define X(name) __typeof__(&name) name;
	FUNCTIONS(X)
#undef X
} lib;

static bool load(void)
{
	static const struct library_function functions[] = {
#define X(name) {#name, &lib.name},
		FUNCTIONS(X)
#undef X
	};

	return library_open("libseccomp.so.2", functions, ARRAY_LEN(functions)) == 0;
}

/* A call that this architecture does not have cannot be made: that is no error. */
static int add(scmp_filter_ctx ctx, uint32_t action, const struct syscall_rule *rule)
{
	const struct scmp_arg_cmp arg = {.arg = rule->arg ? rule->arg - 1 : 0,
					 .op = SCMP_CMP_MASKED_EQ,
					 .datum_a = rule->mask,
					 .datum_b = rule->value};
	int number = lib.seccomp_syscall_resolve_name(rule->name);

	return number < 0 ? 0
			  : lib.seccomp_rule_add_array(ctx, action, number, rule->arg != 0, &arg);
}

/* The exporter of 2.5 writes to a descriptor alone. */
static int put_program(scmp_filter_ctx ctx, struct buf *program)
{
	int fd = memfd_create("seccomp", MFD_CLOEXEC), r;
	unsigned char piece[4096];
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	r = lib.seccomp_export_bpf(ctx, fd);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	while (r == 0 && (n = read(fd, piece, sizeof(piece))) > 0)
		buf_put(program, piece, (size_t)n);
	close(fd);
	if (r == 0 && n < 0)
		r = -EIO;
	return r < 0 ? r : buf_status(program);
}

int seccomp_build(const struct syscall_rule *allow, size_t n, const char *const *refuse,
		  struct buf *program)
{
	static bool loaded;
	scmp_filter_ctx ctx;
	int r = 0;

	loaded = loaded || load();
	ctx = loaded ? lib.seccomp_init(SCMP_ACT_KILL_PROCESS) : NULL;
	if (!ctx)
		return SANDBOX_E_NONE;
	for (size_t i = 0; i < n && r == 0; i++)
		r = add(ctx, SCMP_ACT_ALLOW, &allow[i]);
	for (; *refuse && r == 0; refuse++)
		r = add(ctx, SCMP_ACT_ERRNO(EACCES), &(const struct syscall_rule){.name = *refuse});
	if (r == 0)
		r = put_program(ctx, program);
	lib.seccomp_release(ctx);
	return r;
}
