/* SPDX-License-Identifier: ISC */
/*
 * Every message of every edge. First byte: the edge; the rest is the message, number in front. What is decoded keeps to the caps of its list,
 * and has one spelling: encoded again it is the same bytes. A seed has the name of its message.
 */
#include "fuzz.h"
#include "ipc/edges.h"

static const struct edge *const edges[] = {
	&edge_supervisor,    &edge_front_vault,	    &edge_vault_scribe,	 &edge_vault_planner,
	&edge_vault_courier, &edge_planner_courier, &edge_vault_resolver};

static void check_run(const struct wire_field *f, struct bytes whole, struct bytes v)
{
	struct bytes item;
	size_t used = 0;

	CHECK(v.n <= f->cap);
	CHECK(v.n == 0 || (v.p >= whole.p && v.p + v.n <= whole.p + whole.n));
	if (f->type == WIRE_TEXT)
		for (size_t i = 0; i < v.n; i++)
			CHECK(v.p[i]);
	if (f->type != WIRE_LIST)
		return;
	for (struct bytes rest = v; plist_next(&rest, &item);)
		used += 4 + item.n;
	CHECK(used == v.n);
}

static void check_field(const struct wire_field *f, struct bytes whole, const unsigned char *at)
{
	struct bytes run;
	uint32_t n;

	switch (f->type) {
	case WIRE_U8:
		CHECK(*at <= f->cap);
		break;
	case WIRE_U32:
		memcpy(&n, at, sizeof(n));
		CHECK(n <= f->cap);
		break;
	case WIRE_TEXT:
	case WIRE_BYTES:
	case WIRE_LIST:
		memcpy(&run, at, sizeof(run));
		check_run(f, whole, run);
		break;
	default:
		break;
	}
}

static void check_refused(const struct wire_msg *m, const unsigned char *out)
{
	for (size_t i = 0; i < m->size; i++)
		CHECK(out[i] == 0);
}

/* Which message IN is of, without its first byte; NULL: none. */
static const struct wire_msg *message_of(struct bytes *in, uint16_t *number)
{
	const struct edge *edge = edges[fuzz_byte(in) % ARRAY_LEN(edges)];

	if (in->n > WIRE_MAX || wire_number(*in, number) != 0 || *number >= edge->count)
		return NULL;
	return &edge->rows[*number].msg;
}

bool fuzz_seed(const char *name, struct bytes seed)
{
	_Alignas(uint64_t) unsigned char out[EDGE_STRUCT_MAX];
	uint16_t number;
	const struct wire_msg *m = message_of(&seed, &number);

	return m && strcmp(m->name, name) == 0 && wire_decode(m, &seed, out) == 0 && seed.n == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(uint64_t) unsigned char out[EDGE_STRUCT_MAX];
	struct buf again = BUF_INIT(WIRE_MAX);
	struct bytes in = bytes_of(data, size), rest;
	uint16_t number;
	const struct wire_msg *m = message_of(&in, &number);

	if (!m)
		return 0;
	rest = in;
	CHECK(m->size <= sizeof(out));
	memset(out, 0xa5, sizeof(out));
	if (wire_decode(m, &rest, out) != 0) {
		CHECK(rest.p == in.p && rest.n == in.n);
		check_refused(m, out);
		return 0;
	}
	/* The next message's. */
	in.n -= rest.n;
	for (size_t i = 0; i < m->nfields; i++)
		check_field(&m->fields[i], in, out + m->fields[i].offset);
	CHECK(wire_encode(number, m, out, &again) == 0 && bytes_eq(buf_bytes(&again), in));
	buf_done(&again);
	return 0;
}
