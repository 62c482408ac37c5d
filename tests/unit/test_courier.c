/* SPDX-License-Identifier: ISC */
/* A planner and a vault that were taken over, or are late. Whatever they say, nothing is sent that the table, the credential and the intent do not allow. */
#include "courier_rig.h"

/* ---- a planner that was taken over ---- */

static void exchange_that_is_not_there(void)
{
	ask(1, 200, NULL, false);
}

static void change_without_intent(void)
{
	ask(1, number_of("extend"), ZONE, false);
}

static void change_of_another_zone(void)
{
	permit(1);
	ask(1, number_of("extend"), "example.com.", false);
}

static void too_few_arguments(void)
{
	ask(1, number_of("look"), NULL, false);
}

static void too_many_arguments(void)
{
	ask(1, number_of("look"), ZONE "|more", false);
}

static void way_out_of_the_path(void)
{
	ask(1, number_of("look"), "..", false);
}

static void header_of_its_own(void)
{
	channel_send(&w.planner, pc_exchange, .call = 1, .number = number_of("look"),
		     .args = list_of(ZONE), .headers = list_of("X-API-Key|other"));
}

static void query_without_value(void)
{
	channel_send(&w.planner, pc_exchange, .call = 1, .number = number_of("look"),
		     .args = list_of(ZONE), .query = list_of("name"));
}

static void path_too_long(void)
{
	char query[8 * 1024 - 16];

	memset(query, '\xff', sizeof(query));
	query[0] = 'a';
	query[1] = '|';
	query[sizeof(query) - 1] = 0;
	channel_send(&w.planner, pc_exchange, .call = 1, .number = number_of("look"),
		     .args = list_of(ZONE), .query = list_of(query));
}

static void two_at_once(void)
{
	ask(1, number_of("look"), ZONE, true);
	ask(1, number_of("look"), ZONE, false);
}

static void body_of_nothing(void)
{
	channel_send(&w.planner, pc_body, .call = 1, .body = BYTES("x"));
}

static void body_without_end(void)
{
	static unsigned char piece[IPC_PIECE_MAX];

	ask(1, number_of("look"), ZONE, true);
	for (size_t n = 0; n < PROVIDER_REQUEST_MAX + 2 * sizeof(piece); n += sizeof(piece))
		channel_send(&w.planner, pc_body, .call = 1, .body = bytes_of(piece, sizeof(piece)),
			     .more = 1);
}

static void test_planner_lies(void **state)
{
	void (*const lies[])(void) = {
		exchange_that_is_not_there,
		change_without_intent,
		change_of_another_zone,
		too_few_arguments,
		too_many_arguments,
		way_out_of_the_path,
		header_of_its_own,
		query_without_value,
		path_too_long,
		two_at_once,
		body_of_nothing,
		body_without_end,
	};

	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		unsigned bad = w.bad;

		begin(1, w.url, KEY, PATIENCE_MS);
		lies[i]();
		expect_ended(PROC_PLANNER_SELF, bad);
		expect_served(1);
		channel_send(&w.vault, vc_end, .call = 1);
	}
}

static void has_of_its_own(const char *provider, const char *fields)
{
	w.role.ops->control(&w.role, MSG_s_provider,
			    &(const struct s_provider){.provider = bytes_str(provider),
						       .fields = list_of(fields)},
			    -1);
	w.role.ops->control(&w.role, MSG_s_apply, &(const struct s_apply){0}, -1);
}

/* While its login is awaited a request is whole as well: what were sent twice would wait twice. */
static void test_more_of_a_request_that_waits(void **state)
{
	unsigned bad = w.bad, begun = w.begun;
	char url[64], fields[80];
	int fd = listen_at(url); /* which nobody answers */

	w.role.self = PROC_COURIER; /* whose providers have logins */
	snprintf(fields, sizeof(fields), ".login|%s", url);
	has_of_its_own("azuredns", fields);
	channel_send(&w.vault, vc_call, .call = 1, .provider = BYTES("azuredns"),
		     .credentials = list_of("tenant_id|t|subscription_id|s|environment|public|"
					    "client_id|c|client_secret|x"),
		     .timeout_ms = PATIENCE_MS, .tell = 1);
	run_until(&w.begun, begun + 1);
	ask(1, number_in("azuredns", "zones"), NULL, false);
	body_of_nothing();
	expect_ended(PROC_PLANNER, bad);
	channel_send(&w.vault, vc_end, .call = 1);
	has_of_its_own("azuredns", "");
	w.role.self = PROC_COURIER_SELF;
	close(fd);
	begin(2, w.url, KEY, PATIENCE_MS);
	expect_served(2);
	channel_send(&w.vault, vc_end, .call = 2);
}

/* A permit holds for its call, and for that alone. */
static void test_permit_is_one_calls(void **state)
{
	unsigned bad = w.bad;

	begin(1, w.url, KEY, PATIENCE_MS);
	permit(1);
	begin(2, w.url, KEY, PATIENCE_MS);
	ask(2, number_of("extend"), ZONE, false);
	expect_ended(PROC_PLANNER_SELF, bad);
	channel_send(&w.vault, vc_end, .call = 1);
	channel_send(&w.vault, vc_end, .call = 2);
}

/* ---- calls that are over, late or useless ---- */

static void expect_failed(unsigned before, uint64_t call, enum code code, const char *detail)
{
	run_until(&w.n_failed, before + 1);
	assert_true(w.failed.call == call);
	assert_int_equal(w.failed.code, code);
	assert_int_equal(w.failed.sent, 0);
	assert_non_null(strstr(w.detail, detail));
	assert_null(strstr(w.detail, "canary"));
	assert_nothing_asked();
}

/* The vault ended it while the planner spoke: no credential is there any more. */
static void test_call_is_over(void **state)
{
	unsigned failed = w.n_failed;

	ask(7, number_of("look"), ZONE, true);
	channel_send(&w.planner, pc_body, .call = 7, .body = BYTES("x"));
	ask(7, number_of("look"), ZONE, false);
	expect_failed(failed, 7, CODE_PROVIDER_UNAVAILABLE, "");
}

static void test_too_late(void **state)
{
	unsigned failed = w.n_failed;

	begin(1, w.url, KEY, 0);
	ask(1, number_of("look"), ZONE, false);
	expect_failed(failed, 1, CODE_PROVIDER_TIMEOUT, "");
	channel_send(&w.vault, vc_end, .call = 1);
}

/* A credential that would end the header and begin another, or leads nowhere. */
static void test_useless_credentials(void **state)
{
	unsigned failed = w.n_failed;

	begin(1, w.url, "canary\r\nX-More: 1", PATIENCE_MS);
	ask(1, number_of("look"), ZONE, false);
	expect_failed(failed, 1, CODE_PROVIDER_AUTH_FAILED, "cannot be used as it is");
	begin(2, "gopher://127.0.0.1", KEY, PATIENCE_MS);
	ask(2, number_of("look"), ZONE, false);
	expect_failed(failed + 1, 2, CODE_PROVIDER_UNAVAILABLE, "");
	channel_send(&w.vault, vc_end, .call = 1);
	channel_send(&w.vault, vc_end, .call = 2);
}

/* In pieces, as long ones come. */
static void test_body_in_pieces(void **state)
{
	unsigned before = w.n_answers;

	begin(1, w.url, KEY, PATIENCE_MS);
	permit(1);
	ask(1, number_of("extend"), ZONE, true);
	channel_send(&w.planner, pc_body, .call = 1, .body = BYTES("{\"rr"), .more = 1);
	channel_send(&w.planner, pc_body, .call = 1, .body = BYTES("sets\":[]}"));
	run_until(&w.n_answers, before + 1);
	assert_non_null(strstr(w.asked, "PATCH /api/v1/servers/localhost/zones/example.org. "));
	assert_non_null(strstr(w.asked, "\r\n\r\n{\"rrsets\":[]}"));
	w.asked[0] = 0;
	channel_send(&w.vault, vc_end, .call = 1);
}

/* ---- the planner is heard before the vault, which spoke first ---- */

static void stop(void *arg)
{
	loop_stop(w.role.loop);
}

/* All is heard, so that who speaks first from here on is heard first. */
static void quiet(void)
{
	struct loop_timer t = {.fn = stop};

	for (int i = 0; i < 3; i++) {
		assert_int_equal(loop_timer_set(w.role.loop, &t, 0), 0);
		assert_int_equal(loop_run(w.role.loop, NULL, NULL), 0);
	}
}

static void test_planner_is_heard_first(void **state)
{
	const struct {
		const char *exchange;
		const char *asked;
	} cases[] = {{"look", "GET "}, {"extend", "PATCH "}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned before = w.n_answers;

		quiet();
		ask(1, number_of(cases[i].exchange), ZONE, false);
		if (i == 0)
			give(1, w.url, KEY, PATIENCE_MS, false);
		else
			permit(1);
		run_until(&w.n_answers, before + 1);
		assert_true(strncmp(w.asked, cases[i].asked, strlen(cases[i].asked)) == 0);
		w.asked[0] = 0;
	}
	channel_send(&w.vault, vc_end, .call = 1);
}

/* What it said is that the call is over, or what no vault may say. */
static void test_nothing_good_to_catch_up(void **state)
{
	unsigned failed = w.n_failed, bad = w.bad;

	begin(1, w.url, KEY, PATIENCE_MS);
	quiet();
	ask(1, number_of("extend"), ZONE, false);
	channel_send(&w.vault, vc_end, .call = 1);
	expect_failed(failed, 1, CODE_PROVIDER_UNAVAILABLE, "");
	begin(2, w.url, KEY, PATIENCE_MS);
	quiet();
	ask(2, number_of("extend"), ZONE, false);
	channel_send(&w.vault, vc_call, .call = 9, .provider = BYTES("nobody"));
	expect_ended(PROC_VAULT, bad);
	run_until(&w.n_failed, failed + 2);
	assert_true(w.failed.call == 2);
}

/* ---- a vault that breaks the rules ---- */

static void call_of_nobody(void)
{
	channel_send(&w.vault, vc_call, .call = 9, .provider = BYTES("nobody"));
}

static void call_of_the_others(void)
{
	channel_send(&w.vault, vc_call, .call = 9, .provider = BYTES("cloudflare"));
}

static void same_call_twice(void)
{
	begin(9, w.url, KEY, PATIENCE_MS);
	channel_send(&w.vault, vc_call, .call = 9, .provider = BYTES("powerdns"));
}

static void change_of_no_call(void)
{
	channel_send(&w.vault, vc_change, .call = 9, .zone = BYTES("example.org"),
		     .fqdn = BYTES(NAME));
}

static void permit_twice(void)
{
	begin(9, w.url, KEY, PATIENCE_MS);
	permit(9);
	channel_send(&w.vault, vc_change, .call = 9, .zone = BYTES("example.com"),
		     .fqdn = BYTES("_acme-challenge.example.com"));
}

static void permit_for_no_zone(void)
{
	begin(9, w.url, KEY, PATIENCE_MS);
	channel_send(&w.vault, vc_change, .call = 9, .zone = BYTES("a..b"), .fqdn = BYTES(NAME));
}

static void permit_for_no_name(void)
{
	begin(9, w.url, KEY, PATIENCE_MS);
	channel_send(&w.vault, vc_change, .call = 9, .zone = BYTES("example.org"),
		     .fqdn = BYTES("a..b"));
}

static void trade_of_what_has_none(void)
{
	channel_send(&w.vault, vc_trade, .call = 9, .provider = BYTES("powerdns"));
}

static void trade_of_the_others(void)
{
	channel_send(&w.vault, vc_trade, .call = 9, .provider = BYTES("digitalocean"));
}

static void test_vault_breaks_the_rules(void **state)
{
	void (*const cases[])(void) = {
		call_of_nobody,	    call_of_the_others,	    same_call_twice,
		change_of_no_call,  permit_twice,	    permit_for_no_zone,
		permit_for_no_name, trade_of_what_has_none, trade_of_the_others,
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned bad = w.bad, failed = w.n_failed;

		cases[i]();
		expect_ended(PROC_VAULT, bad);
		/* Its calls went with it. */
		ask(9, number_of("look"), ZONE, false);
		expect_failed(failed, 9, CODE_PROVIDER_UNAVAILABLE, "");
	}
}

/* Once, when it hears both; and to each vault. */
static void test_hello(void **state)
{
	quiet();
	assert_int_equal(w.hellos, 1);
	channel_close(&w.vault);
	quiet();
	connect_to(PROC_VAULT);
	run_until(&w.hellos, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_planner_lies),
		cmocka_unit_test(test_more_of_a_request_that_waits),
		cmocka_unit_test(test_permit_is_one_calls),
		cmocka_unit_test(test_call_is_over),
		cmocka_unit_test(test_too_late),
		cmocka_unit_test(test_useless_credentials),
		cmocka_unit_test(test_body_in_pieces),
		cmocka_unit_test(test_planner_is_heard_first),
		cmocka_unit_test(test_nothing_good_to_catch_up),
		cmocka_unit_test(test_vault_breaks_the_rules),
	};

	return cmocka_run_group_tests_name("courier", tests, set_up, NULL);
}
