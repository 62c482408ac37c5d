/* SPDX-License-Identifier: ISC */
#include "egress/client.h"

#include "base/memory.h"
#include "egress/internal.h"

#include <stdlib.h>

/* Enough for all of EGRESS_HEADERS_MAX as a list, where the lengths of name and value take 8 bytes more. */
#define GOT_HEADERS_MAX (4 * EGRESS_HEADERS_MAX)

const char *egress_failure_text(enum egress_failure f)
{
	switch (f) {
	case EGRESS_OK:
		return "It worked.";
	case EGRESS_RESOLVE:
		return "The provider's host name could not be resolved.";
	case EGRESS_REFUSED:
		return "The provider's address is not one that this gateway may connect to.";
	case EGRESS_CONNECT:
		return "No connection to the provider could be made.";
	case EGRESS_TLS:
		return "The provider's TLS certificate or handshake was not acceptable.";
	case EGRESS_TIMEOUT:
		return "The provider did not answer in time.";
	case EGRESS_RESET:
		return "The provider broke the exchange off, or did not speak HTTP.";
	case EGRESS_TOO_LARGE:
		return "The provider's answer was too large.";
	case EGRESS_BUSY:
		return "The gateway reads too many large answers at once.";
	case EGRESS_INTERNAL:
		break;
	}
	return "The gateway could not make the request.";
}

/* ---- calls ---- */

static void call_free(struct egress_call *c)
{
	struct egress *e = c->egress;

	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	if (c->resolve)
		resolve_cancel(c->resolve);
	if (c->link)
		link_leave(c);
	loop_timer_clear(e->loop, &c->deadline);
	e->large -= exchange_large(c);
	buf_done(&c->request);
	http_answer_done(&c->answer);
	buf_done(&c->got_headers);
	buf_done(&c->got_body);
	free(c);
}

void call_end(struct egress_call *c, enum egress_failure f)
{
	struct egress_answer answer = {
		.failure = f, .sent = c->sent, .headers = &c->got_headers, .body = &c->got_body};

	if (f == EGRESS_OK) {
		answer.status = c->answer.status;
		answer.has_retry_after = c->has_retry_after;
		answer.retry_after = c->retry_after;
	} else {
		c->egress->large -= exchange_large(c);
		buf_reset(answer.headers);
		buf_reset(answer.body);
	}
	c->done(c->arg, &answer);
	call_free(c);
}

static void on_deadline(void *arg)
{
	struct egress_call *c = arg;

	h2_late(c);
	call_end(c, EGRESS_TIMEOUT);
}

static void on_resolved(void *arg, const struct ip *ips, size_t n)
{
	struct egress_call *c = arg;
	struct ip allowed[RESOLVE_MAX];
	size_t count = addresses_allowed(c->egress->rules, ips, n, !c->url.tls, allowed);

	c->resolve = NULL;
	if (n == 0)
		call_end(c, EGRESS_RESOLVE);
	else if (count == 0)
		call_end(c, EGRESS_REFUSED);
	else if (c->url.tls && !c->on_new_one && link_reuse(c)) /* one came meanwhile */
		exchange_begin(c);
	else if (link_open(c, allowed, count) < 0)
		call_end(c, EGRESS_INTERNAL);
}

static int look_up(struct egress_call *c)
{
	return resolve_start(c->egress->resolver, c->url.host, on_resolved, c, &c->resolve);
}

void call_connect(struct egress_call *c)
{
	if (look_up(c) < 0)
		call_end(c, EGRESS_INTERNAL);
}

void call_reconnect(struct egress_call *c, bool on_new_one)
{
	c->on_new_one = on_new_one;
	link_leave(c);
	call_connect(c);
}

static void call_init(struct egress_call *c, struct egress *e, const struct egress_request *r,
		      egress_done_fn *done, void *arg)
{
	bool head = strcmp(r->method, "HEAD") == 0;

	*c = (struct egress_call){.egress = e,
				  .done = done,
				  .arg = arg,
				  .url = *r->url,
				  .want_headers = r->want_headers,
				  .wanted = r->wanted,
				  .got_headers = BUF_INIT(GOT_HEADERS_MAX),
				  .got_body = BUF_INIT(EGRESS_BODY_MAX)};
	c->url.path = bytes_of(NULL, 0);
	c->safe = head || strcmp(r->method, "GET") == 0;
	c->deadline = (struct loop_timer){.fn = on_deadline, .arg = c};
	http_answer_init(&c->answer, head);
	c->next = e->calls;
	c->at = &e->calls;
	if (c->next)
		c->next->at = &c->next;
	e->calls = c;
}

int egress_start(struct egress *e, const struct egress_request *r, egress_done_fn *done, void *arg,
		 struct egress_call **out)
{
	struct egress_call *c = memory_alloc(sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	call_init(c, e, r, done, arg);
	rc = request_put(&c->request, r);
	if (rc == 0)
		rc = loop_timer_set(e->loop, &c->deadline, r->timeout_ms);
	/* A connection is there only to a host that was looked at. */
	if (rc == 0 && link_reuse(c))
		exchange_begin(c);
	else if (rc == 0)
		rc = request_host_ok(&c->url) ? look_up(c) : -EINVAL;
	if (rc < 0) {
		call_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void egress_cancel(struct egress_call *c)
{
	call_free(c);
}

/* ---- the client ---- */

int egress_new(struct egress **out, struct loop *loop, const struct egress_config *config)
{
	struct egress *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	*e = (struct egress){
		.loop = loop, .rules = config->rules, .idle_max = config->idle_connections};
	links_init(e);
	e->h2 = config->http2 && h2_load();
	r = tls_client_new(&e->tls, config->ca_pem, e->h2);
	if (r == 0)
		r = resolver_new(&e->resolver, loop, NULL);
	if (r < 0) {
		egress_free(e);
		return r;
	}
	*out = e;
	return 0;
}

void egress_free(struct egress *e)
{
	if (!e)
		return;
	while (e->calls)
		call_free(e->calls);
	links_free(e);
	resolver_free(e->resolver);
	tls_client_free(e->tls);
	free(e);
}

bool egress_has_http2(const struct egress *e)
{
	return e->h2;
}

struct resolver *egress_resolver(struct egress *e)
{
	return e->resolver;
}
