/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"
#include "cli/hook.h"

#include "role/config_read.h"
#include "sys/loop.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TOKEN_MAX     4096
#define HANDLE_MAX    (24 * 1024)
#define KEY_MAX	      (64 * 1024)
#define WHY_MAX	      1024
#define PATIENCE_USEC 60000000 /* how long something passing is tried again */
#define PAUSE_FIRST   500000   /* microseconds; then twice as long each time, */
#define PAUSE_LONGEST 8000000

/* ---- files ---- */

/* A file that nobody else can read. An exit status. */
static int read_secret(const char *path, struct buf *out)
{
	const char *why = config_read_secret_file(path, out);

	return why ? cli_fail_with(CLI_USAGE, "%s: %s", path, why) : CLI_OK;
}

/* What a text file of ours holds, without the end of its line. An exit status. */
static int read_line(const char *path, const char *what, struct buf *out)
{
	int status = read_secret(path, out);
	struct bytes text;

	if (status != CLI_OK)
		return status;
	while (out->n && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
		buf_truncate(out, out->n - 1);
	text = buf_bytes(out);
	if (!text.n || !bytes_printable(text) || memchr(text.p, ' ', text.n))
		return cli_fail_with(CLI_USAGE, "%s: holds no %s", path, what);
	return CLI_OK;
}

static int read_handle(const struct hook_gateway *g, struct buf *out)
{
	return read_line(g->settings->text[HOOK_HANDLE_FILE], "handle", out);
}

/* FRESH in place of SENT, unless somebody put another one there meanwhile. -errno; 0. */
static int store_at(const struct hook_gateway *g, char *path, struct bytes sent, struct bytes fresh)
{
	struct buf now cleanup(buf_done) = BUF_INIT(HANDLE_MAX);
	struct buf line cleanup(buf_done) = BUF_INIT(HANDLE_MAX + 1);
	char copy[PATH_MAX];
	struct stat st;
	int dir, r = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	buf_put_bytes(&line, fresh);
	buf_putc(&line, '\n');
	if (buf_status(&line) < 0)
		return buf_status(&line);
	if (read_handle(g, &now) != CLI_OK || !bytes_eq(buf_bytes(&now), sent))
		return 0;
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (stat(path, &st) < 0)
		r = -errno;
	if (r == 0)
		r = hook_replace_file(dir, basename(path), buf_bytes(&line), &st);
	close(dir);
	return r;
}

/*
 * An answer to SENT brought FRESH. The answer counts, whether FRESH can be stored or not: the gateway gives it again with every
 * answer to the old one while it remembers.
 */
static void store_handle(const struct hook_gateway *g, struct bytes sent, struct bytes fresh)
{
	const char *file = g->settings->text[HOOK_HANDLE_FILE];
	char path[PATH_MAX];
	int lock, r;

	if (!bytes_starts(fresh, BYTES("pti1_")) || !bytes_printable(fresh) ||
	    memchr(fresh.p, ' ', fresh.n))
		return;
	r = hook_state_lock(g->state, "handle.lock", true, &lock);
	if (r == 0) {
		/* Where the name is a symbolic link, what it leads to is replaced. */
		r = realpath(file, path) ? store_at(g, path, sent, fresh) : -errno;
		close(lock);
	}
	if (r < 0)
		cli_fail("%s: %s: a fresh handle could not be stored, and soon the old one may not "
			 "do any more",
			 file, strerror(-r));
}

/* ---- the gateway ---- */

int hook_gateway_init(struct hook_gateway *g, const struct hook_settings *settings,
		      const struct hook_state *state)
{
	struct buf token cleanup(buf_done) = BUF_INIT(TOKEN_MAX);
	struct buf key cleanup(buf_done) = BUF_INIT(KEY_MAX);
	const char *path = settings->text[HOOK_TOKEN_FILE];
	int status = path ? read_line(path, "token", &token) : CLI_OK;

	/* libcurl reads it itself, and does not look whose it is. */
	if (status == CLI_OK && settings->text[HOOK_KEY])
		status = read_secret(settings->text[HOOK_KEY], &key);

	*g = (struct hook_gateway){.settings = settings,
				   .state = state,
				   .client = CLIENT_INIT,
				   .why = BUF_INIT(WHY_MAX)};
	g->client.ca_file = settings->text[HOOK_CA_FILE];
	g->client.certificate = settings->text[HOOK_CERTIFICATE];
	g->client.key = settings->text[HOOK_KEY];
	if (status != CLI_OK)
		return status;
	if (client_set_url(&g->client, settings->text[HOOK_URL]) != 0 ||
	    (path && client_set_token(&g->client, buf_bytes(&token)) != 0))
		return cli_fail("out of memory"); /* both were looked at */
	return CLI_OK;
}

void hook_gateway_done(struct hook_gateway *g)
{
	client_done(&g->client);
	buf_done(&g->why);
}

void hook_answer_done(struct hook_answer *a)
{
	json_decref(a->json);
	a->json = NULL;
}

/* ---- once ---- */

static int build_body(struct hook_gateway *g, json_t *fields, struct bytes handle, struct buf *body)
{
	const char *customer = g->settings->text[HOOK_CUSTOMER];
	bool ok = json_object_set_new(fields, "integration_handle", json_from_bytes(handle)) == 0;

	if (customer)
		ok &= json_object_set_new(fields, "customer", json_string(customer)) == 0;
	if (ok)
		cli_put_json(body, fields);
	if (ok && buf_status(body) == 0)
		return CLI_OK;
	buf_puts(&g->why, "the request cannot be made");
	return CLI_FAILED;
}

/* What came, in words, unless it is what was wanted. */
static int judge(struct hook_gateway *g, const struct client_call *call, struct hook_answer *out)
{
	out->status = call->status;
	if (json_parse(buf_bytes(&call->answer), CLIENT_JSON_DEPTH, &out->json, NULL, 0) != 0)
		out->json = NULL;
	if (call->status >= 200 && call->status <= 299 && out->json)
		return CLI_OK;
	if (json_get_bytes(out->json, "code").n)
		client_put_problem(&g->why, out->json);
	else
		buf_printf(&g->why, "the answer has status %ld and is none of a gateway's",
			   call->status);
	return CLI_FAILED;
}

/* There was no connection to ask on. */
static bool never_sent(int curl_error)
{
	switch (curl_error) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CONNECT_ERROR:
		return true;
	default:
		return false;
	}
}

static int unanswered(struct hook_gateway *g, const struct client_call *call, int r,
		      struct hook_answer *out)
{
	if (r == -ELIBACC || r == -ELIBBAD) {
		buf_puts(&g->why, CLIENT_LIBCURL_WORDS);
		return CLI_FAILED;
	}
	if (r < 0) {
		buf_puts(&g->why, strerror(-r));
		return CLI_FAILED;
	}
	out->unsure |= !never_sent(call->curl_error);
	buf_printf(&g->why, "no answer from %.*s (libcurl's error %d: %s)", (int)g->client.base.n,
		   (const char *)g->client.base.p, call->curl_error, call->curl_words);
	return CLI_NOT_REACHED;
}

int hook_ask_once(struct hook_gateway *g, const char *endpoint, json_t *fields, long timeout_ms,
		  struct hook_answer *out)
{
	struct client_call call cleanup(client_call_done) = CLIENT_CALL_INIT;
	struct buf handle cleanup(buf_done) = BUF_INIT(HANDLE_MAX);
	struct bytes fresh;
	int r, status;

	buf_reset(&g->why);
	hook_answer_done(out);
	out->status = 0;
	out->curl_error = -1;
	/* Read each time: this answer's, or another hook's, may have brought a fresh one. */
	status = read_handle(g, &handle);
	if (status != CLI_OK)
		buf_puts(&g->why, "there is no integration handle");
	if (status == CLI_OK)
		status = build_body(g, fields, buf_bytes(&handle), &call.body);
	if (status != CLI_OK)
		return status;
	call.endpoint = endpoint;
	call.post = true;
	r = client_perform(&g->client, &call, timeout_ms);
	out->curl_error = call.curl_error;
	if (r != 0)
		return unanswered(g, &call, r, out);
	status = judge(g, &call, out);
	fresh = json_get_bytes(out->json, "integration_handle");
	if (fresh.n)
		store_handle(g, buf_bytes(&handle), fresh);
	return status;
}

/* ---- and again ---- */

/* Will it be another answer in a moment? A gateway that restarts refuses, resets or is silent; every call is safe to repeat. */
static bool passes(const struct hook_answer *a)
{
	switch (a->curl_error) {
	case CURLE_OK:
		return a->status == 429 || (a->status >= 502 && a->status <= 504);
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_GOT_NOTHING:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
		return true;
	default:
		return false;
	}
}

void hook_pause(int64_t usec)
{
	struct timespec left = {usec / 1000000, usec % 1000000 * 1000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* How long until the next try, the one that follows after a pause of LAST: some time, not all at once, or as long as the answer says. */
static int64_t next_pause(const struct hook_answer *a, int64_t *last)
{
	uint64_t seconds;
	int64_t pause;

	*last = *last ? *last * 2 : PAUSE_FIRST;
	if (*last > PAUSE_LONGEST)
		*last = PAUSE_LONGEST;
	pause = *last / 2 + randombytes_uniform((uint32_t)(*last / 2));
	if (json_get_u64(a->json, "retry_after", UINT32_MAX, &seconds) &&
	    (int64_t)seconds * 1000000 > pause)
		pause = (int64_t)seconds * 1000000;
	return pause;
}

int hook_ask(struct hook_gateway *g, const char *endpoint, json_t *fields, struct hook_answer *out)
{
	int64_t end = steady_usec() + PATIENCE_USEC, last = 0, pause;

	for (;;) {
		int status = hook_ask_once(g, endpoint, fields, CLIENT_TIMEOUT_MS, out);

		if (status == CLI_OK || !passes(out))
			return status;
		out->unsure |= out->status >= 502;
		pause = next_pause(out, &last);
		if (steady_usec() + pause > end)
			return status;
		hook_pause(pause);
	}
}
