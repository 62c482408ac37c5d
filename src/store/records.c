/* SPDX-License-Identifier: ISC */
#include "store/records.h"

#include "store/store.h"
#include "store/walk.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (64 * 1024)

int records_open(struct records *r, int dirfd)
{
	struct stat st;

	*r = (struct records){.text = BUF_INIT(CHUNK * 4), .last = BUF_INIT(CHUNK * 2)};
	r->fd = log_open_file(dirfd, CHECKPOINTS_NAME);
	if (r->fd == -ENOENT)
		return 0;
	if (r->fd < 0)
		return r->fd;
	if (fstat(r->fd, &st) < 0)
		return -errno;
	r->size = (uint64_t)st.st_size;
	return 0;
}

/* Some more of the file. 1; 0: there is no more; -errno. */
static int read_on(struct records *r)
{
	size_t want = r->size - r->at < CHUNK ? (size_t)(r->size - r->at) : CHUNK;
	void *to;
	ssize_t n;

	if (r->fd < 0 || !want)
		return 0;
	to = buf_extend(&r->text, CHUNK);
	if (!to)
		return buf_status(&r->text);
	n = pread(r->fd, to, want, (off_t)r->at);
	if (n < 0)
		return -errno;
	buf_truncate(&r->text, r->text.n - CHUNK + (size_t)n);
	r->at += (uint64_t)n;
	return n > 0;
}

int records_next(struct records *r)
{
	int e;

	do {
		struct bytes text = buf_bytes(&r->text);
		size_t mark = bytes_find(text, BYTES("\nfrontier"));
		size_t end = mark + bytes_find(bytes_skip(text, mark), BYTES("\n\n"));

		if (mark < text.n && end < text.n) {
			buf_reset(&r->last);
			buf_put(&r->last, text.p, end + 1);
			buf_consume(&r->text, end + 2);
			return buf_status(&r->last) < 0 ? buf_status(&r->last) : 1;
		}
		e = read_on(r);
	} while (e > 0);
	return e;
}

void records_done(struct records *r)
{
	if (r->fd >= 0)
		close(r->fd);
	buf_done(&r->text);
	buf_done(&r->last);
}
