/* SPDX-License-Identifier: ISC */
#include "role/front_fields.h"

#include <stdio.h>

#define NAME_MAX_SHOWN 64

static bool name_like(const char *name)
{
	size_t n =
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.");

	return n > 0 && n <= NAME_MAX_SHOWN && !name[n];
}

const char *field_path(char *field, size_t size, const char *prefix, const char *name)
{
	snprintf(field, size, "%s%s", prefix, name_like(name) ? name : "?");
	return field;
}

static const char *check_texts(const json_t *v, const struct field_rule *rule)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(v))
		return "must be a list of strings";
	if (json_array_size(v) > rule->items)
		return "too many";
	json_array_foreach(v, i, item)
	{
		if (!json_is_string(item))
			return "must be a list of strings";
		if (json_string_length(item) > rule->max)
			return "holds a string that is too long";
	}
	return NULL;
}

static const char *check_value(const json_t *v, const struct field_rule *rule)
{
	switch (rule->kind) {
	case FIELD_TEXT:
		if (!json_is_string(v))
			return "must be a string";
		return json_string_length(v) > rule->max ? "too long" : NULL;
	case FIELD_BOOL:
		return json_is_boolean(v) ? NULL : "must be true or false";
	case FIELD_NUMBER:
		if (!json_is_integer(v))
			return "must be a whole number";
		return json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > rule->max
			       ? "out of range"
			       : NULL;
	case FIELD_OBJECT:
		return json_is_object(v) ? NULL : "must be an object";
	case FIELD_TEXTS:
		return check_texts(v, rule);
	}
	return "of no known kind";
}

static bool known(const char *name, const struct field_rule *rules)
{
	for (; rules->name; rules++)
		if (strcmp(rules->name, name) == 0)
			return true;
	return false;
}

const char *fields_check(const json_t *o, const struct field_rule *rules, const char *prefix,
			 char *field, size_t size)
{
	const char *name, *why;
	json_t *v;

	field[0] = 0;
	if (!json_is_object(o))
		return "must be an object";
	json_object_foreach((json_t *)o, name, v) if (!known(name, rules))
	{
		field_path(field, size, prefix, name);
		return "no such field";
	}
	for (; rules->name; rules++) {
		v = json_object_get(o, rules->name);
		why = NULL;
		if (v)
			why = check_value(v, rules);
		else if (rules->required)
			why = "missing";
		if (why) {
			field_path(field, size, prefix, rules->name);
			return why;
		}
	}
	return NULL;
}
