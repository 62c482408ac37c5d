/* SPDX-License-Identifier: ISC */
#include "base/text.h"
#include "store/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "audit-"
#define DIGITS 20
#define SUFFIX ".jsonl"

int (*store_sync)(int fd) = fdatasync;

void segment_name(char name[SEGMENT_NAME_MAX], uint64_t first)
{
	snprintf(name, SEGMENT_NAME_MAX, PREFIX "%020llu" SUFFIX, (unsigned long long)first);
}

bool segment_parse_name(const char *name, uint64_t *first)
{
	struct bytes n = bytes_str(name), digits;
	char again[SEGMENT_NAME_MAX];

	if (n.n != sizeof(PREFIX) - 1 + DIGITS + sizeof(SUFFIX) - 1 ||
	    !bytes_starts(n, BYTES(PREFIX)))
		return false;
	digits = bytes_of(n.p + sizeof(PREFIX) - 1, DIGITS);
	while (digits.n > 1 && digits.p[0] == '0')
		digits = bytes_skip(digits, 1);
	if (text_to_u64(digits, UINT64_MAX, first) != 0)
		return false;
	segment_name(again, *first);
	return strcmp(again, name) == 0;
}

static int write_all(int fd, struct bytes data, uint64_t at)
{
	while (data.n) {
		ssize_t n = pwrite(fd, data.p, data.n, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data = bytes_of(data.p + n, data.n - (size_t)n);
		at += (size_t)n;
	}
	return 0;
}

int segment_create(struct segment *seg, int dirfd, uint64_t first, struct bytes line, int64_t now)
{
	struct segment fresh = {.first = first, .size = line.n, .opened = now};
	int r;

	segment_name(fresh.name, first);
	fresh.fd =
		openat(dirfd, fresh.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fresh.fd < 0)
		return -errno;
	r = write_all(fresh.fd, line, 0);
	if (r == 0 && (store_sync(fresh.fd) < 0 || fsync(dirfd) < 0))
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, fresh.name, 0);
		close(fresh.fd);
		return r;
	}
	*seg = fresh;
	return 0;
}

const char *segment_intact(const struct segment *seg, int dirfd)
{
	struct stat ours, named;

	if (fstat(seg->fd, &ours) < 0)
		return "the log's file cannot be looked at";
	if (ours.st_nlink == 0)
		return "the log's file was removed";
	if (fstatat(dirfd, seg->name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return "the log's file was moved away";
	if (named.st_dev != ours.st_dev || named.st_ino != ours.st_ino)
		return "the log's file was replaced";
	if ((uint64_t)ours.st_size != seg->size)
		return "the log's file was changed by somebody else";
	return "";
}

int segment_reserve(struct segment *seg, uint64_t end)
{
	uint64_t ahead = end + RESERVE_STEP;

	if (end <= seg->reserved)
		return 0;
	/* The file's size stays what is written: a reader never sees the room that was taken. */
	if (fallocate(seg->fd, FALLOC_FL_KEEP_SIZE, (off_t)seg->size, (off_t)(ahead - seg->size)) ==
	    0) {
		seg->reserved = ahead;
		return 0;
	}
	if (fallocate(seg->fd, FALLOC_FL_KEEP_SIZE, (off_t)seg->size, (off_t)(end - seg->size)) < 0)
		return -errno;
	seg->reserved = end;
	return 0;
}

int segment_append(struct segment *seg, struct bytes data)
{
	int r = write_all(seg->fd, data, seg->size);

	if (r < 0 && ftruncate(seg->fd, (off_t)seg->size) < 0)
		return SEGMENT_E_TORN;
	return r;
}

void segment_close(struct segment *seg)
{
	if (seg->fd < 0)
		return;
	if (seg->reserved > seg->size)
		/* Room that cannot be given back is given back when the file goes. */
		(void)!fallocate(seg->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 (off_t)seg->size, (off_t)(seg->reserved - seg->size));
	close(seg->fd);
	seg->fd = -1;
}
