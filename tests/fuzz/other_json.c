/* SPDX-License-Identifier: ISC */
#include "other_json.h"

#include <stdlib.h>
#include <yajl/yajl_parse.h>

#define DEPTH 64

/* Walks the tree as yajl's events come. */
struct walk {
	const json_t *root;
	bool begun, differs;
	struct {
		const json_t *v;
		size_t next;	  /* of an array */
		void *iter;	  /* of an object, in the order of the text */
		const json_t *at; /* behind a key that was heard */
	} open[DEPTH];
	size_t n;
};

/* The value that must come now; NULL when there is none. */
static const json_t *expect(struct walk *w)
{
	const json_t *v;

	if (w->n == 0) {
		v = w->begun ? NULL : w->root;
		w->begun = true;
	} else if (json_is_array(w->open[w->n - 1].v)) {
		v = json_array_get(w->open[w->n - 1].v, w->open[w->n - 1].next++);
	} else {
		v = w->open[w->n - 1].at;
		w->open[w->n - 1].at = NULL;
	}
	w->differs = w->differs || !v;
	return v;
}

/* Events go on when something differs: whether yajl takes the rest is asked too. */
static int is(struct walk *w, bool same)
{
	w->differs = w->differs || !same;
	return 1;
}

static int on_null(void *arg)
{
	const json_t *v = expect(arg);

	return is(arg, json_is_null(v));
}

static int on_boolean(void *arg, int value)
{
	const json_t *v = expect(arg);

	return is(arg, json_is_boolean(v) && json_is_true(v) == !!value);
}

static int on_integer(void *arg, long long value)
{
	const json_t *v = expect(arg);

	return is(arg, json_is_integer(v) && json_integer_value(v) == value);
}

static int on_double(void *arg, double value)
{
	const json_t *v = expect(arg);

	return is(arg, json_is_real(v) && json_real_value(v) == value);
}

static int on_string(void *arg, const unsigned char *text, size_t n)
{
	const json_t *v = expect(arg);

	return is(arg, json_is_string(v) && bytes_eq(json_bytes(v), bytes_of(text, n)));
}

static int begin(struct walk *w, const json_t *v, bool right)
{
	if (!right || w->n == DEPTH) {
		w->differs = true;
		return 0;
	}
	w->open[w->n].v = v;
	w->open[w->n].next = 0;
	w->open[w->n].at = NULL;
	w->open[w->n++].iter = json_is_object(v) ? json_object_iter((json_t *)v) : NULL;
	return 1;
}

static int on_object(void *arg)
{
	const json_t *v = expect(arg);

	return begin(arg, v, json_is_object(v));
}

static int on_array(void *arg)
{
	const json_t *v = expect(arg);

	return begin(arg, v, json_is_array(v));
}

static int on_key(void *arg, const unsigned char *text, size_t n)
{
	struct walk *w = arg;
	void *iter = w->open[w->n - 1].iter;

	if (!iter)
		return is(w, false);
	w->open[w->n - 1].at = json_object_iter_value(iter);
	w->open[w->n - 1].iter = json_object_iter_next((json_t *)w->open[w->n - 1].v, iter);
	return is(w, bytes_eq(bytes_str(json_object_iter_key(iter)), bytes_of(text, n)));
}

static int on_object_end(void *arg)
{
	struct walk *w = arg;

	w->n--;
	return is(w, !w->open[w->n].iter);
}

static int on_array_end(void *arg)
{
	struct walk *w = arg;

	w->n--;
	return is(w, w->open[w->n].next == json_array_size(w->open[w->n].v));
}

bool other_json_agrees(struct bytes in, const json_t *v)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_boolean,
		.yajl_integer = on_integer,
		.yajl_double = on_double,
		.yajl_string = on_string,
		.yajl_start_map = on_object,
		.yajl_map_key = on_key,
		.yajl_end_map = on_object_end,
		.yajl_start_array = on_array,
		.yajl_end_array = on_array_end,
	};
	struct walk w = {.root = v};
	yajl_handle h = yajl_alloc(&callbacks, NULL, &w);
	bool ok;

	if (!h)
		abort();
	ok = yajl_parse(h, in.p, in.n) == yajl_status_ok &&
	     yajl_complete_parse(h) == yajl_status_ok;
	yajl_free(h);
	return ok && w.begun && !w.differs;
}
