/* SPDX-License-Identifier: ISC */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/client.h"

#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_URL "http://127.0.0.1:8080"
#define TOKEN_MAX   4096
#define VALUE_MAX   CLIENT_BODY_MAX

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
		if (json_parse(value, CLIENT_JSON_DEPTH, &v, NULL, 0) != 0)
			return "is not JSON";
		return args_set(o, key, v);
	}
	r = cli_read_value(value, &text);
	if (r < 0)
		return r == -ENOBUFS ? "is too long" : strerror(-r);
	if (!bytes_utf8(buf_bytes(&text)))
		return "is not UTF-8";
	return args_set(o, key, json_from_bytes(buf_bytes(&text)));
}

static int build_body(struct buf *body, char **args, int n)
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
	cli_put_json(body, o);
	if (buf_status(body) == 0)
		return CLI_OK;
	cli_fail("the request is too long");
	return CLI_USAGE;
}

static int read_token(struct client *c, const char *path)
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
	r = client_set_token(c, buf_bytes(&token));
	if (r == CLIENT_E_TOKEN)
		return cli_fail_with(CLI_USAGE, "%s: holds no token", path);
	return r < 0 ? cli_fail("%s", strerror(-r)) : CLI_OK;
}

static int set_url(const struct command *self, struct client *c, const char *url)
{
	int r = client_set_url(c, url);

	if (r == CLIENT_E_URL)
		return cli_usage(self, "the URL %s", client_url_fault(url));
	return r < 0 ? cli_fail("%s", strerror(-r)) : CLI_OK;
}

static int perform(const struct client *c, struct client_call *call)
{
	int r = client_perform(c, call, CLIENT_TIMEOUT_MS);

	if (r == 0)
		return CLI_OK;
	if (r == -ELIBACC || r == -ELIBBAD)
		return cli_fail(CLIENT_LIBCURL_WORDS);
	if (r < 0)
		return cli_fail("%s", strerror(-r));
	if (c->unix_path)
		cli_fail("%s: no answer (libcurl's error %d: %s)", c->unix_path, call->curl_error,
			 call->curl_words);
	else
		cli_fail("%.*s/%s: no answer (libcurl's error %d: %s)", (int)c->base.n,
			 (const char *)c->base.p, call->endpoint, call->curl_error,
			 call->curl_words);
	return CLI_NOT_REACHED;
}

/* ---- what came ---- */

/* What a terminal may get from a gateway. */
static bool is_lines(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((text.p[i] < 0x20 || text.p[i] > 0x7e) && text.p[i] != '\n')
			return false;
	return true;
}

static int show(const struct client_call *c, bool lines, bool json)
{
	struct buf text cleanup(buf_done) = BUF_INIT(2 * CLIENT_ANSWER_MAX);
	json_t *answer cleanup(json_cleanup) = NULL;
	int status = c->status >= 200 && c->status <= 299 ? CLI_OK : CLI_FAILED;

	if (lines && status == CLI_OK && is_lines(buf_bytes(&c->answer)))
		return cli_print(buf_bytes(&c->answer)) ? CLI_OK : CLI_FAILED;
	if (json_parse(buf_bytes(&c->answer), CLIENT_JSON_DEPTH, &answer, NULL, 0) != 0)
		return cli_fail("the answer has status %ld and is not JSON", c->status);
	if (json) {
		cli_put_json(&text, answer);
		buf_putc(&text, '\n');
	} else if (status != CLI_OK && json_get_bytes(answer, "code").n) {
		client_put_problem(&text, answer);
		fprintf(stderr, "error: %.*s\n", (int)text.n, (const char *)text.p);
		return status;
	} else {
		args_print(&text, answer);
	}
	if (buf_status(&text) < 0)
		return cli_fail("%s", strerror(-buf_status(&text)));
	return cli_print(buf_bytes(&text)) ? status : CLI_FAILED;
}

static int call(const struct command *self, int argc, char **argv)
{
	const char *url = NULL, *unix_path = NULL, *token_file = cli_variable("POSTERN_TOKEN_FILE");
	bool json = false, lines;
	const struct cli_option options[] = {{"url", .value = &url},
					     {"unix", .value = &unix_path},
					     {"token-file", .value = &token_file},
					     {"json", .flag = &json},
					     {NULL}};
	struct client gateway cleanup(client_done) = CLIENT_INIT;
	struct client_call c cleanup(client_call_done) = CLIENT_CALL_INIT;
	int first, status;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	if (first == argc || !is_endpoint(argv[first]))
		return cli_usage(self, "an ENDPOINT is wanted");
	if (url && unix_path)
		return cli_usage(self, "--url or --unix, not both");
	c.endpoint = argv[first];
	c.post = !is_get(c.endpoint);
	lines = strcmp(c.endpoint, "metrics") == 0;
	if (lines && json)
		return cli_usage(self, "metrics is no JSON");
	if (!c.post && argc - first > 1)
		return cli_usage(self, "%s takes no arguments", c.endpoint);
	gateway.unix_path = unix_path;
	if (unix_path)
		url = "http://localhost";
	else if (!url)
		url = cli_variable("POSTERN_URL");
	status = set_url(self, &gateway, url ? url : DEFAULT_URL);
	if (status == CLI_OK)
		status = read_token(&gateway, token_file);
	if (status == CLI_OK && c.post)
		status = build_body(&c.body, argv + first + 1, argc - first - 1);
	if (status == CLI_OK)
		status = perform(&gateway, &c);
	return status == CLI_OK ? show(&c, lines, json) : status;
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
