/* SPDX-License-Identifier: ISC */
/* What the vault counts, and how it is told. */
#include "vault_words.h"

FAULT(void *, NULL, malloc, (size_t n), (n))

static const unsigned char second_root[ROOT_KEY_BYTES] = "root key B, thirty-two bytes lon";

/* All pieces of what the front is told for CALL. */
static struct bytes text_of(uint64_t call)
{
	unsigned char *p = rig_memory(2 << 20);
	const struct vf_metrics *m;
	size_t n = 0;

	do {
		m = hear(PROC_FRONT, vf_metrics);
		assert_true(m->call == call);
		assert_true(n + m->text.n <= 2 << 20);
		if (m->text.n)
			memcpy(p + n, m->text.p, m->text.n);
		n += m->text.n;
	} while (m->more);
	return bytes_of(p, n);
}

static void ask(uint64_t call)
{
	say(PROC_FRONT, fv_metrics, .call = call);
}

/* As the scribe of the rig would answer. */
static struct bytes metrics(uint64_t call)
{
	struct sv_numbers m = {
		.call = call, .lines = 12, .failures = 3, .unresolved = 2, .signed_at = RIG_NOW};
	struct histogram syncs = {0};
	const struct vs_numbers *q;

	ask(call);
	q = hear(PROC_SCRIBE, vs_numbers);
	assert_true(q->call == call);
	m.epoch = q->epoch;
	histogram_add(&syncs, 1500);
	memcpy(m.syncs, &syncs, sizeof(m.syncs));
	channel_send_fd(&rig.ends[PROC_SCRIBE], MSG_sv_numbers, &m, -1);
	return text_of(call);
}

/* The number of a series, which the tests before may have counted up. UINT64_MAX: there is none. */
static uint64_t number_of(struct bytes text, const char *series)
{
	struct buf line = BUF_INIT(300);
	size_t at;

	buf_printf(&line, "\n%s ", series);
	at = bytes_find(text, buf_bytes(&line)) + line.n;
	buf_done(&line);
	return at < text.n ? strtoull((const char *)text.p + at, NULL, 10) : UINT64_MAX;
}

static void assert_more(struct bytes before, struct bytes after, const char *series, uint64_t n)
{
	uint64_t had = number_of(before, series), has = number_of(after, series);

	if (has != (had == UINT64_MAX ? 0 : had) + n)
		fail_msg("%s: %llu, then %llu", series, (unsigned long long)had,
			 (unsigned long long)has);
}

static void test_calls(void **state)
{
	struct integration i = cloudflare();
	struct bytes before = metrics(1), after;

	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(2), .handle = handle_of(&i));
	logged("inspect_handle.outcome", "ok");
	hear(PROC_FRONT, vf_handle);
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(3), .handle = BYTES("none"));
	logged("inspect_handle.refused", "refused");
	expect_error(3, CODE_HANDLE_INVALID, "handle", "the handle is not valid");
	after = metrics(4);
	assert_more(before, after,
		    "postern_calls_total{endpoint=\"inspect_handle\",provider=\"cloudflare\",code="
		    "\"ok\"}",
		    1);
	assert_more(before, after,
		    "postern_calls_total{endpoint=\"inspect_handle\",provider=\"\",code=\"handle_"
		    "invalid\"}",
		    1);
	assert_more(before, after,
		    "postern_call_duration_seconds_count{endpoint=\"inspect_handle\",provider="
		    "\"cloudflare\"}",
		    1);
	/* What there was none of is left out. */
	assert_true(number_of(after, "postern_calls_total{endpoint=\"get_zones\",provider="
				     "\"vultr\",code=\"ok\"}") == UINT64_MAX);
}

/* With much to read yet the front gets no list on top, so that it does not count as one that does not read; and what it gets is what is counted. */
static void test_slow_front(void **state)
{
	const char *ok = "postern_calls_total{endpoint=\"get_zones\",provider=\"cloudflare\","
			 "code=\"ok\"}";
	struct integration i = cloudflare();
	struct bytes before = metrics(1), after;
	uint64_t id;

	say(PROC_FRONT, fv_get_zones, FROM_FRONT(2), .handle = handle_of(&i));
	given(0);
	id = expect_op(0, OP_ZONES)->call;
	say(PROC_PLANNER, pv_zones, .call = id, .zones = list_of("a.example|1"));
	say(PROC_PLANNER, pv_result, .call = id);
	expect_let_go(0);
	vault.front.queued += CHANNEL_QUEUE_HALF;
	logged("get_zones.outcome", "ok");
	vault.front.queued -= CHANNEL_QUEUE_HALF;
	expect_error(2, CODE_OVERLOADED, "", "try again");
	after = metrics(3);
	assert_true(number_of(after, ok) == number_of(before, ok));
	assert_more(before, after,
		    "postern_calls_total{endpoint=\"get_zones\",provider=\"cloudflare\",code="
		    "\"overloaded\"}",
		    1);
}

static void test_duration(void **state)
{
#define BUCKET(le)                                                                                 \
	"postern_call_duration_seconds_bucket{endpoint=\"inspect_handle\",provider="               \
	"\"cloudflare\","                                                                          \
	"le=\"" le "\"}"
	struct integration i = cloudflare();
	struct bytes before = metrics(1), after;
	const struct vs_line *line;

	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(2), .handle = handle_of(&i));
	line = expect_line("inspect_handle.outcome", "ok");
	after = metrics(3);
	assert_more(before, after, "postern_calls_in_flight{state=\"logging\"}", 1);
	assert_true(number_of(after, "postern_log_lines_waiting") == 1);
	later(700); /* the log takes its time */
	written(line, true);
	hear(PROC_FRONT, vf_handle);
	after = metrics(4);
	assert_more(before, after, BUCKET("0.5"), 0);
	assert_more(before, after, BUCKET("1"), 1);
	assert_more(before, after, "postern_calls_in_flight{state=\"logging\"}", 0);
}

static void test_refusals(void **state)
{
	struct integration i = cloudflare(), within = cloudflare();
	struct bytes before = metrics(1), after;

	ask_add_of(2, handle_of(&i), "www." ZONE, "A", "192.0.2.1", MODE_COEXIST);
	logged("add_record.refused", "refused");
	hear(PROC_FRONT, vf_error);
	within.zones = list_of("other.example");
	ask_add(3, handle_of(&within));
	logged("add_record.refused", "refused");
	hear(PROC_FRONT, vf_error);
	/* The zone that was found is not one of the handle's. */
	within.zones = list_of("www." ZONE);
	ask_add(4, handle_of(&within));
	given(0);
	zone_is(0, ZONE, ZONE);
	logged("add_record.refused", "refused");
	expect_let_go(0);
	hear(PROC_FRONT, vf_error);
	after = metrics(5);
	assert_more(before, after, "postern_policy_refusals_total{rule=\"type_coexist\"}", 1);
	assert_more(before, after, "postern_policy_refusals_total{rule=\"outside_zones\"}", 2);
	assert_more(before, after, "postern_policy_refusals_total{rule=\"name_replace\"}", 0);
}

static void test_limits(void **state)
{
	struct integration i = cloudflare();
	struct bytes before = metrics(1), after;

	say(PROC_SUPERVISOR, s_vault, .call_ms = RIG_CALLS);
	say(PROC_SUPERVISOR, s_caller, .name = BYTES("backend"), .providers = UINT64_MAX, .rate = 1,
	    .burst = 1);
	configure_key();
	configure_end();
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(2), .handle = handle_of(&i));
	logged("inspect_handle.outcome", "ok");
	hear(PROC_FRONT, vf_handle);
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(3), .handle = handle_of(&i));
	hear(PROC_FRONT, vf_error);
	after = metrics(4);
	assert_more(before, after, "postern_limited_total{limit=\"caller\"}", 1);
	assert_more(before, after, "postern_limited_total{limit=\"zones\"}", 0);
	later(1000);
	logged("calls.refused", "refused");
	configure(POLICY_ARTICLE, POLICY_GUARDED);
}

/* ---- keys ---- */

static void configure_second(enum root_key_state state)
{
	struct s_root_key m = {.state = (uint8_t)state};

	memcpy(m.secret, second_root, sizeof(m.secret));
	channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_root_key, &m, -1);
}

static void series_of(char out[100], const struct root_key *k, const char *kind)
{
	snprintf(out, 100, "postern_key_opens_total{key_id=\"%02x%02x%02x%02x\",kind=\"%s\"}",
		 k->id[0], k->id[1], k->id[2], k->id[3], kind);
}

static void inspect(uint64_t n, struct bytes handle)
{
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(n), .handle = handle);
	logged("inspect_handle.outcome", "ok");
	hear(PROC_FRONT, vf_handle);
}

/* What was counted of a key stays as long as the key does, wherever it stands in the list. */
static void test_keys(void **state)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);
	struct bytes before = metrics(1), after;
	struct keyring second = {0};
	char first[100], records[100], other[100];

	assert_int_equal(keyring_add(&second, second_root, KEY_ACTIVE), 0);
	series_of(first, &rig_ring()->keys[0], "integration");
	series_of(records, &rig_ring()->keys[0], "record");
	series_of(other, &second.keys[0], "integration");
	inspect(2, handle_of(&i));
	inspect(3, record_handle_of(&r));
	configure_begin(POLICY_ARTICLE, POLICY_GUARDED);
	configure_second(KEY_ACTIVE);
	configure_key();
	configure_end();
	after = metrics(4);
	assert_more(before, after, first, 1);
	assert_more(before, after, records, 1);
	assert_true(number_of(before, other) == UINT64_MAX && number_of(after, other) == 0);
	inspect(5, handle_of(&i));
	assert_more(after, metrics(6), first, 1);
	configure(POLICY_ARTICLE, POLICY_GUARDED);
	assert_true(number_of(metrics(7), other) == UINT64_MAX);
}

/* ---- who is asked, and is not there ---- */

static void test_log(void **state)
{
	struct bytes text = metrics(1);

	assert_true(number_of(text, "postern_log_lines_total") == 12);
	assert_true(number_of(text, "postern_log_failures_total") == 3);
	assert_true(number_of(text, "postern_log_unresolved_intents") == 2);
	assert_true(number_of(text, "postern_log_checkpoint_timestamp_seconds") == RIG_NOW);
	assert_true(number_of(text, "postern_log_sync_duration_seconds_count") == 1);
	assert_true(number_of(text, "postern_log_sync_duration_seconds_bucket{le=\"0.001\"}") == 0);
	assert_true(number_of(text, "postern_log_sync_duration_seconds_bucket{le=\"0.0025\"}") ==
		    1);
	assert_true(number_of(text, "postern_log_writable") == 1);
}

static void test_without_scribe(void **state)
{
	struct bytes text;

	disconnect(PROC_SCRIBE);
	expect_status(false, "the scribe restarts");
	ask(1);
	text = text_of(1);
	assert_true(number_of(text, "postern_log_writable") == 0);
	assert_true(number_of(text, "postern_log_lines_total") == UINT64_MAX);
	fault_set("malloc", 0, ENOMEM);
	metrics_ask(&(const struct fv_metrics){.call = 2});
	assert_true(fault_met());
	assert_true(text_of(2).n == 0);
	scribe_comes();
	expect_status(true, "");
}

/* Numbers for a front that is gone are nobody's. */
static void test_front_gone(void **state)
{
	struct sv_numbers m = {.call = 1};

	ask(1);
	m.epoch = hear(PROC_SCRIBE, vs_numbers)->epoch;
	disconnect(PROC_FRONT);
	connect_to(PROC_FRONT);
	expect_status(true, "");
	channel_send_fd(&rig.ends[PROC_SCRIBE], MSG_sv_numbers, &m, -1);
}

/* Some hundred series are more than one message holds. */
static void test_pieces(void **state)
{
	struct bytes text;

	for (size_t i = 0; providers[i]; i++)
		for (enum verb v = 0; v < VERB_METRICS; v++) {
			struct call c = {.verb = v, .provider = providers[i]};
			metrics_answered(&c);
		}
	text = metrics(1);
	assert_true(text.n > IPC_PIECE_MAX);
	assert_int_equal(text.p[text.n - 1], '\n');
	assert_true(number_of(text, "postern_log_checkpoint_timestamp_seconds") == RIG_NOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_calls),	   rig_test(test_slow_front), rig_test(test_duration),
		rig_test(test_refusals),   rig_test(test_limits),     rig_test(test_keys),
		rig_test(test_log),	   rig_test(test_pieces),     rig_test(test_without_scribe),
		rig_test(test_front_gone),
	};

	return cmocka_run_group_tests_name("vault_metrics", tests, rig_setup, vault_end);
}
