/* SPDX-License-Identifier: ISC */
#include "cli/args.h"
#include "cli/cli.h"
#include "egress/curl.h"
#include "egress/url.h"

#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_URL "http://127.0.0.1:8080"
#define JSON_DEPTH  32
#define BODY_MAX    (64 * 1024)
#define ANSWER_MAX  (16 * 1024 * 1024)
#define TOKEN_MAX   4096
#define CONNECT_MS  5000L
#define TIMEOUT_MS  60000L /* longer than any call */
#define VALUE_MAX   BODY_MAX

struct call {
	const char *unix_path;	  /* NULL: TCP */
	struct buf url;		  /* NUL-terminated */
	struct buf authorization; /* a header line, NUL-terminated; empty: none */
	bool post;
	bool text; /* not JSON is wanted, but lines */
	struct buf body;
	struct buf answer;
	long status;
};

static void call_done(struct call *c)
{
	buf_done(&c->url);
	buf_done(&c->authorization);
	buf_done(&c->body);
	buf_done(&c->answer);
}

/* ---- what is asked ---- */

static bool is_get(const char *endpoint)
{
	static const char *const gets[] = {"providers", "healthz", "readyz", "metrics",
					   "openapi.json"};

	for (size_t i = 0; i < ARRAY_LEN(gets); i++)
		if (strcmp(endpoint, gets[i]) == 0)
			return true;
	return false;
}

static bool is_endpoint(const char *s)
{
	return is_get(s) || (*s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz_")] == 0);
}

/* NULL, or a sentence. */
static const char *add_argument(json_t *o, struct bytes key, struct bytes value, bool raw)
{
	struct buf text cleanup(buf_done) = BUF_INIT(VALUE_MAX);
	json_t *v = NULL;
	int r;

	if (raw) {
		if (json_parse(value, JSON_DEPTH, &v, NULL, 0) != 0)
			return "is not JSON";
		return args_set(o, key, v);
	}
	r = cli_read_value(value, &text);
	if (r < 0)
		return r == -ENOBUFS ? "is too long" : strerror(-r);
	if (!bytes_utf8(buf_bytes(&text)))
		return "is not UTF-8";
	return args_set(o, key, json_stringn(text.n ? (const char *)text.p : "", text.n));
}

static int build_body(struct call *c, char **args, int n)
{
	json_t *o cleanup(json_cleanup) = json_object();

	for (int i = 0; i < n; i++) {
		struct bytes key, value;
		const char *why;
		bool raw;

		if (args_split(bytes_str(args[i]), &key, &value, &raw) != 0) {
			/* It is not repeated: it may be a secret whose key was forgotten. */
			cli_fail("argument %d is not key=value", i + 1);
			return CLI_USAGE;
		}
		why = add_argument(o, key, value, raw);
		if (why) {
			cli_fail("%.*s: %s", (int)key.n, (const char *)key.p, why);
			return CLI_USAGE;
		}
	}
	cli_put_json(&c->body, o);
	if (buf_status(&c->body) == 0)
		return CLI_OK;
	cli_fail("the request is too long");
	return CLI_USAGE;
}

/* Anything in it but visible characters could end the header and begin another. */
static bool is_token(struct bytes t)
{
	return t.n && bytes_printable(t) && !memchr(t.p, ' ', t.n);
}

static int read_token(struct call *c, const char *path)
{
	struct buf token cleanup(buf_done) = BUF_INIT(TOKEN_MAX);
	int r;

	if (!path)
		return CLI_OK; /* some endpoints need none */
	r = cli_read_file(path, &token);
	if (r < 0) {
		cli_fail("%s: %s", path, strerror(-r));
		return CLI_USAGE;
	}
	if (!is_token(buf_bytes(&token))) {
		cli_fail("%s: holds no token", path);
		return CLI_USAGE;
	}
	buf_puts(&c->authorization, "Authorization: Bearer ");
	buf_put_bytes(&c->authorization, buf_bytes(&token));
	buf_putc(&c->authorization, 0);
	return buf_status(&c->authorization) < 0 ? cli_fail("out of memory") : CLI_OK;
}

static int build_url(const struct command *self, struct call *c, const char *base,
		     const char *endpoint)
{
	struct bytes text = bytes_str(base);
	struct url url;

	if (url_parse(text, &url) != 0)
		return cli_usage(self, "the URL must be http[s]://HOST[:PORT][/PATH]");
	if (text.p[text.n - 1] == '/')
		text.n--;
	buf_put_bytes(&c->url, text);
	buf_printf(&c->url, "/%s", endpoint);
	buf_putc(&c->url, 0);
	return buf_status(&c->url) < 0 ? cli_fail("out of memory") : CLI_OK;
}

/* ---- libcurl ---- */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct buf *answer = arg;

	buf_put(answer, p, size * n);
	return buf_status(answer) == 0 ? size * n : 0;
}

/* Append a header; *LIST is freed by the caller. */
static bool add_header(const struct curl *curl, struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl->slist_append(*list, line);

	if (longer)
		*list = longer;
	return longer != NULL;
}

static bool set_options(const struct curl *curl, CURL *easy, struct call *c,
			struct curl_slist **headers)
{
	bool ok = true;

	ok &= add_header(curl, headers, "Content-Type: application/json");
	ok &= add_header(curl, headers, "Expect:");
	if (c->authorization.n)
		ok &= add_header(curl, headers, (const char *)c->authorization.p);
#define SET(option, value) (ok &= curl->easy_setopt(easy, CURLOPT_##option, value) == CURLE_OK)
	SET(URL, (const char *)c->url.p);
	SET(PROTOCOLS_STR, "http,https");
	SET(PROXY, "");
	SET(FOLLOWLOCATION, 0L);
	SET(NOSIGNAL, 1L);
	SET(CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(TIMEOUT_MS, TIMEOUT_MS);
	SET(USERAGENT, "postern/" POSTERN_VERSION);
	SET(HTTPHEADER, *headers);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, &c->answer);
	if (c->unix_path)
		SET(UNIX_SOCKET_PATH, c->unix_path);
	if (c->post) {
		SET(POSTFIELDSIZE, (long)c->body.n);
		SET(POSTFIELDS, (const char *)c->body.p);
	}
#undef SET
	return ok;
}

static int perform(struct call *c)
{
	struct curl_slist *headers = NULL;
	const struct curl *curl;
	CURLcode code = CURLE_FAILED_INIT;
	CURL *easy;

	if (curl_load(&curl) < 0)
		return cli_fail("libcurl 7.85 or later, with OpenSSL, is needed for this");
	easy = curl->easy_init();
	if (easy && set_options(curl, easy, c, &headers))
		code = curl->easy_perform(easy);
	if (code == CURLE_OK)
		code = curl->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &c->status);
	curl->slist_free_all(headers);
	if (easy)
		curl->easy_cleanup(easy);
	if (code == CURLE_OK)
		return CLI_OK;
	cli_fail("%s: no answer (libcurl's error %d)",
		 c->unix_path ? c->unix_path : (const char *)c->url.p, (int)code);
	return CLI_NOT_REACHED;
}

/* ---- what came ---- */

static void put_error(struct buf *b, const json_t *answer)
{
	struct bytes detail = json_get_bytes(answer, "detail");
	struct bytes field = json_get_bytes(answer, "field");

	buf_puts(b, "error: ");
	buf_put_bytes(b, json_get_bytes(answer, "code"));
	if (detail.n) {
		buf_puts(b, ": ");
		buf_put_bytes(b, detail);
	}
	if (field.n) {
		buf_puts(b, " (field ");
		buf_put_bytes(b, field);
		buf_putc(b, ')');
	}
}

/* What a terminal may get from a gateway. */
static bool is_lines(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((text.p[i] < 0x20 || text.p[i] > 0x7e) && text.p[i] != '\n')
			return false;
	return true;
}

static int show(const struct call *c, bool json)
{
	struct buf text cleanup(buf_done) = BUF_INIT(2 * ANSWER_MAX);
	json_t *answer cleanup(json_cleanup) = NULL;
	int status = c->status >= 200 && c->status <= 299 ? CLI_OK : CLI_FAILED;

	if (c->text && status == CLI_OK && is_lines(buf_bytes(&c->answer)))
		return cli_print(buf_bytes(&c->answer)) ? CLI_OK : CLI_FAILED;
	if (json_parse(buf_bytes(&c->answer), JSON_DEPTH, &answer, NULL, 0) != 0)
		return cli_fail("the answer has status %ld and is not JSON", c->status);
	if (json) {
		cli_put_json(&text, answer);
		buf_putc(&text, '\n');
	} else if (status != CLI_OK && json_get_bytes(answer, "code").n) {
		put_error(&text, answer);
		for (size_t i = 0; i < text.n; i++)
			if (text.p[i] < 0x20 || text.p[i] > 0x7e)
				text.p[i] = '?';
		fprintf(stderr, "%.*s\n", (int)text.n, (const char *)text.p);
		return status;
	} else {
		args_print(&text, answer);
	}
	if (buf_status(&text) < 0)
		return cli_fail("%s", strerror(-buf_status(&text)));
	return cli_print(buf_bytes(&text)) ? status : CLI_FAILED;
}

/* A variable that is set to nothing is not set. */
static const char *variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static int call(const struct command *self, int argc, char **argv)
{
	const char *url = NULL, *unix_path = NULL, *token_file = variable("POSTERN_TOKEN_FILE");
	bool json = false;
	const struct cli_option options[] = {{"url", .value = &url},
					     {"unix", .value = &unix_path},
					     {"token-file", .value = &token_file},
					     {"json", .flag = &json},
					     {NULL}};
	struct call c cleanup(call_done) = {.url = BUF_INIT(4096),
					    .authorization = BUF_INIT(TOKEN_MAX + 64),
					    .body = BUF_INIT(BODY_MAX),
					    .answer = BUF_INIT(ANSWER_MAX)};
	int first, status;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	if (first == argc || !is_endpoint(argv[first]))
		return cli_usage(self, "an ENDPOINT is wanted");
	if (url && unix_path)
		return cli_usage(self, "--url or --unix, not both");
	c.post = !is_get(argv[first]);
	c.text = strcmp(argv[first], "metrics") == 0;
	if (c.text && json)
		return cli_usage(self, "metrics is no JSON");
	if (!c.post && argc - first > 1)
		return cli_usage(self, "%s takes no arguments", argv[first]);
	c.unix_path = unix_path;
	if (unix_path)
		url = "http://localhost";
	else if (!url)
		url = variable("POSTERN_URL");
	status = build_url(self, &c, url ? url : DEFAULT_URL, argv[first]);
	if (status == CLI_OK)
		status = read_token(&c, token_file);
	if (status == CLI_OK && c.post)
		status = build_body(&c, argv + first + 1, argc - first - 1);
	if (status == CLI_OK)
		status = perform(&c);
	return status == CLI_OK ? show(&c, json) : status;
}

const struct command command_call = {
	.name = "call",
	.help = "call a running gateway",
	.usage =
		"[OPTIONS] ENDPOINT [KEY=VALUE...]\n"
		"\n"
		"  ENDPOINT           make_integration, begin_integration, get_zones, add_record,\n"
		"                     remove_record, check_record, inspect_handle, rewrap_handle;\n"
		"                     providers, healthz, readyz, metrics, openapi.json\n"
		"  KEY=VALUE          a field; record.fqdn=... sets fqdn in the object record\n"
		"  KEY=@FILE          its value from a file, @- from standard input: for secrets\n"
		"  KEY:=JSON          any JSON: verify:=false, zones:='[\"example.com\"]'\n"
		"  --url URL          where it is ($POSTERN_URL, or " DEFAULT_URL ")\n"
		"  --unix PATH        its Unix socket\n"
		"  --token-file FILE  the caller's token ($POSTERN_TOKEN_FILE names the file)\n"
		"  --json             the answer as JSON\n"
		"\n"
		"Exit status: 0 done, 1 refused or failed, 2 usage, 3 no gateway answers.\n",
	.run = call,
};
