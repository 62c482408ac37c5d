/* SPDX-License-Identifier: ISC */
#include "store/walk.h"

#include "audit/line.h"
#include "base/text.h"
#include "store/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK (256 * 1024)

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int log_segments(int dirfd, uint64_t **out, size_t *n)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	uint64_t first, *more;
	int r = 0;

	*out = NULL;
	*n = 0;
	if (!d) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (e = readdir(d))) {
		if (!segment_parse_name(e->d_name, &first))
			continue;
		more = reallocarray(*out, *n + 1, sizeof(*more));
		if (!more)
			r = -ENOMEM;
		else
			*out = more;
		if (r == 0)
			(*out)[(*n)++] = first;
	}
	closedir(d);
	if (r == 0 && *n)
		qsort(*out, *n, sizeof(**out), compare);
	return r;
}

static int open_segment(int dirfd, uint64_t first)
{
	char name[SEGMENT_NAME_MAX];
	int fd;

	segment_name(name, first);
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* The N bytes at the front of the file, or all; in whatever pieces the kernel gives them. How many, or -errno. */
static ssize_t read_front(int fd, unsigned char *p, size_t n)
{
	size_t got = 0;
	ssize_t more = 1;

	while (got < n && more > 0) {
		more = pread(fd, p + got, n - got, (off_t)got);
		if (more < 0)
			return -errno;
		got += (size_t)more;
	}
	return (ssize_t)got;
}

/* From where on what stands before segment FIRST is void, as its first line says; FIRST when it does not. 0 or -errno. */
static int void_before(int dirfd, uint64_t first, uint64_t *from)
{
	static const char words[] = "; void from seq ";
	unsigned char head[AUDIT_LINE_MAX];
	struct bytes line, digits;
	int fd = open_segment(dirfd, first);
	uint64_t seq;
	ssize_t n;
	size_t at;

	*from = first;
	if (fd < 0)
		return fd;
	n = read_front(fd, head, sizeof(head));
	close(fd);
	if (n < 0)
		return (int)n;
	line = bytes_of(head, (size_t)n);
	line.n = bytes_find(line, BYTES("\n"));
	at = bytes_find(line, bytes_str(words));
	digits = bytes_skip(line, at + strlen(words));
	at = 0;
	while (at < digits.n && digits.p[at] >= '0' && digits.p[at] <= '9')
		at++;
	digits.n = at;
	if (text_to_u64(digits, INT64_MAX, &seq) == 0 && seq < first)
		*from = seq;
	return 0;
}

struct walk {
	int dirfd;
	uint64_t next; /* number of what comes next */
	walk_fn *fn;
	void *arg;
};

static int give_range(struct walk *w, enum walk_kind kind, uint64_t to, uint64_t segment)
{
	const struct walk_item item = {
		.kind = kind, .seq = w->next, .to = to - 1, .segment = segment};

	if (w->next >= to)
		return 0;
	w->next = to;
	return w->fn(w->arg, &item);
}

struct reading {
	uint64_t first, seq; /* of the segment; of the line that comes next in it */
	uint64_t until;	     /* from here on its lines do not count… */
	uint64_t limit;	     /* …and from here on there can be none */
	bool last;
};

static int give_line(struct walk *w, struct reading *r, struct bytes text)
{
	const struct walk_item item = {.kind = r->seq < r->limit ? WALK_LINE : WALK_EXTRA,
				       .seq = r->seq,
				       .to = r->seq,
				       .text = text,
				       .segment = r->first};

	if (item.kind == WALK_EXTRA)
		return w->fn(w->arg, &item);
	if (r->seq++ != w->next || item.seq >= r->until)
		return 0; /* before what was asked for, or void */
	w->next++;
	return w->fn(w->arg, &item);
}

/* Up to one that is too long to be a line of ours, wherever in what was read it ends. */
static int give_lines(struct walk *w, struct reading *r, struct buf *text)
{
	const unsigned char *end;
	size_t done = 0;
	int e = 0;

	while (e == 0 && (end = memchr(text->p + done, '\n', text->n - done))) {
		size_t n = (size_t)(end - text->p) - done;

		if (n >= AUDIT_LINE_MAX)
			break;
		e = give_line(w, r, bytes_of(text->p + done, n));
		done += n + 1;
	}
	buf_consume(text, done);
	return e;
}

/* A line longer than any of ours is not one: it is given as far as it goes, and nothing behind it. */
static int walk_lines(struct walk *w, struct reading *r, int fd)
{
	struct buf text cleanup(buf_done) = BUF_INIT(CHUNK + AUDIT_LINE_MAX);
	uint64_t at = 0;
	ssize_t n = 1;
	int e = 0;

	while (e == 0 && n > 0 && text.n < AUDIT_LINE_MAX) {
		void *to = buf_extend(&text, CHUNK);

		if (!to)
			return buf_status(&text);
		n = pread(fd, to, CHUNK, (off_t)at);
		if (n < 0)
			return -errno;
		buf_truncate(&text, text.n - CHUNK + (size_t)n);
		at += (uint64_t)n;
		e = give_lines(w, r, &text);
	}
	if (e == 0 && text.n && text.p[0] && r->last)
		e = w->fn(w->arg, &(const struct walk_item){.kind = WALK_TORN,
							    .seq = r->seq,
							    .to = r->seq,
							    .text = buf_bytes(&text),
							    .segment = r->first});
	return e;
}

static int walk_segment(struct walk *w, uint64_t first, const uint64_t *next)
{
	struct reading r = {.first = first,
			    .seq = first,
			    .until = UINT64_MAX,
			    .limit = next ? *next : UINT64_MAX,
			    .last = !next};
	int e = next ? void_before(w->dirfd, *next, &r.until) : 0, fd;

	if (e < 0)
		return e;
	fd = open_segment(w->dirfd, first);
	if (fd < 0)
		return fd;
	e = walk_lines(w, &r, fd);
	close(fd);
	if (e != 0 || !next)
		return e;
	/* Up to where it is void something should have been there. */
	e = give_range(w, WALK_MISSING, r.until < *next ? r.until : *next, first);
	return e != 0 ? e : give_range(w, WALK_VOID, *next, first);
}

int log_walk(int dirfd, uint64_t from, walk_fn *fn, void *arg, uint64_t *end)
{
	struct walk w = {.dirfd = dirfd, .next = from, .fn = fn, .arg = arg};
	uint64_t *first;
	size_t n;
	int e = log_segments(dirfd, &first, &n);

	if (e == 0 && n && first[0] > from)
		e = give_range(&w, WALK_MISSING, first[0], first[0]);
	for (size_t i = 0; i < n && e == 0; i++) {
		const uint64_t *next = i + 1 < n ? &first[i + 1] : NULL;

		if (!next || *next > from)
			e = walk_segment(&w, first[i], next);
	}
	free(first);
	*end = w.next;
	return e;
}
