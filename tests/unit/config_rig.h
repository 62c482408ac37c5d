/* SPDX-License-Identifier: ISC */
#pragma once

/* A directory for the tests of the configuration, and what is put there. */
#include "test.h"

#include "role/config_read.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/postern-config-XXXXXX";
static char err[CONFIG_ERROR_MAX];

/* A path in the directory; good until the next-but-three call. */
static inline const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static inline void put_file(const char *name, const void *p, size_t n, mode_t mode)
{
	int fd;

	unlink(at(name));
	fd = open(at(name), O_WRONLY | O_CREAT | O_EXCL, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* TEXT with each @ as the directory. */
static inline void put_text(const char *name, const char *text, mode_t mode)
{
	struct buf b = BUF_INIT(1u << 21);

	for (; *text; text++)
		if (*text == '@')
			buf_puts(&b, dir);
		else
			buf_putc(&b, (unsigned char)*text);
	assert_int_equal(buf_status(&b), 0);
	put_file(name, b.p, b.n, mode);
	buf_done(&b);
}

/* ERR is WANT, whose @ is the directory. */
static inline void expect_error(const char *want)
{
	struct buf b = BUF_INIT(4096);

	for (; *want; want++)
		if (*want == '@')
			buf_puts(&b, dir);
		else
			buf_putc(&b, (unsigned char)*want);
	buf_putc(&b, 0);
	assert_string_equal(err, (const char *)b.p);
	buf_done(&b);
}

static inline int set_up(void **state)
{
	if (sodium_init() < 0 || !mkdtemp(dir))
		return -1;
	put_file("a.key", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ROOT_KEY_BYTES, 0600);
	return 0;
}

static inline int tear_down(void **state)
{
	static const char *const names[] = {"a.key", "b.key", "callers", "conf", "c", "k"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(at(names[i]));
	return rmdir(dir);
}
