/* SPDX-License-Identifier: ISC */
/*
 * Runs a fuzz target without libFuzzer: over each seed, over each seed cut at every length, and over many copies with
 * bytes changed (a fixed generator, so that a failure can be repeated). A seed that is not what its name says fails (fuzz_seed()). Speaks TAP.
 */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

#define SEED_MAX  (1 << 20)
#define CUTS_MAX  4096
#define MUTATIONS 2000

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* An exact-size copy, so that a sanitizer sees a read too far. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_seed(uint8_t *data, size_t size)
{
	run(data, size);
	for (size_t cut = 0; cut < size && cut < CUTS_MAX; cut++)
		run(data, cut);
	for (int i = 0; i < MUTATIONS && size; i++) {
		size_t at = next_random() % size;
		uint8_t old = data[at];
		data[at] = (uint8_t)next_random();
		run(data, size);
		if (i % 4)
			data[at] = old;
	}
}

/* False: it is not what its name says. */
static bool run_file(const char *directory, const char *name)
{
	static uint8_t data[SEED_MAX];
	char path[4096];
	size_t size;
	bool good;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "rb");
	if (!f)
		abort();
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	good = !fuzz_seed || fuzz_seed(name, bytes_of(data, size));
	run_seed(data, size);
	return good;
}

int main(int argc, char **argv)
{
	struct dirent **names;
	int n, ran = 0, stale = 0;

	if (argc != 2 || (n = scandir(argv[1], &names, NULL, alphasort)) < 0) {
		fprintf(stderr, "usage: %s CORPUS_DIR\n", argv[0]);
		return 2;
	}
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (name[0] != '.') {
			bool good = run_file(argv[1], name);

			stale += !good;
			printf("%s %d - seed %s\n", good ? "ok" : "not ok", ++ran, name);
		}
		free(names[i]);
	}
	free(names);
	printf("1..%d\n", ran);
	return ran && !stale ? 0 : 1;
}
