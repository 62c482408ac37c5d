/* SPDX-License-Identifier: ISC */
#include "match.h"

#include <stdio.h>

/* How well an entry fits; the greatest wins. */
enum {
	FIT_NONE = 0,
	FIT_END = 1,	   /* the path ends so: it was recorded at another base */
	FIT_WHOLE = 1000,  /* the path is just the base's and then so */
	FIT_LITERAL = 10,  /* for each segment that is the same word */
	FIT_PURPOSE = 5,   /* the request says what it is for */
	FIT_NO_DETOUR = 2, /* not what only a replace does */
};

/* Segments of the provider's own base; false: the customer's server, which may be anywhere. */
static bool base_segments(const char *base, struct bytes *out, size_t *n)
{
	struct bytes text = bytes_str(base);
	size_t scheme = bytes_find(text, BYTES("://"));
	bool known = scheme < text.n;

	if (known) {
		text = bytes_of(text.p + scheme + 3, text.n - scheme - 3);
		scheme = bytes_find(text, BYTES("/"));
		text = bytes_of(text.p + scheme, text.n - scheme);
	}
	*n = path_segments(text, out, RECORDING_SEGMENTS);
	return known;
}

static bool same(const struct bytes *a, const struct bytes *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!bytes_eq_nocase(a[i], b[i]))
			return false;
	return true;
}

/* A template's segments: "{zone/2}" is one. */
static size_t template_segments(const char *template, struct bytes *out)
{
	size_t n = 0;

	for (const char *at = template, *end; *at; at = end + (*end == '/')) {
		for (end = at; *end && *end != '/'; end++)
			end += *end == '{' ? strcspn(end, "}") - 1 : 0;
		if (end > at)
			out[n++] = bytes_of(at, (size_t)(end - at));
	}
	return n;
}

/* "{zone}", or with more around it: "{=account}:generateAccessToken". */
static bool fits_segment(struct bytes want, struct bytes got, int *fit)
{
	size_t open = bytes_find(want, BYTES("{")), close = bytes_find(want, BYTES("}"));
	struct bytes rest;

	if (open == want.n) {
		*fit += FIT_LITERAL;
		return bytes_eq_nocase(want, got);
	}
	rest = bytes_of(want.p + close + 1, want.n - close - 1);
	return got.n > open + rest.n &&
	       bytes_eq_nocase(bytes_of(got.p, open), bytes_of(want.p, open)) &&
	       bytes_eq_nocase(bytes_of(got.p + got.n - rest.n, rest.n), rest);
}

static int fit_path(const char *base, const char *template, const struct recording *r,
		    struct match *m)
{
	struct bytes own[RECORDING_SEGMENTS], want[RECORDING_SEGMENTS];
	size_t n_own, n = template_segments(template, want), skip;
	bool known = base_segments(base, own, &n_own);
	int fit = FIT_END;

	if (n > r->n_segments)
		return FIT_NONE;
	skip = r->n_segments - n;
	if (known && skip == n_own && same(own, r->segments, n_own))
		fit = FIT_WHOLE;
	else if (n == 0 || (known && n_own <= r->n_segments && same(own, r->segments, n_own)))
		return FIT_NONE;
	for (size_t i = 0; i < n; i++) {
		struct bytes got = r->segments[skip + i];

		if (!fits_segment(want[i], got, &fit))
			return FIT_NONE;
		if (bytes_is(want[i], "{zone}") || bytes_is(want[i], "{zone/2}"))
			m->zone = got;
		if (bytes_is(want[i], "{type}"))
			m->type = got;
	}
	return fit;
}

/* Does the request's body speak of that kind of change? */
static bool speaks_of(struct bytes body, enum op_kind kind, const char *name)
{
	static const char *const adds[] = {"<Action>CREATE", "<Action>UPSERT", "\"additions\"",
					   NULL};
	static const char *const removes[] = {"<Action>DELETE", "\"deletions\"", NULL};
	const char *const *words = kind == OP_REMOVE ? removes : adds;
	char type[40];

	snprintf(type, sizeof(type), "\"%s\"", name);
	for (size_t i = 0; body.n >= strlen(type) && i <= body.n - strlen(type); i++)
		if (bytes_eq_nocase(bytes_of(body.p + i, strlen(type)), bytes_str(type)))
			return true;
	for (; *words; words++)
		if (bytes_find(body, bytes_str(*words)) < body.n)
			return true;
	return false;
}

static int fit_exchange(const struct provider *p, unsigned number, const struct recording *r,
			struct bytes request, struct match *m)
{
	const struct exchange *x = provider_exchange(p, number);
	enum op_kind kind = (enum op_kind)(number / PROVIDER_STEPS_MAX);
	int fit;

	if (!x || !bytes_eq_nocase(r->method, bytes_str(x->method)))
		return FIT_NONE;
	fit = fit_path(p->bases ? p->bases[0].base : p->base, x->path, r, m);
	if (fit == FIT_NONE)
		return FIT_NONE;
	if (x->changes && speaks_of(request, kind, x->name))
		fit += FIT_PURPOSE;
	return strstr(x->path, "{other}") ? fit : fit + FIT_NO_DETOUR;
}

static bool fits_login(const struct login *l, const struct recording *r)
{
	struct match none = {0};

	return l && bytes_is(r->method, "POST") &&
	       fit_path(l->bases ? l->bases[0].base : l->base, l->path, r, &none) != FIT_NONE;
}

static const struct login *find_login(const struct provider *p, const struct recording *r)
{
	const struct login *const all[] = {p->login, p->assume, p->assume ? p->assume->first : NULL,
					   p->oauth ? p->oauth->code : NULL,
					   p->oauth ? p->oauth->refresh : NULL};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (fits_login(all[i], r))
			return all[i];
	return NULL;
}

bool match_find(const struct provider *p, const struct recording *r, struct bytes request,
		struct match *out)
{
	int best = FIT_NONE;

	*out = (struct match){.number = -1};
	for (unsigned i = 0; i < OP_KINDS * PROVIDER_STEPS_MAX; i++) {
		struct match m = {.number = (int)i};
		int fit = fit_exchange(p, i, r, request, &m);

		if (fit > best) {
			best = fit;
			*out = m;
		}
	}
	if (out->number < 0)
		out->login = find_login(p, r);
	return out->number >= 0 || out->login;
}
