/* SPDX-License-Identifier: ISC */
/* What the courier tells the planner of an exchange. */
#include "role/courier.h"

enum code failure_code(enum egress_failure f)
{
	switch (f) {
	case EGRESS_OK:
		return CODE_OK;
	case EGRESS_TIMEOUT:
		return CODE_PROVIDER_TIMEOUT;
	case EGRESS_REFUSED:
		return CODE_PROVIDER_REJECTED;
	case EGRESS_BUSY:
		return CODE_OVERLOADED;
	default:
		return CODE_PROVIDER_UNAVAILABLE;
	}
}

void send_failed(uint64_t call, enum code code, bool sent, const char *detail)
{
	channel_send(&courier.planner, cp_failed, .call = call, .code = (uint8_t)code, .sent = sent,
		     .detail = bytes_str(detail));
}

/*
 * The planner reads one answer after the other. What waits for it stays well below what would make
 * it a peer that does not read, which is ended: many large answers at once come from hostile
 * providers alone, and small ones still have room then.
 */
static bool has_room(size_t n)
{
	size_t most = n > EGRESS_SMALL ? CHANNEL_QUEUE_HALF : CHANNEL_QUEUE_MUCH;

	return courier.planner.queued + n <= most;
}

void send_answer(uint64_t call, const struct egress_answer *a)
{
	struct bytes rest = buf_bytes(a->body);
	bool first = true;

	if (!has_room(a->headers->n + a->body->n)) {
		send_failed(call, failure_code(EGRESS_BUSY), true,
			    egress_failure_text(EGRESS_BUSY));
		return;
	}
	do {
		size_t n = rest.n < IPC_PIECE_MAX ? rest.n : IPC_PIECE_MAX;
		struct bytes piece = bytes_of(rest.p, n);

		rest = bytes_skip(rest, n);
		if (first)
			channel_send(&courier.planner, cp_answer, .call = call, .status = a->status,
				     .has_retry_after = a->has_retry_after,
				     .retry_after = a->retry_after,
				     .headers = buf_bytes(a->headers), .body = piece,
				     .more = rest.n > 0);
		else
			channel_send(&courier.planner, cp_body, .call = call, .body = piece,
				     .more = rest.n > 0);
		first = false;
	} while (rest.n);
}

void answer_deliver(struct errand *e, const struct egress_answer *a)
{
	const struct exchange *x = e->exchange;
	struct bytes forms;
	int r = errand_secrets(e, &forms) ? 0 : -ENOMEM;

	exchange_over(e);
	if (r == 0 && (a->headers->n > IPC_HEADERS_MAX || a->body->n > PROVIDER_BODY_MAX))
		r = -ENOBUFS;
	if (r == 0)
		r = secrets_scrub(forms, x, a->status, a->headers, a->body);
	if (r == 0)
		send_answer(e->node.id, a);
	else if (r == SECRETS_E_DATA)
		send_failed(e->node.id, CODE_PROVIDER_REJECTED, true, ANSWER_HOLDS_SECRET);
	else
		send_failed(
			e->node.id, CODE_PROVIDER_UNAVAILABLE, true,
			egress_failure_text(r == -ENOBUFS ? EGRESS_TOO_LARGE : EGRESS_INTERNAL));
}
