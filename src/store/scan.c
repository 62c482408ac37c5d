/* SPDX-License-Identifier: ISC */
/* What an earlier process left: the last line, what is torn, the intents without outcome. */
#include "base/json.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/walk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK (256 * 1024)

struct names {
	uint64_t *first;
	size_t n;
};

/* One segment being read. */
struct scan {
	struct store *store;
	uint64_t expect; /* the next line's seq */
	uint64_t good;	 /* bytes up to the last good line's end */
	uint64_t lines;
	int64_t opened;		     /* the first line's time */
	uint64_t carry_n, carry_seq; /* what its log.open says of older intents */
};

/* The digits behind PREFIX, and IN behind them. */
static bool take_number(struct bytes *in, struct bytes prefix, uint64_t *out)
{
	size_t n = 0;

	if (!bytes_starts(*in, prefix))
		return false;
	*in = bytes_skip(*in, prefix.n);
	while (n < in->n && in->p[n] >= '0' && in->p[n] <= '9')
		n++;
	if (text_to_u64(bytes_of(in->p, n), INT64_MAX, out) != 0)
		return false;
	*in = bytes_skip(*in, n);
	return true;
}

/* A segment's first line, with "unresolved N from seq K…" as store.c writes it. */
static bool take_opening(struct scan *sc, const json_t *o)
{
	struct bytes value = json_get_bytes(o, "value");

	return bytes_is(json_get_bytes(o, "event"), "log.open") &&
	       text_to_time(json_get_bytes(o, "time"), &sc->opened) == 0 &&
	       take_number(&value, BYTES("unresolved "), &sc->carry_n) &&
	       take_number(&value, BYTES(" from seq "), &sc->carry_seq);
}

static int note_intent(struct store *s, const json_t *o, uint64_t seq, struct bytes line)
{
	struct bytes event = json_get_bytes(o, "event"), id = json_get_bytes(o, "request_id");
	struct unresolved *u = id.n ? unresolved_find(s, event, id) : NULL;

	if (event_is_outcome(event) && u)
		unresolved_drop(s, u);
	if (event_is_intent(event) && id.n && !u)
		return unresolved_add(s, event, id, seq, line, &u);
	return 0;
}

/* 0, -ENOMEM, or JSON_E_BAD when it is not a line of ours with the seq that comes next. */
static int take_line(struct scan *sc, struct bytes line)
{
	json_t *o cleanup(json_cleanup) = NULL;
	uint64_t seq;
	int r = line.n < AUDIT_LINE_MAX ? json_parse(line, LINE_DEPTH, &o, NULL, 0) : JSON_E_BAD;

	if (r != 0)
		return r;
	if (!json_get_bytes(o, "event").n || !json_get_u64(o, "seq", INT64_MAX, &seq) ||
	    seq != sc->expect || (sc->lines == 0 && !take_opening(sc, o)))
		return JSON_E_BAD;
	r = note_intent(sc->store, o, seq, line);
	if (r < 0)
		return r;
	sc->expect++;
	sc->lines++;
	sc->good += line.n + 1;
	return 0;
}

/* The whole lines in TEXT, off its front. */
static int take_lines(struct scan *sc, struct buf *text)
{
	const unsigned char *end;
	size_t done = 0;
	int r = 0;

	while (r == 0 && (end = memchr(text->p + done, '\n', text->n - done))) {
		size_t n = (size_t)(end - text->p) - done;
		r = take_line(sc, bytes_of(text->p + done, n));
		done += n + 1;
	}
	buf_consume(text, done);
	return r;
}

/* Up to FD's end, or to what is none of our lines. 0 or -errno. */
static int read_lines(struct scan *sc, int fd)
{
	struct buf text cleanup(buf_done) = BUF_INIT(CHUNK + AUDIT_LINE_MAX);
	uint64_t at = 0;
	ssize_t n = 1;
	int r = 0;

	while (r == 0 && n > 0 && text.n < AUDIT_LINE_MAX) {
		void *to = buf_extend(&text, CHUNK);

		if (!to)
			return buf_status(&text);
		n = pread(fd, to, CHUNK, (off_t)at);
		if (n < 0)
			return -errno;
		buf_truncate(&text, text.n - CHUNK + (size_t)n);
		at += (uint64_t)n;
		r = take_lines(sc, &text);
	}
	return r < 0 ? r : 0;
}

/*
 * Behind AT there may be one line, torn or whole, and then only zeros: blocks that were taken, and
 * not written before the crash. *TORN grows by all of that. 0, -EBADMSG or -errno.
 */
static int measure_torn(int fd, uint64_t at, uint64_t *torn)
{
	unsigned char chunk[4096];
	size_t line = 0;
	bool zeros = false;
	ssize_t n;

	while ((n = pread(fd, chunk, sizeof(chunk), (off_t)at)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			zeros = zeros || !chunk[i];
			if (zeros && chunk[i])
				return -EBADMSG;
			if (!zeros && ++line > AUDIT_LINE_MAX)
				return -EBADMSG;
			zeros = zeros || chunk[i] == '\n';
		}
		at += (uint64_t)n;
		*torn += (uint64_t)n;
	}
	return n < 0 ? -errno : 0;
}

/* Read one segment. *FD is the caller's to close, whatever comes back. */
static int scan_segment(struct store *s, uint64_t first, int mode, struct scan *sc, int *fd)
{
	char name[SEGMENT_NAME_MAX];

	*sc = (struct scan){.store = s, .expect = first};
	segment_name(name, first);
	*fd = openat(s->dirfd, name, mode | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return *fd < 0 ? -errno : read_lines(sc, *fd);
}

/*
 * Intents may be older than the last segment: it says how much older. Read from there on, in order.
 * Damage in those is for people to find: here it only hides an old intent.
 */
static int scan_older(struct store *s, const struct names *names, uint64_t from)
{
	size_t i = names->n - 1;

	while (i > 0 && names->first[i] > from)
		i--;
	for (; i < names->n - 1; i++) {
		struct scan sc;
		int fd, r = scan_segment(s, names->first[i], O_RDONLY, &sc, &fd);

		if (fd >= 0)
			close(fd);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

/* The newest segment, and what it says of older ones. */
static int scan_newest(struct store *s, const struct names *names, struct scan *sc, int *fd)
{
	uint64_t first = names->first[names->n - 1];
	int r = scan_segment(s, first, O_RDWR, sc, fd);

	if (r < 0 || !sc->carry_n)
		return r;
	/* Once more, after those that came before it. */
	unresolved_done(s);
	close(*fd);
	*fd = -1;
	r = scan_older(s, names, sc->carry_seq);
	return r < 0 ? r : scan_segment(s, first, O_RDWR, sc, fd);
}

/* It has no line: it was made, and then the machine stopped. */
static int remove_newest(struct store *s, struct names *names, int fd, uint64_t *torn)
{
	char name[SEGMENT_NAME_MAX];
	int r = measure_torn(fd, 0, torn);

	segment_name(name, names->first[--names->n]);
	if (r == 0 && unlinkat(s->dirfd, name, 0) < 0)
		r = -errno;
	return r;
}

static int go_on_with(struct store *s, const struct scan *sc, int fd, uint64_t *torn)
{
	uint64_t first = sc->expect - sc->lines;
	int r = measure_torn(fd, sc->good, torn);

	if (r < 0)
		return r;
	s->seg = (struct segment){.fd = fd, .first = first, .size = sc->good, .opened = sc->opened};
	segment_name(s->seg.name, first);
	return 0;
}

int scan_directory(struct store *s, uint64_t *torn)
{
	struct names names = {0};
	struct scan sc = {0};
	bool last = true;
	int fd, r = log_segments(s->dirfd, &names.first, &names.n);

	*torn = 0;
	while (r == 0 && names.n && !sc.lines) {
		r = scan_newest(s, &names, &sc, &fd);
		if (r == 0 && s->next_seq < sc.expect)
			s->next_seq = sc.expect;
		/* Numbers from the last line on, up to where a newer segment was about to begin, were passed over. */
		if (r == 0 && sc.lines)
			s->durable = sc.expect;
		if (r == 0 && !sc.lines) {
			r = remove_newest(s, &names, fd, torn);
			/* The one before was finished, perhaps because a sync failed: no more goes there. */
			last = false;
		} else if (r == 0 && last) {
			r = go_on_with(s, &sc, fd, torn);
		}
		if (fd >= 0 && s->seg.fd != fd)
			close(fd);
	}
	free(names.first);
	if (!sc.lines)
		s->durable = s->next_seq;
	return r;
}
