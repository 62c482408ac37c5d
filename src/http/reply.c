/* SPDX-License-Identifier: ISC */
#include "http/reply.h"

#include "base/json.h"

#define HEAD_ROOM 256 /* bytes of a head that is no exception */

static const char *reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} reasons[] = {
		{200, "OK"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{411, "Length Required"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{417, "Expectation Failed"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return ""; /* RFC 9112 section 4: it may be empty */
}

/* Behind what stands before, whose line it ends. */
static void put_field(struct buf *out, const char *name, struct bytes value)
{
	buf_puts(out, "\r\n");
	buf_puts(out, name);
	buf_puts(out, ": ");
	buf_put_bytes(out, value);
}

void http_reply_put(struct buf *out, const struct http_reply *r)
{
	buf_reserve(out, HEAD_ROOM + r->body.n);
	buf_puts(out, "HTTP/1.1 ");
	buf_put_decimal(out, r->status);
	buf_putc(out, ' ');
	buf_puts(out, reason(r->status));
	if (r->content_type)
		put_field(out, "Content-Type", bytes_str(r->content_type));
	buf_puts(out, "\r\nContent-Length: ");
	buf_put_decimal(out, r->body.n);
	put_field(out, "Cache-Control", BYTES("no-store"));
	if (r->request_id.n)
		put_field(out, "X-Request-Id", r->request_id);
	if (r->authenticate)
		put_field(out, "WWW-Authenticate", bytes_str(r->authenticate));
	if (r->allow)
		put_field(out, "Allow", bytes_str(r->allow));
	if (r->retry_after) {
		buf_puts(out, "\r\nRetry-After: ");
		buf_put_decimal(out, r->retry_after);
	}
	if (r->close)
		put_field(out, "Connection", BYTES("close"));
	buf_puts(out, "\r\n\r\n");
	buf_put_bytes(out, r->body);
}

static void put_body(struct buf *b, const struct http_problem *p, unsigned status)
{
	buf_printf(b,
		   "{\"type\":\"urn:postern:error:%s\",\"title\":\"%s\",\"status\":%u,\"detail\":",
		   code_text(p->code), code_title(p->code), status);
	json_put_string(b, p->detail);
	buf_printf(b, ",\"code\":\"%s\",\"request_id\":", code_text(p->code));
	json_put_string(b, p->request_id);
	if (p->field.n) {
		buf_puts(b, ",\"field\":");
		json_put_string(b, p->field);
	}
	if (p->retry_after)
		buf_printf(b, ",\"retry_after\":%u", (unsigned)p->retry_after);
	if (p->integration_handle.n) {
		buf_puts(b, ",\"integration_handle\":");
		json_put_string(b, p->integration_handle);
	}
	buf_puts(b, "}\n");
}

void http_problem_put(struct buf *out, const struct http_problem *p)
{
	unsigned status = p->status ? p->status : code_status(p->code);
	const char *allow = p->allow || status != 405 ? p->allow : "GET, POST";
	const char *authenticate = p->authenticate ? p->authenticate : "Bearer";
	struct buf body cleanup(buf_done) = BUF_INIT(out->max);

	put_body(&body, p, status);
	if (buf_status(&body) < 0 && !out->failed)
		out->failed = buf_status(&body);
	http_reply_put(out, &(const struct http_reply){
				    .status = status,
				    .content_type = "application/problem+json",
				    .body = buf_bytes(&body),
				    .request_id = p->request_id,
				    .close = p->close,
				    .authenticate = status == 401 ? authenticate : NULL,
				    .allow = allow,
				    .retry_after = p->retry_after,
			    });
}
