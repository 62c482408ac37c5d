/* SPDX-License-Identifier: ISC */
/*
 * An answer is taken apart; what of it is a value of ours is written into an update, which must
 * pass the check and give the value back. The same bytes are tried as what a planner built.
 */
#include "dns/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static void check_update(const struct dns_name *owner, enum rr_type t, struct bytes value)
{
	struct buf b = BUF_INIT(MESSAGE_MAX), again = BUF_INIT(RECORD_VALUE_MAX);
	struct rr_cursor c = {0};
	struct dns_name zone;
	struct message m;
	struct rr rr;

	CHECK(update_begin(&b, 1, owner) == 0);
	CHECK(update_require_absent(&b, owner, t) == 0);
	CHECK(update_delete(&b, owner, t, value) == 0);
	CHECK(update_add(&b, owner, t, 60, value) == 0);
	CHECK(update_check(buf_bytes(&b), owner, &zone) == 0 && dns_name_eq(&zone, owner));
	CHECK(!message_is_query(buf_bytes(&b)));
	CHECK(message_parse(&m, buf_bytes(&b)) == 0);
	while (message_next(&m, &c, &rr))
		CHECK(wire_name_is(&rr.owner, owner) && wire_type_parse(rr.type) == t);
	CHECK(c.taken == 3 && message_value(&m, &rr, &again) == 0);
	CHECK(bytes_eq(buf_bytes(&again), value));
	buf_done(&b);
	buf_done(&again);
}

static void check_record(const struct message *m, const struct rr *rr)
{
	struct buf value = BUF_INIT(RECORD_VALUE_MAX);
	struct dns_name owner, zone;

	CHECK(rr->at + rr->n <= m->bytes.n && rr->owner.n >= 1);
	if (wire_name_get(&rr->owner, &owner) != 0)
		return;
	CHECK(wire_name_is(&rr->owner, &owner));
	if (message_value(m, rr, &value) == 0)
		check_update(&owner, wire_type_parse(rr->type), buf_bytes(&value));
	else
		CHECK(value.n == 0);
	if (message_zone(m, &owner, &zone) == 0)
		CHECK(dns_name_within(&owner, &zone));
	if (update_check(m->bytes, &owner, &zone) == 0)
		CHECK(dns_name_within(&owner, &zone) && !m->is_answer &&
		      m->opcode == DNS_OPCODE_UPDATE);
	buf_done(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct rr_cursor c = {0};
	struct message m;
	struct rr rr;

	if (message_parse(&m, in) != 0) {
		CHECK(!message_is_query(in));
		return 0;
	}
	while (message_next(&m, &c, &rr))
		if (c.taken < 64)
			check_record(&m, &rr);
	CHECK(c.taken == (size_t)m.counts[1] + m.counts[2] + m.counts[3]);
	CHECK(c.taken == 0 || c.at == size);
	if (message_is_query(in))
		CHECK(!m.is_answer && m.opcode == DNS_OPCODE_QUERY);
	return 0;
}
