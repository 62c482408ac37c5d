/* SPDX-License-Identifier: ISC */
#pragma once

/* For test_verify_attacks and test_verify_files: a log with minutes between its lines, and what a verifier says of it. */
#include "store_rig.h"

#include "store/verify.h"
#include "store/walk.h"

#define SEGMENT "audit-00000000000000000000.jsonl"
#define MINUTE	(60 * (int64_t)1000000)

static struct note_signer signers[2];
static bool sync_fails;

/* The checkpoints'; the lines' are store_sync. */
int fdatasync(int fd)
{
	return sync_fails ? (errno = EIO, -1) : 0;
}

static inline int no_sync(int fd)
{
	return 0;
}

static inline int fails(int fd)
{
	return errno = EIO, -1;
}

struct told {
	struct verify v;
	char notes[2000];
};

static inline void keep_note(void *arg, const char *text)
{
	struct told *t = arg;
	size_t n = strlen(t->notes);

	snprintf(t->notes + n, sizeof(t->notes) - n, "%s; ", text);
}

static inline struct told verified_with(const struct log *l, struct verify v)
{
	const struct note_verifier both[] = {signers[0].verifier, signers[1].verifier};
	int fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct told t = {.v = v};

	t.v.verifiers = both;
	t.v.n_verifiers = 2;
	t.v.note = keep_note;
	t.v.note_arg = &t;
	assert_int_equal(log_verify(fd, &t.v), 0);
	close(fd);
	return t;
}

static inline struct told verified(const struct log *l)
{
	return verified_with(l, (struct verify){0});
}

static inline void expect_good(const struct log *l, uint64_t covered, const char *notes)
{
	struct told t = verified(l);

	if (!t.v.good)
		fail_msg("bad: %llu: %s", (unsigned long long)t.v.bad, t.v.why);
	assert_int_equal(t.v.covered, covered);
	assert_string_equal(t.notes, notes);
}

static inline void expect_bad(const struct log *l, uint64_t from, uint64_t to, const char *why)
{
	struct verify v = verified(l).v;

	if (v.good || v.bad != from || v.bad_to != to || strcmp(v.why, why) != 0)
		fail_msg("%s: %llu to %llu: %s", v.good ? "good" : "bad", (unsigned long long)v.bad,
			 (unsigned long long)v.bad_to, v.why);
}

/* N lines, a minute between them; EVERY that many a checkpoint. */
static inline void fill(struct log *l, unsigned n, unsigned every)
{
	for (unsigned i = 1; i <= n; i++) {
		l->now += MINUTE;
		put(l, "a.outcome", "x");
		if (every && i % every == 0)
			assert_int_equal(store_checkpoint(l->store), 0);
	}
}

static inline void path_to(const struct log *l, const char *name, char path[512])
{
	snprintf(path, 512, "%s/%s", l->dir, name);
}

/* The first KEEP checkpoints alone stay. */
static inline void cut_checkpoints(const struct log *l, unsigned keep)
{
	struct buf text = get_file(l, CHECKPOINTS_NAME);
	size_t at = 0;

	while (keep-- > 0) {
		at += bytes_find(bytes_skip(buf_bytes(&text), at), BYTES("\nfrontier"));
		at += bytes_find(bytes_skip(buf_bytes(&text), at), BYTES("\n\n")) + 2;
	}
	set_file(l, CHECKPOINTS_NAME, bytes_of(text.p, at));
	buf_done(&text);
}

static inline void start(struct log *l)
{
	l->dirfd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(l->dirfd >= 0);
}

/* An open that fails with WANT. */
static inline void opens_with(struct log *l, int want)
{
	start(l);
	assert_int_equal(store_open(&l->store, l->dirfd, &l->config, l->now), want);
	l->store = NULL;
	close(l->dirfd);
}
