/* SPDX-License-Identifier: ISC */
#include "egress/client.h"

#include "egress/transfer.h"
#include "sys/log.h"

#include <stdlib.h>

/* A socket of libcurl's. */
struct watch {
	struct loop_fd fd;
	struct egress *egress;
};

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
	loop_timer_clear(e->loop, &c->deadline);
	/* Without effect when it was never added. */
	e->curl->multi_remove_handle(e->multi, c->easy);
	request_done(c);
	transfer_done(c);
	free(c);
}

static void call_end(struct egress_call *c, enum egress_failure f)
{
	struct egress_answer answer;

	transfer_answer(c, f, &answer);
	c->done(c->arg, &answer);
	call_free(c);
}

static void on_deadline(void *arg)
{
	call_end(arg, EGRESS_TIMEOUT);
}

static void on_resolved(void *arg, const struct ip *ips, size_t n)
{
	struct egress_call *c = arg;
	struct egress *e = c->egress;
	struct ip allowed[RESOLVE_MAX];
	size_t count = 0;

	c->resolve = NULL;
	for (size_t i = 0; i < n; i++)
		if (address_allowed(e->rules, &ips[i], !c->url.tls))
			allowed[count++] = ips[i];
	if (n == 0)
		call_end(c, EGRESS_RESOLVE);
	else if (count == 0)
		call_end(c, EGRESS_REFUSED);
	else if (request_set_addresses(c, allowed, count) < 0 ||
		 e->curl->multi_add_handle(e->multi, c->easy) != CURLM_OK)
		call_end(c, EGRESS_INTERNAL);
}

int egress_start(struct egress *e, const struct egress_request *r, egress_done_fn *done, void *arg,
		 struct egress_call **out)
{
	struct egress_call *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	*c = (struct egress_call){.egress = e, .done = done, .arg = arg};
	c->deadline = (struct loop_timer){.fn = on_deadline, .arg = c};
	c->next = e->calls;
	c->at = &e->calls;
	if (c->next)
		c->next->at = &c->next;
	e->calls = c;
	rc = request_init(c, r);
	if (rc == 0)
		rc = loop_timer_set(e->loop, &c->deadline, r->timeout_ms);
	if (rc == 0)
		rc = resolve_start(e->resolver, c->url.host, on_resolved, c, &c->resolve);
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

/* ---- libcurl on the loop ---- */

/* Once more, on a new connection. False: it cannot. */
static bool begin_anew(struct egress_call *c)
{
	const struct curl *curl = c->egress->curl;

	c->anew = false;
	c->stopped = EGRESS_OK;
	return curl->multi_remove_handle(c->egress->multi, c->easy) == CURLM_OK &&
	       curl->easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
	       curl->multi_add_handle(c->egress->multi, c->easy) == CURLM_OK;
}

static void run(struct egress *e, curl_socket_t fd, int events)
{
	CURLMsg *m;
	int running, left;

	if (e->curl->multi_socket_action(e->multi, fd, events, &running) != CURLM_OK)
		log_fatal("libcurl failed");
	while ((m = e->curl->multi_info_read(e->multi, &left))) {
		CURLcode result = m->data.result;
		struct egress_call *c = NULL;

		e->curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		if (result == CURLE_OK || !c->anew || !begin_anew(c))
			call_end(c, transfer_failure(c, result));
	}
}

static void on_timer(void *arg)
{
	run(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer_change(CURLM *multi, long msec, void *arg)
{
	struct egress *e = arg;

	if (msec < 0)
		loop_timer_clear(e->loop, &e->timer);
	else if (loop_timer_set(e->loop, &e->timer, msec) < 0)
		log_fatal("out of memory");
	return 0;
}

static void on_socket_ready(void *arg, uint32_t events)
{
	const struct watch *w = arg;

	run(w->egress, w->fd.fd,
	    ((events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
		    ((events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
		    ((events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0));
}

static void watch_add(struct egress *e, curl_socket_t fd, uint32_t events)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		log_fatal("out of memory");
	w->egress = e;
	w->fd = (struct loop_fd){.fd = -1, .fn = on_socket_ready, .arg = w};
	/*
	 * An error returned here would end every transfer. As it is, this one ends at its deadline.
	 */
	if (loop_watch(e->loop, &w->fd, fd, events) < 0 ||
	    e->curl->multi_assign(e->multi, fd, w) != CURLM_OK) {
		log_warn("a socket cannot be watched");
		loop_unwatch(e->loop, &w->fd);
		free(w);
	}
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct egress *e = arg;
	struct watch *w = assigned;
	uint32_t events =
		(what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

	if (what == CURL_POLL_REMOVE && w) {
		loop_unwatch(e->loop, &w->fd);
		free(w);
	} else if (what != CURL_POLL_REMOVE && !w) {
		watch_add(e, fd, events);
	} else if (what != CURL_POLL_REMOVE && loop_change(e->loop, &w->fd, events) < 0) {
		log_warn("a socket cannot be watched");
	}
	return 0;
}

/* ---- the client ---- */

static int load_roots(struct egress *e, struct bytes pem)
{
	const struct curl *curl = e->curl;
	BIO *bio = curl->BIO_new_mem_buf(pem.n ? (const void *)pem.p : "", (int)pem.n);
	bool ok = bio != NULL;
	size_t count = 0;
	X509 *cert;

	e->roots = curl->X509_STORE_new();
	ok = ok && e->roots;
	while (ok && (cert = curl->PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		ok = curl->X509_STORE_add_cert(e->roots, cert) == 1;
		curl->X509_free(cert);
		count++;
	}
	/* The reading ends well where no further certificate begins. */
	ok = ok && ERR_GET_REASON(curl->ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	curl->ERR_clear_error();
	curl->BIO_free(bio);
	return ok && (count || pem.n == 0) ? 0 : -EINVAL;
}

static int open_multi(struct egress *e, size_t idle_connections)
{
	const struct curl *curl = e->curl;

	e->multi = curl->multi_init();
	if (!e->multi)
		return -ENOMEM;
	if (curl->multi_setopt(e->multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
	    curl->multi_setopt(e->multi, CURLMOPT_SOCKETDATA, e) != CURLM_OK ||
	    curl->multi_setopt(e->multi, CURLMOPT_TIMERFUNCTION, on_timer_change) != CURLM_OK ||
	    curl->multi_setopt(e->multi, CURLMOPT_TIMERDATA, e) != CURLM_OK ||
	    curl->multi_setopt(e->multi, CURLMOPT_MAXCONNECTS, (long)idle_connections) != CURLM_OK)
		return -EIO;
	return 0;
}

int egress_new(struct egress **out, struct loop *loop, const struct egress_config *config)
{
	const struct curl *curl;
	struct egress *e;
	int r = curl_load(&curl);

	if (r < 0)
		return r;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	*e = (struct egress){.curl = curl, .loop = loop, .rules = config->rules};
	e->timer = (struct loop_timer){.fn = on_timer, .arg = e};
	r = load_roots(e, config->ca_pem);
	if (r == 0)
		r = open_multi(e, config->idle_connections);
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
	resolver_free(e->resolver);
	if (e->multi)
		e->curl->multi_cleanup(e->multi);
	loop_timer_clear(e->loop, &e->timer);
	e->curl->X509_STORE_free(e->roots);
	free(e);
}

struct resolver *egress_resolver(struct egress *e)
{
	return e->resolver;
}
