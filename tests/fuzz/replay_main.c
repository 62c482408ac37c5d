/* SPDX-License-Identifier: ISC */
/*
 * Runs a fuzz target without libFuzzer: over each seed, over each seed cut at every length, and over many copies with
 * bytes changed (a fixed generator, so that a failure can be repeated). Speaks TAP.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_MAX  (1 << 20)
#define CUTS_MAX  4096
#define MUTATIONS 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

int main(int argc, char **argv)
{
	static uint8_t data[SEED_MAX];
	struct dirent **names;
	int n, ran = 0;

	if (argc != 2 || (n = scandir(argv[1], &names, NULL, alphasort)) < 0) {
		fprintf(stderr, "usage: %s CORPUS_DIR\n", argv[0]);
		return 2;
	}
	for (int i = 0; i < n; i++) {
		char path[4096];
		FILE *f;

		if (names[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]->d_name);
			f = fopen(path, "rb");
			if (!f)
				abort();
			run_seed(data, fread(data, 1, sizeof(data), f));
			fclose(f);
			printf("ok %d - seed %s\n", ++ran, names[i]->d_name);
		}
		free(names[i]);
	}
	free(names);
	printf("1..%d\n", ran);
	return ran ? 0 : 1;
}
