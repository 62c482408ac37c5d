/* SPDX-License-Identifier: ISC */
/* A log of the bench's own, in a directory that it takes away again. */
#include "micro.h"

#include "store/internal.h"
#include "store/store.h"
#include "sys/loop.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LONG_LOG 1000000 /* lines */
#define ID_SIZE	 33

static const unsigned char seed[NOTE_SEED_BYTES] = {1}; /* no secret: the log is a bench's */

struct log {
	char dir[256];
	int dirfd;
	struct note_signer signer;
	struct store *store;
	uint64_t lines; /* that were staged */
	unsigned batch; /* lines that a commit stands for */
};

static int no_sync(int fd)
{
	return 0;
}

static void open_log(struct log *l)
{
	const char *base = getenv("BENCH_DIR");
	struct store_config config = {
		.segment_bytes = UINT64_C(256) << 20, .signers = &l->signer, .n_signers = 1};

	snprintf(l->dir, sizeof(l->dir), "%s/postern-micro-XXXXXX", base ? base : "/var/tmp");
	must(mkdtemp(l->dir) != NULL, l->dir);
	note_signer_init(&l->signer, BYTES("bench.example"), seed);
	l->dirfd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(l->dirfd >= 0 && store_open(&l->store, l->dirfd, &config, clock_usec()) == 0, l->dir);
}

static void close_log(struct log *l)
{
	DIR *d;

	store_free(l->store);
	d = fdopendir(l->dirfd);
	must(d != NULL, l->dir);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (e->d_name[0] != '.')
			must(unlinkat(l->dirfd, e->d_name, 0) == 0, e->d_name);
	closedir(d);
	must(rmdir(l->dir) == 0, l->dir);
}

/* An intent and its outcome, in turns. */
static struct audit_line line_of(uint64_t number, char id[ID_SIZE])
{
	struct audit_line l = audit_line_empty();
	bool outcome = number % 2;

	snprintf(id, ID_SIZE, "%032" PRIx64, number / 2);
	l.time = clock_usec();
	l.event = outcome ? BYTES("add_record.outcome") : BYTES("add_record.intent");
	l.request_id = bytes_str(id);
	l.caller = BYTES("backend");
	l.customer = BYTES(SAMPLE_CUSTOMER);
	l.integration = BYTES(SAMPLE_ID);
	l.provider = BYTES("cloudflare");
	l.zone = BYTES(SAMPLE_ZONE);
	l.fqdn = BYTES(SAMPLE_FQDN);
	l.type = BYTES("TXT");
	l.value = BYTES(SAMPLE_VALUE);
	l.mode = BYTES("coexist");
	l.profile = BYTES("guarded");
	if (outcome) {
		l.result = BYTES("ok");
		l.provider_record_id = BYTES(SAMPLE_ID);
		l.duration_ms = 12;
	}
	return l;
}

static void commit(void *arg, uint64_t n)
{
	struct log *l = arg;

	while (n--) {
		for (unsigned i = 0; i < l->batch; i++) {
			struct store_receipt receipt;
			char id[ID_SIZE];
			struct audit_line line = line_of(l->lines++, id);

			must(store_stage(l->store, &line, &receipt) == 0, store_problem(l->store));
		}
		must(store_commit(l->store, clock_usec()) == 0, store_problem(l->store));
	}
}

static void make(void *arg, uint64_t n)
{
	struct buf out = BUF_INIT(AUDIT_LINE_MAX);

	for (uint64_t i = 0; i < n; i++) {
		char id[ID_SIZE];
		struct audit_line line = line_of(i, id);

		buf_reset(&out);
		must(audit_line_put(&line, &out) == 0, "line");
	}
	buf_done(&out);
}

static void hash(void *arg, uint64_t n)
{
	unsigned char leaf[32];
	struct buf out = BUF_INIT(AUDIT_LINE_MAX);
	char id[ID_SIZE];
	struct audit_line line = line_of(1, id);

	must(audit_line_put(&line, &out) == 0, "line");
	while (n--)
		audit_line_leaf(buf_bytes(&out), leaf);
	buf_done(&out);
}

static void commits_of(struct log *l, unsigned batch, const char *how)
{
	l->batch = batch;
	micro_run(commit, l, "appended, %s, by %u", how, batch);
}

void micro_log(void)
{
	int (*sync)(int fd) = store_sync;
	struct log l = {0};

	micro_run(make, NULL, "one line made: the text");
	micro_run(hash, NULL, "one line chained: its leaf hash");
	open_log(&l);
	commits_of(&l, 1, "synced");
	commits_of(&l, 8, "synced");
	commits_of(&l, 32, "synced");
	store_sync = no_sync;
	commits_of(&l, 1, "not synced");
	commits_of(&l, 32, "not synced");
	l.batch = 1000;
	while (l.lines < LONG_LOG)
		commit(&l, 1);
	commits_of(&l, 1, "not synced, behind 1,000,000 lines");
	commits_of(&l, 32, "not synced, behind 1,000,000 lines");
	store_sync = sync;
	close_log(&l);
}
