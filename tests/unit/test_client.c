/* SPDX-License-Identifier: ISC */
/* The HTTPS client: what it sends, and what it makes of answers. */
#include "client_rig.h"

/* ---- answers ---- */

static void test_answers(void **state)
{
	expect("GET", "/ok", EGRESS_OK, 200, "hello");
	expect("DELETE", "/none", EGRESS_OK, 204, "");
	expect("HEAD", "/head", EGRESS_OK, 200, "");
	expect("GET", "/until-close", EGRESS_OK, 200, "all of it");
	expect("POST", "/ok?q=1", EGRESS_OK, 200, "hello");
}

/* Neither followed, nor is its cookie sent with the next. */
static void test_redirect(void **state)
{
	struct result r;
	struct bytes v;

	expect("GET", "/redirect", EGRESS_OK, 302, "");
	r = ask("GET", "/redirect");
	assert_true(plist_get(buf_bytes(&r.headers), "Location", &v) && bytes_is(v, "/ok"));
	result_done(&r);
	r = ask("GET", "/echo");
	assert_null(memmem(r.body.p, r.body.n, "Cookie", 6));
	result_done(&r);
	assert_int_equal(server.counts->requests, 3);
}

static void test_headers(void **state)
{
	struct result r = ask("GET", "/wanted");
	struct bytes list = buf_bytes(&r.headers), v;
	static const char *const want[] = {"X-Wanted", "one", "X-Wanted", "two", "X-Empty", ""};

	assert_int_equal(r.status, 429);
	assert_true(r.has_retry_after && r.retry_after == 7);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_true(plist_next(&list, &v) && bytes_is(v, want[i]));
	assert_int_equal(list.n, 0);
	result_done(&r);

	r = ask("GET", "/retry-date");
	assert_true(r.has_retry_after && r.retry_after == 86400);
	result_done(&r);
	r = ask("GET", "/retry-bad");
	assert_false(r.has_retry_after);
	result_done(&r);
}

/* Only the final answer's head counts. */
static void test_interim_and_trailers(void **state)
{
	static const char *const paths[] = {"/interim", "late", "/trailers", "head"};

	for (size_t i = 0; i < ARRAY_LEN(paths); i += 2) {
		struct result r = ask("GET", paths[i]);
		struct bytes v;

		assert_int_equal(r.failure, EGRESS_OK);
		assert_false(r.has_retry_after);
		assert_int_equal(plist_count(buf_bytes(&r.headers)), 2);
		assert_true(plist_get(buf_bytes(&r.headers), "X-Wanted", &v));
		assert_true(bytes_is(v, paths[i + 1]));
		result_done(&r);
	}
}

static void test_no_decompression(void **state)
{
	expect("GET", "/ce-gzip", EGRESS_OK, 200, "raw");
	expect("GET", "/te-gzip", EGRESS_RESET, 0, "");
}

static void test_broken(void **state)
{
	static const char *const paths[] = {"/close",	  "/reset",	   "/half-head",
					    "/half-body", "/only-interim", "/garbage",
					    "/no-head",	  "/bad-length"};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		expect("GET", paths[i], EGRESS_RESET, 0, "");
}

static void test_too_large(void **state)
{
	static const char *const paths[] = {"/endless-body", "/endless-headers", "/endless-line",
					    "/endless-interim"};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		expect("GET", paths[i], EGRESS_TOO_LARGE, 0, "");
}

/* ---- what is sent ---- */

static void test_request_bytes(void **state)
{
	struct url u = url_of("127.0.0.1", server.port, false);
	struct egress_request r = request(&u, "/echo/../%2e/a?b=c&d=/../#");
	struct buf headers = BUF_INIT(1000), want = BUF_INIT(1000);
	struct result res;

	plist_put(&headers, BYTES("Authorization: Bearer s3cret"));
	plist_put(&headers, BYTES("accept: application/json"));
	plist_put(&headers, BYTES("Content-Type: application/json"));
	r.method = "PATCH";
	r.headers = buf_bytes(&headers);
	r.body = bytes_of("{\0}", 3);
	res = run(&r);
	buf_printf(&want,
		   "PATCH /echo/../%%2e/a?b=c&d=/../# HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
		   "User-Agent: postern/" POSTERN_VERSION
		   "\r\nAuthorization: Bearer s3cret\r\naccept: application/json\r\n"
		   "Content-Type: application/json\r\nContent-Length: 3\r\n\r\n{",
		   server.port);
	assert_int_equal(res.failure, EGRESS_OK);
	assert_true(bytes_eq(buf_bytes(&res.body), buf_bytes(&want)));
	result_done(&res);
	buf_done(&headers);
	buf_done(&want);
}

/* A length where a body may be; no type that nobody gave, and no "Expect". */
static void test_empty_body(void **state)
{
	static const struct {
		const char *method;
		bool length;
	} cases[] = {
		{"GET", false}, {"DELETE", false}, {"POST", true}, {"PATCH", true}, {"PUT", true}};
	struct url u = url_of("127.0.0.1", server.port, false);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct egress_request r = request(&u, "/echo");
		struct result res;

		r.method = cases[i].method;
		res = run(&r);
		assert_true(bytes_starts(buf_bytes(&res.body), bytes_str(r.method)));
		assert_int_equal(memmem(res.body.p, res.body.n, "\nContent-Length: 0\r", 19) !=
					 NULL,
				 cases[i].length);
		assert_null(memmem(res.body.p, res.body.n, "Type", 4));
		assert_null(memmem(res.body.p, res.body.n, "Expect", 6));
		assert_null(memmem(res.body.p, res.body.n, "Encoding", 8));
		result_done(&res);
	}
}

static void test_malformed_requests(void **state)
{
	static const char *const targets[] = {
		"", "x", "*", "http://h/", "/a b", "/a\r\nX:y", "/\x7f", "/\xc3\xa9", " /"};
	static const char *const lines[] = {"",
					    "X",
					    ": v",
					    "X : v",
					    "X: a\r\nY: b",
					    "X: \x80",
					    " X: v",
					    "Host: other",
					    "hOST:other",
					    "Content-Length:",
					    "Content-Length: 1",
					    "Expect: 100-continue",
					    "Connection: close",
					    "TE: gzip",
					    "Transfer-Encoding: chunked",
					    "Upgrade: h2c",
					    "X;",
					    "User-Agent: x"};
	struct url u = url_of("127.0.0.1", server.port, false);
	struct result res = {.done = false};
	struct egress_call *c;

	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct egress_request r = request(&u, targets[i]);
		assert_int_equal(egress_start(egress, &r, on_done, &res, &c), -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct egress_request r = request(&u, "/ok");
		struct buf headers = BUF_INIT(1000);

		plist_put(&headers, bytes_str(lines[i]));
		r.headers = buf_bytes(&headers);
		assert_int_equal(egress_start(egress, &r, on_done, &res, &c), -EINVAL);
		r.headers.n--;
		if (lines[i][0])
			assert_int_equal(egress_start(egress, &r, on_done, &res, &c), -EINVAL);
		buf_done(&headers);
	}
	assert_int_equal(server.counts->connections, 0);
}

/* A struct url that url_parse() did not make. */
static void test_malformed_hosts(void **state)
{
	static const char *const hosts[] = {"",	   "a/b", "u@127.0.0.1", "127.1", "LOCALHOST",
					    "a b", "a:1", "::1]",	 "h?",	  "127.0.0.1#"};

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct url u = url_of("localhost", server.port, false);
		struct egress_request r = request(&u, "/ok");
		struct result res = {.done = false};
		struct egress_call *c;

		snprintf(u.host, sizeof(u.host), "%s", hosts[i]);
		assert_int_equal(egress_start(egress, &r, on_done, &res, &c), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_answers),	     CASE(test_redirect),
		CASE(test_headers),	     CASE(test_interim_and_trailers),
		CASE(test_no_decompression), CASE(test_broken),
		CASE(test_too_large),	     CASE(test_request_bytes),
		CASE(test_empty_body),	     CASE(test_malformed_requests),
		CASE(test_malformed_hosts),
	};

	return cmocka_run_group_tests_name("client", tests, all_start, NULL);
}
