/* SPDX-License-Identifier: ISC */
#include "role/target.h"

#include "base/text.h"

int target_base(const struct provider *p, struct bytes credentials, struct url *out)
{
	struct bytes text;

	if (!p->self_hosted)
		text = bytes_str(p->base);
	else if (!plist_get(credentials, p->base_field, &text))
		return TARGET_E_FIELD;
	return url_parse(text, out) == 0 ? 0 : TARGET_E_FIELD;
}

static bool is_segment(struct bytes v)
{
	return v.n > 0 && !bytes_is(v, ".") && !bytes_is(v, "..") && !memchr(v.p, 0, v.n);
}

static const struct field_def *field_by_name(const struct provider *p, struct bytes name)
{
	for (const struct field_def *f = p->fields; f->name; f++)
		if (bytes_is(name, f->name))
			return f;
	return NULL;
}

/* The value for one {NAME}. */
static int fill_in(const struct provider *p, const struct exchange *e, struct bytes name,
		   struct bytes credentials, struct bytes *args, struct bytes zone_id,
		   struct bytes *value)
{
	if (name.n && name.p[0] == '=') {
		const struct field_def *f = field_by_name(p, bytes_skip(name, 1));
		if (!f || f->secret || !plist_get(credentials, f->name, value))
			return TARGET_E_FIELD;
		return is_segment(*value) ? 0 : TARGET_E_FIELD;
	}
	if (!plist_next(args, value) || !is_segment(*value))
		return TARGET_E_ARGS;
	if (e->changes && bytes_is(name, "zone") && !bytes_eq(*value, zone_id))
		return TARGET_E_ZONE;
	return 0;
}

static int put_path(const struct provider *p, const struct exchange *e, struct bytes credentials,
		    struct bytes args, struct bytes zone_id, struct buf *out)
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
		r = fill_in(p, e, bytes_of(at + 1, len - 1), credentials, &args, zone_id, &value);
		if (r != 0)
			return r;
		text_put_pct(out, value);
		at += len + 1;
	}
	return args.n ? TARGET_E_ARGS : 0;
}

int target_build(const struct provider *p, const struct exchange *e, const struct url *base,
		 struct bytes credentials, struct bytes args, struct bytes query,
		 struct bytes zone_id, struct buf *out)
{
	struct bytes name, value;
	char joint = '?';
	int r;

	buf_put_bytes(out, base->path);
	if (p->self_hosted)
		buf_puts(out, p->base);
	r = put_path(p, e, credentials, args, zone_id, out);
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

int target_auth(const struct provider *p, struct bytes credentials, struct buf *headers)
{
	struct buf line = BUF_INIT(CREDENTIALS_LINE_MAX);
	struct bytes value;
	int r = 0;

	if (p->auth.kind == AUTH_NONE)
		return 0;
	if (!plist_get(credentials, p->auth.field, &value) || !bytes_printable(value))
		return TARGET_E_FIELD;
	buf_printf(&line, "%s: %s", p->auth.name, p->auth.prefix);
	buf_put_bytes(&line, value);
	r = buf_status(&line);
	plist_put(headers, buf_bytes(&line));
	buf_done(&line);
	return r < 0 ? r : buf_status(headers);
}
