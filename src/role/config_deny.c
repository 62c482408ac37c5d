/* SPDX-License-Identifier: ISC */
/* The deny list: integrations whose handles open no more. */
#include "role/config_read.h"

#include <sodium.h>
#include <stdlib.h>

static int order(const void *a, const void *b)
{
	return memcmp(a, b, INTEGRATION_ID_BYTES);
}

/* Without blanks and what follows a "#". */
static struct bytes trim(struct bytes line)
{
	line.n = bytes_find(line, BYTES("#"));
	while (line.n && strchr(" \t\r", line.p[line.n - 1]))
		line.n--;
	while (line.n && strchr(" \t", line.p[0]))
		line = bytes_skip(line, 1);
	return line;
}

static const char *line_parse(struct bytes line, struct buf *ids)
{
	unsigned char id[INTEGRATION_ID_BYTES];
	size_t n;

	line = trim(line);
	if (!line.n)
		return NULL;
	if (sodium_hex2bin(id, sizeof(id), (const char *)line.p, line.n, NULL, &n, NULL) ||
	    line.n != 2 * sizeof(id))
		return "must be an integration's id, 32 hexadecimal digits, as the log has it";
	buf_put(ids, id, sizeof(id));
	return buf_status(ids) < 0 ? "is one too many" : NULL;
}

static void sort(struct buf *ids)
{
	size_t n = ids->n / INTEGRATION_ID_BYTES;
	unsigned char *to = ids->p;

	if (n < 2)
		return;
	qsort(ids->p, n, INTEGRATION_ID_BYTES, order);
	for (size_t i = 1; i < n; i++) {
		const unsigned char *id = ids->p + i * INTEGRATION_ID_BYTES;

		if (order(to, id) == 0)
			continue;
		to += INTEGRATION_ID_BYTES;
		memmove(to, id, INTEGRATION_ID_BYTES);
	}
	buf_truncate(ids, (size_t)(to - ids->p) + INTEGRATION_ID_BYTES);
}

int deny_load(const char *path, struct config *c, char *err)
{
	struct buf text cleanup(buf_done) = BUF_INIT(8 * 1024 * 1024);
	int r = config_read_text(path, &text, err);
	struct bytes rest = buf_bytes(&text);

	if (r != 0)
		return r;
	for (unsigned number = 1; rest.n; number++) {
		struct bytes line = bytes_of(rest.p, bytes_find(rest, BYTES("\n")));
		const char *why = line_parse(line, &c->denied);

		if (why)
			return config_bad(err, "%s:%u: %s", path, number, why);
		rest = bytes_skip(rest, line.n + 1);
	}
	sort(&c->denied);
	return 0;
}
