/* SPDX-License-Identifier: ISC */
#include "base/xml.h"

#include <expat.h>

#define STACK_MAX 64
#define TEXT_MAX  (4 * 1024 * 1024)

/* An element that is open. */
struct level {
	json_t *children; /* an object, or NULL while there are none */
	struct buf text;
};

struct reader {
	XML_Parser parser;
	struct level levels[STACK_MAX + 1]; /* [0]: the document */
	size_t depth, depth_max, elements;
	bool bad, no_memory;
};

static void stop(struct reader *r, bool no_memory)
{
	r->bad = r->bad || !no_memory;
	r->no_memory = r->no_memory || no_memory;
	XML_StopParser(r->parser, XML_FALSE);
}

static bool is_blank(const struct buf *text)
{
	for (size_t i = 0; i < text->n; i++)
		if (!strchr(" \t\r\n", text->p[i]))
			return false;
	return true;
}

static void on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;

	if (r->depth == r->depth_max || ++r->elements > XML_ELEMENTS_MAX) {
		stop(r, false);
		return;
	}
	r->levels[++r->depth] = (struct level){.text = BUF_INIT(TEXT_MAX)};
}

/* What a closed element is. NULL, with the reader stopped, when it is none of ours. */
static json_t *close_level(struct reader *r, struct level *l)
{
	json_t *v;

	if (l->children && !is_blank(&l->text)) {
		stop(r, false);
		return NULL;
	}
	v = l->children ? l->children
			: json_stringn(l->text.n ? (const char *)l->text.p : "", l->text.n);
	l->children = NULL;
	if (!v || buf_status(&l->text) < 0)
		stop(r, true);
	buf_done(&l->text);
	return v;
}

/* Takes V. */
static int append(struct level *to, bool is_document, const char *name, json_t *v)
{
	json_t *list;

	if (!to->children)
		to->children = json_object();
	if (is_document)
		return json_object_set_new(to->children, name, v);
	list = json_object_get(to->children, name);
	if (!list) {
		list = json_array();
		if (json_object_set_new(to->children, name, list) != 0) {
			json_decref(v);
			return -1;
		}
	}
	return json_array_append_new(list, v);
}

static void on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	const char *colon = strrchr(name, ':');
	json_t *v;

	if (r->bad || r->no_memory)
		return;
	v = close_level(r, &r->levels[r->depth]);
	r->depth--;
	if (v && append(&r->levels[r->depth], r->depth == 0, colon ? colon + 1 : name, v) != 0)
		stop(r, true);
}

static void on_text(void *arg, const XML_Char *p, int n)
{
	struct reader *r = arg;

	buf_put(&r->levels[r->depth].text, p, (size_t)n);
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int internal)
{
	stop(arg, false);
}

static void finish(struct reader *r)
{
	for (size_t i = 0; i <= r->depth; i++) {
		json_decref(r->levels[i].children);
		buf_done(&r->levels[i].text);
	}
	XML_ParserFree(r->parser);
}

int xml_parse(struct bytes in, size_t depth_max, json_t **out)
{
	struct reader r = {.depth_max = depth_max < STACK_MAX ? depth_max : STACK_MAX};
	int result = XML_E_BAD;

	*out = NULL;
	r.parser = XML_ParserCreate("UTF-8");
	if (!r.parser)
		return -ENOMEM;
	/*
	 * Pure code draws no random numbers. What the salt is for (names chosen to collide) the bound on elements does: names are compared, not hashed, but in jansson, whose seed is the process's own.
	 */
	XML_SetHashSalt(r.parser, 0x706f7374);
	r.levels[0].text = BUF_INIT(TEXT_MAX);
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	if (in.n > 0 && in.n < INT32_MAX && !memchr(in.p, 0, in.n) &&
	    XML_Parse(r.parser, (const char *)in.p, (int)in.n, XML_TRUE) == XML_STATUS_OK &&
	    !r.bad && r.levels[0].children) {
		*out = r.levels[0].children;
		r.levels[0].children = NULL;
		result = 0;
	}
	if (r.no_memory || XML_GetErrorCode(r.parser) == XML_ERROR_NO_MEMORY)
		result = -ENOMEM;
	if (result < 0) {
		json_decref(*out);
		*out = NULL;
	}
	finish(&r);
	return result;
}

/* ---- writing ---- */

void xml_put(struct buf *b, struct bytes text)
{
	/* jansson knows what UTF-8 is. */
	json_t *check = json_stringn(text.n ? (const char *)text.p : "", text.n);

	if (!check)
		b->failed = b->failed ? b->failed : -EINVAL;
	json_decref(check);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = text.p[i];

		if (c < 0x20 && c != '\t' && c != '\n')
			b->failed = b->failed ? b->failed : -EINVAL;
		else if (c == '&')
			buf_puts(b, "&amp;");
		else if (c == '<')
			buf_puts(b, "&lt;");
		else if (c == '>')
			buf_puts(b, "&gt;");
		else if (c == '"')
			buf_puts(b, "&quot;");
		else
			buf_putc(b, c);
	}
}
