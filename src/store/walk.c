/* SPDX-License-Identifier: ISC */
#include "store/walk.h"

#include "audit/line.h"
#include "base/text.h"
#include "store/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
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

int log_bytes(int dirfd, uint64_t *out)
{
	char name[SEGMENT_NAME_MAX];
	uint64_t *first, sum = 0;
	struct stat st;
	size_t n;
	int r = log_segments(dirfd, &first, &n);

	for (size_t i = 0; i < n && r == 0; i++) {
		segment_name(name, first[i]);
		if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			r = -errno;
		else
			sum += (uint64_t)st.st_size;
	}
	free(first);
	if (r == 0)
		*out = sum;
	return r;
}

int log_open_file(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), r = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EMEDIUMTYPE;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int open_segment(int dirfd, uint64_t first)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(name, first);
	return log_open_file(dirfd, name);
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

/* The first line of segment FIRST, into HEAD. Nothing when it has no whole one. *SIZE: of the file. */
static int read_opening(int dirfd, uint64_t first, unsigned char head[AUDIT_LINE_MAX],
			struct bytes *line, uint64_t *size)
{
	int fd = open_segment(dirfd, first);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = fstat(fd, &st) < 0 ? -errno : read_front(fd, head, AUDIT_LINE_MAX);
	close(fd);
	if (n < 0)
		return (int)n;
	*size = (uint64_t)st.st_size;
	*line = bytes_of(head, (size_t)n);
	line->n = bytes_find(*line, BYTES("\n"));
	if (line->n == (size_t)n)
		line->n = 0;
	return 0;
}

/* The digits that TEXT begins with. */
static struct bytes digits_of(struct bytes text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
		n++;
	return bytes_of(text.p, n);
}

int log_void_before(int dirfd, uint64_t first, uint64_t *from)
{
	static const char words[] = "; void from seq ";
	unsigned char head[AUDIT_LINE_MAX];
	struct bytes line;
	uint64_t seq, size;
	int r = read_opening(dirfd, first, head, &line, &size);

	*from = first;
	if (r < 0)
		return r;
	line = bytes_skip(line, bytes_find(line, bytes_str(words)) + strlen(words));
	if (text_to_u64(digits_of(line), INT64_MAX, &seq) == 0 && seq < first)
		*from = seq;
	return 0;
}

/* A string that ends at the next quote, behind BEFORE, off the front of LINE. */
static bool take_string(struct bytes *line, struct bytes before, struct bytes *out)
{
	if (!bytes_starts(*line, before))
		return false;
	*line = bytes_skip(*line, before.n);
	*out = bytes_of(line->p, bytes_find(*line, BYTES("\"")));
	*line = bytes_skip(*line, out->n);
	return true;
}

bool log_line_head(struct bytes line, int64_t *time, struct bytes *event)
{
	static const char seq[] = "{\"seq\":";
	struct bytes text;

	if (!bytes_starts(line, bytes_str(seq)))
		return false;
	line = bytes_skip(line, strlen(seq));
	line = bytes_skip(line, digits_of(line).n);
	return take_string(&line, BYTES(",\"time\":\""), &text) && text_to_time(text, time) == 0 &&
	       take_string(&line, BYTES("\",\"event\":\""), event);
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
	uint64_t size;	     /* bytes that are read of it at most */
	uint64_t left;	     /* of these, how many stand behind the last whole line */
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

/* A line longer than any of ours is not one: the reading ends there. */
static int walk_lines(struct walk *w, struct reading *r, int fd)
{
	struct buf text cleanup(buf_done) = BUF_INIT(CHUNK + AUDIT_LINE_MAX);
	uint64_t at = 0;
	ssize_t n = 1;
	int e = 0;

	while (e == 0 && n > 0 && text.n < AUDIT_LINE_MAX) {
		size_t want = r->size - at < CHUNK ? (size_t)(r->size - at) : CHUNK;
		void *to = buf_extend(&text, CHUNK);

		if (!to)
			return buf_status(&text);
		n = pread(fd, to, want, (off_t)at);
		if (n < 0)
			return -errno;
		buf_truncate(&text, text.n - CHUNK + (size_t)n);
		at += (uint64_t)n;
		e = give_lines(w, r, &text);
	}
	/* What was cut off meanwhile is not there. */
	r->left = n == 0 ? text.n : r->size - at + text.n;
	return e;
}

static int give_rest(struct walk *w, const struct reading *r, enum walk_kind kind)
{
	const struct walk_item item = {
		.kind = kind, .seq = r->seq, .to = r->seq, .bytes = r->left, .segment = r->first};

	return r->left ? w->fn(w->arg, &item) : 0;
}

static int read_segment(struct walk *w, struct reading *r)
{
	int fd = open_segment(w->dirfd, r->first), e;

	if (fd < 0)
		return fd;
	e = walk_lines(w, r, fd);
	close(fd);
	return e;
}

/* SIZE: how much of it is read, at most. */
static int walk_last(struct walk *w, uint64_t first, uint64_t size)
{
	struct reading r = {.first = first,
			    .seq = first,
			    .until = UINT64_MAX,
			    .limit = UINT64_MAX,
			    .size = size};
	int e = read_segment(w, &r);

	return e != 0 ? e : give_rest(w, &r, WALK_TORN);
}

static int walk_segment(struct walk *w, uint64_t first, uint64_t next)
{
	struct reading r = {.first = first, .seq = first, .limit = next, .size = INT64_MAX};
	int e = log_void_before(w->dirfd, next, &r.until);

	if (e == 0)
		e = read_segment(w, &r);
	if (e != 0)
		return e;
	/* Up to where it is void something should have been there. */
	e = give_range(w, WALK_MISSING, r.until, first);
	/* A write that failed half way leaves such an end, and the numbers from there on void. */
	if (e == 0 && r.until == next)
		e = give_rest(w, &r, WALK_TAIL);
	return e != 0 ? e : give_range(w, WALK_VOID, next, first);
}

struct listing {
	uint64_t *first;
	size_t n;
	uint64_t last_size; /* bytes of the last one */
	uint64_t empty;	    /* bytes of one behind it that has no line yet */
};

/* A last one without a whole line was just made, or a crash came then: it says nothing yet of what stands before it, and so is none. */
static int list(int dirfd, struct listing *l)
{
	unsigned char head[AUDIT_LINE_MAX];
	struct bytes line = bytes_of(NULL, 0);
	int r = log_segments(dirfd, &l->first, &l->n);

	l->empty = l->last_size = 0;
	if (r == 0 && l->n)
		r = read_opening(dirfd, l->first[l->n - 1], head, &line, &l->last_size);
	if (r < 0 || l->n < 2 || line.n)
		return r;
	l->empty = l->last_size;
	l->n--;
	return read_opening(dirfd, l->first[l->n - 1], head, &line, &l->last_size);
}

int log_walk(int dirfd, uint64_t from, walk_fn *fn, void *arg, uint64_t *end)
{
	struct walk w = {.dirfd = dirfd, .next = from, .fn = fn, .arg = arg};
	struct listing l;
	int e = list(dirfd, &l);

	if (e == 0 && l.n && l.first[0] > from)
		e = give_range(&w, WALK_MISSING, l.first[0], l.first[0]);
	for (size_t i = 0; i + 1 < l.n && e == 0; i++)
		if (l.first[i + 1] > from)
			e = walk_segment(&w, l.first[i], l.first[i + 1]);
	if (e == 0 && l.n)
		e = walk_last(&w, l.first[l.n - 1], l.last_size);
	if (e == 0 && l.empty)
		e = give_rest(
			&w,
			&(struct reading){.seq = w.next, .first = l.first[l.n], .left = l.empty},
			WALK_TORN);
	free(l.first);
	*end = w.next;
	return e;
}
