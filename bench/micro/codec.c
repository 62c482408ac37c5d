/* SPDX-License-Identifier: ISC */
#include "micro.h"

#include "ipc/edges.h"

struct message {
	const struct edge *edge;
	uint16_t number;
	const void *msg;
	struct buf out; /* used again, as a channel's is */
};

static const struct wire_msg *form(const struct message *m)
{
	return &m->edge->rows[m->number].msg;
}

static void encode(void *arg, uint64_t n)
{
	struct message *m = arg;

	while (n--) {
		buf_reset(&m->out);
		must(wire_encode(m->number, form(m), m->msg, &m->out) == 0, form(m)->name);
	}
}

static void decode(void *arg, uint64_t n)
{
	const struct message *m = arg;
	unsigned char out[EDGE_STRUCT_MAX] __attribute__((aligned(16)));
	uint16_t number;

	while (n--) {
		struct bytes in = buf_bytes(&m->out);

		must(wire_number(in, &number) == 0 && wire_decode(form(m), &in, out) == 0,
		     form(m)->name);
	}
}

static void rows(const struct edge *edge, uint16_t number, const void *msg)
{
	struct message m = {.edge = edge, .number = number, .msg = msg, .out = BUF_INIT(WIRE_MAX)};

	encode(&m, 1);
	micro_run(encode, &m, "%s %s (%u bytes): encode", edge->name, form(&m)->name, m.out.n);
	micro_run(decode, &m, "%s %s: decode", edge->name, form(&m)->name);
	buf_done(&m.out);
}
#define ROWS(edge, name, ...) rows(&edge_##edge, MSG_##name, &(const struct name){__VA_ARGS__})

/* The longest of an add_record on each edge. */
void micro_codec(void)
{
	static unsigned char body[2048];

	ROWS(front_vault, fv_add_record, .call = 1, .request_id = BYTES(SAMPLE_REQUEST),
	     .caller = BYTES("backend"), .customer = BYTES(SAMPLE_CUSTOMER),
	     .handle = sample_integration_handle(), .fqdn = BYTES(SAMPLE_FQDN),
	     .type = BYTES("TXT"), .value = BYTES(SAMPLE_VALUE), .ttl = 60);
	ROWS(front_vault, vf_record, .call = 1, .index = 123456, .handle = sample_record_handle(),
	     .zone = BYTES(SAMPLE_ZONE), .fqdn = BYTES(SAMPLE_FQDN));
	ROWS(vault_planner, vp_op, .call = 1, .provider = BYTES("cloudflare"), .op = OP_ADD,
	     .now = 1900000000, .fqdn = BYTES(SAMPLE_FQDN), .zone = BYTES(SAMPLE_ZONE),
	     .zone_id = BYTES(SAMPLE_ID), .type = RR_TXT, .value = BYTES(SAMPLE_VALUE), .ttl = 60);
	ROWS(vault_planner, pv_result, .call = 1, .changed = 1, .record_id = BYTES(SAMPLE_ID));
	ROWS(vault_courier, vc_call, .call = 1, .provider = BYTES("cloudflare"),
	     .credentials = sample_credentials(), .timeout_ms = 30000);
	ROWS(vault_scribe, vs_line, .token = 1, .event = BYTES("add_record.outcome"),
	     .request_id = BYTES(SAMPLE_REQUEST), .caller = BYTES("backend"),
	     .customer = BYTES(SAMPLE_CUSTOMER), .integration = BYTES(SAMPLE_ID),
	     .provider = BYTES("cloudflare"), .zone = BYTES(SAMPLE_ZONE),
	     .fqdn = BYTES(SAMPLE_FQDN), .type = BYTES("TXT"), .value = BYTES(SAMPLE_VALUE),
	     .mode = BYTES("coexist"), .profile = BYTES("guarded"), .result = BYTES("ok"),
	     .provider_record_id = BYTES(SAMPLE_ID), .duration_ms = 12);
	ROWS(planner_courier, cp_answer, .call = 1, .status = 200,
	     .body = bytes_of(body, sizeof(body)));
}
