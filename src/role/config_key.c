/* SPDX-License-Identifier: ISC */
#include "role/config_read.h"

#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

/* What came of reading NAME into TEXT. */
static int take_key(const char *name, const struct buf *text, const char *why,
		    unsigned char secret[ROOT_KEY_BYTES], char *err)
{
	if (buf_status(text) == -ENOBUFS || (!why && text->n != ROOT_KEY_BYTES))
		why = "must be 32 bytes long, as `postern keygen` makes it";
	else if (!why && sodium_is_zero(text->p, ROOT_KEY_BYTES))
		why = "is all zero";
	if (why) {
		sodium_memzero(secret, ROOT_KEY_BYTES);
		return config_bad(err, "%s: %s", name, why);
	}
	memcpy(secret, text->p, ROOT_KEY_BYTES);
	return 0;
}

int config_read_key(const char *path, unsigned char secret[ROOT_KEY_BYTES], char *err)
{
	struct buf text cleanup(buf_done) = BUF_INIT(ROOT_KEY_BYTES + 1);
	const char *why = config_read_secret_file(path, &text);

	return take_key(path, &text, why, secret, err);
}

int config_read_key_from(const char *source, unsigned char secret[ROOT_KEY_BYTES], char *err)
{
	struct buf text cleanup(buf_done) = BUF_INIT(ROOT_KEY_BYTES + 1);
	const char *why = config_read_secret(bytes_str(source), &text);

	return take_key(source, &text, why, secret, err);
}

static int sync_parent(const char *path)
{
	char copy[IPC_PATH_MAX];
	int fd, r;

	if (bytes_to_str(bytes_str(path), copy, sizeof(copy)) < 0)
		return -ENAMETOOLONG;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int write_key(int fd)
{
	unsigned char secret[ROOT_KEY_BYTES];
	ssize_t n;
	int r = 0;

	randombytes_buf(secret, sizeof(secret));
	n = write(fd, secret, sizeof(secret));
	sodium_memzero(secret, sizeof(secret));
	if (n != ROOT_KEY_BYTES)
		r = n < 0 ? -errno : -ENOSPC;
	else if (fsync(fd) < 0)
		r = -errno;
	return r;
}

int config_make_key(const char *path, char *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), r;

	if (fd < 0)
		return config_bad(err, "%s: %s", path, strerror(errno));
	r = fchmod(fd, 0600) < 0 ? -errno : write_key(fd);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = sync_parent(path);
	if (r == 0)
		return 0;
	/* Nobody has used it yet, and a part of a key would stand in the next attempt's way. */
	unlink(path);
	return config_bad(err, "%s: %s", path, strerror(-r));
}

void config_make_token(char text[TOKEN_TEXT_MAX], unsigned char sha256[32])
{
	static const char prefix[] = "ptk1_";
	size_t n = sizeof(prefix) - 1;
	unsigned char random[32];

	randombytes_buf(random, sizeof(random));
	memcpy(text, prefix, n);
	sodium_bin2base64(text + n, TOKEN_TEXT_MAX - n, random, sizeof(random),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(random, sizeof(random));
	crypto_hash_sha256(sha256, (const unsigned char *)text, strlen(text));
}
