/* SPDX-License-Identifier: ISC */
/*
 * replay PROVIDER FILE…: feeds recorded answers to a provider's parses and prints what each makes
 * of it.
 *
 * A file is an array of {method, uri, status, response_headers, body}. Each is matched by method
 * and path, whatever host and base it was recorded at, with the provider's table. What does not
 * match is named.
 */
#include "base/text.h"
#include "provider/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* The next segment off the END of *PATH. */
static bool last_segment(struct bytes *path, struct bytes *segment)
{
	size_t n = path->n;

	while (n > 0 && path->p[n - 1] != '/')
		n--;
	if (n == 0)
		return false;
	*segment = bytes_of(path->p + n, path->n - n);
	path->n = n - 1;
	return true;
}

/* How many segments TEMPLATE has, when they are the last ones of PATH; 0: they are not. */
static unsigned match(const char *template, struct bytes path)
{
	struct bytes want = bytes_str(template), t, s;
	unsigned n = 0;

	while (last_segment(&want, &t)) {
		if (!last_segment(&path, &s) || s.n == 0)
			return 0;
		if (t.p[0] != '{' && !bytes_eq(t, s))
			return 0;
		n++;
	}
	return n;
}

/* The number of the exchange that fits best, or -1. */
static int find_exchange(const struct provider *p, struct bytes method, struct bytes path)
{
	unsigned best = 0;
	int found = -1;

	for (unsigned i = 0; i < OP_KINDS * PROVIDER_STEPS_MAX; i++) {
		const struct exchange *x = provider_exchange(p, i);
		unsigned n = x && bytes_is(method, x->method) ? match(x->path, path) : 0;

		if (n > best) {
			best = n;
			found = (int)i;
		}
	}
	return found;
}

/* "https://host/a/b?c" gives "/a/b". */
static struct bytes path_of(struct bytes uri)
{
	size_t scheme = bytes_find(uri, BYTES("://"));
	size_t end;

	if (scheme < uri.n) {
		uri = bytes_of(uri.p + scheme + 3, uri.n - scheme - 3);
		end = bytes_find(uri, BYTES("/"));
		uri = bytes_of(uri.p + end, uri.n - end);
	}
	uri.n = bytes_find(uri, BYTES("?"));
	return uri;
}

static void take_headers(const struct provider *p, json_t *headers, struct answer *a,
			 struct buf *wanted)
{
	const char *name;
	uint64_t seconds;
	json_t *value;

	json_object_foreach(headers, name, value)
	{
		struct bytes v = json_bytes(value);

		if (strcasecmp(name, "Retry-After") == 0 &&
		    text_to_u64(v, PROVIDER_RETRY_MAX, &seconds) == 0) {
			a->has_retry_after = true;
			a->retry_after = (uint32_t)seconds;
		}
		for (size_t i = 0; i < PROVIDER_HEADERS && p->headers[i]; i++)
			if (strcasecmp(name, p->headers[i]) == 0) {
				plist_put(wanted, bytes_str(p->headers[i]));
				plist_put(wanted, v);
			}
	}
	a->headers = buf_bytes(wanted);
}

static void print_result(const struct exchange *x, const struct op *op)
{
	if (op->error != CODE_OK)
		printf("%s error %s\n", x->name, code_text(op->error));
	else if (op->restarts)
		printf("%s restart\n", x->name);
	else if (op->zone_count)
		printf("%s ok %zu\n", x->name, op->zone_count);
	else
		printf("%s ok\n", x->name);
}

static int replay(const struct provider *p, int number, const json_t *recorded)
{
	const struct exchange *x = provider_exchange(p, (unsigned)number);
	struct answer a = {.body = json_get_bytes(recorded, "body")};
	struct buf headers = BUF_INIT(1u << 20);
	struct engine e;
	uint64_t status;
	int r;

	a.status = json_get_u64(recorded, "status", 999, &status) ? (unsigned)status : 0;
	take_headers(p, json_object_get(recorded, "response_headers"), &a, &headers);
	engine_init(&e, p, (enum op_kind)(number / PROVIDER_STEPS_MAX));
	e.op.step = (unsigned)number % PROVIDER_STEPS_MAX;
	e.op.type = RR_TXT;
	e.op.value = BYTES("value");
	if (dns_name_parse(&e.op.zone, BYTES("example.com")) != 0 ||
	    dns_name_parse(&e.op.fqdn, BYTES("_acme-challenge.example.com")) != 0)
		abort();
	r = engine_feed(&e, &a);
	if (r == 0)
		print_result(x, &e.op);
	engine_done(&e);
	buf_done(&headers);
	return r;
}

static void print_unmatched(struct bytes method, struct bytes path)
{
	printf("unmatched %.*s ", (int)method.n, (const char *)method.p);
	for (size_t i = 0; i < path.n; i++)
		putchar(path.p[i] > 0x20 && path.p[i] < 0x7f ? path.p[i] : '?');
	putchar('\n');
}

static int replay_file(const struct provider *p, const char *file)
{
	json_error_t error;
	json_t *all cleanup(json_cleanup) = json_load_file(file, 0, &error), *recorded;
	size_t i;
	int r = 0;

	if (!json_is_array(all)) {
		fprintf(stderr, "%s: not a list of recorded exchanges\n", file);
		return -EINVAL;
	}
	json_array_foreach(all, i, recorded)
	{
		struct bytes method = json_get_bytes(recorded, "method");
		struct bytes path = path_of(json_get_bytes(recorded, "uri"));
		int number = find_exchange(p, method, path);

		if (number < 0)
			print_unmatched(bytes_printable(method) ? method : BYTES("?"), path);
		else if (r == 0)
			r = replay(p, number, recorded);
	}
	return r;
}

int main(int argc, char **argv)
{
	const struct provider *p = argc > 2 ? provider_by_name(bytes_str(argv[1])) : NULL;
	int failed = 0;

	if (!p) {
		fprintf(stderr, "usage: replay PROVIDER FILE...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		if (replay_file(p, argv[i]) != 0)
			failed = 1;
	return failed;
}
