/* SPDX-License-Identifier: ISC */
/*
 * micro [GROUP…]: what the parts of a request cost, one by one: nanoseconds, allocations and bytes allocated of one operation. Nothing is asserted of time; sodium_malloc() in any of them
 * ends it with status 1.
 */
#include "micro.h"

#include "sys/harden.h"

#include <errno.h>
#include <sched.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS	 11
#define RUN_NSEC 20000000u /* of one, about */

static const struct counts *also;
static bool sodium_used;

void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
	exit(2);
}

void micro_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
}

void micro_count_also(const struct counts *c)
{
	also = c;
}

void micro_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("    ");
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t time_of(micro_fn *fn, void *arg, uint64_t n)
{
	uint64_t before = now();

	fn(arg, n);
	return now() - before;
}

/* How many operations make a run; they warm caches, and buffers that are used again, as well. */
static uint64_t operations(micro_fn *fn, void *arg)
{
	uint64_t n = 1, t = time_of(fn, arg, 1);

	while (t < RUN_NSEC / 4) {
		n *= 2;
		t = time_of(fn, arg, n);
	}
	n = (uint64_t)((double)n * RUN_NSEC / (double)t);
	return n ? n : 1;
}

static struct counts all_counts(void)
{
	struct counts c = *counts;

	if (also) {
		c.allocations += also->allocations;
		c.bytes += also->bytes;
		c.frees += also->frees;
		c.sodium += also->sodium;
	}
	return c;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void micro_run(micro_fn *fn, void *arg, const char *fmt, ...)
{
	uint64_t n = operations(fn, arg);
	struct counts before = all_counts(), after;
	double nsec[RUNS], per = 1.0 / (double)n / RUNS;
	char name[100];
	va_list ap;

	for (size_t i = 0; i < RUNS; i++)
		nsec[i] = (double)time_of(fn, arg, n) / (double)n;
	after = all_counts();
	qsort(nsec, RUNS, sizeof(nsec[0]), by_size);
	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	printf("    %-58s %10.0f %10.0f %8.2f %9.0f\n", name, nsec[RUNS / 2], nsec[0],
	       (double)(after.allocations - before.allocations) * per,
	       (double)(after.bytes - before.bytes) * per);
	fflush(stdout);
	if (after.sodium != before.sodium) {
		micro_note("sodium_malloc() is called: %.2f times",
			   (double)(after.sodium - before.sodium) * per);
		sodium_used = true;
	}
}

static const struct group {
	const char *name, *title;
	void (*fn)(void);
} groups[] = {
	{"kernel", "this machine's kernel", micro_kernel},
	{"seal", "handles", micro_seal},
	{"codec", "messages between roles: encoded and decoded, nothing sent", micro_codec},
	{"front", "the front: HTTP and JSON, nothing sent", micro_front},
	{"planner", "the planner: Cloudflare's answers", micro_planner},
	{"courier", "the courier: the credential in Cloudflare's answers", micro_courier},
	{"policy", "policy", micro_policy},
	{"log", "the audit log: so many lines, staged and committed", micro_log},
	{"ipc", "a message to another process and its answer, both processes' allocations",
	 micro_ipc},
};

static bool is_wanted(const struct group *g, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], g->name) == 0)
			return true;
	return argc < 2;
}

static bool are_groups(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		size_t g = 0;

		while (g < ARRAY_LEN(groups) && strcmp(argv[i], groups[g].name) != 0)
			g++;
		if (g == ARRAY_LEN(groups))
			return false;
	}
	return true;
}

/* A column of zeros shall mean something. */
static void check_counting(void)
{
	struct counts before = *counts;
	void *volatile p = malloc(10), *volatile q = sodium_malloc(10);

	must(p && q, "memory");
	free(p);
	sodium_free(q);
	must(counts->allocations == before.allocations + 1 && counts->bytes == before.bytes + 10 &&
		     counts->frees == before.frees + 1 && counts->sodium == before.sodium + 1,
	     "allocations are not counted");
}

int main(int argc, char **argv)
{
	if (!are_groups(argc, argv)) {
		fputs("usage: micro [kernel|seal|codec|front|planner|courier|policy|log|ipc]…\n"
		      "BENCH_DIR: where the log is written (/var/tmp)\n",
		      stderr);
		return 2;
	}
	must(sodium_init() >= 0, "libsodium");
	check_counting();
	harden_json(); /* as the roles that read JSON have it: what they free is wiped */
	printf("%-62s %10s %10s %8s %9s\n", "one operation", "ns", "fastest", "allocs", "bytes");
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		if (!is_wanted(&groups[i], argc, argv))
			continue;
		printf("%s\n", groups[i].title);
		groups[i].fn();
	}
	printf("ns: the median of %u runs of some %u ms each; fastest: the quickest of them\n",
	       RUNS, RUN_NSEC / 1000000);
	return sodium_used;
}
