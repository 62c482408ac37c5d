/* SPDX-License-Identifier: ISC */
#include "base/xml.h"

#include "base/memory.h"

#include <expat.h>
#include <stdlib.h>

/* An element that is open. */
struct level {
	json_t *children; /* an object, or NULL while there are none */
	struct buf text;
};

struct reader {
	XML_Parser parser;
	struct level levels[XML_DEPTH_MAX + 1]; /* [0]: the document */
	size_t depth, depth_max, elements;
	bool bad, no_memory;
};

/* ---- reading ---- */

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

	if (r->depth >= r->depth_max || ++r->elements > XML_ELEMENTS_MAX) {
		stop(r, false);
		return;
	}
	r->levels[++r->depth] = (struct level){.text = BUF_INIT(XML_BYTES_MAX)};
}

/* What the element is that ends here. NULL, with the reader stopped, when it is none of ours. */
static json_t *value_of(struct reader *r, struct level *l)
{
	json_t *v = NULL;

	if (buf_status(&l->text) < 0) {
		stop(r, true);
	} else if (l->children ? !is_blank(&l->text) : !bytes_utf8(buf_bytes(&l->text))) {
		stop(r, false);
	} else if (l->children) {
		v = l->children;
		l->children = NULL;
	} else {
		v = json_from_bytes(buf_bytes(&l->text));
		if (!v)
			stop(r, true);
	}
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

/* Without its prefix. */
static const char *local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static void on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	struct level *l = &r->levels[r->depth];
	json_t *v;

	/* Of an empty element this still comes after a stop. */
	if (r->bad || r->no_memory)
		return;
	name = local_name(name);
	if (!*name) {
		stop(r, false);
		return;
	}
	v = value_of(r, l);
	if (!v)
		return;
	buf_done(&l->text);
	r->depth--;
	if (append(&r->levels[r->depth], r->depth == 0, name, v) != 0)
		stop(r, true);
}

static void on_text(void *arg, const XML_Char *p, int n)
{
	struct reader *r = arg;

	buf_put(&r->levels[r->depth].text, p, (size_t)n);
}

static void on_declaration(void *arg, const XML_Char *version, const XML_Char *encoding,
			   int standalone)
{
	if (encoding && !bytes_eq_nocase(bytes_str(encoding), BYTES("UTF-8")))
		stop(arg, false);
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int internal)
{
	stop(arg, false);
}

static XML_Parser new_parser(struct reader *r)
{
	/* An answer may hold a secret, and expat keeps pieces of one that is cut short. */
	const XML_Memory_Handling_Suite memory = {malloc, wiping_realloc, wiping_free};
	XML_Parser p = XML_ParserCreate_MM("UTF-8", &memory, NULL);

	if (!p)
		return NULL;
	/*
	 * Expat would ask the system for a random salt of its tables of names; pure code has a
	 * constant. Who knows it can choose names that collide, and so waste time of ours: only the
	 * provider, in an answer of at most XML_BYTES_MAX. (jansson's tables have a random seed.)
	 */
	XML_SetHashSalt(p, 0x706f7374);
	XML_SetUserData(p, r);
	XML_SetElementHandler(p, on_start, on_end);
	XML_SetCharacterDataHandler(p, on_text);
	XML_SetXmlDeclHandler(p, on_declaration);
	XML_SetStartDoctypeDeclHandler(p, on_doctype);
	return p;
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
	struct reader r = {.depth_max = depth_max < XML_DEPTH_MAX ? depth_max : XML_DEPTH_MAX};
	int result = XML_E_BAD;

	/* UTF-16 has NULs in every document: expat, which would see its mark, does not see it. */
	if (in.n == 0 || in.n > XML_BYTES_MAX || memchr(in.p, 0, in.n))
		return XML_E_BAD;
	r.parser = new_parser(&r);
	if (!r.parser)
		return -ENOMEM;
	r.levels[0].text = BUF_INIT(XML_BYTES_MAX);
	if (XML_Parse(r.parser, (const char *)in.p, (int)in.n, XML_TRUE) == XML_STATUS_OK &&
	    !r.bad && r.levels[0].children)
		result = 0;
	if (r.no_memory || XML_GetErrorCode(r.parser) == XML_ERROR_NO_MEMORY)
		result = -ENOMEM;
	if (result == 0) {
		*out = r.levels[0].children;
		r.levels[0].children = NULL;
	}
	finish(&r);
	return result;
}

/* ---- writing ---- */

/* All of TEXT is characters of XML 1.0 (section 2.2). */
static bool is_text(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < 0x20 && text.p[i] != '\t' && text.p[i] != '\n' && text.p[i] != '\r')
			return false;
	return bytes_utf8(text) && bytes_find(text, BYTES("\xef\xbf\xbe")) == text.n &&
	       bytes_find(text, BYTES("\xef\xbf\xbf")) == text.n;
}

void xml_put(struct buf *b, struct bytes text)
{
	if (!is_text(text) && !b->failed)
		b->failed = -EINVAL;
	for (size_t i = 0; i < text.n && !b->failed; i++) {
		unsigned char c = text.p[i];

		if (c == '&')
			buf_puts(b, "&amp;");
		else if (c == '<')
			buf_puts(b, "&lt;");
		else if (c == '>')
			buf_puts(b, "&gt;");
		else if (c == '"')
			buf_puts(b, "&quot;");
		else if (c == '\r') /* a reader makes a bare one LF */
			buf_puts(b, "&#13;");
		else
			buf_putc(b, c);
	}
}
