/* SPDX-License-Identifier: ISC */
#include "ipc_rig.h"

#include "base/idmap.h"

/* ---- wire ---- */

static const struct wire_msg *row(uint16_t number)
{
	return &edge_front_vault.rows[number].msg;
}

/* One message, and nothing behind it. */
static int decode(const struct wire_msg *m, struct bytes in, void *out)
{
	int r = wire_decode(m, &in, out);

	return r == 0 && in.n ? 1 : r;
}

static struct fv_add_record sample(void)
{
	return (struct fv_add_record){.call = 0x1122334455667788,
				      .request_id = BYTES("r1"),
				      .caller = BYTES("dev"),
				      .handle = BYTES("pti1_x"),
				      .fqdn = BYTES("_acme-challenge.example.com"),
				      .type = BYTES("TXT"),
				      .value = BYTES("v\0w"),
				      .mode = MODE_REPLACE,
				      .ttl = 60};
}

static void test_round_trip(void **state)
{
	struct fv_add_record in = sample(), out;
	struct buf b = BUF_INIT(WIRE_MAX);
	uint16_t number;

	assert_int_equal(wire_encode(MSG_fv_add_record, row(MSG_fv_add_record), &in, &b), 0);
	assert_int_equal(wire_number(buf_bytes(&b), &number), 0);
	assert_int_equal(number, MSG_fv_add_record);
	assert_int_equal(decode(row(number), buf_bytes(&b), &out), 0);
	assert_true(out.call == in.call && out.ttl == 60 && out.mode == MODE_REPLACE);
	assert_true(bytes_eq(out.value, in.value));
	assert_true(bytes_eq(out.fqdn, in.fqdn));
	assert_int_equal(out.customer.n, 0);
	buf_done(&b);
}

/* One byte less or more, anywhere, is malformed. */
static void test_length_is_exact(void **state)
{
	struct fv_add_record in = sample(), out;
	struct buf b = BUF_INIT(WIRE_MAX);

	assert_int_equal(wire_encode(MSG_fv_add_record, row(MSG_fv_add_record), &in, &b), 0);
	for (size_t n = 0; n < b.n; n++) {
		unsigned char *p = test_exact(bytes_of(b.p, n));
		assert_int_equal(decode(row(MSG_fv_add_record), bytes_of(p, n), &out), -EBADMSG);
		assert_true(out.call == 0 && out.fqdn.p == NULL);
		free(p);
	}
	buf_putc(&b, 0);
	assert_int_equal(decode(row(MSG_fv_add_record), buf_bytes(&b), &out), 1);
	buf_done(&b);
}

static void test_caps(void **state)
{
	static unsigned char big[RECORD_VALUE_MAX + 1];
	struct fv_add_record in = sample();
	struct buf b = BUF_INIT(WIRE_MAX);

	in.value = bytes_of(big, RECORD_VALUE_MAX);
	assert_int_equal(wire_encode(MSG_fv_add_record, row(MSG_fv_add_record), &in, &b), 0);
	in.value = bytes_of(big, sizeof(big));
	assert_int_equal(wire_encode(MSG_fv_add_record, row(MSG_fv_add_record), &in, &b), -EBADMSG);
	in = sample();
	in.mode = RECORD_MODES;
	assert_int_equal(wire_encode(MSG_fv_add_record, row(MSG_fv_add_record), &in, &b), -EBADMSG);
	in = sample();
	in.ttl = RECORD_TTL_MAX + 1;
	assert_int_equal(wire_encode(MSG_fv_add_record, row(MSG_fv_add_record), &in, &b), -EBADMSG);
	in = sample();
	in.fqdn = BYTES("a\0b");
	assert_int_equal(wire_encode(MSG_fv_add_record, row(MSG_fv_add_record), &in, &b), -EBADMSG);
	buf_done(&b);
}

/* All of a message has its limit, whatever its fields have, and however much stands before it. */
static void test_all_of_it_has_a_cap(void **state)
{
	static const struct wire_field fields[] = {
		{.name = "a", .type = WIRE_BYTES, .cap = WIRE_MAX},
		{.name = "b", .type = WIRE_BYTES, .offset = sizeof(struct bytes), .cap = WIRE_MAX}};
	static const struct wire_msg m = {.name = "m",
					  .size = 2 * sizeof(struct bytes),
					  .fields = fields,
					  .nfields = ARRAY_LEN(fields)};
	static unsigned char big[WIRE_MAX];
	struct bytes in[] = {bytes_of(big, WIRE_MAX / 2), bytes_of(big, WIRE_MAX / 2 - 2 - 2 * 4)};
	struct buf b = BUF_INIT(4 * WIRE_MAX);

	buf_putc(&b, 0);
	assert_int_equal(wire_encode(1, &m, in, &b), 0);
	assert_int_equal(b.n, 1 + WIRE_MAX);
	in[1].n++;
	assert_int_equal(wire_encode(1, &m, in, &b), -ENOBUFS);
	buf_done(&b);
}

/* A peer that writes over the caps by itself meets the same checks. */
static void test_decoder_checks(void **state)
{
	struct fv_add_record in = sample(), out;
	struct buf b = BUF_INIT(WIRE_MAX);

	assert_int_equal(wire_encode(MSG_fv_add_record, row(MSG_fv_add_record), &in, &b), 0);
	b.p[b.n - 5] = RECORD_MODES; /* mode stands before the ttl */
	assert_int_equal(decode(row(MSG_fv_add_record), buf_bytes(&b), &out), -EBADMSG);
	b.p[b.n - 5] = MODE_REPLACE;
	b.p[b.n - 4] = 1; /* a ttl over the cap */
	assert_int_equal(decode(row(MSG_fv_add_record), buf_bytes(&b), &out), -EBADMSG);
	buf_done(&b);
}

static void test_list_framing(void **state)
{
	struct vf_zones in = {.call = 1, .zones = BYTES("\0\0\0\5abc")}, out;
	struct buf b = BUF_INIT(WIRE_MAX), list = BUF_INIT(100);

	assert_int_equal(wire_encode(MSG_vf_zones, row(MSG_vf_zones), &in, &b), -EBADMSG);
	buf_reset(&b);
	plist_put(&list, BYTES("example.com"));
	in.zones = buf_bytes(&list);
	assert_int_equal(wire_encode(MSG_vf_zones, row(MSG_vf_zones), &in, &b), 0);
	assert_int_equal(decode(row(MSG_vf_zones), buf_bytes(&b), &out), 0);
	b.p[b.n - 12]++; /* the item's length, in its last byte */
	assert_int_equal(decode(row(MSG_vf_zones), buf_bytes(&b), &out), -EBADMSG);
	buf_done(&b);
	buf_done(&list);
}

/* Every message of every edge: all zero goes through, and anything cut does not. */
static void test_every_message(void **state)
{
	const struct edge *const all[] = {&edge_supervisor,    &edge_front_vault,
					  &edge_vault_scribe,  &edge_vault_planner,
					  &edge_vault_courier, &edge_planner_courier,
					  &edge_vault_resolver};

	for (size_t e = 0; e < ARRAY_LEN(all); e++)
		for (uint16_t i = 0; i < all[e]->count; i++) {
			const struct wire_msg *m = &all[e]->rows[i].msg;
			unsigned char in[EDGE_STRUCT_MAX] = {0}, out[EDGE_STRUCT_MAX];
			struct buf b = BUF_INIT(WIRE_MAX);

			assert_true(m->size <= EDGE_STRUCT_MAX && m->nfields > 0);
			assert_int_equal(wire_encode(i, m, in, &b), 0);
			assert_int_equal(decode(m, buf_bytes(&b), out), 0);
			for (size_t n = 0; n < b.n; n++)
				assert_int_equal(decode(m, bytes_of(b.p, n), out), -EBADMSG);
			buf_done(&b);
		}
}

static void test_names(void **state)
{
	for (unsigned p = 0; p < PROC_COUNT; p++)
		assert_int_equal(proc_by_name(proc_name((enum proc)p)), p);
	assert_int_equal(proc_by_name("postern-"), PROC_COUNT);
	assert_string_equal(proc_name(PROC_COUNT), "?");
	for (unsigned v = 0; v < VERB_COUNT; v++)
		assert_int_equal(verb_parse(bytes_str(verb_text((enum verb)v))), v);
	assert_int_equal(verb_parse(BYTES("add_records")), VERB_COUNT);
	assert_string_equal(verb_text(VERB_COUNT), "?");
	assert_string_equal(server_problem_text(SERVER_LAME), "lame");
	assert_string_equal(server_problem_text(SERVER_PROBLEMS), "?");
}

/* ---- channel ---- */

/* More than the socket holds: what does not fit waits, and order is kept. */
static void test_backpressure(void **state)
{
	static unsigned char big[IPC_PIECE_MAX];
	struct end a, b;

	open_pair(&a, &b, &edge_planner_courier);
	for (unsigned i = 1; i <= 200; i++)
		channel_send(&a.c, pc_body, .call = i, .body = bytes_of(big, sizeof(big)),
			     .more = 1);
	b.stop_at = 200;
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 200);
	assert_true(b.last == 200);
	assert_int_equal(a.c.queued, 0);
	close_pair(&a, &b);
}

/* More than one turn's share is there at once: others get their turn between. */
static void test_busy_peer(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	for (unsigned i = 1; i <= 100; i++)
		channel_send(&a.c, vc_end, .call = i);
	channel_send(&b.c, cv_begun, .call = 7);
	a.stop_at = 1;
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_in_range(b.messages, 0, 99);
	b.stop_at = 100;
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_true(b.last == 100);
	close_pair(&a, &b);
}

/* What must not be said: the receiver closes, says that it was bad, and lives. */
static void refused_raw(const struct edge *edge, const void *p, size_t n, bool bad)
{
	struct end a, b;

	open_pair(&a, &b, edge);
	if (n)
		assert_int_equal(send(a.c.watch.fd, p, n, 0), n);
	else
		shutdown(a.c.watch.fd, SHUT_RDWR);
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 0);
	if (n)
		assert_int_equal(b.closed, 1);
	assert_int_equal(b.bad, bad);
	close_pair(&a, &b);
}

/* A message of a call number alone, with N bytes more or fewer. */
static void refused_vc(uint16_t number, int n)
{
	const unsigned char p[16] = {(unsigned char)(number >> 8), (unsigned char)number};

	refused_raw(&edge_vault_courier, p, (size_t)(2 + 8 + n), true);
}

static void test_malformed_ends_the_channel(void **state)
{
	static unsigned char big[WIRE_MAX + 1];

	refused_raw(&edge_vault_courier, "x", 1, true);		  /* too short */
	refused_vc(MSG_vc_end, -1);				  /* cut */
	refused_vc(VAULT_COURIER_MESSAGE_COUNT, 0);		  /* no such message */
	refused_vc(MSG_cv_begun, 0);				  /* the other side's */
	refused_raw(&edge_vault_courier, big, sizeof(big), true); /* over the maximum */
}

static void test_peer_gone(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	channel_close(&a.c);
	assert_int_equal(loop_run(b.loop, NULL, NULL), 0);
	assert_int_equal(b.closed, 1);
	assert_false(b.bad);
	channel_send(&b.c, cv_begun, .call = 1); /* into nothing */
	close_pair(&a, &b);
}

/* A peer that never reads is given up; we are not. */
static void test_peer_does_not_read(void **state)
{
	static unsigned char big[IPC_PIECE_MAX];
	struct end a;
	int fds[2];

	memset(&a, 0, sizeof(a));
	assert_int_equal(loop_new(&a.loop), 0);
	assert_int_equal(channel_pair(fds), 0);
	channel_init(&a.c, a.loop, &edge_planner_courier, SIDE_A, on_message, on_close, &a);
	assert_int_equal(channel_open(&a.c, fds[0]), 0);
	for (size_t sent = 0; sent <= CHANNEL_QUEUE_MAX + 4 * WIRE_MAX; sent += sizeof(big))
		channel_send(&a.c, pc_body, .call = 1, .body = bytes_of(big, sizeof(big)),
			     .more = 1);
	assert_int_equal(a.closed, 0); /* never from inside a send */
	assert_true(a.c.hung);
	channel_send(&a.c, pc_body, .call = 1); /* into nothing */
	assert_int_equal(a.c.queued, 0);
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(a.closed, 1);
	assert_true(a.bad);
	close(fds[1]);
	loop_free(a.loop);
}

/* What the peer said before it died is heard, though it died with something of ours unread. */
static void test_last_words(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	channel_send(&b.c, cv_begun, .call = 1);
	channel_send(&a.c, vc_end, .call = 7);
	channel_close(&a.c);
	b.stop_at = 2;
	assert_int_equal(loop_run(b.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 1);
	assert_true(b.last == 7);
	assert_int_equal(b.closed, 1);
	assert_false(b.bad);
	close_pair(&a, &b);
}

static void test_reject(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	channel_reject(&a.c);
	assert_int_equal(a.closed, 1);
	assert_true(a.bad);
	channel_reject(&a.c);
	assert_int_equal(a.closed, 1);
	close_pair(&a, &b);
}

/* Between roles no descriptor travels. */
static void test_descriptor_refused(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	assert_int_equal(send_with_fd(a.c.watch.fd, "\0\2\0\0\0\0\0\0\0\1", 10, 0), 0);
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 0);
	assert_true(b.bad);
	close_pair(&a, &b);
}

/* The supervisor hands descriptors out; it takes none, and goes on. */
static void test_descriptor_to_supervisor(void **state)
{
	unsigned char ready[WIRE_MAX];
	struct buf b = BUF_INIT(WIRE_MAX);
	struct end a, z;
	size_t before;

	open_pair(&a, &z, &edge_supervisor);
	a.stop_at = 1;
	before = open_descriptors();
	assert_int_equal(wire_encode(MSG_r_ready, &edge_supervisor.rows[MSG_r_ready].msg,
				     memset(ready, 0, sizeof(ready)), &b),
			 0);
	assert_int_equal(send_with_fd(z.c.watch.fd, b.p, b.n, 0), 0);
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(a.messages, 0);
	assert_true(a.bad);
	assert_int_equal(open_descriptors(), before - 1); /* a's end is closed */
	buf_done(&b);
	close_pair(&a, &z);
}

/* Whatever is wrong with a message, the descriptors that came with it are closed. */
static void test_descriptors_do_not_stay(void **state)
{
	static unsigned char big[WIRE_MAX + 1];
	const struct {
		const struct edge *edge;
		const void *p;
		size_t n, fds;
	} cases[] = {
		{&edge_supervisor, "\0\3\0", 3, 2},	    {&edge_supervisor, "\0\3\0", 3, 4},
		{&edge_supervisor, big, sizeof(big), 1},    {&edge_supervisor, "", 0, 1},
		{&edge_supervisor, "\0\77", 2, 1},	    {&edge_vault_courier, "", 0, 1},
		{&edge_vault_courier, big, sizeof(big), 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct end a, b;
		size_t before;

		open_pair(&a, &b, cases[i].edge);
		before = open_descriptors();
		assert_int_equal(
			send_with_fds(a.c.watch.fd, cases[i].p, cases[i].n, 0, cases[i].fds), 0);
		assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
		assert_int_equal(b.messages, 0);
		assert_int_equal(b.closed, 1);
		assert_true(b.bad);
		assert_int_equal(open_descriptors(), before - 1); /* b's end is closed */
		close_pair(&a, &b);
	}
}

/* An empty message is not an end. */
static void test_empty_message(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_vault_courier);
	assert_int_equal(send(a.c.watch.fd, "", 0, 0), 0);
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(b.closed, 1);
	assert_true(b.bad);
	close_pair(&a, &b);
}

static void test_descriptor_from_supervisor(void **state)
{
	struct end a, b;

	open_pair(&a, &b, &edge_supervisor);
	channel_send_fd(&a.c, MSG_s_ca, &(const struct s_ca){0}, 0);
	b.stop_at = 1;
	assert_int_equal(loop_run(a.loop, NULL, NULL), 0);
	assert_int_equal(b.messages, 1);
	close_pair(&a, &b);
}

/* ---- idmap ---- */

struct item {
	struct idmap_node node;
	bool seen;
};

static void see(struct idmap_node *node, void *arg)
{
	struct item *i = idmap_holder(node, struct item, node);

	assert_false(i->seen);
	i->seen = true;
	idmap_remove(arg, node);
}

static void test_idmap(void **state)
{
	static struct item items[5000];
	struct idmap m = {0};
	uint64_t *ids;
	size_t n;

	assert_null(idmap_find(&m, 1));
	for (uint64_t i = 0; i < ARRAY_LEN(items); i++) {
		items[i].node.id = i * 0x100000001;
		assert_int_equal(idmap_put(&m, &items[i].node), 0);
	}
	for (uint64_t i = 0; i < ARRAY_LEN(items); i += 2)
		idmap_remove(&m, &items[i].node);
	for (uint64_t i = 0; i < ARRAY_LEN(items); i++)
		assert_int_equal(idmap_find(&m, i * 0x100000001) != NULL, i % 2);
	assert_int_equal(idmap_ids(&m, &ids, &n), 0);
	assert_int_equal(n, ARRAY_LEN(items) / 2);
	free(ids);
	idmap_each(&m, see, &m);
	assert_int_equal(m.n, 0);
	assert_int_equal(idmap_ids(&m, &ids, &n), 0);
	assert_int_equal(n, 0);
	free(ids);
	idmap_done(&m);
}

/* ---- loop ---- */

struct tick {
	struct loop_timer t;
	struct loop *loop;
	int *order, id;
	bool last;
};

static void on_tick(void *arg)
{
	struct tick *t = arg;

	*t->order = *t->order * 10 + t->id;
	if (t->last)
		loop_stop(t->loop);
}

static void test_timers(void **state)
{
	struct tick ticks[4];
	struct loop *l;
	int order = 0;

	assert_int_equal(loop_new(&l), 0);
	for (int i = 0; i < 4; i++) {
		ticks[i] = (struct tick){.loop = l, .order = &order, .id = i + 1, .last = i == 0};
		ticks[i].t = (struct loop_timer){.fn = on_tick, .arg = &ticks[i]};
		assert_int_equal(loop_timer_set(l, &ticks[i].t, 40 - 10 * i), 0);
	}
	loop_timer_clear(l, &ticks[1].t);
	loop_timer_clear(l, &ticks[1].t);
	assert_int_equal(loop_timer_set(l, &ticks[3].t, 25), 0);
	assert_int_equal(loop_run(l, NULL, NULL), 0);
	assert_int_equal(order, 341);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_length_is_exact),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_all_of_it_has_a_cap),
		cmocka_unit_test(test_decoder_checks),
		cmocka_unit_test(test_list_framing),
		cmocka_unit_test(test_every_message),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_backpressure),
		cmocka_unit_test(test_busy_peer),
		cmocka_unit_test(test_malformed_ends_the_channel),
		cmocka_unit_test(test_peer_gone),
		cmocka_unit_test(test_peer_does_not_read),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_reject),
		cmocka_unit_test(test_descriptors_do_not_stay),
		cmocka_unit_test(test_empty_message),
		cmocka_unit_test(test_descriptor_refused),
		cmocka_unit_test(test_descriptor_to_supervisor),
		cmocka_unit_test(test_descriptor_from_supervisor),
		cmocka_unit_test(test_idmap),
		cmocka_unit_test(test_timers),
	};

	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
