/* SPDX-License-Identifier: ISC */
#include "sign/sigv4.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define CANONICAL_MAX (2 * 1024 * 1024)
#define PATH_PARTS    256
#define PAIRS_MAX     256
#define PIECE_MAX     (64 * 1024)

/* ---- times and scopes ---- */

void sigv4_time(int64_t now, char out[17])
{
	struct buf text = BUF_INIT(64);
	size_t n = 0;

	/* "2015-08-30T12:36:00.000000Z" without its marks and its fraction */
	text_put_time(&text, now * 1000000);
	for (size_t i = 0; i < text.n && text.p[i] != '.' && n < 15; i++)
		if (text.p[i] != '-' && text.p[i] != ':')
			out[n++] = (char)text.p[i];
	out[n++] = 'Z';
	out[n] = 0;
	buf_done(&text);
}

void sigv4_put_scope(const struct sigv4 *s, struct buf *out)
{
	char time[17];

	sigv4_time(s->now, time);
	buf_printf(out, "%.8s/%s/%s/aws4_request", time, s->region, s->service);
}

/* ---- the path ---- */

/* Percent-encode all but unreserved characters and slashes. */
static void put_path_text(struct buf *out, struct bytes path)
{
	while (path.n) {
		size_t n = bytes_find(path, BYTES("/"));

		text_put_pct(out, bytes_of(path.p, n));
		if (n < path.n)
			buf_putc(out, '/');
		path = bytes_skip(path, n + 1);
	}
}

/* Without ".", ".." and empty segments (RFC 3986 section 5.2.4). */
static void put_normal_path(struct buf *out, struct bytes path)
{
	struct bytes parts[PATH_PARTS];
	bool slash = path.n && path.p[path.n - 1] == '/';
	size_t n = 0;

	while (path.n) {
		struct bytes part = bytes_of(path.p, bytes_find(path, BYTES("/")));

		path = bytes_skip(path, part.n + 1);
		slash = slash || (!path.n && (bytes_is(part, ".") || bytes_is(part, "..")));
		if (bytes_is(part, "..") && n > 0)
			n--;
		else if (part.n && !bytes_is(part, ".") && !bytes_is(part, "..") && n < PATH_PARTS)
			parts[n++] = part;
	}
	for (size_t i = 0; i < n; i++) {
		buf_putc(out, '/');
		text_put_pct(out, parts[i]);
	}
	if (slash || n == 0)
		buf_putc(out, '/');
}

/* ---- sorted pairs ---- */

struct pair {
	struct buf name, value;
	size_t order;
};

static int compare(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.p, b.p, n) : 0;

	return r ? r : (a.n > b.n) - (a.n < b.n);
}

static int by_name_and_value(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;
	int r = compare(buf_bytes(&a->name), buf_bytes(&b->name));

	return r ? r : compare(buf_bytes(&a->value), buf_bytes(&b->value));
}

static int by_name_and_order(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;
	int r = compare(buf_bytes(&a->name), buf_bytes(&b->name));

	return r ? r : (a->order > b->order) - (a->order < b->order);
}

struct pairs {
	struct pair list[PAIRS_MAX];
	size_t n;
};

static struct pair *add_pair(struct pairs *p)
{
	struct pair *new;

	if (p->n == PAIRS_MAX)
		return NULL;
	new = &p->list[p->n];
	*new = (struct pair){
		.name = BUF_INIT(PIECE_MAX), .value = BUF_INIT(PIECE_MAX), .order = p->n++};
	return new;
}

static void pairs_done(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		buf_done(&p->list[i].name);
		buf_done(&p->list[i].value);
	}
	free(p);
}

/* What is percent-encoded is so once, whatever it was before. */
static void put_encoded(struct buf *out, struct bytes text)
{
	struct buf plain = BUF_INIT(PIECE_MAX);

	text_put_pct(out, text_from_pct(text, &plain) == 0 ? buf_bytes(&plain) : text);
	buf_done(&plain);
}

static int put_query(struct buf *out, struct bytes query)
{
	struct pairs *p = calloc(1, sizeof(*p));
	int r = p ? 0 : -ENOMEM;

	while (r == 0 && query.n) {
		struct bytes part = bytes_of(query.p, bytes_find(query, BYTES("&")));
		size_t eq = bytes_find(part, BYTES("="));
		struct pair *new = add_pair(p);

		query = bytes_skip(query, part.n + 1);
		if (!new) {
			r = -E2BIG;
			break;
		}
		put_encoded(&new->name, bytes_of(part.p, eq));
		put_encoded(&new->value, bytes_skip(part, eq + 1));
	}
	if (r < 0) {
		if (p)
			pairs_done(p);
		return r;
	}
	qsort(p->list, p->n, sizeof(p->list[0]), by_name_and_value);
	for (size_t i = 0; i < p->n; i++) {
		if (i)
			buf_putc(out, '&');
		buf_put_bytes(out, buf_bytes(&p->list[i].name));
		buf_putc(out, '=');
		buf_put_bytes(out, buf_bytes(&p->list[i].value));
	}
	pairs_done(p);
	return 0;
}

/* ---- headers ---- */

/* Trimmed, and runs of blanks folded to one. */
static void put_folded(struct buf *out, struct bytes value)
{
	bool blank = false, begun = false;

	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = value.p[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			blank = begun;
			continue;
		}
		if (blank)
			buf_putc(out, ' ');
		buf_putc(out, c);
		blank = false;
		begun = true;
	}
}

static void put_lower(struct buf *out, struct bytes name)
{
	for (size_t i = 0; i < name.n; i++)
		buf_putc(out, name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]);
}

/* The values of one name stand on one line. */
static void put_header_lines(const struct pairs *p, struct buf *out, struct buf *names)
{
	for (size_t i = 0; i < p->n; i++) {
		struct bytes name = buf_bytes(&p->list[i].name);
		bool again = i > 0 && bytes_eq(name, buf_bytes(&p->list[i - 1].name));

		if (again) {
			buf_putc(out, ',');
		} else {
			if (i)
				buf_puts(out, "\n");
			buf_put_bytes(out, name);
			buf_putc(out, ':');
			if (names->n)
				buf_putc(names, ';');
			buf_put_bytes(names, name);
		}
		buf_put_bytes(out, buf_bytes(&p->list[i].value));
	}
	buf_puts(out, "\n");
}

static int put_headers(struct bytes headers, struct buf *out, struct buf *names)
{
	struct pairs *p = calloc(1, sizeof(*p));
	struct bytes name, value;
	int r = p ? 0 : -ENOMEM;

	while (r == 0 && plist_next(&headers, &name) && plist_next(&headers, &value)) {
		struct pair *new = add_pair(p);

		if (!new) {
			r = -E2BIG;
			break;
		}
		put_lower(&new->name, name);
		put_folded(&new->value, value);
	}
	if (r == 0) {
		qsort(p->list, p->n, sizeof(p->list[0]), by_name_and_order);
		put_header_lines(p, out, names);
	}
	if (p)
		pairs_done(p);
	return r;
}

/* ---- the signature ---- */

int sigv4_put_canonical(const struct sigv4 *s, struct buf *out, struct buf *names)
{
	int r;

	buf_puts(out, s->method);
	buf_putc(out, '\n');
	if (s->normalize)
		put_normal_path(out, s->path);
	else if (s->path.n)
		put_path_text(out, s->path);
	else
		buf_putc(out, '/');
	buf_putc(out, '\n');
	r = put_query(out, s->query);
	buf_putc(out, '\n');
	if (r == 0)
		r = put_headers(s->headers, out, names);
	buf_putc(out, '\n');
	buf_put_bytes(out, buf_bytes(names));
	buf_putc(out, '\n');
	if (r == 0)
		r = digest_put_hash(DIGEST_SHA256, s->body, out);
	if (r == 0)
		r = buf_status(names);
	return r < 0 ? r : buf_status(out);
}

int sigv4_put_string(const struct sigv4 *s, struct bytes canonical, struct buf *out)
{
	char time[17];
	int r;

	sigv4_time(s->now, time);
	buf_printf(out, "AWS4-HMAC-SHA256\n%s\n", time);
	sigv4_put_scope(s, out);
	buf_putc(out, '\n');
	r = digest_put_hash(DIGEST_SHA256, canonical, out);
	return r < 0 ? r : buf_status(out);
}

static int next_key(unsigned char key[DIGEST_MAX], struct bytes data)
{
	unsigned char out[DIGEST_MAX];
	int r = digest_hmac(DIGEST_SHA256, bytes_of(key, 32), data, out);

	memcpy(key, out, DIGEST_MAX);
	explicit_bzero(out, sizeof(out));
	return r;
}

int sigv4_put_signature(const struct sigv4 *s, struct bytes secret, struct bytes string,
			struct buf *out)
{
	struct buf first = BUF_INIT(4096);
	unsigned char key[DIGEST_MAX];
	char time[17];
	int r;

	sigv4_time(s->now, time);
	buf_puts(&first, "AWS4");
	buf_put_bytes(&first, secret);
	r = buf_status(&first);
	if (r == 0)
		r = digest_hmac(DIGEST_SHA256, buf_bytes(&first), bytes_of(time, 8), key);
	if (r == 0)
		r = next_key(key, bytes_str(s->region));
	if (r == 0)
		r = next_key(key, bytes_str(s->service));
	if (r == 0)
		r = next_key(key, BYTES("aws4_request"));
	if (r == 0)
		r = digest_put_hmac(DIGEST_SHA256, bytes_of(key, 32), string, out);
	explicit_bzero(key, sizeof(key));
	buf_done(&first);
	return r;
}

/* ---- a request of ours ---- */

static void put_pair(struct buf *headers, const char *name, struct bytes value)
{
	plist_put(headers, bytes_str(name));
	plist_put(headers, value);
}

static void put_line(struct buf *lines, const char *name, struct bytes value)
{
	struct buf line = BUF_INIT(PIECE_MAX);

	buf_printf(&line, "%s: ", name);
	buf_put_bytes(&line, value);
	if (buf_status(&line) == 0)
		plist_put(lines, buf_bytes(&line));
	else
		lines->failed = buf_status(&line);
	buf_done(&line);
}

static int put_authorization(const struct sigv4 *s, struct bytes access_key, struct bytes secret,
			     struct buf *headers)
{
	struct buf canonical = BUF_INIT(CANONICAL_MAX), names = BUF_INIT(4096),
		   string = BUF_INIT(4096), value = BUF_INIT(8192);
	int r = sigv4_put_canonical(s, &canonical, &names);

	if (r == 0)
		r = sigv4_put_string(s, buf_bytes(&canonical), &string);
	buf_puts(&value, "AWS4-HMAC-SHA256 Credential=");
	buf_put_bytes(&value, access_key);
	buf_putc(&value, '/');
	sigv4_put_scope(s, &value);
	buf_puts(&value, ", SignedHeaders=");
	buf_put_bytes(&value, buf_bytes(&names));
	buf_puts(&value, ", Signature=");
	if (r == 0)
		r = sigv4_put_signature(s, secret, buf_bytes(&string), &value);
	if (r == 0)
		put_line(headers, "Authorization", buf_bytes(&value));
	buf_done(&canonical);
	buf_done(&names);
	buf_done(&string);
	buf_done(&value);
	return r < 0 ? r : buf_status(headers);
}

int sigv4_sign(const struct signing *in, const char *region, const char *service,
	       struct buf *headers)
{
	size_t question = bytes_find(in->target, BYTES("?"));
	struct sigv4 s = {.method = in->method,
			  .path = bytes_of(in->target.p, question),
			  .query = bytes_skip(in->target, question + 1),
			  .body = in->body,
			  .now = in->now,
			  .region = region,
			  .service = service};
	struct buf pairs = BUF_INIT(PIECE_MAX);
	struct bytes access_key, secret, token;
	char time[17];
	int r;

	if (!plist_get(in->credentials, "access_key_id", &access_key) ||
	    !plist_get(in->credentials, "secret_access_key", &secret) ||
	    !bytes_printable(access_key))
		return SIGN_E_FIELD;
	sigv4_time(in->now, time);
	put_pair(&pairs, "host", in->host);
	put_pair(&pairs, "x-amz-date", bytes_str(time));
	put_line(headers, "X-Amz-Date", bytes_str(time));
	if (in->content_type.n)
		put_pair(&pairs, "content-type", in->content_type);
	if (plist_get(in->credentials, "session_token", &token) && bytes_printable(token)) {
		put_pair(&pairs, "x-amz-security-token", token);
		put_line(headers, "X-Amz-Security-Token", token);
	}
	s.headers = buf_bytes(&pairs);
	r = buf_status(&pairs);
	if (r == 0)
		r = put_authorization(&s, access_key, secret, headers);
	buf_done(&pairs);
	return r;
}
