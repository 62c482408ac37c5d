/* SPDX-License-Identifier: ISC */
#include "recording.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define RECORDING_MAX (64u << 20)

static struct bytes behind(struct bytes text, size_t n)
{
	return n < text.n ? bytes_of(text.p + n, text.n - n) : bytes_of(NULL, 0);
}

size_t path_segments(struct bytes path, struct bytes *out, size_t max)
{
	size_t n = 0, end;

	for (; path.n && n < max; path = behind(path, end + 1)) {
		end = bytes_find(path, BYTES("/"));
		if (end)
			out[n++] = bytes_of(path.p, end);
	}
	return n;
}

static void put_decoded(struct buf *list, struct bytes text)
{
	struct buf plain = BUF_INIT(RECORDING_MAX);

	if (text_from_pct(text, &plain) != 0) {
		buf_reset(&plain);
		buf_put_bytes(&plain, text);
	}
	plist_put(list, buf_bytes(&plain));
	buf_done(&plain);
}

static void read_query(struct recording *r, struct bytes query)
{
	while (query.n) {
		size_t end = bytes_find(query, BYTES("&"));
		struct bytes pair = bytes_of(query.p, end);
		size_t eq = bytes_find(pair, BYTES("="));

		put_decoded(&r->query, bytes_of(pair.p, eq));
		put_decoded(&r->query, behind(pair, eq + 1));
		query = behind(query, end + 1);
	}
}

/* "https://host/a/b?c=d#e" or "/a/b?c=d": whatever host it was. */
static void read_uri(struct recording *r, struct bytes uri)
{
	size_t scheme = bytes_find(uri, BYTES("://")), end;

	uri.n = bytes_find(uri, BYTES("#"));
	end = bytes_find(uri, BYTES("?"));
	read_query(r, behind(uri, end + 1));
	uri.n = end;
	if (scheme < uri.n) {
		uri = behind(uri, scheme + 3);
		uri = behind(uri, bytes_find(uri, BYTES("/")));
	}
	buf_put_bytes(&r->path, uri);
	r->n_segments = path_segments(buf_bytes(&r->path), r->segments, RECORDING_SEGMENTS);
}

/* A number, its text ("404 Not Found"), or {"code": 404}. */
static unsigned read_status(const json_t *v)
{
	struct bytes text = json_bytes(v);
	unsigned n = 0;

	if (json_is_object(v))
		return read_status(json_object_get(v, "code"));
	if (json_is_integer(v) && json_integer_value(v) > 0 && json_integer_value(v) < 1000)
		return (unsigned)json_integer_value(v);
	for (size_t i = 0; i < text.n && i < 3 && text.p[i] >= '0' && text.p[i] <= '9'; i++)
		n = n * 10 + text.p[i] - '0';
	return n;
}

/* A text; or what somebody's tool has parsed already. */
static void read_body(struct recording *r, json_t *v)
{
	char *text;

	if (json_is_object(v) && json_is_string(json_object_get(v, "string")))
		v = json_object_get(v, "string");
	if (json_is_string(v)) {
		buf_put_bytes(&r->body, json_bytes(v));
	} else if (v && !json_is_null(v)) {
		text = json_dumps(v, JSON_ENCODE_ANY);
		buf_puts(&r->body, text ? text : "");
		free(text);
	}
	r->answer.body = buf_bytes(&r->body);
}

/* One value, or the first of an array of them. */
static struct bytes header_value(const json_t *v, char number[24])
{
	if (json_is_array(v))
		v = json_array_get(v, 0);
	if (!json_is_integer(v))
		return json_bytes(v);
	snprintf(number, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	return bytes_str(number);
}

static void read_header(struct recording *r, const struct provider *p, struct bytes name,
			struct bytes value)
{
	uint64_t seconds;

	if (bytes_eq_nocase(name, BYTES("Retry-After")) &&
	    text_to_u64(value, PROVIDER_RETRY_MAX, &seconds) == 0) {
		r->answer.has_retry_after = true;
		r->answer.retry_after = (uint32_t)seconds;
	}
	for (size_t i = 0; i < PROVIDER_HEADERS && p->headers[i]; i++)
		if (bytes_eq_nocase(name, bytes_str(p->headers[i]))) {
			plist_put(&r->headers, bytes_str(p->headers[i]));
			plist_put(&r->headers, value);
		}
}

void recording_read(struct recording *r, const struct provider *p, const json_t *o)
{
	json_t *headers = json_object_get(o, "response_headers"), *value;
	char number[24];
	const char *name;

	*r = (struct recording){.method = json_get_bytes(o, "method"),
				.path = BUF_INIT(RECORDING_MAX),
				.query = BUF_INIT(RECORDING_MAX),
				.headers = BUF_INIT(RECORDING_MAX),
				.body = BUF_INIT(RECORDING_MAX)};
	read_uri(r, json_get_bytes(o, "uri"));
	r->answer.status = read_status(json_object_get(o, "status"));
	json_object_foreach(headers, name, value)
	{
		read_header(r, p, bytes_str(name), header_value(value, number));
	}
	r->answer.headers = buf_bytes(&r->headers);
	read_body(r, json_object_get(o, "body"));
}

void recording_done(struct recording *r)
{
	buf_done(&r->path);
	buf_done(&r->query);
	buf_done(&r->headers);
	buf_done(&r->body);
}
