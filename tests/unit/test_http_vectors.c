/* SPDX-License-Identifier: ISC */
/*
 * The request reader against collections of hostile and plain requests (vectors/http/SOURCE.md). Most of them have no Host, and
 * would be refused for that alone: each is judged as it is and once more with what is missing put in.
 */
#include "test.h"

#include "base/text.h"
#include "http/request.h"

/*
 * Why a request that others take may be refused here. With any other problem the case fails: then we
 * refuse something that we did not mean to.
 */
static const char *const stricter[] = {
	"the method must be GET or POST",
	"the method is not known",
	"only HTTP/1.1 is spoken here",
	"the request line does not end in HTTP/1.1 and CRLF",	  /* HTTP/0.9, RTSP */
	"the request does not begin with a method and one space", /* an empty line before it */
	"the target is not a plain path",	    /* queries, escapes, absolute form */
	"Host is missing",			    /* gunicorn and llhttp leave that to others */
	"Host is not a host with an optional port", /* "0.0.0.0=5000" */
	"Content-Length is missing",
	"GET has no body",
	"the body is too large",
	"Transfer-Encoding is not supported: send Content-Length",
	"a control or non-ASCII byte is in the head", /* obs-text */
	"a field value begins or ends with a tab",
	"a field name resembles one that frames the body",
	"a field came twice that may come only once", /* Transfer-Encoding in parts */
};

enum want { EITHER, TAKEN, REFUSED }; /* TAKEN: or refused for being stricter */

struct tally {
	unsigned taken, refused, more;
};

static bool has(struct bytes in, const char *lower)
{
	size_t n = strlen(lower);

	for (size_t i = 0; i + n <= in.n; i++)
		if (bytes_eq_nocase(bytes_of(in.p + i, n), bytes_str(lower)))
			return true;
	return false;
}

/* A taken head, read once more the simple way: nothing in it can mean two things. */
static void check_taken(struct bytes in, const struct http_head *h)
{
	size_t end = bytes_find(in, BYTES("\r\n\r\n")) + 4;
	struct bytes head = bytes_of(in.p, end);
	uint64_t length = 0;

	assert_int_equal(h->size, end);
	assert_false(has(head, "transfer"));
	assert_false(has(head, "\r\n "));
	for (size_t i = 0; i < end; i++) {
		assert_true((in.p[i] >= 0x20 && in.p[i] < 0x7f) || strchr("\t\r\n", in.p[i]));
		assert_true(in.p[i] != '\n' || in.p[i - 1] == '\r');
		assert_true(in.p[i] != '\r' || in.p[i + 1] == '\n');
	}
	for (size_t i = 0; i < end; i++)
		if (has(bytes_of(in.p + i, 17 < end - i ? 17 : end - i), "\r\ncontent-length:"))
			length = strtoull((const char *)in.p + i + 17, NULL, 10);
	assert_true(h->content_length == length);
}

static int read_exact(struct bytes in, size_t scanned, struct http_head *h)
{
	unsigned char *p = test_exact(in);
	int r = http_head_read(bytes_of(p, in.n), scanned, h);

	free(p);
	return r;
}

/* Judge IN whole, and cut at every length, fresh as well as going on from the length before: the answer stays the same. */
static unsigned judge(const char *id, struct bytes in, struct http_head *h, struct tally *t)
{
	int want = read_exact(in, 0, h), r = HTTP_MORE;
	struct http_head cut, fresh;

	for (size_t n = 0; n <= in.n && r == HTTP_MORE; n++) {
		r = read_exact(bytes_of(in.p, n), n ? n - 1 : 0, &cut);
		int again = read_exact(bytes_of(in.p, n), 0, &fresh);
		if (r != again || (r != HTTP_MORE && r != want) ||
		    (r == HTTP_BAD && (cut.status != h->status || cut.problem != h->problem ||
				       fresh.status != h->status)) ||
		    (r == 0 && (n != h->size || cut.content_length != h->content_length)))
			fail_msg("%s: another answer after %zu bytes", id, n);
	}
	assert_int_equal(r, want);
	t->taken += want == 0;
	t->more += want == HTTP_MORE;
	t->refused += want == HTTP_BAD;
	if (want == 0)
		check_taken(in, h);
	return want == HTTP_BAD ? h->status : (unsigned)want;
}

/* One request after the other, as the front would, up to one that is refused or not whole. */
static unsigned judge_all(const char *id, struct bytes in, struct http_head *h, struct tally *t)
{
	for (;;) {
		unsigned status = judge(id, in, h, t);
		size_t size = status == 0 ? h->size + (size_t)h->content_length : in.n;

		if (status != 0 || size >= in.n)
			return status;
		in = bytes_of(in.p + size, in.n - size);
	}
}

static struct buf decode(const json_t *o, const char *key)
{
	struct bytes b64 = key ? json_get_bytes(o, key) : json_bytes(o);
	struct buf url = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

	for (size_t i = 0; i < b64.n && b64.p[i] != '='; i++)
		buf_putc(&url, b64.p[i] == '+' ? '-' : b64.p[i] == '/' ? '_' : b64.p[i]);
	assert_int_equal(text_from_b64url(buf_bytes(&url), &out), 0);
	buf_done(&url);
	return out;
}

/* IN with a Host, and a POST with a length, where they are missing. */
static struct buf complete(struct bytes in)
{
	size_t line = bytes_find(in, BYTES("\r\n"));
	struct buf b = BUF_INIT(1 << 20);

	line = line < in.n ? line + 2 : in.n;
	buf_put(&b, in.p, line);
	if (!has(in, "\r\nhost:"))
		buf_puts(&b, "Host: a.example\r\n");
	if (!has(in, "content-length") && !has(in, "transfer") && has(in, "post "))
		buf_puts(&b, "Content-Length: 0\r\n");
	buf_put(&b, in.p + line, in.n - line);
	return b;
}

/* Judge one case both ways and forget it. */
static void judge_case(const char *id, struct buf *in, enum want want, struct tally *t)
{
	struct buf whole = complete(buf_bytes(in));
	struct bytes both[] = {buf_bytes(in), buf_bytes(&whole)};

	for (size_t i = 0; i < 2; i++) {
		struct http_head h;
		unsigned status = judge_all(id, both[i], &h, t);

		if (want == REFUSED && status == 0)
			fail_msg("%s: taken", id);
		for (size_t k = 0; want == TAKEN && status >= 400; k++) {
			if (k == ARRAY_LEN(stricter))
				fail_msg("%s: %u, %s", id, status, h.problem);
			if (strcmp(stricter[k], h.problem) == 0)
				break;
		}
	}
	buf_done(&whole);
	buf_done(in);
}

static void check_tally(const struct tally *t, unsigned taken, unsigned more, unsigned refused)
{
	if (t->taken != taken || t->more != more || t->refused != refused)
		fail_msg("%u taken, %u not whole, %u refused", t->taken, t->more, t->refused);
}

/*
 * http11probe: what must not be answered 2xx must be refused, or wait for more (they allow a
 * time-out). What is printed in part only ("literal": false) is built in test_http.c.
 */
static void test_http11probe(void **state)
{
	json_t *v = test_json("vectors/http/http11probe.json"), *c;
	struct tally t = {0};
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct bytes expected = json_get_bytes(c, "expected");
		bool refusal = has(expected, "`4") || has(expected, "`5");
		bool success =
			has(expected, "2xx") || has(expected, "200") || has(expected, "non-`101`");
		const char *id = json_string_value(json_object_get(c, "id"));
		struct buf in = decode(json_array_get(json_object_get(c, "requests_b64"), 0), NULL);

		/* The head is good; their verdict is about a body that never comes whole. */
		if (strcmp(id, "COMP-POST-CL-UNDERSEND") == 0)
			success = true;
		if (json_is_true(json_object_get(c, "literal")))
			judge_case(id, &in,
				   success == refusal ? EITHER
				   : success	      ? TAKEN
						      : REFUSED,
				   &t);
		buf_done(&in);
	}
	json_decref(v);
	check_tally(&t, 26, 2, 212);
}

/* http_desync_guardian: Ambiguous and Severe are refused. */
static void test_desync_guardian(void **state)
{
	json_t *v = test_json("vectors/http/http_desync_guardian.json"), *c;
	struct tally t = {0};
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct bytes tier = json_get_bytes(c, "tier");
		struct buf in = decode(c, "request_head_b64");

		judge_case(json_string_value(json_object_get(c, "id")), &in,
			   bytes_is(tier, "Compliant")	  ? TAKEN
			   : bytes_is(tier, "Acceptable") ? EITHER
							  : REFUSED,
			   &t);
	}
	json_decref(v);
	check_tally(&t, 3, 0, 209);
}

/*
 * gunicorn: a case with a setting of its own ("settings") says nothing about us, nor does the one refused
 * for a field longer than 8190 bytes.
 */
static void test_gunicorn(void **state)
{
	json_t *v = test_json("vectors/http/gunicorn_requests.json"), *c;
	struct tally t = {0};
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		const char *id = json_string_value(json_object_get(c, "id"));
		enum want want = bytes_is(json_get_bytes(c, "expect"), "reject") ? REFUSED : TAKEN;
		struct buf in = decode(c, "request_b64");

		if (json_is_null(json_object_get(c, "settings")) &&
		    strcmp(id, "gunicorn-invalid-017") != 0)
			judge_case(id, &in, want, &t);
		buf_done(&in);
	}
	json_decref(v);
	check_tally(&t, 8, 0, 137);
}

/*
 * llhttp, requests only: what it refuses, or takes only when told to be lenient. Its verdicts on upgrades and on data after
 * a "Connection: close" are not about a head.
 */
static void test_llhttp(void **state)
{
	json_t *v = test_json("vectors/http/llhttp.json"), *c;
	struct tally t = {0};
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct bytes error = json_bytes(json_array_get(json_object_get(c, "error"), 0));
		struct bytes type = json_get_bytes(json_object_get(c, "meta"), "type");
		bool reject =
			bytes_is(json_get_bytes(c, "expect"), "reject") || has(type, "lenient");
		enum want want = reject ? REFUSED : TAKEN;
		struct buf in = decode(c, "message_b64");

		if (has(error, "pause on") || has(error, "data after"))
			want = EITHER;
		if (bytes_is(json_get_bytes(c, "direction"), "request"))
			judge_case(json_string_value(json_object_get(c, "id")), &in, want, &t);
		buf_done(&in);
	}
	json_decref(v);
	check_tally(&t, 20, 0, 205);
}

/* smuggler: each but the two that only say Content-Encoding is a Transfer-Encoding to someone, beside a Content-Length. */
static void test_smuggler(void **state)
{
	json_t *v = test_json("vectors/http/smuggler_mutations.json"), *c;
	struct tally t = {0};
	size_t i;

	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		const char *id = json_string_value(json_object_get(c, "id"));
		struct buf in = decode(c, "request_b64");
		struct http_head h;
		unsigned status = judge(id, buf_bytes(&in), &h, &t);

		if (status != (has(buf_bytes(&in), "content-encoding") ? 415 : 400))
			fail_msg("%s: %u", id, status);
		buf_done(&in);
	}
	json_decref(v);
	check_tally(&t, 0, 0, 891);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http11probe), cmocka_unit_test(test_desync_guardian),
		cmocka_unit_test(test_gunicorn),    cmocka_unit_test(test_llhttp),
		cmocka_unit_test(test_smuggler),
	};

	return cmocka_run_group_tests_name("http_vectors", tests, NULL, NULL);
}
