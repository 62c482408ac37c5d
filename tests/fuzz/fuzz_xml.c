/* SPDX-License-Identifier: ISC */
/*
 * XML: what is read can be written again, and is then read as the same; any text that is written is
 * read as itself.
 */
#include "base/xml.h"

#include <stdlib.h>

#define DEPTH 32

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

/* The prefix: behind one, a name may begin with what no name begins with. */
static void put_tag(struct buf *b, const char *open, const char *name)
{
	buf_puts(b, open);
	buf_puts(b, name);
	buf_putc(b, '>');
}

static void put_element(struct buf *b, const char *name, json_t *v, unsigned depth)
{
	const char *key;
	json_t *list, *child;
	size_t i;

	CHECK(depth <= DEPTH && *name);
	put_tag(b, "<x:", name);
	if (json_is_string(v)) {
		CHECK(bytes_utf8(json_bytes(v)));
		xml_put(b, json_bytes(v));
	} else {
		CHECK(json_is_object(v) && json_object_size(v) > 0);
		json_object_foreach(v, key, list)
		{
			CHECK(json_is_array(list) && json_array_size(list) > 0);
			json_array_foreach(list, i, child)
			{
				put_element(b, key, child, depth + 1);
			}
		}
	}
	put_tag(b, "</x:", name);
}

static void try_document(struct bytes in)
{
	struct buf text = BUF_INIT(XML_BYTES_MAX);
	json_t *v = NULL, *again = NULL;
	void *root;
	int r = xml_parse(in, DEPTH, &v);

	CHECK(r == 0 || (r == XML_E_BAD && !v));
	if (r != 0)
		return;
	CHECK(json_is_object(v) && json_object_size(v) == 1);
	root = json_object_iter(v);
	put_element(&text, json_object_iter_key(root), json_object_iter_value(root), 1);
	if (buf_status(&text) != -ENOBUFS) { /* it may have grown */
		CHECK(buf_status(&text) == 0 && xml_parse(buf_bytes(&text), DEPTH, &again) == 0);
		CHECK(json_equal(v, again));
	}
	json_decref(v);
	json_decref(again);
	buf_done(&text);
}

static void try_text(struct bytes in)
{
	struct buf text = BUF_INIT(XML_BYTES_MAX);
	json_t *v = NULL;

	buf_puts(&text, "<a>");
	xml_put(&text, in);
	buf_puts(&text, "</a>");
	if (buf_status(&text) == 0) {
		CHECK(xml_parse(buf_bytes(&text), 1, &v) == 0);
		CHECK(bytes_eq(json_get_bytes(v, "a"), in));
	}
	json_decref(v);
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_document(bytes_of(data, size));
	try_text(bytes_of(data, size));
	return 0;
}
