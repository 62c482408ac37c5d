/* SPDX-License-Identifier: ISC */
/* AWS's own test suite: each folder has a request, and what becomes of it on the way to its signature. */
#include "test.h"

#include "base/text.h"
#include "sign/sigv4.h"
#include "sys/crypto.h"

#include <dirent.h>
#include <unistd.h>

#define BUFFER (1u << 20)

/* One case: its request taken apart. */
struct request {
	json_t *context;
	struct buf text, headers, query;
	char method[16];
	struct sigv4 s;
	struct bytes access_key, secret, token;
};

static struct buf file(const char *folder, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "vectors/sigv4/%s/%s", folder, name);
	return test_file(path);
}

static bool has_file(const char *folder, const char *name)
{
	char path[1000];

	snprintf(path, sizeof(path), TEST_DATA "/vectors/sigv4/%s/%s", folder, name);
	return access(path, R_OK) == 0;
}

static struct bytes line_of(struct bytes *rest)
{
	struct bytes line = bytes_of(rest->p, bytes_find(*rest, BYTES("\n")));

	*rest = bytes_skip(*rest, line.n + 1);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static void put_pair(struct buf *b, const char *name, struct bytes value)
{
	plist_put(b, bytes_str(name));
	plist_put(b, value);
}

/* Headers, continued lines joined; then the body. */
static void read_headers(struct request *r, struct bytes rest)
{
	struct buf name = BUF_INIT(BUFFER), value = BUF_INIT(BUFFER);
	struct bytes line;

	while (rest.n) {
		line = line_of(&rest);
		if (line.n && (line.p[0] == ' ' || line.p[0] == '\t')) {
			buf_putc(&value, ' ');
			buf_put_bytes(&value, line);
			continue;
		}
		if (name.n) {
			plist_put(&r->headers, buf_bytes(&name));
			plist_put(&r->headers, buf_bytes(&value));
		}
		buf_reset(&name);
		buf_reset(&value);
		if (!line.n)
			break;
		buf_put(&name, line.p, bytes_find(line, BYTES(":")));
		buf_put_bytes(&value, bytes_skip(line, name.n + 1));
	}
	if (name.n) {
		plist_put(&r->headers, buf_bytes(&name));
		plist_put(&r->headers, buf_bytes(&value));
	}
	r->s.body = rest;
	buf_done(&name);
	buf_done(&value);
}

static const char *text_at(const json_t *o, const char *path)
{
	return json_string_value(json_at(o, path));
}

static void begin(struct request *r, const char *folder)
{
	struct bytes rest, line;
	char path[300];
	size_t end;
	int64_t usec;

	memset(r, 0, sizeof(*r));
	snprintf(path, sizeof(path), "vectors/sigv4/%s/context.json", folder);
	r->context = test_json(path);
	r->text = file(folder, "request.txt");
	r->headers = r->query = BUF_INIT(BUFFER);
	rest = buf_bytes(&r->text);
	line = line_of(&rest);
	assert_int_equal(bytes_to_str(bytes_of(line.p, bytes_find(line, BYTES(" "))), r->method,
				      sizeof(r->method)),
			 0);
	line = bytes_skip(line, strlen(r->method) + 1);
	for (end = line.n; end > 0 && line.p[end] != ' ';)
		end--;
	line.n = end;
	r->s = (struct sigv4){.method = r->method,
			      .path = bytes_of(line.p, bytes_find(line, BYTES("?"))),
			      .region = text_at(r->context, "region"),
			      .service = text_at(r->context, "service"),
			      .normalize = json_is_true(json_at(r->context, "normalize"))};
	buf_put_bytes(&r->query, bytes_skip(line, r->s.path.n + 1));
	assert_int_equal(text_to_time(json_bytes_at(r->context, "timestamp"), &usec), 0);
	r->s.now = usec / 1000000;
	r->access_key = json_bytes_at(r->context, "credentials.access_key_id");
	r->secret = json_bytes_at(r->context, "credentials.secret_access_key");
	r->token = json_bytes_at(r->context, "credentials.token");
	read_headers(r, rest);
}

static void end(struct request *r)
{
	json_decref(r->context);
	buf_done(&r->text);
	buf_done(&r->headers);
	buf_done(&r->query);
}

static void same(const char *folder, const char *name, const struct buf *got)
{
	struct buf want = file(folder, name);

	while (want.n && want.p[want.n - 1] == '\n')
		buf_truncate(&want, want.n - 1);
	if (!bytes_eq(buf_bytes(&want), buf_bytes(got)))
		fail_msg("%s/%s:\n%.*s\nbut it is\n%.*s", folder, name, (int)want.n, want.p,
			 (int)got->n, got->p);
	buf_done(&want);
}

static void check(struct request *r, const char *folder, const char *kind)
{
	struct buf canonical = BUF_INIT(BUFFER), names = BUF_INIT(BUFFER),
		   string = BUF_INIT(BUFFER), signature = BUF_INIT(BUFFER);
	char name[100];

	r->s.headers = buf_bytes(&r->headers);
	r->s.query = buf_bytes(&r->query);
	assert_int_equal(sigv4_put_canonical(&r->s, &canonical, &names), 0);
	snprintf(name, sizeof(name), "%s-canonical-request.txt", kind);
	same(folder, name, &canonical);
	assert_int_equal(sigv4_put_string(&r->s, buf_bytes(&canonical), &string), 0);
	snprintf(name, sizeof(name), "%s-string-to-sign.txt", kind);
	same(folder, name, &string);
	assert_int_equal(sigv4_put_signature(&r->s, r->secret, buf_bytes(&string), &signature), 0);
	snprintf(name, sizeof(name), "%s-signature.txt", kind);
	same(folder, name, &signature);
	buf_done(&canonical);
	buf_done(&names);
	buf_done(&string);
	buf_done(&signature);
}

/* Signed by headers. */
static void check_header(const char *folder)
{
	struct buf hash = BUF_INIT(100);
	struct request r;
	char time[17];

	begin(&r, folder);
	sigv4_time(r.s.now, time);
	put_pair(&r.headers, "X-Amz-Date", bytes_str(time));
	if (r.token.n && !json_is_true(json_at(r.context, "omit_session_token")))
		put_pair(&r.headers, "X-Amz-Security-Token", r.token);
	assert_int_equal(digest_put_hash(DIGEST_SHA256, r.s.body, &hash), 0);
	if (json_is_true(json_at(r.context, "sign_body")))
		put_pair(&r.headers, "x-amz-content-sha256", buf_bytes(&hash));
	check(&r, folder, "header");
	buf_done(&hash);
	end(&r);
}

static void add_query(struct request *r, const char *name, struct bytes value)
{
	if (r->query.n)
		buf_putc(&r->query, '&');
	buf_printf(&r->query, "%s=", name);
	text_put_pct(&r->query, value);
}

/* The same in the query (a "presigned URL"): Postern sends none, but the canonical form is one. */
static void check_query(const char *folder)
{
	struct buf scope = BUF_INIT(400), canonical = BUF_INIT(BUFFER), names = BUF_INIT(BUFFER);
	struct request r;
	char time[17], seconds[24];

	begin(&r, folder);
	sigv4_time(r.s.now, time);
	snprintf(seconds, sizeof(seconds), "%lld",
		 (long long)json_integer_value(json_at(r.context, "expiration_in_seconds")));
	buf_put_bytes(&scope, r.access_key);
	buf_putc(&scope, '/');
	sigv4_put_scope(&r.s, &scope);
	r.s.headers = buf_bytes(&r.headers);
	assert_int_equal(sigv4_put_canonical(&r.s, &canonical, &names), 0);
	add_query(&r, "X-Amz-Algorithm", BYTES("AWS4-HMAC-SHA256"));
	add_query(&r, "X-Amz-Credential", buf_bytes(&scope));
	add_query(&r, "X-Amz-Date", bytes_str(time));
	add_query(&r, "X-Amz-Expires", bytes_str(seconds));
	add_query(&r, "X-Amz-SignedHeaders", buf_bytes(&names));
	if (r.token.n && !json_is_true(json_at(r.context, "omit_session_token")))
		add_query(&r, "X-Amz-Security-Token", r.token);
	check(&r, folder, "query");
	buf_done(&scope);
	buf_done(&canonical);
	buf_done(&names);
	end(&r);
}

static void test_suite(void **state)
{
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	d = opendir(TEST_DATA "/vectors/sigv4");
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (!has_file(e->d_name, "context.json"))
			continue;
		n++;
		check_header(e->d_name);
		if (has_file(e->d_name, "query-signature.txt"))
			check_query(e->d_name);
	}
	closedir(d);
	assert_true(n >= 25);
}

static void test_sign(void **state)
{
	struct buf c = BUF_INIT(1000), lines = BUF_INIT(10000);
	struct signing s = {.method = "GET",
			    .host = BYTES("example.amazonaws.com"),
			    .target = BYTES("/"),
			    .now = 1440938160};
	struct bytes list, line;

	assert_int_equal(sigv4_sign(&s, "us-east-1", "service", &lines), SIGN_E_FIELD);
	put_pair(&c, "access_key_id", BYTES("AKIDEXAMPLE"));
	put_pair(&c, "secret_access_key", BYTES("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
	s.credentials = buf_bytes(&c);
	assert_int_equal(sigv4_sign(&s, "us-east-1", "service", &lines), 0);
	list = buf_bytes(&lines);
	assert_true(plist_next(&list, &line) && bytes_is(line, "X-Amz-Date: 20150830T123600Z"));
	/* get-vanilla */
	assert_true(plist_next(&list, &line) &&
		    bytes_is(line,
			     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/"
			     "us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
			     "Signature="
			     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
	assert_int_equal(list.n, 0);
	buf_done(&c);
	buf_done(&lines);
}

static int setup(void **state)
{
	return crypto_load();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suite),
		cmocka_unit_test(test_sign),
	};

	return cmocka_run_group_tests_name("sigv4", tests, setup, NULL);
}
