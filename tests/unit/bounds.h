/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * May this request go out? A reading of the provider's table that shares nothing with role/target.c: it takes the
 * finished URL apart again. All functions answer NULL, or say what is wrong.
 */
#include "base/buf.h"
#include "dns/name.h"
#include "provider/provider.h"

#include <stdio.h>

struct bounds {
	const struct provider *provider;
	struct bytes fields; /* the credential: plist of pairs */
	enum op_kind kind;
	struct bytes zone_id, wanted_id;
	const struct dns_name *zone, *fqdn; /* NULL: do not look */
};

static inline bool bounds_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-._~", c ? c : 1);
}

static inline int bounds_hex(unsigned char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One value, percent-encoded in the one way: to OUT. */
static inline bool bounds_decode(struct bytes in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int hi, lo;

		if (bounds_plain(in.p[i])) {
			buf_putc(out, in.p[i]);
			continue;
		}
		if (in.p[i] != '%' || in.n - i < 3)
			return false;
		hi = bounds_hex(in.p[i + 1]);
		lo = bounds_hex(in.p[i + 2]);
		if (hi < 0 || lo < 0 || bounds_plain((unsigned char)(hi << 4 | lo)))
			return false;
		buf_putc(out, (unsigned char)(hi << 4 | lo));
		i += 2;
	}
	return buf_status(out) == 0;
}

static inline bool bounds_holds(struct bytes hay, struct bytes needle)
{
	return needle.n >= 4 && hay.n && memmem(hay.p, hay.n, needle.p, needle.n);
}

static inline const char *bounds_secrets(const struct bounds *b, struct bytes text)
{
	struct bytes v;

	for (const struct field_def *f = b->provider->fields; f->name; f++)
		if (f->secret && plist_get(b->fields, f->name, &v) && bounds_holds(text, v))
			return "a secret stands in it";
	return NULL;
}

/* ---- what stands for {…} ---- */

static inline bool bounds_is_name(const struct bounds *b, struct bytes v)
{
	struct bytes full = bytes_str(b->fqdn->text), zone = bytes_str(b->zone->text);

	if (v.n && v.p[v.n - 1] == '.')
		v.n--;
	if (bytes_eq(v, full))
		return true;
	if (bytes_is(v, "@"))
		return bytes_eq(full, zone);
	return full.n == v.n + 1 + zone.n && memcmp(full.p, v.p, v.n) == 0 && full.p[v.n] == '.';
}

static inline const char *bounds_of_zone(const struct bounds *b, struct bytes what, struct bytes v)
{
	struct bytes id = b->zone_id;

	if (b->kind != OP_ADD && b->kind != OP_REMOVE && b->kind != OP_STATUS)
		return NULL;
	if (bytes_is(what, "zone"))
		return bytes_eq(v, id) ? NULL : "another zone";
	if (id.n <= v.n || memchr(v.p, '/', v.n))
		return "another zone";
	if (bytes_is(what, "zone/1"))
		return memcmp(id.p, v.p, v.n) == 0 && id.p[v.n] == '/' ? NULL : "another group";
	return memcmp(id.p + id.n - v.n, v.p, v.n) == 0 && id.p[id.n - v.n - 1] == '/'
		       ? NULL
		       : "another zone of the group";
}

static inline const char *bounds_field(const struct bounds *b, struct bytes name, struct bytes v)
{
	struct bytes known;

	for (const struct field_def *f = b->provider->fields; f->name; f++)
		if (bytes_is(name, f->name))
			return !f->secret && plist_get(b->fields, f->name, &known) &&
					       bytes_eq(v, known)
				       ? NULL
				       : "not what the field holds";
	return "no such field";
}

/* Those that we change, and those that a CNAME cannot stand beside. */
static inline bool bounds_is_type(struct bytes v)
{
	static const char *const types[] = {"TXT", "CAA", "CNAME", "NS", "A", "AAAA", "MX"};
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		known = known || bytes_is(v, types[i]);
	return known;
}

static inline const char *bounds_value(const struct bounds *b, struct bytes what, struct bytes v)
{
	size_t dots = 0;

	if (v.n == 0 || v.n > PROVIDER_ID_MAX)
		return "an empty segment, or a huge one";
	for (size_t i = 0; i < v.n; i++) {
		dots += v.p[i] == '.';
		if (v.p[i] < 0x20 || v.p[i] > 0x7e)
			return "not printable";
		if (v.p[i] == '/' || v.p[i] == '\\')
			return "a slash, which some server would decode before it looks for dots";
	}
	if (dots == v.n)
		return "dots alone";
	if (what.p[0] == '=')
		return bounds_field(b, bytes_skip(what, 1), v);
	if (what.n >= 4 && memcmp(what.p, "zone", 4) == 0)
		return bounds_of_zone(b, what, v);
	if (bytes_is(what, "record") && (b->kind == OP_REMOVE || b->kind == OP_STATUS))
		return bytes_eq(v, b->wanted_id) ? NULL : "another record than the handle's";
	if (bytes_is(what, "type"))
		return bounds_is_type(v) ? NULL : "no type";
	if (bytes_is(what, "name") && b->fqdn)
		return bounds_is_name(b, v) ? NULL : "another name";
	return NULL;
}

/* ---- the path ---- */

static inline struct bytes bounds_cut(struct bytes *rest, unsigned char at)
{
	const unsigned char *p = rest->n ? memchr(rest->p, at, rest->n) : NULL;
	struct bytes part = {rest->p, p ? (size_t)(p - rest->p) : rest->n};

	*rest = p ? bytes_of(p + 1, rest->n - part.n - 1) : bytes_of(NULL, 0);
	return part;
}

/* One segment against one of a template: "plain", "{what}", or "before{what}behind". */
static inline const char *bounds_segment(const struct bounds *b, struct bytes want,
					 struct bytes got)
{
	struct bytes behind = want, before = bounds_cut(&behind, '{'),
		     what = bounds_cut(&behind, '}');
	struct buf value = BUF_INIT(64 * 1024);
	const char *why;

	if (!what.n)
		return bytes_eq(want, got) ? NULL : "another path";
	if (got.n < before.n + behind.n || memcmp(got.p, before.p, before.n) != 0 ||
	    (behind.n && memcmp(got.p + got.n - behind.n, behind.p, behind.n) != 0))
		return "another path";
	got = bytes_of(got.p + before.n, got.n - before.n - behind.n);
	why = bounds_decode(got, &value) ? bounds_value(b, what, buf_bytes(&value))
					 : "not encoded as it should be";
	buf_done(&value);
	return why;
}

static inline size_t bounds_slashes(struct bytes v)
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++)
		n += v.p[i] == '/';
	return n;
}

/* TEMPLATE and PATH begin with a slash. */
static inline const char *bounds_path(const struct bounds *b, const char *template,
				      struct bytes path)
{
	struct bytes want = bytes_str(template);
	const char *why = NULL;
	size_t n = 0;

	/* {zone/1} has a slash in its name. */
	for (const char *s = template; *s; s++)
		n += *s == '/' && !(s >= template + 5 && memcmp(s - 5, "{zone", 5) == 0);
	if (bounds_slashes(path) != n)
		return "more segments, or fewer";
	while (!why && (want.n || path.n)) {
		struct bytes rest = want, part = bounds_cut(&rest, '/');

		if (part.n >= 5 && memcmp(part.p + part.n - 5, "{zone", 5) == 0) {
			struct bytes more = bounds_cut(&rest, '/');
			part.n += 1 + more.n;
		}
		want = rest;
		why = bounds_segment(b, part, bounds_cut(&path, '/'));
	}
	return why;
}

static inline const char *bounds_query(struct bytes query)
{
	struct buf plain = BUF_INIT(64 * 1024);
	bool ok = query.n > 0;

	while (ok && query.n) {
		struct bytes value = bounds_cut(&query, '&'), name = bounds_cut(&value, '=');

		ok = name.n && bounds_decode(name, &plain) && bounds_decode(value, &plain);
	}
	buf_done(&plain);
	return ok ? NULL : "the query is not made of encoded pairs";
}

/* "https://host/base" that the credential leads to. */
static inline bool bounds_base(const struct bounds *b, struct buf *out)
{
	const struct provider *p = b->provider;
	const struct choice *c = p->bases;
	struct bytes v = {0};

	if (p->base_field && !plist_get(b->fields, p->base_field, &v))
		return false;
	if (p->dns)
		buf_puts(out, "http://");
	while (c && c->text && !bytes_is(v, c->text))
		c++;
	if (p->self_hosted)
		buf_put_bytes(out, v);
	if (!p->self_hosted || p->base)
		buf_puts(out, c ? c->base : p->base);
	return true;
}

/* METHOD and URL, the whole of it. */
static inline const char *bounds_check(const struct bounds *b, const char *method, struct bytes url)
{
	const struct provider *p = b->provider;
	struct buf base = BUF_INIT(4096);
	struct bytes path = url, query;
	const char *why = "no such method";
	bool ok;

	for (size_t i = 0; i < url.n; i++)
		if (!bounds_plain(url.p[i]) && !strchr("%/:?=&", url.p[i] ? url.p[i] : 1))
			return "a byte that must not stand in a URL";
	if (bounds_secrets(b, url))
		return "a secret stands in it";
	ok = bounds_base(b, &base) && bytes_starts(url, buf_bytes(&base));
	path = bytes_skip(url, base.n);
	buf_done(&base);
	if (!ok)
		return "another server, or above the API's path";
	query = path;
	path = bounds_cut(&query, '?');
	if (query.p && bounds_query(query))
		return bounds_query(query);
	for (size_t i = 0; i < (size_t)OP_KINDS * PROVIDER_STEPS_MAX; i++) {
		const struct exchange *e = p->ops[i / PROVIDER_STEPS_MAX][i % PROVIDER_STEPS_MAX];

		if (!e || strcmp(e->method, method) != 0)
			continue;
		why = bounds_path(b, e->path, path);
		if (!why)
			return NULL;
	}
	return why;
}

/* LINES: a plist of "Name: value". NAMES: those that a provider may set; NULL: any. */
static inline const char *bounds_headers(struct bytes lines, const char *const *names)
{
	struct bytes line;

	while (plist_next(&lines, &line)) {
		struct bytes value = line, name = bounds_cut(&value, ':');
		bool known = !names;

		for (size_t i = 0; names && i < PROVIDER_HEADERS && names[i]; i++)
			known = known || bytes_is(name, names[i]);
		if (!known)
			return "a header that the provider does not send";
		for (size_t i = 0; i < line.n; i++)
			if (line.p[i] < 0x20 || line.p[i] > 0x7e)
				return "a header with a control character";
		if (value.n < 2 || value.p[0] != ' ')
			return "a header without a value";
	}
	return NULL;
}
