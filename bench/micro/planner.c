/* SPDX-License-Identifier: ISC */
/* What the planner does with Cloudflare's answers: the engine, put back to the same step again and again. */
#include "micro.h"

#include "provider/engine.h"

/* As in Cloudflare's documentation of GET /zones, https://developers.cloudflare.com/api/ */
#define ZONE                                                                                       \
	"{\"id\":\"%032x\",\"name\":\"z%u.example\",\"status\":\"active\",\"paused\":false,"       \
	"\"type\":\"full\",\"development_mode\":0,\"name_servers\":[\"ann.ns.cloudflare.com\","    \
	"\"bob.ns.cloudflare.com\"],\"original_name_servers\":[\"ns1.registrar.example\","         \
	"\"ns2.registrar.example\"],\"original_registrar\":null,\"original_dnshost\":null,"        \
	"\"modified_on\":\"2026-01-04T01:17:22.142861Z\",\"created_on\":"                          \
	"\"2023-02-11T11:27:45.912735Z\",\"activated_on\":\"2023-02-11T11:31:02.523476Z\","        \
	"\"meta\":{\"step\":2,\"custom_certificate_quota\":0,\"page_rule_quota\":3,"               \
	"\"phishing_detected\":false},\"owner\":{\"id\":null,\"type\":\"user\",\"email\":null},"   \
	"\"account\":{\"id\":\"" SAMPLE_ID "\",\"name\":\"Example Account Name\"},"                \
	"\"tenant\":{\"id\":null,\"name\":null},\"tenant_unit\":{\"id\":null},"                    \
	"\"permissions\":[\"#dns_records:edit\",\"#dns_records:read\",\"#zone:read\"],"            \
	"\"plan\":{\"id\":\"" SAMPLE_ID "\",\"name\":\"Free Website\",\"price\":0,"                \
	"\"currency\":\"USD\",\"frequency\":\"\",\"is_subscribed\":false,"                         \
	"\"can_subscribe\":false,\"legacy_id\":\"free\",\"legacy_discount\":false,"                \
	"\"externally_managed\":false}}"
#define ENVELOPE "\"success\":true,\"errors\":[],\"messages\":[]"

#define NONE_THERE                                                                                 \
	"{\"result\":[],\"result_info\":{\"page\":1,\"per_page\":50,\"count\":0,"                  \
	"\"total_count\":0,\"total_pages\":0}," ENVELOPE "}"
#define ADDED                                                                                      \
	"{\"result\":{\"id\":\"" SAMPLE_ID "\",\"name\":\"" SAMPLE_FQDN "\",\"type\":\"TXT\","     \
	"\"content\":\"\\\"" SAMPLE_VALUE "\\\"\",\"proxiable\":false,\"proxied\":false,"          \
	"\"ttl\":60,\"settings\":{},\"meta\":{},\"comment\":null,\"tags\":[],"                     \
	"\"created_on\":\"2026-01-04T01:17:22.142861Z\",\"modified_on\":"                          \
	"\"2026-01-04T01:17:22.142861Z\"}," ENVELOPE "}"

struct bytes sample_zones(void)
{
	static struct buf list = BUF_INIT(PROVIDER_BODY_MAX);

	if (list.n)
		return buf_bytes(&list);
	buf_puts(&list, "{\"result\":[");
	for (unsigned i = 0; i < SAMPLE_ZONES; i++)
		buf_printf(&list, "%s" ZONE, i ? "," : "", i, i);
	buf_printf(&list,
		   "],\"result_info\":{\"page\":1,\"per_page\":50,\"total_pages\":1,"
		   "\"count\":%u,\"total_count\":%u}," ENVELOPE "}",
		   SAMPLE_ZONES, SAMPLE_ZONES);
	must(buf_status(&list) == 0, "zones");
	return buf_bytes(&list);
}

struct bytes sample_added(void)
{
	return BYTES(ADDED);
}

/* An operation at one step: what is fed to it there. */
struct at_step {
	struct engine engine;
	struct engine_request request;
	struct bytes body;
	unsigned step;
};

static void next(struct at_step *s, int want)
{
	must(engine_next(&s->engine, &s->request) == want, "engine_next");
}

static void feed(struct at_step *s, struct bytes body)
{
	struct answer a = {.status = 200, .body = body};

	must(engine_feed(&s->engine, &a) == 0, "engine_feed");
	must(s->engine.op.error == CODE_OK, s->engine.op.detail);
}

static void begin(struct at_step *s, enum op_kind kind)
{
	struct op *op = &s->engine.op;

	*s = (struct at_step){0};
	engine_init(&s->engine, &provider_cloudflare, kind);
	op->now = 1900000000;
	if (kind == OP_ADD) {
		must(dns_name_parse(&op->fqdn, BYTES(SAMPLE_FQDN)) == 0 &&
			     dns_name_parse(&op->zone, BYTES(SAMPLE_ZONE)) == 0,
		     "name");
		buf_put_bytes(&op->zone_id, BYTES(SAMPLE_ID));
		op->type = RR_TXT;
		op->value = BYTES(SAMPLE_VALUE);
		op->ttl = 60;
	}
	next(s, ENGINE_SEND);
}

static void back(struct at_step *s)
{
	struct op *op = &s->engine.op;

	s->engine.over = false;
	op->step = s->step;
	op->page = 1;
	op->sent = 1;
	op->zone_count = 0;
	buf_reset(&op->zones);
	buf_reset(&op->record_id);
}

static void read_answers(void *arg, uint64_t n)
{
	struct at_step *s = arg;

	while (n--) {
		back(s);
		feed(s, s->body);
	}
}

static void write_requests(void *arg, uint64_t n)
{
	struct at_step *s = arg;

	while (n--) {
		back(s);
		next(s, ENGINE_SEND);
	}
}

static void parse(void *arg, uint64_t n)
{
	const struct at_step *s = arg;

	while (n--) {
		json_t *v = NULL;

		must(json_parse(s->body, PROVIDER_JSON_DEPTH, &v, NULL, 0) == 0, "JSON");
		json_decref(v);
	}
}

static void all_of_an_add(void *arg, uint64_t n)
{
	while (n--) {
		struct at_step s;

		begin(&s, OP_ADD);
		feed(&s, BYTES(NONE_THERE));
		next(&s, ENGINE_SEND);
		feed(&s, BYTES(ADDED));
		next(&s, ENGINE_DONE);
		engine_done(&s.engine);
	}
}

static void answer_rows(const char *what, struct at_step *s)
{
	s->step = s->engine.op.step;
	micro_run(read_answers, s, "%s (%zu bytes) read", what, s->body.n);
	micro_run(parse, s, "    of which as JSON, taken in and freed");
}

void micro_planner(void)
{
	struct at_step s;

	begin(&s, OP_ZONES);
	s.body = sample_zones();
	answer_rows("a list of 50 zones", &s);
	must(s.engine.op.zone_count == SAMPLE_ZONES, "zones");
	engine_done(&s.engine);
	begin(&s, OP_ADD);
	s.body = BYTES(NONE_THERE);
	answer_rows("a look that finds nothing", &s);
	next(&s, ENGINE_SEND);
	s.step = s.engine.op.step;
	micro_run(write_requests, &s, "the add's request written");
	s.body = BYTES(ADDED);
	answer_rows("the add's answer", &s);
	engine_done(&s.engine);
	micro_run(all_of_an_add, NULL, "an add from begin to end: look and add");
}
