/* SPDX-License-Identifier: ISC */
#include "simulate.h"

#include "base/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX  (1u << 20)
#define XMLNS	  " xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\""
#define TEXT_SIZE 80

/* What a request asks of one set. */
struct sim_change {
	char name[TEXT_SIZE], type[8];
	json_int_t ttl;
	json_t *gone; /* these values must be there, all of them and no others; NULL: nothing goes */
	json_t *come; /* and then these are; NULL: nothing comes */
};

/* ---- the sets ---- */

void sim_init(struct sim *s, const struct provider *p, enum sim_mode mode)
{
	*s = (struct sim){.provider = p, .mode = mode};
}

static bool is_azure(const struct sim *s)
{
	return s->provider == &provider_azuredns;
}

static void drop(struct sim *s, struct sim_set *set)
{
	json_decref(set->values);
	*set = s->sets[--s->n];
}

void sim_done(struct sim *s)
{
	while (s->n)
		drop(s, s->sets);
}

const char *sim_zone_id(const struct sim *s)
{
	return is_azure(s) ? "rg/" SIM_ZONE : s->provider->xml ? "Z1" : "77";
}

static struct sim_set *find(const struct sim *s, const char *name, const char *type)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->sets[i].name, name) == 0 && strcmp(s->sets[i].type, type) == 0)
			return (struct sim_set *)&s->sets[i];
	return NULL;
}

/* Make it VALUES, which are taken; with none it goes. */
static void put(struct sim *s, const char *name, const char *type, json_int_t ttl, json_t *values)
{
	struct sim_set *set = find(s, name, type);

	if (json_array_size(values) == 0) {
		json_decref(values);
		if (set)
			drop(s, set);
		return;
	}
	if (!set) {
		if (s->n == SIM_SETS)
			abort();
		set = &s->sets[s->n++];
		*set = (struct sim_set){0};
		snprintf(set->name, sizeof(set->name), "%s", name);
		snprintf(set->type, sizeof(set->type), "%s", type);
	}
	json_decref(set->values);
	set->values = values;
	set->ttl = ttl;
	set->version = ++s->versions;
}

/* ---- other writers, and whoever looks ---- */

static json_t *value_of(const struct sim *s, const char *text)
{
	return is_azure(s) ? json_pack("{s:[s]}", "value", text) : json_sprintf("\"%s\"", text);
}

static size_t index_of(const json_t *values, const json_t *value)
{
	const json_t *v;
	size_t i;

	json_array_foreach(values, i, v)
	{
		if (json_equal(v, value))
			break;
	}
	return i;
}

bool sim_has(const struct sim *s, const char *name, const char *text)
{
	const struct sim_set *set = find(s, name, "TXT");
	json_t *value cleanup(json_cleanup) = value_of(s, text);

	return set && index_of(set->values, value) < json_array_size(set->values);
}

size_t sim_count(const struct sim *s, const char *name)
{
	const struct sim_set *set = find(s, name, "TXT");

	return set ? json_array_size(set->values) : 0;
}

void sim_add(struct sim *s, const char *name, const char *text)
{
	const struct sim_set *set = find(s, name, "TXT");
	json_t *values = set ? json_copy(set->values) : json_array();

	if (json_array_append_new(values, value_of(s, text)) != 0)
		abort();
	put(s, name, "TXT", set ? set->ttl : 3600, values);
}

void sim_remove(struct sim *s, const char *name, const char *text)
{
	const struct sim_set *set = find(s, name, "TXT");
	json_t *value cleanup(json_cleanup) = value_of(s, text), *values;

	if (!sim_has(s, name, text))
		return;
	values = json_copy(set->values);
	json_array_remove(values, index_of(values, value));
	put(s, name, "TXT", set->ttl, values);
}

/* ---- changes ---- */

/* Without the final dot. */
static void set_name(char *out, struct bytes name)
{
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	snprintf(out, TEXT_SIZE, "%.*s", (int)name.n, (const char *)name.p);
}

/* Would the set as it is let the change through? */
static bool fits(const struct sim *s, const struct sim_change *c)
{
	const struct sim_set *set = find(s, c->name, c->type);

	if (s->mode == SIM_BLIND)
		return true;
	if (c->gone)
		return set && set->ttl == c->ttl && json_equal(set->values, c->gone);
	return !set;
}

/* One value more or one less, all others as they were, and the TTL: nothing else is anybody's to do. */
static bool is_modest(const struct sim_set *before, json_int_t ttl, const json_t *after)
{
	size_t n = before ? json_array_size(before->values) : 0, m = json_array_size(after), i = 0;

	if (!before)
		return m <= 1;
	if (m && ttl != before->ttl)
		return false;
	if (m != n + 1 && m + 1 != n)
		return false;
	while (i < n && i < m &&
	       json_equal(json_array_get(before->values, i), json_array_get(after, i)))
		i++;
	if (m > n)
		return i == n;
	for (; i < m; i++)
		if (!json_equal(json_array_get(before->values, i + 1), json_array_get(after, i)))
			return false;
	return true;
}

static void watch(struct sim *s, const struct op *op, const struct sim_change *c,
		  const json_t *after)
{
	if (s->mode == SIM_TRUE && op->mode != MODE_REPLACE &&
	    !is_modest(find(s, c->name, c->type), c->ttl, after))
		s->complaint = "a change touched what is not its own";
}

/* All of LIST or nothing. False: the race is lost. LIST's values are dropped. */
static bool apply(struct sim *s, const struct op *op, struct sim_change *list, size_t n)
{
	bool ok = true;

	/* Each set is in it once; Route 53 names one twice, first what goes. */
	for (size_t i = 0; i < n; i++)
		ok = ok && fits(s, &list[i]);
	for (size_t i = 0; i < n; i++) {
		if (ok)
			watch(s, op, &list[i], list[i].come);
		if (ok)
			put(s, list[i].name, list[i].type, list[i].ttl,
			    list[i].come ? json_incref(list[i].come) : json_array());
		json_decref(list[i].gone);
		json_decref(list[i].come);
	}
	return ok || s->mode == SIM_LIES;
}

/* What goes and what comes at one name and type is one change. */
static struct sim_change *change_of(struct sim_change *list, size_t *n, struct bytes name,
				    struct bytes type)
{
	struct sim_change c = {0};

	set_name(c.name, name);
	snprintf(c.type, sizeof(c.type), "%.*s", (int)type.n, (const char *)type.p);
	for (size_t i = 0; i < *n; i++)
		if (strcmp(list[i].name, c.name) == 0 && strcmp(list[i].type, c.type) == 0)
			return &list[i];
	if (*n == SIM_SETS)
		abort();
	list[*n] = c;
	return &list[(*n)++];
}

/* ---- Route 53 ---- */

static json_t *route53_values(const json_t *set)
{
	const json_t *records = json_at(set, "ResourceRecords.0.ResourceRecord"), *r;
	json_t *values = json_array();
	size_t i;

	json_array_foreach(records, i, r)
	{
		json_array_append(values, (json_t *)json_at(r, "Value.0"));
	}
	return values;
}

static void route53_change(struct sim *s, const struct op *op, struct bytes request,
			   unsigned *status, struct buf *body)
{
	json_t *tree cleanup(json_cleanup) = NULL;
	struct sim_change list[SIM_SETS];
	const json_t *changes, *c;
	size_t i, n = 0;

	if (xml_parse(request, 32, &tree) != 0)
		abort();
	changes = json_at(tree, "ChangeResourceRecordSetsRequest.ChangeBatch.0.Changes.0.Change");
	json_array_foreach(changes, i, c)
	{
		const json_t *set = json_at(c, "ResourceRecordSet.0");
		struct sim_change *at = change_of(list, &n, json_bytes_at(set, "Name.0"),
						  json_bytes_at(set, "Type.0"));
		bool goes = bytes_is(json_bytes_at(c, "Action.0"), "DELETE");

		at->ttl = (json_int_t)strtoul(json_string_value(json_at(set, "TTL.0")), NULL, 10);
		*(goes ? &at->gone : &at->come) = route53_values(set);
	}
	if (apply(s, op, list, n)) {
		*status = 200;
		buf_puts(body, "<ChangeResourceRecordSetsResponse" XMLNS
			       "><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status>"
			       "</ChangeInfo></ChangeResourceRecordSetsResponse>");
		return;
	}
	*status = 400;
	buf_puts(body, "<InvalidChangeBatch" XMLNS
		       "><Messages><Message>Tried to delete resource record set but the values "
		       "provided do not match the current values</Message></Messages>"
		       "</InvalidChangeBatch>");
}

static void route53_list(const struct sim *s, const char *name, const char *type, struct buf *body)
{
	const struct sim_set *set = find(s, name, type);
	const json_t *v;
	size_t i;

	buf_puts(body, "<ListResourceRecordSetsResponse" XMLNS "><ResourceRecordSets>");
	if (set) {
		buf_printf(body,
			   "<ResourceRecordSet><Name>%s.</Name><Type>%s</Type><TTL>%d</TTL>"
			   "<ResourceRecords>",
			   name, type, (int)set->ttl);
		json_array_foreach(set->values, i, v)
		{
			buf_puts(body, "<ResourceRecord><Value>");
			xml_put(body, json_bytes(v));
			buf_puts(body, "</Value></ResourceRecord>");
		}
		buf_puts(body, "</ResourceRecords></ResourceRecordSet>");
	}
	buf_puts(body, "</ResourceRecordSets><IsTruncated>false</IsTruncated>"
		       "<MaxItems>1</MaxItems></ListResourceRecordSetsResponse>");
}

/* ---- Google ---- */

static void put_json(struct buf *body, json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT);

	buf_puts(body, text);
	free(text);
	json_decref(v);
}

static void google_change(struct sim *s, const struct op *op, struct bytes request,
			  unsigned *status, struct buf *body)
{
	static const char *const keys[] = {"deletions", "additions"};
	json_t *tree cleanup(json_cleanup) = NULL;
	struct sim_change list[SIM_SETS];
	size_t i, n = 0;

	if (json_parse(request, 32, &tree, NULL, 0) != 0)
		abort();
	for (size_t k = 0; k < 2; k++) {
		json_t *sets = json_object_get(tree, keys[k]), *set;

		json_array_foreach(sets, i, set)
		{
			struct sim_change *at = change_of(list, &n, json_get_bytes(set, "name"),
							  json_get_bytes(set, "type"));

			at->ttl = json_integer_value(json_object_get(set, "ttl"));
			*(k == 0 ? &at->gone : &at->come) =
				json_incref(json_object_get(set, "rrdatas"));
		}
	}
	if (apply(s, op, list, n)) {
		*status = 200;
		put_json(body, json_pack("{s:s, s:s}", "kind", "dns#change", "status", "pending"));
		return;
	}
	*status = 412;
	put_json(body, json_pack("{s:{s:i, s:s}}", "error", "code", 412, "message",
				 "Precondition not met for 'entity.change.deletions[0]'"));
}

static void google_list(const struct sim *s, const char *name, const char *type, struct buf *body)
{
	const struct sim_set *set = find(s, name, type);
	json_t *list = json_array();

	if (set)
		json_array_append_new(list, json_pack("{s:o, s:s, s:I, s:O}", "name",
						      json_sprintf("%s.", name), "type", type,
						      "ttl", set->ttl, "rrdatas", set->values));
	put_json(body, json_pack("{s:o}", "rrsets", list));
}

/* ---- Azure ---- */

static json_t *azure_set(const struct sim_set *set)
{
	return json_pack("{s:s, s:o, s:{s:I, s:O}}", "name", set->name, "etag",
			 json_sprintf("e%u", set->version), "properties", "TTL", set->ttl,
			 "TXTRecords", set->values);
}

/* The request's ETag must be the set's; without a set there must be none. */
static bool azure_fits(const struct sim *s, const struct sim_set *set, struct bytes headers)
{
	struct bytes etag = {0};
	char now[16];

	if (s->mode == SIM_BLIND)
		return true;
	snprintf(now, sizeof(now), "e%u", set ? set->version : 0);
	if (plist_get(headers, "If-Match", &etag))
		return set && bytes_is(etag, now);
	return !set && plist_get(headers, "If-None-Match", &etag) && bytes_is(etag, "*");
}

static void azure_change(struct sim *s, const struct op *op, struct bytes request, const char *name,
			 const char *type, struct buf *body)
{
	json_t *tree cleanup(json_cleanup) = NULL, *values;
	struct sim_change c = {0};

	if (request.n && json_parse(request, 32, &tree, NULL, 0) != 0)
		abort();
	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.type, sizeof(c.type), "%s", type);
	c.ttl = json_integer_value(json_at(tree, "properties.TTL"));
	values = (json_t *)json_at(tree, "properties.TXTRecords");
	watch(s, op, &c, values);
	put(s, name, type, c.ttl, values ? json_incref(values) : json_array());
	if (values)
		put_json(body, azure_set(find(s, name, type)));
}

static void azure_serve(struct sim *s, const struct op *op, const struct engine_request *r,
			const char *name, const char *type, unsigned *status, struct buf *body)
{
	const struct sim_set *set = find(s, name, type);
	bool fits_now = azure_fits(s, set, r->headers);

	*status = 200;
	if (!r->exchange->changes && set) {
		put_json(body, azure_set(set));
	} else if (!r->exchange->changes) {
		*status = 404;
		put_json(body, json_pack("{s:s}", "code", "NotFound"));
	} else if (fits_now) {
		azure_change(s, op, r->body, name, type, body);
	} else if (s->mode == SIM_LIES) {
		put_json(body, json_pack("{s:{}}", "properties"));
	} else {
		*status = 412;
		put_json(body, json_pack("{s:s}", "code", "PreconditionFailed"));
	}
}

/* ---- requests ---- */

/* The last argument but one, and the last: "name" and "type" in whatever order the path has them. */
static void azure_names(const struct engine_request *r, char *name, char *type)
{
	struct bytes rest = r->args, v[4] = {{0}};

	for (size_t i = 0; i < 4; i++)
		if (!plist_next(&rest, &v[i]))
			abort();
	snprintf(type, 8, "%.*s", (int)v[2].n, (const char *)v[2].p);
	snprintf(name, TEXT_SIZE, "%.*s." SIM_ZONE, (int)v[3].n, (const char *)v[3].p);
}

void sim_serve(struct sim *s, const struct op *op, const struct engine_request *r, unsigned *status,
	       struct buf *body)
{
	char name[TEXT_SIZE] = "", type[8] = "";
	struct bytes v;

	if (is_azure(s)) {
		azure_names(r, name, type);
		azure_serve(s, op, r, name, type, status, body);
		return;
	}
	if (r->exchange->changes) {
		(s->provider->xml ? route53_change : google_change)(s, op, r->body, status, body);
		return;
	}
	if (!plist_get(r->query, "name", &v))
		abort();
	set_name(name, v);
	if (!plist_get(r->query, "type", &v))
		abort();
	snprintf(type, sizeof(type), "%.*s", (int)v.n, (const char *)v.p);
	*status = 200;
	(s->provider->xml ? route53_list : google_list)(s, name, type, body);
}
