/* SPDX-License-Identifier: ISC */
/* How things are here. Nothing is changed, locked or connected to: the gateway may be running. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/doctor.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROC_FILE_MAX (4 * 1024 * 1024) /* of /proc/locks, say */
/* Of the headers of Debian 12, some have no name. */
#define CIFS_MAGIC 0xff534d42
#define FUSE_MAGIC 0x65735546

/* ---- files ---- */

static enum place_on what_it_lies_on(unsigned long type)
{
	switch (type) {
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		return ON_MEMORY;
	case OVERLAYFS_SUPER_MAGIC:
		return ON_OVERLAY;
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CIFS_MAGIC:
	case CEPH_SUPER_MAGIC:
	case V9FS_MAGIC:
	case FUSE_MAGIC:
		return ON_NETWORK;
	default:
		return ON_DISK;
	}
}

/* May others than OWNER put something else in the place of what DIR holds? With the sticky bit only what is their own. */
static bool is_open(const char *dir, uid_t owner)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return false;
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != owner)
		return true;
	if (st.st_mode & S_ISVTX)
		return false;
	return st.st_mode & S_IWOTH || (st.st_mode & S_IWGRP && st.st_gid != 0);
}

/* The first directory above PATH that is open. */
static void look_at_way(struct place *p, const char *path, uid_t owner)
{
	char part[IPC_PATH_MAX];

	for (size_t i = 0; i < sizeof(part) - 1 && path[i]; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (!is_open(i ? part : "/", owner))
			continue;
		memcpy(p->open, i ? part : "/", i ? i + 1 : sizeof("/"));
		return;
	}
}

static void look_at_place(struct place *p, const char *path)
{
	char *real = realpath(path, NULL);
	struct stat st = {.st_uid = geteuid()};
	struct statvfs room;
	struct statfs fs;
	int r = stat(path, &st) < 0 ? -errno : 0;

	*p = (struct place){.path = path};
	look_at_way(p, real ? real : path, st.st_uid);
	free(real);
	if (r == 0 && (statfs(path, &fs) < 0 || statvfs(path, &room) < 0))
		r = -errno;
	p->error = r;
	if (r < 0)
		return;
	p->uid = st.st_uid;
	p->mode = st.st_mode & 07777;
	p->device = st.st_dev;
	p->on = what_it_lies_on((unsigned long)fs.f_type);
	p->read_only = room.f_flag & ST_RDONLY;
	p->free = (uint64_t)room.f_bavail * room.f_frsize;
}

/* A secret's source, where it is a file. */
static void look_at_source(struct place *p, const char *source)
{
	*p = (struct place){0};
	if (source && source[0] == '/')
		look_at_place(p, source);
}

/* ---- certificates ---- */

/* In a process of its own: what holds the root keys does not read certificates. */
static int look_at_tls(struct tls_look *out, const struct config *c)
{
	const struct tls_files files = config_tls_files(&c->tls);
	int fds[2], r;
	ssize_t n;
	pid_t pid;

	if (pipe(fds) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		r = tls_look(out, &files);
		if (r == 0 && write(fds[1], out, sizeof(*out)) != sizeof(*out))
			r = -EIO;
		_exit(-r & 0xff);
	}
	close(fds[1]);
	n = pid < 0 ? -1 : read(fds[0], out, sizeof(*out));
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &r, 0) != pid)
		return -EAGAIN;
	if (n == sizeof(*out))
		return 0;
	return WIFEXITED(r) && WEXITSTATUS(r) ? -WEXITSTATUS(r) : -EIO;
}

/* ---- handles ---- */

static void look_at_handle(struct httpreq_facts *out, const struct keyring *ring,
			   const struct config_httpreq *h)
{
	struct buf plain cleanup(buf_done) = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct bytes refresh;
	struct integration i;

	if (integration_open(ring, buf_bytes(&h->handle), bytes_str(h->customer), &plain, &i) != 0)
		return;
	out->opens = true;
	out->expires = i.expires;
	out->renews = plist_get(i.credentials, CREDENTIALS_REFRESH, &refresh);
}

static void look_at_httpreq(struct config_facts *f, const struct config *c)
{
	struct keyring *ring = sodium_malloc(sizeof(*ring));

	if (!ring)
		return;
	ring->n = 0;
	for (size_t i = 0; i < c->n_keys; i++)
		if (keyring_add(ring, c->keys[i].secret, c->keys[i].state) < 0)
			break;
	for (size_t i = 0; i < c->n_httpreq; i++) {
		look_at_handle(&f->httpreq[i], ring, &c->httpreq[i]);
		if (!f->handles.open[0])
			look_at_source(&f->handles, c->httpreq[i].source);
	}
	sodium_free(ring); /* wipes */
}

void look_at_config(struct config_facts *f, const struct config *c, const char *path)
{
	*f = (struct config_facts){.config = c, .now = time(NULL)};
	for (size_t i = 0; i < c->n_keys; i++)
		look_at_source(&f->keys[i], c->keys[i].source);
	for (size_t i = 0; i < c->n_checkpoint_keys; i++)
		look_at_source(&f->checkpoint_keys[i], c->checkpoint_sources[i]);
	look_at_source(&f->tls_key, c->tls.sources[TLS_PART_key]);
	look_at_httpreq(f, c);
	look_at_place(&f->config_file, path);
	look_at_place(&f->callers, c->callers_file);
	look_at_place(&f->audit, c->audit_dir);
	look_at_place(&f->root, "/");
	for (size_t i = 0; i < c->listens; i++)
		f->has_tls = f->has_tls || c->listen[i].tls;
	if (f->has_tls)
		f->tls_error = look_at_tls(&f->tls, c);
	f->ca_readable = access(c->ca_file, R_OK) == 0;
}

/* ---- what the kernel says ---- */

/* The next line off *TEXT, without its newline. False at the end. */
static bool next_line(struct bytes *text, struct bytes *line)
{
	*line = bytes_of(text->p, bytes_find(*text, BYTES("\n")));
	*text = bytes_skip(*text, line->n + 1);
	return line->n || text->n;
}

/* Word number N, from 0, of what blanks and tabs part; empty when there are not so many. */
static struct bytes word_of(struct bytes line, unsigned n)
{
	struct bytes word;

	do {
		while (line.n && (line.p[0] == ' ' || line.p[0] == '\t'))
			line = bytes_skip(line, 1);
		word = bytes_of(line.p, 0);
		while (word.n < line.n && line.p[word.n] != ' ' && line.p[word.n] != '\t')
			word.n++;
		line = bytes_skip(line, word.n);
	} while (n--);
	return word;
}

static uint64_t number_of(struct bytes word, uint64_t otherwise)
{
	uint64_t v;

	return text_to_u64(word, INT64_MAX, &v) == 0 ? v : otherwise;
}

static struct bytes read_kernel(struct buf *out, const char *fmt, ...) printf_like(2, 3);
static struct bytes read_kernel(struct buf *out, const char *fmt, ...)
{
	char path[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	buf_reset(out);
	if (cli_read_file(path, out) < 0)
		buf_reset(out);
	return buf_bytes(out);
}

/* ---- the gateway that runs ---- */

static bool is_scribe(int pid)
{
	struct buf b cleanup(buf_done) = BUF_INIT(4096);
	const char *name = proc_name(PROC_SCRIBE);

	return bytes_starts(read_kernel(&b, "/proc/%d/cmdline", pid),
			    bytes_of(name, strlen(name) + 1));
}

/* The scribe that has the log's lock, or 0. The kernel's list is read, and the lock not touched. */
static int find_scribe(const char *audit_dir)
{
	struct buf b cleanup(buf_done) = BUF_INIT(PROC_FILE_MAX);
	struct bytes text, line;
	struct stat st;

	if (stat(audit_dir, &st) < 0)
		return 0;
	text = read_kernel(&b, "/proc/locks");
	while (next_line(&text, &line)) {
		/* 1: FLOCK ADVISORY WRITE 1234 fe:01:5678 0 EOF: process; device and inode of the file. */
		struct bytes file = word_of(line, 5);
		int pid = (int)number_of(word_of(line, 4), 0);

		file = bytes_skip(file, bytes_find(file, BYTES(":")) + 1);
		file = bytes_skip(file, bytes_find(file, BYTES(":")) + 1);
		/* A file system of layers has other devices there than for stat(). */
		if (bytes_is(word_of(line, 1), "FLOCK") && number_of(file, 0) == st.st_ino &&
		    pid > 0 && is_scribe(pid))
			return pid;
	}
	return 0;
}

/* "Max open files 1024 4096 files": the soft limit, or the hard one. */
static uint64_t limit_of(struct bytes limits, const char *name, bool hard)
{
	struct bytes line;

	while (next_line(&limits, &line))
		if (bytes_starts(line, bytes_str(name)))
			return number_of(word_of(bytes_skip(line, strlen(name)), hard), UINT64_MAX);
	return UINT64_MAX;
}

/* Its cgroup, "/system.slice/postern.service". */
static struct bytes cgroup_of(struct buf *b, int pid)
{
	struct bytes text = read_kernel(b, "/proc/%d/cgroup", pid), line;

	while (next_line(&text, &line))
		if (bytes_starts(line, BYTES("0::")))
			return bytes_skip(line, 3);
	return bytes_of(NULL, 0);
}

/* The last part of GROUP that is a service. */
static void unit_of(char unit[UNIT_MAX], struct bytes group)
{
	while (group.n) {
		struct bytes part;

		group = bytes_skip(group, 1);
		part = bytes_of(group.p, bytes_find(group, BYTES("/")));
		group = bytes_skip(group, part.n);
		if (bytes_find(part, BYTES(".service")) + strlen(".service") == part.n &&
		    bytes_to_str(part, unit, UNIT_MAX) < 0)
			unit[0] = 0;
	}
}

static void look_at_gateway(struct system_facts *f)
{
	struct buf b cleanup(buf_done) = BUF_INIT(64 * 1024), more cleanup(buf_done) = BUF_INIT(64);
	struct bytes text = read_kernel(&b, "/proc/%d/limits", f->pid), line, group;

	f->files_max = limit_of(text, "Max open files", true);
	f->locked_max = limit_of(text, "Max locked memory", false);
	text = read_kernel(&b, "/proc/%d/status", f->pid);
	while (next_line(&text, &line))
		if (bytes_starts(line, BYTES("Uid:")))
			f->uid = (uint32_t)number_of(word_of(line, 1), 0);
	group = cgroup_of(&b, f->pid);
	unit_of(f->unit, group);
	f->no_swap = bytes_is(read_kernel(&more, "/sys/fs/cgroup%.*s/memory.swap.max", (int)group.n,
					  (const char *)group.p),
			      "0");
}

static void look_at_shell(struct system_facts *f)
{
	struct rlimit l;

	f->uid = geteuid();
	/* The gateway raises the first to the hard one. */
	f->files_max = getrlimit(RLIMIT_NOFILE, &l) == 0 ? l.rlim_max : UINT64_MAX;
	f->locked_max = getrlimit(RLIMIT_MEMLOCK, &l) == 0 ? l.rlim_cur : UINT64_MAX;
}

/* ---- the machine ---- */

/* Nothing of it stays on a disk in clear. */
static bool swaps_safely(const char *path)
{
	struct buf b cleanup(buf_done) = BUF_INIT(4096);
	struct stat st;

	if (strncmp(path, "/dev/zram", strlen("/dev/zram")) == 0)
		return true;
	return stat(path, &st) == 0 && S_ISBLK(st.st_mode) &&
	       bytes_starts(read_kernel(&b, "/sys/dev/block/%u:%u/dm/uuid", major(st.st_rdev),
					minor(st.st_rdev)),
			    BYTES("CRYPT-"));
}

static unsigned count_swaps(void)
{
	struct buf b cleanup(buf_done) = BUF_INIT(64 * 1024);
	struct bytes text = read_kernel(&b, "/proc/swaps"), line;
	char path[IPC_PATH_MAX];
	unsigned n = 0;

	for (bool heading = true; next_line(&text, &line); heading = false)
		n += !heading && (bytes_to_str(word_of(line, 0), path, sizeof(path)) < 0 ||
				  !swaps_safely(path));
	return n;
}

static void look_at_clock(struct system_facts *f)
{
	struct timex t = {0}; /* nothing is set */
	int state = adjtimex(&t);

	f->clock_known = state >= 0;
	f->clock_set = state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
}

void look_at_system(struct system_facts *f, const char *audit_dir)
{
	struct buf b cleanup(buf_done) = BUF_INIT(64);

	f->pid = audit_dir ? find_scribe(audit_dir) : 0;
	if (f->pid)
		look_at_gateway(f);
	else
		look_at_shell(f);
	f->swaps = count_swaps();
	look_at_clock(f);
	f->ptrace_scope =
		(int)number_of(read_kernel(&b, "/proc/sys/kernel/yama/ptrace_scope"), UINT64_MAX);
#ifdef SANITIZED
	f->sanitized = true;
#endif
}
