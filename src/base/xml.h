/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * XML 1.0 as providers send it, read into the tree that JSON makes, so that the same look-ups
 * work. libexpat takes the text apart; a document type, and with it every entity but the five that
 * XML has, is refused.
 */
#include "base/buf.h"
#include "base/json.h"

#define XML_BYTES_MAX	 (4 * 1024 * 1024)
#define XML_ELEMENTS_MAX 200000
#define XML_DEPTH_MAX	 64

enum {
	XML_E_BAD = 1, /* not well-formed, not UTF-8, over a limit, or more than is read here */
};

/*
 * Read one whole document. *OUT, the caller's to json_decref, is an object with one key, the root's
 * name. An element with no elements in it is a string, its text. Any other is an object: each key
 * the name of elements in it (without prefix), each value the array of them in their order; text
 * beside them must be blank. Attributes, comments and processing instructions are left out.
 * IN is UTF-8, and says nothing else of itself; at most XML_BYTES_MAX bytes, XML_ELEMENTS_MAX
 * elements, and DEPTH_MAX (itself at most XML_DEPTH_MAX) of them within each other, the root
 * counted. All that expat holds is wiped.
 * Returns 0, XML_E_BAD or -ENOMEM.
 */
int xml_parse(struct bytes in, size_t depth_max, json_t **out) must_check;

/*
 * Append text, escaped for the content of an element. What XML 1.0 cannot hold (section 2.2:
 * control characters but tab, LF and CR; U+FFFE, U+FFFF; bytes that are not UTF-8) fails B with
 * -EINVAL.
 */
void xml_put(struct buf *b, struct bytes text);
