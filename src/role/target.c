/* SPDX-License-Identifier: ISC */
#include "role/target.h"

#include "base/json.h"
#include "base/text.h"

static const char *chosen(const struct choice *bases, struct bytes by)
{
	while (bases->text && !bytes_is(by, bases->text))
		bases++;
	return bases->base;
}

static int parse_base(const char *base, const struct choice *bases, const char *field,
		      struct bytes credentials, struct url *out)
{
	struct bytes by = {0};

	if (bases && !plist_get(credentials, field, &by))
		return TARGET_E_FIELD;
	if (bases)
		base = chosen(bases, by);
	return base && url_parse(bytes_str(base), out) == 0 ? 0 : TARGET_E_FIELD;
}

/* "host[:port]" of a name server. */
static int parse_server(struct bytes text, struct url *out)
{
	struct buf url = BUF_INIT(512);
	bool has_port =
		text.n && text.p[text.n - 1] != ']' && bytes_find(text, BYTES(":")) < text.n;
	int r;

	buf_puts(&url, "http://");
	buf_put_bytes(&url, text);
	if (!has_port)
		buf_puts(&url, ":53");
	r = buf_status(&url) == 0 && url_parse(buf_bytes(&url), out) == 0 && !out->path.n
		    ? 0
		    : TARGET_E_FIELD;
	out->path = bytes_of(NULL, 0); /* it borrowed */
	buf_done(&url);
	return r;
}

int target_base(const struct provider *p, struct bytes credentials, struct url *out)
{
	struct bytes text;

	if (!p->self_hosted)
		return parse_base(p->base, p->bases, p->base_field, credentials, out);
	if (!plist_get(credentials, p->base_field, &text))
		return TARGET_E_FIELD;
	if (p->dns)
		return parse_server(text, out);
	return url_parse(text, out) == 0 ? 0 : TARGET_E_FIELD;
}

int target_login_base(const struct login *l, struct bytes credentials, struct bytes gateway,
		      struct url *out)
{
	struct bytes v;

	if (l->bases && !plist_get(credentials, l->chosen_by, &v))
		credentials = gateway;
	return parse_base(l->base, l->bases, l->chosen_by, credentials, out);
}

static const struct field_def *field_by_name(const struct provider *p, struct bytes name)
{
	for (const struct field_def *f = p->fields; f->name; f++)
		if (bytes_is(name, f->name))
			return f;
	return NULL;
}

static int field_value(const struct provider *p, struct bytes name, struct bytes credentials,
		       struct bytes *value)
{
	const struct field_def *f = field_by_name(p, name);

	if (!f || f->secret || !plist_get(credentials, f->name, value))
		return TARGET_E_FIELD;
	return path_segment(*value) ? 0 : TARGET_E_FIELD;
}

static bool is_permitted_name(const struct permit *permit, struct bytes value)
{
	struct bytes label = dns_name_relative(&permit->fqdn, &permit->zone);
	struct bytes full = dns_name_text(&permit->fqdn);

	if (value.n && value.p[value.n - 1] == '.')
		return bytes_eq(bytes_of(value.p, value.n - 1), full);
	return bytes_eq(value, label) || bytes_eq(value, full) ||
	       (label.n == 0 && bytes_is(value, "@"));
}

/* May a change have VALUE for {NAME}? */
static bool is_permitted(const struct permit *permit, struct bytes name, struct bytes value)
{
	if (bytes_is(name, "zone"))
		return bytes_eq(value, permit->zone_id);
	if (bytes_is(name, "zone/1"))
		return bytes_eq(value, id_part(permit->zone_id, 1));
	if (bytes_is(name, "zone/2"))
		return bytes_eq(value, id_part(permit->zone_id, 2));
	if (bytes_is(name, "name"))
		return is_permitted_name(permit, value);
	if (bytes_is(name, "type"))
		return rr_type_parse(value) != RR_NONE &&
		       (permit->all_types || rr_type_parse(value) == permit->type);
	return true;
}

/* The value for one {NAME}. */
static int fill_in(const struct provider *p, const struct exchange *e, struct bytes name,
		   struct bytes credentials, struct bytes *args, const struct permit *permit,
		   struct bytes *value)
{
	if (name.n && name.p[0] == '=')
		return field_value(p, bytes_skip(name, 1), credentials, value);
	if (!plist_next(args, value) || !path_segment(*value))
		return TARGET_E_ARGS;
	return e->changes && !is_permitted(permit, name, *value) ? TARGET_E_ZONE : 0;
}

static int put_path(const struct provider *p, const struct exchange *e, struct bytes credentials,
		    struct bytes args, const struct permit *permit, struct buf *out)
{
	for (const char *at = e->path; *at;) {
		size_t plain = strcspn(at, "{");
		struct bytes value;
		size_t len;
		int r;

		buf_put(out, at, plain);
		at += plain;
		if (!*at)
			break;
		len = strcspn(at, "}");
		r = fill_in(p, e, bytes_of(at + 1, len - 1), credentials, &args, permit, &value);
		if (r != 0)
			return r;
		text_put_pct(out, value);
		at += len + 1;
	}
	return args.n ? TARGET_E_ARGS : 0;
}

int target_login(const struct login *l, const struct provider *p, const struct url *base,
		 struct bytes credentials, struct buf *out)
{
	const struct exchange e = {.path = l->path};
	int r;

	buf_put_bytes(out, base->path);
	r = put_path(p, &e, credentials, bytes_of(NULL, 0), NULL, out);
	return r != 0 ? r : buf_status(out);
}

int target_build(const struct provider *p, const struct exchange *e, const struct url *base,
		 struct bytes credentials, struct bytes args, struct bytes query,
		 const struct permit *permit, struct buf *out)
{
	struct bytes name, value;
	char joint = '?';
	int r;

	buf_put_bytes(out, base->path);
	if (p->self_hosted)
		buf_puts(out, p->base);
	r = put_path(p, e, credentials, args, permit, out);
	if (r != 0)
		return r;
	while (plist_next(&query, &name)) {
		if (!plist_next(&query, &value))
			return TARGET_E_ARGS;
		buf_putc(out, (unsigned char)joint);
		text_put_pct(out, name);
		buf_putc(out, '=');
		text_put_pct(out, value);
		joint = '&';
	}
	return buf_status(out);
}

int target_headers(const struct provider *p, struct bytes pairs, struct buf *headers)
{
	struct bytes name, value;

	while (plist_next(&pairs, &name)) {
		struct buf line = BUF_INIT(8 * 1024);
		bool known = false;

		for (size_t i = 0; i < PROVIDER_HEADERS && p->sends[i]; i++)
			known = known || bytes_is(name, p->sends[i]);
		if (!known || !plist_next(&pairs, &value) || !bytes_printable(value))
			return TARGET_E_ARGS;
		buf_put_bytes(&line, name);
		buf_puts(&line, ": ");
		buf_put_bytes(&line, value);
		if (buf_status(&line) == 0)
			plist_put(headers, buf_bytes(&line));
		else
			headers->failed = buf_status(&line);
		buf_done(&line);
	}
	return buf_status(headers);
}

/* ---- the credential ---- */

/* A field's value; one that could begin another header is none. */
static bool usable(struct bytes fields, const char *name, struct bytes *out)
{
	return name && plist_get(fields, name, out) && bytes_printable(*out);
}

static int put_line(struct buf *line, struct buf *headers)
{
	int r = buf_status(line);

	if (r == 0)
		plist_put(headers, buf_bytes(line));
	buf_done(line);
	return r < 0 ? r : buf_status(headers);
}

static int auth_header(const struct auth *auth, struct bytes fields, struct buf *headers)
{
	struct buf line = BUF_INIT(CREDENTIALS_LINE_MAX);
	struct bytes a, b = {0};

	if (!usable(fields, auth->field, &a) || (auth->field2 && !usable(fields, auth->field2, &b)))
		return TARGET_E_FIELD;
	buf_puts(&line, auth->name);
	buf_puts(&line, ": ");
	buf_puts(&line, auth->prefix);
	buf_put_bytes(&line, a);
	if (auth->field2)
		buf_putc(&line, ':');
	buf_put_bytes(&line, b);
	return put_line(&line, headers);
}

static int auth_basic(const struct auth *auth, struct bytes fields, struct buf *headers)
{
	struct buf line = BUF_INIT(CREDENTIALS_LINE_MAX), pair = BUF_INIT(CREDENTIALS_LINE_MAX);
	struct bytes a, b;
	int r;

	if (!usable(fields, auth->field, &a) || !usable(fields, auth->field2, &b) ||
	    memchr(a.p, ':', a.n))
		return TARGET_E_FIELD;
	buf_put_bytes(&pair, a);
	buf_putc(&pair, ':');
	buf_put_bytes(&pair, b);
	buf_puts(&line, "Authorization: Basic ");
	text_put_b64(&line, buf_bytes(&pair));
	r = buf_status(&pair);
	buf_done(&pair);
	if (r < 0)
		buf_done(&line);
	return r < 0 ? r : put_line(&line, headers);
}

static void put_member(struct buf *out, const char *name, struct bytes value)
{
	buf_printf(out, "\"%s\":", name);
	json_put_string(out, value);
}

/* Members before the planner's own, whose text is not looked into. */
static int auth_json(const struct auth *auth, struct bytes fields, struct buf *body)
{
	struct buf out = BUF_INIT(body->max);
	struct bytes a, b, rest;
	int r;

	if (!usable(fields, auth->field, &a) || !usable(fields, auth->field2, &b))
		return TARGET_E_FIELD;
	rest = body->n ? buf_bytes(body) : BYTES("{}");
	if (rest.p[0] != '{' || rest.n < 2)
		return TARGET_E_FIELD;
	buf_putc(&out, '{');
	put_member(&out, auth->name, a);
	buf_putc(&out, ',');
	put_member(&out, auth->name2, b);
	if (rest.p[1] != '}')
		buf_putc(&out, ',');
	buf_put_bytes(&out, bytes_skip(rest, 1));
	r = buf_status(&out);
	if (r == 0) {
		buf_done(body);
		*body = out;
		return 0;
	}
	buf_done(&out);
	return r;
}

int target_auth(const struct auth *auth, const struct signing *s, struct buf *headers,
		struct buf *body)
{
	int r;

	switch (auth->kind) {
	case AUTH_HEADER:
		return auth_header(auth, s->credentials, headers);
	case AUTH_BASIC:
		return auth_basic(auth, s->credentials, headers);
	case AUTH_JSON:
		return auth_json(auth, s->credentials, body);
	case AUTH_SIGN:
		r = auth->sign(s, headers);
		return r == SIGN_E_FIELD ? TARGET_E_FIELD : r;
	case AUTH_NONE:
	case AUTH_TSIG: /* not of HTTP */
		break;
	}
	return 0;
}
