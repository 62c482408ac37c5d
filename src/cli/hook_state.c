/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"
#include "cli/hook.h"

#include "base/text.h"
#include "role/config_read.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_MAX   (128 * 1024) /* more than eight handles, escaped */
#define ENTRY_DEPTH 4
#define NAME_SIZE   64 /* of a file in the directory */

/* ---- the directory ---- */

static const char *directory_problem(int dir)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return strerror(errno);
	if (st.st_uid != geteuid())
		return "must be owned by who runs this";
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return "must have no permission for group or others (chmod 700)";
	return NULL;
}

const char *hook_state_open(struct hook_state *s, const char *path)
{
	int r = config_make_dir(path);
	const char *why;

	if (r < 0)
		return strerror(-r);
	s->path = path;
	s->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return strerror(errno);
	why = directory_problem(s->dir);
	if (why)
		hook_state_done(s);
	return why;
}

void hook_state_done(struct hook_state *s)
{
	if (s->dir >= 0)
		close(s->dir);
	s->dir = -1;
}

static bool is_id(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!strchr("0123456789abcdef", text.p[i]))
			return false;
	return text.n == HOOK_ID_MAX;
}

static bool has_entry(const struct hook_state *s, struct bytes id)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%.*s.json", (int)id.n, (const char *)id.p);
	return faccessat(s->dir, name, F_OK, 0) == 0;
}

int hook_state_list(const struct hook_state *s, struct buf *ids)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	int r;

	if (!d) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (errno = 0, (e = readdir(d)) != NULL) {
		struct bytes name = bytes_str(e->d_name), id = bytes_of(name.p, HOOK_ID_MAX);

		if (name.n > HOOK_ID_MAX && is_id(id) &&
		    (bytes_is(bytes_skip(name, HOOK_ID_MAX), ".json") || !has_entry(s, id)))
			plist_put(ids, id);
	}
	r = -errno;
	closedir(d);
	return r < 0 ? r : buf_status(ids);
}

/* ---- locks ---- */

/* Is FD still what the name stands for? Who held the lock before may have removed the file. */
static bool still_there(const struct hook_state *s, const char *name, int fd)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && fstatat(s->dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static int try_lock(const struct hook_state *s, const char *name, bool wait, int *lock)
{
	int fd = openat(s->dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), r;

	if (fd < 0)
		return -errno;
	do
		r = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		r = errno == EWOULDBLOCK ? HOOK_E_BUSY : -errno;
	if (r == 0)
		*lock = fd;
	else
		close(fd);
	return r;
}

int hook_state_lock(const struct hook_state *s, const char *name, bool wait, int *lock)
{
	for (;;) {
		int fd = -1, r = try_lock(s, name, wait, &fd);

		if (r != 0)
			return r;
		if (still_there(s, name, fd)) {
			*lock = fd;
			return 0;
		}
		close(fd);
	}
}

static const char *file_of(const struct hook_entry *e, const char *suffix, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s.%s", e->id, suffix);
	return name;
}

int hook_entry_lock(const struct hook_state *s, struct hook_entry *e, bool wait)
{
	char name[NAME_SIZE];

	return hook_state_lock(s, file_of(e, "lock", name), wait, &e->lock);
}

/* ---- entries ---- */

static void hash_text(crypto_hash_sha256_state *state, struct bytes text)
{
	unsigned char size[4] = {(unsigned char)(text.n >> 24), (unsigned char)(text.n >> 16),
				 (unsigned char)(text.n >> 8), (unsigned char)text.n};

	crypto_hash_sha256_update(state, size, sizeof(size));
	crypto_hash_sha256_update(state, text.p, text.n);
}

void hook_entry_identify(struct hook_entry *e, const struct hook_settings *settings)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	hash_text(&state, bytes_str(settings->text[HOOK_HANDLE_FILE]));
	hash_text(&state, bytes_str(settings->text[HOOK_CUSTOMER]));
	hash_text(&state, dns_name_text(&e->name));
	hash_text(&state, buf_bytes(&e->value));
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(e->id, sizeof(e->id), hash, HOOK_ID_MAX / 2);
}

void hook_entry_done(struct hook_entry *e)
{
	buf_done(&e->value);
	buf_done(&e->handles);
	if (e->lock >= 0)
		close(e->lock);
	e->lock = -1;
}

static int read_file(const struct hook_state *s, const char *name, struct buf *out)
{
	int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	unsigned char chunk[4096];
	ssize_t n;
	int r;

	if (fd < 0)
		return errno == ENOENT ? HOOK_E_NONE : -errno;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(out, chunk, (size_t)n);
	r = n < 0 ? -errno : buf_status(out);
	close(fd);
	return r == -ENOBUFS ? HOOK_E_BAD : r;
}

static int take_entry(struct hook_entry *e, const struct hook_settings *settings, const json_t *o)
{
	const json_t *handles = json_at(o, "record_handles"), *handle;
	struct bytes value = json_get_bytes(o, "value");
	size_t i;

	if (dns_name_parse(&e->name, json_get_bytes(o, "name")) != 0 || !value.n ||
	    value.n > HOOK_VALUE_MAX || !json_is_array(handles))
		return HOOK_E_BAD;
	e->unsure = json_array_size(handles) == 0 || json_is_true(json_at(o, "unsure"));
	buf_reset(&e->value);
	buf_reset(&e->handles);
	buf_put_bytes(&e->value, value);
	json_array_foreach(handles, i, handle)
	{
		if (i == HOOK_HANDLES_MAX || !json_bytes(handle).n ||
		    json_bytes(handle).n > HOOK_HANDLE_MAX)
			return HOOK_E_BAD;
		plist_put(&e->handles, json_bytes(handle));
	}
	if (!bytes_is(json_get_bytes(o, "handle_file"), settings->text[HOOK_HANDLE_FILE]) ||
	    !bytes_eq(json_get_bytes(o, "customer"), bytes_str(settings->text[HOOK_CUSTOMER])))
		return HOOK_E_OTHERS;
	return bufs_status((const struct buf *[]){&e->value, &e->handles, NULL});
}

int hook_entry_load(const struct hook_state *s, const struct hook_settings *settings,
		    struct hook_entry *e)
{
	struct buf text cleanup(buf_done) = BUF_INIT(ENTRY_MAX);
	json_t *o cleanup(json_cleanup) = NULL;
	char name[NAME_SIZE];
	int r = read_file(s, file_of(e, "json", name), &text);

	if (r != 0)
		return r;
	r = json_parse(buf_bytes(&text), ENTRY_DEPTH, &o, NULL, 0);
	if (r != 0)
		return r < 0 ? r : HOOK_E_BAD;
	return take_entry(e, settings, o);
}

int hook_entry_time(const struct hook_state *s, const struct hook_entry *e, int64_t *out)
{
	char name[NAME_SIZE];
	struct stat st;

	if (fstatat(s->dir, file_of(e, "json", name), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*out = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
	return 0;
}

static void put_member(struct buf *b, const char *key, struct bytes value)
{
	buf_printf(b, "\"%s\": ", key);
	json_put_string(b, value);
	buf_puts(b, ",\n");
}

static void put_entry(struct buf *b, const struct hook_settings *settings,
		      const struct hook_entry *e)
{
	struct bytes handles = buf_bytes(&e->handles), handle;
	const char *between = "";

	buf_puts(b, "{\n");
	put_member(b, "name", dns_name_text(&e->name));
	put_member(b, "value", buf_bytes(&e->value));
	put_member(b, "handle_file", bytes_str(settings->text[HOOK_HANDLE_FILE]));
	put_member(b, "customer", bytes_str(settings->text[HOOK_CUSTOMER]));
	if (e->unsure)
		buf_puts(b, "\"unsure\": true,\n");
	buf_puts(b, "\"record_handles\": [");
	while (plist_next(&handles, &handle)) {
		buf_puts(b, between);
		json_put_string(b, handle);
		between = ", ";
	}
	buf_puts(b, "]\n}\n");
}

int hook_entry_save(const struct hook_state *s, const struct hook_settings *settings,
		    const struct hook_entry *e)
{
	struct buf text cleanup(buf_done) = BUF_INIT(ENTRY_MAX);
	char name[NAME_SIZE];

	put_entry(&text, settings, e);
	if (buf_status(&text) < 0)
		return buf_status(&text);
	return hook_replace_file(s->dir, file_of(e, "json", name), buf_bytes(&text), NULL);
}

int hook_entry_remove(const struct hook_state *s, struct hook_entry *e)
{
	char name[NAME_SIZE];

	if ((unlinkat(s->dir, file_of(e, "json", name), 0) < 0 && errno != ENOENT) ||
	    (unlinkat(s->dir, file_of(e, "json.new", name), 0) < 0 && errno != ENOENT))
		return -errno;
	if (fsync(s->dir) < 0 || unlinkat(s->dir, file_of(e, "lock", name), 0) < 0)
		return -errno;
	close(e->lock);
	e->lock = -1;
	return 0;
}

/* ---- a file in place of another ---- */

static int write_all(int fd, struct bytes data)
{
	while (data.n) {
		ssize_t n = write(fd, data.p, data.n);

		if (n < 0 && errno != EINTR)
			return -errno;
		data = bytes_skip(data, n > 0 ? (size_t)n : 0);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int hook_replace_file(int dir, const char *name, struct bytes data, const struct stat *like)
{
	char fresh[NAME_MAX + 1];
	int fd, r = 0;

	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", name) >= sizeof(fresh))
		return -ENAMETOOLONG;
	if (unlinkat(dir, fresh, 0) < 0 && errno != ENOENT) /* one that a crash has left */
		return -errno;
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (like &&
	    (fchown(fd, like->st_uid, like->st_gid) < 0 || fchmod(fd, like->st_mode & 0777) < 0))
		r = -errno;
	if (r == 0)
		r = write_all(fd, data);
	close(fd);
	if (r == 0 && (renameat(dir, fresh, dir, name) < 0 || fsync(dir) < 0))
		r = -errno;
	if (r < 0)
		unlinkat(dir, fresh, 0);
	return r;
}
