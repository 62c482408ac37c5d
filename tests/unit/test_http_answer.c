/* SPDX-License-Identifier: ISC */
/* The reader of answers, rule by rule; each case whole, byte by byte, and cut at each byte. */
#include "test.h"

#include "http/answer.h"

#define OK	"HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

/* What was read: fields as "name=value;", and the body. */
struct reading {
	enum http_answer_event end;
	unsigned status;
	bool keep;
	struct buf fields, body;
	size_t left; /* bytes behind it */
};

static void reading_done(struct reading *r)
{
	buf_done(&r->fields);
	buf_done(&r->body);
}

/* Feed IN in pieces of at most STEP bytes, each on the heap and of its exact size; then, unless it was over before, the connection ends. */
static struct reading read_all(struct bytes in, size_t step, bool head)
{
	struct reading r = {
		.end = HTTP_ANSWER_MORE, .fields = BUF_INIT(1 << 20), .body = BUF_INIT(1 << 20)};
	struct http_answer a;

	http_answer_init(&a, head);
	while (r.end == HTTP_ANSWER_MORE && in.n) {
		size_t n = in.n < step ? in.n : step;
		unsigned char *p = test_exact(bytes_of(in.p, n));
		struct bytes piece = bytes_of(p, n), name, value;

		do {
			r.end = http_answer_next(&a, &piece, &name, &value);
			if (r.end == HTTP_ANSWER_FIELD)
				buf_printf(&r.fields, "%.*s=%.*s;", (int)name.n,
					   (const char *)name.p, (int)value.n,
					   (const char *)value.p);
			if (r.end == HTTP_ANSWER_BODY)
				buf_put_bytes(&r.body, value);
		} while (r.end == HTTP_ANSWER_FIELD || r.end == HTTP_ANSWER_BODY);
		in = bytes_skip(in, n - piece.n);
		free(p);
		assert_true(a.began);
		if (r.end == HTTP_ANSWER_MORE)
			assert_int_equal(piece.n, 0);
	}
	if (r.end == HTTP_ANSWER_MORE)
		r.end = http_answer_end(&a);
	r.status = a.status;
	r.keep = a.keep;
	r.left = in.n;
	http_answer_done(&a);
	return r;
}

static const struct {
	const char *says;
	bool keep;
	unsigned status;
	const char *fields, *body;
	size_t left;
} good[] = {
	/* status lines */
	{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, 200, "Content-Length=0;", "", 0},
	{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", true, 200, "Content-Length=0;", "", 0},
	{"HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n", true, 999, "Content-Length=0;", "", 0},
	{"HTTP/1.1 404 Not\tFound \xe4\r\nContent-Length: 0\r\n\r\n", true, 404,
	 "Content-Length=0;", "", 0},
	{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", false, 200, "Content-Length=2;", "hi",
	 0},
	{"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", true, 200, "Content-Length=2;", "hi", 0},
	/* fields */
	{OK "A:1\r\nb: \t 2 3 \t\r\nC:\r\nx!#$%&'*+-.^_`|~9: \xff\r\nContent-Length: 0\r\n\r\n",
	 true, 200, "A=1;b=2 3;C=;x!#$%&'*+-.^_`|~9=\xff;Content-Length=0;", "", 0},
	/* bodies */
	{OK "Content-Length: 5\r\n\r\nhello", true, 200, "Content-Length=5;", "hello", 0},
	{OK "Content-Length: 5\r\n\r\nhelloHTTP/1.1", true, 200, "Content-Length=5;", "hello", 8},
	{OK "content-length: 5\r\nCONTENT-LENGTH: 5\r\n\r\nhello", true, 200,
	 "content-length=5;CONTENT-LENGTH=5;", "hello", 0},
	{OK "\r\nall of it", false, 200, "", "all of it", 0},
	{OK "\r\n", false, 200, "", "", 0},
	{OK "Connection: close\r\nContent-Length: 1\r\n\r\nx", false, 200,
	 "Connection=close;Content-Length=1;", "x", 0},
	{OK "Connection: a, CLOSE ,b\r\nContent-Length: 1\r\n\r\nx", false, 200,
	 "Connection=a, CLOSE ,b;Content-Length=1;", "x", 0},
	{OK "Connection: closed\r\nContent-Length: 1\r\n\r\nx", true, 200,
	 "Connection=closed;Content-Length=1;", "x", 0},
	{"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello", true, 204, "Content-Length=5;", "",
	 5},
	{"HTTP/1.1 304 Not\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", true, 304,
	 "Transfer-Encoding=chunked;", "", 3},
	/* chunks */
	{CHUNKED "5\r\nhello\r\n0\r\n\r\n", true, 200, "Transfer-Encoding=chunked;", "hello", 0},
	{CHUNKED "A;ext=\"1\"\r\n0123456789\r\n0005 \r\nhello\r\n0\r\nX: 1\r\nContent-Length: "
		 "x\r\n\r\nmore",
	 true, 200, "Transfer-Encoding=chunked;", "0123456789hello", 4},
	{CHUNKED "1\nx\n0\n\n", true, 200, "Transfer-Encoding=chunked;", "x", 0},
	{OK "Content-Length: 3\r\ntransfer-encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", false,
	 200, "Content-Length=3;transfer-encoding=Chunked;", "x", 0},
	/* interim answers */
	{"HTTP/1.1 103 Early\r\nA: 1\r\nContent-Length: 7\r\n\r\nHTTP/1.1 100 Go on\r\n\r\n" OK
	 "B: 2\r\nContent-Length: 1\r\n\r\nx",
	 true, 200, "B=2;Content-Length=1;", "x", 0},
	{"HTTP/1.1 103 Early\r\nConnection: close\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", true,
	 200, "Content-Length=1;", "x", 0},
};

static const struct bytes bad[] = {
	/* status lines */
	BYTES("HTTP/1.1 99 No\r\n\r\n"),
	BYTES("HTTP/1.1 099 No\r\n\r\n"),
	BYTES("HTTP/1.1 1000 No\r\n\r\n"),
	BYTES("HTTP/1.1 2x0 No\r\n\r\n"),
	BYTES("HTTP/1.1 +20 No\r\n\r\n"),
	BYTES("HTTP/1.1  200 OK\r\n\r\n"),
	BYTES("HTTP/1.1\t200 OK\r\n\r\n"),
	BYTES("HTTP/1.1 200\tOK\r\n\r\n"),
	BYTES("HTTP/1.1 200 O\rK\r\n\r\n"),
	BYTES("HTTP/1.1 200 O\0K\r\n\r\n"),
	BYTES("HTTP/1.2 200 OK\r\n\r\n"),
	BYTES("HTTP/2 200\r\n\r\n"),
	BYTES("http/1.1 200 OK\r\n\r\n"),
	BYTES(" HTTP/1.1 200 OK\r\n\r\n"),
	BYTES("\r\nHTTP/1.1 200 OK\r\n\r\n"),
	BYTES("HTTP/1.1 101 Switching\r\n\r\n"),
	BYTES("SSH-2.0-OpenSSH_9.2p1\r\n"),
	/* fields */
	BYTES(OK "no colon\r\n\r\n"),
	BYTES(OK ": no name\r\n\r\n"),
	BYTES(OK "a b: 1\r\n\r\n"),
	BYTES(OK "a : 1\r\n\r\n"),
	BYTES(OK "a: 1\r\n folded\r\n\r\n"),
	BYTES(OK "\xe4: 1\r\n\r\n"),
	BYTES(OK "a: 1\r2\r\n\r\n"),
	BYTES(OK "a: 1\0002\r\n\r\n"),
	BYTES(OK "a: \x7f\r\n\r\n"),
	/* lengths */
	BYTES(OK "Content-Length: \r\n\r\n"),
	BYTES(OK "Content-Length: x\r\n\r\n"),
	BYTES(OK "Content-Length: -1\r\n\r\n"),
	BYTES(OK "Content-Length: +1\r\n\r\nx"),
	BYTES(OK "Content-Length: 1 1\r\n\r\nx"),
	BYTES(OK "Content-Length: 1, 1\r\n\r\nx"),
	BYTES(OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
	BYTES(OK "Content-Length: 9223372036854775808\r\n\r\nx"),
	BYTES(OK "Content-Length: 18446744073709551617\r\n\r\nx"),
	/* codings */
	BYTES(OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
	BYTES(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	BYTES(OK "Transfer-Encoding: identity\r\n\r\n"),
	BYTES(OK "Transfer-Encoding:\r\n\r\n"),
	BYTES("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	/* chunks */
	BYTES(CHUNKED "\r\n"),
	BYTES(CHUNKED "x\r\n"),
	BYTES(CHUNKED "-1\r\n"),
	BYTES(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"),
	BYTES(CHUNKED "5 5\r\nhello\r\n0\r\n\r\n"),
	BYTES(CHUNKED "5\r\nhellohello\r\n0\r\n\r\n"),
	BYTES(CHUNKED "5\r\nhello0\r\n\r\n"),
	BYTES(CHUNKED "5;\r;\r\nhello\r\n0\r\n\r\n"),
	BYTES(CHUNKED "0\r\nnonsense\r\n\r\n"),
	BYTES(CHUNKED "fffffffffffffffff\r\n"),
	BYTES(CHUNKED "0000000000000005\r\nhello\r\n0\r\n\r\n"),
};

static void check_good(size_t i, size_t step)
{
	struct reading r = read_all(bytes_str(good[i].says), step, false);

	if (r.end != HTTP_ANSWER_DONE || r.status != good[i].status || r.keep != good[i].keep ||
	    r.left != good[i].left || !bytes_is(buf_bytes(&r.fields), good[i].fields) ||
	    !bytes_is(buf_bytes(&r.body), good[i].body))
		fail_msg("good %zu in steps of %zu: event %d, status %u, %zu bytes left", i, step,
			 r.end, r.status, r.left);
	reading_done(&r);
}

static void test_good(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		for (size_t step = 1; step <= strlen(good[i].says); step++)
			check_good(i, step);
}

/* Cut short, only what ends with its connection is an answer. */
static void test_cut(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		size_t whole = strlen(good[i].says) - good[i].left;
		const char *head = strstr(good[i].says, "\r\n\r\n");
		bool until_close =
			head && !strstr(good[i].says, "ength") && !strstr(good[i].says, "oding");

		for (size_t n = 0; n < whole; n++) {
			struct reading r = read_all(bytes_of(good[i].says, n), n ? n : 1, false);
			bool over = until_close && n >= (size_t)(head + 4 - good[i].says);

			if (r.end != (over ? HTTP_ANSWER_DONE : HTTP_ANSWER_BAD))
				fail_msg("good %zu cut to %zu: event %d", i, n, r.end);
			reading_done(&r);
		}
	}
}

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		for (size_t step = 1; step <= bad[i].n; step++) {
			struct reading r = read_all(bad[i], step, false);

			if (r.end != HTTP_ANSWER_BAD)
				fail_msg("bad %zu in steps of %zu: event %d", i, step, r.end);
			reading_done(&r);
		}
}

static void test_head(void **state)
{
	const struct bytes in = BYTES(OK "Content-Length: 5\r\n\r\nhello");
	struct reading r = read_all(in, in.n, true);

	assert_int_equal(r.end, HTTP_ANSWER_DONE);
	assert_int_equal(r.left, 5);
	assert_true(r.keep);
	reading_done(&r);
}

/* FIRST, then N times AGAIN. */
static enum http_answer_event read_long(const char *first, const char *again, size_t n, size_t step)
{
	struct buf b = BUF_INIT(1 << 24);
	struct reading r;

	buf_puts(&b, first);
	while (n--)
		buf_puts(&b, again);
	r = read_all(buf_bytes(&b), step, false);
	buf_done(&b);
	reading_done(&r);
	return r.end;
}

static void test_limits(void **state)
{
	static const struct {
		const char *first, *again;
	} endless[] = {
		{"", "HTTP/1.1 103 Early Hints\r\n\r\n"},
		{OK, "A: 0123456789\r\n"},
		{OK "A: ", "0123456789"},
		{"", "0123456789"},
		{CHUNKED "1;", "0123456789"},
		{CHUNKED "0\r\n", "A: 0123456789\r\n"},
		{CHUNKED, "1;0123456789\r\nx\r\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(endless); i++)
		for (size_t step = 1; step < 100000; step *= 9)
			assert_int_equal(read_long(endless[i].first, endless[i].again, 10000, step),
					 HTTP_ANSWER_TOO_LARGE);
	/* The sizes of chunks do not count: a large body may come in small ones. */
	assert_int_equal(
		read_long(CHUNKED,
			  "80\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n",
			  8000, 4096),
		HTTP_ANSWER_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bad),    cmocka_unit_test(test_head),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("http_answer", tests, NULL, NULL);
}
