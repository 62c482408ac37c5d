/* SPDX-License-Identifier: ISC */
#include "provider/engine.h"

#include "base/memory.h"
#include "base/text.h"
#include "base/xml.h"
#include "provider/kit.h"

#define CURSOR_MAX  4096
#define QUERY_MAX   (8 * 1024)
#define HEADERS_MAX (4 * 1024)
#define ARGS_MAX    (4 * 1024)
#define ZONE_BYTES  (DNS_NAME_MAX + PROVIDER_ID_MAX + 8)
#define OTHER_BYTES (PROVIDER_ID_MAX + 4)
#define RESTART_MS  50u /* before the first restart; each further one waits twice as long */

void engine_init(struct engine *e, const struct provider *p, enum op_kind kind)
{
	*e = (struct engine){
		.op = {.provider = p,
		       .kind = kind,
		       .page = 1,
		       .zone_id = BUF_INIT(PROVIDER_ID_MAX),
		       .record_id = BUF_INIT(PROVIDER_ID_MAX),
		       .account = BUF_INIT(PROVIDER_ID_MAX),
		       .others = BUF_INIT((PROVIDER_OTHERS_MAX + 1) * OTHER_BYTES),
		       .cursor = BUF_INIT(CURSOR_MAX),
		       .zones = BUF_INIT(PROVIDER_ZONES_MAX * ZONE_BYTES),
		       .replaced = BUF_INIT(PROVIDER_REPLACED_MAX)},
		.args = BUF_INIT(ARGS_MAX),
		.request = {.query = BUF_INIT(QUERY_MAX),
			    .headers = BUF_INIT(HEADERS_MAX),
			    .body = BUF_INIT(PROVIDER_REQUEST_MAX)},
	};
}

void engine_done(struct engine *e)
{
	struct buf *const bufs[] = {&e->op.zone_id,	 &e->op.record_id, &e->op.account,
				    &e->op.others,	 &e->op.cursor,	   &e->op.zones,
				    &e->op.replaced,	 &e->args,	   &e->request.query,
				    &e->request.headers, &e->request.body};

	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_done(bufs[i]);
	op_keep(&e->op, NULL);
}

/* ---- the course of an operation ---- */

/*
 * The operation is over; one that failed has no results, but what it may have overwritten stays
 * known.
 */
static void finish(struct engine *e)
{
	struct op *op = &e->op;

	if (op->kind == OP_FIND_ZONE && op->error == CODE_OK) {
		if (op->zone_clash)
			op_fail_text(op, CODE_CONFLICT, "the account has two zones of that name");
		else if (op->zone_count == 0)
			op_fail_text(op, CODE_ZONE_NOT_FOUND,
				     "no zone of the account holds the name");
	}
	if (op->error != CODE_OK) {
		buf_reset(&op->zones);
		buf_reset(&op->record_id);
		op->zone_count = 0;
		op->found = op->removed = op->pending = false;
	}
	if (!op->changed)
		buf_reset(&op->replaced);
	op_keep(op, NULL);
	e->over = true;
}

static void step_to(struct op *op, unsigned step)
{
	op->step = step;
	op->page = 1;
	buf_reset(&op->cursor);
}

/* To the start of the list, as if nothing had been seen. */
static void rewind_op(struct op *op)
{
	step_to(op, 0);
	op->candidate = op->looked = 0;
	op->there = op->obstacle = false;
	op_keep(op, NULL);
	buf_reset(&op->others);
	buf_reset(&op->record_id);
	if (op->kind == OP_REMOVE || op->kind == OP_STATUS)
		buf_put_bytes(&op->record_id, op->wanted_id);
}

static void begin(struct op *op)
{
	bool change = op->kind == OP_ADD || op->kind == OP_REMOVE;

	rewind_op(op);
	if (op->provider->account_field)
		buf_put_bytes(&op->account, op_field(op, op->provider->account_field));
	if (!change)
		return;
	if (op->type == RR_NONE || !dns_name_within(&op->fqdn, &op->zone))
		op_fail_text(op, CODE_INVALID_REQUEST, "no record of a zone");
	else if (op->kind == OP_ADD && !shape_can_say(op))
		op_fail_text(op, CODE_PROVIDER_REJECTED,
			     "the provider has no place for the record's flag");
	else if ((op->type == RR_NS || op->type == RR_CNAME) && op_at_apex(op))
		op_fail_text(op, CODE_CONFLICT, "the zone's own name can have no such record");
}

/* -ENOMEM, or 0 after failing the operation where something grew too large. */
static int check(struct op *op, int status)
{
	if (status == -ENOBUFS) {
		op_fail_text(op, CODE_PROVIDER_REJECTED, "more data than the gateway takes");
		return 0;
	}
	return status;
}

static int check_op(struct op *op)
{
	const struct buf *const bufs[] = {&op->zone_id, &op->record_id, &op->account, &op->others,
					  &op->cursor,	&op->zones,	&op->replaced};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(bufs) && r == 0; i++)
		r = check(op, buf_status(bufs[i]));
	return r;
}

/* ---- requests ---- */

/* The type of the set that is looked at, or that the change under way is about. */
static const char *set_argument(const struct op *op)
{
	struct set_change c;

	if (op_exchange(op)->changes && set_head(op, &c))
		return rr_type_text(c.type);
	return op_exchange(op)->changes ? rr_type_text(op->type) : set_type_asked(op);
}

/* SPACE is for a value that does not lie about. */
static struct bytes argument(const struct op *op, struct bytes name, struct buf *space)
{
	struct bytes others = buf_bytes(&op->others), id = {0};

	if (bytes_is(name, "zone"))
		return buf_bytes(&op->zone_id);
	if (bytes_is(name, "zone/1") || bytes_is(name, "zone/2"))
		return id_part(buf_bytes(&op->zone_id), name.p[5] - '0');
	if (bytes_is(name, "next"))
		return op_set_id(space, json_array_get(op->kept, 0)) ? buf_bytes(space) : id;
	if (bytes_is(name, "record"))
		return buf_bytes(&op->record_id);
	if (bytes_is(name, "account"))
		return buf_bytes(&op->account);
	if (bytes_is(name, "type"))
		return bytes_str(set_argument(op));
	if (bytes_is(name, "name")) {
		op_put_name(op, op->provider->shape->names.path, space);
		return buf_bytes(space);
	}
	if (bytes_is(name, "other"))
		plist_next(&others, &id);
	return id;
}

static void put_args(struct engine *e, const char *path)
{
	buf_reset(&e->args);
	for (const char *at = strchr(path, '{'); at; at = strchr(at, '{')) {
		size_t n = strcspn(++at, "}");
		struct buf space = BUF_INIT(PROVIDER_ID_MAX);
		struct bytes value;

		if (*at == '=')
			continue;
		value = argument(&e->op, bytes_of(at, n), &space);
		if (path_segment(value))
			plist_put(&e->args, value);
		else
			op_fail_text(&e->op, CODE_PROVIDER_REJECTED,
				     "an id is missing, or cannot stand in a path");
		buf_done(&space);
	}
}

/* Build the exchange X. 0, BUILD_SKIP or -errno; the operation may have failed. */
static int build(struct engine *e, const struct exchange *x)
{
	int r = 0;

	buf_reset(&e->request.query);
	buf_reset(&e->request.headers);
	buf_reset(&e->request.body);
	if (x->build)
		r = x->build(&e->op, &e->request);
	if (r == 0)
		r = buf_status(&e->request.query);
	if (r == 0)
		r = buf_status(&e->request.headers);
	if (r == 0)
		r = buf_status(&e->request.body);
	if (r == 0)
		put_args(e, x->path);
	return r > 0 ? r : check(&e->op, r);
}

int engine_next(struct engine *e, struct engine_request *out)
{
	struct op *op = &e->op;
	const unsigned long failures = memory_failures();
	const struct exchange *x = NULL;
	int r = 0;

	if (!e->begun) {
		e->begun = true;
		begin(op);
		r = check_op(op);
	}
	while (r == 0 && op->error == CODE_OK && !e->over && (x = op_exchange(op)) != NULL) {
		if (op->look && x->changes) {
			e->over = true; /* nor is it built */
			break;
		}
		if (op->sent == PROVIDER_EXCHANGES) {
			op_fail_text(op, CODE_PROVIDER_REJECTED,
				     "the operation takes too many requests");
			break;
		}
		r = build(e, x);
		if (r != BUILD_SKIP)
			break;
		step_to(op, op->step + 1);
		r = 0;
	}
	if (r == 0 && memory_failures() != failures)
		r = -ENOMEM;
	if (r < 0)
		return r;
	if (!x || e->over || op->error != CODE_OK) {
		finish(e);
		return ENGINE_DONE;
	}
	op->sent++;
	*out = (struct engine_request){.wait_ms = op->pause_ms,
				       .number =
					       (unsigned)provider_exchange_number(op->provider, x),
				       .exchange = x,
				       .args = buf_bytes(&e->args),
				       .query = buf_bytes(&e->request.query),
				       .headers = buf_bytes(&e->request.headers),
				       .body = buf_bytes(&e->request.body)};
	op->pause_ms = 0;
	return ENGINE_SEND;
}

/* ---- answers ---- */

static bool parse_sees(const struct exchange *x, unsigned status)
{
	for (size_t i = 0; i < PROVIDER_ALSO; i++)
		if (x->also[i] && x->also[i] == status)
			return true;
	return false;
}

static bool is_success(unsigned status)
{
	return status >= 200 && status <= 299;
}

/* The provider itself says that it is well. */
static bool is_good(const struct provider *p, const struct answer *a)
{
	const json_t *success = p->success ? answer_at(a, p->success) : NULL;

	if (!is_success(a->status) || !p->success)
		return is_success(a->status);
	return p->success_is ? bytes_is(json_bytes(success), p->success_is) : json_is_true(success);
}

/* It says so in plain words that it is not. */
static bool is_bad(const struct provider *p, const struct answer *a)
{
	const json_t *success = answer_at(a, p->success);

	return p->success_is ? json_is_string(success) : json_is_false(success);
}

static bool says(const struct provider *p, const struct answer *a, const char *text)
{
	for (size_t i = 0; i < PROVIDER_MESSAGES && p->messages[i]; i++) {
		struct bytes message = json_bytes(answer_at(a, p->messages[i]));

		if (bytes_find(message, bytes_str(text)) < message.n)
			return true;
	}
	return false;
}

/* What the provider's table says of an error of its own; NULL when it says nothing. */
static const struct error_def *own_error(const struct provider *p, const struct answer *a)
{
	struct buf code = BUF_INIT(PROVIDER_ID_MAX);
	const struct error_def *e = p->errors;

	if (p->code && !op_set_id(&code, answer_at(a, p->code)) && p->code_or)
		(void)op_set_id(&code, answer_at(a, p->code_or));
	while (e && e->text &&
	       !(e->says ? says(p, a, e->text) : bytes_is(buf_bytes(&code), e->text)))
		e++;
	buf_done(&code);
	return e && e->text ? e : NULL;
}

static void fail_by_status(struct op *op, const struct exchange *x, const struct answer *a)
{
	enum code code = CODE_PROVIDER_UNAVAILABLE;

	if (a->status == 401 || a->status == 403)
		code = CODE_PROVIDER_AUTH_FAILED;
	else if (a->status == 429)
		code = CODE_PROVIDER_RATE_LIMITED;
	else if (a->status == 404 && strstr(x->path, "{zone}"))
		code = CODE_ZONE_NOT_FOUND;
	else if (a->status >= 400 && a->status <= 499)
		code = CODE_PROVIDER_REJECTED;
	op_fail_answer(op, code, a);
}

bool engine_common_error(struct op *op, const struct answer *a)
{
	const struct exchange *x = op_exchange(op);

	if (parse_sees(x, a->status))
		return false;
	if (!is_success(a->status)) {
		fail_by_status(op, x, a);
	} else if (!op->provider->dns && !a->json && (a->body.n || !x->changes)) {
		op_fail_text(op, CODE_PROVIDER_UNAVAILABLE,
			     op->provider->xml ? "the provider's answer is not XML"
					       : "the provider's answer is not JSON");
	} else if (!is_good(op->provider, a)) {
		if (is_bad(op->provider, a))
			op_fail_answer(op, CODE_PROVIDER_REJECTED, a);
		else
			op_fail_shape(op);
	} else {
		return false;
	}
	return true;
}

/* A change that may have been made in spite of its answer. */
static bool unclear_end(const struct op *op, const struct exchange *x, const struct answer *a)
{
	return x->changes && a->status >= 500 && !parse_sees(x, a->status) && !op->looked_again;
}

/* Customers need not let us ask how far the provider is: such a step says itself which refusals are no answer, and which are failures. */
static bool is_optional(const struct op *op, const struct exchange *x, const struct answer *a)
{
	return op->kind == OP_STATUS && parse_sees(x, a->status);
}

static enum verdict judge(struct op *op, const struct exchange *x, const struct answer *a)
{
	const struct provider *p = op->provider;
	const struct error_def *own;

	if (p->error && p->error(op, a))
		return VERDICT_ERROR;
	own = is_good(p, a) ? NULL : own_error(p, a);
	if (own && own->means != CODE_OK && !is_optional(op, x, a))
		return op_fail_answer(op, own->means, a);
	if ((own && x->changes && !parse_sees(x, a->status)) || unclear_end(op, x, a))
		return op_look_again(op, a);
	if (engine_common_error(op, a))
		return VERDICT_ERROR;
	return x->parse(op, a);
}

static void follow(struct engine *e, enum verdict v)
{
	struct op *op = &e->op;

	switch (v) {
	case VERDICT_NEXT:
		step_to(op, op->step + 1);
		break;
	case VERDICT_AGAIN:
		break;
	case VERDICT_RESTART:
		if (op->restarts == PROVIDER_RESTARTS) {
			op_fail_text(op, CODE_PROVIDER_UNAVAILABLE,
				     "the change did not last, however often it was tried");
			op->retry_after = PROVIDER_RESTART_SECONDS;
		}
		op_pause(op, RESTART_MS << op->restarts);
		op->restarts++;
		rewind_op(op);
		break;
	case VERDICT_DONE:
		e->over = true;
		break;
	case VERDICT_ERROR:
		if (op->error == CODE_OK)
			op_fail_shape(op);
		break;
	}
}

/* Some say when their window is over, not for how long to wait. */
static bool reset_in(const struct op *op, const struct answer *a, uint32_t *seconds)
{
	const char *name = op->provider->reset_header;
	struct bytes text;
	uint64_t at;

	if (!name || !plist_get(a->headers, name, &text) ||
	    text_to_u64(text, UINT32_MAX, &at) != 0 || (int64_t)at <= op->now)
		return false;
	*seconds = (uint32_t)((int64_t)at - op->now);
	return true;
}

static void note_retry_after(struct op *op, const struct answer *a)
{
	/* Linode sends it with every answer. */
	bool wait = !is_success(a->status) && (op->error == CODE_PROVIDER_RATE_LIMITED ||
					       op->error == CODE_PROVIDER_UNAVAILABLE);

	if (wait && op->retry_after == 0 && a->has_retry_after)
		op->retry_after = a->retry_after;
	else if (op->error == CODE_PROVIDER_RATE_LIMITED && op->retry_after == 0)
		(void)reset_in(op, a, &op->retry_after);
	if (op->retry_after > PROVIDER_RETRY_MAX)
		op->retry_after = PROVIDER_RETRY_MAX;
}

static int read_body(const struct provider *p, const struct exchange *x, struct bytes body,
		     json_t **out)
{
	struct bytes names[STOCK_MEMBERS_MAX];
	size_t n = x->parse == stock_parse_zones ? stock_zone_members(p, names) : 0;

	if (p->xml)
		return xml_parse(body, PROVIDER_JSON_DEPTH, out);
	if (n)
		return json_parse_members(body, PROVIDER_JSON_DEPTH, names, n, out);
	return json_parse(body, PROVIDER_JSON_DEPTH, out, NULL, 0);
}

int engine_feed(struct engine *e, struct answer *a)
{
	struct op *op = &e->op;
	const struct exchange *x = op_exchange(op);
	const unsigned long failures = memory_failures();
	json_t *json cleanup(json_cleanup) = NULL;
	int r = 0;

	if (e->over || !x)
		return -EPROTO;
	if (x->changes) {
		op->changed = true;
		op->applied = op->applied || is_success(a->status) || a->status >= 500;
	}
	if (a->body.n && !op->provider->dns)
		r = read_body(op->provider, x, a->body, &json);
	if (r < 0)
		return r;
	a->json = json;
	follow(e, judge(op, x, a));
	a->json = NULL;
	note_retry_after(op, a);
	/* What was not found may only not have been understood. */
	return memory_failures() != failures ? -ENOMEM : check_op(op);
}

void engine_lost(struct engine *e, enum code code, bool sent, const char *detail)
{
	const struct exchange *x = e->over ? NULL : op_exchange(&e->op);

	if (x && x->changes && sent)
		e->op.changed = true;
	op_fail_text(&e->op, code, detail);
}
