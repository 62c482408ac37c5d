/* SPDX-License-Identifier: ISC */
/*
 * The log that a crash, or anybody, left behind: any bytes as the last segment. The store opens it or says -EBADMSG; what it opened it can write on, and
 * open again.
 */
#include "store/store.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME "audit-00000000000000000000.jsonl"

static void write_on(struct store *s, const char *event)
{
	struct audit_line line = audit_line_empty();
	struct store_receipt receipt;

	line.event = bytes_str(event);
	line.time = 1;
	if (store_stage(s, &line, &receipt) != 0 || store_commit(s, 1) != 0)
		abort();
}

static void open_twice(int dir)
{
	const struct store_config config = {.segment_bytes = 1 << 20,
					    .segment_seconds = UINT32_MAX};
	struct store *s;
	int r = store_open(&s, dir, &config, 1);

	if (r == -EBADMSG)
		return;
	if (r != 0 || store_close_unresolved(s, BYTES(""), 1) != 0 || store_unresolved(s) != 0)
		abort();
	write_on(s, "fuzz.event");
	store_free(s);
	if (store_open(&s, dir, &config, 1) != 0 || store_unresolved(s) != 0)
		abort();
	store_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/dev/shm/postern-fuzz-XXXXXX";
	int dir, fd;

	if (sodium_init() < 0 || !mkdtemp(path))
		abort();
	dir = open(path, O_RDONLY | O_DIRECTORY);
	fd = openat(dir, NAME, O_WRONLY | O_CREAT, 0600);
	if (dir < 0 || fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	close(fd);
	open_twice(dir);
	for (int i = 0; i < 64; i++) {
		char name[64];
		snprintf(name, sizeof(name), "audit-%020d.jsonl", i);
		unlinkat(dir, name, 0);
	}
	close(dir);
	rmdir(path);
	return 0;
}
