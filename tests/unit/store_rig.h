/* SPDX-License-Identifier: ISC */
#pragma once

/* A log in a temporary directory, and what can be read in it: for test_store and test_store_faults. */
#include "test.h"

#include "base/text.h"
#include "store/internal.h"
#include "store/reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY   (86400 * (int64_t)1000000)
#define START (20000 * DAY + 3600 * (int64_t)1000000) /* some day, one o'clock */

/* ---- a log in a temporary directory ---- */

struct log {
	char dir[64];
	int dirfd;
	struct store *store;
	int64_t now;
	struct store_config config;
};

static inline void log_open(struct log *l)
{
	l->dirfd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(l->dirfd >= 0);
	assert_int_equal(store_open(&l->store, l->dirfd, &l->config, l->now), 0);
}

static inline void log_close(struct log *l)
{
	store_free(l->store);
	l->store = NULL;
	close(l->dirfd);
}

static inline void reopen(struct log *l)
{
	log_close(l);
	log_open(l);
}

/* A directory for this test alone. */
static inline void make_directory(char dir[64])
{
	const char *top = getenv("TMPDIR");

	snprintf(dir, 64, "%s/postern-store-XXXXXX", top && *top ? top : "/tmp");
	assert_non_null(mkdtemp(dir));
}

static inline struct log log_new(void)
{
	struct log l = {.now = START, .config = {.segment_bytes = 1 << 20}};

	make_directory(l.dir);
	log_open(&l);
	return l;
}

/* With a tree, which SIGNER signs. */
static inline struct log log_signed(const struct note_signer *signer, uint64_t segment_bytes)
{
	struct log l = {
		.now = START,
		.config = {.segment_bytes = segment_bytes, .signers = signer, .n_signers = 1}};

	make_directory(l.dir);
	log_open(&l);
	return l;
}

/* A directory, and no log in it yet. */
static inline struct log log_none(void)
{
	struct log l = {.now = START, .dirfd = -1};

	make_directory(l.dir);
	return l;
}

static inline void each_file(const struct log *l,
			     void (*fn)(const struct log *l, const char *name, void *arg),
			     void *arg)
{
	DIR *d = opendir(l->dir);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			fn(l, e->d_name, arg);
	closedir(d);
}

static inline void remove_file(const struct log *l, const char *name, void *arg)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	unlink(path);
}

static inline void log_done(struct log *l)
{
	if (l->store)
		log_close(l);
	each_file(l, remove_file, NULL);
	rmdir(l->dir);
}

static inline void count_file(const struct log *l, const char *name, void *arg)
{
	(*(unsigned *)arg)++;
}

static inline unsigned files(const struct log *l)
{
	unsigned n = 0;

	each_file(l, count_file, &n);
	return n;
}

static inline int stage(struct log *l, const char *event, const char *request_id,
			struct store_receipt *receipt)
{
	struct audit_line line = audit_line_empty();
	struct store_receipt none;

	line.event = bytes_str(event);
	line.request_id = bytes_str(request_id);
	line.caller = BYTES("backend");
	line.fqdn = BYTES("_acme-challenge.example.com");
	line.time = l->now;
	return store_stage(l->store, &line, receipt ? receipt : &none);
}

static inline void put(struct log *l, const char *event, const char *request_id)
{
	assert_int_equal(stage(l, event, request_id, NULL), 0);
	assert_int_equal(store_commit(l->store, l->now), 0);
}

/* ---- its files ---- */

/* What NAME holds; buf_done() it. */
static inline struct buf get_file(const struct log *l, const char *name)
{
	struct buf b = BUF_INIT(16u << 20);
	char path[512], chunk[65536];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(&b, chunk, (size_t)n);
	close(fd);
	return b;
}

/* NAME holds TEXT, and nothing else. */
static inline void set_file(const struct log *l, const char *name, struct bytes text)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	close(fd);
}

static inline void set_segment(const struct log *l, uint64_t first, const char *text)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(name, first);
	set_file(l, name, bytes_str(text));
}

/* The current segment's path. */
static inline char *path_of(const struct log *l)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", l->dir, l->store->seg.name);
	return path;
}

/* ---- what the log says ---- */

struct summary {
	unsigned lines, bad, torn;
	char events[4096]; /* "event/request/result " for each */
	uint64_t last_seq;
	bool rising;
};

static inline int add_line(void *arg, const struct log_line *line)
{
	struct summary *s = arg;
	uint64_t seq;
	size_t n = strlen(s->events);
	struct bytes e, id, result;

	s->lines++;
	s->bad += line->state == LOG_LINE_BAD;
	s->torn += line->state == LOG_LINE_TORN;
	if (!line->object)
		return 0;
	assert_true(json_get_u64(line->object, "seq", INT64_MAX, &seq));
	if (n && seq <= s->last_seq)
		s->rising = false;
	s->last_seq = seq;
	e = json_get_bytes(line->object, "event");
	id = json_get_bytes(line->object, "request_id");
	result = json_get_bytes(line->object, "result");
	snprintf(s->events + n, sizeof(s->events) - n, "%.*s%s%.*s%s%.*s ", (int)e.n,
		 (const char *)e.p, id.n ? "/" : "", (int)id.n, (const char *)id.p,
		 result.n ? "/" : "", (int)result.n, (const char *)result.p);
	return 0;
}

static inline struct summary read_log(const struct log *l)
{
	struct summary s = {.rising = true};

	assert_int_equal(log_read(l->dir, add_line, &s), 0);
	return s;
}

static inline void expect(const struct log *l, const char *events)
{
	struct summary s = read_log(l);

	assert_int_equal(s.bad + s.torn, 0);
	assert_true(s.rising);
	assert_string_equal(s.events, events);
}

static inline void append_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "a");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* FN in a process of its own, for it changes the mounts. It returns 0, or 77: it needs root. */
static inline void in_child(int (*fn)(const struct log *l))
{
	struct log l = log_new();
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn(&l));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	log_done(&l);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}
