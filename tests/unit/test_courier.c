/* SPDX-License-Identifier: ISC */
/*
 * The courier in the test's own process; the test plays a planner and a vault that were taken over, and the provider. Whatever they say, nothing is sent that the table,
 * the credential and the intent do not allow.
 */
#include "test.h"

#include "role/courier.h"
#include "sys/log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY	    "canary-s3cret-key"
#define ZONE	    "example.org."
#define NAME	    "_acme-challenge.example.org"
#define PATIENCE_MS 10000

static struct world {
	struct role role;
	struct channel supervisor, vault, planner; /* the test's ends */
	struct loop_timer patience;
	struct loop_fd provider, connection; /* the one that listens, and what it accepted */
	char url[64];
	unsigned begun, shut, bad;
	enum proc denounced;
	struct cp_failed failed;
	char detail[PROVIDER_DETAIL_MAX + 1];
	unsigned n_failed, n_answers, status;
	char asked[4096]; /* what came to the provider last; "" nothing */
} w;

/* ---- who the courier speaks with ---- */

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
	w.begun += number == MSG_cv_begun;
	loop_stop(w.role.loop);
}

static void on_planner(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	if (number == MSG_cp_failed) {
		w.failed = *(const struct cp_failed *)msg;
		w.n_failed++;
		assert_int_equal(bytes_to_str(w.failed.detail, w.detail, sizeof(w.detail)), 0);
	} else if (number == MSG_cp_answer) {
		w.n_answers++;
		w.status = ((const struct cp_answer *)msg)->status;
	}
	loop_stop(w.role.loop);
}

static void on_closed(void *arg, struct channel *c, bool bad)
{
	w.shut++;
}

/* The provider: one connection at a time, one request, one answer. */
static void on_connection(void *arg, uint32_t events)
{
	int fd = accept4(w.provider.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(loop_watch(w.role.loop, &w.connection, fd, EPOLLIN), 0);
}

/* A request is whole when what its Content-Length says is there. */
static bool is_whole(void)
{
	const char *end = strstr(w.asked, "\r\n\r\n"),
		   *length = strstr(w.asked, "Content-Length: ");

	return end && (!length || strlen(end + 4) >= strtoul(length + 16, NULL, 10));
}

static void on_request(void *arg, uint32_t events)
{
	static const char answer[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]";
	size_t had = strlen(w.asked);
	int fd = w.connection.fd;
	ssize_t n = recv(fd, w.asked + had, sizeof(w.asked) - 1 - had, 0);

	assert_true(n > 0);
	w.asked[had + (size_t)n] = 0;
	if (!is_whole())
		return;
	assert_int_equal(send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL), sizeof(answer) - 1);
	loop_unwatch(w.role.loop, &w.connection);
	close(fd);
}

static void on_patience(void *arg)
{
	fail_msg("nothing happens");
}

/* ---- the rig ---- */

static void connect_to(enum proc p)
{
	struct channel *c = p == PROC_VAULT ? &w.vault : &w.planner;
	int fds[2];

	assert_int_equal(channel_pair(fds), 0);
	w.role.ops->peer(&w.role, p, fds[0]);
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

static void listen_as_provider(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t n = sizeof(a);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	snprintf(w.url, sizeof(w.url), "http://127.0.0.1:%u", ntohs(a.sin_port));
	w.provider.fn = on_connection;
	w.connection = (struct loop_fd){.fd = -1, .fn = on_request};
	assert_int_equal(loop_watch(w.role.loop, &w.provider, fd, EPOLLIN), 0);
}

static int set_up(void **state)
{
	const struct s_address local = {
		.family = 4, .a = {127, 0, 0, 1}, .bits = 32, .plain_http = 1};
	int fds[2];

	log_init("courier");
	if (sodium_init() < 0 || loop_new(&w.role.loop) < 0 || channel_pair(fds) < 0)
		return -1;
	w.patience.fn = on_patience;
	w.role.self = PROC_COURIER_SELF;
	w.role.ops = &courier_ops;
	channel_init(&w.role.control, w.role.loop, &edge_supervisor, SIDE_B, on_control, on_closed,
		     NULL);
	channel_init(&w.supervisor, w.role.loop, &edge_supervisor, SIDE_A, on_supervisor, on_closed,
		     NULL);
	channel_init(&w.vault, w.role.loop, &edge_vault_courier, SIDE_A, on_vault, on_closed, NULL);
	channel_init(&w.planner, w.role.loop, &edge_planner_courier, SIDE_A, on_planner, on_closed,
		     NULL);
	if (channel_open(&w.role.control, fds[0]) < 0 || channel_open(&w.supervisor, fds[1]) < 0)
		return -1;
	w.role.ops->init(&w.role);
	w.role.ops->control(&w.role, MSG_s_address, &local, -1);
	w.role.ops->prepare(&w.role);
	connect_to(PROC_VAULT);
	connect_to(PROC_PLANNER_SELF);
	listen_as_provider();
	return 0;
}

/* ---- words ---- */

static unsigned number_of(const char *name)
{
	const struct provider *p = provider_by_name(BYTES("powerdns"));

	for (unsigned i = 0; i < 256; i++) {
		const struct exchange *x = provider_exchange(p, i);

		if (x && strcmp(x->name, name) == 0)
			return i;
	}
	fail_msg("no exchange %s", name);
	return 0;
}

/* A call for PowerDNS at URL. */
static void give(uint64_t call, const char *url, const char *key, uint32_t timeout_ms, bool tell)
{
	struct buf b = BUF_INIT(4096);

	plist_put(&b, BYTES("url"));
	plist_put(&b, bytes_str(url));
	plist_put(&b, BYTES("api_key"));
	plist_put(&b, bytes_str(key));
	plist_put(&b, BYTES("server_id"));
	plist_put(&b, BYTES("localhost"));
	channel_send(&w.vault, vc_call, .call = call, .provider = BYTES("powerdns"),
		     .credentials = buf_bytes(&b), .timeout_ms = timeout_ms, .tell = tell);
	buf_done(&b);
}

static void begin(uint64_t call, const char *url, const char *key, uint32_t timeout_ms)
{
	unsigned before = w.begun;

	give(call, url, key, timeout_ms, true);
	run_until(&w.begun, before + 1);
}

static void permit(uint64_t call)
{
	channel_send(&w.vault, vc_change, .call = call, .zone_id = BYTES(ZONE),
		     .zone = BYTES("example.org"), .fqdn = BYTES(NAME), .type = RR_TXT);
}

/* Items with '|' between. */
static struct bytes list_of(const char *items)
{
	static struct buf lists[4];
	static unsigned turn;
	struct buf *b = &lists[turn++ % 4];

	buf_done(b);
	*b = BUF_INIT(16 * 1024);
	while (items && *items) {
		size_t n = strcspn(items, "|");
		plist_put(b, bytes_of(items, n));
		items += n + (items[n] == '|');
	}
	return buf_bytes(b);
}

static void ask(uint64_t call, unsigned number, const char *args, bool more)
{
	channel_send(&w.planner, pc_exchange, .call = call, .number = number, .args = list_of(args),
		     .more = more);
}

/* Nothing came to the provider. */
static void assert_nothing_asked(void)
{
	assert_int_equal(accept(w.provider.fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_string_equal(w.asked, "");
}

/* P was denounced, and its edge is closed; a new P is there. */
static void expect_ended(enum proc p, unsigned bad_before)
{
	run_until(&w.bad, bad_before + 1);
	assert_int_equal(w.denounced, p);
	channel_close(p == PROC_VAULT ? &w.vault : &w.planner);
	connect_to(p);
	assert_nothing_asked();
}

/* Whatever was tried, an honest call is served, and the credential gets to the provider. */
static void expect_served(uint64_t call)
{
	unsigned before = w.n_answers;

	ask(call, number_of("look"), ZONE, false);
	run_until(&w.n_answers, before + 1);
	assert_int_equal(w.status, 200);
	assert_non_null(
		strstr(w.asked, "GET /api/v1/servers/localhost/zones/example.org. HTTP/1.1"));
	assert_non_null(strstr(w.asked, "X-API-Key: " KEY));
	w.asked[0] = 0;
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_planner_lies),
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
