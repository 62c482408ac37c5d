/* SPDX-License-Identifier: ISC */
/* GET /metrics: what the vault and the scribe say of themselves, then the front's own. */
#include "role/front.h"
#include "sys/log.h"

#include <stdio.h>

#define TEXT_MAX     (256u << 10)
#define LABELS_MAX   128
#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

static void put_answers(struct buf *b)
{
	char labels[LABELS_MAX];

	metrics_family(b, "postern_requests_total", "counter",
		       "Answers, by endpoint and error code; the endpoint is empty where the "
		       "request was for none.");
	for (size_t e = 0; e <= ENDPOINTS; e++)
		for (enum code code = 0; code < CODE_COUNT; code++) {
			if (!front.answers[e][code])
				continue;
			snprintf(labels, sizeof(labels), "endpoint=\"%s\",code=\"%s\"",
				 e < ENDPOINTS ? api_endpoint_name(e) : "", code_text(code));
			metrics_put(b, "postern_requests_total", labels, front.answers[e][code]);
		}
}

static void put_connections(struct buf *b)
{
	metrics_family(b, "postern_ready", "gauge", "1 while GET /readyz says so.");
	metrics_put(b, "postern_ready", "", front.ready);
	metrics_family(b, "postern_connections", "gauge", "Connections that are open.");
	metrics_put(b, "postern_connections", "", front.connections);
	metrics_family(b, "postern_connections_total", "counter", "Connections that were taken.");
	metrics_put(b, "postern_connections_total", "", front.accepted);
	metrics_family(b, "postern_connections_refused_total", "counter",
		       "Connections that were closed at once: there was no room.");
	metrics_put(b, "postern_connections_refused_total", "", front.turned_away);
	metrics_family(b, "postern_requests_in_flight", "gauge",
		       "Requests that wait for the vault's answer.");
	metrics_put(b, "postern_requests_in_flight", "", front.calls.n);
}

static void put_roles(struct buf *b)
{
	char labels[LABELS_MAX];

	metrics_family(b, "postern_build_info", "gauge", "Always 1.");
	metrics_put(b, "postern_build_info", "version=\"" POSTERN_VERSION "\"", 1);
	metrics_family(b, "postern_role_up", "gauge",
		       "1 while the process is there; none for one that nobody needed yet.");
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++) {
		if (!front.roles[p].known)
			continue;
		snprintf(labels, sizeof(labels), "role=\"%s\"", proc_name(p));
		metrics_put(b, "postern_role_up", labels, front.roles[p].up);
	}
	metrics_family(b, "postern_role_restarts_total", "counter",
		       "How often the process ended and was started anew.");
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++) {
		snprintf(labels, sizeof(labels), "role=\"%s\"", proc_name(p));
		metrics_put(b, "postern_role_restarts_total", labels, front.roles[p].restarts);
	}
	metrics_family(b, "postern_sandbox", "gauge",
		       "1 where the process has given up what it does not need of that kind.");
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		for (unsigned bit = 0; front.roles[p].known && bit < SANDBOX_BITS; bit++) {
			snprintf(labels, sizeof(labels), "role=\"%s\",what=\"%s\"", proc_name(p),
				 sandbox_text(bit));
			metrics_put(b, "postern_sandbox", labels, front.roles[p].holds >> bit & 1);
		}
}

void metrics_request(struct conn *c)
{
	if (!channel_is_open(&front.vault)) {
		metrics_reply(c);
		return;
	}
	conn_wait(c);
	if (loop_timer_set(front.role->loop, &c->timer, METRICS_MS) < 0)
		log_fatal("out of memory");
	channel_send(&front.vault, fv_metrics, .call = c->node.id);
}

void metrics_reply(struct conn *c)
{
	struct buf b cleanup(buf_done) = BUF_INIT(TEXT_MAX);

	put_connections(&b);
	put_answers(&b);
	put_roles(&b);
	buf_put_bytes(&c->pieces, buf_bytes(&b));
	if (buf_status(&b) < 0 || buf_status(&c->pieces) < 0)
		conn_problem(c, CODE_OVERLOADED, 0, BYTES(""), BYTES("out of memory"), 1);
	else
		conn_reply_as(c, 200, CONTENT_TYPE, buf_bytes(&c->pieces));
}
