/* SPDX-License-Identifier: ISC */
/* What an earlier process left: the last line, what is torn, the intents without outcome. */
#include "base/json.h"
#include "base/text.h"
#include "store/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_DEPTH 4
#define CHUNK	   (256 * 1024)

struct names {
	uint64_t *first;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The segments' first seqs, oldest first. */
static int list_segments(int dirfd, struct names *out)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	uint64_t first;

	if (!d) {
		int r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while ((e = readdir(d))) {
		uint64_t *more;
		if (!segment_parse_name(e->d_name, &first))
			continue;
		more = reallocarray(out->first, out->n + 1, sizeof(*more));
		if (!more) {
			closedir(d);
			return -ENOMEM;
		}
		out->first = more;
		out->first[out->n++] = first;
	}
	closedir(d);
	if (out->n)
		qsort(out->first, out->n, sizeof(*out->first), compare);
	return 0;
}

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

/* "unresolved N from seq K…", as store.c writes it. */
static void read_carry(struct scan *sc, struct bytes value)
{
	uint64_t n, seq;

	if (take_number(&value, BYTES("unresolved "), &n) &&
	    take_number(&value, BYTES(" from seq "), &seq)) {
		sc->carry_n = n;
		sc->carry_seq = seq;
	}
}

/* 0, or JSON_E_BAD when it is not a line of ours with the seq that comes next. */
static int take_line(struct scan *sc, struct bytes line)
{
	json_t *o cleanup(json_cleanup) = NULL;
	struct bytes event, id;
	struct unresolved *u;
	uint64_t seq;
	int r = json_parse(line, LINE_DEPTH, &o, NULL, 0);

	if (r != 0)
		return r;
	event = json_get_bytes(o, "event");
	id = json_get_bytes(o, "request_id");
	if (!event.n || !json_get_u64(o, "seq", INT64_MAX, &seq) || seq != sc->expect)
		return JSON_E_BAD;
	if (sc->lines == 0) {
		if (bytes_is(event, "log.open"))
			read_carry(sc, json_get_bytes(o, "value"));
		if (text_to_time(json_get_bytes(o, "time"), &sc->opened) != 0)
			return JSON_E_BAD;
	}
	u = id.n ? unresolved_find(sc->store, id) : NULL;
	if (event_is_intent(event) && id.n && !u)
		r = unresolved_add(sc->store, id, seq, line, &u);
	else if (event_is_outcome(event) && u)
		unresolved_drop(sc->store, u);
	if (r < 0)
		return r;
	sc->expect++;
	sc->lines++;
	return 0;
}

/*
 * Read FD to its end or to the first line that is none of ours; *REST says whether anything but one torn line is behind that. 0 or -errno.
 */
static int read_lines(struct scan *sc, int fd, bool *rest)
{
	struct buf text = BUF_INIT(CHUNK + AUDIT_LINE_MAX + 1);
	uint64_t at = 0;
	ssize_t n;
	int r = 0;

	*rest = false;
	while (r == 0) {
		unsigned char *to, *end;
		size_t done = 0, room = text.max - text.n < CHUNK ? text.max - text.n : CHUNK;

		to = buf_extend(&text, room);
		if (!to) {
			r = -ENOMEM;
			break;
		}
		n = pread(fd, to, room, (off_t)at);
		if (n < 0) {
			r = -errno;
			break;
		}
		buf_truncate(&text, text.n - room + (size_t)n);
		at += (uint64_t)n;
		while ((end = memchr(text.p + done, '\n', text.n - done))) {
			size_t len = (size_t)(end - text.p) - done;
			r = take_line(sc, bytes_of(text.p + done, len));
			if (r != 0)
				break;
			done += len + 1;
			sc->good += len + 1;
		}
		if (r > 0)
			*rest = memchr(text.p + done, '\n', text.n - done) != text.p + text.n - 1;
		buf_consume(&text, done);
		if (n == 0 || text.n > AUDIT_LINE_MAX)
			break;
	}
	buf_done(&text);
	return r < 0 ? r : 0;
}

static int open_segment(int dirfd, uint64_t first, char name[SEGMENT_NAME_MAX])
{
	int fd;

	segment_name(name, first);
	fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* Read one segment. FD is the caller's to close. */
static int scan_segment(struct store *s, uint64_t first, struct scan *sc,
			char name[SEGMENT_NAME_MAX], int *fd, bool *rest)
{
	*sc = (struct scan){.store = s, .expect = first};
	*fd = open_segment(s->dirfd, first, name);
	if (*fd < 0)
		return *fd;
	return read_lines(sc, *fd, rest);
}

/* Intents may be older than the last segment: it says how much older. Read those segments again, in order. */
static int scan_older(struct store *s, const struct names *names, uint64_t from)
{
	size_t i = names->n - 1;

	while (i > 0 && names->first[i] > from)
		i--;
	for (; i < names->n - 1; i++) {
		char name[SEGMENT_NAME_MAX];
		struct scan sc;
		bool rest;
		int fd, r = scan_segment(s, names->first[i], &sc, name, &fd, &rest);

		if (fd >= 0)
			close(fd);
		/* Damage there is for `postern audit verify` to find: here it only hides an old intent. */
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int scan_last(struct store *s, const struct names *names, uint64_t *torn, bool *again)
{
	uint64_t first = names->first[names->n - 1];
	char name[SEGMENT_NAME_MAX];
	struct scan sc;
	struct stat st;
	bool rest;
	int fd, r = scan_segment(s, first, &sc, name, &fd, &rest);

	if (r == 0 && sc.carry_n) {
		/* Once more, after those that came before it. */
		unresolved_done(s);
		close(fd);
		r = scan_older(s, names, sc.carry_seq);
		if (r == 0)
			r = scan_segment(s, first, &sc, name, &fd, &rest);
	}
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0 && (rest || (uint64_t)st.st_size - sc.good > AUDIT_LINE_MAX))
		r = -EBADMSG;
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	*torn += (uint64_t)st.st_size - sc.good;
	s->next_seq = sc.expect;
	*again = sc.lines == 0;
	if (*again) {
		/* Made, and then the machine stopped: there is nothing in it. */
		r = unlinkat(s->dirfd, name, 0) < 0 ? -errno : 0;
		close(fd);
		return r;
	}
	if (*torn && (ftruncate(fd, (off_t)sc.good) < 0 || store_sync(fd) < 0)) {
		r = -errno;
		close(fd);
		return r;
	}
	s->seg = (struct segment){.fd = fd, .first = first, .size = sc.good, .opened = sc.opened};
	segment_name(s->seg.name, first);
	return 0;
}

int scan_directory(struct store *s, uint64_t *torn)
{
	uint64_t floor = 0;
	bool again = true;
	int r = 0;

	*torn = 0;
	while (r == 0 && again) {
		struct names names = {0};

		r = list_segments(s->dirfd, &names);
		again = false;
		if (r == 0 && names.n)
			r = scan_last(s, &names, torn, &again);
		if (s->next_seq > floor)
			floor = s->next_seq;
		free(names.first);
	}
	s->next_seq = floor;
	return r;
}
