/* SPDX-License-Identifier: ISC */
/* The planner in the test's own process; the test plays the vault and the courier, and what goes wrong between them. */
#include "faults.h"

#include "provider/provider.h"
#include "role/role.h"
#include "sys/log.h"

#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

FAULT(void *, NULL, malloc, (size_t n), (n))

#define PATIENCE_MS 10000

static struct world {
	struct role role;
	struct channel supervisor, vault, courier; /* the test's ends */
	struct loop_timer patience;
	unsigned bad, results, asked;
	enum proc denounced;
	struct pv_result result;
	char detail[PROVIDER_DETAIL_MAX + 1];
	uint64_t asked_call;
} w;

/* ---- who the planner speaks with ---- */

static void on_control(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	w.role.ops->control(&w.role, number, msg, fd);
}

static void on_supervisor(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	if (number != MSG_r_bad_peer)
		return;
	w.bad++;
	w.denounced = (enum proc)((const struct r_bad_peer *)msg)->proc;
	loop_stop(w.role.loop);
}

static void on_vault(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	if (number != MSG_pv_result)
		return;
	w.results++;
	w.result = *(const struct pv_result *)msg;
	assert_int_equal(bytes_to_str(w.result.detail, w.detail, sizeof(w.detail)), 0);
	loop_stop(w.role.loop);
}

static void on_courier(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	if (number != MSG_pc_exchange)
		return;
	w.asked++;
	w.asked_call = ((const struct pc_exchange *)msg)->call;
	loop_stop(w.role.loop);
}

static void on_closed(void *arg, struct channel *c, bool bad)
{
}

static void on_patience(void *arg)
{
	fail_msg("nothing happens");
}

static void connect_to(enum proc p)
{
	struct channel *c = p == PROC_VAULT ? &w.vault : &w.courier;
	int fds[2];

	channel_close(c);
	assert_int_equal(channel_pair(fds), 0);
	w.role.ops->peer(&w.role, &(const struct s_peer){.proc = (uint8_t)p}, fds[0]);
	assert_int_equal(channel_open(c, fds[1]), 0);
}

/* Until *COUNT is WANT. */
static void run_until(const unsigned *count, unsigned want)
{
	assert_int_equal(loop_timer_set(w.role.loop, &w.patience, PATIENCE_MS), 0);
	while (*count < want)
		assert_int_equal(loop_run(w.role.loop, NULL, NULL), 0);
	loop_timer_clear(w.role.loop, &w.patience);
	assert_int_equal(*count, want);
}

static int set_up(void **state)
{
	int fds[2];

	log_init("planner");
	if (sodium_init() < 0 || loop_new(&w.role.loop) < 0 || channel_pair(fds) < 0)
		return -1;
	w.patience.fn = on_patience;
	w.role.self = PROC_PLANNER_SELF;
	w.role.ops = &planner_ops;
	channel_init(&w.role.control, w.role.loop, &edge_supervisor, SIDE_B, on_control, on_closed,
		     NULL);
	channel_init(&w.supervisor, w.role.loop, &edge_supervisor, SIDE_A, on_supervisor, on_closed,
		     NULL);
	channel_init(&w.vault, w.role.loop, &edge_vault_planner, SIDE_A, on_vault, on_closed, NULL);
	channel_init(&w.courier, w.role.loop, &edge_planner_courier, SIDE_B, on_courier, on_closed,
		     NULL);
	if (channel_open(&w.role.control, fds[0]) < 0 || channel_open(&w.supervisor, fds[1]) < 0)
		return -1;
	w.role.ops->init(&w.role);
	connect_to(PROC_VAULT);
	connect_to(PROC_COURIER_SELF);
	return 0;
}

/* ---- words ---- */

static void op(uint64_t call, const char *provider)
{
	channel_send(&w.vault, vp_op, .call = call, .provider = bytes_str(provider),
		     .op = OP_ZONES);
}

/* An op, and the request that it begins with. */
static void begin(uint64_t call)
{
	unsigned before = w.asked;

	op(call, "powerdns");
	run_until(&w.asked, before + 1);
	assert_true(w.asked_call == call);
}

static void expect_result(unsigned before, uint64_t call, enum code code, const char *detail)
{
	run_until(&w.results, before + 1);
	assert_true(w.result.call == call);
	assert_int_equal(w.result.code, code);
	if (strcmp(w.detail, detail) != 0)
		fail_msg("\"%s\", not \"%s\"", w.detail, detail);
}

static void answer(uint64_t call, const char *body, bool more)
{
	channel_send(&w.courier, cp_answer, .call = call, .status = 200, .body = bytes_str(body),
		     .more = more);
}

/* Whatever was before, an honest call is served. */
static void expect_served(void)
{
	unsigned before = w.results;

	begin(99);
	answer(99, "[]", false);
	expect_result(before, 99, CODE_OK, "");
}

/* ---- answers ---- */

static void test_pieces(void **state)
{
	unsigned before = w.results;

	begin(1);
	answer(1, "[", true);
	channel_send(&w.courier, cp_body, .call = 1, .body = BYTES(" "), .more = 1);
	channel_send(&w.courier, cp_body, .call = 1, .body = BYTES("]"));
	expect_result(before, 1, CODE_OK, "");
}

/* A courier that cuts nothing off: what is too much is not kept, nor parsed. */
static void test_too_large(void **state)
{
	static unsigned char piece[IPC_PIECE_MAX];
	unsigned before = w.results;

	begin(1);
	answer(1, "", true);
	for (size_t n = 0; n <= PROVIDER_BODY_MAX; n += sizeof(piece))
		channel_send(&w.courier, cp_body, .call = 1, .body = bytes_of(piece, sizeof(piece)),
			     .more = n + sizeof(piece) <= PROVIDER_BODY_MAX);
	expect_result(before, 1, CODE_PROVIDER_UNAVAILABLE, "the answer is too large");
	expect_served();
}

/* What there was no memory for is not taken for what was not said. */
static void test_no_memory(void **state)
{
	struct buf headers = BUF_INIT(100);

	plist_put(&headers, BYTES("Link"));
	plist_put(&headers, BYTES("<https://api.example/2>; rel=\"next\""));
	for (int body = 0; body <= 1; body++) {
		unsigned before = w.results;

		begin(1);
		channel_send(&w.courier, cp_answer, .call = 1, .status = 200, .body = BYTES("["),
			     .headers = body ? BYTES("") : buf_bytes(&headers), .more = body);
		if (body)
			channel_send(&w.courier, cp_body, .call = 1, .body = BYTES("]"));
		fault_set("malloc", 0, ENOMEM);
		expect_result(before, 1, CODE_OVERLOADED, "out of memory");
		assert_true(fault_met());
		expect_served();
	}
	buf_done(&headers);
}

static void test_failures(void **state)
{
	static const struct {
		enum code told, want;
		const char *detail;
	} cases[] = {
		{CODE_PROVIDER_TIMEOUT, CODE_PROVIDER_TIMEOUT, "it took too long"},
		{CODE_OK, CODE_PROVIDER_UNAVAILABLE, "well, it worked"}, /* it did not */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned before = w.results;

		begin(1);
		channel_send(&w.courier, cp_failed, .call = 1, .code = (uint8_t)cases[i].told,
			     .detail = bytes_str(cases[i].detail));
		expect_result(before, 1, cases[i].want, cases[i].detail);
	}
}

/* ---- who goes away ---- */

/* Nobody waits for what the courier had; and for one that is not there yet nobody waits either. */
static void test_courier_goes(void **state)
{
	unsigned before = w.results;

	begin(1);
	begin(2);
	channel_close(&w.courier);
	run_until(&w.results, before + 2);
	assert_int_equal(w.result.code, CODE_PROVIDER_UNAVAILABLE);
	assert_string_equal(w.detail, "the courier restarts");
	op(3, "powerdns");
	expect_result(before + 2, 3, CODE_PROVIDER_UNAVAILABLE, "the courier restarts");
	connect_to(PROC_COURIER_SELF);
	expect_served();
}

/* What was in flight is forgotten: the same number is another call, and gets another answer. */
static void test_vault_goes(void **state)
{
	unsigned before = w.results;

	begin(1);
	connect_to(PROC_VAULT);
	answer(1, "[", false); /* nobody's */
	expect_served();
	begin(1);
	answer(1, "[]", false);
	expect_result(before + 1, 1, CODE_OK, "");
}

static void test_abort(void **state)
{
	unsigned before = w.results;

	begin(1);
	channel_send(&w.vault, vp_abort, .call = 1);
	channel_send(&w.vault, vp_abort, .call = 1);	/* none any more */
	begin(1);					/* so it was heard */
	channel_send(&w.courier, cp_failed, .call = 2); /* nobody's */
	answer(1, "[]", false);
	expect_result(before, 1, CODE_OK, "");
}

/* ---- who breaks the rules ---- */

static void unknown_provider(void)
{
	op(1, "nobody");
}

static void provider_of_the_others(void)
{
	op(1, "cloudflare");
}

static void same_call_twice(void)
{
	begin(1);
	op(1, "powerdns");
}

static void test_vault_breaks_the_rules(void **state)
{
	void (*const cases[])(void) = {unknown_provider, provider_of_the_others, same_call_twice};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned before = w.bad;

		cases[i]();
		run_until(&w.bad, before + 1);
		assert_int_equal(w.denounced, PROC_VAULT);
		connect_to(PROC_VAULT);
		expect_served();
	}
}

static void test_courier_breaks_the_rules(void **state)
{
	unsigned before = w.bad, results = w.results;

	begin(1);
	assert_int_equal(send(w.courier.watch.fd, "x", 1, MSG_NOSIGNAL), 1);
	run_until(&w.bad, before + 1);
	assert_int_equal(w.denounced, PROC_COURIER_SELF);
	expect_result(results, 1, CODE_PROVIDER_UNAVAILABLE, "the courier restarts");
	connect_to(PROC_COURIER_SELF);
	expect_served();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_courier_goes),
		cmocka_unit_test(test_vault_goes),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_vault_breaks_the_rules),
		cmocka_unit_test(test_courier_breaks_the_rules),
	};

	return cmocka_run_group_tests_name("planner", tests, set_up, NULL);
}
