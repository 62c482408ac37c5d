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
ssize_t (*store_write)(int fd, const void *p, size_t n, off_t at) = pwrite;

void segment_name(char name[SEGMENT_NAME_MAX], uint64_t first)
{
	snprintf(name, SEGMENT_NAME_MAX, PREFIX "%020llu" SUFFIX, (unsigned long long)first);
}

bool segment_parse_name(const char *name, uint64_t *first)
{
	struct bytes n = bytes_str(name), digits;
	char again[SEGMENT_NAME_MAX];
	uint64_t seq;

	if (n.n != sizeof(PREFIX) - 1 + DIGITS + sizeof(SUFFIX) - 1)
		return false;
	digits = bytes_of(n.p + sizeof(PREFIX) - 1, DIGITS);
	while (digits.n > 1 && digits.p[0] == '0')
		digits = bytes_skip(digits, 1);
	if (text_to_u64(digits, INT64_MAX, &seq) != 0)
		return false;
	segment_name(again, seq);
	if (strcmp(again, name) != 0)
		return false;
	*first = seq;
	return true;
}

static int write_all(int fd, struct bytes data, uint64_t at)
{
	while (data.n) {
		ssize_t n = store_write(fd, data.p, data.n, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data = bytes_skip(data, (size_t)n);
		at += (size_t)n;
	}
	return 0;
}

int segment_create(struct segment *seg, int dirfd, uint64_t first, struct bytes line, uint64_t room,
		   int64_t now)
{
	struct segment fresh = {.first = first, .opened = now};
	int r;

	segment_name(fresh.name, first);
	fresh.fd =
		openat(dirfd, fresh.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fresh.fd < 0)
		return -errno;
	r = room ? segment_reserve(&fresh, line.n + room) : 0;
	if (r == 0)
		r = segment_append(&fresh, line);
	if (r == 0 && (store_sync(fresh.fd) < 0 || fsync(dirfd) < 0))
		r = -errno;
	if (r != 0) {
		unlinkat(dirfd, fresh.name, 0);
		close(fresh.fd);
		return r == SEGMENT_E_TORN ? -EIO : r;
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
	if (ours.st_nlink != 1)
		return "the log's file has a second name";
	if ((uint64_t)ours.st_size != seg->size)
		return "the log's file was changed by somebody else";
	return "";
}

/* The file's size stays what is written: a reader never sees the room that was taken. */
static int take_room(const struct segment *seg, uint64_t end)
{
	return fallocate(seg->fd, FALLOC_FL_KEEP_SIZE, (off_t)seg->size, (off_t)(end - seg->size));
}

int segment_reserve(struct segment *seg, uint64_t end)
{
	uint64_t ahead = end + RESERVE_STEP;

	if (end <= seg->reserved)
		return 0;
	if (take_room(seg, ahead) == 0)
		seg->reserved = ahead;
	else if (take_room(seg, end) == 0)
		seg->reserved = end;
	else
		return -errno;
	return 0;
}

int segment_append(struct segment *seg, struct bytes data)
{
	int r = write_all(seg->fd, data, seg->size);

	if (r == 0) {
		seg->size += data.n;
		return 0;
	}
	/* The reserved room goes with what is cut off. */
	seg->reserved = seg->size;
	return ftruncate(seg->fd, (off_t)seg->size) < 0 ? SEGMENT_E_TORN : r;
}

int segment_repair(struct segment *seg, struct bytes line)
{
	int r = write_all(seg->fd, line, seg->size);

	if (r < 0)
		return r;
	seg->size += line.n;
	seg->reserved = seg->size;
	if (ftruncate(seg->fd, (off_t)seg->size) < 0 || store_sync(seg->fd) < 0)
		return -errno;
	return 0;
}

void segment_close(struct segment *seg)
{
	struct stat st;

	if (seg->fd < 0)
		return;
	/* Not a hole punched: ext4 gives back nothing behind the end that way. */
	if (seg->reserved > seg->size && fstat(seg->fd, &st) == 0 &&
	    (uint64_t)st.st_size == seg->size)
		(void)!ftruncate(seg->fd, st.st_size); /* else it comes back with the file's end */
	close(seg->fd);
	seg->fd = -1;
}
