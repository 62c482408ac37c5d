/* SPDX-License-Identifier: ISC */
#include "store/reader.h"

#include "audit/line.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/walk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK (64 * 1024)

/* ---- lines ---- */

struct cursor {
	const char *segment;
	uint64_t number;
	uint64_t good; /* so many lines count; those behind are void */
	log_line_fn *fn;
	void *arg;
};

static int give(struct cursor *c, struct bytes text, bool whole)
{
	json_t *o cleanup(json_cleanup) = NULL;
	struct log_line line = {.segment = c->segment, .number = ++c->number, .text = text};
	int r = whole && text.n < AUDIT_LINE_MAX ? json_parse(text, LINE_DEPTH, &o, NULL, 0)
						 : JSON_E_BAD;

	line.is_void = line.number > c->good;
	if (r < 0)
		return r;
	if (!whole)
		line.state = LOG_LINE_TORN;
	else if (r > 0 || !json_get_bytes(o, "event").n)
		line.state = LOG_LINE_BAD;
	else
		line.object = o;
	return c->fn(c->arg, &line);
}

/* The whole lines in TEXT, off its front. SKIP: the first is the rest of one that was given already. */
static int give_lines(struct cursor *c, struct buf *text, bool *skip)
{
	const unsigned char *end;
	size_t done = 0;
	int r = 0;

	while (r == 0 && (end = memchr(text->p + done, '\n', text->n - done))) {
		size_t n = (size_t)(end - text->p) - done;
		if (!*skip)
			r = give(c, bytes_of(text->p + done, n), true);
		*skip = false;
		done += n + 1;
	}
	buf_consume(text, done);
	return r;
}

/* A line longer than any of ours is handed out as far as it is known by then, and is bad. */
static int read_segment(int fd, struct cursor *c)
{
	struct buf text cleanup(buf_done) = BUF_INIT(AUDIT_LINE_MAX + CHUNK);
	bool skip = false;
	ssize_t n = 1;
	int r = 0;

	while (r == 0 && n > 0) {
		void *to = buf_extend(&text, CHUNK);

		if (!to)
			return buf_status(&text);
		n = read(fd, to, CHUNK);
		if (n < 0)
			return -errno;
		buf_truncate(&text, text.n - CHUNK + (size_t)n);
		r = give_lines(c, &text, &skip);
		if (r == 0 && text.n >= AUDIT_LINE_MAX) {
			if (!skip)
				r = give(c, buf_bytes(&text), true);
			skip = true;
			buf_reset(&text);
		}
	}
	if (r == 0 && text.n && !skip)
		r = give(c, buf_bytes(&text), false);
	return r;
}

/* Segment FIRST; NEXT is the one behind it, or NULL. */
static int read_numbered(int dirfd, uint64_t first, const uint64_t *next, log_line_fn *fn,
			 void *arg)
{
	char name[SEGMENT_NAME_MAX];
	struct cursor c = {.segment = name, .good = UINT64_MAX, .fn = fn, .arg = arg};
	uint64_t from = first;
	int fd, r = next ? log_void_before(dirfd, *next, &from) : 0;

	if (r < 0)
		return r;
	if (next && from < *next)
		c.good = from > first ? from - first : 0;
	segment_name(name, first);
	fd = log_open_file(dirfd, name);
	if (fd < 0)
		return fd;
	r = read_segment(fd, &c);
	close(fd);
	return r;
}

int log_read(const char *dir, log_line_fn *fn, void *arg)
{
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	uint64_t *first;
	size_t n;

	if (dirfd < 0)
		return -errno;
	r = log_segments(dirfd, &first, &n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_numbered(dirfd, first[i], i + 1 < n ? &first[i + 1] : NULL, fn, arg);
	free(first);
	close(dirfd);
	return r;
}

/* ---- filters ---- */

static bool same(struct bytes want, const json_t *line, const char *key)
{
	return !want.n || bytes_eq(want, json_get_bytes(line, key));
}

static bool in_time(const struct log_filter *f, const json_t *line)
{
	int64_t t;

	if (!f->since && !f->until)
		return true;
	if (text_to_time(json_get_bytes(line, "time"), &t) != 0)
		return true; /* better shown than hidden */
	return t >= f->since && (!f->until || t < f->until);
}

bool log_is_event(struct bytes want, struct bytes event)
{
	if (!want.n || bytes_eq(want, event))
		return true;
	return event.n > want.n && event.p[want.n] == '.' && bytes_starts(event, want);
}

static bool in_zone(struct bytes zone, const json_t *line)
{
	struct bytes name = json_get_bytes(line, "fqdn");

	if (!zone.n || bytes_eq(zone, json_get_bytes(line, "zone")) || bytes_eq(zone, name))
		return true;
	return name.n > zone.n && name.p[name.n - zone.n - 1] == '.' &&
	       bytes_eq(zone, bytes_of(name.p + name.n - zone.n, zone.n));
}

bool log_matches(const struct log_filter *f, const json_t *line)
{
	return same(f->customer, line, "customer") && same(f->integration, line, "integration") &&
	       same(f->caller, line, "caller") && same(f->result, line, "result") &&
	       same(f->request_id, line, "request_id") &&
	       log_is_event(f->event, json_get_bytes(line, "event")) && in_zone(f->zone, line) &&
	       in_time(f, line);
}
