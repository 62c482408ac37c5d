/* SPDX-License-Identifier: ISC */
/* The request reader rule by rule. test_http_vectors.c has other people's requests. */
#include "test.h"

#include "http/reply.h"
#include "http/request.h"

/* The status that a head is refused with, 0 when it is taken, HTTP_MORE. */
static unsigned judge(struct bytes in, struct http_head *h)
{
	unsigned char *p = test_exact(in);
	int r = http_head_read(bytes_of(p, in.n), 0, h);
	unsigned status = r == HTTP_BAD ? h->status : (unsigned)r;

	if (r == HTTP_BAD)
		assert_true(status >= 400 && h->problem[0] && !h->target.p);
	free(p);
	return status;
}

static unsigned judge_str(const char *s)
{
	struct http_head h;

	return judge(bytes_str(s), &h);
}

#define POST "POST /a HTTP/1.1\r\nHost: a\r\n"
#define GET  "GET /a HTTP/1.1\r\nHost: a\r\n"

static void test_taken(void **state)
{
	struct bytes in = BYTES("POST /add_record HTTP/1.1\r\nhost: gate.example:8443\r\n"
				"AUTHORIZATION:   Bearer a\tb \r\nContent-Type:application/json\r\n"
				"Content-Length: 65536\r\nExpect: 100-Continue\r\n"
				"Connection: upgrade, CLOSE\r\nUpgrade: h2c\r\n\r\n{\r\n\r\n");
	struct http_head h;

	assert_int_equal(http_head_read(in, 0, &h), 0);
	assert_int_equal(h.method, HTTP_POST);
	assert_true(bytes_is(h.target, "/add_record"));
	assert_true(bytes_is(h.authorization, "Bearer a\tb"));
	assert_true(bytes_is(h.content_type, "application/json"));
	assert_true(h.has_length && h.content_length == 65536);
	assert_true(h.close && h.expect_continue);
	assert_int_equal(h.size, in.n - 5);

	assert_int_equal(http_head_read(BYTES(GET "Connection: keep-alive\r\n\r\n"), 0, &h), 0);
	assert_int_equal(h.method, HTTP_GET);
	assert_false(h.close || h.expect_continue || h.has_length || h.content_length);
	assert_true(h.authorization.n == 0 && h.content_type.n == 0);
	assert_int_equal(
		http_head_read(BYTES(POST "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n"), 0,
			       &h),
		0);
	assert_true(h.has_length && !h.expect_continue);
}

static const struct {
	unsigned status;
	const char *head;
} cases[] = {
	/* request line */
	{0, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{0, "GET /a/b_c-d.json/ HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, " "},
	{400, "\n"},
	{400, "G\r"},
	{400, "GET\t"},
	{400, "GET:"},
	{400, "G\xc3"},
	{501, "get "},
	{501, "PRI "},
	{501, "AAAAAAAAAAAAAAAAA"},
	{HTTP_MORE, "AAAAAAAAAAAAAAAA"},
	{405, "HEAD "},
	{405, "PUT "},
	{405, "DELETE "},
	{405, "CONNECT "},
	{405, "OPTIONS "},
	{405, "TRACE "},
	{405, "PATCH "},
	{400, "GET  "},
	{400, "GET *"},
	{400, "GET h"},
	{400, "GET /?"},
	{400, "GET /#"},
	{400, "GET /%"},
	{400, "GET /\\"},
	{400, "GET /~"},
	{400, "GET /a:"},
	{400, "GET /\x7f"},
	{400, "GET /\xc0"},
	{400, "GET /\r"},
	{400, "GET // "},
	{400, "GET /a//b "},
	{400, "GET /. "},
	{400, "GET /a/../b "},
	{400, "GET /a/.. "},
	{HTTP_MORE, "GET /.../.a "},
	{HTTP_MORE, "GET / HTTP/1.1"},
	{400, "GET / http"},
	{400, "GET /  "},
	{400, "GET / HTTP/1.1 "},
	{400, "GET / HTTP/1.1\n"},
	{400, "GET / HTTP/1.1\rH"},
	{400, "GET / HTTP/01"},
	{400, "GET / HTTP/1.10"},
	{400, "GET / HTTP/1,1"},
	{505, "GET / HTTP/1.0"},
	{505, "GET / HTTP/1.2"},
	{505, "GET / HTTP/2.0"},
	{505, "GET / HTTP/0.9"},
	/* lines */
	{400, "GET / HTTP/1.1\r\nHost: a\n"},
	{400, "GET / HTTP/1.1\r\n\n"},
	{400, "GET / HTTP/1.1\r\nHost: a\rX"},
	{400, "GET / HTTP/1.1\r\n\rX"},
	{400, "GET / HTTP/1.1\r\nHost: a\r\r"},
	{400, GET " fold\r\n"},
	{400, GET "\tfold\r\n"},
	{400, GET "X: a\r\n b\r\n"},
	{400, GET "X : a\r\n"},
	{400, GET "X\t: a\r\n"},
	{400, GET "X y: a\r\n"},
	{400, GET "X\r\n"},
	{400, GET ": a\r\n"},
	{400, GET "(X): a\r\n"},
	{400, GET "X\xc3\x9f: a\r\n"},
	{400, GET "X:\ta\r\n"},
	{400, GET "X: a\t\r\n"},
	{0, GET "X:\r\nX: \r\nX:  a\tb  \r\n!#$%&'*+-.^_`|~09azAZ: :\r\n\r\n"},
	/* Host */
	{400, "GET / HTTP/1.1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost:\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: :80\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a:\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a:b\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a:1:2\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a:123456\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: u@a\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a b\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a, b\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a/b\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: []\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: [::1\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: [::1]80\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: [::1]:\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: [::g]\r\n"},
	{400, GET "Host: a\r\n"},
	{400, GET "hOST: b\r\n"},
	{0, "GET / HTTP/1.1\r\nHost: a_b.Example.\r\n\r\n"},
	{0, "GET / HTTP/1.1\r\nHost: 127.0.0.1:65535\r\n\r\n"},
	{0, "GET / HTTP/1.1\r\nHost: [::ffff:127.0.0.1]\r\n\r\n"},
	{0, "GET / HTTP/1.1\r\nHost: [2001:DB8::a]:8443\r\n\r\n"},
	/* Content-Length */
	{411, POST "\r\n"},
	{0, POST "Content-Length: 0\r\n\r\n"},
	{0, POST "CONTENT-length:65536\r\n\r\n"},
	{413, POST "Content-Length: 65537\r\n"},
	{413, POST "Content-Length: 18446744073709551617\r\n"},
	{413, POST "Content-Length: 99999999999999999999999999999999999999999\r\n"},
	{400, POST "Content-Length:\r\n"},
	{400, POST "Content-Length: +1\r\n"},
	{400, POST "Content-Length: -1\r\n"},
	{400, POST "Content-Length: 01\r\n"},
	{400, POST "Content-Length: 00\r\n"},
	{400, POST "Content-Length: 0x1\r\n"},
	{400, POST "Content-Length: 1_0\r\n"},
	{400, POST "Content-Length: 1 0\r\n"},
	{400, POST "Content-Length: 1, 1\r\n"},
	{400, POST "Content-Length: 1;\r\n"},
	{400, POST "Content-Length: 1\r\nContent-Length: 1\r\n"},
	{400, POST "Content_Length: 1\r\n"},
	{400, POST "ContentLength: 1\r\n"},
	{0, GET "Content-Length: 0\r\n\r\n"},
	{400, GET "Content-Length: 1\r\n\r\n"},
	/* Transfer-Encoding */
	{501, POST "Transfer-Encoding: chunked\r\n\r\n"},
	{501, GET "tRANSFER-eNCODING: identity\r\n\r\n"},
	{400, POST "Transfer-Encoding:\r\n"},
	{400, POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"},
	{400, POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"},
	{400, POST "Content-Length: 1\r\nTransfer-Encoding: x\r\n\r\n"},
	{400, POST "Transfer_Encoding: chunked\r\n"},
	{400, POST "Transfer---encoding: chunked\r\n"},
	{400, POST ".TransferEncoding.: chunked\r\n"},
	{0, POST "Transfer-Encodings: a\r\nX-Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
	/* the others */
	{417, POST "Expect: 200-ok\r\n"},
	{417, POST "Expect:\r\n"},
	{400, POST "Expect: 100-continue\r\nExpect: 100-continue\r\n"},
	{400, POST "Content-Type: a/b\r\nContent-Type: a/b\r\n"},
	{400, POST "Authorization: x\r\nauthorization:\r\n"},
	{0, GET "Connection: close, ,\r\nConnection:\r\n\r\n"},
	{400, GET "Connection: keep alive\r\n"},
	{400, GET "Connection: a;b\r\n"},
	{HTTP_MORE, GET "X: y\r\n\r"},
	{HTTP_MORE, ""},
};

static void test_rules(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned got = judge_str(cases[i].head);
		if (got != cases[i].status)
			fail_msg("%u, not %u: %s", got, cases[i].status, cases[i].head);
	}
}

/* Nothing can be said about any shorter piece: a fault is told at its first byte, not before. */
static void test_early(void **state)
{
	struct http_head h;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t n = 0; n < strlen(cases[i].head); n++) {
			unsigned got = judge(bytes_of(cases[i].head, n), &h);
			if (got != HTTP_MORE && (cases[i].status < 400 || got != cases[i].status))
				fail_msg("%u after %zu bytes: %s", got, n, cases[i].head);
		}
}

static bool alnum(unsigned c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Every byte in every place: whole as well as at the end of what has come so far. */
static void test_bytes(void **state)
{
	for (unsigned c = 0; c < 256; c++) {
		char method[] = "P?T ", target[] = "GET /a?", name[] = GET "X?Y: a\r\n\r\n",
		     value[] = GET "X: a?b\r\n\r\n", part[] = GET "X: a?";
		bool text = c == '\t' || (c >= 0x20 && c <= 0x7e);
		struct http_head h;

		method[1] = target[6] = (char)c;
		name[strlen(GET) + 1] = value[strlen(GET) + 4] = part[strlen(GET) + 4] = (char)c;
		bool token = c && (alnum(c) || strchr("!#$%&'*+-.^_`|~", (int)c));
		if (c != 'U') /* PUT */
			assert_int_equal(judge(bytes_of(method, 4), &h),
					 token || c == ' ' ? 501 : 400);
		assert_int_equal(judge(bytes_of(target, 7), &h),
				 alnum(c) || (c && strchr("-._/ ", (int)c)) ? HTTP_MORE : 400);
		assert_int_equal(judge(bytes_of(name, sizeof(name) - 1), &h),
				 token || c == ':' ? 0 : 400);
		assert_int_equal(judge(bytes_of(value, sizeof(value) - 1), &h), text ? 0 : 400);
		assert_int_equal(judge(bytes_of(part, sizeof(part) - 1), &h),
				 text || c == '\r' ? HTTP_MORE : 400);
	}
}

static unsigned judge_buf(struct buf *b)
{
	struct http_head h;
	unsigned status;

	assert_int_equal(buf_status(b), 0);
	status = judge(buf_bytes(b), &h);
	buf_reset(b);
	return status;
}

static void put_many(struct buf *b, const char *s, size_t n)
{
	while (n--)
		buf_puts(b, s);
}

static void test_limits(void **state)
{
	struct buf b = BUF_INIT(200000);

	for (int over = 0; over < 2; over++) {
		buf_puts(&b, "GET /");
		put_many(&b, "a", HTTP_TARGET_MAX - 1 + (size_t)over);
		buf_puts(&b, " HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_int_equal(judge_buf(&b), over ? 414 : 0);

		buf_puts(&b, GET);
		put_many(&b, "X: y\r\n", HTTP_FIELDS_MAX - 1 + (size_t)over);
		buf_puts(&b, "\r\n");
		assert_int_equal(judge_buf(&b), over ? 431 : 0);

		buf_puts(&b, GET "X: ");
		put_many(&b, "y", HTTP_HEAD_MAX - strlen(GET) - 7 + (size_t)over);
		buf_puts(&b, "\r\n\r\n");
		assert_int_equal(judge_buf(&b), over ? 431 : 0);

		/* No end yet: too large as soon as none can come in time. */
		buf_puts(&b, GET "X: ");
		put_many(&b, "y", HTTP_HEAD_MAX - strlen(GET) - 4 + (size_t)over);
		assert_int_equal(judge_buf(&b), over ? 431 : HTTP_MORE);
	}
	put_many(&b, "A", 100000);
	assert_int_equal(judge_buf(&b), 501);
	buf_puts(&b, GET);
	put_many(&b, "A", 100000);
	assert_int_equal(judge_buf(&b), 431);
	buf_puts(&b, GET);
	put_many(&b, "X: y\r\n", 10000);
	assert_int_equal(judge_buf(&b), 431);
	buf_done(&b);
}

static void test_is_json(void **state)
{
	static const char *const good[] = {"application/json", "Application/JSON",
					   "application/json;charset=utf-8",
					   "application/json ; Charset=UTF-8"};
	static const char *const bad[] = {"",
					  "application/json;",
					  "application/jsonx",
					  "application/problem+json",
					  "text/json",
					  "application/json, text/plain",
					  "application/json; charset=latin1",
					  "application/json; charset=\"utf-8\"",
					  "application/json; charset=utf-8; a=b",
					  "application/json; a=b",
					  ";charset=utf-8"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(http_is_json(bytes_str(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(http_is_json(bytes_str(bad[i])));
	assert_false(http_is_json(bytes_of(NULL, 0)));
}

static void test_request_id(void **state)
{
	static const char *const good[] = {
		"a", "Z9._-", "-",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	static const char *const bad[] = {
		"",	    "a b",
		"a/b",	    "a\"",
		"a\\",	    "a\tb",
		"\xc3\xa4", "a,b",
		"a:b",	    "01234567890123456789012345678901234567890123456789012345678901234"};
	struct http_head h;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(http_is_request_id(bytes_str(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(http_is_request_id(bytes_str(bad[i])));
	assert_int_equal(
		http_head_read(BYTES("GET / HTTP/1.1\r\nHost: a\r\nx-request-ID:  r 1 \r\n\r\n"), 0,
			       &h),
		0);
	assert_true(bytes_is(h.request_id, "r 1"));
	assert_int_equal(http_head_read(BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0, &h), 0);
	assert_int_equal(h.request_id.n, 0);
	assert_int_equal(http_head_read(BYTES("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: "
					      "1\r\nX-Request-Id: 1\r\n\r\n"),
					0, &h),
			 HTTP_BAD);
	assert_int_equal(h.status, 400);
}

static void test_reply(void **state)
{
	struct buf b = BUF_INIT(1000);

	http_reply_put(&b, &(const struct http_reply){.status = 200,
						      .content_type = "application/json",
						      .body = BYTES("{}")});
	assert_true(bytes_is(buf_bytes(&b),
			     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			     "Content-Length: 2\r\nCache-Control: no-store\r\n\r\n{}"));
	buf_reset(&b);
	http_reply_put(&b, &(const struct http_reply){.status = 299,
						      .authenticate = "Bearer",
						      .allow = "GET",
						      .request_id = BYTES("a.B-1_"),
						      .retry_after = 7,
						      .close = true});
	assert_true(bytes_is(buf_bytes(&b),
			     "HTTP/1.1 299 \r\nContent-Length: 0\r\nCache-Control: no-store\r\n"
			     "X-Request-Id: a.B-1_\r\nWWW-Authenticate: Bearer\r\nAllow: "
			     "GET\r\nRetry-After: 7\r\n"
			     "Connection: close\r\n\r\n"));
	buf_done(&b);
}

static void test_problem(void **state)
{
	struct http_problem p = {.code = CODE_RATE_LIMITED,
				 .detail = BYTES("\"\r\n"),
				 .request_id = BYTES("r1"),
				 .field = BYTES("zone"),
				 .retry_after = 60};
	struct buf b = BUF_INIT(1000);
	size_t head;

	http_problem_put(&b, &p);
	head = bytes_find(buf_bytes(&b), BYTES("\r\n\r\n")) + 4;
	assert_true(bytes_is(
		bytes_of(b.p, head),
		"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/problem+json\r\n"
		"Content-Length: 173\r\nCache-Control: no-store\r\nX-Request-Id: "
		"r1\r\nRetry-After: 60\r\n\r\n"));
	assert_true(bytes_is(
		bytes_of(b.p + head, b.n - head),
		"{\"type\":\"urn:postern:error:rate_limited\",\"title\":\"Too many requests\","
		"\"status\":429,\"detail\":\"\\\"\\r\\n\",\"code\":\"rate_limited\","
		"\"request_id\":\"r1\",\"field\":\"zone\",\"retry_after\":60}\n"));
	buf_done(&b);

	http_problem_put(&b,
			 &(const struct http_problem){.code = CODE_INVALID_REQUEST, .status = 405});
	assert_true(bytes_find(buf_bytes(&b), BYTES("\r\nAllow: GET, POST\r\n")) < b.n);
	assert_true(bytes_find(buf_bytes(&b), BYTES("\"code\":\"invalid_request\"")) < b.n);
	buf_done(&b);
	http_problem_put(&b, &(const struct http_problem){.code = CODE_UNAUTHENTICATED});
	assert_true(bytes_find(buf_bytes(&b), BYTES("\r\nWWW-Authenticate: Bearer\r\n")) < b.n);
	buf_done(&b);

	b = BUF_INIT(300);
	http_problem_put(&b, &p);
	assert_int_equal(buf_status(&b), -ENOBUFS);
	buf_done(&b);
}

/* What is said about each status that the API can answer with. */
static void test_reasons(void **state)
{
	for (int i = 0; i < CODE_COUNT; i++) {
		struct buf b = BUF_INIT(1000);

		http_problem_put(&b, &(const struct http_problem){.code = (enum code)i});
		assert_true(alnum(b.p[strlen("HTTP/1.1 400 ")]));
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),	   cmocka_unit_test(test_rules),
		cmocka_unit_test(test_early),	   cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_limits),	   cmocka_unit_test(test_is_json),
		cmocka_unit_test(test_request_id), cmocka_unit_test(test_reply),
		cmocka_unit_test(test_problem),	   cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
