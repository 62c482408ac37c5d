/* SPDX-License-Identifier: ISC */
/* The engine, with a provider made for it. */
#include "exchange.h"

/* ---- a provider that does what the test says ---- */

static enum verdict say[8]; /* by number of answers; the last one stays */
static size_t answers;
static int build_result;

static int fake_build(const struct op *op, struct request *req)
{
	request_query_num(req, "page", op->page);
	return build_result;
}

static int fake_skip(const struct op *op, struct request *req)
{
	return BUILD_SKIP;
}

static int fake_large(const struct op *op, struct request *req)
{
	while (buf_status(&req->body) == 0)
		buf_puts(&req->body, "more and more and more and more and more");
	return 0;
}

static enum verdict fake_parse(struct op *op, const struct answer *a)
{
	enum verdict v = say[answers];

	if (answers + 1 < ARRAY_LEN(say))
		answers++;
	return v;
}

static enum verdict fake_fail(struct op *op, const struct answer *a)
{
	op->found = op->removed = true;
	return op_fail_text(op, CODE_CONFLICT, "so it is");
}

static enum verdict fake_pages(struct op *op, const struct answer *a)
{
	static const struct paging pages = {PAGING_TOTAL, "pages", "page"};

	return paging_next(&pages, op, a, 0, bytes_of(NULL, 0));
}

static enum verdict fake_zones(struct op *op, const struct answer *a)
{
	char name[32];

	for (int i = 0; i <= PROVIDER_ZONES_MAX; i++) {
		snprintf(name, sizeof(name), "z%d.example", i);
		if (!op_add_zone(op, bytes_str(name), bytes_str(name)))
			return VERDICT_ERROR;
	}
	return VERDICT_NEXT;
}

static enum verdict fake_replaced(struct op *op, const struct answer *a)
{
	char text[10000];

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 100; i++)
		op_note_replaced(op, "TXT", bytes_of(text, sizeof(text) - (size_t)i), 1);
	return VERDICT_NEXT;
}

static const struct exchange read_one = EXCHANGE_READ("read", "/zones", fake_build, fake_parse);
static const struct exchange skipped = EXCHANGE_READ("skipped", "/none", fake_skip, fake_parse);
static const struct exchange change =
	EXCHANGE_CHANGE("change", "POST", "/zones/{zone}", NULL, fake_parse, 409);
static const struct exchange pages = EXCHANGE_READ("pages", "/pages", NULL, fake_pages);
static const struct exchange many = EXCHANGE_READ("many", "/many", NULL, fake_zones);
static const struct exchange large = EXCHANGE_READ("large", "/large", fake_large, fake_parse);
static const struct exchange fails = EXCHANGE_READ("fails", "/fails", NULL, fake_fail);
static const struct exchange notes = EXCHANGE_READ("notes", "/notes", NULL, fake_replaced);
static const struct exchange account = EXCHANGE_READ("account", "/{account}", NULL, fake_parse);

static struct provider fake = {.name = "fake", .messages = {"why"}, .min_ttl = 60};

static void begin(struct engine *e, enum op_kind kind, const struct exchange *first,
		  const struct exchange *second)
{
	answers = 0;
	build_result = 0;
	memset(say, 0, sizeof(say));
	fake.ops[kind][0] = first;
	fake.ops[kind][1] = second;
	engine_init(e, &fake, kind);
	e->op.type = RR_TXT;
	e->op.value = BYTES("v");
	buf_puts(&e->op.zone_id, "id");
	assert_int_equal(dns_name_parse(&e->op.zone, BYTES("example.com")), 0);
	assert_int_equal(dns_name_parse(&e->op.fqdn, BYTES("a.example.com")), 0);
}

static const struct exchange *next(struct engine *e)
{
	struct engine_request r;
	int more = engine_next(e, &r);

	assert_true(more == ENGINE_SEND || more == ENGINE_DONE);
	return more == ENGINE_SEND ? r.exchange : NULL;
}

static void answer(struct engine *e, unsigned status, const char *body)
{
	feed(e, NULL, status, bytes_str(body));
}

static void ends(struct engine *e, enum code code)
{
	assert_null(next(e));
	assert_int_equal(e->op.error, code);
	engine_done(e);
}

/* ---- the engine ---- */

static void test_steps(void **state)
{
	struct engine e;
	struct answer a = {.status = 200, .body = BYTES("{}")};

	begin(&e, OP_ZONES, &read_one, &skipped);
	fake.ops[OP_ZONES][2] = &read_one;
	say[0] = VERDICT_AGAIN;
	say[1] = VERDICT_NEXT;
	say[2] = VERDICT_RESTART;
	say[3] = VERDICT_DONE;
	for (int i = 0; i < 4; i++) {
		assert_ptr_equal(next(&e), &read_one);
		assert_int_equal(e.op.step, i == 2 ? 2 : 0);
		answer(&e, 200, "{}");
	}
	assert_int_equal(e.op.sent, 4);
	assert_int_equal(e.op.restarts, 1);
	assert_null(next(&e));
	assert_int_equal(engine_feed(&e, &a), -EPROTO);
	ends(&e, CODE_OK);
	fake.ops[OP_ZONES][2] = NULL;
}

static void test_limits(void **state)
{
	struct engine e;

	begin(&e, OP_ZONES, &read_one, NULL);
	for (size_t i = 0; i < ARRAY_LEN(say); i++)
		say[i] = VERDICT_RESTART;
	for (int i = 0; i <= PROVIDER_RESTARTS; i++) {
		assert_non_null(next(&e));
		answer(&e, 200, "{}");
	}
	ends(&e, CODE_PROVIDER_UNAVAILABLE);

	begin(&e, OP_ZONES, &read_one, NULL);
	for (size_t i = 0; i < ARRAY_LEN(say); i++)
		say[i] = VERDICT_AGAIN;
	for (int i = 0; i < PROVIDER_EXCHANGES; i++) {
		assert_non_null(next(&e));
		answer(&e, 200, "{}");
	}
	ends(&e, CODE_PROVIDER_REJECTED);

	begin(&e, OP_ZONES, &pages, NULL);
	for (int i = 0; i < PROVIDER_PAGES_MAX; i++) {
		assert_non_null(next(&e));
		answer(&e, 200, "{\"pages\":1000}");
	}
	ends(&e, CODE_PROVIDER_REJECTED);

	begin(&e, OP_ZONES, &many, NULL);
	assert_non_null(next(&e));
	answer(&e, 200, "{}");
	assert_int_equal(e.op.zone_count, PROVIDER_ZONES_MAX);
	ends(&e, CODE_PROVIDER_REJECTED);

	begin(&e, OP_ADD, &notes, NULL);
	assert_non_null(next(&e));
	answer(&e, 200, "{}");
	ends(&e, CODE_PROVIDER_REJECTED);

	begin(&e, OP_ZONES, &large, NULL);
	ends(&e, CODE_PROVIDER_REJECTED);
	begin(&e, OP_ZONES, &account, NULL); /* nothing has set it */
	ends(&e, CODE_PROVIDER_REJECTED);
}

static void test_errors_of_build(void **state)
{
	struct engine_request r;
	struct engine e;

	begin(&e, OP_ZONES, &read_one, NULL);
	build_result = -ENOMEM;
	assert_int_equal(engine_next(&e, &r), -ENOMEM);
	engine_done(&e);
}

/*
 * A failed operation has no results; a parse that fails without a reason has failed all the same.
 */
static void test_failure(void **state)
{
	struct engine e;

	begin(&e, OP_ADD, &fails, NULL);
	assert_non_null(next(&e));
	answer(&e, 200, "{}");
	assert_null(next(&e));
	assert_false(e.op.found || e.op.removed || e.op.changed);
	assert_string_equal(e.op.detail, "so it is");
	ends(&e, CODE_CONFLICT);

	begin(&e, OP_ZONES, &read_one, NULL);
	say[0] = VERDICT_ERROR;
	assert_non_null(next(&e));
	answer(&e, 200, "{}");
	ends(&e, CODE_PROVIDER_UNAVAILABLE);
}

static void test_statuses(void **state)
{
	static const struct {
		unsigned status;
		const char *body;
		enum code want;
	} cases[] = {
		{200, "{}", CODE_OK},
		{200, "", CODE_PROVIDER_UNAVAILABLE},
		{200, "<html>", CODE_PROVIDER_UNAVAILABLE},
		{200, "{\"a\":1,\"a\":2}", CODE_PROVIDER_UNAVAILABLE},
		{200, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		 CODE_PROVIDER_UNAVAILABLE},
		{100, "{}", CODE_PROVIDER_UNAVAILABLE},
		{302, "{}", CODE_PROVIDER_UNAVAILABLE},
		{400, "{}", CODE_PROVIDER_REJECTED},
		{401, "no", CODE_PROVIDER_AUTH_FAILED},
		{403, "{}", CODE_PROVIDER_AUTH_FAILED},
		{404, "{}", CODE_PROVIDER_REJECTED},
		{409, "{}", CODE_PROVIDER_REJECTED},
		{429, "{}", CODE_PROVIDER_RATE_LIMITED},
		{500, "{}", CODE_PROVIDER_UNAVAILABLE},
		{0, "{}", CODE_PROVIDER_UNAVAILABLE},
		{999, "{}", CODE_PROVIDER_UNAVAILABLE},
	};
	struct engine e;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(&e, OP_ZONES, &read_one, NULL);
		assert_non_null(next(&e));
		answer(&e, cases[i].status, cases[i].body);
		ends(&e, cases[i].want);
	}
	begin(&e, OP_ADD, &change, NULL);
	assert_non_null(next(&e));
	answer(&e, 404, "{}");
	ends(&e, CODE_ZONE_NOT_FOUND);
	begin(&e, OP_ADD, &change, NULL); /* .also */
	assert_non_null(next(&e));
	answer(&e, 409, "{}");
	ends(&e, CODE_OK);
	begin(&e, OP_ADD, &change, NULL); /* a change may be answered with nothing */
	assert_non_null(next(&e));
	answer(&e, 204, "");
	ends(&e, CODE_OK);
}

/* Errors by the provider's own tables: codes, pieces of messages, and good answers that say so. */
static void test_own_errors(void **state)
{
	static const struct error_def errors[] = {{"E1", CODE_PROVIDER_AUTH_FAILED},
						  {"7", CODE_CONFLICT},
						  {"ate limit", CODE_PROVIDER_RATE_LIMITED, true},
						  {"lready", CODE_OK, true},
						  {0}};
	static const struct {
		unsigned status;
		const char *body;
		enum code want;
	} cases[] = {
		{400, "{\"code\":\"E1\"}", CODE_PROVIDER_AUTH_FAILED},
		{400, "{\"code\":\"E11\"}", CODE_PROVIDER_REJECTED},
		{500, "{\"code\":7}", CODE_CONFLICT},
		{400, "{\"why\":\"Rate limit exceeded\"}", CODE_PROVIDER_RATE_LIMITED},
		{400, "{\"or\":\"rate limit\"}", CODE_PROVIDER_RATE_LIMITED},
		{400, "{\"code\":\"ate limit\"}", CODE_PROVIDER_REJECTED},
		{400, "{\"why\":7,\"or\":[\"ate limit\"]}", CODE_PROVIDER_REJECTED},
		/* A read is not done already, whatever it says. */
		{400, "{\"why\":\"Already\"}", CODE_PROVIDER_REJECTED},
		/* What says that it is good has no error. */
		{200, "{\"ok\":\"YES\",\"code\":\"E1\"}", CODE_OK},
		{200, "{\"ok\":\"NO\",\"code\":\"E1\"}", CODE_PROVIDER_AUTH_FAILED},
		{200, "{\"ok\":\"NO\"}", CODE_PROVIDER_REJECTED},
		{200, "{\"ok\":true}", CODE_PROVIDER_UNAVAILABLE},
		{200, "{}", CODE_PROVIDER_UNAVAILABLE},
	};
	struct provider usual = fake;
	struct engine e;

	fake.messages[1] = "or";
	fake.code = "code";
	fake.errors = errors;
	fake.success = "ok";
	fake.success_is = "YES";
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(&e, OP_ZONES, &read_one, NULL);
		assert_non_null(next(&e));
		answer(&e, cases[i].status, cases[i].body);
		ends(&e, cases[i].want);
	}
	/* A change that is done already: look again, once. */
	begin(&e, OP_ADD, &change, NULL);
	assert_non_null(next(&e));
	answer(&e, 400, "{\"why\":\"already there\"}");
	assert_non_null(next(&e));
	answer(&e, 400, "{\"why\":\"already there\"}");
	ends(&e, CODE_PROVIDER_REJECTED);
	fake = usual;
}

static void test_detail(void **state)
{
	struct engine e;
	char text[400] = "{\"why\":\"";

	begin(&e, OP_ZONES, &read_one, NULL);
	assert_non_null(next(&e));
	answer(&e, 400, "{\"why\":\"bad\\n\\u00e9\\u001b[1m\"}");
	assert_string_equal(e.op.detail, "bad????[1m");
	ends(&e, CODE_PROVIDER_REJECTED);

	memset(text + 8, 'x', 300);
	memcpy(text + 308, "\"}", 3);
	begin(&e, OP_ZONES, &read_one, NULL);
	assert_non_null(next(&e));
	answer(&e, 400, text);
	assert_int_equal(strlen(e.op.detail), PROVIDER_DETAIL_MAX);
	ends(&e, CODE_PROVIDER_REJECTED);
}

static void test_retry_after(void **state)
{
	const struct step long_wait = {.retry_after = 1000000};
	struct engine e;

	begin(&e, OP_ZONES, &read_one, NULL);
	assert_non_null(next(&e));
	feed(&e, &long_wait, 503, BYTES("{}"));
	assert_int_equal(e.op.retry_after, PROVIDER_RETRY_MAX);
	ends(&e, CODE_PROVIDER_UNAVAILABLE);
	begin(&e, OP_ZONES, &read_one, NULL); /* some send it with every answer */
	assert_non_null(next(&e));
	feed(&e, &long_wait, 200, BYTES("{}"));
	assert_int_equal(e.op.retry_after, 0);
	ends(&e, CODE_OK);
}

/* After a change with an unclear end the operation looks again, once. */
static void test_unclear_end(void **state)
{
	struct engine e;

	begin(&e, OP_ADD, &read_one, &change);
	for (int i = 0; i < 2; i++) {
		assert_ptr_equal(next(&e), &read_one);
		answer(&e, 200, "{}");
		assert_false(e.op.changed && i == 0);
		assert_ptr_equal(next(&e), &change);
		answer(&e, 503, "oops");
	}
	assert_true(e.op.changed);
	ends(&e, CODE_PROVIDER_UNAVAILABLE);
}

static void test_lost(void **state)
{
	static const struct {
		const struct exchange *exchange;
		bool sent, changed;
	} cases[] = {{&read_one, true, false}, {&change, false, false}, {&change, true, true}};
	struct engine e;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(&e, OP_ADD, cases[i].exchange, NULL);
		assert_non_null(next(&e));
		engine_lost(&e, CODE_PROVIDER_TIMEOUT, cases[i].sent, "too late");
		assert_null(next(&e));
		assert_int_equal(e.op.changed, cases[i].changed);
		assert_string_equal(e.op.detail, "too late");
		ends(&e, CODE_PROVIDER_TIMEOUT);
	}
}

/* The zone's own NS records are never touched, and no CNAME can stand beside them. */
static void test_apex(void **state)
{
	for (enum op_kind kind = OP_ADD; kind <= OP_REMOVE; kind++)
		for (enum rr_type type = RR_NONE; type < RR_TYPES; type++) {
			struct engine e;

			begin(&e, kind, &read_one, NULL);
			e.op.type = type;
			e.op.fqdn = e.op.zone;
			if (type == RR_TXT || type == RR_CAA) {
				assert_non_null(next(&e));
				engine_done(&e);
			} else {
				ends(&e, type == RR_NONE ? CODE_INVALID_REQUEST : CODE_CONFLICT);
			}
		}
}

static void test_outside_the_zone(void **state)
{
	struct engine e;

	begin(&e, OP_ADD, &read_one, NULL);
	assert_int_equal(dns_name_parse(&e.op.fqdn, BYTES("a.xexample.com")), 0);
	ends(&e, CODE_INVALID_REQUEST);
}

/* A replace that would take too much away, or more than the log can hold, takes nothing. */
static void test_too_much_to_replace(void **state)
{
	struct buf body = BUF_INIT(1u << 20);
	struct engine_request r;
	struct engine e;

	for (int wide = 0; wide < 2; wide++) {
		begin(&e, OP_ADD, NULL, NULL);
		e.op.provider = &provider_cloudflare;
		e.op.mode = MODE_REPLACE;
		buf_reset(&body);
		buf_puts(&body,
			 "{\"success\":true,\"result_info\":{\"total_pages\":1},\"result\":[");
		for (int i = 0; i <= (wide ? 0 : PROVIDER_OTHERS_MAX); i++)
			buf_printf(&body,
				   "%s{\"id\":\"%d\",\"name\":\"a.example.com\",\"type\":\"TXT\","
				   "\"content\":\"%0*d\"}",
				   i ? "," : "", i, wide ? PROVIDER_LINE_MAX : 5, i);
		buf_puts(&body, "]}");
		assert_int_equal(engine_next(&e, &r), ENGINE_SEND);
		feed(&e, NULL, 200, buf_bytes(&body));
		assert_null(next(&e));
		assert_false(e.op.changed);
		ends(&e, CODE_PROVIDER_REJECTED);
	}
	buf_done(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_errors_of_build),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_own_errors),
		cmocka_unit_test(test_detail),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_unclear_end),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_apex),
		cmocka_unit_test(test_outside_the_zone),
		cmocka_unit_test(test_too_much_to_replace),
	};

	return cmocka_run_group_tests_name("provider", tests, NULL, NULL);
}
