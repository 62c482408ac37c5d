/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Answers that a hostile provider might give: recorded ones, or ones made from the provider's own shape, with strings
 * and types in them changed.
 */
#include "test.h"

#include "base/xml.h"
#include "provider/kit.h"
#include "sample.h"

#include <ftw.h>

#define HOSTILE_RECORDED 256

struct recorded {
	unsigned status;
	char *method, *uri; /* or NULL */
	json_t *tree;	    /* NULL: no JSON, no XML */
	struct buf body;
};

struct recordings {
	struct recorded list[HOSTILE_RECORDED];
	size_t n;
};

/* ---- what was recorded ---- */

static inline json_t *hostile_tree(bool xml, struct bytes body)
{
	json_t *v = NULL;

	return (xml ? xml_parse(body, PROVIDER_JSON_DEPTH, &v)
		    : json_parse(body, PROVIDER_JSON_DEPTH, &v, NULL, 0)) == 0
		       ? v
		       : NULL;
}

static inline void recordings_add(struct recordings *r, bool xml, unsigned status,
				  const char *method, const char *uri, struct bytes body)
{
	struct recorded *new = &r->list[r->n];

	assert_true(r->n++ < HOSTILE_RECORDED);
	*new = (struct recorded){.status = status,
				 .method = method ? strdup(method) : NULL,
				 .uri = uri ? strdup(uri) : NULL,
				 .tree = hostile_tree(xml, body),
				 .body = BUF_INIT(PROVIDER_BODY_MAX)};
	buf_put_bytes(&new->body, body);
}

static inline void recordings_add_file(struct recordings *r, bool xml, const char *path)
{
	struct buf file = test_file(path);
	json_t *v = strstr(path, ".json") ? hostile_tree(false, buf_bytes(&file)) : NULL, *e;
	const char *body, *text;
	unsigned status = 200;
	size_t i;

	buf_putc(&file, 0);
	text = (const char *)file.p;
	body = strncmp(text, "HTTP/", 5) == 0 ? strstr(text, "\r\n\r\n") : NULL;
	if (body)
		sscanf(text, "HTTP/%*s %u", &status);
	body = body ? body + 4 : text;
	if (json_object_get(json_array_get(v, 0), "uri"))
		json_array_foreach(v, i, e) recordings_add(
			r, xml, (unsigned)json_integer_value(json_object_get(e, "status")),
			json_string_value(json_object_get(e, "method")),
			json_string_value(json_object_get(e, "uri")), json_get_bytes(e, "body"));
	else
		recordings_add(r, xml, status, NULL, NULL, bytes_str(body));
	json_decref(v);
	buf_done(&file);
}

static struct recordings *recordings_now; /* nftw() takes no argument of ours */
static bool recordings_xml;

static inline int recordings_visit(const char *path, const struct stat *st, int flag,
				   struct FTW *where)
{
	if (flag == FTW_F && !strstr(path, "SOURCE"))
		recordings_add_file(recordings_now, recordings_xml, path + strlen(TEST_DATA) + 1);
	return 0;
}

static inline int recordings_by_size(const void *a, const void *b)
{
	const struct recorded *x = a, *y = b;
	int r = (x->body.n > y->body.n) - (x->body.n < y->body.n);

	return r ? r : x->body.n ? memcmp(x->body.p, y->body.p, x->body.n) : 0;
}

/* All of tests/fixtures/NAME, in an order that does not depend on the file system; none is no error. */
static inline void recordings_load(struct recordings *r, const struct provider *p)
{
	char path[512];

	r->n = 0;
	snprintf(path, sizeof(path), "%s/fixtures/%s", TEST_DATA, p->name);
	recordings_now = r;
	recordings_xml = p->xml;
	nftw(path, recordings_visit, 8, FTW_PHYS);
	qsort(r->list, r->n, sizeof(r->list[0]), recordings_by_size);
}

static inline void recordings_done(struct recordings *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->list[i].method);
		free(r->list[i].uri);
		json_decref(r->list[i].tree);
		buf_done(&r->list[i].body);
	}
	r->n = 0;
}

/* ---- made from the shape ---- */

/* Set V at PATH ("a.0.b") below ROOT, making what is missing on the way. Takes V. */
static inline void hostile_set(json_t *root, const char *path, json_t *v)
{
	while (*path) {
		size_t n = strcspn(path, ".");
		const char *rest = path[n] ? path + n + 1 : path + n;
		bool in_array = *rest >= '0' && *rest <= '9';
		char key[128];
		json_t *next;

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		if (json_is_array(root)) {
			while (json_array_size(root) <= (size_t)strtoul(key, NULL, 10))
				json_array_append_new(root, *rest ? json_object() : json_null());
			if (!*rest) {
				json_array_set_new(root, (size_t)strtoul(key, NULL, 10), v);
				return;
			}
			root = json_array_get(root, (size_t)strtoul(key, NULL, 10));
		} else if (!*rest) {
			json_object_set_new(root, key, v);
			return;
		} else {
			next = json_object_get(root, key);
			if (!json_is_object(next) && !json_is_array(next)) {
				next = in_array ? json_array() : json_object();
				json_object_set_new(root, key, next);
			}
			root = next;
		}
		path = rest;
	}
	json_decref(v);
}

struct hostile {
	const struct provider *provider;
	const struct op *op;
	struct dice *dice;
};

static const char *const hostile_texts[] = {
	"../../x",
	"..",
	".",
	"//evil.example/",
	"/evil",
	"http://evil.example/a?cursor=..",
	"https://evil.example/v1/zones?page=2&cursor=%2e%2e%2f&marker=a%0d%0aX: y&$skipToken=a/b",
	"%2e%2e",
	"%2e%2e%2f",
	"..%2fx",
	"..\\..\\x",
	"..;/x",
	"a?b#c",
	"a&b=c",
	"a\r\nX-Evil: 1",
	"a\r\n\r\nGET / HTTP/1.1",
	"\t",
	"a b",
	"\xf0\x9f\x98\x80",
	"\xc3\xa9\xe2\x80\xae\xef\xbc\x8f",
	"@evil",
	"@evil.example/",
	"user:pw@evil.example",
	"evil.example:443",
	"{zone}",
	"{=api_key}",
	"$&`;|",
	"",
	"0",
	"-1",
	"00",
	"1e9",
	"/hostedzone/../../x",
	"/hostedzone/Z1",
	"/subscriptions/s/resourceGroups/../providers/Microsoft.Network/dnsZones/example.org",
	"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/dnsZones/example.org",
	"W/\"etag\"",
	"_acme-challenge.example.org.",
	"example.org",
	"example.org.",
	"a.example.org",
};

/* Some of the time the very name, type or value that is looked for, so that things go on from there. */
static inline json_t *hostile_string(const struct hostile *h)
{
	char text[2048];

	switch (dice_below(h->dice, 12)) {
	case 0:
		memset(text, 'A' + (int)dice_below(h->dice, 26), sizeof(text));
		return json_stringn(text, 1000 + dice_below(h->dice, 1048));
	case 1:
		return json_string(h->op->fqdn.text);
	case 2:
		snprintf(text, sizeof(text), "%s.", h->op->fqdn.text);
		return json_string(text);
	case 3:
		return json_stringn((const char *)h->op->value.p, h->op->value.n);
	case 4:
		snprintf(text, sizeof(text), "id%zu", dice_below(h->dice, 1000));
		return json_string(text);
	default:
		return json_string(hostile_texts[dice_below(h->dice, ARRAY_LEN(hostile_texts))]);
	}
}

/* Something of another type. */
static inline json_t *hostile_scalar(const struct hostile *h)
{
	switch (dice_below(h->dice, 9)) {
	case 0:
		return json_null();
	case 1:
		return json_true();
	case 2:
		return json_false();
	case 3:
		return json_integer((json_int_t)dice_roll(h->dice));
	case 4:
		return json_integer((json_int_t)dice_below(h->dice, 3));
	case 5:
		return json_real(1.5);
	case 6:
		return json_array();
	case 7:
		return json_object();
	default:
		return hostile_string(h);
	}
}

/* A copy of V with, in each place, PERCENT of a chance to be something else. */
static inline json_t *hostile_copy(const struct hostile *h, const json_t *v, unsigned percent)
{
	const char *key;
	json_t *out, *e;
	size_t i;

	if (json_is_string(v) && dice_is(h->dice, percent))
		return hostile_string(h);
	if (!json_is_string(v) && dice_is(h->dice, percent / 4))
		return hostile_scalar(h);
	if (json_is_array(v)) {
		out = json_array();
		json_array_foreach(v, i, e) json_array_append_new(out, hostile_copy(h, e, percent));
		return out;
	}
	if (!json_is_object(v))
		return json_deep_copy(v);
	out = json_object();
	json_object_foreach((json_t *)v, key, e) if (!dice_is(h->dice, percent / 8))
		json_object_set_new(out, key, hostile_copy(h, e, percent));
	return out;
}

static inline json_t *hostile_name(const struct hostile *h, enum name_form form)
{
	struct buf text = BUF_INIT(1000);
	json_t *v;

	op_put_name(h->op, form, &text);
	v = json_stringn(text.n ? (const char *)text.p : "", text.n);
	buf_done(&text);
	return v;
}

/* What is in a set of the type that is asked for: our value or another, or both. */
static inline json_t *hostile_values(const struct hostile *h)
{
	const struct shape *s = h->provider->shape;
	const char *path = s->content ? s->content : s->content_of ? "value" : "";
	json_t *values = json_array(), *other = *path ? json_object() : NULL;

	if (dice_is(h->dice, 70))
		json_array_append_new(values,
				      s->new_value ? s->new_value(h->op) : op_content(h->op));
	if (*path)
		hostile_set(other, path, json_string("another"));
	if (dice_is(h->dice, 50))
		json_array_append_new(values, other ? other : json_string("another"));
	else
		json_decref(other);
	return values;
}

/* A record or a set at the name: with our value and id, or another's. */
static inline json_t *hostile_record(const struct hostile *h, bool ours)
{
	const struct shape *s = h->provider->shape;
	struct bytes id = h->op->wanted_id;
	json_t *r = json_object();

	if (s->id && ours && id.n && bytes_utf8(id))
		hostile_set(r, s->id, json_stringn((const char *)id.p, id.n));
	else if (s->id)
		hostile_set(r, s->id, json_sprintf("id%u", (unsigned)dice_below(h->dice, 1000)));
	if (s->name)
		hostile_set(r, s->name, hostile_name(h, s->names.answer));
	if (s->type)
		hostile_set(r, s->type,
			    s->values ? json_string(set_type_asked(h->op)) : op_type(h->op));
	if (s->ttl)
		hostile_set(r, s->ttl, h->provider->xml ? json_string("300") : json_integer(300));
	if (s->etag)
		hostile_set(r, s->etag, json_string("W/\"etag\""));
	if (s->values)
		hostile_set(r, s->values, hostile_values(h));
	else if (s->content)
		hostile_set(r, s->content, ours ? op_content(h->op) : json_string("another"));
	return r;
}

static inline json_t *hostile_zone(const struct hostile *h)
{
	const struct shape *s = h->provider->shape;
	json_t *z = json_object();

	if (s->zone_id && *s->zone_id)
		hostile_set(z, s->zone_id, json_string("example.org"));
	if (s->zone_name && *s->zone_name)
		hostile_set(z, s->zone_name, json_string("example.org"));
	return z;
}

/* The last page, or who knows. */
static inline void hostile_page(const struct hostile *h, const struct paging *p, json_t *root)
{
	if (p->path && dice_is(h->dice, 30))
		hostile_set(root, p->path, hostile_scalar(h));
	else if (p->path)
		hostile_set(root, p->path, p->kind == PAGING_TOTAL ? json_integer(1) : json_null());
}

/* What most APIs would answer, by the shape alone. */
static inline json_t *hostile_made(const struct hostile *h)
{
	const struct shape *s = h->provider->shape;
	json_t *root, *records;

	if (!s)
		return json_object();
	records = json_array();
	for (size_t n = dice_below(h->dice, 4); n > 0; n--)
		json_array_append_new(records, hostile_record(h, dice_is(h->dice, 60)));
	if (((s->zones && !*s->zones) || (s->records && !*s->records)) && dice_is(h->dice, 50))
		return records;
	root = dice_is(h->dice, 50) ? hostile_record(h, dice_is(h->dice, 70)) : json_object();
	if (h->provider->xml)
		json_object_clear(root); /* it has one root */
	if (h->provider->success)
		hostile_set(root, h->provider->success, json_true());
	if (s->zones && *s->zones && (!h->provider->xml || dice_is(h->dice, 30)))
		hostile_set(root, s->zones, json_pack("[o]", hostile_zone(h)));
	if (s->records && *s->records && (!h->provider->xml || json_object_size(root) == 0))
		hostile_set(root, s->records, json_incref(records));
	if (s->record && *s->record &&
	    (!s->records || strcmp(s->record, s->records) != 0 || dice_is(h->dice, 50)))
		hostile_set(root, s->record, hostile_record(h, true));
	if (!h->provider->xml || json_object_size(root) == 0) {
		hostile_page(h, &s->zone_pages, root);
		hostile_page(h, &s->record_pages, root);
	}
	json_decref(records);
	return root;
}

/* ---- as bytes ---- */

static inline void hostile_put_xml(struct buf *out, const char *name, const json_t *v)
{
	const char *key;
	json_t *e;
	size_t i;

	if (json_is_array(v)) {
		json_array_foreach(v, i, e) hostile_put_xml(out, name, e);
		return;
	}
	buf_printf(out, "<%s>", name);
	if (json_is_object(v))
		json_object_foreach((json_t *)v, key, e) hostile_put_xml(out, key, e);
	else if (json_is_string(v))
		xml_put(out, json_bytes(v));
	else if (json_is_integer(v))
		buf_printf(out, "%lld", (long long)json_integer_value(v));
	buf_printf(out, "</%s>", name);
}

/* Without the document where a byte cannot stand in XML: that is an answer too. */
static inline void hostile_put(bool xml, const json_t *v, struct buf *out)
{
	const char *key;
	json_t *e;
	char *text;

	if (!xml) {
		text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		if (text)
			buf_puts(out, text);
		free(text);
		return;
	}
	if (json_is_object(v))
		json_object_foreach((json_t *)v, key, e) hostile_put_xml(out, key, e);
	if (buf_status(out) == -EINVAL)
		buf_reset(out);
}
