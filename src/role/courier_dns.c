/* SPDX-License-Identifier: ISC */
/*
 * Requests that are DNS messages: signed with the customer's key, sent over TCP, and their answers believed only when they are signed too. An update goes out only when it is for the zone and the name
 * that the vault permitted.
 */
#include "role/courier.h"

#include <sodium.h>
#include <stdio.h>

static bool key_of(const struct auth *auth, struct bytes fields, struct tsig_key *key)
{
	struct bytes name, algorithm, secret;

	return plist_get(fields, auth->field, &name) && plist_get(fields, auth->name, &algorithm) &&
	       plist_get(fields, auth->field2, &secret) &&
	       tsig_key_init(key, name, tsig_algorithm_parse(algorithm), secret) == 0;
}

/* A question for what only reads; for a change an update of the permitted zone and name. */
static bool is_permitted(const struct errand *e)
{
	struct bytes message = buf_bytes(&e->body);
	struct dns_name zone;

	if (!e->exchange->changes)
		return message_is_query(message);
	return update_check(message, &e->permit.fqdn, &zone) == 0 &&
	       dns_name_eq(&zone, &e->permit.zone);
}

/* The planner's messages have id 0; on the wire it is not to be guessed. */
static void set_id(struct buf *message, bool fresh)
{
	if (message->n < 2)
		return;
	if (fresh)
		randombytes_buf(message->p, 2);
	else
		memset(message->p, 0, 2);
}

static unsigned status_of(uint8_t rcode)
{
	switch (rcode) {
	case DNS_NOERROR:
	case DNS_NXDOMAIN:
		return 200;
	case DNS_SERVFAIL:
		return 503;
	case DNS_REFUSED:
		return 403;
	case DNS_NOTAUTH:
	case DNS_NOTZONE:
		return 404;
	default:
		return 400;
	}
}

static void fail(struct errand *e, enum code code, const char *detail)
{
	exchange_over(e);
	send_failed(e->node.id, code, true, detail);
}

/* To the planner, as an exchange of HTTP would be. */
static void deliver(struct errand *e, uint8_t rcode, struct bytes message)
{
	struct buf copy = BUF_INIT(MESSAGE_MAX), none = BUF_INIT(0);
	struct bytes forms;
	bool known = errand_secrets(e, &forms);
	size_t stars;

	buf_put_bytes(&copy, message);
	exchange_over(e);
	if (!known || buf_status(&copy) < 0 ||
	    scrub(forms, SCRUB_DATA, copy.p, copy.n, &stars) != 0)
		send_failed(e->node.id, CODE_OVERLOADED, true, "out of memory");
	else if (stars)
		send_failed(e->node.id, CODE_PROVIDER_REJECTED, true, ANSWER_HOLDS_SECRET);
	else
		send_answer(e->node.id, &(const struct egress_answer){.sent = true,
								      .status = status_of(rcode),
								      .headers = &none,
								      .body = &copy});
	buf_done(&copy);
}

/*
 * A server that has no zone for the name (Knot) does not look at the key and does not sign. Of what is not signed nothing is taken over but
 * that no.
 */
static bool is_refusal(uint8_t rcode)
{
	return rcode == DNS_REFUSED || rcode == DNS_NOTAUTH;
}

static void deliver_refusal(struct errand *e, uint8_t rcode)
{
	struct buf no = BUF_INIT(MESSAGE_MAX);

	buf_put_bytes(&no, buf_bytes(&e->body));
	if (buf_status(&no) == 0 && no.n >= MESSAGE_HEAD) {
		no.p[2] |= 0x80; /* QR: the question is an answer */
		no.p[3] = rcode;
	}
	deliver(e, rcode, buf_bytes(&no));
	buf_done(&no);
}

static void refused(struct errand *e, int why, struct bytes answer, int64_t server_time,
		    int64_t now)
{
	struct message m;
	char text[PROVIDER_DETAIL_MAX + 1];

	switch (why) {
	case TSIG_E_BADSIG:
		fail(e, CODE_PROVIDER_AUTH_FAILED, "the server finds the signature wrong (BADSIG)");
		break;
	case TSIG_E_BADKEY:
		fail(e, CODE_PROVIDER_AUTH_FAILED,
		     "the server does not know the key, or not for this zone (BADKEY)");
		break;
	case TSIG_E_BADTIME:
		snprintf(text, sizeof(text),
			 "the server's clock differs from the gateway's by %lld seconds (BADTIME)",
			 (long long)(server_time - now));
		fail(e, CODE_PROVIDER_REJECTED, text);
		break;
	case TSIG_E_UNSIGNED:
		if (!e->exchange->changes && message_parse(&m, answer) == 0 && is_refusal(m.rcode))
			deliver_refusal(e, m.rcode);
		else
			fail(e, CODE_PROVIDER_REJECTED, "the server does not sign its answers");
		break;
	default:
		fail(e, CODE_PROVIDER_UNAVAILABLE, "the answer is broken, or not the server's");
	}
}

/* Whether the answer is to what was asked, the parse cannot see: it has neither the id nor the key. */
static void on_answer(struct errand *e, struct buf *answer)
{
	int64_t now = clock_usec() / 1000000, server_time = now;
	struct bytes fields = buf_bytes(&e->credentials);
	struct tsig_key key = {0};
	struct message m, request;
	int r = TSIG_E_BROKEN;

	if (key_of(&e->provider->auth, fields, &key))
		r = tsig_verify(answer, &key, &e->mac, now, &server_time);
	tsig_key_done(&key);
	if (r != 0) {
		refused(e, r, buf_bytes(answer), server_time, now);
		return;
	}
	/* The id stood in what was signed. */
	set_id(answer, false);
	if (message_parse(&m, buf_bytes(answer)) != 0 ||
	    message_parse(&request, buf_bytes(&e->body)) != 0 || !message_answers(&m, &request)) {
		fail(e, CODE_PROVIDER_UNAVAILABLE, "the answer is not to what was asked");
		return;
	}
	deliver(e, m.rcode, buf_bytes(answer));
}

static void on_done(void *arg, const struct dnstcp_answer *a)
{
	struct buf answer = BUF_INIT(MESSAGE_MAX);
	struct errand *e = arg;

	e->sent_dns = NULL;
	if (a->failure != EGRESS_OK) {
		exchange_over(e);
		send_failed(e->node.id, failure_code(a->failure), a->sent,
			    egress_failure_text(a->failure));
		return;
	}
	buf_put_bytes(&answer, a->message);
	if (buf_status(&answer) == 0)
		on_answer(e, &answer);
	else
		fail(e, CODE_OVERLOADED, "out of memory");
	buf_done(&answer);
}

int dns_send(struct errand *e, const struct url *server, struct bytes fields)
{
	static struct dnstcp d; /* the calls borrow it */
	struct buf message = BUF_INIT(MESSAGE_MAX);
	struct tsig_key key = {0};
	int r;

	d = (struct dnstcp){.loop = courier.role->loop,
			    .resolver = egress_resolver(courier.egress),
			    .rules = &courier.rules};
	if (!is_permitted(e))
		return TARGET_E_ARGS;
	if (!key_of(&e->provider->auth, fields, &key))
		return TARGET_E_FIELD;
	buf_put_bytes(&message, buf_bytes(&e->body));
	set_id(&message, true);
	r = buf_status(&message);
	if (r == 0)
		r = tsig_sign(&message, &key, clock_usec() / 1000000, &e->mac);
	if (r == 0)
		r = dnstcp_start(&d,
				 &(const struct dnstcp_request){
					 .host = server->host,
					 .port = server->port,
					 .message = buf_bytes(&message),
					 .timeout_ms = e->deadline - loop_now(courier.role->loop)},
				 on_done, e, &e->sent_dns);
	tsig_key_done(&key);
	buf_done(&message);
	return r;
}
