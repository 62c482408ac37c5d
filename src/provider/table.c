/* SPDX-License-Identifier: ISC */
/* All providers, their exchanges by number, and their credentials. */
#include "provider/provider.h"

#include <regex.h>

#define PATTERNS_MAX 200 /* of all tables together, and more */
#define PATTERN_MAX  256

const struct provider *const providers[] = {
#define X(name) &provider_##name,
	PROVIDER_LIST(X)
#undef X
		NULL,
};

const struct provider *provider_by_name(struct bytes name)
{
	for (size_t i = 0; providers[i]; i++)
		if (bytes_is(name, providers[i]->name))
			return providers[i];
	return NULL;
}

const struct exchange *provider_exchange(const struct provider *p, unsigned number)
{
	if (number >= OP_KINDS * PROVIDER_STEPS_MAX)
		return NULL;
	return p->ops[number / PROVIDER_STEPS_MAX][number % PROVIDER_STEPS_MAX];
}

int provider_exchange_number(const struct provider *p, const struct exchange *e)
{
	for (unsigned i = 0; i < OP_KINDS * PROVIDER_STEPS_MAX; i++)
		if (e && provider_exchange(p, i) == e)
			return (int)i;
	return -1;
}

/* ---- ways to be trusted ---- */

static const char *const category_texts[CATEGORIES] = {"static", "oauth", "delegated"};

const char *category_text(enum category c)
{
	return category_texts[c];
}

enum category credentials_way(struct bytes pairs)
{
	struct bytes text;

	if (plist_get(pairs, CREDENTIALS_WAY, &text))
		for (enum category c = 0; c < CATEGORIES; c++)
			if (bytes_is(text, category_texts[c]))
				return c;
	return CATEGORY_STATIC;
}

const struct login *provider_login(const struct provider *p, struct bytes pairs)
{
	switch (credentials_way(pairs)) {
	case CATEGORY_OAUTH:
		return p->oauth ? p->oauth->refresh : NULL;
	case CATEGORY_DELEGATED:
		return p->assume;
	default:
		return p->login;
	}
}

bool path_segment(struct bytes v)
{
	size_t dots = 0;

	while (dots < v.n && v.p[dots] == '.')
		dots++;
	return v.n > dots && v.n <= PROVIDER_ID_MAX && bytes_printable(v) &&
	       !memchr(v.p, '/', v.n) && !memchr(v.p, '\\', v.n);
}

struct bytes id_part(struct bytes id, unsigned part)
{
	size_t slash = bytes_find(id, BYTES("/"));

	if (slash == id.n)
		return bytes_of(NULL, 0);
	return part == 1 ? bytes_of(id.p, slash) : bytes_skip(id, slash + 1);
}

/* ---- credentials ---- */

bool field_goes_way(const struct field_def *f, enum category way)
{
	return (f->ways ? f->ways : 1u << CATEGORY_STATIC) & 1u << way;
}

/* NULL when no way has it. WAY: CATEGORIES for any. */
static const struct field_def *field_by_name(const struct provider *p, enum category way,
					     struct bytes name)
{
	for (const struct field_def *f = p->fields; f->name; f++)
		if (bytes_is(name, f->name) && (way == CATEGORIES || field_goes_way(f, way)))
			return f;
	return NULL;
}

static bool has_control(const struct field_def *f, struct bytes v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((v.p[i] < 0x20 && !(f->multiline && v.p[i] == '\n')) || v.p[i] == 0x7f)
			return true;
	return false;
}

static int compile(const char *pattern, regex_t *out)
{
	struct buf whole = BUF_INIT(PATTERN_MAX);
	int r = -ENOMEM;

	buf_puts(&whole, "^(");
	buf_puts(&whole, pattern);
	buf_put(&whole, ")$", 3);
	if (buf_status(&whole) == 0 &&
	    regcomp(out, (const char *)whole.p, REG_EXTENDED | REG_NOSUB) == 0)
		r = 0;
	buf_done(&whole);
	return r;
}

/* PATTERN, which is a table's, ready for use: compiling takes longer than all else that is done with a credential. -ENOMEM. */
static int compiled(const char *pattern, const regex_t **out)
{
	static struct {
		const char *pattern;
		regex_t re;
	} known[PATTERNS_MAX];
	static size_t n;
	size_t i = 0;
	int r;

	while (i < n && known[i].pattern != pattern)
		i++;
	if (i == PATTERNS_MAX)
		return -ENOMEM;
	if (i == n) {
		r = compile(pattern, &known[i].re);
		if (r < 0)
			return r;
		known[n++].pattern = pattern;
	}
	*out = &known[i].re;
	return 0;
}

/* The whole of V matches PATTERN. V has no NUL. 0, PROVIDER_E_FIELD or -errno. */
static int match(const char *pattern, struct bytes v)
{
	struct buf text = BUF_INIT(v.n + 1);
	const regex_t *re;
	int r = compiled(pattern, &re);

	buf_put_bytes(&text, v);
	buf_putc(&text, 0);
	if (r == 0)
		r = buf_status(&text);
	if (r == 0) {
		r = regexec(re, (const char *)text.p, 0, NULL, 0);
		r = r == 0 ? 0 : r == REG_NOMATCH ? PROVIDER_E_FIELD : -ENOMEM;
	}
	buf_done(&text);
	return r;
}

static int check_value(const struct field_def *f, struct bytes v, const char **why)
{
	if (v.n == 0)
		*why = "is empty";
	else if (v.n > f->max)
		*why = "is too long";
	else if (has_control(f, v))
		*why = "holds a control character";
	else if (f->pattern) {
		*why = "does not have the form that the provider gives it";
		return match(f->pattern, v);
	} else
		return 0;
	return PROVIDER_E_FIELD;
}

/* Every name is known, and none comes twice. */
static int check_names(const struct provider *p, enum category way, struct bytes pairs,
		       const char **field, const char **why)
{
	struct bytes name, value, other, rest;

	*field = "credentials";
	while (plist_next(&pairs, &name) && plist_next(&pairs, &value)) {
		const struct field_def *f = field_by_name(p, way, name);

		*why = "has a field that the provider does not know";
		if (!f)
			return PROVIDER_E_FIELD;
		*why = "has a field twice";
		for (rest = pairs; plist_next(&rest, &other) && plist_next(&rest, &value);)
			if (bytes_eq(other, name))
				return PROVIDER_E_FIELD;
	}
	return 0;
}

static int check_fields(const struct provider *p, enum category way, struct bytes pairs,
			const char **field, const char **why)
{
	struct bytes v;
	int r = check_names(p, way, pairs, field, why);

	for (const struct field_def *f = p->fields; f->name && r == 0; f++) {
		if (!field_goes_way(f, way))
			continue;
		*field = f->name;
		*why = "is missing";
		if (plist_get(pairs, f->name, &v))
			r = check_value(f, v, why);
		else if (!f->preset && !f->optional)
			r = PROVIDER_E_FIELD;
	}
	return r;
}

int provider_check_credentials(const struct provider *p, enum category way, struct bytes pairs,
			       struct buf *out, const char **field, const char **why)
{
	const char *which, *reason;
	struct bytes v;
	int r = check_fields(p, way, pairs, &which, &reason);

	if (r == PROVIDER_E_FIELD) {
		*field = which;
		*why = reason;
	}
	if (r != 0)
		return r;
	for (const struct field_def *f = p->fields; f->name; f++) {
		if (!plist_get(pairs, f->name, &v))
			v = bytes_str(f->preset);
		if (v.n == 0 || !field_goes_way(f, way))
			continue;
		plist_put(out, bytes_str(f->name));
		plist_put(out, v);
	}
	return buf_status(out);
}

int provider_public_fields(const struct provider *p, struct bytes pairs, struct buf *out)
{
	struct bytes name, value;

	while (plist_next(&pairs, &name) && plist_next(&pairs, &value)) {
		const struct field_def *f = field_by_name(p, CATEGORIES, name);

		if (!bytes_is(name, CREDENTIALS_EXTERNAL) && (!f || f->secret))
			continue;
		plist_put(out, name);
		plist_put(out, value);
	}
	return buf_status(out);
}
