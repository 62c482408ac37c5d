/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * XML as providers send it, read into the tree that JSON makes, so that the same look-ups work. libexpat takes the text apart; a document type, and with it every entity but the five that
 * XML has, is refused.
 */
#include "base/buf.h"
#include "base/json.h"

#define XML_ELEMENTS_MAX 200000

enum { XML_E_BAD = 1 };

/*
 * An element without elements in it is a string, its text. Any other is an object: each key the name of elements in it (without prefix), each value the array of
 * them in their order; text beside them must be blank. Attributes are left out. *OUT is an object with one key, the root's name. UTF-8 only; at most DEPTH_MAX elements deep.
 * 0, XML_E_BAD or -ENOMEM.
 */
int xml_parse(struct bytes in, size_t depth_max, json_t **out) must_check;

/* Append text, escaped. What XML 1.0 cannot hold (control characters, bytes that are not UTF-8) fails B with -EINVAL. */
void xml_put(struct buf *b, struct bytes text);
