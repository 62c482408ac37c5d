/* SPDX-License-Identifier: ISC */
/* What of the files would be there after a loss of power. */
#include "inject.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 64

static struct {
	char path[256];
	long size;
	bool named;
} files[FILES_MAX];

static size_t file_of(const char *path)
{
	size_t i = 0;

	while (i < FILES_MAX && files[i].path[0] && strcmp(files[i].path, path) != 0)
		i++;
	must(i < FILES_MAX, "too many files");
	snprintf(files[i].path, sizeof(files[i].path), "%s", path);
	return i;
}

/* Once a directory is synced, the names in it are there to stay. */
static void name_all(const char *directory)
{
	for (size_t i = 0; i < FILES_MAX && files[i].path[0]; i++) {
		size_t n = strlen(directory);

		if (strncmp(files[i].path, directory, n) == 0 && files[i].path[n] == '/' &&
		    access(files[i].path, F_OK) == 0)
			files[i].named = true;
	}
}

static const char *path_of(const struct process *p, uint64_t fd, char path[256])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)p->pid, (int)fd);
	n = readlink(link, path, 255);
	path[n < 0 ? 0 : n] = 0;
	return path;
}

void note_sync(const struct process *p)
{
	char path[256];
	struct stat st;

	if (stat(path_of(p, p->args[0], path), &st) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		name_all(path);
	else
		files[file_of(path)].size = (long)st.st_size;
}

/* What is in a file that is opened to be written was there before; one that is empty may be new. */
void note_open(const struct process *p, long fd)
{
	char path[256];
	struct stat st;
	size_t before, i;

	if (fd < 0 || !(p->args[2] & (O_CREAT | O_ACCMODE)) ||
	    stat(path_of(p, (uint64_t)fd, path), &st) < 0 || !S_ISREG(st.st_mode))
		return;
	for (before = 0; before < FILES_MAX && files[before].path[0]; before++)
		;
	i = file_of(path);
	if (i == before) {
		files[i].size = (long)st.st_size;
		files[i].named = st.st_size > 0 || !(p->args[2] & O_CREAT);
	}
}

void list_files(FILE *out)
{
	for (size_t i = 0; i < FILES_MAX && files[i].path[0]; i++)
		fprintf(out, "%ld %d %s\n", files[i].size, files[i].named, files[i].path);
}
